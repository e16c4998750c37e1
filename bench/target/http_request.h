/* The bytes of a request to a cartd: written from pieces that were prepared once, nothing
 * allocated. */
#ifndef BENCH_TARGET_HTTP_REQUEST_H
#define BENCH_TARGET_HTTP_REQUEST_H

#include "bench/target/op.h"
#include "bench/target/url.h"

/* The longest there can be: a prefix, an authority, a key, and some 300 bytes. */
#define HTTP_REQUEST_MAX 2048

/* What is the same in all requests to one target. */
struct http_request_form {
	char path[BENCH_PATH_MAX + sizeof("/shopping-carts")];
	size_t path_len;
	char head[BENCH_HOST_MAX + 128]; /* the end of the request line, headers */
	size_t head_len;
};

void http_request_prepare(struct http_request_form *form, const struct bench_url *url, bool cold);
/* Returns how many bytes there are in out. A key that is too long, or no key's text, is a bug. */
size_t http_request_write(const struct http_request_form *form, const struct bench_op *op,
			  char out[HTTP_REQUEST_MAX]);

#endif
