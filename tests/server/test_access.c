/* Who may do what: callers with bearer tokens, on the backend under test. */
#include "server/api/routes.h"
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/token_file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct api_server server;
static struct api_client client;
static struct token_file file;
static char folder[256];
static const char *none, *reader, *writer, *admin, *all, *expired, *ann, *bob, *guest;
static char ann_keyed[256], ann_matching[256], bob_keyed[256];

#define NOBODY "00000000-0000-4000-8000-000000000001"

static int call(const char *method, const char *path, const char *headers, const char *body)
{
	return api_call(&client, method, path, headers, body);
}

static void expect(int status, const char *error, const char *says)
{
	api_expect(&client, status, error, says);
}

/* A path that matches the pattern. */
static const char *path_of(const char *pattern)
{
	static char path[256];
	const char *item = strstr(pattern, "/items/{product_id}");

	if (strstr(pattern, "{id}") == NULL)
		return strcpy(path, pattern);
	snprintf(path, sizeof(path), "/shopping-carts/%s%s", NOBODY,
		 item != NULL ? "/items/7" : strstr(pattern, "{id}") + strlen("{id}"));
	return path;
}

static const char *challenge(void)
{
	const char *value = api_header(&client, "WWW-Authenticate");

	return value != NULL ? value : "";
}

/* Calls a route with what one caller sends. */
static void try_route(const struct route *route, const struct route_call *how, const char *header,
		      unsigned scopes)
{
	static const unsigned needs[] = {[ROUTE_READ] = ACCESS_READ,
					 [ROUTE_WRITE] = ACCESS_WRITE,
					 [ROUTE_ADMIN] = ACCESS_ADMIN};
	bool body = how->body == ROUTE_BODY_JSON;
	const char *path = path_of(route->pattern);
	bool text = how->scope == ROUTE_PUBLIC || strcmp(path, "/metrics") == 0;
	int status;

	/* These answer no JSON. */
	if (text && strcmp(path, "/health") != 0)
		http_client_call(&client.http, &client.response, "GET", path, header, NULL);
	else
		call(route_method_name(how->method), path, header, body ? "{}" : NULL);
	status = client.response.status;
	if (how->scope == ROUTE_PUBLIC) {
		assert_int_equal(status, 200);
	} else if (header == NULL) {
		assert_int_equal(status, 401);
		assert_string_equal(challenge(), "Bearer realm=\"cart\"");
	} else if (scopes == 0) {
		assert_int_equal(status, 401);
		assert_non_null(strstr(challenge(), "error=\"invalid_token\""));
	} else if ((scopes & needs[how->scope]) == 0) {
		assert_int_equal(status, 403);
		assert_non_null(strstr(challenge(), "error=\"insufficient_scope\""));
	} else if (status == 401 || status == 403) {
		fail_msg("%s %s was refused: %d", route_method_name(how->method), path, status);
	}
	http_response_clear(&client.response);
}

static void every_route_asks_for_its_scope(void **state)
{
	const struct {
		const char *header;
		unsigned scopes;
	} callers[] = {
		{NULL, 0},
		{none, 0},
		{expired, 0},
		{reader, ACCESS_READ},
		{writer, ACCESS_WRITE},
		{admin, ACCESS_ADMIN},
	};

	(void)state;
	for (size_t i = 0; i < routes_count; i++)
		for (size_t j = 0; j < ROUTE_CALLS_MAX && routes[i].calls[j].handler != NULL; j++)
			for (size_t k = 0; k < sizeof(callers) / sizeof(callers[0]); k++)
				try_route(&routes[i], &routes[i].calls[j], callers[k].header,
					  callers[k].scopes);
}

