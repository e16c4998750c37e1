/* Carts as items: what is written is read back, in both layouts; what is not ours is refused by
 * name. */
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/item.h"
#include "core/cart_attributes.h"
#include "core/cart_id.h"

#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rng.h"

#include <stdio.h>
#include <string.h>

#define NOW_MS	 INT64_C(1762039800123)
#define HOUR_MS	 INT64_C(3600000)
#define CARTS	 300
#define ID_TEXT	 "550e8400-e29b-41d4-a716-446655440000"
#define KEY_NAME "AAAAAAAAAAAAAAAAAAAAAA"

static const struct cart_rules rules = {.ttl_ms = 30 * 24 * HOUR_MS,
					.lines_max = 200,
					.attributes_max = 256,
					.quantity_max = 1000000,
					.idempotency_window_ms = 600000};

static struct ddb_table table_of(enum ddb_layout layout)
{
	return (struct ddb_table){
		.name = "carts", .layout = layout, .idle_shards = 8, .rules = &rules};
}

/* With all that JSON escapes; NULL: none. */
static char *random_attributes(struct rng *rng)
{
	static const char *const of[] = {
		"{\"price\":\"12.50\"}",
		"{\"\":\"\",\"a\":-9007199254740991,\"b\":true,\"c\":false}",
		"{\"\\\"\":\"\\\\\\\"/\\u0001\\n\\u001F\",\"items\":0}",
		"{\"na\xc3\xafve \xe2\x82\xac\":\"\xf0\x9f\x9b\x92 #a :j {}[]\"}",
	};
	int64_t at = rng_between(rng, 0, 7);
	char *text = at < 4 ? strdup(of[at]) : NULL;

	assert_true(at >= 4 || text != NULL);
	return text;
}

static void random_cart(struct rng *rng, struct cart *cart)
{
	size_t lines = (size_t)rng_between(rng, 0, 30);

	*cart = (struct cart){.customer_id = id_of(rng_between(rng, 1, SHOP_ID_NUMBER_MAX)),
			      .version = rng_between(rng, 1, 1000000),
			      .created_ms = NOW_MS - rng_between(rng, 0, HOUR_MS),
			      .updated_ms = NOW_MS};
	assert_true(cart_id_make(&cart->id, CART_ID_V4, NOW_MS));
	if (rng_between(rng, 0, 3) == 0)
		cart->customer_id = (struct shop_id){0};
	if (rng_between(rng, 0, 3) == 0) {
		cart->state = CART_CHECKED_OUT;
		assert_true(cart_id_make(&cart->order_id, CART_ID_V4, NOW_MS));
	} else {
		cart->expires_ms = NOW_MS + rules.ttl_ms;
	}
	assert_true(cart_reserve_lines(cart, lines));
	for (size_t i = 0; i < lines; i++)
		cart->lines[cart->line_count++] = (struct cart_line){
			.product_id = id_of((int64_t)i * 1000 + rng_between(rng, 1, 999)),
			.quantity = rng_between(rng, 1, 1000000),
			.added_ms = NOW_MS - rng_between(rng, 1, HOUR_MS),
			.updated_ms = NOW_MS,
			.attributes = random_attributes(rng)};
}

static void assert_same(const struct cart *a, const struct cart *b)
{
	assert_int_equal(cart_id_compare(&a->id, &b->id), 0);
	assert_int_equal(cart_id_compare(&a->order_id, &b->order_id), 0);
	assert_int_equal(shop_id_compare(&a->customer_id, &b->customer_id), 0);
	assert_int_equal(a->state, b->state);
	assert_true(a->version == b->version);
	assert_true(a->created_ms == b->created_ms && a->updated_ms == b->updated_ms &&
		    a->expires_ms == b->expires_ms);
	assert_true(same_lines(a, b));
}

/* Reads the Item of a PutItem. */
static json_t *item_of(struct buf *body)
{
	json_t *request = json_loadb(body->data, body->len, JSON_REJECT_DUPLICATES, NULL);
	json_t *item;

	assert_non_null(request);
	item = json_incref(json_object_get(request, "Item"));
	json_decref(request);
	assert_non_null(item);
	return item;
}

static void read_back(const json_t *attributes, struct ddb_item *item)
{
	char why[200] = "";

	if (ddb_item_read(item, attributes, why, sizeof(why)) != CART_OK)
		fail_msg("%s", why);
}

