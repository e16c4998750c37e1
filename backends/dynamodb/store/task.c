/*
 * A task's life: it makes one call after another, gives up its lane in a pause, waits for another
 * one, and ends. What the calls are is up to its steps (read.c, write.c, create.c).
 */
#include "backends/dynamodb/store/task.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASK_BACKOFF_MAX_MS 1000
/* A spare task that was not needed for this long is freed. */
#define TASK_SPARE_NS (10 * CLOCK_NS_PER_S)

void ddb_store_count(struct ddb_store *store, metric_t series, int64_t n)
{
	metrics_add(store->shard, series, n);
}

int64_t ddb_store_backoff_us(struct ddb_store *store, int64_t base_ms, unsigned tries)
{
	return retry_pause_us(base_ms, TASK_BACKOFF_MAX_MS, tries, random_next(&store->random));
}

/* The task has a lane again. */
static void task_go_on(struct ddb_task *task)
{
	if (task->is_pausing) {
		task->is_pausing = false;
		task->steps->resume(task);
	} else {
		ddb_call_resume(&task->call);
	}
}

static bool task_take_lane(struct ddb_task *task)
{
	struct ddb_store *store = task->store;

	if (!batch_lane_take(store->pool.batch, task->class, &task->lane))
		return false;
	store->pausing--;
	return true;
}

static void task_wait_for_lane(struct ddb_task *task)
{
	TAILQ_INSERT_TAIL(&task->store->ready[task->class], task, turn);
	task->is_ready = true;
}

static void task_leave_ready(struct ddb_task *task)
{
	if (task->is_ready)
		TAILQ_REMOVE(&task->store->ready[task->class], task, turn);
	task->is_ready = false;
}

/* Tasks that have begun come before ops that have not. */
static void store_free_lane(struct ddb_store *store, size_t lane)
{
	batch_lane_free(store->pool.batch, lane);
	for (size_t class = 0; class < DDB_CLASSES; class ++) {
		struct ddb_task *task;

		while ((task = TAILQ_FIRST(&store->ready[class])) != NULL && task_take_lane(task)) {
			task_leave_ready(task);
			task_go_on(task);
		}
	}
}

static void task_leave_lane(struct ddb_task *task)
{
	size_t lane = task->lane;

	if (lane == DDB_NO_LANE)
		return;
	task->lane = DDB_NO_LANE;
	task->store->pausing++;
	store_free_lane(task->store, lane);
}

/* Layout rows: the answer is of a call that reads a cart. */
static bool task_reads_rows(const struct ddb_task *task)
{
	return task->call.outcome == DDB_OK &&
	       (task->call.operation == DDB_TRANSACT_GET_ITEMS ||
		(task->call.operation == DDB_QUERY && task->step != DDB_STEP_LIST));
}

/* True: the cart's rows are not together yet, and the next call for them is under way. */
static bool task_gathers(struct ddb_task *task)
{
	struct ddb_call *call = &task->call;
	bool one = call->operation == DDB_TRANSACT_GET_ITEMS;

	if (one && ddb_gather_take_line(&call->json))
		return false;
	switch (one ? DDB_GATHER_FAILED
		    : ddb_gather_take(&task->gather, &call->body, &call->json)) {
	case DDB_GATHERED:
		return false;
	case DDB_GATHER_MORE:
		if (ddb_call_start(task->store->client, call) == 0)
			return true;
		break;
	case DDB_GATHER_FAILED:
		break;
	}
	call->outcome = DDB_BUSY;
	snprintf(call->message, sizeof(call->message), "no memory for the rows, or no rows");
	return false;
}

static void task_called(struct ddb_call *call, void *user)
{
	struct ddb_task *task = user;

	(void)call;
	if (!task_reads_rows(task) || !task_gathers(task))
		task->steps->done(task);
}

static void task_call_paused(struct ddb_call *call, void *user)
{
	(void)call;
	task_leave_lane(user);
}

static bool task_call_ready(struct ddb_call *call, void *user)
{
	struct ddb_task *task = user;

	(void)call;
	if (task_take_lane(task))
		return true;
	task_wait_for_lane(task);
	return false;
}

bool ddb_task_call(struct ddb_task *task, enum ddb_step step, enum ddb_operation operation,
		   int64_t deadline_ns)
{
	/* A call that was given up in a pause is the last one of its task. */
	assert(task->lane != DDB_NO_LANE);
	if (task->call.body.failed)
		return false;
	task->call.operation = operation;
	task->call.deadline_ns = deadline_ns;
	task->call.done = task_called;
	task->call.paused = task_call_paused;
	task->call.ready = task_call_ready;
	task->call.user = task;
	task->step = step;
	ddb_gather_clear(&task->gather);
	return ddb_call_start(task->store->client, &task->call) == 0;
}

void ddb_task_mark(struct ddb_task *task, char mark[DDB_MARK_ROOM])
{
	snprintf(mark, DDB_MARK_ROOM, "%016llx",
		 (unsigned long long)random_next(&task->store->random));
}

void ddb_task_wake(struct ddb_task *task)
{
	if (task_take_lane(task))
		task_go_on(task);
	else
		task_wait_for_lane(task);
}

static void task_paused(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	ddb_task_wake(user);
}

void ddb_task_rest(struct ddb_task *task, enum ddb_step step)
{
	task->step = step;
	task->is_pausing = true;
	task_leave_lane(task);
}

void ddb_task_pause(struct ddb_task *task, enum ddb_step step, int64_t us)
{
	struct timeval delay = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	event_add(task->pause, &delay);
	ddb_task_rest(task, step);
}

