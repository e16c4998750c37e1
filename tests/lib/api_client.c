#include "tests/lib/api_client.h"

#include "core/base/clock.h"
#include "core/base/units.h"
#include "tests/lib/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_SETTINGS_MAX 24

/* A busy machine refuses nothing. What a test sets itself comes later, and counts. */
static const char *const api_patient[] = {
	"request.deadline=60s", "drain.deadline=60s",		"mysql.acquire_timeout=60s",
	"mysql.timeout=60s",	"dynamodb.acquire_timeout=60s", "dynamodb.timeout=60s",
};

static const char *api_backend(void)
{
	const char *name = getenv("CART_BACKEND");

	return name != NULL && *name != '\0' ? name : "memory";
}

bool api_has_feed(void)
{
	return own_database_has_feed(api_backend());
}

void api_server_start(struct api_server *server, const char *const *settings)
{
	const char *name = api_backend();
	char backend[64], path[300], database[OWN_DATABASE_MAX + 32];
	const char *all[API_SETTINGS_MAX + 3];
	size_t count = 0;

	*server = (struct api_server){0};
	snprintf(backend, sizeof(backend), "backend=%s", name);
	all[count++] = backend;
	if (strcmp(name, "sqlite") == 0) {
		cartd_make_directory(server->directory);
		snprintf(path, sizeof(path), "sqlite.path=%s/cart.db", server->directory);
		all[count++] = path;
	}
	own_database_make(&server->database, name);
	if (server->database.setting != NULL) {
		snprintf(database, sizeof(database), "%s=%s", server->database.setting,
			 server->database.name);
		all[count++] = database;
	}
	for (size_t i = 0; i < sizeof(api_patient) / sizeof(api_patient[0]); i++)
		all[count++] = api_patient[i];
	for (size_t i = 0; settings != NULL && settings[i] != NULL; i++) {
		assert_true(count < API_SETTINGS_MAX + 2);
		all[count++] = settings[i];
	}
	all[count] = NULL;
	cartd_start(&server->cartd, all);
}

void api_server_stop(struct api_server *server)
{
	cartd_stop(&server->cartd);
	if (server->directory[0] != '\0')
		cartd_remove_directory(server->directory);
	own_database_drop(&server->database);
}

void api_open(struct api_client *client, const struct api_server *server)
{
	*client = (struct api_client){0};
	http_client_open(&client->http, server->cartd.port);
}

static void api_forget(struct api_client *client)
{
	json_decref(client->json);
	client->json = NULL;
	http_response_clear(&client->response);
}

void api_close(struct api_client *client)
{
	api_forget(client);
	http_client_close(&client->http);
}

const char *api_header(struct api_client *client, const char *name)
{
	return http_response_header(&client->response, name);
}

/* "queue;dur=0.02, db;dur=0.51, total;dur=0.60", and what the read cache answered says so. */
static void api_check_timing(const char *timing)
{
	unsigned long whole[3], hundredths[3];
	int end = 0;

	assert_non_null(timing);
	assert_int_equal(sscanf(timing, "queue;dur=%lu.%2lu, db;dur=%lu.%2lu, total;dur=%lu.%2lu%n",
				&whole[0], &hundredths[0], &whole[1], &hundredths[1], &whole[2],
				&hundredths[2], &end),
			 6);
	if (strcmp(timing + end, ", cache;desc=hit") != 0)
		assert_string_equal(timing + end, "");
}

