#include "tests/lib/raw_dynamodb.h"

#include "core/base/buf.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAW_TIMEOUT_S 30L

static const char *raw_from(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : otherwise;
}

static size_t raw_take(char *data, size_t size, size_t count, void *user)
{
	buf_add(user, data, size * count);
	return size * count;
}

static bool raw_is_of_streams(const char *operation)
{
	return strcmp(operation, "ListStreams") == 0;
}

static struct curl_slist *raw_headers(const char *operation)
{
	const char *token = raw_from("AWS_SESSION_TOKEN", NULL);
	char text[4096];
	struct curl_slist *list;

	list = curl_slist_append(NULL, "Content-Type: application/x-amz-json-1.0");
	snprintf(text, sizeof(text), "X-Amz-Target: DynamoDB%s_20120810.%s",
		 raw_is_of_streams(operation) ? "Streams" : "", operation);
	list = curl_slist_append(list, text);
	if (token != NULL) {
		snprintf(text, sizeof(text), "X-Amz-Security-Token: %s", token);
		list = curl_slist_append(list, text);
	}
	return list;
}

/* Who asks, and of which region. */
static void raw_sign(CURL *curl, const char *region)
{
	char text[128];

	snprintf(text, sizeof(text), "aws:amz:%s:dynamodb", region);
	curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, text);
	curl_easy_setopt(curl, CURLOPT_USERNAME, raw_from("AWS_ACCESS_KEY_ID", "local"));
	curl_easy_setopt(curl, CURLOPT_PASSWORD, raw_from("AWS_SECRET_ACCESS_KEY", "local"));
}

json_t *raw_dynamodb_call(const char *endpoint, const char *operation, const char *body,
			  long *status)
{
	const char *region = raw_from("CART_DYNAMODB_REGION", raw_from("AWS_REGION", "us-east-1"));
	struct curl_slist *headers = raw_headers(operation);
	char aws[128], why[CURL_ERROR_SIZE] = "";
	struct buf answer = {0};
	CURL *curl = curl_easy_init();
	json_t *json;

	snprintf(aws, sizeof(aws), "https://%sdynamodb.%s.amazonaws.com",
		 raw_is_of_streams(operation) ? "streams." : "", region);
	if (endpoint == NULL)
		endpoint = raw_from("CART_DYNAMODB_ENDPOINT", aws);
	curl_easy_setopt(curl, CURLOPT_URL, endpoint);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, raw_take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, RAW_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	raw_sign(curl, region);
	if (curl_easy_perform(curl) != CURLE_OK) {
		fprintf(stderr,
			"%s of the tests' DynamoDB, %s (CART_DYNAMODB_*; tools/with-dynalite "
			"starts one): %s\n",
			operation, endpoint, why);
		abort();
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	json = answer.data != NULL ? json_loadb(answer.data, answer.len, 0, NULL) : NULL;
	buf_free(&answer);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return json != NULL ? json : json_null();
}

const char *raw_dynamodb_error(const json_t *answer)
{
	const char *type = json_string_value(json_object_get(answer, "__type"));
	const char *mark = type != NULL ? strrchr(type, '#') : NULL;

	if (type == NULL)
		return "";
	return mark != NULL ? mark + 1 : type;
}
