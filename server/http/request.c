/*
 * A request that the handler has, and its reply.
 *
 * The happy path: the reply is put together here and goes straight to the socket, and evhttp is
 * told that its request is done (evhttp_send_reply_end without a start, which frees it and reads
 * on). That saves evhttp's copies of each header and two turns of the loop.
 *
 * The ways in which it fails: the client goes first, and the request stays with its handler,
 * without a connection, until it replies; the client does not take the reply, and evhttp's output
 * buffer holds the rest while the connection's write deadline runs; memory runs out, and the
 * connection is reset.
 */
#include "server/http/request.h"

#include "server/http/connection.h"
#include "server/http/reply.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Requests kept for reuse, a loop. */
#define HTTP_FREE_MAX 256
/* Room for headers that a kept request may hold on to. */
#define HTTP_FREE_HEADERS_MAX 4096

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

void http_request_destroy(struct http_request *request)
{
	buf_free(&request->headers);
	free(request);
}

static void http_request_free_end(struct http_request *request)
{
	if (request->end != NULL)
		event_free(request->end);
	request->end = NULL;
}

/* The handler has answered: frees the request or keeps it for reuse. */
static void http_request_give(struct http_request *request)
{
	struct http_server *server = request->server;

	http_request_free_end(request);
	if (server != NULL && request->connection == NULL)
		LIST_REMOVE(request, lost);
	if (request->connection == NULL && request->evreq != NULL)
		evhttp_request_free(request->evreq);
	free(request->address);
	request->address = NULL;
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

	http_request_free_end(request);
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
	/* In most cases the first letters differ already. */
	return ((*header->key ^ *name) & ~0x20) == 0 && strcasecmp(header->key, name) == 0;
}

/* Of a request that evhttp never got to see. */
static const char *http_refused_header(struct frame *frame, const char *name)
{
	if (strcasecmp(name, "X-Request-Id") == 0)
		return frame->request_id[0] != '\0' ? frame->request_id : NULL;
	if (strcasecmp(name, "Origin") == 0)
		return frame->origin.len > 0 ? buf_string(&frame->origin) : NULL;
	return NULL;
}

const char *http_request_header(const struct http_request *request, const char *name, size_t *count)
{
	const char *value = NULL;
	size_t found = 0;

	if (request->evreq == NULL && request->connection != NULL) {
		value = http_refused_header(&request->connection->frame, name);
		found = value != NULL;
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
	if (request->address != NULL)
		return request->address;
	if (request->evreq != NULL && request->evreq->remote_host != NULL)
		return request->evreq->remote_host;
	return "-";
}

const char *http_request_peer_subject(const struct http_request *request)
{
	return request->connection != NULL ? request->connection->subject : NULL;
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

static void http_request_ended(evutil_socket_t fd, short what, void *user)
{
	struct http_request *request = user;
	void (*ended)(void *user) = request->gone;

	(void)fd;
	(void)what;
	request->gone = NULL;
	ended(request->gone_user);
}

void http_request_on_end(struct http_request *request, void (*ended)(void *user), void *user)
{
	http_request_on_gone(request, ended, user);
	http_request_free_end(request);
	if (ended == NULL || request->connection == NULL)
		return;
	/* Without it, for want of memory, only a reset is seen. */
	request->end = event_new(request->server->base, request->connection->fd, EV_CLOSED,
				 http_request_ended, request);
	if (request->end != NULL && event_add(request->end, NULL) != 0)
		http_request_free_end(request);
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
	size_t left = head->len + body_len - sent;

	/* In one piece: what TLS has begun to send must not come in less when it goes on. */
	if (left > 0 && evbuffer_expand(output, left) != 0)
		return false;
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
	struct evbuffer *output = bufferevent_get_output(connection->bev);
	ssize_t sent = 0;

	/* Not before the "100 Continue" that evhttp is still sending. */
	if (evbuffer_get_length(output) == 0)
		sent = reply_send(connection, body, body_len);
	return sent >= 0 && http_reply_queue(connection, (size_t)sent, body, body_len);
}

/* evhttp closes the connection after the reply if it finds this header in its own copy. */
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

/* Answers a refused message, which evhttp no longer knows. */
static void http_reply_refusal(struct http_request *request, const void *body, size_t body_len)
{
	struct connection *connection = request->connection;

	connection->request = NULL;
	/* What the socket does not take is lost: the client has not read for a long time. */
	(void)reply_send(connection, body, body_len);
	connection_end(connection, CONNECTION_LINGER);
}

void http_reply(struct http_request *request, int status, const void *body, size_t len)
{
	struct connection *connection = request->connection;
	struct http_server *server = request->server;
	bool close;

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