static void what_is_no_good_credential_is_401(void **state)
{
	static const char *const bad[] = {
		"Authorization: Bearer\r\n",
		"Authorization: Bearer \r\n",
		"Authorization: Basic dXNlcjpwYXNz\r\n",
		"Authorization: Bearer cart_AAAA\r\n",
		"Authorization: cart_AAAA\r\n",
		"Authorization:\r\n",
	};
	char twice[512], longer[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		call("GET", "/shopping-carts/" NOBODY, bad[i], NULL);
		expect(401, "UNAUTHORIZED", NULL);
		assert_memory_equal(challenge(), "Bearer realm=\"cart\"", 19);
	}
	snprintf(twice, sizeof(twice), "%s%s", all, all);
	call("GET", "/shopping-carts/" NOBODY, twice, NULL);
	expect(401, "UNAUTHORIZED", "more than once");
	snprintf(longer, sizeof(longer), "Authorization: Bearer %sA\r\n", file.entries[0].secret);
	call("GET", "/shopping-carts/" NOBODY, longer, NULL);
	expect(401, "UNAUTHORIZED", "not known");
	/* The scheme is taken in any case, RFC 9110, section 11.1. */
	snprintf(longer, sizeof(longer), "authorization: bEARER %s\r\n", file.entries[0].secret);
	call("GET", "/shopping-carts/" NOBODY, longer, NULL);
	expect(404, "CART_NOT_FOUND", NULL);
}

/* Who may not call hears nothing about the request, nor is any of it done. */
static void a_refused_call_is_not_looked_at(void **state)
{
	(void)state;
	call("POST", "/shopping-carts", NULL, "{");
	expect(401, "UNAUTHORIZED", NULL);
	call("GET", "/shopping-carts/nonsense", NULL, NULL);
	expect(401, "UNAUTHORIZED", NULL);
	call("POST", "/shopping-carts", reader, "{");
	expect(403, "FORBIDDEN", "scope write");
	call("GET", "/nonsense", NULL, NULL);
	expect(404, "NOT_FOUND", NULL);
	call("PUT", "/shopping-carts", NULL, "{}");
	expect(405, "METHOD_NOT_ALLOWED", NULL);
}

static void a_whole_life_with_a_token(void **state)
{
	char path[128];

	(void)state;
	assert_int_equal(call("POST", "/shopping-carts", all, "{\"customer_id\":1}"), 201);
	snprintf(path, sizeof(path), "/shopping-carts/%s", api_string(&client, "shopping_cart_id"));
	assert_int_equal(call("GET", path, all, NULL), 200);
	assert_int_equal(call("HEAD", path, reader, NULL), 200);
	assert_int_equal(call("DELETE", path, reader, NULL), 403);
	assert_int_equal(call("DELETE", path, writer, NULL), 204);
}

/* Makes a cart with a line, for a customer, with any of the tokens. */
static void make_cart(const char *header, int customer, char id[API_ID_TEXT + 1])
{
	char body[64];

	snprintf(body, sizeof(body), "{\"customer_id\":%d}", customer);
	assert_int_equal(call("POST", "/shopping-carts", header, body), 201);
	strcpy(id, api_string(&client, "shopping_cart_id"));
	assert_int_equal(api_call_cart(&client, "POST", id, "/items", header,
				       "{\"product_id\":7,\"quantity\":2}"),
			 204);
}

/* What is answered, with the cart's id masked. */
static void answer_of(const char *id, char *text, size_t room)
{
	char *at;

	snprintf(text, room, "%d %s", client.response.status, client.response.body);
	while ((at = strstr(text, id)) != NULL)
		memset(at, '?', API_ID_TEXT);
	assert_null(api_header(&client, "ETag"));
	assert_null(api_header(&client, "Idempotency-Replayed"));
}

/* One call of another's cart, and the same of a cart that does not exist: the answers are the same,
 * to the byte. */
static void try_cart(const struct route *route, const struct route_call *how, const char *headers,
		     const char *id)
{
	const char *method = route_method_name(how->method), *body = NULL;
	char theirs[1024], missing[1024], path[256];

	if (strstr(route->pattern, "/customer") != NULL)
		body = "{\"customer_id\":1}";
	else if (strstr(route->pattern, "/merge") != NULL)
		body = "{\"from\":\"0b8f3c9e-54c1-4f0e-9d57-6c1f7f0e2a11\",\"strategy\":\"add\"}";
	else if (how->body == ROUTE_BODY_JSON)
		body = how->method == HTTP_PUT ? "{\"quantity\":2}"
					       : "{\"product_id\":7,\"quantity\":2}";
	strcpy(path, path_of(route->pattern));
	call(method, path, headers, body);
	answer_of(NOBODY, missing, sizeof(missing));
	memcpy(strstr(path, NOBODY), id, API_ID_TEXT);
	call(method, path, headers, body);
	answer_of(id, theirs, sizeof(theirs));
	assert_string_equal(theirs, missing);
}

