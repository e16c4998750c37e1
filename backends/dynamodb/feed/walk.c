#include "backends/dynamodb/feed/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DescribeStream lists a shard at the latest so long after its children were made. */
#define WALK_LISTED_MS (INT64_C(10) * 60 * 1000)

static struct ddb_cursor_shard *walk_named(const struct ddb_walk *walk, size_t at)
{
	return ddb_cursor_find(walk->cursor, walk->shards->shards[at].tag);
}

/* Parents and theirs. A list that goes in circles, which no server gives, ends too. */
static void walk_mark_ancestors(struct ddb_walk *walk, size_t at)
{
	const struct ddb_shard *shards = walk->shards->shards;

	for (at = shards[at].parent_at; at != DDB_NO_SHARD && walk->each[at].state != DDB_WALK_READ;
	     at = shards[at].parent_at)
		walk->each[at].state = DDB_WALK_READ;
}

static void cursor_remove(struct ddb_cursor *cursor, size_t index)
{
	memmove(&cursor->shards[index], &cursor->shards[index + 1],
		(cursor->count - index - 1) * sizeof(cursor->shards[0]));
	cursor->count--;
}

/* Whether the cursor has no LATEST any more. */
static void cursor_drop_nonce(struct ddb_cursor *cursor)
{
	for (size_t i = 0; i < cursor->count; i++)
		if (cursor->shards[i].place == DDB_PLACE_LATEST)
			return;
	cursor->nonce = 0;
}

/* Takes the states from the cursor, and out of it what need not be named. False: a shard that it
 * names is not listed any more. */
static bool walk_settle(struct ddb_walk *walk)
{
	struct ddb_cursor *cursor = walk->cursor;

	for (size_t i = 0; i < walk->shards->count; i++)
		walk->each[i].state = DDB_WALK_NEW;
	for (size_t i = 0; i < cursor->count; i++) {
		size_t at = ddb_shards_find(walk->shards, cursor->shards[i].tag);

		if (at == DDB_NO_SHARD)
			return false;
		walk_mark_ancestors(walk, at);
	}
	for (size_t i = cursor->count; i-- > 0;) {
		size_t at = ddb_shards_find(walk->shards, cursor->shards[i].tag);

		if (walk->each[at].state == DDB_WALK_READ)
			cursor_remove(cursor, i);
		else
			walk->each[at].state = DDB_WALK_NAMED;
	}
	cursor_drop_nonce(cursor);
	return true;
}

/* Nothing of its parent is left to be read. */
static bool walk_may_begin(const struct ddb_walk *walk, size_t at)
{
	const struct ddb_shard *shard = &walk->shards->shards[at];
	size_t parent = shard->parent_at;

	if (shard->parent == NULL)
		return true;
	if (parent == DDB_NO_SHARD)
		return shard->created_ms + WALK_LISTED_MS < walk->now_ms;
	return walk->each[parent].state == DDB_WALK_READ ||
	       (walk->each[parent].state == DDB_WALK_NAMED &&
		walk_named(walk, parent)->place == DDB_PLACE_END);
}

static bool walk_may_read(const struct ddb_walk *walk, size_t at)
{
	switch (walk->each[at].state) {
	case DDB_WALK_NEW:
		return walk_may_begin(walk, at);
	case DDB_WALK_NAMED:
		return walk_named(walk, at)->place != DDB_PLACE_END;
	case DDB_WALK_READ:
		break;
	}
	return false;
}

/* A shard that was not begun is read from its first record on, which may have been removed. When
 * the reader began not even a day ago, and the shard was as old as that already, no record is
 * missing that the reader has to get. Its parent says nothing: that may be not listed any more. */
static bool walk_is_late(const struct ddb_walk *walk, size_t at)
{
	int64_t created_ms = walk->shards->shards[at].created_ms;
	int64_t begun_ms = walk->cursor->begun_s * 1000;

	if (walk->each[at].state != DDB_WALK_NEW || created_ms == 0 ||
	    created_ms + DDB_STREAM_KEPT_MS >= walk->now_ms)
		return false;
	/* The cursor has whole seconds. */
	return created_ms + DDB_STREAM_KEPT_MS >= begun_ms + 1000 ||
	       begun_ms + DDB_STREAM_KEPT_MS < walk->now_ms;
}

