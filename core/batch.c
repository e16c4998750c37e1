#include "core/batch.h"

#include "core/base/clock.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* How fast the typical time of a class follows its batches: each batch counts for this part. */
#define BATCH_TYPICAL_PART 8
/* A batch that took longer than this was stuck, and counts as this. */
#define BATCH_TYPICAL_MAX_NS (100 * CLOCK_NS_PER_MS)

/* A doubly linked list through held.next and held.prev. */
struct batch_queue {
	struct cart_op *first;
	struct cart_op *last;
	size_t count;
	size_t in_lanes;    /* ops of the class that are in lanes now */
	int64_t typical_ns; /* how long a batch of the class takes, on average of late */
};

#define BATCH_NO_CLASS BATCH_CLASSES_MAX
/* How many queued ops are looked at to make up a batch: ops for carts that are being written are
 * skipped. */
#define BATCH_LOOK_MAX 1024

/* What a lane is doing. */
struct batch_lane {
	size_t class; /* BATCH_NO_CLASS: nothing */
	size_t count; /* ops */
	int64_t since_ns;
	struct cart_id *writes; /* carts that it writes to, sorted */
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
	size_t queued;
	size_t *idle; /* a stack of idle lanes: the last one freed is the warmest */
	size_t idle_count;
	struct cart_op **ops; /* the batch being made up, sorted by cart id */
	struct cart_id *ids;  /* the ids of its carts */
};

static void batch_unlink(struct batch *batch, struct batch_queue *queue, struct cart_op *op)
{
	if (op->held.prev != NULL)
		op->held.prev->held.next = op->held.next;
	else
		queue->first = op->held.next;
	if (op->held.next != NULL)
		op->held.next->held.prev = op->held.prev;
	else
		queue->last = op->held.prev;
	op->held.next = op->held.prev = NULL;
	op->held.queued = false;
	queue->count--;
	batch->queued--;
}

static void batch_append(struct batch *batch, size_t class, struct cart_op *op)
{
	struct batch_queue *queue = &batch->queues[class];

	op->held.next = NULL;
	op->held.prev = queue->last;
	if (queue->last != NULL)
		queue->last->held.next = op;
	else
		queue->first = op;
	queue->last = op;
	op->held.queued = true;
	op->held.class = class;
	queue->count++;
	batch->queued++;
}

static void batch_prepend(struct batch *batch, size_t class, struct cart_op *op)
{
	struct batch_queue *queue = &batch->queues[class];

	op->held.prev = NULL;
	op->held.next = queue->first;
	if (queue->first != NULL)
		queue->first->held.prev = op;
	else
		queue->last = op;
	queue->first = op;
	op->held.queued = true;
	op->held.class = class;
	queue->count++;
	batch->queued++;
}