static void round_trip(enum ddb_layout layout)
{
	const struct ddb_table table = table_of(layout);
	struct cart_op op = {.now_ms = NOW_MS};
	struct buf body = {0};
	struct rng rng = {.state = 4};

	for (int i = 0; i < CARTS; i++) {
		struct ddb_item item;
		struct cart cart;
		json_t *attributes;

		random_cart(&rng, &cart);
		ddb_body_create(&body, &table, &cart, &op, "0123456789abcdef",
				i % 2 ? "key#" KEY_NAME : NULL);
		attributes = item_of(&body);
		read_back(attributes, &item);
		assert_same(&item.cart, &cart);
		assert_int_equal(item.layout, layout);
		assert_string_equal(item.mark, "0123456789abcdef");
		assert_string_equal(item.create_key, i % 2 ? "key#" KEY_NAME : "");
		assert_true(item.keyed_until_ms == (i % 2 ? NOW_MS + 600000 : 0));
		assert_int_equal(item.key_count, 0);
		ddb_item_clear(&item);
		cart_clear(&cart);
		json_decref(attributes);
	}
	buf_free(&body);
}

static void a_cart_is_read_as_it_was_written_in_layout_map(void **state)
{
	(void)state;
	round_trip(DDB_LAYOUT_MAP);
}

static void a_cart_is_read_as_it_was_written_in_layout_list(void **state)
{
	(void)state;
	round_trip(DDB_LAYOUT_LIST);
}

/* DynamoDB may remove the item once expires_at has passed: never before the cart is gone. */
static void dynamodb_may_remove_an_item_when_the_grace_has_passed(void **state)
{
	struct cart_rules limits = rules;
	struct ddb_table table = table_of(DDB_LAYOUT_MAP);
	struct cart cart = {.customer_id = id_of(1),
			    .version = 1,
			    .created_ms = NOW_MS,
			    .updated_ms = NOW_MS,
			    .expires_ms = NOW_MS + rules.ttl_ms};
	struct cart_op op = {.now_ms = NOW_MS};
	struct buf body = {0};
	json_t *item;
	int64_t seconds;

	(void)state;
	table.rules = &limits;
	for (limits.sweep_grace_ms = 0; limits.sweep_grace_ms <= HOUR_MS;
	     limits.sweep_grace_ms += HOUR_MS) {
		int64_t removable_ms = cart.expires_ms + limits.sweep_grace_ms;

		ddb_body_create(&body, &table, &cart, &op, "m", NULL);
		item = item_of(&body);
		seconds = atoll(json_string_value(
			json_object_get(json_object_get(item, "expires_at"), "N")));
		assert_true(seconds * 1000 >= removable_ms);
		assert_true(seconds * 1000 < removable_ms + 1000);
		json_decref(item);
	}
	buf_free(&body);
}

static void time_keys_sort_by_time_then_id(void **state)
{
	struct cart_id low = {{1}}, high = {{2}};
	char a[DDB_TIME_KEY_ROOM], b[DDB_TIME_KEY_ROOM], time[DDB_TIME_ROOM];

	(void)state;
	ddb_time_key(NOW_MS, &low, a);
	ddb_time_key(NOW_MS, &high, b);
	assert_true(strcmp(a, b) < 0);
	ddb_time_key(NOW_MS + 1, &low, a);
	assert_true(strcmp(b, a) < 0);
	ddb_time_key(999, &high, b);
	assert_true(strcmp(b, a) < 0);
	ddb_time_text(NOW_MS + 1, time);
	assert_true(strcmp(time, a) < 0);
	assert_int_equal(strlen(a), DDB_TIME_KEY_ROOM - 1);
}

static void records_are_read_as_they_were_written(void **state)
{
	static const char *const bad[] = {"",
					  "1",
					  "000001762039800123",
					  "000001762039800123.",
					  "x00001762039800123.AAAAAAAAAAAAAAAAAAAAAA",
					  "001762039800123.AAAAAAAAAAAAAAAAAAAAA",
					  "001762039800123.AAAAAAAAAAAAAAAAAAAAAAAA",
					  "001762039800123.AAAAAAAAAAAAAAAAAAAAA!"};
	uint8_t fingerprint[CART_FINGERPRINT_BYTES];
	char record[DDB_RECORD_ROOM];
	struct ddb_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(fingerprint); i++)
		fingerprint[i] = (uint8_t)(i * 37 + 200);
	ddb_record_write(NOW_MS, fingerprint, record);
	assert_true(ddb_record_read(record, &key));
	assert_true(key.stored_ms == NOW_MS);
	assert_memory_equal(key.fingerprint, fingerprint, sizeof(fingerprint));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ddb_record_read(bad[i], &key))
			fail_msg("\"%s\" was taken", bad[i]);
}

