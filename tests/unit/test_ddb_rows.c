/* Layout rows: what is written is read back, whatever a change was; a transaction takes it; rows of
 * different instants are seen to be; pages become one item. The table is a JSON object here. */
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/gather.h"
#include "backends/dynamodb/item/row.h"
#include "backends/dynamodb/item/rows.h"
#include "core/cart_rules.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/ids.h"
#include "tests/lib/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS	 INT64_C(1762039800123)
#define DAY_MS	 INT64_C(86400000)
#define CHANGES	 400
#define PRODUCTS 260

static struct cart_rules rules;
static struct ddb_table table;
static struct rng rng;
static json_t *rows; /* by sort key */
static struct ddb_item item;
static struct buf body;
static struct cart_op op;
static size_t written; /* items, by the last call */

static int setup(void **state)
{
	(void)state;
	rules = (struct cart_rules){.ttl_ms = 30 * DAY_MS,
				    .lines_max = PRODUCTS,
				    .quantity_max = 1000000,
				    .attributes_max = 256,
				    .idempotency_window_ms = 600000,
				    .idle_step_ms = 3600000,
				    .sweep_grace_ms = 3600000};
	table = (struct ddb_table){
		.name = "carts", .layout = DDB_LAYOUT_ROWS, .idle_shards = 8, .rules = &rules};
	rng = (struct rng){.state = 7};
	rows = json_object();
	item = (struct ddb_item){0};
	op = (struct cart_op){.type = CART_OP_CHANGE, .now_ms = NOW_MS};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ddb_item_clear(&item);
	buf_free(&body);
	json_decref(rows);
	return 0;
}

static const char *text_of(const json_t *attributes, const char *name, const char *type)
{
	return json_string_value(json_object_get(json_object_get(attributes, name), type));
}

static int64_t number_of(const json_t *attributes, const char *name)
{
	const char *text = text_of(attributes, name, "N");

	return text != NULL ? atoll(text) : 0;
}

/* What the write does to the table; an item may be in it once. */
static void apply(json_t *write, const char *kind, json_t *seen)
{
	json_t *put = json_object_get(write, "Item"), *key = json_object_get(write, "Key");
	const char *row = text_of(put != NULL ? put : key, "row", "S");

	assert_non_null(row);
	assert_string_equal(json_string_value(json_object_get(write, "TableName")), "carts");
	assert_null(json_object_get(seen, row));
	json_object_set_new(seen, row, json_true());
	written++;
	if (strcmp(kind, "Put") == 0)
		json_object_set(rows, row, put);
	else if (strcmp(kind, "Delete") == 0)
		json_object_del(rows, row);
	else
		fail_msg("%s", kind);
}

/* Makes the call of the body. */
static void make(enum ddb_operation operation)
{
	json_t *request = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
	json_t *seen = json_object(), *writes, *write, *each;
	const char *kind;
	size_t i;

	assert_false(body.failed);
	assert_non_null(request);
	written = 0;
	writes = json_object_get(request, "TransactItems");
	assert_int_equal(writes != NULL, operation == DDB_TRANSACT_WRITE_ITEMS);
	if (writes == NULL)
		apply(request, operation == DDB_DELETE_ITEM ? "Delete" : "Put", seen);
	json_array_foreach(writes, i, write)
	{
		assert_int_equal(json_object_size(write), 1);
		json_object_foreach(write, kind, each) apply(each, kind, seen);
	}
	/* CART comes first, and alone has a condition. */
	assert_int_equal(written <= DDB_TRANSACTION_MAX, 1);
	assert_non_null(json_object_get(seen, "CART"));
	json_array_foreach(writes, i, write)
	{
		json_object_foreach(write, kind, each) assert_int_equal(
			json_object_get(each, "ConditionExpression") != NULL, i == 0);
	}
	json_decref(seen);
	json_decref(request);
}

/* The item with its rows, as a Query brings them. NULL: no cart. */
static json_t *query(const json_t *of)
{
	struct ddb_gather gather = {0};
	json_t *items = json_array(), *answer, *row, *found;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)of, name, row) json_array_append(items, row);
	answer = json_pack("{s:o}", "Items", items);
	ddb_gather_query(&body, "carts", &item.cart.id, true);
	assert_int_equal(ddb_gather_take(&gather, &body, &answer), DDB_GATHERED);
	found = json_incref(json_object_get(answer, "Item"));
	json_decref(answer);
	return found;
}

static void read_again(void)
{
	json_t *found = query(rows);
	char why[200] = "";

	ddb_item_clear(&item);
	assert_non_null(found);
	if (ddb_item_read(&item, found, why, sizeof(why)) != CART_OK)
		fail_msg("%s", why);
	json_decref(found);
}

