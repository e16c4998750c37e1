/* One write, inside the writer's transaction. */
#ifndef BACKENDS_SQLITE_APPLY_H
#define BACKENDS_SQLITE_APPLY_H

#include "backends/sqlite/conn.h"
#include "core/cart_rules.h"
#include "core/cart_op.h"

/*
 * Reads the cart, applies the rules of core/cart_rules.h and writes what changed. SQLITE_OK:
 * op->result and the result members are the answer, once the transaction is committed. On an error
 * the transaction may hold a part of the change: it must be rolled back, and the op has no result.
 */
CART_MUST_CHECK int sqlite_apply(struct sqlite_conn *conn, const struct cart_rules *rules,
				 struct cart_op *op);

/* Removes a cart and its keys. Adds the number of rows to *rows. SQLITE_OK or an error. */
CART_MUST_CHECK int sqlite_cart_delete(struct sqlite_conn *conn, const struct cart_id *id,
				       size_t *rows);

#endif
