/* GET, many in one statement, and LIST. */
#ifndef BACKENDS_MYSQL_READ_H
#define BACKENDS_MYSQL_READ_H

#include "backends/mysql/text.h"
#include "core/cart_op.h"

#include <mysql.h>

/* The ops are sorted by id; the same id may be there twice. False: no memory. */
CART_MUST_CHECK bool sql_gets_text(struct sql_text *text, struct cart_op *const *ops, size_t count);

/*
 * Sets the ops' results. ids are those of the ops at the time of the text; an op that was answered
 * meanwhile is NULL.
 */
void sql_gets_read(struct cart_op *const *ops, const struct cart_id *ids, size_t count,
		   MYSQL_RES *rows);

/* A page, one more cart than it holds to see whether there are more. */
CART_MUST_CHECK bool sql_list_text(struct sql_text *text, const struct cart_op *op);
/* False: every cart of the page is damaged, and op->list goes on behind them: to be asked again. */
CART_MUST_CHECK bool sql_list_read(struct cart_op *op, MYSQL_RES *rows);

#endif
