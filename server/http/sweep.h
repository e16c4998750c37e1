/*
 * When connections end: by their deadlines, for the place that another needs, and while the server
 * drains. connection.h has how they end.
 */
#ifndef SERVER_HTTP_SWEEP_H
#define SERVER_HTTP_SWEEP_H

#include "server/http/internal.h"

/* Deadlines, and connections of which evhttp has let go. now_ns is the server's. */
void sweep_connections(struct http_server *server);
/* Ends the longest idle connection, to make room. False: none has been idle for a while. */
bool sweep_reclaim(struct http_server *server);
/* Ends every connection that waits for a request, when it has had time to send one. */
void sweep_drain_idle(struct http_server *server);
/* Ends all of them at once. */
void sweep_end_all(struct http_server *server);

#endif
