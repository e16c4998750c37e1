#include "core/cart_json.h"

#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"

#include <jansson.h>
#include <string.h>

static const char *write_cart(struct buf *out, const struct cart *cart)
{
	buf_reset(out);
	cart_json_write(out, cart);
	return buf_string(out);
}

static void an_open_cart_is_written_as_the_contract_shows_it(void **state)
{
	struct cart_line lines[] = {
		{id_of(456), 2, INT64_C(1762040100000), INT64_C(1762040100123), NULL},
		{id_of(SHOP_ID_NUMBER_MAX), 1000000, 0, 0, NULL},
	};
	struct cart cart = {
		.customer_id = id_of(123),
		.version = 3,
		.created_ms = INT64_C(1762039800000),
		.updated_ms = INT64_C(1762040100000),
		.expires_ms = INT64_C(1764632100000),
		.lines = lines,
		.line_count = 2,
	};
	struct buf out = {0};

	(void)state;
	assert_true(cart_id_parse(&cart.id, "550e8400-e29b-41d4-a716-446655440000", CART_ID_TEXT));
	assert_string_equal(
		write_cart(&out, &cart),
		"{\"shopping_cart_id\":\"550e8400-e29b-41d4-a716-446655440000\","
		"\"customer_id\":123,\"status\":\"open\",\"version\":3,"
		"\"created_at\":\"2025-11-01T23:30:00.000Z\","
		"\"updated_at\":\"2025-11-01T23:35:00.000Z\","
		"\"expires_at\":\"2025-12-01T23:35:00.000Z\",\"order_id\":null,\"items\":["
		"{\"product_id\":456,\"quantity\":2,\"added_at\":\"2025-11-01T23:35:00.000Z\","
		"\"updated_at\":\"2025-11-01T23:35:00.123Z\"},"
		"{\"product_id\":9007199254740991,\"quantity\":1000000,"
		"\"added_at\":\"1970-01-01T00:00:00.000Z\","
		"\"updated_at\":\"1970-01-01T00:00:00.000Z\"}]}");
	buf_free(&out);
}

static void strings_are_quoted_and_escaped(void **state)
{
	struct cart_line line = {{5, "a\"\\/b"}, 1, 0, 0, NULL};
	struct cart cart = {.customer_id = {1, "9"}, .version = 1, .lines = &line, .line_count = 1};
	struct buf out = {0};

	(void)state;
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	assert_non_null(strstr(write_cart(&out, &cart), "\"customer_id\":\"9\",\"status\""));
	assert_non_null(
		strstr(write_cart(&out, &cart), "{\"product_id\":\"a\\\"\\\\/b\",\"quantity\":1,"));
	shop_id_type_release();
	buf_free(&out);
}

static void a_checked_out_cart_is_json_that_others_read(void **state)
{
	struct cart cart = {.customer_id = id_of(1), .state = CART_CHECKED_OUT, .version = 2};
	struct buf out = {0};
	json_t *json;

	(void)state;
	cart.order_id.bytes[0] = 0xab;
	json = json_loads(write_cart(&out, &cart), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "status")), "checked_out");
	assert_string_equal(json_string_value(json_object_get(json, "order_id")),
			    "ab000000-0000-0000-0000-000000000000");
	assert_true(json_is_null(json_object_get(json, "expires_at")));
	assert_int_equal(json_array_size(json_object_get(json, "items")), 0);
	assert_int_equal(json_object_size(json), 9);
	json_decref(json);
	buf_free(&out);
}

static void strings_are_escaped(void **state)
{
	struct buf out = {0};

	(void)state;
	buf_add_json_string(&out, "a\"b\\c\nd\x01\xc3\xa9");
	assert_string_equal(buf_string(&out), "\"a\\\"b\\\\c\\u000ad\\u0001\xc3\xa9\"");
	buf_free(&out);
}

static void integers_are_written_whole(void **state)
{
	struct buf out = {0};

	(void)state;
	buf_add_integer(&out, INT64_MIN);
	buf_add_char(&out, ' ');
	buf_add_integer(&out, INT64_MAX);
	buf_add_char(&out, ' ');
	buf_add_integer(&out, 0);
	assert_string_equal(buf_string(&out), "-9223372036854775808 9223372036854775807 0");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_cart_is_written_as_the_contract_shows_it),
		cmocka_unit_test(strings_are_quoted_and_escaped),
		cmocka_unit_test(a_checked_out_cart_is_json_that_others_read),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(integers_are_written_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
