/*
 * What a client can cost: memory, file descriptors, time of the loop, and the patience of the other
 * clients. Every flood is bounded in bytes and time.
 */
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/http_client.h"
#include "tests/lib/patience.h"
#include "tests/lib/tls_client.h"
#include "tests/lib/waiter.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS	      10000
#define GET	      "GET /livez HTTP/1.1\r\nHost: a\r\n"
#define POST	      "POST /shopping-carts HTTP/1.1\r\nHost: a\r\n"
#define FLOOD_BYTES   ((size_t)64 << 20)
#define FLOOD_RSS_KIB ((size_t)128 * 1024)
#define FLOOD_P99_US  50000
#define PROBES	      200

static void expect_status(struct http_client *client, int status)
{
	struct http_response response = {0};
	enum http_read got = http_client_read(client, &response, false, WAIT_MS);

	if (got != HTTP_READ_ANSWER)
		fail_msg("no answer where %d was due (%d)", status, (int)got);
	assert_int_equal(response.status, status);
	http_response_clear(&response);
}

static void pause_ms(int ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The 99th percentile of another client's requests, each on a connection that is kept. */
static int64_t probe_p99_us(const struct cartd *cartd)
{
	int64_t times[PROBES];
	struct http_client client;

	http_client_open(&client, cartd->port);
	for (int i = 0; i < PROBES; i++) {
		int64_t start = now_us();

		http_client_send_text(&client, GET "\r\n");
		expect_status(&client, 200);
		times[i] = now_us() - start;
		pause_ms(2);
	}
	http_client_close(&client);
	qsort(times, PROBES, sizeof(times[0]), compare);
	return times[PROBES - PROBES / 100 - 1];
}

/* A client that sends start and then filler again and again, and reads nothing. */
struct flood {
	const char *name, *start, *filler;
	int port;
	size_t sent;
	atomic_bool stop;
};

static void *flood_run(void *user)
{
	struct flood *flood = user;
	size_t len = strlen(flood->filler), piece = 0;
	struct timeval wait = {.tv_usec = 100000};
	char bytes[16384];

	for (; piece + len <= sizeof(bytes); piece += len)
		memcpy(bytes + piece, flood->filler, len);
	while (!flood->stop && flood->sent < FLOOD_BYTES) {
		struct http_client client;

		if (!http_client_try_open(&client, flood->port))
			break;
		setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		http_client_send_text(&client, flood->start);
		while (!flood->stop && flood->sent < FLOOD_BYTES &&
		       http_client_send(&client, bytes, piece))
			flood->sent += piece;
		http_client_close(&client);
	}
	return NULL;
}

static void check_cost(const struct cartd *cartd, const char *name, int64_t p99_us, size_t sent)
{
	size_t peak = cartd_peak_rss_kib(cartd);

	print_message("%s: %zu MiB sent, %zu KiB resident, p99 of another client %.1f ms\n", name,
		      sent >> 20, peak, (double)p99_us / 1000);
	if (SANITIZED) {
		print_message("%s: not checked under a sanitizer: memory, p99\n", name);
		return;
	}
	/* The state of a TLS connection takes some 15 KiB. */
	assert_true(peak < FLOOD_RSS_KIB * (tls_client_is_used() ? 2 : 1));
	assert_true(p99_us * 1000 < patience_at_most_ns(FLOOD_P99_US * 1000));
}

static void floods_cost_neither_memory_nor_other_clients(void **state)
{
	static struct flood floods[] = {
		{.name = "endless chunk size",
		 .start = POST "Transfer-Encoding: chunked\r\n\r\n",
		 .filler = "0"},
		{.name = "chunks of a byte",
		 .start = POST "Transfer-Encoding: chunked\r\n\r\n",
		 .filler = "1\r\nx\r\n"},
		{.name = "endless header", .start = GET "X: ", .filler = "x"},
		{.name = "endless headers", .start = GET, .filler = "X: y\r\n"},
		{.name = "endless target", .start = "GET /", .filler = "x"},
		{.name = "endless body",
		 .start = POST "Content-Length: 999999999999\r\n\r\n",
		 .filler = "x"},
		{.name = "pipelined, unread", .start = "", .filler = GET "\r\n"},
		{.name = "empty lines", .start = "", .filler = "\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		struct flood *flood = &floods[i];
		struct cartd cartd;
		pthread_t thread;
		int64_t p99_us;

		cartd_start(&cartd, NULL);
		flood->port = cartd.port;
		assert_int_equal(pthread_create(&thread, NULL, flood_run, flood), 0);
		p99_us = probe_p99_us(&cartd);
		flood->stop = true;
		pthread_join(thread, NULL);
		check_cost(&cartd, flood->name, p99_us, flood->sent);
		cartd_stop(&cartd);
	}
}

/* Opens count connections and sends the text on each. */
static struct http_client *crowd_open(const struct cartd *cartd, size_t count, const char *text)
{
	struct http_client *clients = calloc(count, sizeof(*clients));

	assert_non_null(clients);
	for (size_t i = 0; i < count; i++) {
		http_client_open(&clients[i], cartd->port);
		http_client_send_text(&clients[i], text);
	}
	return clients;
}

static void crowd_close(struct http_client *clients, size_t count)
{
	for (size_t i = 0; i < count; i++)
		http_client_close(&clients[i]);
	free(clients);
}

/* True once a series has at least the value. */
static bool await_metric(const struct cartd *cartd, const char *series, double value)
{
	int64_t end = patience_ms() + WAIT_MS;

	while (cartd_metric(cartd, series) < value) {
		if (patience_ms() > end)
			return false;
		pause_ms(20);
	}
	return true;
}

#define OPEN	    "cart_http_connections"
#define CUT(reason) "cart_http_connections_cut_total{reason=\"" reason "\"}"

static void a_drip_on_many_connections_is_cut_and_harms_nobody(void **state)
{
	static const char *const settings[] = {"http.header_deadline=1s", NULL};
	struct http_client *clients;
	struct cartd cartd;
	int64_t p99_us;

	(void)state;
	cartd_start(&cartd, settings);
	clients = crowd_open(&cartd, 500, "GET /livez HT");
	p99_us = probe_p99_us(&cartd);
	for (size_t i = 0; i < 500; i++)
		http_client_send_text(&clients[i], "T");
	assert_true(await_metric(&cartd, CUT("deadline"), 500));
	for (size_t i = 0; i < 500; i++)
		assert_true(http_client_await_close(&clients[i], WAIT_MS));
	check_cost(&cartd, "a drip on 500 connections", p99_us, 0);
	crowd_close(clients, 500);
	cartd_stop(&cartd);
}

/* As many file descriptors as the system lets us have. */
static size_t raise_files(size_t wanted)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur;
}

static void a_thousand_idle_connections_take_little_memory(void **state)
{
	struct http_client *clients;
	struct cartd cartd;

	(void)state;
	if (raise_files(1100) < 1100) {
		print_message("not tested: 1,000 idle connections need more open files\n");
		skip();
	}
	cartd_start(&cartd, NULL);
	clients = crowd_open(&cartd, 1000, GET "\r\n");
	for (size_t i = 0; i < 1000; i++)
		expect_status(&clients[i], 200);
	print_message("1,000 idle connections: %zu KiB resident\n", cartd_rss_kib(&cartd));
	/* Over TLS one that was used a moment ago still has its buffers. */
	if (!SANITIZED)
		assert_true(cartd_rss_kib(&cartd) <
			    (tls_client_is_used() ? (size_t)80 : (size_t)40) * 1024);
	crowd_close(clients, 1000);
	cartd_stop(&cartd);
}

static void ten_thousand_idle_connections_harm_nobody(void **state)
{
	/* While ten thousand handshakes take their time, the first must not be closed as idle. */
	static const char *const settings[] = {"http.max_connections=11000",
					       "http.idle_timeout=10m", NULL};
	struct http_client *clients;
	struct cartd cartd;
	int64_t cpu_ms, p99_us;

	(void)state;
	if (raise_files(10100) < 10100) {
		print_message("not tested: 10,000 idle connections need more open files\n");
		skip();
	}
	cartd_start(&cartd, settings);
	clients = crowd_open(&cartd, 10000, "");
	assert_true(await_metric(&cartd, OPEN, 10000));
	cpu_ms = cartd_cpu_ms(&cartd);
	pause_ms(500);
	print_message("10,000 idle connections: %lld ms of processor time in 500 ms\n",
		      (long long)(cartd_cpu_ms(&cartd) - cpu_ms));
	p99_us = probe_p99_us(&cartd);
	check_cost(&cartd, "10,000 idle connections", p99_us, 0);
	crowd_close(clients, 10000);
	cartd_stop(&cartd);
}

static void idle_connections_are_closed_in_order(void **state)
{
	static const char *const settings[] = {"http.idle_timeout=1s", "http.header_deadline=1s",
					       NULL};
	struct http_response response = {0};
	struct http_client mute, kept;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	http_client_open(&mute, cartd.port);
	http_client_open(&kept, cartd.port);
	http_client_send_text(&kept, GET "\r\n");
	expect_status(&kept, 200);
	assert_int_equal(http_client_read(&mute, &response, false, WAIT_MS), HTTP_READ_CLOSED);
	assert_int_equal(http_client_read(&kept, &response, false, WAIT_MS), HTTP_READ_CLOSED);
	assert_true(cartd_metric(&cartd, CUT("idle")) >= 2);
	http_client_close(&mute);
	http_client_close(&kept);
	cartd_stop(&cartd);
}

/* A cart whose answer takes some 30 KB. */
static void make_big_cart(const struct cartd *cartd, char path[128])
{
	struct http_response response = {0};
	struct http_client client;
	char *body = malloc(65536);
	size_t len = 0;

	assert_non_null(body);
	http_client_open(&client, cartd->port);
	http_client_call(&client, &response, "POST", "/shopping-carts", NULL,
			 "{\"customer_id\":1}");
	assert_int_equal(response.status, 201);
	snprintf(path, 128, "%s", http_response_header(&response, "Location"));
	len = (size_t)sprintf(body, "{\"items\":[");
	for (int i = 1; i <= 200; i++)
		len += (size_t)sprintf(body + len, "%s{\"product_id\":%d,\"quantity\":1}",
				       i > 1 ? "," : "", i);
	sprintf(body + len, "]}");
	char items[160];

	snprintf(items, sizeof(items), "%s/items", path);
	http_client_call(&client, &response, "POST", items, NULL, body);
	assert_int_equal(response.status, 204);
	http_response_clear(&response);
	http_client_close(&client);
	free(body);
}

static void a_client_that_does_not_read_its_answers_is_cut(void **state)
{
	static const char *const settings[] = {"http.header_deadline=1s", NULL};
	struct timeval wait = {.tv_usec = 100000};
	char request[256], path[128];
	struct http_client client;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	make_big_cart(&cartd, path);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
	http_client_open(&client, cartd.port);
	setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	for (int i = 0; i < 2000; i++)
		if (!http_client_send_text(&client, request))
			break;
	assert_true(await_metric(&cartd, CUT("slow"), 1));
	if (!SANITIZED)
		assert_true(cartd_peak_rss_kib(&cartd) < FLOOD_RSS_KIB);
	http_client_close(&client);
	cartd_stop(&cartd);
}

static void at_the_limit_connections_wait_for_a_place(void **state)
{
	static const char *const settings[] = {"http.max_connections=10", "threads=2",
					       "http.header_deadline=1h", "http.idle_timeout=1h",
					       NULL};
	struct http_response response = {0};
	struct http_client *clients;
	struct waiter late;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	/* Parts of requests: nobody to take a place from. Some more get in until every loop knows
	 * that the limit is reached. */
	clients = crowd_open(&cartd, 10, "GET /livez HTTP/1.1\r\n");
	for (int more = 0;; more++) {
		waiter_start(&late, cartd.port, GET "\r\n");
		if (!waiter_join(&late, 1000) ||
		    http_client_read(&late.client, &response, false, 1000) == HTTP_READ_TIMEOUT)
			break;
		assert_true(more < 20);
		http_client_close(&late.client);
	}
	for (int i = 0; i < 3; i++)
		http_client_close(&clients[i]);
	assert_true(waiter_join(&late, WAIT_MS));
	expect_status(&late.client, 200);
	assert_true(cartd_metric(&cartd, "cart_http_connections_at_limit_total") >= 1);
	http_client_close(&late.client);
	crowd_close(clients, 10);
	cartd_stop(&cartd);
}

static void at_the_limit_a_new_client_takes_an_idle_ones_place(void **state)
{
	static const char *const settings[] = {"http.max_connections=10", NULL};
	struct http_client *clients, late;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	clients = crowd_open(&cartd, 10, GET "\r\n");
	for (int i = 0; i < 10; i++)
		expect_status(&clients[i], 200);
	http_client_open(&late, cartd.port);
	http_client_send_text(&late, GET "\r\n");
	expect_status(&late, 200);
	assert_true(http_client_await_close(&clients[0], WAIT_MS));
	http_client_close(&late);
	crowd_close(clients, 10);
	cartd_stop(&cartd);
}

static void at_the_limit_a_place_is_made_in_whichever_loop(void **state)
{
	static const char *const settings[] = {"http.max_connections=8", "threads=2",
					       "http.header_deadline=60s", NULL};
	struct http_client partial[7], idle, late;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	http_client_open(&idle, cartd.port);
	http_client_send_text(&idle, GET "\r\n");
	expect_status(&idle, 200);
	for (int i = 0; i < 7; i++) {
		http_client_open(&partial[i], cartd.port);
		http_client_send_text(&partial[i], GET);
	}
	/* Some of these wait in the loop that does not have the idle one. */
	for (int i = 0; i < 6; i++) {
		http_client_open(&late, cartd.port);
		http_client_send_text(&late, GET "\r\n");
		expect_status(&late, 200);
		http_client_close(&idle);
		idle = late;
	}
	http_client_close(&idle);
	for (int i = 0; i < 7; i++)
		http_client_close(&partial[i]);
	cartd_stop(&cartd);
}

static void without_file_descriptors_the_loop_rests_and_service_returns(void **state)
{
	static const char *const settings[] = {"http.header_deadline=20s", NULL};
	const struct rlimit few = {.rlim_cur = 20, .rlim_max = 20};
	struct waiter *clients;
	struct cartd cartd;
	int64_t cpu_ms;

	(void)state;
	/* After the start, or cartd would accept fewer connections. */
	cartd_start(&cartd, settings);
	assert_int_equal(prlimit(cartd.pid, RLIMIT_NOFILE, &few, NULL), 0);
	clients = waiters_start(cartd.port, 30, "GET /livez HTTP/1.1\r\n");
	cartd_await_output(&cartd, "cannot accept connections", WAIT_MS);
	cpu_ms = cartd_cpu_ms(&cartd);
	pause_ms(1000);
	print_message("out of file descriptors: %lld ms of processor time a second\n",
		      (long long)(cartd_cpu_ms(&cartd) - cpu_ms));
	assert_true(cartd_cpu_ms(&cartd) - cpu_ms < 100);
	waiters_close(clients, 30);
	assert_true(cartd_metric(&cartd, "cart_http_accept_failures_total") >= 1);
	cartd_stop(&cartd);
}

/* A number of /metrics, on a connection that has asked for it and not yet ended its request. */
static long finish_asking(struct http_client *client, const char *first, const char *second,
			  long *of_second)
{
	struct http_response response = {0};
	const char *text;
	long of_first;

	http_client_send_text(client, "\r\n");
	assert_int_equal(http_client_read(client, &response, false, WAIT_MS), HTTP_READ_ANSWER);
	text = strstr(response.body, first);
	of_first = text != NULL ? strtol(text + strlen(first), NULL, 10) : -1;
	text = strstr(response.body, second);
	*of_second = text != NULL ? strtol(text + strlen(second), NULL, 10) : -1;
	http_response_clear(&response);
	return of_first;
}

/* More clients than there are files: some of these are left for the database. */
static void connections_leave_files_to_the_database(void **state)
{
	static const char *const settings[] = {"http.header_deadline=60s", "threads=1", NULL};
	struct http_client *asking;
	struct waiter *clients;
	long at_limit = 0, failures = 0;
	struct cartd cartd;

	(void)state;
	if (raise_files(600) < 600) {
		print_message("not tested: 500 connections need more open files\n");
		skip();
	}
	cartd_start_with(&cartd, settings, &(struct cartd_options){.nofile = 400});
	asking = crowd_open(&cartd, 50, "GET /metrics HTTP/1.1\r\nHost: a\r\n");
	clients = waiters_start(cartd.port, 430, "GET /livez HTTP/1.1\r\n");
	for (int i = 0; i < 50 && at_limit == 0 && failures == 0; i++, pause_ms(50))
		at_limit = finish_asking(&asking[i], "\ncart_http_connections_at_limit_total ",
					 "\ncart_http_accept_failures_total ", &failures);
	assert_int_equal(failures, 0);
	assert_int_not_equal(at_limit, 0);
	waiters_close(clients, 430);
	crowd_close(asking, 50);
	cartd_stop(&cartd);
}

static void the_limit_of_open_files_is_raised_or_warned_about(void **state)
{
	static const char *const settings[] = {"http.max_connections=500", NULL};
	struct cartd cartd;

	(void)state;
	cartd_start_with(&cartd, settings, &(struct cartd_options){.nofile = 100});
	cartd_await_output(&cartd, "the limit of open files is too low", WAIT_MS);
	cartd_stop(&cartd);
}

static const char *const slow_settings[] = {"backend=fault", "fault.over=memory",
					    "fault.delay=800ms", NULL};

static void a_client_that_goes_before_its_answer_is_noticed(void **state)
{
	struct http_client *clients;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, slow_settings);
	clients = crowd_open(&cartd, 40, "");
	for (int i = 0; i < 40; i++)
		http_client_send_text(&clients[i],
				      "GET /shopping-carts/550e8400-e29b-41d4-a716-446655440000 "
				      "HTTP/1.1\r\nHost: a\r\n\r\n");
	await_metric(&cartd, OPEN, 41);
	for (int i = 0; i < 40; i += 2)
		http_client_reset(&clients[i]);
	/* One that only says that it has no more to send still reads. */
	for (int i = 1; i < 40; i += 4)
		http_client_half_close(&clients[i]);
	for (int i = 1; i < 40; i += 2)
		expect_status(&clients[i], 404);
	assert_int_equal((int)cartd_metric(&cartd, "cart_http_clients_gone_total"), 20);
	crowd_close(clients, 40);
	cartd_stop(&cartd);
}

