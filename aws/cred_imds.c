/*
 * The metadata of an EC2 instance, version 2: a PUT returns a session token, which every GET sends.
 * Version 1, without a token, is not used. The credentials are used even after they expired, since
 * services still accept them while the metadata service cannot renew them.
 *
 * Source: "Use the Instance Metadata Service" (EC2 user guide), "IMDS credential provider" (AWS
 * SDKs and tools reference guide).
 */
#include "aws/cred.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CRED_IMDS_MS	    1000
#define CRED_IMDS_TRIES	    3
#define CRED_IMDS_SESSION_S 21600
#define CRED_IMDS_EARLY_S   60
#define CRED_IMDS_URL_ROOM  512
#define CRED_IMDS_ROLE_MAX  128
#define CRED_IMDS_PATH	    "/latest/meta-data/iam/security-credentials/"

static const char *cred_imds_endpoint(const struct cred_context *context)
{
	const char *endpoint = cred_env(context, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = cred_env(context, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (endpoint != NULL)
		return endpoint;
	return mode != NULL && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]"
							     : "http://169.254.169.254";
}

/* Makes a request, again after a timeout or HTTP 5xx. The caller frees the answer. */
static int cred_imds_run(const struct cred_context *context, struct cred_http *http,
			 const char *path, struct cart_error *error)
{
	const char *endpoint = cred_imds_endpoint(context);
	size_t len = strlen(endpoint);
	char url[CRED_IMDS_URL_ROOM];
	int result = -1;

	while (len > 0 && endpoint[len - 1] == '/')
		len--;
	if (snprintf(url, sizeof(url), "%.*s%s", (int)len, endpoint, path) >= (int)sizeof(url))
		return cart_error_set(error, "the URL is longer than %d bytes",
				      CRED_IMDS_URL_ROOM - 1);
	http->url = url;
	http->connect_ms = http->total_ms = CRED_IMDS_MS;
	for (int i = 0; i < CRED_IMDS_TRIES; i++) {
		result = cred_http_run(context, http, error);
		if (result == 0 && http->status < 500)
			break;
	}
	http->url = NULL;
	if (result == 0 && http->status != 200 && http->status != 401)
		return cart_error_set(error, "the answer is HTTP %ld", http->status);
	return result;
}

/* Opens a session if there is none, or it is about to end. */
static int cred_imds_session(struct cred_context *context, struct cart_error *error)
{
	static const char *const headers[] = {"X-aws-ec2-metadata-token-ttl-seconds: 21600",
					      "Content-Type:", NULL};
	struct cred_http http = {.method = "PUT", .headers = headers, .body = ""};
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system);
	int result;

	if (context->imds_token[0] != '\0' && now_ns < context->imds_until_ns)
		return 0;
	context->imds_token[0] = '\0';
	result = cred_imds_run(context, &http, "/latest/api/token", error);
	/* The answer to the PUT, unlike others, may only pass as many hosts as the instance allows:
	 * with the usual 1, it does not reach a container. */
	if (result != 0 && http.timed_out)
		cart_error_set(error,
			       "no answer within %d ms: in a container, the instance's "
			       "HttpPutResponseHopLimit must be at least 2",
			       CRED_IMDS_MS);
	if (result == 0 && http.status != 200)
		result = cart_error_set(error, "the answer is HTTP %ld", http.status);
	if (result == 0)
		result = cred_copy(context->imds_token, sizeof(context->imds_token),
				   http.answer.data, http.answer.len, "the session's token", error);
	context->imds_until_ns =
		now_ns + (CRED_IMDS_SESSION_S - CRED_IMDS_EARLY_S) * CLOCK_NS_PER_S;
	cred_text_free(&http.answer);
	return result;
}

/* Makes a GET, a second time with a new session if the first was refused. The caller frees the
 * answer. */
static int cred_imds_get(struct cred_context *context, struct cred_http *http, const char *path,
			 struct cart_error *error)
{
	char header[CRED_IMDS_TOKEN_MAX + 32];
	const char *headers[] = {header, NULL};
	int result = -1;

	http->method = "GET";
	http->headers = headers;
	for (int i = 0; i < 2; i++) {
		if (cred_imds_session(context, error) != 0) {
			result = -1;
			break;
		}
		snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %s",
			 context->imds_token);
		result = cred_imds_run(context, http, path, error);
		if (result != 0 || http->status != 401)
			break;
		context->imds_token[0] = '\0';
		result = cart_error_set(error, "it refuses the session that it has opened");
	}
	explicit_bzero(header, sizeof(header));
	http->headers = NULL;
	return result;
}

/* The path of the role's credentials. */
static int cred_imds_role(struct cred_context *context, char path[CRED_IMDS_URL_ROOM],
			  struct cart_error *error)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+=,.@_-";
	struct cred_http http = {0};
	int result = cred_imds_get(context, &http, CRED_IMDS_PATH, error);

	if (result != 0 && http.status == 404)
		cart_error_set(error, "the instance has no role");
	if (result == 0) {
		size_t len = strspn(http.answer.data, letters);

		cred_text_trim(&http.answer);
		/* The answer has one role a line; an instance has only one. */
		if (len == 0 || len > CRED_IMDS_ROLE_MAX ||
		    (http.answer.data[len] != '\0' && http.answer.data[len] != '\n'))
			result = cart_error_set(error, "the answer is not the name of a role");
		else
			snprintf(path, CRED_IMDS_URL_ROOM, "%s%.*s", CRED_IMDS_PATH, (int)len,
				 http.answer.data);
	}
	cred_text_free(&http.answer);
	return result;
}

static int cred_imds_check(const json_t *object, struct cart_error *error)
{
	const char *code = json_string_value(json_object_get(object, "Code"));
	char shown[64];

	cred_printable(shown, sizeof(shown), code != NULL ? code : "missing");
	if (code == NULL || strcmp(code, "Success") != 0)
		return cart_error_set(error, "its Code is %s, not Success", shown);
	if (!json_is_string(json_object_get(object, "Expiration")))
		return cart_error_set(error, "it has no Expiration");
	return 0;
}

bool cred_imds_is_off(const struct cred_context *context)
{
	const char *disabled = cred_env(context, "AWS_EC2_METADATA_DISABLED");

	return disabled != NULL && strcasecmp(disabled, "true") == 0;
}

/* The last source of the chain can always be asked, so a failure means that it has nothing. */
static enum cred_result cred_imds_fetch(struct cred_context *context, struct aws_credentials *out,
					struct cart_error *error)
{
	static const struct cred_json_form form = {
		.what = "the answer", .token_name = "Token", .check = cred_imds_check};
	struct cred_http http = {0};
	char path[CRED_IMDS_URL_ROOM];
	bool got;

	if (cred_imds_is_off(context))
		return CRED_END(CRED_NONE, error, "AWS_EC2_METADATA_DISABLED is true");
	got = cred_imds_role(context, path, error) == 0 &&
	      cred_imds_get(context, &http, path, error) == 0 &&
	      cred_json_read(&http.answer, &form, out, error) == 0;
	cred_text_free(&http.answer);
	return got ? CRED_GOT : CRED_NONE;
}

const struct cred_provider cred_imds = {
	.name = "IMDS",
	.fetch = cred_imds_fetch,
	.extends = true,
};
