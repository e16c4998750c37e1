#include "core/queue_limit.h"

#include "core/base/clock.h"

#include <stdio.h>

#define QUEUE_ROUND_NS (100 * CLOCK_NS_PER_MS)
/* Rounds in a row with a queue that is too long. */
#define QUEUE_ROUNDS 2
/* The luckiest op of such a round has waited for this part of delay_ns. */
#define QUEUE_WAIT_PART 8
/* A limit is never lower, so that there is always something for each lane. */
#define QUEUE_LEAST 64
/* Of the limit: what others have on top, and for themselves whatever else waits; and what adds have
 * for themselves. */
#define QUEUE_OTHERS_PART 4
#define QUEUE_ADDS_PART	  8

void queue_limit_init(struct queue_limit *limit, int64_t delay_ns)
{
	*limit = (struct queue_limit){.delay_ns = delay_ns, .least_wait_ns = INT64_MAX};
}

static enum queue_kind queue_kind_of(const struct cart_op *op)
{
	switch (op->type) {
	case CART_OP_GET:
	case CART_OP_LIST:
	case CART_OP_FEED:
	case CART_OP_CHECKOUT:
	case CART_OP_MERGE:
		return QUEUE_OTHERS;
	case CART_OP_CHANGE:
		return op->customer_id.size > 0 || cart_op_reopens(op) ? QUEUE_OTHERS : QUEUE_ADDS;
	default:
		return QUEUE_ADDS;
	}
}

static size_t queue_waiting(const struct queue_limit *limit)
{
	return limit->waiting[QUEUE_ADDS] + limit->waiting[QUEUE_OTHERS];
}

/* Ops that the database takes in delay_ns. */
static size_t queue_fitting(const struct queue_limit *limit)
{
	int64_t fitting = limit->delay_ns / limit->pace_ns;

	return fitting > QUEUE_LEAST ? (size_t)fitting : QUEUE_LEAST;
}

/* A round in which ops left the queue. */
static void queue_judge(struct queue_limit *limit, int64_t lasted_ns)
{
	size_t fitting;

	limit->pace_ns = lasted_ns / (int64_t)limit->left + 1;
	fitting = queue_fitting(limit);
	if (queue_waiting(limit) > fitting &&
	    limit->least_wait_ns > limit->delay_ns / QUEUE_WAIT_PART)
		limit->too_long++;
	else
		limit->too_long = 0;
	if (limit->too_long >= QUEUE_ROUNDS)
		limit->limit = fitting;
	else if (!limit->refusing && limit->too_long == 0)
		limit->limit = 0;
	else if (limit->limit > 0 && limit->limit < fitting)
		limit->limit = fitting;
}

static void queue_end_round(struct queue_limit *limit, int64_t now_ns)
{
	int64_t lasted_ns = now_ns - limit->since_ns;
	size_t waiting = queue_waiting(limit);

	if (waiting == 0) {
		limit->limit = 0;
		limit->too_long = 0;
	} else if (limit->left > 0) {
		queue_judge(limit, lasted_ns);
	} else if (lasted_ns < limit->delay_ns) {
		return; /* the database pauses; it goes on in time, or it does not */
	} else {
		limit->limit = QUEUE_LEAST;
		limit->pace_ns = 0;
	}
	limit->since_ns = now_ns;
	limit->left = 0;
	limit->least_wait_ns = INT64_MAX;
	limit->refusing = false;
}

static bool queue_has_room(const struct queue_limit *limit, enum queue_kind kind)
{
	size_t most = limit->limit, own = limit->limit / QUEUE_ADDS_PART;

	if (kind == QUEUE_OTHERS) {
		own = limit->limit / QUEUE_OTHERS_PART;
		most += own;
	}
	return queue_waiting(limit) < most || limit->waiting[kind] < own;
}

bool queue_limit_admits(struct queue_limit *limit, struct cart_op *op, int64_t now_ns)
{
	enum queue_kind kind;
	int64_t wait_ns;

	if (limit->delay_ns == 0)
		return true;
	if (now_ns - limit->since_ns >= QUEUE_ROUND_NS)
		queue_end_round(limit, now_ns);
	/* Whether the database accepts changes is asked for readyz, however long the queue is. */
	if (limit->limit == 0 || (op->flags & CART_READ_WRITABLE) != 0)
		return true;
	kind = queue_kind_of(op);
	wait_ns = (int64_t)queue_waiting(limit) * limit->pace_ns;
	if (queue_has_room(limit, kind) && wait_ns < op->deadline_ns - now_ns)
		return true;
	limit->refusing = true;
	limit->refused[kind]++;
	cart_op_set_reason(op, "overloaded: %zu requests are waiting for the database",
			   queue_waiting(limit));
	return false;
}

void queue_limit_enter(struct queue_limit *limit, const struct cart_op *op)
{
	limit->waiting[queue_kind_of(op)]++;
}

void queue_limit_leave(struct queue_limit *limit, const struct cart_op *op)
{
	limit->waiting[queue_kind_of(op)]--;
}

void queue_limit_start(struct queue_limit *limit, const struct cart_op *op, int64_t now_ns)
{
	int64_t waited_ns = now_ns - op->submitted_ns;

	limit->left++;
	if (waited_ns < limit->least_wait_ns)
		limit->least_wait_ns = waited_ns;
}

void queue_limit_register(struct queue_limit_series *series, struct metrics *metrics,
			  const char *backend)
{
	static const char *const kinds[QUEUE_KINDS] = {"adds", "others"};
	char labels[64];

	snprintf(labels, sizeof(labels), "backend=\"%s\"", backend);
	series->limit = metrics_gauge(
		metrics, "cart_queue_limit",
		"Operations that may wait for the database while it is overloaded; 0: it is not",
		labels);
	for (int kind = 0; kind < QUEUE_KINDS; kind++) {
		snprintf(labels, sizeof(labels), "backend=\"%s\",kind=\"%s\"", backend,
			 kinds[kind]);
		series->refused[kind] = metrics_counter(
			metrics, "cart_queue_refused_total",
			"Operations refused because the database is overloaded", labels);
	}
}

void queue_limit_show(const struct queue_limit *limit, const struct queue_limit_series *series,
		      struct queue_limit_shown *shown, struct metrics_shard *shard)
{
	metrics_add(shard, series->limit, (int64_t)limit->limit - shown->limit);
	shown->limit = (int64_t)limit->limit;
	for (int kind = 0; kind < QUEUE_KINDS; kind++) {
		metrics_add(shard, series->refused[kind],
			    (int64_t)(limit->refused[kind] - shown->refused[kind]));
		shown->refused[kind] = limit->refused[kind];
	}
}
