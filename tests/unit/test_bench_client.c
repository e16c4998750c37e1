/* The client of cartbench against servers that answer rightly, wrongly, late or not at all. */
#include "bench/target/client.h"
#include "tests/lib/fake_server.h"

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

static struct bench_client *open_client(int port, int timeout_ms, bool keep_alive)
{
	struct bench_client_config config = {.timeout_ms = timeout_ms, .keep_alive = keep_alive};
	struct bench_client *client;
	struct cart_error error;
	char text[40];

	snprintf(text, sizeof(text), "http://127.0.0.1:%d/shop", port);
	assert_int_equal(bench_url_parse(&config.url, text, &error), 0);
	assert_int_equal(bench_client_open(&client, &config, &error), 0);
	return client;
}

static void expect(const char *bytes, int status, const char *body)
{
	struct bench_client_answer answer;
	struct bench_client *client;
	struct fake_server server;
	struct cart_error error;

	fake_server_start(&server, answer_the_same, (void *)(uintptr_t)bytes);
	client = open_client(server.port, TIMEOUT_MS, false);
	if (bench_client_request(client, "GET", "/", NULL, &answer, &error) != 0)
		fail_msg("%s: %s", bytes, error.text);
	assert_int_equal(answer.status, status);
	assert_string_equal(answer.body, body);
	assert_int_equal(answer.body_len, strlen(body));
	bench_client_close(&client);
	fake_server_stop(&server);
}

static void expect_failure(const char *bytes, int timeout_ms, const char *why)
{
	struct bench_client_answer answer;
	struct bench_client *client;
	struct fake_server server;
	struct cart_error error = {0};

	fake_server_start(&server, answer_the_same, (void *)(uintptr_t)bytes);
	client = open_client(server.port, timeout_ms, false);
	assert_int_equal(bench_client_request(client, "GET", "/", NULL, &answer, &error), -1);
	if (strstr(error.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, why);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.body, "");
	bench_client_close(&client);
	fake_server_stop(&server);
}

static void bodies_come_whole_however_they_are_framed(void **state)
{
	(void)state;
	expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
	expect("HTTP/1.1 200 OK\ncontent-length:  5 \n\nhello", 200, "hello");
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
	expect_failure("SSH-2.0-OpenSSH\r\n\r\n", TIMEOUT_MS, "not an HTTP/1 answer");
	expect_failure("HTTP/1.1 20 OK\r\n\r\n", TIMEOUT_MS, "not an HTTP/1 answer");
	expect_failure("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", TIMEOUT_MS, "colon");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", TIMEOUT_MS, "closed");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!", TIMEOUT_MS, "bytes");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", TIMEOUT_MS, "-5");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		       TIMEOUT_MS, "Content-Length");
	expect_failure("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", TIMEOUT_MS, "1048577");
	expect_failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", TIMEOUT_MS, "gzip");
	expect_failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", TIMEOUT_MS,
		       "zz");
	expect_failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
		       TIMEOUT_MS, "chunk");
	expect_failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		       TIMEOUT_MS, "chunk");
}

static void an_answer_without_end_is_cut(void **state)
{
	char *headers = malloc(200000), *line = malloc(200000), *body = malloc(2000000);

	(void)state;
	snprintf(line, 200000, "HTTP/1.1 200 OK\r\nX: %0*d", 100000, 0);
	expect_failure(line, TIMEOUT_MS, "a line of more than");
	strcpy(headers, "HTTP/1.1 200 OK\r\n");
	memset(headers + 17, '\0', 200000 - 17);
	for (size_t at = 17; at < 100000; at += 6)
		memcpy(headers + at, "X: y\r\n", 6);
	expect_failure(headers, TIMEOUT_MS, "headers of more than");
	snprintf(body, 2000000, "HTTP/1.0 200 OK\r\n\r\n%0*d", 1900000, 0);
	expect_failure(body, TIMEOUT_MS, "an answer of more than");
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
	struct bench_client_answer answer;
	struct bench_client *client;
	struct fake_server server;
	struct cart_error error;

	(void)state;
	/* A port that was just free. */
	fake_server_start(&server, answer_the_same, NULL);
	fake_server_stop(&server);
	client = open_client(server.port, TIMEOUT_MS, false);
	assert_int_equal(bench_client_request(client, "GET", "/", NULL, &answer, &error), -1);
	assert_string_equal(error.text, "cannot connect: Connection refused");
	bench_client_close(&client);
}

static char *echo(const char *request, void *user)
{
	char *bytes;

	(void)user;
	assert_true(asprintf(&bytes, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			     strlen(request), request) > 0);
	return bytes;
}

/* Three requests; returns how many connections they took. */
static int send_three(bool keep_alive)
{
	struct bench_client_answer answer;
	struct bench_client *client;
	struct fake_server server;
	struct cart_error error;
	char host[40];
	int i;

	fake_server_start(&server, echo, NULL);
	client = open_client(server.port, TIMEOUT_MS, keep_alive);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", server.port);
	for (i = 0; i < 3; i++) {
		assert_int_equal(
			bench_client_request(client, "POST", "/carts", "{}", &answer, &error), 0);
		assert_ptr_equal(strstr(answer.body, "POST /shop/carts HTTP/1.1\r\n"), answer.body);
		assert_non_null(strstr(answer.body, host));
		assert_non_null(strstr(answer.body, "\r\nContent-Type: application/json\r\n"));
		assert_non_null(strstr(answer.body, "\r\nContent-Length: 2\r\n\r\n{}"));
	}
	bench_client_close(&client);
	fake_server_stop(&server);
	return server.connections;
}

static void each_request_takes_a_connection_unless_they_are_kept(void **state)
{
	(void)state;
	assert_int_equal(send_three(false), 3);
	assert_int_equal(send_three(true), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_come_whole_however_they_are_framed),
		cmocka_unit_test(answers_that_are_none_fail_with_the_reason),
		cmocka_unit_test(an_answer_without_end_is_cut),
		cmocka_unit_test(a_silent_server_is_left_at_the_deadline),
		cmocka_unit_test(nobody_there_is_said),
		cmocka_unit_test(each_request_takes_a_connection_unless_they_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
