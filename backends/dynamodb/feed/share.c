#include "backends/dynamodb/feed/share.h"

#include <event2/event.h>
#include <string.h>

#define SHARE_NS    (2 * CLOCK_NS_PER_S)
#define SHARE_NOW   (-2)	/* instead of a place */
#define SHARE_BYTES (512 << 10) /* of records; as JSON in memory they take some times that */

static bool share_is_possible(const struct ddb_iterator *iterator)
{
	return iterator->spot.place != DDB_PLACE_LATEST ||
	       (iterator->text != NULL && !iterator->scans);
}

static void answer_drop(struct ddb_reader *reader, struct ddb_answer *answer)
{
	json_decref(answer->json);
	reader->answer_bytes -= answer->bytes;
	*answer = (struct ddb_answer){.json = NULL};
}

const json_t *ddb_share_find(struct ddb_reader *reader, const struct ddb_spot *spot)
{
	int64_t now_ns = clock_monotonic_ns(reader->config.client.clock);

	for (size_t i = 0; i < DDB_ANSWERS; i++) {
		struct ddb_answer *answer = &reader->answers[i];

		if (answer->json != NULL && now_ns - answer->got_ns >= SHARE_NS)
			answer_drop(reader, answer);
		if (answer->json != NULL && ddb_spot_is(&answer->spot, spot))
			return answer->json;
	}
	return NULL;
}

void ddb_share_keep(const struct ddb_read *read, json_t *json, size_t bytes)
{
	struct ddb_reader *reader = read->reader;
	struct ddb_answer *answer;

	if (!read->asks || bytes > SHARE_BYTES)
		return;
	/* In place of the oldest ones, which come next in the ring. */
	do {
		answer = &reader->answers[reader->answer_next];
		reader->answer_next = (reader->answer_next + 1) % DDB_ANSWERS;
		answer_drop(reader, answer);
	} while (reader->answer_bytes + bytes > SHARE_BYTES);
	*answer = (struct ddb_answer){.spot = read->asked,
				      .json = json_incref(json),
				      .bytes = bytes,
				      .got_ns = clock_monotonic_ns(reader->config.client.clock)};
	reader->answer_bytes += bytes;
}

void ddb_share_clear(struct ddb_reader *reader)
{
	for (size_t i = 0; i < DDB_ANSWERS; i++)
		answer_drop(reader, &reader->answers[i]);
}

void ddb_share_begin(struct ddb_read *read)
{
	read->asks = share_is_possible(&read->iterator);
	read->asked = read->iterator.spot;
}

bool ddb_share_wait(struct ddb_read *read, void (*start)(struct ddb_read *read))
{
	const struct ddb_read *at;

	TAILQ_FOREACH(at, &read->reader->reads, link)
	{
		if (!at->asks || at->op->deadline_ns > read->op->deadline_ns ||
		    !ddb_spot_is(&at->asked, &read->iterator.spot))
			continue;
		read->start = start;
		read->waits = true;
		return true;
	}
	return false;
}

void ddb_share_end(struct ddb_read *read, bool busy)
{
	struct ddb_read *at;

	if (!read->asks)
		return;
	read->asks = false;
	TAILQ_FOREACH(at, &read->reader->reads, link)
	{
		if (!at->waits || !ddb_spot_is(&at->iterator.spot, &read->asked))
			continue;
		at->waits = false;
		at->busy = busy;
		event_active(at->begin, 0, 0);
	}
}

bool ddb_share_take_now(struct ddb_read *read)
{
	struct ddb_reader *reader = read->reader;

	if (read->round == 0)
		read->round = reader->now_begun + 1;
	if (reader->now_ended < read->round)
		return false;
	read->cursor = reader->now;
	return true;
}

bool ddb_share_wait_now(struct ddb_read *read, void (*start)(struct ddb_read *read))
{
	/* No shard's spot is like this one. */
	read->iterator.spot = (struct ddb_spot){.place = SHARE_NOW};
	if (ddb_share_wait(read, start))
		return true;
	ddb_share_begin(read);
	read->round = ++read->reader->now_begun;
	return false;
}

void ddb_share_give_now(const struct ddb_read *read)
{
	struct ddb_reader *reader = read->reader;

	if (read->round <= reader->now_ended)
		return;
	reader->now_ended = read->round;
	reader->now = read->cursor;
}
