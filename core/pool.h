/*
 * What a backend with lanes (connections, or calls that may be under way at once) needs for each
 * loop: its share of the lanes of the process, the batch that queues ops for them, and a tick five
 * times a second that looks after the lanes, refuses ops that have waited too long for one, and
 * keeps the gauge of what waits.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/base/metrics.h"
#include "core/batch.h"

#include <stdatomic.h>

/* The lanes of the process, of which each loop takes its share when it opens its handle. */
struct pool_lanes {
	size_t count;
	size_t loops;
	atomic_size_t shares; /* taken */
};

/* loops: as in struct cart_env; 0, not known, counts as 1. */
void pool_lanes_init(struct pool_lanes *lanes, size_t count, size_t loops);
/* The lanes of one more loop, at least 1. Any thread. */
CART_MUST_CHECK size_t pool_lanes_share(struct pool_lanes *lanes);

struct pool_series {
	metric_t waiting;	  /* gauge of ops */
	metric_t refused;	  /* counters of ops: no lane came free */
	metric_t refused_by_cart; /* other writes of the cart took too long */
	struct queue_limit_series limit;
};

/* cart_NAME_waiting, cart_NAME_acquire_timeouts_total and cart_NAME_cart_timeouts_total, NAME being
 * the backend's, and those of queue_limit.h. */
void pool_series_register(struct pool_series *series, struct metrics *metrics, const char *name);

struct pool_config {
	struct batch_config batch;
	struct metrics_shard *shard;
	const struct pool_series *series;
	/* An op that has waited for so long, since it was queued and since its last try, is
	 * refused: CART_BUSY with a reason that names the setting. */
	int64_t wait_max_ns;
	const char *wait_setting; /* "mysql.acquire_timeout" */
	/* True: the op waits on until its deadline. May be NULL. */
	bool (*waits_on)(const struct cart_op *op);
	/* Ends a refused op, which is in no list: cart_store_complete(), or what the backend puts
	 * in front of it. */
	void (*complete)(struct cart_op *op, enum cart_result result);
	/* The backend's part of a tick, before ops are refused; user is the batch's. May be NULL.
	 */
	void (*look_after)(void *user, int64_t now_ns);
};

/* Embedded in the backend's struct for a loop; zeroed, it is closed. */
struct pool {
	struct batch *batch; /* for batch_push() and the like */
	struct {
		struct pool_config config;
		struct event *tick;
		int64_t waiting; /* that the gauge shows */
		struct queue_limit_shown shown;
	} held; /* pool.c's own */
};

/* -1: no memory; pool_close() clears up. */
CART_MUST_CHECK int pool_open(struct pool *pool, struct event_base *base,
			      const struct pool_config *config);
/* The queue must be empty, unless pool_open() failed. Closed already: nothing. */
void pool_close(struct pool *pool);

#endif
