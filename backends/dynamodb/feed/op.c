#include "backends/dynamodb/feed/op.h"

#include "backends/dynamodb/feed/share.h"
#include "core/cart_backend.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static void read_free_parts(struct ddb_read *read)
{
	ddb_call_clear(&read->call);
	ddb_call_clear(&read->table_call);
	buf_free(&read->call.body);
	buf_free(&read->table_call.body);
	ddb_walk_end(&read->walk);
	ddb_shards_drop(&read->shards);
	ddb_shards_drop(&read->listing);
	cart_feed_page_free(read->page);
	free(read->iterator.text);
	if (read->begin != NULL)
		event_free(read->begin);
	free(read);
}

void ddb_read_free(struct ddb_read *read)
{
	ddb_share_end(read, false);
	TAILQ_REMOVE(&read->reader->reads, read, link);
	read->reader->count--;
	read_free_parts(read);
}

static void read_started(evutil_socket_t fd, short what, void *user)
{
	struct ddb_read *read = user;

	(void)fd;
	(void)what;
	read->start(read);
}

struct ddb_read *ddb_read_new(struct ddb_reader *reader, struct cart_op *op,
			      void (*begin)(struct ddb_read *read))
{
	struct ddb_read *read = calloc(1, sizeof(*read));

	if (read == NULL)
		return NULL;
	read->reader = reader;
	read->op = op;
	read->start = begin;
	read->began_ns = clock_monotonic_ns(reader->config.client.clock);
	read->begin = event_new(reader->base, -1, 0, read_started, read);
	read->page = cart_feed_page_new((size_t)op->feed.limit);
	if (read->begin == NULL || read->page == NULL) {
		read_free_parts(read);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&reader->reads, read, link);
	reader->count++;
	event_active(read->begin, 0, 0);
	return read;
}

/* page and more count where the result is CART_OK. */
static void read_end(struct ddb_read *read, enum cart_result result)
{
	struct cart_op *op = read->op;

	if (result == CART_OK) {
		op->page = read->page;
		op->more = read->more;
		read->page = NULL;
	}
	ddb_read_free(read);
	cart_store_complete(op, result);
}

void ddb_read_finish(struct ddb_read *read)
{
	char text[CART_FEED_CURSOR_MAX + 1];

	if (ddb_cursor_write(&read->cursor, text) == 0) {
		cart_op_set_reason(read->op,
				   "a cursor has no room for the %zu shards of the stream that are "
				   "read at once",
				   read->cursor.count);
		read_end(read, CART_FAILED);
		return;
	}
	read->page->next = strdup(text);
	read_end(read, read->page->next != NULL ? CART_OK : CART_BUSY);
}

void ddb_read_fail(struct ddb_read *read, enum cart_result result, const char *why)
{
	ddb_share_end(read, result == CART_BUSY);
	if (read->page->count > 0) {
		read->more = true;
		ddb_read_finish(read);
		return;
	}
	if (read->op->reason[0] == '\0')
		cart_op_set_reason(read->op, "%s", why);
	read_end(read, result);
}

void ddb_read_fail_call(struct ddb_read *read, const struct ddb_call *call)
{
	ddb_read_fail(read, call->outcome == DDB_LATE ? CART_TIMEOUT : CART_BUSY, call->message);
}

bool ddb_read_is_error(const struct ddb_call *call, const char *type)
{
	return call->outcome == DDB_REJECTED && strcmp(call->error, type) == 0;
}

void ddb_read_call(struct ddb_read *read, enum ddb_operation operation, ddb_call_done_fn *done)
{
	struct ddb_call *call = &read->call;

	call->operation = operation;
	call->deadline_ns = read->op->deadline_ns;
	call->done = done;
	call->user = read;
	if (call->body.failed || ddb_call_start(read->reader->client, call) != 0)
		ddb_read_fail(read, CART_BUSY, "out of memory");
}

void ddb_read_note_call(struct ddb_read *read)
{
	const struct ddb_reader_config *config = &read->reader->config;

	metrics_add(config->shard, config->stream->calls[read->call.operation], read->call.tries);
	ddb_stream_note(config->stream,
			read->call.why == DDB_RETRY_THROTTLED &&
				(read->call.tries > 1 || read->call.outcome == DDB_BUSY));
}
