/*
 * Hundreds of connections that ask again as soon as they are answered, beside an HTTP server whose
 * loop the test runs turn by turn. Everything is counted in requests and turns, so the speed of the
 * machine does not matter.
 */
#include "core/base/clock.h"
#include "server/http/http.h"
#include "tests/lib/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS	  300
#define TURNS_MAX 100000 /* more than any test needs */

struct client {
	int fd;
	int unanswered;
	int answered;
};

static struct event_base *base;
static struct metrics *metrics;
static metric_t waiting;
static struct http_server *server;
static struct client clients[CLIENTS];
static int port;
static int others;   /* requests that were not the probe's */
static int last_one; /* which of them was the last for /one */
static bool probe_came, later;
static struct http_request *held[CLIENTS];
static size_t held_count;

static void handle(struct http_request *request, void *user)
{
	(void)user;
	if (strcmp(http_request_path(request), "/livez") == 0) {
		probe_came = true;
	} else {
		others++;
		if (strcmp(http_request_path(request), "/one") == 0)
			last_one = others;
		if (later) {
			assert_true(held_count < CLIENTS);
			held[held_count++] = request;
			return;
		}
	}
	http_reply(request, 200, "{}", 2);
}

static void refuse(struct http_request *request, int status, const char *detail, void *user)
{
	(void)request;
	(void)user;
	fail_msg("refused with %d: %s", status, detail);
}

/* What a backend does that has worked on many requests together. */
static void answer_held(void)
{
	for (size_t i = 0; i < held_count; i++)
		http_reply(held[i], 200, "{}", 2);
	held_count = 0;
}

/* One pass over what is ready. */
static void turn(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	answer_held();
}

static int client_open(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void client_send(struct client *client, int count)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	for (int i = 0; i < count; i++)
		assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	client->unanswered += count;
}

static void client_ask(struct client *client, const char *path)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);

	assert_int_equal(send(client->fd, text, (size_t)len, MSG_NOSIGNAL), len);
	client->unanswered++;
}

/* Counts the answers that are there; each has one such line. */
static void client_read(struct client *client)
{
	static char text[64 * 1024];
	ssize_t n = recv(client->fd, text, sizeof(text) - 1, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	assert_true(n > 0);
	text[n] = '\0';
	for (const char *at = text; (at = strstr(at, "HTTP/1.1 200")) != NULL; at++) {
		client->unanswered--;
		client->answered++;
	}
}

static void clients_read(void)
{
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].unanswered > 0)
			client_read(&clients[i]);
}

static int clients_unanswered(void)
{
	int count = 0;

	for (int i = 0; i < CLIENTS; i++)
		count += clients[i].unanswered;
	return count;
}

/* All that have been answered ask again; then comes a turn. */
static void clients_go_on(void)
{
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].unanswered == 0)
			client_send(&clients[i], 1);
	turn();
	clients_read();
}

static void clients_await(void)
{
	for (int turns = 0; clients_unanswered() > 0; turns++) {
		assert_true(turns < TURNS_MAX);
		turn();
		clients_read();
	}
}

static bool some_wait(void)
{
	return metrics_value(metrics, waiting) > 0;
}

static int start(void **state)
{
	struct http_config config = {
		.limits = {.body_max = 1024,
			   .header_max = 1024,
			   .connections_max = 2 * CLIENTS,
			   .header_deadline_ms = 60000,
			   .idle_timeout_ms = 60000},
		.clock = &cart_clock_system,
		.handler = handle,
		.refused = refuse,
	};
	struct rlimit files;
	struct cart_error error;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	memset(clients, 0, sizeof(clients));
	metrics = metrics_new();
	config.metrics = http_metrics_register(metrics, false, false);
	waiting = metrics_gauge(metrics, "cart_http_connections_waiting", "", NULL);
	config.shard = metrics_shard_new(metrics);
	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(http_server_open(&server, base, &config, &error), 0);
	assert_int_equal(http_server_listen(server, "127.0.0.1:0", &port, &error), 0);
	others = 0;
	later = probe_came = false;
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.fd = client_open()};
		client_send(&clients[i], 1);
		if (i % 50 == 49)
			clients_await();
	}
	return 0;
}

static int stop(void **state)
{
	(void)state;
	http_server_close(&server);
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i].fd);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	metrics_free(&metrics);
	return 0;
}

static int probe_send(void)
{
	static const char text[] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
	int fd = client_open(), unread;

	probe_came = false;
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	do { /* until the kernel has it on the other side */
		assert_int_equal(ioctl(fd, SIOCOUTQ, &unread), 0);
	} while (unread > 0);
	return fd;
}

/* How many requests of others are taken between the probe's and its answer, while all are busy. */
static int taken_before_a_probe(void)
{
	int fd, before;

	for (int i = 0; i < 20; i++)
		clients_go_on();
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].unanswered == 0)
			client_send(&clients[i], 1);
	before = others;
	fd = probe_send();
	for (int turns = 0; !probe_came; turns++) {
		assert_true(turns < TURNS_MAX);
		clients_go_on();
	}
	close(fd);
	return others - before;
}

