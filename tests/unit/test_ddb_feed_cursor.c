/* Where a reader of the stream is: cursors as text, and that by them each record is read once and
 * in order, whatever becomes of the shards. */
#include "backends/dynamodb/feed/walk.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/stream_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS	 (INT64_C(60) * 60 * 1000)
#define BEGIN_MS INT64_C(1796000000000)
#define CARTS	 24
#define STEPS	 400
#define RUNS	 60

/* Cursors. */

static void expect_same(const struct ddb_cursor *cursor, size_t len)
{
	char text[CART_FEED_CURSOR_MAX + 1], again[CART_FEED_CURSOR_MAX + 1];
	struct ddb_cursor *read = calloc(1, sizeof(*read));

	assert_int_equal(ddb_cursor_write(cursor, text), len);
	assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-_."),
			 len);
	assert_int_equal(ddb_cursor_read(read, text), CART_OK);
	assert_int_equal(read->stream, cursor->stream);
	assert_int_equal(read->begun_s, cursor->begun_s);
	assert_int_equal(read->nonce, cursor->nonce);
	assert_int_equal(read->count, cursor->count);
	for (size_t i = 0; i < cursor->count; i++) {
		assert_int_equal(read->shards[i].tag, cursor->shards[i].tag);
		assert_int_equal(read->shards[i].place, cursor->shards[i].place);
		assert_string_equal(read->shards[i].sequence, cursor->shards[i].sequence);
	}
	assert_int_equal(ddb_cursor_write(read, again), len);
	assert_string_equal(again, text);
	free(read);
}

static void a_cursor_is_read_as_it_was_written(void **state)
{
	static const char *const sequences[] = {"0",
						"1",
						"63",
						"64",
						"4421584500000000017450439091",
						"820400000000000001192334",
						"9999999999999999999999999999999999999999"};
	struct ddb_cursor *cursor = calloc(1, sizeof(*cursor));

	(void)state;
	cursor->stream = UINT64_C(0xffffffffffff);
	cursor->begun_s = 1796000000;
	expect_same(cursor, 2 + 8 + 6 + 1);
	cursor->nonce = 1;
	cursor->shards[cursor->count++] =
		(struct ddb_cursor_shard){.tag = 7, .place = DDB_PLACE_LATEST};
	cursor->shards[cursor->count++] =
		(struct ddb_cursor_shard){.tag = 8, .place = DDB_PLACE_END};
	expect_same(cursor, 2 + 8 + 6 + 1 + 8 + 2 * 9);
	cursor->count = 0;
	cursor->nonce = 0;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		struct ddb_cursor_shard shard = {
			.tag = 100 + i, .place = i % 2 == 0 ? DDB_PLACE_AFTER : DDB_PLACE_SINCE};

		assert_true(ddb_cursor_is_sequence(sequences[i]));
		strcpy(shard.sequence, sequences[i]);
		cursor->shards[cursor->count++] = shard;
	}
	expect_same(cursor, 2 + 8 + 6 + 1 + 7 * 9 + 1 + 1 + 1 + 2 + 16 + 14 + 23);
	free(cursor);
}

static void what_is_no_cursor_is_told_from_one_of_another_database(void **state)
{
	static const char *const none[] = {
		"2-", "2-AAAAAAAAAAAAAA", "2-AAAAAAAAAAAAAA.", "2-AAAAAAAAAAAAAA.AAAAAAAA",
		/* a nonce without a shard, a shard without a nonce, one twice, two texts of one */
		"2-AAAAAAAAAAAAAA.AAAAAAAB", "2-AAAAAAAAAAAAAA-AAAAAAAB1",
		"2-AAAAAAAAAAAAAA-AAAAAAAB0AAAAAAAB0", "2-AAAAAAAAAAAAAA-AAAAAAABbAB",
		/* more digits than a number has, less text than it says */
		"2-AAAAAAAAAAAAAA-AAAAAAABw_______________________", "2-AAAAAAAAAAAAAA-AAAAAAABcAB",
		"2-AAAAAAAAAAAAAA-AAAAAAABx", "2-AAAAAAAAAAAAAA-AAAAAAAB2", "4-AAAAAAAAAAAAAA-",
		"1-", "", "now"};
	struct ddb_cursor *cursor = calloc(1, sizeof(*cursor));

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(ddb_cursor_read(cursor, none[i]), CART_CURSOR_INVALID);
	assert_int_equal(ddb_cursor_read(cursor, "1-42"), CART_CURSOR_FOREIGN);
	assert_int_equal(ddb_cursor_read(cursor, "3-42"), CART_CURSOR_FOREIGN);
	assert_int_equal(ddb_cursor_read(cursor, "2-AAAAAAAAAAAAAA-AAAAAAABbBA"), CART_OK);
	assert_string_equal(cursor->shards[0].sequence, "64");
	assert_false(ddb_cursor_is_sequence(""));
	assert_false(ddb_cursor_is_sequence("01"));
	assert_false(ddb_cursor_is_sequence("12a"));
	assert_false(ddb_cursor_is_sequence("10000000000000000000000000000000000000000"));
	free(cursor);
}

