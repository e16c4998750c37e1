/*
 * A list takes two steps: an index gives the ids of the page in order, then each cart is read as
 * for a GET. Both see the same snapshot, because the loop has a transaction open.
 *
 * The index of idle carts is as coarse as cart.idle_step, so a list may have to leave out every
 * cart of a step, a million perhaps. It is read in parts, between which other ops have their turn
 * and may change carts: a cart that has moved behind the part that was read is listed once.
 */
#include "backends/sqlite/reads.h"

#include "backends/sqlite/feed.h"
#include "core/cart_backend.h"

#include <stdlib.h>
#include <string.h>

/* Rows of a list of idle or closed carts that are looked at without a pause: some hundred
 * microseconds. */
#define READS_IDLE_PART 128

/* Reads a cart of a list; one that is damaged is left out: *listed is false. */
static int reads_listed(struct sqlite_conn *conn, const struct cart_op *op,
			const struct cart_id *id, struct cart *cart, bool *listed)
{
	int rc = sqlite_cart_load(conn, id, NULL, cart, NULL);

	*listed = rc == SQLITE_OK;
	if (rc != SQLITE_DAMAGED_ROW)
		return rc;
	cart_store_damaged(op, id, SQLITE_DAMAGED);
	return SQLITE_OK;
}

static enum cart_result reads_failed(struct sqlite_conn *conn, struct cart_op *op, int rc)
{
	cart_op_set_reason(
		op, "%s",
		rc == SQLITE_NOTFOUND
			? "an index names a cart that does not exist: the file is damaged"
		: rc == SQLITE_DAMAGED_ROW ? SQLITE_DAMAGED
					   : sqlite3_errmsg(conn->db));
	return rc == SQLITE_NOTFOUND ? CART_FAILED : sqlite_result_of(rc);
}

static enum cart_result reads_get(struct sqlite_conn *conn, struct cart_op *op)
{
	int rc = sqlite_cart_load(conn, &op->id, op->owner, &op->cart, NULL);

	if (rc == SQLITE_NOTFOUND)
		return CART_NOT_FOUND;
	if (rc != SQLITE_OK)
		return reads_failed(conn, op, rc);
	return cart_is_expired(&op->cart, op->now_ms) ? CART_NOT_FOUND : CART_OK;
}

/* Where a list starts: before every cart that there is. */
static const struct cart_id reads_first_id = {{0}};
static const struct cart_id reads_last_id = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static void reads_bind_after(sqlite3_stmt *stmt, const struct cart_list *list, int64_t start_ms,
			     const struct cart_id *start_id)
{
	const struct cart_id *id = list->has_after ? &list->after_id : start_id;

	sqlite3_bind_int64(stmt, 2, list->has_after ? list->after_ms : start_ms);
	sqlite3_bind_blob(stmt, 3, id->bytes, CART_ID_BYTES, SQLITE_STATIC);
}

/* Asks for one id more than the page holds, to know whether there is a next page. */
static sqlite3_stmt *reads_list_stmt(struct sqlite_conn *conn, const struct cart_op *op)
{
	const struct cart_list *list = &op->list;
	sqlite3_stmt *stmt;

	stmt = conn->stmts[list->state == CART_LIST_ANY ? STMT_LIST_CUSTOMER
							: STMT_LIST_CUSTOMER_STATE];
	sqlite_bind_shop_id(stmt, 1, &list->customer_id);
	reads_bind_after(stmt, list, INT64_MAX, &reads_last_id);
	sqlite3_bind_int64(stmt, 4, op->now_ms);
	if (list->state != CART_LIST_ANY)
		sqlite3_bind_int(stmt, 5, (int)cart_list_only(list));
	sqlite3_bind_int(stmt, 6, list->limit + 1);
	return stmt;
}

static enum cart_result reads_customer(struct sqlite_conn *conn, struct cart_op *op)
{
	struct cart_id ids[CART_LIST_MAX + 1];
	size_t count;
	int rc = sqlite_ids_read(reads_list_stmt(conn, op), ids, &count);

