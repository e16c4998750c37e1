/*
 * TLS of the listener: certificates, handshakes and what is particular to connections over TLS.
 * What holds for every connection is tested by test_raw, test_limits and test_drain, which run once
 * more over TLS.
 */
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/http_client.h"
#include "tests/lib/patience.h"
#include "tests/lib/tls_client.h"
#include "tests/lib/tls_fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 10000
#define GET	"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST                                                                                       \
	"POST /shopping-carts HTTP/1.1\r\nHost: a\r\nContent-Length: "                             \
	"17\r\n\r\n{\"customer_id\":1}"
#define SETTINGS_MAX  10
#define FAILED	      "cart_tls_handshakes_total{result=\"failed\"}"
#define CUT_HANDSHAKE "cart_http_connections_cut_total{reason=\"handshake\"}"

static char folder[256];

static const char *file(const char *name)
{
	static char paths[8][320];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* Starts one with the certificate of the fixture and these settings besides. */
static void start_tls(struct cartd *cartd, const char *const *more)
{
	char cert[400], key[400];
	const char *settings[SETTINGS_MAX + 3] = {cert, key};

	snprintf(cert, sizeof(cert), "http.tls_cert=%s", file("server.pem"));
	snprintf(key, sizeof(key), "http.tls_key=%s", file("server-key.pem"));
	for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
		assert_true(i < SETTINGS_MAX);
		settings[i + 2] = more[i];
	}
	tls_client_use(file("ca.pem"), NULL, NULL);
	cartd_start(cartd, settings);
}

static void start_with_clients(struct cartd *cartd, const char *client)
{
	char how[40], ca[400];
	const char *const settings[] = {how, ca, "log.requests=all", NULL};

	snprintf(how, sizeof(how), "http.tls_client=%s", client);
	snprintf(ca, sizeof(ca), "http.tls_client_ca=%s", file("ca.pem"));
	start_tls(cartd, settings);
}

/* The status of an answer over a connection that is open; 0: it broke. */
static int ask(struct http_client *client)
{
	struct http_response response = {0};
	int status = 0;

	if (http_client_send_text(client, GET) &&
	    http_client_read(client, &response, false, WAIT_MS) == HTTP_READ_ANSWER)
		status = response.status;
	http_response_clear(&response);
	return status;
}

static int ask_once(const struct cartd *cartd)
{
	struct http_client client;
	int status;

	http_client_open(&client, cartd->port);
	status = ask(&client);
	http_client_close(&client);
	return status;
}

static void await_series(const struct cartd *cartd, const char *series, double value)
{
	int64_t end = patience_ms() + WAIT_MS;

	while (cartd_metric(cartd, series) < value) {
		assert_true(patience_ms() < end);
		usleep(5000);
	}
}

static void it_speaks_1_3_and_1_2(void **state)
{
	struct http_client client;
	struct cartd cartd;

	(void)state;
	start_tls(&cartd, NULL);
	http_client_open(&client, cartd.port);
	assert_int_equal(ask(&client), 200);
	assert_string_equal(SSL_get_version(client.tls), "TLSv1.3");
	assert_int_equal(ask(&client), 200);
	http_client_close(&client);
	tls_client_use_1_2();
	http_client_open(&client, cartd.port);
	assert_int_equal(ask(&client), 200);
	assert_string_equal(SSL_get_version(client.tls), "TLSv1.2");
	assert_int_equal(ask(&client), 200);
	http_client_close(&client);
	cartd_stop(&cartd);
}

static SSL *handshake(SSL_CTX *context, struct http_client *plain, int port, SSL_SESSION *resumed)
{
	SSL *session = SSL_new(context);

	http_client_open(plain, port);
	SSL_set_fd(session, plain->fd);
	if (resumed != NULL)
		SSL_set_session(session, resumed);
	return session;
}

