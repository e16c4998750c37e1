/*
 * A loop's handle: one HTTP client, and lanes for calls. submit queues in core/batch.h; a lane that
 * is free takes what has queued, as a task: gets together, anything else alone. An op leaves
 * otherwise when its time is up: queued, it was certainly not done; in a task, a change is in doubt
 * once a call for it has been sent.
 */
#include "backends/dynamodb/store/store.h"

#include "backends/dynamodb/store/list.h"
#include "backends/dynamodb/store/read.h"
#include "backends/dynamodb/store/write.h"

#include <stdlib.h>

struct ddb_client_config ddb_db_client(const struct ddb_db *db)
{
	return (struct ddb_client_config){
		.clock = db->db.env.clock,
		.endpoint = db->options.endpoint.url,
		.region = db->options.endpoint.region,
		.tls_ca = db->options.endpoint.ca,
		.connect_timeout_ms = db->options.connect_timeout_ms,
		.timeout_ms = db->options.timeout_ms,
		.idle_ms = DDB_IDLE_MS,
		.budget_wait_ns = db->options.acquire_ns,
		.connections = 1,
		.credentials = db->credentials,
		.shared = (struct ddb_shared *)&db->shared,
		.skew = db->db.env.skew,
		.series = &db->series.calls,
	};
}

static enum ddb_class store_class(const struct ddb_store *store, const struct cart_op *op)
{
	if (op->type == CART_OP_LIST)
		return DDB_CLASS_LIST;
	if (op->type != CART_OP_GET)
		return DDB_CLASS_WRITE;
	if ((op->flags & CART_READ_STRONG) != 0)
		return DDB_CLASS_STRONG;
	if ((op->flags & CART_READ_EVENTUAL) != 0 || !store->db->options.consistent_read)
		return DDB_CLASS_EVENTUAL;
	return DDB_CLASS_STRONG;
}

enum cart_result ddb_store_submit(struct cart_store *base, struct cart_op *op)
{
	struct ddb_store *store = (struct ddb_store *)base;

	if (op->type == CART_OP_FEED)
		return ddb_reader_submit(store->reader, op);
	op->held.alone = op->type != CART_OP_GET;
	/* What waits for its cart is the cart's own affair, and batch_push() counts the rest. */
	if (store->pausing >= store->db->options.queue_max)
		return CART_BUSY;
	return batch_push(store->pool.batch, op, store_class(store, op));
}

void ddb_store_expire(struct cart_store *base, struct cart_op *op, enum cart_result why)
{
	struct ddb_store *store = (struct ddb_store *)base;
	bool sent = false, found = false;
	struct ddb_task *task = TAILQ_FIRST(&store->busy), *next;

	if (op->type == CART_OP_FEED) {
		ddb_reader_forget(store->reader, op);
		cart_store_complete(op, why);
		return;
	}
	found = batch_remove(store->pool.batch, op);
	for (; task != NULL && !found; task = next) {
		next = TAILQ_NEXT(task, link);
		found = task->steps->forget(task, op, &sent);
	}
	if (!found)
		abort(); /* it is the backend's, and queued it is not */
	if (sent) {
		cart_op_set_reason(op, "no answer from the database yet");
		why = CART_UNCERTAIN;
	}
	cart_store_complete(op, why);
}

void ddb_store_close(struct cart_store *base)
{
	struct ddb_store *store = (struct ddb_store *)base;

	if (store == NULL)
		return;
	ddb_tasks_free(store);
	pool_close(&store->pool);
	ddb_reader_free(&store->reader);
	ddb_client_free(&store->client);
	free(store);
}

/* No memory for a task. */
static void store_refuse(struct ddb_store *store, size_t lane, struct cart_op **ops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cart_op_set_reason(ops[i], "out of memory");
		cart_store_complete(ops[i], CART_BUSY);
	}
	batch_lane_free(store->pool.batch, lane);
}