/* For every call that has a cart's id, by the table of routes. */
static void the_cart_of_another_is_answered_as_none(void **state)
{
	const char *const headers[] = {ann, ann_keyed, ann_matching};
	char id[API_ID_TEXT + 1], path[256];

	(void)state;
	make_cart(bob, 2, id);
	for (size_t i = 0; i < routes_count; i++)
		for (size_t j = 0; j < ROUTE_CALLS_MAX && routes[i].calls[j].handler != NULL; j++)
			for (size_t k = 0; k < sizeof(headers) / sizeof(headers[0]); k++)
				if (strstr(routes[i].pattern, "{id}") != NULL)
					try_cart(&routes[i], &routes[i].calls[j], headers[k], id);
	snprintf(path, sizeof(path), "/shopping-carts/%s", id);
	assert_int_equal(call("GET", path, bob, NULL), 200);
	assert_int_equal(api_version(&client), 2);
}

/* Neither its lines nor that it exists are told to who merges from it. */
static void a_merge_from_the_cart_of_another_is_one_from_none(void **state)
{
	const char *const headers[] = {ann, ann_keyed, ann_matching};
	char mine[API_ID_TEXT + 1], theirs[API_ID_TEXT + 1], body[128];
	char missing[1024], answer[1024];

	(void)state;
	make_cart(ann, 1, mine);
	make_cart(bob, 2, theirs);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		snprintf(body, sizeof(body), "{\"from\":\"%s\",\"strategy\":\"add\"}", NOBODY);
		assert_int_equal(api_call_cart(&client, "POST", mine, "/merge", headers[i], body),
				 404);
		expect(404, "CART_NOT_FOUND", NOBODY);
		answer_of(NOBODY, missing, sizeof(missing));
		memcpy(strstr(body, NOBODY), theirs, API_ID_TEXT);
		api_call_cart(&client, "POST", mine, "/merge", headers[i], body);
		answer_of(theirs, answer, sizeof(answer));
		assert_string_equal(answer, missing);
	}
	assert_int_equal(api_call_cart(&client, "GET", mine, "", ann, NULL), 200);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(api_call_cart(&client, "GET", theirs, "", bob, NULL), 200);
	assert_int_equal(api_version(&client), 2);
}

static void a_batch_of_reads_misses_the_carts_of_others(void **state)
{
	char mine[API_ID_TEXT + 1], theirs[API_ID_TEXT + 1], body[256];

	(void)state;
	make_cart(ann, 1, mine);
	make_cart(bob, 2, theirs);
	snprintf(body, sizeof(body), "{\"ids\":[\"%s\",\"%s\",\"%s\"]}", theirs, mine, theirs);
	assert_int_equal(call("POST", "/shopping-carts/batch-get", ann, body), 200);
	assert_int_equal(json_array_size(json_object_get(client.json, "carts")), 1);
	assert_int_equal(json_array_size(json_object_get(client.json, "missing")), 2);
	assert_int_equal(call("POST", "/shopping-carts/batch-get", all, body), 200);
	assert_int_equal(json_array_size(json_object_get(client.json, "missing")), 0);
}

static void lists_of_others_and_idle_carts_need_admin(void **state)
{
	char mine[API_ID_TEXT + 1];

	(void)state;
	make_cart(ann, 1, mine);
	assert_int_equal(call("GET", "/shopping-carts?customer_id=1", ann, NULL), 200);
	call("GET", "/shopping-carts?customer_id=2", ann, NULL);
	expect(403, "FORBIDDEN", "scope admin");
	call("GET", "/shopping-carts?idle_since=2025-11-01T00:00:00Z", ann, NULL);
	expect(403, "FORBIDDEN", "scope admin");
	call("GET", "/shopping-carts?customer_id=1", reader, NULL);
	expect(403, "FORBIDDEN", "scope admin");
	assert_int_equal(call("GET", "/shopping-carts?customer_id=1", all, NULL), 200);
	assert_int_equal(call("GET", "/shopping-carts?idle_since=2025-11-01T00:00:00Z", all, NULL),
			 200);
	cartd_await_output(&server.cartd, "admin call caller=all method=GET route=/shopping-carts ",
			   10000);
}