static void http_1_1_is_agreed_on_and_nothing_else(void **state)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	const unsigned char *chosen;
	struct http_client plain;
	unsigned int len;
	struct cartd cartd;
	SSL *session;

	(void)state;
	start_tls(&cartd, NULL);
	tls_client_use(NULL, NULL, NULL);
	SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2\x08http/1.1", 12);
	session = handshake(context, &plain, cartd.port, NULL);
	assert_int_equal(SSL_connect(session), 1);
	SSL_get0_alpn_selected(session, &chosen, &len);
	assert_int_equal(len, 8);
	assert_memory_equal(chosen, "http/1.1", 8);
	SSL_free(session);
	http_client_close(&plain);

	SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2", 3);
	session = handshake(context, &plain, cartd.port, NULL);
	assert_int_not_equal(SSL_connect(session), 1);
	SSL_free(session);
	http_client_close(&plain);
	SSL_CTX_free(context);
	cartd_stop(&cartd);
}

static void a_client_comes_back_by_its_ticket(void **state)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_SESSION *ticket = NULL;
	struct cartd cartd;

	(void)state;
	start_tls(&cartd, NULL);
	tls_client_use(NULL, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		struct http_client plain;
		SSL *session = handshake(context, &plain, cartd.port, ticket);
		char answer[4096];

		assert_int_equal(SSL_connect(session), 1);
		assert_int_equal(SSL_session_reused(session), i);
		assert_int_equal(SSL_write(session, GET, sizeof(GET) - 1), sizeof(GET) - 1);
		assert_true(SSL_read(session, answer, sizeof(answer)) > 0);
		SSL_SESSION_free(ticket);
		ticket = SSL_get1_session(session);
		/* Without a proper end the client would not use it again. */
		SSL_shutdown(session);
		SSL_free(session);
		http_client_close(&plain);
	}
	SSL_SESSION_free(ticket);
	SSL_CTX_free(context);
	cartd_stop(&cartd);
}

static void plain_http_is_answered_400(void **state)
{
	struct http_response response = {0};
	struct http_client client;
	struct cartd cartd;

	(void)state;
	start_tls(&cartd, NULL);
	tls_client_use(NULL, NULL, NULL);
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, GET);
	assert_int_equal(http_client_read(&client, &response, false, WAIT_MS), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 400);
	assert_true(response.close);
	assert_non_null(strstr(response.body, "HTTPS"));
	assert_string_equal(response.body + response.body_len - 1, "}");
	assert_int_equal(http_client_read(&client, &response, false, WAIT_MS), HTTP_READ_CLOSED);
	http_client_close(&client);

	/* What is neither is closed. */
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
	assert_true(http_client_await_close(&client, WAIT_MS));
	http_client_close(&client);
	tls_client_use(file("ca.pem"), NULL, NULL);
	await_series(&cartd, FAILED, 2);
	cartd_stop(&cartd);
}

/* Clients that connect and say nothing, or begin a handshake and go no further. */
static void a_handshake_must_be_over_in_time(void **state)
{
	static const char *const settings[] = {"http.header_deadline=2s", NULL};
	struct http_client mute, slow;
	struct cartd cartd;

	(void)state;
	start_tls(&cartd, settings);
	tls_client_use(NULL, NULL, NULL);
	http_client_open(&mute, cartd.port);
	http_client_open(&slow, cartd.port);
	http_client_send(&slow, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
	assert_true(http_client_await_close(&mute, WAIT_MS));
	assert_true(http_client_await_close(&slow, WAIT_MS));
	http_client_close(&mute);
	http_client_close(&slow);
	tls_client_use(file("ca.pem"), NULL, NULL);
	assert_int_equal((int)cartd_metric(&cartd, CUT_HANDSHAKE), 2);
	cartd_stop(&cartd);
}

/* At the limit those that are in a handshake make room. */
static void slow_handshakes_do_not_hold_every_place(void **state)
{
	static const char *const settings[] = {"http.max_connections=4", "http.header_deadline=1h",
					       "http.idle_timeout=1h", NULL};
	struct http_client slow[4];
	struct cartd cartd;

	(void)state;
	start_tls(&cartd, settings);
	tls_client_use(NULL, NULL, NULL);
	for (int i = 0; i < 4; i++) {
		http_client_open(&slow[i], cartd.port);
		http_client_send(&slow[i], "\x16\x03\x01\x02\x00\x01", 6);
	}
	tls_client_use(file("ca.pem"), NULL, NULL);
	/* On a machine that stands still for a moment this one's is a slow one too. */
	for (int i = 0, status = 0; status != 200; i++) {
		assert_true(i < 3);
		status = ask_once(&cartd);
	}
	for (int i = 0; i < 4; i++)
		http_client_close(&slow[i]);
	cartd_stop(&cartd);
}

static void rename_identity(const char *from, const char *to)
{
	char source[300], target[300];

	for (int i = 0; i < 2; i++) {
		snprintf(source, sizeof(source), "%s/%s%s.pem", folder, from, i == 0 ? "" : "-key");
		snprintf(target, sizeof(target), "%s/%s%s.pem", folder, to, i == 0 ? "" : "-key");
		assert_int_equal(rename(source, target), 0);
	}
}

static long serial_of(const struct http_client *client)
{
	X509 *certificate = SSL_get1_peer_certificate(client->tls);
	long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));

	X509_free(certificate);
	return serial;
}

