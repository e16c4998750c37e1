/*
 * Changes of a cart that exists. The happy path: one conditional call makes the change. Otherwise:
 *
 *  - The condition was false, or one call cannot express the change. The item is read, unless the
 *    answer contained it; core/cart_rules.h decides; and either the op is answered, or the result
 * is written under the condition that the item is still as it was read (WRITE_IF_UNCHANGED). If
 *    another writer was faster, the item is read again after a pause.
 *  - A call may have been applied. The item is read; its mark, its version or the op's key shows
 *    whether the call was applied. Where none of them can show it, or the call may still arrive,
 * the op ends as CART_UNCERTAIN.
 *
 * When a change may be sent again. One with a key is conditional on the key being absent, so only
 * one try is ever applied. One that is conditional on a version (the fence) likewise, as long as
 * the item has that version. A cart is removed once; and closed once, as long as it has not been
 * opened again, which gives it a later time than the checkout had. It is claimed once, for good. No
 * other change is sent again:
 * after an HTTP 500 it may have been applied, and another writer may have replaced its mark since.
 */
#include "backends/dynamodb/store/write.h"

#include "backends/dynamodb/store/answer.h"
#include "backends/dynamodb/store/create.h"
#include "backends/dynamodb/store/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_PAUSE_MS	    5
#define WRITE_CONFLICTS_MAX 50

static const char *write_key_name(const struct ddb_write *write)
{
	return write->key_name[0] != '\0' ? write->key_name : NULL;
}

static void write_read(struct ddb_task *task)
{
	ddb_write_send(
		task, DDB_STEP_READ,
		ddb_body_get(&task->call.body, &task->store->table, &task->write.op->id, true));
}

/* newer: see ddb_body_conditional(). */
static void write_conditional(struct ddb_task *task, const struct cart *newer)
{
	struct ddb_write *write = &task->write;

	write->late = newer != NULL;
	write->late_lines = newer != NULL ? ddb_newer_lines(write->op, newer) : 0;
	ddb_body_conditional(&task->call.body, &task->store->table, write->op, write->mark,
			     write_key_name(write), newer);
	ddb_write_send(task, DDB_STEP_CONDITIONAL,
		       write->op->type == CART_OP_DELETE ? DDB_DELETE_ITEM : DDB_UPDATE_ITEM);
}

static bool write_claims(const struct cart_op *op)
{
	return op->type == CART_OP_CHANGE && op->customer_id.size > 0;
}

/* The cart is the customer's, by a try of this op or of another one: that is all a claim says. With
 * a key the version may be another, which the key knows. */
static bool write_is_claimed(const struct ddb_write *write, const struct ddb_item *item)
{
	return write_claims(write->op) && write->key_name[0] == '\0' &&
	       shop_id_compare(&item->cart.customer_id, &write->op->customer_id) == 0;
}

/* If the change is sent again, at most one of the tries is ever applied. */
static bool write_is_repeatable(const struct ddb_write *write, const struct ddb_item *item)
{
	const struct cart_op *op = write->op;

	return write->key_name[0] != '\0' || op->type == CART_OP_DELETE || write_claims(op) ||
	       (op->type == CART_OP_CHECKOUT && item->cart.updated_ms <= op->now_ms) ||
	       (write->fence != 0 && write->fence == item->cart.version);
}

/*
 * A try may have been applied; this is the item as it was read afterwards. True: the op was
 * answered. False: the change may be sent again, unless the item has the op's key.
 */
static bool write_resolves_doubt(struct ddb_task *task, struct ddb_item *item)
{
	const struct ddb_write *write = &task->write;

	if (strcmp(item->mark, write->mark) == 0 || write_is_claimed(write, item)) {
		ddb_write_answer_item(task, item, item->cart.version, false);
		return true;
	}
	/* Not applied, or another writer has replaced the mark. */
	if (write_is_repeatable(write, item))
		return false;
	ddb_write_answer(task, CART_UNCERTAIN);
	return true;
}

/* True: the cart to remove has too many rows for one call, and some go by a call of their own.
 * After that the cart is read again. */
static bool write_drops_rows(struct ddb_task *task, const struct ddb_item *item)
{
	char mark[DDB_MARK_ROOM];

	if (task->write.op->type != CART_OP_DELETE)
		return false;
	ddb_task_mark(task, mark);
	if (!ddb_body_drop_rows(&task->call.body, &task->store->table, item, mark))
		return false;
	ddb_write_send(task, DDB_STEP_TRIM, DDB_TRANSACT_WRITE_ITEMS);
	return true;
}

static void write_if_unchanged(struct ddb_task *task, struct ddb_item *item, struct cart *after)
{
	struct ddb_write *write = &task->write;
	enum ddb_operation operation;

	if (ddb_write_has_no_room(task, item) || write_drops_rows(task, item)) {
		cart_clear(after);
		return;
	}
	operation = ddb_body_if_unchanged(&task->call.body, &task->store->table, write->op, item,
					  after, write->mark, write_key_name(write));
	cart_clear(&write->after);
	write->after = *after;
	write->before = item->cart.version;
	ddb_write_send(task, DDB_STEP_WRITE_IF_UNCHANGED, operation);
}

