#include "backends/mysql/schema.h"
#include "core/embed.h"
#include "core/base/log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/sql_client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mariadb_fixture server;
static MYSQL *root; /* chose no database */

/* Nobody needs what is written here after a crash. */
static const char *const fast[] = {"--innodb-flush-log-at-trx-commit=0", NULL};

static int start_server(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	mariadb_fixture_start(&server, fast);
	root = sql_client(&server, NULL, NULL);
	sql_exec(root, "CREATE USER clerk@localhost; GRANT SELECT, INSERT, UPDATE, DELETE ON cart.*"
		       " TO clerk@localhost; CREATE USER reader@localhost; GRANT SELECT ON cart.*"
		       " TO reader@localhost");
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	mysql_close(root);
	mariadb_fixture_free(&server);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	sql_exec(root, "DROP DATABASE IF EXISTS cart; CREATE DATABASE cart");
	return 0;
}

static int provision_as(const char *user, enum cart_provision how,
			const struct embed_file *migrations, struct cart_error *error)
{
	MYSQL *mysql = sql_client(&server, user, "cart");
	int result = sql_schema_provision(mysql, how, migrations, error);

	mysql_close(mysql);
	return result;
}

static void assert_provisions(const char *user, enum cart_provision how,
			      const struct embed_file *migrations)
{
	struct cart_error error;

	if (provision_as(user, how, migrations, &error) != 0)
		fail_msg("%s", error.text);
}

static void assert_refused(const char *user, enum cart_provision how,
			   const struct embed_file *migrations, const char *words)
{
	struct cart_error error = {""};

	if (provision_as(user, how, migrations, &error) == 0)
		fail_msg("succeeded, and should have said: %s", words);
	if (strstr(error.text, words) == NULL || strchr(error.text, '\n') != NULL)
		fail_msg("said \"%s\" instead of: %s", error.text, words);
}

static int64_t tables(void)
{
	return sql_number(root, "SELECT COUNT(*) FROM information_schema.tables"
				" WHERE table_schema = 'cart'");
}

static int64_t version(void)
{
	return sql_number(root, "SELECT MAX(number) FROM cart.cart_schema");
}

#define MIGRATION(name_, text_)                                                                    \
	{                                                                                          \
		name_, text_, sizeof(text_) - 1                                                    \
	}
#define RECORD(number) "INSERT INTO cart_schema VALUES (" number ", '', UTC_TIMESTAMP())"

static const char note[] =
	"ALTER TABLE carts ADD COLUMN note BIGINT NULL, ALGORITHM=INSTANT; -- one; two\n"
	"ALTER TABLE carts ADD INDEX carts_note (note), ALGORITHM=INPLACE, LOCK=NONE;" RECORD("2");

static void a_fresh_database_is_made_and_its_files_recorded(void **state)
{
	(void)state;
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	assert_int_equal(tables(), 6);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM cart.cart_schema"
					  " WHERE number = 1 AND name = '001_carts.sql'"
					  " AND applied_at BETWEEN UTC_TIMESTAMP() - INTERVAL 60"
					  " SECOND AND UTC_TIMESTAMP()"),
			 1);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM information_schema.tables"
					  " WHERE table_schema = 'cart' AND engine = 'InnoDB'"),
			 6);
	assert_provisions(NULL, CART_PROVISION_CHECK, embed_mysql_migrations);
}

