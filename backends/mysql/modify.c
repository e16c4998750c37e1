#include "backends/mysql/modify.h"

#include "backends/mysql/outbox.h"
#include "backends/mysql/rows.h"
#include "core/cart_attributes.h"
#include "core/cart_diff.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MODIFY_CART                                                                                \
	"SELECT " SQL_CART_COLUMNS SQL_LINE_COLUMNS                                                \
	" FROM carts c FORCE INDEX (PRIMARY)" SQL_JOIN_LINES " WHERE c.id IN ("

/* What the first answer says of one write. */
struct modify_found {
	struct cart cart; /* with line_count lines, if is_there */
	bool is_there;
	bool damaged; /* so cart has only its id */
	bool has_key;
	uint8_t scope[SQL_BINARY_BYTES];
	uint8_t key_hash[CART_KEY_HASH_BYTES];
	uint8_t fingerprint[CART_FINGERPRINT_BYTES];
	int64_t nonce;
	int64_t stored_ms;
	int64_t version;
	struct cart_id made;
};

/* The cart from of a merge is read as if it were that of a second write. */
static bool modify_merges(const struct sql_write *writes)
{
	return !cart_id_is_nil(&writes->from);
}

static void modify_keys(struct sql_text *text, const struct sql_write *writes, size_t count)
{
	size_t listed = 0;

	for (size_t i = 0; i < count; i++) {
		if (writes[i].op->key == NULL)
			continue;
		if (listed++ == 0)
			sql_statement(text, SQL_LOCK,
				      "SELECT scope, key_hash, fingerprint, op, stored_ms, version,"
				      " cart_id FROM idempotency_keys FORCE INDEX (PRIMARY)"
				      " WHERE (scope = ");
		else
			sql_add(text, " OR (scope = ");
		sql_add_hex(text, sql_key_scope(writes[i].op));
		sql_add(text, " AND key_hash = ");
		sql_add_hex(text, writes[i].op->key_hash);
		sql_add(text, ")");
	}
	if (listed > 0)
		sql_add_for_update(text);
}

/* The state alone decides about each, so no lines have to be read: carts are erased, for anybody.
 * One that is damaged goes too. */
static bool modify_only_erases(const struct sql_write *writes, size_t count)
{
	size_t i = 0;

	while (i < count && writes[i].op->type == CART_OP_DELETE && writes[i].op->owner == NULL &&
	       (writes[i].op->flags & CART_ERASE) != 0)
		i++;
	return i == count;
}

static void modify_select(struct sql_text *text, const struct sql_write *writes, size_t count)
{
	if (modify_only_erases(writes, count))
		sql_statement(text, SQL_LOCK,
			      "SELECT " SQL_STATE_COLUMNS
			      " FROM carts c FORCE INDEX (PRIMARY) WHERE c.id IN (");
	else
		sql_statement(text, SQL_LOCK, MODIFY_CART);
}

bool sql_modify_text(struct sql_text *text, struct sql_write *writes, size_t count, bool rollback)
{
	sql_text_reset(text);
	if (rollback)
		sql_statement(text, SQL_ROLLBACK, "ROLLBACK");
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	modify_select(text, writes, count);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			sql_add(text, ",");
		sql_add_id(text, &writes[i].id);
	}
	if (modify_merges(writes)) {
		sql_add(text, ",");
		sql_add_id(text, &writes->from);
	}
	sql_add(text, ")");
	sql_add_writer(text);
	sql_add_for_update(text);
	modify_keys(text, writes, count);
	return !text->buf.failed;
}

static enum cart_result modify_nonsense(struct cart_op *op)
{
	cart_op_set_reason(op, "rows are not what the schema says");
	return CART_FAILED;
}

static enum cart_result modify_read_carts(const struct sql_write *writes, size_t count,
					  MYSQL_RES *rows, struct modify_found *found)
{
	struct sql_row row;
	enum sql_rows next;
	size_t at;

	while ((next = sql_rows_next(rows, &row)) == SQL_ROWS_ONE || next == SQL_ROWS_DAMAGED) {
		if (modify_merges(writes) && cart_id_compare(&writes->from, &row.cart.id) == 0)
			at = count;
		else if (!cart_id_find(&writes->id, sizeof(*writes), count, &row.cart.id, &at))
			return CART_FAILED;
		if (!found[at].is_there)
			found[at].cart = row.cart;
		found[at].is_there = true;
		found[at].damaged = found[at].damaged || next == SQL_ROWS_DAMAGED;
		if (!sql_rows_add_line(&found[at].cart, &row))
			return CART_BUSY;
	}
	return next == SQL_ROWS_END ? CART_OK : CART_FAILED;
}

