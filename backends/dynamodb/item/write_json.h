/* DynamoDB's JSON, written: what body.c and listing.c have in common. Each function appends. */
#ifndef BACKENDS_DYNAMODB_ITEM_WRITE_JSON_H
#define BACKENDS_DYNAMODB_ITEM_WRITE_JSON_H

#include "core/base/buf.h"
#include "core/cart_id.h"

/* name is the text before the value, "\"version\":" or ",\":now\":". text is free of what JSON
 * escapes. */
void ddb_add_number(struct buf *body, const char *name, int64_t value);	 /* {"N":"5"} */
void ddb_add_text(struct buf *body, const char *name, const char *text); /* {"S":"..."} */
void ddb_add_id(struct buf *body, const char *name, const struct cart_id *id);
/* A placeholder's number: "#p" and 7 make "#p7". */
void ddb_add_indexed(struct buf *body, const char *prefix, size_t index);
/* {"TableName":"carts": the rest follows. */
void ddb_add_table(struct buf *body, const char *table);
/* ,"ReturnConsumedCapacity":"TOTAL"} */
void ddb_add_end(struct buf *body);

#endif
