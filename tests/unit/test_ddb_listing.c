/* A list, as the calls that it takes: answered here as an index and a table would. */
#include "backends/dynamodb/store/listing.h"
#include "core/cart_id.h"

#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>

#define NOW_MS	  INT64_C(1762039800123)
#define SHARDS	  8
#define A_SHARD	  30 /* carts in each */
#define LIMIT	  20
#define CALLS_MAX 50

static const struct cart_rules rules = {.ttl_ms = 30 * 24 * INT64_C(3600000),
					.lines_max = 200,
					.quantity_max = 1000000,
					.idempotency_window_ms = 600000};
static const struct ddb_table table = {
	.name = "carts", .layout = DDB_LAYOUT_MAP, .idle_shards = SHARDS, .rules = &rules};

static const struct ddb_table table_of_rows = {
	.name = "carts", .layout = DDB_LAYOUT_ROWS, .idle_shards = SHARDS, .rules = &rules};

static struct cart carts[SHARDS * A_SHARD];
static struct cart_op op;
static struct ddb_listing *listing;
static struct buf body;
static int queries, gets;
static size_t fetched;	  /* carts that BatchGetItem was asked for */
static int leave_out;	  /* answers that leave one out */
static bool second_entry; /* the first query says the first cart twice */

/* A minute apart, and from shard to shard; longest idle first. */
static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHARDS * A_SHARD; i++) {
		struct cart *cart = &carts[i];

		*cart = (struct cart){.customer_id = id_of(1), .version = 1};
		cart->created_ms = cart->updated_ms = NOW_MS - (1000 - (int64_t)i) * 60000;
		memset(cart->id.bytes, 0x40, sizeof(cart->id.bytes));
		cart->id.bytes[0] = (uint8_t)i;
		cart->id.bytes[CART_ID_BYTES - 2] = 0;
		cart->id.bytes[CART_ID_BYTES - 1] = (uint8_t)(i % SHARDS);
	}
	cart_op_init(&op, CART_OP_LIST);
	op.now_ms = NOW_MS;
	op.list = (struct cart_list){
		.kind = CART_LIST_IDLE, .idle_before_ms = NOW_MS, .limit = LIMIT};
	listing = ddb_listing_new(&op, &table);
	assert_non_null(listing);
	queries = gets = leave_out = 0;
	fetched = 0;
	second_entry = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ddb_listing_free(&listing);
	cart_op_clear(&op);
	buf_free(&body);
	return 0;
}

static json_t *entry_of(const struct cart *cart, int64_t updated_ms)
{
	char id[CART_ID_TEXT + 1], key[DDB_TIME_KEY_ROOM];

	cart_id_format(&cart->id, id);
	ddb_time_key(updated_ms, &cart->id, key);
	return json_pack("{s:{s:s},s:{s:s}}", "cart_id", "S", id, "idle_key", "S", key);
}

static const char *asked_text(const json_t *asked, const char *name, const char *type)
{
	return json_string_value(json_object_get(
		json_object_get(json_object_get(asked, "ExpressionAttributeValues"), name), type));
}

/* A page of a shard, of Limit entries behind :after. */
static json_t *answer_query(const json_t *asked)
{
	size_t shard = strtoul(asked_text(asked, ":part", "N"), NULL, 10);
	size_t limit = (size_t)json_integer_value(json_object_get(asked, "Limit"));
	const char *after = asked_text(asked, ":after", "S");
	const char *before = asked_text(asked, ":before", "S");
	json_t *items = json_array(), *last = NULL;

	queries++;
	for (size_t i = shard; i < SHARDS * A_SHARD; i += SHARDS) {
		char key[DDB_TIME_KEY_ROOM];

		ddb_time_key(carts[i].updated_ms, &carts[i].id, key);
		if (strcmp(key, after) < 0 || strcmp(key, before) > 0)
			continue;
		if (json_array_size(items) == limit) {
			last = json_deep_copy(json_array_get(items, limit - 1));
			break;
		}
		if (second_entry && i == 0)
			json_array_append_new(items, entry_of(&carts[i], carts[i].updated_ms - 1));
		json_array_append_new(items, entry_of(&carts[i], carts[i].updated_ms));
	}
	return last != NULL ? json_pack("{s:o,s:o}", "Items", items, "LastEvaluatedKey", last)
			    : json_pack("{s:o}", "Items", items);
}

