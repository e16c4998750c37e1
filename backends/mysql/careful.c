#include "backends/mysql/careful.h"

#include "backends/mysql/rows.h"
#include "core/cart_diff.h"

#include <string.h>

#define CAREFUL_CART                                                                               \
	"SELECT " SQL_CART_COLUMNS SQL_LINE_COLUMNS                                                \
	" FROM carts c FORCE INDEX (PRIMARY) LEFT JOIN cart_items i ON i.cart_id = c.id"           \
	" WHERE c.id = "

/* What is stored under the op's key. */
struct careful_key {
	bool found;
	uint8_t fingerprint[CART_FINGERPRINT_BYTES];
	int64_t stored_ms;
	int64_t version;
	struct cart_id made;
};

bool sql_careful_text(struct sql_text *text, struct sql_write *write)
{
	if (write->op->key != NULL && !sql_key_of(&write->key, write->op))
		return false;
	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	sql_statement(text, SQL_LOCK, CAREFUL_CART);
	sql_add_id(text, &write->id);
	sql_add(text, " FOR UPDATE");
	if (write->op->key != NULL) {
		sql_statement(text, SQL_LOCK,
			      "SELECT fingerprint, stored_ms, version, cart_id"
			      " FROM idempotency_keys WHERE scope = ");
		sql_add_hex(text, write->key.scope);
		sql_add(text, " AND key_hash = ");
		sql_add_hex(text, write->key.hash);
		sql_add(text, " FOR UPDATE");
	}
	return !text->buf.failed;
}

static enum cart_result careful_nonsense(struct cart_op *op)
{
	cart_op_set_reason(op, "rows are not what the schema says");
	return CART_FAILED;
}

/* CART_OK with *cart, CART_NOT_FOUND, or a failure; the cart holds lines only with CART_OK. */
static enum cart_result careful_read_cart(struct cart_op *op, MYSQL_RES *rows, struct cart *cart)
{
	struct sql_row row;
	enum sql_rows next;
	bool found = false;

	*cart = (struct cart){0};
	while ((next = sql_rows_next(rows, &row)) == SQL_ROWS_ONE) {
		if (!found)
			*cart = row.cart;
		found = true;
		if (!sql_rows_add_line(cart, &row)) {
			cart_clear(cart);
			return CART_BUSY;
		}
	}
	if (next == SQL_ROWS_BAD) {
		cart_clear(cart);
		return careful_nonsense(op);
	}
	if (!found)
		return CART_NOT_FOUND;
	if (cart_is_expired(cart, op->now_ms)) {
		cart_clear(cart);
		return CART_NOT_FOUND;
	}
	return CART_OK;
}

static bool careful_read_key(MYSQL_RES *rows, struct careful_key *key)
{
	MYSQL_ROW cells;
	const unsigned long *lens;

	if (mysql_num_fields(rows) != 4)
		return false;
	cells = mysql_fetch_row(rows);
	key->found = cells != NULL;
	if (cells == NULL)
		return true;
	lens = mysql_fetch_lengths(rows);
	return sql_cell_binary(cells[0], lens[0], key->fingerprint) &&
	       sql_cell_integer(cells[1], lens[1], &key->stored_ms) &&
	       sql_cell_integer(cells[2], lens[2], &key->version) &&
	       sql_cell_binary(cells[3], lens[3], key->made.bytes);
}

/* Not a replay: what the key remembers is this very op's first try. */
static bool careful_own(const struct sql_write *write, const struct careful_key *key)
{
	if (write->op->type == CART_OP_CREATE)
		return write->doubt && cart_id_compare(&key->made, &write->op->id) == 0;
	return write->doubt && key->stored_ms == write->op->now_ms;
}

static enum cart_replay careful_replay(const struct cart_op *op, const struct careful_key *key,
				       const struct cart_rules *rules)
{
	if (!key->found)
		return CART_REPLAY_NEW;
	return cart_replay_check(key->fingerprint, key->stored_ms, op, rules);
}

static void careful_save_key(struct sql_text *text, const struct sql_write *write)
{
	const struct cart_op *op = write->op;

	if (op->key == NULL)
		return;
	sql_statement(text, SQL_KEYS,
		      "REPLACE INTO idempotency_keys"
		      " (scope, key_hash, fingerprint, stored_ms, version, cart_id) VALUES (");
	sql_add_hex(text, write->key.scope);
	sql_add(text, ",");
	sql_add_hex(text, write->key.hash);
	sql_add(text, ",");
	sql_add_hex(text, op->fingerprint);
	sql_add(text, ",");
	sql_add_integer(text, op->now_ms);
	sql_add(text, ",");
	sql_add_integer(text, op->version);
	sql_add(text, ",");
	sql_add_id(text, &op->id);
	sql_add(text, ")");
}

