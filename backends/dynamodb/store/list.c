/*
 * Lists. The happy path: a chain of calls, as listing.h says. In layout rows each cart of a page is
 * a call of its own. Then the list's task reads one cart after another, and so do readers, tasks
 * which it starts for as many lanes as are free of those that lists may have; it goes on when all
 * carts were read. In the meantime it needs no lane.
 *
 * One call that fails for good is the end of the list and of its readers. Carts that are merging
 * are read again after the merge was finished (merge.h), which begins when no reader is left.
 */
#include "backends/dynamodb/store/list.h"

#include "backends/dynamodb/store/merge.h"

/* Answers the op, and ends the task. */
static void list_end(struct ddb_task *list, enum cart_result result, const char *why)
{
	struct cart_op *op = list->ops[0];
	struct ddb_task *reader;

	list->count = 0;
	list->ops[0] = NULL;
	if (op != NULL && op->reason[0] == '\0')
		cart_op_set_reason(op, "%s", why);
	if (op != NULL)
		cart_store_complete(op, result);
	while ((reader = TAILQ_FIRST(&list->readers)) != NULL) {
		TAILQ_REMOVE(&list->readers, reader, reader);
		ddb_task_end(reader);
	}
	ddb_listing_free(&list->listing);
	ddb_task_end(list);
}

/* A task for the next cart. NULL: there is none, or no lane that nobody waits for. */
static struct ddb_task *list_reader(struct ddb_task *list)
{
	struct batch *batch = list->store->pool.batch;
	struct ddb_task *reader;
	size_t lane;

	if (!ddb_listing_has_cart(list->listing) || batch_first(batch, DDB_CLASS_LIST) != NULL ||
	    !batch_lane_take(batch, DDB_CLASS_LIST, &lane))
		return NULL;
	reader = ddb_task_new(list->store, DDB_CLASS_LIST, lane);
	if (reader == NULL) {
		batch_lane_free(batch, lane);
		return NULL;
	}
	reader->steps = list->steps;
	reader->count = 0;
	reader->list = list;
	TAILQ_INSERT_TAIL(&list->readers, reader, reader);
	return reader;
}

/* This task, which is the list's or a reader of it, reads the next cart, and so do others. */
static void list_read_carts(struct ddb_task *list, struct ddb_task *reader)
{
	do {
		enum ddb_operation operation =
			ddb_listing_next_cart(list->listing, &reader->ids[0], &reader->call.body);

		if (!ddb_task_call(reader, DDB_STEP_LIST_CART, operation,
				   list->ops[0]->deadline_ns)) {
			list_end(list, CART_BUSY, "out of memory");
			return;
		}
	} while ((reader = list_reader(list)) != NULL);
}

static void list_next(struct ddb_task *list)
{
	enum ddb_operation operation;

	if (!ddb_listing_next(list->listing, &list->call.body, &operation)) {
		ddb_listing_finish(list->listing, list->ops[0]);
		list_end(list, CART_OK, "");
	} else if (ddb_listing_has_cart(list->listing)) {
		list_read_carts(list, list);
	} else if (!ddb_task_call(list, DDB_STEP_LIST, operation, list->ops[0]->deadline_ns)) {
		list_end(list, CART_BUSY, "out of memory");
	}
}

static void list_merge_over(struct ddb_task *list, enum cart_result result, const char *why)
{
	if (result != CART_OK)
		list_end(list, result, why);
	else
		list_next(list);
}

/* The answers of all calls are taken. */
static void list_go_on(struct ddb_task *list)
{
	if (ddb_listing_met(list->listing, &list->met_from, &list->met_into))
		ddb_merge_finish(list, &list->met_from, &list->met_into, list->ops[0],
				 list_merge_over);
	else
		list_next(list);
}

static void list_take(struct ddb_task *list)
{
	char why[CART_REASON_MAX] = "";
	enum cart_result result =
		ddb_listing_take(list->listing, list->call.json, why, sizeof(why));
	size_t left_out = ddb_listing_left_out(list->listing);

	if (result != CART_OK) {
		list_end(list, result, why);
	} else if (left_out == 0 ||
		   ddb_listing_met(list->listing, &list->met_from, &list->met_into)) {
		list->rounds = 0;
		list_go_on(list);
	} else if (!ddb_task_pause_left_out(list, DDB_STEP_LIST, left_out,
					    list->ops[0]->deadline_ns)) {
		list_end(list, CART_BUSY, "BatchGetItem leaves carts unprocessed");
	}
}

/* There is no other cart to read. The last one goes on with the list. */
static void list_leave(struct ddb_task *list, struct ddb_task *reader)
{
	if (reader == list && !TAILQ_EMPTY(&list->readers)) {
		ddb_task_rest(list, DDB_STEP_LIST_CART);
	} else if (reader == list) {
		list_go_on(list);
	} else {
		TAILQ_REMOVE(&list->readers, reader, reader);
		if (TAILQ_EMPTY(&list->readers) && list->is_pausing)
			ddb_task_wake(list);
		ddb_task_end(reader);
	}
}

static void list_take_cart(struct ddb_task *list, struct ddb_task *reader)
{
	char why[CART_REASON_MAX] = "";
	enum cart_result result = ddb_listing_take_cart(list->listing, &reader->ids[0],
							reader->call.json, why, sizeof(why));

	if (result != CART_OK)
		list_end(list, result, why);
	else if (ddb_listing_has_cart(list->listing))
		list_read_carts(list, reader);
	else
		list_leave(list, reader);
}

/* Of the list's task, and of its readers. */
static void list_done(struct ddb_task *task)
{
	if (task->call.outcome != DDB_OK)
		list_end(task->list, ddb_call_result(&task->call), task->call.message);
	else if (task->step == DDB_STEP_LIST_CART)
		list_take_cart(task->list, task);
	else
		list_take(task);
}

static bool list_forget(struct ddb_task *task, const struct cart_op *op, bool *sent)
{
	*sent = false;
	if (task->count == 0 || task->ops[0] != op)
		return false;
	task->ops[0] = NULL;
	list_end(task, CART_OK, "");
	return true;
}

static const struct ddb_task_steps list_steps = {
	.done = list_done, .resume = list_go_on, .forget = list_forget};

void ddb_list_start(struct ddb_task *task, struct cart_op *op)
{
	task->steps = &list_steps;
	task->count = 1;
	task->ops[0] = op;
	task->rounds = 0;
	task->list = task;
	task->listing = ddb_listing_new(op, &task->store->table);
	if (task->listing == NULL)
		list_end(task, CART_BUSY, "out of memory");
	else
		list_next(task);
}
