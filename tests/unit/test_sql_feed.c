/* The feed on MySQL: what the contract suite cannot bring about, numbers above all that are missing
 * among those of the events. */
#include "core/cart_backend.h"
#include "core/feed/event.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/mysql_rig.h"
#include "tests/lib/patience.h"
#include "tests/lib/sql_client.h"

#include <stdio.h>
#include <string.h>

static struct mariadb_fixture server;
static MYSQL *other; /* another writer, and who looks */
static struct rig *rig;
static char cursor[64];

static int start_server(void **state)
{
	static const char *const fast[] = {"--innodb-flush-log-at-trx-commit=0", NULL};

	(void)state;
	mariadb_fixture_start(&server, fast);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	mariadb_fixture_free(&server);
	return 0;
}

static void take_cursor(const char *text)
{
	snprintf(cursor, sizeof(cursor), "%s", text);
}

static void take_now(void)
{
	struct cart_op op =
		ask_for(rig, CART_OK, FEED, .feed = {.after = CART_FEED_NOW, .limit = 1});

	take_cursor(op.page->next);
	cart_op_clear(&op);
}

static int setup(void **state)
{
	static const char *const set[] = {"feed", "on", "mysql.pool", "1", "limits.attributes",
					  "1024", NULL};

	(void)state;
	mysql_rig_prepare(&server);
	rig = mysql_rig_start(1, set);
	mysql_rig_await(rig, 0);
	other = sql_client(&server, NULL, MARIADB_FIXTURE_DATABASE);
	take_now();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mysql_close(other);
	rig_stop(&rig);
	return 0;
}

/* The next page after the cursor, which moves. */
static struct cart_op next_page(int limit)
{
	struct cart_op op = ask_for(rig, CART_OK, FEED, .feed = {.after = cursor, .limit = limit});

	take_cursor(op.page->next);
	return op;
}

static void expect_event(const struct cart_event *event, const struct cart_id *id, int64_t version)
{
	assert_memory_equal(&event->id, id, sizeof(*id));
	assert_int_equal(event->version, version);
}

/* The next page is one event. */
static void expect_one(const struct cart_id *id, int64_t version)
{
	struct cart_op op = next_page(1);

	assert_int_equal(op.page->count, 1);
	expect_event(&op.page->events[0], id, version);
	cart_op_clear(&op);
}

static void expect_nothing(void)
{
	struct cart_op op = next_page(10);

	assert_int_equal(op.page->count, 0);
	assert_false(op.more);
	cart_op_clear(&op);
}

static void id_hex(const struct cart_id *id, char text[33])
{
	for (size_t i = 0; i < sizeof(id->bytes); i++)
		snprintf(text + 2 * i, 3, "%02x", id->bytes[i]);
}

/* A transaction of another process, which has changed a cart, and has not ended. */
static void begin_elsewhere(const struct cart_id *id, int64_t version)
{
	char hex[33], sql[512];

	id_hex(id, hex);
	snprintf(sql, sizeof(sql),
		 "START TRANSACTION; INSERT INTO cart_events (at_ms, events, carts, items) VALUES"
		 " (1, '2 %s\n', CONCAT(x'%s', ' 0 %lld 1 1 0 '), '')",
		 hex, hex, (long long)version);
	sql_exec(other, sql);
}

static void an_event_that_is_committed_late_comes_in_its_place(void **state)
{
	struct cart_id first = rig_cart(rig), late = rig_id(rig), second;

	(void)state;
	begin_elsewhere(&late, 4);
	second = rig_cart(rig);
	expect_one(&first, 1);
	expect_nothing();
	expect_nothing();
	sql_exec(other, "COMMIT");
	expect_one(&late, 4);
	expect_one(&second, 1);
	expect_nothing();
}

static void a_number_of_a_transaction_that_was_rolled_back_is_passed(void **state)
{
	struct cart_id late = rig_id(rig), second;

	(void)state;
	begin_elsewhere(&late, 4);
	second = rig_cart(rig);
	expect_nothing();
	sql_exec(other, "ROLLBACK");
	expect_one(&second, 1);
	expect_nothing();
	assert_int_equal(sql_number(other, "SELECT MAX(seq) - MIN(seq) + 1 - COUNT(*) FROM"
					   " cart_events"),
			 0);
}