/* How long the class should still wait for more to queue; 0: not at all. */
static int64_t batch_patience_ns(const struct batch *batch, size_t class, int64_t now)
{
	const struct batch_queue *queue = &batch->queues[class];
	int64_t waited = now - queue->first->submitted_ns, enough = queue->typical_ns / 2;

	if (!batch->config.patient[class] || queue->count >= queue->in_lanes ||
	    queue->count >= batch->config.ops_max || waited >= enough)
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

/* The class whose first op has waited longest, of the classes that are not blocked and may take
 * another lane now; or BATCH_NO_CLASS. *patience_ns is lowered to what a patient class still waits.
 */
static size_t batch_oldest(const struct batch *batch, const bool *blocked, int64_t now,
			   int64_t *patience_ns)
{
	size_t oldest = BATCH_NO_CLASS;

	for (size_t class = 0; class < batch->config.classes; class ++) {
		const struct cart_op *op = batch->queues[class].first;
		int64_t wait_ns;

		if (op == NULL || blocked[class] || batch_is_full(batch, class))
			continue;
		wait_ns = batch_patience_ns(batch, class, now);
		if (wait_ns > 0 && wait_ns < *patience_ns)
			*patience_ns = wait_ns;
		if (wait_ns == 0 && (oldest == BATCH_NO_CLASS ||
				     op->submitted_ns < batch->queues[oldest].first->submitted_ns))
			oldest = class;
	}
	return oldest;
}

/* The op's cart is being written to in some lane. */
static bool batch_is_held(const struct batch *batch, const struct cart_op *op)
{
	size_t at;

	for (size_t i = 0; i < batch->config.lanes; i++)
		if (cart_id_find(batch->lanes[i].writes, sizeof(struct cart_id),
				 batch->lanes[i].write_count, &op->id, &at))
			return true;
	return false;
}

/*
 * Takes ops of a class from its queue, sorted by cart id: every batch then locks rows in the same
 * order. A second write for a cart stays queued, in its place, for a later batch.
 */
static size_t batch_take(struct batch *batch, size_t class)
{
	struct batch_queue *queue = &batch->queues[class];
	struct cart_op *next;
	size_t count = 0, looked = 0;

	for (struct cart_op *op = queue->first;
	     op != NULL && count < batch->config.ops_max && looked++ < BATCH_LOOK_MAX; op = next) {
		size_t at;
		bool found = cart_id_find(batch->ids, sizeof(struct cart_id), count, &op->id, &at);

		next = op->held.next;
		if (batch->config.one_write_a_cart && cart_op_is_write(op) &&
		    (found || batch_is_held(batch, op)))
			continue;
		if (op->held.alone && count > 0)
			break;
		batch_unlink(batch, queue, op);
		memmove(&batch->ops[at + 1], &batch->ops[at], (count - at) * sizeof(op));
		memmove(&batch->ids[at + 1], &batch->ids[at], (count - at) * sizeof(op->id));
		batch->ops[at] = op;
		batch->ids[at] = op->id;
		count++;
		if (op->held.alone)
			break;
	}
	return count;
}

/* Gives the batch that was made up to the lane that was freed last. */
static void batch_start(struct batch *batch, size_t class, size_t count, int64_t now)
{
	size_t index = batch->idle[--batch->idle_count];
	struct batch_lane *lane = &batch->lanes[index];

	lane->class = class;
	lane->count = count;
	lane->since_ns = now;
	batch->lanes_of[class]++;
	batch->writing_lanes += batch->config.writes[class];
	batch->queues[class].in_lanes += count;
	for (size_t i = 0; i < count; i++) {
		batch->ops[i]->started_ns = now;
		if (batch->config.one_write_a_cart && cart_op_is_write(batch->ops[i]))
			lane->writes[lane->write_count++] = batch->ops[i]->id;
	}
	batch->config.start(batch->config.user, index, batch->ops, count);
}

static void batch_wait(struct batch *batch, int64_t ns)
{
	struct timeval delay = {.tv_sec = ns / CLOCK_NS_PER_S,
				.tv_usec = ns % CLOCK_NS_PER_S / 1000 + 1};

	if (!event_pending(batch->patience, EV_TIMEOUT, NULL))
		event_add(batch->patience, &delay);
}

static void batch_dispatch(evutil_socket_t fd, short what, void *user)
{
	struct batch *batch = user;
	bool blocked[BATCH_CLASSES_MAX] = {
		false}; /* every op queued is for a cart that is being written */
	int64_t patience_ns = INT64_MAX;

	(void)fd;
	(void)what;
	while (batch->queued > 0 && batch->idle_count > 0) {
		int64_t now = clock_monotonic_ns(batch->config.clock);
		size_t class = batch_oldest(batch, blocked, now, &patience_ns), count;

		if (class == BATCH_NO_CLASS)
			break;
		count = batch_take(batch, class);
		if (count > 0)
			batch_start(batch, class, count, now);
		else
			blocked[class] = true;
	}
	if (patience_ns < INT64_MAX && batch->idle_count > 0)
		batch_wait(batch, patience_ns);
}

static void batch_wake(struct batch *batch)
{
	if (batch->queued > 0 && batch->idle_count > 0)
		event_active(batch->dispatch, 0, 0);
}

static bool batch_lanes_new(struct batch *batch)
{
	size_t count = batch->config.lanes;

	batch->lanes = calloc(count, sizeof(*batch->lanes));
	for (size_t i = 0; batch->lanes != NULL && i < count; i++) {
		batch->lanes[i].class = BATCH_NO_CLASS;
		batch->lanes[i].writes = calloc(batch->config.ops_max, sizeof(struct cart_id));
		if (batch->lanes[i].writes == NULL)
			return false;
	}
	return batch->lanes != NULL;
}

struct batch *batch_new(struct event_base *base, const struct batch_config *config)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	assert(config->lanes > 0 && config->ops_max > 0);
	assert(config->classes > 0 && config->classes <= BATCH_CLASSES_MAX);
	if (batch == NULL)
		return NULL;
	batch->config = *config;
	batch->idle = calloc(config->lanes, sizeof(*batch->idle));
	batch->ops = calloc(config->ops_max, sizeof(struct cart_op *));
	batch->ids = calloc(config->ops_max, sizeof(struct cart_id));
	batch->dispatch = event_new(base, -1, 0, batch_dispatch, batch);
	batch->patience = evtimer_new(base, batch_dispatch, batch);
	if (!batch_lanes_new(batch) || batch->idle == NULL || batch->ops == NULL ||
	    batch->ids == NULL || batch->dispatch == NULL || batch->patience == NULL)
		batch_free(&batch);
	return batch;
}

