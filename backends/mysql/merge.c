#include "backends/mysql/merge.h"

#include "backends/mysql/rows.h"

/* A line of from and the cart's of the same product. The lines change in transactions that have
 * locked their carts alone, so that those of carts that are locked stay as they are read. */
#define MERGE_LINES                                                                                \
	" FROM carts f FORCE INDEX (PRIMARY) STRAIGHT_JOIN" SQL_LINES                              \
	" ON i.cart_id = f.id LEFT JOIN cart_items t FORCE INDEX (PRIMARY)"                        \
	" ON t.product_id = i.product_id AND t.cart_id = "

#define MERGE_TAKES_ATTRIBUTES " (t.attributes IS NULL AND i.attributes IS NOT NULL)"

static void merge_lock(struct sql_text *text, const struct sql_write *write)
{
	/* A column outside the primary key, as in write.c. */
	sql_statement(text, SQL_LOCK,
		      "SELECT COUNT(c.op) FROM carts c FORCE INDEX (PRIMARY) WHERE c.id IN (");
	sql_add_id(text, &write->id);
	sql_add(text, ",");
	sql_add_id(text, &write->from);
	sql_add(text, ")");
	sql_add_for_update(text);
}

/* The later of the op's instant and a time that is stored. */
static void merge_later(struct sql_text *text, const struct sql_literal *column, int64_t ms)
{
	sql_add(text, "GREATEST(");
	sql_add_literal(text, column);
	sql_add(text, ", ");
	sql_add_integer(text, ms);
	sql_add(text, ")");
}

/* The cart of that alias is open and seen by the op. */
static void merge_guard_cart(struct sql_text *text, const struct cart_op *op,
			     const struct sql_literal *alias)
{
	sql_add(text, " AND ");
	sql_add_literal(text, alias);
	sql_add(text, ".state = 0 AND (");
	sql_add_literal(text, alias);
	sql_add(text, ".expires_ms = 0 OR ");
	sql_add_literal(text, alias);
	sql_add(text, ".expires_ms > ");
	sql_add_integer(text, op->now_ms);
	sql_add(text, ")");
	if (op->owner == NULL)
		return;
	sql_add(text, " AND (");
	sql_add_literal(text, alias);
	sql_add(text, ".customer_id IS NULL OR ");
	sql_add_literal(text, alias);
	sql_add(text, ".customer_id = ");
	sql_add_shop_id(text, op->owner);
	sql_add(text, ")");
}

/* Every line may be new, the two largest may be of one product, and the longest attributes may be
 * taken. */
static void merge_guard_limits(struct sql_text *text, const struct cart_op *op,
			       const struct cart_rules *rules)
{
	sql_add(text, " AND c.lines_bound + (SELECT COUNT(*) FROM" SQL_LINES
		      " WHERE i.cart_id = f.id) <= ");
	sql_add_integer(text, rules->lines_max);
	sql_add(text, " AND (SELECT COALESCE(MAX(i.quantity), 0) FROM" SQL_LINES
		      " WHERE i.cart_id = f.id)");
	if (op->strategy == CART_MERGE_ADD)
		sql_add(text, " + (SELECT COALESCE(MAX(i.quantity), 0) FROM" SQL_LINES
			      " WHERE i.cart_id = c.id)");
	sql_add(text, " <= ");
	sql_add_integer(text, rules->quantity_max);
	sql_add(text, " AND (SELECT COALESCE(MAX(LENGTH(i.attributes)), 0) FROM" SQL_LINES
		      " WHERE i.cart_id = f.id) <= ");
	sql_add_integer(text, rules->attributes_max);
}

static void merge_close(struct sql_text *text, const struct sql_write *write,
			const struct cart_rules *rules)
{
	static const struct sql_literal f = SQL_LITERAL("f"), c = SQL_LITERAL("c");
	static const struct sql_literal updated = SQL_LITERAL("f.updated_ms");
	static const struct sql_literal idle = SQL_LITERAL("f.idle_ms");
	const struct cart_op *op = write->op;

	sql_statement(text, SQL_CARTS,
		      "UPDATE carts f FORCE INDEX (PRIMARY), carts c FORCE INDEX (PRIMARY)"
		      " SET f.version = f.version + 1, f.state = 2, f.op = ");
	sql_add_integer(text, write->token);
	sql_add(text, ", f.merged_into = ");
	sql_add_id(text, &write->id);
	sql_add(text, ", f.updated_ms = ");
	merge_later(text, &updated, op->now_ms);
	sql_add(text, ", f.idle_ms = ");
	merge_later(text, &idle, cart_idle_ms(rules, op->now_ms));
	sql_add(text, " WHERE f.id = ");
	sql_add_id(text, &write->from);
	sql_add(text, " AND c.id = ");
	sql_add_id(text, &write->id);
	merge_guard_cart(text, op, &f);
	merge_guard_cart(text, op, &c);
	sql_add(text, " AND (f.customer_id IS NULL OR f.customer_id = c.customer_id)");
	if (op->if_version != 0) {
		sql_add(text, " AND c.version = ");
		sql_add_integer(text, op->if_version);
	}
	merge_guard_limits(text, op, rules);
}

