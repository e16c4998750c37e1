/*
 * The HTTP server of one loop.
 *
 * The happy path: evhttp hands over a request whose bytes the guard has seen (connection.h); the
 * handler answers, at once or later; the reply is put together here and goes straight to the
 * socket, and evhttp is told that its request is done (evhttp_send_reply_end without a start, which
 * frees it and reads on). That saves evhttp's copies of each header and two turns of the loop.
 *
 * The ways in which it fails: the client goes first, and the request stays with its handler,
 * without a connection, until it replies; the client does not take the reply, and evhttp's output
 * buffer holds the rest while the connection's write deadline runs; memory runs out, and the
 * connection is reset.
 */
#include "core/base/log.h"
#include "server/http/internal.h"
#include "server/api/reply.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* Requests kept for reuse, a loop. */
#define HTTP_FREE_MAX 256
/* Room for headers that a kept request may hold on to. */
#define HTTP_FREE_HEADERS_MAX 4096
/* evhttp's own limits lie above ours, so that ours are met first and the answer is ours. */
#define HTTP_EVHTTP_SLACK   1024
#define HTTP_SWEEP_MS	    200
#define HTTP_DRAIN_SWEEP_MS 10

const struct http_metrics *http_metrics_register(struct metrics *metrics)
{
	static const char *const reasons[CUT_REASONS] = {
		[CUT_DEADLINE] = "reason=\"deadline\"", [CUT_IDLE] = "reason=\"idle\"",
		[CUT_SLOW] = "reason=\"slow\"",		[CUT_RECLAIMED] = "reason=\"reclaimed\"",
		[CUT_DRAIN] = "reason=\"drain\"",
	};
	static struct http_metrics series;

	series.open = metrics_gauge(metrics, "cart_http_connections", "Connections open", NULL);
	series.accepted = metrics_counter(metrics, "cart_http_connections_accepted_total",
					  "Connections accepted", NULL);
	series.at_limit =
		metrics_counter(metrics, "cart_http_connections_at_limit_total",
				"Times that http.max_connections stopped accepting", NULL);
	series.out_of_files = metrics_counter(metrics, "cart_http_accept_failures_total",
					      "Times that accept() failed, for want of file "
					      "descriptors mostly",
					      NULL);
	for (int i = 0; i < CUT_REASONS; i++)
		series.cut[i] =
			metrics_counter(metrics, "cart_http_connections_cut_total",
					"Connections ended by the service, by reason", reasons[i]);
	series.refused = metrics_counter(metrics, "cart_http_requests_refused_total",
					 "Messages that are not acceptable as HTTP", NULL);
	series.gone = metrics_counter(metrics, "cart_http_clients_gone_total",
				      "Clients that went before their answer", NULL);
	return &series;
}

/* The request. */

struct http_request *http_request_take(struct http_server *server)
{
	struct http_request *request = server->free_requests;

	if (request == NULL) {
		request = calloc(1, sizeof(*request));
	} else {
		struct buf headers = request->headers;

		server->free_requests = request->next;
		server->free_count--;
		buf_reset(&headers);
		*request = (struct http_request){.headers = headers};
	}
	if (request != NULL)
		request->server = server;
	return request;
}

static void http_request_destroy(struct http_request *request)
{
	buf_free(&request->headers);
	free(request);
}

/* The handler is done with it. */
static void http_request_give(struct http_request *request)
{
	struct http_server *server = request->server;

	if (server != NULL && request->connection == NULL)
		LIST_REMOVE(request, lost);
	if (request->connection == NULL && request->evreq != NULL)
		evhttp_request_free(request->evreq);
	free(request->peer);
	request->peer = NULL;
	if (server == NULL || server->free_count >= HTTP_FREE_MAX || request->headers.failed ||
	    request->headers.room > HTTP_FREE_HEADERS_MAX) {
		http_request_destroy(request);
		return;
	}
	request->next = server->free_requests;
	server->free_requests = request;
	server->free_count++;
}