static void assert_rows_expire_after_the_cart(void)
{
	int64_t cart_s = number_of(json_object_get(rows, "CART"), "expires_at");

	for (size_t i = 0; i < item.row_count && item.layout == DDB_LAYOUT_ROWS; i++)
		if (item.rows[i].current)
			assert_true(cart_s == 0 ? item.rows[i].expires_s == 0
						: item.rows[i].expires_s >= cart_s);
}

static void random_line(struct cart *cart, int64_t product, int64_t now_ms)
{
	struct shop_id id = id_of(product);
	size_t at = cart_line_at(cart, &id);
	struct cart_line line = {.product_id = id,
				 .quantity = rng_between(&rng, 1, 99),
				 .added_ms = now_ms,
				 .updated_ms = now_ms};

	if (cart_find_line(cart, &id) != NULL) {
		cart->lines[at].quantity = line.quantity;
		cart->lines[at].updated_ms = now_ms;
		return;
	}
	if (rng_between(&rng, 0, 4) == 0)
		line.attributes = strdup("{\"a\":\"\\\"1\"}");
	assert_true(cart_reserve_lines(cart, cart->line_count + 1));
	memmove(&cart->lines[at + 1], &cart->lines[at],
		(cart->line_count - at) * sizeof(*cart->lines));
	cart->lines[at] = line;
	cart->line_count++;
}

static void remove_line(struct cart *cart, size_t at)
{
	free(cart->lines[at].attributes);
	cart->line_count--;
	memmove(&cart->lines[at], &cart->lines[at + 1],
		(cart->line_count - at) * sizeof(*cart->lines));
}

/* Now and then all lines, or many. */
static void change_by_chance(struct cart *after)
{
	int64_t what = rng_between(&rng, 0, 20);
	size_t lines =
		(size_t)(what == 0 ? rng_between(&rng, 0, PRODUCTS) : rng_between(&rng, 1, 3));

	if (what == 1 || what == 0)
		cart_drop_lines(after);
	for (size_t i = 0; what != 1 && i < lines; i++)
		random_line(after, rng_between(&rng, 1, PRODUCTS), after->updated_ms);
	while (what == 2 && after->line_count > 1)
		remove_line(after, (size_t)rng_between(&rng, 0, (int64_t)after->line_count - 1));
	for (int i = 0; i < 2 && what > 15 && after->line_count > 0; i++)
		remove_line(after, (size_t)rng_between(&rng, 0, (int64_t)after->line_count - 1));
}

static void create(size_t lines)
{
	struct cart cart = {.version = 1, .created_ms = NOW_MS, .updated_ms = NOW_MS};

	assert_true(cart_id_make(&cart.id, CART_ID_V4, NOW_MS));
	cart.expires_ms = rules.ttl_ms > 0 ? NOW_MS + rules.ttl_ms : 0;
	for (size_t i = 0; i < lines; i++)
		random_line(&cart, (int64_t)i + 1, NOW_MS);
	make(ddb_body_create(&body, &table, &cart, &op, "0123456789abcdef", NULL));
	item.cart.id = cart.id;
	read_again();
	assert_true(same_lines(&item.cart, &cart));
	cart_clear(&cart);
}

/* Writes what the cart is to be, and reads it. */
static void write(struct cart *after)
{
	make(ddb_body_if_unchanged(&body, &table, &op, &item, after, "fedcba9876543210", NULL));
	read_again();
	assert_true(same_lines(&item.cart, after));
	assert_true(item.cart.version == after->version);
	assert_rows_expire_after_the_cart();
	cart_clear(after);
}

static struct cart next(int64_t later_ms)
{
	struct cart after;

	assert_true(cart_copy(&after, &item.cart));
	after.version++;
	op.now_ms = after.updated_ms += later_ms;
	after.expires_ms = rules.ttl_ms > 0 ? after.updated_ms + rules.ttl_ms : 0;
	return after;
}

static struct cart checked_out(void)
{
	struct cart after = next(1);

	after.state = CART_CHECKED_OUT;
	after.order_id = after.id;
	after.expires_ms = 0;
	return after;
}

static struct cart reopened(void)
{
	struct cart after = next(1);

	after.state = CART_OPEN;
	after.order_id = (struct cart_id){0};
	return after;
}

static void walk(void)
{
	create((size_t)rng_between(&rng, 0, 150));
	for (int i = 0; i < CHANGES; i++) {
		struct cart after = next(rng_between(&rng, 0, 2 * DAY_MS));

		change_by_chance(&after);
		write(&after);
		if (rng_between(&rng, 0, 15) > 0)
			continue;
		after = checked_out();
		write(&after);
		after = reopened();
		write(&after);
	}
}

