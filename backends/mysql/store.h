/*
 * What the parts of a loop's handle share: the store, its pools of connections, and what each
 * connection is doing.
 */
#ifndef BACKENDS_MYSQL_STORE_H
#define BACKENDS_MYSQL_STORE_H

#include "backends/mysql/conn.h"
#include "backends/mysql/connector.h"
#include "backends/mysql/write.h"
#include "core/base/random.h"
#include "core/pool.h"
#include "core/cart_backend.h"

#include <pthread.h>

struct sql_sweeper;

/* Why a connection was given up, but for faults. */
enum sql_discard {
	SQL_DISCARD_BROKEN, /* an error, or the server closed it */
	SQL_DISCARD_STUCK,  /* no answer within mysql.timeout */
	SQL_DISCARD_AGE,    /* mysql.lifetime */
	SQL_DISCARD_HOST,   /* its host is not, or no longer, the one to write to */
	SQL_DISCARDS
};

/* The backend's series. */
struct sql_series {
	metric_t in_use; /* gauges of connections */
	metric_t idle;
	struct pool_series pool;
	struct metrics_sizes batches[2]; /* reads, writes */
	metric_t statements[SQL_STATEMENTS];
	metric_t retries[SQL_FAULTS];
	metric_t careful; /* counter: writes that a batch's guard could not decide */
	metric_t discards[SQL_DISCARDS];
	metric_t opened;
	metric_t pings;
};

/* The process. */
struct sql_db {
	struct cart_db db; /* first */
	struct sql_options options;
	struct sql_connector *connector;
	struct sql_series series;
	struct pool_lanes lanes; /* connections to the writer, and as many to readers */
	size_t batch_max;
	size_t queue_max; /* of a loop */
	int64_t acquire_ns;
	int64_t timeout_ns;
	int64_t ping_ns;
	int64_t sweep_interval_ms;
	pthread_mutex_t lock; /* the next, while loops open at once */
	struct sql_sweeper *sweeper;
};

/* What a lane, a place for a connection, is at. */
enum sql_lane_state {
	SQL_LANE_DOWN,	 /* no connection; retry is pending */
	SQL_LANE_ASKING, /* one was asked for */
	SQL_LANE_IDLE,	 /* the batch may use it */
	SQL_LANE_GETS,
	SQL_LANE_LIST,
	SQL_LANE_WRITES,
	SQL_LANE_LOOK,	   /* careful: the first round trip */
	SQL_LANE_DECIDED,  /* careful: the second, which commits */
	SQL_LANE_LOAD,	   /* careful: the second, which only reads */
	SQL_LANE_ROLLBACK, /* after an error, before the next batch */
	SQL_LANE_PING
};

struct sql_pool;

struct sql_lane {
	struct sql_pool *pool;
	size_t index;
	enum sql_lane_state state;
	struct sql_link link;
	struct sql_conn conn;
	struct sql_ask ask;
	struct event *retry;
	int64_t ask_again_ns; /* DOWN: no connection can be had before */
	int64_t since_ns;     /* in this state */
	struct sql_text text;
	size_t count;		  /* ops under way; those answered meanwhile are NULL */
	struct cart_op **ops;	  /* GETS and LIST; else scratch */
	struct cart_id *ids;	  /* GETS */
	struct sql_write *writes; /* the writing states */
};

enum sql_class { SQL_CLASS_GET, SQL_CLASS_WRITE, SQL_CLASS_LIST, SQL_CLASSES };

/* Connections of a loop to the writer, or to a reader. */
struct sql_pool {
	struct sql_store *store;
	enum sql_role role;
	struct pool pool;
	struct sql_lane *lanes;
	size_t lane_count;
	size_t up;	/* lanes with a connection */
	bool said_down; /* that there is none is in the log */
};

struct sql_store {
	struct cart_store store; /* first */
	struct sql_db *db;
	struct event_base *base;
	struct metrics_shard *shard;
	struct sql_mailbox *mailbox;
	struct random random;
	struct sql_pool writer;
	struct sql_pool reader; /* pool.batch NULL: none */
};

/* What the backend notes at an op of its own, in held.backend. */
#define SQL_OP_CAREFUL 1u /* the guard could not decide */
#define SQL_OP_DOUBT   2u /* may have been done already; its key will tell */
#define SQL_OP_READER  4u /* queued for a reader */
#define SQL_OP_TRY     8u /* tries are counted in steps of this */

static inline uintptr_t sql_op_notes(const struct cart_op *op)
{
	return (uintptr_t)op->held.backend;
}

static inline void sql_op_note(struct cart_op *op, uintptr_t add)
{
	op->held.backend = (void *)(sql_op_notes(op) + add);
}

static inline void sql_op_mark(struct cart_op *op, uintptr_t mark)
{
	op->held.backend = (void *)(sql_op_notes(op) | mark);
}

static inline void sql_op_unmark(struct cart_op *op, uintptr_t mark)
{
	op->held.backend = (void *)(sql_op_notes(op) & ~mark);
}

/* store.c: the slots of a loop; see core/cart_backend.h. */
int sql_store_open(struct cart_store **store, struct cart_db *db, struct event_base *base,
		   struct metrics_shard *shard, struct cart_error *error);
void sql_store_close(struct cart_store *store);
enum cart_result sql_store_submit(struct cart_store *store, struct cart_op *op);
void sql_store_expire(struct cart_store *store, struct cart_op *op, enum cart_result why);

/* Gives an op back, which is in no list; what is in doubt ends as CART_UNCERTAIN where the result
 * would say that nothing was changed. */
void sql_op_complete(struct cart_op *op, enum cart_result result);

/* mysql.c: the process's sweeper, started with the first loop. */
int sql_db_sweep(struct sql_db *db, struct cart_error *error);

/* lane.c: connections come, go, and are looked after. -1: no memory. */
CART_MUST_CHECK int sql_pool_open(struct sql_pool *pool, struct sql_store *store,
				  enum sql_role role, size_t lanes);
void sql_pool_close(struct sql_pool *pool);
/* Asks for every connection. */
void sql_pool_begin(struct sql_pool *pool);
/* The lane has nothing under way: it is free for the next batch, or replaced if it is old. */
void sql_lane_idle(struct sql_lane *lane);
/* Gives the connection up and asks for another; ops of the lane have been seen to. */
void sql_lane_discard(struct sql_lane *lane, enum sql_discard why);
/* The one place that changes a lane's state: it keeps the accounts. */
void sql_lane_set(struct sql_lane *lane, enum sql_lane_state state);
/* Sends lane->text; sql_work_done() gets the answer. */
void sql_lane_send(struct sql_lane *lane, enum sql_lane_state state);

/* work.c: what a lane does. A batch_start_fn; the answer; and what becomes of the ops when the
 * connection breaks or sticks: they are answered or queued again. */
void sql_work_start(void *user, size_t lane, struct cart_op **ops, size_t count);
void sql_work_done(struct sql_lane *lane, struct sql_reply *reply);
void sql_work_lost(struct sql_lane *lane);
/* No reader can be connected to: what waits for one goes to the writer. */
void sql_work_leave_readers(struct sql_pool *readers);
/* True: the op was in the lane and is not any more. */
bool sql_work_forget(struct sql_lane *lane, const struct cart_op *op);

#endif
