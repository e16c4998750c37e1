/*
 * Values of attributes: the small texts that some hold (names of keys, records, time keys), and
 * DynamoDB's JSON, written.
 */
#ifndef BACKENDS_DYNAMODB_ITEM_ATTRIBUTE_H
#define BACKENDS_DYNAMODB_ITEM_ATTRIBUTE_H

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/cart_op.h"
#include "core/cart_rules.h"

#define DDB_KEY_NAME_ROOM 23 /* base64url of key_hash */
#define DDB_RECORD_ROOM	  48 /* a time, ".", base64url of the fingerprint */
#define DDB_TIME_KEY_ROOM 53

/* What is kept under an idempotency key. */
struct ddb_key {
	char name[DDB_KEY_NAME_ROOM];
	int64_t version; /* after the change; of a CREATE's 1 */
	int64_t stored_ms;
	uint8_t fingerprint[CART_FINGERPRINT_BYTES];
};

/* The name that a key is stored under, of an op's key_hash. */
void ddb_key_name(const uint8_t *key_hash, char name[DDB_KEY_NAME_ROOM]);
/* "000001730000000123.AAAA...", when and for which request; and read back. */
void ddb_record_write(int64_t stored_ms, const uint8_t *fingerprint, char record[DDB_RECORD_ROOM]);
CART_MUST_CHECK bool ddb_record_read(const char *record, struct ddb_key *key);
void ddb_time_key(int64_t ms, const struct cart_id *id, char key[DDB_TIME_KEY_ROOM]);
/* The shard of idle-index that a cart is in: from its id, so that it never moves. */
unsigned ddb_idle_shard(const struct cart_id *id, unsigned shards);
/* A time as it begins a time key and a record, so that it compares with them. */
#define DDB_TIME_ROOM 16
void ddb_time_text(int64_t ms, char text[DDB_TIME_ROOM]);
/* expires_at of what may go at that time, in whole seconds, rounded up. */
int64_t ddb_expires_s(int64_t ms);

/* expires_at of a cart that is changed now: sweep.grace after neither it nor a key of it counts any
 * more, because the time was made by our clock, and DynamoDB removes by its own. */
int64_t ddb_removable_s(const struct cart_rules *rules, int64_t now_ms);

/* "add", "max", "keep"; and read back. */
const char *ddb_strategy(enum cart_merge_strategy strategy);
CART_MUST_CHECK bool ddb_strategy_read(const char *text, enum cart_merge_strategy *strategy);

/* Each of the following appends. name is the text before the value, "\"version\":" or ",\":now\":".
 * text is free of what JSON escapes. */
void ddb_add_number(struct buf *body, const char *name, int64_t value);	 /* {"N":"5"} */
void ddb_add_text(struct buf *body, const char *name, const char *text); /* {"S":"..."} */
void ddb_add_id(struct buf *body, const char *name, const struct cart_id *id);
void ddb_add_shop_id(struct buf *body, const char *name, const struct shop_id *id);
/* The id alone, for the inside of a string. */
void ddb_add_escaped(struct buf *body, const struct shop_id *id);
/* The attributes of a line, which are compact JSON: as a text, so that they come back byte for
 * byte. {"S":"{\"price\":\"12.50\"}"} */
void ddb_add_attributes(struct buf *body, const char *name, const char *attributes);
/* Layout map keeps them in the map "added" beside the time: under a space and the product, which
 * has no space itself. What is removed or set anew with a line or all lines needs no map more. */
#define DDB_ATTRIBUTES_NAME_ROOM (SHOP_ID_MAX + 2)
void ddb_attributes_name(const struct shop_id *id, char name[DDB_ATTRIBUTES_NAME_ROOM]);
/* That name, for the inside of a string. */
void ddb_add_attributes_name(struct buf *body, const struct shop_id *id);
/* A placeholder's number: "#p" and 7 make "#p7". */
void ddb_add_indexed(struct buf *body, const char *prefix, size_t index);
/* {"TableName":"carts": the rest follows. */
void ddb_add_table(struct buf *body, const char *table);
/* ,"ReturnConsumedCapacity":"TOTAL"} */
void ddb_add_end(struct buf *body);

#endif
