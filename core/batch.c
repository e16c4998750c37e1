#include "core/batch.h"

#include "core/base/clock.h"
#include "core/chains.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* How fast the typical time of a class follows its batches: each batch counts for this part. */
#define BATCH_TYPICAL_PART 8
/* A batch that took longer than this was stuck, and counts as this. */
#define BATCH_TYPICAL_MAX_NS (100 * CLOCK_NS_PER_MS)
/* A class with a part of the time keeps to it until nobody else has used a lane for this long. */
#define BATCH_OTHERS_NS (100 * CLOCK_NS_PER_MS)

struct batch_queue {
	struct op_list ops;
	size_t in_lanes;    /* ops of the class that are in lanes now */
	int64_t typical_ns; /* how long a batch of the class takes, on average of late */
	int64_t resume_ns;  /* a class with a part of the time: takes no lane before */
};

#define BATCH_NO_CLASS BATCH_CLASSES_MAX

/* What a lane is doing. */
struct batch_lane {
	size_t class; /* BATCH_NO_CLASS: nothing */
	size_t count; /* ops */
	int64_t since_ns;
	struct chain **writes; /* the carts that it writes to */
	size_t write_count;
};

struct batch {
	struct batch_config config;
	struct batch_lane *lanes;
	size_t lanes_of[BATCH_CLASSES_MAX]; /* held by each class */
	size_t writing_lanes;		    /* held by classes of writes */
	bool writes_paused;
	struct event *dispatch; /* active: lanes are given work later in this turn of the loop */
	struct event *patience; /* a timer that does the same */
	struct batch_queue queues[BATCH_CLASSES_MAX];
	size_t queued; /* in all of them */
	struct queue_limit limit;
	struct chains chains;
	size_t chained;	       /* in all of them */
	struct op_list paused; /* in no order; few, since a cart has one at most */
	struct event *resume;  /* a timer: the first of them is due */
	int64_t busy_ns;       /* when a class without a limit of its time was last given a lane */
	size_t *idle;	       /* a stack of idle lanes: the last one freed is the warmest */
	size_t idle_count;
	struct cart_op **ops; /* the batch being made up, sorted by cart id */
	struct cart_id *ids;  /* the ids of its carts */
};

/* The op is one of those of which a cart has few at a time in the queues and lanes. */
static bool batch_takes_turns(const struct batch *batch, const struct cart_op *op)
{
	return batch->config.writes_a_cart > 0 && cart_op_is_write(op);
}

static void batch_queue(struct batch *batch, struct cart_op *op, bool first)
{
	struct batch_queue *queue = &batch->queues[op->held.class];

	if (first)
		op_list_prepend(&queue->ops, op);
	else
		op_list_append(&queue->ops, op);
	op->held.place = BATCH_QUEUED;
	batch->queued++;
	queue_limit_enter(&batch->limit, op);
}

/* In front of the chain's other writes, or behind them. */
static void batch_chain(struct batch *batch, struct chain *chain, struct cart_op *op, bool first)
{
	if (first)
		op_list_prepend(&chain->waiting, op);
	else
		op_list_append(&chain->waiting, op);
	op->held.place = BATCH_CHAINED;
	batch->chained++;
}

static void batch_unchain(struct batch *batch, struct chain *chain, struct cart_op *op)
{
	op_list_remove(&chain->waiting, op);
	op->held.place = BATCH_NOWHERE;
	batch->chained--;
}

static void batch_wake(struct batch *batch)
{
	if (batch->queued > 0 && batch->idle_count > 0)
		event_active(batch->dispatch, 0, 0);
}

/* It is the next write's turn, unless others still have it. A write that was tried before goes
 * in front of those of other carts; one that has only waited for its cart goes behind them. */
static void batch_next_turn(struct batch *batch, struct chain *chain)
{
	struct cart_op *op = chain->waiting.first;

	if (chain->in_lanes >= batch->config.writes_a_cart || chain->turn != NULL)
		return;
	if (op == NULL) {
		if (chain->in_lanes == 0)
			chains_remove(&batch->chains, chain);
		return;
	}
	batch_unchain(batch, chain, op);
	chain->turn = op;
	batch_queue(batch, op, op->started_ns != 0);
}

