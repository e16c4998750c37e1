/*
 * Natural batching: an op never waits for a timer. It waits only while every lane (a connection, a
 * writer) is busy; when one comes free it takes what has queued, up to a limit, as one batch.
 *
 * The happy path: batch_push() queues; later in the same turn of the loop (never inside push) each
 * idle lane is given a batch by start(); the backend does it, completes its ops and calls
 * batch_lane_free(). The ways in which it fails: an op expires in the queue (batch_remove() finds
 * it there) or in a lane (it does not: the backend orphans it); a batch fails as a whole and
 * batch_retry_alone() queues its ops again at the front, each to be tried in a batch of its own;
 * the queue is full (push refuses); a cart is being written to in another lane, where the database
 * holds its row: writes for it stay queued until that lane is free, and occupy no other.
 *
 * One a store; only its loop's thread touches it.
 */
#ifndef CORE_BATCH_H
#define CORE_BATCH_H

#include "core/base/attr.h"
#include "core/cart_op.h"

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
	size_t ops_max;	  /* in a batch */
	size_t queue_max; /* queued ops, all classes; push refuses beyond */
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
	bool one_write_a_cart; /* at most one write for the same cart in all lanes */
	batch_start_fn *start;
	void *user;
	const struct cart_clock *clock; /* for started_ns */
};

/* Lanes start busy: free each when its connection is up. NULL: no memory. */
struct batch *batch_new(struct event_base *base, const struct batch_config *config);
/* The queue must be empty. Takes NULL; sets it. */
void batch_free(struct batch **batch);

/* Queues an op of a class. CART_BUSY: full. */
CART_MUST_CHECK enum cart_result batch_push(struct batch *batch, struct cart_op *op, size_t class);
/* True: the op was queued and is not any more. False: it is in a lane. */
CART_MUST_CHECK bool batch_remove(struct batch *batch, struct cart_op *op);
/* Queues ops of a failed batch again, first in line: each to be tried by itself, or as a batch once
 * more. Call it before batch_lane_free(). */
void batch_retry_alone(struct batch *batch, struct cart_op **ops, size_t count, size_t class);
void batch_retry_together(struct batch *batch, struct cart_op **ops, size_t count, size_t class);
/* The lane's ops are completed or queued again, and the database does no more work for them, but
 * the lane cannot take others yet, because its connection is lost. */
void batch_lane_over(struct batch *batch, size_t lane);
/* The lane can take a batch. Does what batch_lane_over() does, too. */
void batch_lane_free(struct batch *batch, size_t lane);
/* The idle lane lost its connection: it gets no batch until batch_lane_free(). */
void batch_lane_lost(struct batch *batch, size_t lane);
/* While writes are paused, no lane is given a batch of a class of writes. */
void batch_pause_writes(struct batch *batch, bool paused);
size_t batch_queued(const struct batch *batch);
/* The first op queued of a class, or NULL. */
struct cart_op *batch_first(const struct batch *batch, size_t class);
/* Takes those ops out of the queues that have waited since before_ns, both since they were queued
 * and since their last try, unless keep() (may be NULL) says that they wait on. Linked by
 * held.next. */
struct cart_op *batch_take_stale(struct batch *batch, int64_t before_ns,
				 bool (*keep)(const struct cart_op *op));

#endif
