/*
 * The happy path of writes: a batch by write.h, its answer, the ops' results. Otherwise:
 *
 *  - some carts did not pass: the batch is rolled back, the ops of these carts are modified
 *    (modify.h), the others queued again. An op that is alone is modified at once;
 *  - a key exists: the changes of the batch that have one are modified together, creates are
 *    queued again each by itself;
 *  - a row is locked. No connection waits for it: the carts that are locked are looked for, each of
 *    their ops is tried again by itself after a pause, the others are queued again at once;
 *  - another statement failed and nothing can have been committed. A deadlock, a statement that was
 *    killed: all are queued again. The host accepts no changes: all wait until a host does. The
 *    server has no room, or refuses for a reason that is not known here: they are refused;
 *  - the answer to COMMIT is missing, or says neither yes nor no: an op with a key is queued again
 *    to be modified, where its key shows whether it was done; one without is CART_UNCERTAIN.
 *
 * Reads are repeated; those that a reader did not answer, at the writer.
 */
#include "backends/mysql/work.h"

#include "backends/mysql/feed.h"
#include "backends/mysql/merge.h"
#include "backends/mysql/modify.h"
#include "backends/mysql/read.h"
#include "backends/mysql/retry.h"
#include "backends/mysql/session.h"
#include "core/cart_backend.h"

#include <stdlib.h>
#include <string.h>

static const struct cart_rules *work_rules(const struct sql_lane *lane)
{
	return cart_store_rules(sql_work_of(lane)->store);
}

static void work_count(const struct sql_pool *pool, metric_t series, int64_t n)
{
	metrics_add(pool->shard, series, n);
}

static const struct sql_series *work_series(const struct sql_lane *lane)
{
	return &lane->pool->setup->series;
}

static void work_count_batch(const struct sql_lane *lane, size_t count, bool writes)
{
	metrics_add_size(lane->pool->shard, &work_series(lane)->batches[writes], count);
}

/* Completes the first ops of the task's array with the results that they hold. The task has ended
 * and the lane is free before, so that what their callbacks submit finds it so. */
static void work_answer(struct sql_lane *lane, size_t count, bool rollback)
{
	struct sql_task *task = sql_task_of(lane);
	struct cart_op *list = NULL;

	for (size_t i = count; i > 0; i--) {
		task->ops[i - 1]->held.next = list;
		list = task->ops[i - 1];
	}
	sql_task_end(task);
	if (rollback)
		sql_lane_rollback(lane);
	else
		sql_lane_idle(lane);
	while (list != NULL) {
		struct cart_op *op = list;

		list = op->held.next;
		op->held.next = NULL;
		sql_op_complete(op, op->result);
	}
}

/* Sends a text of the task that was made, or refuses its ops. */
static void work_send(struct sql_lane *lane, bool made, enum sql_step step)
{
	struct sql_task *task = sql_task_of(lane);

	task->step = step;
	if (made) {
		sql_lane_send(lane);
		return;
	}
	sql_task_answer_all(task, CART_BUSY, "out of memory");
	sql_lane_rollback(lane);
}

static void work_read_failed(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);

	switch (reply->fault) {
	case SQL_FAULT_LOST:
		sql_retry_all(lane, reply->fault, SQL_RETRY_TOGETHER);
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
		return;
	case SQL_FAULT_HOST: /* a Galera node without a quorum does not answer reads either */
		if (task->step == SQL_STEP_CHECK) {
			sql_task_answer_all(task, CART_BUSY, reply->text);
			sql_pool_read_only(lane);
			break;
		}
		sql_retry_all(lane, reply->fault, SQL_RETRY_TOGETHER);
		sql_connector_report(lane->pool->setup->connector, &lane->link,
				     SQL_REPORT_READ_ONLY);
		sql_lane_discard(lane, SQL_DISCARD_HOST);
		return;
	case SQL_FAULT_DEADLOCK:
	case SQL_FAULT_LOCK:
	case SQL_FAULT_INTERRUPTED:
		sql_retry_all(lane, reply->fault, SQL_RETRY_LATER);
		break;
	default:
		if (task->step == SQL_STEP_CHECK)
			sql_task_answer_all(task, CART_BUSY, reply->text);
		else
			sql_retry_refuse(lane, reply);
		break;
	}
	sql_lane_idle(lane);
}