/* Takes the op out of the queue, the chain or the pause that it is in. */
static void batch_unlink(struct batch *batch, struct cart_op *op)
{
	struct chain *chain =
		batch_takes_turns(batch, op) ? chains_find(&batch->chains, &op->id) : NULL;

	switch (op->held.place) {
	case BATCH_NOWHERE:
		return;
	case BATCH_CHAINED:
		batch_unchain(batch, chain, op);
		return;
	case BATCH_QUEUED:
		op_list_remove(&batch->queues[op->held.class].ops, op);
		batch->queued--;
		queue_limit_leave(&batch->limit, op);
		break;
	case BATCH_PAUSED:
		op_list_remove(&batch->paused, op);
		break;
	}
	op->held.place = BATCH_NOWHERE;
	if (chain != NULL)
		chain->turn = NULL;
}

/* The same for an op that no lane will have: the next write of its cart has its turn. */
static void batch_drop(struct batch *batch, struct cart_op *op)
{
	struct chain *chain;

	batch_unlink(batch, op);
	if (!batch_takes_turns(batch, op))
		return;
	chain = chains_find(&batch->chains, &op->id);
	if (chain == NULL)
		return;
	batch_next_turn(batch, chain);
	batch_wake(batch);
}

/* How long the class should still wait for more to queue; 0: not at all. */
static int64_t batch_patience_ns(const struct batch *batch, size_t class, int64_t now)
{
	const struct batch_queue *queue = &batch->queues[class];
	int64_t waited = now - queue->ops.first->submitted_ns, enough = queue->typical_ns / 2;

	if (batch->config.time_part[class] > 0 && queue->resume_ns > now &&
	    now - batch->busy_ns < BATCH_OTHERS_NS)
		return queue->resume_ns - now;
	if (!batch->config.patient[class] || queue->ops.count >= queue->in_lanes ||
	    queue->ops.count >= batch->config.ops_max || waited >= enough)
		return 0;
	return enough - waited;
}

/* The class may not be given another lane now. */
static bool batch_is_full(const struct batch *batch, size_t class)
{
	const struct batch_config *config = &batch->config;
	size_t limit = config->lanes_of[class], writing = config->writing_lanes;

	if (config->writes[class] &&
	    (batch->writes_paused || (writing > 0 && batch->writing_lanes >= writing)))
		return true;
	return limit > 0 && batch->lanes_of[class] >= limit;
}

/* The class whose first op has waited longest, of the classes that may take another lane now; or
 * BATCH_NO_CLASS. *patience_ns is lowered to what a class still waits by itself. */
static size_t batch_oldest(const struct batch *batch, int64_t now, int64_t *patience_ns)
{
	size_t oldest = BATCH_NO_CLASS;

	for (size_t class = 0; class < batch->config.classes; class ++) {
		const struct cart_op *op = batch->queues[class].ops.first;
		int64_t wait_ns;

		if (op == NULL || batch_is_full(batch, class))
			continue;
		wait_ns = batch_patience_ns(batch, class, now);
		if (wait_ns > 0 && wait_ns < *patience_ns)
			*patience_ns = wait_ns;
		if (wait_ns == 0 &&
		    (oldest == BATCH_NO_CLASS ||
		     op->submitted_ns < batch->queues[oldest].ops.first->submitted_ns))
			oldest = class;
	}
	return oldest;
}

/* Takes ops of a class from its queue, sorted by cart id: every batch then locks rows in the same
 * order. */
static size_t batch_take(struct batch *batch, size_t class)
{
	struct batch_queue *queue = &batch->queues[class];
	size_t count = 0;

	while (queue->ops.first != NULL && count < batch->config.ops_max) {
		struct cart_op *op = queue->ops.first;
		bool alone = op->held.alone;
		size_t at;

		if (alone && count > 0)
			break;
		(void)cart_id_find(batch->ids, sizeof(struct cart_id), count, &op->id, &at);
		batch_unlink(batch, op);
		memmove(&batch->ops[at + 1], &batch->ops[at], (count - at) * sizeof(op));
		memmove(&batch->ids[at + 1], &batch->ids[at], (count - at) * sizeof(op->id));
		batch->ops[at] = op;
		batch->ids[at] = op->id;
		count++;
		if (alone)
			break;
	}
	return count;
}

/* The lane that was freed last, for work of a class. */
static size_t batch_occupy(struct batch *batch, size_t class, size_t count, int64_t now)
{
	size_t index = batch->idle[--batch->idle_count];
	struct batch_lane *lane = &batch->lanes[index];

	lane->class = class;
	lane->count = count;
	lane->since_ns = now;
	batch->lanes_of[class]++;
	batch->writing_lanes += batch->config.writes[class];
	batch->queues[class].in_lanes += count;
	if (batch->config.time_part[class] == 0)
		batch->busy_ns = now;
	return index;
}

