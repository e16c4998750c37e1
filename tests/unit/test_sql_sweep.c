#include "backends/mysql/schema.h"
#include "backends/mysql/sweep.h"
#include "core/embed.h"
#include "core/base/log.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/rng.h"
#include "tests/lib/sql_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOW_MS	  INT64_C(1762039800000)
#define WINDOW_MS INT64_C(600000)
#define SKEW_MS	  INT64_C(300000)

/* Nobody needs what is written here after a crash. */
static const char *const fast[] = {"--innodb-flush-log-at-trx-commit=0",
				   "--innodb-lock-wait-timeout=1", NULL};
static const struct cart_rules rules = {.idempotency_window_ms = WINDOW_MS};

static struct mariadb_fixture server;
static MYSQL *root;    /* looks */
static MYSQL *sweeper; /* takes steps */
static MYSQL *writer;  /* holds locks */

static int start_server(void **state)
{
	(void)state;
	mariadb_fixture_start(&server, fast);
	root = sql_client(&server, NULL, "cart");
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	mysql_close(root);
	mariadb_fixture_free(&server);
	return 0;
}

static void hang_up(MYSQL **mysql)
{
	mysql_close(*mysql);
	*mysql = NULL;
}

static int setup(void **state)
{
	struct cart_error error;

	(void)state;
	log_set_level(LOG_ERROR);
	sql_exec(root, "DROP DATABASE cart; CREATE DATABASE cart; USE cart");
	if (sql_schema_provision(root, CART_PROVISION_AUTO, embed_mysql_migrations, &error) != 0)
		fail_msg("%s", error.text);
	sweeper = sql_client(&server, NULL, "cart");
	writer = sql_client(&server, NULL, "cart");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hang_up(&sweeper);
	hang_up(&writer);
	return 0;
}

CART_PRINTF(1, 2) static void run(const char *format, ...)
{
	char sql[2048];
	va_list args;

	va_start(args, format);
	assert_true(vsnprintf(sql, sizeof(sql), format, args) < (int)sizeof(sql));
	va_end(args);
	sql_exec(root, sql);
}

/* count rows: n from 0. */
#define ROWS                                                                                       \
	"WITH d(i) AS (SELECT 0 UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4"       \
	" UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9),"            \
	" r(n) AS (SELECT a.i + 10 * b.i + 100 * c.i + 1000 * e.i FROM d a, d b, d c, d e)"

/* Open and merged carts whose numbers are from ... from + count - 1, that expire at expires_ms. */
static void add_carts(int from, int count, int64_t expires_ms)
{
	run("INSERT INTO carts " ROWS
	    " SELECT UNHEX(MD5(n)), 7, IF(n %% 2, 2, 0), 1, 1, 1, 0, %lld, %lld, NULL,"
	    " IF(n %% 2, UNHEX(MD5(n)), NULL), 1, 0"
	    " FROM r WHERE n >= %d AND n < %d",
	    (long long)expires_ms, (long long)expires_ms, from, from + count);
}

/* To every cart. */
static void add_lines(int count)
{
	run("INSERT INTO cart_items " ROWS
	    " SELECT id, 1 + n, 1, 1, 1, NULL FROM carts, r WHERE n < %d",
	    count);
}

static void add_keys(int from, int count, int64_t stored_ms)
{
	run("INSERT INTO idempotency_keys " ROWS " SELECT UNHEX(MD5(n)), UNHEX(MD5(-n)),"
	    " REPEAT('f', 16), 0, %lld, 1, REPEAT('c', 16) FROM r WHERE n >= %d AND n < %d",
	    (long long)stored_ms, from, from + count);
}

static int64_t carts(void)
{
	return sql_number(root, "SELECT COUNT(*) FROM carts");
}

static int64_t items(void)
{
	return sql_number(root, "SELECT COUNT(*) FROM cart_items");
}

static int64_t keys(void)
{
	return sql_number(root, "SELECT COUNT(*) FROM idempotency_keys");
}

static struct sql_swept step_at(int64_t now_ms)
{
	struct sql_swept swept;
	struct cart_error error;

	if (sql_sweep_step(sweeper, &rules, now_ms, &swept, &error) != 0)
		fail_msg("%s", error.text);
	return swept;
}