static void work_read_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	size_t kept = 0;

	if (task->step != SQL_STEP_LIST)
		sql_gets_read(task->ops, task->ids, task->count, reply->rows[0]);
	else if (task->ops[0] != NULL && !sql_list_read(task->ops[0], reply->rows[0])) {
		work_send(lane, sql_list_text(&lane->text, task->ops[0]), SQL_STEP_LIST);
		return;
	}
	for (size_t i = 0; i < task->count; i++)
		if (task->ops[i] != NULL)
			task->ops[kept++] = task->ops[i];
	work_answer(lane, kept, false);
}

/* The statement itself failed, and no commit had begun: by its class, or because the number says so
 * that the class does not. */
static bool work_is_of_statement(const struct sql_lane *lane, const struct sql_reply *reply)
{
	static const char *const states[] = {
		"0A", /* feature not supported */
		"21", /* cardinality */
		"22", /* data */
		"23", /* integrity constraint */
		"42", /* syntax, or no right to do that */
		"45"  /* an operator's trigger */
	};
	const char *state = mysql_sqlstate(lane->conn.mysql);

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strncmp(state, states[i], 2) == 0)
			return true;
	return reply->fault != SQL_FAULT_LOST && reply->fault != SQL_FAULT_OTHER;
}

/* True: nothing can have been committed. */
static bool work_is_certain(const struct sql_lane *lane, const struct sql_reply *reply)
{
	enum sql_step step = sql_task_of(lane)->step;

	if (step != SQL_STEP_BATCH && step != SQL_STEP_COMMIT)
		return true;
	if (sql_fault_is_of_client(reply->error))
		return false;
	if (reply->statements + 1 < lane->text.statements)
		return true;
	/* The INSERT of a create that is alone, which commits by itself. */
	if (lane->text.statements == 1 && work_is_of_statement(lane, reply))
		return true;
	/* COMMIT itself. */
	return reply->fault == SQL_FAULT_DEADLOCK || reply->error == 1290;
}

/* A write that is alone, and whose transaction is still open, is modified at once. */
static void work_modify_now(struct sql_lane *lane)
{
	struct sql_task *task = sql_task_of(lane);

	if (task->writes[0].op == NULL) {
		sql_task_end(task);
		sql_lane_rollback(lane);
		return;
	}
	sql_op_note_modify(task->writes[0].op);
	work_count(lane->pool, work_series(lane)->read_modify, 1);
	work_count_batch(lane, 1, true);
	work_send(lane, sql_modify_text(&lane->text, task->writes, 1, true), SQL_STEP_READ);
}

/* One of the batch's keys exists, as after a client's retry. Changes with a key take the third way
 * together, where the key is looked up; creates are tried each by itself. */
static void work_blame_keys(struct sql_lane *lane)
{
	const struct sql_task *task = sql_task_of(lane);

	for (size_t i = 0; i < task->count; i++) {
		struct cart_op *op = task->writes[i].op;

		if (op != NULL && op->type == CART_OP_CREATE)
			op->held.alone = true;
		else if (op != NULL && op->key != NULL)
			sql_op_note_modify(op);
	}
	sql_retry_all(lane, SQL_FAULT_DUPLICATE, SQL_RETRY_TOGETHER);
	sql_lane_rollback(lane);
}

/* Some did not pass, or one of their keys exists. */
static void work_blame(struct sql_lane *lane, enum sql_fault fault)
{
	struct sql_task *task = sql_task_of(lane);

	if (task->step == SQL_STEP_BATCH && task->count == 1) {
		work_modify_now(lane);
	} else if (task->step == SQL_STEP_BATCH && fault == SQL_FAULT_REFUSED) {
		work_send(lane, sql_blame_text(&lane->text, task->writes, task->count),
			  SQL_STEP_BLAME);
	} else if (task->step == SQL_STEP_BATCH) {
		work_blame_keys(lane);
	} else {
		sql_retry_all(lane, fault, SQL_RETRY_ALONE);
		sql_lane_rollback(lane);
	}
}