static void a_probe_is_answered_before_most_who_asked_before_it(void **state)
{
	(void)state;
	assert_int_equal(clients_unanswered(), 0);
	assert_true(taken_before_a_probe() < CLIENTS / 2);
	clients_await();
}

static void also_where_answers_come_later_and_together(void **state)
{
	(void)state;
	later = true;
	assert_true(taken_before_a_probe() < CLIENTS / 2);
	clients_await();
}

static void a_new_connection_is_answered_in_the_turn_that_accepts_it(void **state)
{
	int fd = probe_send();

	(void)state;
	turn();
	assert_true(probe_came);
	close(fd);
}

static void each_gets_its_turn(void **state)
{
	int least = 0, most = 0;

	(void)state;
	for (int i = 0; i < CLIENTS; i++)
		clients[i].answered = 0;
	for (int turns = 0; least < 40; turns++) {
		assert_true(turns < TURNS_MAX);
		clients_go_on();
		least = most = clients[0].answered;
		for (int i = 1; i < CLIENTS; i++) {
			least = clients[i].answered < least ? clients[i].answered : least;
			most = clients[i].answered > most ? clients[i].answered : most;
		}
	}
	assert_true(some_wait());
	assert_true(most < 2 * least);
	clients_await();
}

static void none_waits_while_there_is_nothing_else_to_do(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		clients_go_on();
	assert_true(some_wait());
	clients_await();
	for (int turns = 0; some_wait(); turns++) {
		assert_true(turns < TURNS_MAX);
		turn();
	}
	/* One alone is answered in the next turn, as often as it asks. */
	for (int i = 0; i < 100; i++) {
		client_send(&clients[7], 1);
		clients_await();
	}
	assert_false(some_wait());
}

static void what_was_pipelined_is_answered(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		clients_go_on();
	for (int i = 0; i < CLIENTS; i++)
		client_send(&clients[i], i % 30);
	clients_await();
}

/* A connection that has its next request in the loop's buffers does not wait, but leaves room for
 * those that do. */
static void who_pipelines_leaves_nobody_out(void **state)
{
	enum { PIPELINED = 100, EACH = 300 };

	(void)state;
	for (int i = 0; i < 20; i++)
		clients_go_on();
	assert_true(some_wait());
	others = 0;
	for (int i = 0; i < PIPELINED; i++)
		client_send(&clients[i], EACH);
	for (int i = PIPELINED; i < CLIENTS; i++)
		client_ask(&clients[i], "/one");
	clients_await();
}

/* New connections are read at once; those that wait get their turn beside them. */
static void who_opens_connections_all_the_time_leaves_nobody_out(void **state)
{
	enum { NEW = 50 };
	struct client new[NEW];
	int left = CLIENTS;

	(void)state;
	for (int i = 0; i < CLIENTS; i++)
		clients[i].answered = 0;
	for (int turns = 0; left > 0; turns++) {
		assert_true(turns < 1000);
		for (int i = 0; i < NEW; i++) {
			new[i] = (struct client){.fd = client_open()};
			client_send(&new[i], 1);
		}
		clients_go_on();
		for (int i = 0; i < NEW; i++)
			close(new[i].fd);
		left = 0;
		for (int i = 0; i < CLIENTS; i++)
			left += clients[i].answered < 20;
	}
	clients_await();
}

static void few_clients_never_wait(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		for (int j = 0; j < 60; j++)
			if (clients[j].unanswered == 0)
				client_send(&clients[j], 1);
		turn();
		clients_read();
		assert_false(some_wait());
	}
	clients_await();
}

static void count_drained(void *user)
{
	++*(int *)user;
}

static void a_drain_ends_with_those_that_wait(void **state)
{
	int drained = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		clients_go_on();
	assert_true(some_wait());
	http_server_drain(server, count_drained, &drained);
	while (drained == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(drained, 1);
	clients_read();
	assert_int_equal(clients_unanswered(), 0);
}

static void a_server_can_be_closed_while_some_wait(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		clients_go_on();
	assert_true(some_wait());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_probe_is_answered_before_most_who_asked_before_it,
						start, stop),
		cmocka_unit_test_setup_teardown(also_where_answers_come_later_and_together, start,
						stop),
		cmocka_unit_test_setup_teardown(
			a_new_connection_is_answered_in_the_turn_that_accepts_it, start, stop),
		cmocka_unit_test_setup_teardown(each_gets_its_turn, start, stop),
		cmocka_unit_test_setup_teardown(none_waits_while_there_is_nothing_else_to_do, start,
						stop),
		cmocka_unit_test_setup_teardown(what_was_pipelined_is_answered, start, stop),
		cmocka_unit_test_setup_teardown(who_pipelines_leaves_nobody_out, start, stop),
		cmocka_unit_test_setup_teardown(
			who_opens_connections_all_the_time_leaves_nobody_out, start, stop),
		cmocka_unit_test_setup_teardown(few_clients_never_wait, start, stop),
		cmocka_unit_test_setup_teardown(a_drain_ends_with_those_that_wait, start, stop),
		cmocka_unit_test_setup_teardown(a_server_can_be_closed_while_some_wait, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
