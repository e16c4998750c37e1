#include "server/http/greeting.h"

#include "core/base/log.h"
#include "server/http/connection.h"
#include "server/http/tls.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Bytes of a plain request that are read before its connection is closed, so that the answer is not
 * lost to a reset. */
#define GREETING_PLAIN_BYTES (64 * 1024)

#define GREETING_PLAIN "this port speaks HTTPS, not plain HTTP"

static const char greeting_plain_body[] =
	"{\"type\":\"about:blank\",\"title\":\"Bad "
	"Request\",\"status\":400,\"detail\":\"" GREETING_PLAIN
	"\",\"error\":\"BAD_REQUEST\",\"message\":\"" GREETING_PLAIN "\"}";

/* The client's bytes are no TLS, so its socket is free for an answer in plain text. */
static void greeting_answer_plain(const struct connection *connection)
{
	char bytes[4096];
	size_t read = 0;
	ssize_t n =
		snprintf(bytes, sizeof(bytes),
			 "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
			 "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n\r\n%s",
			 sizeof(greeting_plain_body) - 1, greeting_plain_body);

	(void)send(connection->fd, bytes, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(connection->fd, SHUT_WR);
	while (read < GREETING_PLAIN_BYTES &&
	       (n = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		read += (size_t)n;
}

static void greeting_failed(const struct connection *connection)
{
	static struct log_limit limit;
	bool plain_http;
	const char *reason = tls_failure(connection->bev, &plain_http);
	int64_t left_out;

	if (plain_http)
		greeting_answer_plain(connection);
	/* Without a reason the client has just gone, as some health checks do. */
	if (reason != NULL &&
	    log_limit_pass(&limit, clock_monotonic_ns(connection->server->config.clock), &left_out))
		log_event(LOG_INFO, "a TLS handshake failed", LOG_STR("reason", reason),
			  LOG_COUNT("left_out", left_out));
}

/* The handshake is over, one way or the other. evhttp is told of it as if it had been told at once.
 */
static void greeting_event(struct bufferevent *bev, short what, void *user)
{
	struct connection *connection = user;
	struct http_server *server = connection->server;

	bufferevent_setcb(bev, connection->waiting.read, connection->waiting.write,
			  connection->waiting.event, connection->waiting.user);
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		http_count(server, server->config.metrics->handshakes, 1);
		connection->subject = tls_subject(connection->session);
		/* A client that ends before its first request is told the end, too (RFC 9112, 9.8).
		 */
		connection_meet(connection, connection->waiting.user);
		tls_rest(connection->session);
		connection_enter(connection, CONNECTION_NEW);
		tls_read_on(bev, connection->session);
	} else if ((what & BEV_EVENT_ERROR) != 0) {
		http_count(server, server->config.metrics->handshakes_failed, 1);
		greeting_failed(connection);
	}
	connection->waiting.event(bev, what, connection->waiting.user);
}

static void greeting_handshake(struct connection *connection)
{
	struct bufferevent *bev = connection->bev;

	if (connection->session == NULL) {
		connection_enter(connection, CONNECTION_NEW);
		return;
	}
	bufferevent_getcb(bev, &connection->waiting.read, &connection->waiting.write,
			  &connection->waiting.event, &connection->waiting.user);
	bufferevent_setcb(bev, NULL, NULL, greeting_event, connection);
}

/* A proxy that is trusted, but does not speak as agreed: its clients would be taken for itself. */
static void greeting_refuse_proxy(struct connection *connection)
{
	static struct log_limit limit;
	struct http_server *server = connection->server;
	int64_t left_out;

	http_count(server, server->config.metrics->proxies_refused, 1);
	if (log_limit_pass(&limit, clock_monotonic_ns(server->config.clock), &left_out))
		log_event(
			LOG_WARN,
			"refused a connection of a trusted proxy: it does not begin with a header "
			"of the PROXY protocol, version 2",
			LOG_COUNT("left_out", left_out));
	connection_end(connection, CONNECTION_CLOSE);
}

static void greeting_read_proxy(evutil_socket_t fd, short what, void *user)
{
	struct connection *connection = user;
	struct proxy *proxy = connection->proxy;
	unsigned char bytes[256];
	ssize_t n;

	(void)what;
	do {
		size_t wants = proxy_wants(proxy);

		n = recv(fd, bytes, wants < sizeof(bytes) ? wants : sizeof(bytes), MSG_DONTWAIT);
		if (n > 0)
			proxy_feed(proxy, bytes, (size_t)n);
	} while (n > 0 && proxy->state == PROXY_READING);
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && proxy->state == PROXY_READING)
		return;
	event_free(connection->reader);
	connection->reader = NULL;
	if (proxy->state == PROXY_BAD) {
		greeting_refuse_proxy(connection);
	} else if (proxy->state == PROXY_READING) { /* gone */
		connection_end(connection, CONNECTION_CLOSE);
	} else {
		greeting_handshake(connection);
		bufferevent_enable(connection->bev, EV_READ);
	}
}

/* True if the peer has to begin with a header; evhttp reads nothing until that is here. */
static bool greeting_expects_proxy(struct connection *connection)
{
	const struct http_proxies *proxies = connection->server->config.proxies;
	struct address peer;

	return proxies != NULL && proxies->protocol && address_of_socket(&peer, connection->fd) &&
	       networks_hold(&proxies->trusted, &peer);
}

static bool greeting_await_proxy(struct connection *connection)
{
	bufferevent_disable(connection->bev, EV_READ | EV_WRITE);
	connection->proxy = calloc(1, sizeof(*connection->proxy));
	connection->reader = event_new(connection->server->base, connection->fd,
				       EV_READ | EV_PERSIST, greeting_read_proxy, connection);
	return connection->proxy != NULL && connection->reader != NULL &&
	       event_add(connection->reader, NULL) == 0;
}

static bool greeting_start(struct connection *connection)
{
	if (!connection_learn_fd(connection))
		return false;
	if (greeting_expects_proxy(connection))
		return greeting_await_proxy(connection);
	greeting_handshake(connection);
	/* The request came while the connection waited to be accepted, as a rule: it is read in
	 * this turn, not in the next. */
	event_active(&connection->bev->ev_read, EV_READ, 0);
	return true;
}

void greeting_begin(struct http_server *server)
{
	struct connection *connection;

	while ((connection = TAILQ_FIRST(&server->lists[CONNECTION_ACCEPTED])) != NULL) {
		connection_enter(connection, CONNECTION_GREETING);
		if (connection_is_let_go(connection) || bufferevent_getfd(connection->bev) < 0)
			continue; /* no memory: the sweep releases it */
		if (!greeting_start(connection))
			connection_end(connection, CONNECTION_RESET); /* no memory */
	}
}

void greeting_sweep(struct http_server *server)
{
	int64_t allowed_ns = server->config.limits.header_deadline_ms * CLOCK_NS_PER_MS;
	struct connection *connection, *next;

	for (connection = TAILQ_FIRST(&server->lists[CONNECTION_GREETING]); connection != NULL;
	     connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (connection_is_let_go(connection))
			connection_release(connection);
		else if (connection->opened_ns + allowed_ns <= server->now_ns)
			connection_cut(connection, CUT_HANDSHAKE, CONNECTION_CLOSE);
	}
}