static void names_of_keys_differ_and_can_stand_in_an_expression(void **state)
{
	const uint8_t hash[CART_KEY_HASH_BYTES] = {255, 254, 62, 63};
	const uint8_t last[CART_KEY_HASH_BYTES] = {[CART_KEY_HASH_BYTES - 1] = 1};
	char one[DDB_KEY_NAME_ROOM], other[DDB_KEY_NAME_ROOM];

	(void)state;
	ddb_key_name(hash, one);
	ddb_key_name(last, other);
	assert_string_equal(one, "__4-PwAAAAAAAAAAAAAAAA");
	assert_string_equal(other, "AAAAAAAAAAAAAAAAAAAAAQ");
	assert_string_not_equal(one, other);
	assert_int_equal(strlen(one), DDB_KEY_NAME_ROOM - 1);
	assert_null(strpbrk(one, "\"\\ .#:"));
}

/* A good item, for tests that spoil it. */
static json_t *good_item(void)
{
	json_t *item = json_loads(
		"{\"cart_id\":{\"S\":\"" ID_TEXT "\"},\"customer_id\":{\"S\":\"7\"},"
		"\"status\":{\"S\":\"open\"},\"version\":{\"N\":\"3\"},"
		"\"created_at\":{\"N\":\"1762039800000\"},\"updated_at\":{\"N\":\"1762039800001\"},"
		"\"mark\":{\"S\":\"m\"},\"expires_ms\":{\"N\":\"1764039800001\"},"
		"\"qty\":{\"M\":{\"9\":{\"N\":\"2\"},\"10\":{\"N\":\"1\"}}},"
		"\"added\":{\"M\":{\"9\":{\"N\":\"5\"},\"10\":{\"N\":\"6\"}}},"
		"\"updated\":{\"M\":{\"9\":{\"N\":\"7\"},\"10\":{\"N\":\"8\"}}},"
		"\"op_v\":{\"M\":{\"" KEY_NAME "\":{\"N\":\"2\"}}},"
		"\"op_f\":{\"M\":{\"" KEY_NAME "\":{\"S\":\"001762039800000."
		"AAAAAAAAAAAAAAAAAAAAAA\"}}},\"of_others\":{\"BOOL\":true}}",
		0, NULL);

	assert_non_null(item);
	return item;
}

static void an_item_with_attributes_of_others_is_read(void **state)
{
	json_t *attributes = good_item();
	struct ddb_item item;

	(void)state;
	read_back(attributes, &item);
	assert_true(item.cart.version == 3);
	assert_int_equal(item.cart.line_count, 2);
	assert_id_equal(item.cart.lines[0].product_id, 9);
	assert_id_equal(item.cart.lines[1].product_id, 10);
	assert_non_null(ddb_item_key(&item, KEY_NAME));
	assert_true(ddb_item_key(&item, KEY_NAME)->version == 2);
	assert_null(ddb_item_key(&item, "BAAAAAAAAAAAAAAAAAAAAA"));
	ddb_item_clear(&item);
	json_decref(attributes);
}

/* A map has no order: DynamoDB gives its members as it likes. */
static void keys_are_found_in_whatever_order_they_come(void **state)
{
	enum { KEYS = 50 };
	json_t *attributes = good_item(), *versions = json_object(), *records = json_object();
	char name[KEYS][DDB_KEY_NAME_ROOM], record[DDB_RECORD_ROOM];
	const uint8_t fingerprint[CART_FINGERPRINT_BYTES] = {0};
	struct ddb_item item;

	(void)state;
	for (int i = 0; i < KEYS; i++) {
		int n = i * 37 % KEYS; /* each once, in no order */

		snprintf(name[n], sizeof(name[n]), "%.18s%04d", KEY_NAME, n);
		json_object_set_new(versions, name[n],
				    json_pack("{s:o}", "N", json_sprintf("%d", n + 2)));
	}
	for (int n = 0; n < KEYS; n++) {
		ddb_record_write(NOW_MS + n, fingerprint, record);
		json_object_set_new(records, name[n], json_pack("{s:s}", "S", record));
	}
	json_object_set_new(attributes, "op_v", json_pack("{s:o}", "M", versions));
	json_object_set_new(attributes, "op_f", json_pack("{s:o}", "M", records));
	read_back(attributes, &item);
	for (int n = 0; n < KEYS; n++) {
		const struct ddb_key *key = ddb_item_key(&item, name[n]);

		assert_non_null(key);
		assert_int_equal(key->version, n + 2);
		assert_true(key->stored_ms == NOW_MS + n);
	}
	ddb_item_clear(&item);
	json_decref(attributes);
}