static void many_missing_numbers_are_passed(void **state)
{
	struct cart_id late = rig_id(rig), second;

	(void)state;
	for (int i = 0; i < 50; i++) {
		begin_elsewhere(&late, 4);
		sql_exec(other, "ROLLBACK");
	}
	second = rig_cart(rig);
	expect_one(&second, 1);
	expect_nothing();
}

/* As in a Galera cluster, where each node leaves out the numbers of the others. */
static void numbers_that_are_missing_after_each_event_are_passed_together(void **state)
{
	struct cart_id late = rig_id(rig), ids[20];
	struct cart_op op;

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		begin_elsewhere(&late, 4);
		sql_exec(other, "ROLLBACK");
		ids[i] = rig_cart(rig);
	}
	op = next_page(6);
	for (size_t i = 0; i < 6; i++)
		expect_event(&op.page->events[i], &ids[i], 1);
	assert_int_equal(op.page->count, 6);
	cart_op_clear(&op);
}

static void now_is_after_every_event_and_before_what_is_not_committed(void **state)
{
	struct cart_id late = rig_id(rig), second;
	struct cart_op op;

	(void)state;
	begin_elsewhere(&late, 4);
	second = rig_cart(rig);
	op = ask_for(rig, CART_OK, FEED, .feed = {.after = CART_FEED_NOW, .limit = 1});
	assert_int_equal(op.page->count, 0);
	take_cursor(op.page->next);
	cart_op_clear(&op);
	sql_exec(other, "COMMIT");
	expect_one(&late, 4);
	expect_one(&second, 1);
}

/* The next number that the server gives is one that is there: a reader was first, and has inserted
 * it because it was missing. */
static void occupy_next_number(void)
{
	sql_exec(
		other,
		"INSERT INTO cart_events (at_ms, events, carts, items) VALUES"
		" (1, '', '', ''); UPDATE cart_events SET seq = seq + 1 ORDER BY seq DESC LIMIT 1");
}

static void a_change_whose_number_was_given_up_is_made_once_with_another(void **state)
{
	struct cart_id id = rig_cart(rig);

	(void)state;
	expect_one(&id, 1);
	occupy_next_number();
	assert_int_equal(ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 2);
	expect_one(&id, 2);
	occupy_next_number();
	assert_int_equal(ask(rig, CART_OK, CHANGE, .id = id, CHANGES(SET(7, 9))), 3);
	expect_one(&id, 3);
	occupy_next_number();
	assert_int_equal(ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 1)), .key = "k"), 4);
	expect_one(&id, 4);
	assert_int_equal(rig_quantity(rig, &id, 7), 10);
	occupy_next_number();
	id = rig_cart(rig);
	expect_one(&id, 1);
	occupy_next_number();
	ask(rig, CART_OK, DELETE, .id = id);
	expect_one(&id, 2);
	expect_nothing();
}

#define TOGETHER 8

struct together {
	struct cart_op ops[TOGETHER];
	struct cart_change change;
	_Atomic int done;
};

static void count_done(struct cart_op *op, void *user)
{
	(void)op;
	((struct together *)user)->done++;
}

static void submit_together(void *user)
{
	struct together *t = user;

	for (size_t i = 0; i < TOGETHER; i++) {
		struct cart_store *store = rig->loops[0].store;

		t->ops[i].deadline_ns = cart_store_now_ns(store) + RIG_DEADLINE_NS;
		if (cart_store_submit(store, &t->ops[i]) != CART_OK)
			abort();
	}
}

