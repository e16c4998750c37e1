/*
 * A merge until others may go on with it: READ, of the op's own and of one that it has met; whether
 * the op's own is possible, has to wait for another, or was done before; and SEAL. What follows is
 * in merge_steps.h.
 */
#include "backends/dynamodb/store/merge.h"

#include "backends/dynamodb/store/answer.h"
#include "backends/dynamodb/store/merge_steps.h"
#include "backends/dynamodb/store/merge_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The merge that is looked at is the one that the op asks for, whoever began it. */
static bool merge_is_asked_for(const struct ddb_task *task)
{
	const struct ddb_merge *merge = task->merge;

	return ddb_merge_is_own(merge) &&
	       cart_id_compare(&merge->from, &task->write.op->from) == 0 &&
	       cart_id_compare(&merge->into, &task->write.op->id) == 0;
}

static void merge_look_at(struct ddb_task *task, const struct cart_id *from,
			  const struct cart_id *into)
{
	const struct cart_id pair[] = {*from, *into}; /* they may be in what is cleared */

	task->merge->from = pair[0];
	task->merge->into = pair[1];
	ddb_merge_read(task);
}

/* Of an item that was asked for. CART_OK: it was read, or is not there. */
static enum cart_result merge_take(struct ddb_task *task, const struct cart_id *id,
				   struct ddb_item *item, bool *there)
{
	const json_t *attributes = json_object_get(task->call.json, "Item");
	struct ddb_merge *merge = task->merge;
	enum cart_result result;

	ddb_item_clear(item);
	*there = false;
	if (attributes == NULL)
		return CART_OK;
	result = ddb_item_read(item, attributes, merge->why, sizeof(merge->why));
	if (result != CART_OK)
		return result;
	if (cart_id_compare(&item->cart.id, id) != 0) {
		snprintf(merge->why, sizeof(merge->why),
			 "the answer is not the cart that was requested");
		return CART_FAILED;
	}
	*there = !item->deleted;
	return CART_OK;
}

static void merge_take_target(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	enum cart_result result =
		merge_take(task, &merge->into, &merge->target, &merge->target_there);
	char why[CART_REASON_MAX];

	/* What was decided can be read of most items that are damaged. */
	merge->target_damaged = result == CART_DAMAGED;
	if (result == CART_DAMAGED) {
		result = ddb_item_read_decisions(
			&merge->target, json_object_get(task->call.json, "Item"), why, sizeof(why));
		merge->target_there = result == CART_OK;
	}
	if (result != CART_OK) {
		ddb_merge_fail(task, result, merge->why);
		return;
	}
	ddb_merge_send(task, DDB_STEP_MERGE_FROM,
		       ddb_body_get(&task->call.body, &task->store->table, &merge->from, true));
}

/* SEAL. One whose answer was lost may still come: then it is sent again as it was, if it has
 * certainly not come and gone. */
static void merge_seal(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;

	if (!merge->sealed || merge->stays)
		ddb_task_mark(task, merge->merge_id);
	memcpy(merge->fence, merge->source.mark, sizeof(merge->fence));
	merge->decided = false;
	merge->may_come = merge->sealed;
	merge->sealed = true;
	ddb_body_merge_seal(&task->call.body, &task->store->table, task->write.op,
			    merge->unfenced ? NULL : merge->source.mark, merge->merge_id);
	ddb_merge_send(task, DDB_STEP_MERGE_SEAL, DDB_UPDATE_ITEM);
}

static void merge_seal_done(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	const struct cart_op *op = task->write.op;
	struct ddb_seal *seal = &merge->source.seal;

	switch (task->call.outcome) {
	case DDB_OK:
		if (merge->unfenced) {
			ddb_merge_read(task);
			return;
		}
		*seal = (struct ddb_seal){
			.into = op->id, .strategy = op->strategy, .if_version = op->if_version};
		memcpy(seal->merge_id, merge->merge_id, sizeof(seal->merge_id));
		ddb_merge_continue(task);
		return;
	case DDB_DOUBT:
		merge->stays |= merge->unfenced;
		ddb_merge_read_lost(task);
		return;
	case DDB_CONDITION:
		merge->sealed = merge->may_come;
		merge->unfenced = true;
		ddb_merge_begin_anew(task);
		return;
	default:
		merge->sealed = merge->may_come;
		ddb_merge_call_failed(task);
	}
}