bool batch_lane_take(struct batch *batch, size_t class, size_t *index)
{
	if (batch->idle_count == 0 || batch_is_full(batch, class))
		return false;
	*index = batch_occupy(batch, class, 0, clock_monotonic_ns(batch->config.clock));
	return true;
}

/* Gives a lane the batch that was made up. */
static void batch_start(struct batch *batch, size_t class, size_t count, int64_t now)
{
	size_t index = batch_occupy(batch, class, count, now);
	struct batch_lane *lane = &batch->lanes[index];

	for (size_t i = 0; i < count; i++) {
		struct chain *chain;

		batch->ops[i]->started_ns = now;
		queue_limit_start(&batch->limit, batch->ops[i], now);
		if (!batch_takes_turns(batch, batch->ops[i]))
			continue;
		chain = chains_find(&batch->chains, &batch->ops[i]->id);
		chain->in_lanes++;
		lane->writes[lane->write_count++] = chain;
		batch_next_turn(batch, chain);
	}
	batch->config.start(batch->config.user, index, batch->ops, count);
}

/* Sets a timer, unless it is set to an earlier time. */
static void batch_wait(struct event *timer, int64_t ns)
{
	struct timeval delay = {.tv_sec = ns / CLOCK_NS_PER_S,
				.tv_usec = ns % CLOCK_NS_PER_S / 1000 + 1};
	struct timeval now, until, set;

	evutil_gettimeofday(&now, NULL);
	evutil_timeradd(&now, &delay, &until);
	if (!event_pending(timer, EV_TIMEOUT, &set) || evutil_timercmp(&until, &set, <))
		event_add(timer, &delay);
}

static void batch_dispatch(evutil_socket_t fd, short what, void *user)
{
	struct batch *batch = user;
	int64_t patience_ns = INT64_MAX;

	(void)fd;
	(void)what;
	while (batch->queued > 0 && batch->idle_count > 0) {
		int64_t now = clock_monotonic_ns(batch->config.clock);
		size_t class = batch_oldest(batch, now, &patience_ns);

		if (class == BATCH_NO_CLASS)
			break;
		batch_start(batch, class, batch_take(batch, class), now);
	}
	if (patience_ns < INT64_MAX && batch->idle_count > 0)
		batch_wait(batch->patience, patience_ns);
}

/* A pause is over. While the lane that tried the op still works on its cart, it waits there. */
static void batch_end_pause(struct batch *batch, struct cart_op *op)
{
	struct chain *chain;

	batch_unlink(batch, op);
	chain = batch_takes_turns(batch, op) ? chains_find(&batch->chains, &op->id) : NULL;
	if (chain == NULL) {
		batch_queue(batch, op, true);
		return;
	}
	batch_chain(batch, chain, op, true);
	batch_next_turn(batch, chain);
}

static void batch_resume(evutil_socket_t fd, short what, void *user)
{
	struct batch *batch = user;
	int64_t now = clock_monotonic_ns(batch->config.clock), due_ns = INT64_MAX;
	struct cart_op *next;

	(void)fd;
	(void)what;
	for (struct cart_op *op = batch->paused.first; op != NULL; op = next) {
		next = op->held.next;
		if (op->held.due_ns <= now)
			batch_end_pause(batch, op);
		else if (op->held.due_ns < due_ns)
			due_ns = op->held.due_ns;
	}
	if (due_ns < INT64_MAX)
		batch_wait(batch->resume, due_ns - now);
	batch_wake(batch);
}

static bool batch_lanes_new(struct batch *batch)
{
	size_t count = batch->config.lanes;

	batch->lanes = calloc(count, sizeof(*batch->lanes));
	for (size_t i = 0; batch->lanes != NULL && i < count; i++) {
		batch->lanes[i].class = BATCH_NO_CLASS;
		batch->lanes[i].writes = calloc(batch->config.ops_max, sizeof(struct chain *));
		if (batch->lanes[i].writes == NULL)
			return false;
	}
	return batch->lanes != NULL;
}

/* No lane writes to these carts any more. From the last to the first, so that those that are tried
 * again keep their order. */
static void batch_forget_writes(struct batch *batch, struct batch_lane *lane)
{
	while (lane->write_count > 0) {
		struct chain *chain = lane->writes[--lane->write_count];

		chain->in_lanes--;
		batch_next_turn(batch, chain);
	}
}