static void a_hangup_changes_the_certificate_of_new_connections(void **state)
{
	struct http_client kept, fresh;
	struct cartd cartd;
	FILE *broken;
	long first;

	(void)state;
	start_tls(&cartd, NULL);
	http_client_open(&kept, cartd.port);
	assert_int_equal(ask(&kept), 200);
	first = serial_of(&kept);

	rename_identity("server", "old");
	rename_identity("elsewhere", "server");
	cartd_signal(&cartd, SIGHUP);
	cartd_await_output(&cartd, "new connections get the certificate", WAIT_MS);
	http_client_open(&fresh, cartd.port);
	assert_int_equal(ask(&fresh), 200);
	assert_int_not_equal(serial_of(&fresh), first);
	assert_int_equal(ask(&kept), 200);

	broken = fopen(file("server.pem"), "w");
	assert_non_null(broken);
	fputs("this is no certificate\n", broken);
	fclose(broken);
	cartd_signal(&cartd, SIGHUP);
	cartd_await_output(&cartd, "cannot reload the certificate", WAIT_MS);
	assert_int_equal(ask_once(&cartd), 200);
	assert_int_equal(ask(&fresh), 200);
	assert_int_equal(ask(&kept), 200);
	http_client_close(&kept);
	http_client_close(&fresh);
	cartd_stop(&cartd);
	rename_identity("old", "server");
}

static void a_certificate_that_expires_soon_is_warned_about(void **state)
{
	struct cartd cartd;
	double left_s;
	char *output;

	(void)state;
	start_tls(&cartd, NULL);
	cartd_await_output(&cartd, "the certificate expires soon", WAIT_MS);
	left_s = cartd_metric(&cartd, "cart_tls_certificate_expires_timestamp_seconds") -
		 (double)time(NULL);
	assert_true(left_s > 22 * 3600 && left_s < 25 * 3600);
	output = cartd_output(&cartd);
	assert_null(strstr(output, "every user of this machine may read the key"));
	free(output);
	cartd_stop(&cartd);
}

static void a_key_that_everybody_may_read_is_warned_about(void **state)
{
	struct cartd cartd;

	(void)state;
	assert_int_equal(chmod(file("server-key.pem"), 0644), 0);
	start_tls(&cartd, NULL);
	cartd_await_output(&cartd, "every user of this machine may read the key", WAIT_MS);
	cartd_stop(&cartd);
	assert_int_equal(chmod(file("server-key.pem"), 0600), 0);
}

static void expect_no_start(const char *const *settings, const char *first, const char *second)
{
	const char *argv[20] = {"cartd-test", "--backend=memory", "--listen=127.0.0.1:0"};
	size_t n = 3;
	char *output;

	for (; *settings != NULL; settings++) {
		argv[n++] = "--set";
		argv[n++] = *settings;
	}
	assert_int_equal(cartd_run_program(argv, &output, WAIT_MS), 1);
	if (strstr(output, first) == NULL || strstr(output, second) == NULL)
		fail_msg("no \"%s\" and \"%s\" in: %s", first, second, output);
	free(output);
}

