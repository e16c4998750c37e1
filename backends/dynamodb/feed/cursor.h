/*
 * A cursor of the feed: where a reader is in each shard of the stream that it has begun to read.
 * What it does not name it has read (the shards from which those that it names descend) or not
 * begun: walk.h.
 *
 * As text it is "2-", the stream's tag (8 characters), when the reader began (6, in seconds), "-"
 * or
 * "." and a nonce (8), and then each shard: its tag (8), a character for the place in it, and if
 * that has a sequence number its digits to the base of 64. So a shard takes 9 to 32 characters, and
 * with AWS's numbers of 28 digits 25: DDB_CURSOR_SHARDS_MIN fit in any case. There is one text for
 * each cursor.
 */
#ifndef BACKENDS_DYNAMODB_FEED_CURSOR_H
#define BACKENDS_DYNAMODB_FEED_CURSOR_H

#include "core/cart_op.h"

#define DDB_CURSOR_SHARDS     448
#define DDB_CURSOR_SHARDS_MIN 127

#define DDB_SEQUENCE_DIGITS 40 /* AWS's limit */
#define DDB_SEQUENCE_ROOM   (DDB_SEQUENCE_DIGITS + 1)

enum ddb_place {
	DDB_PLACE_AFTER, /* behind the record with that sequence number */
	/* Likewise, for a reader that wants what came since it began: records that are clearly
	 * older are passed over. */
	DDB_PLACE_SINCE,
	/* Behind what there was when the reader began. No sequence number says so; the process that
	 * gave the cursor has an iterator for it, under the nonce (stream.h). Another one reads the
	 * shard from its oldest record on, as SINCE. */
	DDB_PLACE_LATEST,
	DDB_PLACE_END /* it is closed, and was read */
};

struct ddb_cursor_shard {
	uint64_t tag;
	enum ddb_place place;
	char sequence[DDB_SEQUENCE_ROOM]; /* AFTER, SINCE; else "" */
};

struct ddb_cursor {
	uint64_t stream;
	int64_t begun_s; /* by our clock */
	uint64_t nonce;	 /* 0: none; not without a LATEST */
	size_t count;
	struct ddb_cursor_shard shards[DDB_CURSOR_SHARDS]; /* who is read next comes first */
};

/* Decimal digits without a zero before them, up to DDB_SEQUENCE_DIGITS of them. */
bool ddb_cursor_is_sequence(const char *text);

/* CART_CURSOR_INVALID: it was never written so. CART_CURSOR_FOREIGN: it is one of another backend.
 */
CART_MUST_CHECK enum cart_result ddb_cursor_read(struct ddb_cursor *cursor, const char *text);
/* Returns the length; 0: it is longer than a cursor may be. */
CART_MUST_CHECK size_t ddb_cursor_write(const struct ddb_cursor *cursor,
					char text[CART_FEED_CURSOR_MAX + 1]);

/* NULL: it does not name the shard. */
struct ddb_cursor_shard *ddb_cursor_find(struct ddb_cursor *cursor, uint64_t tag);

#endif
