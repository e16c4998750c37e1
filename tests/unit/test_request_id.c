#include "server/http/request_id.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static void ids_that_are_made_differ_and_are_valid(void **state)
{
	struct random ids, others;
	char first[REQUEST_ID_MAX + 1], second[REQUEST_ID_MAX + 1], other[REQUEST_ID_MAX + 1];
	char taken[REQUEST_ID_MAX + 1];

	(void)state;
	random_seed(&ids);
	random_seed(&others);
	request_id_make(&ids, first);
	request_id_make(&ids, second);
	request_id_make(&others, other);
	assert_int_equal(strlen(first), 16);
	assert_int_equal(strspn(first, "0123456789abcdef"), 16);
	assert_string_not_equal(first, second);
	assert_string_not_equal(first, other);
	assert_true(request_id_take(first, taken));
	assert_string_equal(taken, first);
}

static void a_clients_id_is_taken_when_it_is_harmless(void **state)
{
	char text[REQUEST_ID_MAX + 1], longest[REQUEST_ID_MAX + 2];

	(void)state;
	assert_true(request_id_take("Az09._-", text));
	assert_string_equal(text, "Az09._-");
	memset(longest, 'x', sizeof(longest));
	longest[REQUEST_ID_MAX + 1] = '\0';
	assert_false(request_id_take(longest, text));
	longest[REQUEST_ID_MAX] = '\0';
	assert_true(request_id_take(longest, text));
	assert_string_equal(text, longest);
	assert_false(request_id_take(NULL, text));
	assert_false(request_id_take("", text));
	assert_false(request_id_take("a b", text));
	assert_false(request_id_take("a\"", text));
	assert_false(request_id_take("\xc3\xa9", text));
}

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void a_valid_traceparent_gives_its_trace_id(void **state)
{
	char text[TRACE_ID_TEXT + 1];

	(void)state;
	assert_true(request_trace_id("00-" TRACE "-" PARENT "-01", text));
	assert_string_equal(text, TRACE);
	assert_true(request_trace_id("01-" TRACE "-" PARENT "-00-more", text));
	assert_true(request_trace_id("fe-" TRACE "-" PARENT "-00", text));
}

static void an_invalid_traceparent_gives_none(void **state)
{
	static const char *const bad[] = {
		"",
		"00",
		"00-" TRACE "-" PARENT "-0",
		"00-" TRACE "-" PARENT "-01-more",
		"00-" TRACE "-" PARENT "-011",
		"01-" TRACE "-" PARENT "-011",
		"ff-" TRACE "-" PARENT "-01",
		"0g-" TRACE "-" PARENT "-01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" TRACE "-0000000000000000-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
		"00_" TRACE "-" PARENT "-01",
		"00-" TRACE "_" PARENT "-01",
		"00-" TRACE "-" PARENT "_01",
		"00-" TRACE "-" PARENT "-0g",
	};
	char text[TRACE_ID_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(request_trace_id(bad[i], text));
	assert_false(request_trace_id(NULL, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_that_are_made_differ_and_are_valid),
		cmocka_unit_test(a_clients_id_is_taken_when_it_is_harmless),
		cmocka_unit_test(a_valid_traceparent_gives_its_trace_id),
		cmocka_unit_test(an_invalid_traceparent_gives_none),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
