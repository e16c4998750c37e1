/* Bodies that read and write whole items. */
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/body_parts.h"
#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/body_lines.h"
#include "backends/dynamodb/item/gather.h"
#include "backends/dynamodb/item/rows.h"

#include <stdio.h>

/* Whatever of an item a cart in a list is read from. */
#define BODY_LISTED                                                                                \
	",\"ProjectionExpression\":\"cart_id,customer_id,#s,version,created_at,updated_at,"        \
	"expires_ms,idle_key,order_id,qty,added,updated,#i,merged_into,until_ms,merge_id,"         \
	"merge_how\",\"ExpressionAttributeNames\":{\"#s\":\"status\",\"#i\":\"items\"}"
#define BODY_ALL_OLD ",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\""

static void body_consistent(struct buf *body, bool consistent)
{
	buf_add_string(body, consistent ? ",\"ConsistentRead\":true" : ",\"ConsistentRead\":false");
}

void ddb_add_key_of(struct buf *body, const struct ddb_table *table, const char *cart_id)
{
	ddb_add_text(body, "\"cart_id\":", cart_id);
	if (table->layout == DDB_LAYOUT_ROWS)
		ddb_add_text(body, ",\"" DDB_ROW "\":", DDB_ROW_CART);
}

void ddb_add_key(struct buf *body, const struct ddb_table *table, const struct cart_id *id)
{
	char text[CART_ID_TEXT + 1];

	cart_id_format(id, text);
	ddb_add_table(body, table->name);
	buf_add_string(body, ",\"Key\":{");
	ddb_add_key_of(body, table, text);
	buf_add_char(body, '}');
}

void ddb_add_if_unchanged(struct buf *body, const struct ddb_item *before)
{
	ddb_add_text(body,
		     ",\"ConditionExpression\":\"mark=:old\","
		     "\"ExpressionAttributeValues\":{\":old\":",
		     before->mark);
	buf_add_char(body, '}');
	ddb_add_end(body);
}

enum ddb_operation ddb_body_get(struct buf *body, const struct ddb_table *table,
				const struct cart_id *id, bool consistent)
{
	if (table->layout == DDB_LAYOUT_ROWS) {
		ddb_gather_query(body, table->name, id, consistent);
		return DDB_QUERY;
	}
	ddb_add_key(body, table, id);
	body_consistent(body, consistent);
	ddb_add_end(body);
	return DDB_GET_ITEM;
}

enum ddb_operation ddb_body_get_line(struct buf *body, const struct ddb_table *table,
				     const struct cart_id *id, const struct shop_id *product)
{
	if (table->layout != DDB_LAYOUT_ROWS)
		return ddb_body_get(body, table, id, true);
	ddb_gather_ask_line(body, table->name, id, product);
	return DDB_TRANSACT_GET_ITEMS;
}

void ddb_body_get_key(struct buf *body, const struct ddb_table *table, const char *key_item)
{
	ddb_add_table(body, table->name);
	buf_add_string(body, ",\"Key\":{");
	ddb_add_key_of(body, table, key_item);
	buf_add_char(body, '}');
	body_consistent(body, true);
	ddb_add_end(body);
}

static void body_batch(struct buf *body, const struct ddb_table *table, const struct cart_id *ids,
		       size_t count)
{
	buf_reset(body);
	buf_add_string(body, "{\"RequestItems\":{\"");
	buf_add_string(body, table->name);
	buf_add_string(body, "\":{\"Keys\":[");
	for (size_t i = 0; i < count; i++) {
		ddb_add_id(body, i > 0 ? ",{\"cart_id\":" : "{\"cart_id\":", &ids[i]);
		buf_add_char(body, '}');
	}
	buf_add_char(body, ']');
}

void ddb_body_batch_get(struct buf *body, const struct ddb_table *table, const struct cart_id *ids,
			size_t count, bool consistent)
{
	body_batch(body, table, ids, count);
	body_consistent(body, consistent);
	buf_add_string(body, "}}");
	ddb_add_end(body);
}

void ddb_body_batch_get_carts(struct buf *body, const struct ddb_table *table,
			      const struct cart_id *ids, size_t count)
{
	body_batch(body, table, ids, count);
	body_consistent(body, false);
	buf_add_string(body, BODY_LISTED "}}");
	ddb_add_end(body);
}

void ddb_body_scan_closed(struct buf *body, const struct ddb_table *table, int64_t before_ms,
			  const struct buf *after, int limit)
{
	ddb_add_table(body, table->name);
	body_consistent(body, false);
	buf_add_string(body, BODY_LISTED
		       ",\"FilterExpression\":\"#s=:closed AND updated_at<:before\","
		       "\"ExpressionAttributeValues\":{\":closed\":{\"S\":\"checked_out\"}");
	ddb_add_number(body, ",\":before\":", before_ms);
	buf_add_string(body, "},\"Limit\":");
	buf_add_integer(body, limit);
	if (after->len > 0) {
		buf_add_string(body, ",\"ExclusiveStartKey\":");
		buf_add(body, after->data, after->len);
	}
	ddb_add_end(body);
}

