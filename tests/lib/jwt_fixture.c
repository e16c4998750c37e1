#include "tests/lib/jwt_fixture.h"

#include "core/base/base64url.h"
#include "tests/lib/cmocka.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

EVP_PKEY *jwt_fixture_key(const char *type)
{
	EVP_PKEY *key;

	if (strcmp(type, "RSA") == 0)
		key = EVP_RSA_gen(2048);
	else if (strcmp(type, "P-256") == 0)
		key = EVP_EC_gen("P-256");
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(key);
	return key;
}

static void add_number(EVP_PKEY *key, const char *param, const char *member, int size, char *text)
{
	uint8_t bytes[1024];
	BIGNUM *number = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, param, &number), 1);
	if (size == 0)
		size = BN_num_bytes(number);
	assert_int_equal(BN_bn2binpad(number, bytes, size), size);
	BN_free(number);
	text += strlen(text);
	text += sprintf(text, ",\"%s\":\"", member);
	strcpy(base64url_encode(text, bytes, (size_t)size), "\"");
}

void jwt_fixture_jwk(EVP_PKEY *key, const char *kid, char text[JWT_FIXTURE_TEXT])
{
	uint8_t bytes[32];
	size_t size = sizeof(bytes);

	sprintf(text, "{\"use\":\"sig\"");
	if (kid != NULL)
		sprintf(text + strlen(text), ",\"kid\":\"%s\"", kid);
	if (EVP_PKEY_is_a(key, "RSA")) {
		strcat(text, ",\"kty\":\"RSA\"");
		add_number(key, OSSL_PKEY_PARAM_RSA_N, "n", 0, text);
		add_number(key, OSSL_PKEY_PARAM_RSA_E, "e", 0, text);
	} else if (EVP_PKEY_is_a(key, "EC")) {
		strcat(text, ",\"kty\":\"EC\",\"crv\":\"P-256\"");
		add_number(key, OSSL_PKEY_PARAM_EC_PUB_X, "x", 32, text);
		add_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, "y", 32, text);
	} else {
		strcat(text, ",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
		assert_int_equal(EVP_PKEY_get_raw_public_key(key, bytes, &size), 1);
		strcpy(base64url_encode(text + strlen(text), bytes, size), "\"");
	}
	strcat(text, "}");
}

static size_t sign_public(EVP_PKEY *key, const char *text, uint8_t *signature, size_t room)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const EVP_MD *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
	const uint8_t *der = signature;
	ECDSA_SIG *pair;
	size_t size = room;

	assert_int_equal(EVP_DigestSignInit(context, NULL, digest, NULL, key), 1);
	assert_int_equal(
		EVP_DigestSign(context, signature, &size, (const uint8_t *)text, strlen(text)), 1);
	EVP_MD_CTX_free(context);
	if (!EVP_PKEY_is_a(key, "EC"))
		return size;
	pair = d2i_ECDSA_SIG(NULL, &der, (long)size);
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32);
	ECDSA_SIG_free(pair);
	return 64;
}

void jwt_fixture_sign(EVP_PKEY *key, const char *secret, const char *header, const char *payload,
		      char text[JWT_FIXTURE_TEXT])
{
	uint8_t signature[1024];
	unsigned mac_size = 0;
	size_t size;
	char *end = base64url_encode(text, (const uint8_t *)header, strlen(header));

	*end++ = '.';
	end = base64url_encode(end, (const uint8_t *)payload, strlen(payload));
	if (key != NULL) {
		size = sign_public(key, text, signature, sizeof(signature));
	} else {
		HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)text, strlen(text),
		     signature, &mac_size);
		size = mac_size;
	}
	*end++ = '.';
	base64url_encode(end, signature, size);
}
