/*
 * How a write ends: its answer, its item, and what becomes of it when an answer was lost. write.c,
 * create.c and the files of a merge stand above.
 */
#include "backends/dynamodb/store/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_TRIM_MIN 16 /* old keys that are worth a call of their own */

/* These stay true whether or not a try that is in doubt was applied, or still comes. */
static bool write_is_certain(const struct cart_op *op, enum cart_result result)
{
	return result == CART_OK || result == CART_CLOSED || result == CART_OWNED ||
	       result == CART_MISMATCH || result == CART_KEY_REUSED ||
	       (result == CART_NOT_FOUND && op->type != CART_OP_DELETE);
}

void ddb_write_answer(struct ddb_task *task, enum cart_result result)
{
	struct ddb_write *write = &task->write;
	struct cart_op *op = write->op;

	write->op = NULL;
	cart_clear(&write->after);
	if (write->doubt && !write_is_certain(op, result)) {
		if (op->reason[0] == '\0')
			cart_op_set_reason(op, "no answer, and the item does not show whether the "
					       "change was applied");
		result = CART_UNCERTAIN;
	}
	ddb_task_end(task);
	cart_store_complete(op, result);
}

void ddb_write_fail(struct ddb_task *task)
{
	if (task->write.op->reason[0] == '\0')
		cart_op_set_reason(task->write.op, "%s", task->call.message);
	ddb_write_answer(task, ddb_call_result(&task->call));
}

void ddb_write_no_memory(struct ddb_task *task)
{
	cart_op_set_reason(task->write.op, "out of memory");
	ddb_write_answer(task, CART_BUSY);
}

static bool write_call(struct ddb_task *task, enum ddb_step step, enum ddb_operation operation,
		       int64_t deadline_ns)
{
	struct ddb_write *write = &task->write;
	bool repeats = write->retry_due && ddb_operation_writes(operation);

	if (repeats) {
		write->retry_due = false;
		write->repeats++;
		task->call.why = write->why;
	}
	task->call.repeats = repeats ? write->repeats : 0;
	task->call.patient = write->doubt;
	return ddb_task_call(task, step, operation, deadline_ns);
}

void ddb_write_send(struct ddb_task *task, enum ddb_step step, enum ddb_operation operation)
{
	if (!write_call(task, step, operation, task->write.op->deadline_ns))
		ddb_write_no_memory(task);
}

/* Old keys of an item that is at hand anyway: they go by a call of their own, for nobody. */
bool ddb_write_trim(struct ddb_task *task, const struct ddb_item *item, int64_t until_ms,
		    size_t min)
{
	struct ddb_store *store = task->store;
	int64_t deadline_ns = cart_store_now_ns(&store->store) + CLOCK_NS_PER_S;

	if (!ddb_body_trim(&task->call.body, &store->table, item, until_ms, min))
		return false;
	if (!write_call(task, DDB_STEP_TRIM, DDB_UPDATE_ITEM, deadline_ns))
		return false;
	ddb_store_count(store, store->db->series.trims, 1);
	return true;
}

/* The keys are gone, or others will remove them. */
static void trim_done(struct ddb_task *task)
{
	ddb_task_end(task);
}

static bool trim_forget(struct ddb_task *task, const struct cart_op *op, bool *sent)
{
	(void)task;
	(void)op;
	(void)sent;
	return false;
}

static const struct ddb_task_steps trim_steps = {
	.done = trim_done, .resume = trim_done, .forget = trim_forget};

void ddb_write_answer_item(struct ddb_task *task, struct ddb_item *item, int64_t version,
			   bool replayed)
{
	struct cart_op *op = task->write.op;
	int64_t past_ms = op->now_ms - task->store->table.rules->idempotency_window_ms;

	op->version = version;
	op->replayed = replayed;
	if (cart_op_gives_cart(op)) {
		op->cart = item->cart;
		item->cart = (struct cart){0};
	}
	/* The task goes on for the keys; the op is done. */
	if (item->key_count < WRITE_TRIM_MIN ||
	    !ddb_write_trim(task, item, past_ms, WRITE_TRIM_MIN)) {
		ddb_write_answer(task, CART_OK);
		return;
	}
	task->steps = &trim_steps;
	task->write.op = NULL;
	cart_clear(&task->write.after);
	cart_store_complete(op, CART_OK);
}

/* An earlier try of this op stored the key. */
static bool write_is_own_key(const struct ddb_write *write, const struct ddb_key *key)
{
	return write->doubt && key->stored_ms == write->op->now_ms &&
	       memcmp(key->fingerprint, write->op->fingerprint, CART_FINGERPRINT_BYTES) == 0;
}

bool ddb_write_replays(struct ddb_task *task, struct ddb_item *item)
{
	const struct ddb_write *write = &task->write;
	const struct ddb_key *key =
		write->key_name[0] != '\0' ? ddb_item_key(item, write->key_name) : NULL;

	if (key == NULL)
		return false;
	switch (cart_replay_check(key->fingerprint, key->stored_ms, write->op,
				  task->store->table.rules)) {
	case CART_REPLAY_NEW:
		return false;
	case CART_REPLAY_OTHER:
		ddb_write_answer(task, CART_KEY_REUSED);
		return true;
	case CART_REPLAY_SAME:
		break;
	}
	ddb_write_answer_item(task, item, key->version, !write_is_own_key(write, key));
	return true;
}

