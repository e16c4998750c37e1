#include "core/cart_id.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static bool parses(const char *text)
{
	struct cart_id id;

	return cart_id_parse(&id, text, strlen(text));
}

static void what_is_parsed_is_formatted_in_lower_case(void **state)
{
	struct cart_id id;
	char text[CART_ID_TEXT + 1];

	(void)state;
	assert_true(cart_id_parse(&id, "550E8400-E29B-41D4-a716-446655440000", CART_ID_TEXT));
	cart_id_format(&id, text);
	assert_string_equal(text, "550e8400-e29b-41d4-a716-446655440000");
	assert_int_equal(id.bytes[0], 0x55);
	assert_int_equal(id.bytes[15], 0);
}

static void only_the_36_characters_are_a_uuid(void **state)
{
	(void)state;
	assert_true(parses("00000000-0000-0000-0000-000000000000"));
	assert_true(parses("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"));
	assert_false(parses("{550e8400-e29b-41d4-a716-446655440000}"));
	assert_false(parses("urn:uuid:550e8400-e29b-41d4-a716-446655440000"));
	assert_false(parses("550e8400e29b41d4a716446655440000"));
	assert_false(parses("550e8400-e29b-41d4-a716-44665544000"));
	assert_false(parses("550e8400-e29b-41d4-a716-4466554400000"));
	assert_false(parses("550e8400-e29b-41d4-a716-44665544000g"));
	assert_false(parses("550e8400-e29b-41d4-a716_446655440000"));
	assert_false(parses("550e840-0e29b-41d4-a716-446655440000"));
	assert_false(parses(""));
}

static void a_text_that_is_no_uuid_leaves_the_id_alone(void **state)
{
	struct cart_id id = {{7}};

	(void)state;
	assert_false(cart_id_parse(&id, "ff0e8400-e29b-41d4-a716-44665544000g", CART_ID_TEXT));
	assert_int_equal(id.bytes[0], 7);
}

static void made_ids_carry_version_and_variant(void **state)
{
	struct cart_id id;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(cart_id_make(&id, CART_ID_V4, 0));
		assert_int_equal(id.bytes[6] >> 4, 4);
		assert_int_equal(id.bytes[8] >> 6, 2);
		assert_true(cart_id_make(&id, CART_ID_V7, 0));
		assert_int_equal(id.bytes[6] >> 4, 7);
		assert_int_equal(id.bytes[8] >> 6, 2);
	}
}

static void v7_starts_with_the_time_and_sorts_by_it(void **state)
{
	struct cart_id early, late;

	(void)state;
	assert_true(cart_id_make(&early, CART_ID_V7, 0x017F22E279B0));
	assert_memory_equal(early.bytes, "\x01\x7f\x22\xe2\x79\xb0", 6);
	assert_true(cart_id_make(&late, CART_ID_V7, 0x017F22E279B1));
	assert_true(cart_id_compare(&early, &late) < 0);
	assert_true(cart_id_compare(&late, &early) > 0);
	assert_int_equal(cart_id_compare(&late, &late), 0);
}

static void ids_do_not_repeat(void **state)
{
	struct cart_id a, b;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(cart_id_make(&a, CART_ID_V4, 0));
		assert_true(cart_id_make(&b, CART_ID_V4, 0));
		assert_int_not_equal(cart_id_compare(&a, &b), 0);
		assert_false(cart_id_is_nil(&a));
	}
}

static void an_id_is_found_among_sorted_ones(void **state)
{
	/* The id stands inside a larger struct, and ids may repeat. */
	struct {
		int64_t before;
		struct cart_id id;
	} things[] = {{1, {{1}}}, {2, {{3}}}, {3, {{3}}}, {4, {{3}}}, {5, {{7}}}};
	const struct cart_id *ids = &things[0].id;
	size_t at;

	(void)state;
	assert_true(cart_id_find(ids, sizeof(things[0]), 5, &(struct cart_id){{1}}, &at));
	assert_int_equal(at, 0);
	assert_true(cart_id_find(ids, sizeof(things[0]), 5, &(struct cart_id){{3}}, &at));
	assert_int_equal(at, 1);
	assert_true(cart_id_find(ids, sizeof(things[0]), 5, &(struct cart_id){{7}}, &at));
	assert_int_equal(at, 4);
	assert_false(cart_id_find(ids, sizeof(things[0]), 5, &(struct cart_id){{0}}, &at));
	assert_int_equal(at, 0);
	assert_false(cart_id_find(ids, sizeof(things[0]), 5, &(struct cart_id){{4}}, &at));
	assert_int_equal(at, 4);
	assert_false(cart_id_find(ids, sizeof(things[0]), 5, &(struct cart_id){{8}}, &at));
	assert_int_equal(at, 5);
	assert_false(cart_id_find(ids, sizeof(things[0]), 0, &(struct cart_id){{1}}, &at));
	assert_int_equal(at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_parsed_is_formatted_in_lower_case),
		cmocka_unit_test(only_the_36_characters_are_a_uuid),
		cmocka_unit_test(a_text_that_is_no_uuid_leaves_the_id_alone),
		cmocka_unit_test(made_ids_carry_version_and_variant),
		cmocka_unit_test(v7_starts_with_the_time_and_sorts_by_it),
		cmocka_unit_test(ids_do_not_repeat),
		cmocka_unit_test(an_id_is_found_among_sorted_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
