#include "bench/h2h/compare.h"

#include "bench/result/member.h"
#include "bench/result/read_back.h"
#include "bench/result/table.h"
#include "bench/result/tally.h"
#include "bench/stats/alloc.h"
#include "bench/stats/blocks.h"
#include "bench/stats/describe.h"
#include "bench/stats/ranks.h"
#include "bench/stats/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COMPARE_ROWS_MAX 32
#define COMPARE_MIN	 12 /* seconds or blocks of a side; fewer say too little of their spread */

struct compare {
	json_t *rows;
	json_t *success;
	bool wrong;			   /* of a side that does not hold what it acknowledged */
	char why[TALLY_WHY + LEDGER_TEXT]; /* no line has a verdict; "": they have */
	struct stats_comparison verdicts[COMPARE_ROWS_MAX]; /* of the rows; effect > 0: worse */
	double margin, confidence;
};

/* A side's values of a row, as logarithms. */
struct compare_sample {
	double *logs;
	size_t count;
	size_t idle; /* seconds that had none */
};

static struct compare_sample compare_sample_new(size_t room)
{
	return (struct compare_sample){.logs = bench_alloc(room, sizeof(double))};
}

/* Of `run`: a member of each second; what is not above 0 has no logarithm and is left out. */
static struct compare_sample compare_seconds(const json_t *result, const char *member)
{
	const json_t *seconds = json_object_get(json_object_get(result, "results"), "seconds");
	struct compare_sample sample = compare_sample_new(json_array_size(seconds));
	const json_t *second;

	member_each(i, second, seconds) {
		double value = json_number_value(json_object_get(second, member));

		if (value > 0)
			sample.logs[sample.count++] = log(value);
		else
			sample.idle++;
	}
	return sample;
}

static const json_t *compare_find_quantile(const json_t *result, const char *operation, double q)
{
	const json_t *each, *row;

	member_each(i, each, json_object_get(json_object_get(result, "results"), "operations")) {
		if (strcmp(member_text(each, "operation"), operation) != 0)
			continue;
		member_each(at, row, json_object_get(each, "quantiles"))
			if (fabs(member_number(row, "q") - q) < 1e-9)
				return row;
	}
	return NULL;
}

static struct compare_sample compare_blocks(const json_t *row)
{
	const json_t *ratios = json_object_get(row, "log_ratios"), *ratio;
	struct compare_sample sample = compare_sample_new(json_array_size(ratios));

	member_each(i, ratio, ratios)
		if (json_is_number(ratio))
			sample.logs[sample.count++] = json_number_value(ratio);
	return sample;
}

static double compare_value(const char *unit, const struct compare_sample *sample)
{
	double median;

	if (sample->count == 0)
		return NAN;
	median = stats_median(sample->logs, sample->count);
	return strcmp(unit, "b_to_a") == 0 ? expm1(median) : exp(median);
}

/* Welch's test with the errors of both sides' blocks, and two one-sided tests on the same. */
static void compare_welch(struct stats_welch *welch, struct stats_comparison *verdict,
			  const struct compare *compare, const struct stats_blocks *a,
			  const struct stats_blocks *b)
{
	stats_welch(welch, &(struct stats_mean){a->mean, a->error, a->df},
		    &(struct stats_mean){b->mean, b->error, b->df}, compare->confidence);
	verdict->effect = welch->difference;
	verdict->p_difference = welch->p;
	verdict->p_equivalence =
		stats_equivalence(welch->difference, welch->error, welch->df, compare->margin);
}

/* A row, whose verdict waits for the others. unit: "ms", "b_to_a", or "per_s", of which more is
 * better and seconds without any are not judged. Takes the samples. */
static void compare_add(struct compare *compare, const char *name, const char *unit,
			struct compare_sample a, struct compare_sample b)
{
	size_t at = json_array_size(compare->rows);
	bool per_s = strcmp(unit, "per_s") == 0, idle = per_s && a.idle + b.idle > 0, judged;
	struct stats_comparison *verdict = &compare->verdicts[at];
	struct stats_hodges_lehmann shift = {0};
	struct stats_mann_whitney ranks = {.p = 1};
	struct stats_welch welch = {0};
	struct stats_blocks blocks[2];

