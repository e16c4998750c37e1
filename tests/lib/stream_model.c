#include "tests/lib/stream_model.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_shelf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STREAM_KEPT_MS	   (INT64_C(24) * 60 * 60 * 1000)
#define STREAM_ITERATOR_MS (INT64_C(15) * 60 * 1000)

static uint32_t stream_hash(const char *key)
{
	uint64_t hash = 1469598103934665603u;

	for (; *key != '\0'; key++)
		hash = (hash ^ (uint8_t)*key) * 1099511628211u;
	return (uint32_t)(hash >> 20);
}

static void stream_add_shard(struct stream_model *stream, size_t parent, uint32_t first,
			     uint32_t last)
{
	struct stream_model_shard *shard = &stream->shards[stream->count];

	assert_true(stream->count < STREAM_MODEL_SHARDS);
	*shard = (struct stream_model_shard){.parent = parent, .first = first, .last = last};
	shard->listed_ms = stream->now_ms;
	if (stream->late_ms > 0 && parent != SIZE_MAX)
		shard->listed_ms += (int64_t)rng_below(&stream->rng, stream->late_ms);
	snprintf(shard->id, sizeof(shard->id), "shardId-%020" PRId64 "-%08zx", stream->now_ms,
		 ++stream->count);
}

void stream_model_init(struct stream_model *stream, uint64_t seed, int64_t now_ms, size_t shards)
{
	uint32_t width = UINT32_MAX / (uint32_t)shards;

	*stream = (struct stream_model){.enabled = true,
					.now_ms = now_ms,
					.rng = {seed},
					.page = 100,
					.sequence = 17450439091};
	snprintf(stream->arn, sizeof(stream->arn), STREAM_MODEL_ARN "%" PRId64, now_ms);
	for (size_t i = 0; i < shards; i++)
		stream_add_shard(stream, SIZE_MAX, (uint32_t)i * width,
				 i + 1 < shards ? (uint32_t)(i + 1) * width - 1 : UINT32_MAX);
}

static void stream_free_record(struct stream_model_record *record)
{
	json_decref(record->old);
	json_decref(record->new);
	record->old = record->new = NULL;
}

void stream_model_free(struct stream_model *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		for (size_t j = 0; j < stream->shards[i].count; j++)
			stream_free_record(&stream->shards[i].records[j]);
		free(stream->shards[i].records);
	}
	free(stream->iterators);
}

static struct stream_model_shard *stream_shard_of(struct stream_model *stream, const char *key)
{
	uint32_t hash = stream_hash(key);

	for (size_t i = 0; i < stream->count; i++) {
		struct stream_model_shard *shard = &stream->shards[i];

		if (shard->closed_ms == 0 && shard->first <= hash && hash <= shard->last)
			return shard;
	}
	fail_msg("no shard for %s", key);
	return NULL;
}

void stream_model_add(struct stream_model *stream, const char *key, int64_t number,
		      const json_t *old, const json_t *new)
{
	struct stream_model_shard *shard = stream_shard_of(stream, key);
	struct stream_model_record *record;

	if (shard->count == shard->room) {
		shard->room = shard->room > 0 ? 2 * shard->room : 16;
		shard->records = realloc(shard->records, shard->room * sizeof(*shard->records));
		assert_non_null(shard->records);
	}
	record = &shard->records[shard->count++];
	*record = (struct stream_model_record){.at_ms = stream->now_ms, .number = number};
	stream->sequence += 1 + (int64_t)rng_below(&stream->rng, 1000);
	snprintf(record->sequence, sizeof(record->sequence), "44215845%020" PRId64,
		 stream->sequence);
	snprintf(record->key, sizeof(record->key), "%s", key);
	record->old = old != NULL ? json_deep_copy(old) : NULL;
	record->new = new != NULL ? json_deep_copy(new) : NULL;
}

