#include "backends/mysql/write.h"

#include "backends/mysql/rows.h"

#include <string.h>

/* Adds are merged by product in a quadratic way: longer ones go the careful way. */
#define WRITE_ADDS_MAX 64

static enum sql_write_kind write_kind_of_adds(const struct cart_op *op,
					      const struct cart_rules *rules)
{
	int64_t lines, most;

	if (op->change_count == 0 || op->change_count > WRITE_ADDS_MAX)
		return SQL_WRITE_CAREFUL;
	for (size_t i = 0; i < op->change_count; i++)
		if (op->changes[i].type != CART_CHANGE_ADD)
			return SQL_WRITE_CAREFUL;
	lines = (int64_t)cart_op_add_lines(op, &most);
	if (lines > rules->lines_max || most > rules->quantity_max)
		return SQL_WRITE_CAREFUL;
	return SQL_WRITE_ADD;
}

enum sql_write_kind sql_write_kind_of(const struct cart_op *op, const struct cart_rules *rules)
{
	switch (op->type) {
	case CART_OP_CREATE:
		return SQL_WRITE_CREATE;
	case CART_OP_CHECKOUT:
		return SQL_WRITE_CHECKOUT;
	case CART_OP_DELETE:
		return SQL_WRITE_DELETE;
	case CART_OP_CHANGE:
		break;
	default:
		return SQL_WRITE_CAREFUL;
	}
	if (op->change_count != 1)
		return write_kind_of_adds(op, rules);
	switch (op->changes[0].type) {
	case CART_CHANGE_ADD:
		return write_kind_of_adds(op, rules);
	case CART_CHANGE_SET:
		return op->changes[0].quantity > 0 ? SQL_WRITE_SET : SQL_WRITE_REMOVE;
	case CART_CHANGE_REMOVE:
		return SQL_WRITE_REMOVE;
	case CART_CHANGE_CLEAR:
		return SQL_WRITE_CLEAR;
	}
	return SQL_WRITE_CAREFUL;
}

/*
 * A batch has one instant, that of its latest op, and one mark. So most of a statement is the same
 * for all its carts; what is not is a CASE over the id. (A derived table of the ops, a SELECT a row
 * by UNION ALL, costs the server twice as much: it plans each of them.)
 */
struct write_batch {
	struct sql_write *writes;
	size_t count;
	const struct cart_rules *rules;
	int64_t now_ms;
	int64_t token;
	bool alone; /* one write, whose answer holds no cart */
	size_t of_kind[SQL_WRITE_CAREFUL];
};

typedef bool write_which_fn(const struct sql_write *write);
typedef void write_value_fn(struct sql_text *text, const struct sql_write *write);

static bool write_is_add(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_ADD;
}

static bool write_is_set(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_SET;
}

static bool write_is_remove(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_REMOVE;
}

static bool write_is_clear(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_CLEAR;
}

static bool write_is_checkout(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_CHECKOUT;
}

static bool write_is_delete(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_DELETE;
}

static bool write_is_change(const struct sql_write *write)
{
	return write->kind != SQL_WRITE_CREATE;
}

static bool write_is_any(const struct sql_write *write)
{
	(void)write;
	return true;
}

static bool write_is_one_add(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_ADD && write->op->change_count == 1;
}

static bool write_is_keyed_change(const struct sql_write *write)
{
	return write->kind != SQL_WRITE_CREATE && write->op->key != NULL;
}

static bool write_is_keyed_create(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_CREATE && write->op->key != NULL;
}

static bool write_is_plain_create(const struct sql_write *write)
{
	return write->kind == SQL_WRITE_CREATE && write->op->key == NULL;
}

static write_which_fn *const write_is[SQL_WRITE_CAREFUL] = {
	[SQL_WRITE_ADD] = write_is_add,		  [SQL_WRITE_SET] = write_is_set,
	[SQL_WRITE_REMOVE] = write_is_remove,	  [SQL_WRITE_CLEAR] = write_is_clear,
	[SQL_WRITE_CHECKOUT] = write_is_checkout, [SQL_WRITE_DELETE] = write_is_delete,
};

