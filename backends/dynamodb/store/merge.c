/* The steps of a merge, one after the other, for the op that asks for it and for those that meet
 * it. Why they may be made by several at once is told in merge.h. */
#include "backends/dynamodb/store/merge.h"

#include "backends/dynamodb/store/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MERGE_PAUSE_MS	    5
#define MERGE_CONFLICTS_MAX 50
#define MERGE_PAUSES_MAX    4 /* a pause does not become longer after so many */

static bool merge_is_own(const struct ddb_merge *merge)
{
	return merge->over == NULL;
}

/* The merge that is looked at is the one that the op asks for, whoever began it. */
static bool merge_is_asked_for(const struct ddb_task *task)
{
	const struct ddb_merge *merge = task->merge;

	return merge_is_own(merge) && cart_id_compare(&merge->from, &task->write.op->from) == 0 &&
	       cart_id_compare(&merge->into, &task->write.op->id) == 0;
}

/* from is merging into the target. */
static bool merge_is_sealed(const struct ddb_merge *merge)
{
	return merge->source_there && merge->source.seal.merge_id[0] != '\0' &&
	       cart_id_compare(&merge->source.seal.into, &merge->into) == 0;
}

/* ... and the op's own seal has done it. */
static bool merge_is_ours(const struct ddb_merge *merge)
{
	return merge_is_own(merge) && merge_is_sealed(merge) &&
	       strcmp(merge->source.seal.merge_id, merge->merge_id) == 0;
}

/* The target is not changed before the merge of from is decided. */
static bool merge_is_held(const struct ddb_merge *merge)
{
	const struct ddb_item *target = &merge->target;

	return merge->target_there && target->held &&
	       cart_id_compare(&target->held_for, &merge->from) == 0;
}

/* What the target says about it; NULL: nothing. */
static const struct ddb_decision *merge_decision(const struct ddb_merge *merge)
{
	const struct ddb_decision *decision = ddb_item_decision(&merge->target, &merge->from);

	return decision != NULL && strcmp(decision->merge_id, merge->source.seal.merge_id) == 0
		       ? decision
		       : NULL;
}

static void merge_mark(struct ddb_task *task, char mark[DDB_MARK_ROOM])
{
	snprintf(mark, DDB_MARK_ROOM, "%016llx",
		 (unsigned long long)random_next(&task->store->random));
}

/* Answers the op, which is a merge. */
static void merge_answer(struct ddb_task *task, enum cart_result result, const char *why)
{
	struct cart_op *op = task->write.op;

	task->write.doubt = task->merge->sealed && result != CART_OK;
	if (task->write.doubt) {
		cart_op_set_reason(op,
				   "from is perhaps merging still, and who meets it goes on: "
				   "%s%s",
				   cart_result_name(result), why);
		result = CART_UNCERTAIN;
	} else if (result != CART_OK) {
		cart_op_set_reason(op, "%s", why);
	}
	ddb_write_answer(task, result);
}

/* The merge is over, or cannot be finished now: whoever met it goes on. */
static void merge_over(struct ddb_task *task, enum cart_result result, const char *why)
{
	ddb_merge_over_fn *over = task->merge->over;
	char text[CART_REASON_MAX];

	snprintf(text, sizeof(text), "%s", why);
	task->steps = task->merge->back;
	ddb_task_drop_merge(task);
	over(task, result, text);
}

static void merge_fail(struct ddb_task *task, enum cart_result result, const char *why)
{
	if (merge_is_own(task->merge))
		merge_answer(task, result, why);
	else
		merge_over(task, result, why);
}

/* After a call that is certainly not applied. */
static void merge_call_failed(struct ddb_task *task)
{
	merge_fail(task, ddb_call_result(&task->call), task->call.message);
}

static void merge_no_memory(struct ddb_task *task)
{
	merge_fail(task, CART_BUSY, "out of memory");
}

static void merge_send(struct ddb_task *task, enum ddb_step step, enum ddb_operation operation)
{
	struct ddb_merge *merge = task->merge;
	bool repeats = merge->retry_due && ddb_operation_writes(operation);

	if (repeats) {
		merge->retry_due = false;
		merge->repeats++;
		task->call.why = merge->why_lost;
	}
	task->call.repeats = repeats ? merge->repeats : 0;
	task->call.patient = merge->sealed;
	if (!ddb_task_call(task, step, operation, merge->deadline_ns))
		merge_no_memory(task);
}