void ddb_decision_text(const struct ddb_decision *decision, char text[DDB_MARK_ROOM + 1])
{
	snprintf(text, DDB_MARK_ROOM + 1, "%c%s", decision->done ? '+' : '-', decision->merge_id);
}

void ddb_add_decisions(struct buf *body, const char *name, const struct ddb_item *item)
{
	char from[CART_ID_TEXT + 1], text[DDB_MARK_ROOM + 1];

	buf_add_string(body, name);
	buf_add_string(body, "{\"M\":{");
	for (size_t i = 0; i < item->decision_count; i++) {
		cart_id_format(&item->decisions[i].from, from);
		ddb_decision_text(&item->decisions[i], text);
		buf_add_string(body, i > 0 ? ",\"" : "\"");
		buf_add_string(body, from);
		ddb_add_text(body, "\":", text);
	}
	buf_add_string(body, "}}");
}

/* The key is within its window. */
static bool body_key_counts(const struct ddb_table *table, const struct ddb_key *key,
			    int64_t now_ms)
{
	return now_ms - key->stored_ms < table->rules->idempotency_window_ms;
}

int64_t ddb_expires_ms(const struct cart *cart)
{
	return cart->expires_ms != 0 ? cart->expires_ms : DDB_NEVER_MS;
}

static void body_removable(struct buf *body, const struct ddb_table *table, const struct cart *cart)
{
	if (cart->expires_ms != 0)
		ddb_add_number(body,
			       ",\"expires_at\":", ddb_removable_s(table->rules, cart->updated_ms));
}

static void body_open(struct buf *body, const struct ddb_table *table, const struct cart *cart)
{
	char idle_key[DDB_TIME_KEY_ROOM];

	ddb_time_key(cart_idle_ms(table->rules, cart->updated_ms), &cart->id, idle_key);
	ddb_add_number(body, ",\"idle_shard\":", ddb_idle_shard(&cart->id, table->idle_shards));
	ddb_add_text(body, ",\"idle_key\":", idle_key);
	ddb_add_number(body, ",\"expires_ms\":", ddb_expires_ms(cart));
	body_removable(body, table, cart);
}

/* As the last step of a merge leaves it. Only an import writes one. */
static void body_merged(struct buf *body, const struct ddb_table *table, const struct cart *cart)
{
	ddb_add_id(body, ",\"merged_into\":", &cart->merged_into);
	ddb_add_number(body, ",\"until_ms\":", ddb_expires_ms(cart));
	body_removable(body, table, cart);
}

/* The item of a cart, and its key, after "Item". */
static void body_item(struct buf *body, const struct ddb_table *table, const struct cart_id *id)
{
	char text[CART_ID_TEXT + 1];

	cart_id_format(id, text);
	buf_add_string(body, ",\"Item\":{");
	ddb_add_key_of(body, table, text);
}

static void body_cart(struct buf *body, const struct ddb_table *table, const struct cart *cart,
		      const char *mark, const struct ddb_rows_plan *plan)
{
	static const char *const maps[3] = {",\"qty\":", ",\"added\":", ",\"updated\":"};
	char created_key[DDB_TIME_KEY_ROOM];

	ddb_time_key(cart->created_ms, &cart->id, created_key);
	body_item(body, table, &cart->id);
	if (cart->customer_id.size > 0)
		ddb_add_shop_id(body, ",\"customer_id\":", &cart->customer_id);
	ddb_add_text(body, ",\"created_key\":", created_key);
	ddb_add_text(body, ",\"status\":", cart_state_name(cart->state));
	ddb_add_number(body, ",\"version\":", cart->version);
	ddb_add_number(body, ",\"created_at\":", cart->created_ms);
	ddb_add_number(body, ",\"updated_at\":", cart->updated_ms);
	ddb_add_text(body, ",\"mark\":", mark);
	if (cart->state == CART_OPEN)
		body_open(body, table, cart);
	else if (cart->state == CART_MERGED)
		body_merged(body, table, cart);
	else
		ddb_add_id(body, ",\"order_id\":", &cart->order_id);
	if (table->layout == DDB_LAYOUT_MAP)
		ddb_add_maps(body, cart, maps);
	else if (table->layout == DDB_LAYOUT_ROWS)
		ddb_add_packing(body, plan);
	else
		ddb_add_list(body, cart);
}

enum ddb_operation ddb_body_create(struct buf *body, const struct ddb_table *table,
				   const struct cart *cart, const struct cart_op *op,
				   const char *mark, const char *key_item)
{
	struct ddb_rows_plan plan = ddb_rows_plan(table, NULL, cart);

	/* Rows of the cart may be left from before, as they expire later than CART. None of them is
	 * of a generation that begins now. */
	if (op->type == CART_OP_IMPORT)
		plan.gen += op->now_ms;
	ddb_add_table(body, table->name);
	body_cart(body, table, cart, mark, &plan);
	if (key_item != NULL) {
		ddb_add_text(body, ",\"create_key\":", key_item);
		ddb_add_number(body, ",\"keyed_until\":",
			       op->now_ms + table->rules->idempotency_window_ms);
	}
	buf_add_string(body,
		       ",\"op_v\":{\"M\":{}},\"op_f\":{\"M\":{}}},"
		       "\"ConditionExpression\":\"attribute_not_exists(cart_id)\"" BODY_ALL_OLD);
	ddb_add_end(body);
	return ddb_rows_finish(body, &plan, "Put", DDB_PUT_ITEM);
}

