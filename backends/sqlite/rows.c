/* Reads carts from rows. A value that does not fit, such as an id of another length, means that the
 * file is damaged. */
#include "backends/sqlite/conn.h"

#include "core/cart_lines.h"
#include "core/cart_op.h"

#include <string.h>

static int rows_customer(sqlite3_stmt *stmt, struct cart *cart)
{
	const char *text = (const char *)sqlite3_column_text(stmt, 0);

	if (text == NULL && sqlite3_column_type(stmt, 0) == SQLITE_NULL)
		return SQLITE_OK;
	if (text == NULL)
		return SQLITE_NOMEM;
	if (!shop_id_parse(&cart->customer_id, text, (size_t)sqlite3_column_bytes(stmt, 0)))
		return SQLITE_DAMAGED_ROW;
	return SQLITE_OK;
}

/* One that may be NULL, and is nil then. */
static int rows_id(sqlite3_stmt *stmt, int column, struct cart_id *to)
{
	const void *id;

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return SQLITE_OK;
	id = sqlite3_column_blob(stmt, column);
	if (id == NULL || sqlite3_column_bytes(stmt, column) != CART_ID_BYTES)
		return SQLITE_DAMAGED_ROW;
	memcpy(to->bytes, id, CART_ID_BYTES);
	return SQLITE_OK;
}

static int rows_cart(sqlite3_stmt *stmt, const struct shop_id *owner, struct cart *cart)
{
	int rc = rows_customer(stmt, cart);
	enum cart_result read;
	const char *items;

	if (rc != SQLITE_OK)
		return rc;
	if (!cart_is_owned(&cart->customer_id, owner))
		return SQLITE_NOTFOUND;
	items = (const char *)sqlite3_column_text(stmt, 7);
	if (items == NULL)
		return SQLITE_NOMEM;
	read = cart_lines_read(cart, items, (size_t)sqlite3_column_bytes(stmt, 7));
	if (read != CART_OK)
		return read == CART_BUSY ? SQLITE_NOMEM : SQLITE_DAMAGED_ROW;
	cart->state = (enum cart_state)sqlite3_column_int(stmt, 1);
	cart->version = sqlite3_column_int64(stmt, 2);
	cart->created_ms = sqlite3_column_int64(stmt, 3);
	cart->updated_ms = sqlite3_column_int64(stmt, 4);
	cart->expires_ms = sqlite3_column_int64(stmt, 5);
	rc = rows_id(stmt, 6, &cart->order_id);
	if (rc == SQLITE_OK)
		rc = rows_id(stmt, 10, &cart->merged_into);
	if (rc == SQLITE_OK && (!cart_is_sound(cart) || !cart_lines_are_valid(cart)))
		rc = SQLITE_DAMAGED_ROW;
	return rc;
}

int sqlite_cart_load(struct sqlite_conn *conn, const struct cart_id *id,
		     const struct shop_id *owner, struct cart *cart, struct sqlite_places *places)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_CART];
	int rc;

	sqlite3_bind_blob(stmt, 1, id->bytes, CART_ID_BYTES, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = rows_cart(stmt, owner, cart);
	else if (rc == SQLITE_DONE)
		rc = SQLITE_NOTFOUND;
	if (places != NULL && rc == SQLITE_OK)
		*places = (struct sqlite_places){.idle_ms = sqlite3_column_int64(stmt, 8),
						 .sweep_ms = sqlite3_column_int64(stmt, 9)};
	sqlite3_reset(stmt);
	cart->id = *id;
	if (rc != SQLITE_OK)
		cart_clear(cart);
	return rc;
}

int sqlite_ids_read(sqlite3_stmt *stmt, struct cart_id *ids, size_t *count)
{
	int rc;

	*count = 0;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const void *id = sqlite3_column_blob(stmt, 0);

		if (id == NULL || sqlite3_column_bytes(stmt, 0) != CART_ID_BYTES) {
			rc = SQLITE_CORRUPT;
			break;
		}
		memcpy(ids[(*count)++].bytes, id, CART_ID_BYTES);
	}
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