/* READ: the target first. */
static void merge_read(struct ddb_task *task)
{
	merge_send(task, DDB_STEP_MERGE_TARGET,
		   ddb_body_get(&task->call.body, &task->store->table, &task->merge->into, true));
}

/* The answer to a write was lost: what became of it is read. */
static void merge_read_lost(struct ddb_task *task)
{
	task->merge->retry_due = true;
	task->merge->why_lost = task->call.why;
	merge_read(task);
}

static void merge_look_at(struct ddb_task *task, const struct cart_id *from,
			  const struct cart_id *into)
{
	const struct cart_id pair[] = {*from, *into}; /* they may be in what is cleared */

	task->merge->from = pair[0];
	task->merge->into = pair[1];
	merge_read(task);
}

/* From the beginning, after another writer was faster. */
static void merge_begin_anew(struct ddb_task *task)
{
	struct ddb_store *store = task->store;
	struct ddb_merge *merge = task->merge;
	char why[CART_REASON_MAX];

	ddb_store_count(store, store->db->series.conflicts, 1);
	if (merge_is_own(merge)) {
		merge->from = task->write.op->from;
		merge->into = task->write.op->id;
	}
	if (++merge->conflicts <= MERGE_CONFLICTS_MAX) {
		ddb_task_pause(task, DDB_STEP_MERGE_TARGET,
			       ddb_store_backoff_us(store, MERGE_PAUSE_MS,
						    merge->conflicts < MERGE_PAUSES_MAX
							    ? merge->conflicts
							    : MERGE_PAUSES_MAX));
		return;
	}
	snprintf(why, sizeof(why), "other writers changed the carts %d times in a row",
		 MERGE_CONFLICTS_MAX);
	merge_fail(task, CART_BUSY, why);
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
		merge_fail(task, result, merge->why);
		return;
	}
	merge_send(task, DDB_STEP_MERGE_FROM,
		   ddb_body_get(&task->call.body, &task->store->table, &merge->from, true));
}

/* END. done: the lines are in the target. */
static void merge_end(struct ddb_task *task, bool done)
{
	struct ddb_merge *merge = task->merge;
	char mark[DDB_MARK_ROOM];

	merge_mark(task, mark);
	ddb_body_merge_end(&task->call.body, &task->store->table, &merge->source, done,
			   merge->now_ms, mark);
	merge_send(task, DDB_STEP_MERGE_END, DDB_UPDATE_ITEM);
}

/* What the rules say of the two carts as they were read; after is then the target's. */
static enum cart_result merge_apply(struct ddb_task *task, struct cart_op *op, struct cart *after)
{
	const struct ddb_merge *merge = task->merge;
	struct cart source;
	enum cart_result result = CART_BUSY;

	*after = (struct cart){0};
	op->of_from = false;
	if (merge->target_damaged)
		return CART_DAMAGED;
	if (!cart_op_sees(op, &merge->target.cart))
		return CART_NOT_FOUND;
	if (!cart_copy(after, &merge->target.cart))
		return CART_BUSY;
	if (cart_copy(&source, &merge->source.cart)) {
		result = cart_merge(after, &source, op, task->store->table.rules);
		cart_clear(&source);
	}
	if (result != CART_OK)
		cart_clear(after);
	return result;
}

/* The request of a merge that somebody else has begun, as from has it. */
static struct cart_op *merge_met_op(struct ddb_merge *merge)
{
	cart_op_init(&merge->met, CART_OP_MERGE);
	merge->met.id = merge->into;
	merge->met.from = merge->from;
	merge->met.strategy = merge->source.seal.strategy;
	merge->met.if_version = merge->source.seal.if_version;
	merge->met.now_ms = merge->now_ms;
	return &merge->met;
}