static void what_is_expired_goes_with_its_lines_and_nothing_else(void **state)
{
	struct sql_swept swept;

	(void)state;
	add_carts(0, 3, NOW_MS);     /* expired this instant */
	add_carts(3, 5, NOW_MS + 1); /* not yet */
	add_carts(8, 7, 0);	     /* never */
	run("UPDATE carts SET state = 1, order_id = id WHERE expires_ms = 0 LIMIT 2");
	add_lines(2);
	swept = step_at(NOW_MS);
	assert_int_equal(swept.carts, 3);
	assert_int_equal(swept.keys, 0);
	assert_false(swept.more);
	assert_int_equal(carts(), 12);
	assert_int_equal(items(), 24);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM carts WHERE expires_ms > 0"), 5);
	assert_int_equal(step_at(NOW_MS + 1).carts, 5);
	assert_int_equal(step_at(NOW_MS + INT64_C(1000000000000)).carts, 0);
	assert_int_equal(carts(), 7);
}

static struct sql_swept step_with_feed(int64_t now_ms)
{
	struct cart_rules with_feed = rules;
	struct sql_swept swept;
	struct cart_error error;

	with_feed.feed = true;
	with_feed.feed_retention_ms = 1000;
	if (sql_sweep_step(sweeper, &with_feed, now_ms, &swept, &error) != 0)
		fail_msg("%s", error.text);
	return swept;
}

static void each_cart_that_expires_is_told_in_the_feed(void **state)
{
	(void)state;
	add_carts(0, 3, NOW_MS);
	add_lines(2);
	assert_int_equal(step_with_feed(NOW_MS).carts, 3);
	assert_int_equal(carts(), 0);
	assert_int_equal(sql_number(root, "SELECT LENGTH(events) FROM cart_events ORDER BY seq"
					  " DESC LIMIT 1"),
			 3 * (2 + 32 + 1));
	assert_int_equal(sql_number(root, "SELECT LENGTH(REPLACE(carts, '\n', '')) -"
					  " LENGTH(carts) FROM cart_events ORDER BY seq DESC"
					  " LIMIT 1"),
			 -2);
	assert_int_equal(step_with_feed(NOW_MS).carts, 0);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM cart_events"), 2);
}

/* A reader stands on it while nothing changes, however long. */
static void old_events_go_but_for_the_newest_of_them(void **state)
{
	struct sql_swept swept;

	(void)state;
	run("DELETE FROM cart_events");
	run("INSERT INTO cart_events (seq, at_ms, events, carts, items) " ROWS
	    " SELECT 1000 + n, %lld, '', '', '' FROM r WHERE n < 250",
	    (long long)NOW_MS);
	assert_int_equal(step_with_feed(NOW_MS + 999).events, 0);
	swept = step_with_feed(NOW_MS + 1000);
	assert_int_equal(swept.events, 100);
	assert_true(swept.more);
	assert_int_equal(sql_number(root, "SELECT MIN(seq) FROM cart_events"), 1100);
	assert_int_equal(step_with_feed(NOW_MS + 1000).events, 100);
	swept = step_with_feed(NOW_MS + 1000);
	assert_int_equal(swept.events, 49);
	assert_false(swept.more);
	run("INSERT INTO cart_events (at_ms, events, carts, items) VALUES (%lld, '', '', '')",
	    (long long)NOW_MS + 5000);
	assert_int_equal(step_with_feed(NOW_MS + 5999).events, 0);
	assert_int_equal(step_with_feed(NOW_MS + 6000).events, 1);
	assert_int_equal(step_with_feed(NOW_MS + INT64_C(1000000)).events, 0);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM cart_events"), 1);
	assert_int_equal(step_at(NOW_MS + INT64_C(1000000)).events, 0);
}

static void the_index_says_when_to_look_and_the_expiry_what_to_do(void **state)
{
	(void)state;
	add_carts(0, 3, NOW_MS);
	run("UPDATE carts SET sweep_ms = sweep_ms + 1000");
	assert_int_equal(step_at(NOW_MS + 999).carts, 0);
	/* It slid since the index was read. */
	run("UPDATE carts SET expires_ms = %lld LIMIT 1", (long long)(NOW_MS + 5000));
	assert_int_equal(step_at(NOW_MS + 1000).carts, 2);
	assert_int_equal(step_at(NOW_MS + 4999).carts, 0);
	assert_int_equal(step_at(NOW_MS + 5000).carts, 1);
}

