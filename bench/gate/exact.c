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

	for (size_t i = 0; i < EXACT_ENVIRONMENT; i++)
		if (!json_is_string(json_object_get(environment, exact_environment[i].name)))
			return cart_error_set(error, "%s does not say of which %s it is", path,
					      exact_environment[i].name);
	if (json_object_size(environment) != EXACT_ENVIRONMENT)
		return cart_error_set(error, "%s has members in \"environment\" that are not known",
				      path);
	return 0;
}

struct exact_count {
	const char *backend, *operation, *measure;
	json_t *value;
};
typedef int exact_visit_fn(const struct exact_count *count, const void *user,
			   struct cart_error *error);

/* Visits all counts of a document. -1: visit() returned it, or counts are missing. */
static int exact_each(const json_t *document, const char *path, exact_visit_fn *visit,
		      const void *user, struct cart_error *error)
{
	json_t *operations = json_object_get(document, "operations"), *of, *counts;
	struct exact_count at;

	if (json_object_size(operations) == 0)
		return cart_error_set(error, "%s is not whole: no operations", path);
	json_object_foreach(operations, at.backend, of)
	{
		if (json_object_size(of) == 0)
			return cart_error_set(error, "%s has no operations of %.40s", path,
					      at.backend);
		json_object_foreach(of, at.operation, counts)
		{
			if (json_object_size(counts) == 0)
				return cart_error_set(error, "%s has no counts of %.40s %.40s",
						      path, at.backend, at.operation);
			json_object_foreach(counts, at.measure, at.value)
			{
				if (visit(&at, user, error) != 0)
					return -1;
			}
		}
	}
	return 0;
}

static int exact_check_count(const struct exact_count *at, const void *path,
			     struct cart_error *error)
{
	if (exact_find(at->measure) == NULL)
		return cart_error_set(error, "%s counts %.40s of %.40s %.40s, which is not known",
				      (const char *)path, at->measure, at->backend, at->operation);
	if (!json_is_number(at->value) || json_number_value(at->value) < 0)
		return cart_error_set(error, "%s: %.40s of %.40s %.40s is no count",
				      (const char *)path, at->measure, at->backend, at->operation);
	return 0;
}

/* Nothing is there that could grow: whoever counted it has counted nothing. */
static bool exact_is_zero(const json_t *document)
{
	json_t *operations = json_object_get(document, "operations"), *of, *counts, *value;
	const char *key;

	json_object_foreach(operations, key, of)
	{
		json_object_foreach(of, key, counts)
		{
			json_object_foreach(counts, key, value)
			{
				if (json_number_value(value) > 0)
					return false;
			}
		}
	}
	return true;
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
	if (exact_each(document, path, exact_check_count, path, error) != 0)
		return -1;
	if (exact_is_zero(document))
		return cart_error_set(error, "%s has no count above 0: nothing was counted", path);
	return 0;
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

static int exact_note(struct gate_exact *exact, const struct exact_count *at, double to,
		      struct cart_error *error)
{
	const struct exact_measure *measure = exact_find(at->measure);
	double from = json_number_value(at->value);
	struct gate_change *change = &exact->changes[exact->count];

	if (exact_is_left_out(exact, measure)) {
		exact->left_out++;
		return 0;
	}
	exact->compared++;
	if (fabs(to - from) <= from * measure->limit + EXACT_ROUNDING)
		return 0;
	if (exact->count == GATE_CHANGES_MAX)
		return cart_error_set(
			error,
			"more than %d counts differ from the baseline's: is it of this program?",
			GATE_CHANGES_MAX);
	exact->count++;
	exact->grown += to > from;
	*change = (struct gate_change){.from = from, .to = to, .grew = to > from};
	snprintf(change->what, sizeof(change->what), "%.24s %.24s: %s", at->backend, at->operation,
		 measure->text);
	return 0;
}

/* The document that a count must be in too. */
struct exact_other {
	struct gate_exact *exact; /* NULL: the counts are not compared */
	const json_t *document;
	const char *one_is, *other_lacks; /* for the error */
};

static int exact_find_other(const struct exact_count *at, const void *user,
			    struct cart_error *error)
{
	const struct exact_other *other = user;
	const json_t *there = json_object_get(other->document, "operations");

	there = json_object_get(json_object_get(there, at->backend), at->operation);
	there = json_object_get(there, at->measure);
	if (there == NULL)
		return cart_error_set(error, "%s has %.40s of %.40s %.40s, %s", other->one_is,
				      at->measure, at->backend, at->operation, other->other_lacks);
	return other->exact == NULL ? 0
				    : exact_note(other->exact, at, json_number_value(there), error);
}

int gate_exact_compare(struct gate_exact *exact, const json_t *baseline, const json_t *measured,
		       struct cart_error *error)
{
	const struct exact_other now = {
		exact, measured, "the baseline",
		"which was not measured: bench/perf/run-exact without --only"};
	const struct exact_other before = {NULL, baseline, "the measurement",
					   "which the baseline lacks: make exact-renew"};

	*exact = (struct gate_exact){0};
	exact_compare_environment(exact->no_allocations, NEEDS_LIBRARIES, baseline, measured);
	exact_compare_environment(exact->no_instructions, NEEDS_ALL, baseline, measured);
	if (exact_each(baseline, "it", exact_find_other, &now, error) != 0)
		return -1;
	return exact_each(measured, "it", exact_find_other, &before, error);
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