void batch_free(struct batch **out)
{
	struct batch *batch = *out;

	if (batch == NULL)
		return;
	assert(batch->queued == 0);
	if (batch->dispatch != NULL)
		event_free(batch->dispatch);
	if (batch->patience != NULL)
		event_free(batch->patience);
	for (size_t i = 0; batch->lanes != NULL && i < batch->config.lanes; i++)
		free(batch->lanes[i].writes);
	free(batch->lanes);
	free(batch->idle);
	free(batch->ops);
	free(batch->ids);
	free(batch);
	*out = NULL;
}

enum cart_result batch_push(struct batch *batch, struct cart_op *op, size_t class)
{
	assert(class < batch->config.classes);
	if (batch->queued >= batch->config.queue_max)
		return CART_BUSY;
	batch_append(batch, class, op);
	batch_wake(batch);
	return CART_OK;
}

bool batch_remove(struct batch *batch, struct cart_op *op)
{
	if (!op->held.queued)
		return false;
	batch_unlink(batch, &batch->queues[op->held.class], op);
	return true;
}

void batch_retry_together(struct batch *batch, struct cart_op **ops, size_t count, size_t class)
{
	/* From the last to the first, so that they keep their order. */
	for (size_t i = count; i > 0; i--)
		batch_prepend(batch, class, ops[i - 1]);
	batch_wake(batch);
}

void batch_retry_alone(struct batch *batch, struct cart_op **ops, size_t count, size_t class)
{
	for (size_t i = 0; i < count; i++)
		ops[i]->held.alone = true;
	batch_retry_together(batch, ops, count, class);
}

void batch_lane_over(struct batch *batch, size_t index)
{
	struct batch_lane *lane = &batch->lanes[index];
	struct batch_queue *queue;
	int64_t took_ns;

	assert(index < batch->config.lanes);
	if (lane->class == BATCH_NO_CLASS)
		return;
	queue = &batch->queues[lane->class];
	took_ns = clock_monotonic_ns(batch->config.clock) - lane->since_ns;
	if (took_ns > BATCH_TYPICAL_MAX_NS)
		took_ns = BATCH_TYPICAL_MAX_NS;
	queue->typical_ns += (took_ns - queue->typical_ns) / BATCH_TYPICAL_PART;
	queue->in_lanes -= lane->count;
	batch->lanes_of[lane->class]--;
	batch->writing_lanes -= batch->config.writes[lane->class];
	lane->class = BATCH_NO_CLASS;
	lane->write_count = 0;
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
	return batch->queued;
}

struct cart_op *batch_take_stale(struct batch *batch, int64_t before_ns,
				 bool (*keep)(const struct cart_op *op))
{
	struct cart_op *stale = NULL, *next;

	for (size_t class = 0; class < batch->config.classes; class ++) {
		for (struct cart_op *op = batch->queues[class].first; op != NULL; op = next) {
			next = op->held.next;
			if (op->submitted_ns > before_ns || op->started_ns > before_ns ||
			    (keep != NULL && keep(op)))
				continue;
			batch_unlink(batch, &batch->queues[class], op);
			op->held.next = stale;
			stale = op;
		}
	}
	return stale;
}

struct cart_op *batch_first(const struct batch *batch, size_t class)
{
	return batch->queues[class].first;
}
