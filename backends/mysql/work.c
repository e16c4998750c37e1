/*
 * What a lane does with a batch. The happy path of writes: the text of write.h, its answer, the
 * ops' results. The ways in which it goes on otherwise:
 *
 *  - the guard could not decide on an op: it is queued again, alone, for the careful way (LOOK,
 * then DECIDED or LOAD);
 *  - a statement failed and nothing can have been committed: a deadlock, a lock waited for in
 *    vain, somebody who was quicker: each op is queued again alone; the host is not for writing:
 * all are queued again for the next connection; no room: they are refused. The lane rolls back
 *    before it takes another batch;
 *  - the answer to COMMIT is missing, or says neither yes nor no: an op with a key is queued again
 *    for the careful way, where its key tells whether it was done; without one it is
 *    CART_UNCERTAIN.
 *
 * Reads are simply repeated, those that a reader did not answer at the writer.
 */
#include "backends/mysql/careful.h"
#include "backends/mysql/read.h"
#include "backends/mysql/store.h"

#include <stdlib.h>
#include <string.h>

#define WORK_TRIES_MAX 16

static const struct cart_rules *work_rules(const struct sql_lane *lane)
{
	return cart_store_rules(&lane->pool->store->store);
}

static void work_count(struct sql_lane *lane, metric_t series, int64_t n)
{
	metrics_add(lane->pool->store->shard, series, n);
}

static const struct sql_series *work_series(const struct sql_lane *lane)
{
	return &lane->pool->store->db->series;
}

/* Positive, and never 0. */
static int64_t work_token(struct sql_store *store)
{
	return (int64_t)(random_next(&store->random) >> 1) | 1;
}

static bool work_is_writing(const struct sql_lane *lane)
{
	return lane->state == SQL_LANE_WRITES || lane->state == SQL_LANE_LOOK ||
	       lane->state == SQL_LANE_DECIDED || lane->state == SQL_LANE_LOAD;
}

/* The op at a place in the lane, taken out of it; NULL: answered meanwhile. */
static struct cart_op *work_take(struct sql_lane *lane, size_t at)
{
	struct cart_op **slot = work_is_writing(lane) ? &lane->writes[at].op : &lane->ops[at];
	struct cart_op *op = *slot;

	*slot = NULL;
	return op;
}

bool sql_work_forget(struct sql_lane *lane, const struct cart_op *op)
{
	if (!work_is_writing(lane) && lane->state != SQL_LANE_GETS && lane->state != SQL_LANE_LIST)
		return false;
	for (size_t i = 0; i < lane->count; i++) {
		struct cart_op **slot = work_is_writing(lane) ? &lane->writes[i].op : &lane->ops[i];

		if (*slot != op)
			continue;
		*slot = NULL;
		return true;
	}
	return false;
}

static enum sql_class work_class(const struct sql_lane *lane)
{
	if (lane->state == SQL_LANE_GETS)
		return SQL_CLASS_GET;
	return lane->state == SQL_LANE_LIST ? SQL_CLASS_LIST : SQL_CLASS_WRITE;
}

/* What a try has left in the op. */
static void work_forget_result(struct cart_op *op)
{
	cart_clear(&op->cart);
	op->version = 0;
	op->replayed = false;
	op->started_ns = cart_store_now_ns(op->held.store); /* it waits again from now */
}

/* What a reader has not answered goes to the writer. False: it has no room. */
static bool work_send_to_writer(struct sql_store *store, struct cart_op *op)
{
	sql_op_unmark(op, SQL_OP_READER);
	return batch_push(store->writer.pool.batch, op, SQL_CLASS_GET) == CART_OK;
}

static void work_refuse(struct cart_op *refused, enum sql_fault fault)
{
	while (refused != NULL) {
		struct cart_op *op = refused;

		refused = op->held.next;
		op->held.next = NULL;
		cart_op_set_reason(op, "tried %d times or no room to try again: %s",
				   (int)(sql_op_notes(op) / SQL_OP_TRY), sql_fault_name(fault));
		sql_op_complete(op, CART_BUSY);
	}
}

/*
 * Queues the lane's ops again; those that have been tried too often are refused. The lane holds
 * none afterwards.
 */