static void a_cursor_has_room_for_so_many_shards_and_says_when_it_has_not(void **state)
{
	static char text[CART_FEED_CURSOR_MAX + 1];
	struct ddb_cursor *cursor = calloc(1, sizeof(*cursor));

	(void)state;
	for (size_t i = 0; i < DDB_CURSOR_SHARDS; i++) {
		cursor->shards[i].tag = i;
		memset(cursor->shards[i].sequence, '9', DDB_SEQUENCE_DIGITS);
	}
	cursor->nonce = 1;
	cursor->shards[0] = (struct ddb_cursor_shard){.place = DDB_PLACE_LATEST};
	cursor->count = DDB_CURSOR_SHARDS_MIN;
	assert_true(ddb_cursor_write(cursor, text) > 0);
	cursor->count = DDB_CURSOR_SHARDS_MIN + 2;
	assert_int_equal(ddb_cursor_write(cursor, text), 0);
	for (size_t i = 0; i < DDB_CURSOR_SHARDS; i++)
		strcpy(cursor->shards[i].sequence, "4421584500000000017450439091");
	cursor->count = 160;
	assert_true(ddb_cursor_write(cursor, text) > 0);
	free(cursor);
}

/* Shards. */

static struct ddb_shards *list(struct stream_model *stream)
{
	struct ddb_shards *shards = ddb_shards_new(stream->arn);
	const char *after = NULL;
	json_t *answer = NULL;

	do {
		json_t *body = json_pack("{s:s,s:s*}", "StreamArn", stream->arn,
					 "ExclusiveStartShardId", after);
		int status = 200;

		json_decref(answer);
		answer = stream_model_do(stream, "DescribeStream", body, &status);
		assert_int_equal(status, 200);
		assert_true(ddb_shards_add(shards, answer));
		after = json_string_value(json_object_get(
			json_object_get(answer, "StreamDescription"), "LastEvaluatedShardId"));
		json_decref(body);
	} while (after != NULL);
	json_decref(answer);
	ddb_shards_finish(shards);
	return shards;
}

/* A reader, as the store's is, but that it looks into the stream itself. */
struct reader {
	struct stream_model *stream;
	char cursor[CART_FEED_CURSOR_MAX + 1];
	int64_t seen[CARTS]; /* -1: any may come */
	size_t read;
	size_t most; /* shards that a cursor has named */
};

static void reader_take(struct reader *r, const struct stream_model_record *record)
{
	size_t cart = (size_t)atoi(record->key);

	if (r->seen[cart] >= 0 && record->number != r->seen[cart] + 1)
		fail_msg("cart %zu: %" PRId64 " after %" PRId64, cart, record->number,
			 r->seen[cart]);
	r->seen[cart] = record->number;
	r->read++;
}

/* Where in the stream's shard a cursor is. False: that was removed. */
static bool reader_begins(const struct stream_model_shard *shard,
			  const struct ddb_cursor_shard *place, size_t *at)
{
	*at = shard->trimmed;
	if (place == NULL)
		return true;
	*at = 0;
	while (strcmp(shard->records[*at].sequence, place->sequence) != 0)
		++*at;
	return (*at)++ >= shard->trimmed;
}

static enum cart_result reader_read_shard(struct reader *r, struct ddb_walk *walk, size_t at,
					  size_t *left)
{
	const struct stream_model_shard *shard = r->stream->shards;
	size_t record, begin;

	while (strcmp(shard->id, walk->shards->shards[at].id) != 0)
		shard++;
	if (!reader_begins(shard, ddb_walk_place(walk, at), &record))
		return CART_CURSOR_GONE;
	for (begin = record; record<shard->count && * left> 0; record++, --*left)
		reader_take(r, &shard->records[record]);
	if (record == shard->count && shard->closed_ms != 0)
		assert_true(ddb_walk_move(walk, at, DDB_PLACE_END, ""));
	else if (record > begin)
		assert_true(ddb_walk_move(walk, at, DDB_PLACE_AFTER,
					  shard->records[record - 1].sequence));
	if (record > begin)
		ddb_walk_put_last(walk, at);
	return CART_OK;
}

