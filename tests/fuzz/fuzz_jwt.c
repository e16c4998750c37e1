/*
 * A JSON Web Token. As it is, the input must not be good: nobody can sign it. Then its two lines,
 * header and payload, are signed, so that what is behind the signature is reached too.
 */
#include "core/base/base64url.h"
#include "server/access/jwt.h"
#include "tests/fuzz/fuzz.h"

#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS	 INT64_C(1762039800000)
#define PART_MAX 2500

static const struct jwt_rules rules = {.issuer = "i",
				       .audience = "a",
				       .leeway_ms = 30000,
				       .customer_claim = "c",
				       .scope_claim = "s",
				       .scopes = ACCESS_READ};
static uint8_t secret[JWT_SECRET_MIN];
static struct jwt_keys keys;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char set[] = "{\"keys\":[{\"kty\":\"oct\",\"k\":"
				  "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},"
				  "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\","
				  "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
				  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
				  "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
				  "\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
	struct cart_error error;

	(void)argc;
	(void)argv;
	if (jwt_keys_parse(&keys, JWT_HS256 | JWT_EDDSA | JWT_ES256, set, sizeof(set) - 1,
			   &error) != 0)
		abort();
	return 0;
}

static void check_claims(const struct jwt_claims *claims)
{
	const struct access_caller *caller = &claims->caller;

	if (claims->until_ms <= NOW_MS || claims->from_ms > NOW_MS || caller->scopes > 7 ||
	    strncmp(caller->name, "jwt:", 4) != 0 || strlen(caller->name) > ACCESS_NAME_MAX ||
	    !caller->bound || (caller->customer.size > 0 && !shop_id_is_valid(&caller->customer)))
		abort();
}

static void try_signed(const uint8_t *header, size_t header_len, const uint8_t *payload,
		       size_t payload_len)
{
	char text[2 * BASE64URL_TEXT(PART_MAX) + 64];
	uint8_t mac[EVP_MAX_MD_SIZE];
	struct jwt_claims claims;
	unsigned size;
	char *end = base64url_encode(text, header, header_len);

	*end++ = '.';
	end = base64url_encode(end, payload, payload_len);
	HMAC(EVP_sha256(), secret, sizeof(secret), (uint8_t *)text, (size_t)(end - text), mac,
	     &size);
	*end++ = '.';
	end = base64url_encode(end, mac, size);
	if (jwt_verify(&keys, &rules, text, (size_t)(end - text), NOW_MS, &claims) == NULL)
		check_claims(&claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	struct jwt_claims claims;

	(void)jwt_verify(&keys, &rules, (const char *)data, size, NOW_MS, &claims);
	if (line == NULL || line - data > PART_MAX || data + size - line - 1 > PART_MAX)
		return 0;
	try_signed(data, (size_t)(line - data), line + 1, (size_t)(data + size - line - 1));
	return 0;
}
