/*
 * Writes that core decided after the item was read. They are conditional on its mark, which every
 * write changes: the item is then still as it was read, with all lines and keys. A key alone needs
 * less: that it is not known, as was read, and that there is room for it. The op changes nothing,
 * and it is of no interest what others have changed since.
 */
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/body_parts.h"
#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/body_lines.h"
#include "backends/dynamodb/item/rows.h"

#include <string.h>

#define DECIDED_TRIM_MAX 50

static enum ddb_operation decided_delete(struct buf *body, const struct ddb_table *table,
					 const struct ddb_item *before)
{
	const struct ddb_rows_plan plan = ddb_rows_plan(table, before, NULL);

	ddb_add_key(body, table, &before->cart.id);
	ddb_add_if_unchanged(body, before);
	return ddb_rows_finish(body, &plan, "Delete", DDB_DELETE_ITEM);
}

bool ddb_body_drop_rows(struct buf *body, const struct ddb_table *table,
			const struct ddb_item *before, const char *mark)
{
	static const char *const maps[3] = {",\":qty\":", ",\":added\":", ",\":updated\":"};
	const struct ddb_rows_plan plan = ddb_rows_plan(table, before, NULL);

	if (before->row_count < DDB_TRANSACTION_MAX)
		return false;
	ddb_add_key(body, table, &before->cart.id);
	buf_add_string(body,
		       ",\"UpdateExpression\":\"SET mark=:mark,gen=:gen,qty=:qty,added=:added,"
		       "updated=:updated REMOVE digest\"");
	buf_add_string(body, ",\"ConditionExpression\":\"mark=:old\"");
	ddb_add_text(body, ",\"ExpressionAttributeValues\":{\":old\":", before->mark);
	ddb_add_text(body, ",\":mark\":", mark);
	ddb_add_number(body, ",\":gen\":", before->gen + 1);
	ddb_add_maps(body, &before->cart, maps);
	buf_add_char(body, '}');
	ddb_add_end(body);
	return ddb_rows_finish(body, &plan, "Update", DDB_UPDATE_ITEM) == DDB_TRANSACT_WRITE_ITEMS;
}

/* The cart was checked out, and is open again. */
static bool decided_reopens(const struct ddb_put *put)
{
	return put->after->state == CART_OPEN && put->before->cart.state != CART_OPEN;
}

/* Sets what a change may have changed. All lines are written again, because an expression has no
 * room for many of them one by one. */
static void decided_sets(struct buf *body, const struct ddb_put *put)
{
	const struct cart *after = put->after;

	buf_add_string(body, ",version=:version,updated_at=:now,qty=:qty,added=:added,"
			     "updated=:updated");
	if (after->state != CART_OPEN)
		buf_add_string(body, ",#s=:closed,order_id=:order");
	else
		buf_add_string(body, ",idle_key=:idle,expires_ms=:gone");
	if (decided_reopens(put))
		buf_add_string(body, ",#s=:open,idle_shard=:shard");
	if (after->expires_ms != 0)
		buf_add_string(body, ",expires_at=:ttl");
	if (put->op->customer_id.size > 0)
		buf_add_string(body, ",customer_id=:customer");
}

static void decided_removes(struct buf *body, const struct ddb_put *put)
{
	buf_add_string(body, " REMOVE #i"); /* the other layout's lines */
	if (put->after->state != CART_OPEN)
		buf_add_string(body, ",idle_shard,idle_key,expires_ms");
	if (decided_reopens(put))
		buf_add_string(body, ",order_id");
	if (put->after->expires_ms == 0)
		buf_add_string(body, ",expires_at");
	if (put->before->held)
		buf_add_string(body, ",until_ms,held_for");
}

