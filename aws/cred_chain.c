/*
 * The sources in their order. The first that is configured is used: if it fails, the next is not
 * tried, because it would be another identity.
 */
#include "aws/cred.h"

#include <stdio.h>
#include <string.h>

static const struct cred_provider *const cred_chain[] = {
	&cred_environment, &cred_web_identity, &cred_profile, &cred_container, &cred_imds,
};

static enum cred_result cred_chain_ask(struct cred_context *context,
				       const struct cred_provider *provider,
				       struct aws_credentials *out, struct cart_error *error)
{
	struct cart_error why = {""};
	enum cred_result result;

	snprintf(context->origin, sizeof(context->origin), "%s", provider->name);
	result = provider->fetch(context, out, &why);
	if (result != CRED_GOT) {
		explicit_bzero(out, sizeof(*out));
		cart_error_set(error, "%s: %.*s", provider->name,
			       (int)(sizeof(error->text) - strlen(provider->name) - 3), why.text);
	}
	return result;
}

enum cred_result cred_chain_fetch(struct cred_context *context, const struct cred_provider **chosen,
				  struct aws_credentials *out, struct cart_error *error)
{
	char lacked[CART_ERROR_MAX] = "";
	size_t len = 0;

	if (*chosen != NULL)
		return cred_chain_ask(context, *chosen, out, error);
	for (size_t i = 0; i < sizeof(cred_chain) / sizeof(cred_chain[0]); i++) {
		const struct cred_provider *provider = cred_chain[i];
		enum cred_result result;

		if (provider->of_environment && context->profile[0] != '\0')
			continue;
		result = cred_chain_ask(context, provider, out, error);
		if (result == CRED_GOT)
			*chosen = provider;
		if (result != CRED_NONE)
			return result;
		if (len + 3 >= sizeof(lacked))
			continue;
		snprintf(lacked + len, sizeof(lacked) - len, "%s%.*s", len > 0 ? "; " : "",
			 (int)(sizeof(lacked) - 3 - len), error->text);
		len = strlen(lacked);
	}
	cart_error_set(error, "%s", lacked);
	/* With IMDS enabled a later attempt may succeed; without it only a change of configuration
	 * can. */
	return cred_imds_is_off(context) ? CRED_WRONG : CRED_NONE;
}