static bool modify_read_key(MYSQL_ROW cells, const unsigned long *lens, struct modify_found *key)
{
	return sql_cell_binary(cells[0], lens[0], key->scope) &&
	       sql_cell_binary(cells[1], lens[1], key->key_hash) &&
	       sql_cell_binary(cells[2], lens[2], key->fingerprint) &&
	       sql_cell_integer(cells[3], lens[3], &key->nonce) &&
	       sql_cell_integer(cells[4], lens[4], &key->stored_ms) &&
	       sql_cell_integer(cells[5], lens[5], &key->version) &&
	       sql_cell_binary(cells[6], lens[6], key->made.bytes);
}

/* Gives the key to the write that asked for it. */
static void modify_take_key(const struct sql_write *writes, size_t count,
			    const struct modify_found *key, struct modify_found *found)
{
	for (size_t i = 0; i < count; i++) {
		const struct cart_op *op = writes[i].op;
		const struct modify_found before = found[i];

		if (op == NULL || op->key == NULL ||
		    memcmp(sql_key_scope(op), key->scope, sizeof(key->scope)) != 0 ||
		    memcmp(op->key_hash, key->key_hash, sizeof(key->key_hash)) != 0)
			continue;
		found[i] = *key;
		found[i].has_key = true;
		found[i].cart = before.cart;
		found[i].is_there = before.is_there;
		found[i].damaged = before.damaged;
	}
}

static enum cart_result modify_read_keys(const struct sql_write *writes, size_t count,
					 MYSQL_RES *rows, struct modify_found *found)
{
	MYSQL_ROW cells;

	while ((cells = mysql_fetch_row(rows)) != NULL) {
		struct modify_found key = {0};

		if (!modify_read_key(cells, mysql_fetch_lengths(rows), &key))
			return CART_FAILED;
		modify_take_key(writes, count, &key, found);
	}
	return CART_OK;
}

static enum cart_result modify_read(const struct sql_write *writes, size_t count,
				    const struct sql_reply *reply, struct modify_found *found)
{
	enum cart_result result;

	if (found == NULL)
		return CART_BUSY;
	if (reply->rows_count == 0 ||
	    (reply->rows_count > 1 && mysql_num_fields(reply->rows[1]) != 7))
		return CART_FAILED;
	result = modify_read_carts(writes, count, reply->rows[0], found);
	if (result == CART_OK && reply->rows_count > 1)
		result = modify_read_keys(writes, count, reply->rows[1], found);
	return result;
}

/* True: the key is of this very op's first attempt, so this is no replay. */
static bool modify_is_own(const struct sql_write *write, const struct modify_found *found)
{
	return write->doubt && found->nonce == write->op->held.nonce;
}

static enum cart_replay modify_replay(const struct cart_op *op, const struct modify_found *found,
				      const struct cart_rules *rules)
{
	if (!found->has_key)
		return CART_REPLAY_NEW;
	return cart_replay_check(found->fingerprint, found->stored_ms, op, rules);
}

/* A key that was not there is inserted: if another transaction has inserted it meanwhile, this one
 * fails and looks again. One that is past its window is locked, and overwritten. */
static void modify_save_key(struct sql_text *text, const struct cart_op *op, bool has_key)
{
	if (op->key == NULL)
		return;
	if (has_key) {
		sql_statement(text, SQL_KEYS, "UPDATE idempotency_keys SET fingerprint = ");
		sql_add_hex(text, op->fingerprint);
		sql_add(text, ", op = ");
		sql_add_integer(text, op->held.nonce);
		sql_add(text, ", stored_ms = ");
		sql_add_integer(text, op->now_ms);
		sql_add(text, ", version = ");
		sql_add_integer(text, op->version);
		sql_add(text, ", cart_id = ");
		sql_add_id(text, &op->id);
		sql_add(text, " WHERE scope = ");
		sql_add_hex(text, sql_key_scope(op));
		sql_add(text, " AND key_hash = ");
		sql_add_hex(text, op->key_hash);
		return;
	}
	sql_statement(text, SQL_KEYS, SQL_INSERT_KEYS "VALUES (");
	sql_add_key(text, op);
	sql_add_integer(text, op->version);
	sql_add(text, ",");
	sql_add_id(text, &op->id);
	sql_add(text, ")");
}