static void what_does_not_fit_together_stops_the_start(void **state)
{
	char cert[400], key[400], wrong_key[400], no_file[400], ca[400];

	(void)state;
	snprintf(cert, sizeof(cert), "http.tls_cert=%s", file("server.pem"));
	snprintf(key, sizeof(key), "http.tls_key=%s", file("server-key.pem"));
	snprintf(wrong_key, sizeof(wrong_key), "http.tls_key=%s", file("client-key.pem"));
	snprintf(no_file, sizeof(no_file), "http.tls_key=%s", file("nothing.pem"));
	snprintf(ca, sizeof(ca), "http.tls_client_ca=%s", file("ca.pem"));
	expect_no_start((const char *[]){cert, wrong_key, NULL}, "server.pem", "client-key.pem");
	expect_no_start((const char *[]){cert, no_file, NULL}, "http.tls_key", "nothing.pem");
	expect_no_start((const char *[]){cert, NULL}, "http.tls_cert", "http.tls_key");
	expect_no_start((const char *[]){key, NULL}, "http.tls_key", "http.tls_cert");
	expect_no_start((const char *[]){cert, key, ca, NULL}, "http.tls_client_ca",
			"http.tls_client=off");
	expect_no_start((const char *[]){cert, key, "http.tls_client=required", NULL},
			"http.tls_client", "http.tls_client_ca");
	expect_no_start((const char *[]){"http.tls_client=required", ca, NULL}, "http.tls_client",
			"http.tls_cert");
}

static void a_required_certificate_is_required(void **state)
{
	struct cartd cartd;

	(void)state;
	start_with_clients(&cartd, "required");
	assert_int_equal(ask_once(&cartd), 0);
	tls_client_use(file("ca.pem"), file("stranger.pem"), file("stranger-key.pem"));
	assert_int_equal(ask_once(&cartd), 0);
	tls_client_use(file("ca.pem"), file("client.pem"), file("client-key.pem"));
	assert_int_equal(ask_once(&cartd), 200);
	cartd_await_output(&cartd, "subject=\"CN=client\"", WAIT_MS);
	assert_int_equal((int)cartd_metric(&cartd, FAILED), 2);
	cartd_stop(&cartd);
}

static void an_optional_certificate_is_checked_where_it_is_shown(void **state)
{
	struct cartd cartd;

	(void)state;
	start_with_clients(&cartd, "optional");
	assert_int_equal(ask_once(&cartd), 200);
	tls_client_use(file("ca.pem"), file("stranger.pem"), file("stranger-key.pem"));
	assert_int_equal(ask_once(&cartd), 0);
	tls_client_use(file("ca.pem"), file("client.pem"), file("client-key.pem"));
	assert_int_equal(ask_once(&cartd), 200);
	cartd_await_output(&cartd, "subject=\"CN=client\"", WAIT_MS);
	cartd_stop(&cartd);
}

/* One record of TLS is longer here than what the buffer before evhttp takes at once, so that TLS
 * keeps the rest, and the socket has nothing more to tell of. */
static void a_row_of_requests_in_one_record_is_answered_whole(void **state)
{
	static const char *const settings[] = {"http.max_body=1KiB", "http.max_headers=1KiB", NULL};
	const int many = 16000 / (int)strlen(GET);
	struct http_response response = {0};
	char row[16384], *end = row;
	struct http_client client;
	struct cartd cartd;

	(void)state;
	start_tls(&cartd, settings);
	http_client_open(&client, cartd.port);
	for (int i = 0; i < many; i++)
		end = stpcpy(end, GET);
	assert_true(http_client_send(&client, row, (size_t)(end - row)));
	for (int i = 0; i < many; i++) {
		assert_int_equal(http_client_read(&client, &response, false, WAIT_MS),
				 HTTP_READ_ANSWER);
		assert_int_equal(response.status, 200);
	}
	http_response_clear(&response);
	http_client_close(&client);
	cartd_stop(&cartd);
}

/* The end of the handshake and the request in forty records reach the server in one go: OpenSSL
 * takes them all from the socket, which has nothing more to tell of then. */
