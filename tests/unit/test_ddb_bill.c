/* What AWS bills, by its rules: sizes of values, and units at the sizes of carts. The items that a
 * cartd has stored are counted in tests/dynamodb/test_money.py. */
#include "backends/dynamodb/item/bill.h"
#include "tests/lib/cmocka.h"

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
		cmocka_unit_test(who_is_not_paid_by_the_request_has_no_bill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
