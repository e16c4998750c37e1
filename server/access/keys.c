#include "server/access/keys.h"

#include "core/base/base64url.h"
#include "core/base/json_parse.h"
#include "server/access/file.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define KEY_COORDINATE	 32 /* bytes of P-256 and of Ed25519 */
#define KEY_EXPONENT_MAX 8
#define KEY_MODULUS_MAX	 (JWT_RSA_BITS_MAX / 8 + 1)

/* What becomes of an entry of a file. */
enum key_fate { KEY_TAKEN, KEY_LEFT_OUT, KEY_BROKEN };

unsigned jwt_algorithm_find(const char *name)
{
	static const char *const names[JWT_ALGORITHMS] = {"RS256", "ES256", "EdDSA", "HS256"};

	for (unsigned i = 0; i < JWT_ALGORITHMS; i++)
		if (strcmp(names[i], name) == 0)
			return 1u << i;
	return 0;
}

/* A member in base64url; false: not there, or not min to max bytes. */
static bool key_read_bytes(const json_t *jwk, const char *member, uint8_t *to, size_t min,
			   size_t max, size_t *size)
{
	const json_t *json = json_object_get(jwk, member);
	const char *text = json_string_value(json);
	size_t len = json_string_length(json);

	return text != NULL && BASE64URL_BYTES(len) <= max &&
	       base64url_decode(to, size, text, len) && *size >= min;
}

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM_BLD *build)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY *key = NULL;

	if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return key;
}

static EVP_PKEY *key_read_rsa(const json_t *jwk)
{
	uint8_t modulus[KEY_MODULUS_MAX], exponent[KEY_EXPONENT_MAX];
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = NULL;
	EVP_PKEY *key = NULL;
	size_t n_size, e_size;

	if (key_read_bytes(jwk, "n", modulus, 1, sizeof(modulus), &n_size) &&
	    key_read_bytes(jwk, "e", exponent, 1, sizeof(exponent), &e_size)) {
		n = BN_bin2bn(modulus, (int)n_size, NULL);
		e = BN_bin2bn(exponent, (int)e_size, NULL);
	}
	if (build != NULL && n != NULL && e != NULL &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		key = key_from_params("RSA", build);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *key_read_ec(const json_t *jwk)
{
	uint8_t point[1 + 2 * KEY_COORDINATE] = {POINT_CONVERSION_UNCOMPRESSED};
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	size_t size;

	if (build != NULL &&
	    key_read_bytes(jwk, "x", point + 1, KEY_COORDINATE, KEY_COORDINATE, &size) &&
	    key_read_bytes(jwk, "y", point + 1 + KEY_COORDINATE, KEY_COORDINATE, KEY_COORDINATE,
			   &size) &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
		    1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
					     sizeof(point)) == 1)
		key = key_from_params("EC", build);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *key_read_okp(const json_t *jwk)
{
	uint8_t x[KEY_COORDINATE];
	size_t size;

	if (!key_read_bytes(jwk, "x", x, sizeof(x), sizeof(x), &size))
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, size);
}

static bool key_is(const json_t *jwk, const char *member, const char *value)
{
	const char *text = json_string_value(json_object_get(jwk, member));

	return text != NULL && strcmp(text, value) == 0;
}

/* The algorithm of a public key; 0: it has none of ours. */
static unsigned key_algorithm(const EVP_PKEY *key)
{
	char group[32];
	size_t len;

	if (EVP_PKEY_is_a(key, "RSA"))
		return JWT_RS256;
	if (EVP_PKEY_is_a(key, "ED25519"))
		return JWT_EDDSA;
	if (EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	    strcmp(group, "prime256v1") == 0)
		return JWT_ES256;
	return 0;
}

/* Whether it is a point of its curve, and an RSA key is of a size that is neither weak nor slow. */
static bool key_is_sound(EVP_PKEY *key, unsigned algorithm)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int bits = EVP_PKEY_get_bits(key);
	bool sound = context != NULL && EVP_PKEY_public_check(context) == 1;

	EVP_PKEY_CTX_free(context);
	return sound &&
	       (algorithm != JWT_RS256 || (bits >= JWT_RSA_BITS_MIN && bits <= JWT_RSA_BITS_MAX));
}

