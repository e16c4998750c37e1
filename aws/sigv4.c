/*
 * The happy path: the canonical request is written into the signer, hashed, put into the string to
 * sign, and that is signed with the key of the day. Each step has a room of fixed size; what does
 * not fit fails the signature.
 */
#include "aws/sigv4.h"

#include "core/base/hex.h"

/* OpenSSL 3 calls these old; what it offers in their place (EVP) allocates at every digest. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SIGV4_HASH	 32
#define SIGV4_BLOCK	 64
#define SIGV4_SCOPE_ROOM 128

/* Text in a room of fixed size: what does not fit fails, and is reported once at the end. */
struct sigv4_text {
	char *data; /* NUL-terminated */
	size_t len;
	size_t room;
	bool failed;
};

static void sigv4_add(struct sigv4_text *text, const char *data, size_t len)
{
	if (text->failed || len >= text->room - text->len) {
		text->failed = true;
		return;
	}
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

static void sigv4_add_string(struct sigv4_text *text, const char *string)
{
	sigv4_add(text, string, strlen(string));
}

static bool text_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A header's value: spaces around it removed, those in it and line ends made one. */
static void sigv4_add_value(struct sigv4_text *text, const char *value)
{
	while (text_is_space(*value))
		value++;
	while (*value != '\0') {
		size_t len = strcspn(value, " \t\r\n");

		sigv4_add(text, value, len);
		value += len;
		while (text_is_space(*value))
			value++;
		if (*value != '\0')
			sigv4_add(text, " ", 1);
	}
}

static void sigv4_add_lower(struct sigv4_text *text, const char *name)
{
	for (; *name != '\0'; name++) {
		char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;

		sigv4_add(text, &c, 1);
	}
}

static void sigv4_hex(const unsigned char *bytes, size_t len, char *hex)
{
	*hex_write(hex, bytes, len) = '\0';
}

/* What one signature is about. */
struct sigv4_work {
	struct sigv4_signer *signer;
	const struct sigv4_credentials *credentials;
	const struct sigv4_request *request;
	struct sigv4_header headers[SIGV4_HEADERS_MAX]; /* sorted by name */
	size_t header_count;
	char time[SIGV4_TIME_ROOM];
	char scope[SIGV4_SCOPE_ROOM];
	const char *payload_hash;
	char computed_hash[2 * SIGV4_HASH + 1];
};

/* SHA-256 of two pieces. */
static bool sigv4_hash(const void *first, size_t first_len, const void *second, size_t second_len,
		       uint8_t hash[SIGV4_HASH])
{
	SHA256_CTX digest;
	bool good = SHA256_Init(&digest) == 1 && SHA256_Update(&digest, first, first_len) == 1 &&
		    SHA256_Update(&digest, second, second_len) == 1 &&
		    SHA256_Final(hash, &digest) == 1;

	explicit_bzero(&digest, sizeof(digest));
	return good;
}

/* HMAC-SHA256 (RFC 2104). */
static bool sigv4_hmac(const uint8_t *key, size_t key_len, const char *data, size_t len,
		       uint8_t mac[SIGV4_HASH])
{
	uint8_t pad[SIGV4_BLOCK], short_key[SIGV4_HASH];
	bool good;

	if (key_len > SIGV4_BLOCK) {
		if (!sigv4_hash(key, key_len, "", 0, short_key))
			return false;
		key = short_key;
		key_len = SIGV4_HASH;
	}
	for (size_t i = 0; i < SIGV4_BLOCK; i++)
		pad[i] = (uint8_t)((i < key_len ? key[i] : 0) ^ 0x36);
	good = sigv4_hash(pad, sizeof(pad), data, len, mac);
	for (size_t i = 0; i < SIGV4_BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	good = good && sigv4_hash(pad, sizeof(pad), mac, SIGV4_HASH, mac);
	explicit_bzero(pad, sizeof(pad));
	explicit_bzero(short_key, sizeof(short_key));
	return good;
}

static bool sigv4_derive(struct sigv4_signer *signer, const char *secret, const char *date)
{
	char start[260];
	int len = snprintf(start, sizeof(start), "AWS4%s", secret);
	uint8_t *key = signer->key;
	bool good = len > 0 && (size_t)len < sizeof(start) &&
		    sigv4_hmac((const uint8_t *)start, (size_t)len, date, 8, key) &&
		    sigv4_hmac(key, SIGV4_HASH, signer->region, strlen(signer->region), key) &&
		    sigv4_hmac(key, SIGV4_HASH, signer->service, strlen(signer->service), key) &&
		    sigv4_hmac(key, SIGV4_HASH, "aws4_request", 12, key);

	explicit_bzero(start, sizeof(start));
	return good;
}

/* The key of that day and secret. */
static bool sigv4_renew_key(struct sigv4_signer *signer, const char *secret, const char *date)
{
	uint8_t hash[SIGV4_HASH];

	if (!sigv4_hash(secret, strlen(secret), "", 0, hash))
		return false;
	if (signer->has_key && memcmp(signer->date, date, 8) == 0 &&
	    memcmp(signer->secret_hash, hash, sizeof(hash)) == 0)
		return true;
	signer->has_key = sigv4_derive(signer, secret, date);
	memcpy(signer->secret_hash, hash, sizeof(hash));
	memcpy(signer->date, date, 8);
	signer->date[8] = '\0';
	return signer->has_key;
}

static bool sigv4_begin(struct sigv4_work *work, int64_t unix_s)
{
	struct sigv4_signer *signer = work->signer;
	time_t seconds = (time_t)unix_s;
	uint8_t hash[SIGV4_HASH];
	struct tm utc;
	int len;

	if (gmtime_r(&seconds, &utc) == NULL ||
	    strftime(work->time, sizeof(work->time), "%Y%m%dT%H%M%SZ", &utc) == 0)
		return false;
	len = snprintf(work->scope, sizeof(work->scope), "%.8s/%s/%s/aws4_request", work->time,
		       signer->region, signer->service);
	if (len <= 0 || (size_t)len >= sizeof(work->scope))
		return false;
	work->payload_hash = work->request->payload_hash;
	if (work->payload_hash != NULL)
		return true;
	if (!sigv4_hash(work->request->payload, work->request->payload_len, "", 0, hash))
		return false;
	sigv4_hex(hash, sizeof(hash), work->computed_hash);
	work->payload_hash = work->computed_hash;
	return true;
}

/* Keeps the headers sorted by name, those of one name in the order they came. */
static bool sigv4_take_header(struct sigv4_work *work, const char *name, const char *value)
{
	size_t at = work->header_count;

	if (at == SIGV4_HEADERS_MAX)
		return false;
	while (at > 0 && strcasecmp(work->headers[at - 1].name, name) > 0) {
		work->headers[at] = work->headers[at - 1];
		at--;
	}
	work->headers[at] = (struct sigv4_header){.name = name, .value = value};
	work->header_count++;
	return true;
}

static bool sigv4_is_repeated(const struct sigv4_work *work, size_t at)
{
	return at > 0 && strcasecmp(work->headers[at].name, work->headers[at - 1].name) == 0;
}

/* "host;x-amz-date" */
static void sigv4_add_names(struct sigv4_text *text, const struct sigv4_work *work)
{
	for (size_t i = 0; i < work->header_count; i++) {
		if (sigv4_is_repeated(work, i))
			continue;
		if (i > 0)
			sigv4_add_string(text, ";");
		sigv4_add_lower(text, work->headers[i].name);
	}
}

static void sigv4_add_headers(struct sigv4_text *text, const struct sigv4_work *work)
{
	for (size_t i = 0; i < work->header_count; i++) {
		if (sigv4_is_repeated(work, i)) {
			sigv4_add_string(text, ",");
		} else {
			sigv4_add_string(text, i > 0 ? "\n" : "");
			sigv4_add_lower(text, work->headers[i].name);
			sigv4_add_string(text, ":");
		}
		sigv4_add_value(text, work->headers[i].value);
	}
}

static bool sigv4_canonical(struct sigv4_work *work)
{
	const struct sigv4_request *request = work->request;
	struct sigv4_text text = {.data = work->signer->canonical, .room = SIGV4_CANONICAL_ROOM};

	sigv4_add_string(&text, request->method);
	sigv4_add_string(&text, "\n");
	sigv4_add_string(&text, request->path != NULL ? request->path : "/");
	sigv4_add_string(&text, "\n");
	sigv4_add_string(&text, request->query != NULL ? request->query : "");
	sigv4_add_string(&text, "\n");
	sigv4_add_headers(&text, work);
	sigv4_add_string(&text, "\n\n");
	sigv4_add_names(&text, work);
	sigv4_add_string(&text, "\n");
	sigv4_add_string(&text, work->payload_hash);
	return !text.failed;
}

static bool sigv4_finish(struct sigv4_work *work)
{
	struct sigv4_signer *signer = work->signer;
	char hex[2 * SIGV4_HASH + 1];
	uint8_t hash[SIGV4_HASH];
	int len;

	if (!sigv4_canonical(work) ||
	    !sigv4_hash(signer->canonical, strlen(signer->canonical), "", 0, hash))
		return false;
	sigv4_hex(hash, sizeof(hash), hex);
	len = snprintf(signer->to_sign, sizeof(signer->to_sign), "AWS4-HMAC-SHA256\n%s\n%s\n%s",
		       work->time, work->scope, hex);
	if (len <= 0 || (size_t)len >= sizeof(signer->to_sign) ||
	    !sigv4_renew_key(signer, work->credentials->secret_access_key, work->time) ||
	    !sigv4_hmac(signer->key, SIGV4_HASH, signer->to_sign, (size_t)len, hash))
		return false;
	sigv4_hex(hash, sizeof(hash), signer->signature);
	return true;
}

static bool sigv4_take_headers(struct sigv4_work *work)
{
	const struct sigv4_request *request = work->request;
	const char *token = work->credentials->session_token;
	bool good = true;

	for (size_t i = 0; i < request->header_count && good; i++)
		good = sigv4_take_header(work, request->headers[i].name, request->headers[i].value);
	good = good && sigv4_take_header(work, "x-amz-date", work->time);
	if (good && token != NULL && token[0] != '\0')
		good = sigv4_take_header(work, "x-amz-security-token", token);
	return good;
}

bool sigv4_sign(struct sigv4_signer *signer, const struct sigv4_credentials *credentials,
		const struct sigv4_request *request, int64_t unix_s, struct sigv4_signed *out)
{
	struct sigv4_work work = {.signer = signer, .credentials = credentials, .request = request};
	struct sigv4_text text = {.data = out->authorization, .room = sizeof(out->authorization)};

	if (!sigv4_begin(&work, unix_s) || !sigv4_take_headers(&work) || !sigv4_finish(&work))
		return false;
	memcpy(out->amz_date, work.time, sizeof(out->amz_date));
	sigv4_add_string(&text, "AWS4-HMAC-SHA256 Credential=");
	sigv4_add_string(&text, credentials->access_key_id);
	sigv4_add_string(&text, "/");
	sigv4_add_string(&text, work.scope);
	sigv4_add_string(&text, ", SignedHeaders=");
	sigv4_add_names(&text, &work);
	sigv4_add_string(&text, ", Signature=");
	sigv4_add_string(&text, signer->signature);
	return !text.failed;
}

void sigv4_signer_clear(struct sigv4_signer *signer)
{
	const char *region = signer->region, *service = signer->service;

	explicit_bzero(signer, sizeof(*signer));
	signer->region = region;
	signer->service = service;
}
