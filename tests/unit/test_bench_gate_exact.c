/* Exact counts against a baseline: a small good one, with a place changed. */
#include "bench/gate/exact.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>
#include <string.h>

static const char good[] =
	"{\"format\": \"cartbench-exact\", \"format_version\": 1,"
	" \"made\": {\"by\": \"bench/perf/run-exact\", \"at\": \"2026-11-26T03:51:35Z\"},"
	" \"environment\": {\"compiler\": \"GCC 12\", \"valgrind\": \"3.19\", \"processor\": "
	"\"x86_64 avx2\", \"libc\": \"glibc 2.36\", \"libevent\": \"2.1.12\", \"jansson\": "
	"\"2.14\"},"
	" \"operations\": {"
	"  \"memory\": {\"get\": {\"allocations\": 19, \"instructions\": 30000}},"
	"  \"mysql\": {\"add\": {\"round_trips\": 1, \"statements\": 4}},"
	"  \"dynamodb-map\": {\"get\": {\"calls\": 1, \"read_units\": 0.5, \"write_units\": 0}}}}";

static char folder[256], path[300];
static struct gate_exact exact;
static struct cart_error error;

static int make_folder(void **state)
{
	(void)state;
	cartd_make_directory(folder);
	snprintf(path, sizeof(path), "%s/exact.json", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	cartd_remove_directory(folder);
	return 0;
}

/* Reads text as a file. */
static json_t *read_text(const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return gate_exact_read(path, &error);
}

/* The good one with one place changed; freed by the caller. */
static char *with(const char *from, const char *to)
{
	const char *at = strstr(good, from);
	char *text = calloc(1, sizeof(good) + strlen(to));

	assert_non_null(at);
	assert_non_null(text);
	memcpy(text, good, (size_t)(at - good));
	strcat(text, to);
	strcat(text, at + strlen(from));
	return text;
}

/* Measured is the good one with one place changed. */
static int compare_changed(const char *from, const char *to)
{
	json_t *baseline = read_text(good), *measured;
	char *text = with(from, to);
	int result;

	assert_non_null(baseline);
	measured = read_text(text);
	if (measured == NULL)
		fail_msg("%s", error.text);
	result = gate_exact_compare(&exact, baseline, measured, &error);
	json_decref(baseline);
	json_decref(measured);
	free(text);
	return result;
}

static void assert_change(const char *from, const char *to, const char *what, bool grew)
{
	assert_int_equal(compare_changed(from, to), 0);
	assert_int_equal(exact.count, 1);
	assert_int_equal(exact.grown, grew);
	assert_int_equal(exact.changes[0].grew, grew);
	assert_string_equal(exact.changes[0].what, what);
}

static void assert_no_change(const char *from, const char *to)
{
	assert_int_equal(compare_changed(from, to), 0);
	assert_int_equal(exact.count, 0);
	assert_int_equal(exact.grown, 0);
}

static void equal_counts_pass(void **state)
{
	(void)state;
	assert_no_change("\"statements\": 4", "\"statements\": 4");
	assert_int_equal(exact.compared, 7);
	assert_int_equal(exact.left_out, 0);
}

static void any_growth_of_a_count_is_one(void **state)
{
	(void)state;
	assert_change("\"statements\": 4", "\"statements\": 5", "mysql add: SQL statements", true);
	assert_true(exact.changes[0].from == 4 && exact.changes[0].to == 5);
	assert_change("\"round_trips\": 1", "\"round_trips\": 1.05", "mysql add: round trips",
		      true);
	assert_change("\"read_units\": 0.5", "\"read_units\": 1",
		      "dynamodb-map get: read capacity units", true);
	/* From nothing, too. */
	assert_change("\"write_units\": 0", "\"write_units\": 0.5",
		      "dynamodb-map get: write capacity units", true);
	assert_change("\"allocations\": 19", "\"allocations\": 19.1", "memory get: allocations",
		      true);
}

static void what_shrank_is_told_and_passes(void **state)
{
	(void)state;
	assert_change("\"statements\": 4", "\"statements\": 3", "mysql add: SQL statements", false);
	assert_change("\"instructions\": 30000", "\"instructions\": 29000",
		      "memory get: instructions", false);
}

static void instructions_may_grow_by_two_percent(void **state)
{
	(void)state;
	assert_no_change("\"instructions\": 30000", "\"instructions\": 30600");
	assert_no_change("\"instructions\": 30000", "\"instructions\": 29400");
	assert_change("\"instructions\": 30000", "\"instructions\": 30601",
		      "memory get: instructions", true);
}

static void instructions_of_another_compiler_are_not_compared(void **state)
{
	(void)state;
	assert_no_change("\"GCC 12\"", "\"GCC 13\"");
	assert_string_equal(exact.no_instructions, "compiler was \"GCC 12\" and is \"GCC 13\"");
	assert_string_equal(exact.no_allocations, "");
	assert_int_equal(exact.compared, 6);
	assert_int_equal(exact.left_out, 1);
}

static void allocations_with_other_libraries_are_not_compared_and_calls_are(void **state)
{
	(void)state;
	assert_no_change("\"2.1.12\"", "\"2.2.1\"");
	assert_string_equal(exact.no_allocations, "libevent was \"2.1.12\" and is \"2.2.1\"");
	assert_string_equal(exact.no_instructions, exact.no_allocations);
	assert_int_equal(exact.compared, 5);
	assert_int_equal(exact.left_out, 2);
}

/* A count that only one side has is one that nobody would look at. */
static void documents_with_different_counts_are_not_compared(void **state)
{
	static const struct {
		const char *from, *to, *said;
	} cases[] = {
		{"\"round_trips\": 1, ", "",
		 "the baseline has round_trips of mysql add, which was not measured: "
		 "bench/perf/run-exact without --only"},
		{"\"read_units\": 0.5", "\"read_units\": 0.5, \"statements\": 1",
		 "the measurement has statements of dynamodb-map get, which the baseline lacks: "
		 "make exact-renew"},
		{"\"mysql\"", "\"oracle\"",
		 "the baseline has round_trips of mysql add, which was not measured: "
		 "bench/perf/run-exact without --only"},
		{"{\"add\": ", "{\"set\": {\"statements\": 1}, \"add\": ",
		 "the measurement has statements of mysql set, which the baseline lacks: make "
		 "exact-renew"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(compare_changed(cases[i].from, cases[i].to), -1);
		assert_string_equal(error.text, cases[i].said);
	}
}

static void files_that_are_cut_foreign_or_odd_are_refused(void **state)
{
	static const struct {
		const char *from, *to, *said;
	} cases[] = {
		{"\"write_units\": 0}}}}", "\"write_units\"", ": cut short, or empty: "},
		{"cartbench-exact", "cartbench-result", "is none of the files that"},
		{"\"format_version\": 1", "\"format_version\": 2", "has version 2"},
		{"\"format_version\": 1", "\"format_version\": \"1\"", "has version 0"},
		{"\"made\": {", "\"mad\": {", "does not say how it was made"},
		{"\"made\": {", "\"note\": 1, \"made\": {", "some that are not known"},
		{"\"libc\": \"glibc 2.36\", ", "", "does not say of which libc it is"},
		{"\"libc\": ", "\"shell\": \"dash\", \"libc\": ",
		 "members in \"environment\" that are not known"},
		{"\"operations\": {", "\"operation\": {", "no operations"},
		{"{\"add\": {\"round_trips\": 1, \"statements\": 4}}", "{}",
		 "no operations of mysql"},
		{"{\"round_trips\": 1, \"statements\": 4}", "{}", "no counts of mysql add"},
		{"{\"round_trips\": 1, \"statements\": 4}", "7", "no counts of mysql add"},
		{"\"statements\": 4", "\"joules\": 4", "counts joules of mysql add, which is not"},
		{"\"statements\": 4", "\"statements\": \"4\"",
		 "statements of mysql add is no count"},
		{"\"statements\": 4", "\"statements\": -4", "statements of mysql add is no count"},
		{"\"statements\": 4", "\"round_trips\": 4", ": not JSON: "},
		{good, "", "cut short, or empty"},
		{good, "[1]", "is none of the files that"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = with(cases[i].from, cases[i].to);

		assert_null(read_text(text));
		if (strstr(error.text, cases[i].said) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].said);
		assert_null(strchr(error.text, '\n'));
		free(text);
	}
	assert_null(gate_exact_read("/nowhere/exact.json", &error));
	assert_non_null(strstr(error.text, "/nowhere/exact.json: cannot read it: "));
}

static void counts_of_nothing_are_refused(void **state)
{
	static const char zero[] =
		"\"operations\": {\"sqlite\": {\"add\": {\"transactions\": 0}}}}";
	char *text = with(strstr(good, "\"operations\""), zero);

	(void)state;
	assert_null(read_text(text));
	assert_non_null(strstr(error.text, "has no count above 0: nothing was counted"));
	free(text);
}

static void more_changes_than_can_be_told_are_refused(void **state)
{
	json_t *baseline = read_text(good), *measured;
	char name[32];

	(void)state;
	for (int i = 0; i <= GATE_CHANGES_MAX; i++) {
		snprintf(name, sizeof(name), "op%d", i);
		json_object_set_new(
			json_object_get(json_object_get(baseline, "operations"), "mysql"), name,
			json_pack("{s:i}", "statements", 1));
	}
	measured = json_deep_copy(baseline);
	for (int i = 0; i <= GATE_CHANGES_MAX; i++) {
		snprintf(name, sizeof(name), "op%d", i);
		json_object_set_new(
			json_object_get(json_object_get(measured, "operations"), "mysql"), name,
			json_pack("{s:i}", "statements", 2));
	}
	assert_int_equal(gate_exact_compare(&exact, baseline, measured, &error), -1);
	assert_non_null(strstr(error.text, "more than 512 counts differ"));
	json_decref(baseline);
	json_decref(measured);
}

static void the_lines_name_what_grew_and_how_to_renew(void **state)
{
	json_t *baseline = read_text(good);
	char text[2048] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(compare_changed("\"statements\": 4", "\"statements\": 5"), 0);
	gate_exact_print(out, &exact, baseline);
	fclose(out);
	assert_non_null(
		strstr(text, "7 counts compared with the baseline of 2026-11-26T03:51:35Z"));
	assert_non_null(strstr(text, "GREW   mysql add: SQL statements: from 4 to 5 (+25.0 %)\n"));
	assert_non_null(strstr(text, "gate: REGRESSION: 1 of 7 counts grew"));
	out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	assert_int_equal(compare_changed("\"allocations\": 19", "\"allocations\": 18"), 0);
	gate_exact_print(out, &exact, baseline);
	fclose(out);
	assert_non_null(strstr(text, "SHRANK memory get: allocations: from 19 to 18 (-5.3 %)\n"));
	assert_non_null(strstr(text, "make exact-renew"));
	assert_non_null(strstr(text, "gate: PASS"));
	json_decref(baseline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_counts_pass),
		cmocka_unit_test(any_growth_of_a_count_is_one),
		cmocka_unit_test(what_shrank_is_told_and_passes),
		cmocka_unit_test(instructions_may_grow_by_two_percent),
		cmocka_unit_test(instructions_of_another_compiler_are_not_compared),
		cmocka_unit_test(allocations_with_other_libraries_are_not_compared_and_calls_are),
		cmocka_unit_test(documents_with_different_counts_are_not_compared),
		cmocka_unit_test(files_that_are_cut_foreign_or_odd_are_refused),
		cmocka_unit_test(counts_of_nothing_are_refused),
		cmocka_unit_test(more_changes_than_can_be_told_are_refused),
		cmocka_unit_test(the_lines_name_what_grew_and_how_to_renew),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