static void the_servers_defaults_change_nothing(void **state)
{
	MYSQL *mysql = sql_client(&server, NULL, "cart");
	struct cart_error error;

	(void)state;
	sql_exec(mysql, "SET SESSION default_storage_engine = 'Aria', time_zone = '-12:00',"
			" sql_mode = 'ANSI,TRADITIONAL';"
			"ALTER DATABASE cart CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
	assert_int_equal(
		sql_schema_provision(mysql, CART_PROVISION_AUTO, embed_mysql_migrations, &error),
		0);
	assert_int_equal(sql_number(mysql, "SELECT COUNT(*) FROM cart_schema WHERE applied_at"
					   " > UTC_TIMESTAMP() - INTERVAL 60 SECOND"),
			 1);
	assert_int_equal(sql_number(mysql, "SELECT COUNT(*) FROM information_schema.tables"
					   " WHERE table_schema = 'cart' AND engine = 'InnoDB'"),
			 6);
	mysql_close(mysql);
}

static void check_makes_nothing_and_says_how_to(void **state)
{
	const struct embed_file migrations[] = {
		embed_mysql_migrations[0],
		MIGRATION("002_note.sql", note),
		MIGRATION("003_more.sql", RECORD("3")),
		{NULL, NULL, 0},
	};

	(void)state;
	assert_refused(NULL, CART_PROVISION_CHECK, embed_mysql_migrations,
		       "database cart has no schema; cartctl provision makes it, or cartd with "
		       "provision=auto");
	assert_int_equal(tables(), 0);
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	assert_refused(NULL, CART_PROVISION_CHECK, migrations,
		       "database cart has schema 1, older than 3, for lack of 002_note.sql, "
		       "003_more.sql; cartctl provision upgrades it");
	assert_int_equal(version(), 1);
}

static void off_looks_at_nothing(void **state)
{
	(void)state;
	assert_provisions(NULL, CART_PROVISION_OFF, embed_mysql_migrations);
	assert_int_equal(tables(), 0);
}

static void rights_to_rows_suffice_once_all_is_made(void **state)
{
	(void)state;
	assert_refused("clerk", CART_PROVISION_CHECK, embed_mysql_migrations, "has no schema");
	assert_refused("clerk", CART_PROVISION_AUTO, embed_mysql_migrations,
		       "001_carts.sql: CREATE command denied to user 'clerk'@'localhost'");
	assert_refused("clerk", CART_PROVISION_AUTO, embed_mysql_migrations,
		       "cartctl provision as a user who may create and alter tables");
	assert_int_equal(tables(), 0);
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	assert_provisions("clerk", CART_PROVISION_CHECK, embed_mysql_migrations);
	assert_provisions("clerk", CART_PROVISION_AUTO, embed_mysql_migrations);
}

static void a_right_that_is_missing_is_named(void **state)
{
	(void)state;
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	assert_refused("reader", CART_PROVISION_CHECK, embed_mysql_migrations,
		       "INSERT command denied to user 'reader'@'localhost' for table "
		       "`cart`.`carts`; SELECT, INSERT, UPDATE and DELETE are needed");
	sql_exec(root, "GRANT SELECT, INSERT, UPDATE, DELETE ON cart.carts TO reader@localhost;"
		       "GRANT INSERT, UPDATE, DELETE ON cart.cart_items TO reader@localhost;"
		       "GRANT INSERT, DELETE ON cart.cart_events TO reader@localhost;"
		       "GRANT INSERT, UPDATE ON cart.idempotency_keys TO reader@localhost");
	assert_refused("reader", CART_PROVISION_CHECK, embed_mysql_migrations,
		       "DELETE command denied to user 'reader'@'localhost' for table "
		       "`cart`.`idempotency_keys`");
	sql_exec(root, "GRANT DELETE ON cart.idempotency_keys TO reader@localhost");
	assert_provisions("reader", CART_PROVISION_CHECK, embed_mysql_migrations);
	sql_exec(root, "REVOKE ALL ON cart.carts FROM reader@localhost;"
		       "REVOKE ALL ON cart.cart_items FROM reader@localhost;"
		       "REVOKE ALL ON cart.cart_events FROM reader@localhost;"
		       "REVOKE ALL ON cart.idempotency_keys FROM reader@localhost");
}

static void a_newer_schema_is_refused(void **state)
{
	(void)state;
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	sql_exec(root, "INSERT INTO cart.cart_schema VALUES (99, '099.sql', UTC_TIMESTAMP())");
	assert_refused(NULL, CART_PROVISION_AUTO, embed_mysql_migrations,
		       "database cart has schema 99, newer than the 1 that this program knows");
	assert_refused(NULL, CART_PROVISION_CHECK, embed_mysql_migrations, "newer than the 1");
}

static void anothers_tables_are_refused_and_left_alone(void **state)
{
	(void)state;
	sql_exec(root, "CREATE TABLE cart.carts (id INT PRIMARY KEY, user INT)");
	assert_refused(NULL, CART_PROVISION_AUTO, embed_mysql_migrations,
		       "table carts of database cart is not this program's: Unknown column "
		       "'customer_id'");
	assert_refused(NULL, CART_PROVISION_CHECK, embed_mysql_migrations,
		       "table carts of database cart is not this program's");
	assert_int_equal(tables(), 1);
	sql_exec(root, "DROP TABLE cart.carts; CREATE TABLE cart.cart_schema (v INT)");
	assert_refused(NULL, CART_PROVISION_AUTO, embed_mysql_migrations,
		       "table cart_schema of database cart is not this program's");
	assert_int_equal(tables(), 1);
}

static void a_table_without_an_index_is_refused(void **state)
{
	(void)state;
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	sql_exec(root, "DROP INDEX carts_idle ON cart.carts");
	assert_refused("clerk", CART_PROVISION_CHECK, embed_mysql_migrations,
		       "table carts of database cart is not this program's: Key 'carts_idle' "
		       "doesn't exist in table 'carts'");
}

static void the_type_of_ids_is_remembered(void **state)
{
	(void)state;
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	for (int how = CART_PROVISION_AUTO; how <= CART_PROVISION_CHECK; how++)
		assert_refused(NULL, (enum cart_provision)how, embed_mysql_migrations,
			       "database cart holds ids of cart.id_type=integer, not string; set "
			       "cart.id_type=integer, or name another database in mysql.database");
	/* As a file that was applied by hand leaves it. */
	sql_exec(root, "DELETE FROM cart.cart_settings");
	assert_refused(NULL, CART_PROVISION_CHECK, embed_mysql_migrations,
		       "database cart does not say its cart.id_type yet; cartctl provision records "
		       "it, or cartd with provision=auto");
	assert_provisions("clerk", CART_PROVISION_AUTO, embed_mysql_migrations);
	assert_provisions("clerk", CART_PROVISION_CHECK, embed_mysql_migrations);
	shop_id_type_release();
	assert_true(shop_id_type_take(SHOP_ID_INTEGER));
	assert_refused(NULL, CART_PROVISION_AUTO, embed_mysql_migrations,
		       "database cart holds ids of cart.id_type=string, not integer");
	shop_id_type_release();
}

static void a_table_that_went_missing_is_not_made_anew(void **state)
{
	(void)state;
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	sql_exec(root, "DROP TABLE cart.cart_items");
	assert_refused(NULL, CART_PROVISION_AUTO, embed_mysql_migrations,
		       "database cart lacks table cart_items, which its cart_schema says was made");
	assert_int_equal(tables(), 5);
}

static void a_connection_without_a_database_is_refused(void **state)
{
	struct cart_error error;

	(void)state;
	assert_int_equal(
		sql_schema_provision(root, CART_PROVISION_AUTO, embed_mysql_migrations, &error),
		CART_PROVISION_REFUSED);
	assert_non_null(strstr(error.text, "mysql.database names no database"));
}

static void an_upgrade_keeps_what_is_there(void **state)
{
	const struct embed_file migrations[] = {
		embed_mysql_migrations[0],
		MIGRATION("002_note.sql", note),
		{NULL, NULL, 0},
	};

	(void)state;
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	sql_exec(root,
		 "INSERT INTO cart.carts VALUES (REPEAT('a', 16), 7, 0, 1, 1, 1, 1, 0, 0, NULL,"
		 " NULL, 1, 1); INSERT INTO cart.cart_items VALUES (REPEAT('a', 16), 5, 3, 1, 1, "
		 "NULL)");
	assert_provisions(NULL, CART_PROVISION_AUTO, migrations);
	assert_int_equal(version(), 2);
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM cart.carts JOIN cart.cart_items"
					  " ON cart_id = id WHERE note IS NULL AND quantity = 3"),
			 1);
	assert_provisions("clerk", CART_PROVISION_CHECK, migrations);
	assert_refused("clerk", CART_PROVISION_AUTO, embed_mysql_migrations, "newer than the 1");
}