/* A page of at most so many records. */
static enum cart_result reader_page(struct reader *r, size_t left)
{
	struct ddb_cursor *cursor = calloc(1, sizeof(*cursor));
	struct ddb_shards *shards = list(r->stream);
	struct ddb_walk walk = {.each = NULL};
	enum cart_result result = CART_OK;
	size_t at;

	if (r->cursor[0] != '\0') {
		assert_int_equal(ddb_cursor_read(cursor, r->cursor), CART_OK);
	} else {
		cursor->stream = shards->tag;
		cursor->begun_s = r->stream->now_ms / 1000;
	}
	result = ddb_walk_begin(&walk, cursor, shards, r->stream->now_ms);
	while (result == CART_OK && left > 0 && (at = ddb_walk_next(&walk)) != DDB_NO_SHARD)
		result = reader_read_shard(r, &walk, at, &left);
	if (result == CART_OK && left == 0 && (at = ddb_walk_next(&walk)) != DDB_NO_SHARD)
		ddb_walk_put_first(&walk, at);
	if (result == CART_OK)
		assert_true(ddb_cursor_write(cursor, r->cursor) > 0);
	if (cursor->count > r->most)
		r->most = cursor->count;
	ddb_walk_end(&walk);
	ddb_shards_drop(&shards);
	free(cursor);
	return result;
}

struct history {
	struct stream_model stream;
	int64_t versions[CARTS];
	struct reader reader;
	size_t gone;
};

static void history_write(struct history *h)
{
	for (uint64_t i = rng_below(&h->stream.rng, 20); i > 0; i--) {
		size_t cart = (size_t)rng_below(&h->stream.rng, CARTS);
		char key[24];

		snprintf(key, sizeof(key), "%zu", cart);
		stream_model_add(&h->stream, key, ++h->versions[cart], NULL, NULL);
	}
}

static void history_read(struct history *h)
{
	enum cart_result result =
		reader_page(&h->reader, 1 + (size_t)rng_below(&h->stream.rng, 30));

	if (result == CART_OK)
		return;
	assert_int_equal(result, CART_CURSOR_GONE);
	h->gone++;
	h->reader.cursor[0] = '\0';
	for (size_t i = 0; i < CARTS; i++)
		h->reader.seen[i] = -1;
}

static void history_step(struct history *h, int64_t pause_ms)
{
	struct rng *rng = &h->stream.rng;

	switch (rng_below(rng, 10)) {
	case 0:
		stream_model_turn(&h->stream, 1 + (size_t)rng_below(rng, 2));
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		history_write(h);
		break;
	case 5:
		stream_model_advance(&h->stream, (int64_t)rng_below(rng, (uint64_t)pause_ms));
		break;
	default:
		history_read(h);
	}
}

static void history_end(struct history *h)
{
	size_t before;

	/* All children are listed. */
	stream_model_advance(&h->stream, 5000);
	do {
		before = h->reader.read;
		history_read(h);
		history_read(h);
	} while (h->reader.read > before);
	for (size_t i = 0; i < CARTS; i++)
		assert_true(h->reader.seen[i] == h->versions[i] || h->reader.seen[i] < 0);
}

/* Returns how often the cursor was gone. */
static size_t run_history(uint64_t seed, int64_t pause_ms)
{
	struct history *h = calloc(1, sizeof(*h));
	size_t gone;

	stream_model_init(&h->stream, seed, BEGIN_MS, 1 + seed % 5);
	h->stream.page = 1 + seed % 7;
	h->stream.late_ms = seed % 3 == 0 ? 4000 : 0;
	h->reader.stream = &h->stream;
	/* Before it is read for the first time, some may have gone. */
	for (size_t i = 0; i < CARTS; i++)
		h->reader.seen[i] = pause_ms > HOUR_MS ? -1 : 0;
	for (int i = 0; i < STEPS; i++)
		history_step(h, pause_ms);
	history_end(h);
	gone = h->gone;
	stream_model_free(&h->stream);
	free(h);
	return gone;
}

