#include "backends/sqlite/sweep.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/sqlite_fixture.h"

#include <event2/event.h>
#include <stdio.h>

#define HOUR_MS (INT64_C(3600) * 1000)

static struct fixture f;

/* The writer's own sweeping is off: the steps are taken here. */
static void start_with_grace(const char *interval, const char *grace)
{
	fixture_set(&f, "sqlite.sweep_interval", interval);
	fixture_set(&f, "cart.ttl", "1h");
	fixture_set(&f, "sweep.grace", grace);
	fixture_start_sweeping(&f);
}

static void start(const char *interval)
{
	start_with_grace(interval, "0");
}

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

static int64_t rows(const char *table)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return fixture_number(f.conn.db, sql);
}

/* As a person sees them: our own connections trust no function in a schema, the view's among them.
 */
static int64_t items(void)
{
	sqlite3 *db = fixture_outsider(&f);
	int64_t count = fixture_number(db, "SELECT count(*) FROM cart_items");

	sqlite3_close(db);
	return count;
}

static void add_keyed(uint8_t n, const char *key)
{
	struct cart_change change = {CART_CHANGE_ADD, id_of(5), 1, NULL};
	struct cart_op op = {.type = CART_OP_CHANGE,
			     .id = fixture_id(n),
			     .changes = &change,
			     .change_count = 1,
			     .key = key};

	assert_int_equal(fixture_run(&f, &op), CART_OK);
	cart_op_clear(&op);
}

static void an_expired_cart_is_gone_before_it_is_swept(void **state)
{
	struct cart_op list = {
		.type = CART_OP_LIST,
		.list = {.kind = CART_LIST_CUSTOMER, .customer_id = id_of(7), .limit = 10}};

	(void)state;
	start("0");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	fixture_move_clock(&f, HOUR_MS - 1);
	assert_int_equal(fixture_quantity(&f, 1, 5), 0);
	fixture_move_clock(&f, 1);
	assert_int_equal(fixture_quantity(&f, 1, 5), -1);
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_NOT_FOUND);
	assert_int_equal(fixture_run(&f, &list), CART_OK);
	assert_int_equal(list.cart_count, 0);
	list.list = (struct cart_list){
		.kind = CART_LIST_IDLE, .idle_before_ms = INT64_MAX, .limit = 10};
	cart_op_clear(&list);
	assert_int_equal(fixture_run(&f, &list), CART_OK);
	assert_int_equal(list.cart_count, 0);
	cart_op_clear(&list);
	assert_int_equal(rows("carts"), 1);
}

static void sweeping_takes_expired_carts_with_all_that_is_theirs(void **state)
{
	(void)state;
	start("0");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	add_keyed(1, "a");
	assert_int_equal(fixture_add(&f, 1, 6, 1), CART_OK);
	fixture_move_clock(&f, HOUR_MS / 2);
	assert_int_equal(fixture_create(&f, 2, 7), CART_OK);
	assert_int_equal(fixture_add(&f, 2, 6, 1), CART_OK);
	assert_int_equal(fixture_sweep(&f).carts, 0);
	/* Past the first one's expiry, and the grain of the index. */
	fixture_move_clock(&f, HOUR_MS / 2 + HOUR_MS / 4);
	assert_int_equal(fixture_sweep(&f).carts, 1);
	assert_int_equal(rows("carts"), 1);
	assert_int_equal(items(), 1);
	assert_int_equal(rows("idempotency_keys"), 0);
	assert_int_equal(fixture_quantity(&f, 2, 6), 1);
}

static void a_cart_whose_expiry_slid_is_not_swept(void **state)
{
	(void)state;
	start("0");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	for (int i = 0; i < 30; i++) {
		fixture_move_clock(&f, HOUR_MS / 12);
		assert_int_equal(fixture_add(&f, 1, 6, 1), CART_OK);
		assert_int_equal(fixture_sweep(&f).carts, 0);
	}
	assert_int_equal(fixture_quantity(&f, 1, 6), 30);
}

static void a_checked_out_cart_is_never_swept(void **state)
{
	struct cart_op op = {.type = CART_OP_CHECKOUT, .id = fixture_id(1), .order_id = {{9}}};

	(void)state;
	start("0");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	assert_int_equal(fixture_add(&f, 1, 6, 1), CART_OK);
	assert_int_equal(fixture_run(&f, &op), CART_OK);
	cart_op_clear(&op);
	fixture_move_clock(&f, 1000 * HOUR_MS);
	assert_int_equal(fixture_sweep(&f).carts, 0);
	assert_int_equal(fixture_quantity(&f, 1, 6), 1);
}

static void keys_go_when_their_window_has_passed_and_not_before(void **state)
{
	(void)state;
	fixture_set(&f, "idempotency.window", "10m");
	start("0");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	add_keyed(1, "old");
	fixture_move_clock(&f, HOUR_MS / 12);
	add_keyed(1, "new");
	fixture_move_clock(&f, HOUR_MS / 12 - 1);
	assert_int_equal(fixture_sweep(&f).keys, 0);
	fixture_move_clock(&f, 1);
	assert_int_equal(fixture_sweep(&f).keys, 1);
	add_keyed(1, "new");
	assert_int_equal(fixture_quantity(&f, 1, 5), 2);
	add_keyed(1, "old");
	assert_int_equal(fixture_quantity(&f, 1, 5), 3);
}

