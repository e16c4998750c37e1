/* What the text of a batch holds, and what its answer says; batches on a server are the contract
 * suite's. */
#include "backends/mysql/modify.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static const struct cart_rules rules = {
	.ttl_ms = 1000, .lines_max = 10, .quantity_max = 100, .idempotency_window_ms = 1000};
static struct cart_change add = {.type = CART_CHANGE_ADD, .quantity = 2};

static struct sql_text text;

static struct sql_write lone(struct cart_op *op, enum sql_way way)
{
	return (struct sql_write){.op = op, .way = way, .token = 7};
}

static void init_add(struct cart_op *op)
{
	add.product_id = shop_id_of_number(5);
	cart_op_init(op, CART_OP_CHANGE);
	op->changes = &add;
	op->change_count = 1;
}

static int teardown(void **state)
{
	(void)state;
	sql_text_free(&text);
	text = (struct sql_text){0};
	return 0;
}

/* Its caller was answered at the deadline, and the answer came after all. */
static void nothing_is_asked_of_an_op_that_was_answered_meanwhile(void **state)
{
	struct sql_reply reply = {.affected = {1, 1}, .insert_id = {0, 5}};

	(void)state;
	for (int way = SQL_WAY_CREATE; way <= SQL_WAY_CHECKOUT; way++) {
		struct sql_write write = lone(NULL, (enum sql_way)way);

		assert_true(sql_write_read(&write, 1, &reply, &rules));
		sql_blame_read(&write, 1, &reply);
	}
}

static void a_lone_add_is_made_at_the_version_that_came_with_its_update(void **state)
{
	struct sql_reply reply = {.affected = {0, 1}, .insert_id = {0, 5}};
	struct cart_op op;
	struct sql_write write = lone(&op, SQL_WAY_ADD);

	(void)state;
	init_add(&op);
	assert_true(sql_write_text(&text, &write, 1, &rules));
	assert_int_equal(text.kinds[SQL_SELECT], 0);
	assert_true(sql_write_read(&write, 1, &reply, &rules));
	assert_true(write.done);
	assert_int_equal(op.result, CART_OK);
	assert_int_equal(op.version, 5);
}

/* Where the session waits for locks, the text does not. */
static void a_text_that_does_not_wait_locks_its_carts_first(void **state)
{
	MYSQL_RES lock = {.field_count = 1};
	struct sql_reply reply = {.insert_id = {0, 0, 5}, .rows = {&lock}, .rows_count = 1};
	struct cart_op op;
	struct sql_write write = lone(&op, SQL_WAY_ADD);
	const char *locked;

	(void)state;
	init_add(&op);
	text.nowait = true;
	assert_true(sql_write_text(&text, &write, 1, &rules));
	assert_true(sql_write_read(&write, 1, &reply, &rules));
	assert_int_equal(op.version, 5);
	buf_add_char(&text.buf, '\0');
	locked = strstr(text.buf.data, " FOR UPDATE NOWAIT;UPDATE carts");
	assert_non_null(locked);
	assert_true(sql_modify_text(&text, &write, 1, false));
	buf_add_char(&text.buf, '\0');
	assert_non_null(strstr(text.buf.data, " FOR UPDATE NOWAIT"));
	text.nowait = false;
}

/* The statement that the assertion is in must be after the guard and before COMMIT. */
static void an_add_asserts_that_the_guard_has_met_every_cart(void **state)
{
	struct cart_op ops[3];
	struct sql_write writes[3];
	const char *update, *insert, *assertion;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		init_add(&ops[i]);
		writes[i] = lone(&ops[i], SQL_WAY_ADD);
		writes[i].id.bytes[0] = (uint8_t)(i + 1);
	}
	assert_true(sql_write_text(&text, writes, 3, &rules));
	buf_add_char(&text.buf, '\0');
	update = strstr(text.buf.data, ";UPDATE carts");
	insert = strstr(text.buf.data, ";INSERT INTO cart_items");
	assertion = strstr(text.buf.data, "IF(ROW_COUNT() = 3, 2, (SELECT 1 UNION SELECT 2))");
	assert_non_null(update);
	assert_non_null(assertion);
	/* ROW_COUNT() is of the statement before. */
	assert_ptr_equal(strchr(update + 1, ';'), insert);
	assert_true(insert < assertion && assertion < strstr(text.buf.data, ";COMMIT"));
}

static void a_create_is_one_statement_and_with_a_key_a_transaction(void **state)
{
	struct sql_reply reply = {.affected = {1}};
	struct cart_op op;
	struct sql_write write = lone(&op, SQL_WAY_CREATE);

	(void)state;
	cart_op_init(&op, CART_OP_CREATE);
	assert_true(sql_write_text(&text, &write, 1, &rules));
	assert_int_equal(text.statements, 1);
	assert_true(sql_write_read(&write, 1, &reply, &rules));
	assert_true(write.done);
	assert_int_equal(op.version, 1);
	op.key = "k";
	assert_true(sql_write_text(&text, &write, 1, &rules));
	assert_int_equal(text.statements, 4);
	assert_int_equal(text.kinds[SQL_KEYS], 1);
	buf_add_char(&text.buf, '\0');
	assert_null(strstr(text.buf.data, "REPLACE"));
}

