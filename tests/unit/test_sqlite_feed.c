/* SQLite's outbox: what the sweeper makes of it, and rows that a reader cannot take as they are. */
#include "backends/sqlite/sweep.h"
#include "core/feed/event.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ids.h"
#include "tests/lib/sqlite_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS (INT64_C(3600) * 1000)

static struct fixture f;

/* The writer's own sweeping is off: the steps are taken here. */
static void start(const char *feed)
{
	fixture_set(&f, "sqlite.sweep_interval", "0");
	fixture_set(&f, "cart.ttl", "1h");
	fixture_set(&f, "sweep.grace", "0");
	fixture_set(&f, "feed", feed);
	fixture_set(&f, "feed.retention", "2h");
	fixture_start_sweeping(&f);
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

static int64_t number(const char *sql)
{
	return fixture_number(f.conn.db, sql);
}

static void change(const char *sql)
{
	if (sqlite3_exec(f.conn.db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(f.conn.db));
}

/* An op whose page the caller clears. */
static struct cart_op read_after(const char *after, enum cart_result want)
{
	struct cart_op op = {.type = CART_OP_FEED, .feed = {.after = after, .limit = 1000}};

	assert_string_equal(cart_result_name(fixture_run(&f, &op)), cart_result_name(want));
	return op;
}

static void expect_result(const char *after, enum cart_result want)
{
	struct cart_op op = read_after(after, want);

	cart_op_clear(&op);
}

static void an_expired_cart_is_told_when_it_is_removed(void **state)
{
	struct cart_op op;
	struct cart_id id = fixture_id(1);

	(void)state;
	start("on");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	assert_int_equal(fixture_add(&f, 1, 3, 4), CART_OK);
	fixture_move_clock(&f, HOUR_MS + HOUR_MS / 2);
	fixture_sweep_all(&f);
	op = read_after(NULL, CART_OK);
	assert_int_equal(op.page->count, 3);
	assert_int_equal(op.page->events[2].type, CART_EVENT_EXPIRED);
	assert_int_equal(cart_id_compare(&op.page->events[2].id, &id), 0);
	assert_int_equal(op.page->events[2].version, 3);
	assert_int_equal(op.page->events[2].at_ms, f.clock.wall_ms);
	assert_int_equal(op.page->events[2].cart.version, 2);
	assert_int_equal(op.page->events[2].cart.expires_ms, FIXTURE_WALL_MS + HOUR_MS);
	cart_op_clear(&op);
}

static void events_are_removed_by_age_but_the_newest_is_kept(void **state)
{
	struct cart_op op;

	(void)state;
	start("on");
	for (uint8_t n = 1; n <= 3; n++)
		assert_int_equal(fixture_create(&f, n, 7), CART_OK);
	fixture_move_clock(&f, HOUR_MS / 2);
	for (uint8_t n = 4; n <= 5; n++)
		assert_int_equal(fixture_create(&f, n, 7), CART_OK);
	fixture_sweep_all(&f);
	expect_result("1-0", CART_OK);
	fixture_move_clock(&f, 2 * HOUR_MS - HOUR_MS / 2);
	change("DELETE FROM carts");
	fixture_sweep_all(&f);
	assert_int_equal(number("SELECT min(seq) FROM cart_events"), 4);
	expect_result("1-2", CART_CURSOR_GONE);
	op = read_after("1-3", CART_OK);
	assert_int_equal(op.page->count, 2);
	assert_string_equal(op.page->next, "1-5");
	cart_op_clear(&op);
	fixture_move_clock(&f, 10 * HOUR_MS);
	fixture_sweep_all(&f);
	assert_int_equal(number("SELECT count(*) FROM cart_events"), 1);
	expect_result("1-3", CART_CURSOR_GONE);
	expect_result("1-5", CART_OK);
	op = read_after(NULL, CART_OK);
	assert_int_equal(op.page->count, 1);
	cart_op_clear(&op);
	assert_int_equal(fixture_create(&f, 6, 7), CART_OK);
	op = read_after("1-5", CART_OK);
	assert_string_equal(op.page->next, "1-6");
	cart_op_clear(&op);
}

static void a_step_removes_a_bounded_number(void **state)
{
	struct sqlite_swept swept;

	(void)state;
	start("on");
	change("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000)"
	       " INSERT INTO cart_events SELECT x, zeroblob(16), 1, 1, 0, x'01' FROM n");
	swept = fixture_sweep(&f);
	assert_true(swept.more);
	assert_int_equal(swept.events, 1024);
	fixture_sweep_all(&f);
	assert_int_equal(number("SELECT min(seq) FROM cart_events"), 3000);
}

/* The file was replaced by an older one, or another one. */
static void a_cursor_of_what_never_was_is_gone(void **state)
{
	(void)state;
	start("on");
	expect_result("1-1", CART_CURSOR_GONE);
	expect_result("1-0", CART_OK);
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	expect_result("1-1", CART_OK);
	expect_result("1-2", CART_CURSOR_GONE);
}

/* What docs/backends/sqlite.md has for after a restore. */
static void numbers_that_are_moved_after_a_restore_make_old_cursors_gone(void **state)
{
	struct cart_op op;

	(void)state;
	start("on");
	for (uint8_t n = 1; n <= 3; n++)
		assert_int_equal(fixture_create(&f, n, 7), CART_OK);
	change("DELETE FROM cart_events WHERE seq < (SELECT max(seq) FROM cart_events);"
	       "UPDATE cart_events SET seq = 1764531000000000");
	/* Of before the restore, and of changes that it has lost. */
	expect_result("1-2", CART_CURSOR_GONE);
	expect_result("1-3", CART_CURSOR_GONE);
	expect_result("1-5", CART_CURSOR_GONE);
	for (uint8_t n = 4; n <= 9; n++)
		assert_int_equal(fixture_create(&f, n, 7), CART_OK);
	expect_result("1-5", CART_CURSOR_GONE);
	op = read_after("1-1764531000000000", CART_OK);
	assert_int_equal(op.page->count, 6);
	assert_string_equal(op.page->next, "1-1764531000000006");
	cart_op_clear(&op);
}

static void a_damaged_event_is_told_without_its_cart(void **state)
{
	struct cart_op op;

	(void)state;
	start("on");
	for (uint8_t n = 1; n <= 5; n++)
		assert_int_equal(fixture_create(&f, n, 7), CART_OK);
	change("UPDATE cart_events SET data = x'01ff' WHERE seq = 2;"
	       "UPDATE cart_events SET type = 99 WHERE seq = 3;"
	       "UPDATE cart_events SET data = x'' WHERE seq = 4");
	op = read_after(NULL, CART_OK);
	assert_int_equal(op.page->count, 4);
	for (size_t i = 1; i <= 2; i++) {
		assert_int_equal(op.page->events[i].cart.version, 0);
		assert_int_equal(op.page->events[i].type, CART_EVENT_CREATED);
		assert_int_equal(op.page->events[i].version, 1);
	}
	assert_string_equal(op.page->events[3].cursor, "1-5");
	assert_string_equal(op.page->next, "1-5");
	cart_op_clear(&op);
}

static void what_a_newer_program_wrote_is_refused_by_name(void **state)
{
	struct cart_op op;

	(void)state;
	start("on");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	change("UPDATE cart_events SET data = x'02'");
	op = read_after(NULL, CART_FAILED);
	assert_non_null(strstr(op.reason, "a newer version of this program has written it"));
	cart_op_clear(&op);
}

static void a_damaged_cart_that_is_deleted_is_an_event(void **state)
{
	struct cart_id id = fixture_id(1);
	struct cart_op op;

	(void)state;
	start("on");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	assert_int_equal(fixture_add(&f, 1, 3, 4), CART_OK);
	change("UPDATE carts SET items = 'oops'");
	op = (struct cart_op){.type = CART_OP_DELETE, .id = id};
	assert_int_equal(fixture_run(&f, &op), CART_OK);
	op = read_after("1-2", CART_OK);
	assert_int_equal(op.page->count, 1);
	assert_int_equal(op.page->events[0].type, CART_EVENT_DELETED);
	assert_int_equal(op.page->events[0].version, 3);
	assert_int_equal(op.page->events[0].cart.version, 0);
	cart_op_clear(&op);
}

static void a_page_of_large_carts_ends_early(void **state)
{
	struct cart_op op;
	size_t first;

	(void)state;
	start("on");
	change("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50)"
	       " INSERT INTO cart_events SELECT x, zeroblob(16), 1, 1, 0,"
	       " zeroblob(20000) FROM n");
	op = read_after(NULL, CART_OK);
	first = op.page->count;
	assert_true(first > 0 && first < 20);
	assert_true(op.more);
	cart_op_clear(&op);
}

static void import(uint8_t n)
{
	const struct cart whole = {.id = fixture_id(n),
				   .state = CART_CHECKED_OUT,
				   .version = 3,
				   .created_ms = FIXTURE_WALL_MS,
				   .updated_ms = FIXTURE_WALL_MS,
				   .order_id = fixture_id(n)};
	struct cart_op op = {.type = CART_OP_IMPORT, .id = whole.id, .whole = &whole};

	assert_int_equal(fixture_run(&f, &op), CART_OK);
	cart_op_clear(&op);
}

/* What an archive gives back was changed long ago, and is told today. */
static void a_cart_that_comes_back_is_told_for_as_long_as_others(void **state)
{
	struct cart_op op;

	(void)state;
	start("on");
	fixture_move_clock(&f, 10 * HOUR_MS);
	import(1);
	import(2);
	fixture_sweep_all(&f);
	op = read_after(NULL, CART_OK);
	assert_int_equal(op.page->count, 2);
	assert_int_equal(op.page->events[0].at_ms, f.clock.wall_ms);
	assert_int_equal(op.page->events[0].cart.updated_ms, FIXTURE_WALL_MS);
	cart_op_clear(&op);
}

static void without_the_feed_nothing_is_written(void **state)
{
	struct cart_op op = {.type = CART_OP_FEED, .feed = {.limit = 1}};

	(void)state;
	start("off");
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	fixture_move_clock(&f, 2 * HOUR_MS);
	fixture_sweep_all(&f);
	assert_int_equal(number("SELECT count(*) FROM cart_events"), 0);
	op.done = (cart_op_done_fn *)abort;
	op.deadline_ns = 1;
	assert_int_equal(cart_store_submit(f.store, &op), CART_FAILED);
	assert_non_null(strstr(op.reason, "the feed is off"));
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_expired_cart_is_told_when_it_is_removed),
		TEST(events_are_removed_by_age_but_the_newest_is_kept),
		TEST(a_step_removes_a_bounded_number),
		TEST(a_cursor_of_what_never_was_is_gone),
		TEST(numbers_that_are_moved_after_a_restore_make_old_cursors_gone),
		TEST(a_damaged_event_is_told_without_its_cart),
		TEST(what_a_newer_program_wrote_is_refused_by_name),
		TEST(a_damaged_cart_that_is_deleted_is_an_event),
		TEST(a_page_of_large_carts_ends_early),
		TEST(a_cart_that_comes_back_is_told_for_as_long_as_others),
		TEST(without_the_feed_nothing_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
