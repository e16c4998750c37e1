/* The list of idle carts where rows were written under another cart.idle_step, and where it leaves
 * out many. */
#include "core/cart_id.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ids.h"
#include "tests/lib/sqlite_fixture.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>

#define MINUTE_MS (INT64_C(60) * 1000)
#define CARTS	  6

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static void start(const char *step)
{
	struct cart_error error;

	fixture_set(&f, "cart.idle_step", step);
	if (fixture_start(&f, CART_PROVISION_AUTO, &error) != 0)
		fail_msg("%s", error.text);
}

static void pass_minutes(int minutes)
{
	__atomic_add_fetch(&f.clock.wall_ms, minutes * MINUTE_MS, __ATOMIC_RELAXED);
}

/* Asserts that pages of each size list the wanted carts once each; in any order. */
static void expect_idle(int64_t before_ms, const bool wanted[CARTS])
{
	for (int limit = 1; limit <= CARTS + 1; limit++) {
		struct cart_op op = {.type = CART_OP_LIST,
				     .list = {.kind = CART_LIST_IDLE,
					      .idle_before_ms = before_ms,
					      .limit = limit}};
		int found[CARTS] = {0};
		bool more;

		do {
			assert_int_equal(fixture_run(&f, &op), CART_OK);
			for (size_t i = 0; i < op.cart_count; i++)
				found[op.carts[i].id.bytes[0]]++;
			more = op.more;
			if (more)
				cart_list_go_on(&op.list, &op.carts[op.cart_count - 1]);
			cart_op_clear(&op);
		} while (more);
		for (int i = 0; i < CARTS; i++)
			assert_int_equal(found[i], wanted[i]);
	}
}

/* Carts 0 to 5, 20 minutes apart, from the start of an hour. */
static void make_carts(void)
{
	f.clock.wall_ms -= f.clock.wall_ms % (60 * MINUTE_MS);
	for (uint8_t n = 0; n < CARTS; n++) {
		assert_int_equal(fixture_create(&f, n, 7), CART_OK);
		pass_minutes(20);
	}
}

static void each_is_listed_once_under(const char *then, const char *now)
{
	int64_t start_ms;

	start(then);
	make_carts();
	start_ms = f.clock.wall_ms - CARTS * 20 * MINUTE_MS;
	fixture_stop(&f);
	start(now);
	expect_idle(INT64_MAX, (bool[]){true, true, true, true, true, true});
	expect_idle(start_ms + 1, (bool[]){true, false, false, false, false, false});
	expect_idle(start_ms + 80 * MINUTE_MS, (bool[]){true, true, true, true, false, false});
	/* Some rows have the one step and some the other. */
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_OK);
	expect_idle(f.clock.wall_ms + 1, (bool[]){true, true, true, true, true, true});
	expect_idle(f.clock.wall_ms, (bool[]){true, false, true, true, true, true});
}

static void pages_neither_skip_nor_repeat_after_the_step_became_smaller(void **state)
{
	(void)state;
	each_is_listed_once_under("1h", "1m");
}

static void pages_neither_skip_nor_repeat_after_the_step_became_larger(void **state)
{
	(void)state;
	each_is_listed_once_under("1m", "1h");
}

/*
 * The index's sweep_ms is expires_ms rounded up to a thirtieth of cart.ttl. Here a change under a
 * slightly longer ttl moves expires_ms, and would not move sweep_ms if it were compared with what
 * the ttl in force makes of the old expires_ms: the list would take the cart for expired too early.
 */
static void a_cart_whose_expiry_slid_under_another_ttl_is_listed(void **state)
{
	const int64_t old_ttl = 60 * MINUTE_MS, new_ttl = 61 * MINUTE_MS;
	const bool listed[CARTS] = {true}, gone[CARTS] = {false};

	(void)state;
	fixture_set(&f, "cart.ttl", "60m");
	start("1m");
	f.clock.wall_ms -= f.clock.wall_ms % (old_ttl / 30);
	while ((f.clock.wall_ms + old_ttl - 1) % (new_ttl / 30) > MINUTE_MS / 2)
		f.clock.wall_ms += old_ttl / 30;
	assert_int_equal(fixture_create(&f, 0, 7), CART_OK);
	fixture_stop(&f);
	fixture_set(&f, "cart.ttl", "61m");
	start("1m");
	assert_int_equal(fixture_add(&f, 0, 5, 1), CART_OK);
	pass_minutes(60);
	expect_idle(INT64_MAX, listed);
	pass_minutes(1);
	expect_idle(INT64_MAX, gone);
}

