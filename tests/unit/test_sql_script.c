#include "backends/mysql/schema.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static void a_script_is_cut_at_the_semicolons_that_end_statements(void **state)
{
	static const char text[] = "-- first; not a statement\n"
				   "; /* nor; this */ # nor; this\n"
				   "A 'x;''y\\';' ;;\n"
				   "B \"x;\"\"\\\";\" `x;``\\`-- c;\n/*;*/ -1--1;\n"
				   "/*!80000 C; */;/*M! D; */ E;\n"
				   "F -- the end;";
	static const char *const statements[] = {
		"A 'x;''y\\';' ", "B \"x;\"\"\\\";\" `x;``\\`-- c;\n/*;*/ -1--1",
		"/*!80000 C; */", "/*M! D; */ E",
		"F -- the end;",
	};
	const char *rest = text;
	const char *sql;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		assert_true(sql_script_next(&rest, &sql, &len));
		assert_int_equal(len, strlen(statements[i]));
		assert_memory_equal(sql, statements[i], len);
	}
	assert_false(sql_script_next(&rest, &sql, &len));
	assert_int_equal(*rest, '\0');
}

/* What ends in the middle of something ends there. */
static void a_script_cut_off_anywhere_stays_within_itself(void **state)
{
	static const char text[] = "A 'x\\'y' \"z\" `n` -- c\n /* d */ # e\n; B--";

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		char *copy = strndup(text, cut);
		const char *rest = copy;
		const char *sql;
		size_t len;

		for (int i = 0; sql_script_next(&rest, &sql, &len); i++) {
			assert_true(sql >= copy && sql + len <= copy + cut);
			assert_true(i < 2);
		}
		assert_ptr_equal(rest, copy + cut);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_is_cut_at_the_semicolons_that_end_statements),
		cmocka_unit_test(a_script_cut_off_anywhere_stays_within_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