void http_request_lost(struct http_request *request)
{
	void (*gone)(void *user) = request->gone;

	/* Still on its connection: evhttp frees it now. Else it is ours until the reply. */
	if (request->evreq != NULL && evhttp_request_get_connection(request->evreq) != NULL)
		request->evreq = NULL;
	request->connection = NULL;
	request->gone = NULL;
	LIST_INSERT_HEAD(&request->server->lost_requests, request, lost);
	if (gone != NULL)
		gone(request->gone_user);
}

enum http_method http_request_method(const struct http_request *request)
{
	return request->method;
}

const char *http_request_method_name(const struct http_request *request)
{
	return request->method_name;
}

static const struct evhttp_uri *http_request_uri(const struct http_request *request)
{
	return request->evreq == NULL ? NULL : evhttp_request_get_evhttp_uri(request->evreq);
}

const char *http_request_path(const struct http_request *request)
{
	const struct evhttp_uri *uri = http_request_uri(request);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);

	return path == NULL || *path == '\0' ? "/" : path;
}

const char *http_request_query(const struct http_request *request)
{
	const struct evhttp_uri *uri = http_request_uri(request);

	return uri == NULL ? NULL : evhttp_uri_get_query(uri);
}

static bool http_header_is(const struct evkeyval *header, const char *name)
{
	/* The first letters differ mostly. */
	return ((*header->key ^ *name) & ~0x20) == 0 && strcasecmp(header->key, name) == 0;
}

const char *http_request_header(const struct http_request *request, const char *name, size_t *count)
{
	const char *value = NULL;
	size_t found = 0;

	if (request->evreq == NULL && request->connection != NULL) {
		const char *id = request->connection->frame.request_id;

		if (*id != '\0' && strcasecmp(name, "X-Request-Id") == 0) {
			value = id;
			found = 1;
		}
	} else if (request->evreq != NULL) {
		const struct evkeyval *header;

		TAILQ_FOREACH(header, evhttp_request_get_input_headers(request->evreq), next)
		{
			if (!http_header_is(header, name))
				continue;
			if (found++ == 0)
				value = header->value;
			if (count == NULL)
				break;
		}
	}
	if (count != NULL)
		*count = found;
	return value;
}

const char *http_request_header_at(const struct http_request *request, const char *name, size_t n)
{
	const struct evkeyval *header;

	if (request->evreq == NULL)
		return NULL;
	TAILQ_FOREACH(header, evhttp_request_get_input_headers(request->evreq), next)
	if (http_header_is(header, name) && n-- == 0)
		return header->value;
	return NULL;
}

const char *http_request_body(const struct http_request *request, size_t *len)
{
	struct evbuffer *body =
		request->evreq == NULL ? NULL : evhttp_request_get_input_buffer(request->evreq);

	*len = body == NULL ? 0 : evbuffer_get_length(body);
	return *len == 0 ? NULL : (const char *)evbuffer_pullup(body, -1);
}

const char *http_request_peer(const struct http_request *request)
{
	if (request->evreq != NULL && request->evreq->remote_host != NULL)
		return request->evreq->remote_host;
	return request->peer != NULL ? request->peer : "-";
}

int64_t http_request_received_ns(const struct http_request *request)
{
	return request->received_ns;
}

bool http_request_is_gone(const struct http_request *request)
{
	return request->connection == NULL;
}

void http_request_on_gone(struct http_request *request, void (*gone)(void *user), void *user)
{
	request->gone = gone;
	request->gone_user = user;
}

/* The reply. */

void http_reply_header(struct http_request *request, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);

	buf_add(&request->headers, name, name_len);
	buf_add(&request->headers, ": ", 2);
	buf_add(&request->headers, value, value_len);
	buf_add(&request->headers, "\r\n", 2);
}

void http_reply_close(struct http_request *request)
{
	request->close = true;
}

