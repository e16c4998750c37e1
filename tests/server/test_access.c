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
static const char *none, *reader, *writer, *admin, *all, *expired;

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
	bool text = how->scope == ROUTE_PUBLIC || how->scope == ROUTE_ADMIN;
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

static void refusals_and_admin_calls_are_in_the_log(void **state)
{
	char *log;

	(void)state;
	http_client_call(&client.http, &client.response, "GET", "/metrics", admin, NULL);
	assert_int_equal(client.response.status, 200);
	call("DELETE", "/shopping-carts/" NOBODY, reader, NULL);
	expect(403, "FORBIDDEN", NULL);
	call("DELETE", "/shopping-carts/" NOBODY "?x=" NOBODY, "X-Request-Id: find-me\r\n", NULL);
	expect(401, "UNAUTHORIZED", NULL);
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
		cmocka_unit_test(refusals_and_admin_calls_are_in_the_log),
		cmocka_unit_test(a_changed_file_counts_without_a_signal),
		cmocka_unit_test(a_broken_file_leaves_the_callers_as_they_were),
		cmocka_unit_test(an_open_port_needs_a_word),
		cmocka_unit_test(said_insecure_it_starts_and_warns),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