static void erasing_a_customer_needs_admin(void **state)
{
	char mine[API_ID_TEXT + 1];

	(void)state;
	make_cart(all, 77, mine);
	call("DELETE", "/shopping-carts?customer_id=1", ann, NULL);
	expect(403, "FORBIDDEN", "scope admin");
	call("DELETE", "/shopping-carts?customer_id=77", writer, NULL);
	expect(403, "FORBIDDEN", "scope admin");
	assert_int_equal(api_call_cart(&client, "GET", mine, "", all, NULL), 200);
	assert_int_equal(call("DELETE", "/shopping-carts?customer_id=77", all, NULL), 200);
	cartd_await_output(&server.cartd,
			   "admin call caller=all method=DELETE route=/shopping-carts ", 10000);
}

static void a_customer_makes_carts_for_itself(void **state)
{
	char first[API_ID_TEXT + 1];

	(void)state;
	call("POST", "/shopping-carts", ann, "{\"customer_id\":2}");
	expect(403, "FORBIDDEN", "its own customer");
	assert_int_equal(call("POST", "/shopping-carts", ann_keyed, "{\"customer_id\":1}"), 201);
	strcpy(first, api_string(&client, "shopping_cart_id"));
	assert_int_equal(call("POST", "/shopping-carts", bob_keyed, "{\"customer_id\":2}"), 201);
	assert_null(api_header(&client, "Idempotency-Replayed"));
	assert_string_not_equal(api_string(&client, "shopping_cart_id"), first);
	call("POST", "/shopping-carts", bob_keyed, "{\"customer_id\":1}");
	expect(403, "FORBIDDEN", NULL);
	assert_int_equal(call("POST", "/shopping-carts", all, "{\"customer_id\":3}"), 201);
}

/* A customer reaches a guest's cart by its id, claims it, and has it alone. */
static void a_customer_claims_the_cart_of_a_guest(void **state)
{
	static const char line[] = "{\"product_id\":7,\"quantity\":2}";
	char id[API_ID_TEXT + 1], path[256], body[128];

	(void)state;
	snprintf(body, sizeof(body), "{\"items\":[%s]}", line);
	assert_int_equal(call("POST", "/shopping-carts", bob, body), 201);
	assert_true(json_is_null(json_object_get(client.json, "customer_id")));
	strcpy(id, api_string(&client, "shopping_cart_id"));
	assert_int_equal(api_call_cart(&client, "POST", id, "/items", ann, line), 204);
	snprintf(path, sizeof(path), "/shopping-carts/%s/customer", id);
	call("PUT", path, ann, "{\"customer_id\":2}");
	expect(403, "FORBIDDEN", "its own customer");
	call("PUT", path, reader, "{\"customer_id\":1}");
	expect(403, "FORBIDDEN", "scope write");
	assert_int_equal(call("PUT", path, ann, "{\"customer_id\":1}"), 204);
	assert_int_equal(api_version(&client), 3);
	call("PUT", path, bob, "{\"customer_id\":2}");
	expect(404, "CART_NOT_FOUND", NULL);
	assert_int_equal(api_call_cart(&client, "POST", id, "/items", bob, line), 404);
	assert_int_equal(api_call_cart(&client, "POST", id, "/items", ann, line), 204);
	/* Who is bound to nobody may claim for any customer, and hears whose it is not. */
	call("PUT", path, all, "{\"customer_id\":2}");
	expect(409, "CART_OWNED", id);
}

/* What the page of a shop has before somebody logs in. */
static void a_guests_token_reaches_carts_of_guests_alone(void **state)
{
	char id[API_ID_TEXT + 1], path[256];

	(void)state;
	assert_int_equal(call("POST", "/shopping-carts", guest, "{}"), 201);
	strcpy(id, api_string(&client, "shopping_cart_id"));
	assert_int_equal(api_call_cart(&client, "GET", id, "", guest, NULL), 200);
	call("POST", "/shopping-carts", guest, "{\"customer_id\":1}");
	expect(403, "FORBIDDEN", "its own customer");
	call("GET", "/shopping-carts?customer_id=1", guest, NULL);
	expect(403, "FORBIDDEN", NULL);
	snprintf(path, sizeof(path), "/shopping-carts/%s/customer", id);
	call("PUT", path, guest, "{\"customer_id\":1}");
	expect(403, "FORBIDDEN", NULL);
	assert_int_equal(call("PUT", path, ann, "{\"customer_id\":1}"), 204);
	assert_int_equal(api_call_cart(&client, "GET", id, "", guest, NULL), 404);
}