void stream_model_turn(struct stream_model *stream, size_t children)
{
	size_t at = (size_t)rng_below(&stream->rng, stream->count);
	struct stream_model_shard *shard = &stream->shards[at];
	uint32_t middle = shard->first + (shard->last - shard->first) / 2;

	if (shard->closed_ms != 0 || shard->first == shard->last)
		return;
	shard->closed_ms = stream->now_ms;
	if (children == 1) {
		stream_add_shard(stream, at, shard->first, shard->last);
	} else {
		stream_add_shard(stream, at, shard->first, middle);
		stream_add_shard(stream, at, middle + 1, shard->last);
	}
}

void stream_model_advance(struct stream_model *stream, int64_t ms)
{
	stream->now_ms += ms;
	for (size_t i = 0; i < stream->count; i++) {
		struct stream_model_shard *shard = &stream->shards[i];

		while (shard->trimmed < shard->count &&
		       shard->records[shard->trimmed].at_ms + STREAM_KEPT_MS < stream->now_ms)
			stream_free_record(&shard->records[shard->trimmed++]);
	}
}

bool stream_model_is_listed(const struct stream_model *stream, size_t at)
{
	const struct stream_model_shard *shard = &stream->shards[at];

	return shard->listed_ms <= stream->now_ms &&
	       (shard->closed_ms == 0 || shard->closed_ms + STREAM_KEPT_MS >= stream->now_ms);
}

static json_t *stream_error(const char *type, int *status)
{
	*status = 400;
	return ddb_shelf_error(type);
}

static json_t *stream_describe_shard(const struct stream_model *stream, size_t at)
{
	const struct stream_model_shard *shard = &stream->shards[at];
	const char *first = shard->count > 0 ? shard->records[0].sequence : "1";
	json_t *range = json_pack("{s:s}", "StartingSequenceNumber", first);

	if (shard->closed_ms != 0)
		json_object_set_new(range, "EndingSequenceNumber",
				    json_string(shard->count > 0
							? shard->records[shard->count - 1].sequence
							: "1"));
	return json_pack("{s:s,s:o,s:s*}", "ShardId", shard->id, "SequenceNumberRange", range,
			 "ParentShardId",
			 shard->parent != SIZE_MAX ? stream->shards[shard->parent].id : NULL);
}

static size_t stream_find(const struct stream_model *stream, const char *id)
{
	size_t i = 0;

	while (i < stream->count && (id == NULL || strcmp(stream->shards[i].id, id) != 0))
		i++;
	return i;
}

static json_t *stream_describe(struct stream_model *stream, const json_t *body)
{
	const char *after = json_string_value(json_object_get(body, "ExclusiveStartShardId"));
	json_t *shards = json_array();
	size_t i = after != NULL ? stream_find(stream, after) + 1 : 0;
	const char *last = NULL;

	for (; i < stream->count; i++) {
		if (!stream_model_is_listed(stream, i))
			continue;
		if (json_array_size(shards) == stream->page)
			break;
		last = stream->shards[i].id;
		json_array_append_new(shards, stream_describe_shard(stream, i));
	}
	return json_pack("{s:{s:s,s:s,s:s,s:o,s:s*}}", "StreamDescription", "StreamArn",
			 stream->arn, "StreamStatus", stream->enabled ? "ENABLED" : "DISABLED",
			 "StreamViewType", "NEW_AND_OLD_IMAGES", "Shards", shards,
			 "LastEvaluatedShardId", i < stream->count ? last : NULL);
}

static json_t *stream_iterator(struct stream_model *stream, size_t shard, size_t at)
{
	stream->iterators = realloc(stream->iterators,
				    (stream->iterator_count + 1) * sizeof(*stream->iterators));
	assert_non_null(stream->iterators);
	stream->iterators[stream->iterator_count] =
		(struct stream_model_iterator){.shard = shard, .at = at, .made_ms = stream->now_ms};
	return json_sprintf("%s|1|%zu==", stream->arn, stream->iterator_count++);
}