/* from was closed by this text. */
static void merge_where_closed(struct sql_text *text, const struct sql_write *write)
{
	sql_add(text, " WHERE f.id = ");
	sql_add_id(text, &write->from);
	sql_add(text, " AND f.op = ");
	sql_add_integer(text, write->token);
}

/* Lines that the cart does not have, and those that it has otherwise afterwards. */
static void merge_lines(struct sql_text *text, const struct sql_write *write)
{
	static const struct sql_literal quantities[CART_MERGE_STRATEGIES] = {
		[CART_MERGE_ADD] = SQL_LITERAL("i.quantity + COALESCE(t.quantity, 0)"),
		[CART_MERGE_MAX] = SQL_LITERAL("GREATEST(i.quantity, COALESCE(t.quantity, 0))"),
		[CART_MERGE_KEEP] = SQL_LITERAL("COALESCE(t.quantity, i.quantity)"),
	};
	static const struct sql_literal changes[CART_MERGE_STRATEGIES] = {
		[CART_MERGE_ADD] = SQL_LITERAL(""),
		[CART_MERGE_MAX] = SQL_LITERAL(" AND (t.quantity IS NULL OR t.quantity < i.quantity"
					       " OR" MERGE_TAKES_ATTRIBUTES ")"),
		[CART_MERGE_KEEP] =
			SQL_LITERAL(" AND (t.quantity IS NULL OR" MERGE_TAKES_ATTRIBUTES ")"),
	};
	const struct cart_op *op = write->op;

	sql_statement(text, SQL_ITEMS,
		      "INSERT INTO cart_items (cart_id, product_id, quantity, added_ms, updated_ms,"
		      " attributes) SELECT ");
	sql_add_id(text, &write->id);
	sql_add(text, ", i.product_id, ");
	sql_add_literal(text, &quantities[op->strategy]);
	sql_add(text, ", ");
	sql_add_integer(text, op->now_ms);
	sql_add(text, ", ");
	sql_add_integer(text, op->now_ms);
	sql_add(text, ", COALESCE(t.attributes, i.attributes)" MERGE_LINES);
	sql_add_id(text, &write->id);
	merge_where_closed(text, write);
	sql_add_literal(text, &changes[op->strategy]);
	sql_add(text, " ON DUPLICATE KEY UPDATE quantity = VALUES(quantity), updated_ms ="
		      " GREATEST(cart_items.updated_ms, VALUES(updated_ms)), attributes ="
		      " VALUES(attributes)");
}

/* If a line was written. Where the connection has broken, ROW_COUNT() is -1, and the server would
 * go on to the COMMIT: then the statement fails. */
static void merge_mark(struct sql_text *text, const struct sql_write *write,
		       const struct cart_rules *rules)
{
	sql_statement(text, SQL_CARTS,
		      "UPDATE carts c FORCE INDEX (PRIMARY) SET c.op = IF(ROW_COUNT() > 0, ");
	sql_add_integer(text, write->token);
	sql_add(text, ", " SQL_FAIL "), c.version = c.version + 1, c.updated_ms = ");
	sql_add_times(text, write->op->now_ms, rules);
	sql_add(text, ", c.lines_bound = (SELECT COUNT(*) FROM" SQL_LINES
		      " WHERE i.cart_id = c.id) WHERE c.id = ");
	sql_add_id(text, &write->id);
	sql_add(text, " AND ROW_COUNT() <> 0");
}

static void merge_key(struct sql_text *text, const struct sql_write *write)
{
	if (write->op->key == NULL)
		return;
	sql_statement(text, SQL_KEYS, SQL_INSERT_KEYS "SELECT ");
	sql_add_key(text, write->op);
	sql_add(text, "c.version, c.id FROM carts f FORCE INDEX (PRIMARY) STRAIGHT_JOIN carts c"
		      " FORCE INDEX (PRIMARY) ON c.id = ");
	sql_add_id(text, &write->id);
	merge_where_closed(text, write);
}

bool sql_merge_text(struct sql_text *text, const struct sql_write *write,
		    const struct cart_rules *rules)
{
	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	merge_lock(text, write);
	merge_close(text, write, rules);
	merge_lines(text, write);
	merge_mark(text, write, rules);
	merge_key(text, write);
	/* With the mark of from in place of its own: the cart may stay as it was. */
	sql_statement(text, SQL_SELECT,
		      "SELECT " SQL_CART_COLUMNS_WITH("f.op") SQL_LINE_COLUMNS
		      " FROM carts f FORCE INDEX (PRIMARY) STRAIGHT_JOIN carts c"
		      " FORCE INDEX (PRIMARY) ON c.id = ");
	sql_add_id(text, &write->id);
	sql_add(text, SQL_JOIN_LINES);
	merge_where_closed(text, write);
	sql_statement(text, SQL_COMMIT, "COMMIT");
	return !text->buf.failed;
}
