/*
 * Changes to a cart that is there. The happy path: one conditional call (FAST) does it. The ways in
 * which it goes on otherwise:
 *
 *  - the condition was false, or one call cannot do it: the item is read (LOOK, unless the answer
 *    brought it), core/cart.h decides, and either the op is answered or what was decided is written
 *    under the condition that the item is still what was read (DECIDED). If it is not, somebody
 *    was quicker: after a pause it is read again;
 *  - a call may have been applied: the item is read, and tells by its mark, its version or the op's
 *    key whether it was. If it cannot tell, or the call may still come, the op is CART_UNCERTAIN.
 *
 * What makes a repetition safe. A change with a key is conditional on the key not being there, so
 * that only one try can ever be applied. One that is conditional on a version (the fence)
 * likewise, as long as the item still has that version; and a cart is closed or removed once. Any
 * other is not repeated: an HTTP 500 may have been applied and somebody have written over its mark
 * since.
 */
#include "backends/dynamodb/store/write.h"

#include "backends/dynamodb/store/answer.h"
#include "backends/dynamodb/store/create.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_PAUSE_MS	    5
#define WRITE_CONFLICTS_MAX 50

static const char *write_key_name(const struct ddb_write *write)
{
	return write->key_name[0] != '\0' ? write->key_name : NULL;
}

static void write_look(struct ddb_lane *lane)
{
	ddb_body_get(&lane->call.body, &lane->store->table, &lane->write.op->id, true);
	ddb_write_send(lane, DDB_STEP_READ, DDB_GET_ITEM);
}

static void write_fast(struct ddb_lane *lane)
{
	struct ddb_write *write = &lane->write;

	ddb_body_fast(&lane->call.body, &lane->store->table, write->op, write->mark,
		      write_key_name(write));
	ddb_write_send(lane, DDB_STEP_CONDITIONAL,
		       write->op->type == CART_OP_DELETE ? DDB_DELETE_ITEM : DDB_UPDATE_ITEM);
}

/* The key is this op's own: what an earlier try of it has stored. */
static bool write_is_own(const struct ddb_write *write, const struct ddb_key *key)
{
	return write->doubt && key->stored_ms == write->op->now_ms &&
	       memcmp(key->fingerprint, write->op->fingerprint, CART_FINGERPRINT_BYTES) == 0;
}

/* True: the op was answered by what the item has under its key. */
static bool write_replays(struct ddb_lane *lane, struct ddb_item *item)
{
	const struct ddb_write *write = &lane->write;
	const struct ddb_key *key =
		write->key_name[0] != '\0' ? ddb_item_key(item, write->key_name) : NULL;

	if (key == NULL)
		return false;
	switch (cart_replay_check(key->fingerprint, key->stored_ms, write->op,
				  lane->store->table.rules)) {
	case CART_REPLAY_NEW:
		return false;
	case CART_REPLAY_OTHER:
		ddb_write_answer(lane, CART_KEY_REUSED);
		return true;
	case CART_REPLAY_SAME:
		break;
	}
	ddb_write_answer_item(lane, item, key->version, !write_is_own(write, key));
	return true;
}

/* If it is tried again, at most one of the tries is ever applied. */
static bool write_is_repeatable(const struct ddb_write *write, const struct ddb_item *item)
{
	return write->key_name[0] != '\0' || write->op->type == CART_OP_CHECKOUT ||
	       write->op->type == CART_OP_DELETE ||
	       (write->fence != 0 && write->fence == item->cart.version);
}

/*
 * A try may have been applied, and this is the item since. True: the op was answered. False: it
 * may be tried again; what the key says is yet to be asked.
 */
static bool write_settles(struct ddb_lane *lane, struct ddb_item *item)
{
	const struct ddb_write *write = &lane->write;

	if (strcmp(item->mark, write->mark) == 0) {
		ddb_write_answer_item(lane, item, item->cart.version, false);
		return true;
	}
	/* Not applied, or somebody has written over its mark. */
	if (write_is_repeatable(write, item))
		return false;
	ddb_write_answer(lane, CART_UNCERTAIN);
	return true;
}

