/*
 * The calls of a LIST: Query on customer-index, newest first; or Query on each shard of idle-index,
 * longest idle first, merged. Carts of which an index has only the keys are read by BatchGetItem.
 * When DynamoDB cuts a page short (by size, or because a filter left little), the next page is
 * queried, until limit carts are found and it is known whether there is one more.
 *
 * One call at a time: ddb_listing_next() writes the body, the caller makes the call,
 * ddb_listing_take() reads the answer. In layout rows the calls for the carts may run at once.
 * Pure: no loop, no network.
 */
#ifndef BACKENDS_DYNAMODB_STORE_LISTING_H
#define BACKENDS_DYNAMODB_STORE_LISTING_H

#include "backends/dynamodb/item/body.h"

#include <jansson.h>

struct ddb_listing;

/* NULL: no memory. op and table outlive it. */
struct ddb_listing *ddb_listing_new(const struct cart_op *op, const struct ddb_table *table);
void ddb_listing_free(struct ddb_listing **listing);

/* True: body and *operation are the next call; or, if ddb_listing_has_cart(), there are calls for
 * carts to make. False: done, see ddb_listing_finish(). */
CART_MUST_CHECK bool ddb_listing_next(struct ddb_listing *listing, struct buf *body,
				      enum ddb_operation *operation);
/* CART_OK, or what is wrong with the answer: CART_FAILED (why says what), CART_BUSY (no memory). */
CART_MUST_CHECK enum cart_result ddb_listing_take(struct ddb_listing *listing, const json_t *answer,
						  char *why, size_t room);
/*
 * Where no call reads several carts: whether another one can be requested now. Any number of these
 * calls may be under way at once, and be answered in any order. Once each has its answer, and there
 * is no other cart, the list goes on with ddb_listing_next().
 */
CART_MUST_CHECK bool ddb_listing_has_cart(const struct ddb_listing *listing);
/* The call for the next of them. Its answer has an Item, or none if there is no such cart. */
enum ddb_operation ddb_listing_next_cart(struct ddb_listing *listing, struct cart_id *id,
					 struct buf *body);
/* As ddb_listing_take(). */
CART_MUST_CHECK enum cart_result ddb_listing_take_cart(struct ddb_listing *listing,
						       const struct cart_id *id,
						       const json_t *answer, char *why,
						       size_t room);
/* How many carts the last answer left unprocessed because the server is busy: the next call
 * requests them again, and should wait. */
size_t ddb_listing_left_out(const struct ddb_listing *listing);
/* True: an answer since ddb_listing_next() had a cart that is merging into another. The merge
 * should be finished before the next call, which requests the cart again; what is still merging
 * then is taken as it is. */
CART_MUST_CHECK bool ddb_listing_met(struct ddb_listing *listing, struct cart_id *from,
				     struct cart_id *into);
/* Moves the carts found into the op's result: carts, cart_count, more. */
void ddb_listing_finish(struct ddb_listing *listing, struct cart_op *op);

#endif
