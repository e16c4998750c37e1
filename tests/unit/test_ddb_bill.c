/* What AWS bills, by its rules: sizes of values, and units at the sizes of carts. The items that a
 * cartd has stored are counted in tests/dynamodb/test_money.py. */
#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/bill.h"
#include "backends/dynamodb/item/item_bytes.h"
#include "backends/dynamodb/item/body_parts.h"
#include "backends/dynamodb/item/largest.h"
#include "tests/lib/cmocka.h"

#include <inttypes.h>
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
	/* Seal, decision, end and the entry of idle-index, the decision's removal. */
	assert_units(&bill, CART_BILL_MERGE, 1 + 1, 1 + 1 + 1 + 1 + 1);
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
	assert_units(&map, CART_BILL_MERGE, 1 + 2, 9 + 9 + 9 + 1 + 9);
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

/* In layout map a name of a space and the product, and a text; in layout list a name of 10 letters.
 * Each is an element of its map. */
static void attributes_take_their_text_and_a_name(void **state)
{
	const struct cart_bill_cart with = {.lines = 20, .attributes = 100};
	struct cart_bill_cart list = {.lines = 20, .setting = setting_list};
	struct cart_bill bill, without;

	(void)state;
	assert_int_equal(ddb_bill(&without, &(struct cart_bill_cart){.lines = 20}), 0);
	assert_int_equal(ddb_bill(&bill, &with), 0);
	assert_int_equal(bill.bytes - without.bytes, 20 * (1 + 1 + 6 + 100));
	assert_int_equal(bill.stored_bytes - without.stored_bytes, 20 * (1 + 1 + 6 + 100));
	assert_units(&bill, CART_BILL_ADD, 0, 4);
	assert_units(&bill, CART_BILL_GET, 1, 0);
	assert_int_equal(ddb_bill(&without, &list), 0);
	list.attributes = 100;
	assert_int_equal(ddb_bill(&bill, &list), 0);
	assert_int_equal(bill.bytes - without.bytes, 20 * (1 + 10 + 100));
	assert_units(&bill, CART_BILL_ADD, 1, 4);
}

#define LARGEST_LINES 1000 /* limits.lines is at most that */

static char *longest_attributes(size_t size)
{
	char *text = size > 0 ? calloc(1, size + 1) : NULL;

	assert_true(size == 0 || text != NULL);
	if (text != NULL)
		memset(text, '"', size);
	return text;
}

