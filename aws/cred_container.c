/*
 * The agent of a container (ECS, EKS Pod Identity). A request to it contains a token, so http is
 * only used to addresses that can only be on this host.
 *
 * Source: "Container credential provider" (AWS SDKs and tools reference guide).
 */
#include "aws/cred.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CRED_CONTAINER_MS	2000
#define CRED_CONTAINER_HOST	"http://169.254.170.2"
#define CRED_CONTAINER_URL_ROOM 2048
#define CRED_CONTAINER_TOKEN	16384

/* Addresses, and one name: libcurl uses the loopback for localhost without resolving it. Another
 * name that resolves to the loopback now may resolve to something else a moment later. */
static bool cred_container_is_near(const char *host)
{
	struct in_addr four;
	struct in6_addr six, pod_identity;
	char bare[INET6_ADDRSTRLEN] = "";
	size_t len = strlen(host);

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "169.254.170.2") == 0 ||
	    strcmp(host, "169.254.170.23") == 0)
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (len < 3 || host[0] != '[' || len - 2 >= sizeof(bare))
		return false;
	memcpy(bare, host + 1, len - 2);
	if (inet_pton(AF_INET6, bare, &six) != 1 ||
	    inet_pton(AF_INET6, "fd00:ec2::23", &pod_identity) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || memcmp(&six, &pod_identity, sizeof(six)) == 0;
}

int cred_container_check(const char *url, struct cart_error *error)
{
	CURLU *parsed = curl_url();
	char *scheme = NULL, *host = NULL, shown[200];
	int result = 0;

	if (parsed == NULL || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
		result = cart_error_set(error, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL");
	} else if (strcasecmp(scheme, "https") != 0) {
		cred_printable(shown, sizeof(shown), host);
		if (strcasecmp(scheme, "http") != 0)
			result = cart_error_set(error, "AWS_CONTAINER_CREDENTIALS_FULL_URI is "
						       "neither http nor https");
		else if (!cred_container_is_near(host))
			result = cart_error_set(error,
						"AWS_CONTAINER_CREDENTIALS_FULL_URI: %s is not this"
						" host: it takes https",
						shown);
	}
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parsed);
	return result;
}

/* Finds the agent's URL. */
static enum cred_result cred_container_url(const struct cred_context *context,
					   char url[CRED_CONTAINER_URL_ROOM],
					   struct cart_error *error)
{
	const char *relative = cred_env(context, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = cred_env(context, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	int len;

	if (relative == NULL && full == NULL)
		return CRED_END(
			CRED_NONE, error,
			"neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set");
	if (relative != NULL && relative[0] != '/')
		return CRED_END(CRED_WRONG, error,
				"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /");
	len = snprintf(url, CRED_CONTAINER_URL_ROOM, "%s%s",
		       relative != NULL ? CRED_CONTAINER_HOST : "",
		       relative != NULL ? relative : full);
	if (len >= CRED_CONTAINER_URL_ROOM)
		return CRED_END(CRED_WRONG, error, "the URL is longer than %d bytes",
				CRED_CONTAINER_URL_ROOM - 1);
	return cred_container_check(url, error) == 0 ? CRED_GOT : CRED_WRONG;
}

/* Writes the whole header; "" if there is no token. */
static enum cred_result cred_container_header(const struct cred_context *context,
					      struct cred_text *header, struct cart_error *error)
{
	const char *path = cred_env(context, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *plain = cred_env(context, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct cred_text token = {0};
	enum cred_result result = CRED_GOT;

	if (path != NULL && cred_file_read(path, &token, error) != 0)
		return CRED_FAILED;
	if (path != NULL) {
		cred_text_trim(&token);
		plain = token.data;
	}
	if (plain == NULL)
		return CRED_GOT;
	if (strpbrk(plain, "\r\n") != NULL || (path != NULL && strlen(plain) != token.len))
		result = CRED_END(CRED_WRONG, error,
				  "the authorization token is not one line of text");
	else if (!cred_text_add(header, "Authorization: ", 15) ||
		 !cred_text_add(header, plain, strlen(plain)))
		result = CRED_END(CRED_WRONG, error,
				  "the authorization token is longer than %d bytes",
				  CRED_CONTAINER_TOKEN);
	cred_text_free(&token);
	return result;
}

static int cred_container_ask(const struct cred_context *context, const char *url,
			      const char *header, struct aws_credentials *out,
			      struct cart_error *error)
{
	static const struct cred_json_form form = {.what = "the agent's answer",
						   .token_name = "Token"};
	const char *headers[] = {"Accept: application/json", *header != '\0' ? header : NULL, NULL};
	struct cred_http http = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.connect_ms = CRED_CONTAINER_MS,
		.total_ms = CRED_CONTAINER_MS,
		.ca = cred_env(context, "AWS_CA_BUNDLE"),
	};
	int result = cred_http_run(context, &http, error);

	/* The text of an error is not quoted: it may hold anything. */
	if (result == 0 && http.status != 200)
		result = cart_error_set(error, "the agent answers HTTP %ld", http.status);
	if (result == 0)
		result = cred_json_read(&http.answer, &form, out, error);
	cred_text_free(&http.answer);
	return result;
}

static enum cred_result cred_container_fetch(struct cred_context *context,
					     struct aws_credentials *out, struct cart_error *error)
{
	char url[CRED_CONTAINER_URL_ROOM];
	struct cred_text header;
	enum cred_result result = cred_container_url(context, url, error);

	if (result != CRED_GOT)
		return result;
	if (cred_text_new(&header, CRED_CONTAINER_TOKEN + 15, error) != 0)
		return CRED_FAILED;
	result = cred_container_header(context, &header, error);
	if (result == CRED_GOT)
		result = cred_container_ask(context, url, header.data, out, error);
	cred_text_free(&header);
	return result;
}

const struct cred_provider cred_container = {
	.name = "container",
	.fetch = cred_container_fetch,
};