static void keys_go_when_their_window_has_passed_and_not_before(void **state)
{
	struct sql_swept swept;

	(void)state;
	add_keys(0, 3, NOW_MS);
	add_keys(3, 4, NOW_MS + 1);
	assert_int_equal(step_at(NOW_MS + WINDOW_MS - 1).keys, 0);
	swept = step_at(NOW_MS + WINDOW_MS);
	assert_int_equal(swept.keys, 3);
	assert_int_equal(swept.carts, 0);
	assert_false(swept.more);
	assert_int_equal(keys(), 4);
	assert_int_equal(step_at(NOW_MS + WINDOW_MS + 1).keys, 4);
}

static void a_step_has_a_bound_and_the_steps_an_end(void **state)
{
	struct sql_swept swept;
	int steps = 0;

	(void)state;
	add_carts(0, 1000, NOW_MS);
	add_carts(1000, 10, NOW_MS + 1);
	add_keys(0, 2000, NOW_MS - WINDOW_MS);
	do {
		swept = step_at(NOW_MS);
		assert_true(swept.carts <= SQL_SWEEP_CARTS);
		assert_true(swept.keys <= SQL_SWEEP_KEYS);
		steps++;
	} while (swept.more && steps < 100);
	assert_in_range(steps, 1000 / SQL_SWEEP_CARTS, 1000 / SQL_SWEEP_CARTS + 1);
	assert_int_equal(carts(), 10);
	assert_int_equal(keys(), 0);
}

static void carts_with_many_lines_make_a_step_shorter(void **state)
{
	struct sql_swept swept;

	(void)state;
	add_carts(0, 50, NOW_MS);
	add_lines(200);
	swept = step_at(NOW_MS);
	assert_int_equal(swept.carts, SQL_SWEEP_LINES / 200);
	assert_true(swept.more);
	for (int i = 0; swept.more && i < 100; i++)
		swept = step_at(NOW_MS);
	assert_int_equal(carts(), 0);
	assert_int_equal(items(), 0);
}

/* A step that waited for them would fail after a second, and the test with it. */
static void what_others_have_locked_is_passed_over(void **state)
{
	struct sql_swept swept;

	(void)state;
	add_carts(0, 20, NOW_MS);
	add_lines(1);
	add_keys(0, 20, NOW_MS - WINDOW_MS);
	sql_exec(writer, "START TRANSACTION;"
			 "SELECT COUNT(*) FROM carts FORCE INDEX (PRIMARY)"
			 " WHERE id IN (UNHEX(MD5(1)), UNHEX(MD5(2)))"
			 " FOR UPDATE;"
			 "SELECT COUNT(*) FROM idempotency_keys FORCE INDEX (PRIMARY) WHERE scope "
			 "= UNHEX(MD5(3))"
			 " AND key_hash = UNHEX(MD5(-3)) FOR UPDATE");
	swept = step_at(NOW_MS);
	assert_int_equal(swept.carts, 18);
	assert_int_equal(swept.keys, 19);
	/* What is left then is locked, all of it. */
	swept = step_at(NOW_MS);
	assert_int_equal(swept.carts + swept.keys, 0);
	assert_false(swept.more);
	/* And no lock was kept. */
	sql_exec(writer, "UPDATE carts SET version = 2; UPDATE idempotency_keys SET version = 2;"
			 "COMMIT");
	swept = step_at(NOW_MS);
	assert_int_equal(swept.carts, 2);
	assert_int_equal(swept.keys, 1);
	assert_int_equal(carts() + items() + keys(), 0);
}

static void many_that_are_locked_make_no_endless_steps(void **state)
{
	struct sql_swept swept;

	(void)state;
	add_carts(0, 2 * SQL_SWEEP_CARTS, NOW_MS);
	sql_exec(writer, "START TRANSACTION; SELECT COUNT(*) FROM carts FORCE INDEX (PRIMARY) "
			 "WHERE id > '' FOR UPDATE");
	swept = step_at(NOW_MS);
	assert_int_equal(swept.carts, 0);
	assert_false(swept.more);
	sql_exec(writer, "COMMIT");
	assert_true(step_at(NOW_MS).more);
}