static void write_product(struct sql_text *text, const struct sql_write *write)
{
	sql_add_integer(text, shop_id_number(&write->op->changes[0].product_id));
}

static void write_quantity(struct sql_text *text, const struct sql_write *write)
{
	sql_add_integer(text, write->op->changes[0].quantity);
}

static void write_version(struct sql_text *text, const struct sql_write *write)
{
	sql_add_integer(text, write->op->if_version);
}

static void write_order(struct sql_text *text, const struct sql_write *write)
{
	sql_add_id(text, &write->op->order_id);
}

static void write_scope(struct sql_text *text, const struct sql_write *write)
{
	sql_add_hex(text, write->key.scope);
}

static void write_hash(struct sql_text *text, const struct sql_write *write)
{
	sql_add_hex(text, write->key.hash);
}

static void write_fingerprint(struct sql_text *text, const struct sql_write *write)
{
	sql_add_hex(text, write->op->fingerprint);
}

static void write_now(struct sql_text *text, const struct sql_write *write)
{
	sql_add_integer(text, write->op->now_ms);
}

static size_t write_count(const struct write_batch *batch, write_which_fn *which)
{
	size_t count = 0;

	for (size_t i = 0; i < batch->count; i++)
		count += which(&batch->writes[i]);
	return count;
}

/* "x'...',x'...'": the carts of those writes. */
static void write_ids(struct sql_text *text, const struct write_batch *batch, write_which_fn *which)
{
	size_t listed = 0;

	for (size_t i = 0; i < batch->count; i++) {
		if (!which(&batch->writes[i]))
			continue;
		if (listed++ > 0)
			sql_add(text, ",");
		sql_add_id(text, &batch->writes[i].id);
	}
}

/* The value of the cart's write; of the others NULL. */
static void write_case(struct sql_text *text, const struct write_batch *batch,
		       write_which_fn *which, write_value_fn *value)
{
	if (batch->count == 1) {
		value(text, &batch->writes[0]);
		return;
	}
	sql_add(text, "CASE c.id");
	for (size_t i = 0; i < batch->count; i++) {
		if (!which(&batch->writes[i]))
			continue;
		sql_add(text, " WHEN ");
		sql_add_id(text, &batch->writes[i].id);
		sql_add(text, " THEN ");
		value(text, &batch->writes[i]);
	}
	sql_add(text, " END");
}

static void write_carts(struct sql_text *text, const struct write_batch *batch,
			write_which_fn *which)
{
	sql_add(text, " WHERE c.id IN (");
	write_ids(text, batch, which);
	sql_add(text, ")");
}

/* Those that the guard has let through. */
static void write_marked(struct sql_text *text, const struct write_batch *batch,
			 write_which_fn *which)
{
	write_carts(text, batch, which);
	sql_add(text, " AND c.op = ");
	sql_add_integer(text, batch->token);
}

/* One row needs no lock of its own: the guard's UPDATE has it before it looks at lines and keys. */
static void write_lock(struct sql_text *text, const struct write_batch *batch)
{
	if (batch->alone || write_count(batch, write_is_change) == 0)
		return;
	/* Of what is in the row alone: where the keys are enough, a server walks all of a small
	 * table, and waits for rows that others have locked. */
	sql_statement(text, SQL_LOCK, "SELECT COUNT(c.op) FROM carts c FORCE INDEX (PRIMARY)");
	write_carts(text, batch, write_is_change);
	sql_add(text, " FOR UPDATE");
}

static int64_t write_expiry(const struct write_batch *batch)
{
	return batch->rules->ttl_ms > 0 ? batch->now_ms + batch->rules->ttl_ms : 0;
}

static void write_guard_set(struct sql_text *text, const struct write_batch *batch,
			    enum sql_write_kind kind)
{
	int64_t expires_ms = kind == SQL_WRITE_CHECKOUT ? 0 : write_expiry(batch);