/* Whoever died after any number of statements: what is left is completed. */
static void death_between_two_statements_is_made_good(void **state)
{
	static const char *const texts[] = {NULL, note};
	const struct embed_file migrations[] = {
		embed_mysql_migrations[0],
		MIGRATION("002_note.sql", note),
		{NULL, NULL, 0},
	};

	(void)state;
	for (size_t file = 0; file < 2; file++) {
		for (size_t survived = 0;; survived++) {
			MYSQL *mysql;
			const char *rest = file == 0 ? embed_mysql_migrations[0].text : texts[1];
			const char *sql;
			size_t len, run = 0;

			setup(NULL);
			if (file > 0)
				assert_provisions(NULL, CART_PROVISION_AUTO,
						  embed_mysql_migrations);
			mysql = sql_client(&server, NULL, "cart");
			while (run < survived && sql_script_next(&rest, &sql, &len)) {
				assert_int_equal(mysql_real_query(mysql, sql, len), 0);
				run++;
			}
			mysql_close(mysql);
			assert_provisions(NULL, CART_PROVISION_AUTO, migrations);
			assert_int_equal(version(), 2);
			assert_int_equal(tables(), 6);
			if (run < survived)
				break;
		}
	}
}

static void a_statement_that_fails_leaves_the_file_unrecorded(void **state)
{
	const struct embed_file migrations[] = {
		embed_mysql_migrations[0],
		MIGRATION("002_broken.sql", "ALTER TABLE carts ADD COLUMN note BIGINT NULL;"
					    "ALTER TABLE nowhere ADD COLUMN x INT;" RECORD("2")),
		{NULL, NULL, 0},
	};
	const struct embed_file forgetful[] = {
		embed_mysql_migrations[0],
		MIGRATION("002_forgets.sql", "ALTER TABLE carts ADD COLUMN note BIGINT NULL;"),
		{NULL, NULL, 0},
	};

	(void)state;
	assert_refused(NULL, CART_PROVISION_AUTO, migrations, "002_broken.sql: Table");
	assert_int_equal(version(), 1);
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	assert_refused(NULL, CART_PROVISION_AUTO, forgetful,
		       "002_forgets.sql does not record itself in cart_schema");
}