/* DECIDE. The target was read before from was seen to be sealed. */
static void merge_decide(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	const struct ddb_write *write = &task->write;
	bool ours = merge_is_ours(merge), keyed;
	struct cart_op *op = ours ? write->op : merge_met_op(merge);
	struct ddb_decision decision = {.from = merge->from};
	char mark[DDB_MARK_ROOM];

	cart_clear(&merge->after);
	merge->result = merge_apply(task, op, &merge->after);
	if (merge->result == CART_OK && merge->does_not_fit) {
		merge->result = CART_LIMIT;
		cart_clear(&merge->after);
	}
	decision.done = merge->result == CART_OK && merge->target.seal.merge_id[0] == '\0';
	memcpy(decision.merge_id, merge->source.seal.merge_id, sizeof(decision.merge_id));
	if (merge->result == CART_BUSY || !ddb_item_decide(&merge->target, &decision)) {
		merge_no_memory(task);
		return;
	}
	keyed = ours && decision.done && write->key_name[0] != '\0' &&
		merge->target.key_count < DDB_KEYS_MAX;
	merge_mark(task, mark);
	merge_send(task, DDB_STEP_MERGE_DECIDE,
		   ddb_body_if_unchanged(&task->call.body, &task->store->table, op, &merge->target,
					 decision.done ? &merge->after : &merge->target.cart, mark,
					 keyed ? write->key_name : NULL));
}

/* from is merging into the target. */
static void merge_finish(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	const struct ddb_decision *decision = merge_decision(merge);

	if (!merge->target_there)
		merge_end(task, false);
	else if (decision != NULL)
		merge_end(task, decision->done);
	else
		merge_decide(task);
}

/* What is left to do after it: nothing of the merge is under way any more. */
static void merge_go_on(struct ddb_task *task)
{
	if (!merge_is_own(task->merge))
		merge_over(task, CART_OK, "");
	else if (task->write.op == NULL)
		ddb_task_end(task);
	else
		merge_begin_anew(task);
}

/* FORGET. alone: the decision is the only one of the target. */
static bool merge_forget(struct ddb_task *task, bool alone)
{
	struct ddb_merge *merge = task->merge;
	const struct ddb_decision *decision = ddb_item_decision(&merge->target, &merge->from);
	char mark[DDB_MARK_ROOM];

	if (decision == NULL)
		return false;
	merge_mark(task, mark);
	ddb_body_merge_forget(&task->call.body, &task->store->table, &merge->into, decision, alone,
			      mark);
	merge->forgets_alone = alone;
	task->call.repeats = 0;
	task->call.patient = false;
	return ddb_task_call(task, DDB_STEP_MERGE_FORGET, DDB_UPDATE_ITEM, merge->deadline_ns);
}

/* The target is held for a merge that is not under way any more: a hold that came late, or of a
 * service that was killed. */
static void merge_release(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	char mark[DDB_MARK_ROOM];

	merge_mark(task, mark);
	merge_send(task, DDB_STEP_MERGE_RELEASE,
		   ddb_body_if_unchanged(&task->call.body, &task->store->table, merge_met_op(merge),
					 &merge->target, &merge->target.cart, mark, NULL));
}

static void merge_released(struct ddb_task *task)
{
	enum ddb_outcome outcome = task->call.outcome;

	if (outcome == DDB_OK || outcome == DDB_CONDITION || outcome == DDB_DOUBT)
		merge_go_on(task);
	else
		merge_call_failed(task);
}

static void merge_tidy_and_go_on(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;

	if (merge_is_held(merge)) {
		merge_release(task);
		return;
	}
	merge->tried_both = false;
	if (!merge_forget(task, merge->target.decision_count == 1))
		merge_go_on(task);
}

static void merge_forgotten(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;

	/* Another decision has come, or gone. */
	if (task->call.outcome == DDB_CONDITION && !merge->tried_both) {
		merge->tried_both = true;
		if (merge_forget(task, !merge->forgets_alone))
			return;
	}
	merge_go_on(task);
}

/* The op is answered with what this task has decided. ended: from shows it, so that the decision
 * can be removed, for nobody. */
