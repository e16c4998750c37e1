/*
 * Asks a cartd for adds and gets at a rate that does not depend on its answers, over as many
 * connections as it takes, up to a limit: beyond that a request is not sent, as by a client whose
 * own queue is full. Only what was answered with success counts as work; its times are from the
 * sending on.
 *
 *     flood PORT IDS CONNECTIONS RATE MILLISECONDS
 *
 * Prints one line of JSON.
 */
#include "bench/perf/floor/floor.h"
#include "core/base/clock.h"
#include "core/base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOOD_REQUEST_MAX 512
#define FLOOD_EVENTS	  256
#define FLOOD_SECONDS_MAX 600
/* An answer that takes longer will not come. */
#define FLOOD_PATIENCE_NS (15 * CLOCK_NS_PER_S)

enum flood_outcome {
	FLOOD_OK,
	FLOOD_REFUSED, /* 503 */
	FLOOD_LATE,    /* 504 */
	FLOOD_OTHER,   /* another status */
	FLOOD_BROKEN,  /* no answer */
	FLOOD_OUTCOMES
};

struct flood_connection {
	int fd; /* -1: none */
	struct flood_connection *next_free;
	int64_t sent_ns; /* 0: it waits for no answer */
	bool is_get, connected;
	size_t len;	    /* of the answer so far */
	size_t request_len; /* of what is still to be sent */
	char request[FLOOD_REQUEST_MAX];
	char answer[2048];
};

struct flood {
	struct sockaddr_in address;
	struct floor_ids ids;
	struct random random;
	int epoll;
	struct flood_connection *connections, *free;
	size_t count, used;
	int64_t began_ns;
	size_t asked, unsent, outcomes[2][FLOOD_OUTCOMES];
	size_t seconds[FLOOD_SECONDS_MAX];
	struct floor_times times;
};

static void flood_connect(struct flood *flood, struct flood_connection *c)
{
	const int on = 1;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};

	c->connected = false;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		floor_die("socket", strerror(errno));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (struct sockaddr *)&flood->address, sizeof(flood->address)) != 0 &&
	    errno != EINPROGRESS)
		floor_die("connect", strerror(errno));
	if (epoll_ctl(flood->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		floor_die("epoll", strerror(errno));
}

static void flood_end(struct flood *flood, struct flood_connection *c, enum flood_outcome outcome)
{
	int64_t now_ns = floor_now_ns();
	size_t second = (size_t)((now_ns - flood->began_ns) / CLOCK_NS_PER_S);

	flood->outcomes[c->is_get][outcome]++;
	if (outcome == FLOOD_OK) {
		floor_took(&flood->times, now_ns - c->sent_ns);
		if (second < FLOOD_SECONDS_MAX)
			flood->seconds[second]++;
	}
	if (outcome == FLOOD_BROKEN) {
		close(c->fd);
		c->fd = -1;
	}
	c->sent_ns = 0;
	c->len = 0;
	c->next_free = flood->free;
	flood->free = c;
}

static void flood_send(struct flood *flood, struct flood_connection *c)
{
	size_t len = c->request_len;

	c->request_len = 0;
	if (send(c->fd, c->request, len, MSG_NOSIGNAL) != (ssize_t)len)
		flood_end(flood, c, FLOOD_BROKEN);
}

static void flood_write_request(struct flood *flood, struct flood_connection *c)
{
	static const char body[] = "{\"product_id\":1,\"quantity\":1}";
	char id[CART_ID_TEXT + 1];

	cart_id_format(&flood->ids.ids[random_next(&flood->random) % flood->ids.count], id);
	if (c->is_get)
		c->request_len = (size_t)snprintf(
			c->request, sizeof(c->request),
			"GET /shopping-carts/%s HTTP/1.1\r\nHost: bench\r\n\r\n", id);
	else
		c->request_len = (size_t)snprintf(
			c->request, sizeof(c->request),
			"POST /shopping-carts/%s/items HTTP/1.1\r\nHost: bench\r\n"
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			id, strlen(body), body);
}

static void flood_ask(struct flood *flood)
{
	struct flood_connection *c = flood->free;

	flood->asked++;
	if (c == NULL && flood->used == flood->count) {
		flood->unsent++;
		return;
	}
	if (c != NULL)
		flood->free = c->next_free;
	else
		c = &flood->connections[flood->used++];
	c->is_get = flood->asked % 2 == 0;
	c->sent_ns = floor_now_ns();
	flood_write_request(flood, c);
	if (c->fd < 0)
		flood_connect(flood, c);
	else
		flood_send(flood, c);
}

static void flood_connected(struct flood *flood, struct flood_connection *c)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

	c->connected = true;
	if (epoll_ctl(flood->epoll, EPOLL_CTL_MOD, c->fd, &event) != 0)
		floor_die("epoll", strerror(errno));
	flood_send(flood, c);
}

/* Whether the whole answer is there. */
static bool flood_is_whole(const struct flood_connection *c)
{
	const char *end = memmem(c->answer, c->len, "\r\n\r\n", 4), *length;

	if (end == NULL)
		return false;
	length = memmem(c->answer, c->len, "Content-Length: ", 16);
	return length == NULL || length > end ||
	       c->len >= (size_t)(end + 4 - c->answer) + strtoul(length + 16, NULL, 10);
}