static void a_change_may_take_longer_than_the_connections_timeouts(void **state)
{
	const struct embed_file migrations[] = {
		embed_mysql_migrations[0],
		MIGRATION("002_slow.sql", "DO SLEEP(1.5);" RECORD("2")),
		{NULL, NULL, 0},
	};
	unsigned timeout = 1;
	MYSQL *mysql = mysql_init(NULL);
	struct cart_error error = {""};

	(void)state;
	mysql_options(mysql, MYSQL_OPT_NONBLOCK, NULL);
	mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &timeout);
	assert_non_null(mysql_real_connect(mysql, NULL, "root", "", "cart", 0, server.socket, 0));
	if (sql_schema_provision(mysql, CART_PROVISION_AUTO, migrations, &error) != 0)
		fail_msg("%s", error.text);
	/* They hold again afterwards. */
	assert_int_not_equal(mysql_query(mysql, "DO SLEEP(1.5)"), 0);
	mysql_close(mysql);
}

struct waiter {
	pthread_t thread;
	const struct embed_file *migrations;
	int result;
	struct cart_error error;
};

static void *wait_for_provision(void *user)
{
	struct waiter *waiter = user;

	waiter->result =
		provision_as(NULL, CART_PROVISION_AUTO, waiter->migrations, &waiter->error);
	return NULL;
}

static void a_table_in_use_is_waited_for_and_others_pass(void **state)
{
	const struct embed_file migrations[] = {
		embed_mysql_migrations[0],
		MIGRATION("002_note.sql", note),
		{NULL, NULL, 0},
	};
	struct waiter waiter = {.migrations = migrations, .result = -1};
	MYSQL *user, *other;

	(void)state;
	assert_provisions(NULL, CART_PROVISION_AUTO, embed_mysql_migrations);
	user = sql_client(&server, "clerk", "cart");
	other = sql_client(&server, "clerk", "cart");
	sql_exec(user, "BEGIN; SELECT COUNT(*) FROM carts");
	assert_int_equal(pthread_create(&waiter.thread, NULL, wait_for_provision, &waiter), 0);
	sql_await(root, "SELECT COUNT(*) FROM information_schema.processlist"
			" WHERE state LIKE 'Waiting for table metadata lock'");
	/* Behind it, and not for longer than it waits. */
	sql_exec(other, "SET SESSION lock_wait_timeout = 3; SELECT COUNT(*) FROM carts");
	sql_exec(user, "COMMIT");
	pthread_join(waiter.thread, NULL);
	if (waiter.result != 0)
		fail_msg("%s", waiter.error.text);
	assert_int_equal(version(), 2);
	mysql_close(user);
	mysql_close(other);
}

static void ten_processes_that_provision_at_once_agree(void **state)
{
	enum { PROCESSES = 10 };
	const struct embed_file migrations[] = {
		embed_mysql_migrations[0],
		MIGRATION("002_note.sql", note),
		{NULL, NULL, 0},
	};
	pid_t children[PROCESSES];
	int status;

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct cart_error error = {""};

			if (provision_as(NULL, CART_PROVISION_AUTO, migrations, &error) == 0)
				_exit(0);
			fprintf(stderr, "%s\n", error.text);
			_exit(1);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_int_equal(sql_number(root, "SELECT COUNT(*) FROM cart.cart_schema"), 2);
	assert_provisions("clerk", CART_PROVISION_CHECK, migrations);
}

