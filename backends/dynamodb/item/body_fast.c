/*
 * A change by one conditional call. The conditions are the rules of core/cart.h, said so that the
 * call is only made good where they certainly say yes; what is left is decided by body_decided.c.
 * An expression never holds a product or a key: they are names, "#p0" and "#k".
 */
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/body_parts.h"
#include "backends/dynamodb/item/write_json.h"

/* An expression has 4 KB: a product takes some 150 bytes of each. */
#define FAST_LINES_MAX	 20
#define FAST_CHANGES_MAX 64

enum fast_kind { FAST_ADD, FAST_SET, FAST_REMOVE, FAST_CLEAR, FAST_CHECKOUT, FAST_DELETE };

struct fast {
	const struct ddb_table *table;
	const struct cart_op *op;
	const char *mark;
	const char *key_name;
	enum fast_kind kind;
};

static enum fast_kind fast_kind_of(const struct cart_op *op)
{
	if (op->type == CART_OP_CHECKOUT)
		return FAST_CHECKOUT;
	if (op->type == CART_OP_DELETE)
		return FAST_DELETE;
	switch (op->changes[0].type) {
	case CART_CHANGE_SET:
		return op->changes[0].quantity > 0 ? FAST_SET : FAST_REMOVE;
	case CART_CHANGE_REMOVE:
		return FAST_REMOVE;
	case CART_CHANGE_CLEAR:
		return FAST_CLEAR;
	default:
		return FAST_ADD;
	}
}

static bool fast_adds(const struct cart_op *op, const struct cart_rules *rules)
{
	int64_t most;
	size_t lines;

	if (op->change_count > FAST_CHANGES_MAX)
		return false;
	for (size_t i = 0; i < op->change_count; i++)
		if (op->changes[i].type != CART_CHANGE_ADD)
			return false;
	lines = cart_op_add_lines(op, &most);
	return lines <= FAST_LINES_MAX && (int64_t)lines <= rules->lines_max &&
	       most <= rules->quantity_max;
}

bool ddb_fast(const struct cart_op *op, const struct ddb_table *table)
{
	if (op->type == CART_OP_DELETE)
		return true;
	if (table->layout == DDB_LAYOUT_LIST)
		return false;
	if (op->type == CART_OP_CHECKOUT)
		return true;
	if (op->change_count == 0)
		return false;
	if (op->change_count > 1 || op->changes[0].type == CART_CHANGE_ADD)
		return fast_adds(op, table->rules);
	return op->changes[0].quantity <= table->rules->quantity_max;
}

/* The products that an add names, each once; of the others the one there is. */
static bool fast_next(const struct fast *fast, size_t *at)
{
	while (*at < fast->op->change_count &&
	       (fast->kind == FAST_ADD ? cart_op_adds(fast->op, *at) == 0 : *at > 0))
		++*at;
	return *at < fast->op->change_count;
}

static void fast_update_line(struct buf *body, size_t at, bool add)
{
	ddb_add_indexed(body, ", qty.#p", at);
	if (add) {
		ddb_add_indexed(body, " = if_not_exists(qty.#p", at);
		ddb_add_indexed(body, ", :zero) + :n", at);
	} else {
		ddb_add_indexed(body, " = :n", at);
	}
	ddb_add_indexed(body, ", added.#p", at);
	ddb_add_indexed(body, " = if_not_exists(added.#p", at);
	ddb_add_indexed(body, ", :now), updated.#p", at);
	buf_add_string(body, " = :now");
}

static bool fast_expires(const struct fast *fast)
{
	return fast->kind != FAST_CHECKOUT && fast->table->rules->ttl_ms > 0;
}

static void fast_sets(struct buf *body, const struct fast *fast)
{
	buf_add_string(body, "SET version = version + :one, updated_at = :now, mark = :mark");
	if (fast->kind == FAST_CHECKOUT)
		buf_add_string(body, ", #s = :closed, order_id = :order");
	else
		buf_add_string(body, ", idle_key = :idle");
	if (fast_expires(fast))
		buf_add_string(body, ", expires_ms = :gone, expires_at = :ttl");
	if (fast->kind == FAST_ADD || fast->kind == FAST_SET)
		for (size_t at = 0; fast_next(fast, &at); at++)
			fast_update_line(body, at, fast->kind == FAST_ADD);
	if (fast->kind == FAST_CLEAR)
		buf_add_string(body, ", qty = :none, added = :none, updated = :none");
	if (fast->key_name != NULL)
		buf_add_string(body, ", op_v.#k = version + :one, op_f.#k = :record");
}

