/*
 * Gets. The happy path: one is a GetItem, several that waited together are one BatchGetItem; each
 * op gets its cart. Carts that DynamoDB did not return (UnprocessedKeys) are requested again after
 * a pause. Those that are merging are requested again, strongly, after the merge was finished
 * (merge.h).
 */
#include "backends/dynamodb/store/read.h"

#include "backends/dynamodb/store/merge.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* Answers an op of the task, and removes it. */
static void read_complete(struct ddb_task *task, size_t at, enum cart_result result)
{
	struct cart_op *op = task->ops[at];

	task->ops[at] = NULL;
	if (op != NULL)
		cart_store_complete(op, result);
}

/* Answers all remaining ops with the same result, and ends the task. */
static void read_fail(struct ddb_task *task, enum cart_result result, const char *why)
{
	for (size_t i = 0; i < task->count; i++) {
		if (task->ops[i] != NULL && task->ops[i]->reason[0] == '\0')
			cart_op_set_reason(task->ops[i], "%s", why);
		read_complete(task, i, result);
	}
	task->count = 0;
	ddb_task_end(task);
}

static int64_t read_deadline(const struct ddb_task *task)
{
	int64_t latest = 0;

	for (size_t i = 0; i < task->count; i++)
		if (task->ops[i] != NULL && task->ops[i]->deadline_ns > latest)
			latest = task->ops[i]->deadline_ns;
	return latest;
}

static void read_get(struct ddb_task *task)
{
	struct ddb_store *store = task->store;
	enum ddb_operation operation;

	/* An op without others is the task's first. */
	if (task->count == 1 && task->consistent && task->ops[0]->line != NULL) {
		operation = ddb_body_get_line(&task->call.body, &store->table, &task->ids[0],
					      task->ops[0]->line);
	} else if (task->asked == 1) {
		operation = ddb_body_get(&task->call.body, &store->table, &task->ids[0],
					 task->consistent);
	} else {
		operation = DDB_BATCH_GET_ITEM;
		ddb_body_batch_get(&task->call.body, &store->table, task->ids, task->asked,
				   task->consistent);
	}
	metrics_add_size(task->store->shard, &task->store->db->series.batches, task->asked);
	if (!ddb_task_call(task, DDB_STEP_GETS, operation, read_deadline(task)))
		read_fail(task, CART_BUSY, "out of memory");
}

/* What an op is answered with that requested this item. An item that could not be read, for the
 * reason in why, fails only these ops. */
static enum cart_result read_give(struct cart_op *op, const struct ddb_item *item,
				  enum cart_result read, const char *why)
{
	if (read != CART_OK) {
		cart_op_set_reason(op, "%s", why);
		return read;
	}
	if (item->deleted || !cart_op_sees(op, &item->cart))
		return CART_NOT_FOUND;
	return cart_copy(&op->cart, &item->cart) ? CART_OK : CART_BUSY;
}

/* The op waits for the end of a merge. */
static bool read_meets_merge(struct ddb_task *task, struct cart_op *op, const struct ddb_item *item)
{
	if (item->seal.merge_id[0] == '\0' || !cart_op_sees(op, &item->cart))
		return false;
	op->held.nonce = 1;
	task->met = true;
	task->met_from = item->cart.id;
	task->met_into = item->seal.into;
	return true;
}

/* Answers every op that requested the item's cart. False: none did, or the item has no id. */
static bool read_take_item(struct ddb_task *task, const json_t *attributes)
{
	struct ddb_item item = {0};
	char why[CART_REASON_MAX];
	enum cart_result read = ddb_item_read(&item, attributes, why, sizeof(why));
	struct cart_id id = item.cart.id;
	size_t at = task->count;
	bool known = (read == CART_OK || ddb_item_id(attributes, &id)) &&
		     cart_id_find(task->op_ids, sizeof(id), task->count, &id, &at);

	for (; at < task->count && cart_id_compare(&task->op_ids[at], &id) == 0; at++)
		if (task->ops[at] != NULL && task->ops[at]->held.nonce == 0 &&
		    !read_meets_merge(task, task->ops[at], &item))
			read_complete(task, at, read_give(task->ops[at], &item, read, why));
	ddb_item_clear(&item);
	return known;
}

static void read_merge_over(struct ddb_task *task, enum cart_result result, const char *why)
{
	if (result != CART_OK)
		read_fail(task, result, why);
	else
		read_get(task);
}

/* Any op of the task that was not answered yet. */
static const struct cart_op *read_op(const struct ddb_task *task)
{
	size_t at = 0;

	while (task->ops[at] == NULL)
		at++;
	return task->ops[at];
}

/* Adds the carts that are to be read again to task->ids. */
static void read_ask_met(struct ddb_task *task)
{
	for (size_t i = 0; i < task->count; i++) {
		if (task->ops[i] == NULL || task->ops[i]->held.nonce == 0)
			continue;
		task->ops[i]->held.nonce = 0;
		task->consistent = true;
		if (task->asked == 0 ||
		    cart_id_compare(&task->ids[task->asked - 1], &task->op_ids[i]) != 0)
			task->ids[task->asked++] = task->op_ids[i];
	}
}

/* Finishes one merge; the carts of others are met again. */
static void read_finish_merge(struct ddb_task *task)
{
	task->met = false;
	ddb_merge_finish(task, &task->met_from, &task->met_into, read_op(task), read_merge_over);
}

