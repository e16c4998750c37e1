/*
 * What the servers of tests have in common: a listener on 127.0.0.1, whole requests off a
 * connection, bytes back.
 */
#ifndef TESTS_LIB_HTTP_PEER_H
#define TESTS_LIB_HTTP_PEER_H

#include "core/base/attr.h"
#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* A connection that was accepted; zeroed but for these. */
struct http_peer {
	int fd;
	int stop_fd; /* readable: whatever is waited for ends; -1: none */
	struct buf in;
	size_t taken; /* of it, by requests that were read */
};

/* Listens; the port is the kernel's choice. Asserts. */
int http_peer_listen(int *port);
/*
 * Reads the next request, headers and as much body as they announce; to be freed. NULL: the client
 * has gone, or it is time to stop.
 */
CART_MUST_CHECK char *http_peer_read(struct http_peer *peer);
/* False: the client has gone. */
bool http_peer_send(const struct http_peer *peer, const char *bytes, size_t len);
/* A byte in each ms, until the client says or goes, or it is time to stop: false. */
bool http_peer_drip(const struct http_peer *peer, const char *bytes, size_t len, int ms);
/* True after that time (-1: never); false: the client says or goes, or it is time to stop. */
bool http_peer_rest(const struct http_peer *peer, int ms);
/* Closes the connection, frees what was read. */
void http_peer_close(struct http_peer *peer);

#endif
