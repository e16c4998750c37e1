/*
 * Raw bytes against a running cartd. What evhttp forgives or answers in HTML is refused in JSON and
 * the connection closed, so that nothing behind it is taken for another request; what is unusual
 * but right is answered.
 */
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/http_client.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define WAIT_MS	 10000
#define GET	 "GET /livez HTTP/1.1\r\nHost: a\r\n"
#define POST	 "POST /shopping-carts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
#define BODY	 "{\"customer_id\":1}"
#define SMUGGLED "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

static struct cartd cartd;

static int start(void **state)
{
	static const char *const settings[] = {"http.max_body=4KiB", "http.max_headers=4KiB", NULL};

	(void)state;
	cartd_start(&cartd, settings);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	cartd_stop(&cartd);
	return 0;
}

static void expect_status(struct http_client *client, int status)
{
	struct http_response response = {0};
	enum http_read got = http_client_read(client, &response, false, WAIT_MS);

	if (got != HTTP_READ_ANSWER)
		fail_msg("no answer where %d was due (%d)", status, (int)got);
	if (response.status != status)
		fail_msg("%d in place of %d: %s%s", response.status, status, response.head,
			 response.body);
	http_response_clear(&response);
}

static void expect_end(struct http_client *client)
{
	struct http_response response = {0};

	assert_int_equal(http_client_read(client, &response, false, WAIT_MS), HTTP_READ_CLOSED);
	http_response_clear(&response);
}

/* One answer, an error in JSON that says close, and then the end. */
static void expect_refusal(struct http_client *client, int status)
{
	struct http_response response = {0};
	enum http_read got = http_client_read(client, &response, false, WAIT_MS);

	if (got != HTTP_READ_ANSWER)
		fail_msg("no answer where %d was due (%d)", status, (int)got);
	if (response.status != status)
		fail_msg("%d in place of %d: %s%s", response.status, status, response.head,
			 response.body);
	assert_string_equal(http_response_header(&response, "Content-Type"),
			    "application/problem+json");
	assert_non_null(strstr(response.body, "\"error\":"));
	assert_true(response.close);
	assert_null(strcasestr(response.body, "<html"));
	http_response_clear(&response);
	expect_end(client);
}

static void refuses(const char *bytes, size_t len, int status)
{
	struct http_client client;

	http_client_open(&client, cartd.port);
	assert_true(http_client_send(&client, bytes, len));
	expect_refusal(&client, status);
	http_client_close(&client);
}

#define REFUSES(literal, status) refuses(literal, sizeof(literal) - 1, status)