	sql_add(text, " SET c.op = ");
	sql_add_integer(text, batch->token);
	if (kind == SQL_WRITE_DELETE)
		return;
	if (batch->alone)
		sql_add(text, ", c.version = LAST_INSERT_ID(c.version + 1), c.updated_ms = ");
	else
		sql_add(text, ", c.version = c.version + 1, c.updated_ms = ");
	sql_add_integer(text, batch->now_ms);
	sql_add(text, ", c.expires_ms = ");
	sql_add_integer(text, expires_ms);
	sql_add(text, ", c.sweep_ms = ");
	sql_add_integer(text, cart_sweep_ms(batch->rules, expires_ms));
	if (kind == SQL_WRITE_CHECKOUT) {
		sql_add(text, ", c.state = 1, c.order_id = ");
		write_case(text, batch, write_is_checkout, write_order);
	}
}

/*
 * No cart gets near a limit: the batch's longest add and largest quantity are taken for all. A line
 * that might overflow counts as more lines than there can be.
 */
static void write_guard_adds(struct sql_text *text, const struct write_batch *batch)
{
	int64_t lines_most = 0, quantity_most = 0;

	for (size_t i = 0; i < batch->count; i++) {
		int64_t most, lines;

		if (batch->writes[i].kind != SQL_WRITE_ADD)
			continue;
		lines = (int64_t)cart_op_add_lines(batch->writes[i].op, &most);
		lines_most = lines > lines_most ? lines : lines_most;
		quantity_most = most > quantity_most ? most : quantity_most;
	}
	sql_add(text, " AND (SELECT COALESCE(SUM(CASE WHEN i.quantity > ");
	sql_add_integer(text, batch->rules->quantity_max - quantity_most);
	sql_add(text,
		" THEN 1000000 ELSE 1 END), 0) FROM cart_items i WHERE i.cart_id = c.id) <= ");
	sql_add_integer(text, batch->rules->lines_max - lines_most);
}

static void write_guard_sets(struct sql_text *text, const struct write_batch *batch)
{
	sql_add(text, " AND (SELECT COUNT(*) FROM cart_items i WHERE i.cart_id = c.id) < ");
	sql_add_integer(text, batch->rules->lines_max);
	sql_add(text, " AND NOT EXISTS (SELECT 1 FROM cart_items i WHERE i.cart_id = c.id"
		      " AND i.product_id = ");
	write_case(text, batch, write_is_set, write_product);
	sql_add(text, " AND i.quantity = ");
	write_case(text, batch, write_is_set, write_quantity);
	sql_add(text, ")");
}

static void write_guard_lines(struct sql_text *text, const struct write_batch *batch,
			      enum sql_write_kind kind)
{
	switch (kind) {
	case SQL_WRITE_ADD:
		write_guard_adds(text, batch);
		return;
	case SQL_WRITE_SET:
		write_guard_sets(text, batch);
		return;
	case SQL_WRITE_REMOVE:
		sql_add(text, " AND EXISTS (SELECT 1 FROM cart_items i WHERE i.cart_id = c.id"
			      " AND i.product_id = ");
		write_case(text, batch, write_is_remove, write_product);
		sql_add(text, ")");
		return;
	case SQL_WRITE_CLEAR:
	case SQL_WRITE_CHECKOUT:
		sql_add(text, " AND EXISTS (SELECT 1 FROM cart_items i WHERE i.cart_id = c.id)");
		return;
	case SQL_WRITE_DELETE:
	case SQL_WRITE_CREATE:
	case SQL_WRITE_CAREFUL:
		return;
	}
}

static bool write_has_version(const struct sql_write *write)
{
	return write->kind != SQL_WRITE_CREATE && write->op->if_version != 0;
}

/* Lets a write through only where the rules of core/cart.h certainly say yes. */
static void write_guard(struct sql_text *text, const struct write_batch *batch,
			enum sql_write_kind kind)
{
	bool versions = false, keys = false;

