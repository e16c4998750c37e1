/*
 * FEED ops of a loop, over connections of their own: they take no lane from carts, and tries that
 * fail take nothing of the carts' retry budget.
 *
 * An op lists the shards if what the process knows of them is old, and then reads one shard after
 * the other until the page is full, nothing more is there, or half of its time is over. Where
 * nothing came a moment ago it makes no call, so that it costs nothing to ask often.
 */
#ifndef BACKENDS_DYNAMODB_FEED_READER_H
#define BACKENDS_DYNAMODB_FEED_READER_H

#include "backends/dynamodb/feed/types.h"
#include "core/cart_op.h"

/* NULL: no memory or descriptors. */
struct ddb_reader *ddb_reader_new(struct event_base *base, const struct ddb_reader_config *config);
/* No op may be under way. Takes NULL; sets it. */
void ddb_reader_free(struct ddb_reader **reader);

/* As a backend's submit(). */
CART_MUST_CHECK enum cart_result ddb_reader_submit(struct ddb_reader *reader, struct cart_op *op);
/* The op, which is under way here, is not touched any more. */
void ddb_reader_forget(struct ddb_reader *reader, const struct cart_op *op);

#endif
