/*
 * The third way to write: lock and read the carts and the keys, let core/cart_rules.h decide,
 * write what has changed. Two round trips for a batch:
 *
 *	START TRANSACTION; SELECT the carts with their lines FOR UPDATE; SELECT the keys FOR UPDATE
 *	for each cart that changes: UPDATE or DELETE it, its lines and its key; COMMIT
 */
#ifndef BACKENDS_MYSQL_MODIFY_H
#define BACKENDS_MYSQL_MODIFY_H

#include "backends/mysql/write.h"

enum sql_modify_next {
	SQL_MODIFY_ROLLBACK, /* every result is set and nothing is to be written */
	SQL_MODIFY_COMMIT,   /* send the text; the results hold once it is answered */
	SQL_MODIFY_LOAD	     /* send the text; sql_modify_load() sets the result */
};

/*
 * The first text. The writes are sorted by id, each id once; a create is alone, and so is a merge.
 * rollback: the connection has a transaction open that is to be rolled back first. False: no
 * memory.
 */
CART_MUST_CHECK bool sql_modify_text(struct sql_text *text, struct sql_write *writes, size_t count,
				     bool rollback);

/*
 * From the first answer. Sets the results, and done for the writes that need none of the second
 * text, which it makes for COMMIT and LOAD. Without memory, or when rows are not what the schema
 * says, the result is CART_BUSY or CART_FAILED.
 */
enum sql_modify_next sql_modify_decide(struct sql_write *writes, size_t count,
				       const struct sql_reply *reply, struct sql_text *text,
				       const struct cart_rules *rules);

/* From the answer to LOAD: the cart of a create that is a replay. */
void sql_modify_load(struct cart_op *op, const struct sql_reply *reply);

#endif