struct batch *batch_new(struct event_base *base, const struct batch_config *config)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	assert(config->lanes > 0 && config->ops_max > 0);
	assert(config->classes > 0 && config->classes <= BATCH_CLASSES_MAX);
	if (batch == NULL)
		return NULL;
	batch->config = *config;
	queue_limit_init(&batch->limit, config->delay_ns);
	batch->idle = calloc(config->lanes, sizeof(*batch->idle));
	batch->ops = calloc(config->ops_max, sizeof(struct cart_op *));
	batch->ids = calloc(config->ops_max, sizeof(struct cart_id));
	batch->dispatch = event_new(base, -1, 0, batch_dispatch, batch);
	batch->patience = evtimer_new(base, batch_dispatch, batch);
	batch->resume = evtimer_new(base, batch_resume, batch);
	if (chains_open(&batch->chains) != 0 || !batch_lanes_new(batch) || batch->idle == NULL ||
	    batch->ops == NULL || batch->ids == NULL || batch->dispatch == NULL ||
	    batch->patience == NULL || batch->resume == NULL)
		batch_free(&batch);
	return batch;
}

void batch_free(struct batch **out)
{
	struct batch *batch = *out;

	if (batch == NULL)
		return;
	assert(batch_queued(batch) == 0);
	if (batch->dispatch != NULL)
		event_free(batch->dispatch);
	if (batch->patience != NULL)
		event_free(batch->patience);
	if (batch->resume != NULL)
		event_free(batch->resume);
	for (size_t i = 0; batch->lanes != NULL && i < batch->config.lanes; i++)
		batch_forget_writes(batch, &batch->lanes[i]);
	chains_close(&batch->chains);
	for (size_t i = 0; batch->lanes != NULL && i < batch->config.lanes; i++)
		free(batch->lanes[i].writes);
	free(batch->lanes);
	free(batch->idle);
	free(batch->ops);
	free(batch->ids);
	free(batch);
	*out = NULL;
}

/* Queues a write whose cart has none, or lets it wait for its turn. */
static enum cart_result batch_push_write(struct batch *batch, struct cart_op *op)
{
	struct chain *chain = chains_find(&batch->chains, &op->id);

	if (chain != NULL) {
		if (chain->waiting.count >= batch->config.queue_max) {
			cart_op_set_reason(op, "%zu changes of this cart are waiting already",
					   chain->waiting.count);
			return CART_BUSY;
		}
		batch_chain(batch, chain, op, false);
		batch_next_turn(batch, chain);
		return CART_OK;
	}
	if (!queue_limit_admits(&batch->limit, op, op->submitted_ns))
		return CART_BUSY;
	chain = chains_add(&batch->chains, &op->id);
	if (chain == NULL)
		return CART_BUSY;
	chain->turn = op;
	batch_queue(batch, op, false);
	return CART_OK;
}

enum cart_result batch_push(struct batch *batch, struct cart_op *op, size_t class)
{
	enum cart_result result = CART_OK;

	assert(class < batch->config.classes);
	op->held.class = class;
	if (batch->queued + batch->paused.count >= batch->config.queue_max) {
		cart_op_set_reason(op, "%zu requests are waiting already", batch->queued);
		return CART_BUSY;
	}
	if (batch_takes_turns(batch, op))
		result = batch_push_write(batch, op);
	else if (queue_limit_admits(&batch->limit, op, op->submitted_ns))
		batch_queue(batch, op, false);
	else
		result = CART_BUSY;
	batch_wake(batch);
	return result;
}

bool batch_remove(struct batch *batch, struct cart_op *op)
{
	if (op->held.place == BATCH_NOWHERE)
		return false;
	batch_drop(batch, op);
	return true;
}

/* A write waits, as the first of its cart, until the lane that tried it is over. */
static void batch_retry(struct batch *batch, struct cart_op *op, size_t class)
{
	struct chain *chain =
		batch_takes_turns(batch, op) ? chains_find(&batch->chains, &op->id) : NULL;

	op->held.class = class;
	if (chain == NULL) {
		batch_queue(batch, op, true);
		return;
	}
	batch_chain(batch, chain, op, true);
	batch_next_turn(batch, chain);
}

void batch_retry_together(struct batch *batch, struct cart_op **ops, size_t count, size_t class)
{
	/* From the last to the first, so that they keep their order. */
	for (size_t i = count; i > 0; i--)
		batch_retry(batch, ops[i - 1], class);
	batch_wake(batch);
}

void batch_retry_alone(struct batch *batch, struct cart_op **ops, size_t count, size_t class)
{
	for (size_t i = 0; i < count; i++)
		ops[i]->held.alone = true;
	batch_retry_together(batch, ops, count, class);
}

