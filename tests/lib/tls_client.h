/* TLS for http_client: what every connection of the program uses from now on. */
#ifndef TESTS_LIB_TLS_CLIENT_H
#define TESTS_LIB_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssl_st;

/* Connections verify the server by ca, and show cert with key where it is not NULL (paths of PEM
 * files). ca NULL: plain connections again. Not while connections are being opened. */
void tls_client_use(const char *ca, const char *cert, const char *key);
/* At most TLS 1.2 from now on, until tls_client_use(). */
void tls_client_use_1_2(void);
bool tls_client_is_used(void);

/* Makes a handshake over a blocking socket. NULL: it failed. */
struct ssl_st *tls_client_open(int fd);
/* A connection of the other end of which nothing more is expected. Takes NULL. */
void tls_client_close(struct ssl_st *session);
bool tls_client_send(struct ssl_st *session, const void *bytes, size_t len);
/* Says that we send nothing more. */
void tls_client_end(struct ssl_st *session);
/* Bytes are here that no poll() of the socket would tell of. */
bool tls_client_has(const struct ssl_st *session);
enum { TLS_CLIENT_END = 0, TLS_CLIENT_BROKEN = -1, TLS_CLIENT_LATER = -2 };
/* How many bytes, or one of these; an end without its announcement is BROKEN. */
ssize_t tls_client_read(struct ssl_st *session, void *bytes, size_t room);

#endif
