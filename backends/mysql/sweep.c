/*
 * The happy path of a step: a plain read picks the carts that come first in carts_sweep; those that
 * nobody has locked are locked in the order of their ids, as a batch of writes does, their expiry
 * looked at again, and removed with their lines. Then the oldest keys, likewise. Keys of a removed
 * cart stay until their own window has passed.
 *
 * The ways in which it fails: a row is locked: it is passed over, and taken another time. A
 * deadlock, or somebody who holds a line and not its cart: the transaction is tried again, a few
 * times. Anything else ends the step.
 */
#include "backends/mysql/sweep.h"

#include "backends/mysql/fault.h"
#include "backends/mysql/rows.h"
#include "backends/mysql/text.h"

#include <stdlib.h>

#define SWEEP_TRIES 3

struct sweep_key {
	uint8_t scope[SQL_BINARY_BYTES];
	uint8_t hash[SQL_BINARY_BYTES];
};

struct sweep {
	MYSQL *mysql;
	int64_t now_ms;
	int64_t oldest_ms; /* keys stored then or before are past their window */
	struct sql_text text;
	struct cart_id ids[SQL_SWEEP_CARTS];
	struct sweep_key keys[SQL_SWEEP_KEYS];
	size_t count; /* of ids, or of keys */
	int64_t lines;
	bool more;
};

/* Takes a row; false: it is not what the schema says. */
typedef bool sweep_row_fn(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens);

static bool sweep_read(struct sweep *sweep, sweep_row_fn *take)
{
	MYSQL_RES *rows = mysql_store_result(sweep->mysql);
	MYSQL_ROW row;
	bool good = true;

	while (good && rows != NULL && (row = mysql_fetch_row(rows)) != NULL)
		good = take != NULL && take(sweep, row, mysql_fetch_lengths(rows));
	mysql_free_result(rows);
	return good;
}

/* Runs the statements of the text and takes the rows that come of them. */
static enum sql_fault sweep_run(struct sweep *sweep, sweep_row_fn *take)
{
	const struct buf *buf = &sweep->text.buf;
	bool good = !buf->failed;
	int next = good ? mysql_real_query(sweep->mysql, buf->data, buf->len) : -1;

	while (next == 0) {
		good = sweep_read(sweep, take) && good;
		next = mysql_errno(sweep->mysql) != 0 ? 1 : mysql_next_result(sweep->mysql);
	}
	if (next > 0)
		return sql_fault_of(mysql_errno(sweep->mysql));
	return good ? SQL_FAULT_NONE : SQL_FAULT_OTHER;
}

static enum sql_fault sweep_rollback(struct sweep *sweep)
{
	sql_text_reset(&sweep->text);
	sql_statement(&sweep->text, SQL_ROLLBACK, "ROLLBACK");
	return sweep_run(sweep, NULL);
}

static bool sweep_take_id(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens)
{
	return sweep->count < SQL_SWEEP_CARTS &&
	       sql_cell_binary(row[0], lens[0], sweep->ids[sweep->count++].bytes);
}

static bool sweep_take_pick(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens)
{
	int64_t lines;

	if (sweep->lines >= SQL_SWEEP_LINES) {
		sweep->more = true;
		return true;
	}
	if (!sql_cell_integer(row[1], lens[1], &lines))
		return false;
	sweep->lines += lines;
	return sweep_take_id(sweep, row, lens);
}

static bool sweep_take_key(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens)
{
	struct sweep_key *key = &sweep->keys[sweep->count];

	return sweep->count++ < SQL_SWEEP_KEYS && sql_cell_binary(row[0], lens[0], key->scope) &&
	       sql_cell_binary(row[1], lens[1], key->hash);
}

static int sweep_compare(const void *a, const void *b)
{
	return cart_id_compare(a, b);
}

/* The ids come out sorted; that of the index is the order of expiry. */
static enum sql_fault sweep_pick(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;
	enum sql_fault fault;

	sweep->count = 0;
	sweep->lines = 0;
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT,
		      "SELECT c.id, (SELECT COUNT(*) FROM cart_items i WHERE i.cart_id = c.id)"
		      " FROM carts c FORCE INDEX (carts_sweep)"
		      " WHERE c.sweep_ms > 0 AND c.sweep_ms <= ");
	sql_add_integer(text, sweep->now_ms);
	sql_add(text, " ORDER BY c.sweep_ms LIMIT ");
	sql_add_integer(text, SQL_SWEEP_CARTS);
	fault = sweep_run(sweep, sweep_take_pick);
	if (fault == SQL_FAULT_NONE && sweep->count == SQL_SWEEP_CARTS)
		sweep->more = true;
	qsort(sweep->ids, sweep->count, sizeof(sweep->ids[0]), sweep_compare);
	return fault;
}

/* Leaves the ids that are locked now, and expired: nobody can change them any more. */
static enum sql_fault sweep_lock_carts(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	sql_statement(text, SQL_LOCK, "SELECT id FROM carts FORCE INDEX (PRIMARY) WHERE id IN (");
	for (size_t i = 0; i < sweep->count; i++) {
		if (i > 0)
			sql_add(text, ",");
		sql_add_id(text, &sweep->ids[i]);
	}
	sql_add(text, ") AND expires_ms > 0 AND expires_ms <= ");
	sql_add_integer(text, sweep->now_ms);
	sql_add(text, " ORDER BY id FOR UPDATE SKIP LOCKED");
	sweep->count = 0;
	return sweep_run(sweep, sweep_take_id);
}

