/*
 * How often a caller may ask. The rate is one request a second and the burst three, and each caller
 * here asks forty times at once: however slow the machine is, some of these are refused and the
 * first three are not.
 */
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/token_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY	40
#define WAIT_MS 60000
#define CART	"/shopping-carts/00000000-0000-4000-8000-000000000001"
#define GREEDY	"127.0.0.2"
#define OTHER	"127.0.0.3"

static struct cartd cartd;
static struct token_file file;
static char folder[256];

static void start(const char *first, const char *second, const char *third)
{
	const char *settings[] = {
		"http.rate=1", "http.rate_burst=3", "threads=2", first, second, third, NULL};

	cartd_start(&cartd, settings);
}

static int stop(void **state)
{
	(void)state;
	cartd_stop(&cartd);
	if (folder[0] != '\0') {
		cartd_remove_directory(folder);
		folder[0] = '\0';
	}
	file.count = 0;
	return 0;
}

/* Asks many times at once, from an address. Returns how many answers were 429; the first three must
 * not be, and all others have the status. */
static int ask_many(const char *from, const char *path, const char *headers, int status)
{
	struct http_response response = {0};
	struct http_client client;
	char text[MANY * 512] = "";
	int refused = 0;

	http_client_open_from(&client, cartd.port, from);
	for (int i = 0; i < MANY; i++)
		sprintf(text + strlen(text), "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path,
			headers != NULL ? headers : "");
	assert_true(http_client_send_text(&client, text));
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(http_client_read(&client, &response, false, WAIT_MS),
				 HTTP_READ_ANSWER);
		if (response.status != 429) {
			assert_int_equal(response.status, status);
			continue;
		}
		assert_true(i >= 3);
		refused++;
		assert_non_null(strstr(response.body, "\"TOO_MANY_REQUESTS\""));
		assert_in_range(atoi(http_response_header(&response, "Retry-After")), 1, 4);
	}
	http_response_clear(&response);
	http_client_close(&client);
	return refused;
}

static void expect_over(const char *from, const char *headers, int status)
{
	assert_true(ask_many(from, CART, headers, status) > 0);
}

/* One request: a status. */
static int ask(const char *from, const char *headers)
{
	struct http_response response = {0};
	struct http_client client;
	char text[512];
	int status;

	snprintf(text, sizeof(text), "GET " CART " HTTP/1.1\r\nHost: a\r\n%s\r\n",
		 headers != NULL ? headers : "");
	http_client_open_from(&client, cartd.port, from);
	assert_true(http_client_send_text(&client, text));
	assert_int_equal(http_client_read(&client, &response, false, WAIT_MS), HTTP_READ_ANSWER);
	status = response.status;
	http_response_clear(&response);
	http_client_close(&client);
	return status;
}

static void who_asks_too_often_is_refused_and_nobody_else(void **state)
{
	int64_t until;
	(void)state;
	start(NULL, NULL, NULL);
	expect_over(GREEDY, NULL, 404);
	assert_int_equal(ask(OTHER, NULL), 404);
	cartd_await_output(&cartd, "caller over its rate", WAIT_MS);
	/* What was refused did not reach the store. */
	assert_true(cartd_metric(&cartd,
				 "cart_store_ops_total{backend=\"memory\",op=\"get\",result="
				 "\"NOT_FOUND\"}") < MANY + 1);
	assert_true(cartd_metric(&cartd, "cart_http_requests_total{route=\"/shopping-carts/"
					 "{id}\",method=\"GET\",code=\"429\"}") > 0);
	until = patience_ms() + WAIT_MS;
	while (ask(GREEDY, NULL) == 429)
		assert_true(patience_ms() < until);
}

static void probes_are_not_counted(void **state)
{
	static const char *const paths[] = {"/livez", "/readyz", "/health", "/metrics"};

	(void)state;
	start(NULL, NULL, NULL);
	expect_over(GREEDY, NULL, 404);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(ask_many(GREEDY, paths[i], NULL, 200), 0);
}

