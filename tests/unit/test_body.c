#include "server/api/body.h"

#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char detail[BODY_DETAIL_MAX];

static const struct cart_rules rules = {.quantity_max = 1000000, .attributes_max = 256};
static struct changes changes;

static enum body_result read_quantity(const char *text, size_t len, int64_t *quantity)
{
	enum body_result result;

	changes_clear(&changes);
	result = body_read_line(text, len, &rules, &changes, detail);
	if (result == BODY_OK)
		*quantity = changes.one.quantity;
	return result;
}

static enum body_result quantity_of(const char *text, int64_t *quantity)
{
	return read_quantity(text, strlen(text), quantity);
}

static void assert_quantity_refused(const char *text, enum body_result result, const char *says)
{
	int64_t quantity = 77;

	memset(detail, 0, sizeof(detail));
	assert_int_equal(quantity_of(text, &quantity), result);
	if (strstr(detail, says) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, detail, says);
	assert_int_equal(quantity, 77);
}

static void integers_in_range_are_taken(void **state)
{
	int64_t quantity;

	(void)state;
	assert_int_equal(quantity_of("{\"quantity\":0}", &quantity), BODY_OK);
	assert_int_equal(quantity, 0);
	assert_int_equal(quantity_of(" \t\r\n{ \"quantity\" : 1000000 }\n", &quantity), BODY_OK);
	assert_int_equal(quantity, 1000000);
	assert_int_equal(quantity_of("{\"quantity\":-0}", &quantity), BODY_OK);
	assert_int_equal(quantity, 0);
	assert_int_equal(quantity_of("{\"qu\\u0061ntity\":5}", &quantity), BODY_OK);
	assert_int_equal(quantity, 5);
}

static void what_is_no_integer_is_refused_by_name(void **state)
{
	static const char *const values[] = {"1e3",  "1.0", "0.5", "\"2\"", "true",
					     "null", "[5]", "{}",  "1E0"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "{\"quantity\":%s}", values[i]);
		assert_quantity_refused(text, BODY_INVALID_INPUT, "quantity is not an integer");
	}
}

static void integers_out_of_range_are_refused(void **state)
{
	(void)state;
	assert_quantity_refused("{\"quantity\":1000001}", BODY_INVALID_INPUT, "0 to 1000000");
	assert_quantity_refused("{\"quantity\":-1}", BODY_INVALID_INPUT,
				"quantity is out of range");
	assert_quantity_refused("{\"quantity\":2147483648}", BODY_INVALID_INPUT, "out of range");
	assert_quantity_refused("{\"quantity\":9223372036854775808}", BODY_INVALID_INPUT,
				"out of range");
	assert_quantity_refused("{\"quantity\":-99999999999999999999999}", BODY_INVALID_INPUT,
				"out of range");
	assert_quantity_refused("{\"quantity\":1e999}", BODY_INVALID_INPUT, "out of range");
}

static void members_that_are_missing_or_unknown_are_named(void **state)
{
	(void)state;
	assert_quantity_refused("{}", BODY_INVALID_INPUT, "quantity is missing");
	assert_quantity_refused("{\"quantity\":1,\"qantity\":1}", BODY_INVALID_INPUT,
				"unknown member 'qantity'");
	assert_quantity_refused("{\"quantity\":1,\"\":1}", BODY_INVALID_INPUT, "unknown member ''");
	assert_quantity_refused("{\"quantity\":1,\"Quantity\":1}", BODY_INVALID_INPUT,
				"unknown member 'Quantity'");
	/* What a client sent never reaches the message as it is. */
	assert_quantity_refused("{\"quantity\":1,\"a\\n\\u00e9\":1}", BODY_INVALID_INPUT,
				"unknown member 'a??"
				"?'");
}

