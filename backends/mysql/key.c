#include "backends/mysql/key.h"

#include <openssl/evp.h>
#include <string.h>

bool sql_key_of(struct sql_key *key, const struct cart_op *op)
{
	uint8_t whole[EVP_MAX_MD_SIZE];

	if (op->type == CART_OP_CREATE) {
		/* No UUID starts with eight zeros but nil, which is no cart's. */
		memset(key->scope, 0, sizeof(key->scope));
		for (int i = 0; i < 8; i++)
			key->scope[15 - i] = (uint8_t)((uint64_t)op->customer_id >> (8 * i));
	} else {
		memcpy(key->scope, op->id.bytes, sizeof(key->scope));
	}
	if (EVP_Digest(op->key, strlen(op->key), whole, NULL, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(key->hash, whole, sizeof(key->hash));
	return true;
}
