#include "server/access/jwt.h"

#include "core/base/base64url.h"
#include "core/base/json_parse.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <strings.h>

#define JWT_TEXT_MAX	  ((size_t)8 << 10)
#define JWT_SIGNATURE_MAX (JWT_RSA_BITS_MAX / 8)
#define JWT_ECDSA_BYTES	  64
#define JWT_DER_MAX	  80
/* Keys that are tried for one token: each costs time that a stranger decides about. */
#define JWT_TRIES_MAX 4

#define JWT_MALFORMED "the token is not well formed"

/* A token taken apart. Its parts lie in the text. */
struct jwt {
	const char *text;
	size_t header_len, payload_len; /* in base64url */
	uint8_t signature[JWT_SIGNATURE_MAX];
	size_t signature_size;
	unsigned algorithm;
	char kid[JWT_KID_MAX + 1]; /* "": none */
};

/* Three parts with a dot between each two. */
static bool jwt_split(struct jwt *jwt, const char *text, size_t len)
{
	const char *end = text + len;
	const char *first = memchr(text, '.', len);
	const char *second =
		first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

	if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
		return false;
	jwt->text = text;
	jwt->header_len = (size_t)(first - text);
	jwt->payload_len = (size_t)(second - first - 1);
	len = (size_t)(end - second - 1);
	return BASE64URL_BYTES(len) <= sizeof(jwt->signature) &&
	       base64url_decode(jwt->signature, &jwt->signature_size, second + 1, len);
}

/* The JSON object in a part; NULL: it is none, or there is no memory. */
static json_t *jwt_read_part(const char *text, size_t len)
{
	uint8_t bytes[BASE64URL_BYTES(JWT_TEXT_MAX)];
	json_t *json = NULL;
	size_t size;

	if (base64url_decode(bytes, &size, text, len))
		json = json_parse((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL, NULL);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

/* Only what may be an access token: no logout token, no proof of possession. RFC 8725, 3.11. */
static bool jwt_type_is_fit(const json_t *header)
{
	const json_t *type = json_object_get(header, "typ");
	const char *text = json_string_value(type);

	if (type == NULL)
		return true;
	if (text != NULL && strncasecmp(text, "application/", 12) == 0)
		text += 12;
	return text != NULL && (strcasecmp(text, "JWT") == 0 || strcasecmp(text, "at+jwt") == 0);
}

static const char *jwt_read_header(struct jwt *jwt, const json_t *header)
{
	const char *name = json_string_value(json_object_get(header, "alg"));
	const json_t *kid = json_object_get(header, "kid");

	jwt->algorithm = name != NULL ? jwt_algorithm_find(name) : 0;
	if (jwt->algorithm == 0)
		return "the token's algorithm is not accepted";
	if (json_object_get(header, "crit") != NULL)
		return "the token has an extension that is not known";
	if (!jwt_type_is_fit(header))
		return "the token's type is not accepted";
	if (kid != NULL) {
		if (!json_is_string(kid) || json_string_length(kid) == 0 ||
		    json_string_length(kid) > JWT_KID_MAX)
			return "the token's key is not known";
		strcpy(jwt->kid, json_string_value(kid));
	}
	return NULL;
}

static bool jwt_verify_hmac(const struct jwt *jwt, const struct jwt_key *key, size_t signed_len)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	return HMAC(EVP_sha256(), key->secret, (int)key->secret_size, (const uint8_t *)jwt->text,
		    signed_len, mac, &size) != NULL &&
	       jwt->signature_size == size && CRYPTO_memcmp(mac, jwt->signature, size) == 0;
}

/* R and S of 32 bytes each (RFC 7518, section 3.4), as OpenSSL has them. 0: out of memory. */
static size_t jwt_der_signature(const struct jwt *jwt, uint8_t der[JWT_DER_MAX])
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(jwt->signature, JWT_ECDSA_BYTES / 2, NULL);
	BIGNUM *s = BN_bin2bn(jwt->signature + JWT_ECDSA_BYTES / 2, JWT_ECDSA_BYTES / 2, NULL);
	int size = 0;

	if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL;
		if (i2d_ECDSA_SIG(pair, NULL) <= JWT_DER_MAX)
			size = i2d_ECDSA_SIG(pair, &der);
	}
	ECDSA_SIG_free(pair);
	BN_free(r);
	BN_free(s);
	return size > 0 ? (size_t)size : 0;
}

static bool jwt_verify_public(const struct jwt *jwt, const struct jwt_key *key, size_t signed_len)
{
	const EVP_MD *digest = key->algorithm == JWT_EDDSA ? NULL : EVP_sha256();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const uint8_t *signature = jwt->signature;
	size_t size = jwt->signature_size;
	uint8_t der[JWT_DER_MAX];
	bool good = context != NULL;

	if (key->algorithm == JWT_ES256) {
		good = good && size == JWT_ECDSA_BYTES;
		size = good ? jwt_der_signature(jwt, der) : 0;
		signature = der;
	}
	good = good && size > 0 &&
	       EVP_DigestVerifyInit(context, NULL, digest, NULL, key->public_key) == 1 &&
	       EVP_DigestVerify(context, signature, size, (const uint8_t *)jwt->text, signed_len) ==
		       1;
	EVP_MD_CTX_free(context);
	return good;
}

/* Where the token names its key, keys of another name are not tried. */
static bool jwt_key_fits(const struct jwt *jwt, const struct jwt_key *key)
{
	return key->algorithm == jwt->algorithm &&
	       (jwt->kid[0] == '\0' || key->kid[0] == '\0' || strcmp(key->kid, jwt->kid) == 0);
}

