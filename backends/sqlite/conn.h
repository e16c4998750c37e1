/*
 * A connection to the file with its prepared statements. One thread at a time uses it: connections
 * are opened without SQLite's own mutexes.
 */
#ifndef BACKENDS_SQLITE_CONN_H
#define BACKENDS_SQLITE_CONN_H

#include "backends/sqlite/stmts.h"
#include "core/base/buf.h"
#include "core/cart.h"
#include "core/base/error.h"

#include <sqlite3.h>

struct cart_op;

struct sqlite_conn_options {
	const char *path;	 /* absolute */
	bool writer;		 /* prepares all statements, syncs every commit */
	int64_t busy_timeout_ms; /* how long a locked file is waited for */
	int64_t cache_bytes;
	int64_t mmap_bytes; /* how much of the file is read in place; the writer does not use it */
};

struct sqlite_conn {
	sqlite3 *db; /* NULL: not open */
	sqlite3_stmt *stmts[STMTS];
	int64_t busy_timeout_ms;
	int64_t busy_since_ns;
	struct buf items; /* lines while they are written; grows, kept */
};

/* A connection without statements, for the schema: flags are sqlite3_open_v2()'s. An SQLite code;
 * *db is then NULL. */
CART_MUST_CHECK int sqlite_db_open(sqlite3 **db, const char *path, int flags,
				   struct cart_error *error);

/* Opens an existing file whose schema is current. -1: error says why; conn is zeroed. */
CART_MUST_CHECK int sqlite_conn_open(struct sqlite_conn *conn,
				     const struct sqlite_conn_options *options,
				     struct cart_error *error);
/* conn may be zeroed, and is zeroed afterwards. */
void sqlite_conn_close(struct sqlite_conn *conn);

/*
 * Whether the file can still be used: SQLITE_OK, or SQLITE_READONLY_DBMOVED if somebody has removed
 * it or put another in its place. What is written then is lost with the last connection, and the
 * other file must not be opened beside the log of this one.
 */
CART_MUST_CHECK int sqlite_conn_check_file(struct sqlite_conn *conn);
/* Why a call on the connection gave rc, for the log; conn may be zeroed. */
const char *sqlite_conn_why(const struct sqlite_conn *conn, int rc);

/*
 * Runs a statement that gives no rows and resets it. SQLITE_OK or an extended code. What was bound
 * stays bound.
 */
CART_MUST_CHECK int sqlite_conn_run(struct sqlite_conn *conn, enum sqlite_stmt which);

/* Ends the transaction if there is one. False: it could not be ended; close the connection. */
bool sqlite_conn_rollback(struct sqlite_conn *conn);

/* Binds the text without a copy: id must stay as it is until the statement is reset. */
void sqlite_bind_shop_id(sqlite3_stmt *stmt, int at, const struct shop_id *id);

/* What an error means for a change that was not committed. */
enum cart_result sqlite_result_of(int code);
/* In place of a result code of SQLite's, which does not use this one: a row is there, and holds
 * what no cart has. */
#define SQLITE_DAMAGED_ROW SQLITE_FORMAT
#define SQLITE_DAMAGED	   "a value of its row is not one of a cart's"

/* What a row holds for its indexes, besides the cart. The settings that rounded it may have been
 * others than those in force. */
struct sqlite_places {
	int64_t idle_ms;
	int64_t sweep_ms;
};

/*
 * Reads a cart with its lines; *cart must hold nothing. SQLITE_OK, SQLITE_NOTFOUND, or an error, in
 * both of which *cart holds nothing. An expired cart is found: the caller decides. A cart that is
 * not the owner's (NULL: anybody's) is not found, and takes no longer than one that is not there.
 * places may be NULL.
 */
CART_MUST_CHECK int sqlite_cart_load(struct sqlite_conn *conn, const struct cart_id *id,
				     const struct shop_id *owner, struct cart *cart,
				     struct sqlite_places *places);

/* Takes the ids in the statement's first column, and resets it. ids has room for all. */
CART_MUST_CHECK int sqlite_ids_read(sqlite3_stmt *stmt, struct cart_id *ids, size_t *count);

#endif
