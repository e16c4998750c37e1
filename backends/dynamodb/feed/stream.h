/*
 * What a process knows of the table's stream: its shards, and iterators.
 *
 * GetRecords wants an iterator, which holds for 15 minutes and which a cursor has no room for. So
 * the iterator that an answer gives is kept under the place that it goes on from, and who comes
 * with a cursor of that place next needs no other. It is more than a shortcut: an answer may be
 * empty although the shard has more, and only the next iterator gets on. Where none is kept, a new
 * one is asked for: nothing is lost by forgetting.
 *
 * It is also how the process saves reads: each is paid, and no more than two processes should read
 * a shard at a time. A place where nothing came is not read again for a moment
 * (dynamodb.feed_poll), unless somebody else has got a newer record of the shard since. Otherwise
 * one who was woken by that would find nothing, and wait for the next one.
 */
#ifndef BACKENDS_DYNAMODB_FEED_STREAM_H
#define BACKENDS_DYNAMODB_FEED_STREAM_H

#include "aws/endpoint.h"
#include "backends/dynamodb/feed/cursor.h"
#include "backends/dynamodb/feed/shards.h"
#include "backends/dynamodb/wire/types.h"

#include <pthread.h>

#define DDB_ITERATOR_SETS 256
#define DDB_ITERATOR_WAYS 4
#define DDB_NEWS	  512
/* So many answers without a record in a row: the end of what there is. */
#define DDB_STREAM_EMPTIES 3

/* Where an iterator goes on. */
struct ddb_spot {
	uint64_t stream;
	uint64_t shard;
	uint64_t nonce;			  /* LATEST: the cursor's; else 0 */
	int place;			  /* -1: the shard's beginning */
	char sequence[DDB_SEQUENCE_ROOM]; /* AFTER, SINCE */
};

bool ddb_spot_is(const struct ddb_spot *a, const struct ddb_spot *b);

struct ddb_iterator {
	struct ddb_spot spot;
	char *text;	  /* malloc'd; NULL: none */
	bool scans;	  /* of a LATEST: it began with the oldest record */
	unsigned empties; /* answers in a row that had nothing */
	int64_t got_ns;
	/* When the last answer was asked for that had nothing, or came that had something; 0: none.
	 */
	int64_t read_ns;
};

/* What the process has seen of a shard. */
struct ddb_news {
	uint64_t shard;
	char sequence[DDB_SEQUENCE_ROOM]; /* the newest record */
	int64_t came_ns;
};

struct ddb_stream {
	const struct cart_clock *clock;
	metric_t calls[DDB_OPERATIONS]; /* of the stream's operations */
	pthread_mutex_t lock;		/* what follows */
	struct ddb_shards *shards;	/* as they were listed last; NULL: never */
	int64_t poll_ns;		/* between two reads of a place where nothing comes */
	int64_t pause_ns;		/* the same, longer while the stream is throttled */
	struct ddb_iterator iterators[DDB_ITERATOR_SETS][DDB_ITERATOR_WAYS];
	/* By a hash. Where two shards have one place, both are read more often. */
	struct ddb_news news[DDB_NEWS];
};

/*
 * Where the stream of a table is read that is at that endpoint. AWS has a host of its own for it;
 * AWS_ENDPOINT_URL_DYNAMODB_STREAMS names another one, unless setting, which is dynamodb.endpoint,
 * says where all is. -1: error says what is wrong with the variable.
 */
CART_MUST_CHECK int ddb_stream_locate(char to[AWS_ENDPOINT_ROOM], const struct aws_endpoint *table,
				      const struct aws_credentials_config *credentials,
				      const char *setting, struct cart_error *error);

/* Before the first shard of metrics. NULL: no memory. */
struct ddb_stream *ddb_stream_new(const struct cart_clock *clock, int64_t poll_ns,
				  struct metrics *metrics);
/* Takes NULL; sets it. */
void ddb_stream_free(struct ddb_stream **stream);

/* The list, if there is one, for the caller to drop. */
struct ddb_shards *ddb_stream_shards(struct ddb_stream *stream);
/* Others use that list from now on. */
void ddb_stream_set_shards(struct ddb_stream *stream, struct ddb_shards *shards);

enum ddb_spot_state {
	DDB_SPOT_UNKNOWN,
	DDB_SPOT_KNOWN, /* *found is a copy, text too */
	DDB_SPOT_QUIET	/* nothing was there a moment ago */
};
/* UNKNOWN also where there is no memory. */
enum ddb_spot_state ddb_stream_find(struct ddb_stream *stream, const struct ddb_spot *spot,
				    struct ddb_iterator *found);
/* Keeps a copy. */
void ddb_stream_keep(struct ddb_stream *stream, const struct ddb_iterator *iterator);
void ddb_stream_forget(struct ddb_stream *stream, const struct ddb_spot *spot);
/* A read has been throttled, or has not: reads of places where nothing comes become rarer, or more
 * frequent again. */
void ddb_stream_note(struct ddb_stream *stream, bool throttled);

#endif
