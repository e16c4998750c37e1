#include "server/api/query.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static const char *const known[] = {"customer_id", "status", "limit", NULL};
static struct query query;
static char detail[QUERY_DETAIL_MAX];

static void values_are_found_by_name_in_any_order(void **state)
{
	(void)state;
	assert_true(query_parse(&query, "limit=5&customer_id=7", known, detail));
	assert_string_equal(query.values[0], "7");
	assert_null(query.values[1]);
	assert_string_equal(query.values[2], "5");
	assert_true(query_is(&query, 2, "5"));
	assert_false(query_is(&query, 2, "55"));
	assert_false(query_is(&query, 1, ""));
}

static void no_query_and_an_empty_one_hold_nothing(void **state)
{
	static const char *const empty[] = {NULL, "", "&", "&&"};

	(void)state;
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		assert_true(query_parse(&query, empty[i], known, detail));
		assert_null(query.values[0]);
		assert_true(query_parse(&query, empty[i], NULL, detail));
	}
}

static void values_are_percent_decoded_and_plus_is_itself(void **state)
{
	(void)state;
	assert_true(query_parse(&query, "status=a%20%2Bb+c%3D=", known, detail));
	assert_string_equal(query.values[1], "a +b+c==");
	assert_true(query_parse(&query, "status=open%00", known, detail));
	assert_false(query_is(&query, 1, "open"));
	assert_int_equal(query.lens[1], 5);
}

static void a_name_without_a_value_is_empty(void **state)
{
	(void)state;
	assert_true(query_parse(&query, "status&limit=", known, detail));
	assert_true(query_is(&query, 1, ""));
	assert_true(query_is(&query, 2, ""));
}

static void assert_refused(const char *text, const char *says)
{
	assert_false(query_parse(&query, text, known, detail));
	assert_non_null(strstr(detail, says));
}

static void what_is_wrong_is_named(void **state)
{
	char longest[2 * QUERY_TEXT_MAX] = "status=";

	(void)state;
	assert_refused("limt=5", "unknown query parameter 'limt'");
	assert_refused("=5", "unknown query parameter ''");
	assert_refused("limit=5&limit=5", "'limit' is given twice");
	assert_refused("limit=%5", "'limit' is badly percent-encoded");
	assert_refused("l%0amit=\n", "'l%0amit'");
	assert_refused("\x01\xff\"=", "'??\"'");
	memset(longest + 7, 'a', sizeof(longest) - 8);
	assert_refused(longest, "'status' is too long");
}

static void values_up_to_the_room_fit_together(void **state)
{
	char text[QUERY_TEXT_MAX + 64] = "status=";
	size_t at = strlen(text);

	(void)state;
	/* "5" and its NUL, the rest and its NUL */
	memset(text + at, 'a', QUERY_TEXT_MAX - 3);
	strcpy(text + at + QUERY_TEXT_MAX - 3, "&limit=5");
	assert_true(query_parse(&query, text, known, detail));
	strcpy(text + at + QUERY_TEXT_MAX - 3, "a&limit=5");
	assert_false(query_parse(&query, text, known, detail));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_by_name_in_any_order),
		cmocka_unit_test(no_query_and_an_empty_one_hold_nothing),
		cmocka_unit_test(values_are_percent_decoded_and_plus_is_itself),
		cmocka_unit_test(a_name_without_a_value_is_empty),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(values_up_to_the_room_fit_together),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
