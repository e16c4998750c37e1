/*
 * A list takes two steps: an index gives the ids of the page in order, then each cart is read as
 * for a GET. Both see the same snapshot, because the loop has a transaction open.
 */
#include "backends/sqlite/reads.h"

#include <stdlib.h>

static enum cart_result reads_failed(struct sqlite_conn *conn, struct cart_op *op, int rc)
{
	cart_op_set_reason(
		op, "%s",
		rc == SQLITE_NOTFOUND
			? "an index names a cart that does not exist: the file is damaged"
			: sqlite3_errmsg(conn->db));
	return rc == SQLITE_NOTFOUND ? CART_FAILED : sqlite_result_of(rc);
}

static enum cart_result reads_get(struct sqlite_conn *conn, struct cart_op *op)
{
	int rc = sqlite_cart_load(conn, &op->id, &op->cart, NULL);

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

	if (list->kind == CART_LIST_IDLE) {
		stmt = conn->stmts[STMT_LIST_IDLE];
		sqlite3_bind_int64(stmt, 1, list->idle_before_ms);
		reads_bind_after(stmt, list, INT64_MIN, &reads_first_id);
		sqlite3_bind_int64(stmt, 4, op->now_ms);
		sqlite3_bind_int(stmt, 5, list->limit + 1);
		return stmt;
	}
	stmt = conn->stmts[list->state == CART_LIST_ANY ? STMT_LIST_CUSTOMER
							: STMT_LIST_CUSTOMER_STATE];
	sqlite_bind_shop_id(stmt, 1, &list->customer_id);
	reads_bind_after(stmt, list, INT64_MAX, &reads_last_id);
	sqlite3_bind_int64(stmt, 4, op->now_ms);
	if (list->state != CART_LIST_ANY)
		sqlite3_bind_int(stmt, 5,
				 list->state == CART_LIST_OPEN ? CART_OPEN : CART_CHECKED_OUT);
	sqlite3_bind_int(stmt, 6, list->limit + 1);
	return stmt;
}

static enum cart_result reads_list(struct sqlite_conn *conn, struct cart_op *op)
{
	struct cart_id ids[CART_LIST_MAX + 1];
	struct sqlite_places places = {0};
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
		rc = sqlite_cart_load(conn, &ids[i], &op->carts[i], &places);
		if (rc != SQLITE_OK)
			return reads_failed(conn, op, rc);
		op->cart_count++;
	}
	if (op->list.kind == CART_LIST_IDLE)
		op->last_ms = places.idle_ms;
	return CART_OK;
}

enum cart_result sqlite_read(struct sqlite_conn *conn, struct cart_op *op)
{
	return op->type == CART_OP_LIST ? reads_list(conn, op) : reads_get(conn, op);
}
