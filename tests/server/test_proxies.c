/*
 * Proxies that speak for clients: who is believed, and what is then known of the client. Here the
 * proxies are at 127.0.0.2, and everybody else is at 127.0.0.1.
 */
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/http_client.h"
#include "tests/lib/tls_client.h"
#include "tests/lib/tls_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS	  10000
#define GET	  "GET /livez HTTP/1.1\r\nHost: a\r\n"
#define PROXY	  "127.0.0.2"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define HEADER	  SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71\x07\x7f\x00\x00\x01\x12\x34\x1f\x90"
#define LOCAL	  SIGNATURE "\x20\x00\x00\x00"

#define TRUST	 "http.trusted_proxies=" PROXY ",10.0.0.0/8"
#define LOGGED	 "log.requests=all"
#define PROTOCOL "http.proxy_protocol=v2"

#define SEND(client, literal) http_client_send(client, literal, sizeof(literal) - 1)

static int status_of(struct http_client *client)
{
	struct http_response response = {0};
	int status = 0;

	if (http_client_read(client, &response, false, WAIT_MS) == HTTP_READ_ANSWER)
		status = response.status;
	http_response_clear(&response);
	return status;
}

/* Asks with a header under a request id, and looks for the peer of that request in the log. */
static void expect_peer_for(const struct cartd *cartd, const char *from, const char *header,
			    const char *peer)
{
	static int number;
	struct http_client client;
	char request[512], id[32];
	char line[256];
	char *output, *at;

	snprintf(id, sizeof(id), "request-%d", ++number);
	snprintf(request, sizeof(request), GET "X-Request-Id: %s\r\n%s\r\n", id, header);
	http_client_open_from(&client, cartd->port, from);
	http_client_send_text(&client, request);
	assert_int_equal(status_of(&client), 200);
	http_client_close(&client);
	snprintf(line, sizeof(line), "request_id=%s ", id);
	cartd_await_output(cartd, line, WAIT_MS);
	output = cartd_output(cartd);
	at = strstr(output, line);
	snprintf(line, sizeof(line), "peer=%s\n", peer);
	at[strcspn(at, "\n") + 1] = '\0';
	if (strstr(at, line) == NULL)
		fail_msg("%s from %s: no %s in %s", header, from, line, at);
	free(output);
}

static void a_header_is_believed_from_trusted_proxies_alone(void **state)
{
	static const char *const x[] = {TRUST, LOGGED, "http.forwarded=x-forwarded-for", NULL};
	static const char *const standard[] = {TRUST, LOGGED, "http.forwarded=forwarded", NULL};
	static const char *const neither[] = {TRUST, LOGGED, NULL};
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, x);
	expect_peer_for(&cartd, PROXY, "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n", "203.0.113.7");
	expect_peer_for(&cartd, PROXY,
			"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.8, 10.0.0.1\r\n",
			"203.0.113.8");
	expect_peer_for(&cartd, PROXY, "Forwarded: for=203.0.113.7\r\n", PROXY);
	expect_peer_for(&cartd, PROXY, "", PROXY);
	expect_peer_for(&cartd, "127.0.0.1", "X-Forwarded-For: 203.0.113.7\r\n", "127.0.0.1");
	cartd_stop(&cartd);

	cartd_start(&cartd, standard);
	expect_peer_for(&cartd, PROXY, "Forwarded: for=6.6.6.6, for=\"[2001:db8::7]:80\"\r\n",
			"2001:db8::7");
	expect_peer_for(&cartd, PROXY, "X-Forwarded-For: 203.0.113.7\r\n", PROXY);
	expect_peer_for(&cartd, "127.0.0.1", "Forwarded: for=203.0.113.7\r\n", "127.0.0.1");
	cartd_stop(&cartd);

	cartd_start(&cartd, neither);
	expect_peer_for(&cartd, PROXY, "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=203.0.113.7\r\n",
			PROXY);
	cartd_stop(&cartd);
}

static void a_proxy_header_names_the_client_of_its_connection(void **state)
{
	static const char *const settings[] = {TRUST, LOGGED, PROTOCOL, NULL};
	struct http_client client;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	http_client_open_from(&client, cartd.port, PROXY);
	SEND(&client, HEADER GET "X-Request-Id: first\r\n\r\n");
	assert_int_equal(status_of(&client), 200);
	SEND(&client, GET "X-Request-Id: second\r\n\r\nbad request\r\n\r\n");
	assert_int_equal(status_of(&client), 200);
	assert_int_equal(status_of(&client), 400);
	http_client_close(&client);
	cartd_await_output(&cartd, "request_id=first peer=203.0.113.7\n", WAIT_MS);
	cartd_await_output(&cartd, "request_id=second peer=203.0.113.7\n", WAIT_MS);

	/* In pieces, and for nobody but the proxy. */
	http_client_open_from(&client, cartd.port, PROXY);
	for (size_t i = 0; i < sizeof(LOCAL) - 1; i++)
		http_client_send(&client, &(LOCAL)[i], 1);
	SEND(&client, GET "X-Request-Id: third\r\n\r\n");
	assert_int_equal(status_of(&client), 200);
	http_client_close(&client);
	cartd_await_output(&cartd, "request_id=third peer=" PROXY "\n", WAIT_MS);
	cartd_stop(&cartd);
}

