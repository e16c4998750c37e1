/*
 * A change by one conditional call: UpdateItem, or DeleteItem for DELETE. The condition says the
 * rules of core/cart.h so that the call only succeeds where they certainly allow the change;
 * everything else is decided by update_if_unchanged.c after the item was read.
 *
 * DynamoDB has no max(): that the cart's time does not go back is a condition too. Where it is the
 * only one that is false, the call is made once more and leaves the times alone that are later, and
 * again where the time of one of its lines has become later since. So changes that overtake each
 * other on their way cost a call more, and none needs an item that nobody else changes.
 *
 * The text is as plain as it can be, because servers that stand in for DynamoDB parse it for every
 * call, and slowly: names of one letter, no parentheses (AND binds closer than OR, so a guard is
 * said twice instead), comparisons in place of functions. Their parsers try the longer form of a
 * phrase first, and read its beginning again when it was the shorter one: the last part of a chain
 * of AND or OR twice, an operand without "+" three times. So the shortest parts are last, and a
 * function has "+:0". A comparison with an attribute that is not there is false, so "NOT #e<=:t"
 * also holds where there is no #e. Some servers evaluate SET from left to right: what reads the
 * version comes before what changes it.
 *
 * An expression never contains a product or a key: #p0 and #k stand for them, and #j0 for the name
 * of the product's attributes.
 */
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/body_parts.h"
#include "backends/dynamodb/item/attribute.h"

/* An expression has 4 KB: a product takes some 90 bytes of each. */
#define FAST_LINES_MAX	 20
#define FAST_CHANGES_MAX 64

/* What the placeholders in the expressions stand for, by letter; #k and #p are the op's. */
static const char *const fast_attributes['z' - 'a' + 1] = {
	['a' - 'a'] = "added",	    ['c' - 'a'] = "customer_id", ['d' - 'a'] = "updated",
	['e' - 'a'] = "expires_ms", ['f' - 'a'] = "op_f",	 ['h' - 'a'] = "idle_shard",
	['i' - 'a'] = "idle_key",   ['m' - 'a'] = "mark",	 ['o' - 'a'] = "op_v",
	['q' - 'a'] = "qty",	    ['r' - 'a'] = "order_id",	 ['s' - 'a'] = "status",
	['u' - 'a'] = "updated_at", ['v' - 'a'] = "version",	 ['x' - 'a'] = "expires_at",
	['g' - 'a'] = "merges",	    ['y' - 'a'] = "keyed_until",
};

enum fast_kind { FAST_ADD, FAST_SET, FAST_REMOVE, FAST_CLEAR, FAST_CHECKOUT, FAST_DELETE };