/* Writes count open carts of the current idle step, changed at updated_ms. Their ids are digits. */
static void write_carts(int count, int64_t updated_ms, int64_t expires_ms)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		 " INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms,"
		 " idle_ms, expires_ms, sweep_ms, items) SELECT CAST(printf('%%016d', i) AS BLOB), "
		 "'9',"
		 " 0, 1, 1, %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", '[]' FROM n",
		 count, updated_ms, f.clock.wall_ms - f.clock.wall_ms % (60 * MINUTE_MS),
		 expires_ms, INT64_MAX);
	fixture_exec(&f, sql);
}

static void note_order(struct cart_op *op, void *user)
{
	int *answered = user;

	/* Which answer this is, first or second. */
	op->flags = (unsigned)++*answered;
}

static void a_list_that_leaves_out_a_whole_step_lets_others_go_first(void **state)
{
	struct cart_op list = {.type = CART_OP_LIST, .list = {.kind = CART_LIST_IDLE, .limit = 10}};
	struct cart_op get = {.type = CART_OP_GET, .id = fixture_id(0)};
	int answered = 0;

	(void)state;
	start("1h");
	f.clock.wall_ms -= f.clock.wall_ms % (60 * MINUTE_MS);
	assert_int_equal(fixture_create(&f, 0, 7), CART_OK);
	assert_int_equal(fixture_create(&f, 0xff, 7), CART_OK);
	pass_minutes(1);
	fixture_stop(&f);
	write_carts(1000, f.clock.wall_ms, 0);
	start("1h");
	list.list.idle_before_ms = f.clock.wall_ms;
	list.done = get.done = note_order;
	list.user = get.user = &answered;
	list.deadline_ns = get.deadline_ns = INT64_MAX;
	assert_int_equal(cart_store_submit(f.store, &list), CART_OK);
	assert_int_equal(cart_store_submit(f.store, &get), CART_OK);
	fixture_wait(&f, &answered, 2);
	assert_int_equal(get.result, CART_OK);
	assert_int_equal(get.flags, 1);
	assert_int_equal(list.result, CART_OK);
	assert_int_equal(list.cart_count, 2);
	assert_int_equal(list.carts[0].id.bytes[0], 0);
	assert_int_equal(list.carts[1].id.bytes[0], 0xff);
	assert_false(list.more);
	cart_op_clear(&list);
	cart_op_clear(&get);
}

