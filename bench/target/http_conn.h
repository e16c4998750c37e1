/* One HTTP/1.1 connection to a cartd that does not block: one request at a time. It knows nothing
 * of carts and has no timer: its owner sets the deadline, and closes it when the deadline passes.
 */
#ifndef BENCH_TARGET_HTTP_CONN_H
#define BENCH_TARGET_HTTP_CONN_H

#include "bench/target/http_answer.h"

#include <event2/event_struct.h>
#include <sys/socket.h>

struct http_address {
	struct sockaddr_storage storage;
	socklen_t len;
};

enum http_conn_end {
	HTTP_CONN_ANSWERED, /* answer holds it */
	HTTP_CONN_NO_CONNECT,
	HTTP_CONN_BROKEN,  /* the connection ended before the whole answer had come */
	HTTP_CONN_NOT_HTTP /* answer.why says what is wrong with it */
};

struct http_conn;
struct http_tls;
struct ssl_st;
/* Comes once for each request that was started. It may start another one, or free the owner. */
typedef void http_conn_fn(struct http_conn *conn, enum http_conn_end end);

/* The owner zeroes it and sets the first group; the rest is for reading. */
struct http_conn {
	struct event_base *base;
	const struct http_address *address;
	http_conn_fn *ended;
	struct http_tls *tls; /* NULL: plain HTTP */
	bool cold;	      /* closes after each answer */

	int failure;	  /* errno of what failed last; 0: the server closed the connection */
	const char *why;  /* what was wrong with TLS, if that was it; else NULL */
	size_t sent;	  /* bytes of the request that the kernel has taken */
	int64_t ended_ns; /* the instant at which the last request ended */
	struct http_answer answer;

	/* Private. */
	bool open, connecting, busy;
	int fd;
	struct ssl_st *session; /* while open, over TLS */
	const char *out;
	size_t out_len;
	struct event readable; /* persistent, while open */
	struct event writable; /* to finish a connect or a send */
};

/*
 * Sends a request of len bytes, which must stay in place until ended() comes, on the connection
 * that was kept, or on a new one where there is none or where the server has closed it. The caller
 * has called http_answer_begin(). -1: it failed at once, and ended() does not come; failure and
 * sent say why. Nothing is ever sent twice.
 */
CART_MUST_CHECK int http_conn_start(struct http_conn *conn, const char *out, size_t len,
				    int64_t now_ns);
/* Closes the socket; ended() does not come for a request under way. Idempotent. */
void http_conn_close(struct http_conn *conn);
/* Closes and frees the answer. */
void http_conn_free(struct http_conn *conn);

#endif