/* The item's keys that still count, and the op's; as versions or as records. */
static void body_keys(struct buf *body, const struct ddb_table *table, const struct ddb_put *put,
		      bool records)
{
	const struct ddb_item *before = put->before;
	const char *comma = "\"";
	char record[DDB_RECORD_ROOM];

	buf_add_string(body, records ? ",\"op_f\":{\"M\":{" : ",\"op_v\":{\"M\":{");
	for (size_t i = 0; i < before->key_count; i++) {
		const struct ddb_key *key = &before->keys[i];

		if (!body_key_counts(table, key, put->op->now_ms) ||
		    key == (put->key_name != NULL ? ddb_item_key(before, put->key_name) : NULL))
			continue;
		buf_add_string(body, comma);
		buf_add_string(body, key->name);
		ddb_record_write(key->stored_ms, key->fingerprint, record);
		if (records)
			ddb_add_text(body, "\":", record);
		else
			ddb_add_number(body, "\":", key->version);
		comma = ",\"";
	}
	if (put->key_name != NULL) {
		buf_add_string(body, comma);
		buf_add_string(body, put->key_name);
		ddb_record_write(put->op->now_ms, put->op->fingerprint, record);
		if (records)
			ddb_add_text(body, "\":", record);
		else
			ddb_add_number(body, "\":", put->after->version);
	}
	buf_add_string(body, "}}");
}

enum ddb_operation ddb_body_put(struct buf *body, const struct ddb_table *table,
				const struct ddb_put *put)
{
	const struct ddb_item *before = put->before;
	const struct ddb_rows_plan plan = ddb_rows_plan(table, before, put->after);

	ddb_add_table(body, table->name);
	body_cart(body, table, put->after, put->mark, &plan);
	if (before->keyed_until_ms > put->op->now_ms) {
		ddb_add_text(body, ",\"create_key\":", before->create_key);
		ddb_add_number(body, ",\"keyed_until\":", before->keyed_until_ms);
	}
	body_keys(body, table, put, false);
	body_keys(body, table, put, true);
	if (before->decision_count > 0)
		ddb_add_decisions(body, ",\"merges\":", before);
	buf_add_char(body, '}');
	ddb_add_if_unchanged(body, before);
	return ddb_rows_finish(body, &plan, "Put", DDB_PUT_ITEM);
}

enum ddb_operation ddb_body_tombstone(struct buf *body, const struct ddb_table *table,
				      const struct ddb_item *before)
{
	const struct ddb_rows_plan plan = ddb_rows_plan(table, before, NULL);

	ddb_add_table(body, table->name);
	body_item(body, table, &before->cart.id);
	ddb_add_text(body, ",\"status\":", "deleted");
	ddb_add_number(body, ",\"expires_at\":",
		       ddb_expires_s(before->keyed_until_ms + table->rules->sweep_grace_ms));
	buf_add_char(body, '}');
	ddb_add_if_unchanged(body, before);
	return ddb_rows_finish(body, &plan, "Put", DDB_PUT_ITEM);
}

void ddb_body_put_key(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
		      const char *key_item, const struct cart_id *target, int64_t until_ms)
{
	char record[DDB_RECORD_ROOM], after[DDB_TIME_ROOM];

	ddb_record_write(op->now_ms, op->fingerprint, record);
	ddb_time_text(until_ms + 1, after);
	ddb_add_table(body, table->name);
	buf_add_string(body, ",\"Item\":{");
	ddb_add_key_of(body, table, key_item);
	ddb_add_text(body, ",\"record\":", record);
	ddb_add_id(body, ",\"target\":", target);
	ddb_add_number(body, ",\"expires_at\":",
		       ddb_expires_s(op->now_ms + table->rules->idempotency_window_ms +
				     table->rules->sweep_grace_ms));
	ddb_add_text(body,
		     "},\"ConditionExpression\":\"NOT #r>=:after\","
		     "\"ExpressionAttributeNames\":{\"#r\":\"record\"},"
		     "\"ExpressionAttributeValues\":{\":after\":",
		     after);
	buf_add_string(body, "}" BODY_ALL_OLD);
	ddb_add_end(body);
}

void ddb_body_delete_key(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
			 const char *key_item)
{
	char record[DDB_RECORD_ROOM];

	ddb_record_write(op->now_ms, op->fingerprint, record);
	ddb_add_table(body, table->name);
	buf_add_string(body, ",\"Key\":{");
	ddb_add_key_of(body, table, key_item);
	ddb_add_text(body,
		     "},\"ConditionExpression\":\"#r=:record AND target=:target\","
		     "\"ExpressionAttributeNames\":{\"#r\":\"record\"},"
		     "\"ExpressionAttributeValues\":{\":record\":",
		     record);
	ddb_add_id(body, ",\":target\":", &op->id);
	buf_add_char(body, '}');
	ddb_add_end(body);
}