/* Together once more; after that each by itself, at different times. */
static enum sql_retry work_how_again(const struct sql_lane *lane)
{
	const struct sql_task *task = sql_task_of(lane);

	for (size_t i = 0; i < task->count; i++)
		if (task->writes[i].op != NULL && sql_op_tries(task->writes[i].op) > 1)
			return SQL_RETRY_LATER;
	return SQL_RETRY_TOGETHER;
}

/* A line or a key may be locked. Where the server waits for these for a second at least, the
 * changes are modified from now on, which asks for every lock with NOWAIT. */
static void work_avoid_waits(const struct sql_lane *lane)
{
	const struct sql_task *task = sql_task_of(lane);

	for (size_t i = 0; i < task->count && lane->text.nowait; i++)
		if (task->writes[i].op != NULL && task->writes[i].op->type != CART_OP_CREATE)
			sql_op_note_modify(task->writes[i].op);
}

/* A row that the text needs is locked: of which cart, unless there is only one or the question
 * itself failed. */
static void work_find_locked(struct sql_lane *lane)
{
	struct sql_task *task = sql_task_of(lane);

	if (task->count > 1 && (task->step == SQL_STEP_BATCH || task->step == SQL_STEP_READ)) {
		work_send(lane, sql_locked_text(&lane->text, task->writes, task->count),
			  SQL_STEP_LOCKED);
		return;
	}
	if (task->count == 1)
		work_avoid_waits(lane);
	sql_retry_all(lane, SQL_FAULT_LOCK, SQL_RETRY_LATER);
	sql_lane_rollback(lane);
}

/* The ops of carts that are locked pause, the others are queued again. */
static void work_locked_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	size_t rest = lane->pool->setup->batch_max, count = rest;

	if (!sql_locked_read(task->writes, task->count, reply)) {
		work_avoid_waits(lane);
		sql_retry_all(lane, SQL_FAULT_LOCK, work_how_again(lane));
		sql_lane_idle(lane);
		return;
	}
	for (size_t i = task->count; i > 0; i--) {
		if (task->writes[i - 1].done || task->writes[i - 1].op == NULL)
			continue;
		task->ops[--rest] = sql_task_take(task, i - 1);
		sql_op_forget_result(task->ops[rest]);
	}
	sql_retry_all(lane, SQL_FAULT_LOCK, SQL_RETRY_LATER);
	sql_retry_queue(lane, task->ops + rest, count - rest, SQL_RETRY_TOGETHER);
	sql_lane_idle(lane);
}

static void work_write_refused(struct sql_lane *lane, const struct sql_reply *reply)
{
	switch (reply->fault) {
	case SQL_FAULT_REFUSED:
	case SQL_FAULT_DUPLICATE:
		work_blame(lane, reply->fault);
		return;
	case SQL_FAULT_LOCK:
		work_find_locked(lane);
		return;
	case SQL_FAULT_DEADLOCK:
	case SQL_FAULT_INTERRUPTED:
		sql_retry_all(lane, reply->fault, work_how_again(lane));
		break;
	case SQL_FAULT_LOST:
		sql_retry_all(lane, reply->fault, SQL_RETRY_TOGETHER);
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
		return;
	case SQL_FAULT_HOST:
		sql_retry_all(lane, reply->fault, SQL_RETRY_TOGETHER);
		sql_pool_read_only(lane);
		break;
	case SQL_FAULT_BUSY:
		sql_retry_refuse(lane, reply);
		break;
	default:
		if (sql_task_of(lane)->count > 1) {
			sql_retry_all(lane, reply->fault, SQL_RETRY_ALONE);
			break;
		}
		sql_retry_refuse(lane, reply);
		break;
	}
	sql_lane_rollback(lane);
}

