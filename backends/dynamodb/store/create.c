/*
 * New carts, and carts that are imported. Without a key: one PutItem, under the condition that no
 * item has the id.
 *
 * With a key, two PutItems: first the key's item, which names the cart (KEY), then that cart (PUT).
 * Each is conditional on the item being absent. A request that finds the key reads the cart that it
 * names (READ), and creates it if the first request was stopped between the two, after it has
 * stored the key again with a time of its own (KEY). So a key has one
 * cart, whatever fails, without a transaction. If the proposed id is in use, the key's item is
 * removed again (KEY_UNDO). A cart over the limits is not made, but what is stored under its key
 * counts first (KEY_READ).
 *
 * When an answer was lost, the item is read: one with our mark is ours. Sending again is safe,
 * because every call is conditional.
 */
#include "backends/dynamodb/store/create.h"

#include "backends/dynamodb/store/answer.h"
#include "backends/dynamodb/store/merge.h"

#include <stdio.h>
#include <string.h>

static bool create_is_keyed(const struct ddb_write *write)
{
	return write->key_name[0] != '\0';
}

/* cart_create() made none: it would be over the limits. */
static bool create_is_over(const struct ddb_write *write)
{
	return write->after.version == 0;
}

static void create_put(struct ddb_task *task)
{
	struct ddb_write *write = &task->write;

	if (create_is_over(write)) {
		ddb_write_answer(task, CART_LIMIT);
		return;
	}
	write->after.id = write->id;
	ddb_write_send(task, DDB_STEP_PUT,
		       ddb_body_create(&task->call.body, &task->store->table, &write->after,
				       write->op, write->mark,
				       create_is_keyed(write) ? write->key_item : NULL));
}

static void create_read(struct ddb_task *task)
{
	ddb_write_send(task, DDB_STEP_READ,
		       ddb_body_get(&task->call.body, &task->store->table, &task->write.id, true));
}

static void create_put_key(struct ddb_task *task, int64_t until_ms)
{
	const struct ddb_write *write = &task->write;

	if (create_is_over(write)) {
		ddb_write_answer(task, CART_LIMIT);
		return;
	}
	ddb_body_put_key(&task->call.body, &task->store->table, write->op, write->key_item,
			 &write->id, until_ms);
	ddb_write_send(task, DDB_STEP_KEY, DDB_PUT_ITEM);
}

/* The key of this op's own cart, where there is none or one that is past its window. */
static void create_put_new_key(struct ddb_task *task)
{
	struct ddb_write *write = &task->write;

	write->id = write->op->id;
	write->replaying = false;
	create_put_key(task, write->op->now_ms - task->store->table.rules->idempotency_window_ms);
}

static void create_read_key(struct ddb_task *task)
{
	ddb_body_get_key(&task->call.body, &task->store->table, task->write.key_item);
	ddb_write_send(task, DDB_STEP_KEY_READ, DDB_GET_ITEM);
}

/* Continues by the key's item. */
static void create_take_key(struct ddb_task *task, const json_t *attributes)
{
	struct ddb_write *write = &task->write;
	struct ddb_key key;
	struct cart_id target;

	if (!ddb_key_item_read(attributes, &key, &target)) {
		cart_op_set_reason(write->op, "the item %s has not the attributes of a key",
				   write->key_item);
		ddb_write_answer(task, CART_FAILED);
		return;
	}
	switch (cart_replay_check(key.fingerprint, key.stored_ms, write->op,
				  task->store->table.rules)) {
	case CART_REPLAY_NEW:
		ddb_write_repeat(task, DDB_RETRY_CONFLICT);
		create_put_new_key(task);
		return;
	case CART_REPLAY_OTHER:
		ddb_write_answer(task, CART_KEY_REUSED);
		return;
	case CART_REPLAY_SAME:
		break;
	}
	if (cart_id_compare(&target, &write->op->id) == 0) {
		/* This op's own: a try whose answer was lost stored it. */
		write->retry_due = false;
		create_put(task);
		return;
	}
	write->replaying = true;
	write->id = target;
	write->key_ms = key.stored_ms;
	create_read(task);
}

/* The key's item is not there: it was removed, or was never stored. */
static void create_repeat_key(struct ddb_task *task)
{
	if (!task->write.retry_due)
		ddb_write_repeat(task, DDB_RETRY_CONFLICT);
	create_put_new_key(task);
}

static void create_key_done(struct ddb_task *task)
{
	const json_t *attributes = json_object_get(task->call.json, "Item");

	if (task->step == DDB_STEP_KEY && task->call.outcome == DDB_OK) {
		task->write.key_ms = task->write.op->now_ms;
		create_put(task);
	} else if (attributes != NULL)
		create_take_key(task, attributes);
	else if (task->step == DDB_STEP_KEY)
		create_read_key(task);
	else
		create_repeat_key(task);
}

static void create_made(struct ddb_task *task)
{
	struct ddb_write *write = &task->write;

	write->op->version = write->after.version;
	if (cart_op_gives_cart(write->op)) {
		write->op->cart = write->after;
		write->after = (struct cart){0};
	}
	ddb_write_answer(task, CART_OK);
}

