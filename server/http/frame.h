/*
 * The frame of one HTTP/1 request (RFC 9112), checked on the raw bytes before evhttp parses them:
 * where it starts and ends, and whether two readers could disagree about that. What evhttp forgives
 * or cannot show afterwards (a NUL, a folded line, a bare CR or LF, "Content-Length : 5", a chunk
 * size of "+5") is refused here, and so is what it would answer in HTML. What is right and evhttp
 * does not understand is rewritten in place, in the same length: TAB before the value of a header,
 * chunk extensions, trailers.
 *
 * Pure: no sockets, no clock. The same bytes give the same result however they are cut.
 */
#ifndef SERVER_HTTP_FRAME_H
#define SERVER_HTTP_FRAME_H

#include "core/base/buf.h"
#include "server/http/http.h"
#include "server/http/request_id.h"

#define FRAME_METHOD_MIN  3
#define FRAME_METHOD_MAX  16
#define FRAME_HEADERS_MAX 100

struct frame_limits {
	size_t head_max; /* request line and headers, with their line ends */
	size_t body_max;
	bool keep_origin; /* for answers to requests that are refused */
	bool https;	  /* a target may be https:// (RFC 9110, 7.4) */
};

enum frame_state {
	FRAME_EMPTY, /* not a byte of it yet; perhaps empty lines before it */
	FRAME_REQUEST_LINE,
	FRAME_HEADERS,
	FRAME_BODY,
	FRAME_CHUNK_SIZE,
	FRAME_CHUNK_DATA,
	FRAME_CHUNK_END,
	FRAME_TRAILERS, /* after the last chunk, up to an empty line */
	FRAME_WHOLE,
	FRAME_BAD
};

struct frame {
	enum frame_state state;

	/* Known after the request line. */
	enum http_method method;
	char method_name[FRAME_METHOD_MAX + 1];
	bool http_1_0;
	bool absolute; /* the target is http://authority/path */

	/* Known after the headers. */
	bool close;	 /* the client wants the connection closed */
	bool keep_alive; /* HTTP/1.0: the client wants it kept */
	/* X-Request-Id, for the answer to a request that evhttp never gets to see. "": none, longer
	 * than a valid one, or more than one. */
	char request_id[REQUEST_ID_MAX + 1];

	struct buf origin; /* Origin, where the limits ask for it; empty: none, or more
			      than one */

	/* FRAME_BAD: what to answer. */
	int status;
	const char *detail;

	/* Bytes of empty lines before the request, since the last reset: evhttp must not see them.
	 */
	size_t empty_lines;

	/* Its own. */
	size_t head_len, header_count, body_len;
	uint64_t left; /* of the body or the chunk */
	uint64_t content_length;
	unsigned host_count, length_count, encoding_count, expect_count, id_count, origin_count;
	bool host_is_empty;
	bool chunked;	 /* the last transfer coding so far */
	bool extended;	 /* the line is a chunk size, and its extensions have begun */
	struct buf line; /* the start of a line that is not whole yet */
};

/* Ready for the next request. A zeroed struct is ready for the first. */
void frame_reset(struct frame *frame);
void frame_free(struct frame *frame);

/*
 * Reads on. Returns how many bytes belong to this request; fewer than len only once it is WHOLE or
 * BAD.
 */
size_t frame_feed(struct frame *frame, const struct frame_limits *limits, char *bytes, size_t len);

/* Gives up on it, as FRAME_BAD. detail is a literal. */
void frame_fail(struct frame *frame, int status, const char *detail);

#endif
