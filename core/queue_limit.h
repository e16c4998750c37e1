/*
 * How many ops may wait in a queue in front of a database when more come than it takes. Beyond it
 * they are refused at once, so that those that wait are answered in time, and nothing is sent to
 * the database for a client that has given up.
 *
 * There is no limit while the queue is short. In rounds of a tenth of a second it is counted how
 * many ops left the queue for the database and how long the luckiest of them had waited. At the end
 * of a round the queue is too long if what waits would take longer than delay_ns at that pace, and
 * if even the luckiest had to wait: a burst, or the changes of one busy cart, do not make it so.
 * After two such rounds in a row the limit is what the database takes in delay_ns. It follows the
 * pace, so a database that gets faster with larger batches is given them, and it ends with the
 * first round in which nothing was refused.
 *
 * Adds, creates and deletes are refused first. Reads, checkouts and their undoing, and what a login
 * does to a guest's cart (a merge, or a customer for it) are refused when a quarter more waits.
 * None is shut out: adds always have an eighth of the limit to themselves, the others a quarter.
 *
 * For one thread, or under a lock. Pure: the time is given.
 */
#ifndef CORE_QUEUE_LIMIT_H
#define CORE_QUEUE_LIMIT_H

#include "core/base/attr.h"
#include "core/base/metrics.h"
#include "core/cart_op.h"

enum queue_kind {
	QUEUE_ADDS,   /* refused first: everything but ... */
	QUEUE_OTHERS, /* ... reads, checkouts and logins */
	QUEUE_KINDS
};

struct queue_limit {
	int64_t delay_ns; /* 0: there is never a limit */
	size_t limit;	  /* 0: there is none now */
	size_t waiting[QUEUE_KINDS];
	uint64_t refused[QUEUE_KINDS]; /* so far */
	/* The round. */
	int64_t since_ns;
	size_t left; /* the queue for the database */
	int64_t least_wait_ns;
	bool refusing;
	/* The rounds before it. */
	unsigned too_long; /* how many in a row */
	int64_t pace_ns;   /* for each op; 0: not known */
};

void queue_limit_init(struct queue_limit *limit, int64_t delay_ns);
/* Whether the op may be queued. False: op->reason says why, and it is counted. */
CART_MUST_CHECK bool queue_limit_admits(struct queue_limit *limit, struct cart_op *op,
					int64_t now_ns);
/* The op is queued; it is not any more; and before that: the database gets it. */
void queue_limit_enter(struct queue_limit *limit, const struct cart_op *op);
void queue_limit_leave(struct queue_limit *limit, const struct cart_op *op);
void queue_limit_start(struct queue_limit *limit, const struct cart_op *op, int64_t now_ns);

struct queue_limit_series {
	metric_t limit;		       /* gauge; the sum over all queues that have one */
	metric_t refused[QUEUE_KINDS]; /* counters */
};

/* What the series show of one queue. */
struct queue_limit_shown {
	int64_t limit;
	uint64_t refused[QUEUE_KINDS];
};

/* cart_queue_limit and cart_queue_refused_total, labelled with the backend's name. */
void queue_limit_register(struct queue_limit_series *series, struct metrics *metrics,
			  const char *backend);
/* Brings the series up to date. */
void queue_limit_show(const struct queue_limit *limit, const struct queue_limit_series *series,
		      struct queue_limit_shown *shown, struct metrics_shard *shard);

#endif
