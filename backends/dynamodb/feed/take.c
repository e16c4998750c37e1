#include "backends/dynamodb/feed/take.h"

#include "backends/dynamodb/feed/record.h"
#include "core/cart_backend.h"

#include <stdlib.h>
#include <string.h>

/* The stream's times are rounded, to the minute at the coarsest, and its clock is not ours. */
#define TAKE_MARGIN_S 120

/* Each event has a cursor where that is short, else one of so many. */
#define TAKE_SHARDS_FEW 16
#define TAKE_MARK_EACH	32

/* The record is older than what the reader wants, which began to read "now". */
static bool take_is_old(const struct ddb_read *read, const json_t *change)
{
	const struct ddb_cursor_shard *named = ddb_walk_place(&read->walk, read->at);
	double at_s = json_number_value(json_object_get(change, "ApproximateCreationDateTime"));

	if (named == NULL || (named->place != DDB_PLACE_SINCE && !read->iterator.scans))
		return false;
	return (named->place == DDB_PLACE_SINCE || named->place == DDB_PLACE_LATEST) &&
	       at_s + TAKE_MARGIN_S < (double)read->cursor.begun_s;
}

/* The place of the page's last event. */
static bool take_mark(struct ddb_read *read, struct cart_event *event)
{
	char text[CART_FEED_CURSOR_MAX + 1];

	if (read->cursor.count > TAKE_SHARDS_FEW && ++read->unmarked < TAKE_MARK_EACH)
		return true;
	read->unmarked = 0;
	if (ddb_cursor_write(&read->cursor, text) == 0)
		return true; /* the page will say it */
	event->cursor = strdup(text);
	return event->cursor != NULL;
}

/* One that is damaged is told without its cart, so that the feed goes on. */
static enum cart_result take_event(struct ddb_read *read, const json_t *record)
{
	struct cart_event *event = &read->page->events[read->page->count];
	char reason[CART_EVENT_REASON];
	enum cart_result result = ddb_feed_record(record, event, reason);

	if (result == CART_DAMAGED)
		cart_store_damaged(read->op, &event->id, reason);
	else if (result != CART_OK)
		return result;
	if (event->type == CART_EVENT_NONE)
		cart_event_clear(event);
	else
		read->page->count++;
	return CART_OK;
}

static enum cart_result take_record(struct ddb_read *read, const json_t *record)
{
	const json_t *change = json_object_get(record, "dynamodb");
	const char *sequence = json_string_value(json_object_get(change, "SequenceNumber"));
	bool old = take_is_old(read, change);
	size_t before = read->page->count;

	if (sequence == NULL || !ddb_cursor_is_sequence(sequence)) {
		cart_op_set_reason(read->op, "a record of the stream has no sequence number");
		return CART_FAILED;
	}
	if (!old) {
		enum cart_result result = take_event(read, record);

		if (result != CART_OK)
			return result;
	}
	if (!ddb_walk_move(&read->walk, read->at, old ? DDB_PLACE_SINCE : DDB_PLACE_AFTER,
			   sequence)) {
		cart_op_set_reason(read->op,
				   "the stream has more than %d shards that are read at "
				   "once, for which a cursor has no room",
				   DDB_CURSOR_SHARDS);
		return CART_FAILED;
	}
	if (read->page->count > before && !take_mark(read, &read->page->events[before]))
		return CART_BUSY;
	read->bytes += (size_t)json_integer_value(json_object_get(change, "SizeBytes"));
	return CART_OK;
}

enum cart_result ddb_read_take(struct ddb_read *read, const json_t *records)
{
	const json_t *record;
	size_t i;

	json_array_foreach(records, i, record)
	{
		enum cart_result result;

		/* Another op had more room. */
		read->left = read->page->count == (size_t)read->op->feed.limit;
		if (read->left)
			break;
		result = take_record(read, record);
		if (result != CART_OK)
			return result;
	}
	return CART_OK;
}