static void what_is_not_ours_is_refused_by_name(void **state)
{
	static const struct {
		const char *attribute, *value, *named;
	} spoiled[] = {
		{"cart_id", "{\"S\":\"seed-cart-1\"}", "cart_id"},
		{"cart_id", "{\"N\":\"1\"}", "cart_id"},
		{"customer_id", "{\"N\":\"7\"}", "customer_id"},
		{"customer_id", "{\"S\":\"0\"}", "customer_id"},
		{"customer_id", "{\"S\":\"7.5\"}", "customer_id"},
		{"customer_id", "{\"S\":\"9007199254740992\"}", "customer_id"},
		{"status", "{\"S\":\"abandoned\"}", "status"},
		{"status", "{\"N\":\"1\"}", "status"},
		{"status", "{\"S\":\"checked_out\"}", "order_id"},
		{"version", "{\"N\":\"0\"}", "version"},
		{"version", "{\"N\":\"-1\"}", "version"},
		{"created_at", "{\"S\":\"2025-11-01\"}", "created_at"},
		{"updated_at", "{\"N\":\"1e3\"}", "updated_at"},
		{"expires_ms", "{\"N\":\"\"}", "expires_ms"},
		{"qty", "{\"M\":{\"9\":{\"N\":\"2\"}}}", "qty"},
		{"qty", "{\"M\":{\"9\":{\"N\":\"0\"},\"10\":{\"N\":\"1\"}}}", "qty"},
		{"qty", "{\"M\":{\"9\":{\"N\":\"2\"},\"x\":{\"N\":\"1\"}}}", "qty"},
		{"qty", "{\"L\":[]}", "qty"},
		{"op_v", "{\"M\":{}}", "op_v"},
		{"op_f", "{\"M\":{\"" KEY_NAME "\":{\"S\":\"x\"}}}", "op_v"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
		json_t *attributes = good_item();
		char why[200] = "", named[80];
		struct ddb_item item;
		enum cart_result result;

		json_object_set_new(attributes, spoiled[i].attribute,
				    json_loads(spoiled[i].value, 0, NULL));
		result = ddb_item_read(&item, attributes, why, sizeof(why));
		if (result == CART_OK)
			fail_msg("%s = %s was taken", spoiled[i].attribute, spoiled[i].value);
		snprintf(named, sizeof(named), "bad %s", spoiled[i].named);
		if (strstr(why, named) == NULL)
			fail_msg("\"%s\" does not name %s", why, spoiled[i].named);
		assert_int_equal(result, CART_DAMAGED);
		json_decref(attributes);
	}
}

#define LIST_LINE                                                                                  \
	"\"product_id\":{\"S\":\"9\"},\"quantity\":{\"N\":\"1\"},\"added_at\":{\"N\":\"5\"},"      \
	"\"updated_at\":{\"N\":\"5\"},\"attributes\":"

/* Of layout list where qty is no longer there. */
static void assert_damaged(const char *attribute, const char *value, bool list)
{
	json_t *attributes = good_item();
	char why[200] = "", named[80];
	struct ddb_item item;
	enum cart_result result;

	if (list)
		json_object_del(attributes, "qty");
	json_object_set_new(attributes, attribute, json_loads(value, 0, NULL));
	result = ddb_item_read(&item, attributes, why, sizeof(why));
	snprintf(named, sizeof(named), "bad %s", attribute);
	if (result != CART_DAMAGED || strstr(why, named) == NULL)
		fail_msg("%s = %s: %s, \"%s\"", attribute, value, cart_result_name(result), why);
	json_decref(attributes);
}

/* A line whose price was lost would be sold without one. */
static void attributes_that_are_damaged_damage_the_cart(void **state)
{
	static const char *const bad[] = {"{\"N\":\"1\"}",
					  "{\"NULL\":true}",
					  "{\"M\":{}}",
					  "{\"S\":\"\"}",
					  "{\"S\":\"{}\"}",
					  "{\"S\":\"{\\\"a\\\":1.5}\"}",
					  "{\"S\":\"{\\\"a\\\"}\"}",
					  "{\"S\":\"{\\\"a\\\":1}}\"}",
					  "{\"S\":\"[1]\"}",
					  "{\"S\":\"{\\\"a\\\":{}}\"}"};
	char value[400];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(value, sizeof(value),
			 "{\"M\":{\"9\":{\"N\":\"5\"},\"10\":{\"N\":\"6\"},\" 9\":%s}}", bad[i]);
		assert_damaged("added", value, false);
		snprintf(value, sizeof(value), "{\"L\":[{\"M\":{" LIST_LINE "%s}}]}", bad[i]);
		assert_damaged("items", value, true);
	}
	/* Of a line that is not there. */
	assert_damaged("added",
		       "{\"M\":{\"9\":{\"N\":\"5\"},\"10\":{\"N\":\"6\"},"
		       "\" 8\":{\"S\":\"{\\\"a\\\":1}\"}}}",
		       false);
	assert_damaged("added",
		       "{\"M\":{\"9\":{\"N\":\"5\"},\"10\":{\"N\":\"6\"},"
		       "\"9 \":{\"S\":\"{\\\"a\\\":1}\"}}}",
		       false);
}

