/* Prints what compare has found, and the differences in how the two results were made. */
#include "bench/h2h/compare.h"

#include "bench/result/table.h"
#include "bench/result/member.h"

#include <stdlib.h>
#include <string.h>

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
	if (*member_text(result, "invalid") != '\0')
		fprintf(out, "note: the %s result is invalid: %s\n", which,
			member_text(result, "invalid"));
	if (member_true(result, "interrupted"))
		fprintf(out, "note: the %s measurement was interrupted\n", which);
}

bool compare_print_conditions(FILE *out, const json_t *old_result, const json_t *new_result)
{
	static const char *const asked[] = {"mode", "clients", "rate",	  "arrivals",	     "mix",
					    "keys", "cold",    "threads", "pairs_per_block", NULL};
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
static const char *compare_value(const struct table_row *row, const char *key,
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
	return compare_value(row, "old", text);
}

static const char *compare_get_new(const struct table_row *row, char text[TABLE_TEXT])
{
	return compare_value(row, "new", text);
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
	COLUMN_GET(compare_get_verdict, "verdict", NULL, TEXT, ON_TERMINAL),
	{0},
};

static json_t *compare_row_json(const struct compare_row *row)
{
	static const char *const units[] = {
		[COMPARE_MS] = "ms", [COMPARE_PER_S] = "per_s", [COMPARE_RATIO] = "b_to_a"};

	return json_pack("{s:s, s:s, s:f, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
			 "s:f, s:s, s:s?}",
			 "name", row->name, "unit", units[row->unit], "old", row->old_value, "new",
			 row->new_value, "old_count", (json_int_t)row->old_count, "new_count",
			 (json_int_t)row->new_count, "change", row->change, "low", row->low, "high",
			 row->high, "shift", row->shift, "shift_low", row->shift_low, "shift_high",
			 row->shift_high, "p_difference", row->comparison.p_difference,
			 "p_mann_whitney", row->p_mann_whitney, "p_equivalence",
			 row->comparison.p_equivalence, "verdict",
			 stats_verdict_names[row->comparison.verdict], "not_judged",
			 row->judged	 ? NULL
			 : row->idle > 0 ? "in some seconds nothing succeeded"
					 : "too short");
}

json_t *compare_json(const struct compare *compare, double margin, double confidence)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < compare->count; i++)
		json_array_append_new(rows, compare_row_json(&compare->rows[i]));
	return json_pack("{s:f, s:f, s:o}", "margin", margin, "confidence", confidence, "rows",
			 rows);
}

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