static json_t *item_of(const struct cart *cart, const struct ddb_table *of)
{
	struct buf text = {0};
	json_t *request, *item;

	ddb_body_create(&text, of, cart, &op, "0123456789abcdef", NULL);
	request = json_loadb(text.data, text.len, 0, NULL);
	item = json_incref(json_object_get(request, "Item"));
	json_decref(request);
	buf_free(&text);
	return item;
}

static json_t *answer_get(const json_t *asked)
{
	const json_t *of_table = json_object_get(json_object_get(asked, "RequestItems"), "carts");
	json_t *keys = json_object_get(of_table, "Keys"), *key, *found = json_array();
	json_t *left = json_array();
	struct cart_id seen[100];
	size_t i;

	gets++;
	assert_true(json_array_size(keys) <= 100);
	json_array_foreach(keys, i, key)
	{
		assert_true(ddb_item_id(key, &seen[i]));
		/* What DynamoDB refuses the whole call for. */
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(cart_id_compare(&seen[i], &seen[j]), 0);
		if (i == 0 && leave_out > 0) {
			leave_out--;
			json_array_append(left, key);
			continue;
		}
		fetched++;
		json_array_append_new(found, item_of(&carts[seen[i].bytes[0]], &table));
	}
	return json_pack("{s:{s:o},s:{s:{s:o}}}", "Responses", "carts", found, "UnprocessedKeys",
			 "carts", "Keys", left);
}

static void run(void)
{
	enum ddb_operation operation;
	char why[CART_REASON_MAX] = "";

	while (ddb_listing_next(listing, &body, &operation)) {
		json_t *asked = json_loadb(body.data, body.len, 0, NULL), *answer;
		size_t left = leave_out > 0 && operation == DDB_BATCH_GET_ITEM;

		assert_non_null(asked);
		answer = operation == DDB_QUERY ? answer_query(asked) : answer_get(asked);
		assert_int_equal(ddb_listing_take(listing, answer, why, sizeof(why)), CART_OK);
		assert_int_equal(ddb_listing_left_out(listing), left);
		json_decref(asked);
		json_decref(answer);
		assert_true(queries + gets < CALLS_MAX);
	}
	ddb_listing_finish(listing, &op);
}