static void keys_alone_and_tombstones_are_read_as_far_as_they_go(void **state)
{
	json_t *keys = json_loads("{\"cart_id\":{\"S\":\"" ID_TEXT
				  "\"},\"idle_shard\":{\"N\":\"0\"},\"idle_key\":{\"S\":\"x\"}}",
				  0, NULL);
	json_t *gone =
		json_loads("{\"cart_id\":{\"S\":\"" ID_TEXT
			   "\"},\"status\":{\"S\":\"deleted\"},\"expires_at\":{\"N\":\"1\"}}",
			   0, NULL);
	struct ddb_item item;

	(void)state;
	read_back(keys, &item);
	assert_true(item.cart.version == 0 && !item.deleted);
	ddb_item_clear(&item);
	read_back(gone, &item);
	assert_true(item.deleted);
	ddb_item_clear(&item);
	json_decref(keys);
	json_decref(gone);
}

static void the_item_of_a_creates_key_is_read_as_it_was_written(void **state)
{
	const struct ddb_table table = table_of(DDB_LAYOUT_MAP);
	struct cart_op op = {.now_ms = NOW_MS, .id = {{1, 2, 3}}, .fingerprint = {9, 8, 7}};
	struct buf body = {0};
	struct cart_id target;
	struct ddb_key key;
	json_t *item;

	(void)state;
	ddb_body_put_key(&body, &table, &op, "key#" KEY_NAME, &op.id, NOW_MS - 600000);
	item = item_of(&body);
	assert_true(ddb_key_item_read(item, &key, &target));
	assert_int_equal(cart_id_compare(&target, &op.id), 0);
	assert_true(key.stored_ms == NOW_MS && key.version == 1);
	assert_memory_equal(key.fingerprint, op.fingerprint, sizeof(op.fingerprint));
	json_object_del(item, "target");
	assert_false(ddb_key_item_read(item, &key, &target));
	json_decref(item);
	buf_free(&body);
}

/* Every placeholder that the expressions use is given, and none that they do not use: DynamoDB
 * refuses both. */
static void assert_given(const json_t *request, const char *member, char sign)
{
	const char *texts[2] = {json_string_value(json_object_get(request, "UpdateExpression")),
				json_string_value(json_object_get(request, "ConditionExpression"))};
	const json_t *given = json_object_get(request, member);
	json_t *used = json_object();
	const char *name;
	json_t *value;

	for (int i = 0; i < 2; i++)
		for (const char *at = texts[i]; at != NULL && (at = strchr(at, sign)) != NULL;) {
			size_t len = 1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
			char text[16] = "";

			assert_in_range(len, 2, sizeof(text) - 1);
			memcpy(text, at, len);
			if (json_object_get(given, text) == NULL)
				fail_msg("%s is not given in %s", text, member);
			json_object_set_new(used, text, json_true());
			at += len;
		}
	json_object_foreach((json_t *)given, name, value) if (json_object_get(used, name) == NULL)
		fail_msg("%s is given and not used", name);
	json_decref(used);
}