static void work_again(struct sql_lane *lane, enum sql_fault fault, bool alone, uintptr_t mark)
{
	struct batch *batch = lane->pool->pool.batch;
	enum sql_class class = work_class(lane);
	struct cart_op *refused = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < lane->count; i++) {
		struct cart_op *op = work_take(lane, i);

		if (op == NULL)
			continue;
		work_forget_result(op);
		sql_op_mark(op, mark);
		sql_op_note(op, SQL_OP_TRY);
		if (sql_op_notes(op) / SQL_OP_TRY > WORK_TRIES_MAX ||
		    (lane->pool->role == SQL_READER &&
		     !work_send_to_writer(lane->pool->store, op))) {
			op->held.next = refused;
			refused = op;
		} else if (lane->pool->role == SQL_WRITER) {
			lane->ops[kept++] = op;
		}
	}
	work_count(lane, work_series(lane)->retries[fault], (int64_t)lane->count);
	if (alone || class == SQL_CLASS_LIST || (mark & SQL_OP_CAREFUL) != 0)
		batch_retry_alone(batch, lane->ops, kept, class);
	else
		batch_retry_together(batch, lane->ops, kept, class);
	lane->count = 0;
	work_refuse(refused, fault);
}

void sql_work_leave_readers(struct sql_pool *readers)
{
	struct cart_op *refused = NULL, *op;

	while ((op = batch_first(readers->pool.batch, SQL_CLASS_GET)) != NULL) {
		if (!batch_remove(readers->pool.batch, op))
			break;
		if (!work_send_to_writer(readers->store, op)) {
			op->held.next = refused;
			refused = op;
		}
	}
	work_refuse(refused, SQL_FAULT_LOST);
}

/* Answers all of the lane's ops alike. */
static void work_answer_all(struct sql_lane *lane, enum cart_result result, const char *reason)
{
	for (size_t i = 0; i < lane->count; i++) {
		struct cart_op *op = work_take(lane, i);

		if (op == NULL)
			continue;
		cart_op_set_reason(op, "%s", reason);
		sql_op_complete(op, result);
	}
	lane->count = 0;
}

static void work_rollback(struct sql_lane *lane)
{
	sql_text_reset(&lane->text);
	sql_statement(&lane->text, SQL_ROLLBACK, "ROLLBACK");
	if (lane->text.buf.failed)
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
	else
		sql_lane_send(lane, SQL_LANE_ROLLBACK);
}

/* Answers the first ops of the lane's array with the results that they hold. The lane is free
 * before, so that what their callbacks submit finds it so. */
static void work_answer(struct sql_lane *lane, size_t count)
{
	lane->count = 0;
	sql_lane_idle(lane);
	for (size_t i = 0; i < count; i++)
		sql_op_complete(lane->ops[i], lane->ops[i]->result);
}

static void work_read_failed(struct sql_lane *lane, const struct sql_reply *reply)
{
	switch (reply->fault) {
	case SQL_FAULT_LOST:
		work_again(lane, reply->fault, false, 0);
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
		return;
	case SQL_FAULT_HOST: /* a Galera node without a quorum does not answer reads either */
		work_again(lane, reply->fault, false, 0);
		sql_connector_report(lane->pool->store->db->connector, &lane->link,
				     SQL_REPORT_READ_ONLY);
		sql_lane_discard(lane, SQL_DISCARD_HOST);
		return;
	case SQL_FAULT_DEADLOCK:
	case SQL_FAULT_LOCK:
		work_again(lane, reply->fault, false, 0);
		break;
	case SQL_FAULT_BUSY:
		work_answer_all(lane, CART_BUSY, reply->text);
		break;
	default:
		work_answer_all(lane, CART_FAILED, reply->text);
		break;
	}
	sql_lane_idle(lane);
}

static void work_gets_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	size_t kept = 0;

	sql_gets_read(lane->ops, lane->ids, lane->count, reply->rows[0]);
	for (size_t i = 0; i < lane->count; i++)
		if (lane->ops[i] != NULL)
			lane->ops[kept++] = lane->ops[i];
	work_answer(lane, kept);
}

static void work_list_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	if (lane->ops[0] != NULL)
		sql_list_read(lane->ops[0], reply->rows[0]);
	work_answer(lane, lane->ops[0] != NULL);
}

/* What may have been committed, or may still be. */
static void work_in_doubt(struct sql_lane *lane, const char *reason)
{
	size_t unkeyed = 0;

	for (size_t i = 0; i < lane->count; i++)
		if (lane->writes[i].op != NULL && lane->writes[i].op->key == NULL)
			lane->ops[unkeyed++] = work_take(lane, i);
	for (size_t i = 0; i < unkeyed; i++) {
		cart_op_set_reason(lane->ops[i], "%s", reason);
		sql_op_complete(lane->ops[i], CART_UNCERTAIN);
	}
	work_again(lane, SQL_FAULT_LOST, true, SQL_OP_CAREFUL | SQL_OP_DOUBT);
}