static void fast_removes(struct buf *body, const struct fast *fast)
{
	if (fast->kind == FAST_CHECKOUT)
		buf_add_string(body, " REMOVE idle_shard, idle_key, expires_ms, expires_at");
	else if (fast->kind == FAST_REMOVE)
		buf_add_string(body, fast_expires(fast)
					     ? " REMOVE qty.#p0, added.#p0, updated.#p0"
					     : " REMOVE expires_ms, expires_at, qty.#p0, added.#p0,"
					       " updated.#p0");
	else if (!fast_expires(fast))
		buf_add_string(body, " REMOVE expires_ms, expires_at");
}

static void fast_line_rules(struct buf *body, const struct fast *fast)
{
	switch (fast->kind) {
	case FAST_ADD:
		/* Room for all that it names, or each is there. */
		buf_add_string(body, " AND (size(qty) <= :room OR (");
		for (size_t at = 0; fast_next(fast, &at); at++) {
			ddb_add_indexed(body,
					at > 0 ? " AND attribute_exists(qty.#p"
					       : "attribute_exists(qty.#p",
					at);
			buf_add_char(body, ')');
		}
		buf_add_string(body, "))");
		for (size_t at = 0; fast_next(fast, &at); at++) {
			ddb_add_indexed(body, " AND (attribute_not_exists(qty.#p", at);
			ddb_add_indexed(body, ") OR qty.#p", at);
			ddb_add_indexed(body, " <= :m", at);
			buf_add_char(body, ')');
		}
		return;
	case FAST_SET:
		buf_add_string(body, " AND ((attribute_not_exists(qty.#p0) AND size(qty) <= :room)"
				     " OR (attribute_exists(qty.#p0) AND qty.#p0 <> :n0))");
		return;
	case FAST_REMOVE:
		buf_add_string(body, " AND attribute_exists(qty.#p0)");
		return;
	case FAST_CLEAR:
	case FAST_CHECKOUT:
		buf_add_string(body, " AND size(qty) > :zero");
		return;
	case FAST_DELETE:
		buf_add_string(body, " AND (attribute_not_exists(keyed_until) OR"
				     " keyed_until <= :now)");
		return;
	}
}

static void fast_condition(struct buf *body, const struct fast *fast)
{
	buf_add_string(body, "#s = :open AND (attribute_not_exists(expires_ms) OR"
			     " expires_ms > :now)");
	if (fast->op->if_version != 0)
		buf_add_string(body, " AND version = :version");
	if (fast->key_name != NULL)
		buf_add_string(body, " AND attribute_not_exists(op_v.#k) AND size(op_v) < :keys");
	fast_line_rules(body, fast);
}

static bool fast_names_products(const struct fast *fast)
{
	return fast->kind == FAST_ADD || fast->kind == FAST_SET || fast->kind == FAST_REMOVE;
}

static void fast_names(struct buf *body, const struct fast *fast)
{
	buf_add_string(body, "{\"#s\":\"status\"");
	if (fast->key_name != NULL) {
		buf_add_string(body, ",\"#k\":\"");
		buf_add_string(body, fast->key_name);
		buf_add_char(body, '"');
	}
	if (fast_names_products(fast))
		for (size_t at = 0; fast_next(fast, &at); at++) {
			ddb_add_indexed(body, ",\"#p", at);
			buf_add_string(body, "\":\"");
			buf_add_string(body, fast->op->changes[at].product_id.text);
			buf_add_char(body, '"');
		}
	buf_add_char(body, '}');
}