/* As hex, in the statements that there are anyway, and only where a write has some. */
static void attributes_take_no_statement_of_their_own(void **state)
{
	static const struct cart_rules some = {
		.lines_max = 10, .quantity_max = 100, .attributes_max = 8};
	struct cart_change change = {
		.type = CART_CHANGE_ADD, .product_id = shop_id_of_number(1), .quantity = 1};
	struct cart_op op;
	struct sql_write write = lone(&op, SQL_WAY_ADD);
	size_t statements;

	(void)state;
	init_add(&op);
	op.changes = &change;
	assert_true(sql_write_text(&text, &write, 1, &some));
	statements = text.statements;
	buf_add_char(&text.buf, '\0');
	assert_null(strstr(text.buf.data, "attributes"));
	change.attributes = "{\"a\":1}";
	assert_int_equal(sql_write_way(&op, &some), SQL_WAY_ADD);
	assert_true(sql_write_text(&text, &write, 1, &some));
	assert_int_equal(text.statements, statements);
	buf_add_char(&text.buf, '\0');
	assert_non_null(strstr(text.buf.data, ",x'7b2261223a317d') ON DUPLICATE KEY"));
	assert_non_null(strstr(text.buf.data, "attributes = COALESCE(VALUES(attributes), "));
	change.attributes = "{\"a\":12}"; /* 8 bytes */
	assert_int_equal(sql_write_way(&op, &some), SQL_WAY_ADD);
	change.attributes = "{\"a\":123}"; /* above the limit */
	assert_int_equal(sql_write_way(&op, &some), SQL_WAY_MODIFY);
	change.attributes = ""; /* removed, which an upsert cannot tell from left alone */
	assert_int_equal(sql_write_way(&op, &some), SQL_WAY_MODIFY);
}

static void if_none_is_to_blame_all_adds_are(void **state)
{
	struct sql_reply reply = {.fault = SQL_FAULT_NONE};
	struct cart_op ops[2];
	struct sql_write writes[2];

	(void)state;
	init_add(&ops[0]);
	cart_op_init(&ops[1], CART_OP_CREATE);
	writes[0] = lone(&ops[0], SQL_WAY_ADD);
	writes[1] = lone(&ops[1], SQL_WAY_CREATE);
	writes[1].id.bytes[0] = 1;
	sql_blame_read(writes, 2, &reply); /* no row: the add did not pass */
	assert_true(writes[0].done);
	assert_false(writes[1].done);
	writes[0].way = SQL_WAY_CREATE; /* and none is an add: then all are */
	sql_blame_read(writes, 2, &reply);
	assert_true(writes[0].done && writes[1].done);
}

static void what_the_rules_would_refuse_is_no_plain_add(void **state)
{
	struct cart_change changes[12];
	struct cart_op op;

	(void)state;
	init_add(&op);
	assert_int_equal(sql_write_way(&op, &rules), SQL_WAY_ADD);
	op.if_version = 3;
	assert_int_equal(sql_write_way(&op, &rules), SQL_WAY_MODIFY);
	op.if_version = 0;
	for (int i = 0; i < 12; i++)
		changes[i] = (struct cart_change){.type = CART_CHANGE_ADD,
						  .product_id = shop_id_of_number(i + 1),
						  .quantity = 1};
	op.changes = changes;
	op.change_count = 11; /* more lines than a cart may hold */
	assert_int_equal(sql_write_way(&op, &rules), SQL_WAY_MODIFY);
	op.change_count = 10;
	assert_int_equal(sql_write_way(&op, &rules), SQL_WAY_ADD);
	changes[0].quantity = 101; /* more than a line may hold */
	assert_int_equal(sql_write_way(&op, &rules), SQL_WAY_MODIFY);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

/* An idle lane would hold for good what its largest batch took. */
static void what_a_large_text_took_is_given_back(void **state)
{
	struct cart_op op;
	struct sql_write write = lone(&op, SQL_WAY_ADD);

	(void)state;
	init_add(&op);
	assert_true(sql_write_text(&text, &write, 1, &rules));
	sql_text_trim(&text);
	assert_true(text.buf.room > 0);
	assert_true(buf_reserve(&text.buf, 100000));
	sql_text_trim(&text);
	assert_int_equal(text.buf.room, 0);
	assert_true(sql_write_text(&text, &write, 1, &rules));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_asked_of_an_op_that_was_answered_meanwhile),
		TEST(a_lone_add_is_made_at_the_version_that_came_with_its_update),
		TEST(a_text_that_does_not_wait_locks_its_carts_first),
		TEST(an_add_asserts_that_the_guard_has_met_every_cart),
		TEST(a_create_is_one_statement_and_with_a_key_a_transaction),
		TEST(attributes_take_no_statement_of_their_own),
		TEST(if_none_is_to_blame_all_adds_are),
		TEST(what_a_large_text_took_is_given_back),
		TEST(what_the_rules_would_refuse_is_no_plain_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
