#include "backends/mysql/key.h"

#include <string.h>

bool sql_key_of(struct sql_key *key, const struct cart_op *op)
{
	if (op->type == CART_OP_CREATE) {
		/* Nil, which is no cart's: the hash holds the customer. */
		memset(key->scope, 0, sizeof(key->scope));
	} else {
		memcpy(key->scope, op->id.bytes, sizeof(key->scope));
	}
	memcpy(key->hash, op->key_hash, sizeof(key->hash));
	return true;
}
