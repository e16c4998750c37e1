/*
 * The structs that the files of this folder share. connection.c knows nothing of the listeners and
 * of the requests above it: what it has to tell them goes through struct connection_hooks.
 */
#ifndef SERVER_HTTP_INTERNAL_H
#define SERVER_HTTP_INTERNAL_H

#include "core/base/buf.h"
#include "server/http/frame.h"
#include "server/http/http.h"
#include "server/http/proxy.h"

#include <sys/queue.h>

struct bufferevent;
struct event;
struct evconnlistener;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;
struct ssl_st;

enum connection_state {
	CONNECTION_ACCEPTED,  /* evhttp gives it its socket this turn */
	CONNECTION_GREETING,  /* before its first request (greeting.h) */
	CONNECTION_NEW,	      /* no request yet; perhaps part of one */
	CONNECTION_IDLE,      /* between requests */
	CONNECTION_ANSWERED,  /* waits (turns.h) from the end of this turn on */
	CONNECTION_WAITING,   /* is not read until it is let in (turns.h) */
	CONNECTION_READING,   /* part of a further request is here */
	CONNECTION_BUSY,      /* the handler has its request */
	CONNECTION_WRITING,   /* the client has not taken all of its answer */
	CONNECTION_REFUSED,   /* its bytes were not acceptable; the answer is due this turn */
	CONNECTION_CLOSING,   /* evhttp lets go of it this turn; it lingers from the next on */
	CONNECTION_LINGERING, /* answered and shut down; reading until the client closes */
	CONNECTION_STATES
};

/* Why the guard ended one. */
enum connection_cut {
	CUT_HANDSHAKE, /* its greeting (greeting.h) was not over in time */
	CUT_DEADLINE,  /* the request did not arrive in time */
	CUT_IDLE,      /* no request for the idle timeout */
	CUT_SLOW,      /* the answer was not read in time */
	CUT_RECLAIMED, /* idle, and a new one needed its place */
	CUT_DRAIN,     /* idle, or past the drain's deadline, while the service stops */
	CUT_REASONS
};

/* The callbacks of evhttp, which wait until the greeting is over. */
struct connection_waiting {
	void (*read)(struct bufferevent *bev, void *user);
	void (*write)(struct bufferevent *bev, void *user);
	void (*event)(struct bufferevent *bev, short what, void *user);
	void *user; /* its struct evhttp_connection */
};

struct connection {
	TAILQ_ENTRY(connection) link; /* in the list of its state, by time of entry */
	enum connection_state state;
	int64_t since_ns; /* in this state; READING and NEW: of the request's first byte, NEW 0:
			     none came */
	int64_t opened_ns;
	int64_t write_deadline_ns; /* WRITING */
	struct http_server *server;
	struct bufferevent *bev;
	struct ssl_st *session; /* of bev, which owns it; NULL: not TLS */
	char *subject;		/* of the client's certificate; NULL: none */
	struct connection_waiting waiting;
	struct proxy *proxy;		 /* the header of its proxy; NULL: it needs none */
	struct event *reader;		 /* of that header; NULL: it has been read */
	int fd;				 /* -1: not known yet */
	struct evhttp_connection *evcon; /* NULL: not known yet, or gone */
	struct frame frame;
	size_t behind; /* bytes read that belong to the requests after this one */
	size_t lingered;
	struct http_request *request; /* BUSY and REFUSED: until its answer */
	unsigned requests;	      /* since it was let in, while others wait (turns.h) */
	bool waits;		      /* after this answer, as it is the others' turn */
	bool last;		      /* evhttp closes it after this answer */
	bool linger;		      /* the client may still be sending when it ends */
};

TAILQ_HEAD(connection_list, connection);

struct listener {
	SLIST_ENTRY(listener) link;	/* of its server */
	SLIST_ENTRY(listener) registry; /* of the process */
	struct http_server *server;
	struct evhttp_bound_socket *bound;
	struct evconnlistener *listener;
};

struct listener_list {
	SLIST_HEAD(listener_head, listener) all;
	bool at_limit;	    /* not accepting until a connection of the process ends */
	int sweeps_to_wait; /* not accepting for so many sweeps: out of file descriptors */
	int empty_sweeps;   /* draining: in how many sweeps in a row the accept queues were empty */
};

/* What a connection tells the rest of the server; set by server.c. */
struct connection_hooks {
	void (*opened)(struct http_server *server);
	void (*released)(struct http_server *server);
	/* Its bytes are no acceptable request: frame says why. Answers it, or ends it. */
	void (*refused)(struct connection *connection);
	/* It is gone, and its request has no answer yet. */
	void (*lost)(struct http_request *request);
};

struct http_metrics {
	metric_t open, waiting, accepted, at_limit, out_of_files, refused, gone;
	metric_t handshakes, handshakes_failed; /* only with TLS */
	metric_t proxies_refused;
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
	char *address; /* of the client, only where evreq does not know it */
	int64_t received_ns;
	struct buf headers; /* of the reply, with their line ends */
	bool close, keep_alive_1_0;
	void (*gone)(void *user);
	void *gone_user;
	struct event *end; /* of the client's sending side; NULL: nobody looks */
};

/* How connections take turns (turns.h). */
struct turn {
	struct event *end;
	bool some_wait;	 /* there are connections in ANSWERED or WAITING */
	size_t requests; /* while some wait: of this turn, without those whose connections wait now
			  */
};

#define HTTP_DATE_TEXT 32

struct http_server {
	struct event_base *base;
	struct evhttp *evhttp;
	struct http_config config;
	struct frame_limits frame_limits;
	const struct connection_hooks *hooks;
	struct listener_list listeners;
	struct connection_list lists[CONNECTION_STATES];
	size_t connections;
	struct connection **by_fd; /* which connection has a file descriptor */
	size_t by_fd_room;
	struct event *sweep; /* every CONNECTION_SWEEP_MS, oftener while draining */
	struct turn turn;
	struct event *soon; /* later in this turn: refusals */
	int64_t now_ns;	    /* of the last sweep, or later: near enough for idle times */
	int64_t rested_ns;  /* idle connections over TLS since then have no buffers */
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

#endif