/* One transaction has several events, which are read one by one. */
static void a_batch_whose_number_was_given_up_is_made_once_with_another(void **state)
{
	static struct together t;
	struct cart_id ids[TOGETHER];
	struct cart_op page;

	(void)state;
	t = (struct together){.change = ADD(7, 2)};
	for (size_t i = 0; i < TOGETHER; i++) {
		ids[i] = rig_cart(rig);
		expect_one(&ids[i], 1);
		cart_op_init(&t.ops[i], CART_OP_CHANGE);
		t.ops[i].id = ids[i];
		t.ops[i].changes = &t.change;
		t.ops[i].change_count = 1;
		t.ops[i].done = count_done;
		t.ops[i].user = &t;
	}
	occupy_next_number();
	rig_call(rig, 0, submit_together, &t);
	rig_await(&t.done, TOGETHER, "changes");
	for (size_t i = 0; i < TOGETHER; i++) {
		assert_int_equal(t.ops[i].result, CART_OK);
		assert_int_equal(rig_quantity(rig, &ids[i], 7), 2);
		cart_op_clear(&t.ops[i]);
	}
	for (size_t i = 0; i < TOGETHER; i++) {
		page = next_page(1);
		assert_int_equal(page.page->count, 1);
		assert_int_equal(page.page->events[0].version, 2);
		assert_int_equal(page.page->events[0].change_count, 1);
		assert_int_equal(page.page->events[0].changes[0].quantity, 2);
		assert_int_equal(page.page->events[0].changes[0].was, 0);
		cart_op_clear(&page);
	}
	expect_nothing();
}

/* In the stored form the id is bytes, of which some separate values or lines elsewhere. */
static void an_id_of_any_bytes_and_the_longest_attributes_are_told(void **state)
{
	static const uint8_t bytes[16] = "\n \n\n\0' \\\n\n\n \n  ";
	char name[900], attributes[1024];
	struct cart_id id;
	struct cart_op op;

	(void)state;
	memcpy(id.bytes, bytes, sizeof(bytes));
	memset(name, 'x', sizeof(name));
	snprintf(attributes, sizeof(attributes), "{\"name\":\"a b %.*s\"}", (int)sizeof(name),
		 name);
	ask(rig, CART_OK, IMPORT, .id = id,
	    .whole = &(struct cart){.id = id, .version = 1, .created_ms = 1, .updated_ms = 1});
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 7, 2, attributes), ADD(8, 1)));
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(SET(8, 5)));
	expect_one(&id, 1);
	for (int64_t version = 2; version < 4; version++) {
		const struct cart *cart;

		op = next_page(1);
		cart = &op.page->events[0].cart;
		expect_event(&op.page->events[0], &id, version);
		assert_int_equal(cart->version, version);
		assert_int_equal(cart->line_count, 2);
		assert_string_equal(cart->lines[0].attributes, attributes);
		assert_int_equal(cart->lines[1].quantity, version == 2 ? 1 : 5);
		assert_null(cart->lines[1].attributes);
		cart_op_clear(&op);
	}
	expect_nothing();
}

/* Its last change is long ago. */
static void a_cart_that_comes_back_is_told_as_of_today(void **state)
{
	struct cart_id id = rig_id(rig);
	struct cart_op op;

	(void)state;
	ask(rig, CART_OK, IMPORT, .id = id,
	    .whole = &(struct cart){.id = id, .version = 3, .created_ms = 1, .updated_ms = 2});
	op = next_page(1);
	expect_event(&op.page->events[0], &id, 3);
	assert_int_equal(op.page->events[0].cart.updated_ms, 2);
	assert_int_equal(op.page->events[0].at_ms, rig->clock.wall_ms);
	cart_op_clear(&op);
}

static int64_t tables_on_disk(void)
{
	return sql_number(other, "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE"
				 " VARIABLE_NAME = 'CREATED_TMP_DISK_TABLES'");
}

/* One would be a file made and removed for each batch. */
static void carts_are_gathered_without_a_table_on_the_disk(void **state)
{
	struct cart_id id = rig_cart(rig);
	int64_t before = tables_on_disk(), own = tables_on_disk() - before;

	(void)state;
	before = tables_on_disk();
	for (int i = 0; i < 8; i++)
		ask(rig, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 7, 1, "{\"n\":1}")));
	assert_int_equal(tables_on_disk() - before, own);
}