/* The ids as a table. */
static void sweep_add_table(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->count; i++) {
		if (i == 0)
			sql_add(&sweep->text, "(SELECT ");
		else
			sql_add(&sweep->text, " UNION ALL SELECT ");
		sql_add_id(&sweep->text, &sweep->ids[i]);
		if (i == 0)
			sql_add(&sweep->text, " AS id");
	}
	sql_add(&sweep->text, ") o");
}

/* By a join, because of IN (...) a server makes a scan when the list is most of the table, and
 * waits for rows that are not in it. */
static enum sql_fault sweep_delete_carts(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_text_reset(text);
	sql_statement(text, SQL_ITEMS, "DELETE i FROM ");
	sweep_add_table(sweep);
	sql_add(text, " STRAIGHT_JOIN cart_items i FORCE INDEX (PRIMARY) ON i.cart_id = o.id");
	sql_statement(text, SQL_CARTS, "DELETE c FROM ");
	sweep_add_table(sweep);
	sql_add(text, " STRAIGHT_JOIN carts c FORCE INDEX (PRIMARY) ON c.id = o.id");
	sql_statement(text, SQL_COMMIT, "COMMIT");
	return sweep_run(sweep, NULL);
}

static enum sql_fault sweep_carts(struct sweep *sweep)
{
	enum sql_fault fault = sweep_pick(sweep);

	if (fault != SQL_FAULT_NONE || sweep->count == 0)
		return fault;
	fault = sweep_lock_carts(sweep);
	if (fault != SQL_FAULT_NONE)
		return fault;
	return sweep->count > 0 ? sweep_delete_carts(sweep) : sweep_rollback(sweep);
}

static enum sql_fault sweep_lock_keys(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	sql_statement(text, SQL_LOCK,
		      "SELECT scope, key_hash FROM idempotency_keys"
		      " FORCE INDEX (idempotency_keys_stored) WHERE stored_ms <= ");
	sql_add_integer(text, sweep->oldest_ms);
	sql_add(text, " ORDER BY stored_ms LIMIT ");
	sql_add_integer(text, SQL_SWEEP_KEYS);
	sql_add(text, " FOR UPDATE SKIP LOCKED");
	sweep->count = 0;
	return sweep_run(sweep, sweep_take_key);
}

static enum sql_fault sweep_delete_keys(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_text_reset(text);
	sql_statement(text, SQL_KEYS, "DELETE k FROM (");
	for (size_t i = 0; i < sweep->count; i++) {
		if (i == 0)
			sql_add(text, "SELECT ");
		else
			sql_add(text, " UNION ALL SELECT ");
		sql_add_hex(text, sweep->keys[i].scope);
		if (i == 0)
			sql_add(text, " AS scope");
		sql_add(text, ",");
		sql_add_hex(text, sweep->keys[i].hash);
		if (i == 0)
			sql_add(text, " AS key_hash");
	}
	sql_add(text, ") o STRAIGHT_JOIN idempotency_keys k FORCE INDEX (PRIMARY)"
		      " ON k.scope = o.scope AND k.key_hash = o.key_hash");
	sql_statement(text, SQL_COMMIT, "COMMIT");
	return sweep_run(sweep, NULL);
}

static enum sql_fault sweep_keys(struct sweep *sweep)
{
	enum sql_fault fault = sweep_lock_keys(sweep);

	if (fault != SQL_FAULT_NONE)
		return fault;
	if (sweep->count == SQL_SWEEP_KEYS)
		sweep->more = true;
	return sweep->count > 0 ? sweep_delete_keys(sweep) : sweep_rollback(sweep);
}

/* Adds to *removed. A bound that was met asks for another step only if this one achieved
 * something: what is left may be locked by others. */
static enum sql_fault sweep_try(struct sweep *sweep,
				enum sql_fault (*transaction)(struct sweep *sweep), size_t *removed,
				bool *more)
{
	enum sql_fault fault = SQL_FAULT_NONE;

	for (int i = 0; i < SWEEP_TRIES; i++) {
		sweep->more = false;
		fault = transaction(sweep);
		if (fault == SQL_FAULT_NONE) {
			*removed += sweep->count;
			*more = *more || (sweep->more && sweep->count > 0);
			return fault;
		}
		if ((fault != SQL_FAULT_DEADLOCK && fault != SQL_FAULT_LOCK) ||
		    i == SWEEP_TRIES - 1 || sweep_rollback(sweep) != SQL_FAULT_NONE)
			break;
	}
	return fault;
}

static int sweep_fail(const struct sweep *sweep, const char *what, struct cart_error *error)
{
	if (sweep->text.buf.failed)
		return cart_error_set(error, "%s: out of memory", what);
	if (mysql_errno(sweep->mysql) == 0)
		return cart_error_set(error, "%s: rows are not what the schema says", what);
	return cart_error_set(error, "%s: %s (error %u)", what, mysql_error(sweep->mysql),
			      mysql_errno(sweep->mysql));
}

int sql_sweep_step(MYSQL *mysql, const struct cart_rules *rules, int64_t now_ms,
		   struct sql_swept *swept, struct cart_error *error)
{
	struct sweep sweep = {
		.mysql = mysql,
		.now_ms = now_ms,
		.oldest_ms = now_ms - rules->idempotency_window_ms,
	};
	int result = 0;

	*swept = (struct sql_swept){0};
	if (sweep_try(&sweep, sweep_carts, &swept->carts, &swept->more) != SQL_FAULT_NONE)
		result = sweep_fail(&sweep, "expired carts", error);
	else if (sweep_try(&sweep, sweep_keys, &swept->keys, &swept->more) != SQL_FAULT_NONE)
		result = sweep_fail(&sweep, "old idempotency keys", error);
	sql_text_free(&sweep.text);
	return result;
}