static void modify_save_cart(struct sql_text *text, const struct sql_write *write,
			     const struct cart *cart, const struct cart_rules *rules)
{
	sql_statement(text, SQL_CARTS, "UPDATE carts SET state = ");
	sql_add_integer(text, cart->state);
	sql_add(text, ", version = ");
	sql_add_integer(text, cart->version);
	sql_add(text, ", updated_ms = ");
	sql_add_integer(text, cart->updated_ms);
	sql_add(text, ", idle_ms = ");
	sql_add_integer(text, cart_idle_ms(rules, cart->updated_ms));
	sql_add(text, ", expires_ms = ");
	sql_add_integer(text, cart->expires_ms);
	sql_add(text, ", sweep_ms = ");
	sql_add_integer(text, cart_sweep_ms(rules, cart->expires_ms));
	sql_add(text, ", lines_bound = ");
	sql_add_integer(text, (int64_t)cart->line_count);
	if (write->op->customer_id.size > 0) {
		sql_add(text, ", customer_id = ");
		sql_add_shop_id(text, &cart->customer_id);
	}
	if (cart->state == CART_CHECKED_OUT) {
		sql_add(text, ", order_id = ");
		sql_add_id(text, &cart->order_id);
	}
	if (cart_op_reopens(write->op))
		sql_add(text, ", order_id = NULL");
	sql_add(text, ", op = ");
	sql_add_integer(text, write->token);
	sql_add(text, " WHERE id = ");
	sql_add_id(text, &cart->id);
}

static void modify_remove_lines(struct sql_text *text, const struct cart *before,
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
		sql_add_shop_id(text, &diff.before->product_id);
	}
	if (listed > 0)
		sql_add(text, ")");
}

static void modify_put_line(struct sql_text *text, const struct cart_id *id,
			    const struct cart_line *line, bool attributes)
{
	sql_add_id(text, id);
	sql_add(text, ",");
	sql_add_shop_id(text, &line->product_id);
	sql_add(text, ",");
	sql_add_integer(text, line->quantity);
	sql_add(text, ",");
	sql_add_integer(text, line->added_ms);
	sql_add(text, ",");
	sql_add_integer(text, line->updated_ms);
	if (!attributes)
		return;
	sql_add(text, ",");
	sql_add_attributes(text, line->attributes);
}

/* Whether a line has other attributes than before. */
static bool modify_has_attributes(const struct cart *before, const struct cart *after)
{
	struct cart_diff diff;
	bool has = false;

	cart_diff_begin(&diff, before, after);
	while (!has && cart_diff_next(&diff))
		has = diff.change != CART_DIFF_REMOVED &&
		      !cart_attributes_equal(diff.before != NULL ? diff.before->attributes : NULL,
					     diff.after->attributes);
	return has;
}

static void modify_put_lines(struct sql_text *text, const struct cart *before,
			     const struct cart *after)
{
	bool attributes = modify_has_attributes(before, after);
	struct cart_diff diff;
	size_t listed = 0;

	cart_diff_begin(&diff, before, after);
	while (cart_diff_next(&diff)) {
		if (diff.change == CART_DIFF_REMOVED)
			continue;
		if (listed++ == 0)
			sql_insert_lines(text, attributes);
		else
			sql_add(text, "),(");
		modify_put_line(text, &after->id, diff.after, attributes);
	}
	if (listed == 0)
		return;
	sql_add(text, ") ON DUPLICATE KEY UPDATE quantity = VALUES(quantity), added_ms ="
		      " VALUES(added_ms), updated_ms = VALUES(updated_ms)");
	if (attributes)
		sql_add(text, ", attributes = VALUES(attributes)");
}

/* The carts of all writes that remove theirs, as a table. Each SELECT is planned and run by itself,
 * which takes a server longer than to read the values of all. */