/* True: nothing can have been committed. */
static bool work_is_certain(const struct sql_lane *lane, const struct sql_reply *reply)
{
	if (lane->state == SQL_LANE_LOOK || lane->state == SQL_LANE_LOAD)
		return true;
	if (reply->error >= 2000 && reply->error < 3000)
		return false; /* not the server's: it may have gone on */
	if (reply->statements + 1 < lane->text.statements)
		return true;
	/* A create's INSERT, which says these before it commits. */
	if (lane->text.statements == 1 && reply->fault != SQL_FAULT_LOST &&
	    reply->fault != SQL_FAULT_OTHER)
		return true;
	/* COMMIT itself. */
	return reply->fault == SQL_FAULT_DEADLOCK || reply->error == 1290;
}

static void work_write_refused(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_connector *connector = lane->pool->store->db->connector;

	switch (reply->fault) {
	case SQL_FAULT_DEADLOCK:
	case SQL_FAULT_LOCK:
		work_again(lane, reply->fault, true, 0);
		break;
	case SQL_FAULT_DUPLICATE: /* alone already: the careful way sees what is there */
		work_again(lane, reply->fault, true, lane->count == 1 ? SQL_OP_CAREFUL : 0);
		break;
	case SQL_FAULT_LOST:
		work_again(lane, reply->fault, false, 0);
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
		return;
	case SQL_FAULT_HOST:
		work_again(lane, reply->fault, false, 0);
		sql_connector_report(connector, &lane->link, SQL_REPORT_READ_ONLY);
		sql_lane_discard(lane, SQL_DISCARD_HOST);
		return;
	case SQL_FAULT_BUSY:
		work_answer_all(lane, CART_BUSY, reply->text);
		break;
	default:
		if (lane->count > 1)
			work_again(lane, reply->fault, true, 0);
		else
			work_answer_all(lane, CART_FAILED, reply->text);
		break;
	}
	work_rollback(lane);
}

static void work_write_failed(struct sql_lane *lane, const struct sql_reply *reply)
{
	if (work_is_certain(lane, reply)) {
		work_write_refused(lane, reply);
		return;
	}
	work_in_doubt(lane, reply->text);
	if (reply->fault == SQL_FAULT_LOST)
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
	else
		work_rollback(lane);
}

/* Those that are done are answered; the others are looked at one by one. */
static void work_writes_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	size_t done = 0, look = lane->pool->store->db->batch_max;
	size_t count = look;

	(void)!sql_write_read(lane->writes, lane->count, reply, work_rules(lane));
	for (size_t i = 0; i < lane->count; i++) {
		struct cart_op *op = work_take(lane, i);

		if (op == NULL)
			continue;
		if (lane->writes[i].verdict == SQL_VERDICT_DONE) {
			lane->ops[done++] = op;
			continue;
		}
		work_forget_result(op);
		sql_op_mark(op, SQL_OP_CAREFUL);
		lane->ops[--look] = op;
	}
	work_count(lane, work_series(lane)->careful, (int64_t)(count - look));
	batch_retry_alone(lane->pool->pool.batch, lane->ops + look, count - look, SQL_CLASS_WRITE);
	work_answer(lane, done);
}

static void work_look_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_write *write = &lane->writes[0];

	if (write->op == NULL) {
		work_rollback(lane);
		return;
	}
	switch (sql_careful_decide(write, reply->rows, reply->rows_count, &lane->text,
				   work_rules(lane))) {
	case SQL_CAREFUL_COMMIT:
		sql_lane_send(lane, SQL_LANE_DECIDED);
		return;
	case SQL_CAREFUL_LOAD:
		sql_lane_send(lane, SQL_LANE_LOAD);
		return;
	case SQL_CAREFUL_ROLLBACK:
		break;
	}
	lane->ops[0] = work_take(lane, 0);
	lane->count = 0;
	work_rollback(lane);
	sql_op_complete(lane->ops[0], lane->ops[0]->result);
}

/* The second round trip of the careful way. */
static void work_careful_done(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct cart_op *op;

	if (lane->state == SQL_LANE_LOAD && lane->writes[0].op != NULL)
		sql_careful_load(lane->writes[0].op, reply->rows[0]);
	op = work_take(lane, 0);
	lane->ops[0] = op;
	work_answer(lane, op != NULL);
}