static void bytes_behind_a_pending_request_wait_for_its_answer(void **state)
{
	struct http_client client;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, slow_settings);
	http_client_open(&client, cartd.port);
	http_client_send_text(
		&client, "GET /shopping-carts/550e8400-e29b-41d4-a716-446655440000 HTTP/1.1\r\n"
			 "Host: a\r\n\r\n" GET "\r\n" GET "X : y\r\n\r\n");
	expect_status(&client, 404);
	expect_status(&client, 200);
	expect_status(&client, 400);
	assert_true(http_client_await_close(&client, WAIT_MS));
	http_client_close(&client);
	cartd_stop(&cartd);
}

#define LARGE_CARTS   20
#define LARGE_LINES   200
#define LARGE_READERS 40
#define LARGE_PROBES  21

/* Carts of one customer, of some 25 KB each; their ids as the body of a batch-get. */
static void large_make(const struct cartd *cartd, char ids[LARGE_CARTS * 40 + 16])
{
	static const char item[] = "{\"product_id\":%" PRId64 ",\"quantity\":1}";
	struct http_response response = {0};
	struct http_client client;
	char *body = malloc(LARGE_LINES * sizeof(item) + LARGE_LINES * 20), path[128];
	char *end = body + sprintf(body, "{\"items\":["), *id = ids + sprintf(ids, "{\"ids\":[");

	for (int i = 0; i < LARGE_LINES; i++, *end++ = i < LARGE_LINES ? ',' : ']')
		end += sprintf(end, item, INT64_C(9007199254740000) + i);
	strcpy(end, "}");
	http_client_open(&client, cartd->port);
	for (int i = 0; i < LARGE_CARTS; i++, *id++ = i < LARGE_CARTS ? ',' : ']') {
		http_client_call(&client, &response, "POST", "/shopping-carts", NULL,
				 "{\"customer_id\":1}");
		assert_int_equal(response.status, 201);
		snprintf(path, sizeof(path), "%s/items",
			 http_response_header(&response, "Location"));
		id += sprintf(id, "\"%.36s\"", path + strlen("/shopping-carts/"));
		http_client_call(&client, &response, "POST", path, NULL, body);
		assert_int_equal(response.status, 204);
	}
	strcpy(id, "}");
	http_client_close(&client);
	http_response_clear(&response);
	free(body);
}

