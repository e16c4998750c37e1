/*
 * Every statement that the backend sends while it does all that it can do, taken from the server's
 * general log and explained: none walks a table or sorts one, on a full table or a tiny one. On a
 * tiny one a scan would cost nothing, but it would wait for rows that others have locked.
 */
#include "backends/mysql/schema.h"
#include "backends/mysql/sweep.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/mysql_rig.h"
#include "tests/lib/sql_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 16

static const char *const options[] = {"--innodb-flush-log-at-trx-commit=0",
				      "--innodb-buffer-pool-size=64M", "--log-output=TABLE", NULL};

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

/* Few lanes, so that batches fill. */
static int start(const char *feed)
{
	const char *const settings[] = {"mysql.pool", "2", "feed", feed, NULL};

	mysql_rig_prepare(&server);
	root = sql_client(&server, NULL, "cart");
	rig = mysql_rig_start(1, settings);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return start("off");
}

static int setup_with_feed(void **state)
{
	(void)state;
	return start("on");
}

static int teardown(void **state)
{
	(void)state;
	rig_stop(&rig);
	mysql_close(root);
	return 0;
}

/* Carts of a few customers, some checked out, some expired, with lines and keys. */
static void fill(int count)
{
	char sql[2048];

	snprintf(sql, sizeof(sql),
		 "INSERT INTO carts SELECT UNHEX(MD5(seq)), 1 + seq %% 100, seq %% 3 = 0, 1, seq,"
		 " 1000000 + seq * 7919 %% 100003, 1000000 + seq * 7919 %% 100003, IF(seq %% 3 = "
		 "0, 0, %lld),"
		 " IF(seq %% 3 = 0, 0, %lld), IF(seq %% 3 = 0, UNHEX(MD5(seq)), NULL), NULL, 4, 0"
		 " FROM seq_1_to_%d;"
		 "INSERT INTO cart_items SELECT id, seq, 1, 1, 1, NULL FROM carts, seq_1_to_4;"
		 "INSERT INTO idempotency_keys SELECT id, id, id, 0, created_ms, 1, id FROM carts;"
		 "ANALYZE TABLE carts, cart_items, idempotency_keys",
		 (long long)clock_fake_now(&rig->clock) + 1000,
		 (long long)clock_fake_now(&rig->clock) + 1000, count);
	sql_exec(root, sql);
}

struct crowd {
	struct cart_op ops[BATCH];
	size_t count;
	_Atomic int done;
};

static void crowd_done(struct cart_op *op, void *user)
{
	struct crowd *crowd = user;

	(void)op;
	crowd->done++;
}

static void crowd_submit(void *user)
{
	struct crowd *crowd = user;

	for (size_t i = 0; i < crowd->count; i++) {
		crowd->ops[i].done = crowd_done;
		crowd->ops[i].user = crowd;
		crowd->ops[i].deadline_ns = clock_monotonic_ns(&rig->clock.clock) + RIG_DEADLINE_NS;
		assert_int_equal(cart_store_submit(rig->loops[0].store, &crowd->ops[i]), CART_OK);
	}
}

/* The same op on many carts at once. */
static void ask_many(const struct cart_id *ids, const struct cart_op *like)
{
	struct crowd crowd = {.count = BATCH};

	for (size_t i = 0; i < BATCH; i++) {
		crowd.ops[i] = *like;
		crowd.ops[i].id = ids[i];
		if (like->type == CART_OP_CREATE)
			crowd.ops[i].customer_id = rig_customer(rig);
	}
	rig_call(rig, 0, crowd_submit, &crowd);
	rig_await(&crowd.done, BATCH, "a crowd of ops");
	for (size_t i = 0; i < BATCH; i++) {
		assert_int_equal(crowd.ops[i].result, CART_OK);
		cart_op_clear(&crowd.ops[i]);
	}
}

#define MANY(type_, ...) ask_many(ids, &(struct cart_op){.type = CART_OP_##type_, __VA_ARGS__})

static void merge_in_every_way(void)
{
	for (int i = 0; i <= CART_MERGE_STRATEGIES; i++) {
		struct cart_id id = rig_id(rig), from = rig_id(rig);
		struct shop_id customer = rig_customer(rig);

		ask(rig, CART_OK, CREATE, .id = id, .customer_id = customer, CHANGES(ADD(7, 1)));
		ask(rig, CART_OK, CREATE, .id = from, CHANGES(ADD(7, 2), ADD(8, 1)));
		/* The last at a version that it does not have, so that it is modified. */
		if (i == CART_MERGE_STRATEGIES)
			ask(rig, CART_MISMATCH, MERGE, .id = id, .from = from, .if_version = 9);
		else
			ask(rig, CART_OK, MERGE, .id = id, .from = from, .key = i > 0 ? "k" : NULL,
			    .strategy = (enum cart_merge_strategy)i, .owner = &customer);
	}
}