/* Parentheses are those of functions alone: servers that stand in for DynamoDB take long to parse
 * others. */
static void assert_plain(const char *text)
{
	for (const char *at = text; at != NULL && (at = strchr(at, '(')) != NULL; at++)
		if (at == text || strchr(" (,=", at[-1]) != NULL)
			fail_msg("parentheses that call no function: %s", text);
	assert_true(text == NULL || strlen(text) < 4096);
}

static void check_conditional_of(const struct cart_op *op, const char *key_name, int64_t ttl_ms,
				 const struct cart *newer)
{
	struct cart_rules limits = rules;
	struct ddb_table table = table_of(DDB_LAYOUT_MAP);
	struct buf body = {0};
	json_t *request;

	limits.ttl_ms = ttl_ms;
	table.rules = &limits;
	assert_true(ddb_can_be_conditional(op, &table));
	ddb_body_conditional(&body, &table, op, "0123456789abcdef", key_name, newer);
	request = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(request);
	assert_given(request, "ExpressionAttributeNames", '#');
	assert_given(request, "ExpressionAttributeValues", ':');
	assert_plain(json_string_value(json_object_get(request, "UpdateExpression")));
	assert_plain(json_string_value(json_object_get(request, "ConditionExpression")));
	json_decref(request);
	buf_free(&body);
}

/* Also of the call that leaves alone what was changed later: the cart, and some of its lines. */
static void check_conditional(const struct cart_op *op, const char *key_name, int64_t ttl_ms)
{
	struct cart_line lines[] = {
		{.product_id = id_of(1), .quantity = 1, .updated_ms = NOW_MS + 1},
		{.product_id = id_of(2), .quantity = 1, .updated_ms = NOW_MS},
		{.product_id = id_of(7), .quantity = 1, .updated_ms = NOW_MS + 1}};
	const struct cart newer = {.updated_ms = NOW_MS + 1, .lines = lines, .line_count = 3};

	check_conditional_of(op, key_name, ttl_ms, NULL);
	check_conditional_of(op, key_name, ttl_ms, &newer);
}

static void check_attributes(struct cart_op *op, const struct cart_change *set,
			     const char *key_name, int64_t ttl_ms)
{
	struct cart_change change = *set;

	op->changes = &change;
	change.attributes = "{\"a\":\"\\\\\"}";
	check_conditional(op, key_name, ttl_ms);
	change.attributes = CART_ATTRIBUTES_REMOVE;
	check_conditional(op, key_name, ttl_ms);
	/* Nothing is put. */
	change.quantity = 0;
	check_conditional(op, key_name, ttl_ms);
}

static void expressions_are_plain_and_name_what_they_use_and_nothing_else(void **state)
{
	static const struct cart_change changes[] = {
		{.type = CART_CHANGE_ADD, .product_id = {.size = 1, .text = "7"}, .quantity = 2},
		{.type = CART_CHANGE_SET, .product_id = {.size = 1, .text = "7"}, .quantity = 2},
		{.type = CART_CHANGE_SET, .product_id = {.size = 1, .text = "7"}, .quantity = 0},
		{.type = CART_CHANGE_REMOVE, .product_id = {.size = 1, .text = "7"}},
		{.type = CART_CHANGE_CLEAR},
	};
	static const char *const attributes[] = {NULL, "{\"a\":1}", CART_ATTRIBUTES_REMOVE};
	struct cart_change adds[40];

	(void)state;
	for (int i = 0; i < 40; i++)
		adds[i] = (struct cart_change){.type = CART_CHANGE_ADD,
					       .product_id = id_of(i % 20 + 1),
					       .quantity = 1,
					       .attributes = attributes[i % 3]};
	for (int options = 0; options < 8; options++) {
		const char *key_name = options & 1 ? KEY_NAME : NULL;
		int64_t ttl_ms = options & 2 ? rules.ttl_ms : 0;
		struct cart_op op = {.now_ms = NOW_MS, .if_version = options & 4 ? 3 : 0};

		op.type = CART_OP_CHANGE;
		op.change_count = 1;
		for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
			op.changes = &changes[i];
			check_conditional(&op, key_name, ttl_ms);
		}
		check_attributes(&op, &changes[1], key_name, ttl_ms);
		op.changes = adds;
		op.change_count = 40;
		check_conditional(&op, key_name, ttl_ms);
		op.type = CART_OP_CHECKOUT;
		check_conditional(&op, key_name, ttl_ms);
		op.type = CART_OP_DELETE;
		check_conditional(&op, NULL, ttl_ms);
	}
}