static json_t *stream_get_iterator(struct stream_model *stream, const json_t *body, int *status)
{
	const char *type = json_string_value(json_object_get(body, "ShardIteratorType"));
	const char *number = json_string_value(json_object_get(body, "SequenceNumber"));
	size_t at = stream_find(stream, json_string_value(json_object_get(body, "ShardId")));
	const struct stream_model_shard *shard = &stream->shards[at];
	size_t record = 0;

	if (at == stream->count || !stream_model_is_listed(stream, at))
		return stream_error("ResourceNotFoundException", status);
	assert_non_null(type);
	if (strcmp(type, "TRIM_HORIZON") == 0) {
		record = shard->trimmed;
	} else if (strcmp(type, "LATEST") == 0) {
		record = shard->count;
	} else {
		assert_string_equal(type, "AFTER_SEQUENCE_NUMBER");
		assert_non_null(number);
		while (record < shard->count &&
		       strcmp(shard->records[record].sequence, number) != 0)
			record++;
		if (record == shard->count)
			return stream_error("ValidationException", status);
		if (record < shard->trimmed)
			return stream_error("TrimmedDataAccessException", status);
		record++;
	}
	return json_pack("{s:o}", "ShardIterator", stream_iterator(stream, at, record));
}

static json_t *stream_record(const struct stream_model_record *record)
{
	const char *name = record->old == NULL	 ? "INSERT"
			   : record->new == NULL ? "REMOVE"
						 : "MODIFY";

	return json_pack("{s:s,s:s,s:s,s:s,s:{s:f,s:{s:{s:s}},s:O*,s:O*,s:s,s:s}}", "eventID",
			 record->sequence, "eventName", name, "eventVersion", "1.1", "eventSource",
			 "aws:dynamodb", "dynamodb", "ApproximateCreationDateTime",
			 (double)(record->at_ms / 1000), "Keys", "cart_id", "S", record->key,
			 "OldImage", record->old, "NewImage", record->new, "SequenceNumber",
			 record->sequence, "StreamViewType", "NEW_AND_OLD_IMAGES");
}

static json_t *stream_get_records(struct stream_model *stream, const json_t *body, int *status)
{
	const char *text = json_string_value(json_object_get(body, "ShardIterator"));
	const json_t *limit = json_object_get(body, "Limit");
	size_t most = limit != NULL ? (size_t)json_integer_value(limit) : 1000, number = SIZE_MAX;
	struct stream_model_iterator iterator;
	const struct stream_model_shard *shard;
	json_t *records;

	stream->reads++;
	if (text == NULL || strchr(text, '|') == NULL ||
	    sscanf(strchr(text, '|'), "|1|%zu==", &number) != 1 || number >= stream->iterator_count)
		return stream_error("ValidationException", status);
	iterator = stream->iterators[number];
	shard = &stream->shards[iterator.shard];
	if (iterator.made_ms + STREAM_ITERATOR_MS < stream->now_ms)
		return stream_error("ExpiredIteratorException", status);
	if (iterator.at < shard->trimmed)
		return stream_error("TrimmedDataAccessException", status);
	records = json_array();
	if (rng_below(&stream->rng, 100) >= stream->empty)
		for (; iterator.at < shard->count && json_array_size(records) < most; iterator.at++)
			json_array_append_new(records, stream_record(&shard->records[iterator.at]));
	if (iterator.at == shard->count && shard->closed_ms != 0)
		return json_pack("{s:o}", "Records", records);
	return json_pack("{s:o,s:o}", "Records", records, "NextShardIterator",
			 stream_iterator(stream, iterator.shard, iterator.at));
}

json_t *stream_model_do(struct stream_model *stream, const char *operation, const json_t *body,
			int *status)
{
	const char *arn = json_string_value(json_object_get(body, "StreamArn"));

	if (strcmp(operation, "GetRecords") == 0)
		return stream_get_records(stream, body, status);
	if (strcmp(operation, "DescribeStream") != 0 && strcmp(operation, "GetShardIterator") != 0)
		return NULL;
	if (arn == NULL || strcmp(arn, stream->arn) != 0)
		return stream_error("ResourceNotFoundException", status);
	return strcmp(operation, "DescribeStream") == 0 ? stream_describe(stream, body)
							: stream_get_iterator(stream, body, status);
}