static void a_second_request_cannot_be_smuggled_behind_a_first(void **state)
{
	(void)state;
	REFUSES("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n" SMUGGLED, 400);
	REFUSES("BREW / HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "Content-Length : 35\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "Content-Length: 0\r\nContent-Length: 35\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "Content-Length: +35\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "Transfer-Encoding: gzip\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "Transfer-Encoding: xchunked\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "Transfer-Encoding: chunked\r\nContent-Length: 35\r\n\r\n0\r\n\r\n" SMUGGLED,
		400);
	REFUSES(POST "X: y\r\n Content-Length: 35\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "X: y\nContent-Length: 35\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n\r\n" SMUGGLED, 400);
	REFUSES(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n" SMUGGLED, 400);
	REFUSES(POST "Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n" SMUGGLED, 400);
}

static void a_refused_head_gets_headers_only(void **state)
{
	struct http_response response = {0};
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, "HEAD /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n"
				       "\r\n" SMUGGLED);
	assert_int_equal(http_client_read(&client, &response, true, WAIT_MS), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 400);
	expect_end(&client);
	http_response_clear(&response);
	http_client_close(&client);
}

static void what_is_no_http_is_refused_in_json(void **state)
{
	(void)state;
	REFUSES("\x16\x03\x01\x02\x01", 400);
	REFUSES("hello\r\n\r\n", 400);
	REFUSES("GET /livez\r\n\r\n", 400);
	REFUSES("GET /livez HTTP/2.0\r\nHost: a\r\n\r\n", 505);
	REFUSES("GET //livez HTTP/1.1\r\nHost: a\r\n\r\n", 400);
	REFUSES("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
	REFUSES("CONNECT /shopping-carts HTTP/1.1\r\nHost: a\r\n\r\n", 400);
	REFUSES("GET /livez HTTP/1.1\r\n\r\n", 400);
	REFUSES("GET /livez HTTP/1.1\r\nHost:\r\n\r\n", 400);
	REFUSES("OPTIONS * HTTP/1.1\r\nHost: \t\r\n\r\n", 400);
	REFUSES("\r\n\r\n\r\n\r\n\r\n" GET "\r\n", 400);
	REFUSES("\n" GET "\r\n", 400);
	REFUSES(GET "Host: b\r\n\r\n", 400);
	REFUSES(GET "no colon\r\n\r\n", 400);
	REFUSES(GET "Expect: something\r\n\r\n", 417);
	REFUSES("GET /livez\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
	REFUSES(GET "X: a\0b\r\n\r\n", 400);
	REFUSES(GET "X: a\rb\r\n\r\n", 400);
	REFUSES(POST "Content-Length: 5000\r\n\r\n", 413);
	REFUSES(POST "Content-Length: 99999999999999999999\r\n\r\n", 413);
}

static void methods_that_no_path_has_are_answered_in_json(void **state)
{
	static const char *const methods[] = {"BREW", "PATCH", "TRACE", "DELETE"};
	struct http_response response = {0};
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		http_client_call(&client, &response, methods[i], "/livez", NULL, NULL);
		assert_int_equal(response.status, 405);
		assert_non_null(http_response_header(&response, "Allow"));
		assert_non_null(strstr(response.body, "METHOD_NOT_ALLOWED"));
	}
	http_response_clear(&response);
	http_client_close(&client);
}

static void headers_beyond_the_limit_are_answered_431_and_414(void **state)
{
	struct http_client client;
	char line[8192];

	(void)state;
	memset(line, 'x', sizeof(line));
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, GET "X: ");
	http_client_send(&client, line, sizeof(line));
	expect_refusal(&client, 431);
	http_client_close(&client);

	http_client_open(&client, cartd.port);
	http_client_send_text(&client, "GET /");
	http_client_send(&client, line, sizeof(line));
	expect_refusal(&client, 414);
	http_client_close(&client);
}

static void a_refused_client_may_go_on_sending_for_a_while(void **state)
{
	struct http_response response = {0};
	struct http_client client;
	char piece[16384];

	(void)state;
	memset(piece, 'x', sizeof(piece));
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, POST "Content-Length: 1000000\r\n\r\n");
	http_client_send(&client, piece, sizeof(piece));
	assert_int_equal(http_client_read(&client, &response, false, WAIT_MS), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 413);
	/* A server that closed with these unread would answer each with a reset, which on other
	 * systems than this one takes the answer from the client again. */
	for (int i = 0; i < 8; i++) {
		assert_true(http_client_send(&client, piece, sizeof(piece)));
		usleep(10000);
	}
	expect_end(&client);
	http_response_clear(&response);
	http_client_close(&client);
}

static void every_cut_of_a_request_gives_the_same_answer(void **state)
{
	static const char bytes[] =
		POST "Transfer-Encoding: chunked\r\n\r\n"
		     "8\r\n{\"custom\r\n9\r\ner_id\":1}\r\n0\r\n\r\n" GET "\r\n";
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	for (size_t cut = 1; cut < sizeof(bytes) - 1; cut++) {
		http_client_send(&client, bytes, cut);
		http_client_send(&client, bytes + cut, sizeof(bytes) - 1 - cut);
		expect_status(&client, 201);
		expect_status(&client, 200);
	}
	http_client_close(&client);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	static const char bytes[] = POST "Content-Length: 17\r\n\r\n" BODY;
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	for (size_t i = 0; i < sizeof(bytes) - 1; i++)
		assert_true(http_client_send(&client, bytes + i, 1));
	expect_status(&client, 201);
	http_client_close(&client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct http_response response = {0};
	struct http_client client;
	char request[128];

	(void)state;
	http_client_open(&client, cartd.port);
	for (int i = 0; i < 50; i++) {
		snprintf(request, sizeof(request), GET "X-Request-Id: %d\r\n\r\n", i);
		http_client_send_text(&client, request);
	}
	for (int i = 0; i < 50; i++) {
		snprintf(request, sizeof(request), "%d", i);
		assert_int_equal(http_client_read(&client, &response, false, WAIT_MS),
				 HTTP_READ_ANSWER);
		assert_string_equal(http_response_header(&response, "X-Request-Id"), request);
	}
	http_response_clear(&response);
	http_client_close(&client);
}

static void a_bad_request_behind_good_ones_is_refused_after_them(void **state)
{
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, GET "\r\n" POST "Content-Length: 17\r\n\r\n" BODY GET
					   "X : y\r\n\r\n" SMUGGLED);
	expect_status(&client, 200);
	expect_status(&client, 201);
	expect_refusal(&client, 400);
	http_client_close(&client);
}