/* The algorithm that an entry is for, by its type; 0: none of ours. */
static unsigned key_jwk_algorithm(const json_t *jwk)
{
	if (key_is(jwk, "kty", "RSA"))
		return JWT_RS256;
	if (key_is(jwk, "kty", "EC") && key_is(jwk, "crv", "P-256"))
		return JWT_ES256;
	if (key_is(jwk, "kty", "OKP") && key_is(jwk, "crv", "Ed25519"))
		return JWT_EDDSA;
	return key_is(jwk, "kty", "oct") ? JWT_HS256 : 0;
}

/* It says itself what it is for, RFC 7517, sections 4.2 to 4.4. */
static bool key_is_for(const json_t *jwk, unsigned algorithm)
{
	const json_t *operations = json_object_get(jwk, "key_ops"), *operation;
	const char *name = json_string_value(json_object_get(jwk, "alg"));
	bool verifies = operations == NULL;
	size_t i;

	json_array_foreach(operations, i, operation)
	{
		const char *text = json_string_value(operation);

		verifies = verifies || (text != NULL && strcmp(text, "verify") == 0);
	}
	return verifies && (json_object_get(jwk, "use") == NULL || key_is(jwk, "use", "sig")) &&
	       (json_object_get(jwk, "alg") == NULL ||
		(name != NULL && jwt_algorithm_find(name) == algorithm));
}

static bool key_read_kid(struct jwt_key *key, const json_t *jwk)
{
	const json_t *kid = json_object_get(jwk, "kid");

	if (kid == NULL)
		return true;
	if (!json_is_string(kid) || json_string_length(kid) == 0 ||
	    json_string_length(kid) > JWT_KID_MAX)
		return false;
	strcpy(key->kid, json_string_value(kid));
	return true;
}

static enum key_fate key_read_jwk(struct jwt_key *key, unsigned algorithms, const json_t *jwk)
{
	if (!json_is_object(jwk))
		return KEY_BROKEN;
	key->algorithm = key_jwk_algorithm(jwk);
	if ((key->algorithm & algorithms) == 0 || !key_is_for(jwk, key->algorithm))
		return KEY_LEFT_OUT;
	/* A private key has no business here. */
	if (!key_read_kid(key, jwk) || json_object_get(jwk, "d") != NULL)
		return KEY_BROKEN;
	if (key->algorithm == JWT_HS256)
		return key_read_bytes(jwk, "k", key->secret, JWT_SECRET_MIN, JWT_SECRET_MAX,
				      &key->secret_size)
			       ? KEY_TAKEN
			       : KEY_BROKEN;
	if (key->algorithm == JWT_RS256)
		key->public_key = key_read_rsa(jwk);
	else if (key->algorithm == JWT_ES256)
		key->public_key = key_read_ec(jwk);
	else
		key->public_key = key_read_okp(jwk);
	return key->public_key != NULL && key_is_sound(key->public_key, key->algorithm)
		       ? KEY_TAKEN
		       : KEY_BROKEN;
}

/* The next key of a file, whose members are zero. */
static void keys_settle(struct jwt_keys *keys, enum key_fate fate)
{
	struct jwt_key *key = &keys->all[keys->count];

	if (fate == KEY_TAKEN) {
		keys->count++;
		return;
	}
	EVP_PKEY_free(key->public_key);
	OPENSSL_cleanse(key, sizeof(*key));
}

static int keys_read_set(struct jwt_keys *keys, unsigned algorithms, const json_t *set,
			 struct cart_error *error)
{
	const json_t *list = json_object_get(set, "keys"), *jwk;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > JWT_KEYS_MAX)
		return cart_error_set(error, "it is not a JWK set of at most %d keys",
				      JWT_KEYS_MAX);
	json_array_foreach(list, i, jwk)
	{
		enum key_fate fate = key_read_jwk(&keys->all[keys->count], algorithms, jwk);

		keys_settle(keys, fate);
		if (fate == KEY_BROKEN)
			return cart_error_set(error,
					      "key %zu is broken, private, too short or "
					      "too long",
					      i + 1);
	}
	return 0;
}

static int keys_parse_set(struct jwt_keys *keys, unsigned algorithms, const char *text, size_t len,
			  struct cart_error *error)
{
	json_error_t where;
	json_t *set = json_parse(text, len, JSON_REJECT_DUPLICATES, &where, NULL);
	int rc;

