/* Writes a request to a cartd from pieces that were prepared once, without allocating. */
#ifndef BENCH_TARGET_HTTP_REQUEST_H
#define BENCH_TARGET_HTTP_REQUEST_H

#include "bench/target/op.h"
#include "bench/target/http_origin.h"

/* The longest possible request: a prefix, an authority, a token, a key, and about 300 bytes. */
#define HTTP_REQUEST_MAX (2048 + HTTP_TOKEN_MAX)

/* The parts that all requests to one target share. */
struct http_request_form {
	char path[BENCH_PATH_MAX + sizeof("/shopping-carts")];
	size_t path_len;
	char head[BENCH_HOST_MAX + HTTP_TOKEN_MAX + 192]; /* the end of the request line, headers */
	size_t head_len;
};

void http_request_prepare(struct http_request_form *form, const struct http_origin *origin,
			  bool cold);
/* Returns the length of the request in out. A key that is too long is a bug of the caller. */
size_t http_request_write(const struct http_request_form *form, const struct bench_op *op,
			  char out[HTTP_REQUEST_MAX]);

#endif
