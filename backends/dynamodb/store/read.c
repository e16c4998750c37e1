/*
 * Gets and lists. The happy path of gets: one is a GetItem, several that waited together are one
 * BatchGetItem; each op gets its cart. Carts that DynamoDB did not return (UnprocessedKeys) are
 * requested again after a pause. A list is a chain of calls, see listing.h.
 */
#include "backends/dynamodb/store/read.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define READ_PAUSE_MS	25
#define READ_ROUNDS_MAX 8

/* Answers an op of the lane, and removes it. */
static void read_complete(struct ddb_lane *lane, size_t at, enum cart_result result)
{
	struct cart_op *op = lane->ops[at];

	lane->ops[at] = NULL;
	if (op != NULL)
		cart_store_complete(op, result);
}

/* Answers all remaining ops with the same result; the lane is free. */
static void read_fail(struct ddb_lane *lane, enum cart_result result, const char *why)
{
	for (size_t i = 0; i < lane->count; i++) {
		if (lane->ops[i] != NULL && lane->ops[i]->reason[0] == '\0')
			cart_op_set_reason(lane->ops[i], "%s", why);
		read_complete(lane, i, result);
	}
	lane->count = 0;
	ddb_listing_free(&lane->listing);
	ddb_lane_idle(lane);
}

static int64_t read_deadline(const struct ddb_lane *lane)
{
	int64_t latest = 0;

	for (size_t i = 0; i < lane->count; i++)
		if (lane->ops[i] != NULL && lane->ops[i]->deadline_ns > latest)
			latest = lane->ops[i]->deadline_ns;
	return latest;
}

static void read_get(struct ddb_lane *lane)
{
	struct ddb_store *store = lane->store;
	enum ddb_operation operation = DDB_GET_ITEM;

	if (lane->asked == 1) {
		ddb_body_get(&lane->call.body, &store->table, &lane->ids[0], lane->consistent);
	} else {
		operation = DDB_BATCH_GET_ITEM;
		ddb_body_batch_get(&lane->call.body, &store->table, lane->ids, lane->asked,
				   lane->consistent);
	}
	metrics_add_size(lane->store->shard, &lane->store->db->series.batches, lane->asked);
	if (!ddb_lane_call(lane, DDB_STEP_GETS, operation, read_deadline(lane)))
		read_fail(lane, CART_BUSY, "out of memory");
}

static void read_list(struct ddb_lane *lane)
{
	enum ddb_operation operation;

	if (ddb_listing_next(lane->listing, &lane->call.body, &operation)) {
		if (!ddb_lane_call(lane, DDB_STEP_LIST, operation, read_deadline(lane)))
			read_fail(lane, CART_BUSY, "out of memory");
		return;
	}
	ddb_listing_finish(lane->listing, lane->ops[0]);
	read_fail(lane, CART_OK, "");
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
	if (item->deleted || cart_is_expired(&item->cart, op->now_ms))
		return CART_NOT_FOUND;
	return cart_copy(&op->cart, &item->cart) ? CART_OK : CART_BUSY;
}

/* Answers every op that requested the item's cart. False: none did, or the item has no id. */
static bool read_take_item(struct ddb_lane *lane, const json_t *attributes)
{
	struct ddb_item item = {0};
	char why[CART_REASON_MAX];
	enum cart_result read = ddb_item_read(&item, attributes, why, sizeof(why));
	struct cart_id id = item.cart.id;
	size_t at = lane->count;
	bool known = (read == CART_OK || ddb_item_id(attributes, &id)) &&
		     cart_id_find(lane->op_ids, sizeof(id), lane->count, &id, &at);

	for (; at < lane->count && cart_id_compare(&lane->op_ids[at], &id) == 0; at++)
		if (lane->ops[at] != NULL)
			read_complete(lane, at, read_give(lane->ops[at], &item, read, why));
	ddb_item_clear(&item);
	return known;
}

/* The item of a GetItem. */
static void read_take_one(struct ddb_lane *lane)
{
	const json_t *attributes = json_object_get(lane->call.json, "Item");

	if (attributes == NULL || read_take_item(lane, attributes))
		read_fail(lane, CART_NOT_FOUND, "");
	else
		read_fail(lane, CART_FAILED, "the answer is not the cart that was requested");
}

/* Puts the carts that were not processed into lane->ids. False: the answer is not valid. */
static bool read_take_unprocessed(struct ddb_lane *lane)
{
	const struct ddb_store *store = lane->store;
	const json_t *tables = json_object_get(lane->call.json, "UnprocessedKeys");
	const json_t *keys = json_object_get(json_object_get(tables, store->table.name), "Keys");
	const json_t *key;
	size_t i;

	lane->asked = 0;
	json_array_foreach(keys, i, key)
	{
		struct cart_id *id = &lane->ids[lane->asked];
		size_t at;

		if (lane->asked >= store->db->options.batch_max || !ddb_item_id(key, id))
			return false;
		/* Ops that were answered meanwhile do not need it again. */
		if (cart_id_find(lane->op_ids, sizeof(*id), lane->count, id, &at))
			lane->asked++;
	}
	return true;
}

