/*
 * The steps of a merge, but for the one that decides. Each is conditional on what it ends, so that
 * of several who make the same step one is applied, and none that comes late.
 */
#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/body_parts.h"

#define MERGE_STATUS ",\"ExpressionAttributeNames\":{\"#s\":\"status\"}"

/* It stays in idle-index, because it may be open again, and has expires_at as before. */
void ddb_body_merge_seal(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
			 const char *old, const char *merge_id)
{
	ddb_add_key(body, table, &op->from);
	buf_add_string(body, ",\"UpdateExpression\":\"SET mark=:id,merge_id=:id,merge_how=:how,"
			     "merged_into=:into,until_ms=expires_ms,#s=:merging");
	if (op->if_version != 0)
		buf_add_string(body, ",merge_version=:version");
	buf_add_string(body, " REMOVE expires_ms\",\"ConditionExpression\":\"");
	buf_add_string(body, old != NULL ? "mark=:old\"" : "attribute_exists(expires_ms)\"");
	ddb_add_text(body, MERGE_STATUS ",\"ExpressionAttributeValues\":{\":id\":", merge_id);
	if (old != NULL)
		ddb_add_text(body, ",\":old\":", old);
	ddb_add_text(body, ",\":how\":", ddb_strategy(op->strategy));
	ddb_add_id(body, ",\":into\":", &op->id);
	ddb_add_text(body, ",\":merging\":", "merging");
	if (op->if_version != 0)
		ddb_add_number(body, ",\":version\":", op->if_version);
	buf_add_char(body, '}');
	ddb_add_end(body);
}

void ddb_body_merge_end(struct buf *body, const struct ddb_table *table,
			const struct ddb_item *from, bool done, int64_t now_ms, const char *mark)
{
	const struct cart *cart = &from->cart;

	ddb_add_key(body, table, &cart->id);
	buf_add_string(body, ",\"UpdateExpression\":\"SET mark=:mark,#s=:status,");
	buf_add_string(body, done ? "version=:version,updated_at=:now REMOVE idle_shard,idle_key"
				  : "expires_ms=:until REMOVE merged_into,until_ms");
	buf_add_string(body, ",merge_id,merge_how,merge_version\","
			     "\"ConditionExpression\":\"merge_id=:id\"" MERGE_STATUS);
	ddb_add_text(body, ",\"ExpressionAttributeValues\":{\":id\":", from->seal.merge_id);
	ddb_add_text(body, ",\":mark\":", mark);
	ddb_add_text(body, ",\":status\":", done ? "merged" : "open");
	if (done) {
		ddb_add_number(body, ",\":version\":", cart->version + 1);
		ddb_add_number(body,
			       ",\":now\":", now_ms > cart->updated_ms ? now_ms : cart->updated_ms);
	} else {
		ddb_add_number(body, ",\":until\":", ddb_expires_ms(cart));
	}
	buf_add_char(body, '}');
	ddb_add_end(body);
}

/* expires_ms gives way to until_ms, so that no condition of a change is true. */
void ddb_body_merge_hold(struct buf *body, const struct ddb_table *table,
			 const struct cart_id *target, const struct cart_id *from, const char *mark)
{
	ddb_add_key(body, table, target);
	buf_add_string(
		body,
		",\"UpdateExpression\":\"SET mark=:mark,held_for=:from,until_ms=expires_ms "
		"REMOVE expires_ms\",\"ConditionExpression\":\"attribute_exists(expires_ms)\"");
	ddb_add_text(body, ",\"ExpressionAttributeValues\":{\":mark\":", mark);
	ddb_add_id(body, ",\":from\":", from);
	buf_add_char(body, '}');
	ddb_add_end(body);
}

void ddb_body_merge_forget(struct buf *body, const struct ddb_table *table,
			   const struct cart_id *target, const struct ddb_decision *decision,
			   bool alone, const char *mark)
{
	char from[CART_ID_TEXT + 1], text[DDB_MARK_ROOM + 1];

	cart_id_format(&decision->from, from);
	ddb_decision_text(decision, text);
	ddb_add_key(body, table, target);
	buf_add_string(body, ",\"UpdateExpression\":\"SET mark=:mark REMOVE merges");
	buf_add_string(body, alone ? "" : ".#f");
	buf_add_string(body, "\",\"ConditionExpression\":\"merges.#f=:decision AND size(merges)");
	buf_add_string(body, alone ? "=:1" : ">:1");
	buf_add_string(body, "\",\"ExpressionAttributeNames\":{\"#f\":\"");
	buf_add_string(body, from);
	ddb_add_text(body, "\"},\"ExpressionAttributeValues\":{\":decision\":", text);
	ddb_add_text(body, ",\":mark\":", mark);
	ddb_add_number(body, ",\":1\":", 1);
	buf_add_char(body, '}');
	ddb_add_end(body);
}
