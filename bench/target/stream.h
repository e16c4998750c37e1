/*
 * A TCP connection read by lines and lengths, each wait bounded by one deadline and what is read by
 * one buffer: a server can neither hold nor fill its client.
 */
#ifndef BENCH_TARGET_STREAM_H
#define BENCH_TARGET_STREAM_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addrinfo;

struct bench_stream {
	int fd; /* -1: not connected */
	int timeout_ms;
	int64_t deadline_ns; /* set by bench_stream_begin */
	/* What has come: [at, len) is unread. room bytes, and one more for a NUL. */
	char *data;
	size_t at;
	size_t len;
	size_t room;
};

/* room: the most that an answer may have. -1: no memory. */
CART_MUST_CHECK int bench_stream_init(struct bench_stream *stream, size_t room, int timeout_ms,
				      struct cart_error *error);
void bench_stream_free(struct bench_stream *stream);

/* Starts the clock of a request and forgets what was read before. */
void bench_stream_begin(struct bench_stream *stream);
/* To the first address that takes it; does nothing when connected. The calls below too return -1
 * with one line when they fail. */
CART_MUST_CHECK int bench_stream_connect(struct bench_stream *stream,
					 const struct addrinfo *addresses,
					 struct cart_error *error);
void bench_stream_disconnect(struct bench_stream *stream);
CART_MUST_CHECK int bench_stream_send(struct bench_stream *stream, const char *data, size_t len,
				      struct cart_error *error);
/* Reads what has come. 1: some bytes; 0: the other side has closed. */
CART_MUST_CHECK int bench_stream_read(struct bench_stream *stream, struct cart_error *error);
/* Reads until want bytes are unread. */
CART_MUST_CHECK int bench_stream_need(struct bench_stream *stream, size_t want,
				      struct cart_error *error);
/* Takes a line of at most max bytes, without its end, NUL-terminated in place. NULL: failed. */
CART_MUST_CHECK char *bench_stream_line(struct bench_stream *stream, size_t max,
					struct cart_error *error);

#endif
