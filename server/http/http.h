/*
 * The HTTP layer. Routes and handlers see only the types here; the files of this folder know that
 * evhttp is behind them. evhttp by itself is not safe on an open port (memory that a client can
 * grow, requests that can be smuggled, connections that never end, errors in HTML): the guard here
 * makes it so.
 */
#ifndef SERVER_HTTP_HTTP_H
#define SERVER_HTTP_HTTP_H

#include "core/base/attr.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "server/http/forwarded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct http_server;
struct http_request;
struct tls;

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_PATCH,
	HTTP_TRACE,
	HTTP_CONNECT,
	HTTP_OTHER,
	HTTP_METHODS
};

struct http_limits {
	size_t body_max;	    /* http.max_body */
	size_t header_max;	    /* request line and headers together */
	size_t connections_max;	    /* http.max_connections, of the process */
	int64_t header_deadline_ms; /* http.header_deadline: from the first byte to the whole
				       request, body included */
	int64_t idle_timeout_ms;    /* http.idle_timeout: a kept connection without a request */
};

/*
 * Called for every request that the guard lets through, on the loop. The handler answers exactly
 * once, now or later, by http_reply(); until then the request is valid, even when its client has
 * gone.
 */
typedef void http_handler_fn(struct http_request *request, void *user);

/*
 * Called for a request that the guard refused (detail: one line, a literal; status 400, 408, 413,
 * 414, 417, 421, 431, 501, 503 or 505): answers by http_reply(). The connection closes after it. Of
 * the request only method, peer, X-Request-Id and Origin are known, and these not always.
 */
typedef void http_refused_fn(struct http_request *request, int status, const char *detail,
			     void *user);

/* Peers that may say whom they speak for. */
struct http_proxies {
	struct networks trusted; /* http.trusted_proxies */
	bool protocol;		 /* http.proxy_protocol: they begin every connection with it */
	enum forwarded_by forwarded;
};

struct http_config {
	const struct http_proxies *proxies; /* NULL: nobody speaks for others */
	struct tls *tls;		    /* shared by all loops; NULL: plain HTTP */
	struct http_limits limits;
	bool keep_origin; /* the header Origin is known of refused requests too */
	const struct cart_clock *clock;
	struct metrics_shard *shard;
	const struct http_metrics *metrics;
	http_handler_fn *handler;
	http_refused_fn *refused;
	void *user;
};

/* Series of this layer: connections open, accepted, refused at the limit, cut by reason. Once a
 * process. */
const struct http_metrics *http_metrics_register(struct metrics *metrics, bool with_tls,
						 bool with_proxies);

/* One a loop. -1: error says why. */
CART_MUST_CHECK int http_server_open(struct http_server **server, struct event_base *base,
				     const struct http_config *config, struct cart_error *error);
/*
 * Listens on "127.0.0.1:8080", "[::1]:8080" or "0.0.0.0:0" with SO_REUSEPORT, so that every loop
 * can. *port (may be NULL) gets the port, for :0. -1: error names the address and why.
 */
CART_MUST_CHECK int http_server_listen(struct http_server *server, const char *address, int *port,
				       struct cart_error *error);
/* Whether one can listen on the address and nobody does yet. With SO_REUSEPORT a second service
 * would share the port of the first without an error. -1: error names the address and why. */
CART_MUST_CHECK int http_address_check(const char *address, struct cart_error *error);
/*
 * Drains: takes what is in the accept queue, closes the listeners, closes idle connections, says
 * Connection: close on every further reply. drained is called on the loop, once, when no connection
 * is left.
 */
void http_server_drain(struct http_server *server, void (*drained)(void *user), void *user);
/* Cuts what is left and frees. Requests that handlers still hold stay valid until they reply. Takes
 * NULL; sets it. */
void http_server_close(struct http_server **server);

/* The request. Strings live until the reply. */
enum http_method http_request_method(const struct http_request *request);
const char *http_request_method_name(const struct http_request *request);
/* The path as sent, percent-encoding kept, no query; absolute-form targets are cut to their path.
 * Starts with '/' ("*" for OPTIONS *). */
const char *http_request_path(const struct http_request *request);
/* After the '?', as sent; NULL without one. */
const char *http_request_query(const struct http_request *request);
/* The first header of that name, any case, or NULL; *count (may be NULL) says how many there are.
 */
const char *http_request_header(const struct http_request *request, const char *name,
				size_t *count);
/* The n-th, from 0, of the headers of that name, or NULL. */
const char *http_request_header_at(const struct http_request *request, const char *name, size_t n);
const char *http_request_body(const struct http_request *request, size_t *len);
/* The client, by its connection or as a trusted proxy tells: "127.0.0.1"; "-": not known. */
const char *http_request_peer(const struct http_request *request);
/* The subject of the client's certificate, which was found good, as RFC 2253 writes it ("CN=shop");
 * NULL: it has shown none, or is gone. */
const char *http_request_peer_subject(const struct http_request *request);
/* Monotonic, when the whole request had been read. */
int64_t http_request_received_ns(const struct http_request *request);
/* True once the client is known to be gone: the reply will be dropped. */
bool http_request_is_gone(const struct http_request *request);
/* Called at most once, on the loop, if the client goes before the reply: a chance to stop working
 * for it. */
void http_request_on_gone(struct http_request *request, void (*gone)(void *user), void *user);
/*
 * For a request that waits for long: ended is called at most once, on the loop, if the client goes
 * or closes its sending side, which is all that is seen of most that go. It may still read the
 * reply. NULL: no longer.
 */
void http_request_on_end(struct http_request *request, void (*ended)(void *user), void *user);

/* Adds a header to the reply. name and value are copied; value must not hold control characters. */
void http_reply_header(struct http_request *request, const char *name, const char *value);
/*
 * Sends the reply and gives the request back. Content-Length is set here; the body is copied; for
 * HEAD, 204 and 304 it is not sent (HEAD: its length is). Never fails: a client that has gone gets
 * nothing.
 */
void http_reply(struct http_request *request, int status, const void *body, size_t len);
/* "Not Found", of a status that the service uses. */
const char *http_status_text(int status);

#endif
