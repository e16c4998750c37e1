/*
 * Keyed changes whose connection broke before they were answered: each is found to be done or not
 * by its key, once, whatever happens meanwhile. And servers that refuse changes, or end statements.
 */
#include "tests/lib/cmocka.h"
#include "tests/lib/mysql_rig.h"
#include "tests/lib/sql_client.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const options[] = {"--innodb-flush-log-at-trx-commit=0",
				      "--innodb-buffer-pool-size=64M", "--log-bin", NULL};

static struct mariadb_fixture server;
static MYSQL *root;
static struct rig *rig;

static int start_server(void **state)
{
	(void)state;
	mariadb_fixture_start(&server, options);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	mariadb_fixture_free(&server);
	return 0;
}

static int setup(void **state)
{
	static const char *const settings[] = {"mysql.pool",
					       "4",
					       "mysql.acquire_timeout",
					       "1s",
					       "mysql.lock_timeout",
					       "60s",
					       "mysql.timeout",
					       "90s",
					       NULL};

	(void)state;
	mysql_rig_prepare(&server);
	root = sql_client(&server, NULL, "cart");
	rig = mysql_rig_start(2, settings);
	mysql_rig_await(rig, 0);
	mysql_rig_await(rig, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_stop(&rig);
	mysql_close(root);
	return 0;
}

/* An op that is submitted and not waited for. */
struct sent {
	struct cart_op op;
	struct cart_change change; /* of send_keyed() */
	size_t loop;
	_Atomic int done;
};

static void sent_done(struct cart_op *op, void *user)
{
	struct sent *sent = user;

	(void)op;
	sent->done++;
}

static void sent_submit(void *user)
{
	struct sent *sent = user;

	sent->op.done = sent_done;
	sent->op.user = sent;
	sent->op.deadline_ns = clock_monotonic_ns(&rig->clock.clock) + RIG_DEADLINE_NS;
	assert_int_equal(cart_store_submit(rig->loops[sent->loop].store, &sent->op), CART_OK);
}

static void send_op(struct sent *sent)
{
	rig_call(rig, sent->loop, sent_submit, sent);
}

/* From now on that statement of a table waits in the server while the session that is returned
 * holds the gate. Locks would not do: cart does not wait for them. */
static MYSQL *hold_gate(const char *event)
{
	MYSQL *other = sql_client(&server, NULL, "cart");
	char sql[512];

	sql_exec(root, "CREATE TABLE trouble (id INT PRIMARY KEY)");
	snprintf(sql, sizeof(sql),
		 "CREATE DEFINER = " MARIADB_FIXTURE_USER " TRIGGER gate BEFORE %s FOR EACH ROW"
		 " BEGIN DO GET_LOCK('gate', 60); DO RELEASE_LOCK('gate');"
		 " SET @trouble = (SELECT id FROM trouble);"
		 " IF @trouble = 1644 THEN SIGNAL SQLSTATE '45000'; END IF;"
		 " IF @trouble > 0 THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = @trouble; END IF;"
		 " END",
		 event);
	assert_int_equal(mysql_query(root, sql), 0);
	assert_int_equal(sql_number(other, "SELECT GET_LOCK('gate', 0)"), 1);
	return other;
}

static void open_gate(MYSQL *other)
{
	assert_int_equal(sql_number(other, "SELECT RELEASE_LOCK('gate')"), 1);
}

/* Until so many connections, opened after that one, wait at the gate. */
static void await_at_gate(int count, int64_t after)
{
	char query[256];

	snprintf(query, sizeof(query),
		 "SELECT COUNT(*) = %d FROM information_schema.processlist"
		 " WHERE user = '" MARIADB_FIXTURE_USER "' AND state = 'User lock' AND id > %lld",
		 count, (long long)after);
	sql_await(root, query);
}

/* Two requests under one key, both cut off and both repeated inside, at the same time. */
static void two_creates_in_doubt_under_one_key_make_one_cart(void **state)
{
	struct shop_id customer = rig_customer(rig);
	struct sent sent[2] = {{.loop = 0}, {.loop = 1}};
	int64_t last;
	MYSQL *other = hold_gate("INSERT ON idempotency_keys");

	(void)state;
	for (int i = 0; i < 2; i++) {
		cart_op_init(&sent[i].op, CART_OP_CREATE);
		sent[i].op.id = rig_id(rig);
		sent[i].op.customer_id = customer;
		sent[i].op.key = "once";
		send_op(&sent[i]);
	}
	await_at_gate(2, 0);
	last = sql_number(root, "SELECT MAX(id) FROM information_schema.processlist");
	sql_exec(root, "KILL USER " MARIADB_FIXTURE_USER);
	await_at_gate(2, last); /* both have seen that the key is not there, and insert it */
	open_gate(other);
	rig_await(&sent[0].done, 1, "the first create");
	rig_await(&sent[1].done, 1, "the second create");
	assert_int_equal(sent[0].op.result, CART_OK);
	assert_int_equal(sent[1].op.result, CART_OK);
	assert_true(sent[0].op.replayed != sent[1].op.replayed);
	assert_int_equal(cart_id_compare(&sent[0].op.cart.id, &sent[1].op.cart.id), 0);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM carts"), 1);
	cart_op_clear(&sent[0].op);
	cart_op_clear(&sent[1].op);
	mysql_close(other);
}

/* Sends a keyed add, which waits at the gate. */
static void send_keyed(struct sent *sent, struct cart_id id)
{
	sent->change = (struct cart_change)ADD(7, 2);
	cart_op_init(&sent->op, CART_OP_CHANGE);
	sent->op.id = id;
	sent->op.changes = &sent->change;
	sent->op.change_count = 1;
	sent->op.key = "doubt";
	send_op(sent);
	await_at_gate(1, 0);
}

/* The server refuses the repeat for a while, because its disk is full for instance. */
static void what_is_in_doubt_waits_until_the_server_is_no_longer_busy(void **state)
{
	struct cart_id id = rig_cart(rig), other_id = rig_cart(rig);
	struct sent sent = {.loop = 0};
	MYSQL *other = hold_gate("UPDATE ON carts");
	int64_t last;

	(void)state;
	send_keyed(&sent, id);
	last = sql_number(root, "SELECT MAX(id) FROM information_schema.processlist");
	sql_exec(root, "KILL USER " MARIADB_FIXTURE_USER);
	await_at_gate(1, last);
	sql_exec(root, "INSERT INTO trouble VALUES (1021)");
	open_gate(other);
	for (int i = 0; i < 3; i++)
		ask(rig, CART_BUSY, CHANGE, .id = other_id, CHANGES(ADD(8, 1)));
	assert_int_equal(sent.done, 0);
	sql_exec(root, "UPDATE trouble SET id = 1644"); /* an error that is not known */
	for (int i = 0; i < 3; i++)
		ask(rig, CART_BUSY, CHANGE, .id = other_id, CHANGES(ADD(8, 1)));
	assert_int_equal(sent.done, 0);
	sql_exec(root, "DELETE FROM trouble");
	rig_await(&sent.done, 1, "the change in doubt");
	assert_int_equal(sent.op.result, CART_OK);
	assert_false(sent.op.replayed);
	assert_int_equal(rig_quantity(rig, &id, 7), 2);
	cart_op_clear(&sent.op);
	mysql_close(other);
}

/* What comes to the gate from now on was refused before, or is new. */
static void refuse_what_is_at_gate(MYSQL *other)
{
	int64_t both = sql_number(other, "SELECT RELEASE_LOCK('gate') + GET_LOCK('gate', 60)");

	assert_int_equal(both, 2);
	await_at_gate(1, 0);
}

/* The server has no room, or fails in a way that is not known, and is well again: the client of a
 * change, which has certainly not been made, does not see it. */
static void a_change_that_is_refused_for_a_moment_is_made(void **state)
{
	struct cart_id id = rig_cart(rig);
	struct sent sent = {.loop = 0};
	MYSQL *other = hold_gate("UPDATE ON carts");

	(void)state;
	send_keyed(&sent, id);
	sql_exec(root, "INSERT INTO trouble VALUES (1021)");
	refuse_what_is_at_gate(other);
	sql_exec(root, "UPDATE trouble SET id = 1644");
	refuse_what_is_at_gate(other);
	assert_int_equal(sent.done, 0);
	sql_exec(root, "DELETE FROM trouble");
	open_gate(other);
	rig_await(&sent.done, 1, "the change");
	assert_int_equal(sent.op.result, CART_OK);
	assert_int_equal(rig_quantity(rig, &id, 7), 2);
	cart_op_clear(&sent.op);
	mysql_close(other);
}

/* The server rolls a transaction back to end a deadlock: nobody sees it. */
static void a_change_that_loses_deadlocks_is_tried_again(void **state)
{
	struct cart_id id = rig_cart(rig);
	struct sent sent = {.loop = 0};
	MYSQL *other = hold_gate("UPDATE ON carts");
	char query[256];

	(void)state;
	send_keyed(&sent, id);
	sql_exec(root, "INSERT INTO trouble VALUES (1213)");
	snprintf(query, sizeof(query),
		 "SELECT variable_value >= %lld FROM information_schema.global_status"
		 " WHERE variable_name = 'COM_ROLLBACK'",
		 3 + (long long)sql_number(root, "SELECT variable_value"
						 " FROM information_schema.global_status"
						 " WHERE variable_name = 'COM_ROLLBACK'"));
	open_gate(other);
	sql_await(root, query);
	assert_int_equal(sent.done, 0);
	sql_exec(root, "DELETE FROM trouble");
	rig_await(&sent.done, 1, "the change");
	assert_int_equal(sent.op.result, CART_OK);
	assert_int_equal(rig_quantity(rig, &id, 7), 2);
	cart_op_clear(&sent.op);
	mysql_close(other);
}

/* The rig's clock stands still, so that the times of both are the same. */
static void a_change_in_doubt_is_not_taken_for_another_of_the_same_millisecond(void **state)
{
	struct cart_id id = rig_cart(rig);
	struct sent sent = {.loop = 0};
	MYSQL *other;

	(void)state;
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "doubt");
	other = hold_gate("UPDATE ON carts");
	send_keyed(&sent, id);
	sql_exec(root, "KILL USER " MARIADB_FIXTURE_USER);
	rig_await(&sent.done, 1, "the change in doubt");
	open_gate(other);
	assert_int_equal(sent.op.result, CART_OK);
	assert_true(sent.op.replayed);
	assert_int_equal(rig_quantity(rig, &id, 7), 2);
	cart_op_clear(&sent.op);
	mysql_close(other);
}