static void every_change_is_read_as_it_was_written(void **state)
{
	(void)state;
	walk();
}

static void so_it_is_where_carts_do_not_expire(void **state)
{
	(void)state;
	rules.ttl_ms = 0;
	walk();
	/* Rows that count for nothing are removed, as there is room. */
	for (int i = 0; i < 4; i++) {
		struct cart after = next(1);

		cart_drop_lines(&after);
		random_line(&after, i + 1, after.updated_ms);
		write(&after);
	}
	assert_true(json_object_size(rows) <= 3);
}

static void the_ttl_of_the_settings_may_change(void **state)
{
	static const int64_t days[] = {0, 30, 60, 0, 1};

	(void)state;
	create(50);
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		struct cart after;

		rules.ttl_ms = days[i] * DAY_MS;
		after = next(1);
		random_line(&after, 3, after.updated_ms);
		write(&after);
	}
}

static void a_change_writes_the_lines_that_it_changes_alone(void **state)
{
	struct cart after;

	(void)state;
	create(50);
	assert_int_equal(written, 51);
	after = next(1);
	random_line(&after, 200, after.updated_ms);
	write(&after);
	assert_int_equal(written, 2);
	after = next(1);
	remove_line(&after, 7);
	write(&after);
	assert_int_equal(written, 2);
	/* No line: a claim. */
	after = next(1);
	after.customer_id = id_of(4);
	write(&after);
	assert_int_equal(written, 1);
	/* All lines: those that were are not removed, and count no more. */
	after = next(1);
	cart_drop_lines(&after);
	for (int64_t product = 210; product < 230; product++)
		random_line(&after, product, after.updated_ms);
	write(&after);
	assert_int_equal(written, 21);
	after = next(1);
	cart_drop_lines(&after);
	write(&after);
	assert_int_equal(written, 1);
	assert_int_equal(item.layout, DDB_LAYOUT_ROWS);
	after = next(1);
	random_line(&after, 1, after.updated_ms);
	write(&after);
	assert_int_equal(written, 2);
	assert_int_equal(item.cart.line_count, 1);
}

static void what_a_transaction_cannot_take_is_packed(void **state)
{
	struct cart after;

	(void)state;
	create(DDB_TRANSACTION_MAX - 1);
	assert_int_equal(item.layout, DDB_LAYOUT_ROWS);
	after = next(1);
	for (int64_t product = 1; product <= DDB_TRANSACTION_MAX; product++)
		random_line(&after, product, after.updated_ms);
	write(&after);
	assert_int_equal(written, 1);
	assert_int_equal(item.layout, DDB_LAYOUT_MAP);
	after = next(1);
	remove_line(&after, 0);
	write(&after);
	assert_int_equal(written, DDB_TRANSACTION_MAX);
	assert_int_equal(item.layout, DDB_LAYOUT_ROWS);
}

static void a_checkout_packs_the_cart(void **state)
{
	struct cart after;

	(void)state;
	create(20);
	after = checked_out();
	write(&after);
	assert_int_equal(written, 1);
	assert_int_equal(item.layout, DDB_LAYOUT_MAP);
	assert_int_equal(number_of(json_object_get(rows, "CART"), "expires_at"), 0);
	after = reopened();
	write(&after);
	assert_int_equal(item.layout, DDB_LAYOUT_ROWS);
	/* Rows that do not expire go with it. */
	rules.ttl_ms = 0;
	after = next(1);
	write(&after);
	after = checked_out();
	write(&after);
	assert_int_equal(item.layout, DDB_LAYOUT_MAP);
	assert_int_equal(json_object_size(rows), 1);
}

static void rows_that_would_expire_before_the_cart_are_written_again(void **state)
{
	struct cart after;

	(void)state;
	create(20);
	after = next(29 * DAY_MS);
	random_line(&after, 1, after.updated_ms);
	write(&after);
	assert_int_equal(written, 2);
	after = next(2 * DAY_MS);
	random_line(&after, 2, after.updated_ms);
	write(&after);
	assert_int_equal(written, 20);
}

static void a_delete_takes_all_rows_with_it(void **state)
{
	const struct cart_op removal = {.type = CART_OP_DELETE, .now_ms = NOW_MS};

	(void)state;
	create(99);
	assert_false(ddb_body_drop_rows(&body, &table, &item, "0123456789abcdef"));
	make(ddb_body_if_unchanged(&body, &table, &removal, &item, &item.cart, "f", NULL));
	assert_int_equal(json_object_size(rows), 0);
}

