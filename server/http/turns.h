/*
 * When more connections have requests than one turn of the loop should answer, they take turns: the
 * loop reads from a few of them until each has had some requests answered, while the others wait
 * unread, first come first served. A connection that has had no answer yet never waits, and its
 * first request is read in the turn that accepts it (greeting.c). So each turn is short, and a new
 * connection is answered within two turns however many others are busy. And a few connections fit
 * into the processor's caches, where thousands do not.
 *
 * No connection waits while the loop has nothing to do: at the end of each turn as many are let in
 * as the turn had requests too few. At least a few are let in, since new connections and those that
 * pipeline never wait and could fill every turn.
 */
#ifndef SERVER_HTTP_TURNS_H
#define SERVER_HTTP_TURNS_H

#include "server/http/internal.h"

/* False: no memory. */
CART_MUST_CHECK bool turns_open(struct http_server *server);
void turns_close(struct http_server *server);

/* A request of the connection has been read: decides whether it waits after the answer. */
void turns_take(struct connection *connection);
/* No longer reads from those that were answered and wait. Later in the turn of the answer, since
 * evhttp reads on after it. */
void turns_soon(struct http_server *server);
void turns_sweep(struct http_server *server);

#endif