static void merge_answer_decided(struct ddb_task *task, bool ended)
{
	struct ddb_merge *merge = task->merge;
	struct cart_op *op = task->write.op;
	enum cart_result result = merge->result;

	if (result == CART_OK) {
		op->version = merge->after.version;
		op->cart = merge->after;
		merge->after = (struct cart){0};
	}
	merge->deadline_ns = cart_store_now_ns(&task->store->store) + CLOCK_NS_PER_S;
	merge->tried_both = false;
	if (result != CART_DAMAGED)
		merge->why[0] = '\0';
	if ((merge->sealed && result != CART_OK) || !ended ||
	    !merge_forget(task, merge->target.decision_count == 1)) {
		merge_answer(task, result, merge->why);
		return;
	}
	cart_op_set_reason(op, "%s", merge->why);
	task->write.op = NULL;
	cart_store_complete(op, result);
}

/* from shows how the merge has ended. */
static void merge_ended(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	bool ours = merge_is_ours(merge);

	if (!ours || !merge->decided) {
		merge_tidy_and_go_on(task);
		return;
	}
	merge->sealed = merge->stays;
	merge_answer_decided(task, true);
}

static void merge_end_done(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	enum ddb_outcome outcome = task->call.outcome;

	/* CONDITION: somebody else has made the same step. */
	if (outcome == DDB_OK || outcome == DDB_CONDITION)
		merge_ended(task);
	else if (merge_is_ours(merge) && merge->decided && merge->result == CART_OK)
		merge_answer_decided(task, false);
	else if (outcome == DDB_DOUBT)
		merge_read_lost(task);
	else
		merge_call_failed(task);
}

/* HOLD, which nobody who changes the target can overtake. */
static void merge_hold(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	char mark[DDB_MARK_ROOM];

	merge_mark(task, mark);
	ddb_body_merge_hold(&task->call.body, &task->store->table, &merge->into, &merge->from,
			    mark);
	merge_send(task, DDB_STEP_MERGE_HOLD, DDB_UPDATE_ITEM);
}

/* The target was changed before the decision. If that can happen again, it is held now. */
static void merge_overtaken(struct ddb_task *task)
{
	struct ddb_store *store = task->store;
	struct ddb_merge *merge = task->merge;
	const struct ddb_item *target = &merge->target;

	if (merge->target_damaged || target->held || target->cart.state != CART_OPEN ||
	    target->seal.merge_id[0] != '\0') {
		merge_begin_anew(task);
		return;
	}
	ddb_store_count(store, store->db->series.conflicts, 1);
	merge->conflicts++;
	merge_hold(task);
}

static void merge_decide_done(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	enum ddb_outcome outcome = task->call.outcome;

	if (outcome == DDB_OK) {
		/* Refused because the target is merging too, it is asked for once more. */
		merge->decided = merge_is_ours(merge) && merge->target.seal.merge_id[0] == '\0';
		merge->target.held = false;
		merge_finish(task);
	} else if (outcome == DDB_CONDITION) {
		merge_overtaken(task);
	} else if (outcome == DDB_DOUBT) {
		merge->lost = true;
		merge_read_lost(task);
	} else if (outcome == DDB_REJECTED && merge->result == CART_OK &&
		   strcmp(task->call.error, "ValidationException") == 0) {
		/* Such a cart would be no item. */
		merge->does_not_fit = true;
		merge_read(task);
	} else {
		merge_call_failed(task);
	}
}

/* SEAL. One whose answer was lost may still come: then it is sent again as it was, if it has
 * certainly not come and gone. */
static void merge_seal(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;

	if (!merge->sealed || merge->stays)
		merge_mark(task, merge->merge_id);
	memcpy(merge->fence, merge->source.mark, sizeof(merge->fence));
	merge->decided = false;
	merge->may_come = merge->sealed;
	merge->sealed = true;
	ddb_body_merge_seal(&task->call.body, &task->store->table, task->write.op,
			    merge->unfenced ? NULL : merge->source.mark, merge->merge_id);
	merge_send(task, DDB_STEP_MERGE_SEAL, DDB_UPDATE_ITEM);
}