/* Many keys: old ones are removed first; if all are in use, there is no room for another. */
static bool write_has_no_room(struct ddb_lane *lane, const struct ddb_item *item)
{
	const struct ddb_write *write = &lane->write;

	if (write->key_name[0] == '\0' || item->key_count < DDB_KEYS_MAX ||
	    ddb_item_key(item, write->key_name) != NULL)
		return false;
	if (ddb_write_trim(lane, item, write->op->now_ms, 1))
		return true;
	cart_op_set_reason(write->op, "the cart has %d idempotency keys in use", DDB_KEYS_MAX);
	ddb_write_answer(lane, CART_BUSY);
	return true;
}

static void write_decided(struct ddb_lane *lane, struct ddb_item *item, struct cart *after)
{
	struct ddb_write *write = &lane->write;
	enum ddb_operation operation;

	if (write_has_no_room(lane, item)) {
		cart_clear(after);
		return;
	}
	operation = ddb_body_decided(&lane->call.body, &lane->store->table, write->op, item, after,
				     write->mark, write_key_name(write));
	cart_clear(&write->after);
	write->after = *after;
	write->before = item->cart.version;
	ddb_write_send(lane, DDB_STEP_WRITE_IF_UNCHANGED, operation);
}

/* The item is not there, or gone: the op was answered. */
static bool write_is_gone(struct ddb_lane *lane, const struct ddb_item *item)
{
	if (item != NULL && !item->deleted && !cart_is_expired(&item->cart, lane->write.op->now_ms))
		return false;
	ddb_write_answer(lane, CART_NOT_FOUND);
	return true;
}

static void write_apply(struct ddb_lane *lane, struct ddb_item *item)
{
	struct ddb_write *write = &lane->write;
	struct cart_op *op = write->op;
	struct cart after;
	enum cart_result result;

	if (!cart_copy(&after, &item->cart)) {
		ddb_write_no_memory(lane);
		return;
	}
	result = cart_apply(&after, op, lane->store->table.rules);
	if (result != CART_OK) {
		cart_clear(&after);
		ddb_write_answer(lane, result);
	} else if (after.version == item->cart.version && op->type != CART_OP_DELETE &&
		   write->key_name[0] == '\0') {
		cart_clear(&after);
		ddb_write_answer_item(lane, item, item->cart.version, false);
	} else {
		write_decided(lane, item, &after);
	}
}

/*
 * After an answer that was lost. True: the op was answered, or is on its way again, by the call
 * that needs no item to be as it was read: others may change it all the time. The key in its
 * condition lets one try be applied.
 */
static bool write_repeats(struct ddb_lane *lane)
{
	const struct ddb_write *write = &lane->write;

	if (!write->unpaid)
		return false;
	if (!ddb_write_may_repeat(lane))
		return true;
	if (write->key_name[0] == '\0' || !ddb_fast(write->op, &lane->store->table))
		return false;
	write_fast(lane);
	return true;
}

/* By the item as it is now; NULL: there is none. */
static void write_decide(struct ddb_lane *lane, struct ddb_item *item)
{
	struct ddb_store *store = lane->store;

	ddb_store_count(store, store->db->series.careful, 1);
	if (write_is_gone(lane, item) || (lane->write.doubt && write_settles(lane, item)) ||
	    write_replays(lane, item))
		return;
	if (!write_repeats(lane))
		write_apply(lane, item);
}

/* Decides by the item in the answer, which is one that was read strongly or whose condition was
 * false just now. */
static void write_decide_by_answer(struct ddb_lane *lane)
{
	struct ddb_item item;
	int found = ddb_write_item(lane, &item);

	if (found >= 0)
		write_decide(lane, found > 0 ? &item : NULL);
	ddb_item_clear(&item);
}

static void write_failed(struct ddb_lane *lane)
{
	const struct ddb_write *write = &lane->write;
	int64_t fence =
		lane->step == DDB_STEP_WRITE_IF_UNCHANGED ? write->before : write->op->if_version;

	if (ddb_write_in_doubt(lane, fence))
		write_look(lane);
}

static bool write_version(const struct ddb_call *call, int64_t *version)
{
	const char *text = json_string_value(json_object_get(
		json_object_get(json_object_get(call->json, "Attributes"), "version"), "N"));
	char *end;

	if (text == NULL)
		return false;
	*version = strtoll(text, &end, 10);
	return *end == '\0' && *version > 1;
}

