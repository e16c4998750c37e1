/*
 * The keys that a JWT may be signed with, of a file: a JWK set (RFC 7517), or public keys and
 * certificates as PEM. Each key has one algorithm, which follows from its type, so that a token
 * cannot choose another one for it.
 */
#ifndef SERVER_ACCESS_KEYS_H
#define SERVER_ACCESS_KEYS_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JWT_KEYS_MAX	  64
#define JWT_KID_MAX	  128
#define JWT_SECRET_MIN	  32 /* RFC 7518, section 3.2 */
#define JWT_SECRET_MAX	  128
#define JWT_RSA_BITS_MIN  2048 /* RFC 7518, section 3.3 */
#define JWT_RSA_BITS_MAX  8192
#define JWT_KEYS_FILE_MAX ((size_t)1 << 20)

/* Bits of a set. */
#define JWT_RS256      1u
#define JWT_ES256      2u
#define JWT_EDDSA      4u /* with Ed25519 */
#define JWT_HS256      8u
#define JWT_ALGORITHMS 4

/* The bit of "RS256" and so on; 0: none of them. */
unsigned jwt_algorithm_find(const char *name);

struct jwt_key {
	unsigned algorithm;	   /* one bit */
	char kid[JWT_KID_MAX + 1]; /* "": it has none */
	EVP_PKEY *public_key;
	uint8_t secret[JWT_SECRET_MAX]; /* HS256 */
	size_t secret_size;
};

struct jwt_keys {
	struct jwt_key *all;
	size_t count;
};

/*
 * Takes the keys whose algorithm is among those allowed, and leaves out keys that are for something
 * else. -1: the text is no such file, a key in it is broken, weak or private, or none is left;
 * error says which, and *keys is empty.
 */
CART_MUST_CHECK int jwt_keys_parse(struct jwt_keys *keys, unsigned algorithms, const char *text,
				   size_t len, struct cart_error *error);
/* Reads a file. One with secrets in it must be its owner's alone. */
CART_MUST_CHECK int jwt_keys_load(struct jwt_keys *keys, unsigned algorithms, const char *path,
				  struct cart_error *error);
/* Wipes secrets. */
void jwt_keys_clear(struct jwt_keys *keys);

#endif
