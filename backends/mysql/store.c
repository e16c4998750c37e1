/*
 * A loop's handle. submit queues in core/batch.h; a lane that is or comes free takes what has
 * queued. An op leaves otherwise when its time is up: queued, it was certainly not done, unless
 * an earlier try left it in doubt; in a lane, a read or a careful write that has only looked was
 * not done either, and anything else may have been.
 */
#include "backends/mysql/store.h"

#include "core/cart_id.h"

#include <stdlib.h>

void sql_op_complete(struct cart_op *op, enum cart_result result)
{
	bool doubt = (sql_op_notes(op) & SQL_OP_DOUBT) != 0;

	/* These stay true whether or not the first try is done, or still comes: its guard fails. */
	if (doubt && result != CART_OK && result != CART_NOT_FOUND && result != CART_CLOSED &&
	    result != CART_MISMATCH && result != CART_KEY_REUSED) {
		if (op->reason[0] == '\0')
			cart_op_set_reason(op, "the connection broke, and there is no other yet");
		result = CART_UNCERTAIN;
	}
	op->held.backend = NULL;
	cart_store_complete(op, result);
}

static struct sql_pool *store_pool(struct sql_store *store, const struct cart_op *op)
{
	return (sql_op_notes(op) & SQL_OP_READER) != 0 ? &store->reader : &store->writer;
}

enum cart_result sql_store_submit(struct cart_store *base, struct cart_op *op)
{
	struct sql_store *store = (struct sql_store *)base;
	enum sql_class class = SQL_CLASS_WRITE;

	op->held.backend = NULL;
	if (op->type == CART_OP_GET) {
		class = SQL_CLASS_GET;
		if ((op->flags & CART_READ_EVENTUAL) != 0 && store->reader.up > 0)
			sql_op_mark(op, SQL_OP_READER);
	} else if (op->type == CART_OP_LIST) {
		class = SQL_CLASS_LIST;
		op->held.alone = true;
	} else if (sql_write_kind_of(op, cart_store_rules(base)) == SQL_WRITE_CAREFUL) {
		sql_op_mark(op, SQL_OP_CAREFUL);
		op->held.alone = true;
	}
	return batch_push(store_pool(store, op)->pool.batch, op, class);
}

static struct sql_lane *store_find(struct sql_pool *pool, const struct cart_op *op)
{
	for (size_t i = 0; i < pool->lane_count; i++)
		if (sql_work_forget(&pool->lanes[i], op))
			return &pool->lanes[i];
	abort(); /* it is the backend's, and queued it is not */
}

void sql_store_expire(struct cart_store *base, struct cart_op *op, enum cart_result why)
{
	struct sql_store *store = (struct sql_store *)base;
	struct sql_pool *pool = store_pool(store, op);

	if (!batch_remove(pool->pool.batch, op)) {
		const struct sql_lane *lane = store_find(pool, op);

		if (lane->state == SQL_LANE_WRITES || lane->state == SQL_LANE_DECIDED) {
			cart_op_set_reason(op, "no answer from the database yet");
			why = CART_UNCERTAIN;
		}
	}
	sql_op_complete(op, why);
}

void sql_store_close(struct cart_store *base)
{
	struct sql_store *store = (struct sql_store *)base;

	if (store == NULL)
		return;
	/* Asks under way are forgotten first: they point into the lanes. */
	sql_mailbox_free(&store->mailbox);
	sql_pool_close(&store->writer);
	sql_pool_close(&store->reader);
	free(store);
}

static int store_open_parts(struct sql_store *store, struct sql_db *db)
{
	size_t lanes = pool_lanes_share(&db->lanes);

	random_seed(&store->random);
	store->mailbox = sql_mailbox_new(db->connector, store->base);
	if (store->mailbox == NULL || sql_pool_open(&store->writer, store, SQL_WRITER, lanes) != 0)
		return -1;
	if (db->options.read_host_count > 0 &&
	    sql_pool_open(&store->reader, store, SQL_READER, lanes) != 0)
		return -1;
	return 0;
}

int sql_store_open(struct cart_store **out, struct cart_db *base, struct event_base *loop,
		   struct metrics_shard *shard, struct cart_error *error)
{
	struct sql_db *db = (struct sql_db *)base;
	struct sql_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return cart_error_set(error, "out of memory");
	store->store.db = base; /* the clock is asked before the store layer says so */
	store->db = db;
	store->base = loop;
	store->shard = shard;
	if (store_open_parts(store, db) != 0) {
		sql_store_close(&store->store);
		return cart_error_set(error, "no memory or descriptors for the loop");
	}
	if (sql_db_sweep(db, error) != 0) {
		sql_store_close(&store->store);
		return -1;
	}
	sql_pool_begin(&store->writer);
	if (store->reader.pool.batch != NULL)
		sql_pool_begin(&store->reader);
	*out = &store->store;
	return 0;
}
