/*
 * The shards of the table's stream, as DescribeStream lists them.
 *
 * A shard is a part of the stream whose records are in order. It is closed after some hours, or
 * when its partition is split, and then one or two children go on with its keys: so all changes of
 * a cart are in one line of descent, parents before children. A shard is listed until its last
 * record is as old as the stream keeps it, which is a day. Source: "Working with streams"
 * (developer guide) and the API reference of DynamoDB Streams.
 */
#ifndef BACKENDS_DYNAMODB_FEED_SHARDS_H
#define BACKENDS_DYNAMODB_FEED_SHARDS_H

#include "core/base/attr.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DDB_STREAM_KEPT_MS (INT64_C(24) * 60 * 60 * 1000)
#define DDB_NO_SHARD	   SIZE_MAX

struct ddb_shard {
	char *id;
	char *parent;	    /* NULL: none */
	uint64_t tag;	    /* of its id: by this a cursor knows it */
	size_t parent_at;   /* DDB_NO_SHARD: none, or not listed any more */
	int64_t created_ms; /* as its id says; 0: it does not */
};

/* Not changed once it is finished. Several may use it, on any thread. */
struct ddb_shards {
	_Atomic unsigned users;
	char *stream; /* ARN */
	uint64_t tag; /* of that */
	bool enabled; /* records are still added */
	int64_t listed_ns;
	struct ddb_shard *shards;
	size_t count;
	size_t room;
};

/* 48 bits of a hash. Of 1,000 shards two have the same tag once in a billion times. */
uint64_t ddb_shards_tag(const char *id);

/* Without shards; its only user is the caller. NULL: no memory. */
struct ddb_shards *ddb_shards_new(const char *stream);
/* Adds those of one answer of DescribeStream. False: it is none, or no memory. */
CART_MUST_CHECK bool ddb_shards_add(struct ddb_shards *shards, const json_t *answer);
/* After the last page: who is whose parent. */
void ddb_shards_finish(struct ddb_shards *shards);
struct ddb_shards *ddb_shards_use(struct ddb_shards *shards);
/* One user fewer; the last one frees it. Takes NULL; sets it. */
void ddb_shards_drop(struct ddb_shards **shards);

/* DDB_NO_SHARD: not listed. */
size_t ddb_shards_find(const struct ddb_shards *shards, uint64_t tag);
bool ddb_shards_has_child(const struct ddb_shards *shards, size_t at);

#endif