	if (rc != SQLITE_OK)
		return reads_failed(conn, op, rc);
	op->more = count > (size_t)op->list.limit;
	if (op->more)
		count--;
	op->carts = calloc(count > 0 ? count : 1, sizeof(*op->carts));
	if (op->carts == NULL)
		return CART_BUSY;
	for (size_t i = 0; i < count; i++) {
		bool listed;

		rc = reads_listed(conn, op, &ids[i], &op->carts[op->cart_count], &listed);
		if (rc != SQLITE_OK)
			return reads_failed(conn, op, rc);
		op->cart_count += listed;
	}
	return CART_OK;
}

static bool reads_has(const struct cart_op *op, const struct cart_id *id)
{
	size_t i = 0;

	while (i < op->cart_count && cart_id_compare(&op->carts[i].id, id) != 0)
		i++;
	return i < op->cart_count;
}

/* Takes a row of the statement: lists its cart, or leaves it out. Sets op->more when the page is
 * full. */
static int reads_idle_row(struct sqlite_conn *conn, sqlite3_stmt *stmt, struct cart_op *op)
{
	const void *id = sqlite3_column_blob(stmt, 0);
	int64_t expires_ms = sqlite3_column_int64(stmt, 3);
	bool listed;
	int rc;

	if (id == NULL || sqlite3_column_bytes(stmt, 0) != CART_ID_BYTES)
		return SQLITE_CORRUPT;
	memcpy(op->cart.id.bytes, id, CART_ID_BYTES);
	op->cart.updated_ms = sqlite3_column_int64(stmt, 1);
	if (sqlite3_column_int64(stmt, 2) >= op->list.idle_before_ms ||
	    (expires_ms != 0 && expires_ms <= op->now_ms) || reads_has(op, &op->cart.id))
		return SQLITE_OK;
	op->more = op->cart_count == (size_t)op->list.limit;
	if (op->more)
		return SQLITE_OK;
	rc = reads_listed(conn, op, &op->cart.id, &op->carts[op->cart_count], &listed);
	if (rc != SQLITE_OK || !listed)
		return rc;
	op->carts[op->cart_count++].listed_ms = op->cart.updated_ms;
	return SQLITE_OK;
}

/* Reads one part. Until the list is complete op->cart, which no list answers, holds how far it has
 * been read: id, and idle_ms as updated_ms. */
static bool reads_idle(struct sqlite_conn *conn, struct cart_op *op)
{
	sqlite3_stmt *stmt =
		conn->stmts[op->list.kind == CART_LIST_IDLE ? STMT_LIST_IDLE : STMT_LIST_CLOSED];
	int rc = SQLITE_OK, rows = 0;

	op->result = CART_OK;
	sqlite3_bind_int64(stmt, 1, op->list.idle_before_ms);
	if (op->carts == NULL) {
		op->carts = calloc((size_t)op->list.limit, sizeof(*op->carts));
		if (op->carts == NULL) {
			op->result = CART_BUSY;
			return true;
		}
		reads_bind_after(stmt, &op->list, INT64_MIN, &reads_first_id);
	} else {
		sqlite3_bind_int64(stmt, 2, op->cart.updated_ms);
		sqlite3_bind_blob(stmt, 3, op->cart.id.bytes, CART_ID_BYTES, SQLITE_TRANSIENT);
	}
	sqlite3_bind_int64(stmt, 4, op->now_ms);
	sqlite3_bind_int(stmt, 5, READS_IDLE_PART);
	while (!op->more && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rows++;
		rc = reads_idle_row(conn, stmt, op);
		if (rc != SQLITE_OK)
			break;
	}
	if (rc != SQLITE_OK && rc != SQLITE_DONE)
		op->result = reads_failed(conn, op, rc);
	sqlite3_reset(stmt);
	if (op->result == CART_OK && !op->more && rows == READS_IDLE_PART)
		return false;
	op->cart = (struct cart){0};
	return true;
}

bool sqlite_read(struct sqlite_conn *conn, struct cart_op *op)
{
	if (op->type == CART_OP_LIST && op->list.kind != CART_LIST_CUSTOMER)
		return reads_idle(conn, op);
	if (op->type == CART_OP_FEED) {
		op->result = sqlite_feed_read(conn, op);
		return true;
	}
	op->result = op->type == CART_OP_LIST ? reads_customer(conn, op) : reads_get(conn, op);
	return true;
}