void sql_work_done(struct sql_lane *lane, struct sql_reply *reply)
{
	bool failed = reply->fault != SQL_FAULT_NONE;

	switch (lane->state) {
	case SQL_LANE_GETS:
	case SQL_LANE_LIST:
		if (failed || reply->rows_count == 0)
			work_read_failed(lane, reply);
		else if (lane->state == SQL_LANE_GETS)
			work_gets_done(lane, reply);
		else
			work_list_done(lane, reply);
		return;
	case SQL_LANE_WRITES:
	case SQL_LANE_LOOK:
	case SQL_LANE_DECIDED:
	case SQL_LANE_LOAD:
		if (failed)
			work_write_failed(lane, reply);
		else if (lane->state == SQL_LANE_WRITES)
			work_writes_done(lane, reply);
		else if (lane->state == SQL_LANE_LOOK)
			work_look_done(lane, reply);
		else
			work_careful_done(lane, reply);
		return;
	case SQL_LANE_ROLLBACK:
		if (failed)
			sql_lane_discard(lane, SQL_DISCARD_BROKEN);
		else
			sql_lane_idle(lane);
		return;
	case SQL_LANE_DOWN:
	case SQL_LANE_ASKING:
	case SQL_LANE_IDLE:
	case SQL_LANE_PING:
		abort(); /* nothing was sent */
	}
}

void sql_work_lost(struct sql_lane *lane)
{
	switch (lane->state) {
	case SQL_LANE_GETS:
	case SQL_LANE_LIST:
	case SQL_LANE_LOOK:
	case SQL_LANE_LOAD:
		work_again(lane, SQL_FAULT_LOST, false, 0);
		return;
	case SQL_LANE_WRITES:
	case SQL_LANE_DECIDED:
		work_in_doubt(lane, "no answer within mysql.timeout");
		return;
	default:
		return;
	}
}

static bool work_begin_reads(struct sql_lane *lane, struct cart_op **ops, size_t count)
{
	memcpy(lane->ops, ops, count * sizeof(*ops));
	lane->count = count;
	if (ops[0]->type == CART_OP_LIST)
		return sql_list_text(&lane->text, ops[0]);
	for (size_t i = 0; i < count; i++)
		lane->ids[i] = ops[i]->id;
	return sql_gets_text(&lane->text, ops, count);
}

static bool work_begin_writes(struct sql_lane *lane, struct cart_op **ops, size_t count)
{
	const struct cart_rules *rules = work_rules(lane);
	int64_t token = work_token(lane->pool->store);

	for (size_t i = 0; i < count; i++) {
		lane->writes[i] = (struct sql_write){
			.op = ops[i],
			.id = ops[i]->id,
			.kind = sql_write_kind_of(ops[i], rules),
			.doubt = (sql_op_notes(ops[i]) & SQL_OP_DOUBT) != 0,
			.token = token,
		};
	}
	lane->count = count;
	if ((sql_op_notes(ops[0]) & SQL_OP_CAREFUL) != 0)
		return sql_careful_text(&lane->text, &lane->writes[0]);
	return sql_write_text(&lane->text, lane->writes, count, rules);
}

static enum sql_lane_state work_state(const struct cart_op *op)
{
	if (op->type == CART_OP_LIST)
		return SQL_LANE_LIST;
	if (op->type == CART_OP_GET)
		return SQL_LANE_GETS;
	return (sql_op_notes(op) & SQL_OP_CAREFUL) != 0 ? SQL_LANE_LOOK : SQL_LANE_WRITES;
}

void sql_work_start(void *user, size_t index, struct cart_op **ops, size_t count)
{
	struct sql_pool *pool = user;
	struct sql_lane *lane = &pool->lanes[index];
	enum sql_lane_state state = work_state(ops[0]);
	bool writes = cart_op_is_write(ops[0]);
	bool built =
		writes ? work_begin_writes(lane, ops, count) : work_begin_reads(lane, ops, count);

	metrics_add_size(pool->store->shard, &work_series(lane)->batches[writes], count);
	if (built && writes && lane->link.role == SQL_FORMER) {
		sql_lane_set(lane, state);
		work_answer_all(lane, CART_BUSY, "no database host accepts writes");
		sql_lane_idle(lane);
		return;
	}
	if (built) {
		sql_lane_send(lane, state);
		return;
	}
	sql_lane_set(lane, state); /* so that its ops are found */
	work_answer_all(lane, CART_BUSY, "out of memory");
	sql_lane_idle(lane);
}
