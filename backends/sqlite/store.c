/*
 * The handle of a loop. submit queues a write at the writer and collects reads. Once in each turn
 * of the loop, after the sockets that were ready, one event wakes the writer for all writes and
 * runs the collected reads inside one transaction, so that all reads of a turn take SQLite's locks
 * once. The writer's answers come back with a wake (core/base/wake.h).
 *
 * If an op expires, a read is removed from the list that it is in. For a write the place of its job
 * decides: if the writer has not taken it, nothing was changed; if it has, the change may be
 * applied, and the writer keeps the job; if it was returned, its answer is given.
 */
#include "backends/sqlite/store.h"

#include "backends/sqlite/reads.h"
#include "backends/sqlite/db.h"

#include <event2/event.h>
#include <stdlib.h>

/* Limits of the reads in one turn, by number and time; the rest waits until the sockets have had
 * their turn. */
#define STORE_READS_TURN   256
#define STORE_READ_TURN_NS (2 * CLOCK_NS_PER_MS)

struct store_reads {
	struct cart_op *first;
	struct cart_op *last;
};

struct sqlite_store {
	struct cart_store store; /* first */
	struct sqlite_conn conn;
	struct sqlite_writer *writer; /* NULL: the file is not open yet */
	struct event *turn;	      /* runs what was collected */
	bool turning;		      /* inside that event */
	struct store_reads gathered;
	struct store_reads read; /* answered; the callback is still to be called */
	bool pushed;		 /* the writer has jobs for which it was not woken */
	struct list finishing;	 /* jobs that the writer has returned */
	struct sqlite_returns returns;
};

static void store_reads_append(struct store_reads *reads, struct cart_op *op)
{
	op->held.next = NULL;
	op->held.prev = reads->last;
	if (reads->last != NULL)
		reads->last->held.next = op;
	else
		reads->first = op;
	reads->last = op;
	op->held.backend = reads;
}

/* Removes the read from the list that it is in. */
static void store_reads_unlink(struct cart_op *op)
{
	struct store_reads *reads = op->held.backend;

	if (op->held.prev != NULL)
		op->held.prev->held.next = op->held.next;
	else
		reads->first = op->held.next;
	if (op->held.next != NULL)
		op->held.next->held.prev = op->held.prev;
	else
		reads->last = op->held.prev;
	op->held.backend = NULL;
}

/* A list that is not complete goes behind the other reads. */
static void store_read_one(struct sqlite_store *store, struct cart_op *op, int began)
{
	bool complete = true;

	if (op->started_ns == 0)
		op->started_ns = cart_store_now_ns(&store->store);
	if (began == SQLITE_OK) {
		complete = sqlite_read(&store->conn, op);
	} else {
		op->result = sqlite_result_of(began);
		cart_op_set_reason(op, "begin: %s", sqlite_conn_why(&store->conn, began));
	}
	store_reads_unlink(op);
	if (!complete) {
		store_reads_append(&store->gathered, op);
		return;
	}
	op->finished_ns = cart_store_now_ns(&store->store);
	store_reads_append(&store->read, op);
}

/*
 * Callbacks are called after the transaction has ended: what they submit must see everything
 * acknowledged by then, and an open reader would keep the WAL from being written back.
 */
static void store_run_reads(struct sqlite_store *store)
{
	int64_t end = clock_monotonic_ns(&cart_clock_system) + STORE_READ_TURN_NS;
	struct cart_op *op;
	int began;

	if (store->gathered.first == NULL)
		return;
	began = sqlite_conn_check_file(&store->conn);
	if (began == SQLITE_OK)
		began = sqlite_conn_run(&store->conn, STMT_BEGIN);
	for (int n = 0; n < STORE_READS_TURN && (op = store->gathered.first) != NULL; n++) {
		if (n > 0 && clock_monotonic_ns(&cart_clock_system) >= end)
			break;
		store_read_one(store, op, began);
	}
	if (began == SQLITE_OK && sqlite_conn_run(&store->conn, STMT_COMMIT) != SQLITE_OK)
		(void)sqlite3_exec(store->conn.db, "ROLLBACK", NULL, NULL, NULL);
	while ((op = store->read.first) != NULL) {
		store_reads_unlink(op);
		cart_store_complete(op, op->result);
	}
}

static void store_turn(evutil_socket_t fd, short what, void *user)
{
	static const struct timeval next_turn = {0};
	struct sqlite_store *store = user;

	(void)fd;
	(void)what;
	store->turning = true;
	if (store->pushed)
		sqlite_writer_wake(store->writer);
	store->pushed = false;
	store_run_reads(store);
	store->turning = false;
	/* A timer and not event_active(), so that ops submitted by callbacks wait until the sockets
	 * have had their turn. */
	if (store->gathered.first != NULL || store->pushed)
		event_add(store->turn, &next_turn);
}