/* Against the rule that lines are changed under their cart's lock: somebody at the console. */
static void a_line_locked_by_itself_ends_the_step_after_some_tries(void **state)
{
	struct sql_swept swept;
	struct cart_error error;

	(void)state;
	add_carts(0, 2, NOW_MS);
	add_lines(1);
	sql_exec(writer, "START TRANSACTION; SELECT COUNT(*) FROM cart_items FOR UPDATE");
	assert_int_equal(sql_sweep_step(sweeper, &rules, NOW_MS, &swept, &error), -1);
	assert_non_null(strstr(error.text, "expired carts: Lock wait timeout exceeded"));
	assert_int_equal(swept.carts, 0);
	assert_int_equal(mysql_errno(sweeper), 1205);
	hang_up(&sweeper);
	sweeper = sql_client(&server, NULL, "cart");
	sql_exec(writer, "COMMIT");
	/* Until the server has noticed that the first sweeper hung up, its session holds the carts.
	 */
	for (size_t removed = 0; removed < 2;)
		removed += step_at(NOW_MS).carts;
	assert_int_equal(carts(), 0);
}

#define CROWD_CARTS   1000
#define CROWD_WRITERS 3
#define CROWD_BATCHES 60
#define CROWD_SIZE    16

struct crowd {
	_Atomic int64_t now_ms;
	_Atomic int writers; /* at work */
	_Atomic int deadlocks;
};

struct crowd_member {
	struct crowd *crowd;
	pthread_t thread;
	uint64_t seed;
	size_t carts;
	struct cart_error error;
	bool failed;
};

/* What a batch does: locks in the order of ids, changes what has not expired. */
static void *crowd_writer(void *user)
{
	struct crowd_member *me = user;
	MYSQL *mysql = sql_client(&server, NULL, "cart");
	struct rng rng = {me->seed};

	for (int batch = 0; batch < CROWD_BATCHES; batch++) {
		char ids[CROWD_SIZE * 24], sql[4096];
		int len = 0;
		int next;

		for (int i = 0; i < CROWD_SIZE; i++)
			len += snprintf(ids + len, sizeof(ids) - (size_t)len, "%sUNHEX(MD5(%d))",
					i > 0 ? "," : "", (int)rng_below(&rng, CROWD_CARTS));
		snprintf(sql, sizeof(sql),
			 "START TRANSACTION;"
			 "SELECT COUNT(*) FROM carts FORCE INDEX (PRIMARY) WHERE id IN (%s)"
			 " FOR UPDATE;"
			 "UPDATE carts SET version = version + 1, op = %d WHERE id IN (%s)"
			 " AND expires_ms > %lld;"
			 "INSERT INTO cart_items SELECT id, %d, 1, 1, 1, NULL FROM carts"
			 " WHERE id IN (%s) AND op = %d"
			 " ON DUPLICATE KEY UPDATE quantity = cart_items.quantity + 1;"
			 "COMMIT",
			 ids, (int)me->seed * 1000 + batch, ids,
			 (long long)atomic_load(&me->crowd->now_ms), batch % 5 + 1, ids,
			 (int)me->seed * 1000 + batch);
		next = mysql_query(mysql, sql);
		while (next == 0) {
			mysql_free_result(mysql_store_result(mysql));
			next = mysql_next_result(mysql);
		}
		if (next > 0 && mysql_errno(mysql) == 1213) {
			atomic_fetch_add(&me->crowd->deadlocks, 1);
			mysql_query(mysql, "ROLLBACK");
		} else if (next > 0) {
			cart_error_set(&me->error, "%s", mysql_error(mysql));
			me->failed = true;
			break;
		}
		atomic_fetch_add(&me->crowd->now_ms, 2);
	}
	atomic_fetch_sub(&me->crowd->writers, 1);
	mysql_close(mysql);
	return NULL;
}

static void *crowd_sweeper(void *user)
{
	struct crowd_member *me = user;
	MYSQL *mysql = sql_client(&server, NULL, "cart");

	while (!me->failed && atomic_load(&me->crowd->writers) > 0) {
		struct sql_swept swept;

		me->failed = sql_sweep_step(mysql, &rules, atomic_load(&me->crowd->now_ms), &swept,
					    &me->error) != 0;
		me->carts += swept.carts;
	}
	mysql_close(mysql);
	return NULL;
}

