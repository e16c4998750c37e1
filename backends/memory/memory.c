/*
 * The memory backend: the model that others are compared with, the floor of what the service costs,
 * and the smallest example of a backend.
 *
 * submit queues an op, and an event runs it in the same turn of the loop, because the callback must
 * not be called inside submit. There is nothing to wait for: only a cancel, or a deadline that had
 * passed before, can meet an op in the queue.
 */
#include "backends/memory/table.h"
#include "core/cart_backend.h"

#include <event2/event.h>
#include <stdlib.h>

struct memory_db {
	struct cart_db db; /* first */
	struct memory_table *table;
};

struct memory_store {
	struct cart_store store; /* first */
	struct memory_table *table;
	struct event *run;
	struct cart_op *first;
	struct cart_op *last;
};

static int memory_start(struct cart_db **out, const struct cart_env *env, struct cart_error *error)
{
	struct memory_db *db = calloc(1, sizeof(*db));

	if (db != NULL)
		db->table = memory_table_new(&env->rules);
	if (db == NULL || db->table == NULL) {
		free(db);
		return cart_error_set(error, "out of memory");
	}
	clock_skew_set_local(env->skew);
	*out = &db->db;
	return 0;
}

static void memory_stop(struct cart_db *base)
{
	struct memory_db *db = (struct memory_db *)base;

	memory_table_free(&db->table);
	free(db);
}

static void memory_unlink(struct memory_store *store, struct cart_op *op)
{
	if (op->held.prev != NULL)
		op->held.prev->held.next = op->held.next;
	else
		store->first = op->held.next;
	if (op->held.next != NULL)
		op->held.next->held.prev = op->held.prev;
	else
		store->last = op->held.prev;
}

static void memory_run(evutil_socket_t fd, short what, void *user)
{
	struct memory_store *store = user;
	struct cart_op *last = store->last;
	struct cart_op *op;
	bool done;

	(void)fd;
	(void)what;
	/* Ops that callbacks submit wait for the next turn of the event: other connections come
	 * first. */
	do {
		op = store->first;
		done = op == NULL || op == last;
		if (op == NULL)
			break;
		memory_unlink(store, op);
		op->started_ns = cart_store_now_ns(&store->store);
		cart_store_complete(op, memory_table_run(store->table, op));
	} while (!done);
	if (store->first != NULL)
		event_active(store->run, 0, 0);
}

static int memory_open(struct cart_store **out, struct cart_db *db, struct event_base *base,
		       struct metrics_shard *shard, struct cart_error *error)
{
	struct memory_store *store = calloc(1, sizeof(*store));

	(void)shard;
	if (store != NULL)
		store->run = event_new(base, -1, 0, memory_run, store);
	if (store == NULL || store->run == NULL) {
		free(store);
		return cart_error_set(error, "out of memory");
	}
	store->table = ((struct memory_db *)db)->table;
	*out = &store->store;
	return 0;
}

static void memory_close(struct cart_store *base)
{
	struct memory_store *store = (struct memory_store *)base;

	event_free(store->run);
	free(store);
}

static enum cart_result memory_submit(struct cart_store *base, struct cart_op *op)
{
	struct memory_store *store = (struct memory_store *)base;

	op->held.next = NULL;
	op->held.prev = store->last;
	if (store->last != NULL)
		store->last->held.next = op;
	else
		store->first = op;
	store->last = op;
	event_active(store->run, 0, 0);
	return CART_OK;
}

/* An op that has not completed is in the queue, and has changed nothing. */
static void memory_expire(struct cart_store *base, struct cart_op *op, enum cart_result why)
{
	memory_unlink((struct memory_store *)base, op);
	cart_store_complete(op, why);
}

extern const struct cart_backend memory_backend;
const struct cart_backend memory_backend = {
	.name = "memory",
	.summary = "in this process's memory; loses everything when it ends",
	.heading = "Memory backend",
	.caps = CART_CAP_STRONG_LISTS,
	.start = memory_start,
	.stop = memory_stop,
	.open = memory_open,
	.close = memory_close,
	.submit = memory_submit,
	.expire = memory_expire,
};