	for (size_t i = 0; i < batch->count; i++) {
		if (batch->writes[i].kind != kind)
			continue;
		versions = versions || write_has_version(&batch->writes[i]);
		keys = keys || batch->writes[i].op->key != NULL;
	}
	sql_statement(text, SQL_CARTS, "UPDATE carts c FORCE INDEX (PRIMARY)");
	write_guard_set(text, batch, kind);
	write_carts(text, batch, write_is[kind]);
	sql_add(text, " AND c.state = 0 AND (c.expires_ms = 0 OR c.expires_ms > ");
	sql_add_integer(text, batch->now_ms);
	sql_add(text, ")");
	if (versions) {
		sql_add(text, " AND c.version = COALESCE(");
		write_case(text, batch, write_has_version, write_version);
		sql_add(text, ", c.version)");
	}
	write_guard_lines(text, batch, kind);
	if (keys) {
		sql_add(text, " AND NOT EXISTS (SELECT 1 FROM idempotency_keys k"
			      " WHERE k.scope = c.id AND k.key_hash = ");
		write_case(text, batch, write_is_keyed_change, write_hash);
		sql_add(text, ")");
	}
}

static void write_lines_head(struct sql_text *text)
{
	sql_statement(text, SQL_ITEMS,
		      "INSERT INTO cart_items"
		      " (cart_id, product_id, quantity, added_ms, updated_ms) ");
}

static void write_lines_times(struct sql_text *text, const struct write_batch *batch)
{
	sql_add(text, ", ");
	sql_add_integer(text, batch->now_ms);
	sql_add(text, ", ");
	sql_add_integer(text, batch->now_ms);
}

/* The quantity of the row that is inserted follows. */
static void write_lines_tail(struct sql_text *text, const struct write_batch *batch,
			     enum sql_write_kind kind)
{
	sql_add(text, " ON DUPLICATE KEY UPDATE updated_ms = ");
	sql_add_integer(text, batch->now_ms);
	sql_add(text, ", quantity = ");
	if (kind == SQL_WRITE_ADD)
		sql_add(text, "cart_items.quantity + ");
}

/*
 * One line a cart. Whether the guard let its cart through is asked of the cart, here and
 * everywhere. ROW_COUNT() > 0 would be cheaper, and lost lines: with connections cut within the
 * answer the server went on with the text, left the line out and committed the rest (tests/fault,
 * the cuts).
 */
static void write_line(struct sql_text *text, const struct write_batch *batch,
		       enum sql_write_kind kind)
{
	write_which_fn *which = kind == SQL_WRITE_ADD ? write_is_one_add : write_is_set;

	if (write_count(batch, which) == 0)
		return;
	write_lines_head(text);
	sql_add(text, "SELECT c.id, ");
	write_case(text, batch, which, write_product);
	sql_add(text, ", ");
	write_case(text, batch, which, write_quantity);
	write_lines_times(text, batch);
	sql_add(text, " FROM carts c FORCE INDEX (PRIMARY)");
	write_marked(text, batch, which);
	write_lines_tail(text, batch, kind);
	write_case(text, batch, which, write_quantity);
}

static void write_row(struct sql_text *text, bool first, const struct cart_id *id, int64_t product,
		      int64_t quantity)
{
	if (first) {
		sql_add(text, "SELECT ");
		sql_add_id(text, id);
		sql_add(text, " AS id, ");
		sql_add_integer(text, product);
		sql_add(text, " AS product_id, ");
		sql_add_integer(text, quantity);
		sql_add(text, " AS quantity");
		return;
	}
	sql_add(text, " UNION ALL SELECT ");
	sql_add_id(text, id);
	sql_add(text, ",");
	sql_add_integer(text, product);
	sql_add(text, ",");
	sql_add_integer(text, quantity);
}

