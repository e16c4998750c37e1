/*
 * A write by itself, for what a batch's guard cannot decide: read the cart and the key under their
 * locks, let core/cart.h's rules decide, write what changed. Two round trips.
 *
 *	START TRANSACTION; SELECT the cart with its lines FOR UPDATE; SELECT the key FOR UPDATE
 *	UPDATE carts ...; DELETE and REPLACE lines; REPLACE the key; COMMIT	(or ROLLBACK)
 */
#ifndef BACKENDS_MYSQL_CAREFUL_H
#define BACKENDS_MYSQL_CAREFUL_H

#include "backends/mysql/write.h"

enum sql_careful_next {
	SQL_CAREFUL_ROLLBACK, /* the op's result is set and nothing is to be written */
	SQL_CAREFUL_COMMIT,   /* it is set, and holds once the text is answered */
	SQL_CAREFUL_LOAD,     /* it will be set by sql_careful_load() from the text's answer */
};

/* The first text. False: no memory, or a digest failed. */
CART_MUST_CHECK bool sql_careful_text(struct sql_text *text, struct sql_write *write);

/*
 * From the first answer, whose rows are of the cart and, for an op with a key, of the key. Writes
 * the second text for COMMIT and LOAD. Without memory, or when rows are not what the schema says,
 * the result is CART_BUSY or CART_FAILED.
 */
enum sql_careful_next sql_careful_decide(struct sql_write *write, MYSQL_RES *const *rows,
					 size_t rows_count, struct sql_text *text,
					 const struct cart_rules *rules);

/* From the answer to LOAD: the cart of a create that is a replay. */
void sql_careful_load(struct cart_op *op, MYSQL_RES *rows);

#endif