static void sweepers_and_writers_at_once_harm_nobody(void **state)
{
	struct crowd crowd = {.now_ms = NOW_MS, .writers = CROWD_WRITERS};
	struct crowd_member members[CROWD_WRITERS + 2] = {{.crowd = NULL}};
	int64_t swept = 0, expired;
	char query[128];

	(void)state;
	/* They expire one by one while the writers are at it. */
	run("INSERT INTO carts " ROWS " SELECT UNHEX(MD5(n)), 7, 0, 1, 1, 1, 0, %lld + n, %lld + n,"
	    " NULL, NULL, 1, 0 FROM r WHERE n < %d",
	    (long long)NOW_MS, (long long)NOW_MS, CROWD_CARTS);
	for (int i = 0; i < CROWD_WRITERS + 2; i++) {
		members[i].crowd = &crowd;
		members[i].seed = (uint64_t)i + 1;
		assert_int_equal(pthread_create(&members[i].thread, NULL,
						i < CROWD_WRITERS ? crowd_writer : crowd_sweeper,
						&members[i]),
				 0);
	}
	for (int i = 0; i < CROWD_WRITERS + 2; i++) {
		pthread_join(members[i].thread, NULL);
		if (members[i].failed)
			fail_msg("%s", members[i].error.text);
		swept += (int64_t)members[i].carts;
	}
	assert_int_equal(crowd.deadlocks, 0);
	assert_true(swept > 0);
	for (struct sql_swept more = {.more = true}; more.more; swept += (int64_t)more.carts)
		more = step_at(crowd.now_ms);
	expired = crowd.now_ms - NOW_MS + 1;
	assert_int_equal(swept, expired);
	assert_int_equal(carts(), CROWD_CARTS - expired);
	snprintf(query, sizeof(query), "SELECT COUNT(*) FROM carts WHERE expires_ms <= %lld",
		 (long long)crowd.now_ms);
	assert_int_equal(sql_number(root, query), 0);
}

struct process {
	struct clock_fake clock;
	struct settings *settings;
	struct sql_options options;
	struct sql_connector *connector;
	struct sql_sweeper *sweeper;
	struct clock_skew skew;
};

static void set(struct process *process, const char *key, const char *value)
{
	struct cart_error error;

	if (settings_set(process->settings, key, value, SETTING_FLAG, &error) != 0)
		fail_msg("%s", error.text);
}

/* Its clock is so far from the server's. */
static void start_sweeping_ahead(struct process *process, int64_t interval_ms, const char *log,
				 int64_t ahead_ms)
{
	struct cart_env env = {.rules = rules};
	struct cart_error error;

	*process = (struct process){.settings = settings_new()};
	clock_fake_init(&process->clock, clock_wall_ms(&cart_clock_system) + ahead_ms);
	clock_skew_init(&process->skew, &process->clock.clock, SKEW_MS);
	env.skew = &process->skew;
	env.clock = &process->clock.clock;
	settings_add(process->settings, "Log", log_settings);
	settings_add(process->settings, "MySQL", sql_settings);
	set(process, "mysql.socket", server.socket);
	set(process, "mysql.user", MARIADB_FIXTURE_USER);
	set(process, "mysql.password", MARIADB_FIXTURE_PASSWORD);
	set(process, "mysql.database", MARIADB_FIXTURE_DATABASE);
	set(process, "mysql.lock_timeout", "60s");
	set(process, "log.file", log);
	if (log_open(process->settings, &error) != 0 ||
	    sql_options_read(&process->options, process->settings, &error) != 0)
		fail_msg("%s", error.text);
	process->options.skew = env.skew;
	process->connector = sql_connector_new(&process->options, env.clock, &error);
	if (process->connector == NULL)
		fail_msg("%s", error.text);
	process->sweeper = sql_sweeper_new(process->connector, &env, interval_ms, &error);
	if (process->sweeper == NULL)
		fail_msg("%s", error.text);
}

static void start_sweeping(struct process *process, int64_t interval_ms, const char *log)
{
	start_sweeping_ahead(process, interval_ms, log, 0);
}

static void stop_sweeping(struct process *process)
{
	sql_sweeper_free(&process->sweeper);
	assert_null(process->sweeper);
	sql_connector_free(&process->connector);
	sql_options_clear(&process->options);
	log_close();
	settings_free(&process->settings);
}

static void await_empty(const char *table)
{
	char query[96];

	snprintf(query, sizeof(query), "SELECT COUNT(*) = 0 FROM %s", table);
	sql_await(root, query);
}