static void careful_save_cart(struct sql_text *text, const struct sql_write *write,
			      const struct cart *cart, const struct cart_rules *rules)
{
	sql_statement(text, SQL_CARTS, "UPDATE carts SET state = ");
	sql_add_integer(text, cart->state);
	sql_add(text, ", version = ");
	sql_add_integer(text, cart->version);
	sql_add(text, ", updated_ms = ");
	sql_add_integer(text, cart->updated_ms);
	sql_add(text, ", expires_ms = ");
	sql_add_integer(text, cart->expires_ms);
	sql_add(text, ", sweep_ms = ");
	sql_add_integer(text, cart_sweep_ms(rules, cart->expires_ms));
	if (cart->state == CART_CHECKED_OUT) {
		sql_add(text, ", order_id = ");
		sql_add_id(text, &cart->order_id);
	}
	sql_add(text, ", op = ");
	sql_add_integer(text, write->token);
	sql_add(text, " WHERE id = ");
	sql_add_id(text, &cart->id);
}

static void careful_remove_lines(struct sql_text *text, const struct cart *before,
				 const struct cart *after)
{
	struct cart_diff diff;
	size_t listed = 0;

	cart_diff_begin(&diff, before, after);
	while (cart_diff_next(&diff)) {
		if (diff.change != CART_DIFF_REMOVED)
			continue;
		if (listed++ == 0) {
			sql_statement(text, SQL_ITEMS, "DELETE FROM cart_items WHERE cart_id = ");
			sql_add_id(text, &before->id);
			sql_add(text, " AND product_id IN (");
		} else {
			sql_add(text, ",");
		}
		sql_add_integer(text, shop_id_number(&diff.before->product_id));
	}
	if (listed > 0)
		sql_add(text, ")");
}

static void careful_put_lines(struct sql_text *text, const struct cart *before,
			      const struct cart *after)
{
	struct cart_diff diff;
	size_t listed = 0;

	cart_diff_begin(&diff, before, after);
	while (cart_diff_next(&diff)) {
		const struct cart_line *line = diff.after;

		if (diff.change == CART_DIFF_REMOVED)
			continue;
		if (listed++ == 0)
			sql_statement(
				text, SQL_ITEMS,
				"REPLACE INTO cart_items"
				" (cart_id, product_id, quantity, added_ms, updated_ms) VALUES (");
		else
			sql_add(text, "),(");
		sql_add_id(text, &after->id);
		sql_add(text, ",");
		sql_add_integer(text, shop_id_number(&line->product_id));
		sql_add(text, ",");
		sql_add_integer(text, line->quantity);
		sql_add(text, ",");
		sql_add_integer(text, line->added_ms);
		sql_add(text, ",");
		sql_add_integer(text, line->updated_ms);
	}
	if (listed > 0)
		sql_add(text, ")");
}

/* A cart's lines go with it, by the foreign key. */
static void careful_delete(struct sql_text *text, const struct sql_write *write)
{
	sql_statement(text, SQL_KEYS, "DELETE FROM idempotency_keys WHERE scope = ");
	sql_add_id(text, &write->id);
	sql_statement(text, SQL_CARTS, "DELETE FROM carts WHERE id = ");
	sql_add_id(text, &write->id);
}

static enum sql_careful_next careful_commit(struct cart_op *op, struct sql_text *text)
{
	sql_statement(text, SQL_COMMIT, "COMMIT");
	if (!text->buf.failed)
		return SQL_CAREFUL_COMMIT;
	op->result = CART_BUSY;
	return SQL_CAREFUL_ROLLBACK;
}

/* The rules look at a living cart; on return it is the cart after the op. */
static enum sql_careful_next careful_apply(struct sql_write *write, struct cart *cart,
					   struct sql_text *text, const struct cart_rules *rules)
{
	struct cart_op *op = write->op;
	struct cart before;
	enum sql_careful_next next = SQL_CAREFUL_ROLLBACK;