/* Reads what has come for any of them, and throws it away. */
static void large_drain(const struct http_client *clients, int count)
{
	static char bytes[256 * 1024];

	for (int i = 0; i < count; i++)
		while (recv(clients[i].fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			continue;
}

/* How many of the readers' answers are made between two answers to another client: the median. */
static double large_answers_between_probes(const struct cartd *cartd, const char *request,
					   const char *series)
{
	struct http_client *readers = crowd_open(cartd, LARGE_READERS, request);
	int64_t between[LARGE_PROBES];
	double before = cartd_metric(cartd, series), now;
	int measured = 0;

	while (measured < LARGE_PROBES) {
		for (int j = 0; j < LARGE_READERS; j++)
			http_client_send_text(&readers[j], request);
		large_drain(readers, LARGE_READERS);
		now = cartd_metric(cartd, series);
		if (now > before)
			between[measured++] = (int64_t)(now - before);
		before = now;
	}
	crowd_close(readers, LARGE_READERS);
	qsort(between, LARGE_PROBES, sizeof(between[0]), compare);
	return (double)between[LARGE_PROBES / 2];
}

static void readers_of_large_answers_keep_nobody_waiting(void **state)
{
	static const char *const settings[] = {"http.max_body=64KiB", NULL};
	char ids[LARGE_CARTS * 40 + 16], batch[sizeof(ids) + 256];
	struct cartd cartd;
	double lists, batches;

	(void)state;
	cartd_start(&cartd, settings);
	large_make(&cartd, ids);
	lists = large_answers_between_probes(
		&cartd, "GET /shopping-carts?customer_id=1&limit=100 HTTP/1.1\r\nHost: a\r\n\r\n",
		"cart_http_requests_total{route=\"/shopping-carts\",method=\"GET\",code=\"200\"}");
	snprintf(batch, sizeof(batch),
		 "POST /shopping-carts/batch-get HTTP/1.1\r\nHost: a\r\nContent-Length: "
		 "%zu\r\n\r\n%s",
		 strlen(ids), ids);
	batches = large_answers_between_probes(&cartd, batch,
					       "cart_http_requests_total{route=\"/shopping-carts/"
					       "batch-get\",method=\"POST\",code=\"200\"}");
	print_message("answers of 500 KB between two probes: %g lists, %g batches\n", lists,
		      batches);
	/* Without turns, all that the readers have asked for comes first. */
	assert_true(lists < LARGE_READERS / 2);
	assert_true(batches < LARGE_READERS / 2);
	cartd_stop(&cartd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floods_cost_neither_memory_nor_other_clients),
		cmocka_unit_test(a_drip_on_many_connections_is_cut_and_harms_nobody),
		cmocka_unit_test(a_thousand_idle_connections_take_little_memory),
		cmocka_unit_test(ten_thousand_idle_connections_harm_nobody),
		cmocka_unit_test(idle_connections_are_closed_in_order),
		cmocka_unit_test(a_client_that_does_not_read_its_answers_is_cut),
		cmocka_unit_test(at_the_limit_connections_wait_for_a_place),
		cmocka_unit_test(at_the_limit_a_new_client_takes_an_idle_ones_place),
		cmocka_unit_test(at_the_limit_a_place_is_made_in_whichever_loop),
		cmocka_unit_test(without_file_descriptors_the_loop_rests_and_service_returns),
		cmocka_unit_test(connections_leave_files_to_the_database),
		cmocka_unit_test(the_limit_of_open_files_is_raised_or_warned_about),
		cmocka_unit_test(a_client_that_goes_before_its_answer_is_noticed),
		cmocka_unit_test(readers_of_large_answers_keep_nobody_waiting),
		cmocka_unit_test(bytes_behind_a_pending_request_wait_for_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
