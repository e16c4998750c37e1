/*
 * The calls of a LIST of closed carts. No index has them in order, and one more would be paid with
 * every checkout: so it is a Scan of the table, which reads every item and leaves out what does not
 * match. A page of the list is one call, and more only where the last item that it read is no cart:
 * the place behind which the next page begins is a cart's id.
 *
 * One call at a time, as in listing.h, which hands such lists to these functions.
 */
#ifndef BACKENDS_DYNAMODB_STORE_CLOSED_H
#define BACKENDS_DYNAMODB_STORE_CLOSED_H

#include "backends/dynamodb/item/body.h"

#include <jansson.h>

struct ddb_closed;

/* NULL: no memory. op and table outlive it. */
struct ddb_closed *ddb_closed_new(const struct cart_op *op, const struct ddb_table *table);
void ddb_closed_free(struct ddb_closed **closed);
/* True: body is the next call, a Scan. False: done. */
CART_MUST_CHECK bool ddb_closed_next(const struct ddb_closed *closed, struct buf *body);
CART_MUST_CHECK enum cart_result ddb_closed_take(struct ddb_closed *closed, const json_t *answer,
						 char *why, size_t room);
/* Moves what was found into the op's result: carts, cart_count, more, cart. */
void ddb_closed_finish(struct ddb_closed *closed, struct cart_op *op);

#endif
