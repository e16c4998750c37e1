#include "backends/dynamodb/feed/read.h"

#include "backends/dynamodb/feed/list.h"
#include "backends/dynamodb/feed/op.h"
#include "backends/dynamodb/feed/share.h"
#include "backends/dynamodb/feed/take.h"

#include <stdlib.h>
#include <string.h>

/* Shards are listed anew when the list is so old; and at once for what counts on it. */
#define READ_LIST_NS	  (10 * CLOCK_NS_PER_S)
#define READ_LIST_SOON_NS CLOCK_NS_PER_S
#define READ_PAGE_BYTES	  (1 << 20)
/* An answer of so much ends for its size, not because there is no more. */
#define READ_ANSWER_BYTES (512 << 10)
/* With events at hand a page is not kept back longer. */
#define READ_PAGE_NS (300 * CLOCK_NS_PER_MS)

static void read_next(struct ddb_read *read);
static bool read_shard(struct ddb_read *read);
static void read_enter(struct ddb_read *read);
static void read_get_iterator(struct ddb_read *read);
static void read_get_records(struct ddb_read *read);
static void read_get_latest(struct ddb_read *read);

static int64_t read_now_ns(const struct ddb_read *read)
{
	return clock_monotonic_ns(read->reader->config.client.clock);
}

static bool read_is_now(const struct ddb_read *read)
{
	return read->op->feed.after != NULL && strcmp(read->op->feed.after, CART_FEED_NOW) == 0;
}

static bool read_is_over(const struct ddb_read *read)
{
	int64_t now_ns = read_now_ns(read);

	return read->page->count >= (size_t)read->op->feed.limit ||
	       read->bytes >= READ_PAGE_BYTES ||
	       now_ns - read->began_ns >= (read->op->deadline_ns - read->began_ns) / 2 ||
	       (read->page->count > 0 && now_ns - read->began_ns >= READ_PAGE_NS);
}

/* A shard was read to its end, and its children are not listed yet. */
static bool read_wants_children(const struct ddb_read *read)
{
	for (size_t i = 0; i < read->cursor.count; i++)
		if (read->cursor.shards[i].place == DDB_PLACE_END &&
		    !ddb_shards_has_child(
			    read->shards,
			    ddb_shards_find(read->shards, read->cursor.shards[i].tag)))
			return true;
	return false;
}

static void read_set_spot(struct ddb_read *read)
{
	const struct ddb_cursor_shard *named = ddb_walk_place(&read->walk, read->at);
	struct ddb_spot *spot = &read->iterator.spot;

	*spot = (struct ddb_spot){.stream = read->shards->tag,
				  .shard = read->shards->shards[read->at].tag,
				  .place = -1};
	if (named == NULL)
		return;
	spot->place = (int)named->place;
	memcpy(spot->sequence, named->sequence, sizeof(spot->sequence));
	if (named->place == DDB_PLACE_LATEST)
		spot->nonce = read->cursor.nonce;
}

static void read_drop_iterator(struct ddb_read *read)
{
	free(read->iterator.text);
	read->iterator = (struct ddb_iterator){.text = NULL};
}

static const char *answer_next(const json_t *answer)
{
	return json_string_value(json_object_get(answer, "NextShardIterator"));
}

/* False: the op has failed. */
static bool read_take_records(struct ddb_read *read, const json_t *answer)
{
	enum cart_result result = ddb_read_take(read, json_object_get(answer, "Records"));

	if (result != CART_OK) {
		ddb_read_fail(read, result, "out of memory");
		return false;
	}
	/* Nothing comes after a shard's end, so its place needs no room. */
	if (!read->left && answer_next(answer) == NULL &&
	    !ddb_walk_move(&read->walk, read->at, DDB_PLACE_END, "")) {
		ddb_read_fail(read, CART_FAILED, "the stream has too many shards");
		return false;
	}
	return true;
}

/* The page is over. The next one begins with that shard, to which it did not come; otherwise one
 * that ends by time would never come to the last ones. */
static void read_finish_before(struct ddb_read *read, size_t at)
{
	read->more = true;
	if (at != DDB_NO_SHARD)
		ddb_walk_put_first(&read->walk, at);
	ddb_read_finish(read);
}