void batch_retry_later(struct batch *batch, struct cart_op *op, size_t class, int64_t pause_ns)
{
	op->held.class = class;
	op->held.alone = true;
	op->held.due_ns = clock_monotonic_ns(batch->config.clock) + pause_ns;
	op->held.place = BATCH_PAUSED;
	op_list_append(&batch->paused, op);
	if (batch_takes_turns(batch, op))
		chains_find(&batch->chains, &op->id)->turn = op;
	batch_wait(batch->resume, pause_ns);
}

void batch_lane_over(struct batch *batch, size_t index)
{
	struct batch_lane *lane = &batch->lanes[index];
	int64_t now = clock_monotonic_ns(batch->config.clock), took_ns = now - lane->since_ns;
	struct batch_queue *queue;
	size_t part;

	assert(index < batch->config.lanes);
	if (lane->class == BATCH_NO_CLASS)
		return;
	queue = &batch->queues[lane->class];
	part = batch->config.time_part[lane->class];
	if (took_ns > BATCH_TYPICAL_MAX_NS)
		took_ns = BATCH_TYPICAL_MAX_NS;
	queue->typical_ns += (took_ns - queue->typical_ns) / BATCH_TYPICAL_PART;
	queue->in_lanes -= lane->count;
	if (part > 0)
		queue->resume_ns = now + took_ns * (int64_t)(part - 1);
	batch->lanes_of[lane->class]--;
	batch->writing_lanes -= batch->config.writes[lane->class];
	lane->class = BATCH_NO_CLASS;
	batch_forget_writes(batch, lane);
	batch_wake(batch);
}

void batch_lane_free(struct batch *batch, size_t lane)
{
	assert(lane < batch->config.lanes && batch->idle_count < batch->config.lanes);
	batch_lane_over(batch, lane);
	batch->idle[batch->idle_count++] = lane;
	batch_wake(batch);
}

void batch_lane_lost(struct batch *batch, size_t lane)
{
	for (size_t i = 0; i < batch->idle_count; i++) {
		if (batch->idle[i] != lane)
			continue;
		batch->idle[i] = batch->idle[--batch->idle_count];
		return;
	}
	abort(); /* it was not idle */
}

void batch_pause_writes(struct batch *batch, bool paused)
{
	batch->writes_paused = paused;
	batch_wake(batch);
}

size_t batch_queued(const struct batch *batch)
{
	return batch->queued + batch->chained + batch->paused.count;
}

const struct queue_limit *batch_limit(const struct batch *batch)
{
	return &batch->limit;
}

/* What batch_take_stale() and batch_take_stale_chained() look for, and have found. */
struct batch_stale {
	struct batch *batch;
	int64_t before_ns;
	batch_keep_fn *keep;
	struct cart_op *found;
};

static bool batch_is_stale(const struct batch_stale *stale, const struct cart_op *op)
{
	return op->submitted_ns <= stale->before_ns && op->started_ns <= stale->before_ns &&
	       (stale->keep == NULL || !stale->keep(op));
}

struct cart_op *batch_take_stale(struct batch *batch, int64_t before_ns, batch_keep_fn *keep)
{
	struct batch_stale stale = {.batch = batch, .before_ns = before_ns, .keep = keep};
	struct cart_op *next;

	for (size_t class = 0; class < batch->config.classes; class ++) {
		for (struct cart_op *op = batch->queues[class].ops.first; op != NULL; op = next) {
			next = op->held.next;
			if (!batch_is_stale(&stale, op))
				continue;
			batch_drop(batch, op);
			op->held.next = stale.found;
			stale.found = op;
		}
	}
	return stale.found;
}

static void batch_stale_in(struct chain *chain, void *user)
{
	struct batch_stale *stale = user;
	struct cart_op *next;

	for (struct cart_op *op = chain->waiting.first; op != NULL; op = next) {
		next = op->held.next;
		if (!batch_is_stale(stale, op))
			continue;
		batch_unchain(stale->batch, chain, op);
		op->held.next = stale->found;
		stale->found = op;
	}
}

struct cart_op *batch_take_stale_chained(struct batch *batch, int64_t before_ns,
					 batch_keep_fn *keep)
{
	struct batch_stale stale = {.batch = batch, .before_ns = before_ns, .keep = keep};

	if (batch->chained > 0)
		chains_each(&batch->chains, batch_stale_in, &stale);
	return stale.found;
}

struct cart_op *batch_first(const struct batch *batch, size_t class)
{
	return batch->queues[class].ops.first;
}