static const char *jwt_verify_signature(const struct jwt *jwt, const struct jwt_keys *keys)
{
	size_t signed_len = jwt->header_len + 1 + jwt->payload_len;
	int tries = 0;

	for (size_t i = 0; i < keys->count && tries < JWT_TRIES_MAX; i++) {
		const struct jwt_key *key = &keys->all[i];

		if (!jwt_key_fits(jwt, key))
			continue;
		tries++;
		if (key->algorithm == JWT_HS256 ? jwt_verify_hmac(jwt, key, signed_len)
						: jwt_verify_public(jwt, key, signed_len))
			return NULL;
	}
	return tries == 0 ? "the token's key is not known" : "the token's signature is not good";
}

/* A NumericDate: seconds, perhaps with a fraction. Times beyond the year 9999 are cut to it. */
static bool jwt_read_time(const json_t *json, int64_t *ms)
{
	const double most = 253402300799.0;
	double seconds = json_number_value(json);

	if (!json_is_number(json))
		return false;
	if (seconds > most)
		seconds = most;
	if (!(seconds > 0))
		seconds = 0;
	*ms = (int64_t)(seconds * 1000);
	return true;
}

static const char *jwt_read_times(struct jwt_claims *claims, const json_t *payload,
				  const struct jwt_rules *rules, int64_t now_ms)
{
	const json_t *from = json_object_get(payload, "nbf");

	if (!jwt_read_time(json_object_get(payload, "exp"), &claims->until_ms))
		return "the token does not say when it expires";
	claims->until_ms += rules->leeway_ms;
	if (claims->until_ms <= now_ms)
		return "the token has expired";
	claims->from_ms = 0;
	if (from != NULL && !jwt_read_time(from, &claims->from_ms))
		return JWT_MALFORMED;
	claims->from_ms -= rules->leeway_ms;
	return claims->from_ms > now_ms ? "the token is not valid yet" : NULL;
}

static bool jwt_is(const json_t *json, const char *text)
{
	return json_is_string(json) && strcmp(json_string_value(json), text) == 0;
}

static bool jwt_is_for(const json_t *audience, const char *us)
{
	const json_t *one;
	size_t i;

	json_array_foreach(audience, i, one) if (jwt_is(one, us)) return true;
	return jwt_is(audience, us);
}

/* Words that are no scopes of ours are those of other services. */
static void jwt_add_scopes(unsigned *scopes, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		*scopes |= access_scope_find(text, len);
		text += len + strspn(text + len, " ");
	}
}

static bool jwt_read_scopes(struct access_caller *caller, const json_t *claim, unsigned otherwise)
{
	const json_t *one;
	size_t i;

	if (claim == NULL)
		caller->scopes = otherwise;
	else if (json_is_string(claim))
		jwt_add_scopes(&caller->scopes, json_string_value(claim));
	json_array_foreach(claim, i, one) if (json_is_string(one)) caller->scopes |=
		access_scope_find(json_string_value(one), json_string_length(one));
	return claim == NULL || json_is_string(claim) || json_is_array(claim);
}

/* Without the claim the caller is nobody's customer, and reaches the carts of guests. */
static bool jwt_read_customer(struct access_caller *caller, const json_t *claim)
{
	json_int_t number = json_integer_value(claim);

	caller->bound = true;
	if (claim == NULL || json_is_null(claim))
		return true;
	if (json_is_integer(claim) && shop_id_type() == SHOP_ID_INTEGER) {
		if (number < 1 || number > SHOP_ID_NUMBER_MAX)
			return false;
		caller->customer = shop_id_of_number(number);
		return true;
	}
	return json_is_string(claim) && shop_id_parse(&caller->customer, json_string_value(claim),
						      json_string_length(claim));
}

/* "jwt:" and the subject, cut; so that none passes for a token of the file. */
static void jwt_read_name(struct access_caller *caller, const json_t *subject)
{
	const char *text = json_is_string(subject) ? json_string_value(subject) : "";

	strcpy(caller->name, "jwt:");
	strncat(caller->name, text, ACCESS_NAME_MAX - 4);
}

static const char *jwt_read_claims(struct jwt_claims *claims, const json_t *payload,
				   const struct jwt_rules *rules, int64_t now_ms)
{
	struct access_caller *caller = &claims->caller;
	const char *why = jwt_read_times(claims, payload, rules, now_ms);

	if (why != NULL)
		return why;
	if (!jwt_is(json_object_get(payload, "iss"), rules->issuer))
		return "the token is of another issuer";
	if (!jwt_is_for(json_object_get(payload, "aud"), rules->audience))
		return "the token is for another audience";
	*caller = (struct access_caller){0};
	if (!jwt_read_scopes(caller, json_object_get(payload, rules->scope_claim), rules->scopes))
		return "the token's scopes are not text";
	if (!jwt_read_customer(caller, json_object_get(payload, rules->customer_claim)))
		return "the token's customer is not a customer's id";
	jwt_read_name(caller, json_object_get(payload, "sub"));
	return NULL;
}

/* The signature is checked before a claim is looked at. */
const char *jwt_verify(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *text,
		       size_t len, int64_t now_ms, struct jwt_claims *claims)
{
	struct jwt jwt = {.text = text};
	const char *why = JWT_MALFORMED;
	json_t *json;

	if (len > JWT_TEXT_MAX || !jwt_split(&jwt, text, len))
		return why;
	json = jwt_read_part(text, jwt.header_len);
	if (json == NULL)
		return why;
	why = jwt_read_header(&jwt, json);
	json_decref(json);
	if (why == NULL)
		why = jwt_verify_signature(&jwt, keys);
	if (why != NULL)
		return why;
	json = jwt_read_part(text + jwt.header_len + 1, jwt.payload_len);
	if (json == NULL)
		return JWT_MALFORMED;
	why = jwt_read_claims(claims, json, rules, now_ms);
	json_decref(json);
	return why;
}
