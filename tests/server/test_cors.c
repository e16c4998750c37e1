/*
 * What a browser needs to let a page of another origin use the API, on a cartd that lists origins
 * and on one that allows all.
 */
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>

#define SHOP	  "https://shop.test"
#define FROM_SHOP "Origin: " SHOP "\r\n"
#define CART	  "/shopping-carts/00000000-0000-4000-8000-000000000000"

static struct api_server listed, open_to_all, off;

static void expect_header(struct api_client *client, const char *name, const char *value)
{
	const char *found = api_header(client, name);

	if (value == NULL && found != NULL)
		fail_msg("%s: %s, where there should be none", name, found);
	if (value != NULL && (found == NULL || strcmp(found, value) != 0))
		fail_msg("%s: %s instead of %s", name, found == NULL ? "none" : found, value);
}

static void expect_allowed(struct api_client *client, const char *origin)
{
	expect_header(client, "Access-Control-Allow-Origin", origin);
	expect_header(client, "Access-Control-Expose-Headers",
		      origin == NULL ? NULL
				     : "ETag, Idempotency-Replayed, Location, Retry-After, "
				       "X-Request-Id");
	expect_header(client, "Access-Control-Allow-Credentials", NULL);
}

static void a_page_of_a_listed_origin_may_read_every_answer(void **state)
{
	struct api_client client;

	(void)state;
	api_open(&client, &listed);
	assert_int_equal(
		api_call(&client, "POST", "/shopping-carts", FROM_SHOP, "{\"customer_id\": 1}"),
		201);
	expect_allowed(&client, SHOP);
	expect_header(&client, "Vary", "Origin");
	assert_int_equal(api_call(&client, "GET", CART, "Origin: http://localhost:3000\r\n", NULL),
			 404);
	expect_allowed(&client, "http://localhost:3000");
	assert_int_equal(api_call(&client, "GET", "/nowhere", FROM_SHOP, NULL), 404);
	expect_allowed(&client, SHOP);
	assert_int_equal(api_call(&client, "POST", CART, FROM_SHOP, NULL), 405);
	expect_allowed(&client, SHOP);
	api_close(&client);
}

/* The guard answers these before the API has seen them. */
static void a_refused_message_is_answered_to_its_page_too(void **state)
{
	struct http_response response = {0};
	struct http_client client;

	(void)state;
	http_client_open(&client, listed.cartd.port);
	http_client_send_text(&client, "POST /shopping-carts HTTP/1.1\r\nHost: a\r\n" FROM_SHOP
				       "Content-Length: 100000000\r\n\r\n");
	assert_int_equal(http_client_read(&client, &response, false, 10000), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 413);
	assert_string_equal(http_response_header(&response, "Access-Control-Allow-Origin"), SHOP);
	http_client_close(&client);

	http_client_open(&client, listed.cartd.port);
	http_client_send_text(&client,
			      "POST /shopping-carts HTTP/1.1\r\nHost: a\r\n" FROM_SHOP FROM_SHOP
			      "Content-Length: 100000000\r\n\r\n");
	assert_int_equal(http_client_read(&client, &response, false, 10000), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 413);
	assert_null(http_response_header(&response, "Access-Control-Allow-Origin"));
	http_response_clear(&response);
	http_client_close(&client);
}

static void other_origins_get_nothing(void **state)
{
	static const char *const others[] = {
		"Origin: https://shop.test.evil.test\r\n",
		"Origin: https://SHOP.test\r\n",
		"Origin: http://shop.test\r\n",
		"Origin: https://shop.test:8443\r\n",
		"Origin: https://shop.test/\r\n",
		"Origin: null\r\n",
		"Origin: \r\n",
		FROM_SHOP FROM_SHOP,
		NULL,
	};
	struct api_client client;

	(void)state;
	api_open(&client, &listed);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(api_call(&client, "GET", CART, others[i], NULL), 404);
		expect_allowed(&client, NULL);
		expect_header(&client, "Vary", "Origin");
	}
	assert_int_equal(api_call(&client, "OPTIONS", CART,
				  "Origin: https://evil.test\r\n"
				  "Access-Control-Request-Method: DELETE\r\n",
				  NULL),
			 204);
	expect_allowed(&client, NULL);
	expect_header(&client, "Access-Control-Allow-Methods", NULL);
	api_close(&client);
}