/* The item of a GetItem. */
static void read_take_one(struct ddb_task *task)
{
	const json_t *attributes = json_object_get(task->call.json, "Item");

	bool taken = attributes == NULL || read_take_item(task, attributes);

	if (task->met) {
		task->asked = 0;
		read_ask_met(task);
		read_finish_merge(task);
	} else if (taken)
		read_fail(task, CART_NOT_FOUND, "");
	else
		read_fail(task, CART_FAILED, "the answer is not the cart that was requested");
}

/* Puts the carts that were not processed into task->ids. False: the answer is not valid. */
static bool read_take_unprocessed(struct ddb_task *task)
{
	const struct ddb_store *store = task->store;
	const json_t *tables = json_object_get(task->call.json, "UnprocessedKeys");
	const json_t *keys = json_object_get(json_object_get(tables, store->table.name), "Keys");
	const json_t *key;
	size_t i;

	task->asked = 0;
	json_array_foreach(keys, i, key)
	{
		struct cart_id *id = &task->ids[task->asked];
		size_t at;

		if (task->asked >= store->db->options.batch_max || !ddb_item_id(key, id))
			return false;
		/* Ops that were answered meanwhile do not need it again. */
		if (cart_id_find(task->op_ids, sizeof(*id), task->count, id, &at))
			task->asked++;
	}
	return true;
}

/* A cart that is neither in the answer nor unprocessed does not exist. */
static void read_absent(struct ddb_task *task)
{
	for (size_t i = 0; i < task->count; i++) {
		bool asked = false;

		for (size_t j = 0; task->ops[i] != NULL && j < task->asked; j++)
			asked = asked || cart_id_compare(&task->ids[j], &task->op_ids[i]) == 0;
		if (!asked)
			read_complete(task, i, CART_NOT_FOUND);
	}
}

/* Where a cart is merging, that which it goes into is read again too: who asked for both is not
 * told what one was before the merge and the other after it. */
static void read_ask_targets(struct ddb_task *task, const json_t *items)
{
	const json_t *attributes;
	struct cart_id into;
	size_t i, at;

	json_array_foreach(items, i, attributes)
	{
		if (!ddb_item_is_merging(attributes, &into) ||
		    !cart_id_find(task->op_ids, sizeof(into), task->count, &into, &at))
			continue;
		for (; at < task->count && cart_id_compare(&task->op_ids[at], &into) == 0; at++)
			if (task->ops[at] != NULL)
				task->ops[at]->held.nonce = 1;
	}
}

static void read_take_batch(struct ddb_task *task)
{
	const json_t *tables = json_object_get(task->call.json, "Responses");
	const json_t *items = json_object_get(tables, task->store->table.name), *attributes;
	bool good = true;
	size_t i;

	if (!json_is_object(tables)) {
		read_fail(task, CART_BUSY, "the answer has no Responses");
		return;
	}
	read_ask_targets(task, items);
	json_array_foreach(items, i, attributes)
	{
		good = read_take_item(task, attributes) && good;
	}
	/* An unknown item might be the bad item of any op, so none can be answered NOT_FOUND. */
	if (!good || !read_take_unprocessed(task)) {
		read_fail(task, CART_FAILED, "the answer contains carts that were not requested");
		return;
	}
	read_ask_met(task);
	read_absent(task);
	if (task->met) {
		read_finish_merge(task);
		return;
	}
	if (task->asked == 0) {
		read_fail(task, CART_NOT_FOUND, "");
		return;
	}
	if (!ddb_task_pause_left_out(task, DDB_STEP_GETS, task->asked, read_deadline(task)))
		read_fail(task, CART_BUSY, "BatchGetItem leaves carts unprocessed");
}

static void read_done(struct ddb_task *task)
{
	if (task->call.outcome != DDB_OK)
		read_fail(task, ddb_call_result(&task->call), task->call.message);
	else if (task->call.operation == DDB_BATCH_GET_ITEM)
		read_take_batch(task);
	else
		read_take_one(task);
}

static bool read_forget(struct ddb_task *task, const struct cart_op *op, bool *sent)
{
	bool found = false, others = false;

	*sent = false;
	for (size_t i = 0; i < task->count; i++) {
		if (task->ops[i] == op) {
			task->ops[i] = NULL;
			found = true;
		} else if (task->ops[i] != NULL) {
			others = true;
		}
	}
	if (!found || others)
		return found;
	task->count = 0;
	ddb_task_end(task);
	return true;
}

static const struct ddb_task_steps read_steps = {
	.done = read_done, .resume = read_get, .forget = read_forget};

void ddb_read_start(struct ddb_task *task, struct cart_op **ops, size_t count)
{
	task->steps = &read_steps;
	task->count = count;
	task->asked = 0;
	task->rounds = 0;
	task->met = false;
	task->consistent = task->class == DDB_CLASS_STRONG;
	memcpy(task->ops, ops, count * sizeof(struct cart_op *));
	for (size_t i = 0; i < count; i++)
		task->op_ids[i] = ops[i]->id;
	for (size_t i = 0; i < count; i++)
		if (i == 0 || cart_id_compare(&task->op_ids[i], &task->op_ids[i - 1]) != 0)
			task->ids[task->asked++] = task->op_ids[i];
	read_get(task);
}