/* Several lines a cart: adds of more than one. */
static void write_lines(struct sql_text *text, const struct write_batch *batch)
{
	size_t rows = 0;

	if (write_count(batch, write_is_add) == write_count(batch, write_is_one_add))
		return;
	write_lines_head(text);
	sql_add(text, "SELECT l.id, l.product_id, l.quantity");
	write_lines_times(text, batch);
	sql_add(text, " FROM (");
	for (size_t i = 0; i < batch->count; i++) {
		const struct sql_write *write = &batch->writes[i];

		if (write->kind != SQL_WRITE_ADD || write_is_one_add(write))
			continue;
		for (size_t at = 0; at < write->op->change_count; at++) {
			int64_t quantity = cart_op_adds(write->op, at);

			if (quantity > 0)
				write_row(text, rows++ == 0, &write->id,
					  shop_id_number(&write->op->changes[at].product_id),
					  quantity);
		}
	}
	sql_add(text, ") l STRAIGHT_JOIN carts c ON c.id = l.id AND c.op = ");
	sql_add_integer(text, batch->token);
	write_lines_tail(text, batch, SQL_WRITE_ADD);
	sql_add(text, "l.quantity");
}

static void write_unline(struct sql_text *text, const struct write_batch *batch,
			 enum sql_write_kind kind)
{
	sql_statement(text, SQL_ITEMS,
		      "DELETE i FROM carts c FORCE INDEX (PRIMARY) STRAIGHT_JOIN cart_items i"
		      " ON i.cart_id = c.id");
	if (kind == SQL_WRITE_REMOVE) {
		sql_add(text, " AND i.product_id = ");
		write_case(text, batch, write_is_remove, write_product);
	}
	write_marked(text, batch, write_is[kind]);
}

/* A cart's lines go with it, by the foreign key. */
static void write_deletes(struct sql_text *text, const struct write_batch *batch)
{
	sql_statement(text, SQL_KEYS,
		      "DELETE k FROM carts c FORCE INDEX (PRIMARY)"
		      " STRAIGHT_JOIN idempotency_keys k ON k.scope = c.id");
	write_marked(text, batch, write_is_delete);
	sql_statement(text, SQL_CARTS, "DELETE c FROM carts c FORCE INDEX (PRIMARY)");
	write_marked(text, batch, write_is_delete);
}

static void write_create_head(struct sql_text *text)
{
	sql_statement(text, SQL_CARTS,
		      "INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms,"
		      " expires_ms, sweep_ms, op) ");
}

static void write_create_cells(struct sql_text *text, const struct write_batch *batch,
			       const struct sql_write *write)
{
	struct cart cart;

	cart_create(&cart, write->op, batch->rules);
	sql_add_id(text, &cart.id);
	sql_add(text, ",");
	sql_add_integer(text, shop_id_number(&cart.customer_id));
	sql_add(text, ",0,1,");
	sql_add_integer(text, cart.created_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart.updated_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart.expires_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart_sweep_ms(batch->rules, cart.expires_ms));
	sql_add(text, ",");
	sql_add_integer(text, batch->token);
}

static void write_creates(struct sql_text *text, const struct write_batch *batch)
{
	size_t listed = 0;

	if (write_count(batch, write_is_plain_create) > 0) {
		write_create_head(text);
		sql_add(text, "VALUES (");
		for (size_t i = 0; i < batch->count; i++) {
			if (!write_is_plain_create(&batch->writes[i]))
				continue;
			if (listed++ > 0)
				sql_add(text, "),(");
			write_create_cells(text, batch, &batch->writes[i]);
		}
		sql_add(text, ")");
	}
	/* Each by itself, because each asks for its own key. */
	for (size_t i = 0; i < batch->count; i++) {
		const struct sql_write *write = &batch->writes[i];

		if (!write_is_keyed_create(write))
			continue;
		write_create_head(text);
		sql_add(text, "SELECT ");
		write_create_cells(text, batch, write);
		sql_add(text, " FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM idempotency_keys k"
			      " WHERE k.scope = ");
		write_scope(text, write);
		sql_add(text, " AND k.key_hash = ");
		write_hash(text, write);
		sql_add(text, ")");
	}
}

