/* What cartbench asks a cartd, of servers that answer rightly, wrongly, late or not at all. */
#include "bench/target/http_origin.h"
#include "tests/lib/fake_server.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMEOUT_MS 5000

static char *answer_the_same(const char *request, void *user)
{
	(void)request;
	return user == NULL ? NULL : strdup(user);
}

/* Where the server is: without the questions by which http_origin_find() finds that out. */
static struct http_origin origin_of(const struct fake_server *server, int timeout_ms)
{
	struct http_origin origin = {.timeout_ms = timeout_ms};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)server->port),
				      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	struct cart_error error;
	char text[40];

	snprintf(text, sizeof(text), "http://127.0.0.1:%d/shop", server->port);
	assert_int_equal(bench_url_parse(&origin.url, text, &error), 0);
	memcpy(&origin.address.storage, &address, sizeof(address));
	origin.address.len = sizeof(address);
	return origin;
}

static void expect(const char *bytes, int status, const char *body)
{
	struct fake_server server;
	struct http_origin origin;
	struct http_reply reply;
	struct cart_error error;

	fake_server_start(&server, answer_the_same, (void *)(uintptr_t)bytes);
	origin = origin_of(&server, TIMEOUT_MS);
	if (http_origin_get(&origin, "/", &reply, &error) != 0)
		fail_msg("%s: %s", bytes, error.text);
	assert_true(reply.connected);
	assert_int_equal(reply.status, status);
	assert_int_equal(reply.body.len, strlen(body));
	assert_string_equal(buf_string(&reply.body), body);
	buf_free(&reply.body);
	fake_server_stop(&server);
}

static void expect_failure(const char *bytes, int timeout_ms, const char *why)
{
	struct fake_server server;
	struct http_origin origin;
	struct http_reply reply;
	struct cart_error error = {0};

	fake_server_start(&server, answer_the_same, (void *)(uintptr_t)bytes);
	origin = origin_of(&server, timeout_ms);
	assert_int_equal(http_origin_get(&origin, "/", &reply, &error), -1);
	if (strstr(error.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, why);
	assert_true(reply.connected);
	assert_int_equal(reply.status, 0);
	assert_int_equal(reply.body.len, 0);
	buf_free(&reply.body);
	fake_server_stop(&server);
}

static void bodies_come_whole_however_they_are_framed(void **state)
{
	(void)state;
	expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
	expect("HTTP/1.1 200 OK\r\ncontent-length:  5 \r\n\r\nhello", 200, "hello");
	expect("HTTP/1.0 200\r\n\r\nuntil the end", 200, "until the end");
	expect("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
	expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", 404,
	       "no");
	expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "5\r\nhello\r\nA;ext=1\r\n, chunked!\r\n0\r\nTrailer: x\r\n\r\n",
	       200, "hello, chunked!");
	expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
}

static void answers_that_are_none_fail_with_the_reason(void **state)
{
	(void)state;
	expect_failure(NULL, TIMEOUT_MS, "closed");
	expect_failure("SSH-2.0-OpenSSH\r\n\r\n", TIMEOUT_MS, "no status line of HTTP/1");
	expect_failure("HTTP/1.1 20 OK\r\n\r\n", TIMEOUT_MS, "no status line of HTTP/1");
	expect_failure("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", TIMEOUT_MS, "colon");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", TIMEOUT_MS, "closed");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!", TIMEOUT_MS,
		       "bytes after the answer");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", TIMEOUT_MS,
		       "Content-Length");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		       TIMEOUT_MS, "Content-Length");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n", TIMEOUT_MS,
		       "Content-Length");
	expect_failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", TIMEOUT_MS,
		       "Transfer-Encoding");
	expect_failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", TIMEOUT_MS,
		       "chunk");
	expect_failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
		       TIMEOUT_MS, "chunk");
	expect_failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		       TIMEOUT_MS, "bytes after a chunk");
}