/* evhttp has written the answer, or we have: called by evhttp_send_reply_end() or later. */
static void http_server_sent(struct evhttp_request *evreq, void *user)
{
	struct connection *connection = user;

	(void)evreq;
	if (!connection->last)
		connection_answered(connection);
}

/* Gives evhttp the rest of what the socket did not take. */
static bool http_reply_queue(struct connection *connection, size_t sent, const void *body,
			     size_t body_len)
{
	struct evbuffer *output = bufferevent_get_output(connection->bev);
	const struct buf *head = &connection->server->out;
	size_t of_body = sent > head->len ? sent - head->len : 0;

	if (sent < head->len && evbuffer_add(output, head->data + sent, head->len - sent) != 0)
		return false;
	if (of_body < body_len &&
	    evbuffer_add(output, (const char *)body + of_body, body_len - of_body) != 0)
		return false;
	if (evbuffer_get_length(output) == 0)
		return true;
	connection_writing(connection, evbuffer_get_length(output));
	return bufferevent_enable(connection->bev, EV_WRITE) == 0;
}

static bool http_reply_write(struct connection *connection, const void *body, size_t body_len)
{
	struct http_server *server = connection->server;
	struct evbuffer *output = bufferevent_get_output(connection->bev);
	ssize_t sent = 0;

	/* Behind a "100 Continue" that is still on its way out. */
	if (evbuffer_get_length(output) == 0)
		sent = reply_send(server, connection->fd, body, body_len);
	return sent >= 0 && http_reply_queue(connection, (size_t)sent, body, body_len);
}

/* evhttp looks at these to know whether it closes. */
static bool http_reply_tell_close(const struct http_request *request)
{
	return evhttp_add_header(evhttp_request_get_output_headers(request->evreq), "Connection",
				 "close") == 0;
}

static void http_reply_answer(struct http_request *request, const void *body, size_t body_len,
			      bool close)
{
	struct connection *connection = request->connection;
	struct evhttp_request *evreq = request->evreq;

	connection->last = close;
	if ((close && !http_reply_tell_close(request)) ||
	    !http_reply_write(connection, body, body_len)) {
		connection_end(connection, CONNECTION_RESET);
		return;
	}
	connection->request = NULL;
	evhttp_request_set_on_complete_cb(evreq, http_server_sent, connection);
	/* Set while a chunked request was read; it would make a chunk of our end. */
	evreq->chunked = 0;
	evhttp_send_reply_end(evreq);
}

/* A refused message, of which evhttp knows nothing any more. */
static void http_reply_refusal(struct http_request *request, const void *body, size_t body_len)
{
	struct connection *connection = request->connection;

	connection->request = NULL;
	/* What the socket does not take is lost: the client has not read for long. */
	(void)reply_send(connection->server, connection->fd, body, body_len);
	connection_end(connection, CONNECTION_LINGER);
}

void http_reply(struct http_request *request, int status, const void *body, size_t len)
{
	struct connection *connection = request->connection;
	struct http_server *server = request->server;
	bool close;

	if (server != NULL)
		server->in_flight--;
	request->gone = NULL;
	if (connection == NULL) {
		http_request_give(request);
		return;
	}
	close = request->close || server->draining;
	/* A client that has not asked for it may be sending more. */
	connection->linger = close && (!connection->frame.close || connection->behind > 0);
	if (!reply_compose(server, request, status, len, close || request->evreq == NULL))
		server->out.len = 0;
	if (request->method == HTTP_HEAD || reply_is_bodiless(status))
		len = 0;
	if (server->out.len == 0) {
		buf_free(&server->out);
		connection_end(connection, CONNECTION_RESET);
	} else if (request->evreq == NULL) {
		http_reply_refusal(request, body, len);
	} else {
		http_reply_answer(request, body, len, close);
	}
	http_request_give(request);
}

/* Requests coming in. */

