/*
 * What a reader reads next: its cursor and the list of shards together.
 *
 * A shard that the cursor names is read from the place there. One from which a named shard descends
 * was read before. All others were not begun, and are read from their beginning, each after its
 * parent was read to its end. A parent that is not listed is so old that it was removed, or so
 * young that it is not listed yet: then its child waits. A shard stays in the cursor until a child
 * of it is there, so that it does not matter when DescribeStream begins to list which child.
 */
#ifndef BACKENDS_DYNAMODB_FEED_WALK_H
#define BACKENDS_DYNAMODB_FEED_WALK_H

#include "backends/dynamodb/feed/cursor.h"
#include "backends/dynamodb/feed/shards.h"

enum ddb_walk_state { DDB_WALK_NEW, DDB_WALK_NAMED, DDB_WALK_READ };

struct ddb_walk {
	struct ddb_cursor *cursor;
	const struct ddb_shards *shards;
	int64_t now_ms;
	struct ddb_walk_shard {
		enum ddb_walk_state state;
		bool looked_at; /* by ddb_walk_next() */
	} * each;		/* of the list, in its order */
};

/*
 * Zeroed, walk has not begun; begun, it may begin anew, with another list. CART_CURSOR_GONE: the
 * stream is another one, or what comes next is not kept any more. CART_BUSY: no memory.
 */
CART_MUST_CHECK enum cart_result ddb_walk_begin(struct ddb_walk *walk, struct ddb_cursor *cursor,
						const struct ddb_shards *shards, int64_t now_ms);
void ddb_walk_end(struct ddb_walk *walk);

/* The next shard that may be read, each once; DDB_NO_SHARD: no more. */
size_t ddb_walk_next(struct ddb_walk *walk);
/* NULL: from its beginning. Good until the walk goes on. */
const struct ddb_cursor_shard *ddb_walk_place(const struct ddb_walk *walk, size_t at);
/* The shard was read up to there. False: the cursor can name no more shards. */
CART_MUST_CHECK bool ddb_walk_move(struct ddb_walk *walk, size_t at, enum ddb_place place,
				   const char *sequence);
/* Others are to be read before that shard, the next time. */
void ddb_walk_put_last(struct ddb_walk *walk, size_t at);
/* That shard is to be read before all others that the cursor names, the next time. Those before it
 * come after the last one. */
void ddb_walk_put_first(struct ddb_walk *walk, size_t at);

/* The cursor of a reader that wants what comes from now on: behind all that is in the shards
 * without children. False: there are too many of them. */
CART_MUST_CHECK bool ddb_walk_to_latest(struct ddb_cursor *cursor, const struct ddb_shards *shards);

#endif