static void fast_line_values(struct buf *body, const struct fast *fast)
{
	const struct cart_rules *rules = fast->table->rules;
	int64_t most;

	switch (fast->kind) {
	case FAST_ADD:
		ddb_add_number(body, ",\":room\":",
			       rules->lines_max - (int64_t)cart_op_add_lines(fast->op, &most));
		ddb_add_number(body, ",\":zero\":", 0);
		for (size_t at = 0; fast_next(fast, &at); at++) {
			int64_t added = cart_op_adds(fast->op, at);

			ddb_add_indexed(body, ",\":n", at);
			ddb_add_number(body, "\":", added);
			ddb_add_indexed(body, ",\":m", at);
			ddb_add_number(body, "\":", rules->quantity_max - added);
		}
		return;
	case FAST_SET:
		ddb_add_number(body, ",\":room\":", rules->lines_max - 1);
		ddb_add_number(body, ",\":n0\":", fast->op->changes[0].quantity);
		return;
	case FAST_CLEAR:
		buf_add_string(body, ",\":none\":{\"M\":{}}");
		ddb_add_number(body, ",\":zero\":", 0);
		return;
	case FAST_CHECKOUT:
		ddb_add_number(body, ",\":zero\":", 0);
		ddb_add_text(body, ",\":closed\":", "checked_out");
		ddb_add_id(body, ",\":order\":", &fast->op->order_id);
		return;
	case FAST_REMOVE:
	case FAST_DELETE:
		return;
	}
}

static void fast_update_values(struct buf *body, const struct fast *fast)
{
	const struct cart_op *op = fast->op;
	char idle_key[DDB_TIME_KEY_ROOM], record[DDB_RECORD_ROOM];

	ddb_add_number(body, ",\":one\":", 1);
	ddb_add_text(body, ",\":mark\":", fast->mark);
	if (fast->kind != FAST_CHECKOUT) {
		ddb_time_key(op->now_ms, &op->id, idle_key);
		ddb_add_text(body, ",\":idle\":", idle_key);
	}
	if (fast_expires(fast)) {
		ddb_add_number(body, ",\":gone\":", op->now_ms + fast->table->rules->ttl_ms);
		ddb_add_number(body, ",\":ttl\":", ddb_removable_s(fast->table, op->now_ms));
	}
	if (fast->key_name == NULL)
		return;
	ddb_record_write(op->now_ms, op->fingerprint, record);
	ddb_add_text(body, ",\":record\":", record);
	ddb_add_number(body, ",\":keys\":", DDB_KEYS_MAX);
}

static void fast_values(struct buf *body, const struct fast *fast)
{
	ddb_add_text(body, "{\":open\":", "open");
	ddb_add_number(body, ",\":now\":", fast->op->now_ms);
	if (fast->op->if_version != 0)
		ddb_add_number(body, ",\":version\":", fast->op->if_version);
	if (fast->kind != FAST_DELETE)
		fast_update_values(body, fast);
	fast_line_values(body, fast);
	buf_add_char(body, '}');
}

/* The whole item after it where it is wanted, or where old keys may be in it. */
static bool fast_wants_item(const struct fast *fast)
{
	return fast->key_name != NULL || fast->kind == FAST_CHECKOUT ||
	       (fast->op->flags & CART_WANT_CART) != 0;
}

void ddb_body_fast(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
		   const char *mark, const char *key_name)
{
	const struct fast fast = {.table = table,
				  .op = op,
				  .mark = mark,
				  .key_name = key_name,
				  .kind = fast_kind_of(op)};

	ddb_add_table(body, table->name);
	ddb_add_id(body, ",\"Key\":{\"cart_id\":", &op->id);
	buf_add_char(body, '}');
	if (fast.kind != FAST_DELETE) {
		buf_add_string(body, ",\"UpdateExpression\":\"");
		fast_sets(body, &fast);
		fast_removes(body, &fast);
		buf_add_string(body, fast_wants_item(&fast)
					     ? "\",\"ReturnValues\":\"ALL_NEW\""
					     : "\",\"ReturnValues\":\"UPDATED_NEW\"");
	}
	buf_add_string(body, ",\"ConditionExpression\":\"");
	fast_condition(body, &fast);
	buf_add_string(body, "\",\"ExpressionAttributeNames\":");
	fast_names(body, &fast);
	buf_add_string(body, ",\"ExpressionAttributeValues\":");
	fast_values(body, &fast);
	buf_add_string(body, ",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"");
	ddb_add_end(body);
}