static void expect_100_continue_is_answered_before_the_body(void **state)
{
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, POST "Expect: 100-continue\r\nContent-Length: 17\r\n\r\n");
	expect_status(&client, 100);
	http_client_send_text(&client, BODY);
	expect_status(&client, 201);
	/* Too long a body is not even asked for. */
	http_client_send_text(&client, POST "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n");
	expect_refusal(&client, 413);
	http_client_close(&client);
}

static void a_connection_is_kept_or_closed_as_the_client_says(void **state)
{
	static const struct {
		const char *request;
		bool kept;
	} examples[] = {
		{GET "\r\n", true},
		{GET "Connection: keep-alive\r\n\r\n", true},
		{GET "Connection: close\r\n\r\n", false},
		{GET "Connection: keep-alive, close\r\n\r\n", false},
		{GET "Connection: close, keep-alive\r\n\r\n", false},
		{GET "Connection: keep-alive\r\nConnection: close\r\n\r\n", false},
		{"GET /livez HTTP/1.0\r\n\r\n", false},
		{"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
		{"GET /livez HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n", false},
		{"GET http://a.test/livez HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"GET http://a.test/livez HTTP/1.1\r\nHost:\r\n\r\n", true},
		{"GET http://a:/livez HTTP/1.1\r\nHost: a:\r\n\r\n", true},
		{"GET http://[::1]:80/livez HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", true},
		{"GET http://a.test/livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
		{"GET http://a.test/livez HTTP/1.0\r\n\r\n", false},
		{"GET /livez HTTP/1.2\r\nHost: a\r\n\r\n", true},
		{"GET /livez HTTP/1.2\r\nHost: a\r\nConnection:\tclose\r\n\r\n", false},
		{"GET /livez HTTP/1.0\r\nConnection:\tkeep-alive\r\n\r\n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct http_response response = {0};
		struct http_client client;

		http_client_open(&client, cartd.port);
		http_client_send_text(&client, examples[i].request);
		assert_int_equal(http_client_read(&client, &response, false, WAIT_MS),
				 HTTP_READ_ANSWER);
		assert_int_equal(response.status, 200);
		if (response.close == examples[i].kept)
			fail_msg("kept or closed wrongly: %s", examples[i].request);
		if (examples[i].kept) {
			http_client_send_text(&client, GET "\r\n");
			expect_status(&client, 200);
		} else {
			expect_end(&client);
		}
		http_response_clear(&response);
		http_client_close(&client);
	}
}

static void a_post_without_a_length_is_one_without_a_body(void **state)
{
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, POST "Connection: keep-alive\r\n\r\n");
	expect_status(&client, 400); /* a body is missing: the API's own answer */
	http_client_send_text(&client, GET "\r\n");
	expect_status(&client, 200);
	http_client_close(&client);
}

static void a_get_with_a_body_is_read_to_its_end(void **state)
{
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, GET "Content-Length: 35\r\n\r\n" SMUGGLED);
	expect_status(&client, 400); /* no body is taken here: again the API's */
	http_client_send_text(&client, GET "\r\n");
	expect_status(&client, 200);
	http_client_close(&client);
}

static void head_has_the_length_and_no_body(void **state)
{
	struct http_response response = {0};
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	for (int i = 0; i < 2; i++) {
		http_client_call(&client, &response, "HEAD", "/livez", NULL, NULL);
		assert_int_equal(response.status, 200);
		assert_string_equal(http_response_header(&response, "Content-Length"), "15");
	}
	http_response_clear(&response);
	http_client_close(&client);
}

static void empty_lines_before_a_request_are_ignored(void **state)
{
	static const char bytes[] =
		"\r\n\r\n" POST "Content-Length: 17\r\n\r\n" BODY "\r\n" GET "\r\n\r\n\r\n";
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	for (size_t cut = 1; cut < sizeof(bytes); cut++) {
		http_client_send(&client, bytes, cut);
		http_client_send(&client, bytes + cut, sizeof(bytes) - 1 - cut);
		expect_status(&client, 201);
		expect_status(&client, 200);
		/* The next round makes eight bytes of what is left of this one. */
	}
	http_client_half_close(&client);
	expect_end(&client);
	http_client_close(&client);
}

static void a_tab_is_white_space_before_every_value(void **state)
{
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, POST "Idempotency-Key:\tabc\r\nContent-Length:\t17\t\r\n"
					    "\r\n" BODY);
	expect_status(&client, 201);
	http_client_send_text(&client, POST "Transfer-Encoding: \t chunked\r\n\r\n"
					    "11\r\n" BODY "\r\n0\r\n\r\n");
	expect_status(&client, 201);
	http_client_send_text(&client, POST "Expect:\t100-continue\r\nContent-Length: 17\r\n\r\n");
	expect_status(&client, 100);
	http_client_send_text(&client, BODY);
	expect_status(&client, 201);
	http_client_close(&client);
}

static void chunk_extensions_and_trailers_are_ignored(void **state)
{
	static const char bytes[] = POST
		"Transfer-Encoding: chunked\r\n\r\n"
		"8;a\r\n{\"custom\r\n9\t; b=\"x;\"\r\ner_id\":1}\r\n0;c\r\n"
		"Idempotency-Key: one two\r\nContent-Length: 3\r\nExpect: x\r\n\r\n" GET "\r\n";
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	for (size_t cut = 1; cut < sizeof(bytes) - 1; cut++) {
		http_client_send(&client, bytes, cut);
		http_client_send(&client, bytes + cut, sizeof(bytes) - 1 - cut);
		/* The key of the trailer would be refused. */
		expect_status(&client, 201);
		expect_status(&client, 200);
	}
	http_client_close(&client);
}

static void a_client_that_stops_sending_still_gets_its_answer(void **state)
{
	struct http_client client;

	(void)state;
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, GET "\r\n");
	http_client_half_close(&client);
	expect_status(&client, 200);
	expect_end(&client);
	http_client_close(&client);
}

