#include "server/http/connection.h"

#include "core/base/log.h"
#include "server/http/tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <sys/socket.h>

/* For how many bytes an ended connection reads on so that its last answer is not lost to a reset
 * (RFC 9112, 9.6). */
#define CONNECTION_LINGER_BYTES ((size_t)256 * 1024)
/* An answer may take as long as a request, and this much longer for each byte: 64 KiB/s. */
#define CONNECTION_WRITE_NS_PER_BYTE (CLOCK_NS_PER_S / 65536)

static void connection_input(struct evbuffer *input, const struct evbuffer_cb_info *info,
			     void *user);
static void connection_closed(struct evhttp_connection *evcon, void *user);

static struct evbuffer *connection_buffer(const struct connection *connection)
{
	return bufferevent_get_input(connection->bev);
}

static int64_t connection_now_ns(const struct connection *connection)
{
	return clock_monotonic_ns(connection->server->config.clock);
}

/* Opening and releasing. */

struct bufferevent *connection_bufferevent(struct event_base *base, void *user)
{
	struct http_server *server = user;
	const struct http_limits *limits = &server->config.limits;
	struct tls *tls = server->config.tls;
	struct connection *connection = calloc(1, sizeof(*connection));
	struct bufferevent *bev = tls != NULL
					  ? tls_bufferevent(tls, base)
					  : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (connection == NULL || bev == NULL ||
	    evbuffer_add_cb(bufferevent_get_input(bev), connection_input, connection) == NULL) {
		free(connection);
		if (bev != NULL)
			bufferevent_free(bev);
		return NULL;
	}
	/* The buffer must hold a whole request, or evhttp would wait for the rest for ever. */
	bufferevent_setwatermark(bev, EV_READ, 0, limits->header_max + limits->body_max + 4096);
	bufferevent_incref(bev);
	*connection = (struct connection){
		.server = server,
		.bev = bev,
		.fd = -1,
		.opened_ns = clock_monotonic_ns(server->config.clock),
	};
	if (tls != NULL)
		connection->session = tls_session(bev);
	connection->state = CONNECTION_ACCEPTED;
	event_active(server->soon, EV_TIMEOUT, 0);
	TAILQ_INSERT_TAIL(&server->lists[connection->state], connection, link);
	server->connections++;
	http_count(server, server->config.metrics->accepted, 1);
	http_count(server, server->config.metrics->open, 1);
	server->hooks->opened(server);
	return bev;
}

void connection_release(struct connection *connection)
{
	struct http_server *server = connection->server;

	TAILQ_REMOVE(&server->lists[connection->state], connection, link);
	if (connection->fd >= 0)
		server->by_fd[connection->fd] = NULL;
	evbuffer_remove_cb(connection_buffer(connection), connection_input, connection);
	bufferevent_setcb(connection->bev, NULL, NULL, NULL, NULL);
	bufferevent_decref(connection->bev);
	frame_free(&connection->frame);
	free(connection->subject);
	if (connection->reader != NULL)
		event_free(connection->reader);
	free(connection->proxy);
	free(connection);
	server->connections--;
	http_count(server, server->config.metrics->open, -1);
	server->hooks->released(server);
}

bool connection_learn_fd(struct connection *connection)
{
	struct http_server *server = connection->server;
	size_t fd = (size_t)bufferevent_getfd(connection->bev);

	if (fd >= server->by_fd_room) {
		size_t room = fd * 2 + 64;
		struct connection **by_fd =
			realloc(server->by_fd, room * sizeof(struct connection *));

		if (by_fd == NULL)
			return false;
		for (size_t i = server->by_fd_room; i < room; i++)
			by_fd[i] = NULL;
		server->by_fd = by_fd;
		server->by_fd_room = room;
	}
	connection->fd = (int)fd;
	server->by_fd[fd] = connection;
	return true;
}

struct connection *connection_of(struct http_server *server, struct evhttp_request *evreq)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(evreq);
	evutil_socket_t fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));

	return fd >= 0 && (size_t)fd < server->by_fd_room ? server->by_fd[fd] : NULL;
}