struct fast {
	const struct ddb_table *table;
	const struct cart_op *op;
	const char *mark;
	const char *key_name;
	const struct cart
		*newer; /* NULL, or the cart as it was read: changed later than op->now_ms */
	enum fast_kind kind;
	bool attributes; /* some change gives or removes attributes */
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

bool ddb_can_be_conditional(const struct cart_op *op, const struct ddb_table *table)
{
	size_t longest;

	if (table->layout == DDB_LAYOUT_ROWS)
		return false;
	if (op->type == CART_OP_DELETE)
		return true;
	if (table->layout == DDB_LAYOUT_LIST)
		return false;
	if (op->type == CART_OP_CHECKOUT)
		return true;
	if (op->change_count == 0 || op->changes[0].type == CART_CHANGE_REPLACE ||
	    cart_op_reopens(op))
		return false;
	if (cart_op_has_attributes(op, &longest) && (int64_t)longest > table->rules->attributes_max)
		return false;
	if (op->change_count > 1 || op->changes[0].type == CART_CHANGE_ADD)
		return fast_adds(op, table->rules);
	return op->changes[0].quantity <= table->rules->quantity_max;
}

static bool fast_puts_lines(const struct fast *fast)
{
	return fast->kind == FAST_ADD || fast->kind == FAST_SET;
}

/* The products that an add names, each once; of the others the one there is. */
static bool fast_next(const struct fast *fast, size_t *at)
{
	while (*at < fast->op->change_count &&
	       (fast->kind == FAST_ADD ? cart_op_adds(fast->op, *at) == 0 : *at > 0))
		++*at;
	return *at < fast->op->change_count;
}

static const char *fast_attributes_of(const struct fast *fast, size_t at)
{
	return fast->attributes && fast_puts_lines(fast) ? cart_op_attributes(fast->op, at) : NULL;
}

static bool fast_gives_attributes(const struct fast *fast, size_t at)
{
	const char *attributes = fast_attributes_of(fast, at);

	return attributes != NULL && *attributes != '\0';
}

/* Whoever removes a line does not know whether it has attributes. */
static bool fast_removes_attributes(const struct fast *fast, size_t at)
{
	const char *attributes = fast_attributes_of(fast, at);

	return fast->kind == FAST_REMOVE || (attributes != NULL && *attributes == '\0');
}

static bool fast_line_is_newer(const struct cart_op *op, const struct cart *cart, size_t at)
{
	const struct cart_line *line = cart_find_line(cart, &op->changes[at].product_id);

	return line != NULL && line->updated_ms > op->now_ms;
}

/* The line was changed later than the op's instant: its time stays, as times never go back. */
static bool fast_is_newer(const struct fast *fast, size_t at)
{
	return fast->newer != NULL && fast_line_is_newer(fast->op, fast->newer, at);
}

uint64_t ddb_newer_lines(const struct cart_op *op, const struct cart *cart)
{
	uint64_t lines = 0;

	for (size_t at = 0; at < op->change_count && at < FAST_CHANGES_MAX; at++)
		lines |= (uint64_t)fast_line_is_newer(op, cart, at) << at;
	return lines;
}

static void fast_update_line(struct buf *body, const struct fast *fast, size_t at)
{
	bool add = fast->kind == FAST_ADD;

	ddb_add_indexed(body, ",#q.#p", at);
	if (add) {
		ddb_add_indexed(body, "=if_not_exists(#q.#p", at);
		ddb_add_indexed(body, ",:0)+:n", at);
	} else {
		ddb_add_indexed(body, "=:n", at);
	}
	ddb_add_indexed(body, ",#a.#p", at);
	ddb_add_indexed(body, "=if_not_exists(#a.#p", at);
	buf_add_string(body, ",:t)+:0");
	if (fast_gives_attributes(fast, at)) {
		ddb_add_indexed(body, ",#a.#j", at);
		ddb_add_indexed(body, "=:j", at);
	}
	if (fast_is_newer(fast, at))
		return;
	ddb_add_indexed(body, ",#d.#p", at);
	buf_add_string(body, "=:t");
}

/* The cart's times become those of the op. */
static bool fast_sets_times(const struct fast *fast)
{
	return fast->newer == NULL;
}

/* DynamoDB may remove the cart some time after this change: it has an expires_at. */
static bool fast_removable(const struct fast *fast)
{
	return fast->kind != FAST_CHECKOUT && fast->table->rules->ttl_ms > 0;
}

static void fast_sets(struct buf *body, const struct fast *fast)
{
	buf_add_string(body, "SET ");
	if (fast->key_name != NULL)
		buf_add_string(body, "#o.#k=#v+:1,#f.#k=:f,");
	buf_add_string(body, "#v=#v+:1,#m=:m");
	if (fast_sets_times(fast))
		buf_add_string(body, ",#u=:t");
	if (fast->kind == FAST_CHECKOUT)
		buf_add_string(body, ",#s=:s,#r=:o");
	else if (fast_sets_times(fast))
		buf_add_string(body, fast_removable(fast) ? ",#i=:i,#e=:e,#x=:x" : ",#i=:i,#e=:e");
	if (fast_puts_lines(fast))
		for (size_t at = 0; fast_next(fast, &at); at++)
			fast_update_line(body, fast, at);
	if (fast->kind == FAST_CLEAR)
		buf_add_string(body, ",#q=:z,#a=:z,#d=:z");
}

static void fast_removes(struct buf *body, const struct fast *fast)
{
	const char *before = " REMOVE ";

	if (fast->kind == FAST_CHECKOUT) {
		buf_add_string(body, " REMOVE #h,#i,#e,#x");
		return;
	}
	if (!fast_removable(fast) && fast_sets_times(fast)) {
		buf_add_string(body, " REMOVE #x");
		before = ",";
	}
	if (fast->kind == FAST_REMOVE) {
		buf_add_string(body, before);
		buf_add_string(body, "#q.#p0,#a.#p0,#d.#p0");
		before = ",";
	}
	if (!fast->attributes && fast->kind != FAST_REMOVE)
		return;
	for (size_t at = 0; fast_next(fast, &at); at++) {
		if (!fast_removes_attributes(fast, at))
			continue;
		buf_add_string(body, before);
		ddb_add_indexed(body, "#a.#j", at);
		before = ",";
	}
}

/* What is set is not later now, and what is left alone still is: for a cart that is certain, but a
 * line may have been removed. */
static void fast_guard_times(struct buf *body, const struct fast *fast)
{
	if (fast_sets_times(fast) && fast->kind != FAST_DELETE)
		buf_add_string(body, "#u<=:t AND ");
	if (fast_sets_times(fast) || !fast_puts_lines(fast))
		return;
	for (size_t at = 0; fast_next(fast, &at); at++) {
		ddb_add_indexed(body, fast_is_newer(fast, at) ? "#d.#p" : "NOT #d.#p", at);
		buf_add_string(body, ">:t AND ");
	}
}

/* A customer, who also reaches the carts of guests: for these the comparisons are false. An owner
 * without an id reaches no others. */
static bool fast_has_owner(const struct fast *fast)
{
	return fast->op->owner != NULL && fast->op->owner->size > 0;
}

/* What every change demands, as the end of a chain of AND. Only an open cart has #e. */
static void fast_guard(struct buf *body, const struct fast *fast)
{
	if (fast->key_name != NULL)
		buf_add_string(body, "NOT #o.#k>:0 AND size(#o)<:k AND ");
	if (fast->op->owner != NULL)
		buf_add_string(body, fast_has_owner(fast) ? "NOT #c<:c AND NOT #c>:c AND "
							  : "attribute_not_exists(#c) AND ");
	if (fast->op->if_version != 0)
		buf_add_string(body, "#v=:v AND ");
	fast_guard_times(body, fast);
	buf_add_string(body, "#e>:t");
}

static void fast_line_bounds(struct buf *body, const struct fast *fast, const char *line,
			     const char *bound)
{
	for (size_t at = 0; fast_next(fast, &at); at++) {
		ddb_add_indexed(body, line, at);
		ddb_add_indexed(body, bound, at);
		buf_add_string(body, " AND ");
	}
}

/* A new line for which there is room, or another quantity, or other attributes. */
static void fast_set_condition(struct buf *body, const struct fast *fast)
{
	buf_add_string(body, "NOT #q.#p0>:0 AND size(#q)<=:r AND ");
	fast_guard(body, fast);
	buf_add_string(body, " OR #q.#p0>:0 AND #q.#p0<>:n0 AND ");
	if (!fast->attributes)
		return;
	fast_guard(body, fast);
	buf_add_string(body, fast_gives_attributes(fast, 0)
				     ? " OR #q.#p0>:0 AND NOT #a.#j0=:j0 AND "
				     : " OR attribute_exists(#a.#j0) AND ");
}

static void fast_condition(struct buf *body, const struct fast *fast)
{
	switch (fast->kind) {
	case FAST_ADD:
		/* There is room for all its lines, or each is there; none becomes too large. */
		buf_add_string(body, "size(#q)<=:r AND ");
		fast_line_bounds(body, fast, "NOT #q.#p", ">:l");
		fast_guard(body, fast);
		buf_add_string(body, " OR ");
		fast_line_bounds(body, fast, "#q.#p", "<=:l");
		break;
	case FAST_SET:
		fast_set_condition(body, fast);
		break;
	case FAST_REMOVE:
		buf_add_string(body, "#q.#p0>:0 AND ");
		break;
	case FAST_CLEAR:
	case FAST_CHECKOUT:
		buf_add_string(body, "size(#q)>:0 AND ");
		break;
	case FAST_DELETE:
		/* Decisions of merges are still needed. */
		buf_add_string(body, "NOT #y>:t AND attribute_not_exists(#g) AND ");
		break;
	}
	fast_guard(body, fast);
}

static void fast_name_attributes(struct buf *body, const struct fast *fast, size_t at)
{
	if (!fast_gives_attributes(fast, at) && !fast_removes_attributes(fast, at))
		return;
	ddb_add_indexed(body, ",\"#j", at);
	buf_add_string(body, "\":\"");
	ddb_add_attributes_name(body, &fast->op->changes[at].product_id);
	buf_add_char(body, '"');
}

/* The names of all placeholders in the expressions: DynamoDB refuses one that is not used. */
static void fast_names(struct buf *body, const struct fast *fast, size_t expressions)
{
	size_t end = body->len;
	uint32_t used = 0;
	char name[] = "\"#?\":\"";
	const char *comma = "";

	for (size_t i = expressions; i + 1 < end && !body->failed; i++)
		if (body->data[i] == '#')
			used |= UINT32_C(1) << (body->data[i + 1] - 'a');
	for (char letter = 'a'; letter <= 'z'; letter++) {
		const char *attribute =
			letter == 'k' ? fast->key_name : fast_attributes[letter - 'a'];

		if ((used >> (letter - 'a') & 1) == 0 || attribute == NULL)
			continue;
		name[2] = letter;
		buf_add_string(body, comma);
		buf_add_string(body, name);
		buf_add_string(body, attribute);
		buf_add_char(body, '"');
		comma = ",";
	}
	if ((used >> ('p' - 'a') & 1) == 0)
		return;
	for (size_t at = 0; fast_next(fast, &at); at++) {
		ddb_add_indexed(body, ",\"#p", at);
		buf_add_string(body, "\":\"");
		ddb_add_escaped(body, &fast->op->changes[at].product_id);
		buf_add_char(body, '"');
	}
	if ((used >> ('j' - 'a') & 1) == 0)
		return;
	for (size_t at = 0; fast_next(fast, &at); at++)
		fast_name_attributes(body, fast, at);
}

static void fast_add_values(struct buf *body, const struct fast *fast)
{
	const struct cart_rules *rules = fast->table->rules;
	int64_t most;

	ddb_add_number(body,
		       ",\":r\":", rules->lines_max - (int64_t)cart_op_add_lines(fast->op, &most));
	for (size_t at = 0; fast_next(fast, &at); at++) {
		int64_t added = cart_op_adds(fast->op, at);

		ddb_add_indexed(body, ",\":n", at);
		ddb_add_number(body, "\":", added);
		ddb_add_indexed(body, ",\":l", at);
		ddb_add_number(body, "\":", rules->quantity_max - added);
	}
}

static void fast_kind_values(struct buf *body, const struct fast *fast)
{
	switch (fast->kind) {
	case FAST_ADD:
		fast_add_values(body, fast);
		return;
	case FAST_SET:
		ddb_add_number(body, ",\":r\":", fast->table->rules->lines_max - 1);
		ddb_add_number(body, ",\":n0\":", fast->op->changes[0].quantity);
		return;
	case FAST_CLEAR:
		buf_add_string(body, ",\":z\":{\"M\":{}}");
		return;
	case FAST_CHECKOUT:
		ddb_add_text(body, ",\":s\":", "checked_out");
		ddb_add_id(body, ",\":o\":", &fast->op->order_id);
		return;
	case FAST_REMOVE:
	case FAST_DELETE:
		return;
	}
}

static void fast_attributes_values(struct buf *body, const struct fast *fast)
{
	for (size_t at = 0; fast_next(fast, &at); at++) {
		if (!fast_gives_attributes(fast, at))
			continue;
		ddb_add_indexed(body, ",\":j", at);
		ddb_add_attributes(body, "\":", fast_attributes_of(fast, at));
	}
}

static void fast_update_values(struct buf *body, const struct fast *fast)
{
	const struct cart_op *op = fast->op;
	int64_t ttl_ms = fast->table->rules->ttl_ms;
	char idle_key[DDB_TIME_KEY_ROOM];

	ddb_add_number(body, ",\":0\":", 0);
	ddb_add_number(body, ",\":1\":", 1);
	ddb_add_text(body, ",\":m\":", fast->mark);
	if (fast->kind == FAST_CHECKOUT || !fast_sets_times(fast))
		return;
	ddb_time_key(cart_idle_ms(fast->table->rules, op->now_ms), &op->id, idle_key);
	ddb_add_text(body, ",\":i\":", idle_key);
	ddb_add_number(body, ",\":e\":", ttl_ms > 0 ? op->now_ms + ttl_ms : DDB_NEVER_MS);
	if (fast_removable(fast))
		ddb_add_number(body, ",\":x\":", ddb_removable_s(fast->table->rules, op->now_ms));
}

static void fast_values(struct buf *body, const struct fast *fast)
{
	char record[DDB_RECORD_ROOM];

	ddb_add_number(body, "\":t\":", fast->op->now_ms);
	if (fast_has_owner(fast))
		ddb_add_shop_id(body, ",\":c\":", fast->op->owner);
	if (fast->op->if_version != 0)
		ddb_add_number(body, ",\":v\":", fast->op->if_version);
	if (fast->key_name != NULL) {
		ddb_record_write(fast->op->now_ms, fast->op->fingerprint, record);
		ddb_add_text(body, ",\":f\":", record);
		ddb_add_number(body, ",\":k\":", DDB_KEYS_MAX);
	}
	if (fast->kind != FAST_DELETE)
		fast_update_values(body, fast);
	fast_kind_values(body, fast);
	if (fast->attributes)
		fast_attributes_values(body, fast);
}

/* The whole item after it where it is wanted, or where old keys may be in it. */
static bool fast_wants_item(const struct fast *fast)
{
	return fast->key_name != NULL || fast->kind == FAST_CHECKOUT ||
	       (fast->op->flags & CART_WANT_CART) != 0;
}

void ddb_body_conditional(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
			  const char *mark, const char *key_name, const struct cart *newer)
{
	struct fast fast = {.table = table,
			    .op = op,
			    .mark = mark,
			    .key_name = key_name,
			    .newer = newer,
			    .kind = fast_kind_of(op)};
	size_t expressions, longest;

	fast.attributes = cart_op_has_attributes(op, &longest);
	ddb_add_key(body, table, &op->id);
	expressions = body->len;
	if (fast.kind != FAST_DELETE) {
		buf_add_string(body, ",\"UpdateExpression\":\"");
		fast_sets(body, &fast);
		fast_removes(body, &fast);
		buf_add_char(body, '"');
	}
	buf_add_string(body, ",\"ConditionExpression\":\"");
	fast_condition(body, &fast);
	buf_add_string(body, "\",\"ExpressionAttributeNames\":{");
	fast_names(body, &fast, expressions);
	buf_add_string(body, "},\"ExpressionAttributeValues\":{");
	fast_values(body, &fast);
	buf_add_char(body, '}');
	if (fast.kind != FAST_DELETE)
		buf_add_string(body, fast_wants_item(&fast) ? ",\"ReturnValues\":\"ALL_NEW\""
							    : ",\"ReturnValues\":\"UPDATED_NEW\"");
	buf_add_string(body, ",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"");
	ddb_add_end(body);
}
