#include "backends/dynamodb/feed/list.h"

#include "backends/dynamodb/feed/op.h"

static void list_page(struct ddb_read *read, const char *after);

int64_t ddb_read_list_age_ns(const struct ddb_read *read)
{
	return clock_monotonic_ns(read->reader->config.client.clock) - read->shards->listed_ns;
}

static void list_finish(struct ddb_read *read)
{
	ddb_shards_finish(read->listing);
	read->listing->listed_ns = clock_monotonic_ns(read->reader->config.client.clock);
	ddb_stream_set_shards(read->reader->config.stream, read->listing);
	ddb_walk_end(&read->walk);
	ddb_shards_drop(&read->shards);
	read->shards = read->listing;
	read->listing = NULL;
	read->listed = true;
	read->list_done(read);
}

/* The table's stream is found: its shards come next. */
static void list_begin(struct ddb_read *read, const char *stream)
{
	struct ddb_shards *listing = ddb_shards_new(stream);

	ddb_shards_drop(&read->listing);
	read->listing = listing;
	if (listing == NULL)
		ddb_read_fail(read, CART_BUSY, "out of memory");
	else
		list_page(read, NULL);
}

static void list_looked_up(struct ddb_call *call, void *user)
{
	struct ddb_read *read = user;
	const json_t *table = json_object_get(call->json, "Table");
	const char *stream = json_string_value(json_object_get(table, "LatestStreamArn"));
	const json_t *on =
		json_object_get(json_object_get(table, "StreamSpecification"), "StreamEnabled");

	if (call->outcome != DDB_OK)
		ddb_read_fail_call(read, call);
	else if (stream == NULL || !json_is_true(on))
		ddb_read_fail(read, CART_BUSY,
			      "the table has no stream: cartctl provision switches it on");
	else
		list_begin(read, stream);
}

static void list_look_up(struct ddb_read *read)
{
	struct ddb_call *call = &read->table_call;

	read->looked_up = true;
	buf_reset(&call->body);
	buf_add_string(&call->body, "{\"TableName\":");
	buf_add_json_string(&call->body, read->reader->config.table);
	buf_add_char(&call->body, '}');
	call->operation = DDB_DESCRIBE_TABLE;
	call->deadline_ns = read->op->deadline_ns;
	call->done = list_looked_up;
	call->user = read;
	if (call->body.failed || ddb_call_start(read->reader->table_client, call) != 0)
		ddb_read_fail(read, CART_BUSY, "out of memory");
}

static void list_described(struct ddb_call *call, void *user)
{
	struct ddb_read *read = user;
	const char *last;

	ddb_read_note_call(read);
	/* The table was made anew, or its stream was switched off and on. */
	if (ddb_read_is_error(call, "ResourceNotFoundException") && !read->looked_up) {
		list_look_up(read);
		return;
	}
	if (call->outcome != DDB_OK) {
		ddb_read_fail_call(read, call);
		return;
	}
	if (!ddb_shards_add(read->listing, call->json)) {
		ddb_read_fail(read, CART_BUSY, "no memory for the shards, or no shards");
		return;
	}
	last = json_string_value(json_object_get(json_object_get(call->json, "StreamDescription"),
						 "LastEvaluatedShardId"));
	if (last != NULL)
		list_page(read, last);
	else if (!read->listing->enabled && !read->looked_up)
		list_look_up(read);
	else
		list_finish(read);
}

static void list_page(struct ddb_read *read, const char *after)
{
	struct buf *body = &read->call.body;

	buf_reset(body);
	buf_add_string(body, "{\"StreamArn\":");
	buf_add_json_string(body, read->listing->stream);
	if (after != NULL) {
		buf_add_string(body, ",\"ExclusiveStartShardId\":");
		buf_add_json_string(body, after);
	}
	buf_add_char(body, '}');
	ddb_read_call(read, DDB_DESCRIBE_STREAM, list_described);
}

void ddb_read_list(struct ddb_read *read, void (*done)(struct ddb_read *read))
{
	read->list_done = done;
	if (read->shards != NULL)
		list_begin(read, read->shards->stream);
	else
		list_look_up(read);
}
