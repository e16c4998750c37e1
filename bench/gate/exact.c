#include "bench/gate/exact.h"

#include "bench/result/result.h"

#include <math.h>
#include <string.h>

/* Equal counts may differ by rounding, because each is the result of a division. */
#define EXACT_ROUNDING 1e-6

enum exact_needs { NEEDS_NOTHING, NEEDS_LIBRARIES, NEEDS_ALL };

static const struct exact_measure {
	const char *name;
	const char *text;
	double limit; /* ratio */
	enum exact_needs needs;
} exact_measures[] = {
	{"round_trips", "round trips", 0, NEEDS_NOTHING},
	{"statements", "SQL statements", 0, NEEDS_NOTHING},
	{"transactions", "transactions", 0, NEEDS_NOTHING},
	{"calls", "calls", 0, NEEDS_NOTHING},
	{"read_units", "read capacity units", 0, NEEDS_NOTHING},
	{"write_units", "write capacity units", 0, NEEDS_NOTHING},
	{"allocations", "allocations", 0, NEEDS_LIBRARIES},
	{"instructions", "instructions", GATE_INSTRUCTIONS_LIMIT, NEEDS_ALL},
};

/* What instructions and allocations depend on, apart from this source. */
static const struct {
	const char *name;
	enum exact_needs for_what;
} exact_environment[] = {
	{"libc", NEEDS_LIBRARIES}, {"libevent", NEEDS_LIBRARIES}, {"jansson", NEEDS_LIBRARIES},
	{"compiler", NEEDS_ALL},   {"valgrind", NEEDS_ALL},	  {"processor", NEEDS_ALL},
};
#define EXACT_ENVIRONMENT (sizeof(exact_environment) / sizeof(*exact_environment))

static const struct exact_measure *exact_find(const char *name)
{
	for (size_t i = 0; i < sizeof(exact_measures) / sizeof(*exact_measures); i++)
		if (strcmp(exact_measures[i].name, name) == 0)
			return &exact_measures[i];
	return NULL;
}

static int exact_check_environment(const json_t *document, const char *path,
				   struct cart_error *error)
{
	const json_t *environment = json_object_get(document, "environment");
	size_t known = 0;

	for (size_t i = 0; i < EXACT_ENVIRONMENT; i++) {
		const char *name = exact_environment[i].name;

		if (!json_is_string(json_object_get(environment, name)))
			return cart_error_set(error, "%s does not say of which %s it is", path,
					      name);
		known++;
	}
	if (json_object_size(environment) != known)
		return cart_error_set(error, "%s has members in \"environment\" that are not known",
				      path);
	return 0;
}

static int exact_check_operation(json_t *counts, const char *path, const char *backend,
				 const char *operation, struct cart_error *error)
{
	const char *measure;
	json_t *value;

	if (json_object_size(counts) == 0)
		return cart_error_set(error, "%s has no counts of %.40s %.40s", path, backend,
				      operation);
	json_object_foreach(counts, measure, value)
	{
		if (exact_find(measure) == NULL)
			return cart_error_set(error,
					      "%s counts %.40s of %.40s %.40s, which is not known",
					      path, measure, backend, operation);
		if (!json_is_number(value) || json_number_value(value) < 0)
			return cart_error_set(error, "%s: %.40s of %.40s %.40s is no count", path,
					      measure, backend, operation);
	}
	return 0;
}

static int exact_check_counts(const json_t *document, const char *path, struct cart_error *error)
{
	json_t *operations = json_object_get(document, "operations"), *of, *counts;
	const char *backend, *operation;

	if (json_object_size(operations) == 0)
		return cart_error_set(error, "%s is not whole: no operations", path);
	json_object_foreach(operations, backend, of)
	{
		if (json_object_size(of) == 0)
			return cart_error_set(error, "%s has no operations of %.40s", path,
					      backend);
		json_object_foreach(of, operation,
				    counts) if (exact_check_operation(counts, path, backend,
								      operation,
								      error) != 0) return -1;
	}
	return 0;
}

static int exact_check(const json_t *document, const char *path, struct cart_error *error)
{
	static const char *const members[] = {"format", "format_version", "made", "environment",
					      "operations"};
	const char *format = json_string_value(json_object_get(document, "format"));
	json_int_t version = json_integer_value(json_object_get(document, "format_version"));

	if (format == NULL || strcmp(format, GATE_EXACT_FORMAT) != 0)
		return cart_error_set(
			error, "%s is none of the files that bench/perf/run-exact writes", path);
	if (version != GATE_EXACT_VERSION)
		return cart_error_set(error,
				      "%s has version %lld of its format; this cartbench knows %d",
				      path, (long long)version, GATE_EXACT_VERSION);
	if (!json_is_object(json_object_get(document, "made")))
		return cart_error_set(error, "%s does not say how it was made", path);
	if (json_object_size(document) != sizeof(members) / sizeof(*members))
		return cart_error_set(error, "%s lacks members or has some that are not known",
				      path);
	if (exact_check_environment(document, path, error) != 0)
		return -1;
	return exact_check_counts(document, path, error);
}

json_t *gate_exact_read(const char *path, struct cart_error *error)
{
	struct cart_error why;
	json_t *document = bench_json_read(path, &why);

	if (document == NULL)
		cart_error_set(error, "%s: %.200s", path, why.text);
	else if (exact_check(document, path, error) == 0)
		return document;
	json_decref(document);
	return NULL;
}