bool ddb_task_pause_left_out(struct ddb_task *task, enum ddb_step step, size_t left_out,
			     int64_t deadline_ns)
{
	struct ddb_store *store = task->store;
	int64_t left_us = (deadline_ns - cart_store_now_ns(&store->store)) / 1000;
	int64_t us = ddb_retry_pause_us(DDB_RETRY_SERVER, ++task->rounds, -1, left_us,
					random_next(&store->random));

	ddb_store_count(store, store->db->series.unprocessed, (int64_t)left_out);
	if (us >= 0)
		ddb_task_pause(task, step, us);
	return us >= 0;
}

void ddb_task_drop_merge(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;

	task->merge = NULL;
	if (merge == NULL)
		return;
	ddb_item_clear(&merge->target);
	ddb_item_clear(&merge->source);
	cart_clear(&merge->after);
	free(merge);
}

static void task_free(struct ddb_task *task)
{
	ddb_task_drop_merge(task);
	ddb_gather_clear(&task->gather);
	ddb_call_clear(&task->call);
	buf_free(&task->call.body);
	ddb_listing_free(&task->listing);
	cart_clear(&task->write.after);
	if (task->pause != NULL)
		event_free(task->pause);
	free(task->ops);
	free(task->op_ids);
	free(task->ids);
	free(task);
}

void ddb_task_end(struct ddb_task *task)
{
	struct ddb_store *store = task->store;
	size_t lane = task->lane;

	ddb_call_abandon(&task->call);
	event_del(task->pause);
	task_leave_ready(task);
	task->is_pausing = false;
	ddb_task_drop_merge(task);
	ddb_gather_clear(&task->gather);
	task->steps = NULL;
	store->pausing -= lane == DDB_NO_LANE;
	TAILQ_REMOVE(&store->busy, task, link);
	if (store->spare_count < store->lane_count) {
		ddb_call_forget(&task->call);
		TAILQ_INSERT_HEAD(&store->spare, task, link);
		store->spare_count++;
	} else {
		task_free(task);
	}
	if (lane != DDB_NO_LANE)
		store_free_lane(store, lane);
}

static struct ddb_task *task_allocate(struct ddb_store *store)
{
	size_t batch_max = store->db->options.batch_max;
	struct ddb_task *task = calloc(1, sizeof(*task));

	if (task == NULL)
		return NULL;
	task->store = store;
	TAILQ_INIT(&task->readers);
	task->pause = evtimer_new(store->base, task_paused, task);
	task->ops = calloc(batch_max, sizeof(struct cart_op *));
	task->op_ids = calloc(batch_max, sizeof(*task->op_ids));
	task->ids = calloc(batch_max, sizeof(*task->ids));
	if (task->pause != NULL && task->ops != NULL && task->op_ids != NULL && task->ids != NULL)
		return task;
	task_free(task);
	return NULL;
}

struct ddb_task *ddb_task_new(struct ddb_store *store, enum ddb_class class, size_t lane)
{
	struct ddb_task *task = TAILQ_FIRST(&store->spare);

	if (task != NULL) {
		TAILQ_REMOVE(&store->spare, task, link);
		store->spare_count--;
		if (store->spare_unused > store->spare_count)
			store->spare_unused = store->spare_count;
	} else {
		task = task_allocate(store);
		if (task == NULL)
			return NULL;
	}
	task->class = class;
	task->lane = lane;
	/* Of the op before: reads do not set them. */
	task->call.repeats = 0;
	task->call.patient = false;
	TAILQ_INSERT_TAIL(&store->busy, task, link);
	return task;
}

static void tasks_free(struct ddb_tasks *tasks)
{
	struct ddb_task *task;

	while ((task = TAILQ_FIRST(tasks)) != NULL) {
		TAILQ_REMOVE(tasks, task, link);
		task_free(task);
	}
}

/* The spare tasks are a stack, so those that nobody needed are its last ones. One stays for the
 * next op of a service that has little to do. */
void ddb_tasks_trim(void *user, int64_t now_ns)
{
	struct ddb_store *store = user;

	if (now_ns - store->trimmed_ns < TASK_SPARE_NS)
		return;
	for (; store->spare_unused > 0 && store->spare_count > 1; store->spare_unused--) {
		struct ddb_task *task = TAILQ_LAST(&store->spare, ddb_tasks);

		TAILQ_REMOVE(&store->spare, task, link);
		store->spare_count--;
		task_free(task);
	}
	store->spare_unused = store->spare_count;
	store->trimmed_ns = now_ns;
}

void ddb_tasks_init(struct ddb_store *store)
{
	TAILQ_INIT(&store->busy);
	TAILQ_INIT(&store->spare);
	for (size_t class = 0; class < DDB_CLASSES; class ++)
		TAILQ_INIT(&store->ready[class]);
}

void ddb_tasks_free(struct ddb_store *store)
{
	tasks_free(&store->busy);
	tasks_free(&store->spare);
}

enum cart_result ddb_call_result(const struct ddb_call *call)
{
	/* Only with these does the service say that the request itself is wrong. All others, of
	 * the account, of the table, of something on the way, can be better the next time. */
	static const char *const defects[] = {"ValidationException", "SerializationException",
					      "UnknownOperationException"};

	if (call->outcome == DDB_LATE)
		return CART_TIMEOUT;
	for (size_t i = 0; i < sizeof(defects) / sizeof(defects[0]); i++)
		if (call->outcome == DDB_REJECTED && strcmp(call->error, defects[i]) == 0)
			return CART_FAILED;
	return CART_BUSY;
}
