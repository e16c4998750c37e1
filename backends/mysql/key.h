/* Idempotency keys as the schema holds them: of fixed size, so that no client's text enters SQL. */
#ifndef BACKENDS_MYSQL_KEY_H
#define BACKENDS_MYSQL_KEY_H

#include "backends/mysql/text.h"
#include "core/cart_op.h"

struct sql_key {
	uint8_t scope[SQL_BINARY_BYTES]; /* the cart's id; nil for a create */
	uint8_t hash[SQL_BINARY_BYTES];	 /* op->key_hash */
};

/* Of an op with a key. False: the digest failed. */
CART_MUST_CHECK bool sql_key_of(struct sql_key *key, const struct cart_op *op);

#endif
