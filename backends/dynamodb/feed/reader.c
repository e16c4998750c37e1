#include "backends/dynamodb/feed/reader.h"

#include "backends/dynamodb/feed/op.h"
#include "backends/dynamodb/feed/read.h"
#include "backends/dynamodb/feed/share.h"

#include <stdlib.h>

#define READER_OPS_MAX	   256
#define READER_CONNECTIONS 4

struct ddb_reader *ddb_reader_new(struct event_base *base, const struct ddb_reader_config *config)
{
	struct ddb_reader *reader = calloc(1, sizeof(*reader));
	struct ddb_client_config client = config->client;

	if (reader == NULL)
		return NULL;
	reader->config = *config;
	reader->base = base;
	TAILQ_INIT(&reader->reads);
	random_seed(&reader->random);
	/* Calls to the stream have series of their own. */
	client.shard = NULL;
	client.connections = 1;
	reader->table_client = ddb_client_new(base, &client);
	client.connections = READER_CONNECTIONS;
	client.endpoint = config->stream_endpoint;
	reader->client = ddb_client_new(base, &client);
	if (reader->client == NULL || reader->table_client == NULL)
		ddb_reader_free(&reader);
	return reader;
}

void ddb_reader_free(struct ddb_reader **out)
{
	struct ddb_reader *reader = *out;

	*out = NULL;
	if (reader == NULL)
		return;
	ddb_share_clear(reader);
	ddb_client_free(&reader->client);
	ddb_client_free(&reader->table_client);
	free(reader);
}

enum cart_result ddb_reader_submit(struct ddb_reader *reader, struct cart_op *op)
{
	if (reader->count >= READER_OPS_MAX || ddb_read_new(reader, op, ddb_read_begin) == NULL)
		return CART_BUSY;
	return CART_OK;
}

void ddb_reader_forget(struct ddb_reader *reader, const struct cart_op *op)
{
	struct ddb_read *read = TAILQ_FIRST(&reader->reads);

	while (read != NULL && read->op != op)
		read = TAILQ_NEXT(read, link);
	if (read == NULL)
		abort(); /* it is under way here */
	ddb_read_free(read);
}
