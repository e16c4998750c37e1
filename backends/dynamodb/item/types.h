/* A cart as it was read from its item, or its rows: see item.h. */
#ifndef BACKENDS_DYNAMODB_ITEM_TYPES_H
#define BACKENDS_DYNAMODB_ITEM_TYPES_H

#include "backends/dynamodb/item/attribute.h"
#include "core/cart_op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DDB_KEY_ITEM_ROOM 27 /* "key#NAME" */
#define DDB_MARK_ROOM	  24 /* 16 hex digits */
/* So that a condition need not ask whether a cart expires at all: 15 digits, as times have. */
#define DDB_NEVER_MS INT64_C(999999999999999)
/* Keys of one cart within the window, and what is in it of older ones. Beyond, changes with a key
 * are refused: an item has its size, and every write pays for all of it. */
#define DDB_KEYS_MAX 1000

/* Decisions of one cart: the next merge removes old ones first. */
#define DDB_DECISIONS_MAX 16

enum ddb_layout { DDB_LAYOUT_MAP, DDB_LAYOUT_LIST, DDB_LAYOUT_ROWS };

/* What a merging cart says of its merge, see store/merge.h. */
struct ddb_seal {
	char merge_id[DDB_MARK_ROOM]; /* "": the cart is not merging */
	struct cart_id into;
	enum cart_merge_strategy strategy;
	int64_t if_version; /* 0: any */
};

/* What became of a merge into this cart, until the item of from shows it. */
struct ddb_decision {
	struct cart_id from;
	char merge_id[DDB_MARK_ROOM];
	bool done; /* the lines are in this cart; false: they never will be */
};

/* Layout rows: a row of the cart's besides its CART. */
struct ddb_row {
	struct shop_id product_id;
	int64_t expires_s; /* 0: never */
	bool current; /* it is a line of the cart, or was before the lines went into its CART */
};

struct ddb_item {
	struct cart cart;
	bool deleted; /* a tombstone: the rest is not set */
	enum ddb_layout layout;
	char mark[DDB_MARK_ROOM];
	char idle_key[DDB_TIME_KEY_ROOM];   /* "": the cart is closed */
	int64_t keyed_until_ms;		    /* 0: not made under a key */
	char create_key[DDB_KEY_ITEM_ROOM]; /* "": likewise; the cart_id of its key's item */
	struct ddb_key *keys;		    /* sorted by name; malloc'd */
	size_t key_count;
	struct ddb_seal seal;
	bool held; /* nothing else changes it before the merge of held_for is decided */
	struct cart_id held_for;
	struct ddb_decision *decisions; /* malloc'd */
	size_t decision_count;
	bool decided;	      /* by ddb_item_decide(): what was read is something else */
	int64_t gen;	      /* layout rows: see rows.h; 0: of another layout */
	struct ddb_row *rows; /* sorted by product; malloc'd */
	size_t row_count;
};

#endif
