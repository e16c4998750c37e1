/*
 * The file of bearer tokens: who they belong to and what they may do. A token itself is shown once,
 * when it is made; the file has its SHA-256 in place of it. A token is 256 random bits, so that a
 * plain digest is enough: nobody can try them all.
 *
 *	{"tokens": [{"name": "shop", "sha256": "9f86d0...", "scopes": ["read", "write"],
 *	             "customer": "123", "created": "2025-11-01T23:30:00.000Z",
 *	             "expires": "2025-12-01T23:30:00.000Z"}]}
 *
 * customer and expires may be missing.
 */
#ifndef SERVER_ACCESS_TOKENS_H
#define SERVER_ACCESS_TOKENS_H

#include "core/base/error.h"
#include "server/access/caller.h"

#define TOKEN_HASH_BYTES   32
#define TOKEN_HASH_TEXT	   64 /* in hexadecimal */
#define TOKEN_SECRET_BYTES 32
#define TOKEN_PREFIX	   "cart_" /* a scanner of leaked secrets finds it by this */
#define TOKEN_TEXT	   48	   /* the prefix and 43 characters of base64url */

struct token {
	struct access_caller caller;
	uint8_t hash[TOKEN_HASH_BYTES];
	int64_t created_ms;
	int64_t expires_ms; /* 0: never */
};

/* In the order of their hashes. */
struct tokens {
	struct token *all;
	size_t count;
};

/* Reads the text of a file. -1: error says what is wrong, and *tokens is empty. */
CART_MUST_CHECK int tokens_parse(struct tokens *tokens, const char *text, size_t len,
				 struct cart_error *error);
/* Reads a file. One that others than its owner may write to is refused. */
CART_MUST_CHECK int tokens_load(struct tokens *tokens, const char *path, struct cart_error *error);
void tokens_clear(struct tokens *tokens);

/* The token with that hash, or NULL. */
const struct token *tokens_find(const struct tokens *tokens, const uint8_t hash[TOKEN_HASH_BYTES]);
/* The token of that name, or NULL. */
struct token *tokens_named(const struct tokens *tokens, const char *name);

/* 1 to 64 of A-Z, a-z, 0-9, ".", "_", "-". */
bool token_name_is_valid(const char *name);
/* "cart_..." and its hash. False: no random numbers. */
CART_MUST_CHECK bool token_make(char text[TOKEN_TEXT + 1], uint8_t hash[TOKEN_HASH_BYTES]);
/* As the file has it. */
void token_hash_format(const uint8_t hash[TOKEN_HASH_BYTES], char text[TOKEN_HASH_TEXT + 1]);

#endif