static void records_that_come_together_are_all_read(void **state)
{
	const int cork = 1, off = 0;
	struct http_response response = {0};
	char body[2000], head[200];
	struct http_client client;
	struct cartd cartd;

	(void)state;
	start_tls(&cartd, NULL);
	memset(body, ' ', sizeof(body));
	memcpy(body, "{\"customer_id\":1}", 17);
	snprintf(head, sizeof(head),
		 "POST /shopping-carts HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
		 sizeof(body));
	http_client_open_from(&client, cartd.port, "127.0.0.1");
	setsockopt(client.fd, IPPROTO_TCP, TCP_CORK, &cork, sizeof(cork));
	http_client_start_tls(&client);
	assert_true(http_client_send_text(&client, head));
	for (size_t i = 0; i < sizeof(body); i += 50)
		assert_true(http_client_send(&client, body + i, 50));
	setsockopt(client.fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	assert_int_equal(http_client_read(&client, &response, false, WAIT_MS), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 201);
	http_response_clear(&response);
	http_client_close(&client);
	cartd_stop(&cartd);
}

/* What many requests hold at once is freed together: were it much for each, malloc() would give it
 * back to the kernel, and get it anew for the next ones. */
static void requests_that_come_together_take_no_new_memory(void **state)
{
	enum { MANY = 64, ROUNDS = 20 };
	struct http_response response = {0};
	struct http_client clients[MANY];
	unsigned long before = 0;
	struct cartd cartd;

	(void)state;
	if (SANITIZED) {
		print_message("not tested under a sanitizer: it has its own malloc()\n");
		skip();
	}
	start_tls(&cartd, NULL);
	for (int i = 0; i < MANY; i++)
		http_client_open(&clients[i], cartd.port);
	for (int round = 0; round < 2 * ROUNDS; round++) {
		if (round == ROUNDS)
			before = cartd_page_faults(&cartd);
		/* So that they all wait when it looks. */
		cartd_signal(&cartd, SIGSTOP);
		for (int i = 0; i < MANY; i++)
			assert_true(http_client_send_text(&clients[i], POST));
		cartd_signal(&cartd, SIGCONT);
		for (int i = 0; i < MANY; i++) {
			assert_int_equal(http_client_read(&clients[i], &response, false, WAIT_MS),
					 HTTP_READ_ANSWER);
			assert_int_equal(response.status, 201);
		}
	}
	print_message("page faults of %d requests: %lu\n", MANY * ROUNDS,
		      cartd_page_faults(&cartd) - before);
	/* The carts themselves need some. */
	assert_true(cartd_page_faults(&cartd) - before < MANY * ROUNDS / 4);
	http_response_clear(&response);
	for (int i = 0; i < MANY; i++)
		http_client_close(&clients[i]);
	cartd_stop(&cartd);
}

static void make_big_cart(const struct cartd *cartd, char path[64])
{
	struct http_response response = {0};
	char body[16384], items[80], *at = body;
	struct http_client client;

	http_client_open(&client, cartd->port);
	http_client_call(&client, &response, "POST", "/shopping-carts", NULL,
			 "{\"customer_id\":1}");
	snprintf(path, 64, "%s", http_response_header(&response, "Location"));
	at = stpcpy(at, "{\"items\":[");
	for (int i = 1; i <= 100; i++)
		at += sprintf(at, "%s{\"product_id\":%d,\"quantity\":1}", i > 1 ? "," : "", i);
	strcpy(at, "]}");
	snprintf(items, sizeof(items), "%s/items", path);
	http_client_call(&client, &response, "POST", items, NULL, body);
	assert_int_equal(response.status, 204);
	http_response_clear(&response);
	http_client_close(&client);
}

/* Until the socket takes no more answers. */
static void await_standstill(const struct cartd *cartd)
{
	static const char got[] = "cart_http_requests_total{route=\"/shopping-carts/{id}\","
				  "method=\"GET\",code=\"200\"}";
	double before = -1, now;

	while ((now = cartd_metric(cartd, got)) != before || now == 0) {
		before = now;
		usleep(20000);
	}
}

/* Answers that the socket does not take at once, of one record and of several. */
static void answers_to_a_slow_reader_arrive_whole(void **state)
{
	const int many = 1000, room = 65536;
	struct http_response response = {0};
	char path[64], request[160], *first = NULL;
	struct http_client client;
	struct cartd cartd;

	(void)state;
	start_tls(&cartd, NULL);
	for (int i = 0; i < 5; i++)
		make_big_cart(&cartd, path);
	http_client_open(&client, cartd.port);
	setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	for (int i = 0; i < many; i++) {
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
			 i % 8 < 7 ? path : "/shopping-carts?customer_id=1");
		assert_true(http_client_send_text(&client, request));
	}
	await_standstill(&cartd);
	for (int i = 0; i < many; i++) {
		assert_int_equal(http_client_read(&client, &response, false, WAIT_MS),
				 HTTP_READ_ANSWER);
		assert_int_equal(response.status, 200);
		assert_true(response.body_len > (i % 8 < 7 ? 10000 : 50000));
		assert_int_equal(response.body[response.body_len - 1], '}');
		if (i == 0)
			first = strdup(response.body);
		else if (i % 8 < 7)
			assert_string_equal(response.body, first);
	}
	free(first);
	http_response_clear(&response);
	http_client_close(&client);
	cartd_stop(&cartd);
}