/* The n longest idle, in order. */
static void check_page(size_t first, size_t count)
{
	assert_int_equal(op.cart_count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(cart_id_compare(&op.carts[i].id, &carts[first + i].id), 0);
}

/* Each shard gives more than a page, and one page of them all is fetched. */
static void test_an_idle_list_fetches_a_page_and_not_one_for_each_shard(void **state)
{
	(void)state;
	run();
	check_page(0, LIMIT);
	assert_true(op.more);
	assert_int_equal(queries, SHARDS);
	assert_int_equal(fetched, LIMIT + 1);
}

static void test_a_long_page_is_in_order_over_shards_and_their_pages(void **state)
{
	(void)state;
	ddb_listing_free(&listing);
	op.list.limit = 100;
	op.list.has_after = true;
	op.list.after_ms = carts[9].updated_ms;
	op.list.after_id = carts[9].id;
	listing = ddb_listing_new(&op, &table);
	assert_non_null(listing);
	run();
	check_page(10, 100);
	assert_true(op.more);
}

/* A cart that changes while the index is read may be met under both keys. */
static void test_a_cart_that_the_index_says_twice_is_asked_for_once_a_call_and_listed_once(
	void **state)
{
	(void)state;
	second_entry = true;
	run();
	check_page(0, LIMIT);
}

static void test_carts_left_out_are_asked_for_again(void **state)
{
	(void)state;
	leave_out = 3;
	run();
	check_page(0, LIMIT);
	assert_int_equal(leave_out, 0);
}

static void test_an_index_without_entries_is_an_empty_list(void **state)
{
	(void)state;
	ddb_listing_free(&listing);
	op.list.idle_before_ms = carts[0].updated_ms;
	listing = ddb_listing_new(&op, &table);
	assert_non_null(listing);
	run();
	check_page(0, 0);
	assert_false(op.more);
	assert_int_equal(gets, 0);
}

/* DynamoDB refuses a range that ends before it begins. */
static void test_a_page_behind_the_last_idle_cart_is_empty_without_a_call(void **state)
{
	(void)state;
	ddb_listing_free(&listing);
	op.list.has_after = true;
	op.list.after_ms = NOW_MS;
	op.list.after_id = carts[0].id;
	listing = ddb_listing_new(&op, &table);
	assert_non_null(listing);
	run();
	check_page(0, 0);
	assert_int_equal(queries + gets, 0);
}

/* Where a step of cart.idle_step holds many carts that are not idle yet, a small page must not read
 * them a few at a time: a list makes only so many calls. */
static void test_a_small_page_that_leaves_out_many_carts_reads_many_at_once(void **state)
{
	(void)state;
	ddb_listing_free(&listing);
	op.list.limit = 1;
	for (size_t i = 0; i < SHARDS * A_SHARD - 2; i++)
		carts[i].expires_ms = NOW_MS;
	listing = ddb_listing_new(&op, &table);
	assert_non_null(listing);
	run(); /* in fewer than CALLS_MAX calls */
	check_page(SHARDS * A_SHARD - 2, 1);
	assert_true(op.more);
}

/* Requests as many carts as it can, and answers the last one first; those of odd number are gone.
 * Returns how many there were. */
static size_t answer_carts(bool half)
{
	struct cart_id ids[CALLS_MAX];
	char why[CART_REASON_MAX] = "";
	size_t count = 0;

	for (; ddb_listing_has_cart(listing); count++) {
		assert_true(count < CALLS_MAX);
		assert_int_equal(ddb_listing_next_cart(listing, &ids[count], &body), DDB_QUERY);
	}
	for (size_t i = count; i-- > 0;) {
		json_t *answer =
			half && ids[i].bytes[0] % 2 == 1
				? json_object()
				: json_pack("{s:o}", "Item",
					    item_of(&carts[ids[i].bytes[0]], &table_of_rows));

		assert_int_equal(ddb_listing_take_cart(listing, &ids[i], answer, why, sizeof(why)),
				 CART_OK);
		json_decref(answer);
	}
	return count;
}

/* Returns how many times carts were requested. */
static size_t run_rows(bool half)
{
	enum ddb_operation operation;
	char why[CART_REASON_MAX] = "";
	size_t rounds = 0;

	ddb_listing_free(&listing);
	listing = ddb_listing_new(&op, &table_of_rows);
	assert_non_null(listing);
	while (ddb_listing_next(listing, &body, &operation)) {
		json_t *asked, *answer;

		if (ddb_listing_has_cart(listing)) {
			fetched += answer_carts(half);
			rounds++;
			continue;
		}
		asked = json_loadb(body.data, body.len, 0, NULL);
		answer = answer_query(asked);
		assert_int_equal(ddb_listing_take(listing, answer, why, sizeof(why)), CART_OK);
		json_decref(asked);
		json_decref(answer);
	}
	ddb_listing_finish(listing, &op);
	return rounds;
}

static void test_where_each_cart_is_a_call_a_page_of_them_may_run_at_once(void **state)
{
	(void)state;
	assert_int_equal(run_rows(false), 1);
	check_page(0, LIMIT);
	assert_true(op.more);
	assert_int_equal(fetched, LIMIT + 1);
}

/* The rounds halve what is missing, and none reads more than that. */
static void test_where_each_cart_is_a_call_none_is_read_that_is_not_needed(void **state)
{
	(void)state;
	assert_in_range(run_rows(true), 2, 8);
	assert_int_equal(op.cart_count, LIMIT);
	for (size_t i = 0; i < LIMIT; i++)
		assert_int_equal(cart_id_compare(&op.carts[i].id, &carts[2 * i].id), 0);
	assert_int_equal(fetched, 2 * LIMIT + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_an_idle_list_fetches_a_page_and_not_one_for_each_shard, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_a_long_page_is_in_order_over_shards_and_their_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_cart_that_the_index_says_twice_is_asked_for_once_a_call_and_listed_once,
			setup, teardown),
		cmocka_unit_test_setup_teardown(test_carts_left_out_are_asked_for_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_a_page_behind_the_last_idle_cart_is_empty_without_a_call, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_a_small_page_that_leaves_out_many_carts_reads_many_at_once, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_where_each_cart_is_a_call_a_page_of_them_may_run_at_once, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_where_each_cart_is_a_call_none_is_read_that_is_not_needed, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_an_index_without_entries_is_an_empty_list,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