static void modify_add_removed(struct sql_text *text, const struct sql_write *writes, size_t count)
{
	size_t listed = 0;

	for (size_t i = 0; i < count; i++) {
		if (!writes[i].removes)
			continue;
		if (listed++ == 0)
			sql_add(text, "(SELECT ");
		else if (!text->values)
			sql_add(text, " UNION ALL SELECT ");
		else if (listed == 2)
			sql_add(text, " UNION ALL VALUES (");
		else
			sql_add(text, ",(");
		sql_add_id(text, &writes[i].id);
		if (listed == 1)
			sql_add(text, " AS id");
		else if (text->values)
			sql_add(text, ")");
	}
	sql_add(text, ") o STRAIGHT_JOIN ");
}

/* While the carts are still there. */
static void modify_tell_removed(struct sql_text *text, const struct sql_write *writes, size_t count,
				int64_t now_ms)
{
	size_t listed = 0;

	sql_outbox_begin(text, now_ms);
	for (size_t i = 0; i < count; i++) {
		if (!writes[i].removes)
			continue;
		sql_outbox_event(text, CART_EVENT_DELETED, &writes[i].id);
		sql_outbox_event_end(text);
	}
	sql_outbox_carts(text);
	for (size_t i = 0; i < count; i++) {
		if (!writes[i].removes)
			continue;
		if (listed++ > 0)
			sql_add(text, ",");
		sql_add_id(text, &writes[i].id);
	}
	sql_outbox_end_removed(text);
}

/* By a join, as the sweeper does: for IN (...) a server scans a table of which these are most. */
static void modify_delete(struct sql_text *text, const struct sql_write *writes, size_t count,
			  const struct cart_rules *rules)
{
	size_t at = 0;

	while (at < count && !writes[at].removes)
		at++;
	if (at == count)
		return;
	if (rules->feed)
		modify_tell_removed(text, writes, count, writes[at].op->now_ms);
	sql_statement(text, SQL_KEYS, "DELETE k FROM ");
	modify_add_removed(text, writes, count);
	sql_add(text, "idempotency_keys k FORCE INDEX (PRIMARY) ON k.scope = o.id");
	sql_statement(text, SQL_ITEMS, "DELETE i FROM ");
	modify_add_removed(text, writes, count);
	sql_add(text, SQL_LINES " ON i.cart_id = o.id");
	sql_statement(text, SQL_CARTS, "DELETE c FROM ");
	modify_add_removed(text, writes, count);
	sql_add(text, "carts c FORCE INDEX (PRIMARY) ON c.id = o.id");
}

/* Applies the rules to a living cart, which is afterwards as the op leaves it. */
static enum cart_result modify_apply(struct sql_write *write, struct modify_found *found,
				     struct sql_text *text, const struct cart_rules *rules)
{
	struct cart_op *op = write->op;
	struct cart *cart = &found->cart;
	struct cart before;
	enum cart_result result;

	if (!cart_copy(&before, cart))
		return CART_BUSY;
	result = cart_apply(cart, op, rules);
	op->version = cart->version;
	if (result == CART_OK && op->type == CART_OP_DELETE) {
		write->removes = true;
	} else if (result == CART_OK) {
		if (cart->version != before.version) {
			modify_save_cart(text, write, cart, rules);
			modify_remove_lines(text, &before, cart);
			modify_put_lines(text, &before, cart);
		}
		modify_save_key(text, op, found->has_key);
		if (rules->feed && cart->version != before.version)
			sql_outbox_tell(text, &before, cart, op->now_ms);
	}
	cart_clear(&before);
	return result;
}

static enum cart_result modify_damaged(struct cart_op *op)
{
	cart_op_set_reason(op, SQL_DAMAGED);
	return CART_DAMAGED;
}

static void modify_save_merged(struct sql_text *text, const struct sql_write *write,
			       const struct cart *from, const struct cart_rules *rules)
{
	sql_statement(text, SQL_CARTS, "UPDATE carts SET state = 2, version = ");
	sql_add_integer(text, from->version);
	sql_add(text, ", updated_ms = ");
	sql_add_integer(text, from->updated_ms);
	sql_add(text, ", idle_ms = ");
	sql_add_integer(text, cart_idle_ms(rules, from->updated_ms));
	sql_add(text, ", merged_into = ");
	sql_add_id(text, &from->merged_into);
	sql_add(text, ", op = ");
	sql_add_integer(text, write->token);
	sql_add(text, " WHERE id = ");
	sql_add_id(text, &from->id);
}

