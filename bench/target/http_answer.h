/*
 * Parses an answer of a cartd as it arrives, in pieces of any size (RFC 9112). The memory that a
 * server can make it use is bounded: a head and a body of limited size. A body that the caller does
 * not want is counted and not kept. After a first answer of its size nothing is allocated.
 */
#ifndef BENCH_TARGET_HTTP_ANSWER_H
#define BENCH_TARGET_HTTP_ANSWER_H

#include "core/base/buf.h"
#include "core/cart_id.h"

#define HTTP_ANSWER_HEAD_MAX 16384
#define HTTP_ANSWER_BODY_MAX (16 * 1024 * 1024) /* a page of full carts has 3 MiB */

enum http_answer_state {
	HTTP_ANSWER_MORE,
	HTTP_ANSWER_WHOLE,
	HTTP_ANSWER_BROKEN /* not HTTP/1, too long, cut off, or followed by more bytes */
};

enum http_answer_phase {
	HTTP_PHASE_HEAD,
	HTTP_PHASE_LENGTH, /* left bytes of the body */
	HTTP_PHASE_CLOSE,  /* a body until the connection ends */
	HTTP_PHASE_CHUNK_SIZE,
	HTTP_PHASE_CHUNK,     /* left bytes of it */
	HTTP_PHASE_CHUNK_END, /* its empty line */
	HTTP_PHASE_TRAILER,
	HTTP_PHASE_DONE
};

struct http_answer {
	int status;
	bool keep;	 /* the connection stays */
	bool replayed;	 /* Idempotency-Replayed: true */
	int64_t version; /* of the ETag, "3"; 0: none, or another tag */
	bool has_id;	 /* Location ended in a cart's id */
	struct cart_id id;
	int64_t queue_ns, db_ns, total_ns; /* Server-Timing; -1: not said */
	bool cached;			   /* it says cache;desc=hit */
	struct buf body;		   /* kept if wanted, or if the status is an error's */
	const char *why;		   /* of a broken one: what is wrong */

	/* Private. */
	enum http_answer_phase phase;
	bool keep_body, chunked, has_length;
	uint64_t left;
	uint64_t body_len;
	size_t len, scanned; /* bytes in data; how many of them are known not to end the head */
	char data[HTTP_ANSWER_HEAD_MAX]; /* not zeroed: len says */
};

/* Prepares for the next answer, or for the first one when it is zeroed. */
void http_answer_begin(struct http_answer *answer, bool keep_body);
void http_answer_free(struct http_answer *answer);

/* Where the next bytes are to be read to, and how many fit: at least one. */
char *http_answer_room(struct http_answer *answer, size_t *room);
/* Parses len bytes that have been read there. */
enum http_answer_state http_answer_take(struct http_answer *answer, size_t len);
/* The connection has ended in place of more. */
enum http_answer_state http_answer_end(struct http_answer *answer);

#endif
