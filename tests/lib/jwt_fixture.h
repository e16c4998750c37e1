/* Keys of an issuer and tokens signed with them, for tests. */
#ifndef TESTS_LIB_JWT_FIXTURE_H
#define TESTS_LIB_JWT_FIXTURE_H

#include <openssl/types.h>
#include <stddef.h>

#define JWT_FIXTURE_TEXT 4096

/* A new key: "RSA" (of 2048 bits), "P-256" or "Ed25519". EVP_PKEY_free() it. */
EVP_PKEY *jwt_fixture_key(const char *type);
/* Its entry in a JWK set. kid NULL: none. */
void jwt_fixture_jwk(EVP_PKEY *key, const char *kid, char text[JWT_FIXTURE_TEXT]);
/* A token of any header and payload, as its texts say; with an RSA, EC or Ed25519 key, and for NULL
 * by HMAC with the secret. */
void jwt_fixture_sign(EVP_PKEY *key, const char *secret, const char *header, const char *payload,
		      char text[JWT_FIXTURE_TEXT]);

#endif
