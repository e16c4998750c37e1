#include "server/api/conditions.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static void if_match_takes_one_tag_or_a_star(void **state)
{
	static const struct {
		const char *value;
		int64_t version;
	} good[] = {
		{"\"3\"", 3},
		{" \"3\" ", 3},
		{"\t*\t", 0},
		{"*", 0},
		{"\"999999999999999999\"", INT64_C(999999999999999999)},
		{"W/\"3\"", 3},
		{" W/\"3\"\t", 3},
		{"W/\"x\"", CONDITIONS_NO_VERSION},
		{"\"\"", CONDITIONS_NO_VERSION},
		{"\"0\"", CONDITIONS_NO_VERSION},
		{"\"03\"", CONDITIONS_NO_VERSION},
		{"\"-3\"", CONDITIONS_NO_VERSION},
		{"\"abc\"", CONDITIONS_NO_VERSION},
		{"\"\x80\"", CONDITIONS_NO_VERSION},
		{"\"99999999999999999999\"", CONDITIONS_NO_VERSION},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int64_t version = -3;

		assert_true(conditions_if_match(good[i].value, &version));
		assert_int_equal(version, good[i].version);
	}
}

static void if_match_refuses_lists_and_what_is_no_tag(void **state)
{
	static const char *const bad[] = {
		"",	   "3",	   "\"3",     "3\"", "'3'",    "\"1\", \"2\"", "\"1\",",
		"* \"1\"", "*, *", "w/\"3\"", "W/3", "\"3\"x", "\"\x7f\"",     "\"3 \""};
	int64_t version;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(conditions_if_match(bad[i], &version));
}

static bool none_match(const char *value, int64_t version)
{
	bool matches = false;

	assert_true(conditions_if_none_match(value, version, &matches));
	return matches;
}

static void if_none_match_takes_a_list_and_compares_weakly(void **state)
{
	(void)state;
	assert_true(none_match("\"3\"", 3));
	assert_false(none_match("\"3\"", 4));
	assert_true(none_match("W/\"3\"", 3));
	assert_true(none_match("\"1\", W/\"2\" ,\"3\"", 3));
	assert_true(none_match("\"3\",\"1\"", 3));
	assert_true(none_match(" , \"3\",,", 3));
	assert_true(none_match("*", 3));
	assert_false(none_match("\"a,b\", \"4\"", 3));
	assert_true(none_match("\"a,b\", \"4\"", 4));
}

static void if_none_match_refuses_what_is_no_list_of_tags(void **state)
{
	static const char *const bad[] = {
		"", " ", ",", "3", "\"3", "\"3\" \"4\"", "*, \"3\"", "\"3\", *", "\"3\",4"};
	bool matches;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(conditions_if_none_match(bad[i], 3, &matches));
}

static void keys_are_1_to_255_visible_ascii_characters(void **state)
{
	char key[257];

	(void)state;
	memset(key, 'k', sizeof(key));
	key[255] = '\0';
	assert_true(conditions_key_is_valid(key));
	key[255] = 'k';
	key[256] = '\0';
	assert_false(conditions_key_is_valid(key));
	assert_true(conditions_key_is_valid("!"));
	assert_true(conditions_key_is_valid("~"));
	assert_false(conditions_key_is_valid(""));
	assert_false(conditions_key_is_valid("a b"));
	assert_false(conditions_key_is_valid("\x7f"));
	assert_false(conditions_key_is_valid("\xc3\xa9"));
}

static void prefer_is_a_list_whose_first_return_counts(void **state)
{
	static const char *const yes[] = {
		"return=representation",
		"Return = \"representation\"",
		"respond-async, wait=10, return=representation; foo=bar",
		"foo=\"return=minimal, \\\" return=minimal\", return=REPRESENTATION",
		",, return=representation,",
		"return=representation, return=minimal",
	};
	static const char *const other[] = {
		"return",
		"return=minimal",
		"return=minimal, return=representation",
		"return=representations",
	};
	static const char *const none[] = {
		"",
		"returns=representation",
		"foo=\"return=representation\"",
		"foo=\", return=representation",
		"foo; return=representation",
		"representation",
	};

	bool wanted = false;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		wanted = false;
		assert_true(conditions_read_return(yes[i], &wanted));
		assert_true(wanted);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		wanted = true;
		assert_true(conditions_read_return(other[i], &wanted));
		assert_false(wanted);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		wanted = true;
		assert_false(conditions_read_return(none[i], &wanted));
		assert_true(wanted);
	}
}

static void json_is_told_from_other_media_types(void **state)
{
	(void)state;
	assert_true(conditions_is_json("application/json"));
	assert_true(conditions_is_json("Application/JSON ; charset=utf-8"));
	assert_false(conditions_is_json("application/jsonp"));
	assert_false(conditions_is_json("application/x-www-form-urlencoded"));
	assert_false(conditions_is_json("text/json"));
	assert_false(conditions_is_json(""));
	assert_false(conditions_is_json(";application/json"));
}

static void a_version_is_its_number_in_quotes(void **state)
{
	char tag[CONDITIONS_TAG_MAX];
	int64_t version;

	(void)state;
	conditions_format_tag(tag, 3);
	assert_string_equal(tag, "\"3\"");
	conditions_format_tag(tag, INT64_MAX);
	assert_string_equal(tag, "\"9223372036854775807\"");
	conditions_format_tag(tag, 120);
	assert_true(conditions_if_match(tag, &version));
	assert_int_equal(version, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(if_match_takes_one_tag_or_a_star),
		cmocka_unit_test(if_match_refuses_lists_and_what_is_no_tag),
		cmocka_unit_test(if_none_match_takes_a_list_and_compares_weakly),
		cmocka_unit_test(if_none_match_refuses_what_is_no_list_of_tags),
		cmocka_unit_test(keys_are_1_to_255_visible_ascii_characters),
		cmocka_unit_test(prefer_is_a_list_whose_first_return_counts),
		cmocka_unit_test(json_is_told_from_other_media_types),
		cmocka_unit_test(a_version_is_its_number_in_quotes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
