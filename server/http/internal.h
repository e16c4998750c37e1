/* What http.c, connection.c, listener.c and reply.c share. */
#ifndef SERVER_HTTP_INTERNAL_H
#define SERVER_HTTP_INTERNAL_H

#include "server/http/connection.h"
#include "server/http/http.h"
#include "server/http/listener.h"

struct event;
struct evhttp;

struct http_metrics {
	metric_t open, accepted, at_limit, out_of_files, refused, gone;
	metric_t cut[CUT_REASONS];
};

struct http_request {
	struct http_request *next;     /* in the server's free list */
	LIST_ENTRY(http_request) lost; /* in the server's list, once the client has gone */
	struct http_server *server;    /* NULL: closed meanwhile */
	struct connection *connection; /* NULL: the client has gone */
	struct evhttp_request *evreq;  /* NULL: evhttp gave up the message, or freed it */
	enum http_method method;
	char method_name[FRAME_METHOD_MAX + 1];
	char *peer; /* only where evreq does not know it */
	int64_t received_ns;
	struct buf headers; /* of the reply, with their line ends */
	bool close, keep_alive_1_0;
	void (*gone)(void *user);
	void *gone_user;
};

#define HTTP_DATE_TEXT 32

struct http_server {
	struct event_base *base;
	struct evhttp *evhttp;
	struct http_config config;
	struct frame_limits frame_limits;
	struct listener_list listeners;
	struct connection_list lists[CONNECTION_STATES];
	size_t connections, in_flight;
	struct connection **by_fd; /* which connection has a file descriptor */
	size_t by_fd_room;
	struct event *sweep; /* every CONNECTION_SWEEP_MS, oftener while draining */
	struct event *soon;  /* later in this turn: refusals */
	int64_t now_ns;	     /* of the last sweep: near enough for idle times */
	LIST_HEAD(http_request_list, http_request) lost_requests;
	struct http_request *free_requests;
	size_t free_count;
	struct buf out;		   /* the reply being put together */
	char date[HTTP_DATE_TEXT]; /* as of the last sweep */
	bool draining;
	int64_t drain_ns; /* since when */
	void (*drained)(void *user);
	void *drained_user;
};

static inline void http_count(struct http_server *server, metric_t series, int64_t n)
{
	metrics_add(server->config.shard, series, n);
}

struct http_request *http_request_take(struct http_server *server);
/* The client of a request that has no answer yet is gone. */
void http_request_lost(struct http_request *request);
/* Hands a refused message to http_refused_fn. */
void http_server_refuse(struct connection *connection);
/* evhttp_set_gencb(). */
void http_server_take(struct evhttp_request *evreq, void *server);
void http_date(struct http_server *server);

#endif
