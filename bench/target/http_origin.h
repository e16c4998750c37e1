/* A running cartd: where it is, and what cartbench asks it before and beside measuring. */
#ifndef BENCH_TARGET_HTTP_ORIGIN_H
#define BENCH_TARGET_HTTP_ORIGIN_H

#include "bench/target/http_conn.h"
#include "bench/target/op.h"
#include "bench/target/url.h"
#include "core/shop_id.h"

#define HTTP_ORIGIN_DATABASE_MAX 32

struct http_origin {
	struct bench_url url;
	struct http_tls *tls;	     /* of an https URL; else NULL */
	char *token;		     /* the bearer token; NULL: none */
	int64_t timeout_ms;	     /* for one question, including the connect */
	struct http_address address; /* the first address of the host that took a connection */
	char database[HTTP_ORIGIN_DATABASE_MAX + 1]; /* from /health: [a-z0-9_-]+ */
	enum shop_id_type id_type; /* from /openapi.yaml; integers where it does not say it */
};

/* The longest token that is taken. */
#define HTTP_TOKEN_MAX 4096

struct http_reply {
	bool connected;
	int status; /* 0: no whole answer came */
	struct buf body;
};

/*
 * Looks up the host and reads /health, the version of the API and the type of ids. config:
 * its timeout is the limit of each question. For http_origin_free(), unless it fails. -1: error
 * says in one line, without the URL, why there is nothing to measure: no such host, no connection,
 * not a cartd, another version of the API, its database is down, or it wants another token.
 */
CART_MUST_CHECK int http_origin_find(struct http_origin *origin, const char *url,
				     const struct bench_drive_config *config,
				     struct cart_error *error);
/* No connection to it is open. */
void http_origin_free(struct http_origin *origin);

/*
 * Sends GET path on a connection of its own and waits for the answer. The caller frees the reply's
 * body, whatever is returned. -1: no whole answer came; error says why.
 */
CART_MUST_CHECK int http_origin_get(const struct http_origin *origin, const char *path,
				    struct http_reply *reply, struct cart_error *error);

#endif
