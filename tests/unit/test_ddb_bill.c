/* What AWS bills, by its rules: sizes of values, and units at the sizes of carts. The items that a
 * cartd has stored are counted in tests/dynamodb/test_money.py. */
#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/bill.h"
#include "backends/dynamodb/item/body_parts.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t bytes_of(const char *attributes)
{
	json_t *json = json_loads(attributes, 0, NULL);
	size_t bytes;

	assert_non_null(json);
	bytes = ddb_item_bytes(json);
	json_decref(json);
	return bytes;
}

/* Two digits a byte, and one; pairs of zeros at the ends do not count. */
static void numbers_are_as_long_as_their_digits(void **state)
{
	static const struct {
		const char *attributes;
		size_t bytes;
	} of[] = {
		{"{\"n\": {\"N\": \"0\"}}", 2},
		{"{\"n\": {\"N\": \"7\"}}", 3},
		{"{\"n\": {\"N\": \"12\"}}", 3},
		{"{\"n\": {\"N\": \"120\"}}", 4},
		{"{\"n\": {\"N\": \"200\"}}", 3},
		{"{\"n\": {\"N\": \"-12\"}}", 4},
		{"{\"n\": {\"N\": \"1764547623123\"}}", 9},
		{"{\"n\": {\"N\": \"1764547623100\"}}", 8},
		{"{\"n\": {\"N\": \"1764547623120\"}}", 9},
		{"{\"n\": {\"N\": \"0012\"}}", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		assert_int_equal(bytes_of(of[i].attributes), of[i].bytes);
}

/* Three bytes of a map or list, one of each element. */
static void maps_and_lists_have_an_overhead(void **state)
{
	(void)state;
	assert_int_equal(bytes_of("{}"), 0);
	assert_int_equal(bytes_of("{\"id\": {\"S\": \"abc\"}}"), 5);
	assert_int_equal(bytes_of("{\"m\": {\"M\": {}}}"), 4);
	assert_int_equal(bytes_of("{\"m\": {\"M\": {\"ab\": {\"S\": \"cde\"}}}}"), 1 + 3 + 1 + 5);
	assert_int_equal(bytes_of("{\"l\": {\"L\": [{\"S\": \"ab\"}, {\"M\": {\"x\": {\"N\": "
				  "\"5\"}}}]}}"),
			 1 + 3 + 1 + 2 + 1 + 3 + 1 + 1 + 2);
}

static const char *setting_list(const void *user, const char *key)
{
	(void)user;
	return strcmp(key, "dynamodb.layout") == 0 ? "list" : "";
}

static const char *setting_all(const void *user, const char *key)
{
	(void)user;
	return strcmp(key, "dynamodb.projection") == 0 ? "all" : "";
}

static const char *setting_string(const void *user, const char *key)
{
	(void)user;
	return strcmp(key, "cart.id_type") == 0 ? "string" : "";
}

static void assert_units(const struct cart_bill *bill, enum cart_bill_operation operation,
			 double read, double write)
{
	assert_float_equal(bill->units[operation].read, read, 0);
	assert_float_equal(bill->units[operation].write, write, 0);
}

static void a_create_writes_two_indexes_and_a_checkout_leaves_one(void **state)
{
	struct cart_bill bill;

	(void)state;
	assert_int_equal(ddb_bill(&bill, &(struct cart_bill_cart){.lines = 1}), 0);
	assert_units(&bill, CART_BILL_CREATE, 0, 1 + 2);
	assert_units(&bill, CART_BILL_ADD_LINE, 0, 1);
	assert_units(&bill, CART_BILL_ADD, 0, 1);
	assert_units(&bill, CART_BILL_MOVE, 0, 2);
	assert_units(&bill, CART_BILL_GET, 1, 0);
	assert_units(&bill, CART_BILL_GET_EVENTUAL, 0.5, 0);
	assert_units(&bill, CART_BILL_LIST, 0.5 + 0.5, 0);
	assert_units(&bill, CART_BILL_CHECKOUT, 0, 1 + 1);
	assert_units(&bill, CART_BILL_DELETE, 0, 1 + 2);
	/* The key's item; a false condition and a tombstone. */
	assert_int_equal(ddb_bill(&bill, &(struct cart_bill_cart){.lines = 1, .keyed = true}), 0);
	assert_units(&bill, CART_BILL_CREATE, 0, 1 + 1 + 2);
	assert_units(&bill, CART_BILL_DELETE, 0, 1 + 1 + 2);
}

static void large_carts_take_more_in_each_place(void **state)
{
	struct cart_bill map, list, all;

	(void)state;
	assert_int_equal(ddb_bill(&map, &(struct cart_bill_cart){.lines = 200}), 0);
	assert_units(&map, CART_BILL_ADD, 0, 8);
	assert_units(&map, CART_BILL_GET, 2, 0);
	assert_units(&map, CART_BILL_CHECKOUT, 0, 8 + 1);
	assert_int_equal(
		ddb_bill(&list, &(struct cart_bill_cart){.lines = 200, .setting = setting_list}),
		0);
	assert_units(&list, CART_BILL_ADD, 4, 14);
	assert_units(&list, CART_BILL_CHECKOUT, 4, 14 + 1);
	/* The index of customers holds the cart, and is written with it. */
	assert_int_equal(
		ddb_bill(&all, &(struct cart_bill_cart){.lines = 200, .setting = setting_all}), 0);
	assert_units(&all, CART_BILL_ADD, 0, 8 + 8);
	assert_units(&all, CART_BILL_MOVE, 0, 2);
	assert_units(&all, CART_BILL_LIST, 1, 0);
	assert_units(&all, CART_BILL_DELETE, 0, 8 + 8 + 1);
	assert_true(all.stored_bytes > map.stored_bytes + 7500);
}

/* 10 characters more in each of three maps, and 9 of the customer. */
static void ids_that_are_strings_take_their_length(void **state)
{
	struct cart_bill numbers, strings;

	(void)state;
	assert_int_equal(ddb_bill(&numbers, &(struct cart_bill_cart){.lines = 5}), 0);
	assert_int_equal(
		ddb_bill(&strings, &(struct cart_bill_cart){.lines = 5, .setting = setting_string}),
		0);
	assert_int_equal(strings.bytes - numbers.bytes, 5 * 3 * 10 + 9);
}

#define LARGEST_LINES 1000 /* limits.lines is at most that */

static void fill_largest(struct ddb_item *item)
{
	struct cart *cart = &item->cart;

	assert_true(cart_reserve_lines(cart, LARGEST_LINES));
	item->keys = calloc(DDB_KEYS_MAX, sizeof(*item->keys));
	assert_non_null(item->keys);
	cart->version = CART_VERSION_MAX;
	cart->created_ms = cart->updated_ms = cart->expires_ms = CART_TIME_MAX_MS;
	cart->customer_id.size = SHOP_ID_MAX;
	memset(cart->customer_id.text, '"', SHOP_ID_MAX);
	for (; cart->line_count < LARGEST_LINES; cart->line_count++) {
		struct cart_line *line = &cart->lines[cart->line_count];

		*line = (struct cart_line){.quantity = CART_QUANTITY_MAX - 1,
					   .added_ms = CART_TIME_MAX_MS,
					   .updated_ms = CART_TIME_MAX_MS};
		line->product_id.size = SHOP_ID_MAX;
		memset(line->product_id.text, '\\', SHOP_ID_MAX);
		snprintf(line->product_id.text + SHOP_ID_MAX - 4, 5, "%04d", (int)cart->line_count);
	}
	for (; item->key_count < DDB_KEYS_MAX; item->key_count++) {
		struct ddb_key *key = &item->keys[item->key_count];
		uint8_t hash[CART_KEY_HASH_BYTES] = {(uint8_t)(item->key_count >> 8),
						     (uint8_t)item->key_count};

		ddb_key_name(hash, key->name);
		key->version = CART_VERSION_MAX;
		key->stored_ms = CART_TIME_MAX_MS;
	}
}

/* An item has at most 400 KB. */
static void the_largest_cart_with_the_longest_ids_fits(void **state)
{
	static const enum ddb_layout layouts[] = {DDB_LAYOUT_MAP, DDB_LAYOUT_LIST};
	static const struct cart_rules rules = {
		.ttl_ms = 1000, .idempotency_window_ms = 1000, .idle_step_ms = 1000};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct ddb_table table = {
			.name = "carts", .layout = layouts[i], .idle_shards = 8, .rules = &rules};
		const struct cart_op op = {.now_ms = CART_TIME_MAX_MS};
		struct ddb_item item = {.layout = layouts[i]};
		const struct ddb_put put = {.op = &op,
					    .before = &item,
					    .after = &item.cart,
					    .mark = "0123456789abcdef"};
		struct buf body = {0};
		const json_t *stored;
		json_t *json;

		fill_largest(&item);
		ddb_body_put(&body, &table, &put);
		assert_false(body.failed);
		json = json_loadb(body.data, body.len, 0, NULL);
		stored = json_object_get(json, "Item");
		assert_true(ddb_item_bytes(stored) > LARGEST_LINES * SHOP_ID_MAX);
		assert_true(ddb_item_bytes(stored) < (size_t)400 * 1024);
		json_decref(json);
		buf_free(&body);
		ddb_item_clear(&item);
	}
}

static void who_is_not_paid_by_the_request_has_no_bill(void **state)
{
	struct cart_bill bill;

	(void)state;
	assert_int_equal(cart_bill(&bill, "mysql", &(struct cart_bill_cart){.lines = 1}), -1);
	assert_int_equal(cart_bill(&bill, "no such", &(struct cart_bill_cart){.lines = 1}), -1);
	assert_int_equal(cart_bill(&bill, "dynamodb", &(struct cart_bill_cart){.lines = 1}), 0);
	assert_true(bill.bytes > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_as_long_as_their_digits),
		cmocka_unit_test(maps_and_lists_have_an_overhead),
		cmocka_unit_test(a_create_writes_two_indexes_and_a_checkout_leaves_one),
		cmocka_unit_test(large_carts_take_more_in_each_place),
		cmocka_unit_test(ids_that_are_strings_take_their_length),
		cmocka_unit_test(the_largest_cart_with_the_longest_ids_fits),
		cmocka_unit_test(who_is_not_paid_by_the_request_has_no_bill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