static void await_rounds(struct process *process, uint64_t count)
{
	uint64_t until = sql_connector_connects(process->connector) + count;

	for (int i = 0; i < 2000 && sql_connector_connects(process->connector) < until; i++)
		usleep(10000);
	assert_true(sql_connector_connects(process->connector) >= until);
}

static void a_process_sweeps_by_itself_by_the_servers_clock(void **state)
{
	int64_t server_ms = sql_number(root, "SELECT UNIX_TIMESTAMP()") * 1000;
	struct process process;

	(void)state;
	add_carts(0, 300, NOW_MS);
	add_carts(300, 2, server_ms + SKEW_MS / 2);
	add_keys(0, 900, NOW_MS - WINDOW_MS);
	add_keys(900, 3, server_ms + SKEW_MS / 2 - WINDOW_MS);
	/* By its own clock, all of it has expired. */
	start_sweeping_ahead(&process, 20, "/dev/null", SKEW_MS - SKEW_MS / 10);
	sql_await(root, "SELECT COUNT(*) = 2 FROM carts");
	sql_await(root, "SELECT COUNT(*) = 3 FROM idempotency_keys");
	await_rounds(&process, 3);
	assert_int_equal(carts(), 2);
	assert_int_equal(keys(), 3);
	stop_sweeping(&process);
}

/* 32 days ahead, or 11 minutes behind: one of the two clocks is wrong, and nobody knows which. */
static void while_the_clocks_differ_nothing_is_removed(void **state)
{
	static const int64_t ahead_ms[] = {INT64_C(32) * 86400000, INT64_C(-660000)};
	struct process process;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		add_carts(0, 3, NOW_MS);
		add_keys(0, 3, NOW_MS - WINDOW_MS);
		start_sweeping_ahead(&process, 10, "/dev/null", ahead_ms[i]);
		await_rounds(&process, 4);
		assert_int_equal(carts(), 3);
		assert_int_equal(keys(), 3);
		clock_fake_advance(&process.clock, -ahead_ms[i]);
		await_empty("carts");
		await_empty("idempotency_keys");
		stop_sweeping(&process);
	}
}

static void the_grace_passes_before_anything_goes(void **state)
{
	const struct cart_rules with_grace = {.idempotency_window_ms = WINDOW_MS,
					      .sweep_grace_ms = 5000};
	struct sql_swept swept;
	struct cart_error error;

	(void)state;
	add_carts(0, 3, NOW_MS);
	add_keys(0, 4, NOW_MS - WINDOW_MS);
	assert_int_equal(sql_sweep_step(sweeper, &with_grace, NOW_MS + 4999, &swept, &error), 0);
	assert_int_equal(swept.carts + swept.keys, 0);
	assert_int_equal(sql_sweep_step(sweeper, &with_grace, NOW_MS + 5000, &swept, &error), 0);
	assert_int_equal(swept.carts, 3);
	assert_int_equal(swept.keys, 4);
}

static void one_process_sweeps_at_a_time(void **state)
{
	struct process process;

	(void)state;
	assert_int_equal(sql_number(writer, "SELECT GET_LOCK(CONCAT('cart.sweep.',"
					    " LEFT(SHA2('cart', 256), 40)), 0)"),
			 1);
	add_carts(0, 3, NOW_MS);
	start_sweeping(&process, 10, "/dev/null");
	/* It looked more than once and went away. */
	for (int i = 0; i < 1000 && sql_connector_connects(process.connector) < 5; i++)
		usleep(10000);
	assert_true(sql_connector_connects(process.connector) >= 5);
	assert_int_equal(carts(), 3);
	assert_int_equal(sql_sweeper_carts(process.sweeper), 0);
	hang_up(&writer);
	await_empty("carts");
	stop_sweeping(&process);
}

static int lines_with(const char *path, const char *words)
{
	char line[1024];
	FILE *file = fopen(path, "re");
	int count = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		count += strstr(line, words) != NULL;
	if (file != NULL)
		fclose(file);
	return count;
}

static void await_line(const char *path, const char *words)
{
	for (int i = 0; i < 1500 && lines_with(path, words) == 0; i++)
		usleep(10000);
	assert_int_equal(lines_with(path, words), 1);
}