static void another_process_at_it_is_waited_for(void **state)
{
	struct waiter waiter = {.migrations = embed_mysql_migrations, .result = -1};
	MYSQL *other = sql_client(&server, NULL, "cart");

	(void)state;
	assert_int_equal(sql_number(other, "SELECT GET_LOCK(CONCAT('cart.schema.',"
					   " LEFT(SHA2('cart', 256), 40)), 0)"),
			 1);
	assert_int_equal(pthread_create(&waiter.thread, NULL, wait_for_provision, &waiter), 0);
	/* Another database's is another lock. */
	sql_exec(root, "CREATE OR REPLACE DATABASE elsewhere");
	sql_exec(other, "USE elsewhere");
	{
		MYSQL *mysql = sql_client(&server, NULL, "elsewhere");
		struct cart_error error;

		assert_int_equal(sql_schema_provision(mysql, CART_PROVISION_AUTO,
						      embed_mysql_migrations, &error),
				 0);
		mysql_close(mysql);
	}
	assert_int_equal(tables(), 0);
	mysql_close(other);
	pthread_join(waiter.thread, NULL);
	assert_int_equal(waiter.result, 0);
	assert_int_equal(tables(), 6);
	sql_exec(root, "DROP DATABASE elsewhere");
}

static void an_old_server_is_refused(void **state)
{
	static const struct {
		const char *option;
		const char *words;
	} old[] = {
		{"--version=10.5.29-MariaDB",
		 "the server is 10.5.29-MariaDB; MariaDB 10.6 is the oldest that will do"},
		{"--version=5.7.44-log", "the server is 5.7.44-log; MySQL 8.0 is the oldest"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
		const char *const options[] = {old[i].option, NULL};
		struct mariadb_fixture ancient;
		struct cart_error error = {""};
		MYSQL *mysql;

		mariadb_fixture_start(&ancient, options);
		mysql = sql_client(&ancient, NULL, "mysql");
		assert_int_equal(sql_schema_provision(mysql, CART_PROVISION_AUTO,
						      embed_mysql_migrations, &error),
				 CART_PROVISION_REFUSED);
		if (strstr(error.text, old[i].words) == NULL)
			fail_msg("said \"%s\" instead of: %s", error.text, old[i].words);
		mysql_close(mysql);
		mariadb_fixture_free(&ancient);
	}
}

/* The rule for changes of a schema that is in use. */
static void every_change_of_a_table_is_online_and_none_drops(void **state)
{
	(void)state;
	for (const struct embed_file *file = embed_mysql_migrations; file->name != NULL; file++) {
		const char *rest = file->text;
		const char *sql;
		size_t len;

		while (sql_script_next(&rest, &sql, &len)) {
			char *copy = strndup(sql, len);

			if (strncmp(copy, "CREATE TABLE ", 13) == 0)
				assert_non_null(strstr(copy, "IF NOT EXISTS"));
			else if (strncmp(copy, "ALTER TABLE ", 12) == 0)
				assert_true(strstr(copy, "ALGORITHM=INSTANT") != NULL ||
					    strstr(copy, "LOCK=NONE") != NULL);
			else if (strncmp(copy, "INSERT INTO cart_events ", 24) == 0)
				assert_non_null(strstr(copy, "WHERE NOT EXISTS"));
			else
				assert_ptr_equal(strstr(copy, "INSERT INTO cart_schema "), copy);
			assert_null(strstr(copy, "DROP"));
			free(copy);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_database_is_made_and_its_files_recorded),
		TEST(the_servers_defaults_change_nothing),
		TEST(check_makes_nothing_and_says_how_to),
		TEST(off_looks_at_nothing),
		TEST(rights_to_rows_suffice_once_all_is_made),
		TEST(a_right_that_is_missing_is_named),
		TEST(a_newer_schema_is_refused),
		TEST(anothers_tables_are_refused_and_left_alone),
		TEST(a_table_without_an_index_is_refused),
		TEST(the_type_of_ids_is_remembered),
		TEST(a_table_that_went_missing_is_not_made_anew),
		TEST(a_connection_without_a_database_is_refused),
		TEST(an_upgrade_keeps_what_is_there),
		TEST(death_between_two_statements_is_made_good),
		TEST(a_statement_that_fails_leaves_the_file_unrecorded),
		TEST(a_change_may_take_longer_than_the_connections_timeouts),
		TEST(a_table_in_use_is_waited_for_and_others_pass),
		TEST(ten_processes_that_provision_at_once_agree),
		TEST(another_process_at_it_is_waited_for),
		TEST(an_old_server_is_refused),
		TEST(every_change_of_a_table_is_online_and_none_drops),
	};

	if (!mariadb_fixture_available())
		return mariadb_fixture_skip_all();
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
