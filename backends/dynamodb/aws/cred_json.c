/* Credentials in JSON, as containers, instance metadata and processes give them. */
#include "backends/dynamodb/aws/cred.h"
#include "core/base/json_parse.h"

#include <string.h>

/* jansson's own message quotes what it stumbled over, which may be a secret. */
int cred_json_load(const struct cred_text *text, json_t **object, struct cart_error *error)
{
	json_error_t at;

	*object = json_parse(text->data, text->len, JSON_REJECT_DUPLICATES, &at, NULL);
	if (*object == NULL)
		return cart_error_set(error, "no JSON (line %d, column %d of %zu bytes)", at.line,
				      at.column, text->len);
	if (json_is_object(*object))
		return 0;
	cred_json_free(*object);
	*object = NULL;
	return cart_error_set(error, "no JSON object");
}

/* *value stays NULL if there is none, or null. */
static int cred_json_text(const json_t *object, const char *name, const char **value,
			  struct cart_error *error)
{
	const json_t *member = json_object_get(object, name);

	*value = NULL;
	if (member == NULL || json_is_null(member))
		return 0;
	if (!json_is_string(member))
		return cart_error_set(error, "its %s is no string", name);
	*value = json_string_value(member);
	return 0;
}

int cred_json_take(const json_t *object, const char *token_name, struct ddb_credentials *out,
		   struct cart_error *error)
{
	const char *id, *secret, *token, *expires;

	if (cred_json_text(object, "AccessKeyId", &id, error) != 0 ||
	    cred_json_text(object, "SecretAccessKey", &secret, error) != 0 ||
	    cred_json_text(object, token_name, &token, error) != 0 ||
	    cred_json_text(object, "Expiration", &expires, error) != 0)
		return -1;
	if (id == NULL || secret == NULL)
		return cart_error_set(error, "it has no %s",
				      id == NULL ? "AccessKeyId" : "SecretAccessKey");
	return cred_set(out, id, secret, token, expires, error);
}

void cred_json_free(json_t *object)
{
	const char *key;
	json_t *member;

	json_object_foreach(object, key, member)
	{
		if (json_is_string(member))
			explicit_bzero((char *)(uintptr_t)json_string_value(member),
				       json_string_length(member));
	}
	json_decref(object);
}