static void what_is_not_one_json_object_is_refused(void **state)
{
	static const char *const texts[] = {
		"{\"quantity\":1",
		"{\"quantity\":1}}",
		"{\"quantity\":1} {\"quantity\":1}",
		"{\"quantity\":1,}",
		"{quantity:1}",
		"{'quantity':1}",
		"{\"quantity\":01}",
		"{\"quantity\":+1}",
		"{\"quantity\":.5}",
		"{\"quantity\":NaN}",
		"{\"quantity\":1}/**/",
		"\xef\xbb\xbf{\"quantity\":1}",
		"{\"quantity\":1,\"a\":\"\\ud800\"}",
		"{\"quantity\":1,\"a\\u0000\":1}",
		"{\"quantity\":1,\"a\":\"\\u0000\"}",
		"{\"quantity\":1,\"a\":\"\n\"}",
		"{\"quantity\":1,\"\xff\":1}",
		"{\"quantity\":1,\"\xc0\xaf\":1}",
		"{\"quantity\":1,\"\xed\xa0\x80\":1}",
		"[]",
		"5",
		"null",
		"\"quantity\"",
		"   ",
		"quantity=1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_quantity_refused(texts[i], BODY_INVALID_JSON, "the body");
	assert_quantity_refused("", BODY_INVALID_JSON, "empty");
	assert_int_equal(read_quantity("{\"quantity\":1}\0", 15, &(int64_t){0}), BODY_INVALID_JSON);
	assert_int_equal(read_quantity(NULL, 0, &(int64_t){0}), BODY_INVALID_JSON);
}

static void duplicate_members_are_refused(void **state)
{
	(void)state;
	assert_quantity_refused("{\"quantity\":1,\"quantity\":2}", BODY_INVALID_JSON, "duplicate");
	assert_quantity_refused("{\"quantity\":1,\"quant\\u0069ty\":1}", BODY_INVALID_JSON,
				"duplicate");
}

static void deep_nesting_and_much_space_are_survived(void **state)
{
	enum { LEVELS = 10000, SPACES = 65536 };
	char *text = malloc(SPACES + 100);
	int64_t quantity;

	(void)state;
	assert_non_null(text);
	memset(text, '[', LEVELS);
	memset(text + LEVELS, ']', LEVELS);
	assert_int_equal(read_quantity(text, 2 * LEVELS, &quantity), BODY_INVALID_JSON);
	assert_non_null(strstr(detail, "deeply"));
	assert_int_equal(read_quantity(text, LEVELS, &quantity), BODY_INVALID_JSON);
	memset(text, ' ', SPACES);
	strcpy(text + SPACES, "{\"quantity\":5}");
	assert_int_equal(quantity_of(text, &quantity), BODY_OK);
	assert_int_equal(quantity, 5);
	free(text);
}

static enum body_result items_of(const char *text)
{
	changes_clear(&changes);
	return body_read_items(text, strlen(text), &rules, &changes, detail);
}

static void a_single_item_needs_no_array(void **state)
{
	(void)state;
	assert_int_equal(items_of("{\"product_id\":9007199254740991,\"quantity\":10000}"), BODY_OK);
	assert_int_equal(changes.count, 1);
	assert_ptr_equal(changes.all, &changes.one);
	assert_int_equal(changes.one.type, CART_CHANGE_ADD);
	assert_id_equal(changes.one.product_id, SHOP_ID_NUMBER_MAX);
	assert_int_equal(changes.one.quantity, CART_ADD_MAX);
}

#define ATTRIBUTES(members_) "{\"attributes\":{" members_ "},\"product_id\":1,\"quantity\":2}"

/* The same body with an escape in a member's name, which is read by another way. */
static void respell(char *to, size_t room, const char *text)
{
	const char *name = strstr(text, "quantity");

	assert_non_null(name);
	snprintf(to, room, "%.*s\\u0071%s", (int)(name - text), text, name + 1);
}

static bool is_same_change(const struct cart_change *a, const struct cart_change *b)
{
	return a->type == b->type && shop_id_compare(&a->product_id, &b->product_id) == 0 &&
	       a->quantity == b->quantity &&
	       (a->attributes == NULL || b->attributes == NULL
			? a->attributes == b->attributes
			: strcmp(a->attributes, b->attributes) == 0);
}

static void plain_and_escaped_bodies_are_read_alike(void **state)
{
	static const char *const texts[] = {
		"{\"product_id\":1,\"quantity\":2}",
		"{\"quantity\":2,\"product_id\":1}",
		" {\t\"product_id\"\r:\n1 , \"quantity\" : 2 } \n",
		"{\"product_id\":9007199254740991,\"quantity\":10000}",
		"{\"product_id\":9007199254740992,\"quantity\":1}",
		"{\"product_id\":999999999999999999,\"quantity\":1}",
		"{\"product_id\":9999999999999999999,\"quantity\":1}",
		"{\"product_id\":1,\"quantity\":10001}",
		"{\"product_id\":1,\"quantity\":0}",
		"{\"product_id\":0,\"quantity\":1}",
		"{\"product_id\":1,\"quantity\":-1}",
		"{\"product_id\":1,\"quantity\":01}",
		"{\"product_id\":1,\"quantity\":1.0}",
		"{\"product_id\":1,\"quantity\":1e0}",
		"{\"product_id\":1,\"quantity\":+1}",
		"{\"product_id\":1,\"quantity\":\"1\"}",
		"{\"product_id\":1,\"quantity\":}",
		"{\"product_id\":1,\"quantity\"}",
		"{\"product_id\":1,\"quantity\":1",
		"{\"product_id\":1,\"quantity\":1,}",
		"{\"product_id\":1,\"quantity\":1}}",
		"{\"product_id\":1,\"quantity\":1}x",
		"{\"product_id\":1 \"quantity\":1}",
		"{\"product_id\":1,,\"quantity\":1}",
		"{\"product_id\":1,\"quantity\":1,\"quantity\":1}",
		"{\"product_id\":1,\"quantity\":1,\"product_id\":1}",
		"{\"product_id\":1,\"quantity\":1,\"more\":1}",
		"{\"product_i\":1,\"quantity\":1}",
		"{\"product_idd\":1,\"quantity\":1}",
		"{\"quantity\":1}",
		"{\"items\":[{\"product_id\":1,\"quantity\":1}]}",
		"[{\"product_id\":1,\"quantity\":1}]",
		"{\"product_id\":1,\v\"quantity\":1}",
		"{\"product_id\":1,\"quantity\":2,\"attributes\":null}",
		"{\"product_id\":1,\"quantity\":2,\"attributes\":{}}",
		"{\"product_id\":1,\"quantity\":2,\"attributes\": { } }",
		"{\"attributes\":{\"b\":1,\"a\":\"x\"},\"product_id\":1,\"quantity\":2}",
		"{\"quantity\":2,\"attributes\" : { \"b\" : -1 , \"\" : true,\"ab\":false}\n,"
		"\"product_id\":1}",
		ATTRIBUTES("\"a\":9007199254740991,\"b\":-9007199254740991"),
		ATTRIBUTES("\"a\":9007199254740992"),
		ATTRIBUTES("\"a\":-9007199254740992"),
		ATTRIBUTES("\"a\":0,\"b\":-0"),
		ATTRIBUTES("\"a\":01"),
		ATTRIBUTES("\"a\":1e3"),
		ATTRIBUTES("\"a\":1.0"),
		ATTRIBUTES("\"a\":null"),
		ATTRIBUTES("\"a\":[]"),
		ATTRIBUTES("\"a\":{}"),
		ATTRIBUTES("\"a\":truE"),
		ATTRIBUTES("\"a\":1,\"a\":1"),
		ATTRIBUTES("\"b\":1,\"a\":1,\"b\":1"),
		ATTRIBUTES("\"b\":1,"),
		ATTRIBUTES(",\"b\":1"),
		ATTRIBUTES("\"b\" 1"),
		ATTRIBUTES("\"b\":\"\n\""),
		ATTRIBUTES("\"b\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001F\""),
		ATTRIBUTES("\"b\":\"\\u001f\\/\\u00e4\\u000a\\ud83d\\ude00\""),
		ATTRIBUTES("\"b\":\"\\ud83d\""),
		ATTRIBUTES("\"b\":\"\\u0000\""),
		ATTRIBUTES("\"b\":\"\\x\""),
		ATTRIBUTES("\"a\\n\":1,\"a!\":2,\"a\":3"),
		ATTRIBUTES("\"\\u0061\":1,\"a\":2"),
		ATTRIBUTES("\"b\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbf\""),
		ATTRIBUTES("\"b\":\"\xc3\""),
		ATTRIBUTES("\"b\":\"\xc0\x80\""),
		ATTRIBUTES("\"b\":\"\xe0\x9f\xbf\""),
		ATTRIBUTES("\"b\":\"\xed\xa0\x80\""),
		ATTRIBUTES("\"b\":\"\xf0\x8f\xbf\xbf\""),
		ATTRIBUTES("\"b\":\"\xf4\x90\x80\x80\""),
		ATTRIBUTES("\"b\":\"\x7f\""),
		ATTRIBUTES("\"q\":1,\"p\":1,\"o\":1,\"n\":1,\"m\":1,\"l\":1,\"k\":1,\"j\":1"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct changes plain = {0};
		enum body_result result;
		char text[160];

		result = body_read_items(texts[i], strlen(texts[i]), &rules, &plain, detail);
		respell(text, sizeof(text), texts[i]);
		if (items_of(text) != result ||
		    (result == BODY_OK && !is_same_change(&plain.all[0], &changes.all[0])))
			fail_msg("not read alike: %s", texts[i]);
		changes_clear(&plain);
	}
}

static void a_nul_after_the_body_or_in_a_name_is_refused(void **state)
{
	static const char after[] = "{\"product_id\":1,\"quantity\":1}\0";
	static const char within[] = "{\"product_id\":1,\"quantity\0\0\0\":1}";

	(void)state;
	changes_clear(&changes);
	assert_int_equal(body_read_items(after, sizeof(after) - 1, &rules, &changes, detail),
			 BODY_INVALID_JSON);
	assert_int_equal(body_read_items(within, sizeof(within) - 1, &rules, &changes, detail),
			 BODY_INVALID_JSON);
}

static void a_batch_keeps_its_order_and_its_duplicates(void **state)
{
	(void)state;
	assert_int_equal(items_of("{\"items\":[{\"product_id\":2,\"quantity\":1},"
				  "{\"quantity\":3,\"product_id\":1},"
				  "{\"product_id\":2,\"quantity\":4}]}"),
			 BODY_OK);
	assert_int_equal(changes.count, 3);
	assert_id_equal(changes.all[0].product_id, 2);
	assert_id_equal(changes.all[1].product_id, 1);
	assert_int_equal(changes.all[1].quantity, 3);
	assert_id_equal(changes.all[2].product_id, 2);
	assert_int_equal(changes.all[2].type, CART_CHANGE_ADD);
}

static void assert_items_refused(const char *text, const char *says)
{
	assert_int_equal(items_of(text), BODY_INVALID_INPUT);
	if (strstr(detail, says) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, detail, says);
}

static void bad_items_are_named_with_their_place(void **state)
{
	(void)state;
	assert_items_refused("{\"product_id\":1,\"quantity\":0}", "quantity is out of range");
	assert_items_refused("{\"product_id\":1,\"quantity\":10001}", "1 to 10000");
	assert_items_refused("{\"product_id\":0,\"quantity\":1}", "product_id is out of range");
	assert_items_refused("{\"product_id\":9007199254740992,\"quantity\":1}", "product_id");
	assert_items_refused("{\"quantity\":1}", "product_id is missing");
	assert_items_refused("{\"items\":[]}", "items is empty");
	assert_items_refused("{\"items\":{}}", "items is not an array");
	assert_items_refused("{\"items\":null}", "items is not an array");
	assert_items_refused("{\"items\":[1]}", "items[0] is not an object");
	assert_items_refused("{\"items\":[{\"product_id\":1,\"quantity\":1},{\"product_id\":1}]}",
			     "items[1].quantity is missing");
	assert_items_refused("{\"items\":[{\"product_id\":1,\"quantity\":1,\"x\":1}]}",
			     "unknown member items[0].'x'");
	assert_items_refused("{\"items\":[{\"product_id\":1,\"quantity\":1}],\"quantity\":1}",
			     "unknown member 'quantity'");
}

static enum body_result lines_of(const char *text)
{
	const struct cart_rules few = {.quantity_max = 50, .attributes_max = 256};

	changes_clear(&changes);
	return body_read_lines(text, strlen(text), &few, &changes, detail);
}

static void lines_to_replace_have_quantities_of_0_to_the_limit(void **state)
{
	(void)state;
	assert_int_equal(lines_of("{\"items\":[{\"product_id\":2,\"quantity\":50},"
				  "{\"product_id\":1,\"quantity\":0}]}"),
			 BODY_OK);
	assert_int_equal(changes.count, 2);
	assert_int_equal(changes.all[0].type, CART_CHANGE_REPLACE);
	assert_id_equal(changes.all[0].product_id, 2);
	assert_int_equal(changes.all[0].quantity, 50);
	assert_id_equal(changes.all[1].product_id, 1);
	assert_int_equal(changes.all[1].quantity, 0);
	assert_int_equal(lines_of("{\"items\":[{\"product_id\":2,\"quantity\":51}]}"),
			 BODY_INVALID_INPUT);
	assert_non_null(strstr(detail, "items[0].quantity is out of range: 0 to 50"));
}

static void no_lines_are_one_change_that_names_none(void **state)
{
	(void)state;
	assert_int_equal(lines_of("{\"items\":[]}"), BODY_OK);
	assert_int_equal(changes.count, 1);
	assert_int_equal(changes.all[0].type, CART_CHANGE_REPLACE);
	assert_int_equal(changes.all[0].product_id.size, 0);
	assert_int_equal(changes.all[0].quantity, 0);
	/* One line needs the list too. */
	assert_int_equal(lines_of("{\"product_id\":2,\"quantity\":1}"), BODY_INVALID_INPUT);
	assert_int_equal(lines_of("{}"), BODY_INVALID_INPUT);
	assert_int_equal(lines_of("[]"), BODY_INVALID_JSON);
}

static void customers_are_1_to_2_to_the_53rd_less_1(void **state)
{
	struct shop_id customer = {0};
	const char *most = "{\"customer_id\":9007199254740991}";
	const char *more = "{\"customer_id\":9007199254740992}";

	(void)state;
	assert_int_equal(body_read_customer(most, strlen(most), &customer, detail), BODY_OK);
	assert_id_equal(customer, SHOP_ID_NUMBER_MAX);
	assert_int_equal(body_read_customer(more, strlen(more), &customer, detail),
			 BODY_INVALID_INPUT);
}

static void a_new_cart_may_have_a_customer_and_items(void **state)
{
	static const struct {
		const char *text;
		bool customer;
		size_t count;
	} good[] = {
		{"{}", false, 0},
		{"{\"customer_id\":7}", true, 0},
		{"{\"customer_id\":null}", false, 0},
		{"{\"items\":[]}", false, 0},
		{"{\"customer_id\":7,\"items\":[]}", true, 0},
		{"{\"items\":[{\"product_id\":1,\"quantity\":2}]}", false, 1},
		{"{\"items\":[{\"product_id\":1,\"quantity\":2},{\"product_id\":1,"
		 "\"quantity\":3}],\"customer_id\":7}",
		 true, 2},
	};
	static const char *const bad[][2] = {
		{"{\"customer_id\":0}", "customer_id is out of range"},
		{"{\"customer_id\":\"7\"}", "customer_id is not an integer"},
		{"{\"items\":null}", "items is not an array"},
		{"{\"items\":[{\"quantity\":1}]}", "items[0].product_id is missing"},
		{"{\"product_id\":1,\"quantity\":2}", "unknown member"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct shop_id customer = {0};

		changes_clear(&changes);
		assert_int_equal(body_read_cart(good[i].text, strlen(good[i].text), &rules,
						&customer, &changes, detail),
				 BODY_OK);
		assert_int_equal(customer.size > 0, good[i].customer);
		assert_int_equal(changes.count, good[i].count);
		if (changes.count > 0)
			assert_int_equal(changes.all[changes.count - 1].quantity,
					 changes.count + 1);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct shop_id customer = {0};

		changes_clear(&changes);
		assert_int_equal(body_read_cart(bad[i][0], strlen(bad[i][0]), &rules, &customer,
						&changes, detail),
				 BODY_INVALID_INPUT);
		assert_non_null(strstr(detail, bad[i][1]));
	}
}

/* The same with and without jansson: an escape in a member's name leads there. */
static void ids_may_be_strings(void **state)
{
	static const char *const bodies[] = {
		"{\"product_id\":\"a/b%?#\",\"quantity\":2}",
		" { \"quantity\" : 2 , \"product_id\" : \"a/b%?#\" } ",
		"{\"product_id\":\"a\\/b\\u0025?#\",\"quantity\":2}",
		"{\"product\\u005fid\":\"a/b%?#\",\"quantity\":2}",
		"{\"items\":[{\"product_id\":\"a/b%?#\",\"quantity\":2}]}",
	};
	struct shop_id customer = {0};
	const char *quoted = "{\"customer_id\":\"\\\"\\\\\"}";

	(void)state;
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_int_equal(items_of(bodies[i]), BODY_OK);
		assert_int_equal(changes.count, 1);
		assert_string_equal(changes.all[0].product_id.text, "a/b%?#");
		assert_int_equal(changes.all[0].quantity, 2);
	}
	assert_int_equal(body_read_customer(quoted, strlen(quoted), &customer, detail), BODY_OK);
	assert_string_equal(customer.text, "\"\\");
	shop_id_type_release();
}

static void bad_strings_are_refused_by_name(void **state)
{
	(void)state;
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	assert_items_refused("{\"product_id\":\"a b\",\"quantity\":1}",
			     "product_id must be 1 to 64 visible ASCII characters");
	assert_items_refused("{\"product_id\":\"\",\"quantity\":1}", "product_id must be");
	assert_items_refused("{\"product_id\":\"\\u00e9\",\"quantity\":1}", "product_id must be");
	assert_items_refused("{\"product_id\":1,\"quantity\":1}", "product_id is not a string");
	assert_items_refused("{\"product_id\":null,\"quantity\":1}", "product_id is not a string");
	assert_items_refused("{\"quantity\":1}", "product_id is missing");
	assert_items_refused("{\"product_id\":\"a\",\"quantity\":\"1\"}",
			     "quantity is not an integer");
	assert_items_refused("{\"items\":[{\"product_id\":2,\"quantity\":1}]}",
			     "items[0].product_id is not a string");
	assert_int_equal(items_of("{\"product_id\":\"a\\u0000\",\"quantity\":1}"),
			 BODY_INVALID_JSON);
	assert_int_equal(items_of("{\"product_id\":\"a\",\"quantity\":1,\"product_id\":\"b\"}"),
			 BODY_INVALID_JSON);
	shop_id_type_release();
}

#define ID "\"550E8400-E29B-41D4-A716-446655440000\""

static void ids_are_read_in_any_case_and_kept_in_order(void **state)
{
	const char *text = "{\"ids\":[" ID ",\"00000000-0000-0000-0000-000000000001\"," ID "]}";
	struct cart_id ids[BODY_IDS_MAX];
	size_t id_count;

	(void)state;
	assert_int_equal(body_read_ids(text, strlen(text), ids, &id_count, detail), BODY_OK);
	assert_int_equal(id_count, 3);
	assert_int_equal(ids[0].bytes[0], 0x55);
	assert_int_equal(ids[1].bytes[15], 1);
	assert_int_equal(cart_id_compare(&ids[0], &ids[2]), 0);
}

static enum body_result ids_of(size_t how_many)
{
	static char text[8192];
	struct cart_id ids[BODY_IDS_MAX];
	size_t id_count;
	char *at = stpcpy(text, "{\"ids\":[");

	for (size_t i = 0; i < how_many; i++)
		at = stpcpy(stpcpy(at, i > 0 ? "," : ""), ID);
	strcpy(at, "]}");
	return body_read_ids(text, strlen(text), ids, &id_count, detail);
}

static void ids_are_1_to_100_uuids(void **state)
{
	static const char *const bad[] = {
		"{\"ids\":[\"{550e8400-e29b-41d4-a716-446655440000}\"]}",
		"{\"ids\":[\"550e8400e29b41d4a716446655440000\"]}",
		"{\"ids\":[\"\"]}",
		"{\"ids\":[5]}",
		"{\"ids\":[null]}",
	};
	struct cart_id ids[BODY_IDS_MAX];
	size_t id_count;

	(void)state;
	assert_int_equal(ids_of(0), BODY_INVALID_INPUT);
	assert_int_equal(ids_of(1), BODY_OK);
	assert_int_equal(ids_of(100), BODY_OK);
	assert_int_equal(ids_of(101), BODY_INVALID_INPUT);
	assert_non_null(strstr(detail, "100"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(body_read_ids(bad[i], strlen(bad[i]), ids, &id_count, detail),
				 BODY_INVALID_INPUT);
		assert_string_equal(detail, "ids[0] is not a UUID");
	}
}

static void nothing_is_an_empty_object(void **state)
{
	(void)state;
	assert_int_equal(body_read_nothing("{}", 2, detail), BODY_OK);
	assert_int_equal(body_read_nothing("{\"a\":1}", 7, detail), BODY_INVALID_INPUT);
	assert_int_equal(body_read_nothing("[]", 2, detail), BODY_INVALID_JSON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_in_range_are_taken),
		cmocka_unit_test(what_is_no_integer_is_refused_by_name),
		cmocka_unit_test(integers_out_of_range_are_refused),
		cmocka_unit_test(members_that_are_missing_or_unknown_are_named),
		cmocka_unit_test(what_is_not_one_json_object_is_refused),
		cmocka_unit_test(duplicate_members_are_refused),
		cmocka_unit_test(deep_nesting_and_much_space_are_survived),
		cmocka_unit_test(a_single_item_needs_no_array),
		cmocka_unit_test(plain_and_escaped_bodies_are_read_alike),
		cmocka_unit_test(a_nul_after_the_body_or_in_a_name_is_refused),
		cmocka_unit_test(a_batch_keeps_its_order_and_its_duplicates),
		cmocka_unit_test(bad_items_are_named_with_their_place),
		cmocka_unit_test(lines_to_replace_have_quantities_of_0_to_the_limit),
		cmocka_unit_test(no_lines_are_one_change_that_names_none),
		cmocka_unit_test(customers_are_1_to_2_to_the_53rd_less_1),
		cmocka_unit_test(a_new_cart_may_have_a_customer_and_items),
		cmocka_unit_test(ids_may_be_strings),
		cmocka_unit_test(bad_strings_are_refused_by_name),
		cmocka_unit_test(ids_are_read_in_any_case_and_kept_in_order),
		cmocka_unit_test(ids_are_1_to_100_uuids),
		cmocka_unit_test(nothing_is_an_empty_object),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
