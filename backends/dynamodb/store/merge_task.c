#include "backends/dynamodb/store/merge_task.h"

#include "backends/dynamodb/store/answer.h"

#include <stdio.h>
#include <string.h>

#define MERGE_PAUSE_MS	    5
#define MERGE_CONFLICTS_MAX 50
#define MERGE_PAUSES_MAX    4 /* a pause does not become longer after so many */

bool ddb_merge_is_own(const struct ddb_merge *merge)
{
	return merge->over == NULL;
}

bool ddb_merge_is_sealed(const struct ddb_merge *merge)
{
	return merge->source_there && merge->source.seal.merge_id[0] != '\0' &&
	       cart_id_compare(&merge->source.seal.into, &merge->into) == 0;
}

bool ddb_merge_is_ours(const struct ddb_merge *merge)
{
	return ddb_merge_is_own(merge) && ddb_merge_is_sealed(merge) &&
	       strcmp(merge->source.seal.merge_id, merge->merge_id) == 0;
}

bool ddb_merge_is_held(const struct ddb_merge *merge)
{
	const struct ddb_item *target = &merge->target;

	return merge->target_there && target->held &&
	       cart_id_compare(&target->held_for, &merge->from) == 0;
}

void ddb_merge_answer(struct ddb_task *task, enum cart_result result, const char *why)
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

void ddb_merge_over(struct ddb_task *task, enum cart_result result, const char *why)
{
	ddb_merge_over_fn *over = task->merge->over;
	char text[CART_REASON_MAX];

	snprintf(text, sizeof(text), "%s", why);
	task->steps = task->merge->back;
	ddb_task_drop_merge(task);
	over(task, result, text);
}

void ddb_merge_fail(struct ddb_task *task, enum cart_result result, const char *why)
{
	if (ddb_merge_is_own(task->merge))
		ddb_merge_answer(task, result, why);
	else
		ddb_merge_over(task, result, why);
}

void ddb_merge_call_failed(struct ddb_task *task)
{
	ddb_merge_fail(task, ddb_call_result(&task->call), task->call.message);
}

void ddb_merge_no_memory(struct ddb_task *task)
{
	ddb_merge_fail(task, CART_BUSY, "out of memory");
}

void ddb_merge_send(struct ddb_task *task, enum ddb_step step, enum ddb_operation operation)
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
		ddb_merge_no_memory(task);
}

void ddb_merge_read(struct ddb_task *task)
{
	ddb_merge_send(
		task, DDB_STEP_MERGE_TARGET,
		ddb_body_get(&task->call.body, &task->store->table, &task->merge->into, true));
}

void ddb_merge_read_lost(struct ddb_task *task)
{
	task->merge->retry_due = true;
	task->merge->why_lost = task->call.why;
	ddb_merge_read(task);
}

void ddb_merge_begin_anew(struct ddb_task *task)
{
	struct ddb_store *store = task->store;
	struct ddb_merge *merge = task->merge;
	char why[CART_REASON_MAX];

	ddb_store_count(store, store->db->series.conflicts, 1);
	if (ddb_merge_is_own(merge)) {
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
	ddb_merge_fail(task, CART_BUSY, why);
}
