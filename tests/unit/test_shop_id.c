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

static void take(enum shop_id_type type)
{
	assert_true(shop_id_type_take(type));
}

static void a_string_is_1_to_64_visible_characters(void **state)
{
	static const char *const wrong[] = {"", " ", "a b", "a\t", "\x7f", "\xc3\xa9", "a\n"};
	char most[66];
	struct shop_id id = {0};

	(void)state;
	take(SHOP_ID_STRING);
	memset(most, '~', sizeof(most));
	assert_true(shop_id_parse(&id, most, 64));
	assert_int_equal(id.size, 64);
	assert_true(shop_id_is_valid(&id));
	assert_false(shop_id_parse(&id, most, 65));
	assert_int_equal(id.size, 64);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(shop_id_parse(&id, wrong[i], strlen(wrong[i])));
	assert_false(shop_id_parse(&id, "a\0b", 3));
	for (char c = '!'; c <= '~'; c++)
		assert_true(shop_id_parse(&id, &c, 1));
	assert_true(shop_id_parse(&id, "0", 1));
	shop_id_type_release();
}

static void strings_are_in_the_order_of_their_bytes(void **state)
{
	static const char *const texts[] = {"!",  "!!", "\"", "10", "1a", "9",	  "99",
					    "A1", "a",	"aa", "ab", "b",  "b!~~", "~"};
	size_t count = sizeof(texts) / sizeof(texts[0]);

	(void)state;
	take(SHOP_ID_STRING);
	for (size_t a = 0; a < count; a++) {
		for (size_t b = 0; b < count; b++) {
			struct shop_id x = {0}, y = {0};

			assert_true(shop_id_parse(&x, texts[a], strlen(texts[a])));
			assert_true(shop_id_parse(&y, texts[b], strlen(texts[b])));
			assert_int_equal(shop_id_compare(&x, &y) < 0, a < b);
			assert_int_equal(shop_id_compare(&x, &y) > 0, a > b);
		}
	}
	shop_id_type_release();
}

static void strings_of_numbers_are_in_the_order_of_the_numbers(void **state)
{
	struct shop_id nine, ten, other = {0};

	(void)state;
	take(SHOP_ID_STRING);
	nine = shop_id_of_number(9);
	ten = shop_id_of_number(10);
	assert_string_equal(ten.text, "0000000000000010");
	assert_true(shop_id_compare(&nine, &ten) < 0);
	assert_int_equal(shop_id_number(&ten), 10);
	assert_true(shop_id_parse(&other, "SKU-10", 6));
	assert_int_equal(shop_id_number(&other), 0);
	shop_id_type_release();
}

static void quotes_and_backslashes_are_escaped(void **state)
{
	struct shop_id id = {0};
	char text[SHOP_ID_ESCAPED];

	(void)state;
	take(SHOP_ID_STRING);
	assert_true(shop_id_parse(&id, "a\"\\/", 4));
	assert_int_equal(shop_id_escape(text, &id) - text, 6);
	assert_memory_equal(text, "a\\\"\\\\/", 6);
	memset(id.text, '\\', 64);
	id.size = 64;
	assert_int_equal(shop_id_escape(text, &id) - text, SHOP_ID_ESCAPED);
	shop_id_type_release();
}

static void two_takers_have_one_type(void **state)
{
	(void)state;
	take(SHOP_ID_INTEGER);
	take(SHOP_ID_INTEGER);
	assert_false(shop_id_type_take(SHOP_ID_STRING));
	shop_id_type_release();
	assert_false(shop_id_type_take(SHOP_ID_STRING));
	shop_id_type_release();
	take(SHOP_ID_STRING);
	assert_int_equal(shop_id_type(), SHOP_ID_STRING);
	assert_false(shop_id_type_take(SHOP_ID_INTEGER));
	shop_id_type_release();
	take(SHOP_ID_INTEGER);
	shop_id_type_release();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_integer_is_held_as_its_decimal),
		cmocka_unit_test(what_is_no_integer_is_refused),
		cmocka_unit_test(an_id_that_was_not_parsed_is_not_valid),
		cmocka_unit_test(only_the_given_bytes_are_read),
		cmocka_unit_test(integers_are_in_the_order_of_their_values),
		cmocka_unit_test(a_string_is_1_to_64_visible_characters),
		cmocka_unit_test(strings_are_in_the_order_of_their_bytes),
		cmocka_unit_test(strings_of_numbers_are_in_the_order_of_the_numbers),
		cmocka_unit_test(quotes_and_backslashes_are_escaped),
		cmocka_unit_test(two_takers_have_one_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