static void merge_seal_done(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	const struct cart_op *op = task->write.op;
	struct ddb_seal *seal = &merge->source.seal;

	switch (task->call.outcome) {
	case DDB_OK:
		if (merge->unfenced) {
			merge_read(task);
			return;
		}
		*seal = (struct ddb_seal){
			.into = op->id, .strategy = op->strategy, .if_version = op->if_version};
		memcpy(seal->merge_id, merge->merge_id, sizeof(seal->merge_id));
		merge_finish(task);
		return;
	case DDB_DOUBT:
		merge->stays |= merge->unfenced;
		merge_read_lost(task);
		return;
	case DDB_CONDITION:
		merge->sealed = merge->may_come;
		merge->unfenced = true;
		merge_begin_anew(task);
		return;
	default:
		merge->sealed = merge->may_come;
		merge_call_failed(task);
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
	merge_mark(task, mark);
	merge_send(task, DDB_STEP_MERGE_KEY,
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
		merge_begin_anew(task);
		return;
	case DDB_DOUBT:
		task->merge->lost = true;
		merge_read_lost(task);
		return;
	default:
		merge_call_failed(task);
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
		merge_answer(task, CART_NOT_FOUND, "");
		return;
	}
	if (merge->target_damaged) {
		merge_answer(task, CART_DAMAGED, merge->why);
		return;
	}
	task->write.doubt = merge->lost || merge->sealed;
	/* Also for a replay: nobody may look at from again, and its event comes with its end. */
	if (merge_is_sealed(merge) && merge->target.seal.merge_id[0] == '\0') {
		merge_finish(task);
		return;
	}
	if (ddb_write_replays(task, &merge->target))
		return;
	if (!merge->source_there || !cart_op_sees(op, &merge->source.cart)) {
		op->of_from = true;
		merge_answer(task, CART_NOT_FOUND, "");
		return;
	}
	if (merge_waits(task))
		return;
	result = merge_apply(task, op, &after);
	cart_clear(&after);
	if (result != CART_OK)
		merge_answer(task, result, "");
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
	if (result == CART_DAMAGED && !merge_is_own(merge) && merge_is_held(merge)) {
		merge_release(task);
		return;
	}
	if (result != CART_OK) {
		if (merge_is_own(merge))
			task->write.op->of_from = true;
		merge_fail(task, result, merge->why);
		return;
	}
	memcpy(merge->why, why, sizeof(why));
	ddb_store_count(store, store->db->series.read_modify_writes, 1);
	if (merge_is_asked_for(task) && !merge_is_ours(merge) && merge_has_no_seal(merge))
		merge->sealed = false;
	if (merge_is_asked_for(task) && !merge_is_ours(merge))
		merge_consider(task);
	else if (merge_is_sealed(merge))
		merge_finish(task);
	else
		merge_tidy_and_go_on(task);
}

/* A step after which both are read again: a hold, or the removal of old keys. */
static void merge_step_done(struct ddb_task *task)
{
	enum ddb_outcome outcome = task->call.outcome;

	if (outcome == DDB_DOUBT)
		merge_read_lost(task);
	else if (outcome == DDB_OK)
		merge_read(task);
	else if (outcome == DDB_CONDITION)
		merge_begin_anew(task);
	else
		merge_call_failed(task);
}

static void merge_done(struct ddb_task *task)
{
	switch (task->step) {
	case DDB_STEP_MERGE_SEAL:
		merge_seal_done(task);
		return;
	case DDB_STEP_MERGE_DECIDE:
		merge_decide_done(task);
		return;
	case DDB_STEP_MERGE_END:
		merge_end_done(task);
		return;
	case DDB_STEP_MERGE_FORGET:
		merge_forgotten(task);
		return;
	case DDB_STEP_MERGE_KEY:
		merge_key_done(task);
		return;
	case DDB_STEP_MERGE_RELEASE:
		merge_released(task);
		return;
	case DDB_STEP_MERGE_HOLD:
	case DDB_STEP_TRIM:
		merge_step_done(task);
		return;
	default:
		break;
	}
	if (task->call.outcome != DDB_OK)
		merge_call_failed(task);
	else if (task->step == DDB_STEP_MERGE_TARGET)
		merge_take_target(task);
	else
		merge_take_source(task);
}

static bool merge_leave(struct ddb_task *task, const struct cart_op *op, bool *sent)
{
	const struct ddb_merge *merge = task->merge;
	bool seals = task->step == DDB_STEP_MERGE_SEAL;

	if (!merge_is_own(merge))
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
	.done = merge_done, .resume = merge_read, .forget = merge_leave};

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