/* Exit status 2: the machine was too busy for the measurement to count. */
static void cartbench_measures_over_tls(void **state)
{
	char url[64], *output;
	struct cartd cartd;
	int status;

	(void)state;
	start_tls(&cartd, NULL);
	snprintf(url, sizeof(url), "https://localhost:%d", cartd.port);
	for (int cold = 0; cold < 2; cold++) {
		const char *argv[] = {"cartbench",
				      "run",
				      "--busy",
				      "--duration",
				      "100ms",
				      "--warmup",
				      "0",
				      "--clients",
				      "2",
				      "--cacert",
				      file("ca.pem"),
				      url,
				      cold ? "--cold" : NULL,
				      NULL};

		status = cartd_run_program(argv, &output, 30000);
		if ((status != 0 && status != 2) || strstr(output, "memory at https://") == NULL)
			fail_msg("status %d: %s", status, output);
		free(output);
	}
	assert_true(cartd_metric(&cartd, "cart_tls_handshakes_total{result=\"ok\"}") > 20);
	for (int system = 0; system < 2; system++) {
		const char *argv[] = {"cartbench",	    "run", url, system ? NULL : "--cacert",
				      file("other-ca.pem"), NULL};

		assert_int_not_equal(cartd_run_program(argv, &output, 30000), 0);
		if (strstr(output, "TLS: ") == NULL)
			fail_msg("not refused by the certificate: %s", output);
		free(output);
	}
	cartd_stop(&cartd);
}

static int start(void **state)
{
	(void)state;
	cartd_make_directory(folder);
	tls_fixture_make(folder);
	rename_identity("client", "stranger");
	/* Once more, by another authority. */
	tls_fixture_make(folder);
	chmod(file("server-key.pem"), 0600);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	tls_client_use(NULL, NULL, NULL);
	cartd_remove_directory(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_speaks_1_3_and_1_2),
		cmocka_unit_test(http_1_1_is_agreed_on_and_nothing_else),
		cmocka_unit_test(a_client_comes_back_by_its_ticket),
		cmocka_unit_test(plain_http_is_answered_400),
		cmocka_unit_test(a_handshake_must_be_over_in_time),
		cmocka_unit_test(slow_handshakes_do_not_hold_every_place),
		cmocka_unit_test(a_certificate_that_expires_soon_is_warned_about),
		cmocka_unit_test(a_key_that_everybody_may_read_is_warned_about),
		cmocka_unit_test(what_does_not_fit_together_stops_the_start),
		cmocka_unit_test(a_required_certificate_is_required),
		cmocka_unit_test(an_optional_certificate_is_checked_where_it_is_shown),
		cmocka_unit_test(a_row_of_requests_in_one_record_is_answered_whole),
		cmocka_unit_test(records_that_come_together_are_all_read),
		cmocka_unit_test(requests_that_come_together_take_no_new_memory),
		cmocka_unit_test(answers_to_a_slow_reader_arrive_whole),
		cmocka_unit_test(cartbench_measures_over_tls),
		cmocka_unit_test(a_hangup_changes_the_certificate_of_new_connections),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