static void a_cart_that_changes_while_a_list_is_read_is_listed_once(void **state)
{
	struct cart_op list = {
		.type = CART_OP_LIST,
		.list = {.kind = CART_LIST_IDLE, .idle_before_ms = INT64_MAX, .limit = 10}};
	sqlite3 *other;
	int done = 0;

	(void)state;
	start("1h");
	assert_int_equal(fixture_create(&f, 0, 7), CART_OK);
	fixture_stop(&f);
	/* All have expired, and only their rows say so: more than one turn of the loop reads. */
	write_carts(50000, f.clock.wall_ms, f.clock.wall_ms);
	start("1h");
	assert_int_equal(fixture_submit(&f, &list, &done, 60000), CART_OK);
	event_base_loop(f.base, EVLOOP_ONCE);
	assert_int_equal(done, 0);
	other = fixture_outsider(&f);
	assert_int_equal(sqlite3_exec(other,
				      "UPDATE carts SET idle_ms = idle_ms + 3600000,"
				      " updated_ms = updated_ms + 3600000 WHERE customer_id = '7'",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(other);
	fixture_wait(&f, &done, 1);
	assert_int_equal(list.result, CART_OK);
	assert_int_equal(list.cart_count, 1);
	assert_false(list.more);
	cart_op_clear(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Rows that somebody has changed by hand: their carts spoil no list, and are named. */
static void a_damaged_row_is_left_out_of_lists_and_named_in_the_log(void **state)
{
	bool wanted[CARTS] = {true, false, true, false, true, true};
	struct cart_op op = {.type = CART_OP_LIST,
			     .list = {.kind = CART_LIST_CUSTOMER, .limit = 20}};
	struct cart_op get = {.type = CART_OP_GET, .id = fixture_id(1)};
	struct cart_op remove = {.type = CART_OP_DELETE, .id = fixture_id(1)};
	char id[CART_ID_TEXT + 1];

	(void)state;
	start("1h");
	for (uint8_t n = 0; n < CARTS; n++) {
		assert_int_equal(fixture_create(&f, n, 7), CART_OK);
		assert_int_equal(fixture_add(&f, n, 1, 2), CART_OK);
	}
	fixture_stop(&f);
	fixture_exec(&f, "UPDATE carts SET items = '[[\"1\",0,1,1]]' WHERE hex(id) LIKE '01%';"
			 "UPDATE carts SET items = 'none' WHERE hex(id) LIKE '03%'");
	captured_log_start();
	start("1h");
	pass_minutes(120);
	expect_idle(f.clock.wall_ms, wanted);
	op.list.customer_id = id_of(7);
	assert_int_equal(fixture_run(&f, &op), CART_OK);
	assert_int_equal(op.cart_count, 4);
	cart_op_clear(&op);
	assert_int_equal(fixture_run(&f, &get), CART_DAMAGED);
	cart_op_clear(&get);
	assert_int_equal(fixture_add(&f, 1, 1, 2), CART_DAMAGED);
	assert_int_equal(fixture_run(&f, &remove), CART_OK);
	cart_op_clear(&remove);
	assert_int_equal(fixture_run(&f, &get), CART_NOT_FOUND);
	cart_op_clear(&get);
	cart_id_format(&get.id, id);
	assert_true(captured_log_count(id) > 0);
	captured_log_stop();
	assert_int_equal(fixture_quantity(&f, 2, 1), 2);
}

/* Values that the schema allows, and that no cart has: nothing overflows, and no answer is JSON
 * that cannot be read. */
static void what_no_cart_has_is_damage(void **state)
{
	static const char *const values[] = {
		"version = 9223372036854775807",
		"state = 1",
		"order_id = x'78787878787878787878787878787878'",
		"items = '[[\"1\",999999999999999999,1,1]]'",
		"items = '[[\"abc\",1,1,1]]'",
		"items = '[[\"1,\\\"x\",1,1,1]]'",
		"items = '[[\"9007199254740993\",1,1,1]]'",
	};
	struct cart_op get = {.type = CART_OP_GET, .id = fixture_id(1)};
	sqlite3 *other;

	(void)state;
	start("1h");
	other = fixture_outsider(&f);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char sql[128];

		assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
		assert_int_equal(fixture_add(&f, 1, 1, 2), CART_OK);
		snprintf(sql, sizeof(sql), "UPDATE carts SET %s", values[i]);
		assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(fixture_add(&f, 1, 1, 2), CART_DAMAGED);
		assert_int_equal(fixture_run(&f, &get), CART_DAMAGED);
		cart_op_clear(&get);
		assert_int_equal(sqlite3_exec(other, "DELETE FROM carts", NULL, NULL, NULL),
				 SQLITE_OK);
	}
	sqlite3_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_neither_skip_nor_repeat_after_the_step_became_smaller),
		TEST(pages_neither_skip_nor_repeat_after_the_step_became_larger),
		TEST(a_cart_whose_expiry_slid_under_another_ttl_is_listed),
		TEST(a_list_that_leaves_out_a_whole_step_lets_others_go_first),
		TEST(a_cart_that_changes_while_a_list_is_read_is_listed_once),
		TEST(a_damaged_row_is_left_out_of_lists_and_named_in_the_log),
		TEST(what_no_cart_has_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