/* The merge was done before: the answer is the cart as it is, and the op's key is stored. */
static void merge_repeat(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	const struct ddb_write *write = &task->write;
	char mark[DDB_MARK_ROOM];

	if (write->key_name[0] == '\0') {
		ddb_write_answer_item(task, &merge->target, merge->target.cart.version, false);
		return;
	}
	if (ddb_write_has_no_room(task, &merge->target))
		return;
	ddb_task_mark(task, mark);
	ddb_merge_send(task, DDB_STEP_MERGE_KEY,
		       ddb_body_if_unchanged(&task->call.body, &task->store->table, write->op,
					     &merge->target, &merge->target.cart, mark,
					     write->key_name));
}

static void merge_key_done(struct ddb_task *task)
{
	struct ddb_item *target = &task->merge->target;

	switch (task->call.outcome) {
	case DDB_OK:
		ddb_write_answer_item(task, target, target->cart.version, false);
		return;
	case DDB_CONDITION:
		ddb_merge_begin_anew(task);
		return;
	case DDB_DOUBT:
		task->merge->lost = true;
		ddb_merge_read_lost(task);
		return;
	default:
		ddb_merge_call_failed(task);
	}
}

/* True: a merge has to be finished first, perhaps the one that is asked for, which somebody else
 * has begun. A cart takes part in one at a time, but several may go into it. */
static bool merge_waits(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	const struct ddb_item *target = &merge->target, *source = &merge->source;

	if (target->seal.merge_id[0] != '\0')
		merge_look_at(task, &target->cart.id, &target->seal.into);
	else if (source->seal.merge_id[0] != '\0')
		merge_look_at(task, &source->cart.id, &source->seal.into);
	else if (source->held)
		merge_look_at(task, &source->held_for, &source->cart.id);
	else if (target->decision_count >= DDB_DECISIONS_MAX)
		merge_look_at(task, &target->decisions[0].from, &target->cart.id);
	else
		return false;
	return true;
}

/* What the op asks for has not begun, or not by its own seal. */
static void merge_consider(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	struct cart_op *op = task->write.op;
	struct cart after;
	enum cart_result result;

	op->of_from = false;
	if (!merge->target_there ||
	    (!merge->target_damaged && !cart_op_sees(op, &merge->target.cart))) {
		ddb_merge_answer(task, CART_NOT_FOUND, "");
		return;
	}
	if (merge->target_damaged) {
		ddb_merge_answer(task, CART_DAMAGED, merge->why);
		return;
	}
	task->write.doubt = merge->lost || merge->sealed;
	/* Also for a replay: nobody may look at from again, and its event comes with its end. */
	if (ddb_merge_is_sealed(merge) && merge->target.seal.merge_id[0] == '\0') {
		ddb_merge_continue(task);
		return;
	}
	if (ddb_write_replays(task, &merge->target))
		return;
	if (!merge->source_there || !cart_op_sees(op, &merge->source.cart)) {
		op->of_from = true;
		ddb_merge_answer(task, CART_NOT_FOUND, "");
		return;
	}
	if (merge_waits(task))
		return;
	result = ddb_merge_apply(task, op, &after);
	cart_clear(&after);
	if (result != CART_OK)
		ddb_merge_answer(task, result, "");
	else if (merge->source.cart.state == CART_MERGED)
		merge_repeat(task);
	else if (!ddb_write_has_no_room(task, &merge->target))
		merge_seal(task);
}

/* from as it is shows no merge by a seal of ours, and one that has not come by now cannot come. One
 * that has come may have been ended by somebody else. */
static bool merge_has_no_seal(const struct ddb_merge *merge)
{
	const struct cart *source = &merge->source.cart;

	if (merge->stays)
		return false;
	if (!merge->source_there)
		return true;
	return strcmp(merge->source.mark, merge->fence) != 0 &&
	       (source->state != CART_MERGED ||
		cart_id_compare(&source->merged_into, &merge->into) != 0);
}

