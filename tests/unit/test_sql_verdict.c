/* What a lone write's answer says of it; batches are the contract suite's. */
#include "backends/mysql/write.h"
#include "tests/lib/cmocka.h"

static const struct cart_rules rules = {
	.ttl_ms = 1000, .lines_max = 10, .quantity_max = 100, .idempotency_window_ms = 1000};

static struct sql_write lone(struct cart_op *op, enum sql_write_kind kind)
{
	return (struct sql_write){.op = op, .kind = kind, .alone = true, .token = 7};
}

/* Its caller was answered at the deadline, and the answer came after all. */
static void nothing_is_asked_of_an_op_that_was_answered_meanwhile(void **state)
{
	struct sql_reply reply = {.affected = {1, 1}, .insert_id = {0, 5}};

	(void)state;
	for (int kind = SQL_WRITE_ADD; kind <= SQL_WRITE_CREATE; kind++) {
		struct sql_write write = lone(NULL, (enum sql_write_kind)kind);

		assert_true(sql_write_read(&write, 1, &reply, &rules));
	}
}

static void a_matched_row_is_a_change_made_at_the_version_that_came_with_it(void **state)
{
	struct sql_reply reply = {.affected = {0, 1}, .insert_id = {0, 5}};
	struct cart_op op;
	struct sql_write write = lone(&op, SQL_WRITE_ADD);

	(void)state;
	cart_op_init(&op, CART_OP_CHANGE);
	assert_true(sql_write_read(&write, 1, &reply, &rules));
	assert_int_equal(write.verdict, SQL_VERDICT_DONE);
	assert_int_equal(op.result, CART_OK);
	assert_int_equal(op.version, 5);
}

static void without_a_matched_row_the_careful_way_looks(void **state)
{
	struct sql_reply reply = {.affected = {0, 0}, .insert_id = {0, 5}};
	struct cart_op op;
	struct sql_write write = lone(&op, SQL_WRITE_ADD);

	(void)state;
	cart_op_init(&op, CART_OP_CHANGE);
	assert_true(sql_write_read(&write, 1, &reply, &rules));
	assert_int_equal(write.verdict, SQL_VERDICT_LOOK);
}

static void a_create_is_one_statement_or_with_a_key_the_second(void **state)
{
	struct sql_reply plain = {.affected = {1, 0}}, keyed = {.affected = {0, 1}};
	struct cart_op op;
	struct sql_write write = lone(&op, SQL_WRITE_CREATE);

	(void)state;
	cart_op_init(&op, CART_OP_CREATE);
	assert_true(sql_write_read(&write, 1, &plain, &rules));
	assert_int_equal(write.verdict, SQL_VERDICT_DONE);
	assert_int_equal(op.version, 1);
	assert_true(sql_write_read(&write, 1, &keyed, &rules));
	assert_int_equal(write.verdict, SQL_VERDICT_LOOK);
	op.key = "k";
	assert_true(sql_write_read(&write, 1, &keyed, &rules));
	assert_int_equal(write.verdict, SQL_VERDICT_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_asked_of_an_op_that_was_answered_meanwhile),
		cmocka_unit_test(a_matched_row_is_a_change_made_at_the_version_that_came_with_it),
		cmocka_unit_test(without_a_matched_row_the_careful_way_looks),
		cmocka_unit_test(a_create_is_one_statement_or_with_a_key_the_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
