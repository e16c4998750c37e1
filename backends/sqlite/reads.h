/* GET and LIST, on the loop's own connection. */
#ifndef BACKENDS_SQLITE_READS_H
#define BACKENDS_SQLITE_READS_H

#include "backends/sqlite/conn.h"
#include "core/cart_op.h"

/*
 * Answers one read inside a transaction that the caller has open. Fills the op's result members,
 * also op->result. False: a list of idle carts has left out so many that others must have their
 * turn first; call again to go on, in this transaction or a later one.
 */
CART_MUST_CHECK bool sqlite_read(struct sqlite_conn *conn, struct cart_op *op);

#endif