static void a_preflight_is_told_what_the_path_takes(void **state)
{
	struct api_client client;

	(void)state;
	api_open(&client, &listed);
	assert_int_equal(api_call(&client, "OPTIONS", CART "/items/7",
				  FROM_SHOP "Access-Control-Request-Method: PUT\r\n"
					    "Access-Control-Request-Headers: content-type,"
					    "idempotency-key\r\n",
				  NULL),
			 204);
	expect_allowed(&client, SHOP);
	expect_header(&client, "Vary", "Origin");
	assert_non_null(strstr(api_header(&client, "Access-Control-Allow-Methods"), "PUT"));
	assert_null(strstr(api_header(&client, "Access-Control-Allow-Methods"), "POST"));
	expect_header(&client, "Access-Control-Allow-Headers",
		      "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
		      "Prefer, traceparent, X-Request-Id");
	expect_header(&client, "Access-Control-Max-Age", "600");

	/* An OPTIONS that is no preflight. */
	assert_int_equal(api_call(&client, "OPTIONS", CART, FROM_SHOP, NULL), 204);
	expect_header(&client, "Access-Control-Allow-Methods", NULL);
	api_close(&client);
}

static void a_star_allows_every_origin(void **state)
{
	struct api_client client;

	(void)state;
	api_open(&client, &open_to_all);
	assert_int_equal(api_call(&client, "GET", CART, "Origin: https://a.test\r\n", NULL), 404);
	expect_allowed(&client, "*");
	expect_header(&client, "Vary", NULL);
	assert_int_equal(api_call(&client, "OPTIONS", CART,
				  "Origin: null\r\nAccess-Control-Request-Method: DELETE\r\n",
				  NULL),
			 204);
	expect_allowed(&client, "*");
	assert_non_null(strstr(api_header(&client, "Access-Control-Allow-Methods"), "DELETE"));
	api_close(&client);
}

static void without_the_setting_no_answer_has_such_headers(void **state)
{
	struct api_client client;

	(void)state;
	api_open(&client, &off);
	assert_int_equal(api_call(&client, "OPTIONS", CART,
				  FROM_SHOP "Access-Control-Request-Method: GET\r\n", NULL),
			 204);
	expect_allowed(&client, NULL);
	expect_header(&client, "Access-Control-Allow-Methods", NULL);
	expect_header(&client, "Vary", NULL);
	api_close(&client);
}

static void what_no_browser_sends_as_an_origin_stops_the_start(void **state)
{
	static const char *const wrong[] = {
		"https://shop.test/", "shop.test",	  "https://Shop.test", "https://", "null",
		"https://a.test/x",   "*,https://a.test",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *argv[] = {
			"cartd-test",	       "--backend=memory", "--listen=127.0.0.1:0",
			"--http.cors_origins", wrong[i],	   NULL};
		char *output;

		assert_int_equal(cartd_run_program(argv, &output, 20000), 1);
		if (strstr(output, "http.cors_origins") == NULL)
			fail_msg("%s: %s", wrong[i], output);
		free(output);
	}
}

static int start(void **state)
{
	static const char *const two[] = {"http.cors_origins=" SHOP ",http://localhost:3000", NULL};
	static const char *const all[] = {"http.cors_origins=*", NULL};

	(void)state;
	api_server_start(&listed, two);
	api_server_start(&open_to_all, all);
	api_server_start(&off, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	api_server_stop(&listed);
	api_server_stop(&open_to_all);
	api_server_stop(&off);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_of_a_listed_origin_may_read_every_answer),
		cmocka_unit_test(a_refused_message_is_answered_to_its_page_too),
		cmocka_unit_test(other_origins_get_nothing),
		cmocka_unit_test(a_preflight_is_told_what_the_path_takes),
		cmocka_unit_test(a_star_allows_every_origin),
		cmocka_unit_test(without_the_setting_no_answer_has_such_headers),
		cmocka_unit_test(what_no_browser_sends_as_an_origin_stops_the_start),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
