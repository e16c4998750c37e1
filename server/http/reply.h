/* Builds the bytes of a reply and sends them. evhttp learns only that the request has been
 * answered. */
#ifndef SERVER_HTTP_REPLY_H
#define SERVER_HTTP_REPLY_H

#include "server/http/internal.h"

/* Writes status line and headers into server->out. False: no memory. */
bool reply_compose(struct http_server *server, const struct http_request *request, int status,
		   size_t body_len, bool close);
/*
 * Sends server->out and the body straight to the socket. Returns how many bytes it took, all of
 * them mostly; -1: the connection is broken.
 */
ssize_t reply_send(const struct connection *connection, const void *body, size_t body_len);
/* True if an answer with that status has no body, whatever the handler gave. */
bool reply_is_bodiless(int status);
/* Writes the Date header of the replies to come into server->date. */
void reply_date(struct http_server *server);

#endif