/* True: the op sees no such cart, and was answered. */
static bool write_is_gone(struct ddb_task *task, const struct ddb_item *item)
{
	if (item != NULL && !item->deleted && cart_op_sees(task->write.op, &item->cart))
		return false;
	ddb_write_answer(task, CART_NOT_FOUND);
	return true;
}

static void write_merge_over(struct ddb_task *task, enum cart_result result, const char *why)
{
	if (result == CART_OK) {
		write_read(task);
		return;
	}
	cart_op_set_reason(task->write.op, "%s", why);
	ddb_write_answer(task, result);
}

/* The cart was held: that is why the condition was false, if a conditional call was made. */
static void write_hold_over(struct ddb_task *task, enum cart_result result, const char *why)
{
	const struct ddb_write *write = &task->write;

	if (result == CART_OK && !write->doubt &&
	    ddb_can_be_conditional(write->op, &task->store->table))
		write_conditional(task, NULL);
	else
		write_merge_over(task, result, why);
}

/* True: a merge comes first, and the item is read again after it. The cart is merging, or held for
 * a merge into it, or is to be removed with decisions that others still need. */
static bool write_meets_merge(struct ddb_task *task, const struct ddb_item *item)
{
	const struct ddb_write *write = &task->write;
	const struct cart_id *from = &item->cart.id, *into = &item->seal.into;

	if (item->held) {
		from = &item->held_for;
		into = &item->cart.id;
	} else if (item->seal.merge_id[0] == '\0') {
		if (item->decision_count == 0 || write->op->type != CART_OP_DELETE)
			return false;
		from = &item->decisions[0].from;
		into = &item->cart.id;
	}
	ddb_merge_finish(task, from, into, write->op,
			 item->held ? write_hold_over : write_merge_over);
	return true;
}

/* The conditional call may have failed because of the times alone, of the cart or, where it was
 * sent for a later cart already, of a line that somebody has changed since: it is made again. Then
 * other writers do no harm, as they would to a write that needs the item unchanged. */
static bool write_is_late(const struct ddb_task *task, const struct ddb_item *item)
{
	const struct ddb_write *write = &task->write;

	return item->cart.updated_ms > write->op->now_ms && write->op->type != CART_OP_DELETE &&
	       ddb_can_be_conditional(write->op, &task->store->table) &&
	       (!write->late || write->late_lines != ddb_newer_lines(write->op, &item->cart));
}

static void write_apply(struct ddb_task *task, struct ddb_item *item)
{
	struct ddb_write *write = &task->write;
	struct cart_op *op = write->op;
	struct cart after;
	enum cart_result result;

	if (!cart_copy(&after, &item->cart)) {
		ddb_write_no_memory(task);
		return;
	}
	result = cart_apply(&after, op, task->store->table.rules);
	if (result != CART_OK) {
		cart_clear(&after);
		ddb_write_answer(task, result);
	} else if (after.version == item->cart.version && op->type != CART_OP_DELETE &&
		   write->key_name[0] == '\0') {
		cart_clear(&after);
		ddb_write_answer_item(task, item, item->cart.version, false);
	} else if (write_is_late(task, item)) {
		cart_clear(&after);
		write_conditional(task, &item->cart);
	} else {
		write_if_unchanged(task, item, &after);
	}
}

/*
 * After an answer was lost. True: the conditional call was sent again. Of what was read only times
 * matter to it, so it also succeeds while others keep changing the item; the key in its condition
 * ensures that only one try is applied.
 */
static bool write_retries(struct ddb_task *task, const struct ddb_item *item)
{
	const struct ddb_write *write = &task->write;

	if (!write->retry_due || write->key_name[0] == '\0' ||
	    !ddb_can_be_conditional(write->op, &task->store->table))
		return false;
	write_conditional(task, item->cart.updated_ms > write->op->now_ms ? &item->cart : NULL);
	return true;
}

/* Decides by the item as it is now; NULL: there is none. */
static void write_decide(struct ddb_task *task, struct ddb_item *item)
{
	struct ddb_store *store = task->store;

	ddb_store_count(store, store->db->series.read_modify_writes, 1);
	if (write_is_gone(task, item) || write_meets_merge(task, item) ||
	    (task->write.doubt && write_resolves_doubt(task, item)) ||
	    ddb_write_replays(task, item))
		return;
	if (!write_retries(task, item))
		write_apply(task, item);
}

/* The answer's item was read strongly, or came with a condition that was false just now. */
static void write_decide_by_answer(struct ddb_task *task)
{
	struct ddb_item item;
	int found = ddb_write_item(task, &item);

	if (found >= 0)
		write_decide(task, found > 0 ? &item : NULL);
	ddb_item_clear(&item);
}