/* A create without a key is one statement, which commits by itself. */
static void a_lone_create_that_was_certainly_refused_is_not_in_doubt(void **state)
{
	MYSQL *other = hold_gate("INSERT ON carts");

	(void)state;
	open_gate(other);
	sql_exec(root, "INSERT INTO trouble VALUES (1644)");
	ask(rig, CART_BUSY, CREATE, .id = rig_id(rig), .customer_id = rig_customer(rig));
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM carts"), 0);
	mysql_close(other);
}

/* A change that is in doubt is not given up because no host accepts writes for a while. */
static void what_is_in_doubt_waits_for_a_host_that_accepts_writes(void **state)
{
	struct cart_id id = rig_cart(rig);
	struct sent sent = {.loop = 0};
	MYSQL *other = hold_gate("UPDATE ON carts");

	(void)state;
	send_keyed(&sent, id);
	/* Its connection breaks, and none can be had until the host is read-only. */
	sql_exec(root, "ALTER USER " MARIADB_FIXTURE_USER " ACCOUNT LOCK");
	sql_exec(root, "KILL USER " MARIADB_FIXTURE_USER);
	await_at_gate(0, 0);
	open_gate(other);
	/* A session that is killed while it opens the table leaves a broken trigger behind. */
	sql_exec(root, "DROP TRIGGER gate; SET GLOBAL read_only = 1");
	sql_exec(root, "ALTER USER " MARIADB_FIXTURE_USER " ACCOUNT UNLOCK");
	ask(rig, CART_BUSY, CHANGE, .id = id, CHANGES(ADD(8, 1)));
	ask(rig, CART_BUSY, CHANGE, .id = id, CHANGES(ADD(8, 1)));
	assert_int_equal(sent.done, 0);
	sql_exec(root, "SET GLOBAL read_only = 0");
	rig_await(&sent.done, 1, "the change in doubt");
	assert_int_equal(sent.op.result, CART_OK);
	assert_false(sent.op.replayed);
	assert_int_equal(rig_quantity(rig, &id, 7), 2);
	assert_int_equal(rig_quantity(rig, &id, 8), 0);
	cart_op_clear(&sent.op);
	mysql_close(other);
}

