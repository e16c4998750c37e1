/*
 * Web identity: STS returns credentials of a role in exchange for a token that another service,
 * such as Kubernetes, signs and writes to a file. The file is read each time, since it is replaced
 * often.
 *
 * Source: "Assume role credential provider" (AWS SDKs and tools reference guide).
 */
#include "aws/cred.h"
#include "aws/endpoint.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CRED_STS_CONNECT_MS 5000
#define CRED_STS_TOTAL_MS   5000

static int cred_web_add(struct cred_text *form, const char *name, const char *value,
			struct cart_error *error)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	bool fits = escaped != NULL && cred_text_add(form, name, strlen(name)) &&
		    cred_text_add(form, "=", 1) && cred_text_add(form, escaped, strlen(escaped));

	if (escaped != NULL)
		explicit_bzero(escaped, strlen(escaped));
	curl_free(escaped);
	return fits ? 0 : cart_error_set(error, "%s is too long", name);
}

static int cred_web_form(const struct cred_context *context, const char *role, const char *token,
			 struct cred_text *form, struct cart_error *error)
{
	const char *session = cred_env(context, "AWS_ROLE_SESSION_NAME");
	char own[64];

	if (session == NULL) {
		snprintf(own, sizeof(own), "cart-%ld-%lld", (long)getpid(),
			 (long long)clock_wall_ms(context->clock));
		session = own;
	}
	if (cred_web_add(form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn", role,
			 error) != 0 ||
	    cred_web_add(form, "&RoleSessionName", session, error) != 0)
		return -1;
	return cred_web_add(form, "&WebIdentityToken", token, error);
}

static int cred_web_ask(const struct cred_context *context, const struct aws_endpoint *sts,
			const struct cred_text *token, const struct cred_text *form,
			struct aws_credentials *out, struct cart_error *error)
{
	struct cred_http http = {
		.method = "POST",
		.url = sts->url,
		.body = form->data,
		.connect_ms = CRED_STS_CONNECT_MS,
		.total_ms = CRED_STS_TOTAL_MS,
		.proxied = true,
		.ca = sts->ca[0] != '\0' ? sts->ca : NULL,
	};
	struct cart_error why = {""};
	int result = cred_http_run(context, &http, &why);

	if (result != 0) {
		cart_error_set(error, "STS: %.400s", why.text);
	} else if (cred_sts_read(&http.answer, token->data, out, &why) != 0 || http.status != 200) {
		result = cart_error_set(error, "HTTP %ld: %.450s", http.status, why.text);
	}
	cred_text_free(&http.answer);
	return result;
}

static enum cred_result cred_web_fetch_with(const struct cred_context *context, const char *role,
					    struct cred_text *token, struct aws_credentials *out,
					    struct cart_error *error)
{
	struct cred_text form;
	struct aws_endpoint sts;
	int result;

	if (aws_endpoint_find_sts(&sts, context, error) != 0)
		return CRED_WRONG;
	cred_text_trim(token);
	if (token->len == 0 || strlen(token->data) != token->len)
		/* Or it is being written at this moment: a later attempt may succeed. */
		return cart_error_set(error, "AWS_WEB_IDENTITY_TOKEN_FILE is empty or no text");
	if (cred_text_new(&form, CRED_ANSWER_MAX, error) != 0)
		return CRED_FAILED;
	result = cred_web_form(context, role, token->data, &form, error);
	if (result == 0)
		result = cred_web_ask(context, &sts, token, &form, out, error);
	cred_text_free(&form);
	return result;
}

static enum cred_result cred_web_fetch(struct cred_context *context, struct aws_credentials *out,
				       struct cart_error *error)
{
	const char *path = cred_env(context, "AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role = cred_env(context, "AWS_ROLE_ARN");
	struct cred_text token;
	enum cred_result result;

	/* A role alone is for other tools. */
	if (path == NULL)
		return CRED_END(CRED_NONE, error, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
	if (role == NULL)
		return CRED_END(CRED_WRONG, error,
				"AWS_WEB_IDENTITY_TOKEN_FILE is set, but not AWS_ROLE_ARN");
	if (cred_file_read(path, &token, error) != 0)
		return CRED_FAILED;
	result = cred_web_fetch_with(context, role, &token, out, error);
	cred_text_free(&token);
	return result;
}

const struct cred_provider cred_web_identity = {
	.name = "web identity",
	.fetch = cred_web_fetch,
	.of_environment = true,
};