enum cart_result ddb_walk_begin(struct ddb_walk *walk, struct ddb_cursor *cursor,
				const struct ddb_shards *shards, int64_t now_ms)
{
	ddb_walk_end(walk);
	walk->each = calloc(shards->count + 1, sizeof(*walk->each));
	if (walk->each == NULL)
		return CART_BUSY;
	walk->cursor = cursor;
	walk->shards = shards;
	walk->now_ms = now_ms;
	if (cursor->stream != shards->tag || !walk_settle(walk))
		return CART_CURSOR_GONE;
	for (size_t i = 0; i < shards->count; i++)
		if (walk_is_late(walk, i))
			return CART_CURSOR_GONE;
	return CART_OK;
}

void ddb_walk_end(struct ddb_walk *walk)
{
	free(walk->each);
	*walk = (struct ddb_walk){.each = NULL};
}

size_t ddb_walk_next(struct ddb_walk *walk)
{
	/* New ones first, of which there are few: named ones that always have something would never
	 * let them begin. */
	for (size_t i = 0; i < walk->shards->count; i++) {
		if (walk->each[i].state != DDB_WALK_NEW || walk->each[i].looked_at ||
		    !walk_may_read(walk, i))
			continue;
		walk->each[i].looked_at = true;
		return i;
	}
	for (size_t i = 0; i < walk->cursor->count; i++) {
		size_t at = ddb_shards_find(walk->shards, walk->cursor->shards[i].tag);

		if (walk->each[at].looked_at || !walk_may_read(walk, at))
			continue;
		walk->each[at].looked_at = true;
		return at;
	}
	return DDB_NO_SHARD;
}

const struct ddb_cursor_shard *ddb_walk_place(const struct ddb_walk *walk, size_t at)
{
	return walk_named(walk, at);
}

bool ddb_walk_move(struct ddb_walk *walk, size_t at, enum ddb_place place, const char *sequence)
{
	struct ddb_cursor *cursor = walk->cursor;
	struct ddb_cursor_shard *named = walk_named(walk, at);
	bool is_new = named == NULL;

	if (is_new) {
		if (cursor->count == DDB_CURSOR_SHARDS)
			return false;
		named = &cursor->shards[cursor->count++];
		named->tag = walk->shards->shards[at].tag;
	}
	named->place = place;
	snprintf(named->sequence, sizeof(named->sequence), "%s", sequence);
	/* Of one that is named already, the state and its ancestors' stay. */
	if (is_new)
		return walk_settle(walk);
	if (cursor->nonce != 0)
		cursor_drop_nonce(cursor);
	return true;
}

void ddb_walk_put_last(struct ddb_walk *walk, size_t at)
{
	struct ddb_cursor *cursor = walk->cursor;
	const struct ddb_cursor_shard *named = walk_named(walk, at);
	struct ddb_cursor_shard moved;

	if (named == NULL)
		return;
	moved = *named;
	cursor_remove(cursor, (size_t)(named - cursor->shards));
	cursor->shards[cursor->count++] = moved;
}

static void cursor_reverse(struct ddb_cursor *cursor, size_t from, size_t to)
{
	for (; from + 1 < to; from++) {
		struct ddb_cursor_shard moved = cursor->shards[from];

		cursor->shards[from] = cursor->shards[--to];
		cursor->shards[to] = moved;
	}
}

void ddb_walk_put_first(struct ddb_walk *walk, size_t at)
{
	struct ddb_cursor *cursor = walk->cursor;
	const struct ddb_cursor_shard *named = walk_named(walk, at);
	size_t index;

	if (named == NULL)
		return;
	index = (size_t)(named - cursor->shards);
	cursor_reverse(cursor, 0, index);
	cursor_reverse(cursor, index, cursor->count);
	cursor_reverse(cursor, 0, cursor->count);
}

bool ddb_walk_to_latest(struct ddb_cursor *cursor, const struct ddb_shards *shards)
{
	cursor->count = 0;
	for (size_t i = 0; i < shards->count; i++) {
		if (ddb_shards_has_child(shards, i))
			continue;
		if (cursor->count == DDB_CURSOR_SHARDS)
			return false;
		cursor->shards[cursor->count++] = (struct ddb_cursor_shard){
			.tag = shards->shards[i].tag, .place = DDB_PLACE_LATEST};
	}
	return true;
}