static void work_write_failed(struct sql_lane *lane, const struct sql_reply *reply)
{
	if (work_is_certain(lane, reply)) {
		work_write_refused(lane, reply);
		return;
	}
	sql_retry_in_doubt(lane, reply->text);
	if (reply->fault == SQL_FAULT_LOST)
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
	else
		sql_lane_rollback(lane);
}

/* Those that are done are completed; the others are modified. */
static void work_batch_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	size_t done = 0, rest = lane->pool->setup->batch_max, count = rest;

	sql_pool_accepted(lane->pool);
	(void)sql_write_read(task->writes, task->count, reply, work_rules(lane));
	for (size_t i = 0; i < task->count; i++) {
		bool is_done = task->writes[i].done;
		struct cart_op *op = sql_task_take(task, i);

		if (op == NULL)
			continue;
		if (is_done) {
			task->ops[done++] = op;
			continue;
		}
		sql_op_forget_result(op);
		sql_op_note_modify(op);
		task->ops[--rest] = op;
	}
	sql_retry_queue(lane, task->ops + rest, count - rest, SQL_RETRY_TOGETHER);
	work_answer(lane, done, false);
}

/* The batch is rolled back: those that did not pass are modified, the others queued again. */
static void work_blame_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	size_t good = 0, rest = lane->pool->setup->batch_max, count = rest;

	sql_blame_read(task->writes, task->count, reply);
	for (size_t i = 0; i < task->count; i++) {
		bool blamed = task->writes[i].done;
		struct cart_op *op = sql_task_take(task, i);

		if (op == NULL)
			continue;
		sql_op_forget_result(op);
		if (blamed) {
			sql_op_note_modify(op);
			task->ops[--rest] = op;
		} else {
			task->ops[good++] = op;
		}
	}
	work_count(lane->pool, work_series(lane)->retries[SQL_FAULT_REFUSED], (int64_t)task->count);
	sql_retry_queue(lane, task->ops, good, SQL_RETRY_TOGETHER);
	sql_retry_queue(lane, task->ops + rest, count - rest, SQL_RETRY_TOGETHER);
	work_answer(lane, 0, false);
}

/* The first round trip of a modification: the rules decide. */
static void work_modify_read(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	size_t done = 0;
	enum sql_modify_next next =
		sql_modify_decide(task->writes, task->count, reply, &lane->text, work_rules(lane));

	for (size_t i = 0; i < task->count; i++)
		if (task->writes[i].done && task->writes[i].op != NULL)
			task->ops[done++] = sql_task_take(task, i);
	if (next == SQL_MODIFY_ROLLBACK) {
		work_answer(lane, done, true);
		return;
	}
	work_count_batch(lane, task->count, true);
	task->step = next == SQL_MODIFY_COMMIT ? SQL_STEP_COMMIT : SQL_STEP_LOAD;
	sql_lane_send(lane);
	/* The array is used again by what their callbacks submit no sooner than by this lane. */
	for (size_t i = 0; i < done; i++)
		sql_op_complete(task->ops[i], task->ops[i]->result);
}

static void work_modify_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	size_t done = 0;

	sql_pool_accepted(lane->pool);
	if (task->step == SQL_STEP_LOAD && task->writes[0].op != NULL)
		sql_modify_load(task->writes[0].op, reply);
	for (size_t i = 0; i < task->count; i++)
		if (task->writes[i].op != NULL)
			task->ops[done++] = sql_task_take(task, i);
	work_answer(lane, done, false);
}