void connection_enter(struct connection *connection, enum connection_state state)
{
	struct http_server *server = connection->server;

	TAILQ_REMOVE(&server->lists[connection->state], connection, link);
	connection->state = state;
	TAILQ_INSERT_TAIL(&server->lists[state], connection, link);
}

static void connection_soon_enter(struct connection *connection, enum connection_state state)
{
	connection_enter(connection, state);
	event_active(connection->server->soon, EV_TIMEOUT, 0);
}

/* Reading. */

/* Takes the bytes of the bad request away from evhttp. evhttp may keep those that it has read
 * already. */
static void connection_bad(struct connection *connection)
{
	struct evbuffer *input = connection_buffer(connection);

	evbuffer_drain(input, evbuffer_get_length(input));
	connection_soon_enter(connection, CONNECTION_REFUSED);
}

void connection_refuse(struct connection *connection, int status, const char *detail)
{
	frame_fail(&connection->frame, status, detail);
	connection_bad(connection);
}

static void connection_frame_moved(struct connection *connection)
{
	switch (connection->frame.state) {
	case FRAME_BAD:
		connection_bad(connection);
		break;
	case FRAME_EMPTY:
	case FRAME_WHOLE:
		/* Nothing of it is there, or evhttp hands it over in this turn. */
		break;
	default:
		if (connection->state == CONNECTION_IDLE) {
			connection_enter(connection, CONNECTION_READING);
			connection->since_ns = connection_now_ns(connection);
		} else if (connection->since_ns == 0) {
			connection->since_ns = connection_now_ns(connection);
		}
	}
}

/* Checks what is in the input from a position on, up to the end of the current request. */
static void connection_scan(struct connection *connection, size_t from)
{
	struct evbuffer *input = connection_buffer(connection);
	size_t len = evbuffer_get_length(input) - from;
	struct frame *frame = &connection->frame;
	struct evbuffer_iovec piece;
	struct evbuffer_ptr at;
	size_t empty_lines = frame->empty_lines;

	evbuffer_ptr_set(input, &at, from, EVBUFFER_PTR_SET);
	while (len > 0 && frame->state != FRAME_WHOLE && frame->state != FRAME_BAD) {
		if (evbuffer_peek(input, -1, &at, &piece, 1) < 1)
			break;
		size_t took = frame_feed(frame, &connection->server->frame_limits, piece.iov_base,
					 piece.iov_len);

		len -= took;
		if (len > 0)
			evbuffer_ptr_set(input, &at, took, EVBUFFER_PTR_ADD);
	}
	/* They come before everything else that is in the input. */
	evbuffer_drain(input, frame->empty_lines - empty_lines);
	connection->behind = len;
	connection_frame_moved(connection);
}

/* Called by evbuffer for every change, before evhttp sees it. */
static void connection_input(struct evbuffer *input, const struct evbuffer_cb_info *info,
			     void *user)
{
	struct connection *connection = user;

	if (info->n_added == 0)
		return;
	if (connection->session != NULL)
		tls_read_on(connection->bev, connection->session);
	switch (connection->state) {
	case CONNECTION_NEW:
	case CONNECTION_IDLE:
	case CONNECTION_READING:
		if (connection->fd < 0 && !connection_learn_fd(connection))
			frame_fail(&connection->frame, 503, "no memory");
		/* evhttp has not taken the request before them yet. */
		if (connection->frame.state == FRAME_WHOLE)
			connection->behind += info->n_added;
		else
			connection_scan(connection, info->orig_size);
		break;
	case CONNECTION_LINGERING:
		connection->lingered += info->n_added;
		if (connection->lingered > CONNECTION_LINGER_BYTES)
			bufferevent_disable(connection->bev, EV_READ);
		evbuffer_drain(input, evbuffer_get_length(input));
		break;
	case CONNECTION_REFUSED:
	case CONNECTION_CLOSING:
		evbuffer_drain(input, evbuffer_get_length(input));
		break;
	default: /* BUSY, WRITING: bytes of the next request; they are checked when this one is
		    answered */
		connection->behind += info->n_added;
	}
}