	if (set == NULL)
		return cart_error_set(error, "it is not JSON, line %d", where.line);
	rc = keys_read_set(keys, algorithms, set, error);
	json_decref(set);
	return rc;
}

static EVP_PKEY *key_read_pem(const char *name, const uint8_t *data, long len)
{
	EVP_PKEY *key = NULL;
	X509 *certificate;

	if (strcmp(name, PEM_STRING_PUBLIC) == 0)
		return d2i_PUBKEY(NULL, &data, len);
	if (strcmp(name, PEM_STRING_X509) != 0)
		return NULL;
	certificate = d2i_X509(NULL, &data, len);
	if (certificate != NULL)
		key = X509_get_pubkey(certificate);
	X509_free(certificate);
	return key;
}

static enum key_fate key_take_pem(struct jwt_key *key, unsigned algorithms, const char *name,
				  const uint8_t *data, long len)
{
	key->public_key = key_read_pem(name, data, len);
	if (key->public_key == NULL)
		return KEY_BROKEN;
	key->algorithm = key_algorithm(key->public_key);
	if ((key->algorithm & algorithms) == 0)
		return KEY_LEFT_OUT;
	return key_is_sound(key->public_key, key->algorithm) ? KEY_TAKEN : KEY_BROKEN;
}

static int keys_parse_pem(struct jwt_keys *keys, unsigned algorithms, const char *text, size_t len,
			  struct cart_error *error)
{
	BIO *in = BIO_new_mem_buf(text, (int)len);
	char *name, *header;
	uint8_t *data;
	long size;
	int rc = 0;

	for (size_t i = 1;
	     in != NULL && rc == 0 && PEM_read_bio(in, &name, &header, &data, &size) == 1; i++) {
		enum key_fate fate = KEY_BROKEN;

		if (i <= JWT_KEYS_MAX) {
			fate = key_take_pem(&keys->all[keys->count], algorithms, name, data, size);
			keys_settle(keys, fate);
		}
		if (fate == KEY_BROKEN)
			rc = cart_error_set(error,
					    "key %zu is broken, too short or too long, or "
					    "no public key nor certificate",
					    i);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)size);
	}
	BIO_free(in);
	return rc;
}

int jwt_keys_parse(struct jwt_keys *keys, unsigned algorithms, const char *text, size_t len,
		   struct cart_error *error)
{
	size_t start = 0;
	int rc;

	/* One more, for an entry that is left out. */
	*keys = (struct jwt_keys){.all = calloc(JWT_KEYS_MAX + 1, sizeof(*keys->all))};
	if (keys->all == NULL)
		return cart_error_set(error, "out of memory");
	while (start < len && strchr(" \t\r\n", text[start]) != NULL)
		start++;
	rc = start < len && text[start] == '{' ? keys_parse_set(keys, algorithms, text, len, error)
					       : keys_parse_pem(keys, algorithms, text, len, error);
	if (rc == 0 && keys->count == 0)
		rc = cart_error_set(error, "it has no key for one of auth.jwt_algorithms");
	if (rc != 0)
		jwt_keys_clear(keys);
	return rc;
}

static bool keys_have_secret(const struct jwt_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->all[i].algorithm == JWT_HS256)
			return true;
	return false;
}

int jwt_keys_load(struct jwt_keys *keys, unsigned algorithms, const char *path,
		  struct cart_error *error)
{
	struct cart_error why;
	bool shared;
	size_t len;
	char *text = access_file_read(path, JWT_KEYS_FILE_MAX, &len, &shared, &why);
	int rc = -1;

	*keys = (struct jwt_keys){0};
	if (text != NULL) {
		rc = jwt_keys_parse(keys, algorithms, text, len, &why);
		OPENSSL_cleanse(text, len);
		free(text);
	}
	if (rc == 0 && shared && keys_have_secret(keys)) {
		jwt_keys_clear(keys);
		rc = cart_error_set(&why, "it has a secret, and others may read it; chmod 600");
	}
	return rc == 0 ? 0 : cart_error_set(error, "key file %s: %s", path, why.text);
}

void jwt_keys_clear(struct jwt_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		EVP_PKEY_free(keys->all[i].public_key);
		OPENSSL_cleanse(&keys->all[i], sizeof(keys->all[i]));
	}
	free(keys->all);
	*keys = (struct jwt_keys){0};
}