static void decided_values(struct buf *body, const struct ddb_table *table,
			   const struct ddb_put *put)
{
	static const char *const maps[3] = {",\":qty\":", ",\":added\":", ",\":updated\":"};
	const struct cart *after = put->after;
	char idle_key[DDB_TIME_KEY_ROOM];

	ddb_add_number(body, ",\":version\":", after->version);
	ddb_add_number(body, ",\":now\":", after->updated_ms);
	ddb_add_maps(body, after, maps);
	if (after->state != CART_OPEN) {
		ddb_add_text(body, ",\":closed\":", cart_state_name(after->state));
		ddb_add_id(body, ",\":order\":", &after->order_id);
	} else {
		ddb_time_key(cart_idle_ms(table->rules, after->updated_ms), &after->id, idle_key);
		ddb_add_text(body, ",\":idle\":", idle_key);
		ddb_add_number(body, ",\":gone\":", ddb_expires_ms(after));
	}
	if (decided_reopens(put)) {
		ddb_add_text(body, ",\":open\":", cart_state_name(after->state));
		ddb_add_number(body,
			       ",\":shard\":", ddb_idle_shard(&after->id, table->idle_shards));
	}
	if (after->expires_ms != 0)
		ddb_add_number(body,
			       ",\":ttl\":", ddb_removable_s(table->rules, after->updated_ms));
	if (put->op->customer_id.size > 0)
		ddb_add_shop_id(body, ",\":customer\":", &after->customer_id);
}

static void decided_names(struct buf *body, const struct ddb_put *put, bool changed)
{
	if (!changed && put->key_name == NULL)
		return;
	buf_add_string(body, ",\"ExpressionAttributeNames\":{");
	if (changed)
		buf_add_string(body, "\"#i\":\"items\"");
	if (changed && (put->after->state != CART_OPEN || decided_reopens(put)))
		buf_add_string(body, ",\"#s\":\"status\"");
	if (put->key_name != NULL) {
		buf_add_string(body, changed ? ",\"#k\":\"" : "\"#k\":\"");
		buf_add_string(body, put->key_name);
		buf_add_char(body, '"');
	}
	buf_add_char(body, '}');
}

/* Up to the values of the condition. A key that is there is beyond its window. */
static void decided_condition(struct buf *body, const struct ddb_table *table,
			      const struct ddb_put *put, bool changed)
{
	const struct ddb_item *before = put->before;
	bool key_alone = !changed && put->key_name != NULL && !before->decided && !before->held;
	char past[DDB_TIME_ROOM];

	buf_add_string(body, key_alone ? "\",\"ConditionExpression\":\"NOT op_f.#k>:past AND "
					 "size(op_v)<=:most\""
				       : "\",\"ConditionExpression\":\"mark=:old\"");
	decided_names(body, put, changed);
	buf_add_string(body, ",\"ExpressionAttributeValues\":{");
	if (!key_alone) {
		ddb_add_text(body, "\":old\":", before->mark);
		return;
	}
	ddb_time_text(put->op->now_ms - table->rules->idempotency_window_ms + 1, past);
	ddb_add_text(body, "\":past\":", past);
	ddb_add_number(body, ",\":most\":", DDB_KEYS_MAX);
}

/* changed false: the key, a decision, or the end of a hold alone. */
static void decided_update(struct buf *body, const struct ddb_table *table,
			   const struct ddb_put *put, bool changed)
{
	char record[DDB_RECORD_ROOM];

	ddb_add_key(body, table, &put->before->cart.id);
	buf_add_string(body, ",\"UpdateExpression\":\"SET mark=:mark");
	if (put->key_name != NULL)
		buf_add_string(body, ",op_v.#k=:kept,op_f.#k=:record");
	if (put->before->decided)
		buf_add_string(body, ",merges=:merges");
	if (changed) {
		decided_sets(body, put);
		decided_removes(body, put);
	} else if (put->before->held) {
		buf_add_string(body, ",expires_ms=:gone REMOVE until_ms,held_for");
	}
	decided_condition(body, table, put, changed);
	ddb_add_text(body, ",\":mark\":", put->mark);
	if (put->key_name != NULL) {
		ddb_record_write(put->op->now_ms, put->op->fingerprint, record);
		ddb_add_number(body, ",\":kept\":", put->after->version);
		ddb_add_text(body, ",\":record\":", record);
	}
	if (put->before->decided)
		ddb_add_decisions(body, ",\":merges\":", put->before);
	if (changed)
		decided_values(body, table, put);
	else if (put->before->held)
		ddb_add_number(body, ",\":gone\":", ddb_expires_ms(put->after));
	buf_add_char(body, '}');
	ddb_add_end(body);
}