static void work_done(struct sql_lane *lane, struct sql_reply *reply)
{
	struct sql_task *task = sql_task_of(lane);
	bool failed = reply->fault != SQL_FAULT_NONE;

	if (reply->error == SQL_NOT_WRITER && lane->text.check_writer &&
	    (task->step < SQL_STEP_BATCH || task->step == SQL_STEP_READ))
		reply->fault = SQL_FAULT_HOST;
	switch (task->step) {
	case SQL_STEP_GETS:
	case SQL_STEP_CHECK:
	case SQL_STEP_LIST:
		if (failed || reply->rows_count == 0)
			work_read_failed(lane, reply);
		else
			work_read_done(lane, reply);
		return;
	case SQL_STEP_FEED:
		if (failed || reply->rows_count == 0)
			work_read_failed(lane, reply);
		else
			sql_feed_done(lane, reply);
		return;
	case SQL_STEP_GAP:
	case SQL_STEP_FILL:
	case SQL_STEP_FLUSH:
		sql_feed_done(lane, reply);
		return;
	case SQL_STEP_BATCH:
	case SQL_STEP_BLAME:
	case SQL_STEP_LOCKED:
	case SQL_STEP_READ:
	case SQL_STEP_COMMIT:
	case SQL_STEP_LOAD:
		if (failed)
			work_write_failed(lane, reply);
		else if (task->step == SQL_STEP_BATCH)
			work_batch_done(lane, reply);
		else if (task->step == SQL_STEP_BLAME)
			work_blame_done(lane, reply);
		else if (task->step == SQL_STEP_LOCKED)
			work_locked_done(lane, reply);
		else if (task->step == SQL_STEP_READ)
			work_modify_read(lane, reply);
		else
			work_modify_done(lane, reply);
		return;
	case SQL_STEP_NONE:
		abort(); /* nothing was sent */
	}
}

static void work_lost(struct sql_lane *lane)
{
	enum sql_step step = sql_task_of(lane)->step;

	if (step == SQL_STEP_BATCH || step == SQL_STEP_COMMIT)
		sql_retry_in_doubt(lane, "no answer within mysql.timeout");
	else
		sql_retry_all(lane, SQL_FAULT_LOST, SQL_RETRY_TOGETHER);
}

static void work_begin_reads(struct sql_lane *lane, struct cart_op **ops, size_t count)
{
	struct sql_task *task = sql_task_of(lane);
	bool made;

	memcpy(task->ops, ops, count * sizeof(*ops));
	task->count = count;
	if (ops[0]->type == CART_OP_FEED) {
		sql_feed_begin(lane);
		return;
	}
	if (ops[0]->type == CART_OP_LIST) {
		work_send(lane, sql_list_text(&lane->text, ops[0]), SQL_STEP_LIST);
		return;
	}
	for (size_t i = 0; i < count; i++)
		task->ids[i] = ops[i]->id;
	if (!sql_op_is_check(ops[0])) {
		work_send(lane, sql_gets_text(&lane->text, ops, count), SQL_STEP_GETS);
		return;
	}
	made = sql_gets_text(&lane->text, ops, 1);
	sql_change_nothing(&lane->text);
	work_send(lane, made && !lane->text.buf.failed, SQL_STEP_CHECK);
}

static void work_begin_writes(struct sql_lane *lane, struct cart_op **ops, size_t count)
{
	struct sql_task *task = sql_task_of(lane);
	const struct cart_rules *rules = work_rules(lane);
	bool modify = sql_op_has(ops[0], SQL_OP_MODIFY);
	int64_t token = (int64_t)(random_next(&sql_work_of(lane)->random) >> 1) | 1;

	for (size_t i = 0; i < count; i++)
		task->writes[i] = (struct sql_write){
			.op = ops[i],
			.id = ops[i]->id,
			.from = ops[i]->from,
			.way = modify ? SQL_WAY_MODIFY : sql_write_way(ops[i], rules),
			.doubt = sql_op_has(ops[i], SQL_OP_DOUBT),
			.token = token,
		};
	task->count = count;
	if (modify) {
		work_count(lane->pool, work_series(lane)->read_modify, (int64_t)count);
		work_send(lane, sql_modify_text(&lane->text, task->writes, count, false),
			  SQL_STEP_READ);
	} else if (task->writes[0].way == SQL_WAY_MERGE) {
		work_send(lane, sql_merge_text(&lane->text, task->writes, rules), SQL_STEP_BATCH);
	} else {
		work_send(lane, sql_write_text(&lane->text, task->writes, count, rules),
			  SQL_STEP_BATCH);
	}
}

