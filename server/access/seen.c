#include "server/access/seen.h"

#include <openssl/crypto.h>
#include <string.h>

_Static_assert(SEEN_SETS == 256, "the first byte of a hash is its set");

const struct jwt_claims *seen_find(const struct seen *seen, const uint8_t hash[SEEN_HASH_BYTES])
{
	const struct seen_token *set = seen->tokens[hash[0]];

	for (size_t i = 0; i < SEEN_WAYS; i++)
		if (set[i].used && CRYPTO_memcmp(set[i].hash, hash, SEEN_HASH_BYTES) == 0)
			return &set[i].claims;
	return NULL;
}

void seen_add(struct seen *seen, const uint8_t hash[SEEN_HASH_BYTES],
	      const struct jwt_claims *claims)
{
	uint8_t *next = &seen->next[hash[0]];
	struct seen_token *token = &seen->tokens[hash[0]][*next];

	*next = (uint8_t)((*next + 1) % SEEN_WAYS);
	memcpy(token->hash, hash, SEEN_HASH_BYTES);
	token->used = true;
	token->claims = *claims;
}

void seen_empty(struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
}