static void refusals_and_admin_calls_are_in_the_log(void **state)
{
	char *log, named[320];

	(void)state;
	http_client_call(&client.http, &client.response, "GET", "/metrics", admin, NULL);
	assert_int_equal(client.response.status, 200);
	call("DELETE", "/shopping-carts/" NOBODY, reader, NULL);
	expect(403, "FORBIDDEN", NULL);
	snprintf(named, sizeof(named), "%sX-Request-Id: find-me\r\n", reader);
	call("DELETE", "/shopping-carts/" NOBODY "?x=" NOBODY, named, NULL);
	expect(403, "FORBIDDEN", NULL);
	cartd_await_output(&server.cartd, "admin call caller=admin method=GET route=/metrics",
			   10000);
	cartd_await_output(&server.cartd, "access refused caller=reader method=DELETE", 10000);
	cartd_await_output(&server.cartd, "request_id=find-me peer=127.0.0.1", 10000);
	log = cartd_output(&server.cartd);
	for (size_t i = 0; i < file.count; i++)
		assert_null(strstr(log, file.entries[i].secret));
	assert_null(strstr(log, "AAAA"));
	free(log);
}

static void pause_ms(int ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000L};

	nanosleep(&pause, NULL);
}

/* Waits until calls with the header are answered so. */
static void await_status(const char *header, int status)
{
	int64_t end_ms = patience_ms() + 10000;

	while (call("GET", "/shopping-carts/" NOBODY, header, NULL) != status) {
		if (patience_ms() > end_ms)
			fail_msg("%d did not come", status);
		pause_ms(10);
	}
}

static void a_changed_file_counts_without_a_signal(void **state)
{
	struct token_file before = file;
	const char *fresh = token_file_add(&file, "fresh", "\"read\"", "");

	(void)state;
	assert_int_equal(call("GET", "/shopping-carts/" NOBODY, fresh, NULL), 401);
	token_file_write(&file);
	await_status(fresh, 404);
	file.count = before.count;
	token_file_write(&file);
	await_status(fresh, 401);
	assert_int_equal(call("GET", "/shopping-carts/" NOBODY, reader, NULL), 404);
}

/* Runs cartctl token on the file of the service. Its output is to be freed. */
static char *token_program(const char *verb, const char *name, const char *option,
			   const char *value)
{
	const char *argv[] = {"cartctl", "--auth.token_file",
			      file.path, "token",
			      verb,	 "--name",
			      name,	 option,
			      value,	 NULL};
	char *output;

	if (cartd_run_program(argv, &output, 20000) != 0)
		fail_msg("%s", output);
	return output;
}

static void a_token_of_cartctl_is_good_until_it_is_revoked(void **state)
{
	char *token = token_program("new", "made", "--scope", "read"), header[128];

	(void)state;
	snprintf(header, sizeof(header), "Authorization: Bearer %.*s\r\n",
		 (int)strcspn(token, "\n"), token);
	free(token);
	await_status(header, 404);
	free(token_program("revoke", "made", NULL, NULL));
	await_status(header, 401);
}

static void a_broken_file_leaves_the_callers_as_they_were(void **state)
{
	FILE *out = fopen(file.path, "w");

	(void)state;
	assert_non_null(out);
	fputs("{\"tokens\": nonsense", out);
	fclose(out);
	cartd_signal(&server.cartd, SIGHUP);
	/* The file is read when somebody calls. */
	for (int i = 0; i < 200; i++) {
		char *log = cartd_output(&server.cartd);
		bool said = strstr(log, "cannot read who may call") != NULL;

		free(log);
		assert_int_equal(call("GET", "/shopping-carts/" NOBODY, reader, NULL), 404);
		if (said)
			break;
		pause_ms(20);
	}
	cartd_await_output(&server.cartd, "it is not JSON, line 1", 10000);
	token_file_write(&file);
	cartd_signal(&server.cartd, SIGHUP);
	await_status(reader, 404);
}

/* The port of a line of the log that begins so. */
static int port_of(const struct cartd *run, const char *line)
{
	char *log, *at;
	int port = 0;

	cartd_await_output(run, line, 10000);
	log = cartd_output(run);
	at = strstr(log, line);
	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(line), " address=127.0.0.1:%d", &port), 1);
	free(log);
	return port;
}

static int status_at(int port, const char *path, const char *header)
{
	struct http_client http;
	struct http_response response = {0};
	int status;

	http_client_open(&http, port);
	http_client_call(&http, &response, "GET", path, header, NULL);
	status = response.status;
	http_response_clear(&response);
	http_client_close(&http);
	return status;
}