static void a_cart_of_many_rows_is_packed_before_it_is_removed(void **state)
{
	json_t *request, *update, *values;
	struct cart after;
	size_t i;

	(void)state;
	create(99);
	for (int64_t product = 100; product < 104; product++) {
		after = next(1);
		random_line(&after, product, after.updated_ms);
		write(&after);
	}
	assert_int_equal(item.row_count, 103);
	assert_true(ddb_body_drop_rows(&body, &table, &item, "0123456789abcdef"));
	request = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(request);
	assert_int_equal(json_array_size(json_object_get(request, "TransactItems")),
			 DDB_TRANSACTION_MAX);
	update = json_object_get(json_array_get(json_object_get(request, "TransactItems"), 0),
				 "Update");
	assert_string_equal(json_string_value(json_object_get(update, "ConditionExpression")),
			    "mark=:old");
	values = json_object_get(update, "ExpressionAttributeValues");
	assert_int_equal(json_object_size(json_object_get(json_object_get(values, ":qty"), "M")),
			 103);
	for (i = 1; i < DDB_TRANSACTION_MAX; i++)
		assert_non_null(json_object_get(
			json_array_get(json_object_get(request, "TransactItems"), i), "Delete"));
	json_decref(request);
}

/* Of two states of a table, each row of one or the other: what a Query may bring while transactions
 * are made. */
static json_t *mixed(const json_t *old, const json_t *new)
{
	json_t *mix = json_object(), *row;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)old, name, row)
	{
		const json_t *other = json_object_get(new, name);

		if (other == NULL && rng_between(&rng, 0, 1) == 0)
			json_object_set(mix, name, row);
	}
	json_object_foreach((json_t *)(uintptr_t) new, name, row)
	{
		json_t *other = json_object_get(old, name);

		if (rng_between(&rng, 0, 1) == 0)
			json_object_set(mix, name, row);
		else if (other != NULL)
			json_object_set(mix, name, other);
	}
	return mix;
}

/* A state of the cart, kept. */
struct kept {
	json_t *rows;
	struct cart cart;
};

static void keep(struct kept *kept)
{
	json_decref(kept->rows);
	cart_clear(&kept->cart);
	kept->rows = json_deep_copy(rows);
	assert_true(cart_copy(&kept->cart, &item.cart));
}

static void rows_of_two_instants_are_no_cart(void **state)
{
	struct kept old = {0}, new = {0};
	size_t refused = 0;

	(void)state;
	create(6);
	for (int i = 0; i < CHANGES; i++) {
		struct cart after;

		keep(&old);
		for (int64_t n = rng_between(&rng, 1, 3); n > 0; n--) {
			after = next(1);
			random_line(&after, rng_between(&rng, 1, 12), after.updated_ms);
			if (rng_between(&rng, 0, 1) == 0 && after.line_count > 4)
				remove_line(&after, 0);
			write(&after);
		}
		keep(&new);
		for (int j = 0; j < 10; j++) {
			json_t *mix = mixed(old.rows, new.rows), *list = json_array(), *row, *found;
			const char *name;
			struct ddb_item of;
			char why[200];

			found = json_copy(json_object_get(mix, "CART"));
			json_object_foreach(mix, name, row) json_array_append(list, row);
			json_object_set_new(found, DDB_ROWS, list);
			if (!ddb_rows_match(found)) {
				assert_int_equal(ddb_item_read(&of, found, why, sizeof(why)),
						 CART_DAMAGED);
				assert_string_equal(why, "an item of the table has a bad digest");
				refused++;
			} else {
				assert_int_equal(ddb_item_read(&of, found, why, sizeof(why)),
						 CART_OK);
				assert_true(same_lines(&of.cart, of.cart.version == old.cart.version
									 ? &old.cart
									 : &new.cart));
				ddb_item_clear(&of);
			}
			json_decref(found);
			json_decref(mix);
		}
	}
	assert_true(refused > CHANGES);
	json_decref(old.rows);
	json_decref(new.rows);
	cart_clear(&old.cart);
	cart_clear(&new.cart);
}

/* Answers with these rows. */
static json_t *answer_of(const json_t *of, const char *last)
{
	json_t *items = json_array(), *answer, *row;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)of, name, row) json_array_append(items, row);
	answer = json_pack("{s:o}", "Items", items);
	if (last != NULL)
		json_object_set_new(answer, "LastEvaluatedKey",
				    json_pack("{s:{s:s}}", "row", "S", last));
	return answer;
}

static const json_t *asked(const char *member, json_t **request)
{
	json_decref(*request);
	*request = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(*request);
	return json_object_get(*request, member);
}

