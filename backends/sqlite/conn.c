/*
 * Opens a file that exists and has a current schema; schema.c has made sure of both. If another
 * process has locked the file, a statement waits up to the busy timeout in short sleeps. SQLite's
 * own handler sleeps up to 100 ms at a time, which starves a process that shares the file with a
 * busy writer.
 */
#include "backends/sqlite/conn.h"

#include "core/cart_op.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONN_NAP_NS 300000

static int conn_busy(void *user, int count)
{
	struct sqlite_conn *conn = user;
	int64_t now = clock_monotonic_ns(&cart_clock_system);
	struct timespec nap = {.tv_nsec = CONN_NAP_NS};

	if (count == 0)
		conn->busy_since_ns = now;
	if (now - conn->busy_since_ns >= conn->busy_timeout_ms * CLOCK_NS_PER_MS)
		return 0;
	nanosleep(&nap, NULL);
	return 1;
}

int sqlite_db_open(sqlite3 **db, const char *path, int flags, struct cart_error *error)
{
	int rc = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				 NULL);

	if (rc == SQLITE_OK)
		return rc;
	if (*db == NULL)
		cart_error_set(error, "no memory");
	else
		cart_error_set(error, "%s", sqlite3_errmsg(*db));
	sqlite3_close(*db);
	*db = NULL;
	return rc;
}

/* SQLITE_ERROR from a statement of ours means that a table or a column is missing. */
static void conn_failed(const struct sqlite_conn *conn, const char *path, int rc,
			struct cart_error *error)
{
	const char *why = sqlite3_errmsg(conn->db);

	if (rc != SQLITE_ERROR)
		cart_error_set(error, "%s: %s", path, why);
	else
		cart_error_set(error,
			       "%s does not have the tables of this program (%s); a build before "
			       "the first release may have made it: start with a new file",
			       path, why);
}

/* Settings of the connection. journal_mode=WAL is a property of the file, set with its schema. */
static int conn_configure(struct sqlite_conn *conn, const struct sqlite_conn_options *options)
{
	char sql[320];

	sqlite3_busy_handler(conn->db, conn_busy, conn);
	snprintf(sql, sizeof(sql),
		 "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
		 "PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF;"
		 "PRAGMA cache_size = -%lld; PRAGMA mmap_size = %lld;%s",
		 (long long)(options->cache_bytes / 1024), (long long)options->mmap_bytes,
		 options->writer ? "" : "PRAGMA query_only = ON;");
	return sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
}

static int conn_prepare(struct sqlite_conn *conn, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int rc = sqlite3_prepare_v3(conn->db, sqlite_stmt_sql[i], -1,
					    SQLITE_PREPARE_PERSISTENT, &conn->stmts[i], NULL);

		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

int sqlite_conn_open(struct sqlite_conn *conn, const struct sqlite_conn_options *options,
		     struct cart_error *error)
{
	int rc;

	*conn = (struct sqlite_conn){.busy_timeout_ms = options->busy_timeout_ms};
	if (sqlite_db_open(&conn->db, options->path, SQLITE_OPEN_READWRITE, error) != SQLITE_OK)
		return -1;
	rc = conn_configure(conn, options);
	if (rc == SQLITE_OK)
		rc = conn_prepare(conn, options->writer ? STMTS : STMTS_READING);
	if (rc == SQLITE_OK)
		return 0;
	conn_failed(conn, options->path, rc, error);
	sqlite_conn_close(conn);
	return -1;
}

void sqlite_conn_close(struct sqlite_conn *conn)
{
	for (size_t i = 0; i < STMTS; i++)
		sqlite3_finalize(conn->stmts[i]);
	sqlite3_close(conn->db);
	buf_free(&conn->items);
	*conn = (struct sqlite_conn){0};
}

int sqlite_conn_check_file(struct sqlite_conn *conn)
{
	int moved = 0;

	(void)sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved == 0 ? SQLITE_OK : SQLITE_READONLY_DBMOVED;
}

const char *sqlite_conn_why(const struct sqlite_conn *conn, int rc)
{
	if (rc == SQLITE_READONLY_DBMOVED)
		return "the file was removed or replaced while it was open: put it back, or restart"
		       " the service to use what is there now";
	return conn->db != NULL ? sqlite3_errmsg(conn->db) : "cannot be opened";
}

int sqlite_conn_run(struct sqlite_conn *conn, enum sqlite_stmt which)
{
	int rc = sqlite3_step(conn->stmts[which]);

	sqlite3_reset(conn->stmts[which]);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void sqlite_bind_shop_id(sqlite3_stmt *stmt, int at, const struct shop_id *id)
{
	sqlite3_bind_text(stmt, at, id->text, id->size, SQLITE_STATIC);
}

bool sqlite_conn_rollback(struct sqlite_conn *conn)
{
	/* After many errors SQLite has rolled back already. */
	if (!sqlite3_get_autocommit(conn->db))
		(void)!sqlite_conn_run(conn, STMT_ROLLBACK);
	return sqlite3_get_autocommit(conn->db);
}

enum cart_result sqlite_result_of(int code)
{
	/* The index of the WAL could not grow, which means that the disk is full. */
	if (code == SQLITE_IOERR_SHMSIZE || code == SQLITE_IOERR_NOMEM)
		return CART_BUSY;
	switch (code & 0xff) {
	case SQLITE_OK:
		return CART_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: /* lost a race for the WAL's locks too often */
	case SQLITE_FULL:
	case SQLITE_NOMEM:
	case SQLITE_READONLY: /* the filesystem was remounted */
	case SQLITE_CANTOPEN:
		return CART_BUSY;
	case SQLITE_DAMAGED_ROW:
		return CART_DAMAGED;
	default:
		return CART_FAILED;
	}
}
