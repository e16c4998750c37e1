#include "server/http/text.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static bool integer(const char *text, int64_t *value)
{
	return text_integer(text, strlen(text), 1, 100, value);
}

static void integers_are_digits_in_range(void **state)
{
	static const char *const bad[] = {"",	 "0", "101", "-1", "+1", "01",
					  "1.0", "a", "1a",  " 1", "1 ", "99999999999999999999"};
	int64_t value;

	(void)state;
	assert_true(integer("1", &value));
	assert_int_equal(value, 1);
	assert_true(integer("100", &value));
	assert_int_equal(value, 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(integer(bad[i], &value));
	assert_true(text_integer("0", 1, 0, 5, &value));
	assert_int_equal(value, 0);
	assert_false(text_integer("1\0", 2, 0, 5, &value));
}

static const char *ms(int64_t ns)
{
	static char text[TEXT_MS + 1];

	*text_put_ms(text, ns) = '\0';
	return text;
}

static void durations_are_milliseconds_with_two_decimals(void **state)
{
	(void)state;
	assert_string_equal(ms(0), "0.00");
	assert_string_equal(ms(4999), "0.00");
	assert_string_equal(ms(5000), "0.01");
	assert_string_equal(ms(510000), "0.51");
	assert_string_equal(ms(999996000), "1000.00");
	assert_string_equal(ms(12345678901), "12345.68");
	assert_string_equal(ms(-1), "0.00");
}

static enum text_decoded decode(const char *text, char *out, size_t room, size_t *len)
{
	return text_percent_decode(out, room, len, text, strlen(text));
}

static void percent_encoding_is_decoded(void **state)
{
	char out[8];
	size_t len;

	(void)state;
	assert_int_equal(decode("a%41%2f+", out, sizeof(out), &len), TEXT_DECODED);
	assert_string_equal(out, "aA/+");
	assert_int_equal(decode("%00%fF", out, sizeof(out), &len), TEXT_DECODED);
	assert_memory_equal(out, "\0\xff", 3);
	assert_int_equal(len, 2);
	assert_int_equal(decode("1234567", out, sizeof(out), &len), TEXT_DECODED);
	assert_int_equal(decode("12345678", out, sizeof(out), &len), TEXT_TOO_LONG);
	assert_int_equal(decode("%", out, sizeof(out), &len), TEXT_BAD_ESCAPE);
	assert_int_equal(decode("%4", out, sizeof(out), &len), TEXT_BAD_ESCAPE);
	assert_int_equal(decode("%%41", out, sizeof(out), &len), TEXT_BAD_ESCAPE);
	/* The digits have to lie within the length given. */
	assert_int_equal(text_percent_decode(out, sizeof(out), &len, "%41", 2), TEXT_BAD_ESCAPE);
}

static void what_a_client_sent_is_quoted_safely(void **state)
{
	char out[TEXT_QUOTED], longest[100];

	(void)state;
	assert_string_equal(text_quote(out, "a\n\xc3 b\x7f", 6), "'a?? b?'");
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(strlen(text_quote(out, longest, 48)), 50);
	assert_int_equal(strlen(text_quote(out, longest, 100)), 50);
	assert_string_equal(out + 45, "x...'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_digits_in_range),
		cmocka_unit_test(durations_are_milliseconds_with_two_decimals),
		cmocka_unit_test(percent_encoding_is_decoded),
		cmocka_unit_test(what_a_client_sent_is_quoted_safely),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
