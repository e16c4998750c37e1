/* What the files that make bodies share among themselves. */
#ifndef BACKENDS_DYNAMODB_ITEM_BODY_PARTS_H
#define BACKENDS_DYNAMODB_ITEM_BODY_PARTS_H

#include "backends/dynamodb/item/body.h"

/* A whole item to write over what was read. */
struct ddb_put {
	const struct cart_op *op;
	const struct ddb_item *before;
	const struct cart *after;
	const char *mark;
	const char *key_name; /* NULL: none */
};
enum ddb_operation ddb_body_put(struct buf *body, const struct ddb_table *table,
				const struct ddb_put *put);
/* In the place of a cart that was made under a key that still counts. */
enum ddb_operation ddb_body_tombstone(struct buf *body, const struct ddb_table *table,
				      const struct ddb_item *before);

/* The key of an item that is no line: cart_id, and in layout rows the sort key. */
void ddb_add_key_of(struct buf *body, const struct ddb_table *table, const char *cart_id);
/* The beginning of a body about a cart's item: the table and its key. */
void ddb_add_key(struct buf *body, const struct ddb_table *table, const struct cart_id *id);
/* The end of a body that has the condition that the item is as it was read, and no other values. */
void ddb_add_if_unchanged(struct buf *body, const struct ddb_item *before);
/* A decision as it is stored. */
void ddb_decision_text(const struct ddb_decision *decision, char text[DDB_MARK_ROOM + 1]);
/* All of an item as a map, after its name. */
void ddb_add_decisions(struct buf *body, const char *name, const struct ddb_item *item);
/* expires_ms as an open cart's item has it. */
int64_t ddb_expires_ms(const struct cart *cart);

#endif
