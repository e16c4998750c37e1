#include "backends/mysql/retry.h"

#include "core/base/retry_budget.h"
#include "core/cart_backend.h"

#include <stdio.h>

/* With the pauses below about a second. */
#define RETRY_TRIES_MAX 32

/* Pauses. Behind a locked row first the time of a transaction, later that of a person. */
#define RETRY_PAUSE_MS	   2
#define RETRY_PAUSE_MAX_MS 64

static int64_t retry_pause_ns(struct sql_work *work, unsigned tries)
{
	return 1000 * retry_pause_us(RETRY_PAUSE_MS, RETRY_PAUSE_MAX_MS, tries,
				     random_next(&work->random));
}

void sql_retry_queue(struct sql_lane *lane, struct cart_op **ops, size_t count, enum sql_retry how)
{
	struct batch *batch = lane->pool->pool.batch;

	for (size_t i = count; i > 0; i--) {
		struct cart_op **op = &ops[i - 1];

		if (how == SQL_RETRY_LATER)
			batch_retry_later(batch, *op, sql_op_class(*op),
					  retry_pause_ns(sql_work_of(lane), sql_op_tries(*op)));
		else if (how == SQL_RETRY_ALONE || (*op)->type == CART_OP_LIST ||
			 (*op)->type == CART_OP_FEED || sql_op_is_check(*op))
			batch_retry_alone(batch, op, 1, sql_op_class(*op));
		else
			batch_retry_together(batch, op, 1, sql_op_class(*op));
	}
}

bool sql_retry_at_writer(struct sql_work *work, struct cart_op *op)
{
	sql_op_drop_note(op, SQL_OP_READER);
	if (batch_push(work->writer.pool.batch, op, SQL_CLASS_GET) != CART_OK)
		return false;
	sql_pool_want(&work->writer);
	return true;
}

/* Why the op is not tried once more; NULL: it is. held.since_ns is when its row was first locked,
 * or when the server first refused it. */
static const char *retry_end(const struct sql_lane *lane, struct cart_op *op, enum sql_fault fault,
			     unsigned tries)
{
	int64_t now_ns = cart_store_now_ns(op->held.store);

	if (fault != SQL_FAULT_LOCK)
		op->held.since_ns = 0;
	else if (op->held.since_ns == 0)
		op->held.since_ns = now_ns;
	if (sql_op_has(op, SQL_OP_DOUBT))
		return NULL;
	if (fault == SQL_FAULT_LOCK && now_ns - op->held.since_ns >= lane->pool->setup->lock_ns)
		return "another client of the database has had a row of this cart locked for"
		       " mysql.lock_timeout";
	if (fault != SQL_FAULT_LOCK && tries > RETRY_TRIES_MAX)
		return "tried too often";
	return NULL;
}

void sql_retry_all(struct sql_lane *lane, enum sql_fault fault, enum sql_retry how)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *refused = NULL;
	const char *why = "the queue is full";
	char reason[CART_REASON_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < task->count; i++) {
		struct cart_op *op = sql_task_take(task, i);
		const char *end;

		if (op == NULL)
			continue;
		sql_op_forget_result(op);
		end = retry_end(lane, op, fault, sql_op_count_try(op));
		if (end == NULL && lane->pool->role == SQL_WRITER) {
			task->ops[kept++] = op;
			continue;
		}
		if (end == NULL && sql_retry_at_writer(sql_work_of(lane), op))
			continue;
		if (end != NULL)
			why = end;
		op->held.next = refused;
		refused = op;
	}
	metrics_add(lane->pool->shard, lane->pool->setup->series.retries[fault],
		    (int64_t)task->count);
	sql_task_end(task);
	sql_retry_queue(lane, task->ops, kept, how);
	snprintf(reason, sizeof(reason), "%s: %s", sql_fault_name(fault), why);
	sql_op_complete_list(refused, CART_BUSY, reason);
}

void sql_retry_in_doubt(struct sql_lane *lane, const char *reason)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *unkeyed = NULL;

	for (size_t i = task->count; i > 0; i--) {
		struct cart_op *op = task->writes[i - 1].op;

		if (op == NULL)
			continue;
		if (op->key != NULL) {
			sql_op_note(op, SQL_OP_MODIFY | SQL_OP_DOUBT);
			continue;
		}
		task->writes[i - 1].op = NULL;
		op->held.next = unkeyed;
		unkeyed = op;
	}
	sql_retry_all(lane, SQL_FAULT_LOST, SQL_RETRY_ALONE);
	sql_op_complete_list(unkeyed, CART_UNCERTAIN, reason);
}

/* Whether a refused op is tried again: for as long as a blip lasts, also while the server does what
 * others ask. */
static bool retry_is_kept(struct cart_op *op, int64_t blip_ns)
{
	int64_t now_ns = cart_store_now_ns(op->held.store);

	if (sql_op_has(op, SQL_OP_DOUBT))
		return true;
	if (op->held.since_ns == 0)
		op->held.since_ns = now_ns;
	return now_ns - op->held.since_ns < blip_ns;
}

void sql_retry_refuse(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *refused = NULL;
	int64_t blip_ns = sql_pool_blip_ns(lane->pool);
	size_t kept = 0;

	for (size_t i = 0; i < task->count; i++) {
		struct cart_op *op = sql_task_take(task, i);

		if (op == NULL)
			continue;
		if (retry_is_kept(op, blip_ns)) {
			sql_op_forget_result(op);
			(void)sql_op_count_try(op);
			task->ops[kept++] = op;
			continue;
		}
		op->held.next = refused;
		refused = op;
	}
	sql_task_end(task);
	metrics_add(lane->pool->shard, lane->pool->setup->series.retries[reply->fault],
		    (int64_t)kept);
	sql_retry_queue(lane, task->ops, kept, SQL_RETRY_LATER);
	if (refused != NULL && reply->fault != SQL_FAULT_BUSY)
		sql_lane_log_refusal(lane, reply);
	sql_op_complete_list(refused, CART_BUSY, reply->text);
}
