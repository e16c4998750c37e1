/*
 * The only thread that writes. Loops pass it jobs, each with a copy of an op's request, and get
 * them back with the answer.
 */
#ifndef BACKENDS_SQLITE_WRITER_H
#define BACKENDS_SQLITE_WRITER_H

#include "backends/sqlite/conn.h"
#include "backends/sqlite/list.h"
#include "core/cart_store.h"
#include "core/queue_limit.h"
#include "core/base/wake.h"

struct sqlite_writer;

/* Where a job is; changed only under the writer's lock. */
enum sqlite_job_place {
	JOB_QUEUED,  /* in the writer's queue: not begun */
	JOB_TAKEN,   /* in the writer's transaction: its change may be applied */
	JOB_RETURNED /* answered; on the list of its loop */
};

struct sqlite_returns;

struct sqlite_job {
	struct list list;	   /* first: of those returned */
	struct cart_op *request;   /* owned by the job: a copy of the request, later the answer */
	struct cart_op *op;	   /* the caller's; only the loop touches it */
	struct sqlite_returns *to; /* NULL: its loop no longer waits for it */
	enum sqlite_job_place place;
};

/* Where the writer returns the jobs of a loop. It wakes the loop if the list was empty. */
struct sqlite_returns {
	struct list jobs;
	struct wake *wake; /* sent when jobs was empty */
};

/* NULL: no memory. Takes NULL. */
struct sqlite_job *sqlite_job_new(struct cart_op *op, struct sqlite_returns *to);
void sqlite_job_free(struct sqlite_job *job);

struct sqlite_metrics {
	metric_t transactions, ops, retries, failures, commit_time;
	metric_t checkpoints, checkpoint_time, wal_bytes, queued, synchronous;
	metric_t swept_carts, swept_keys, swept_events;
	struct queue_limit_series limit;
};
void sqlite_metrics_register(struct sqlite_metrics *series, struct metrics *metrics);

struct sqlite_writer_config {
	struct sqlite_conn_options conn;
	size_t batch_max; /* ops in a transaction */
	size_t queue_max; /* carts with jobs that wait, and apart from them jobs of one cart */
	int64_t checkpoint_bytes;  /* of WAL before it is written back */
	int64_t sweep_interval_ms; /* 0: no sweeping */
	struct cart_env env;
	struct sqlite_metrics series;
};

/* Opens the writer's connection and starts its thread. -1: error says why. */
CART_MUST_CHECK int sqlite_writer_start(struct sqlite_writer **writer,
					const struct sqlite_writer_config *config,
					struct cart_error *error);
/* Ends the thread once its queue is empty, and closes the connection. Takes NULL; sets it. */
void sqlite_writer_stop(struct sqlite_writer **writer);

/* Queues a job. CART_BUSY: full, and the reason of the caller's op says of what; it is not queued.
 */
CART_MUST_CHECK enum cart_result sqlite_writer_push(struct sqlite_writer *writer,
						    struct sqlite_job *job);
/* Jobs were pushed. Until then an idle writer waits, so that they share a transaction. */
void sqlite_writer_wake(struct sqlite_writer *writer);
/* Moves the jobs that were returned. */
void sqlite_writer_collect(struct sqlite_writer *writer, struct sqlite_returns *returns,
			   struct list *jobs);
/*
 * The loop no longer waits for the job. Returns where it was. JOB_QUEUED and JOB_RETURNED: it is
 * removed from its list, and the caller frees it. JOB_TAKEN: the writer frees it.
 */
enum sqlite_job_place sqlite_writer_forget(struct sqlite_writer *writer, struct sqlite_job *job);

#endif