/* modify_apply() for a MERGE. */
static enum cart_result modify_merge(const struct sql_write *write, struct modify_found *found,
				     struct modify_found *from, struct sql_text *text,
				     const struct cart_rules *rules)
{
	struct cart_op *op = write->op;
	bool was_open = from->cart.state == CART_OPEN;
	enum cart_result result;
	struct cart before;

	op->of_from = true;
	if (from->damaged)
		return modify_damaged(op);
	if (!from->is_there || !cart_op_sees(op, &from->cart))
		return CART_NOT_FOUND;
	op->of_from = false;
	if (!cart_copy(&before, &found->cart))
		return CART_BUSY;
	result = cart_merge(&found->cart, &from->cart, op, rules);
	op->version = found->cart.version;
	if (result == CART_OK && found->cart.version != before.version) {
		modify_save_cart(text, write, &found->cart, rules);
		modify_put_lines(text, &before, &found->cart);
	}
	if (result == CART_OK && was_open)
		modify_save_merged(text, write, &from->cart, rules);
	if (result == CART_OK)
		modify_save_key(text, op, found->has_key);
	if (result == CART_OK && was_open && rules->feed)
		sql_outbox_tell_merge(text, &before, &found->cart, &from->cart, op->now_ms);
	cart_clear(&before);
	return result;
}

static enum cart_result modify_change(struct sql_write *write, struct modify_found *found,
				      struct sql_text *text, const struct cart_rules *rules)
{
	struct cart_op *op = write->op;
	enum cart_result result = CART_OK;

	if (found->damaged && op->type == CART_OP_DELETE && op->if_version == 0 &&
	    op->owner == NULL) {
		write->removes = true;
		return CART_OK;
	}
	if (found->damaged)
		return modify_damaged(op);
	if (!found->is_there || !cart_op_sees(op, &found->cart))
		return CART_NOT_FOUND;
	switch (modify_replay(op, found, rules)) {
	case CART_REPLAY_OTHER:
		return CART_KEY_REUSED;
	case CART_REPLAY_SAME:
		op->replayed = !modify_is_own(write, found);
		op->version = found->version;
		break;
	case CART_REPLAY_NEW:
		result = op->type == CART_OP_MERGE
				 ? modify_merge(write, found, found + 1, text, rules)
				 : modify_apply(write, found, text, rules);
		break;
	}
	if (result == CART_OK && sql_write_wants_lines(op)) {
		op->cart = found->cart;
		found->cart = (struct cart){0};
	}
	return result;
}

static enum cart_result modify_create(const struct sql_write *write, struct modify_found *found,
				      struct sql_text *text, const struct cart_rules *rules,
				      bool *load)
{
	const struct cart none = {.id = write->id};
	struct cart_op *op = write->op;
	enum cart_result result;

	switch (modify_replay(op, found, rules)) {
	case CART_REPLAY_OTHER:
		return CART_KEY_REUSED;
	case CART_REPLAY_SAME:
		op->replayed = !modify_is_own(write, found);
		op->version = found->version;
		sql_statement(text, SQL_SELECT, MODIFY_CART);
		sql_add_id(text, &found->made);
		sql_add(text, ")");
		*load = true;
		return CART_OK;
	case CART_REPLAY_NEW:
		break;
	}
	result = cart_create(&op->cart, op, rules);
	if (result != CART_OK)
		return result;
	if (found->is_there) {
		cart_clear(&op->cart);
		cart_op_set_reason(op, "an id was made twice");
		return CART_FAILED;
	}
	op->version = op->cart.version;
	sql_statement(text, SQL_CARTS, SQL_INSERT_CARTS);
	sql_add_cart(text, &op->cart, write->token, rules);
	sql_add(text, ")");
	modify_put_lines(text, &none, &op->cart);
	modify_save_key(text, op, found->has_key);
	if (rules->feed)
		sql_outbox_tell(text, NULL, &op->cart, op->now_ms);
	return CART_OK;
}

static void modify_add_id_or_null(struct sql_text *text, const struct cart_id *id)
{
	if (cart_id_is_nil(id))
		sql_add(text, "NULL");
	else
		sql_add_id(text, id);
}

