/* Layout rows: the rows of a cart as they are read, and whether they are all of the same instant.
 * How they are written is in rows.h. */
#ifndef BACKENDS_DYNAMODB_ITEM_ROW_H
#define BACKENDS_DYNAMODB_ITEM_ROW_H

#include "core/cart.h"

#include <jansson.h>

#define DDB_ROWS	"rows" /* of an item as it is read: an array of its rows but CART */
#define DDB_ONE_ROW	"one"  /* true: of the rows at most one was asked for, in a transaction */
#define DDB_DIGEST_ROOM 17     /* 16 hex digits */

/* The product of a row ITEM#product; NULL: it is another row. */
const char *ddb_row_product(const json_t *row);
/* The digest of a cart's lines. */
void ddb_rows_digest(const struct cart *cart, char text[DDB_DIGEST_ROOM]);
/* Whether the rows of an item are those that its digest is of. True of a packed cart, of an
 * item of another layout, and where only one row was asked for. */
CART_MUST_CHECK bool ddb_rows_match(const json_t *attributes);

#endif
