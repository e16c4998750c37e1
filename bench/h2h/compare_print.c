/* What compare found, for people and for programs; and in what the two results were made
 * differently. */
#include "bench/h2h/compare.h"

#include "core/base/buf.h"

#include <inttypes.h>
#include <string.h>

static const char *compare_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text != NULL ? text : "?";
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

static void compare_print_settings(FILE *out, const char *side, const json_t *a, const json_t *b)
{
	char what[160];
	const char *key;
	const json_t *value;

	if (!json_is_object(a) || !json_is_object(b)) {
		fprintf(out, "note: the settings of %s are not in both results\n", side);
		return;
	}
	json_object_foreach((json_t *)a, key, value)
	{
		snprintf(what, sizeof(what), "%.16s's %.120s", side, key);
		compare_same(out, what, value, json_object_get(b, key));
	}
	json_object_foreach((json_t *)b, key, value)
	{
		snprintf(what, sizeof(what), "%.16s's %.120s", side, key);
		if (json_object_get(a, key) == NULL)
			compare_same(out, what, NULL, value);
	}
}

static void compare_print_side(FILE *out, const json_t *a, const json_t *b)
{
	static const char *const members[] = {"database", "version", "revision", "server",
					      "stand_in"};
	const char *side = compare_text(a, "name");
	char what[64];

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		snprintf(what, sizeof(what), "%.16s's %s", side, members[i]);
		compare_same(out, what, json_object_get(a, members[i]),
			     json_object_get(b, members[i]));
	}
	compare_print_settings(out, side, json_object_get(a, "settings"),
			       json_object_get(b, "settings"));
}

static void compare_print_state(FILE *out, const char *which, const json_t *result)
{
	const char *invalid = json_string_value(json_object_get(result, "invalid"));

	if (invalid != NULL)
		fprintf(out, "note: the %s result is not to be believed: %s\n", which, invalid);
	if (json_is_true(json_object_get(result, "interrupted")))
		fprintf(out, "note: the %s measurement was interrupted\n", which);
}

/* How it was asked: of `run`, and of `h2h`. */
static void compare_print_asked(FILE *out, const json_t *old_result, const json_t *new_result)
{
	static const char *const members[] = {"mode", "clients", "rate",    "arrivals",	      "mix",
					      "keys", "cold",	 "threads", "pairs_per_block"};
	const json_t *a = json_object_get(old_result, "results");
	const json_t *b = json_object_get(new_result, "results");

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		compare_same(out, members[i], json_object_get(a, members[i]),
			     json_object_get(b, members[i]));
}

bool compare_print_conditions(FILE *out, const json_t *old_result, const json_t *new_result)
{
	static const char *const members[] = {"cpu", "cores", "kernel", "generator_cores"};
	const json_t *a = json_object_get(old_result, "machine");
	const json_t *b = json_object_get(new_result, "machine");
	const json_t *sides = json_object_get(old_result, "sides"), *side;
	size_t i;

	compare_print_state(out, "old", old_result);
	compare_print_state(out, "new", new_result);
	compare_print_asked(out, old_result, new_result);
	for (i = 0; i < sizeof(members) / sizeof(*members); i++)
		compare_same(out, members[i], json_object_get(a, members[i]),
			     json_object_get(b, members[i]));
	json_array_foreach(sides, i, side)
	{
		compare_print_side(out, side,
				   json_array_get(json_object_get(new_result, "sides"), i));
	}
	return compare_same(out, "machine", json_object_get(a, "id"), json_object_get(b, "id"));
}

static void compare_print_value(char *text, size_t room, const struct compare_row *row,
				double value)
{
	if (row->unit == COMPARE_RATIO)
		snprintf(text, room, "%+.2f %%", 100 * value);
	else if (row->unit == COMPARE_PER_S)
		snprintf(text, room, "%.0f /s", value);
	else
		snprintf(text, room, "%.4g ms", value);
}

void compare_print(FILE *out, const struct compare *compare, double margin, double confidence)
{
	fprintf(out,
		"A is the old result, B the new one; of a ratio \"B to A\" both are the sides "
		"that it was taken of\nmargin %.3g %%, confidence %.3g %%\n\n",
		100 * margin, 100 * confidence);
	fprintf(out, "%-24s %12s %12s %9s  %-23s %9s  %s\n", "", "A", "B", "change", "interval",
		"ranks, p", "verdict");
	for (size_t i = 0; i < compare->count; i++) {
		const struct compare_row *row = &compare->rows[i];
		char a[32], b[32], change[32] = "", interval[64] = "", p[16] = "";

		compare_print_value(a, sizeof(a), row, row->old_value);
		compare_print_value(b, sizeof(b), row, row->new_value);
		if (row->judged) {
			snprintf(change, sizeof(change), "%+.2f %%", 100 * row->change);
			snprintf(interval, sizeof(interval), "%+.2f ... %+.2f %%", 100 * row->low,
				 100 * row->high);
			snprintf(p, sizeof(p), "%.3g", row->p_mann_whitney);
		}
		fprintf(out, "%-24s %12s %12s %9s  %-23s %9s  %s\n", row->name, a, b, change,
			interval, p,
			row->judged	? stats_verdict_name(row->comparison.verdict)
			: row->idle > 0 ? "not judged: in some seconds nothing succeeded"
					: "INCONCLUSIVE (too short)");
	}
	fputs("\nNot measured in pairs: what the machine did meanwhile is in the difference. To "
	      "compare two builds\nuse `cartbench h2h` or `cartbench gate`.\n",
	      out);
}

static const char *compare_unit_name(enum compare_unit unit)
{
	static const char *const names[] = {
		[COMPARE_MS] = "ms", [COMPARE_PER_S] = "per_s", [COMPARE_RATIO] = "b_to_a"};

	return names[unit];
}

json_t *compare_json(const struct compare *compare, double margin, double confidence)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < compare->count; i++) {
		const struct compare_row *row = &compare->rows[i];

		json_array_append_new(
			rows,
			json_pack("{s:s, s:s, s:f, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, "
				  "s:f, s:f, s:f, s:s}",
				  "name", row->name, "unit", compare_unit_name(row->unit), "old",
				  row->old_value, "new", row->new_value, "old_count",
				  (json_int_t)row->old_count, "new_count",
				  (json_int_t)row->new_count, "change", row->change, "low",
				  row->low, "high", row->high, "shift", row->shift, "shift_low",
				  row->shift_low, "shift_high", row->shift_high, "p_difference",
				  row->comparison.p_difference, "p_mann_whitney",
				  row->p_mann_whitney, "p_equivalence",
				  row->comparison.p_equivalence, "verdict",
				  stats_verdict_name(row->comparison.verdict)));
	}
	return json_pack("{s:f, s:f, s:o}", "margin", margin, "confidence", confidence, "rows",
			 rows);
}

void compare_csv(struct buf *out, const struct compare *compare)
{
	buf_add_string(out, "name,unit,old,new,change,low,high,p_difference,p_mann_whitney,"
			    "p_equivalence,verdict\n");
	for (size_t i = 0; i < compare->count; i++) {
		const struct compare_row *row = &compare->rows[i];

		buf_printf(out, "\"%s\",%s,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%s\n", row->name,
			   compare_unit_name(row->unit), row->old_value, row->new_value,
			   row->change, row->low, row->high, row->comparison.p_difference,
			   row->p_mann_whitney, row->comparison.p_equivalence,
			   stats_verdict_name(row->comparison.verdict));
	}
}