/* Of what was let through: any key that was there before has kept its op from it. */
static void write_keys(struct sql_text *text, const struct write_batch *batch,
		       write_which_fn *which)
{
	if (write_count(batch, which) == 0)
		return;
	sql_statement(text, SQL_KEYS,
		      "INSERT INTO idempotency_keys"
		      " (scope, key_hash, fingerprint, stored_ms, version, cart_id) SELECT ");
	if (which == write_is_keyed_create)
		write_case(text, batch, which, write_scope);
	else
		sql_add(text, "c.id");
	sql_add(text, ", ");
	write_case(text, batch, which, write_hash);
	sql_add(text, ", ");
	write_case(text, batch, which, write_fingerprint);
	sql_add(text, ", ");
	write_case(text, batch, which, write_now);
	sql_add(text, ", c.version, c.id FROM carts c FORCE INDEX (PRIMARY)");
	write_marked(text, batch, which);
}

static void write_select(struct sql_text *text, const struct write_batch *batch)
{
	bool lines = false;

	for (size_t i = 0; i < batch->count; i++)
		lines = lines || sql_write_wants_lines(batch->writes[i].op);
	if (lines)
		sql_statement(text, SQL_SELECT,
			      "SELECT " SQL_CART_COLUMNS SQL_LINE_COLUMNS
			      " FROM carts c FORCE INDEX (PRIMARY)"
			      " LEFT JOIN cart_items i ON i.cart_id = c.id");
	else
		sql_statement(text, SQL_SELECT,
			      "SELECT " SQL_STATE_COLUMNS " FROM carts c FORCE INDEX (PRIMARY)");
	write_carts(text, batch, write_is_any);
}

static void write_changes(struct sql_text *text, const struct write_batch *batch)
{
	for (int kind = SQL_WRITE_ADD; kind <= SQL_WRITE_DELETE; kind++)
		if (batch->of_kind[kind] > 0)
			write_guard(text, batch, (enum sql_write_kind)kind);
	write_line(text, batch, SQL_WRITE_ADD);
	write_lines(text, batch);
	write_line(text, batch, SQL_WRITE_SET);
	if (batch->of_kind[SQL_WRITE_REMOVE] > 0)
		write_unline(text, batch, SQL_WRITE_REMOVE);
	if (batch->of_kind[SQL_WRITE_CLEAR] > 0)
		write_unline(text, batch, SQL_WRITE_CLEAR);
}

bool sql_write_text(struct sql_text *text, struct sql_write *writes, size_t count,
		    const struct cart_rules *rules)
{
	struct write_batch batch = {
		.writes = writes, .count = count, .rules = rules, .token = writes[0].token};

	for (size_t i = 0; i < count; i++) {
		batch.of_kind[writes[i].kind]++;
		if (writes[i].op->now_ms > batch.now_ms)
			batch.now_ms = writes[i].op->now_ms;
		if (writes[i].op->key != NULL && !sql_key_of(&writes[i].key, writes[i].op))
			return false;
	}
	batch.alone = writes[0].alone = count == 1 && !sql_write_wants_lines(writes[0].op);
	sql_text_reset(text);
	if (batch.alone && write_is_plain_create(&writes[0])) {
		write_creates(text, &batch);
		return !text->buf.failed;
	}
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	write_lock(text, &batch);
	write_changes(text, &batch);
	write_creates(text, &batch);
	write_keys(text, &batch, write_is_keyed_change);
	write_keys(text, &batch, write_is_keyed_create);
	if (!batch.alone)
		write_select(text, &batch);
	if (batch.of_kind[SQL_WRITE_DELETE] > 0)
		write_deletes(text, &batch);
	sql_statement(text, SQL_COMMIT, "COMMIT");
	return !text->buf.failed;
}