/* Another cart has the id. */
static void create_in_use(struct ddb_task *task)
{
	struct ddb_write *write = &task->write;

	if (write->op->type == CART_OP_IMPORT) {
		ddb_write_answer(task, CART_MISMATCH);
		return;
	}
	cart_op_set_reason(write->op, "another cart already has this id");
	if (!create_is_keyed(write) || write->replaying) {
		ddb_write_answer(task, CART_FAILED);
		return;
	}
	ddb_body_delete_key(&task->call.body, &task->store->table, write->op, write->key_item);
	ddb_write_send(task, DDB_STEP_KEY_UNDO, DDB_DELETE_ITEM);
}

static void create_merge_over(struct ddb_task *task, enum cart_result result, const char *why)
{
	if (result == CART_OK) {
		create_read(task);
		return;
	}
	cart_op_set_reason(task->write.op, "%s", why);
	ddb_write_answer(task, result);
}

/* An item with the cart's id exists. */
static void create_take_item(struct ddb_task *task, struct ddb_item *item)
{
	const struct ddb_write *write = &task->write;
	bool same_key = create_is_keyed(write) && strcmp(item->create_key, write->key_item) == 0;

	if (!item->deleted && strcmp(item->mark, write->mark) == 0)
		ddb_write_answer_item(task, item, item->cart.version, false);
	else if (item->deleted && create_is_keyed(write))
		ddb_write_answer(task, CART_NOT_FOUND);
	else if (!same_key)
		create_in_use(task);
	else if (!cart_op_sees(write->op, &item->cart))
		ddb_write_answer(task, CART_NOT_FOUND);
	else if (item->seal.merge_id[0] != '\0')
		ddb_merge_finish(task, &item->cart.id, &item->seal.into, write->op,
				 create_merge_over);
	else
		ddb_write_answer_item(task, item, 1, true);
}

/* The cart is not there: its item was removed, or was never stored. The key that another request
 * stored is stored anew first: its window begins with the cart, or the next repeat might find the
 * key too old and make a second one. */
static void create_repeat(struct ddb_task *task)
{
	const struct ddb_write *write = &task->write;

	if (!write->retry_due)
		ddb_write_repeat(task, DDB_RETRY_CONFLICT);
	if (write->replaying && write->key_ms < write->op->now_ms)
		create_put_key(task, write->key_ms);
	else
		create_put(task);
}

/* Of an import all that counts of an item with the cart's id is whose it is. It may be damaged, or,
 * in layout rows, without the rows that its lines are in. False: there is none. */
static bool create_import_met(struct ddb_task *task)
{
	const struct ddb_write *write = &task->write;
	const json_t *item = json_object_get(task->call.json, "Item");
	const char *mark = json_string_value(json_object_get(json_object_get(item, "mark"), "S"));

	if (item == NULL)
		return false;
	if (mark != NULL && strcmp(mark, write->mark) == 0)
		create_made(task);
	else
		create_in_use(task);
	return true;
}

static void create_item_done(struct ddb_task *task)
{
	struct ddb_item item;
	int found;

	if (task->step == DDB_STEP_PUT && task->call.outcome == DDB_OK) {
		create_made(task);
		return;
	}
	if (task->write.op->type == CART_OP_IMPORT && create_import_met(task))
		return;
	found = ddb_write_item(task, &item);
	if (found > 0)
		create_take_item(task, &item);
	else if (found == 0 && task->step == DDB_STEP_PUT)
		create_read(task); /* not every server returns the item */
	else if (found == 0)
		create_repeat(task);
	ddb_item_clear(&item);
}

/* The call ended neither as OK nor as CONDITION. */
static void create_failed(struct ddb_task *task)
{
	enum ddb_step step = task->step;

	/* A key alone creates no cart: the key's item is read, but the op is not in doubt. */
	if (step == DDB_STEP_KEY && task->call.outcome == DDB_DOUBT) {
		ddb_write_repeat(task, task->call.why);
		create_read_key(task);
	} else if (step == DDB_STEP_KEY_UNDO) {
		ddb_write_answer(task, CART_FAILED);
	} else if (ddb_write_in_doubt(task, 0)) {
		create_read(task);
	}
}

static void create_done(struct ddb_task *task)
{
	enum ddb_outcome outcome = task->call.outcome;

	if (outcome != DDB_OK && outcome != DDB_CONDITION)
		create_failed(task);
	else if (task->step == DDB_STEP_KEY || task->step == DDB_STEP_KEY_READ)
		create_key_done(task);
	else if (task->step == DDB_STEP_KEY_UNDO)
		ddb_write_answer(task, CART_FAILED);
	else
		create_item_done(task);
}

/* Nothing of a create pauses. */
static const struct ddb_task_steps create_steps = {
	.done = create_done, .resume = create_done, .forget = ddb_write_forget};

void ddb_create_start(struct ddb_task *task)
{
	struct ddb_write *write = &task->write;
	enum cart_result result;

	task->steps = &create_steps;
	if (write->op->type == CART_OP_IMPORT)
		result = cart_copy(&write->after, write->op->whole) ? CART_OK : CART_BUSY;
	else
		result = cart_create(&write->after, write->op, task->store->table.rules);
	if (result == CART_BUSY) {
		ddb_write_no_memory(task);
		return;
	}
	if (!create_is_keyed(write)) {
		create_put(task);
		return;
	}
	snprintf(write->key_item, sizeof(write->key_item), "key#%s", write->key_name);
	if (result == CART_LIMIT)
		create_read_key(task);
	else
		create_put_new_key(task);
}