	if (!cart_copy(&before, cart)) {
		op->result = CART_BUSY;
		return next;
	}
	op->result = cart_apply(cart, op, rules);
	if (op->result == CART_OK) {
		op->version = cart->version;
		if (op->type == CART_OP_DELETE) {
			careful_delete(text, write);
		} else if (cart->version != before.version) {
			careful_save_cart(text, write, cart, rules);
			careful_remove_lines(text, &before, cart);
			careful_put_lines(text, &before, cart);
		}
		careful_save_key(text, write);
		if (text->statements > 0)
			next = careful_commit(op, text);
	}
	cart_clear(&before);
	return next;
}

static enum sql_careful_next careful_decide_change(struct sql_write *write, MYSQL_RES *rows,
						   const struct careful_key *key,
						   struct sql_text *text,
						   const struct cart_rules *rules)
{
	struct cart_op *op = write->op;
	enum sql_careful_next next = SQL_CAREFUL_ROLLBACK;
	struct cart cart;

	op->result = careful_read_cart(op, rows, &cart);
	if (op->result != CART_OK)
		return next;
	switch (careful_replay(op, key, rules)) {
	case CART_REPLAY_OTHER:
		op->result = CART_KEY_REUSED;
		break;
	case CART_REPLAY_SAME:
		op->replayed = !careful_own(write, key);
		op->version = key->version;
		break;
	case CART_REPLAY_NEW:
		next = careful_apply(write, &cart, text, rules);
		break;
	}
	if (op->result == CART_OK && sql_write_wants_lines(op))
		op->cart = cart;
	else
		cart_clear(&cart);
	return next;
}

static void careful_create(struct sql_text *text, const struct sql_write *write,
			   const struct cart_rules *rules)
{
	const struct cart *cart = &write->op->cart;

	sql_statement(text, SQL_CARTS,
		      "INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms,"
		      " expires_ms, sweep_ms, op) VALUES (");
	sql_add_id(text, &cart->id);
	sql_add(text, ",");
	sql_add_integer(text, shop_id_number(&cart->customer_id));
	sql_add(text, ",0,1,");
	sql_add_integer(text, cart->created_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart->updated_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart->expires_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart_sweep_ms(rules, cart->expires_ms));
	sql_add(text, ",");
	sql_add_integer(text, write->token);
	sql_add(text, ")");
}

static enum sql_careful_next careful_decide_create(struct sql_write *write, MYSQL_RES *rows,
						   const struct careful_key *key,
						   struct sql_text *text,
						   const struct cart_rules *rules)
{
	struct cart_op *op = write->op;

	switch (careful_replay(op, key, rules)) {
	case CART_REPLAY_OTHER:
		op->result = CART_KEY_REUSED;
		return SQL_CAREFUL_ROLLBACK;
	case CART_REPLAY_SAME:
		op->replayed = !careful_own(write, key);
		op->version = key->version;
		sql_statement(text, SQL_SELECT, CAREFUL_CART);
		sql_add_id(text, &key->made);
		sql_statement(text, SQL_ROLLBACK, "ROLLBACK");
		return SQL_CAREFUL_LOAD;
	case CART_REPLAY_NEW:
		break;
	}
	if (mysql_num_rows(rows) > 0) {
		op->result = CART_FAILED;
		cart_op_set_reason(op, "an id was made twice");
		return SQL_CAREFUL_ROLLBACK;
	}
	cart_create(&op->cart, op, rules);
	op->result = CART_OK;
	op->version = op->cart.version;
	careful_create(text, write, rules);
	careful_save_key(text, write);
	return careful_commit(op, text);
}

enum sql_careful_next sql_careful_decide(struct sql_write *write, MYSQL_RES *const *rows,
					 size_t rows_count, struct sql_text *text,
					 const struct cart_rules *rules)
{
	struct cart_op *op = write->op;
	struct careful_key key = {0};

	sql_text_reset(text);
	if (rows_count != (op->key != NULL ? 2 : 1) ||
	    (op->key != NULL && !careful_read_key(rows[1], &key))) {
		op->result = careful_nonsense(op);
		return SQL_CAREFUL_ROLLBACK;
	}
	if (op->type == CART_OP_CREATE)
		return careful_decide_create(write, rows[0], &key, text, rules);
	return careful_decide_change(write, rows[0], &key, text, rules);
}

void sql_careful_load(struct cart_op *op, MYSQL_RES *rows)
{
	op->result = careful_read_cart(op, rows, &op->cart);
}
