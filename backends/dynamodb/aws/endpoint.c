#include "backends/dynamodb/aws/endpoint.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *endpoint_environment(const struct ddb_credentials_config *config,
					const char *name)
{
	const char *value = config->environment != NULL ? config->environment(name, config->user)
							: getenv(name);

	return value != NULL ? value : "";
}

static int endpoint_find_region(struct ddb_endpoint *endpoint,
				const struct ddb_endpoint_config *config, struct cart_error *error)
{
	char *region = endpoint->region;

	if (*config->region == '\0')
		ddb_region_find(config->credentials, region, sizeof(endpoint->region));
	else if (strlen(config->region) < sizeof(endpoint->region))
		memcpy(region, config->region, strlen(config->region) + 1);
	else
		return cart_error_set(error, "dynamodb.region is longer than a region's name");
	if (*region == '\0')
		return cart_error_set(error, "no region: set dynamodb.region, AWS_REGION or the "
					     "profile's (with a local server any will do)");
	if (region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return cart_error_set(error, "dynamodb.region: \"%s\" is not a region's name",
				      region);
	return 0;
}

static int endpoint_find_url(struct ddb_endpoint *endpoint,
			     const struct ddb_endpoint_config *config, struct cart_error *error)
{
	const char *key = "dynamodb.endpoint", *url = config->endpoint;
	struct cart_error why;
	size_t len;

	if (*url == '\0')
		url = endpoint_environment(config->credentials, key = "AWS_ENDPOINT_URL_DYNAMODB");
	if (*url == '\0')
		url = endpoint_environment(config->credentials, key = "AWS_ENDPOINT_URL");
	if (*url == '\0') {
		snprintf(endpoint->url, sizeof(endpoint->url),
			 "https://dynamodb.%s.amazonaws.com%s", endpoint->region,
			 strncmp(endpoint->region, "cn-", 3) == 0 ? ".cn" : "");
		return 0;
	}
	len = strlen(url);
	if (len > 0 && url[len - 1] == '/')
		len--;
	if (len >= sizeof(endpoint->url))
		return cart_error_set(error, "%s is longer than %zu characters", key,
				      sizeof(endpoint->url) - 1);
	memcpy(endpoint->url, url, len);
	endpoint->url[len] = '\0';
	if (ddb_endpoint_check(endpoint->url, &why) != 0)
		return cart_error_set(error, "%s: %s", key, why.text);
	return 0;
}

int ddb_endpoint_find(struct ddb_endpoint *endpoint, const struct ddb_endpoint_config *config,
		      struct cart_error *error)
{
	if (endpoint_find_region(endpoint, config, error) != 0)
		return -1;
	return endpoint_find_url(endpoint, config, error);
}

/* Other files take it apart; libcurl accepts "http:/host" and "HTTP:///host" too. */
static bool endpoint_begins_well(const char *endpoint)
{
	size_t len = strncmp(endpoint, "https://", 8) == 0  ? 8
		     : strncmp(endpoint, "http://", 7) == 0 ? 7
							    : 0;

	return len > 0 && endpoint[len] != '/';
}

int ddb_endpoint_check(const char *text, struct cart_error *error)
{
	CURLU *url = curl_url();
	char *path = NULL, *extra = NULL;
	int result = -1;

	if (url == NULL || !endpoint_begins_well(text) ||
	    curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		cart_error_set(error,
			       "\"%s\" is not a URL: write http://HOST[:PORT] or "
			       "https://HOST[:PORT]",
			       text);
	else if (curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK ||
		 strcmp(path, "/") != 0 ||
		 curl_url_get(url, CURLUPART_QUERY, &extra, 0) == CURLUE_OK ||
		 curl_url_get(url, CURLUPART_FRAGMENT, &extra, 0) == CURLUE_OK ||
		 curl_url_get(url, CURLUPART_USER, &extra, 0) == CURLUE_OK)
		cart_error_set(error, "\"%s\" has more than a host and a port", text);
	else
		result = 0;
	curl_free(path);
	curl_free(extra);
	curl_url_cleanup(url);
	return result;
}

bool ddb_endpoint_is_aws(const char *url)
{
	static const char *const ends[] = {".amazonaws.com", ".amazonaws.com.cn"};
	const char *host = strstr(url, "://");
	size_t len;

	host = host != NULL ? host + 3 : url;
	len = strcspn(host, ":/");
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && strncasecmp(host + len - end, ends[i], end) == 0)
			return true;
	}
	return false;
}