/* How long a key is kept, where the item has no room for another one. */
static int64_t write_key_least_ms(const struct ddb_task *task)
{
	const struct cart_rules *rules = task->store->table.rules;

	return rules->key_least_ms > 0 && rules->key_least_ms < rules->idempotency_window_ms
		       ? rules->key_least_ms
		       : rules->idempotency_window_ms;
}

/* Every key of the item may still be needed: the op is refused until the oldest is not. */
static void write_refuse_key(struct ddb_task *task, const struct ddb_item *item)
{
	struct cart_op *op = task->write.op;
	int64_t oldest_ms = INT64_MAX;

	for (size_t i = 0; i < item->key_count; i++)
		if (item->keys[i].stored_ms < oldest_ms)
			oldest_ms = item->keys[i].stored_ms;
	op->retry_ms = oldest_ms + write_key_least_ms(task) - op->now_ms;
	cart_op_set_reason(op, "the cart has %d idempotency keys in use", DDB_KEYS_MAX);
	ddb_write_answer(task, CART_BUSY);
}

bool ddb_write_has_no_room(struct ddb_task *task, const struct ddb_item *item)
{
	const struct ddb_write *write = &task->write;

	if (write->key_name[0] == '\0' || item->key_count < DDB_KEYS_MAX ||
	    ddb_item_key(item, write->key_name) != NULL)
		return false;
	if (!ddb_write_trim(task, item, write->op->now_ms - write_key_least_ms(task), 1))
		write_refuse_key(task, item);
	return true;
}

bool ddb_write_version(const struct ddb_call *call, int64_t *version)
{
	const char *text = json_string_value(json_object_get(
		json_object_get(json_object_get(call->json, "Attributes"), "version"), "N"));
	char *end;

	if (text == NULL)
		return false;
	*version = strtoll(text, &end, 10);
	return *end == '\0' && *version > 1;
}

/* The change was made to an item that cannot be read. An answer without the cart is as good as of
 * any other item. */
static void write_answer_applied(struct ddb_task *task, enum cart_result result)
{
	struct cart_op *op = task->write.op;
	char why[CART_REASON_MAX];

	snprintf(why, sizeof(why), "%s", op->reason);
	if (!cart_op_gives_cart(op) && ddb_write_version(&task->call, &op->version)) {
		if (result == CART_DAMAGED)
			cart_store_damaged(op, &op->id, why);
		op->reason[0] = '\0';
		ddb_write_answer(task, CART_OK);
		return;
	}
	cart_op_set_reason(op, "the change was made, and %s", why);
	ddb_write_answer(task, result == CART_DAMAGED ? CART_DAMAGED : CART_UNCERTAIN);
}

int ddb_write_item(struct ddb_task *task, struct ddb_item *item)
{
	bool applied = task->call.outcome == DDB_OK && task->step != DDB_STEP_READ;
	const json_t *attributes =
		json_object_get(task->call.json, applied ? "Attributes" : "Item");
	char why[CART_REASON_MAX];
	enum cart_result result;

	*item = (struct ddb_item){0};
	if (attributes == NULL)
		return 0;
	result = ddb_item_read(item, attributes, why, sizeof(why));
	if (result == CART_OK && cart_id_compare(&item->cart.id, &task->write.id) == 0)
		return 1;
	if (result == CART_OK) {
		ddb_item_clear(item);
		if (applied)
			return 0;
		snprintf(why, sizeof(why), "the answer is not the cart that was requested");
		result = CART_FAILED;
	}
	cart_op_set_reason(task->write.op, "%s", why);
	if (applied)
		write_answer_applied(task, result);
	else
		ddb_write_answer(task, result);
	return -1;
}

void ddb_write_repeat(struct ddb_task *task, enum ddb_retry why)
{
	task->write.retry_due = true;
	task->write.why = why;
}

bool ddb_write_in_doubt(struct ddb_task *task, int64_t fence)
{
	struct ddb_write *write = &task->write;
	const struct ddb_call *call = &task->call;

	if (call->outcome != DDB_DOUBT || !ddb_operation_writes(call->operation)) {
		ddb_write_fail(task);
		return false;
	}
	/* Tries in doubt with several fences have none. */
	write->fence = write->doubt && write->fence != fence ? 0 : fence;
	write->doubt = true;
	ddb_write_repeat(task, call->why);
	return true;
}

bool ddb_write_forget(struct ddb_task *task, const struct cart_op *op, bool *sent)
{
	const struct ddb_write *write = &task->write;
	bool changes = task->step == DDB_STEP_CONDITIONAL ||
		       task->step == DDB_STEP_WRITE_IF_UNCHANGED || task->step == DDB_STEP_PUT;

	if (write->op != op)
		return false;
	*sent = write->doubt || (changes && ddb_call_in_doubt(&task->call));
	task->write.op = NULL;
	cart_clear(&task->write.after);
	ddb_task_end(task);
	return true;
}