/* What an update sets is read by nothing after it: some servers evaluate SET from left to right,
 * and a repeated request would then be answered with a version that was never its own. */
static void a_key_takes_the_version_before_it_is_changed(void **state)
{
	static const enum cart_op_type types[] = {CART_OP_CHANGE, CART_OP_CHECKOUT};
	const struct cart_change add = {
		.type = CART_CHANGE_ADD, .product_id = id_of(7), .quantity = 1};
	struct ddb_table table = table_of(DDB_LAYOUT_MAP);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct cart_op op = {
			.type = types[i], .changes = &add, .change_count = 1, .now_ms = NOW_MS};
		struct buf body = {0};
		const char *key, *version;

		ddb_body_conditional(&body, &table, &op, "0123456789abcdef", KEY_NAME, NULL);
		key = strstr(buf_string(&body), "#o.#k=#v+:1");
		version = strstr(buf_string(&body), "#v=#v+:1");
		assert_non_null(key);
		assert_non_null(version);
		assert_true(key < version);
		assert_null(strstr(version + strlen("#v=#v"), "#v+"));
		buf_free(&body);
	}
}

/* The call of those changes, as text. */
static void conditional_text(struct buf *body, const struct cart_change *changes, size_t count)
{
	const struct cart_op op = {.type = CART_OP_CHANGE,
				   .changes = changes,
				   .change_count = count,
				   .now_ms = NOW_MS};
	const struct ddb_table table = table_of(DDB_LAYOUT_MAP);

	assert_true(ddb_can_be_conditional(&op, &table));
	ddb_body_conditional(body, &table, &op, "0123456789abcdef", NULL, NULL);
	assert_false(body->failed);
}

/* Calls about lines without attributes are as short as if there were none. */
static void attributes_that_no_change_names_are_not_in_its_call(void **state)
{
	const struct cart_change add = {
		.type = CART_CHANGE_ADD, .product_id = id_of(7), .quantity = 2};
	struct cart_change set = add, with = add;
	struct buf body = {0};

	(void)state;
	conditional_text(&body, &add, 1);
	assert_non_null(strstr(
		buf_string(&body),
		"\"SET #v=#v+:1,#m=:m,#u=:t,#i=:i,#e=:e,#x=:x,#q.#p0=if_not_exists(#q.#p0,:0)+:n0,"
		"#a.#p0=if_not_exists(#a.#p0,:t)+:0,#d.#p0=:t\",\"ConditionExpression\":"
		"\"size(#q)<=:r AND NOT #q.#p0>:l0 AND #u<=:t AND #e>:t OR #q.#p0<=:l0 AND "
		"#u<=:t AND #e>:t\""));
	assert_null(strstr(buf_string(&body), "j0"));
	set.type = CART_CHANGE_SET;
	conditional_text(&body, &set, 1);
	assert_non_null(strstr(buf_string(&body), "<>:n0 AND #u<=:t AND #e>:t\""));
	assert_null(strstr(buf_string(&body), "j0"));
	with.attributes = "{\"a\":1}";
	conditional_text(&body, &with, 1);
	assert_non_null(strstr(buf_string(&body), ",#a.#j0=:j0,#d.#p0=:t"));
	assert_non_null(strstr(buf_string(&body), "\"#j0\":\" 7\""));
	assert_non_null(strstr(buf_string(&body), "\":j0\":{\"S\":\"{\\\"a\\\":1}\"}"));
	buf_free(&body);
}

