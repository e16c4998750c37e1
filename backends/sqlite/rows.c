/* From rows to a cart. What does not fit (a blob of another length) is corruption, not a cart. */
#include "backends/sqlite/conn.h"

#include <stdlib.h>
#include <string.h>

static int rows_cart(sqlite3_stmt *stmt, struct cart *cart)
{
	cart->customer_id = sqlite3_column_int64(stmt, 0);
	cart->state = sqlite3_column_int(stmt, 1) == CART_OPEN ? CART_OPEN : CART_CHECKED_OUT;
	cart->version = sqlite3_column_int64(stmt, 2);
	cart->created_ms = sqlite3_column_int64(stmt, 3);
	cart->updated_ms = sqlite3_column_int64(stmt, 4);
	cart->expires_ms = sqlite3_column_int64(stmt, 5);
	if (sqlite3_column_type(stmt, 6) == SQLITE_NULL)
		return SQLITE_OK;

	const void *order = sqlite3_column_blob(stmt, 6);

	if (order == NULL || sqlite3_column_bytes(stmt, 6) != CART_ID_BYTES)
		return SQLITE_CORRUPT;
	memcpy(cart->order_id.bytes, order, CART_ID_BYTES);
	return SQLITE_OK;
}

static int rows_head(struct sqlite_conn *conn, const struct cart_id *id, struct cart *cart)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_CART];
	int rc;

	sqlite3_bind_blob(stmt, 1, id->bytes, CART_ID_BYTES, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = rows_cart(stmt, cart);
	else if (rc == SQLITE_DONE)
		rc = SQLITE_NOTFOUND;
	sqlite3_reset(stmt);
	cart->id = *id;
	return rc;
}

static bool rows_scratch(struct sqlite_conn *conn, size_t count)
{
	size_t room = conn->scratch_room ? conn->scratch_room * 2 : 64;
	struct cart_line *grown;

	if (count <= conn->scratch_room)
		return true;
	grown = realloc(conn->scratch, room * sizeof(*grown));
	if (grown == NULL)
		return false;
	conn->scratch = grown;
	conn->scratch_room = room;
	return true;
}

/* Into the scratch first, so that the cart gets its lines in one allocation of the right size. */
static int rows_lines(struct sqlite_conn *conn, struct cart *cart)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_ITEMS];
	size_t count = 0;
	int rc;

	sqlite3_bind_blob(stmt, 1, cart->id.bytes, CART_ID_BYTES, SQLITE_STATIC);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (!rows_scratch(conn, count + 1)) {
			rc = SQLITE_NOMEM;
			break;
		}
		conn->scratch[count++] = (struct cart_line){
			.product_id = sqlite3_column_int64(stmt, 0),
			.quantity = sqlite3_column_int64(stmt, 1),
			.added_ms = sqlite3_column_int64(stmt, 2),
			.updated_ms = sqlite3_column_int64(stmt, 3),
		};
	}
	sqlite3_reset(stmt);
	if (rc != SQLITE_DONE)
		return rc;
	if (count == 0)
		return SQLITE_OK;
	if (!cart_reserve_lines(cart, count))
		return SQLITE_NOMEM;
	memcpy(cart->lines, conn->scratch, count * sizeof(*cart->lines));
	cart->line_count = count;
	return SQLITE_OK;
}

int sqlite_cart_load(struct sqlite_conn *conn, const struct cart_id *id, struct cart *cart)
{
	int rc = rows_head(conn, id, cart);

	if (rc == SQLITE_OK)
		rc = rows_lines(conn, cart);
	if (rc != SQLITE_OK)
		cart_clear(cart);
	return rc;
}