static enum cart_result check(void)
{
	struct cart_op op = {.type = CART_OP_GET, .id = rig_id(rig), .flags = CART_READ_WRITABLE};
	enum cart_result result = rig_run(rig, 0, &op, NULL);

	cart_op_clear(&op);
	return result;
}

/* What /readyz asks; nobody has tried a change. */
static void a_host_that_accepts_no_changes_is_not_ready(void **state)
{
	struct cart_id id = rig_cart(rig);

	(void)state;
	assert_int_equal(check(), CART_NOT_FOUND);
	sql_exec(root, "SET GLOBAL read_only = 1");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(check(), CART_BUSY);
		assert_int_equal(rig_quantity(rig, &id, 7), 0);
	}
	sql_exec(root, "SET GLOBAL read_only = 0");
	for (enum cart_result result = CART_BUSY; result != CART_NOT_FOUND; result = check())
		assert_true(result == CART_BUSY);
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
}

/* The host is read-only until cart has seen it: no client does. */
static void a_change_waits_while_the_host_is_read_only_for_a_moment(void **state)
{
	struct cart_change change = ADD(7, 2);
	struct cart_id id = rig_cart(rig);
	struct sent sent = {.loop = 0};

	(void)state;
	cart_op_init(&sent.op, CART_OP_CHANGE);
	sent.op.id = id;
	sent.op.changes = &change;
	sent.op.change_count = 1;
	sql_exec(root, "SET GLOBAL read_only = 1");
	send_op(&sent);
	/* Twice: the first may have come before the change. */
	assert_int_equal(check(), CART_BUSY);
	assert_int_equal(check(), CART_BUSY);
	assert_int_equal(sent.done, 0);
	sql_exec(root, "SET GLOBAL read_only = 0");
	rig_await(&sent.done, 1, "the change");
	assert_int_equal(sent.op.result, CART_OK);
	assert_int_equal(rig_quantity(rig, &id, 7), 2);
	cart_op_clear(&sent.op);
}

