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

/* The instructions of a statement, for sqlite3_step(). */
static sqlite3_stmt *explain(sqlite3 *db, enum sqlite_stmt which)
{
	char text[1024];
	sqlite3_stmt *stmt;

	snprintf(text, sizeof(text), "EXPLAIN %s", sqlite_stmt_sql[which]);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	return stmt;
}

static bool is_instruction(sqlite3_stmt *stmt, const char *name)
{
	return strcmp((const char *)sqlite3_column_text(stmt, 1), name) == 0;
}

/* P1, P2, P3: sqlite.org/opcode.html */
#define P(stmt, n) sqlite3_column_int(stmt, 1 + (n))

static int root_of(sqlite3 *db, const char *name)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", name);
	return (int)fixture_number(db, sql);
}

/* Expired carts come first in it until they are swept: each must cost no read of its row. So the
 * index's sweep_ms, its third column, is tested before any column of the table. */
static void idle_carts_that_have_expired_are_passed_over_in_the_index(void **state)
{
	sqlite3 *db = fixture_outsider(&f);
	sqlite3_stmt *stmt = explain(db, STMT_LIST_IDLE);
	int table_root = root_of(db, "carts"), index_root = root_of(db, "carts_idle");
	int table = -1, index = -1, sweep_at = 0, row_at = 0;

	(void)state;
	for (int at = 1; sqlite3_step(stmt) == SQLITE_ROW; at++) {
		if (is_instruction(stmt, "OpenRead") && P(stmt, 2) == table_root)
			table = P(stmt, 1);
		else if (is_instruction(stmt, "OpenRead") && P(stmt, 2) == index_root)
			index = P(stmt, 1);
		else if (is_instruction(stmt, "Column") && P(stmt, 1) == index && P(stmt, 2) == 2)
			sweep_at = at;
		else if (is_instruction(stmt, "Column") && P(stmt, 1) == table && row_at == 0)
			row_at = at;
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	assert_true(sweep_at > 0 && row_at > sweep_at);
}

static bool writes(sqlite3 *db, enum sqlite_stmt which, const char *name)
{
	sqlite3_stmt *stmt = explain(db, which);
	int root = root_of(db, name);
	bool found = false;

	while (sqlite3_step(stmt) == SQLITE_ROW)
		found = found || (is_instruction(stmt, "OpenWrite") && P(stmt, 2) == root);
	sqlite3_finalize(stmt);
	return found;
}

/* The change that nearly all are. */
static void a_change_within_the_steps_writes_no_index(void **state)
{
	sqlite3 *db = fixture_outsider(&f);

	(void)state;
	assert_true(writes(db, STMT_CART_TOUCH, "carts"));
	assert_false(writes(db, STMT_CART_TOUCH, "carts_expiry"));
	assert_false(writes(db, STMT_CART_TOUCH, "carts_idle"));
	assert_false(writes(db, STMT_CART_TOUCH, "carts_customer"));
	assert_true(writes(db, STMT_CART_SAVE, "carts_idle"));
	sqlite3_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_statement_is_served_by_an_index),
		TEST(statistics_change_no_plan),
		TEST(idle_carts_that_have_expired_are_passed_over_in_the_index),
		TEST(a_change_within_the_steps_writes_no_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