static void it_counts_and_logs_what_it_removed(void **state)
{
	struct process process;
	char log[192];

	(void)state;
	snprintf(log, sizeof(log), "%s/removed-log", server.folder);
	add_carts(0, 250, NOW_MS);
	add_keys(0, 7, NOW_MS - WINDOW_MS);
	log_set_level(LOG_INFO);
	start_sweeping(&process, 10, log);
	await_line(log, "removed expired carts and old idempotency keys carts=250 keys=7");
	for (int i = 0; i < 1000 && sql_sweeper_carts(process.sweeper) < 250; i++)
		usleep(10000);
	assert_int_equal(sql_sweeper_carts(process.sweeper), 250);
	assert_int_equal(sql_sweeper_keys(process.sweeper), 7);
	stop_sweeping(&process);
}

static void a_server_that_is_down_is_said_once_and_tried_again(void **state)
{
	static const char down[] = "cannot remove expired carts and keys";
	static const char up[] = "expired carts and keys are removed again";
	struct process process;
	char log[192];
	uint64_t failures;

	(void)state;
	snprintf(log, sizeof(log), "%s/sweeper-log", server.folder);
	start_sweeping(&process, 10, log);
	hang_up(&root);
	mariadb_fixture_kill(&server);
	await_line(log, down);
	failures = sql_connector_failures(process.connector);
	for (int i = 0; i < 1000 && sql_connector_failures(process.connector) == failures; i++)
		usleep(10000);
	assert_true(sql_connector_failures(process.connector) > failures);
	mariadb_fixture_restart(&server, fast);
	root = sql_client(&server, NULL, "cart");
	await_line(log, up);
	assert_int_equal(lines_with(log, down), 1);
	add_carts(0, 3, NOW_MS);
	await_empty("carts");
	stop_sweeping(&process);
}

static int64_t ms_to_stop(struct process *process)
{
	int64_t began_ns = clock_monotonic_ns(&cart_clock_system);

	sql_sweeper_free(&process->sweeper);
	return (clock_monotonic_ns(&cart_clock_system) - began_ns) / CLOCK_NS_PER_MS;
}

static void it_stops_at_once_while_it_waits_for_an_answer(void **state)
{
	struct process process;

	(void)state;
	add_carts(0, 2, NOW_MS);
	add_lines(1);
	sql_exec(writer, "START TRANSACTION; SELECT COUNT(*) FROM cart_items FOR UPDATE");
	start_sweeping(&process, 10, "/dev/null");
	sql_await(root, "SELECT COUNT(*) FROM information_schema.processlist"
			" WHERE info LIKE 'DELETE i FROM %'");
	assert_in_range(ms_to_stop(&process), 0, patience_at_once_ms());
	stop_sweeping(&process);
	assert_int_equal(carts(), 2);
}

static void it_stops_at_once_while_it_sleeps(void **state)
{
	struct process process;

	(void)state;
	add_carts(0, 1, NOW_MS);
	start_sweeping(&process, 3600 * 1000, "/dev/null");
	await_empty("carts");
	assert_in_range(ms_to_stop(&process), 0, patience_at_once_ms());
	stop_sweeping(&process);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_expired_goes_with_its_lines_and_nothing_else),
		TEST(the_index_says_when_to_look_and_the_expiry_what_to_do),
		TEST(keys_go_when_their_window_has_passed_and_not_before),
		TEST(a_step_has_a_bound_and_the_steps_an_end),
		TEST(carts_with_many_lines_make_a_step_shorter),
		TEST(what_others_have_locked_is_passed_over),
		TEST(many_that_are_locked_make_no_endless_steps),
		TEST(a_line_locked_by_itself_ends_the_step_after_some_tries),
		TEST(sweepers_and_writers_at_once_harm_nobody),
		TEST(the_grace_passes_before_anything_goes),
		TEST(a_process_sweeps_by_itself_by_the_servers_clock),
		TEST(while_the_clocks_differ_nothing_is_removed),
		TEST(each_cart_that_expires_is_told_in_the_feed),
		TEST(old_events_go_but_for_the_newest_of_them),
		TEST(one_process_sweeps_at_a_time),
		TEST(it_counts_and_logs_what_it_removed),
		TEST(a_server_that_is_down_is_said_once_and_tried_again),
		TEST(it_stops_at_once_while_it_waits_for_an_answer),
		TEST(it_stops_at_once_while_it_sleeps),
	};

	if (!mariadb_fixture_available())
		return mariadb_fixture_skip_all();
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