static void pages_become_one_item(void **state)
{
	struct ddb_gather gather = {0};
	json_t *first = json_object(), *second = json_object(), *answer, *row, *request = NULL;
	const char *name;

	(void)state;
	create(30);
	json_object_foreach(rows, name, row)
		json_object_set(strcmp(name, "ITEM#2") < 0 ? first : second, name, row);
	ddb_gather_query(&body, "carts", &item.cart.id, false);
	answer = answer_of(first, "ITEM#1\"9");
	assert_int_equal(ddb_gather_take(&gather, &body, &answer), DDB_GATHER_MORE);
	assert_true(json_is_true(asked("ConsistentRead", &request)));
	assert_string_equal(text_of(asked("ExclusiveStartKey", &request), "row", "S"), "ITEM#1\"9");
	json_decref(answer);
	answer = answer_of(second, NULL);
	assert_int_equal(ddb_gather_take(&gather, &body, &answer), DDB_GATHERED);
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(answer, "Item"), DDB_ROWS)), 30);
	json_decref(answer);
	json_decref(first);
	json_decref(second);
	json_decref(request);
	ddb_gather_clear(&gather);
}

static void rows_that_do_not_match_are_read_again_and_strongly(void **state)
{
	struct ddb_gather gather = {0};
	json_t *torn, *answer, *request = NULL;
	int again = 0;

	(void)state;
	create(5);
	torn = json_copy(rows);
	json_object_del(torn, "ITEM#3");
	ddb_gather_query(&body, "carts", &item.cart.id, false);
	for (bool more = true; more; again += more) {
		answer = answer_of(torn, NULL);
		more = ddb_gather_take(&gather, &body, &answer) == DDB_GATHER_MORE;
		if (more) {
			assert_true(json_is_true(asked("ConsistentRead", &request)));
			assert_null(json_object_get(request, "ExclusiveStartKey"));
			json_decref(answer);
		}
	}
	assert_int_equal(again, 10);
	/* Who reads it says what is wrong. */
	assert_false(ddb_rows_match(json_object_get(answer, "Item")));
	json_decref(answer);
	ddb_gather_clear(&gather);
	/* Once is enough where they match then. */
	ddb_gather_query(&body, "carts", &item.cart.id, true);
	answer = answer_of(torn, NULL);
	assert_int_equal(ddb_gather_take(&gather, &body, &answer), DDB_GATHER_MORE);
	json_decref(answer);
	answer = answer_of(rows, NULL);
	assert_int_equal(ddb_gather_take(&gather, &body, &answer), DDB_GATHERED);
	assert_true(ddb_rows_match(json_object_get(answer, "Item")));
	json_decref(answer);
	json_decref(torn);
	json_decref(request);
	ddb_gather_clear(&gather);
}

static void rows_without_their_cart_are_none(void **state)
{
	struct ddb_gather gather = {0};
	json_t *answer;

	(void)state;
	create(5);
	json_object_del(rows, "CART");
	ddb_gather_query(&body, "carts", &item.cart.id, true);
	answer = answer_of(rows, NULL);
	assert_int_equal(ddb_gather_take(&gather, &body, &answer), DDB_GATHERED);
	assert_null(json_object_get(answer, "Item"));
	json_decref(answer);
	answer = json_object();
	assert_int_equal(ddb_gather_take(&gather, &body, &answer), DDB_GATHER_FAILED);
	json_decref(answer);
	ddb_gather_clear(&gather);
}

static void rows_that_a_cart_left_are_not_of_the_one_that_is_imported(void **state)
{
	(void)state;
	create(5);
	json_object_del(rows, "CART");
	op.type = CART_OP_IMPORT;
	create(2);
	assert_int_equal(json_object_size(rows), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_change_is_read_as_it_was_written),
		TEST(so_it_is_where_carts_do_not_expire),
		TEST(the_ttl_of_the_settings_may_change),
		TEST(a_change_writes_the_lines_that_it_changes_alone),
		TEST(what_a_transaction_cannot_take_is_packed),
		TEST(a_checkout_packs_the_cart),
		TEST(rows_that_would_expire_before_the_cart_are_written_again),
		TEST(a_delete_takes_all_rows_with_it),
		TEST(a_cart_of_many_rows_is_packed_before_it_is_removed),
		TEST(rows_of_two_instants_are_no_cart),
		TEST(pages_become_one_item),
		TEST(rows_that_do_not_match_are_read_again_and_strongly),
		TEST(rows_without_their_cart_are_none),
		TEST(rows_that_a_cart_left_are_not_of_the_one_that_is_imported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
