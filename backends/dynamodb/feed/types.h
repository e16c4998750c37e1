/* A loop's reader, and a FEED op under way: what the parts of it share. */
#ifndef BACKENDS_DYNAMODB_FEED_TYPES_H
#define BACKENDS_DYNAMODB_FEED_TYPES_H

#include "backends/dynamodb/feed/stream.h"
#include "backends/dynamodb/feed/walk.h"
#include "backends/dynamodb/wire/types.h"
#include "core/base/random.h"
#include "core/feed/event.h"

#include <sys/queue.h>

/* What it points to outlives the reader. */
struct ddb_reader_config {
	struct ddb_client_config client; /* of the table */
	const char *stream_endpoint;
	const char *table;
	struct ddb_stream *stream;
	struct metrics_shard *shard;
};

struct event;
struct ddb_reader;

struct ddb_read {
	TAILQ_ENTRY(ddb_read) link;
	struct ddb_reader *reader;
	struct cart_op *op;
	struct event *begin; /* calls start */
	void (*start)(struct ddb_read *read);
	struct ddb_call call;	    /* to the stream */
	struct ddb_call table_call; /* to the table, for the name of its stream */
	int64_t began_ns;
	struct ddb_shards *shards;  /* that the walk goes by */
	struct ddb_shards *listing; /* that is being made */
	void (*list_done)(struct ddb_read *read);
	bool listed;	/* anew, for this op */
	bool looked_up; /* the name of the stream too */
	bool begun;	/* the cursor is there */
	struct ddb_cursor cursor;
	struct ddb_walk walk;
	size_t at;		      /* the shard that is being read */
	struct ddb_iterator iterator; /* in it; the text is the read's */
	int64_t asked_ns;	      /* for records of it */
	bool renewed;		      /* because the one before did not hold */
	size_t latest;		      /* of "now": named shards that have one */
	uint64_t round;		      /* of "now": the first one that serves it, see share.h */
	struct cart_feed_page *page;
	size_t bytes;	 /* of the records in it */
	size_t unmarked; /* events since the last one with a cursor */
	bool more;
	bool left; /* records, for which the page had no room */
	bool asks; /* share.h: for what comes after asked */
	bool waits;
	bool busy;
	struct ddb_spot asked;
};

TAILQ_HEAD(ddb_reads, ddb_read);

#define DDB_ANSWERS 16

/* Of a GetRecords from that place on; json NULL: none. */
struct ddb_answer {
	struct ddb_spot spot;
	json_t *json;
	size_t bytes;
	int64_t got_ns;
};

struct ddb_reader {
	struct ddb_reader_config config;
	struct event_base *base;
	struct ddb_client *client; /* of the stream */
	struct ddb_client *table_client;
	struct ddb_reads reads;
	size_t count;
	struct ddb_answer answers[DDB_ANSWERS];
	size_t answer_next; /* the oldest */
	size_t answer_bytes;
	struct random random;
	uint64_t now_begun; /* rounds of "now" */
	uint64_t now_ended; /* the last one of them; what it gave: */
	struct ddb_cursor now;
};

#endif
