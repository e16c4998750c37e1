#include "backends/mysql/task.h"

#include "core/cart_backend.h"
#include "core/feed/event.h"

static uintptr_t op_notes(const struct cart_op *op)
{
	return (uintptr_t)op->held.backend;
}

bool sql_op_has(const struct cart_op *op, uintptr_t note)
{
	return (op_notes(op) & note) != 0;
}

void sql_op_note(struct cart_op *op, uintptr_t notes)
{
	op->held.backend = (void *)(op_notes(op) | notes);
}

void sql_op_drop_note(struct cart_op *op, uintptr_t note)
{
	op->held.backend = (void *)(op_notes(op) & ~note);
}

unsigned sql_op_tries(const struct cart_op *op)
{
	return (unsigned)(op_notes(op) / SQL_OP_TRY);
}

unsigned sql_op_count_try(struct cart_op *op)
{
	op->held.backend = (void *)(op_notes(op) + SQL_OP_TRY);
	return sql_op_tries(op);
}

/* A create does so by itself: where it is a replay, its transaction is rolled back once the other
 * cart has been read, and two of them under one old key would both overwrite it. */
void sql_op_note_modify(struct cart_op *op)
{
	sql_op_note(op, SQL_OP_MODIFY);
	if (op->type == CART_OP_CREATE || op->type == CART_OP_MERGE)
		op->held.alone = true;
}

bool sql_op_is_check(const struct cart_op *op)
{
	return op->type == CART_OP_GET && (op->flags & CART_READ_WRITABLE) != 0;
}

enum sql_class sql_op_class(const struct cart_op *op)
{
	if (op->type == CART_OP_GET)
		return SQL_CLASS_GET;
	if (op->type == CART_OP_LIST || op->type == CART_OP_FEED)
		return SQL_CLASS_LIST;
	return sql_op_has(op, SQL_OP_MODIFY) ? SQL_CLASS_MODIFY : SQL_CLASS_BATCH;
}

void sql_op_forget_result(struct cart_op *op)
{
	cart_clear(&op->cart);
	cart_feed_page_free(op->page);
	op->page = NULL;
	op->version = 0;
	op->replayed = op->of_from = op->merged = false;
	op->started_ns = cart_store_now_ns(op->held.store);
}

void sql_op_complete(struct cart_op *op, enum cart_result result)
{
	/* These are true whether or not the first attempt was or will be committed: its guard
	 * fails. */
	if (sql_op_has(op, SQL_OP_DOUBT) && result != CART_OK && result != CART_NOT_FOUND &&
	    result != CART_CLOSED && result != CART_OWNED && result != CART_MISMATCH &&
	    result != CART_KEY_REUSED) {
		if (op->reason[0] == '\0')
			cart_op_set_reason(op, "the connection broke, and there is no other yet");
		result = CART_UNCERTAIN;
	}
	op->held.backend = NULL;
	cart_store_complete(op, result);
}

void sql_op_complete_list(struct cart_op *ops, enum cart_result result, const char *reason)
{
	while (ops != NULL) {
		struct cart_op *op = ops;

		ops = op->held.next;
		op->held.next = NULL;
		cart_op_set_reason(op, "%s", reason);
		sql_op_complete(op, result);
	}
}

struct sql_task *sql_task_of(const struct sql_lane *lane)
{
	return lane->task;
}

struct sql_work *sql_work_of(const struct sql_lane *lane)
{
	return lane->pool->user;
}

struct cart_op **sql_task_slot(struct sql_task *task, size_t at)
{
	return task->step >= SQL_STEP_BATCH ? &task->writes[at].op : &task->ops[at];
}

struct cart_op *sql_task_take(struct sql_task *task, size_t at)
{
	struct cart_op **slot = sql_task_slot(task, at);
	struct cart_op *op = *slot;

	*slot = NULL;
	return op;
}

void sql_task_end(struct sql_task *task)
{
	task->count = 0;
	task->step = SQL_STEP_NONE;
}

void sql_task_answer_all(struct sql_task *task, enum cart_result result, const char *reason)
{
	struct cart_op *list = NULL;

	for (size_t i = task->count; i > 0; i--) {
		struct cart_op *op = sql_task_take(task, i - 1);

		if (op == NULL)
			continue;
		op->held.next = list;
		list = op;
	}
	sql_task_end(task);
	sql_op_complete_list(list, result, reason);
}