static void administrators_have_an_address_of_their_own(void **state)
{
	char setting[320];
	const char *settings[] = {"auth=token", setting, "admin.listen=127.0.0.1:0", "threads=2",
				  NULL};
	struct cartd apart = {0};
	int port;

	(void)state;
	snprintf(setting, sizeof(setting), "auth.token_file=%s", file.path);
	cartd_start(&apart, settings);
	port = port_of(&apart, "listening for administrators");
	assert_int_equal(status_at(port, "/metrics", admin), 200);
	assert_int_equal(status_at(port, "/metrics", reader), 403);
	assert_int_equal(status_at(port, "/metrics", NULL), 401);
	assert_int_equal(status_at(port, "/readyz", NULL), 200);
	assert_int_equal(status_at(port, "/shopping-carts?customer_id=1", all), 200);
	assert_int_equal(status_at(apart.port, "/metrics", admin), 404);
	assert_int_equal(status_at(apart.port, "/readyz", NULL), 200);
	assert_int_equal(status_at(apart.port, "/shopping-carts?customer_id=1", all), 403);
	assert_int_equal(status_at(apart.port, "/shopping-carts?customer_id=1", ann), 200);
	cartd_stop(&apart);
}

static int count_of(const char *text, const char *words)
{
	int count = 0;

	for (; (text = strstr(text, words)) != NULL; text++)
		count++;
	return count;
}

static void strangers_do_not_fill_the_log(void **state)
{
	char setting[320], *log;
	const char *settings[] = {"auth=token", setting, NULL};
	struct cartd apart = {0};
	int64_t began_ms = cartd_now_ms();
	int lines;

	(void)state;
	snprintf(setting, sizeof(setting), "auth.token_file=%s", file.path);
	cartd_start(&apart, settings);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(status_at(apart.port, "/metrics", NULL), 401);
		assert_int_equal(status_at(apart.port, "/metrics", reader), 403);
	}
	/* All before it is written: there is one loop. */
	assert_int_equal(status_at(apart.port, "/livez", NULL), 200);
	log = cartd_output(&apart);
	cartd_stop(&apart);
	lines = count_of(log, "access refused method=GET route=/metrics");
	assert_in_range(lines, 10, 11 + (cartd_now_ms() - began_ms) / 10000);
	assert_int_equal(count_of(log, "access refused caller=reader"), 100);
	free(log);
}

/* Whatever its cursor, and not with each of its pages. */
static void who_reads_the_feed_is_noted(void **state)
{
	char setting[320], path[320], *log;
	const char *settings[] = {"auth=token", setting, "backend=sqlite", path, "feed=on", NULL};
	struct cartd feed = {0};

	(void)state;
	snprintf(setting, sizeof(setting), "auth.token_file=%s", file.path);
	snprintf(path, sizeof(path), "sqlite.path=%s/feed.db", folder);
	cartd_start(&feed, settings);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(status_at(feed.port, "/changes?after=1-0", admin), 200);
		assert_int_equal(status_at(feed.port, "/changes", all), 200);
		assert_int_equal(status_at(feed.port, "/changes?after=now", reader), 403);
	}
	log = cartd_output(&feed);
	cartd_stop(&feed);
	assert_int_equal(count_of(log, "admin call caller=admin method=GET route=/changes"), 1);
	assert_int_equal(count_of(log, "admin call caller=all method=GET route=/changes"), 1);
	assert_int_equal(count_of(log, "access refused caller=reader"), 10);
	free(log);
}