/* Fills note with the first part of the environment that differs and matters for such a count. */
static void exact_compare_environment(char *note, enum exact_needs needs, const json_t *baseline,
				      const json_t *measured)
{
	const json_t *from = json_object_get(baseline, "environment");
	const json_t *to = json_object_get(measured, "environment");

	for (size_t i = 0; i < EXACT_ENVIRONMENT; i++) {
		const char *name = exact_environment[i].name;
		const char *was = json_string_value(json_object_get(from, name));
		const char *is = json_string_value(json_object_get(to, name));

		if (exact_environment[i].for_what > needs || strcmp(was, is) == 0)
			continue;
		snprintf(note, GATE_NOTE_TEXT, "%s was \"%.80s\" and is \"%.80s\"", name, was, is);
		return;
	}
}

static bool exact_is_left_out(const struct gate_exact *exact, const struct exact_measure *measure)
{
	return (measure->needs == NEEDS_ALL && exact->no_instructions[0] != '\0') ||
	       (measure->needs == NEEDS_LIBRARIES && exact->no_allocations[0] != '\0');
}

static int exact_note(struct gate_exact *exact, const char *backend, const char *operation,
		      const struct exact_measure *measure, double from, double to)
{
	double allowed = from * measure->limit + EXACT_ROUNDING;
	struct gate_change *change = &exact->changes[exact->count];

	if (exact_is_left_out(exact, measure)) {
		exact->left_out++;
		return 0;
	}
	exact->compared++;
	if (fabs(to - from) <= allowed)
		return 0;
	if (exact->count == GATE_CHANGES_MAX)
		return -1;
	exact->count++;
	exact->grown += to > from;
	*change = (struct gate_change){.from = from, .to = to, .grew = to > from};
	snprintf(change->what, sizeof(change->what), "%.24s %.24s: %s", backend, operation,
		 measure->text);
	return 0;
}

/* Checks that every count of one document is also in the other. Called once in each direction. */
static int exact_check_same(const json_t *one, const json_t *other, const char *one_is,
			    const char *other_lacks, struct cart_error *error)
{
	const char *backend, *operation, *measure;
	json_t *of, *counts, *value, *there;

	json_object_foreach(json_object_get(one, "operations"), backend, of)
	{
		there = json_object_get(json_object_get(other, "operations"), backend);
		json_object_foreach(of, operation, counts)
		{
			json_object_foreach(counts, measure, value)
			{
				if (json_object_get(json_object_get(there, operation), measure) !=
				    NULL)
					continue;
				return cart_error_set(error, "%s has %.40s of %.40s %.40s, %s",
						      one_is, measure, backend, operation,
						      other_lacks);
			}
		}
	}
	return 0;
}

int gate_exact_compare(struct gate_exact *exact, const json_t *baseline, const json_t *measured,
		       struct cart_error *error)
{
	const char *backend, *operation, *measure;
	json_t *of, *counts, *value;
	const json_t *now;

	*exact = (struct gate_exact){0};
	if (exact_check_same(baseline, measured, "the baseline",
			     "which was not measured: bench/perf/run-exact without --only",
			     error) != 0 ||
	    exact_check_same(measured, baseline, "the measurement",
			     "which the baseline lacks: make exact-renew", error) != 0)
		return -1;
	exact_compare_environment(exact->no_allocations, NEEDS_LIBRARIES, baseline, measured);
	exact_compare_environment(exact->no_instructions, NEEDS_ALL, baseline, measured);
	json_object_foreach(json_object_get(baseline, "operations"), backend, of)
	{
		json_object_foreach(of, operation, counts)
		{
			now = json_object_get(
				json_object_get(json_object_get(measured, "operations"), backend),
				operation);
			json_object_foreach(counts, measure, value) if (
				exact_note(exact, backend, operation, exact_find(measure),
					   json_number_value(value),
					   json_number_value(json_object_get(now, measure))) !=
				0) return cart_error_set(error,
							 "more than %d counts differ from the "
							 "baseline's: is it of this program?",
							 GATE_CHANGES_MAX);
		}
	}
	return 0;
}

static void exact_print_changes(FILE *out, const struct gate_exact *exact, bool grew)
{
	for (size_t i = 0; i < exact->count; i++) {
		const struct gate_change *change = &exact->changes[i];

		if (change->grew != grew)
			continue;
		fprintf(out, "%s %s: from %.10g to %.10g", grew ? "GREW  " : "SHRANK", change->what,
			change->from, change->to);
		if (change->from > 0)
			fprintf(out, " (%+.1f %%)", 100 * (change->to / change->from - 1));
		fputc('\n', out);
	}
}

void gate_exact_print(FILE *out, const struct gate_exact *exact, const json_t *baseline)
{
	const json_t *made = json_object_get(baseline, "made");
	const char *at = json_string_value(json_object_get(made, "at"));

	fprintf(out, "%zu counts compared with the baseline of %s\n", exact->compared,
		at != NULL ? at : "an unknown time");
	if (exact->no_instructions[0] != '\0')
		fprintf(out, "not applied to instructions: %s\n", exact->no_instructions);
	if (exact->no_allocations[0] != '\0')
		fprintf(out, "not applied to allocations: %s\n", exact->no_allocations);
	exact_print_changes(out, exact, true);
	exact_print_changes(out, exact, false);
	if (exact->count > exact->grown)
		fputs("what shrank may grow again unseen until `make exact-renew` makes it the "
		      "baseline\n",
		      out);
	if (exact->grown > 0)
		fprintf(out,
			"gate: REGRESSION: %zu of %zu counts grew; where that is the price of "
			"something, `make exact-renew` and a reason in the commit\n",
			exact->grown, exact->compared);
	else
		fputs("gate: PASS: no count grew\n", out);
}