static void the_grace_passes_before_anything_goes(void **state)
{
	(void)state;
	fixture_set(&f, "idempotency.window", "10m");
	start_with_grace("0", "2h");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	add_keyed(1, "a");
	fixture_move_clock(&f, 2 * HOUR_MS + HOUR_MS / 6 - 1);
	assert_int_equal(fixture_quantity(&f, 1, 5), -1);
	assert_int_equal(fixture_sweep(&f).keys, 0);
	fixture_move_clock(&f, 1);
	assert_int_equal(fixture_sweep(&f).keys, 1);
	/* The cart's grain of the index is 2 minutes. */
	fixture_move_clock(&f, 3 * HOUR_MS - 2 * HOUR_MS - HOUR_MS / 6 - 1);
	assert_int_equal(fixture_sweep(&f).carts, 0);
	fixture_move_clock(&f, HOUR_MS / 30 + 1);
	assert_int_equal(fixture_sweep(&f).carts, 1);
}

static void insert_many(int carts, int keys)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
		 "BEGIN;"
		 "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		 " INSERT INTO carts SELECT NULL, randomblob(16), '7', i %% 2 * 2, 1, 1, 1, 0, 2, "
		 "600000, NULL, iif(i %% 2, randomblob(16), NULL),"
		 " '[[\"1\",1,1,1]]' FROM n;"
		 "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		 " INSERT INTO idempotency_keys"
		 " SELECT zeroblob(16), randomblob(16), zeroblob(16), i, 1, zeroblob(16) FROM n;"
		 "COMMIT",
		 carts, keys);
	assert_int_equal(sqlite3_exec(f.conn.db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void a_step_has_a_bound_and_the_steps_an_end(void **state)
{
	int steps = 0;
	struct sqlite_swept swept;

	(void)state;
	start("0");
	insert_many(1000, 1000);
	do {
		int64_t before = rows("carts") + rows("idempotency_keys");

		swept = fixture_sweep(&f);
		before -= rows("carts") + rows("idempotency_keys");
		assert_true(swept.carts <= SQLITE_SWEEP_CARTS);
		assert_true(swept.keys <= SQLITE_SWEEP_KEYS);
		assert_true(before <= SQLITE_SWEEP_CARTS + SQLITE_SWEEP_KEYS);
		steps++;
	} while (swept.more);
	assert_in_range(steps, 1000 / SQLITE_SWEEP_CARTS, 1000 / SQLITE_SWEEP_CARTS + 2);
	assert_int_equal(rows("carts") + rows("idempotency_keys"), 0);
}

static void carts_with_many_keys_make_a_step_shorter(void **state)
{
	static const char *const keys =
		"WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
		" INSERT INTO idempotency_keys"
		" SELECT id, randomblob(16), zeroblob(16), i, 1, id FROM carts, n";
	struct sqlite_swept swept;

	(void)state;
	start("0");
	insert_many(20, 1);
	assert_int_equal(sqlite3_exec(f.conn.db, keys, NULL, NULL, NULL), SQLITE_OK);
	swept = fixture_sweep(&f);
	assert_true(swept.more);
	assert_in_range(swept.carts, 1, SQLITE_SWEEP_ROWS / 200 + 1);
}

static void a_wrong_clock_removes_nothing(void **state)
{
	struct clock_skew skew;

	(void)state;
	captured_log_start();
	clock_skew_init(&skew, &f.clock.clock, 10000);
	f.skew = &skew;
	start("10ms");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	add_keyed(1, "a");
	fixture_move_clock(&f, 32 * 24 * HOUR_MS);
	/* It is the writer that finds it out, when it is about to sweep. */
	captured_log_await("not ready, and changes are refused", 1);
	fixture_move_clock(&f, -32 * 24 * HOUR_MS);
	captured_log_await("agrees with the database's again", 1);
	add_keyed(1, "a");
	assert_int_equal(fixture_quantity(&f, 1, 5), 1);
	fixture_stop(&f);
	captured_log_stop();
}

static void what_was_removed_is_logged(void **state)
{
	(void)state;
	captured_log_start();
	start("10ms");
	insert_many(300, 300);
	captured_log_await("removed expired carts and old idempotency keys carts=300 keys=300", 1);
	fixture_stop(&f);
	captured_log_stop();
}

static void the_writer_sweeps_by_itself_between_requests(void **state)
{
	int64_t end;

	(void)state;
	start("10ms");
	insert_many(300, 300);
	end = clock_monotonic_ns(&cart_clock_system) + 10 * CLOCK_NS_PER_S;
	assert_int_equal(fixture_create(&f, 1, 8), CART_OK);
	while (rows("carts") > 1 && clock_monotonic_ns(&cart_clock_system) < end)
		assert_int_equal(fixture_add(&f, 1, 5, 1), CART_OK);
	assert_int_equal(rows("carts"), 1);
	assert_int_not_equal(fixture_quantity(&f, 1, 5), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_expired_cart_is_gone_before_it_is_swept),
		TEST(sweeping_takes_expired_carts_with_all_that_is_theirs),
		TEST(a_cart_whose_expiry_slid_is_not_swept),
		TEST(a_checked_out_cart_is_never_swept),
		TEST(keys_go_when_their_window_has_passed_and_not_before),
		TEST(the_grace_passes_before_anything_goes),
		TEST(a_step_has_a_bound_and_the_steps_an_end),
		TEST(carts_with_many_keys_make_a_step_shorter),
		TEST(a_wrong_clock_removes_nothing),
		TEST(what_was_removed_is_logged),
		TEST(the_writer_sweeps_by_itself_between_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
