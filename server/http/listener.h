/*
 * Listening sockets, and when not to accept: at the connection limit of the process, when file
 * descriptors run out, and while the service stops.
 */
#ifndef SERVER_HTTP_LISTENER_H
#define SERVER_HTTP_LISTENER_H

#include "server/http/internal.h"

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
