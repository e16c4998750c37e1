/*
 * TLS of the listeners: the certificate, its key and the rules in force, shared by all loops. Each
 * new connection takes those of its moment, so that a reload disturbs no open one.
 */
#ifndef SERVER_HTTP_TLS_H
#define SERVER_HTTP_TLS_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bufferevent;
struct event_base;
struct iovec;
struct ssl_st;
struct tls;

enum tls_client {
	TLS_CLIENT_OFF,	     /* clients show no certificate */
	TLS_CLIENT_OPTIONAL, /* one that is shown must be good */
	TLS_CLIENT_REQUIRED
};

/* Paths of PEM files; they outlive the struct tls. */
struct tls_config {
	const char *cert; /* the certificate, and those between it and its authority */
	const char *key;
	const char *client_ca; /* authorities of clients; "" where client is OFF */
	enum tls_client client;
};

/* Reads the files. -1: error names the file, or the two that do not fit together, and says why. */
CART_MUST_CHECK int tls_new(struct tls **tls, const struct tls_config *config,
			    struct cart_error *error);
/* Reads them again, for connections to come. -1: what was in force stays. One thread at a time,
 * beside the loops. */
CART_MUST_CHECK int tls_reload(struct tls *tls, struct cart_error *error);
/* Takes NULL; sets it. */
void tls_free(struct tls **tls);
/* When the certificate in force expires, in seconds since 1970. Any thread. */
int64_t tls_expires_s(const struct tls *tls);

/* A bufferevent that waits for a client's handshake, once it has its socket. NULL: no memory. */
struct bufferevent *tls_bufferevent(struct tls *tls, struct event_base *base);
/* The session of a bufferevent, which it owns. NULL: it is one without TLS. */
struct ssl_st *tls_session(struct bufferevent *bev);
/* Of a handshake that failed: why, in the words of OpenSSL (NULL: it does not say), and whether
 * because the client speaks plain HTTP. To be asked once. */
const char *tls_failure(struct bufferevent *bev, bool *plain_http);
/* As reply_send(). */
ssize_t tls_send(struct ssl_st *session, const struct iovec *pieces, size_t count);
/* Tells the client that nothing follows, so that it can tell an end from an attack. */
void tls_end(struct ssl_st *session);
/* Has the bufferevent read what the session has already taken from the socket: libevent 2.1 would
 * wait for the socket to have more. */
void tls_read_on(struct bufferevent *bev, struct ssl_st *session);
/* Gives back the session's buffers, 32 KiB, until it is used again. */
void tls_rest(struct ssl_st *session);
/* The subject of the certificate that the client has shown and that was found good, as RFC 2253
 * writes it, to be freed. NULL: there is none, or no memory. */
char *tls_subject(const struct ssl_st *session);

#endif