/* What every answer has. */
static void api_check(struct api_client *client, const char *method)
{
	const char *type = api_header(client, "Content-Type");
	const struct http_response *response = &client->response;

	if (strcmp(method, "HEAD") != 0 && type != NULL && strstr(type, "json") != NULL) {
		client->json = json_loadb(response->body, response->body_len,
					  JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(client->json);
	}
	if (response->status >= 400)
		assert_true(type != NULL && strstr(type, "json") != NULL);
	assert_int_equal(http_response_header_count(response, "X-Request-Id"), 1);
	assert_int_equal(http_response_header_count(response, "Server-Timing"), 1);
	assert_int_equal(http_response_header_count(response, "Date"), 1);
	api_check_timing(api_header(client, "Server-Timing"));
	assert_int_equal(api_header(client, "Retry-After") != NULL, response->status == 503);
}

int api_call(struct api_client *client, const char *method, const char *path, const char *headers,
	     const char *body)
{
	api_forget(client);
	http_client_call(&client->http, &client->response, method, path, headers, body);
	api_check(client, method);
	return client->response.status;
}

int api_call_cart(struct api_client *client, const char *method, const char *id, const char *after,
		  const char *headers, const char *body)
{
	snprintf(client->path, sizeof(client->path), "/shopping-carts/%s%s", id, after);
	return api_call(client, method, client->path, headers, body);
}

const char *api_string(const struct api_client *client, const char *member)
{
	return json_string_value(json_object_get(client->json, member));
}

int64_t api_integer(const struct api_client *client, const char *member)
{
	const json_t *value = json_object_get(client->json, member);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

void api_wait_past(const struct api_client *client, const char *member)
{
	const char *text = api_string(client, member);
	int64_t time_ms;

	assert_non_null(text);
	assert_true(units_parse_time(text, strlen(text), &time_ms));
	while (clock_wall_ms(&cart_clock_system) <= time_ms)
		;
}

int64_t api_version(struct api_client *client)
{
	const char *tag = api_header(client, "ETag");
	int64_t version;
	char quote;

	if (tag == NULL)
		return 0;
	assert_int_equal(sscanf(tag, "\"%" SCNd64 "%c", &version, &quote), 2);
	assert_int_equal(quote, '"');
	return version;
}

void api_expect(struct api_client *client, int status, const char *error, const char *says)
{
	const char *detail = api_string(client, "detail");

	if (client->response.status != status || api_string(client, "error") == NULL ||
	    strcmp(api_string(client, "error"), error) != 0)
		fail_msg("expected %d %s, got %d %s", status, error, client->response.status,
			 client->response.body);
	assert_string_equal(api_header(client, "Content-Type"), "application/problem+json");
	assert_int_equal(json_object_size(client->json), 6);
	assert_string_equal(api_string(client, "type"), "about:blank");
	assert_true(api_string(client, "title") != NULL && *api_string(client, "title") != '\0');
	assert_int_equal(api_integer(client, "status"), status);
	assert_true(detail != NULL && *detail != '\0');
	assert_string_equal(api_string(client, "message"), detail);
	if (says != NULL && strstr(detail, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", detail, says);
}

void api_make_cart(struct api_client *client, int64_t customer_id, char id[API_ID_TEXT + 1])
{
	char body[64];

	snprintf(body, sizeof(body), "{\"customer_id\":%" PRId64 "}", customer_id);
	assert_int_equal(api_call(client, "POST", "/shopping-carts", NULL, body), 201);
	assert_int_equal(strlen(api_string(client, "shopping_cart_id")), API_ID_TEXT);
	strcpy(id, api_string(client, "shopping_cart_id"));
}

int64_t api_add(struct api_client *client, const char *id, int64_t product_id, int64_t quantity)
{
	char body[96];

	snprintf(body, sizeof(body), "{\"product_id\":%" PRId64 ",\"quantity\":%" PRId64 "}",
		 product_id, quantity);
	assert_int_equal(api_call_cart(client, "POST", id, "/items", NULL, body), 204);
	return api_version(client);
}

int64_t api_quantity(struct api_client *client, const char *id, int64_t product_id)
{
	const json_t *item;
	size_t i;

	assert_int_equal(api_call_cart(client, "GET", id, "", NULL, NULL), 200);
	json_array_foreach(
		json_object_get(client->json, "items"), i,
		item) if (json_integer_value(json_object_get(item, "product_id")) ==
			  product_id) return json_integer_value(json_object_get(item, "quantity"));
	return 0;
}