	if (at < COMPARE_ROWS_MAX) {
		*verdict = (struct stats_comparison){.p_difference = 1, .p_equivalence = 1};
		judged = a.count >= COMPARE_MIN && b.count >= COMPARE_MIN && !idle &&
			 stats_blocks(&blocks[0], a.logs, a.count) == 0 &&
			 stats_blocks(&blocks[1], b.logs, b.count) == 0 &&
			 stats_mann_whitney(&ranks, a.logs, a.count, b.logs, b.count) == 0 &&
			 stats_hodges_lehmann(&shift, a.logs, a.count, b.logs, b.count,
					      compare->confidence) == 0;
		if (judged)
			compare_welch(&welch, verdict, compare, &blocks[0], &blocks[1]);
		if (per_s)
			verdict->effect = -verdict->effect;
		json_array_append_new(
			compare->rows,
			json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, "
				  "s:f, s:f, s:f, s:n, s:s?}",
				  "name", name, "unit", unit, "old",
				  member_real(compare_value(unit, &a)), "new",
				  member_real(compare_value(unit, &b)), "old_count",
				  (json_int_t)a.count, "new_count", (json_int_t)b.count, "change",
				  expm1(welch.difference), "low", expm1(welch.low), "high",
				  expm1(welch.high), "shift", expm1(shift.shift), "shift_low",
				  expm1(shift.low), "shift_high", expm1(shift.high), "p_difference",
				  verdict->p_difference, "p_mann_whitney", ranks.p, "p_equivalence",
				  verdict->p_equivalence, "verdict", "not_judged",
				  judged	 ? NULL
				  : a.count == 0 ? "only in the new result"
				  : b.count == 0 ? "only in the old result"
				  : idle	 ? "in some seconds nothing succeeded"
						 : "too short"));
	}
	free(a.logs);
	free(b.logs);
}