static void an_answer_without_end_is_cut(void **state)
{
	const size_t room = HTTP_ANSWER_BODY_MAX + 100000;
	char *headers = calloc(1, 200000), *line = malloc(200000), *body = malloc(room);

	(void)state;
	snprintf(line, 200000, "HTTP/1.1 200 OK\r\nX: %0*d", 100000, 0);
	expect_failure(line, TIMEOUT_MS, "a head or a line of more than");
	strcpy(headers, "HTTP/1.1 200 OK\r\n");
	for (size_t at = 17; at < 100000; at += 6)
		memcpy(headers + at, "X: y\r\n", 6);
	expect_failure(headers, TIMEOUT_MS, "a head or a line of more than");
	snprintf(body, room, "HTTP/1.0 200 OK\r\n\r\n%0*d", HTTP_ANSWER_BODY_MAX + 1, 0);
	expect_failure(body, TIMEOUT_MS, "a body of more than");
	free(headers);
	free(line);
	free(body);
}

static void a_silent_server_is_left_at_the_deadline(void **state)
{
	(void)state;
	expect_failure("", 50, "within 50 ms");
}

static void nobody_there_is_said(void **state)
{
	struct fake_server server;
	struct http_origin origin;
	struct http_reply reply;
	struct cart_error error;

	(void)state;
	/* A port that was just free. */
	fake_server_start(&server, answer_the_same, NULL);
	fake_server_stop(&server);
	origin = origin_of(&server, TIMEOUT_MS);
	assert_int_equal(http_origin_get(&origin, "/", &reply, &error), -1);
	assert_string_equal(error.text, "cannot connect: Connection refused");
	assert_false(reply.connected);
	buf_free(&reply.body);
}

static char *echo(const char *request, void *user)
{
	char *bytes;

	(void)user;
	assert_true(asprintf(&bytes, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			     strlen(request), request) > 0);
	return bytes;
}

static void each_question_takes_a_connection_and_asks_below_the_prefix(void **state)
{
	struct fake_server server;
	struct http_origin origin;
	struct http_reply reply;
	struct cart_error error;
	char want[200];

	(void)state;
	fake_server_start(&server, echo, NULL);
	origin = origin_of(&server, TIMEOUT_MS);
	snprintf(want, sizeof(want),
		 "GET /shop/metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
		 "User-Agent: cartbench\r\n\r\n",
		 server.port);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(http_origin_get(&origin, "/metrics", &reply, &error), 0);
		assert_string_equal(buf_string(&reply.body), want);
		buf_free(&reply.body);
	}
	fake_server_stop(&server);
	assert_int_equal(server.connections, 3);
}

/* localhost has two addresses, ::1 and 127.0.0.1, of which the server listens on the second. */
static char *be_a_cartd(const char *request, void *user)
{
	(void)user;
	return strdup(strncmp(request, "GET /health ", 12) == 0
			      ? "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\",\"database\":\"d\"}"
			      : "HTTP/1.1 404 Not Found\r\n\r\n");
}

static void the_first_address_that_takes_a_connection_is_used(void **state)
{
	struct fake_server server;
	const struct bench_drive_config config = {.timeout_ms = TIMEOUT_MS};
	struct http_origin origin;
	struct cart_error error;
	char url[40];

	(void)state;
	fake_server_start(&server, be_a_cartd, NULL);
	snprintf(url, sizeof(url), "localhost:%d", server.port);
	if (http_origin_find(&origin, url, &config, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(origin.address.storage.ss_family, AF_INET);
	assert_string_equal(origin.database, "d");
	http_origin_free(&origin);
	fake_server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_come_whole_however_they_are_framed),
		cmocka_unit_test(answers_that_are_none_fail_with_the_reason),
		cmocka_unit_test(an_answer_without_end_is_cut),
		cmocka_unit_test(a_silent_server_is_left_at_the_deadline),
		cmocka_unit_test(nobody_there_is_said),
		cmocka_unit_test(each_question_takes_a_connection_and_asks_below_the_prefix),
		cmocka_unit_test(the_first_address_that_takes_a_connection_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
