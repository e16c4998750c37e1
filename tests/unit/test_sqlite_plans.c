/* No statement of ours ever walks a whole table or sorts, with or without statistics. */
#include "backends/sqlite/conn.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/sqlite_fixture.h"

#include <stdio.h>
#include <string.h>

static struct fixture f;

static int setup(void **state)
{
	struct cart_error error;

	(void)state;
	fixture_init(&f);
	if (fixture_start(&f, CART_PROVISION_AUTO, &error) != 0)
		fail_msg("%s", error.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static bool is_transaction(enum sqlite_stmt which)
{
	return which == STMT_BEGIN || which == STMT_COMMIT || which == STMT_BEGIN_IMMEDIATE ||
	       which == STMT_ROLLBACK;
}

/* Every line of the plan, and how many name an index. */
static int check_plan(sqlite3 *db, const char *sql)
{
	char explain[1024];
	sqlite3_stmt *stmt;
	int searches = 0;

	assert_true(snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sql) <
		    (int)sizeof(explain));
	if (sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *line = (const char *)sqlite3_column_text(stmt, 3);

		if (strstr(line, "SCAN") != NULL || strstr(line, "TEMP B-TREE") != NULL)
			fail_msg("%s: %s", sql, line);
		searches += strstr(line, "SEARCH") != NULL;
	}
	sqlite3_finalize(stmt);
	return searches;
}

static void check_all(sqlite3 *db)
{
	for (int i = 0; i < STMTS; i++) {
		if (is_transaction((enum sqlite_stmt)i))
			continue;
		if (check_plan(db, sqlite_stmt_sql[i]) == 0 &&
		    strncmp(sqlite_stmt_sql[i], "INSERT", 6) != 0)
			fail_msg("no index: %s", sqlite_stmt_sql[i]);
	}
}

static void every_statement_is_served_by_an_index(void **state)
{
	sqlite3 *db = fixture_outsider(&f);

	(void)state;
	check_all(db);
	sqlite3_close(db);
}

/* An operator may run ANALYZE; a small table must not talk the planner into scanning. */
static void statistics_change_no_plan(void **state)
{
	sqlite3 *db = fixture_outsider(&f);

	(void)state;
	for (uint8_t n = 1; n < 10; n++)
		assert_int_equal(fixture_create(&f, n, 7), CART_OK);
	assert_int_equal(sqlite3_exec(db, "ANALYZE", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	db = fixture_outsider(&f);
	check_all(db);
	sqlite3_close(db);
}

static int64_t plan_has(sqlite3 *db, enum sqlite_stmt which, const char *words)
{
	char explain[1024];
	sqlite3_stmt *stmt;
	int64_t lines = 0;

	snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sqlite_stmt_sql[which]);
	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		lines += strstr((const char *)sqlite3_column_text(stmt, 3), words) != NULL;
	sqlite3_finalize(stmt);
	return lines;
}

/* Expired carts come first there until they are swept: each must cost no look at the cart. */
static void idle_carts_are_found_in_their_index_alone(void **state)
{
	sqlite3 *db = fixture_outsider(&f);

	(void)state;
	assert_int_equal(plan_has(db, STMT_LIST_IDLE, "COVERING INDEX carts_idle"), 1);
	sqlite3_close(db);
}

/* The change that nearly all are. */
static void a_change_within_the_grain_leaves_the_expiry_index_alone(void **state)
{
	sqlite3 *db = fixture_outsider(&f);
	sqlite3_stmt *stmt;
	char explain[1024];
	int root, touched = 0;

	(void)state;
	root = (int)fixture_number(
		db, "SELECT rootpage FROM sqlite_schema WHERE name = 'carts_expiry'");
	snprintf(explain, sizeof(explain), "EXPLAIN %s", sqlite_stmt_sql[STMT_CART_TOUCH]);
	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		touched += strcmp((const char *)sqlite3_column_text(stmt, 1), "OpenWrite") == 0 &&
			   sqlite3_column_int(stmt, 3) == root;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	assert_int_equal(touched, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_statement_is_served_by_an_index),
		TEST(statistics_change_no_plan),
		TEST(idle_carts_are_found_in_their_index_alone),
		TEST(a_change_within_the_grain_leaves_the_expiry_index_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
