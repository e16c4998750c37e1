#include "core/shop_id.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static void an_integer_is_held_as_its_decimal(void **state)
{
	static const struct {
		int64_t number;
		const char *text;
	} cases[] = {
		{1, "1"},
		{9, "9"},
		{10, "10"},
		{456, "456"},
		{SHOP_ID_NUMBER_MAX, "9007199254740991"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shop_id id = shop_id_of_number(cases[i].number), parsed = {0};

		assert_string_equal(id.text, cases[i].text);
		assert_int_equal(id.size, strlen(cases[i].text));
		assert_true(shop_id_parse(&parsed, cases[i].text, strlen(cases[i].text)));
		assert_memory_equal(&parsed, &id, sizeof(id));
		assert_true(shop_id_is_valid(&id));
		assert_true(shop_id_number(&id) == cases[i].number);
	}
}

static void what_is_no_integer_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"0",
		"01",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1.0",
		"1e3",
		"a",
		"9007199254740992",
		"99999999999999999",
		"18446744073709551617",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shop_id id = shop_id_of_number(7);

		if (shop_id_parse(&id, cases[i], strlen(cases[i])))
			fail_msg("\"%s\" was taken", cases[i]);
		assert_string_equal(id.text, "7");
	}
}

static void an_id_that_was_not_parsed_is_not_valid(void **state)
{
	static const struct shop_id cases[] = {
		{0}, {1, "0"}, {2, "01"}, {2, "1"}, {1, "a"}, {16, "9007199254740992"}, {65, "1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_false(shop_id_is_valid(&cases[i]));
}

static void only_the_given_bytes_are_read(void **state)
{
	struct shop_id id;

	(void)state;
	assert_true(shop_id_parse(&id, "12345", 3));
	assert_string_equal(id.text, "123");
	assert_false(shop_id_parse(&id, "1\0002", 3));
}

static void integers_are_in_the_order_of_their_values(void **state)
{
	static const int64_t numbers[] = {1, 2, 9, 10, 11, 99, 100, 1234, SHOP_ID_NUMBER_MAX};
	size_t count = sizeof(numbers) / sizeof(numbers[0]);

	(void)state;
	for (size_t a = 0; a < count; a++) {
		for (size_t b = 0; b < count; b++) {
			struct shop_id x = shop_id_of_number(numbers[a]);
			struct shop_id y = shop_id_of_number(numbers[b]);
			int order = shop_id_compare(&x, &y);

			assert_int_equal(order < 0, a < b);
			assert_int_equal(order > 0, a > b);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_integer_is_held_as_its_decimal),
		cmocka_unit_test(what_is_no_integer_is_refused),
		cmocka_unit_test(an_id_that_was_not_parsed_is_not_valid),
		cmocka_unit_test(only_the_given_bytes_are_read),
		cmocka_unit_test(integers_are_in_the_order_of_their_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