static void a_trusted_proxy_must_send_its_header_and_others_must_not(void **state)
{
	static const char *const settings[] = {TRUST, PROTOCOL, "http.header_deadline=2s", NULL};
	struct http_client client;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	http_client_open_from(&client, cartd.port, PROXY);
	SEND(&client, GET "\r\n");
	assert_true(http_client_await_close(&client, WAIT_MS));
	http_client_close(&client);
	http_client_open_from(&client, cartd.port, PROXY);
	SEND(&client, "PROXY TCP4 203.0.113.7 127.0.0.1 1 2\r\n" GET "\r\n");
	assert_true(http_client_await_close(&client, WAIT_MS));
	http_client_close(&client);
	assert_int_equal((int)cartd_metric(&cartd, "cart_http_proxies_refused_total"), 2);
	/* One that does not finish it. */
	http_client_open_from(&client, cartd.port, PROXY);
	SEND(&client, SIGNATURE);
	assert_true(http_client_await_close(&client, WAIT_MS));
	http_client_close(&client);

	http_client_open_from(&client, cartd.port, "127.0.0.1");
	SEND(&client, HEADER GET "\r\n");
	assert_int_equal(status_of(&client), 400);
	http_client_close(&client);
	http_client_open_from(&client, cartd.port, "127.0.0.1");
	SEND(&client, GET "\r\n");
	assert_int_equal(status_of(&client), 200);
	http_client_close(&client);
	cartd_stop(&cartd);
}

static void the_header_comes_before_tls(void **state)
{
	char folder[256], cert[320], key[320], ca[320];
	const char *settings[] = {TRUST, LOGGED, PROTOCOL, "http.forwarded=forwarded",
				  cert,	 key,	 NULL};
	struct http_client client;
	struct cartd cartd;

	(void)state;
	cartd_make_directory(folder);
	tls_fixture_make(folder);
	snprintf(cert, sizeof(cert), "http.tls_cert=%s/server.pem", folder);
	snprintf(key, sizeof(key), "http.tls_key=%s/server-key.pem", folder);
	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	cartd_start(&cartd, settings);
	tls_client_use(ca, NULL, NULL);

	http_client_open_from(&client, cartd.port, PROXY);
	SEND(&client, HEADER);
	http_client_start_tls(&client);
	/* The client is no trusted proxy, so it is believed nothing further. */
	SEND(&client, GET "X-Request-Id: first\r\nForwarded: for=6.6.6.6\r\n\r\n");
	assert_int_equal(status_of(&client), 200);
	http_client_close(&client);
	cartd_await_output(&cartd, "request_id=first peer=203.0.113.7\n", WAIT_MS);

	http_client_open_from(&client, cartd.port, PROXY);
	SEND(&client, LOCAL);
	http_client_start_tls(&client);
	SEND(&client, GET "X-Request-Id: second\r\nForwarded: for=203.0.113.9\r\n\r\n");
	assert_int_equal(status_of(&client), 200);
	http_client_close(&client);
	cartd_await_output(&cartd, "request_id=second peer=203.0.113.9\n", WAIT_MS);

	http_client_open_from(&client, cartd.port, PROXY);
	http_client_start_tls(&client);
	assert_true(client.broken);
	http_client_close(&client);
	cartd_stop(&cartd);
	tls_client_use(NULL, NULL, NULL);
	cartd_remove_directory(folder);
}

static void trust_in_nobody_stops_the_start(void **state)
{
	static const char *const wrong[][2] = {
		{"--http.proxy_protocol=v2", "--threads=1"},
		{"--http.forwarded=forwarded", "--threads=1"},
		{"--http.trusted_proxies=10.0.0.0/33", "--http.forwarded=forwarded"}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *argv[] = {"cartd-test", "--backend=memory", "--listen=127.0.0.1:0",
				      wrong[i][0],  wrong[i][1],	NULL};
		char *output;

		assert_int_equal(cartd_run_program(argv, &output, WAIT_MS), 1);
		if (strstr(output, "http.trusted_proxies") == NULL)
			fail_msg("%s: %s", wrong[i][0], output);
		free(output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_believed_from_trusted_proxies_alone),
		cmocka_unit_test(a_proxy_header_names_the_client_of_its_connection),
		cmocka_unit_test(a_trusted_proxy_must_send_its_header_and_others_must_not),
		cmocka_unit_test(the_header_comes_before_tls),
		cmocka_unit_test(trust_in_nobody_stops_the_start),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