static void a_cursor_whose_row_was_removed_is_gone(void **state)
{
	struct cart_id id = rig_cart(rig);
	char before[64];

	(void)state;
	snprintf(before, sizeof(before), "%s", cursor);
	expect_one(&id, 1);
	ask(rig, CART_OK, FEED, .feed = {.after = before, .limit = 1});
	sql_exec(other, "DELETE FROM cart_events ORDER BY seq LIMIT 1");
	ask(rig, CART_CURSOR_GONE, FEED, .feed = {.after = before, .limit = 1});
	expect_nothing();
	ask(rig, CART_CURSOR_GONE, FEED, .feed = {.after = "3-0", .limit = 1});
	ask(rig, CART_CURSOR_GONE, FEED, .feed = {.after = "3-99999999", .limit = 1});
	ask(rig, CART_CURSOR_INVALID, FEED, .feed = {.after = "99999999", .limit = 1});
}

/* What docs/backends/mysql.md has for after a restore. */
static void numbers_that_are_moved_after_a_restore_make_old_cursors_gone(void **state)
{
	struct cart_id id = rig_cart(rig);
	char before[64];

	(void)state;
	snprintf(before, sizeof(before), "%s", cursor);
	expect_one(&id, 1);
	sql_exec(other, "DELETE FROM cart_events");
	sql_exec(other, "INSERT INTO cart_events (seq, at_ms, events, carts, items)"
			" VALUES (1764531000000000, 1000 * UNIX_TIMESTAMP(), '', '', '')");
	ask(rig, CART_CURSOR_GONE, FEED, .feed = {.after = before, .limit = 1});
	ask(rig, CART_CURSOR_GONE, FEED, .feed = {.after = cursor, .limit = 1});
	take_now();
	id = rig_cart(rig);
	expect_one(&id, 1);
	ask(rig, CART_CURSOR_GONE, FEED, .feed = {.after = before, .limit = 1});
}

/* Somebody has changed the rows by hand. */
static void a_row_that_cannot_be_read_does_not_stop_the_feed(void **state)
{
	struct cart_id id = rig_cart(rig), next;
	struct cart_op op;

	(void)state;
	sql_exec(other, "UPDATE cart_events SET carts = CONCAT('xyz', carts) ORDER BY seq DESC"
			" LIMIT 1");
	next = rig_cart(rig);
	expect_one(&next, 1);
	ask(rig, CART_OK, CHANGE, .id = next, CHANGES(ADD(7, 2)));
	sql_exec(other, "UPDATE cart_events SET carts = REPLACE(carts, ' 0 2 ', ' 9 2 ') ORDER BY"
			" seq DESC LIMIT 1");
	op = next_page(10);
	assert_int_equal(op.page->count, 1);
	expect_event(&op.page->events[0], &next, 2);
	assert_int_equal(op.page->events[0].cart.version, 0);
	cart_op_clear(&op);
	(void)id;
}

static void without_the_feed_no_event_is_written(void **state)
{
	static const char *const set[] = {"mysql.pool", "1", NULL};
	struct cart_id id;

	(void)state;
	rig_stop(&rig);
	rig = mysql_rig_start(1, set);
	mysql_rig_await(rig, 0);
	id = rig_cart(rig);
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(SET(7, 3)));
	ask(rig, CART_OK, DELETE, .id = id);
	assert_int_equal(sql_number(other, "SELECT COUNT(*) FROM cart_events"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_event_that_is_committed_late_comes_in_its_place,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_number_of_a_transaction_that_was_rolled_back_is_passed, setup, teardown),
		cmocka_unit_test_setup_teardown(many_missing_numbers_are_passed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			numbers_that_are_missing_after_each_event_are_passed_together, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			now_is_after_every_event_and_before_what_is_not_committed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_change_whose_number_was_given_up_is_made_once_with_another, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_batch_whose_number_was_given_up_is_made_once_with_another, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			an_id_of_any_bytes_and_the_longest_attributes_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(carts_are_gathered_without_a_table_on_the_disk,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			numbers_that_are_moved_after_a_restore_make_old_cursors_gone, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_cursor_whose_row_was_removed_is_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_cart_that_comes_back_is_told_as_of_today, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_row_that_cannot_be_read_does_not_stop_the_feed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(without_the_feed_no_event_is_written, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
