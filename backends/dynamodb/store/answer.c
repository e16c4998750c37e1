/*
 * How a write ends: its answer, its item, and what becomes of it when an answer was lost. write.c
 * and create.c stand above.
 */
#include "backends/dynamodb/store/answer.h"

#include <string.h>

#define WRITE_TRIM_MIN	    16 /* old keys that are worth a call of their own */
#define WRITE_REPEAT_TOKENS 5

/* These stay true whether or not a try that is in doubt was applied, or still comes. */
static bool write_is_certain(const struct cart_op *op, enum cart_result result)
{
	return result == CART_OK || result == CART_CLOSED || result == CART_MISMATCH ||
	       result == CART_KEY_REUSED ||
	       (result == CART_NOT_FOUND && op->type != CART_OP_DELETE);
}

void ddb_write_answer(struct ddb_lane *lane, enum cart_result result)
{
	struct ddb_write *write = &lane->write;
	struct cart_op *op = write->op;

	write->op = NULL;
	cart_clear(&write->after);
	if (write->doubt && !write_is_certain(op, result)) {
		if (op->reason[0] == '\0')
			cart_op_set_reason(op, "no answer, and the item does not show whether the "
					       "change was applied");
		result = CART_UNCERTAIN;
	}
	ddb_lane_idle(lane);
	cart_store_complete(op, result);
}

void ddb_write_no_memory(struct ddb_lane *lane)
{
	cart_op_set_reason(lane->write.op, "out of memory");
	ddb_write_answer(lane, CART_BUSY);
}

bool ddb_write_wants_cart(const struct cart_op *op)
{
	return op->type != CART_OP_DELETE &&
	       (op->type != CART_OP_CHANGE || (op->flags & CART_WANT_CART) != 0);
}

void ddb_write_send(struct ddb_lane *lane, enum ddb_step step, enum ddb_operation operation)
{
	if (!ddb_lane_call(lane, step, operation, lane->write.op->deadline_ns))
		ddb_write_no_memory(lane);
}

/* Old keys of an item that is at hand anyway: they go by a call of their own, for nobody. */
bool ddb_write_trim(struct ddb_lane *lane, const struct ddb_item *item, int64_t now_ms, size_t min)
{
	struct ddb_store *store = lane->store;
	int64_t deadline_ns = cart_store_now_ns(&store->store) + CLOCK_NS_PER_S;

	if (!ddb_body_trim(&lane->call.body, &store->table, item, now_ms, min))
		return false;
	if (!ddb_lane_call(lane, DDB_STEP_TRIM, DDB_UPDATE_ITEM, deadline_ns))
		return false;
	ddb_store_count(store, store->db->series.trims, 1);
	return true;
}

/* The keys are gone, or others will remove them. */
static void trim_done(struct ddb_lane *lane)
{
	ddb_lane_idle(lane);
}

static bool trim_forget(struct ddb_lane *lane, const struct cart_op *op, bool *sent)
{
	(void)lane;
	(void)op;
	(void)sent;
	return false;
}

static const struct ddb_lane_steps trim_steps = {
	.done = trim_done, .resume = trim_done, .forget = trim_forget};

void ddb_write_answer_item(struct ddb_lane *lane, struct ddb_item *item, int64_t version,
			   bool replayed)
{
	struct cart_op *op = lane->write.op;
	int64_t now_ms = op->now_ms;

	op->version = version;
	op->replayed = replayed;
	if (ddb_write_wants_cart(op)) {
		op->cart = item->cart;
		item->cart = (struct cart){0};
	}
	/* The lane is kept for the keys; the op is not. */
	if (item->key_count < WRITE_TRIM_MIN ||
	    !ddb_write_trim(lane, item, now_ms, WRITE_TRIM_MIN)) {
		ddb_write_answer(lane, CART_OK);
		return;
	}
	lane->steps = &trim_steps;
	lane->write.op = NULL;
	cart_clear(&lane->write.after);
	cart_store_complete(op, CART_OK);
}

int ddb_write_item(struct ddb_lane *lane, struct ddb_item *item)
{
	const char *member =
		lane->call.outcome == DDB_OK && lane->step != DDB_STEP_READ ? "Attributes" : "Item";
	const json_t *attributes = json_object_get(lane->call.json, member);
	char why[CART_REASON_MAX];
	enum cart_result result;

	*item = (struct ddb_item){0};
	if (attributes == NULL)
		return 0;
	result = ddb_item_read(item, attributes, why, sizeof(why));
	if (result == CART_OK)
		return 1;
	cart_op_set_reason(lane->write.op, "%s", why);
	/* After a write, the change is made, but its result is not known. */
	if (lane->call.outcome == DDB_OK && lane->step != DDB_STEP_READ)
		result = CART_UNCERTAIN;
	ddb_write_answer(lane, result);
	return -1;
}

bool ddb_write_may_repeat(struct ddb_lane *lane)
{
	struct ddb_write *write = &lane->write;

	write->retry_due = false;
	if (++write->repeats > DDB_TRIES)
		cart_op_set_reason(write->op, "no answer after %d tries", write->repeats);
	else if (retry_budget_spend(&lane->store->db->shared.budget, WRITE_REPEAT_TOKENS))
		return true;
	else
		cart_op_set_reason(write->op, "no answer, and the retry budget is empty");
	ddb_write_answer(lane, CART_BUSY);
	return false;
}

bool ddb_write_in_doubt(struct ddb_lane *lane, int64_t fence)
{
	struct ddb_write *write = &lane->write;
	const struct ddb_call *call = &lane->call;

	if (call->outcome != DDB_DOUBT || call->operation == DDB_GET_ITEM) {
		ddb_write_answer(lane, ddb_call_result(call, write->op));
		return false;
	}
	/* Tries in doubt with several fences have none. */
	write->fence = write->doubt && write->fence != fence ? 0 : fence;
	write->doubt = write->retry_due = true;
	return true;
}

bool ddb_write_forget(struct ddb_lane *lane, const struct cart_op *op, bool *sent)
{
	const struct ddb_write *write = &lane->write;
	bool changes = lane->step == DDB_STEP_CONDITIONAL ||
		       lane->step == DDB_STEP_WRITE_IF_UNCHANGED || lane->step == DDB_STEP_PUT;

	if (write->op != op)
		return false;
	*sent = write->doubt || (changes && ddb_call_in_doubt(&lane->call));
	lane->write.op = NULL;
	cart_clear(&lane->write.after);
	ddb_lane_stop(lane);
	return true;
}
