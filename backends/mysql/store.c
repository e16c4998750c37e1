/* A loop's handle: its share of the connections, and the work that they do. */
#include "backends/mysql/store.h"

#include "backends/mysql/sweep.h"

#include <stdlib.h>

struct sql_store {
	struct cart_store store; /* first */
	struct sql_mailbox *mailbox;
	struct sql_work work;
};

enum cart_result sql_store_submit(struct cart_store *base, struct cart_op *op)
{
	return sql_work_submit(&((struct sql_store *)base)->work, op);
}

void sql_store_expire(struct cart_store *base, struct cart_op *op, enum cart_result why)
{
	sql_work_expire(&((struct sql_store *)base)->work, op, why);
}

void sql_store_close(struct cart_store *base)
{
	struct sql_store *store = (struct sql_store *)base;

	if (store == NULL)
		return;
	/* Open asks, which point into the lanes, are forgotten first. */
	sql_mailbox_free(&store->mailbox);
	sql_work_close(&store->work);
	free(store);
}

static int store_open_parts(struct sql_store *store, struct sql_db *db, struct event_base *base,
			    struct metrics_shard *shard)
{
	store->mailbox = sql_mailbox_new(db->setup.connector, base);
	if (store->mailbox == NULL)
		return -1;
	store->work.store = &store->store;
	store->work.writer = store->work.reader = (struct sql_pool){
		.setup = &db->setup,
		.clock = db->db.env.clock,
		.base = base,
		.shard = shard,
		.mailbox = store->mailbox,
	};
	return sql_work_open(&store->work, pool_lanes_share(&db->lanes),
			     db->options.read_host_count > 0);
}

/* The process's sweeper, which also compares the clocks, starts with the first loop, when the
 * tables exist. */
static int store_sweep(struct sql_db *db, struct cart_error *error)
{
	int result = 0;

	pthread_mutex_lock(&db->lock);
	if (db->sweeper == NULL && (db->sweep_interval_ms > 0 || db->db.env.skew != NULL)) {
		db->sweeper = sql_sweeper_new(db->setup.connector, &db->db.env,
					      db->sweep_interval_ms, error);
		result = db->sweeper != NULL ? 0 : -1;
	}
	pthread_mutex_unlock(&db->lock);
	return result;
}

int sql_store_open(struct cart_store **out, struct cart_db *base, struct event_base *loop,
		   struct metrics_shard *shard, struct cart_error *error)
{
	struct sql_db *db = (struct sql_db *)base;
	struct sql_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return cart_error_set(error, "out of memory");
	store->store.db = base; /* the store layer sets it only after this */
	if (store_open_parts(store, db, loop, shard) != 0) {
		sql_store_close(&store->store);
		return cart_error_set(error, "no memory or descriptors for the loop");
	}
	if (store_sweep(db, error) != 0) {
		sql_store_close(&store->store);
		return -1;
	}
	*out = &store->store;
	return 0;
}
