#include "backends/dynamodb/store/merge_steps.h"

#include "backends/dynamodb/store/merge_task.h"

#include <string.h>

/* What the target says about it; NULL: nothing. */
static const struct ddb_decision *merge_decision(const struct ddb_merge *merge)
{
	const struct ddb_decision *decision = ddb_item_decision(&merge->target, &merge->from);

	return decision != NULL && strcmp(decision->merge_id, merge->source.seal.merge_id) == 0
		       ? decision
		       : NULL;
}

/* END. done: the lines are in the target. */
static void merge_end(struct ddb_task *task, bool done)
{
	struct ddb_merge *merge = task->merge;
	char mark[DDB_MARK_ROOM];

	ddb_task_mark(task, mark);
	ddb_body_merge_end(&task->call.body, &task->store->table, &merge->source, done,
			   merge->now_ms, mark);
	ddb_merge_send(task, DDB_STEP_MERGE_END, DDB_UPDATE_ITEM);
}

enum cart_result ddb_merge_apply(struct ddb_task *task, struct cart_op *op, struct cart *after)
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
	bool ours = ddb_merge_is_ours(merge), keyed;
	struct cart_op *op = ours ? write->op : merge_met_op(merge);
	struct ddb_decision decision = {.from = merge->from};
	char mark[DDB_MARK_ROOM];

	cart_clear(&merge->after);
	merge->result = ddb_merge_apply(task, op, &merge->after);
	if (merge->result == CART_OK && merge->does_not_fit) {
		merge->result = CART_LIMIT;
		cart_clear(&merge->after);
	}
	decision.done = merge->result == CART_OK && merge->target.seal.merge_id[0] == '\0';
	memcpy(decision.merge_id, merge->source.seal.merge_id, sizeof(decision.merge_id));
	if (merge->result == CART_BUSY || !ddb_item_decide(&merge->target, &decision)) {
		ddb_merge_no_memory(task);
		return;
	}
	keyed = ours && decision.done && write->key_name[0] != '\0' &&
		merge->target.key_count < DDB_KEYS_MAX;
	ddb_task_mark(task, mark);
	ddb_merge_send(task, DDB_STEP_MERGE_DECIDE,
		       ddb_body_if_unchanged(&task->call.body, &task->store->table, op,
					     &merge->target,
					     decision.done ? &merge->after : &merge->target.cart,
					     mark, keyed ? write->key_name : NULL));
}

void ddb_merge_continue(struct ddb_task *task)
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
	if (!ddb_merge_is_own(task->merge))
		ddb_merge_over(task, CART_OK, "");
	else if (task->write.op == NULL)
		ddb_task_end(task);
	else
		ddb_merge_begin_anew(task);
}

/* FORGET. alone: the decision is the only one of the target. */
static bool merge_forget(struct ddb_task *task, bool alone)
{
	struct ddb_merge *merge = task->merge;
	const struct ddb_decision *decision = ddb_item_decision(&merge->target, &merge->from);
	char mark[DDB_MARK_ROOM];

	if (decision == NULL)
		return false;
	ddb_task_mark(task, mark);
	ddb_body_merge_forget(&task->call.body, &task->store->table, &merge->into, decision, alone,
			      mark);
	merge->forgets_alone = alone;
	task->call.repeats = 0;
	task->call.patient = false;
	return ddb_task_call(task, DDB_STEP_MERGE_FORGET, DDB_UPDATE_ITEM, merge->deadline_ns);
}

void ddb_merge_release(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	char mark[DDB_MARK_ROOM];

	ddb_task_mark(task, mark);
	ddb_merge_send(task, DDB_STEP_MERGE_RELEASE,
		       ddb_body_if_unchanged(&task->call.body, &task->store->table,
					     merge_met_op(merge), &merge->target,
					     &merge->target.cart, mark, NULL));
}

void ddb_merge_released(struct ddb_task *task)
{
	enum ddb_outcome outcome = task->call.outcome;

	if (outcome == DDB_OK || outcome == DDB_CONDITION || outcome == DDB_DOUBT)
		merge_go_on(task);
	else
		ddb_merge_call_failed(task);
}

void ddb_merge_tidy_and_go_on(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;

	if (ddb_merge_is_held(merge)) {
		ddb_merge_release(task);
		return;
	}
	merge->tried_both = false;
	if (!merge_forget(task, merge->target.decision_count == 1))
		merge_go_on(task);
}

void ddb_merge_forgotten(struct ddb_task *task)
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
		ddb_merge_answer(task, result, merge->why);
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
	bool ours = ddb_merge_is_ours(merge);

	if (!ours || !merge->decided) {
		ddb_merge_tidy_and_go_on(task);
		return;
	}
	merge->sealed = merge->stays;
	merge_answer_decided(task, true);
}

void ddb_merge_end_done(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	enum ddb_outcome outcome = task->call.outcome;

	/* CONDITION: somebody else has made the same step. */
	if (outcome == DDB_OK || outcome == DDB_CONDITION)
		merge_ended(task);
	else if (ddb_merge_is_ours(merge) && merge->decided && merge->result == CART_OK)
		merge_answer_decided(task, false);
	else if (outcome == DDB_DOUBT)
		ddb_merge_read_lost(task);
	else
		ddb_merge_call_failed(task);
}

/* HOLD, which nobody who changes the target can overtake. */
static void merge_hold(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	char mark[DDB_MARK_ROOM];

	ddb_task_mark(task, mark);
	ddb_body_merge_hold(&task->call.body, &task->store->table, &merge->into, &merge->from,
			    mark);
	ddb_merge_send(task, DDB_STEP_MERGE_HOLD, DDB_UPDATE_ITEM);
}

/* The target was changed before the decision. If that can happen again, it is held now. */
static void merge_overtaken(struct ddb_task *task)
{
	struct ddb_store *store = task->store;
	struct ddb_merge *merge = task->merge;
	const struct ddb_item *target = &merge->target;

	if (merge->target_damaged || target->held || target->cart.state != CART_OPEN ||
	    target->seal.merge_id[0] != '\0') {
		ddb_merge_begin_anew(task);
		return;
	}
	ddb_store_count(store, store->db->series.conflicts, 1);
	merge->conflicts++;
	merge_hold(task);
}

void ddb_merge_decide_done(struct ddb_task *task)
{
	struct ddb_merge *merge = task->merge;
	enum ddb_outcome outcome = task->call.outcome;

	if (outcome == DDB_OK) {
		/* Refused because the target is merging too, it is asked for once more. */
		merge->decided = ddb_merge_is_ours(merge) && merge->target.seal.merge_id[0] == '\0';
		merge->target.held = false;
		ddb_merge_continue(task);
	} else if (outcome == DDB_CONDITION) {
		merge_overtaken(task);
	} else if (outcome == DDB_DOUBT) {
		merge->lost = true;
		ddb_merge_read_lost(task);
	} else if (outcome == DDB_REJECTED && merge->result == CART_OK &&
		   strcmp(task->call.error, "ValidationException") == 0) {
		/* Such a cart would be no item. */
		merge->does_not_fit = true;
		ddb_merge_read(task);
	} else {
		ddb_merge_call_failed(task);
	}
}
