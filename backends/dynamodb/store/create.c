/*
 * New carts. Without a key: one PutItem, under the condition that no item has the id.
 *
 * With a key, two PutItems: first the key's item, which names the cart (KEY), then that cart (PUT).
 * Each is conditional on the item being absent. A request that finds the key reads the cart that it
 * names (READ), and creates it if the first request was stopped between the two. So a key has one
 * cart, whatever fails, without a transaction. If the proposed id is in use, the key's item is
 * removed again (KEY_UNDO).
 *
 * When an answer was lost, the item is read: one with our mark is ours. Sending again is safe,
 * because every call is conditional.
 */
#include "backends/dynamodb/store/create.h"

#include "backends/dynamodb/store/answer.h"

#include <stdio.h>
#include <string.h>

static bool create_is_keyed(const struct ddb_write *write)
{
	return write->key_name[0] != '\0';
}

static void create_put(struct ddb_lane *lane)
{
	struct ddb_write *write = &lane->write;

	write->after.id = write->id;
	ddb_body_create(&lane->call.body, &lane->store->table, &write->after, write->op,
			write->mark, create_is_keyed(write) ? write->key_item : NULL);
	ddb_write_send(lane, DDB_STEP_PUT, DDB_PUT_ITEM);
}

static void create_read(struct ddb_lane *lane)
{
	ddb_body_get(&lane->call.body, &lane->store->table, &lane->write.id, true);
	ddb_write_send(lane, DDB_STEP_READ, DDB_GET_ITEM);
}

static void create_put_key(struct ddb_lane *lane)
{
	const struct ddb_table *table = &lane->store->table;
	const struct ddb_write *write = &lane->write;

	ddb_body_put_key(&lane->call.body, table, write->op, write->key_item,
			 write->op->now_ms - table->rules->idempotency_window_ms);
	ddb_write_send(lane, DDB_STEP_KEY, DDB_PUT_ITEM);
}

static void create_read_key(struct ddb_lane *lane)
{
	ddb_body_get_key(&lane->call.body, &lane->store->table, lane->write.key_item);
	ddb_write_send(lane, DDB_STEP_KEY_READ, DDB_GET_ITEM);
}

/* Continues by the key's item. */
static void create_take_key(struct ddb_lane *lane, const json_t *attributes)
{
	struct ddb_write *write = &lane->write;
	struct ddb_key key;
	struct cart_id target;

	if (!ddb_key_item_read(attributes, &key, &target)) {
		cart_op_set_reason(write->op, "the item %s has not the attributes of a key",
				   write->key_item);
		ddb_write_answer(lane, CART_FAILED);
		return;
	}
	switch (cart_replay_check(key.fingerprint, key.stored_ms, write->op,
				  lane->store->table.rules)) {
	case CART_REPLAY_NEW:
		if (ddb_write_may_repeat(lane))
			create_put_key(lane);
		return;
	case CART_REPLAY_OTHER:
		ddb_write_answer(lane, CART_KEY_REUSED);
		return;
	case CART_REPLAY_SAME:
		break;
	}
	if (cart_id_compare(&target, &write->op->id) == 0) {
		create_put(lane); /* this op's own: a try whose answer was lost stored it */
		return;
	}
	write->replaying = true;
	write->id = target;
	create_read(lane);
}

static void create_key_done(struct ddb_lane *lane)
{
	const json_t *attributes = json_object_get(lane->call.json, "Item");

	if (lane->step == DDB_STEP_KEY && lane->call.outcome == DDB_OK)
		create_put(lane);
	else if (attributes != NULL)
		create_take_key(lane, attributes);
	else if (lane->step == DDB_STEP_KEY)
		create_read_key(lane);
	else if (ddb_write_may_repeat(lane)) /* it was removed, or never stored */
		create_put_key(lane);
}

static void create_made(struct ddb_lane *lane)
{
	struct ddb_write *write = &lane->write;

	write->op->version = write->after.version;
	write->op->cart = write->after;
	write->after = (struct cart){0};
	ddb_write_answer(lane, CART_OK);
}

/* Another cart has the id. */
static void create_in_use(struct ddb_lane *lane)
{
	struct ddb_write *write = &lane->write;

	cart_op_set_reason(write->op, "another cart already has this id");
	if (!create_is_keyed(write) || write->replaying) {
		ddb_write_answer(lane, CART_FAILED);
		return;
	}
	ddb_body_delete_key(&lane->call.body, &lane->store->table, write->op, write->key_item);
	ddb_write_send(lane, DDB_STEP_KEY_UNDO, DDB_DELETE_ITEM);
}

/* An item with the cart's id exists. */
static void create_take_item(struct ddb_lane *lane, struct ddb_item *item)
{
	const struct ddb_write *write = &lane->write;
	bool same_key = create_is_keyed(write) && strcmp(item->create_key, write->key_item) == 0;

	if (!item->deleted && strcmp(item->mark, write->mark) == 0)
		ddb_write_answer_item(lane, item, item->cart.version, false);
	else if (item->deleted && create_is_keyed(write))
		ddb_write_answer(lane, CART_NOT_FOUND);
	else if (!same_key)
		create_in_use(lane);
	else if (cart_is_expired(&item->cart, write->op->now_ms))
		ddb_write_answer(lane, CART_NOT_FOUND);
	else
		ddb_write_answer_item(lane, item, 1, true);
}

static void create_item_done(struct ddb_lane *lane)
{
	struct ddb_item item;
	int found;

	if (lane->step == DDB_STEP_PUT && lane->call.outcome == DDB_OK) {
		create_made(lane);
		return;
	}
	found = ddb_write_item(lane, &item);
	if (found > 0)
		create_take_item(lane, &item);
	else if (found == 0 && lane->step == DDB_STEP_PUT)
		create_read(lane); /* not every server returns the item */
	else if (found == 0 && ddb_write_may_repeat(lane))
		create_put(lane);
	ddb_item_clear(&item);
}

/* The call ended neither as OK nor as CONDITION. */
static void create_failed(struct ddb_lane *lane)
{
	enum ddb_step step = lane->step;

	/* A key alone creates no cart: the key's item is read, but the op is not in doubt. */
	if (step == DDB_STEP_KEY && lane->call.outcome == DDB_DOUBT)
		create_read_key(lane);
	else if (step == DDB_STEP_KEY_UNDO)
		ddb_write_answer(lane, CART_FAILED);
	else if (ddb_write_in_doubt(lane, 0))
		create_read(lane);
}

static void create_done(struct ddb_lane *lane)
{
	enum ddb_outcome outcome = lane->call.outcome;

	if (outcome != DDB_OK && outcome != DDB_CONDITION)
		create_failed(lane);
	else if (lane->step == DDB_STEP_KEY || lane->step == DDB_STEP_KEY_READ)
		create_key_done(lane);
	else if (lane->step == DDB_STEP_KEY_UNDO)
		ddb_write_answer(lane, CART_FAILED);
	else
		create_item_done(lane);
}

/* Nothing of a create pauses. */
static const struct ddb_lane_steps create_steps = {
	.done = create_done, .resume = create_done, .forget = ddb_write_forget};

void ddb_create_start(struct ddb_lane *lane)
{
	struct ddb_write *write = &lane->write;
	const struct cart_op *op = write->op;

	lane->steps = &create_steps;
	cart_create(&write->after, op, lane->store->table.rules);
	if (!create_is_keyed(write)) {
		create_put(lane);
		return;
	}
	snprintf(write->key_item, sizeof(write->key_item), "key#%s", write->key_name);
	create_put_key(lane);
}