/* The values of SQL_INSERT_CARTS know new carts alone: what else this one is follows. */
static enum cart_result modify_import(const struct sql_write *write,
				      const struct modify_found *found, struct sql_text *text,
				      const struct cart_rules *rules)
{
	const struct cart none = {.id = write->id};
	struct cart_op *op = write->op;

	if (found->is_there)
		return CART_MISMATCH;
	op->version = op->whole->version;
	sql_statement(text, SQL_CARTS, SQL_INSERT_CARTS);
	sql_add_cart(text, op->whole, write->token, rules);
	sql_add(text, ")");
	modify_put_lines(text, &none, op->whole);
	sql_statement(text, SQL_CARTS, "UPDATE carts SET state = ");
	sql_add_integer(text, op->whole->state);
	sql_add(text, ", version = ");
	sql_add_integer(text, op->whole->version);
	sql_add(text, ", order_id = ");
	modify_add_id_or_null(text, &op->whole->order_id);
	sql_add(text, ", merged_into = ");
	modify_add_id_or_null(text, &op->whole->merged_into);
	sql_add(text, " WHERE id = ");
	sql_add_id(text, &write->id);
	if (rules->feed)
		sql_outbox_tell(text, NULL, op->whole, op->now_ms);
	return CART_OK;
}

/* One write. Those that add nothing to the text are done. */
static void modify_decide(struct sql_write *write, struct modify_found *found,
			  enum cart_result read, struct sql_text *text,
			  const struct cart_rules *rules, bool *load)
{
	struct cart_op *op = write->op;
	size_t statements = text->statements;

	write->done = true;
	if (op == NULL)
		return;
	if (read == CART_FAILED)
		op->result = modify_nonsense(op);
	else if (read != CART_OK)
		op->result = read;
	else if (op->type == CART_OP_CREATE)
		op->result = modify_create(write, found, text, rules, load);
	else if (op->type == CART_OP_IMPORT)
		op->result = modify_import(write, found, text, rules);
	else
		op->result = modify_change(write, found, text, rules);
	write->done = text->statements == statements && !write->removes;
}

enum sql_modify_next sql_modify_decide(struct sql_write *writes, size_t count,
				       const struct sql_reply *reply, struct sql_text *text,
				       const struct cart_rules *rules)
{
	/* The last one is the cart from of a merge, which is alone. */
	struct modify_found *found = calloc(count + 1, sizeof(*found));
	enum cart_result read = modify_read(writes, count, reply, found);
	bool load = false;

	sql_text_reset(text);
	for (size_t i = 0; i < count; i++)
		modify_decide(&writes[i], found != NULL ? &found[i] : NULL, read, text, rules,
			      &load);
	modify_delete(text, writes, count, rules);
	for (size_t i = 0; i <= count && found != NULL; i++)
		cart_clear(&found[i].cart);
	free(found);
	assert(!load || count == 1); /* nothing else is in what is rolled back */
	if (text->statements == 0)
		return SQL_MODIFY_ROLLBACK;
	if (load)
		sql_statement(text, SQL_ROLLBACK, "ROLLBACK");
	else
		sql_statement(text, SQL_COMMIT, "COMMIT");
	if (!text->buf.failed)
		return load ? SQL_MODIFY_LOAD : SQL_MODIFY_COMMIT;
	for (size_t i = 0; i < count; i++) {
		if (!writes[i].done && writes[i].op != NULL)
			writes[i].op->result = CART_BUSY;
		writes[i].done = true;
	}
	return SQL_MODIFY_ROLLBACK;
}

void sql_modify_load(struct cart_op *op, const struct sql_reply *reply)
{
	struct modify_found found = {0};
	struct sql_row row;
	enum sql_rows next = SQL_ROWS_BAD;

	op->result = CART_NOT_FOUND;
	while (reply->rows_count > 0 &&
	       (next = sql_rows_next(reply->rows[0], &row)) == SQL_ROWS_ONE) {
		if (!found.is_there)
			found.cart = row.cart;
		found.is_there = true;
		op->result = sql_rows_add_line(&found.cart, &row) ? CART_OK : CART_BUSY;
		if (op->result != CART_OK)
			break;
	}
	if (next == SQL_ROWS_DAMAGED)
		op->result = modify_damaged(op);
	if (next == SQL_ROWS_BAD)
		op->result = modify_nonsense(op);
	if (op->result == CART_OK && !cart_op_sees(op, &found.cart))
		op->result = CART_NOT_FOUND;
	if (op->result == CART_OK)
		op->cart = found.cart;
	else
		cart_clear(&found.cart);
}
