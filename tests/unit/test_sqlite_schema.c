#include "backends/sqlite/schema.h"
#include "core/embed.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/sqlite_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fixture f;

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

static void assert_refused(enum cart_provision how, const char *words)
{
	struct cart_error error = {""};

	if (fixture_start(&f, how, &error) == 0)
		fail_msg("started, and should have said: %s", words);
	if (strstr(error.text, words) == NULL || strchr(error.text, '\n') != NULL)
		fail_msg("said \"%s\" instead of: %s", error.text, words);
}

static void assert_starts(enum cart_provision how)
{
	struct cart_error error;

	if (fixture_start(&f, how, &error) != 0)
		fail_msg("%s", error.text);
}

static void write_file(const char *text)
{
	FILE *file = fopen(f.path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static int64_t pragma(const char *sql)
{
	sqlite3 *db = fixture_outsider(&f);
	int64_t number = fixture_number(db, sql);

	sqlite3_close(db);
	return number;
}

static void a_fresh_file_is_made_and_marked_as_ours(void **state)
{
	(void)state;
	assert_starts(CART_PROVISION_AUTO);
	fixture_stop(&f);
	assert_int_equal(pragma("PRAGMA application_id"), SQLITE_APPLICATION_ID);
	assert_int_equal(pragma("PRAGMA user_version"),
			 sqlite_schema_version(embed_sqlite_migrations));
	assert_int_equal(pragma("SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	assert_starts(CART_PROVISION_CHECK);
	fixture_stop(&f);
	assert_starts(CART_PROVISION_OFF);
}

static void the_type_of_ids_is_remembered(void **state)
{
	(void)state;
	fixture_set(&f, "cart.id_type", "string");
	assert_starts(CART_PROVISION_AUTO);
	fixture_stop(&f);
	fixture_set(&f, "cart.id_type", "integer");
	for (int how = CART_PROVISION_AUTO; how <= CART_PROVISION_CHECK; how++)
		assert_refused((enum cart_provision)how,
			       "/cart.db holds ids of cart.id_type=string, not integer; set "
			       "cart.id_type=string, or name another file in sqlite.path");
	assert_int_equal(pragma("SELECT count(*) FROM cart_settings"), 1);
	assert_int_equal(pragma("DELETE FROM cart_settings RETURNING 1"), 1);
	assert_refused(CART_PROVISION_CHECK,
		       "does not say its cart.id_type yet; cartctl provision records it, or cartd "
		       "with provision=auto");
	assert_starts(CART_PROVISION_AUTO);
	fixture_stop(&f);
	assert_starts(CART_PROVISION_CHECK);
	fixture_stop(&f);
	fixture_set(&f, "cart.id_type", "string");
	assert_refused(CART_PROVISION_AUTO, "holds ids of cart.id_type=integer, not string");
}

static void an_empty_file_is_taken_as_absent(void **state)
{
	(void)state;
	write_file("");
	assert_starts(CART_PROVISION_AUTO);
}

/* Carts are nobody else's business; a file that is there keeps the mode that somebody gave it. */
static void a_new_file_is_for_its_owner_alone(void **state)
{
	static const char *const names[] = {"", "-wal", "-shm"};
	mode_t before = umask(022);
	char path[192];
	struct stat st;

	(void)state;
	assert_starts(CART_PROVISION_AUTO);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", f.path, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	fixture_stop(&f);
	assert_int_equal(chmod(f.path, 0640), 0);
	assert_starts(CART_PROVISION_AUTO);
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	umask(before);
}

static void a_clean_stop_leaves_one_file(void **state)
{
	char wal[192];

	(void)state;
	snprintf(wal, sizeof(wal), "%s-wal", f.path);
	assert_starts(CART_PROVISION_AUTO);
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	assert_int_equal(access(wal, F_OK), 0);
	fixture_stop(&f);
	assert_int_not_equal(access(wal, F_OK), 0);
	assert_starts(CART_PROVISION_CHECK);
	assert_int_equal(fixture_quantity(&f, 1, 5), 0);
}

static void check_makes_nothing(void **state)
{
	(void)state;
	assert_refused(CART_PROVISION_CHECK, "does not exist; cartctl provision makes it");
	assert_int_not_equal(access(f.path, F_OK), 0);
	write_file("");
	assert_refused(CART_PROVISION_CHECK, "has no schema; cartctl provision makes it");
	assert_int_equal(pragma("SELECT count(*) FROM sqlite_schema"), 0);
	assert_refused(CART_PROVISION_OFF, "has no schema");
}

static void a_newer_schema_is_refused(void **state)
{
	(void)state;
	assert_starts(CART_PROVISION_AUTO);
	fixture_stop(&f);
	fixture_exec(&f, "PRAGMA user_version = 99");
	assert_refused(CART_PROVISION_AUTO, "has schema 99, newer than");
	assert_refused(CART_PROVISION_CHECK, "has schema 99, newer than");
}

/* A file of a build before the first release, whose schema was changed in place. */
static void a_file_without_our_columns_is_refused(void **state)
{
	(void)state;
	assert_starts(CART_PROVISION_AUTO);
	fixture_stop(&f);
	fixture_exec(&f, "DROP INDEX carts_idle; DROP INDEX carts_closed;"
			 "ALTER TABLE carts DROP COLUMN idle_ms;"
			 "CREATE INDEX carts_idle ON carts (updated_ms, id) WHERE state = 0");
	assert_refused(CART_PROVISION_AUTO, "does not have the tables of this program");
	assert_refused(CART_PROVISION_AUTO, "start with a new file");
}

static void anothers_database_is_refused_and_left_alone(void **state)
{
	(void)state;
	fixture_exec(&f, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
	assert_refused(CART_PROVISION_AUTO, "another application's database");
	assert_refused(CART_PROVISION_OFF, "another application's database");
	assert_int_equal(pragma("SELECT count(*) FROM sqlite_schema"), 1);
	assert_int_equal(pragma("SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
	fixture_exec(&f, "DROP TABLE theirs; PRAGMA application_id = 42");
	assert_refused(CART_PROVISION_AUTO, "another application's database");
}

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
	struct stat before, after;

	(void)state;
	write_file("This is a shopping list, and long enough to be taken for a header: milk, "
		   "bread, butter, eggs, and a hundred other things.\n");
	assert_int_equal(stat(f.path, &before), 0);
	assert_refused(CART_PROVISION_AUTO, "is not a SQLite database");
	assert_int_equal(stat(f.path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void a_path_that_cannot_be_a_file_is_refused(void **state)
{
	(void)state;
	fixture_set(&f, "sqlite.path", "/tmp/no/such/folder/cart.db");
	assert_refused(CART_PROVISION_AUTO, "No such file or directory");
	fixture_set(&f, "sqlite.path", f.folder);
	assert_refused(CART_PROVISION_AUTO, "is not a file");
	fixture_set(&f, "sqlite.path", "/tmp/");
	assert_refused(CART_PROVISION_AUTO, "must name a file");
}

/* SQLite would take the name for something else. */
static void a_name_that_means_something_to_sqlite_is_a_file(void **state)
{
	char folder[128], name[192];

	(void)state;
	assert_non_null(getcwd(folder, sizeof(folder)));
	snprintf(name, sizeof(name), "%s/file:x?mode=memory", f.folder);
	fixture_set(&f, "sqlite.path", name);
	assert_starts(CART_PROVISION_AUTO);
	assert_int_equal(access(name, F_OK), 0);
	fixture_stop(&f);
	assert_int_equal(chdir(f.folder), 0);
	fixture_set(&f, "sqlite.path", ":memory:");
	assert_starts(CART_PROVISION_AUTO);
	assert_int_equal(access(":memory:", F_OK), 0);
	assert_int_equal(chdir(folder), 0);
}

/* As somebody whom permissions bind; 0: said what it should. */
static int refused_as_nobody(const char *words)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct cart_error error = {""};

		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(2);
		if (fixture_start(&f, CART_PROVISION_AUTO, &error) == 0)
			_exit(3);
		_exit(strstr(error.text, words) != NULL ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void what_cannot_be_written_is_refused(void **state)
{
	(void)state;
	assert_starts(CART_PROVISION_AUTO);
	fixture_stop(&f);
	assert_int_equal(chmod(f.folder, 0777), 0);
	assert_int_equal(chmod(f.path, 0444), 0);
	assert_int_equal(refused_as_nobody("not readable and writable"), 0);
	assert_int_equal(chmod(f.path, 0666), 0);
	assert_int_equal(chmod(f.folder, 0555), 0);
	assert_int_equal(refused_as_nobody("is not writable, and SQLite writes its log there"), 0);
	assert_int_equal(chmod(f.folder, 0700), 0);
}

static sqlite3 *lock_file(void)
{
	sqlite3 *outsider;

	assert_starts(CART_PROVISION_AUTO);
	fixture_stop(&f);
	outsider = fixture_outsider(&f);
	assert_int_equal(sqlite3_exec(outsider,
				      "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	return outsider;
}

/* A tool does not wait long. */
static void a_file_that_is_locked_is_refused(void **state)
{
	sqlite3 *outsider = lock_file();

	(void)state;
	assert_refused(CART_PROVISION_AUTO, "is locked by another process");
	sqlite3_close(outsider);
	assert_starts(CART_PROVISION_AUTO);
}

static void a_service_waits_for_a_file_that_is_locked(void **state)
{
	sqlite3 *outsider = lock_file();
	enum cart_result result;

	(void)state;
	f.provision_later = true;
	assert_starts(CART_PROVISION_AUTO);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fixture_create(&f, 1, 7), CART_BUSY);
	sqlite3_close(outsider);
	while ((result = fixture_create(&f, 1, 7)) != CART_OK)
		assert_int_equal(result, CART_BUSY);
	assert_int_equal(fixture_quantity(&f, 1, 5), 0);
}

static const char second[] = "ALTER TABLE carts ADD COLUMN note TEXT;";
static const char broken[] = "CREATE TABLE half (x); CREATE TABLE carts (x);";

static void an_old_schema_is_upgraded_and_keeps_its_carts(void **state)
{
	const struct embed_file migrations[] = {
		embed_sqlite_migrations[0],
		{"0002-note.sql", second, sizeof(second) - 1},
		{NULL, NULL, 0},
	};
	struct cart_error error;

	(void)state;
	assert_starts(CART_PROVISION_AUTO);
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	assert_int_equal(fixture_add(&f, 1, 5, 3), CART_OK);
	fixture_stop(&f);
	assert_int_equal(sqlite_schema_provision(f.path, CART_PROVISION_CHECK, migrations, &error),
			 -1);
	assert_non_null(strstr(error.text, "older than 2; cartctl provision upgrades it"));
	assert_int_equal(sqlite_schema_provision(f.path, CART_PROVISION_AUTO, migrations, &error),
			 0);
	assert_int_equal(pragma("PRAGMA user_version"), 2);
	assert_int_equal(pragma("SELECT count(*) FROM carts WHERE note IS NULL"), 1);
	assert_int_equal(pragma("SELECT sum(quantity) FROM cart_items"), 3);
	assert_int_equal(sqlite_schema_provision(f.path, CART_PROVISION_CHECK, migrations, &error),
			 0);
}

static void an_upgrade_that_fails_leaves_the_old_schema(void **state)
{
	const struct embed_file migrations[] = {
		embed_sqlite_migrations[0],
		{"0002-note.sql", second, sizeof(second) - 1},
		{"0003-broken.sql", broken, sizeof(broken) - 1},
		{NULL, NULL, 0},
	};
	struct cart_error error;

	(void)state;
	assert_starts(CART_PROVISION_AUTO);
	fixture_stop(&f);
	assert_int_equal(sqlite_schema_provision(f.path, CART_PROVISION_AUTO, migrations, &error),
			 -1);
	assert_non_null(strstr(error.text, "already exists"));
	assert_int_equal(pragma("PRAGMA user_version"), 1);
	assert_int_equal(
		pragma("SELECT count(*) FROM pragma_table_info('carts') WHERE name = 'note'"), 0);
	assert_starts(CART_PROVISION_CHECK);
}

static void processes_that_provision_at_once_agree(void **state)
{
	enum { PROCESSES = 6 };
	pid_t children[PROCESSES];
	int status;

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct cart_error error;

			if (sqlite_schema_provision(f.path, CART_PROVISION_AUTO,
						    embed_sqlite_migrations, &error) == 0)
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
	assert_starts(CART_PROVISION_CHECK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_file_is_made_and_marked_as_ours),
		TEST(the_type_of_ids_is_remembered),
		TEST(an_empty_file_is_taken_as_absent),
		TEST(a_new_file_is_for_its_owner_alone),
		TEST(a_clean_stop_leaves_one_file),
		TEST(check_makes_nothing),
		TEST(a_newer_schema_is_refused),
		TEST(a_file_without_our_columns_is_refused),
		TEST(anothers_database_is_refused_and_left_alone),
		TEST(a_file_that_is_no_database_is_refused_and_left_alone),
		TEST(a_path_that_cannot_be_a_file_is_refused),
		TEST(a_name_that_means_something_to_sqlite_is_a_file),
		TEST(what_cannot_be_written_is_refused),
		TEST(a_file_that_is_locked_is_refused),
		TEST(a_service_waits_for_a_file_that_is_locked),
		TEST(an_old_schema_is_upgraded_and_keeps_its_carts),
		TEST(an_upgrade_that_fails_leaves_the_old_schema),
		TEST(processes_that_provision_at_once_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