/* A batch_start_fn. */
static void store_start(void *user, size_t index, struct cart_op **ops, size_t count)
{
	struct ddb_store *store = user;
	struct ddb_task *task = ddb_task_new(store, (enum ddb_class)ops[0]->held.class, index);

	if (task == NULL)
		store_refuse(store, index, ops, count);
	else if (task->class == DDB_CLASS_WRITE)
		ddb_write_start(task, ops[0]);
	else if (task->class == DDB_CLASS_LIST)
		ddb_list_start(task, ops[0]);
	else
		ddb_read_start(task, ops, count);
}

static int store_open_pool(struct ddb_store *store)
{
	const struct ddb_options *options = &store->db->options;
	/* No call reads the rows of several carts. */
	bool rows = store->table.layout == DDB_LAYOUT_ROWS;
	const struct pool_config config = {
		.batch = {.lanes = store->lane_count,
			  .ops_max = rows ? 1 : options->batch_max,
			  .queue_max = options->queue_max,
			  .delay_ns = store->db->db.env.queue_delay_ns,
			  .classes = DDB_CLASSES,
			  /* Lists are long; there is always room for others beside them. */
			  .lanes_of = {[DDB_CLASS_LIST] = (store->lane_count + 3) / 4},
			  /* The changes of a cart wait for each other, not for lanes that
			   * others need. Two changes of a document, or of rows, would only
			   * conflict. */
			  .writes_a_cart = store->table.layout == DDB_LAYOUT_MAP
						   ? (store->lane_count + 3) / 4
						   : 1,
			  .start = store_start,
			  .user = store,
			  .clock = store->db->db.env.clock},
		.shard = store->shard,
		.series = &store->db->series.pool,
		.wait_max_ns = options->acquire_ns,
		.wait_setting = "dynamodb.acquire_timeout",
		.complete = cart_store_complete,
		.look_after = ddb_tasks_trim,
	};

	if (pool_open(&store->pool, store->base, &config) != 0)
		return -1;
	for (size_t i = 0; i < store->lane_count; i++)
		batch_lane_free(store->pool.batch, i);
	return 0;
}

/* Its connections and its retries are its own, so that it is in nobody's way. */
static int store_open_reader(struct ddb_store *store)
{
	struct ddb_db *db = store->db;
	struct ddb_reader_config config = {
		.client = store->client_config,
		.stream_endpoint = db->stream_endpoint,
		.table = db->options.table,
		.stream = db->stream,
		.shard = store->shard,
	};

	if (db->stream == NULL)
		return 0;
	config.client.shared = &db->stream_shared;
	store->reader = ddb_reader_new(store->base, &config);
	return store->reader != NULL ? 0 : -1;
}

static int store_open_parts(struct ddb_store *store)
{
	struct ddb_db *db = store->db;

	ddb_tasks_init(store);
	random_seed(&store->random);
	store->lane_count = pool_lanes_share(&db->lanes);
	store->table = (struct ddb_table){.name = db->options.table,
					  .layout = db->options.layout,
					  .idle_shards = db->options.idle_shards,
					  .rules = &db->db.env.rules};
	store->client_config = ddb_db_client(db);
	store->client_config.connections = store->lane_count;
	store->client_config.shard = store->shard;
	store->client = ddb_client_new(store->base, &store->client_config);
	return store->client != NULL && store_open_reader(store) == 0 ? store_open_pool(store) : -1;
}

int ddb_store_open(struct cart_store **out, struct cart_db *base, struct event_base *loop,
		   struct metrics_shard *shard, struct cart_error *error)
{
	struct ddb_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return cart_error_set(error, "out of memory");
	store->store.db = base; /* the clock is asked before the store layer says so */
	store->db = (struct ddb_db *)base;
	store->base = loop;
	store->shard = shard;
	if (store_open_parts(store) != 0) {
		ddb_store_close(&store->store);
		return cart_error_set(error, "no memory or descriptors for the loop");
	}
	*out = &store->store;
	return 0;
}