enum ddb_operation ddb_body_if_unchanged(struct buf *body, const struct ddb_table *table,
					 const struct cart_op *op, const struct ddb_item *before,
					 const struct cart *after, const char *mark,
					 const char *key_name)
{
	const struct ddb_put put = {
		.op = op, .before = before, .after = after, .mark = mark, .key_name = key_name};
	bool changed = after->version != before->cart.version;

	if (op->type == CART_OP_DELETE && before->keyed_until_ms > op->now_ms)
		return ddb_body_tombstone(body, table, before);
	if (op->type == CART_OP_DELETE)
		return decided_delete(body, table, before);
	if (changed && table->layout != DDB_LAYOUT_MAP)
		return ddb_body_put(body, table, &put);
	decided_update(body, table, &put, changed);
	return DDB_UPDATE_ITEM;
}

/* Inserts a key into the oldest ones, which are sorted and of which there is room for so many. */
static size_t decided_insert_key(const struct ddb_key **keys, size_t count,
				 const struct ddb_key *key)
{
	size_t at = count;

	while (at > 0 && keys[at - 1]->stored_ms > key->stored_ms)
		at--;
	if (at == DECIDED_TRIM_MAX)
		return count;
	if (count == DECIDED_TRIM_MAX)
		count--;
	memmove(&keys[at + 1], &keys[at], (count - at) * sizeof(*keys));
	keys[at] = key;
	return count + 1;
}

static size_t decided_old_keys(const struct ddb_item *item, int64_t until_ms,
			       const struct ddb_key **keys)
{
	size_t count = 0;

	for (size_t i = 0; i < item->key_count; i++)
		if (item->keys[i].stored_ms <= until_ms)
			count = decided_insert_key(keys, count, &item->keys[i]);
	return count;
}

bool ddb_body_trim(struct buf *body, const struct ddb_table *table, const struct ddb_item *item,
		   int64_t until_ms, size_t min)
{
	const struct ddb_key *keys[DECIDED_TRIM_MAX];
	size_t count = decided_old_keys(item, until_ms, keys);
	char record[DDB_RECORD_ROOM];

	if (count == 0 || count < min)
		return false;
	ddb_add_key(body, table, &item->cart.id);
	buf_add_string(body, ",\"UpdateExpression\":\"REMOVE ");
	for (size_t i = 0; i < count; i++) {
		ddb_add_indexed(body, i > 0 ? ",op_v.#k" : "op_v.#k", i);
		ddb_add_indexed(body, ",op_f.#k", i);
	}
	buf_add_string(body, "\",\"ConditionExpression\":\"");
	for (size_t i = 0; i < count; i++) {
		ddb_add_indexed(body, i > 0 ? " AND op_f.#k" : "op_f.#k", i);
		ddb_add_indexed(body, "=:f", i);
	}
	buf_add_string(body, "\",\"ExpressionAttributeNames\":{");
	for (size_t i = 0; i < count; i++) {
		ddb_add_indexed(body, i > 0 ? ",\"#k" : "\"#k", i);
		buf_add_string(body, "\":\"");
		buf_add_string(body, keys[i]->name);
		buf_add_char(body, '"');
	}
	buf_add_string(body, "},\"ExpressionAttributeValues\":{");
	for (size_t i = 0; i < count; i++) {
		ddb_record_write(keys[i]->stored_ms, keys[i]->fingerprint, record);
		ddb_add_indexed(body, i > 0 ? ",\":f" : "\":f", i);
		ddb_add_text(body, "\":", record);
	}
	buf_add_char(body, '}');
	ddb_add_end(body);
	return true;
}