static void each_record_is_read_once_in_its_carts_order(void **state)
{
	uint64_t seed = rng_seed();

	(void)state;
	print_message("CART_SEED=%" PRIu64 "\n", seed);
	/* Nothing is ever as old as a day: so nothing may be gone. */
	for (uint64_t run = 0; run < RUNS; run++)
		assert_int_equal(run_history(seed + run, 20 * 60 * 1000), 0);
}

static void who_is_slower_than_the_stream_is_told_so(void **state)
{
	uint64_t seed = rng_seed();
	size_t gone = 0;

	(void)state;
	print_message("CART_SEED=%" PRIu64 "\n", seed);
	for (uint64_t run = 0; run < RUNS; run++)
		gone += run_history(seed + run, 30 * HOUR_MS);
	assert_true(gone > 0);
}

/* Adds a record of each cart. */
static void add_of_each(struct stream_model *stream, int64_t number)
{
	for (int i = 0; i < CARTS; i++) {
		char key[24];

		snprintf(key, sizeof(key), "%d", i);
		stream_model_add(stream, key, number, NULL, NULL);
	}
}

static void a_grandchild_that_is_listed_before_its_parent_waits(void **state)
{
	struct stream_model *stream = calloc(1, sizeof(*stream));
	struct reader *r = calloc(1, sizeof(*r));

	(void)state;
	r->stream = stream;
	stream_model_init(stream, 5, BEGIN_MS, 1);
	add_of_each(stream, 1);
	assert_int_equal(reader_page(r, 100), CART_OK);
	while (stream->count < 2)
		stream_model_turn(stream, 1);
	stream->shards[1].listed_ms = BEGIN_MS + 3000;
	add_of_each(stream, 2);
	while (stream->count < 3)
		stream_model_turn(stream, 1);
	add_of_each(stream, 3);
	assert_int_equal(reader_page(r, 100), CART_OK);
	assert_int_equal(r->read, CARTS);
	stream_model_advance(stream, 3000);
	assert_int_equal(reader_page(r, 100), CART_OK);
	assert_int_equal(reader_page(r, 100), CART_OK);
	assert_int_equal(r->read, 3 * CARTS);
	stream_model_free(stream);
	free(stream);
	free(r);
}

static void a_child_that_was_not_begun_is_gone_after_a_day(void **state)
{
	struct stream_model *stream = calloc(1, sizeof(*stream));
	struct reader *r = calloc(1, sizeof(*r));

	(void)state;
	r->stream = stream;
	stream_model_init(stream, 3, BEGIN_MS, 1);
	add_of_each(stream, 1);
	stream_model_turn(stream, 2);
	add_of_each(stream, 2);
	stream_model_advance(stream, 10 * HOUR_MS);
	add_of_each(stream, 3);
	/* The parent, and all of one child, whose last records stay. The parent does not. */
	assert_int_equal(reader_page(r, CARTS + stream->shards[1].count), CART_OK);
	stream_model_advance(stream, 14 * HOUR_MS + HOUR_MS / 2);
	assert_int_equal(reader_page(r, 100), CART_CURSOR_GONE);
	/* One who begins now has missed nothing. */
	r->cursor[0] = '\0';
	for (size_t i = 0; i < CARTS; i++)
		r->seen[i] = -1;
	assert_int_equal(reader_page(r, 100), CART_OK);
	assert_int_equal(reader_page(r, 100), CART_OK);
	stream_model_free(stream);
	free(stream);
	free(r);
}

static void a_shard_that_was_empty_is_gone_after_a_day(void **state)
{
	struct stream_model *stream = calloc(1, sizeof(*stream));
	struct reader *r = calloc(1, sizeof(*r));

	(void)state;
	r->stream = stream;
	stream_model_init(stream, 4, BEGIN_MS, 2);
	stream_model_advance(stream, 30 * HOUR_MS);
	assert_int_equal(reader_page(r, 10), CART_OK);
	add_of_each(stream, 1);
	stream_model_advance(stream, 20 * HOUR_MS);
	add_of_each(stream, 2);
	stream_model_advance(stream, 5 * HOUR_MS);
	assert_int_equal(reader_page(r, 10), CART_CURSOR_GONE);
	stream_model_free(stream);
	free(stream);
	free(r);
}