static void http_request_copy_frame(struct http_request *request, const struct frame *frame)
{
	request->method = *frame->method_name == '\0' ? HTTP_OTHER : frame->method;
	memcpy(request->method_name, frame->method_name, sizeof(request->method_name));
}

/* Only where evhttp has no request that knows it. */
static char *http_peer_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char host[NI_MAXHOST];

	if (getpeername(fd, (struct sockaddr *)&address, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), NULL, 0,
			NI_NUMERICHOST) != 0)
		return NULL;
	return strdup(host);
}

void http_server_refuse(struct connection *connection)
{
	struct http_server *server = connection->server;
	struct http_request *request = http_request_take(server);

	if (request == NULL) {
		connection_end(connection, CONNECTION_RESET);
		return;
	}
	http_request_copy_frame(request, &connection->frame);
	request->connection = connection;
	request->received_ns = clock_monotonic_ns(server->config.clock);
	request->peer = http_peer_of(connection->fd);
	connection->request = request;
	server->in_flight++;
	http_count(server, server->config.metrics->refused, 1);
	server->config.refused(request, connection->frame.status, connection->frame.detail,
			       server->config.user);
}

/* evhttp closes after HTTP/1.0 unless the first Connection header starts with keep-alive. */
static bool http_request_is_kept_1_0(const struct http_request *request, const struct frame *frame)
{
	const char *connection = http_request_header(request, "Connection", NULL);

	return frame->http_1_0 && !frame->close && connection != NULL &&
	       strncasecmp(connection, "keep-alive", 10) == 0;
}

/* The one kind of answer that evhttp makes. */
static void http_server_reject(struct http_server *server, struct evhttp_request *evreq, int status)
{
	http_count(server, server->config.metrics->refused, 1);
	evhttp_add_header(evhttp_request_get_output_headers(evreq), "Connection", "close");
	evhttp_send_reply(evreq, status, http_status_text(status), NULL);
}

/* Guard and evhttp must agree on where a request ends: a difference would be a way to smuggle one
 * past the other. None is known. */
static bool http_server_agrees(const struct connection *connection)
{
	return connection->frame.state == FRAME_WHOLE &&
	       evbuffer_get_length(bufferevent_get_input(connection->bev)) == connection->behind;
}

void http_server_take(struct evhttp_request *evreq, void *user)
{
	struct http_server *server = user;
	struct connection *connection = connection_of(server, evreq);
	struct http_request *request;
	const struct frame *frame;

	if (connection != NULL && !http_server_agrees(connection)) {
		log_event(LOG_ERROR, "evhttp and the guard disagree about a request",
			  LOG_STR("peer", evreq->remote_host));
		http_server_reject(server, evreq, 400);
		return;
	}
	request = connection == NULL ? NULL : http_request_take(server);
	if (request == NULL) {
		/* No memory, now or when the connection came. */
		http_server_reject(server, evreq, 503);
		return;
	}
	frame = &connection->frame;
	http_request_copy_frame(request, frame);
	request->evreq = evreq;
	request->connection = connection;
	request->received_ns = clock_monotonic_ns(server->config.clock);
	request->keep_alive_1_0 = http_request_is_kept_1_0(request, frame);
	/* evhttp takes an absolute target for a proxy's, and closes. */
	request->close =
		frame->close || frame->absolute || (frame->http_1_0 && !request->keep_alive_1_0);
	connection->request = request;
	connection->since_ns = request->received_ns;
	connection_busy(connection, evhttp_request_get_connection(evreq));
	server->in_flight++;
	server->config.handler(request, server->config.user);
}

/* The server. */

static void http_server_finish_drain(struct http_server *server)
{
	void (*drained)(void *user) = server->drained;

	server->drained = NULL;
	if (drained != NULL)
		drained(server->drained_user);
}