static void a_request_that_does_not_end_is_answered_408(void **state)
{
	static const char *const starts[] = {"G", GET, POST "Content-Length: 17\r\n\r\n{"};
	static const char *const settings[] = {"http.header_deadline=2s", NULL};
	struct http_client clients[3];
	struct cartd hasty;
	int64_t start_ms;

	(void)state;
	cartd_start(&hasty, settings);
	start_ms = cartd_now_ms();
	for (int i = 0; i < 3; i++) {
		http_client_open(&clients[i], hasty.port);
		if (i > 0) { /* on a kept connection too */
			http_client_send_text(&clients[i], GET "\r\n");
			expect_status(&clients[i], 200);
		}
		http_client_send_text(&clients[i], starts[i]);
	}
	for (int i = 0; i < 3; i++) {
		expect_refusal(&clients[i], 408);
		http_client_close(&clients[i]);
	}
	assert_in_range(cartd_now_ms() - start_ms, 1800, patience_at_once_ms());
	cartd_stop(&hasty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_request_cannot_be_smuggled_behind_a_first),
		cmocka_unit_test(a_refused_head_gets_headers_only),
		cmocka_unit_test(what_is_no_http_is_refused_in_json),
		cmocka_unit_test(methods_that_no_path_has_are_answered_in_json),
		cmocka_unit_test(headers_beyond_the_limit_are_answered_431_and_414),
		cmocka_unit_test(a_refused_client_may_go_on_sending_for_a_while),
		cmocka_unit_test(every_cut_of_a_request_gives_the_same_answer),
		cmocka_unit_test(a_request_may_come_byte_by_byte),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(a_bad_request_behind_good_ones_is_refused_after_them),
		cmocka_unit_test(expect_100_continue_is_answered_before_the_body),
		cmocka_unit_test(a_connection_is_kept_or_closed_as_the_client_says),
		cmocka_unit_test(a_post_without_a_length_is_one_without_a_body),
		cmocka_unit_test(a_get_with_a_body_is_read_to_its_end),
		cmocka_unit_test(head_has_the_length_and_no_body),
		cmocka_unit_test(empty_lines_before_a_request_are_ignored),
		cmocka_unit_test(a_tab_is_white_space_before_every_value),
		cmocka_unit_test(chunk_extensions_and_trailers_are_ignored),
		cmocka_unit_test(a_client_that_stops_sending_still_gets_its_answer),
		cmocka_unit_test(a_request_that_does_not_end_is_answered_408),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
