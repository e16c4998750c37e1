/*
 * Layout rows: a cart is read by a Query, whose answers become one item, as a GetItem would have
 * brought it, with an array of the other rows (DDB_ROWS). There may be several answers: of more
 * than 1 MB there are pages; and rows that do not add up to the cart's digest, because a
 * transaction changed them meanwhile, are read again.
 */
#ifndef BACKENDS_DYNAMODB_ITEM_GATHER_H
#define BACKENDS_DYNAMODB_ITEM_GATHER_H

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/cart_id.h"
#include "core/shop_id.h"

#include <jansson.h>

/* Zeroed for each cart. */
struct ddb_gather {
	json_t *rows; /* of the pages so far */
	size_t body;  /* length of the body without its tail */
	int again;    /* how often the rows did not match */
};

enum ddb_gathered {
	DDB_GATHERED,	  /* *answer is {"Item": ...}, or {} where there is no cart */
	DDB_GATHER_MORE,  /* body is another call to make */
	DDB_GATHER_FAILED /* no memory, or no answer to a Query */
};

/* The Query of all rows of a cart. */
void ddb_gather_query(struct buf *body, const char *table, const struct cart_id *id,
		      bool consistent);
/* TransactGetItems of the cart's item and of one of its lines. */
void ddb_gather_ask_line(struct buf *body, const char *table, const struct cart_id *id,
			 const struct shop_id *product);
/* The answer becomes that to a Query that has found nothing else. False: no memory, or it is none.
 */
CART_MUST_CHECK bool ddb_gather_take_line(json_t **answer);
/* Takes an answer to the call with that body; *answer is replaced. */
CART_MUST_CHECK enum ddb_gathered ddb_gather_take(struct ddb_gather *gather, struct buf *body,
						  json_t **answer);
void ddb_gather_clear(struct ddb_gather *gather);

#endif
