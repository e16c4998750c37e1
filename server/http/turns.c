#include "server/http/turns.h"

#include "server/http/connection.h"
#include "server/http/tls.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

/* Requests that a turn of the loop should have. */
#define TURNS_TOGETHER 64
/* Requests that a connection has answered before it waits. The first of them costs more than the
 * others, as the connection is in no cache; with more of them the others wait longer. */
#define TURNS_REQUESTS 8
/* Connections let in at the end of a turn in any case, so that none is left out while others never
 * wait: new ones, and those that pipeline. As many as are let in where none of these are. */
#define TURNS_LET_IN (TURNS_TOGETHER / TURNS_REQUESTS)

static void turns_await_end(struct http_server *server)
{
	static const struct timeval at_once;

	/* A timer that is due runs after the sockets that are ready. If there is no memory for it,
	 * the sweep tries again. */
	(void)event_add(server->turn.end, &at_once);
}

static void turns_let_in(struct connection *connection)
{
	struct http_server *server = connection->server;

	connection->waits = false;
	connection->requests = 0;
	connection_enter(connection, CONNECTION_IDLE);
	connection->since_ns = server->now_ns;
	http_count(server, server->config.metrics->waiting, -1);
	bufferevent_enable(connection->bev, EV_READ);
	if (connection->session != NULL)
		tls_read_on(connection->bev, connection->session);
}

static void turns_end(evutil_socket_t fd, short what, void *user)
{
	struct http_server *server = user;
	struct connection *connection;
	size_t left = TURNS_LET_IN;

	(void)fd;
	(void)what;
	if (server->turn.requests + left < TURNS_TOGETHER)
		left = TURNS_TOGETHER - server->turn.requests;
	/* Those that are let in are idle since now: a drain must not take them for older ones. */
	server->now_ns = clock_monotonic_ns(server->config.clock);
	for (; left > 0; left--) {
		connection = TAILQ_FIRST(&server->lists[CONNECTION_WAITING]);
		if (connection == NULL)
			break;
		turns_let_in(connection);
	}
	server->turn.requests = 0;
	server->turn.some_wait = !TAILQ_EMPTY(&server->lists[CONNECTION_WAITING]);
	if (server->turn.some_wait)
		turns_await_end(server);
}

bool turns_open(struct http_server *server)
{
	server->turn.end = event_new(server->base, -1, 0, turns_end, server);
	return server->turn.end != NULL;
}

void turns_close(struct http_server *server)
{
	if (server->turn.end != NULL)
		event_free(server->turn.end);
}

void turns_take(struct connection *connection)
{
	struct http_server *server = connection->server;
	int behind = event_base_get_num_events(server->base, EVENT_BASE_COUNT_ACTIVE);

	server->turn.requests++;
	connection->waits = behind >= TURNS_TOGETHER ||
			    (server->turn.some_wait && ++connection->requests >= TURNS_REQUESTS);
}

/* It has been answered, so in the next turn there is room for another. */
static void turns_wait(struct connection *connection)
{
	struct http_server *server = connection->server;

	bufferevent_disable(connection->bev, EV_READ);
	connection_enter(connection, CONNECTION_WAITING);
	http_count(server, server->config.metrics->waiting, 1);
	if (server->turn.requests > 0)
		server->turn.requests--;
}

void turns_soon(struct http_server *server)
{
	struct connection *connection;

	if (TAILQ_EMPTY(&server->lists[CONNECTION_ANSWERED]))
		return;
	if (!server->turn.some_wait) {
		server->turn.some_wait = true;
		server->turn.requests = 0; /* of the next turn, at whose end others are let in */
		turns_await_end(server);
	}
	while ((connection = TAILQ_FIRST(&server->lists[CONNECTION_ANSWERED])) != NULL)
		turns_wait(connection);
}

void turns_sweep(struct http_server *server)
{
	if (server->turn.some_wait)
		turns_await_end(server);
}