void connection_meet(struct connection *connection, struct evhttp_connection *evcon)
{
	if (connection->evcon == NULL) {
		connection->evcon = evcon;
		evhttp_connection_set_closecb(evcon, connection_closed, connection);
	}
}

void connection_busy(struct connection *connection, struct evhttp_connection *evcon)
{
	connection_meet(connection, evcon);
	connection_enter(connection, CONNECTION_BUSY);
}

void connection_answered(struct connection *connection)
{
	frame_reset(&connection->frame);
	if (connection->waits && connection->behind == 0) {
		connection_soon_enter(connection, CONNECTION_ANSWERED);
		return;
	}
	connection_enter(connection, CONNECTION_IDLE);
	connection->since_ns = connection->server->now_ns;
	if (connection->behind > 0)
		connection_scan(connection, 0);
	if (connection->session != NULL)
		tls_read_on(connection->bev, connection->session);
}

void connection_writing(struct connection *connection, size_t len)
{
	int64_t allowed_ns =
		connection->server->config.limits.header_deadline_ms * CLOCK_NS_PER_MS +
		(int64_t)len * CONNECTION_WRITE_NS_PER_BYTE;

	connection_enter(connection, CONNECTION_WRITING);
	connection->write_deadline_ns = connection_now_ns(connection) + allowed_ns;
}

/* Ending. */

/* evhttp is about to let go of a connection that has had a request. */
static void connection_closed(struct evhttp_connection *evcon, void *user)
{
	struct connection *connection = user;
	struct http_request *request = connection->request;

	(void)evcon;
	connection->evcon = NULL;
	connection->request = NULL;
	if (connection->session != NULL)
		tls_end(connection->session);
	if (request != NULL)
		connection->server->hooks->lost(request);
	/* We drop our reference now, or after lingering. evhttp still has its own. */
	if (connection->linger)
		connection_soon_enter(connection, CONNECTION_CLOSING);
	else
		connection_release(connection);
}

/* evhttp removes its callbacks from the bufferevent when it stops using it. */
bool connection_is_let_go(const struct connection *connection)
{
	bufferevent_event_cb event = NULL;

	bufferevent_getcb(connection->bev, NULL, NULL, &event, NULL);
	return event == NULL;
}

void connection_end(struct connection *connection, enum connection_end how)
{
	struct linger reset = {.l_onoff = 1};
	bool told = connection->evcon != NULL;

	connection->linger = how == CONNECTION_LINGER;
	/* Before evhttp shuts the socket down. */
	if (how != CONNECTION_RESET && connection->session != NULL)
		tls_end(connection->session);
	if (how == CONNECTION_RESET && connection->fd >= 0)
		setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	/* evhttp believes that the client has gone: it frees what it has and calls
	 * connection_closed(). */
	bufferevent_trigger_event(connection->bev, BEV_EVENT_EOF | BEV_EVENT_READING, 0);
	if (!told)
		connection_closed(NULL, connection);
}

void connection_cut(struct connection *connection, enum connection_cut reason,
		    enum connection_end how)
{
	struct http_server *server = connection->server;

	http_count(server, server->config.metrics->cut[reason], 1);
	connection_end(connection, how);
}

static void connection_linger_event(struct bufferevent *bev, short what, void *user)
{
	(void)bev;
	(void)what;
	connection_release(user);
}

static void connection_linger(struct connection *connection)
{
	connection_enter(connection, CONNECTION_LINGERING);
	connection->since_ns = connection_now_ns(connection);
	bufferevent_setcb(connection->bev, NULL, NULL, connection_linger_event, connection);
	bufferevent_enable(connection->bev, EV_READ);
}

void connection_soon(struct http_server *server)
{
	struct connection *connection, *next;

	while ((connection = TAILQ_FIRST(&server->lists[CONNECTION_CLOSING])) != NULL)
		connection_linger(connection);
	for (connection = TAILQ_FIRST(&server->lists[CONNECTION_REFUSED]); connection != NULL;
	     connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (connection_is_let_go(connection))
			connection_closed(NULL, connection);
		else if (connection->request == NULL)
			connection->server->hooks->refused(connection);
	}
}
