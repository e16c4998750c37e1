/*
 * Opens the file, checks that it is ours and has the current schema, closes it. If the file does
 * not exist, is empty or has an old schema, it is brought up to date in one transaction, which
 * reads the version again, because another process may have upgraded it first.
 *
 * A file is refused, with a line that says what to do, if it is no database, belongs to another
 * application (another application_id, or tables without one), is newer than this program, holds
 * ids of the other type, cannot be written, is locked, or is on a filesystem without shared memory
 * for the WAL.
 */
#include "backends/sqlite/schema.h"

#include "backends/sqlite/conn.h"
#include "core/embed.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long to wait for another process that makes the schema, which takes a few syncs. */
#define SCHEMA_BUSY_MS 5000

enum schema_state { SCHEMA_EMPTY, SCHEMA_OURS, SCHEMA_FOREIGN };

int sqlite_schema_version(const struct embed_file *migrations)
{
	int version = 0;

	for (; migrations->name != NULL; migrations++)
		version = atoi(migrations->name);
	return version;
}

static int schema_number(sqlite3 *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*number = sqlite3_column_int64(stmt, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int schema_look(sqlite3 *db, enum schema_state *state, int *version)
{
	int64_t id = 0, user_version = 0, tables = 0;
	int rc = schema_number(db, "SELECT count(*) FROM sqlite_schema", &tables);

	if (rc == SQLITE_OK)
		rc = schema_number(db, "PRAGMA application_id", &id);
	if (rc == SQLITE_OK)
		rc = schema_number(db, "PRAGMA user_version", &user_version);
	*version = (int)user_version;
	if (id == SQLITE_APPLICATION_ID)
		*state = SCHEMA_OURS;
	else if (id == 0 && user_version == 0 && tables == 0)
		*state = SCHEMA_EMPTY;
	else
		*state = SCHEMA_FOREIGN;
	return rc;
}

/* In one read transaction: another process may commit the schema between two reads, and half of it
 * would be a foreign file's. */
static int schema_look_at_once(sqlite3 *db, enum schema_state *state, int *version)
{
	int rc = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = schema_look(db, state, version);
	if (sqlite3_get_autocommit(db) == 0)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* Says what an SQLite error at this point means to the operator. */
static int schema_error(sqlite3 *db, const char *path, int rc, struct cart_error *error)
{
	switch (rc & 0xff) {
	case SQLITE_NOTADB:
		return cart_error_set(
			error, "%s is not a SQLite database; name another file in sqlite.path",
			path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		cart_error_set(error, "%s is locked by another process", path);
		return SQLITE_SCHEMA_LOCKED;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return cart_error_set(
			error, "%s or its folder cannot be written; check permissions", path);
	case SQLITE_FULL:
		return cart_error_set(error, "the disk of %s is full", path);
	default:
		return cart_error_set(error, "%s: %s", path, sqlite3_errmsg(db));
	}
}

static int schema_judge(const char *path, enum schema_state state, int version, int wanted,
			enum cart_provision how, struct cart_error *error)
{
	if (state == SCHEMA_FOREIGN)
		return cart_error_set(error,
				      "%s is another application's database; name another file in "
				      "sqlite.path",
				      path);
	if (state == SCHEMA_OURS && version > wanted)
		return cart_error_set(
			error,
			"%s has schema %d, newer than the %d that this program knows; "
			"use a newer program",
			path, version, wanted);
	if (how == CART_PROVISION_AUTO)
		return 0;
	if (state == SCHEMA_EMPTY)
		return cart_error_set(error,
				      "%s has no schema; cartctl provision makes it, or cartd with "
				      "provision=auto",
				      path);
	if (version < wanted)
		return cart_error_set(error,
				      "%s has schema %d, older than %d; cartctl provision upgrades "
				      "it, or cartd with provision=auto",
				      path, version, wanted);
	return 0;
}

static int schema_migrate(sqlite3 *db, int version, const struct embed_file *migrations)
{
	char sql[80];
	int rc = SQLITE_OK;

	for (const struct embed_file *m = migrations; m->name != NULL && rc == SQLITE_OK; m++)
		if (atoi(m->name) > version)
			rc = sqlite3_exec(db, m->text, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 SQLITE_APPLICATION_ID, sqlite_schema_version(migrations));
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* Reads the version again inside its transaction: another process may have upgraded the file. */
static int schema_upgrade(sqlite3 *db, const char *path, const struct embed_file *migrations,
			  struct cart_error *error)
{
	int wanted = sqlite_schema_version(migrations);
	enum schema_state state;
	int version;
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = schema_look(db, &state, &version);
	if (rc == SQLITE_OK &&
	    schema_judge(path, state, version, wanted, CART_PROVISION_AUTO, error) != 0)
		return -1;
	if (rc == SQLITE_OK && (state == SCHEMA_EMPTY || version < wanted))
		rc = schema_migrate(db, state == SCHEMA_EMPTY ? 0 : version, migrations);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : schema_error(db, path, rc, error);
}

static int schema_wal_row(void *user, int columns, char **values, char **names)
{
	(void)names;
	*(bool *)user = columns == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
	return 0;
}

/*
 * WAL is a property of the file, so it is set only in a file that is ours. Switching to WAL needs
 * exclusive access, and once it has read the file SQLite does not wait for that: hence the loop.
 */
static int schema_set_wal(sqlite3 *db, const char *path, struct cart_error *error)
{
	bool wal = false;
	int rc = SQLITE_BUSY;

	for (int tries = 0; tries < SCHEMA_BUSY_MS / 10 && rc == SQLITE_BUSY; tries++) {
		if (tries > 0)
			usleep(10000);
		rc = sqlite3_exec(db, "PRAGMA journal_mode = WAL", schema_wal_row, &wal, NULL) &
		     0xff;
	}
	if (rc != SQLITE_OK)
		return schema_error(db, path, rc, error);
	if (!wal)
		return cart_error_set(error,
				      "%s is on a filesystem that cannot share memory for a WAL: "
				      "use a local disk",
				      path);
	return 0;
}

/* *found: the type that the file says; "": none. */
static int schema_read_id_type(sqlite3 *db, char found[16])
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, "SELECT value FROM cart_settings WHERE name = 'id_type'",
				    -1, &stmt, NULL);

	found[0] = '\0';
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		snprintf(found, 16, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Whoever provisions first says of which type the file's ids are. */
static int schema_settle_id_type(sqlite3 *db, const char *path, enum cart_provision how,
				 struct cart_error *error)
{
	const char *wanted = shop_id_type_name(shop_id_type());
	char found[16], sql[96];
	int rc = schema_read_id_type(db, found);

	if (rc == SQLITE_OK && found[0] == '\0' && how == CART_PROVISION_AUTO) {
		snprintf(sql, sizeof(sql),
			 "INSERT OR IGNORE INTO cart_settings VALUES ('id_type', '%s')", wanted);
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = schema_read_id_type(db, found);
	}
	if (rc != SQLITE_OK)
		return schema_error(db, path, rc, error);
	if (strcmp(found, wanted) == 0)
		return 0;
	if (found[0] == '\0')
		return cart_error_set(
			error,
			"%s does not say its cart.id_type yet; cartctl provision records "
			"it, or cartd with provision=auto",
			path);
	return cart_error_set(
		error,
		"%s holds ids of cart.id_type=%s, not %s; set cart.id_type=%s, or name "
		"another file in sqlite.path",
		path, found, wanted, found);
}

static int schema_provision(sqlite3 *db, const char *path, enum cart_provision how,
			    const struct embed_file *migrations, struct cart_error *error)
{
	int wanted = sqlite_schema_version(migrations);
	enum schema_state state;
	int version, rc;

	sqlite3_busy_timeout(db, SCHEMA_BUSY_MS);
	rc = schema_look_at_once(db, &state, &version);
	if (rc != SQLITE_OK)
		return schema_error(db, path, rc, error);
	if (schema_judge(path, state, version, wanted, how, error) != 0)
		return -1;
	if (sqlite3_db_readonly(db, "main") == 1)
		return schema_error(db, path, SQLITE_READONLY, error);
	/* Small pages, because a change of one cart writes two or three whole pages. This has an
	 * effect only on an empty file. */
	if (state == SCHEMA_EMPTY)
		(void)sqlite3_exec(db, "PRAGMA page_size = 1024", NULL, NULL, NULL);
	rc = how == CART_PROVISION_AUTO && (state == SCHEMA_EMPTY || version < wanted)
		     ? schema_upgrade(db, path, migrations, error)
		     : 0;
	if (rc == 0)
		rc = schema_settle_id_type(db, path, how, error);
	return rc == 0 ? schema_set_wal(db, path, error) : rc;
}

/* SQLite would let everybody read a new file; its log and index get the mode of the file. If this
 * fails, SQLite says why. An existing file must not be opened here: closing it would release the
 * locks that other connections of this process have on it. */
static void schema_create_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (fd >= 0)
		close(fd);
}

int sqlite_schema_provision(const char *path, enum cart_provision how,
			    const struct embed_file *migrations, struct cart_error *error)
{
	int flags = SQLITE_OPEN_READWRITE | (how == CART_PROVISION_AUTO ? SQLITE_OPEN_CREATE : 0);
	sqlite3 *db;
	int result;

	if (how != CART_PROVISION_AUTO && access(path, F_OK) != 0)
		return cart_error_set(error,
				      "%s does not exist; cartctl provision makes it, or cartd "
				      "with provision=auto",
				      path);
	if (how == CART_PROVISION_AUTO)
		schema_create_private(path);
	if (sqlite_db_open(&db, path, flags, error) != SQLITE_OK)
		return cart_error_set(error, "%s cannot be opened", path);
	result = schema_provision(db, path, how, migrations, error);
	sqlite3_close(db);
	return result;
}
