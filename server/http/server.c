/*
 * The HTTP server of one loop: evhttp, its listeners and connections, and the requests that come
 * in. evhttp hands over a request whose bytes the guard has seen (connection.h); the handler
 * answers it, at once or later (request.c).
 */
#include "core/base/log.h"
#include "server/http/client.h"
#include "server/http/connection.h"
#include "server/http/greeting.h"
#include "server/http/listener.h"
#include "server/http/reply.h"
#include "server/http/request.h"
#include "server/http/sweep.h"
#include "server/http/turns.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* evhttp's own limits lie above ours, so that ours are met first and the answer is ours. */
#define HTTP_EVHTTP_SLACK   1024
#define HTTP_SWEEP_MS	    200
#define HTTP_DRAIN_SWEEP_MS 10

const struct http_metrics *http_metrics_register(struct metrics *metrics, bool with_tls,
						 bool with_proxies)
{
	static const char *const reasons[CUT_REASONS] = {
		[CUT_HANDSHAKE] = "reason=\"handshake\"", [CUT_DEADLINE] = "reason=\"deadline\"",
		[CUT_IDLE] = "reason=\"idle\"",		  [CUT_SLOW] = "reason=\"slow\"",
		[CUT_RECLAIMED] = "reason=\"reclaimed\"", [CUT_DRAIN] = "reason=\"drain\"",
	};
	static struct http_metrics series;

	series.open = metrics_gauge(metrics, "cart_http_connections", "Connections open", NULL);
	series.waiting = metrics_gauge(
		metrics, "cart_http_connections_waiting",
		"Connections that are not read, as their thread is busy with others", NULL);
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
	if (with_tls) {
		series.handshakes =
			metrics_counter(metrics, "cart_tls_handshakes_total",
					"TLS handshakes by their result", "result=\"ok\"");
		series.handshakes_failed =
			metrics_counter(metrics, "cart_tls_handshakes_total",
					"TLS handshakes by their result", "result=\"failed\"");
	}
	if (with_proxies)
		series.proxies_refused = metrics_counter(
			metrics, "cart_http_proxies_refused_total",
			"Connections of trusted proxies without a proper PROXY header", NULL);
	return &series;
}

/* Requests coming in. */

static void http_request_copy_frame(struct http_request *request, const struct frame *frame)
{
	request->method = *frame->method_name == '\0' ? HTTP_OTHER : frame->method;
	memcpy(request->method_name, frame->method_name, sizeof(request->method_name));
}

/* Only where evhttp has no request that knows it. */
static char *http_address_of(const struct connection *connection)
{
	struct address address;
	char text[ADDRESS_TEXT];

	if (!address_of_socket(&address, connection->fd))
		return NULL;
	address_format(&address, text);
	return strdup(text);
}

static void http_server_refuse(struct connection *connection)
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
	request->address = server->config.proxies != NULL ? client_address(request)
							  : http_address_of(connection);
	connection->request = request;
	http_count(server, server->config.metrics->refused, 1);
	server->config.refused(request, connection->frame.status, connection->frame.detail,
			       server->config.user);
}

/* evhttp closes after HTTP/1.0 unless the first Connection header starts with keep-alive. */
static bool http_request_is_kept_1_0(const struct http_request *request, const struct frame *frame)
{
	const char *connection;

	if (!frame->http_1_0 || frame->close)
		return false;
	connection = http_request_header(request, "Connection", NULL);
	return connection != NULL && strncasecmp(connection, "keep-alive", 10) == 0;
}

/* The only answers that evhttp writes itself. */
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

static void http_server_take(struct evhttp_request *evreq, void *user)
{
	struct http_server *server = user;
	struct connection *connection = connection_of(server, evreq);
	struct http_request *request;
	const struct frame *frame;

	if (connection != NULL && !http_server_agrees(connection)) {
		static struct log_limit limit;
		int64_t left_out;

		if (log_limit_pass(&limit, clock_monotonic_ns(server->config.clock), &left_out))
			log_event(LOG_ERROR,
				  "refused a request: evhttp and the guard disagree about where it "
				  "ends; please report it",
				  LOG_STR("peer", evreq->remote_host),
				  LOG_COUNT("left_out", left_out));
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
	request->close = frame->close || (frame->http_1_0 && !request->keep_alive_1_0);
	/* evhttp takes an absolute target for a request to a proxy, and would close after it. */
	evreq->flags &= ~EVHTTP_PROXY_REQUEST;
	if (server->config.proxies != NULL)
		request->address = client_address(request);
	connection->request = request;
	connection->since_ns = request->received_ns;
	turns_take(connection);
	connection_busy(connection, evhttp_request_get_connection(evreq));
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
	reply_date(server);
	greeting_sweep(server);
	sweep_connections(server);
	turns_sweep(server);
	listener_sweep(server);
	if (!server->draining)
		return;
	sweep_drain_idle(server);
	if (listener_drain(server) && server->connections == 0)
		http_server_finish_drain(server);
}

static void http_server_soon(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	greeting_begin(user);
	turns_soon(user);
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
	/* evhttp lets all methods through, so that our answer to unknown ones is ours too. */
	evhttp_set_allowed_methods(server->evhttp, UINT16_MAX);
	evhttp_set_gencb(server->evhttp, http_server_take, server);
	evhttp_set_bevcb(server->evhttp, connection_bufferevent, server);
	return 0;
}

static const struct connection_hooks http_connection_hooks = {
	.opened = listener_accepted,
	.released = listener_released,
	.refused = http_server_refuse,
	.lost = http_request_lost,
};

/* Whether https:// may be asked for here: over TLS, or by a proxy that took TLS off (RFC 9110,
 * 7.4). */
static bool http_is_secure(const struct http_config *config)
{
	return config->tls != NULL ||
	       (config->proxies != NULL && config->proxies->trusted.count > 0);
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
	server->hooks = &http_connection_hooks;
	server->frame_limits = (struct frame_limits){.head_max = config->limits.header_max,
						     .body_max = config->limits.body_max,
						     .keep_origin = config->keep_origin,
						     .https = http_is_secure(config)};
	server->now_ns = clock_monotonic_ns(config->clock);
	reply_date(server);
	for (int i = 0; i < CONNECTION_STATES; i++)
		TAILQ_INIT(&server->lists[i]);
	server->sweep = event_new(base, -1, EV_PERSIST, http_server_sweep, server);
	server->soon = event_new(base, -1, 0, http_server_soon, server);
	if (server->sweep == NULL || server->soon == NULL || !turns_open(server) ||
	    http_server_open_evhttp(server) != 0 ||
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
	sweep_end_all(server);
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
	turns_close(server);
	while (server->free_requests != NULL)
		http_request_destroy(http_request_take(server));
	buf_free(&server->out);
	free(server->by_fd);
	free(server);
}
