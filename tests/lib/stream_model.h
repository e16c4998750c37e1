/*
 * A table's stream as DynamoDB keeps it: shards that split, go on as one child or stay, records
 * that are removed after a day, and the three calls by which it is read. Time is what the test
 * says. Behind a stub (ddb_stub.h) it has a record for each write of the shelf; without one, those
 * that a test adds.
 */
#ifndef TESTS_LIB_STREAM_MODEL_H
#define TESTS_LIB_STREAM_MODEL_H

#include "tests/lib/rng.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define STREAM_MODEL_SHARDS 512
#define STREAM_MODEL_KEY    48
#define STREAM_MODEL_ARN    "arn:aws:dynamodb:eu-central-1:123456789012:table/carts/stream/"

struct stream_model_record {
	char sequence[41];
	int64_t at_ms;
	char key[STREAM_MODEL_KEY];
	int64_t number; /* the test's own */
	json_t *old;	/* NULL: none */
	json_t *new;
};

struct stream_model_shard {
	char id[48];
	size_t parent;	      /* SIZE_MAX: none */
	uint32_t first, last; /* hashes of keys */
	int64_t closed_ms;    /* 0: open */
	int64_t listed_ms;    /* not listed before */
	struct stream_model_record *records;
	size_t count, room;
	size_t trimmed; /* of them, the oldest */
};

struct stream_model_iterator {
	size_t shard;
	size_t at; /* the record that comes next */
	int64_t made_ms;
};

struct stream_model {
	char arn[128];
	bool enabled;
	int64_t now_ms;
	struct rng rng;
	size_t page;	/* shards that DescribeStream gives at once */
	unsigned empty; /* of 100 answers of GetRecords, so many have nothing although there is more
			 */
	unsigned late_ms; /* up to so much later a child is listed */
	struct stream_model_shard shards[STREAM_MODEL_SHARDS];
	size_t count;
	int64_t sequence;
	struct stream_model_iterator *iterators;
	size_t iterator_count;
	int reads; /* GetRecords so far */
};

/* With so many open shards. */
void stream_model_init(struct stream_model *stream, uint64_t seed, int64_t now_ms, size_t shards);
void stream_model_free(struct stream_model *stream);

/* Adds a record to the shard of the key; old and new are copied. */
void stream_model_add(struct stream_model *stream, const char *key, int64_t number,
		      const json_t *old, const json_t *new);
/* Closes an open shard that is picked at random; children go on with its keys. */
void stream_model_turn(struct stream_model *stream, size_t children);
/* Removes what is older than a day. */
void stream_model_advance(struct stream_model *stream, int64_t ms);
bool stream_model_is_listed(const struct stream_model *stream, size_t at);

/* Answers one of the three calls; NULL: it is none of them. */
json_t *stream_model_do(struct stream_model *stream, const char *operation, const json_t *body,
			int *status);

#endif
