/*
 * Natural batching: an op never waits for a timer. It waits only while every lane (a connection, a
 * writer) is busy; when one comes free it takes what has queued, up to a limit, as one batch.
 *
 * The happy path: batch_push() queues; later in the same turn of the loop (never inside push) each
 * idle lane is given a batch by start(); the backend does it, completes its ops and calls
 * batch_lane_free(). Where writes_a_cart is 1, a cart has one write at a time in the queues
 * and lanes; the next ones wait in the cart's chain (chains.h), so that a cart with thousands of
 * waiting writes takes one place of a batch, as every other cart does.
 *
 * The ways in which it fails: an op expires while it waits (batch_remove() finds it) or in a lane
 * (it does not: the backend orphans it); a batch fails as a whole and its ops are queued again at
 * the front; one op cannot be done now, because its row is locked for instance, and pauses without
 * a lane (batch_retry_later()), while the later writes of its cart wait behind it; the queue or the
 * cart's chain is full, or more comes than the lanes take (push refuses; queue_limit.h).
 *
 * One a store; only its loop's thread touches it.
 */
#ifndef CORE_BATCH_H
#define CORE_BATCH_H

#include "core/base/attr.h"
#include "core/cart_op.h"
#include "core/queue_limit.h"

#define BATCH_CLASSES_MAX 4

struct batch;
struct cart_clock;
struct event_base;

/*
 * A batch for a lane: count >= 1 ops of one class, started_ns set, unlinked; the array is the
 * backend's only during the call. The lane is busy from now until batch_lane_free().
 */
typedef void batch_start_fn(void *user, size_t lane, struct cart_op **ops, size_t count);

struct batch_config {
	size_t lanes;
	size_t ops_max; /* in a batch */
	/* Ops in the queues, all classes, and apart from them in the chain of a cart; push refuses
	 * beyond. */
	size_t queue_max;
	int64_t delay_ns; /* of its queue_limit */
	size_t classes; /* 1 ... BATCH_CLASSES_MAX; a batch holds ops of one class, the oldest first
			 */
	size_t lanes_of[BATCH_CLASSES_MAX]; /* lanes that a class may hold at once; 0: all */
	bool writes[BATCH_CLASSES_MAX];	    /* classes of writes ... */
	size_t writing_lanes; /* ... and the lanes that they may hold together; 0: all */
	/*
	 * A patient class that has ops in lanes takes another lane when at least as many ops wait,
	 * or a full batch of them, or when its first op has waited for half of the time that its
	 * batches have taken of late. So about half of what waits for the database is always there,
	 * while the other half gathers: the database does not pause between two batches, and few
	 * large batches cost it less than many small ones.
	 */
	bool patient[BATCH_CLASSES_MAX];
	/* Not 0: while other classes use lanes, the class uses one part in so many of the time: it
	 * rests after each batch. */
	size_t time_part[BATCH_CLASSES_MAX];
	/* Lanes that may write to the same cart at once, while one more write for it may be queued;
	 * 0: all. More than one is for a backend that queues no op again. */
	size_t writes_a_cart;
	batch_start_fn *start;
	void *user;
	const struct cart_clock *clock; /* for started_ns */
};

/* Lanes start busy: free each when its connection is up. NULL: no memory. */
struct batch *batch_new(struct event_base *base, const struct batch_config *config);
/* The queue must be empty. Takes NULL; sets it. */
void batch_free(struct batch **batch);

/* Queues an op of a class. CART_BUSY: full, and the op's reason says of what. */
CART_MUST_CHECK enum cart_result batch_push(struct batch *batch, struct cart_op *op, size_t class);
/* True: the op waited and does not any more. False: it is in a lane. */
CART_MUST_CHECK bool batch_remove(struct batch *batch, struct cart_op *op);
/* Queues ops of a failed batch again, first in line: each to be tried by itself, or as a batch once
 * more. Call it before batch_lane_free(). */
void batch_retry_alone(struct batch *batch, struct cart_op **ops, size_t count, size_t class);
void batch_retry_together(struct batch *batch, struct cart_op **ops, size_t count, size_t class);
/* The same for one op, which is queued by itself after a pause. Its cart's later writes wait. */
void batch_retry_later(struct batch *batch, struct cart_op *op, size_t class, int64_t pause_ns);
/* The lane's ops are completed or queued again, and the database does no more work for them, but
 * the lane cannot take others yet, because its connection is lost. */
void batch_lane_over(struct batch *batch, size_t lane);
/* The lane can take a batch. Does what batch_lane_over() does, too. */
void batch_lane_free(struct batch *batch, size_t lane);
/* Takes an idle lane for work of a class that is not queued any more, as after a pause. False: none
 * is idle, or the class holds all that it may. batch_lane_free() gives it back. */
CART_MUST_CHECK bool batch_lane_take(struct batch *batch, size_t class, size_t *lane);
/* The idle lane lost its connection: it gets no batch until batch_lane_free(). */
void batch_lane_lost(struct batch *batch, size_t lane);
/* While writes are paused, no lane is given a batch of a class of writes. */
void batch_pause_writes(struct batch *batch, bool paused);
/* Ops that wait, in the queues, the chains or a pause. */
size_t batch_queued(const struct batch *batch);
/* Of the queues: for queue_limit_show(). */
const struct queue_limit *batch_limit(const struct batch *batch);
/* The first op queued of a class, or NULL. */
struct cart_op *batch_first(const struct batch *batch, size_t class);
/*
 * Take those ops out that have waited since before_ns, both since they were pushed and since their
 * last try, unless keep() (may be NULL) says that they wait on: out of the queues, where they wait
 * for a lane, or out of the chains, where they wait for other writes of their cart. Linked by
 * held.next.
 */
typedef bool batch_keep_fn(const struct cart_op *op);
struct cart_op *batch_take_stale(struct batch *batch, int64_t before_ns, batch_keep_fn *keep);
struct cart_op *batch_take_stale_chained(struct batch *batch, int64_t before_ns,
					 batch_keep_fn *keep);

#endif