static void merge_take_source(struct ddb_task *task)
{
	struct ddb_store *store = task->store;
	struct ddb_merge *merge = task->merge;
	char why[CART_REASON_MAX];
	enum cart_result result;

	memcpy(why, merge->why, sizeof(why)); /* of the target */
	result = merge_take(task, &merge->from, &merge->source, &merge->source_there);
	if (result == CART_DAMAGED && !ddb_merge_is_own(merge) && ddb_merge_is_held(merge)) {
		ddb_merge_release(task);
		return;
	}
	if (result != CART_OK) {
		if (ddb_merge_is_own(merge))
			task->write.op->of_from = true;
		ddb_merge_fail(task, result, merge->why);
		return;
	}
	memcpy(merge->why, why, sizeof(why));
	ddb_store_count(store, store->db->series.read_modify_writes, 1);
	if (merge_is_asked_for(task) && !ddb_merge_is_ours(merge) && merge_has_no_seal(merge))
		merge->sealed = false;
	if (merge_is_asked_for(task) && !ddb_merge_is_ours(merge))
		merge_consider(task);
	else if (ddb_merge_is_sealed(merge))
		ddb_merge_continue(task);
	else
		ddb_merge_tidy_and_go_on(task);
}

/* A step after which both are read again: a hold, or the removal of old keys. */
static void merge_step_done(struct ddb_task *task)
{
	enum ddb_outcome outcome = task->call.outcome;

	if (outcome == DDB_DOUBT)
		ddb_merge_read_lost(task);
	else if (outcome == DDB_OK)
		ddb_merge_read(task);
	else if (outcome == DDB_CONDITION)
		ddb_merge_begin_anew(task);
	else
		ddb_merge_call_failed(task);
}

static void merge_done(struct ddb_task *task)
{
	switch (task->step) {
	case DDB_STEP_MERGE_SEAL:
		merge_seal_done(task);
		return;
	case DDB_STEP_MERGE_DECIDE:
		ddb_merge_decide_done(task);
		return;
	case DDB_STEP_MERGE_END:
		ddb_merge_end_done(task);
		return;
	case DDB_STEP_MERGE_FORGET:
		ddb_merge_forgotten(task);
		return;
	case DDB_STEP_MERGE_KEY:
		merge_key_done(task);
		return;
	case DDB_STEP_MERGE_RELEASE:
		ddb_merge_released(task);
		return;
	case DDB_STEP_MERGE_HOLD:
	case DDB_STEP_TRIM:
		merge_step_done(task);
		return;
	default:
		break;
	}
	if (task->call.outcome != DDB_OK)
		ddb_merge_call_failed(task);
	else if (task->step == DDB_STEP_MERGE_TARGET)
		merge_take_target(task);
	else
		merge_take_source(task);
}

static bool merge_leave(struct ddb_task *task, const struct cart_op *op, bool *sent)
{
	const struct ddb_merge *merge = task->merge;
	bool seals = task->step == DDB_STEP_MERGE_SEAL;

	if (!ddb_merge_is_own(merge))
		return merge->back->forget(task, op, sent);
	if (task->write.op != op)
		return false;
	*sent = (seals ? merge->may_come : merge->sealed) || merge->lost ||
		((seals || task->step == DDB_STEP_MERGE_KEY) && ddb_call_in_doubt(&task->call));
	task->write.op = NULL;
	ddb_task_end(task);
	return true;
}

static const struct ddb_task_steps merge_steps = {
	.done = merge_done, .resume = ddb_merge_read, .forget = merge_leave};

static bool merge_new(struct ddb_task *task, int64_t deadline_ns, int64_t now_ms)
{
	task->merge = calloc(1, sizeof(*task->merge));
	if (task->merge == NULL)
		return false;
	task->merge->deadline_ns = deadline_ns;
	task->merge->now_ms = now_ms;
	return true;
}

void ddb_merge_start(struct ddb_task *task)
{
	struct cart_op *op = task->write.op;

	task->steps = &merge_steps;
	if (merge_new(task, op->deadline_ns, op->now_ms))
		merge_look_at(task, &op->from, &op->id);
	else
		ddb_write_no_memory(task);
}

void ddb_merge_finish(struct ddb_task *task, const struct cart_id *from, const struct cart_id *into,
		      const struct cart_op *op, ddb_merge_over_fn *over)
{
	if (!merge_new(task, op->deadline_ns, op->now_ms)) {
		over(task, CART_BUSY, "out of memory");
		return;
	}
	task->merge->over = over;
	task->merge->back = task->steps;
	task->steps = &merge_steps;
	merge_look_at(task, from, into);
}