/* The host turns read-only under connections that are open: reads go on, changes do not wait. */
static void reads_go_on_while_the_host_is_read_only(void **state)
{
	struct cart_id id = rig_cart(rig);

	(void)state;
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	sql_exec(root, "SET GLOBAL read_only = 1");
	for (int i = 0; i < 3; i++) {
		ask(rig, CART_BUSY, CHANGE, .id = id, CHANGES(ADD(7, 2)));
		assert_int_equal(rig_quantity(rig, &id, 7), 2);
	}
	sql_exec(root, "SET GLOBAL read_only = 0");
	for (enum cart_result result = CART_BUSY; result == CART_BUSY;) {
		const struct cart_change change = ADD(7, 2);
		struct cart_op op = {.type = CART_OP_CHANGE, .id = id};

		op.changes = &change;
		op.change_count = 1;
		result = rig_run(rig, 0, &op, NULL);
		assert_true(result == CART_BUSY || result == CART_OK);
		cart_op_clear(&op);
	}
	assert_int_equal(rig_quantity(rig, &id, 7), 4);
}

static void await_no_session(const char *user, int64_t last)
{
	char query[160];

	snprintf(query, sizeof(query),
		 "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '%s' AND id <= "
		 "%lld",
		 user, (long long)last);
	while (sql_number(root, query) > 0)
		continue;
}

