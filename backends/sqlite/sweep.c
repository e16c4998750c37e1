/*
 * A step removes the first carts of carts_expiry, the oldest keys and the oldest events, each up to
 * a limit, commits, and says whether there is more; the writer decides when the next step runs. No
 * answer depends on it: expired carts and old keys are ignored from the instant of their expiry.
 * Another process may sweep the same file.
 */
#include "backends/sqlite/sweep.h"

#include "backends/sqlite/apply.h"
#include "backends/sqlite/feed.h"

static int sweep_find(struct sqlite_conn *conn, int64_t now_ms, struct cart_id *ids, size_t *count)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_SWEEP_CARTS];

	sqlite3_bind_int64(stmt, 1, now_ms);
	sqlite3_bind_int(stmt, 2, SQLITE_SWEEP_CARTS);
	return sqlite_ids_read(stmt, ids, count);
}

static int sweep_cart(struct sqlite_conn *conn, const struct cart_rules *rules,
		      const struct cart_id *id, int64_t now_ms, size_t *rows)
{
	int rc = SQLITE_OK;

	if (rules->feed)
		rc = sqlite_feed_add_removal(conn, CART_EVENT_EXPIRED, id, now_ms);
	return rc == SQLITE_OK ? sqlite_cart_delete(conn, id, rows) : rc;
}

static int sweep_carts(struct sqlite_conn *conn, const struct cart_rules *rules, int64_t now_ms,
		       struct sqlite_swept *swept)
{
	struct cart_id ids[SQLITE_SWEEP_CARTS];
	size_t count, rows = 0;
	int rc = sweep_find(conn, now_ms - rules->sweep_grace_ms, ids, &count);

	for (; rc == SQLITE_OK && swept->carts < count && rows < SQLITE_SWEEP_ROWS; swept->carts++)
		rc = sweep_cart(conn, rules, &ids[swept->carts], now_ms, &rows);
	swept->more = swept->carts < count || count == SQLITE_SWEEP_CARTS;
	return rc;
}

static int sweep_keys(struct sqlite_conn *conn, int64_t oldest_ms, struct sqlite_swept *swept)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_SWEEP_KEYS];
	int rc;

	sqlite3_bind_int64(stmt, 1, oldest_ms);
	sqlite3_bind_int(stmt, 2, SQLITE_SWEEP_KEYS);
	rc = sqlite_conn_run(conn, STMT_SWEEP_KEYS);
	if (rc != SQLITE_OK)
		return rc;
	swept->keys = (size_t)sqlite3_changes(conn->db);
	swept->more = swept->more || swept->keys == SQLITE_SWEEP_KEYS;
	return SQLITE_OK;
}

int sqlite_sweep(struct sqlite_conn *conn, const struct cart_rules *rules, int64_t now_ms,
		 struct sqlite_swept *swept)
{
	int64_t expired_ms = now_ms - rules->sweep_grace_ms;
	int rc;

	*swept = (struct sqlite_swept){0};
	rc = sqlite_conn_run(conn, STMT_BEGIN_IMMEDIATE);
	if (rc == SQLITE_OK)
		rc = sweep_carts(conn, rules, now_ms, swept);
	if (rc == SQLITE_OK)
		rc = sweep_keys(conn, expired_ms - rules->idempotency_window_ms, swept);
	if (rc == SQLITE_OK)
		rc = sqlite_feed_remove(conn, now_ms - rules->feed_retention_ms, &swept->events);
	swept->more = swept->more || swept->events == SQLITE_FEED_REMOVED;
	if (rc == SQLITE_OK)
		rc = sqlite_conn_run(conn, STMT_COMMIT);
	if (rc != SQLITE_OK) {
		sqlite_conn_rollback(conn);
		*swept = (struct sqlite_swept){0};
	}
	return rc;
}
