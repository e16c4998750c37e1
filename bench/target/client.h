/*
 * A small HTTP/1.1 client that blocks: one request at a time, so that the clock around a call
 * measures one operation and nothing else. Everything that a server can make it wait for or hold is
 * bounded: each request has a deadline, headers and bodies a size.
 */
#ifndef BENCH_TARGET_CLIENT_H
#define BENCH_TARGET_CLIENT_H

#include "bench/target/url.h"
#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define BENCH_CLIENT_HEAD_MAX 16384
#define BENCH_CLIENT_BODY_MAX (1024 * 1024)

struct bench_client;
struct sockaddr_storage;

struct bench_client_config {
	struct bench_url url;
	int timeout_ms;	 /* for a whole request: connect, send, answer */
	bool keep_alive; /* false: a new TCP connection for each request */
};

/* The answer to one request. body is NUL-terminated and lives until the client's next request. */
struct bench_client_answer {
	int status; /* 0: there was none */
	const char *body;
	size_t body_len;
};

/* Looks the host up, once; connects nothing. -1: error says why. */
CART_MUST_CHECK int bench_client_open(struct bench_client **client,
				      const struct bench_client_config *config,
				      struct cart_error *error);
/* Takes NULL; sets it. */
void bench_client_close(struct bench_client **client);

/* Connects, unless it is connected, and says to which address: the first that took it. Returns the
 * address's length; -1: error says why. */
CART_MUST_CHECK int bench_client_reach(struct bench_client *client,
				       struct sockaddr_storage *address, struct cart_error *error);

/*
 * Sends a request and reads its answer. path begins with '/'; body is JSON or NULL. -1: no whole
 * answer came; error says why in one line, and whether the request was carried out is not known. A
 * request is never sent twice.
 */
CART_MUST_CHECK int bench_client_request(struct bench_client *client, const char *method,
					 const char *path, const char *body,
					 struct bench_client_answer *answer,
					 struct cart_error *error);

#endif