/* The service says that the update cannot be applied to this item, as where a map is no map: the
 * item shows what is wrong with it. */
static bool write_does_not_fit(const struct ddb_task *task)
{
	return task->step == DDB_STEP_CONDITIONAL && task->call.outcome == DDB_REJECTED &&
	       strcmp(task->call.error, "ValidationException") == 0;
}

static void write_failed(struct ddb_task *task)
{
	const struct ddb_write *write = &task->write;
	int64_t fence =
		task->step == DDB_STEP_WRITE_IF_UNCHANGED ? write->before : write->op->if_version;

	if (write_does_not_fit(task) || ddb_write_in_doubt(task, fence))
		write_read(task);
}

/* HTTP 200, but the answer has not the item or the version that was asked for. */
static void write_unseen(struct ddb_task *task)
{
	task->call.outcome = DDB_DOUBT;
	task->call.why = DDB_RETRY_ANSWER;
	write_failed(task);
}

static void write_conditional_done(struct ddb_task *task)
{
	struct cart_op *op = task->write.op;
	struct ddb_item item;

	if (op->type == CART_OP_DELETE) {
		ddb_write_answer(task, CART_OK);
	} else if (op->key == NULL && !cart_op_gives_cart(op)) {
		if (ddb_write_version(&task->call, &op->version))
			ddb_write_answer(task, CART_OK);
		else
			write_unseen(task);
	} else {
		int found = ddb_write_item(task, &item);

		if (found > 0)
			ddb_write_answer_item(task, &item, item.cart.version, false);
		else if (found == 0)
			write_unseen(task);
		ddb_item_clear(&item);
	}
}

/* The item was unchanged: the cart in write->after is stored. */
static void write_if_unchanged_done(struct ddb_task *task)
{
	struct ddb_write *write = &task->write;
	struct cart_op *op = write->op;

	if (op->type != CART_OP_DELETE)
		op->version = write->after.version;
	if (cart_op_gives_cart(op)) {
		op->cart = write->after;
		write->after = (struct cart){0};
	}
	ddb_write_answer(task, CART_OK);
}

static void write_conflict(struct ddb_task *task)
{
	struct ddb_store *store = task->store;
	struct ddb_write *write = &task->write;

	ddb_store_count(store, store->db->series.conflicts, 1);
	if (++write->conflicts <= WRITE_CONFLICTS_MAX) {
		ddb_task_pause(task, DDB_STEP_READ,
			       ddb_store_backoff_us(store, WRITE_PAUSE_MS, write->conflicts));
		return;
	}
	cart_op_set_reason(write->op, "other writers changed the cart %d times in a row",
			   WRITE_CONFLICTS_MAX);
	ddb_write_answer(task, CART_BUSY);
}

static void write_condition_failed(struct ddb_task *task)
{
	/* Not every server returns the item. */
	if (json_object_get(task->call.json, "Item") == NULL)
		write_read(task);
	else
		write_decide_by_answer(task);
}

/* Old keys were removed to make room for another, or rows of a cart that is to go, by this call or
 * by another writer. */
static void write_trimmed(struct ddb_task *task)
{
	enum ddb_outcome outcome = task->call.outcome;

	if (outcome == DDB_DOUBT)
		ddb_write_repeat(task, task->call.why);
	if (outcome == DDB_OK || outcome == DDB_CONDITION || outcome == DDB_DOUBT)
		write_read(task);
	else
		ddb_write_fail(task);
}

static void write_done(struct ddb_task *task)
{
	enum ddb_outcome outcome = task->call.outcome;

	if (task->step == DDB_STEP_TRIM)
		write_trimmed(task);
	else if (outcome != DDB_OK && outcome != DDB_CONDITION)
		write_failed(task);
	else if (task->step == DDB_STEP_READ)
		write_decide_by_answer(task);
	else if (outcome == DDB_CONDITION)
		task->step == DDB_STEP_CONDITIONAL ? write_condition_failed(task)
						   : write_conflict(task);
	else
		task->step == DDB_STEP_CONDITIONAL ? write_conditional_done(task)
						   : write_if_unchanged_done(task);
}

static const struct ddb_task_steps write_steps = {
	.done = write_done, .resume = write_read, .forget = ddb_write_forget};

void ddb_write_start(struct ddb_task *task, struct cart_op *op)
{
	struct ddb_write *write = &task->write;

	*write = (struct ddb_write){.op = op, .id = op->id};
	task->steps = &write_steps;
	ddb_task_mark(task, write->mark);
	if (op->key != NULL)
		ddb_key_name(op->key_hash, write->key_name);
	if (op->type == CART_OP_CREATE || op->type == CART_OP_IMPORT) {
		ddb_create_start(task);
	} else if (op->type == CART_OP_MERGE) {
		ddb_merge_start(task);
	} else if (ddb_can_be_conditional(op, &task->store->table)) {
		write_conditional(task, NULL);
	} else {
		write_read(task);
	}
}