static void write_fast_done(struct ddb_lane *lane)
{
	struct cart_op *op = lane->write.op;
	struct ddb_item item;

	if (op->type == CART_OP_DELETE) {
		ddb_write_answer(lane, CART_OK);
	} else if (op->key == NULL && !ddb_write_wants_cart(op)) {
		bool said = write_version(&lane->call, &op->version);

		if (!said)
			cart_op_set_reason(op, "the answer does not say the version");
		ddb_write_answer(lane, said ? CART_OK : CART_UNCERTAIN);
	} else {
		int found = ddb_write_item(lane, &item);

		if (found > 0)
			ddb_write_answer_item(lane, &item, item.cart.version, false);
		else if (found == 0)
			ddb_write_answer(lane, CART_UNCERTAIN);
		ddb_item_clear(&item);
	}
}

/* The item was still what had been read. */
static void write_decided_done(struct ddb_lane *lane)
{
	struct ddb_write *write = &lane->write;
	struct cart_op *op = write->op;

	if (op->type != CART_OP_DELETE)
		op->version = write->after.version;
	if (ddb_write_wants_cart(op)) {
		op->cart = write->after;
		write->after = (struct cart){0};
	}
	ddb_write_answer(lane, CART_OK);
}

static void write_conflict(struct ddb_lane *lane)
{
	struct ddb_store *store = lane->store;
	struct ddb_write *write = &lane->write;

	ddb_store_count(store, store->db->series.conflicts, 1);
	if (++write->conflicts <= WRITE_CONFLICTS_MAX) {
		ddb_lane_pause(lane, DDB_STEP_READ,
			       ddb_store_backoff_us(store, WRITE_PAUSE_MS, write->conflicts));
		return;
	}
	cart_op_set_reason(write->op, "others changed the cart %d times meanwhile",
			   WRITE_CONFLICTS_MAX);
	ddb_write_answer(lane, CART_BUSY);
}

static void write_fast_refused(struct ddb_lane *lane)
{
	/* Not every server says which item it was. */
	if (json_object_get(lane->call.json, "Item") == NULL)
		write_look(lane);
	else
		write_decide_by_answer(lane);
}

/* There was no room for another key: old ones have been removed, or others remove them. */
static void write_trimmed(struct ddb_lane *lane)
{
	enum ddb_outcome outcome = lane->call.outcome;

	if (outcome == DDB_OK || outcome == DDB_CONDITION)
		write_look(lane);
	else
		ddb_write_answer(lane, ddb_call_result(&lane->call, lane->write.op));
}

static void write_done(struct ddb_lane *lane)
{
	enum ddb_outcome outcome = lane->call.outcome;

	if (lane->step == DDB_STEP_TRIM)
		write_trimmed(lane);
	else if (outcome != DDB_OK && outcome != DDB_CONDITION)
		write_failed(lane);
	else if (lane->step == DDB_STEP_READ)
		write_decide_by_answer(lane);
	else if (outcome == DDB_CONDITION)
		lane->step == DDB_STEP_CONDITIONAL ? write_fast_refused(lane)
						   : write_conflict(lane);
	else
		lane->step == DDB_STEP_CONDITIONAL ? write_fast_done(lane)
						   : write_decided_done(lane);
}

static const struct ddb_lane_steps write_steps = {
	.done = write_done, .resume = write_look, .forget = ddb_write_forget};

void ddb_write_start(struct ddb_lane *lane, struct cart_op *op)
{
	struct ddb_write *write = &lane->write;

	*write = (struct ddb_write){.op = op, .id = op->id};
	lane->steps = &write_steps;
	snprintf(write->mark, sizeof(write->mark), "%016llx",
		 (unsigned long long)random_next(&lane->store->random));
	if (op->key != NULL)
		ddb_key_name(op->key_hash, write->key_name);
	if (op->type == CART_OP_CREATE) {
		ddb_create_start(lane);
	} else if (ddb_fast(op, &lane->store->table)) {
		write_fast(lane);
	} else {
		write_look(lane);
	}
}
