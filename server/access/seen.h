/*
 * Tokens whose signature was good, so that it is not checked again for each call. A table of fixed
 * size in sets of four: a token that comes into a full set takes the place of the one that came
 * first. Whatever makes a token bad other than time (keys, rules) must empty it.
 */
#ifndef SERVER_ACCESS_SEEN_H
#define SERVER_ACCESS_SEEN_H

#include "server/access/jwt.h"

#define SEEN_HASH_BYTES 32
#define SEEN_SETS	256
#define SEEN_WAYS	4

struct seen_token {
	uint8_t hash[SEEN_HASH_BYTES]; /* SHA-256 of the token */
	bool used;
	struct jwt_claims claims;
};

struct seen {
	struct seen_token tokens[SEEN_SETS][SEEN_WAYS];
	uint8_t next[SEEN_SETS];
};

/* NULL: it is not there. Its times are for the caller to compare. */
const struct jwt_claims *seen_find(const struct seen *seen, const uint8_t hash[SEEN_HASH_BYTES]);
void seen_add(struct seen *seen, const uint8_t hash[SEEN_HASH_BYTES],
	      const struct jwt_claims *claims);
void seen_empty(struct seen *seen);

#endif
