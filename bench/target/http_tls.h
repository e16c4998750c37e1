/* TLS of a connection that does not block. The handshake is part of its first send. */
#ifndef BENCH_TARGET_HTTP_TLS_H
#define BENCH_TARGET_HTTP_TLS_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct http_tls; /* what all connections to a host have in common; any thread */
struct ssl_st;

/* ca: PEM file of the authorities to trust; NULL: the system's. host: a name or an address, which
 * the certificate must hold. -1: error says why not. */
CART_MUST_CHECK int http_tls_new(struct http_tls **tls, const char *host, const char *ca,
				 struct cart_error *error);
/* No connection is open. Takes NULL; sets it. */
void http_tls_free(struct http_tls **tls);

/* NULL: no memory. For http_tls_close(). */
struct ssl_st *http_tls_open(struct http_tls *tls, int fd);
/* Takes NULL; the socket stays open. */
void http_tls_close(struct ssl_st *session);
/* As send() and recv(): -1 and EAGAIN where it waits for the socket, which *wants_room says (NULL:
 * nobody asks) must become writable in place of readable. *why gets what is wrong with TLS, if that
 * is the reason of another failure. */
ssize_t http_tls_send(struct ssl_st *session, const char *bytes, size_t len, bool *wants_room,
		      const char **why);
ssize_t http_tls_receive(struct ssl_st *session, char *bytes, size_t room, const char **why);
/* Whether there are bytes of which the socket does not tell. */
bool http_tls_has(const struct ssl_st *session);

#endif