static void http_server_sweep(evutil_socket_t fd, short what, void *user)
{
	struct http_server *server = user;

	(void)fd;
	(void)what;
	server->now_ns = clock_monotonic_ns(server->config.clock);
	http_date(server);
	connection_sweep(server);
	listener_sweep(server);
	if (!server->draining)
		return;
	connection_drain_idle(server);
	if (listener_drain(server) && server->connections == 0)
		http_server_finish_drain(server);
}

static void http_server_soon(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	connection_soon(user);
}

static int http_server_start_sweep(struct http_server *server, int period_ms)
{
	struct timeval period = {.tv_usec = period_ms * 1000};

	return event_add(server->sweep, &period);
}

static int http_server_open_evhttp(struct http_server *server)
{
	const struct http_limits *limits = &server->config.limits;

	server->evhttp = evhttp_new(server->base);
	if (server->evhttp == NULL)
		return -1;
	evhttp_set_max_headers_size(server->evhttp,
				    (ev_ssize_t)limits->header_max + HTTP_EVHTTP_SLACK);
	evhttp_set_max_body_size(server->evhttp, (ev_ssize_t)limits->body_max + HTTP_EVHTTP_SLACK);
	/* All of them, so that the answer to those that we do not have is ours too. */
	evhttp_set_allowed_methods(server->evhttp, UINT16_MAX);
	evhttp_set_gencb(server->evhttp, http_server_take, server);
	evhttp_set_bevcb(server->evhttp, connection_bufferevent, server);
	return 0;
}

int http_server_open(struct http_server **out, struct event_base *base,
		     const struct http_config *config, struct cart_error *error)
{
	struct http_server *server = calloc(1, sizeof(*server));

	*out = server;
	if (server == NULL)
		return cart_error_set(error, "no memory for the HTTP server");
	server->base = base;
	server->config = *config;
	server->frame_limits = (struct frame_limits){.head_max = config->limits.header_max,
						     .body_max = config->limits.body_max};
	server->now_ns = clock_monotonic_ns(config->clock);
	http_date(server);
	for (int i = 0; i < CONNECTION_STATES; i++)
		TAILQ_INIT(&server->lists[i]);
	server->sweep = event_new(base, -1, EV_PERSIST, http_server_sweep, server);
	server->soon = event_new(base, -1, 0, http_server_soon, server);
	if (server->sweep == NULL || server->soon == NULL || http_server_open_evhttp(server) != 0 ||
	    http_server_start_sweep(server, HTTP_SWEEP_MS) != 0) {
		http_server_close(out);
		return cart_error_set(error, "no memory for the HTTP server");
	}
	return 0;
}

int http_server_listen(struct http_server *server, const char *address, int *port,
		       struct cart_error *error)
{
	return listener_open(server, address, port, error);
}

void http_server_drain(struct http_server *server, void (*drained)(void *user), void *user)
{
	server->drained = drained;
	server->drained_user = user;
	server->draining = true;
	server->now_ns = server->drain_ns = clock_monotonic_ns(server->config.clock);
	(void)http_server_start_sweep(server, HTTP_DRAIN_SWEEP_MS);
}

void http_server_close(struct http_server **pointer)
{
	struct http_server *server = *pointer;

	*pointer = NULL;
	if (server == NULL)
		return;
	connection_end_all(server);
	while (!LIST_EMPTY(&server->lost_requests)) {
		struct http_request *lost = LIST_FIRST(&server->lost_requests);

		LIST_REMOVE(lost, lost);
		lost->server = NULL;
	}
	listener_free_all(server);
	if (server->evhttp != NULL)
		evhttp_free(server->evhttp);
	if (server->sweep != NULL)
		event_free(server->sweep);
	if (server->soon != NULL)
		event_free(server->soon);
	while (server->free_requests != NULL)
		http_request_destroy(http_request_take(server));
	buf_free(&server->out);
	free(server->by_fd);
	free(server);
}

size_t http_server_connections(const struct http_server *server)
{
	return server->connections;
}

size_t http_server_in_flight(const struct http_server *server)
{
	return server->in_flight;
}
