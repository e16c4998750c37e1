/* Credentials in JSON, as containers, instance metadata and processes give them. */
#include "aws/cred.h"
#include "core/base/json_parse.h"

#include <string.h>

/* *value stays NULL if there is none, or null. */
static int cred_json_text(const json_t *object, const char *name, const char **value,
			  struct cart_error *error)
{
	const json_t *member = json_object_get(object, name);

	*value = json_string_value(member);
	if (member == NULL || json_is_null(member) || *value != NULL)
		return 0;
	return cart_error_set(error, "its %s is no string", name);
}

static int cred_json_take(const json_t *object, const char *token_name, struct aws_credentials *out,
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

/* Wipes its strings. Takes NULL. */
static void cred_json_free(json_t *object)
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

int cred_json_read(const struct cred_text *text, const struct cred_json_form *form,
		   struct aws_credentials *out, struct cart_error *error)
{
	json_error_t at;
	json_t *object = json_parse(text->data, text->len, JSON_REJECT_DUPLICATES, &at, NULL);
	struct cart_error why = {""};
	int result = -1;

	/* jansson's own message quotes what it could not parse, which may be a secret. */
	if (object == NULL)
		cart_error_set(&why, "it is no JSON (line %d, column %d of %zu bytes)", at.line,
			       at.column, text->len);
	else if (!json_is_object(object))
		cart_error_set(&why, "it is no JSON object");
	else if (form->check == NULL || form->check(object, &why) == 0)
		result = cred_json_take(object, form->token_name, out, &why);
	if (result != 0)
		cart_error_set(error, "%s: %.400s", form->what, why.text);
	cred_json_free(object);
	return result;
}
