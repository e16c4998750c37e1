#include "server/access/tokens.h"

#include "core/base/base64url.h"
#include "core/base/hex.h"
#include "core/base/json_parse.h"
#include "core/base/units.h"
#include "server/access/file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TOKENS_FILE_MAX ((size_t)64 << 20)

static bool token_read_hash(struct token *token, const json_t *json)
{
	const char *text = json_string_value(json);

	if (text == NULL || json_string_length(json) != TOKEN_HASH_TEXT)
		return false;
	for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		token->hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool token_read_scopes(struct token *token, const json_t *json)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json, i, name)
	{
		unsigned scope = json_is_string(name) ? access_scope_find(json_string_value(name),
									  json_string_length(name))
						      : 0;

		if (scope == 0)
			return false;
		token->caller.scopes |= scope;
	}
	return token->caller.scopes != 0;
}

static bool token_read_time(int64_t *ms, const json_t *json)
{
	return json_is_string(json) &&
	       units_parse_time(json_string_value(json), json_string_length(json), ms);
}

bool token_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= ACCESS_NAME_MAX &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       len;
}

static bool token_read_name(struct token *token, const json_t *json)
{
	const char *name = json_string_value(json);

	if (name == NULL || !token_name_is_valid(name))
		return false;
	strcpy(token->caller.name, name);
	return true;
}

static bool token_read_customer(struct token *token, const json_t *json)
{
	if (json == NULL)
		return true;
	token->caller.bound = true;
	/* null: a guest's. */
	return json_is_null(json) ||
	       (json_is_string(json) &&
		shop_id_parse(&token->caller.customer, json_string_value(json),
			      json_string_length(json)));
}

/* The member that is wrong; NULL: none. */
static const char *token_read(struct token *token, const json_t *json)
{
	const json_t *expires = json_object_get(json, "expires");

	if (!token_read_name(token, json_object_get(json, "name")))
		return "name";
	if (!token_read_hash(token, json_object_get(json, "sha256")))
		return "sha256";
	if (!token_read_scopes(token, json_object_get(json, "scopes")))
		return "scopes";
	if (!token_read_customer(token, json_object_get(json, "customer")))
		return "customer";
	if (!token_read_time(&token->created_ms, json_object_get(json, "created")))
		return "created";
	if (expires != NULL &&
	    (!token_read_time(&token->expires_ms, expires) || token->expires_ms == 0))
		return "expires";
	/* One that this version does not know may restrict the token. */
	if (json_object_size(json) != 4u + token->caller.bound + (expires != NULL))
		return "a member that is not known";
	return NULL;
}

static int token_compare_hash(const void *a, const void *b)
{
	return memcmp(((const struct token *)a)->hash, ((const struct token *)b)->hash,
		      TOKEN_HASH_BYTES);
}

static int token_compare_name(const void *a, const void *b)
{
	return strcmp(((const struct token *)a)->caller.name,
		      ((const struct token *)b)->caller.name);
}

/* -1: two tokens have one name, or one hash. Leaves them in the order of their hashes. */
static int tokens_sort(struct tokens *tokens, struct cart_error *error)
{
	qsort(tokens->all, tokens->count, sizeof(*tokens->all), token_compare_name);
	for (size_t i = 1; i < tokens->count; i++)
		if (token_compare_name(&tokens->all[i - 1], &tokens->all[i]) == 0)
			return cart_error_set(error, "two tokens have the name \"%s\"",
					      tokens->all[i].caller.name);
	qsort(tokens->all, tokens->count, sizeof(*tokens->all), token_compare_hash);
	for (size_t i = 1; i < tokens->count; i++)
		if (token_compare_hash(&tokens->all[i - 1], &tokens->all[i]) == 0)
			return cart_error_set(error, "\"%s\" and \"%s\" are the same token",
					      tokens->all[i - 1].caller.name,
					      tokens->all[i].caller.name);
	return 0;
}

static int tokens_read(struct tokens *tokens, const json_t *json, struct cart_error *error)
{
	const json_t *list = json_object_get(json, "tokens"), *entry;
	size_t i;

	if (!json_is_array(list) || json_object_size(json) != 1)
		return cart_error_set(error, "it is not {\"tokens\": [...]}");
	tokens->all = calloc(json_array_size(list) + 1, sizeof(*tokens->all));
	if (tokens->all == NULL)
		return cart_error_set(error, "out of memory");
	json_array_foreach(list, i, entry)
	{
		const char *wrong = token_read(&tokens->all[i], entry);

		if (wrong != NULL)
			return cart_error_set(error, "token %zu: %s is missing or wrong", i + 1,
					      wrong);
	}
	tokens->count = i;
	return tokens_sort(tokens, error);
}

int tokens_parse(struct tokens *tokens, const char *text, size_t len, struct cart_error *error)
{
	json_error_t where;
	json_t *json = json_parse(text, len, JSON_REJECT_DUPLICATES, &where, NULL);
	int rc;

	*tokens = (struct tokens){0};
	/* Without jansson's text, which quotes the file. */
	if (json == NULL)
		return cart_error_set(error, "it is not JSON, line %d", where.line);
	rc = tokens_read(tokens, json, error);
	json_decref(json);
	if (rc != 0)
		tokens_clear(tokens);
	return rc;
}

int tokens_load(struct tokens *tokens, const char *path, struct cart_error *error)
{
	struct cart_error why;
	size_t len;
	char *text = access_file_read(path, TOKENS_FILE_MAX, &len, NULL, &why);
	int rc = -1;

	*tokens = (struct tokens){0};
	if (text != NULL)
		rc = tokens_parse(tokens, text, len, &why);
	free(text);
	return rc == 0 ? 0 : cart_error_set(error, "token file %s: %s", path, why.text);
}

void tokens_clear(struct tokens *tokens)
{
	free(tokens->all);
	*tokens = (struct tokens){0};
}

/*
 * The search compares as much of the hashes as it needs, and so its time tells something about
 * them: of what use that is, a caller would have to choose hashes, and can only choose tokens. The
 * last comparison, which decides, takes the same time whatever it finds.
 */
const struct token *tokens_find(const struct tokens *tokens, const uint8_t hash[TOKEN_HASH_BYTES])
{
	size_t low = 0, high = tokens->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(tokens->all[middle].hash, hash, 8) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < tokens->count && memcmp(tokens->all[low].hash, hash, 8) == 0; low++)
		if (CRYPTO_memcmp(tokens->all[low].hash, hash, TOKEN_HASH_BYTES) == 0)
			return &tokens->all[low];
	return NULL;
}

struct token *tokens_named(const struct tokens *tokens, const char *name)
{
	for (size_t i = 0; i < tokens->count; i++)
		if (strcmp(tokens->all[i].caller.name, name) == 0)
			return &tokens->all[i];
	return NULL;
}

void token_hash_format(const uint8_t hash[TOKEN_HASH_BYTES], char text[TOKEN_HASH_TEXT + 1])
{
	*hex_write(text, hash, TOKEN_HASH_BYTES) = '\0';
}

bool token_make(char text[TOKEN_TEXT + 1], uint8_t hash[TOKEN_HASH_BYTES])
{
	uint8_t secret[TOKEN_SECRET_BYTES];
	bool made;

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return false;
	base64url_encode(stpcpy(text, TOKEN_PREFIX), secret, sizeof(secret));
	made = EVP_Digest(text, TOKEN_TEXT, hash, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_cleanse(secret, sizeof(secret));
	return made;
}
