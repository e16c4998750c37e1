/* Lists are in the order of since_ns, so that most of them end at their first. */
#include "server/http/sweep.h"

#include "server/http/connection.h"
#include "server/http/tls.h"

#include <poll.h>

/* How long an ended connection reads on so that its last answer is not lost to a reset (RFC 9112,
 * 9.6). */
#define SWEEP_LINGER_NS (1 * CLOCK_NS_PER_S)
/* A connection that has been idle for less is not closed to make room for another. */
#define SWEEP_RECLAIM_NS (1 * CLOCK_NS_PER_S)
/* While draining, how long a client has to send its request: on a new connection, where a request
 * is likely, and on a kept one, where it would be chance. */
#define SWEEP_DRAIN_NEW_NS  (1 * CLOCK_NS_PER_S)
#define SWEEP_DRAIN_IDLE_NS (100 * CLOCK_NS_PER_MS)
/* A connection over TLS that is idle for so long needs no buffers. */
#define SWEEP_REST_NS (1 * CLOCK_NS_PER_S)
/* A request that takes longer is checked for a client that has gone. */
#define SWEEP_LOOK_NS (200 * CLOCK_NS_PER_MS)

static bool sweep_is_past(const struct connection *connection, int64_t allowed_ms)
{
	return connection->server->now_ns - connection->since_ns >= allowed_ms * CLOCK_NS_PER_MS;
}

static void sweep_late(struct connection *connection)
{
	struct http_server *server = connection->server;

	http_count(server, server->config.metrics->cut[CUT_DEADLINE], 1);
	connection_refuse(connection, 408, "the request did not arrive in time");
}

static void sweep_new(struct http_server *server)
{
	const struct http_limits *limits = &server->config.limits;
	int64_t opened_before = server->now_ns - limits->idle_timeout_ms * CLOCK_NS_PER_MS;
	struct connection *connection, *next;

	for (connection = TAILQ_FIRST(&server->lists[CONNECTION_NEW]); connection != NULL;
	     connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (connection_is_let_go(connection))
			connection_release(connection);
		else if (connection->since_ns > 0 &&
			 sweep_is_past(connection, limits->header_deadline_ms))
			sweep_late(connection);
		else if (connection->since_ns == 0 && connection->opened_ns <= opened_before)
			connection_cut(connection, CUT_IDLE, CONNECTION_CLOSE);
	}
}

/*
 * While evhttp waits for the answer it does not read, so it cannot see that the client has gone. An
 * end of file is no sign of that: a client that half-closes still reads.
 */
static bool sweep_client_is_gone(const struct connection *connection)
{
	struct pollfd client = {.fd = connection->fd};

	return poll(&client, 1, 0) == 1 && (client.revents & (POLLERR | POLLHUP)) != 0;
}

static void sweep_busy(struct http_server *server)
{
	struct connection *connection, *next;

	for (connection = TAILQ_FIRST(&server->lists[CONNECTION_BUSY]);
	     connection != NULL && sweep_is_past(connection, SWEEP_LOOK_NS / CLOCK_NS_PER_MS);
	     connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (sweep_client_is_gone(connection)) {
			http_count(server, server->config.metrics->gone, 1);
			connection_end(connection, CONNECTION_CLOSE);
		}
	}
}

static void sweep_writing(struct http_server *server)
{
	struct connection *connection, *next;

	for (connection = TAILQ_FIRST(&server->lists[CONNECTION_WRITING]); connection != NULL;
	     connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (connection->write_deadline_ns <= server->now_ns)
			connection_cut(connection, CUT_SLOW, CONNECTION_RESET);
	}
}

/* From the newest on, down to those that an earlier sweep has seen. */
static void sweep_rest(struct http_server *server)
{
	int64_t rest_ns = server->now_ns - SWEEP_REST_NS;
	struct connection *connection;

	TAILQ_FOREACH_REVERSE(connection, &server->lists[CONNECTION_IDLE], connection_list, link)
	{
		if (connection->since_ns <= server->rested_ns)
			break;
		if (connection->since_ns <= rest_ns)
			tls_rest(connection->session);
	}
	server->rested_ns = rest_ns;
}

