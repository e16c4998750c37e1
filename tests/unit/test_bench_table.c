/* A result's rows as text and as CSV, out of one list of columns. */
#include "bench/result/table.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>

static const char *get_twice(const struct table_row *row, char text[TABLE_TEXT])
{
	return table_format(UNIT_COUNT, 2 * table_number(row, "n"), text);
}

static const struct table_column columns[] = {
	{.name = "name", .places = EVERYWHERE, .width = 12},
	COLUMN("n", "how many", COUNT, EVERYWHERE),
	COLUMN_AT("times.p50", "p50_ns", "B: $B", NS, EVERYWHERE),
	COLUMN("share", NULL, SHARE, IN_CSV),
	COLUMN("ok", NULL, TEXT, IN_CSV),
	COLUMN_GET(get_twice, "twice", "$C twice", COUNT, ON_TERMINAL),
	COLUMN("page", NULL, TEXT, ON_PAGE),
	COLUMN("note", NULL, TEXT, FOR_PEOPLE),
	{0},
};

static json_t *document(void)
{
	json_t *made = json_pack(
		"{s:[{s:s}, {s:s, s:s}], s:{s:f, s:[{s:s, s:i, s:[{s:{s:i}, s:f, s:b, s:s}, "
		"{s:{s:n}, s:n, s:b, s:s}]}]}}",
		"sides", "label", "one", "label", "two", "database", "mysql", "results",
		"confidence", 0.95, "list", "name", "a \"b\", c", "n", 12345, "inner", "times",
		"p50", 1500000, "share", 0.25, "ok", 1, "note", "first", "times", "p50", "share",
		"ok", 0, "note", TABLE_STRONG "x");

	assert_non_null(made);
	return made;
}

static void csv_has_raw_values_and_nothing_for_what_is_missing(void **state)
{
	json_t *made = document();
	struct buf csv = {0};

	(void)state;
	table_write(NULL, &csv, columns, made, "list", "inner");
	assert_string_equal(buf_string(&csv), "name,n,p50_ns,share,ok\n"
					      "\"a \"\"b\"\", c\",12345,1500000,0.25,1\n"
					      "\"a \"\"b\"\", c\",12345,,,0\n");
	buf_free(&csv);
	json_decref(made);
}

static void text_is_aligned_and_titles_name_the_sides(void **state)
{
	json_t *made = document();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	table_write(out, NULL, columns, made, "list", "inner");
	fclose(out);
	assert_string_equal(text,
			    "name            how many      B: two  95\xc2\xa0% twice  note\n"
			    "a \"b\", c          12,345     1.50\xc2\xa0ms      24,690  first\n"
			    "a \"b\", c          12,345           \xe2\x80\x93      24,690  x\n");
	free(text);
	json_decref(made);
}

static void a_list_without_inner_lists_has_a_row_for_each_entry(void **state)
{
	json_t *made = document();
	struct buf csv = {0};

	(void)state;
	table_write(NULL, &csv, columns, made, "list", NULL);
	assert_string_equal(buf_string(&csv),
			    "name,n,p50_ns,share,ok\n\"a \"\"b\"\", c\",12345,,,\n");
	buf_free(&csv);
	csv = (struct buf){0};
	table_write(NULL, &csv, columns, made, "nothing", NULL);
	assert_string_equal(buf_string(&csv), "name,n,p50_ns,share,ok\n");
	buf_free(&csv);
	json_decref(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_has_raw_values_and_nothing_for_what_is_missing),
		cmocka_unit_test(text_is_aligned_and_titles_name_the_sides),
		cmocka_unit_test(a_list_without_inner_lists_has_a_row_for_each_entry),
	};

	return cmocka_run_group_tests_name("tables of results", tests, NULL, NULL);
}
