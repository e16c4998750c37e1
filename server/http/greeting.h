/*
 * What comes before the first request of a connection: the header of a trusted proxy
 * (proxy.h), and the TLS handshake. Until they are over the connection is GREETING, with a deadline
 * of its own: its bytes are none that the frame sees. Where there is neither, it is NEW at once.
 */
#ifndef SERVER_HTTP_GREETING_H
#define SERVER_HTTP_GREETING_H

#include "server/http/internal.h"

/* Begins with those that were accepted in this turn of the loop: evhttp has given them their
 * sockets since. */
void greeting_begin(struct http_server *server);
/* Ends those past their deadline, and lets go of those that failed. */
void greeting_sweep(struct http_server *server);

#endif