static void work_start(struct sql_lane *lane, struct cart_op **ops, size_t count)
{
	bool writes = cart_op_is_write(ops[0]);

	work_count_batch(lane, count, writes);
	if (writes)
		work_begin_writes(lane, ops, count);
	else
		work_begin_reads(lane, ops, count);
}

static bool work_is_kept_read_only(const struct cart_op *op)
{
	return !cart_op_is_write(op) || sql_op_has(op, SQL_OP_DOUBT);
}

/* Gets that wait for readers go to the writer. */
static void work_leave_readers(struct sql_work *work)
{
	struct cart_op *refused = NULL, *op;

	while ((op = batch_first(work->reader.pool.batch, SQL_CLASS_GET)) != NULL) {
		if (!batch_remove(work->reader.pool.batch, op))
			break;
		if (!sql_retry_at_writer(work, op)) {
			op->held.next = refused;
			refused = op;
		}
	}
	sql_op_complete_list(refused, CART_BUSY, "no reader can be connected to");
}

static void work_refused(struct sql_pool *pool, const char *why)
{
	struct sql_work *work = pool->user;
	struct cart_op *chained, *queued;

	if (pool->role == SQL_READER) {
		work_leave_readers(work);
		return;
	}
	/* What is in doubt waits for a host, until its deadline. */
	chained = batch_take_stale_chained(pool->pool.batch, INT64_MAX, work_is_kept_read_only);
	queued = batch_take_stale(pool->pool.batch, INT64_MAX, work_is_kept_read_only);
	sql_op_complete_list(queued, CART_BUSY, why);
	sql_op_complete_list(chained, CART_BUSY, why);
}

enum cart_result sql_work_submit(struct sql_work *work, struct cart_op *op)
{
	struct sql_pool *pool = &work->writer;
	enum cart_result result;

	op->held.backend = NULL;
	if (!cart_db_is_provisioned(work->store->db)) {
		cart_op_set_reason(op, "the database has not been provisioned since the start");
		return CART_BUSY;
	}
	if (sql_op_is_check(op)) {
		if (pool->writable != SQL_WRITABLE) {
			cart_op_set_reason(op, "no database host accepts changes");
			return CART_BUSY;
		}
		op->held.alone = true;
	} else if (op->type == CART_OP_GET) {
		if ((op->flags & CART_READ_EVENTUAL) != 0 && work->reader.up > 0) {
			sql_op_note(op, SQL_OP_READER);
			pool = &work->reader;
		}
	} else if (op->type == CART_OP_LIST || op->type == CART_OP_FEED) {
		op->held.alone = true;
	} else {
		if (pool->writable == SQL_WRITABLE_NOT) {
			cart_op_set_reason(op, "no database host accepts changes");
			return CART_BUSY;
		}
		op->held.nonce = (int64_t)(random_next(&work->random) >> 1);
		op->held.alone = op->type == CART_OP_MERGE;
		if (sql_write_way(op, cart_store_rules(work->store)) == SQL_WAY_MODIFY)
			sql_op_note_modify(op);
	}
	result = batch_push(pool->pool.batch, op, sql_op_class(op));
	sql_pool_want(pool);
	return result;
}

/* The task that has the op, which is taken out of it. */
static struct sql_task *work_forget(struct sql_work *work, const struct cart_op *op)
{
	for (size_t i = 0; i < work->task_count; i++) {
		struct sql_task *task = &work->tasks[i];

		for (size_t at = 0; at < task->count; at++) {
			struct cart_op **slot = sql_task_slot(task, at);

			if (*slot != op)
				continue;
			*slot = NULL;
			return task;
		}
	}
	abort(); /* it is the backend's, and it is in no queue */
}

void sql_work_expire(struct sql_work *work, struct cart_op *op, enum cart_result why)
{
	bool reads = sql_op_has(op, SQL_OP_READER);

	if (!batch_remove(reads ? work->reader.pool.batch : work->writer.pool.batch, op)) {
		const struct sql_task *task = work_forget(work, op);

		if (task->step == SQL_STEP_BATCH || task->step == SQL_STEP_COMMIT) {
			cart_op_set_reason(op, "no answer from the database yet");
			why = CART_UNCERTAIN;
		}
	}
	sql_op_complete(op, why);
}

