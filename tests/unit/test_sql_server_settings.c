/*
 * Settings of the server that a session takes over and that change what a statement answers, or
 * when it commits: the backend's sessions answer and commit as ever.
 */
#include "tests/lib/cmocka.h"
#include "tests/lib/mysql_rig.h"
#include "tests/lib/probe.h"
#include "tests/lib/sql_client.h"

#include <stdio.h>
#include <stdlib.h>

#define ADDS 8

static const char *const options[] = {"--innodb-flush-log-at-trx-commit=0",
				      "--innodb-buffer-pool-size=64M", NULL};

static struct mariadb_fixture server;
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

struct turn {
	struct probe probes[ADDS];
};

static void submit_here(void *user)
{
	struct turn *turn = user;

	for (size_t i = 0; i < ADDS; i++)
		probe_submit_here(&turn->probes[i]);
}

/* Adds that share a transaction, with a line there already and one that is new. */
static void expect_adds(const struct cart_id *ids)
{
	const struct cart_change changes[] = {ADD(1, 1), ADD(2, 1)};
	const struct cart_op add = {.type = CART_OP_CHANGE, .changes = changes, .change_count = 2};
	struct turn turn;

	for (size_t i = 0; i < ADDS; i++) {
		probe_init(&turn.probes[i], rig, 0, &add, 0);
		turn.probes[i].op.id = ids[i];
	}
	rig_call(rig, 0, submit_here, &turn);
	for (size_t i = 0; i < ADDS; i++) {
		probe_await(&turn.probes[i]);
		assert_string_equal(cart_result_name(turn.probes[i].result), "OK");
		assert_int_equal(turn.probes[i].op.version, 3);
		probe_check(&turn.probes[i]);
	}
}

static void expect_as_ever(void)
{
	struct cart_id ids[ADDS];

	for (size_t i = 0; i < ADDS; i++) {
		ids[i] = rig_cart(rig);
		ask(rig, CART_OK, CHANGE, .id = ids[i], CHANGES(ADD(1, 1)));
	}
	expect_adds(ids);
	for (size_t i = 0; i < ADDS; i++) {
		assert_int_equal(rig_quantity(rig, &ids[i], 1), 2);
		assert_int_equal(rig_quantity(rig, &ids[i], 2), 1);
		/* By the rules: two lines are read. */
		ask(rig, CART_OK, CHANGE, .id = ids[i], CHANGES(REMOVE(1), REMOVE(2)));
	}
}

static void expect_under(const char *set)
{
	static const char *const settings[] = {"mysql.pool", "1", NULL};
	MYSQL *root = sql_client(&server, NULL, "mysql");

	mysql_rig_prepare(&server);
	sql_exec(root, set);
	rig = mysql_rig_start(1, settings);
	mysql_rig_await(rig, 0);
	expect_as_ever();
	/* The last one is a statement alone; another session sees what is committed. */
	rig_cart(rig);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM cart.carts"), ADDS + 1);
	rig_stop(&rig);
	mysql_close(root);
}

static int reset(void **state)
{
	MYSQL *root = sql_client(&server, NULL, "mysql");

	(void)state;
	rig_stop(&rig); /* if a test has failed */
	sql_exec(root, "SET GLOBAL sql_select_limit = DEFAULT, GLOBAL completion_type = DEFAULT,"
		       " GLOBAL autocommit = 1, GLOBAL sql_safe_updates = 0;"
		       "SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ");
	mysql_close(root);
	return 0;
}

static void answers_have_all_rows_whatever_sql_select_limit_is(void **state)
{
	(void)state;
	expect_under("SET GLOBAL sql_select_limit = 1");
}

static void what_is_acknowledged_is_committed_whatever_completion_type_is(void **state)
{
	(void)state;
	expect_under("SET GLOBAL completion_type = 1"); /* CHAIN */
	expect_under("SET GLOBAL completion_type = 2"); /* RELEASE */
}

static void sessions_commit_and_isolate_in_their_own_way(void **state)
{
	(void)state;
	expect_under("SET GLOBAL autocommit = 0, GLOBAL sql_safe_updates = 1");
	expect_under("SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE");
}

#define TEST(name) cmocka_unit_test_teardown(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_have_all_rows_whatever_sql_select_limit_is),
		TEST(what_is_acknowledged_is_committed_whatever_completion_type_is),
		TEST(sessions_commit_and_isolate_in_their_own_way),
	};

	if (!mariadb_fixture_available())
		return mariadb_fixture_skip_all();
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