/* The last change of a product that says something of its attributes counts. */
static void the_last_attributes_of_a_product_are_stored(void **state)
{
	struct cart_change changes[3] = {
		{.type = CART_CHANGE_ADD,
		 .product_id = id_of(7),
		 .quantity = 1,
		 .attributes = "{\"a\":1}"},
		{.type = CART_CHANGE_ADD, .product_id = id_of(7), .quantity = 1},
		{.type = CART_CHANGE_ADD, .product_id = id_of(8), .quantity = 1},
	};
	struct buf body = {0};

	(void)state;
	conditional_text(&body, changes, 3);
	assert_non_null(strstr(buf_string(&body), "#a.#j0=:j0"));
	assert_non_null(strstr(buf_string(&body), "\\\"a\\\":1"));
	assert_null(strstr(buf_string(&body), "j2"));
	changes[1].attributes = CART_ATTRIBUTES_REMOVE;
	conditional_text(&body, changes, 3);
	assert_non_null(strstr(buf_string(&body), " REMOVE #a.#j0\""));
	assert_null(strstr(buf_string(&body), ":j0"));
	changes[1].attributes = "{\"b\":2}";
	conditional_text(&body, changes, 3);
	assert_non_null(strstr(buf_string(&body), "#a.#j0=:j0"));
	assert_non_null(strstr(buf_string(&body), "\\\"b\\\":2"));
	assert_null(strstr(buf_string(&body), "\\\"a\\\":1"));
	buf_free(&body);
}

/* idle_key in the call of an add at that time. */
static void idle_key_of_an_add(int64_t now_ms, char *key, size_t room)
{
	const struct cart_change add = {
		.type = CART_CHANGE_ADD, .product_id = id_of(7), .quantity = 1};
	const struct cart_op op = {.type = CART_OP_CHANGE,
				   .id = {{1}},
				   .changes = &add,
				   .change_count = 1,
				   .now_ms = now_ms};
	struct cart_rules limits = rules;
	struct ddb_table table = table_of(DDB_LAYOUT_MAP);
	struct buf body = {0};
	json_t *request;

	limits.idle_step_ms = HOUR_MS;
	table.rules = &limits;
	ddb_body_conditional(&body, &table, &op, "0123456789abcdef", NULL, NULL);
	request = json_loadb(body.data, body.len, 0, NULL);
	assert_non_null(request);
	snprintf(key, room, "%s",
		 json_string_value(json_object_get(
			 json_object_get(json_object_get(request, "ExpressionAttributeValues"),
					 ":i"),
			 "S")));
	json_decref(request);
	buf_free(&body);
}

/* An index entry whose key stays as it is costs no write. */
static void an_add_within_an_idle_step_leaves_the_index_alone(void **state)
{
	const int64_t step_ms = NOW_MS - NOW_MS % HOUR_MS;
	char first[DDB_TIME_KEY_ROOM], last[DDB_TIME_KEY_ROOM], next[DDB_TIME_KEY_ROOM];

	(void)state;
	idle_key_of_an_add(step_ms, first, sizeof(first));
	idle_key_of_an_add(step_ms + HOUR_MS - 1, last, sizeof(last));
	idle_key_of_an_add(step_ms + HOUR_MS, next, sizeof(next));
	assert_string_equal(first, last);
	assert_true(strcmp(next, last) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cart_is_read_as_it_was_written_in_layout_map),
		cmocka_unit_test(a_cart_is_read_as_it_was_written_in_layout_list),
		cmocka_unit_test(dynamodb_may_remove_an_item_when_the_grace_has_passed),
		cmocka_unit_test(time_keys_sort_by_time_then_id),
		cmocka_unit_test(records_are_read_as_they_were_written),
		cmocka_unit_test(names_of_keys_differ_and_can_stand_in_an_expression),
		cmocka_unit_test(an_item_with_attributes_of_others_is_read),
		cmocka_unit_test(a_key_takes_the_version_before_it_is_changed),
		cmocka_unit_test(keys_are_found_in_whatever_order_they_come),
		cmocka_unit_test(what_is_not_ours_is_refused_by_name),
		cmocka_unit_test(attributes_that_are_damaged_damage_the_cart),
		cmocka_unit_test(attributes_that_no_change_names_are_not_in_its_call),
		cmocka_unit_test(the_last_attributes_of_a_product_are_stored),
		cmocka_unit_test(keys_alone_and_tombstones_are_read_as_far_as_they_go),
		cmocka_unit_test(the_item_of_a_creates_key_is_read_as_it_was_written),
		cmocka_unit_test(expressions_are_plain_and_name_what_they_use_and_nothing_else),
		cmocka_unit_test(an_add_within_an_idle_step_leaves_the_index_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