static void tokens_are_counted_apart_from_their_addresses(void **state)
{
	const char *shop, *ann, *bob, *guest, *admin;
	char setting[320];

	(void)state;
	cartd_make_directory(folder);
	snprintf(file.path, sizeof(file.path), "%s/tokens.json", folder);
	shop = token_file_add(&file, "shop", "\"read\"", "");
	ann = token_file_add(&file, "ann", "\"read\"", ",\"customer\":\"1\"");
	bob = token_file_add(&file, "bob", "\"read\"", ",\"customer\":\"2\"");
	guest = token_file_add(&file, "guest", "\"read\"", ",\"customer\":null");
	admin = token_file_add(&file, "boss", "\"read\",\"admin\"", "");
	token_file_write(&file);
	snprintf(setting, sizeof(setting), "auth.token_file=%s", file.path);
	start("auth=token", setting, NULL);
	expect_over(GREEDY, shop, 404);
	expect_over(GREEDY, ann, 404);
	/* Another caller at the same address, and the same caller at another one. */
	assert_int_equal(ask(GREEDY, bob), 404);
	assert_int_equal(ask_many(GREEDY, CART, admin, 404), 0);
	/* All guests have one token. */
	expect_over(GREEDY, guest, 404);
	assert_int_equal(ask(OTHER, guest), 404);
	/* Who is not known is counted by the address, also at /metrics. */
	expect_over(GREEDY, NULL, 401);
	assert_int_equal(ask(OTHER, "Authorization: Bearer x\r\n"), 401);
	assert_true(ask_many("127.0.0.4", "/metrics", "Authorization: Bearer x\r\n", 401) > 0);
}

static void a_token_is_one_caller_at_all_addresses(void **state)
{
	const char *shop;
	char setting[320];
	int over = 0;

	(void)state;
	cartd_make_directory(folder);
	snprintf(file.path, sizeof(file.path), "%s/tokens.json", folder);
	shop = token_file_add(&file, "shop", "\"read\"", "");
	token_file_write(&file);
	snprintf(setting, sizeof(setting), "auth.token_file=%s", file.path);
	start("auth=token", setting, NULL);
	for (int i = 0; i < MANY; i++)
		over += ask(i % 2 == 0 ? GREEDY : OTHER, shop) == 429;
	assert_true(over > 0);
}

static void behind_a_proxy_the_clients_are_counted(void **state)
{
#define FOR(client_) "X-Forwarded-For: " client_ "\r\n"
	(void)state;
	start("http.trusted_proxies=127.0.0.2", "http.forwarded=x-forwarded-for", NULL);
	expect_over(GREEDY, FOR("192.0.2.1"), 404);
	assert_int_equal(ask(GREEDY, FOR("192.0.2.2")), 404);
	/* A client has a network of IPv6. */
	expect_over(GREEDY, FOR("2001:db8::1"), 404);
	expect_over(GREEDY, FOR("2001:db8:0:1::1"), 404);
	for (int i = 0, refused = 0; refused == 0; i++) {
		refused = ask(GREEDY, FOR("2001:db8:0:1:2::3")) == 429;
		assert_true(i < MANY);
	}
	/* Only a proxy is believed: else who asks too often would choose another address. */
	expect_over(OTHER, FOR("192.0.2.3"), 404);
	assert_int_equal(ask(GREEDY, FOR("192.0.2.3")), 404);
}

static void without_a_rate_nobody_is_refused(void **state)
{
	static const char *const settings[] = {"threads=1", NULL};

	(void)state;
	cartd_start(&cartd, settings);
	assert_int_equal(ask_many(GREEDY, CART, NULL, 404), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(who_asks_too_often_is_refused_and_nobody_else, stop),
		cmocka_unit_test_teardown(probes_are_not_counted, stop),
		cmocka_unit_test_teardown(tokens_are_counted_apart_from_their_addresses, stop),
		cmocka_unit_test_teardown(a_token_is_one_caller_at_all_addresses, stop),
		cmocka_unit_test_teardown(behind_a_proxy_the_clients_are_counted, stop),
		cmocka_unit_test_teardown(without_a_rate_nobody_is_refused, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