void sweep_connections(struct http_server *server)
{
	const struct http_limits *limits = &server->config.limits;
	struct connection *connection;

	sweep_new(server);
	sweep_busy(server);
	sweep_writing(server);
	while ((connection = TAILQ_FIRST(&server->lists[CONNECTION_READING])) != NULL &&
	       sweep_is_past(connection, limits->header_deadline_ms))
		sweep_late(connection);
	while ((connection = TAILQ_FIRST(&server->lists[CONNECTION_IDLE])) != NULL &&
	       sweep_is_past(connection, limits->idle_timeout_ms))
		connection_cut(connection, CUT_IDLE, CONNECTION_LINGER);
	while ((connection = TAILQ_FIRST(&server->lists[CONNECTION_LINGERING])) != NULL &&
	       sweep_is_past(connection, SWEEP_LINGER_NS / CLOCK_NS_PER_MS))
		connection_release(connection);
	if (server->config.tls != NULL)
		sweep_rest(server);
	connection_soon(server);
}

bool sweep_reclaim(struct http_server *server)
{
	int64_t before = server->now_ns - SWEEP_RECLAIM_NS;
	struct connection *idle = TAILQ_FIRST(&server->lists[CONNECTION_IDLE]);
	struct connection *mute = TAILQ_FIRST(&server->lists[CONNECTION_NEW]);
	struct connection *greeting = TAILQ_FIRST(&server->lists[CONNECTION_GREETING]);

	while (mute != NULL && mute->since_ns > 0)
		mute = TAILQ_NEXT(mute, link);
	if (greeting != NULL && greeting->opened_ns <= before)
		connection_cut(greeting, CUT_RECLAIMED, CONNECTION_CLOSE);
	else if (mute != NULL && mute->opened_ns <= before)
		connection_cut(mute, CUT_RECLAIMED, CONNECTION_CLOSE);
	else if (idle != NULL && idle->since_ns <= before)
		connection_cut(idle, CUT_RECLAIMED, CONNECTION_CLOSE);
	else
		return false;
	return true;
}

static bool sweep_had_its_chance(const struct connection *connection, int64_t since_ns,
				 int64_t allowed_ns)
{
	const struct http_server *server = connection->server;
	int64_t from = since_ns > server->drain_ns ? since_ns : server->drain_ns;

	return server->now_ns - from >= allowed_ns;
}

static void sweep_drain_mute(struct http_server *server, enum connection_state state)
{
	struct connection *connection, *next;

	for (connection = TAILQ_FIRST(&server->lists[state]); connection != NULL;
	     connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (connection->since_ns == 0 &&
		    sweep_had_its_chance(connection, connection->opened_ns, SWEEP_DRAIN_NEW_NS))
			connection_cut(connection, CUT_DRAIN, CONNECTION_CLOSE);
	}
}

void sweep_drain_idle(struct http_server *server)
{
	struct connection *connection;

	while ((connection = TAILQ_FIRST(&server->lists[CONNECTION_IDLE])) != NULL &&
	       sweep_had_its_chance(connection, connection->since_ns, SWEEP_DRAIN_IDLE_NS))
		connection_cut(connection, CUT_DRAIN, CONNECTION_LINGER);
	sweep_drain_mute(server, CONNECTION_GREETING);
	sweep_drain_mute(server, CONNECTION_NEW);
}

void sweep_end_all(struct http_server *server)
{
	struct connection *connection;

	for (int state = 0; state < CONNECTION_STATES; state++) {
		while ((connection = TAILQ_FIRST(&server->lists[state])) != NULL) {
			if (state == CONNECTION_CLOSING || state == CONNECTION_LINGERING)
				connection_release(connection);
			else
				connection_cut(connection, CUT_DRAIN, CONNECTION_CLOSE);
		}
	}
}