/* The page is over, and the shard is not. */
static void read_finish_within(struct ddb_read *read)
{
	ddb_walk_put_last(&read->walk, read->at);
	read_finish_before(read, ddb_walk_next(&read->walk));
}

/* An op that asked at the same place has ended. */
static void read_resume(struct ddb_read *read)
{
	if (read->busy)
		ddb_read_fail(read, CART_BUSY, "another read of the same records was refused");
	else if (read_shard(read))
		read_next(read);
}

/* With the iterator there, or without one. */
static void read_ask(struct ddb_read *read)
{
	if (ddb_share_wait(read, read_resume))
		return;
	ddb_share_begin(read);
	if (read->iterator.text != NULL)
		read_get_records(read);
	else
		read_get_iterator(read);
}

/* Takes what others have got. True: the shard has nothing more, for now. */
static bool read_shard(struct ddb_read *read)
{
	struct ddb_reader *reader = read->reader;
	size_t before = read->page->count;

	for (;;) {
		const json_t *answer;

		read_drop_iterator(read);
		read_set_spot(read);
		read->renewed = false;
		answer = ddb_share_find(reader, &read->iterator.spot);
		if (answer == NULL)
			break;
		if (!read_take_records(read, answer))
			return false;
		if (!read->left && answer_next(answer) == NULL)
			return true;
		if (read->left || read_is_over(read)) {
			read_finish_within(read);
			return false;
		}
	}
	if (ddb_stream_find(reader->config.stream, &read->iterator.spot, &read->iterator) !=
	    DDB_SPOT_QUIET) {
		read_ask(read);
		return false;
	}
	if (read->page->count > before)
		ddb_walk_put_last(&read->walk, read->at);
	return true;
}

static void read_next(struct ddb_read *read)
{
	ddb_share_end(read, false);
	for (;;) {
		read->at = ddb_walk_next(&read->walk);
		if (read->at == DDB_NO_SHARD)
			break;
		if (read_is_over(read)) {
			read_finish_before(read, read->at);
			return;
		}
		if (!read_shard(read))
			return;
	}
	if (!read->listed && read_wants_children(read) &&
	    ddb_read_list_age_ns(read) >= READ_LIST_SOON_NS)
		ddb_read_list(read, read_enter);
	else
		ddb_read_finish(read);
}

/* The shard's iterator does not hold, or the shard is not there. */
static void read_without(struct ddb_read *read)
{
	ddb_stream_forget(read->reader->config.stream, &read->iterator.spot);
	if (ddb_read_is_error(&read->call, "ResourceNotFoundException") && !read->listed)
		ddb_read_list(read, read_enter);
	else
		ddb_read_fail_call(read, &read->call);
}

/* What the reader has to get next is not kept any more. */
static void read_gone(struct ddb_read *read)
{
	ddb_stream_forget(read->reader->config.stream, &read->iterator.spot);
	ddb_read_fail(read, CART_CURSOR_GONE, "");
}

static bool read_has_sequence(const struct ddb_read *read)
{
	return read->iterator.spot.sequence[0] != '\0';
}

static void read_got_iterator(struct ddb_call *call, void *user)
{
	struct ddb_read *read = user;
	const char *text = json_string_value(json_object_get(call->json, "ShardIterator"));

	ddb_read_note_call(read);
	if (call->outcome == DDB_OK && text != NULL) {
		free(read->iterator.text);
		read->iterator.text = strdup(text);
		read->iterator.scans = read->iterator.spot.place == DDB_PLACE_LATEST;
		read->iterator.empties = 0;
		read_get_records(read);
	} else if (call->outcome == DDB_OK) {
		ddb_read_fail(read, CART_BUSY, "GetShardIterator gave none");
	} else if (read_has_sequence(read) &&
		   ddb_read_is_error(call, "TrimmedDataAccessException")) {
		read_gone(read);
	} else if (read_has_sequence(read) && ddb_read_is_error(call, "ValidationException")) {
		/* No record of the shard has that number. */
		ddb_read_fail(read, CART_CURSOR_INVALID, "");
	} else {
		read_without(read);
	}
}