/* A cart that is neither in the answer nor unprocessed does not exist. */
static void read_absent(struct ddb_lane *lane)
{
	for (size_t i = 0; i < lane->count; i++) {
		bool asked = false;

		for (size_t j = 0; lane->ops[i] != NULL && j < lane->asked; j++)
			asked = asked || cart_id_compare(&lane->ids[j], &lane->op_ids[i]) == 0;
		if (!asked)
			read_complete(lane, i, CART_NOT_FOUND);
	}
}

/* Requests the unprocessed carts again after a pause. */
static void read_pause(struct ddb_lane *lane, enum ddb_step next, size_t left_out)
{
	struct ddb_store *store = lane->store;

	ddb_store_count(store, store->db->series.unprocessed, (int64_t)left_out);
	if (++lane->rounds >= READ_ROUNDS_MAX)
		read_fail(lane, CART_BUSY, "BatchGetItem left carts unprocessed too many times");
	else
		ddb_lane_pause(lane, next,
			       ddb_store_backoff_us(store, READ_PAUSE_MS, lane->rounds));
}

static void read_take_batch(struct ddb_lane *lane)
{
	const json_t *tables = json_object_get(lane->call.json, "Responses");
	const json_t *items = json_object_get(tables, lane->store->table.name), *attributes;
	bool good = true;
	size_t i;

	json_array_foreach(items, i, attributes)
	{
		good = read_take_item(lane, attributes) && good;
	}
	/* An unknown item might be the bad item of any op, so none can be answered NOT_FOUND. */
	if (!good || !read_take_unprocessed(lane)) {
		read_fail(lane, CART_FAILED, "the answer contains carts that were not requested");
		return;
	}
	read_absent(lane);
	if (lane->asked == 0) {
		read_fail(lane, CART_NOT_FOUND, "");
		return;
	}
	read_pause(lane, DDB_STEP_GETS, lane->asked);
}

static void read_take_list(struct ddb_lane *lane)
{
	char why[CART_REASON_MAX] = "";
	enum cart_result result =
		ddb_listing_take(lane->listing, lane->call.json, why, sizeof(why));

	if (result != CART_OK) {
		read_fail(lane, result, why);
	} else if (ddb_listing_left_out(lane->listing) > 0) {
		read_pause(lane, DDB_STEP_LIST, ddb_listing_left_out(lane->listing));
	} else {
		lane->rounds = 0;
		read_list(lane);
	}
}

static void read_done(struct ddb_lane *lane)
{
	struct cart_op *op = NULL;

	if (lane->call.outcome == DDB_OK) {
		if (lane->step == DDB_STEP_LIST)
			read_take_list(lane);
		else if (lane->call.operation == DDB_GET_ITEM)
			read_take_one(lane);
		else
			read_take_batch(lane);
		return;
	}
	for (size_t i = 0; op == NULL && i < lane->count; i++)
		op = lane->ops[i];
	read_fail(lane, ddb_call_result(&lane->call, op), lane->call.message);
}

static void read_resume(struct ddb_lane *lane)
{
	if (lane->step == DDB_STEP_LIST)
		read_list(lane);
	else
		read_get(lane);
}

static bool read_forget(struct ddb_lane *lane, const struct cart_op *op, bool *sent)
{
	bool found = false, others = false;

	*sent = false;
	for (size_t i = 0; i < lane->count; i++) {
		if (lane->ops[i] == op) {
			lane->ops[i] = NULL;
			found = true;
		} else if (lane->ops[i] != NULL) {
			others = true;
		}
	}
	if (!found || others)
		return found;
	lane->count = 0;
	ddb_listing_free(&lane->listing);
	ddb_lane_stop(lane);
	return true;
}

static const struct ddb_lane_steps read_steps = {
	.done = read_done, .resume = read_resume, .forget = read_forget};

void ddb_read_start(struct ddb_lane *lane, enum ddb_class class, struct cart_op **ops, size_t count)
{
	lane->steps = &read_steps;
	lane->count = count;
	lane->asked = 0;
	lane->rounds = 0;
	lane->consistent = class == DDB_CLASS_STRONG;
	memcpy(lane->ops, ops, count * sizeof(struct cart_op *));
	for (size_t i = 0; i < count; i++)
		lane->op_ids[i] = ops[i]->id;
	if (class == DDB_CLASS_LIST) {
		lane->listing = ddb_listing_new(ops[0], &lane->store->table);
		if (lane->listing == NULL)
			read_fail(lane, CART_BUSY, "out of memory");
		else
			read_list(lane);
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (i == 0 || cart_id_compare(&lane->op_ids[i], &lane->op_ids[i - 1]) != 0)
			lane->ids[lane->asked++] = lane->op_ids[i];
	read_get(lane);
}