static void expect_no_start(const char *const *argv, const char *says)
{
	char *output;

	assert_int_equal(cartd_run_program(argv, &output, 20000), 1);
	if (strstr(output, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", output, says);
	free(output);
}

static void an_open_port_needs_a_word(void **state)
{
	(void)state;
	expect_no_start((const char *const[]){"cartd-test", "--backend", "memory", "--listen",
					      "127.0.0.1:0,0.0.0.0:0", NULL},
			"other machines can reach 0.0.0.0:0");
	expect_no_start((const char *const[]){"cartd-test", "--backend", "memory", "--listen",
					      "[::]:0", NULL},
			"--insecure");
	expect_no_start((const char *const[]){"cartd-test", "--backend", "memory", "--admin.listen",
					      "0.0.0.0:0", NULL},
			"other machines can reach 0.0.0.0:0");
	expect_no_start((const char *const[]){"cartd-test", "--backend", "memory", "--auth",
					      "token", "--auth.token_file", "/nowhere/tokens",
					      NULL},
			"token file /nowhere/tokens: No such file");
	expect_no_start((const char *const[]){"cartd-test", "--backend", "memory", "--auth",
					      "none,token", NULL},
			"none excludes");
	expect_no_start((const char *const[]){"cartd-test", "--backend", "memory", "--auth",
					      "tokens", NULL},
			"\"tokens\" is unknown");
}

static void said_insecure_it_starts_and_warns(void **state)
{
	static const char *const words[] = {"cartd-test", "--insecure", "--backend", "memory",
					    "--listen",	  "0.0.0.0:0",	NULL};
	struct cartd open = {0};

	(void)state;
	cartd_start_program(&open, words);
	cartd_await_output(&open, "auth is none", 10000);
	cartd_await_output(&open, "listening", 10000);
	cartd_stop(&open);
	cartd_kill(&open);
}

static int start(void **state)
{
	char setting[320];
	const char *settings[] = {"auth=token", setting, NULL};

	(void)state;
	cartd_make_directory(folder);
	snprintf(file.path, sizeof(file.path), "%s/tokens.json", folder);
	all = token_file_add(&file, "all", "\"read\",\"write\",\"admin\"", "");
	reader = token_file_add(&file, "reader", "\"read\"", "");
	writer = token_file_add(&file, "writer", "\"write\"", "");
	admin = token_file_add(&file, "admin", "\"admin\"", "");
	expired = token_file_add(&file, "expired", "\"read\",\"write\",\"admin\"",
				 ",\"expires\":\"2025-11-02T00:00:00Z\"");
	ann = token_file_add(&file, "ann", "\"read\",\"write\"", ",\"customer\":\"1\"");
	guest = token_file_add(&file, "guest", "\"read\",\"write\"", ",\"customer\":null");
	bob = token_file_add(&file, "bob", "\"read\",\"write\"", ",\"customer\":\"2\"");
	snprintf(ann_keyed, sizeof(ann_keyed), "%sIdempotency-Key: k\r\n", ann);
	snprintf(bob_keyed, sizeof(bob_keyed), "%sIdempotency-Key: k\r\n", bob);
	snprintf(ann_matching, sizeof(ann_matching), "%sIf-Match: \"99\"\r\n", ann);
	token_file_write(&file);
	none = "Authorization: Bearer cart_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";
	snprintf(setting, sizeof(setting), "auth.token_file=%s", file.path);
	api_server_start(&server, settings);
	api_open(&client, &server);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	api_close(&client);
	api_server_stop(&server);
	cartd_remove_directory(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_asks_for_its_scope),
		cmocka_unit_test(what_is_no_good_credential_is_401),
		cmocka_unit_test(a_refused_call_is_not_looked_at),
		cmocka_unit_test(a_whole_life_with_a_token),
		cmocka_unit_test(the_cart_of_another_is_answered_as_none),
		cmocka_unit_test(a_merge_from_the_cart_of_another_is_one_from_none),
		cmocka_unit_test(a_batch_of_reads_misses_the_carts_of_others),
		cmocka_unit_test(lists_of_others_and_idle_carts_need_admin),
		cmocka_unit_test(erasing_a_customer_needs_admin),
		cmocka_unit_test(a_customer_makes_carts_for_itself),
		cmocka_unit_test(a_guests_token_reaches_carts_of_guests_alone),
		cmocka_unit_test(a_customer_claims_the_cart_of_a_guest),
		cmocka_unit_test(refusals_and_admin_calls_are_in_the_log),
		cmocka_unit_test(a_changed_file_counts_without_a_signal),
		cmocka_unit_test(a_token_of_cartctl_is_good_until_it_is_revoked),
		cmocka_unit_test(a_broken_file_leaves_the_callers_as_they_were),
		cmocka_unit_test(administrators_have_an_address_of_their_own),
		cmocka_unit_test(strangers_do_not_fill_the_log),
		cmocka_unit_test(who_reads_the_feed_is_noted),
		cmocka_unit_test(an_open_port_needs_a_word),
		cmocka_unit_test(said_insecure_it_starts_and_warns),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