/* Until its deadline, an op in doubt may find out whether it was committed. */
static bool work_waits_on(const struct cart_op *op)
{
	return sql_op_has(op, SQL_OP_DOUBT);
}

static void work_look_after(void *user, int64_t now_ns)
{
	sql_pool_tick(user, now_ns);
}

static int task_open(struct sql_task *task, size_t batch_max)
{
	task->ops = calloc(batch_max, sizeof(struct cart_op *));
	task->ids = calloc(batch_max, sizeof(*task->ids));
	task->writes = calloc(batch_max, sizeof(*task->writes));
	return task->ops != NULL && task->ids != NULL && task->writes != NULL ? 0 : -1;
}

static int work_open_pool(struct sql_work *work, struct sql_pool *pool, enum sql_role role,
			  struct sql_task *tasks, size_t lanes)
{
	static const struct sql_lane_hooks hooks = {
		.start = work_start,
		.done = work_done,
		.lost = work_lost,
		.refused = work_refused,
	};
	const struct sql_setup *setup = pool->setup;
	const struct pool_config config = {
		.batch = {.lanes = lanes,
			  .ops_max = setup->batch_max,
			  .queue_max = setup->queue_max,
			  .delay_ns = setup->delay_ns,
			  .classes = SQL_CLASSES,
			  .writes = {[SQL_CLASS_BATCH] = true, [SQL_CLASS_MODIFY] = true},
			  /* Writes that wait for rows never occupy every lane. */
			  .writing_lanes = lanes > 1 ? lanes - 1 : 1,
			  /* Lists have a quarter of the lanes, or of the time of the only
			   * one. */
			  .lanes_of = {[SQL_CLASS_LIST] = lanes > 4 ? lanes / 4 : 1},
			  .time_part = {[SQL_CLASS_LIST] = lanes > 1 ? 0 : 4},
			  .patient = {[SQL_CLASS_BATCH] = true,
				      [SQL_CLASS_MODIFY] = true,
				      [SQL_CLASS_GET] = true},
			  .writes_a_cart = 1,
			  .start = sql_pool_start,
			  .user = pool,
			  .clock = pool->clock},
		.shard = pool->shard,
		.series = &setup->series.pool,
		.wait_max_ns = setup->acquire_ns,
		.wait_setting = "mysql.acquire_timeout",
		.waits_on = work_waits_on,
		.complete = sql_op_complete,
		.look_after = work_look_after,
	};

	pool->hooks = &hooks;
	pool->user = work;
	pool->role = role;
	if (pool_open(&pool->pool, pool->base, &config) != 0 || sql_pool_open(pool, lanes) != 0)
		return -1;
	for (size_t i = 0; i < lanes; i++)
		pool->lanes[i].task = &tasks[i];
	return 0;
}

int sql_work_open(struct sql_work *work, size_t lanes, bool readers)
{
	size_t count = readers ? 2 * lanes : lanes;

	random_seed(&work->random);
	work->tasks = calloc(count, sizeof(*work->tasks));
	if (work->tasks == NULL)
		return -1;
	work->task_count = count;
	for (size_t i = 0; i < count; i++)
		if (task_open(&work->tasks[i], work->writer.setup->batch_max) != 0)
			return -1;
	if (work_open_pool(work, &work->writer, SQL_WRITER, work->tasks, lanes) != 0)
		return -1;
	if (readers &&
	    work_open_pool(work, &work->reader, SQL_READER, work->tasks + lanes, lanes) != 0)
		return -1;
	return 0;
}

void sql_work_close(struct sql_work *work)
{
	sql_pool_close(&work->writer);
	sql_pool_close(&work->reader);
	pool_close(&work->writer.pool);
	pool_close(&work->reader.pool);
	for (size_t i = 0; i < work->task_count; i++) {
		free(work->tasks[i].ops);
		free(work->tasks[i].ids);
		free(work->tasks[i].writes);
	}
	free(work->tasks);
}
