/*
 * All statements in one table. Comments name the numbered parameters in order. INDEXED BY fixes the
 * plans of the lists and the sweeper: without the index they fail to prepare, instead of scanning a
 * million carts on the loop.
 */
#include "backends/sqlite/stmts.h"

#define SQL_LIVE(now) "(expires_ms = 0 OR expires_ms > " now ")"

#define SQL_CUSTOMER_PAGE(state)                                                                   \
	"SELECT id, created_ms FROM carts INDEXED BY carts_customer"                               \
	" WHERE customer_id = ?1 AND state = " state                                               \
	" AND (created_ms, id) < (?2, ?3) AND " SQL_LIVE("?4")

const char *const sqlite_stmt_sql[STMTS] = {
	[STMT_BEGIN] = "BEGIN",
	[STMT_COMMIT] = "COMMIT",
	[STMT_CART] = "SELECT customer_id, state, version, created_ms, updated_ms, expires_ms,"
		      " order_id, items, idle_ms, sweep_ms, merged_into FROM carts WHERE id = ?1",
	/* customer, after created_ms, after id, now, state or nothing, limit */
	[STMT_LIST_CUSTOMER] = SQL_CUSTOMER_PAGE("0") " UNION ALL " SQL_CUSTOMER_PAGE(
		"1") " UNION ALL " SQL_CUSTOMER_PAGE("2") " ORDER BY created_ms DESC, id DESC"
							  " LIMIT ?6",
	[STMT_LIST_CUSTOMER_STATE] =
		SQL_CUSTOMER_PAGE("?5") " ORDER BY created_ms DESC, id DESC LIMIT ?6",
	/* idle before, after idle_ms, after id, now, limit. The index rules out most carts by
	 * idle_ms and sweep_ms; the caller decides by updated_ms and expires_ms, so that the limit
	 * bounds how many rows are read. */
	[STMT_LIST_IDLE] =
		"SELECT id, idle_ms, updated_ms, expires_ms FROM carts INDEXED BY carts_idle"
		" WHERE state = 0 AND idle_ms < ?1 AND (idle_ms, id) > (?2, ?3)"
		" AND (sweep_ms = 0 OR sweep_ms > ?4) ORDER BY idle_ms, id LIMIT ?5",
	/* The same of carts that are checked out, which do not expire. */
	[STMT_LIST_CLOSED] =
		"SELECT id, idle_ms, updated_ms, expires_ms FROM carts INDEXED BY carts_closed"
		" WHERE state = 1 AND idle_ms < ?1 AND (idle_ms, id) > (?2, ?3)"
		" ORDER BY idle_ms, id LIMIT ?5",
	/* after seq, limit */
	[STMT_EVENTS] = "SELECT seq, cart_id, version, type, at_ms, data FROM cart_events"
			" WHERE seq > ?1 ORDER BY seq LIMIT ?2",
	[STMT_EVENTS_FIRST] = "SELECT min(seq) FROM cart_events",
	[STMT_EVENTS_LAST] = "SELECT max(seq) FROM cart_events",
	[STMT_BEGIN_IMMEDIATE] = "BEGIN IMMEDIATE",
	[STMT_ROLLBACK] = "ROLLBACK",
	[STMT_CART_INSERT] =
		"INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms,"
		" expires_ms, sweep_ms, items, idle_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	/* The same of a cart in any state: order, merged into */
	[STMT_CART_IMPORT] =
		"INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms,"
		" expires_ms, sweep_ms, items, idle_ms, order_id, merged_into)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	/* Nearly all changes: no index is written. */
	[STMT_CART_TOUCH] = "UPDATE carts SET version = ?2, updated_ms = ?3, expires_ms = ?4,"
			    " items = ?5 WHERE id = ?1",
	[STMT_CART_SAVE] = "UPDATE carts SET version = ?2, updated_ms = ?3, expires_ms = ?4,"
			   " items = ?5, sweep_ms = ?6, state = ?7, order_id = ?8, idle_ms = ?9"
			   " WHERE id = ?1",
	/* cart, customer */
	[STMT_CART_CLAIM] = "UPDATE carts SET customer_id = ?2 WHERE id = ?1",
	/* cart, version, updated_ms, idle_ms, into */
	[STMT_CART_MERGED] = "UPDATE carts SET state = 2, version = ?2, updated_ms = ?3,"
			     " idle_ms = ?4, merged_into = ?5 WHERE id = ?1",
	[STMT_CART_DELETE] = "DELETE FROM carts WHERE id = ?1",
	[STMT_KEY] = "SELECT fingerprint, stored_ms, version, cart_id FROM idempotency_keys"
		     " WHERE scope = ?1 AND key_hash = ?2",
	[STMT_KEY_SAVE] = "INSERT INTO idempotency_keys"
			  " (scope, key_hash, fingerprint, stored_ms, version, cart_id)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
			  " fingerprint = excluded.fingerprint, stored_ms = excluded.stored_ms,"
			  " version = excluded.version, cart_id = excluded.cart_id",
	[STMT_KEYS_DELETE] = "DELETE FROM idempotency_keys WHERE scope = ?1",
	/* now, limit. sweep_ms selects carts from the index, expires_ms decides. */
	[STMT_SWEEP_CARTS] = "SELECT id FROM carts INDEXED BY carts_expiry"
			     " WHERE sweep_ms > 0 AND sweep_ms <= ?1 AND expires_ms <= ?1 LIMIT ?2",
	/* stored at or before, limit */
	[STMT_SWEEP_KEYS] = "DELETE FROM idempotency_keys WHERE (scope, key_hash) IN ("
			    "SELECT scope, key_hash FROM idempotency_keys"
			    " INDEXED BY idempotency_keys_stored WHERE stored_ms <= ?1 LIMIT ?2)",
	[STMT_EVENT_INSERT] = "INSERT INTO cart_events (cart_id, version, type, at_ms, data)"
			      " VALUES (?1, ?2, ?3, ?4, ?5)",
	/* limit */
	[STMT_EVENTS_AGE] =
		"SELECT seq, at_ms FROM cart_events WHERE seq > 0 ORDER BY seq LIMIT ?1",
	/* up to seq */
	[STMT_EVENTS_REMOVE] = "DELETE FROM cart_events WHERE seq <= ?1",
};