static void fill_largest(struct ddb_item *item, size_t lines, size_t attributes)
{
	struct cart *cart = &item->cart;

	assert_true(cart_reserve_lines(cart, lines));
	item->keys = calloc(DDB_KEYS_MAX, sizeof(*item->keys));
	assert_non_null(item->keys);
	cart->version = CART_VERSION_MAX;
	cart->created_ms = cart->updated_ms = cart->expires_ms = CART_TIME_MAX_MS;
	cart->customer_id.size = SHOP_ID_MAX;
	memset(cart->customer_id.text, '"', SHOP_ID_MAX);
	for (; cart->line_count < lines; cart->line_count++) {
		struct cart_line *line = &cart->lines[cart->line_count];

		*line = (struct cart_line){.quantity = CART_QUANTITY_MAX - 1,
					   .added_ms = CART_TIME_MAX_MS,
					   .updated_ms = CART_TIME_MAX_MS,
					   .attributes = longest_attributes(attributes)};
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

/* The bytes of the largest cart with the longest ids, which cartd writes in that layout. */
static int64_t written_largest(enum ddb_layout layout, size_t lines, size_t attributes)
{
	static const struct cart_rules rules = {
		.ttl_ms = 1000, .idempotency_window_ms = 1000, .idle_step_ms = 1000};
	const struct ddb_table table = {
		.name = "carts", .layout = layout, .idle_shards = 8, .rules = &rules};
	const struct cart_op op = {.now_ms = CART_TIME_MAX_MS};
	struct ddb_item item = {.layout = layout,
				.keyed_until_ms = CART_TIME_MAX_MS + 1,
				.create_key = "key#AAAAAAAAAAAAAAAAAAAAAA"};
	const struct ddb_put put = {
		.op = &op, .before = &item, .after = &item.cart, .mark = "0123456789abcdef"};
	struct buf body = {0};
	json_t *json;
	int64_t bytes;

	fill_largest(&item, lines, attributes);
	ddb_body_put(&body, &table, &put);
	assert_false(body.failed);
	json = json_loadb(body.data, body.len, 0, NULL);
	bytes = (int64_t)ddb_item_bytes(json_object_get(json, "Item"));
	json_decref(json);
	buf_free(&body);
	ddb_item_clear(&item);
	return bytes;
}

/* An item has at most 400 KB. */
static void the_largest_cart_without_attributes_fits(void **state)
{
	(void)state;
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	for (int layout = DDB_LAYOUT_MAP; layout <= DDB_LAYOUT_LIST; layout++) {
		struct cart_error error;
		const struct cart_rules rules = {.lines_max = LARGEST_LINES};

		assert_true(written_largest(layout, LARGEST_LINES, 0) > LARGEST_LINES * 64);
		assert_true(written_largest(layout, LARGEST_LINES, 0) < DDB_ITEM_MAX);
		assert_int_equal(ddb_check_limits(layout, &rules, &error), 0);
	}
	shop_id_type_release();
}

/* What is computed at start is what is written, but for the little that a cart has beside its lines
 * and keys. */
static void the_size_of_the_largest_cart_is_computed(void **state)
{
	static const struct {
		size_t lines, attributes;
	} of[] = {{1, 0}, {1, 1}, {200, 0}, {200, 256}, {1000, 0}, {1000, 300}};

	(void)state;
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	for (size_t i = 0; i < 2 * sizeof(of) / sizeof(*of); i++) {
		enum ddb_layout layout = i % 2 == 0 ? DDB_LAYOUT_MAP : DDB_LAYOUT_LIST;
		size_t lines = of[i / 2].lines, attributes = of[i / 2].attributes;
		int64_t written = written_largest(layout, lines, attributes);
		int64_t computed = ddb_largest_item(layout, (int64_t)lines, (int64_t)attributes);

		if (computed < written || computed - written > 1600)
			fail_msg("%zu lines of %zu bytes: computed %" PRId64 ", written %" PRId64,
				 lines, attributes, computed, written);
	}
	shop_id_type_release();
}

/* The number behind that text of a message. */
static int64_t number_after(const struct cart_error *error, const char *text)
{
	const char *at = strstr(error->text, text);

	assert_non_null(at);
	return atoll(at + strlen(text));
}

static void assert_advice(enum ddb_layout layout, const struct cart_rules *rules, const char *text,
			  bool lines)
{
	struct cart_rules advised = *rules;
	int64_t *value = lines ? &advised.lines_max : &advised.attributes_max;
	struct cart_error error;

	assert_int_equal(ddb_check_limits(layout, rules, &error), -1);
	*value = number_after(&error, text);
	assert_true(*value > 0);
	assert_int_equal(ddb_check_limits(layout, &advised, &error), 0);
	++*value;
	assert_int_equal(ddb_check_limits(layout, &advised, &error), -1);
}

static void limits_that_allow_more_than_an_item_are_refused(void **state)
{
	const struct cart_rules usual = {.lines_max = 200, .attributes_max = 256};
	const struct cart_rules much = {.lines_max = 1000, .attributes_max = 1024};
	struct cart_error error;

	(void)state;
	for (int type = SHOP_ID_INTEGER; type <= SHOP_ID_STRING; type++) {
		assert_true(shop_id_type_take(type));
		for (int layout = DDB_LAYOUT_MAP; layout <= DDB_LAYOUT_LIST; layout++) {
			assert_int_equal(ddb_check_limits(layout, &usual, &error), 0);
			assert_advice(layout, &much, "set limits.attributes to ", false);
			assert_advice(layout, &much, "or limits.lines to ", true);
		}
		shop_id_type_release();
	}
	assert_int_equal(ddb_check_limits(DDB_LAYOUT_MAP, &much, &error), -1);
	assert_non_null(strstr(error.text, "limits.lines=1000 and limits.attributes=1024 "));
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
		cmocka_unit_test(attributes_take_their_text_and_a_name),
		cmocka_unit_test(the_largest_cart_without_attributes_fits),
		cmocka_unit_test(the_size_of_the_largest_cart_is_computed),
		cmocka_unit_test(limits_that_allow_more_than_an_item_are_refused),
		cmocka_unit_test(who_is_not_paid_by_the_request_has_no_bill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