static void compare_runs(struct compare *compare, const json_t *old_result,
			 const json_t *new_result)
{
	static const struct {
		const char *member, *name, *unit;
	} of[] = {
		{"ok", "succeeded a second", "per_s"},
		{"p50_ms", "all operations p50", "ms"},
		{"p99_ms", "all operations p99", "ms"},
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		compare_add(compare, of[i].name, of[i].unit,
			    compare_seconds(old_result, of[i].member),
			    compare_seconds(new_result, of[i].member));
}

/* The lines of `from`; mirrored: those alone that `other` lacks, and `other` is the old one. */
static void compare_heads(struct compare *compare, const json_t *from, const json_t *other,
			  bool mirrored)
{
	const json_t *each, *row, *there;
	char name[48];

	member_each(i, each, json_object_get(json_object_get(from, "results"), "operations")) {
		const char *operation = member_text(each, "operation");

		member_each(at, row, json_object_get(each, "quantiles")) {
			double q = member_number(row, "q");

			there = compare_find_quantile(other, operation, q);
			if (mirrored && there != NULL)
				continue;
			snprintf(name, sizeof(name), "%.20s p%g, B to A", operation, 100 * q);
			if (mirrored)
				compare_add(compare, name, "b_to_a", compare_blocks(NULL),
					    compare_blocks(row));
			else
				compare_add(compare, name, "b_to_a", compare_blocks(row),
					    compare_blocks(there));
		}
	}
}

static const json_t *compare_find(const json_t *result, const char *operation)
{
	const json_t *each;

	member_each(i, each, json_object_get(json_object_get(result, "results"), "operations"))
		if (strcmp(member_text(each, "operation"), operation) == 0)
			return each;
	return NULL;
}

/* How often a side succeeded in an operation: of `run` it stands there, of `h2h` in a list. */
static const json_t *compare_success_of(const json_t *operation, size_t side)
{
	const json_t *success = json_object_get(operation, "success");

	return json_is_array(success) ? json_array_get(success, side) : operation;
}

static struct tally_share compare_share(const char *name, const json_t *success)
{
	double ok = member_number(success, "ok"), tried = member_number(success, "tried");

	if (!(ok >= 0) || !(tried >= ok))
		return (struct tally_share){.name = name};
	return (struct tally_share){name, member_count(success, "ok"),
				    member_count(success, "tried")};
}

static void compare_add_success(struct compare *compare, const char *operation, size_t side,
				const json_t *old_of, const json_t *new_of)
{
	const json_t *old_side = compare_success_of(old_of, side);
	const json_t *new_side = compare_success_of(new_of, side);
	struct tally_share a = compare_share("A", old_side), b = compare_share("B", new_side);
	bool heads = json_is_array(json_object_get(old_of != NULL ? old_of : new_of, "success"));
	char whose[32], why[TALLY_WHY];

	snprintf(whose, sizeof(whose), heads ? "%.20s, %c" : "%.20s", operation, "AB"[side]);
	if (*compare->why == '\0' && (old_of == NULL || new_of == NULL))
		snprintf(compare->why, sizeof(compare->why), "%s is only in the %s result",
			 operation, old_of == NULL ? "new" : "old");
	else if (*compare->why == '\0' && !tally_is_comparable(&a, &b, whose, why))
		memcpy(compare->why, why, sizeof(why));
	json_array_append_new(compare->success,
			      json_pack("{s:s, s:o, s:o}", "operation", whose, "old",
					bench_result_success(a.ok, a.tried), "new",
					bench_result_success(b.ok, b.tried)));
}

static void compare_successes(struct compare *compare, const json_t *old_result,
			      const json_t *new_result)
{
	const json_t *results[] = {old_result, new_result}, *each;
	size_t sides = json_array_size(json_object_get(old_result, "sides"));

	for (size_t r = 0; r < 2; r++) {
		member_each(i, each,
			    json_object_get(json_object_get(results[r], "results"), "operations")) {
			const char *operation = member_text(each, "operation");
			const json_t *other = compare_find(results[1 - r], operation);

			if (r == 1 && other != NULL)
				continue;
			for (size_t side = 0; side < sides; side++)
				compare_add_success(compare, operation, side, r == 0 ? each : other,
						    r == 0 ? other : each);
		}
	}
}

/* Notes what decided all lines of a head-to-head, such as a side that stood still: the ratios of
 * the blocks, which are compared here, do not show it. The first reason stays. */
static void compare_take_reason(struct compare *compare, const char *which, const json_t *result)
{
	const char *why = NULL;
	const json_t *each, *row;

	member_each(i, each, json_object_get(json_object_get(result, "results"), "operations")) {
		member_each(at, row, json_object_get(each, "quantiles")) {
			if (why != NULL && strcmp(why, member_text(row, "why")) != 0)
				return;
			why = member_text(row, "why");
		}
	}
	if (why != NULL && *why != '\0' && *compare->why == '\0')
		snprintf(compare->why, sizeof(compare->why), "in the %s result %s", which, why);
}

/* What does not count for itself does not count against another. */
static void compare_take_invalid(struct compare *compare, const char *which, const json_t *result)
{
	const char *invalid = member_text(result, "invalid");

	if (*invalid != '\0' && *compare->why == '\0')
		snprintf(compare->why, sizeof(compare->why), "the %s result is INVALID: %s", which,
			 invalid);
}

/* A run is of one side, a head-to-head of two; whoever changed a file by hand is told so. */
static bool compare_sides(const json_t *old_result, const json_t *new_result, size_t most,
			  struct cart_error *error)
{
	size_t old_sides = json_array_size(json_object_get(old_result, "sides"));
	size_t new_sides = json_array_size(json_object_get(new_result, "sides"));

	if (old_sides <= most && new_sides <= most)
		return true;
	cart_error_set(error, "they are of %zu and %zu sides; a result of their kind is of %zu",
		       old_sides, new_sides, most);
	return false;
}

json_t *compare_results(const json_t *old_result, const json_t *new_result, double margin,
			double confidence, struct cart_error *error)
{
	const char *kind = member_text(old_result, "kind"),
		   *other = member_text(new_result, "kind");
	struct compare compare = {.margin = margin, .confidence = confidence};
	json_t *row;
	size_t at;

	if (strcmp(kind, other) != 0) {
		cart_error_set(error, "one is of `%s` and the other of `%s`", kind, other);
		return NULL;
	}
	if (strcmp(kind, "run") == 0 &&
	    !json_equal(json_object_get(json_object_get(old_result, "results"), "mode"),
			json_object_get(json_object_get(new_result, "results"), "mode"))) {
		cart_error_set(error, "one is of a closed loop and the other of an open one");
		return NULL;
	}
	if (!compare_sides(old_result, new_result, strcmp(kind, "run") == 0 ? 1 : 2, error))
		return NULL;
	compare.rows = json_array();
	compare.success = json_array();
	compare.wrong = read_back_is_wrong(old_result, compare.why, sizeof(compare.why)) ||
			read_back_is_wrong(new_result, compare.why, sizeof(compare.why));
	compare_take_invalid(&compare, "old", old_result);
	compare_take_invalid(&compare, "new", new_result);
	compare_successes(&compare, old_result, new_result);
	compare_take_reason(&compare, "old", old_result);
	compare_take_reason(&compare, "new", new_result);
	if (strcmp(kind, "run") == 0)
		compare_runs(&compare, old_result, new_result);
	else
		compare_heads(&compare, old_result, new_result, false);
	if (strcmp(kind, "h2h") == 0)
		compare_heads(&compare, new_result, old_result, true);
	if (json_array_size(compare.rows) == 0) {
		json_decref(compare.rows);
		json_decref(compare.success);
		cart_error_set(error, "they have nothing in common that could be compared");
		return NULL;
	}
	stats_verdicts(compare.verdicts, json_array_size(compare.rows), 1 - confidence);
	json_array_foreach(compare.rows, at, row)
	{
		const char *verdict = stats_verdict_names[compare.verdicts[at].verdict];

		if (*compare.why != '\0') {
			verdict = stats_verdict_names[compare.wrong ? STATS_WRONG
								    : STATS_NOT_COMPARABLE];
			json_object_set_new(row, "not_judged", json_string(compare.why));
		}
		json_object_set_new(row, "verdict", json_string(verdict));
	}
	return json_pack("{s:f, s:f, s:b, s:o, s:o}", "margin", margin, "confidence", confidence,
			 "wrong", compare.wrong, "success", compare.success, "rows", compare.rows);
}

/* Prints a line if the two differ. */
static bool compare_same(FILE *out, const char *what, const json_t *a, const json_t *b)
{
	char *old_text, *new_text;

	if (a == b || (a != NULL && b != NULL && json_equal((json_t *)a, (json_t *)b)))
		return true;
	old_text = a != NULL ? json_dumps(a, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	new_text = b != NULL ? json_dumps(b, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	fprintf(out, "note: %s: %s then, %s now\n", what, old_text != NULL ? old_text : "nothing",
		new_text != NULL ? new_text : "nothing");
	free(old_text);
	free(new_text);
	return false;
}

/* A line for each of these members that differs; whose: "A's ", or "". */
static void compare_print_members(FILE *out, const char *whose, const json_t *a, const json_t *b,
				  const char *const *members)
{
	char what[64];

	for (; *members != NULL; members++) {
		snprintf(what, sizeof(what), "%.20s%.40s", whose, *members);
		compare_same(out, what, json_object_get(a, *members), json_object_get(b, *members));
	}
}

static void compare_print_settings(FILE *out, const char *whose, const json_t *a, const json_t *b)
{
	json_t *all = json_object();
	char what[160];
	const char *key;
	json_t *value;

	if (json_is_object(a) && json_is_object(b)) {
		json_object_update(all, (json_t *)(uintptr_t)a);
		json_object_update(all, (json_t *)(uintptr_t)b);
	} else {
		fprintf(out, "note: %ssettings are not in both results\n", whose);
	}
	json_object_foreach(all, key, value)
	{
		snprintf(what, sizeof(what), "%.20s%.120s", whose, key);
		compare_same(out, what, json_object_get(a, key), json_object_get(b, key));
	}
	json_decref(all);
}

static void compare_print_side(FILE *out, const json_t *a, const json_t *b)
{
	static const char *const members[] = {"database", "version",  "revision",
					      "server",	  "stand_in", NULL};
	char whose[24];

	snprintf(whose, sizeof(whose), "%.16s's ", member_text(a, "name"));
	compare_print_members(out, whose, a, b, members);
	compare_print_settings(out, whose, json_object_get(a, "settings"),
			       json_object_get(b, "settings"));
}

static void compare_print_state(FILE *out, const char *which, const json_t *result)
{
	if (member_true(result, "interrupted"))
		fprintf(out, "note: the %s measurement was interrupted\n", which);
}

bool compare_print_conditions(FILE *out, const json_t *old_result, const json_t *new_result)
{
	static const char *const asked[] = {
		"mode", "clients",     "rate",	  "arrivals",	     "mix", "keys",
		"cold", "consistency", "threads", "pairs_per_block", NULL};
	static const char *const members[] = {"cpu", "cores", "kernel", "generator_cores", NULL};
	const json_t *a = json_object_get(old_result, "machine");
	const json_t *b = json_object_get(new_result, "machine"), *side;

	compare_print_state(out, "old", old_result);
	compare_print_state(out, "new", new_result);
	compare_print_members(out, "", json_object_get(old_result, "results"),
			      json_object_get(new_result, "results"), asked);
	compare_print_members(out, "", a, b, members);
	member_each(i, side, json_object_get(old_result, "sides"))
		compare_print_side(out, side, member_item(new_result, "sides", i));
	return compare_same(out, "machine", json_object_get(a, "id"), json_object_get(b, "id"));
}

/* Formats a value in the row's own unit. */
static const char *compare_format(const struct table_row *row, const char *key,
				  char text[TABLE_TEXT])
{
	const char *unit = table_string(row, "unit");
	double value = table_number(row, key);

	if (strcmp(unit, "per_s") != 0)
		return table_format(strcmp(unit, "ms") == 0 ? UNIT_MS : UNIT_EFFECT, value, text);
	snprintf(text, TABLE_TEXT, "%.0f /s", value);
	return text;
}

static const char *compare_get_old(const struct table_row *row, char text[TABLE_TEXT])
{
	return compare_format(row, "old", text);
}

static const char *compare_get_new(const struct table_row *row, char text[TABLE_TEXT])
{
	return compare_format(row, "new", text);
}

static const char *compare_get_interval(const struct table_row *row, char text[TABLE_TEXT])
{
	return table_range(UNIT_EFFECT, table_number(row, "low"), table_number(row, "high"), text);
}

static const char *compare_get_verdict(const struct table_row *row, char text[TABLE_TEXT])
{
	const char *why = table_string(row, "not_judged");

	snprintf(text, TABLE_TEXT, "%s%s%.200s", table_string(row, "verdict"),
		 *why != '\0' ? ": " : "", why);
	return text;
}

static const char *compare_get_old_share(const struct table_row *row, char text[TABLE_TEXT])
{
	return tally_format_share(table_member(row, "old"), text);
}

static const char *compare_get_new_share(const struct table_row *row, char text[TABLE_TEXT])
{
	return tally_format_share(table_member(row, "new"), text);
}

static const struct table_column compare_success_columns[] = {
	{.name = "operation", .places = ON_TERMINAL, .width = 24},
	{.name = "A succeeded", .places = ON_TERMINAL, .get = compare_get_old_share, .width = 30},
	{.name = "B succeeded", .places = ON_TERMINAL, .get = compare_get_new_share},
	{0},
};

static const struct table_column compare_columns[] = {
	{.name = "name", .title = "", .places = EVERYWHERE, .width = 24},
	COLUMN("unit", NULL, TEXT, IN_CSV),
	COLUMN("old", NULL, PLAIN, IN_CSV),
	COLUMN("new", NULL, PLAIN, IN_CSV),
	COLUMN_GET(compare_get_old, "A", NULL, DIGITS, ON_TERMINAL),
	COLUMN_GET(compare_get_new, "B", NULL, DIGITS, ON_TERMINAL),
	COLUMN("change", NULL, EFFECT, EVERYWHERE),
	COLUMN("low", NULL, EFFECT, IN_CSV),
	COLUMN("high", NULL, EFFECT, IN_CSV),
	{.name = "interval",
	 .unit = UNIT_EFFECT,
	 .places = ON_TERMINAL,
	 .get = compare_get_interval,
	 .width = 18},
	COLUMN("p_difference", NULL, P, IN_CSV),
	COLUMN("p_mann_whitney", "ranks, p", P, EVERYWHERE),
	COLUMN("p_equivalence", NULL, P, IN_CSV),
	COLUMN("verdict", NULL, TEXT, IN_CSV),
	COLUMN_AT("not_judged", "why", NULL, TEXT, IN_CSV),
	COLUMN_GET(compare_get_verdict, "verdict", NULL, TEXT, ON_TERMINAL),
	{0},
};

void compare_print(FILE *out, struct buf *csv, const json_t *compared)
{
	struct table_row row = {0};

	table_csv_head(csv, compare_columns);
	if (out != NULL) {
		fprintf(out,
			"A is the old result, B the new one; of a ratio \"B to A\" both are the "
			"sides that it was taken of\nmargin %.3g %%, confidence %.3g %%\n\n",
			100 * member_number(compared, "margin"),
			100 * member_number(compared, "confidence"));
		table_print_head(out, compare_success_columns, NULL);
		member_each(i, row.of, json_object_get(compared, "success"))
			table_print_row(out, compare_success_columns, &row);
		putc('\n', out);
		table_print_head(out, compare_columns, NULL);
	}
	member_each(i, row.of, json_object_get(compared, "rows")) {
		table_csv_row(csv, compare_columns, &row);
		if (out != NULL)
			table_print_row(out, compare_columns, &row);
	}
	if (out != NULL)
		fputs("\nNot measured in pairs: what the machine did meanwhile is in the "
		      "difference. To compare two builds\nuse `cartbench h2h` or `cartbench "
		      "gate`.\n",
		      out);
}