static void a_cursor_of_another_stream_is_gone(void **state)
{
	struct stream_model *stream = calloc(1, sizeof(*stream));
	struct reader *r = calloc(1, sizeof(*r));

	(void)state;
	r->stream = stream;
	stream_model_init(stream, 1, BEGIN_MS, 2);
	assert_int_equal(reader_page(r, 10), CART_OK);
	assert_int_equal(reader_page(r, 10), CART_OK);
	stream_model_free(stream);
	stream_model_init(stream, 1, BEGIN_MS + 1, 2);
	assert_int_equal(reader_page(r, 10), CART_CURSOR_GONE);
	stream_model_free(stream);
	free(stream);
	free(r);
}

static void a_reader_of_what_comes_names_the_last_shards(void **state)
{
	struct stream_model *stream = calloc(1, sizeof(*stream));
	struct ddb_cursor *cursor = calloc(1, sizeof(*cursor));
	struct ddb_walk walk = {.each = NULL};
	struct ddb_shards *shards;
	size_t at, count = 0;

	(void)state;
	stream_model_init(stream, 2, BEGIN_MS, 3);
	while (stream->count < 11)
		stream_model_turn(stream, 2);
	shards = list(stream);
	cursor->stream = shards->tag;
	cursor->nonce = 1;
	assert_true(ddb_walk_to_latest(cursor, shards));
	assert_int_equal(cursor->count, 7);
	assert_int_equal(ddb_walk_begin(&walk, cursor, shards, BEGIN_MS), CART_OK);
	while ((at = ddb_walk_next(&walk)) != DDB_NO_SHARD) {
		assert_int_equal(stream->shards[at].closed_ms, 0);
		assert_int_equal(ddb_walk_place(&walk, at)->place, DDB_PLACE_LATEST);
		assert_true(ddb_walk_move(&walk, at, DDB_PLACE_AFTER, "1"));
		assert_int_equal(cursor->nonce, ++count < 7 ? 1 : 0);
	}
	assert_int_equal(count, 7);
	ddb_walk_end(&walk);
	ddb_shards_drop(&shards);
	stream_model_free(stream);
	free(cursor);
	free(stream);
}

/* Expects the named shards in that order, each by its digit. */
static void expect_order(struct ddb_walk *walk, const struct ddb_shards *shards, const char *order)
{
	struct ddb_cursor *cursor = walk->cursor;

	assert_int_equal(ddb_walk_begin(walk, cursor, shards, BEGIN_MS), CART_OK);
	for (; *order != '\0'; order++)
		assert_int_equal(ddb_walk_next(walk), *order - '0');
	assert_int_equal(ddb_walk_next(walk), DDB_NO_SHARD);
}

static void the_next_page_begins_where_this_one_did_not_come_to(void **state)
{
	struct stream_model *stream = calloc(1, sizeof(*stream));
	struct ddb_cursor *cursor = calloc(1, sizeof(*cursor));
	struct ddb_walk walk = {.cursor = cursor};
	struct ddb_shards *shards;

	(void)state;
	stream_model_init(stream, 2, BEGIN_MS, 5);
	shards = list(stream);
	cursor->stream = shards->tag;
	cursor->nonce = 1;
	assert_true(ddb_walk_to_latest(cursor, shards));
	expect_order(&walk, shards, "01234");
	ddb_walk_put_first(&walk, 2);
	expect_order(&walk, shards, "23401");
	ddb_walk_put_first(&walk, 2);
	expect_order(&walk, shards, "23401");
	ddb_walk_put_first(&walk, 1);
	expect_order(&walk, shards, "12340");
	ddb_walk_put_last(&walk, 3);
	ddb_walk_put_first(&walk, 4);
	expect_order(&walk, shards, "40312");
	ddb_walk_end(&walk);
	ddb_shards_drop(&shards);
	stream_model_free(stream);
	free(cursor);
	free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_cursor_is_told_from_one_of_another_database),
		cmocka_unit_test(a_cursor_has_room_for_so_many_shards_and_says_when_it_has_not),
		cmocka_unit_test(each_record_is_read_once_in_its_carts_order),
		cmocka_unit_test(who_is_slower_than_the_stream_is_told_so),
		cmocka_unit_test(a_grandchild_that_is_listed_before_its_parent_waits),
		cmocka_unit_test(a_child_that_was_not_begun_is_gone_after_a_day),
		cmocka_unit_test(a_shard_that_was_empty_is_gone_after_a_day),
		cmocka_unit_test(a_cursor_of_another_stream_is_gone),
		cmocka_unit_test(a_reader_of_what_comes_names_the_last_shards),
		cmocka_unit_test(the_next_page_begins_where_this_one_did_not_come_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
