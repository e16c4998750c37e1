/*
 * Listening sockets, and when not to accept: at the connection limit of the process, when file
 * descriptors run out, and while the service stops.
 */
#ifndef SERVER_HTTP_LISTENER_H
#define SERVER_HTTP_LISTENER_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct http_server;
struct evconnlistener;
struct evhttp_bound_socket;

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

CART_MUST_CHECK int listener_open(struct http_server *server, const char *address, int *port,
				  struct cart_error *error);
/* A connection was accepted: stops accepting at the limit. */
void listener_accepted(struct http_server *server);
/* One has ended. */
void listener_released(struct http_server *server);
/* Accepts again where the reason not to has passed. */
void listener_sweep(struct http_server *server);
/* Draining: takes what is queued, then closes. True once all are closed. */
bool listener_drain(struct http_server *server);
/* Forgets them; evhttp closes the sockets. */
void listener_free_all(struct http_server *server);

#endif