/* One after the other, and in crowds: the texts differ. */
static void write_all_there_is_to_write(void)
{
	struct cart_id ids[BATCH], id;
	struct cart whole;

	for (size_t i = 0; i < BATCH; i++)
		ids[i] = rig_id(rig);
	MANY(CREATE, .key = NULL);
	MANY(CHANGE, CHANGES(ADD(7, 2)));
	MANY(CHANGE, CHANGES(ADD(8, 2), ADD(9, 1)), .key = "crowd");
	MANY(CHANGE, CHANGES(SET(7, 5)), .flags = CART_WANT_CART);
	MANY(CHANGE, CHANGES(REMOVE(8)));
	MANY(CHANGE, CHANGES(SET(10, 1), REMOVE(9)));
	MANY(GET, .flags = 0);
	MANY(CHANGE, CHANGES(CLEAR));
	MANY(CHANGE, CHANGES(ADD(7, 2)));
	MANY(CHECKOUT, .order_id = ids[0]);
	for (size_t i = 0; i < BATCH; i++)
		ids[i] = rig_id(rig);
	MANY(CREATE, .key = "crowd");
	MANY(DELETE, .key = NULL);
	id = rig_cart(rig);
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k");
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k");
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(SET(7, 1)), .if_version = 3);
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(SET(7, 1)));
	ask(rig, CART_NO_ITEM, CHANGE, .id = id, CHANGES(REMOVE(8)), .key = "l");
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(SET(8, 1), REMOVE(7)), .key = "m");
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(CLEAR));
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .flags = CART_WANT_CART);
	ask(rig, CART_OK, CHECKOUT, .id = id, .order_id = id, .key = "n");
	id = rig_cart(rig);
	ask(rig, CART_OK, DELETE, .id = id);
	id = rig_cart(rig);
	ask(rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	whole = rig_get(rig, &id);
	ask(rig, CART_OK, DELETE, .id = id);
	ask(rig, CART_OK, IMPORT, .id = id, .whole = &whole);
	ask(rig, CART_MISMATCH, IMPORT, .id = id, .whole = &whole);
	cart_clear(&whole);
	merge_in_every_way();
}

static void read_all_there_is_to_read(void)
{
	struct cart_list list = {.customer_id = id_of(7), .limit = 5};

	ask(rig, CART_NOT_FOUND, GET, .id = rig_id(rig));
	for (int after = 0; after < 2; after++) {
		list.has_after = after;
		list.after_ms = 5000;
		list.after_id = rig_id(rig);
		list.kind = CART_LIST_CUSTOMER;
		for (int state = CART_LIST_ANY; state <= CART_LIST_MERGED; state++) {
			list.state = (enum cart_list_state)state;
			ask(rig, CART_OK, LIST, .list = list);
		}
		list.kind = CART_LIST_IDLE;
		list.idle_before_ms = 1050000;
		list.after_ms = 1020000;
		ask(rig, CART_OK, LIST, .list = list);
		list.kind = CART_LIST_CLOSED;
		ask(rig, CART_OK, LIST, .list = list);
	}
}

