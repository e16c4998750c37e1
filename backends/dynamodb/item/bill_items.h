/* The items of a cart's life, as this backend writes them: what bill.c counts. */
#ifndef BACKENDS_DYNAMODB_ITEM_BILL_ITEMS_H
#define BACKENDS_DYNAMODB_ITEM_BILL_ITEMS_H

#include "backends/dynamodb/item/body_parts.h"
#include "core/base/buf.h"

#include <jansson.h>

/* The items of a cart's life around the operations that are billed. */
enum bill_moment {
	BILL_NEW,
	BILL_LINE_BEFORE, /* without the last line */
	BILL_OPEN,
	BILL_ADDED,
	BILL_REMOVED, /* as OPEN, without the last line */
	BILL_MOVED,   /* as ADDED, in another step of cart.idle_step */
	BILL_CLOSED,
	BILL_TOMBSTONE,
	BILL_PACKED,  /* layout rows: open, with its lines in it */
	BILL_TARGET,  /* of a merge, with the lines of the other cart, which is ... */
	BILL_KEY,     /* the item of a create's key */
	BILL_SEALED,  /* ... OPEN, then this one ... */
	BILL_DECIDED, /* ... while the target says that it has its lines ... */
	BILL_MERGED,  /* ... and in the end this one */
	BILL_MOMENTS
};

struct bill {
	struct ddb_table table;
	json_t *definition; /* of the table and its indexes */
	bool keyed;
	bool strings;	   /* cart.id_type=string */
	size_t attributes; /* of each line */
	json_t *row;	   /* a line's item in layout rows; NULL: of another layout */
	struct cart_op op;
	struct buf body;
	json_t *items[BILL_MOMENTS];
	size_t bytes[BILL_MOMENTS]; /* of the items */
};

extern const struct cart_rules ddb_bill_rules;
/* No time of the carts ends in two zeros, with which a number is a byte shorter. */
#define BILL_NOW_MS INT64_C(1764547623123)

/* Fills bill->items and bill->bytes, which the caller frees; -1: no memory. */
CART_MUST_CHECK int ddb_bill_items(struct bill *bill, size_t lines);
/* Fills bill->row. */
CART_MUST_CHECK int ddb_bill_row(struct bill *bill);
/* Layout rows: so many new lines are more than a transaction takes. */
bool ddb_bill_packs(size_t lines);
/* As ddb_item_bytes(), without counting those of bill->items again. */
size_t ddb_bill_bytes(const struct bill *bill, const json_t *item);

#endif