static void read_write_iterator(struct ddb_read *read, const struct ddb_shard *shard,
				const char *type, const char *sequence)
{
	struct buf *body = &read->call.body;

	buf_reset(body);
	buf_add_string(body, "{\"StreamArn\":");
	buf_add_json_string(body, read->shards->stream);
	buf_add_string(body, ",\"ShardId\":");
	buf_add_json_string(body, shard->id);
	buf_printf(body, ",\"ShardIteratorType\":\"%s\"", type);
	if (sequence[0] != '\0')
		buf_printf(body, ",\"SequenceNumber\":\"%s\"", sequence);
	buf_add_char(body, '}');
}

static void read_get_iterator(struct ddb_read *read)
{
	/* Its first records, which the reader has to get, may have been removed. */
	if (read->iterator.spot.place == DDB_PLACE_LATEST &&
	    read->cursor.begun_s * 1000 + DDB_STREAM_KEPT_MS < read->op->now_ms) {
		read_gone(read);
		return;
	}
	/* What comes is old, too: not what others ask for who have an iterator. */
	if (read->iterator.spot.place == DDB_PLACE_LATEST)
		ddb_share_end(read, false);
	read_write_iterator(read, &read->shards->shards[read->at],
			    read_has_sequence(read) ? "AFTER_SEQUENCE_NUMBER" : "TRIM_HORIZON",
			    read->iterator.spot.sequence);
	ddb_read_call(read, DDB_GET_SHARD_ITERATOR, read_got_iterator);
}

/* The iterator that an answer gave, for the place after its records. */
static void read_keep(struct ddb_read *read, const char *next, size_t records, bool full)
{
	struct ddb_iterator *iterator = &read->iterator;
	bool at_end = iterator->empties >= DDB_STREAM_EMPTIES;
	bool scans = iterator->scans;

	read_set_spot(read);
	iterator->scans = scans && iterator->spot.place == DDB_PLACE_LATEST;
	free(iterator->text);
	iterator->text = strdup(next);
	iterator->got_ns = read_now_ns(read);
	iterator->read_ns = records > 0 ? iterator->got_ns : read->asked_ns;
	/* Where a shard ends that has children is said by the answer. */
	if (ddb_shards_has_child(read->shards, read->at))
		iterator->empties = 0;
	else if (records == 0)
		iterator->empties++;
	else
		iterator->empties = at_end && !full ? DDB_STREAM_EMPTIES : 0;
	if (iterator->text != NULL)
		ddb_stream_keep(read->reader->config.stream, iterator);
}

static void read_take_answer(struct ddb_read *read, json_t *answer)
{
	const char *next = answer_next(answer);
	size_t count = json_array_size(json_object_get(answer, "Records"));
	size_t before = read->page->count, bytes = read->bytes;
	bool full = count >= (size_t)read->op->feed.limit - before;

	if (!read_take_records(read, answer))
		return;
	if (read->left) {
		read_finish_within(read);
		return;
	}
	bytes = read->bytes - bytes;
	if (next != NULL)
		read_keep(read, next, count, full || bytes >= READ_ANSWER_BYTES);
	if (count > 0 || next == NULL) {
		ddb_share_keep(read, answer, bytes);
		ddb_share_end(read, false);
	}
	if (next == NULL) {
		read_next(read);
	} else if (read_is_over(read)) {
		read_finish_within(read);
	} else if (read->iterator.empties < DDB_STREAM_EMPTIES) {
		ddb_share_begin(read);
		read_get_records(read);
	} else {
		if (read->page->count > before)
			ddb_walk_put_last(&read->walk, read->at);
		read_next(read);
	}
}

static void read_got_records(struct ddb_call *call, void *user)
{
	struct ddb_read *read = user;
	bool trimmed = ddb_read_is_error(call, "TrimmedDataAccessException");
	bool expired = ddb_read_is_error(call, "ExpiredIteratorException");

	ddb_read_note_call(read);
	if (call->outcome == DDB_OK) {
		read_take_answer(read, call->json);
	} else if (trimmed && read->iterator.spot.place >= 0 && !read->iterator.scans) {
		read_gone(read);
	} else if ((trimmed || expired) && !read->renewed) {
		read->renewed = true;
		ddb_stream_forget(read->reader->config.stream, &read->iterator.spot);
		read_get_iterator(read);
	} else {
		read_without(read);
	}
}