/* No variable that says read-only, and every change is refused. */
static void a_server_that_cannot_log_changes_is_not_ready_and_recovers(void **state)
{
	struct cart_id id = rig_cart(rig);
	int64_t last;

	(void)state;
	/* For new sessions. A change that meets a session which is just ending would be uncertain.
	 */
	sql_exec(root, "SET GLOBAL binlog_format = 'STATEMENT'");
	last = sql_number(root, "SELECT MAX(id) FROM information_schema.processlist");
	/* KILL USER passes over a session that is logging in. */
	await_no_session("unauthenticated user", last);
	sql_exec(root, "KILL USER " MARIADB_FIXTURE_USER);
	await_no_session(MARIADB_FIXTURE_USER, last);
	for (int i = 0; i < 3; i++) {
		ask(rig, CART_BUSY, CHANGE, .id = id, CHANGES(ADD(7, 2)));
		assert_int_equal(check(), CART_BUSY);
	}
	sql_exec(root, "SET GLOBAL binlog_format = 'ROW'");
	for (enum cart_result result = CART_BUSY; result != CART_NOT_FOUND; result = check())
		assert_true(result == CART_BUSY);
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	assert_int_equal(rig_quantity(rig, &id, 7), 2);
}

/* KILL QUERY ends the statement and not the connection. */
static void a_change_whose_statement_was_killed_is_tried_again(void **state)
{
	struct cart_id id = rig_cart(rig);
	struct sent sent = {.loop = 0};
	MYSQL *other = hold_gate("UPDATE ON carts");
	char kill[64];

	(void)state;
	send_keyed(&sent, id);
	for (int i = 0; i < 3; i++) {
		int64_t running = INT64_MIN; /* none: it is on its way */

		while (running == INT64_MIN)
			running = sql_number(root, "SELECT id FROM information_schema.processlist"
						   " WHERE state = 'User lock'");
		snprintf(kill, sizeof(kill), "KILL QUERY %lld", (long long)running);
		sql_exec(root, kill);
	}
	await_at_gate(1, 0);
	open_gate(other);
	rig_await(&sent.done, 1, "the change");
	assert_int_equal(sent.op.result, CART_OK);
	assert_int_equal(rig_quantity(rig, &id, 7), 2);
	cart_op_clear(&sent.op);
	mysql_close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_creates_in_doubt_under_one_key_make_one_cart),
		TEST(what_is_in_doubt_waits_for_a_host_that_accepts_writes),
		TEST(what_is_in_doubt_waits_until_the_server_is_no_longer_busy),
		TEST(a_change_that_is_refused_for_a_moment_is_made),
		TEST(a_change_waits_while_the_host_is_read_only_for_a_moment),
		TEST(a_change_that_loses_deadlocks_is_tried_again),
		TEST(a_change_in_doubt_is_not_taken_for_another_of_the_same_millisecond),
		TEST(a_lone_create_that_was_certainly_refused_is_not_in_doubt),
		TEST(reads_go_on_while_the_host_is_read_only),
		TEST(a_host_that_accepts_no_changes_is_not_ready),
		TEST(a_server_that_cannot_log_changes_is_not_ready_and_recovers),
		TEST(a_change_whose_statement_was_killed_is_tried_again),
	};

	if (!mariadb_fixture_available())
		return mariadb_fixture_skip_all();
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