static enum flood_outcome flood_outcome_of(const struct flood_connection *c)
{
	int status = atoi(c->answer + strlen("HTTP/1.1 "));

	if (status >= 200 && status < 300)
		return FLOOD_OK;
	if (status == 503)
		return FLOOD_REFUSED;
	return status == 504 ? FLOOD_LATE : FLOOD_OTHER;
}

static void flood_read(struct flood *flood, struct flood_connection *c)
{
	ssize_t got = recv(c->fd, c->answer + c->len, sizeof(c->answer) - 1 - c->len, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 && c->sent_ns == 0) {
		close(c->fd);
		c->fd = -1;
		return;
	}
	if (got <= 0 || c->len + (size_t)got == sizeof(c->answer) - 1) {
		flood_end(flood, c, FLOOD_BROKEN);
		return;
	}
	c->len += (size_t)got;
	c->answer[c->len] = '\0';
	if (flood_is_whole(c))
		flood_end(flood, c, flood_outcome_of(c));
}

static bool flood_waits(const struct flood *flood)
{
	for (size_t i = 0; i < flood->used; i++)
		if (flood->connections[i].sent_ns > 0)
			return true;
	return false;
}

static void flood_run(struct flood *flood, double rate, int64_t for_ns)
{
	struct epoll_event events[FLOOD_EVENTS];
	int64_t until_ns = flood->began_ns + for_ns, now_ns = flood->began_ns;

	for (; now_ns < until_ns || (flood_waits(flood) && now_ns < until_ns + FLOOD_PATIENCE_NS);
	     now_ns = floor_now_ns()) {
		size_t due = (size_t)((double)(now_ns - flood->began_ns) * rate / 1e9);
		int ready;

		/* Answers are read in between, so that a connection may be used again at once. */
		for (int n = 0; n < 64 && now_ns < until_ns && flood->asked < due; n++)
			flood_ask(flood);
		ready = epoll_wait(flood->epoll, events, FLOOD_EVENTS,
				   flood->asked < due && now_ns < until_ns ? 0 : 1);
		for (int i = 0; i < ready; i++) {
			struct flood_connection *c = events[i].data.ptr;

			if (c->connected || (events[i].events & (EPOLLERR | EPOLLHUP)) != 0)
				flood_read(flood, c);
			else
				flood_connected(flood, c);
		}
	}
	for (size_t i = 0; i < flood->used; i++)
		if (flood->connections[i].sent_ns > 0)
			flood->outcomes[flood->connections[i].is_get][FLOOD_BROKEN]++;
}

static void flood_print_outcomes(const struct flood *flood, const char *name, bool is_get)
{
	const size_t *outcomes = flood->outcomes[is_get];

	printf(", \"%s\": {\"ok\": %zu, \"refused\": %zu, \"late\": %zu, \"other\": %zu, "
	       "\"broken\": %zu}",
	       name, outcomes[FLOOD_OK], outcomes[FLOOD_REFUSED], outcomes[FLOOD_LATE],
	       outcomes[FLOOD_OTHER], outcomes[FLOOD_BROKEN]);
}

static int flood_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double flood_ms(const struct floor_times *times, size_t permille)
{
	return times->count > 0 ? (double)times->ns[(times->count - 1) * permille / 1000] / 1e6 : 0;
}

static void flood_print(struct flood *flood, size_t seconds)
{
	qsort(flood->times.ns, flood->times.count, sizeof(*flood->times.ns), flood_compare);
	printf("{\"asked\": %zu, \"unsent\": %zu", flood->asked, flood->unsent);
	flood_print_outcomes(flood, "add", false);
	flood_print_outcomes(flood, "get", true);
	printf(", \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"longest_ms\": %.2f, \"seconds\": [",
	       flood_ms(&flood->times, 500), flood_ms(&flood->times, 990),
	       flood_ms(&flood->times, 1000));
	for (size_t i = 0; i < seconds && i < FLOOD_SECONDS_MAX; i++)
		printf("%s%zu", i > 0 ? ", " : "", flood->seconds[i]);
	printf("]}\n");
}

int main(int argc, char **argv)
{
	struct flood flood = {.address = {.sin_family = AF_INET}};
	int ms;

	if (argc != 6) {
		fprintf(stderr, "usage: flood PORT IDS CONNECTIONS RATE MILLISECONDS\n");
		return 2;
	}
	flood.address.sin_port = htons((uint16_t)floor_number(argv[1], "PORT", 1, 65535));
	flood.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	floor_read_ids(&flood.ids, argv[2]);
	flood.count = (size_t)floor_number(argv[3], "CONNECTIONS", 1, 1000000);
	ms = floor_number(argv[5], "MILLISECONDS", 1, FLOOD_SECONDS_MAX * 1000);
	random_seed(&flood.random);
	flood.epoll = epoll_create1(EPOLL_CLOEXEC);
	flood.connections = floor_alloc(NULL, flood.count, sizeof(*flood.connections));
	for (size_t i = 0; i < flood.count; i++)
		flood.connections[i].fd = -1;
	flood.began_ns = floor_now_ns();
	flood_run(&flood, floor_number(argv[4], "RATE", 1, 100000000),
		  (int64_t)ms * CLOCK_NS_PER_MS);
	flood_print(&flood, (size_t)ms / 1000);
	free(flood.times.ns);
	free(flood.connections);
	free(flood.ids.ids);
	return 0;
}