/* On a connection of the backend's user: the log tells by it whose statements are which. */
static void sweep(void)
{
	MYSQL *mysql = mysql_init(NULL);
	struct sql_swept swept;
	struct cart_error error;

	assert_non_null(mysql_real_connect(mysql, NULL, MARIADB_FIXTURE_USER,
					   MARIADB_FIXTURE_PASSWORD, "cart", 0, server.socket,
					   CLIENT_MULTI_STATEMENTS));
	sql_exec(mysql, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
	if (sql_sweep_step(mysql, &rig->rules,
			   clock_fake_now(&rig->clock) + rig->rules.sweep_grace_ms + 1000, &swept,
			   &error) != 0)
		fail_msg("%s", error.text);
	assert_true(swept.carts > 0 && swept.keys > 0);
	mysql_close(mysql);
}

struct plan {
	const char *statement;
	bool tiny;
};

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* A row of EXPLAIN: id, select_type, table, type, possible_keys, key, key_len, ref, rows, Extra. */
static void check_row(const struct plan *plan, MYSQL_ROW row)
{
	static const char *const good[] = {"const", "eq_ref", "ref", "range", NULL};
	const char *table = row[2] != NULL ? row[2] : "";
	const char *type = row[3] != NULL ? row[3] : "";
	const char *key = row[5] != NULL ? row[5] : "";
	const char *extra = row[9] != NULL ? row[9] : "";

	/* The rows that the statement brings itself, and those that it inserts. */
	if (*table == '\0' || *table == '<' || strcmp(row[1], "INSERT") == 0)
		return;
	if (!is_one_of(type, good) || *key == '\0')
		fail_msg("%s of %s by \"%s\": %.300s", type, table, key, plan->statement);
	/* An INSERT of lines that are read from the same table holds them before it writes. */
	if (strstr(extra, "filesort") != NULL ||
	    (strstr(extra, "temporary") != NULL &&
	     strncmp(plan->statement, "INSERT INTO cart_items", 22) != 0))
		fail_msg("%s of %s: %.300s", extra, table, plan->statement);
	/* What a page leaves out is left out by the index, without a look at the cart. */
	if (strcmp(key, "carts_customer") == 0 && strtol(row[6], NULL, 10) < 2 + 64 + 1)
		fail_msg("the state is not looked up in %s: %.300s", key, plan->statement);
	if (!plan->tiny && strcmp(key, "carts_idle") == 0 &&
	    strstr(extra, "Using index condition") == NULL)
		fail_msg("\"%s\" by %s: %.300s", extra, key, plan->statement);
}

/* A server of another kind than ours may choose to scan what we see it find by an index. */
static void check_index_of_lines(const char *statement)
{
	const char *lines = strstr(statement, " cart_items i");
	static const char forced[] = " cart_items i FORCE INDEX (PRIMARY)";

	if (lines != NULL && strncmp(lines, forced, strlen(forced)) != 0)
		fail_msg("the index of the lines is left to the server: %.300s", statement);
}

static void check_plan(const struct plan *plan)
{
	size_t len = strlen(plan->statement);
	char *explain = malloc(len + sizeof("EXPLAIN "));
	MYSQL_RES *rows = NULL;
	MYSQL_ROW row;

	assert_non_null(explain);
	sprintf(explain, "EXPLAIN %s", plan->statement);
	if (mysql_query(root, explain) == 0)
		rows = mysql_store_result(root);
	if (rows == NULL)
		fail_msg("%s: %.300s", mysql_error(root), plan->statement);
	assert_int_equal(mysql_num_fields(rows), 10);
	while ((row = mysql_fetch_row(rows)) != NULL)
		check_row(plan, row);
	mysql_free_result(rows);
	free(explain);
}

/* What must have been said for the test to be about everything. */
static const char *const expected[] = {
	"INSERT INTO carts",
	"INSERT INTO cart_items",
	"INSERT INTO idempotency_keys",
	"lines_bound + 1",
	"(SELECT 1 UNION SELECT 2)",
	"UPDATE ",
	"DELETE FROM cart_items",
	"DELETE c FROM",
	"DELETE i FROM",
	"DELETE k FROM",
	"FOR UPDATE",
	"SKIP LOCKED",
	"(carts_customer)",
	"(carts_idle)",
	"(carts_sweep)",
	"(idempotency_keys_stored)",
	"LEFT JOIN cart_items",
	"LEFT JOIN cart_items t",
	"UPDATE carts f",
	"GROUP_CONCAT(c.id",
	"GROUP_CONCAT(i.cart_id",
	"RETURNING seq, carts",
};
#define EXPECTED       (sizeof(expected) / sizeof(expected[0]))
#define EXPECTED_FEED  3 /* the last ones with feed=on alone, and without it ... */
#define EXPECTED_MERGE 2 /* ... those before them */

/* Of those that touch rows; the session's own and the schema's are of no interest. */
static bool is_explained(const char *statement)
{
	static const char *const first[] = {"SELECT ", "INSERT ", "REPLACE ", "UPDATE ", "DELETE "};
	static const char *const tables[] = {"carts", "cart_items", "idempotency_keys"};
	bool is_one = false, has_table = false;

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		is_one = is_one || strncmp(statement, first[i], strlen(first[i])) == 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		has_table = has_table || strstr(statement, tables[i]) != NULL;
	return is_one && has_table && strstr(statement, "LIMIT 0") == NULL;
}

/* A text of one statement or several. */
static void check_text(const char *text, bool tiny, bool said[EXPECTED])
{
	const char *sql;
	size_t len;

	while (sql_script_next(&text, &sql, &len)) {
		char *statement = strndup(sql, len);
		const struct plan plan = {statement, tiny};

		assert_non_null(statement);
		for (size_t i = 0; i < EXPECTED; i++)
			said[i] = said[i] || strstr(statement, expected[i]) != NULL;
		check_index_of_lines(statement);
		if (is_explained(statement))
			check_plan(&plan);
		free(statement);
	}
}

static bool is_expected(size_t i)
{
	if (i < EXPECTED - EXPECTED_FEED - EXPECTED_MERGE)
		return true;
	return rig->rules.feed == (i >= EXPECTED - EXPECTED_FEED);
}

static void check_all_that_was_said(bool tiny)
{
	bool said[EXPECTED] = {false};
	MYSQL_RES *rows;
	MYSQL_ROW row;

	assert_int_equal(mysql_query(root, "SELECT DISTINCT argument FROM mysql.general_log"
					   " WHERE command_type = 'Query'"
					   " AND user_host LIKE 'cart%'"),
			 0);
	rows = mysql_store_result(root);
	assert_non_null(rows);
	while ((row = mysql_fetch_row(rows)) != NULL)
		check_text(row[0], tiny, said);
	mysql_free_result(rows);
	for (size_t i = 0; i < EXPECTED; i++)
		if (!said[i] && is_expected(i))
			fail_msg("nothing was said with %s", expected[i]);
}

static void check_everything(int carts)
{
	sql_exec(root, "TRUNCATE mysql.general_log");
	fill(carts);
	sql_exec(root, "SET GLOBAL general_log = 1");
	write_all_there_is_to_write();
	read_all_there_is_to_read();
	sweep();
	sql_exec(root, "SET GLOBAL general_log = 0; ANALYZE TABLE carts, cart_items,"
		       " idempotency_keys");
	check_all_that_was_said(carts < 1000);
}

static void no_statement_walks_a_full_table(void **state)
{
	(void)state;
	check_everything(20000);
}

static void no_statement_walks_a_tiny_table(void **state)
{
	(void)state;
	check_everything(2);
}

/* Entries of indexes that the server has looked at, for everybody. */
static int64_t entries_read(void)
{
	return sql_number(root, "SELECT CAST(SUM(variable_value) AS INTEGER)"
				" FROM information_schema.global_status WHERE variable_name IN"
				" ('HANDLER_READ_NEXT', 'HANDLER_ICP_ATTEMPTS')");
}

/* A step of cart.idle_step may hold most carts there are: a page begins where its cursor says, and
 * does not pass over the pages before it. */
static void a_page_of_idle_carts_begins_within_its_step(void **state)
{
	const struct cart_list list = {.kind = CART_LIST_IDLE,
				       .limit = 5,
				       .idle_before_ms = 1200000,
				       .has_after = true,
				       .after_ms = 1000000,
				       .after_id = {{0x80}}};
	int64_t before;

	(void)state;
	fill(20000);
	sql_exec(root, "UPDATE carts SET idle_ms = 1000000; ANALYZE TABLE carts");
	before = entries_read();
	ask(rig, CART_OK, LIST, .list = list);
	assert_in_range(entries_read() - before, 6, 200);
}

/* A customer has a long history: a page costs what it holds. */
static void a_page_of_open_carts_passes_over_no_closed_ones(void **state)
{
	struct cart_list list = {.kind = CART_LIST_CUSTOMER, .customer_id = id_of(7), .limit = 5};
	struct cart_op page;
	int64_t before;

	(void)state;
	fill(20000);
	sql_exec(root, "UPDATE carts SET customer_id = 7, state = 1, order_id = id, expires_ms = 0,"
		       " sweep_ms = 0;"
		       "UPDATE carts SET state = 0, order_id = NULL WHERE created_ms <= 50;"
		       "ANALYZE TABLE carts");
	for (int asked = CART_LIST_ANY; asked <= CART_LIST_CHECKED_OUT; asked++) {
		list.state = (enum cart_list_state)asked;
		list.has_after = false;
		for (int i = 0; i < 2; i++) {
			before = entries_read();
			page = ask_for(rig, CART_OK, LIST, .list = list);
			assert_int_equal(page.cart_count, 5);
			assert_in_range(entries_read() - before, 6, 100);
			list.has_after = true;
			list.after_ms = page.carts[4].listed_ms;
			list.after_id = page.carts[4].id;
			cart_op_clear(&page);
		}
	}
}

/* The sessions have another variable then, by which the server guesses how many rows a range has.
 */
static void nor_does_one_that_writes_events(void **state)
{
	(void)state;
	check_everything(2);
	sql_exec(root, "TRUNCATE cart_items; DELETE FROM carts; DELETE FROM idempotency_keys");
	check_everything(20000);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) > 100 FROM cart_events"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_statement_walks_a_full_table),
		TEST(no_statement_walks_a_tiny_table),
		cmocka_unit_test_setup_teardown(nor_does_one_that_writes_events, setup_with_feed,
						teardown),
		TEST(a_page_of_idle_carts_begins_within_its_step),
		TEST(a_page_of_open_carts_passes_over_no_closed_ones),
	};

	if (!mariadb_fixture_available())
		return mariadb_fixture_skip_all();
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