static void store_finish(struct sqlite_job *job)
{
	struct cart_op *op = job->op;

	cart_op_move_result(op, job->request);
	sqlite_job_free(job);
	op->held.backend = NULL;
	cart_store_complete(op, op->result);
}

static void store_wake(void *user)
{
	struct sqlite_store *store = user;

	sqlite_writer_collect(store->writer, &store->returns, &store->finishing);
	while (!list_empty(&store->finishing)) {
		struct list *job = store->finishing.next;

		list_unlink(job);
		store_finish((struct sqlite_job *)job);
	}
}

static enum cart_result store_submit_write(struct sqlite_store *store, struct cart_op *op)
{
	struct sqlite_job *job = sqlite_job_new(op, &store->returns);

	if (job == NULL || sqlite_writer_push(store->writer, job) != CART_OK) {
		sqlite_job_free(job);
		return CART_BUSY;
	}
	op->held.backend = job;
	store->pushed = true;
	return CART_OK;
}

static int store_open_file(struct sqlite_store *store, struct sqlite_db *db,
			   struct cart_error *error)
{
	struct sqlite_conn_options options = db->config.conn;
	struct sqlite_writer *writer = sqlite_db_writer(db, error);

	options.writer = false;
	options.busy_timeout_ms = db->read_busy_ms;
	options.cache_bytes /= 4;
	options.mmap_bytes = db->read_mmap_bytes;
	if (writer == NULL || sqlite_conn_open(&store->conn, &options, error) != 0)
		return -1;
	store->writer = writer;
	return 0;
}

/* A file that another process had locked at the start is opened by the first op after that. */
static bool store_is_open(struct sqlite_store *store, struct cart_op *op)
{
	struct cart_db *db = store->store.db;
	struct cart_error error = {"the file has been locked since the start"};

	if (store->writer != NULL || (cart_db_is_provisioned(db) &&
				      store_open_file(store, (struct sqlite_db *)db, &error) == 0))
		return true;
	cart_op_set_reason(op, "%s", error.text);
	return false;
}

enum cart_result sqlite_store_submit(struct cart_store *base, struct cart_op *op)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	if (!store_is_open(store, op))
		return CART_BUSY;
	if (!cart_op_is_write(op))
		store_reads_append(&store->gathered, op);
	else if (store_submit_write(store, op) != CART_OK)
		return CART_BUSY;
	if (!store->turning)
		event_active(store->turn, 0, 0);
	return CART_OK;
}

void sqlite_store_expire(struct cart_store *base, struct cart_op *op, enum cart_result why)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	struct sqlite_job *job = op->held.backend;

	if (!cart_op_is_write(op)) {
		store_reads_unlink(op);
		cart_store_complete(op, why);
		return;
	}
	switch (sqlite_writer_forget(store->writer, job)) {
	case JOB_QUEUED:
		sqlite_job_free(job);
		cart_store_complete(op, why);
		return;
	case JOB_TAKEN:
		cart_op_set_reason(op, "the deadline passed while the change was being committed");
		cart_store_complete(op, CART_UNCERTAIN);
		return;
	case JOB_RETURNED:
		store_finish(job);
		return;
	}
}

void sqlite_store_close(struct cart_store *base)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	if (store == NULL)
		return;
	if (store->turn != NULL)
		event_free(store->turn);
	wake_free(&store->returns.wake);
	sqlite_conn_close(&store->conn);
	free(store);
}

static int store_open_events(struct sqlite_store *store, struct event_base *base)
{
	store->turn = event_new(base, -1, 0, store_turn, store);
	store->returns.wake = wake_new(base, store_wake, store);
	return store->turn != NULL && store->returns.wake != NULL ? 0 : -1;
}

int sqlite_store_open(struct cart_store **out, struct cart_db *base, struct event_base *loop,
		      struct metrics_shard *shard, struct cart_error *error)
{
	struct sqlite_store *store = calloc(1, sizeof(*store));

	(void)shard;
	if (store == NULL)
		return cart_error_set(error, "out of memory");
	list_init(&store->returns.jobs);
	list_init(&store->finishing);
	if (cart_db_is_provisioned(base) &&
	    store_open_file(store, (struct sqlite_db *)base, error) != 0) {
		sqlite_store_close(&store->store);
		return -1;
	}
	if (store_open_events(store, loop) != 0) {
		sqlite_store_close(&store->store);
		return cart_error_set(error, "cannot add events to the loop");
	}
	*out = &store->store;
	return 0;
}