static void read_get_records(struct ddb_read *read)
{
	struct buf *body = &read->call.body;

	if (read->iterator.text == NULL) {
		ddb_read_fail(read, CART_BUSY, "out of memory");
		return;
	}
	buf_reset(body);
	buf_add_string(body, "{\"ShardIterator\":");
	buf_add_json_string(body, read->iterator.text);
	buf_printf(body, ",\"Limit\":%zu}", (size_t)read->op->feed.limit - read->page->count);
	read->asked_ns = read_now_ns(read);
	ddb_read_call(read, DDB_GET_RECORDS, read_got_records);
}

/* "now": each shard without children gets an iterator behind what is in it. */

static void read_got_latest(struct ddb_call *call, void *user)
{
	struct ddb_read *read = user;
	const char *text = json_string_value(json_object_get(call->json, "ShardIterator"));
	struct ddb_iterator iterator = {.got_ns = read_now_ns(read)};

	ddb_read_note_call(read);
	if (call->outcome != DDB_OK || text == NULL) {
		ddb_read_fail_call(read, call);
		return;
	}
	iterator.spot = (struct ddb_spot){.stream = read->shards->tag,
					  .shard = read->cursor.shards[read->latest].tag,
					  .nonce = read->cursor.nonce,
					  .place = DDB_PLACE_LATEST};
	iterator.empties = DDB_STREAM_EMPTIES;
	iterator.text = (char *)(uintptr_t)text;
	ddb_stream_keep(read->reader->config.stream, &iterator);
	read->latest++;
	read_get_latest(read);
}

static void read_get_latest(struct ddb_read *read)
{
	size_t at;

	if (read->latest == read->cursor.count) {
		ddb_share_give_now(read);
		ddb_read_finish(read);
		return;
	}
	at = ddb_shards_find(read->shards, read->cursor.shards[read->latest].tag);
	read_write_iterator(read, &read->shards->shards[at], "LATEST", "");
	ddb_read_call(read, DDB_GET_SHARD_ITERATOR, read_got_latest);
}

static void read_begin_now(struct ddb_read *read)
{
	read->cursor.begun_s = read->op->now_ms / 1000;
	read->cursor.stream = read->shards->tag;
	if (!ddb_walk_to_latest(&read->cursor, read->shards)) {
		ddb_read_fail(read, CART_FAILED, "a cursor has no room for the stream's shards");
		return;
	}
	if (read->cursor.count > 0)
		read->cursor.nonce = (random_next(&read->reader->random) >> 16) | 1;
	read_get_latest(read);
}

/* With a list of shards. */
static void read_enter(struct ddb_read *read)
{
	const char *after = read->op->feed.after;
	enum cart_result result;

	if (read_is_now(read)) {
		read_begin_now(read);
		return;
	}
	if (!read->begun && after == NULL) {
		read->cursor.begun_s = read->op->now_ms / 1000;
		read->cursor.stream = read->shards->tag;
	}
	read->begun = true;
	result = ddb_walk_begin(&read->walk, &read->cursor, read->shards, read->op->now_ms);
	if (result == CART_OK)
		read_next(read);
	else if (result == CART_CURSOR_GONE && !read->listed)
		ddb_read_list(read, read_enter);
	else
		ddb_read_fail(read, result, result == CART_BUSY ? "out of memory" : "");
}

static void read_begin(struct ddb_read *read, int64_t list_ns)
{
	read->shards = ddb_stream_shards(read->reader->config.stream);
	if (read->shards == NULL || ddb_read_list_age_ns(read) >= list_ns)
		ddb_read_list(read, read_enter);
	else
		read_enter(read);
}

/* Asks for "now", or has waited for one who does. */
static void read_share_now(struct ddb_read *read)
{
	if (read->busy)
		ddb_read_fail(read, CART_BUSY, "another read of \"now\" was refused");
	else if (ddb_share_take_now(read))
		ddb_read_finish(read);
	else if (!ddb_share_wait_now(read, read_share_now))
		read_begin(read, READ_LIST_SOON_NS);
}

void ddb_read_begin(struct ddb_read *read)
{
	const char *after = read->op->feed.after;
	bool is_now = read_is_now(read);
	enum cart_result result =
		after != NULL && !is_now ? ddb_cursor_read(&read->cursor, after) : CART_OK;

	if (result != CART_OK)
		ddb_read_fail(read, result, "");
	else if (is_now)
		read_share_now(read);
	else
		read_begin(read, after != NULL ? READ_LIST_NS : READ_LIST_SOON_NS);
}
