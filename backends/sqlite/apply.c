/*
 * A change: load the cart with its lines, check that its key is new, let cart_apply() decide, write
 * the cart's row with its lines, and the key.
 *
 * A change that ends early (no such cart, a replay, refused by a rule) is an answer and not an
 * error, and has written nothing. After the first write only the file can fail; the writer then
 * rolls the transaction back.
 */
#include "backends/sqlite/apply.h"

#include "backends/sqlite/feed.h"
#include "core/cart_lines.h"

#include <stdlib.h>
#include <string.h>

static void apply_bind_id(sqlite3_stmt *stmt, int at, const struct cart_id *id)
{
	sqlite3_bind_blob(stmt, at, id->bytes, CART_ID_BYTES, SQLITE_STATIC);
}

/* False: no memory. */
static bool apply_write_items(struct sqlite_conn *conn, const struct cart *cart)
{
	buf_reset(&conn->items);
	cart_lines_write(&conn->items, cart);
	return !conn->items.failed;
}

static void apply_bind_id_or_null(sqlite3_stmt *stmt, int at, const struct cart_id *id)
{
	if (cart_id_is_nil(id))
		sqlite3_bind_null(stmt, at);
	else
		apply_bind_id(stmt, at, id);
}

/* which: STMT_CART_INSERT or STMT_CART_IMPORT. */
static int apply_insert(struct sqlite_conn *conn, const struct cart_rules *rules,
			const struct cart *cart, enum sqlite_stmt which)
{
	sqlite3_stmt *stmt = conn->stmts[which];

	if (!apply_write_items(conn, cart))
		return SQLITE_NOMEM;
	apply_bind_id(stmt, 1, &cart->id);
	if (cart->customer_id.size > 0)
		sqlite_bind_shop_id(stmt, 2, &cart->customer_id);
	else
		sqlite3_bind_null(stmt, 2);
	sqlite3_bind_int64(stmt, 3, cart->state);
	sqlite3_bind_int64(stmt, 4, cart->version);
	sqlite3_bind_int64(stmt, 5, cart->created_ms);
	sqlite3_bind_int64(stmt, 6, cart->updated_ms);
	sqlite3_bind_int64(stmt, 7, cart->expires_ms);
	sqlite3_bind_int64(stmt, 8, cart_sweep_ms(rules, cart->expires_ms));
	sqlite3_bind_text(stmt, 9, conn->items.data, (int)conn->items.len, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 10, cart_idle_ms(rules, cart->updated_ms));
	if (which == STMT_CART_IMPORT) {
		apply_bind_id_or_null(stmt, 11, &cart->order_id);
		apply_bind_id_or_null(stmt, 12, &cart->merged_into);
	}
	return sqlite_conn_run(conn, which);
}

static int apply_delete_by_id(struct sqlite_conn *conn, enum sqlite_stmt which,
			      const struct cart_id *id, size_t *rows)
{
	int rc;

	apply_bind_id(conn->stmts[which], 1, id);
	rc = sqlite_conn_run(conn, which);
	if (rc == SQLITE_OK && rows != NULL)
		*rows += (size_t)sqlite3_changes(conn->db);
	return rc;
}

/* Writes the cart's row with its lines. If its state and its places in the indexes have not
 * changed, no index is written. */
static int apply_save_cart(struct sqlite_conn *conn, const struct cart_rules *rules,
			   const struct cart *after, enum cart_state before,
			   const struct sqlite_places *places)
{
	int64_t sweep_ms = cart_sweep_ms(rules, after->expires_ms);
	int64_t idle_ms = cart_idle_ms(rules, after->updated_ms);
	bool touch = after->state == before && sweep_ms == places->sweep_ms &&
		     idle_ms == places->idle_ms;
	enum sqlite_stmt which = touch ? STMT_CART_TOUCH : STMT_CART_SAVE;
	sqlite3_stmt *stmt = conn->stmts[which];

	if (!apply_write_items(conn, after))
		return SQLITE_NOMEM;
	apply_bind_id(stmt, 1, &after->id);
	sqlite3_bind_int64(stmt, 2, after->version);
	sqlite3_bind_int64(stmt, 3, after->updated_ms);
	sqlite3_bind_int64(stmt, 4, after->expires_ms);
	sqlite3_bind_text(stmt, 5, conn->items.data, (int)conn->items.len, SQLITE_STATIC);
	if (!touch) {
		sqlite3_bind_int64(stmt, 6, sweep_ms);
		sqlite3_bind_int64(stmt, 7, after->state);
		apply_bind_id_or_null(stmt, 8, &after->order_id);
		sqlite3_bind_int64(stmt, 9, idle_ms);
	}
	return sqlite_conn_run(conn, which);
}

/* A guest's cart has its customer now. */
static int apply_save_customer(struct sqlite_conn *conn, const struct cart *cart)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_CART_CLAIM];

	apply_bind_id(stmt, 1, &cart->id);
	sqlite_bind_shop_id(stmt, 2, &cart->customer_id);
	return sqlite_conn_run(conn, STMT_CART_CLAIM);
}

/* The cart from of a MERGE, whose lines stay as they are. */
static int apply_save_merged(struct sqlite_conn *conn, const struct cart_rules *rules,
			     const struct cart *from)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_CART_MERGED];

	apply_bind_id(stmt, 1, &from->id);
	sqlite3_bind_int64(stmt, 2, from->version);
	sqlite3_bind_int64(stmt, 3, from->updated_ms);
	sqlite3_bind_int64(stmt, 4, cart_idle_ms(rules, from->updated_ms));
	apply_bind_id(stmt, 5, &from->merged_into);
	return sqlite_conn_run(conn, STMT_CART_MERGED);
}

/* A key's scope, which is the cart and for a create nil, and its hash: parameters 1 and 2. */
static void apply_bind_key(sqlite3_stmt *stmt, const struct cart_op *op)
{
	static const struct cart_id nil = {{0}};

	apply_bind_id(stmt, 1, op->type == CART_OP_CREATE ? &nil : &op->id);
	sqlite3_bind_blob(stmt, 2, op->key_hash, CART_KEY_HASH_BYTES, SQLITE_STATIC);
}

/*
 * Looks up what is stored under the op's key. On CART_REPLAY_SAME *made is the cart of the first
 * request and op->version the version that it was answered with.
 */
static int apply_find_key(struct sqlite_conn *conn, const struct cart_rules *rules,
			  struct cart_op *op, enum cart_replay *replay, struct cart_id *made)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_KEY];
	int rc;

	*replay = CART_REPLAY_NEW;
	if (op->key == NULL || op->type == CART_OP_DELETE)
		return SQLITE_OK;
	apply_bind_key(stmt, op);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		const void *fingerprint = sqlite3_column_blob(stmt, 0);
		const void *id = sqlite3_column_blob(stmt, 3);

		if (fingerprint != NULL && id != NULL &&
		    sqlite3_column_bytes(stmt, 0) == CART_FINGERPRINT_BYTES &&
		    sqlite3_column_bytes(stmt, 3) == CART_ID_BYTES) {
			*replay = cart_replay_check(fingerprint, sqlite3_column_int64(stmt, 1), op,
						    rules);
			memcpy(made->bytes, id, CART_ID_BYTES);
			if (*replay == CART_REPLAY_SAME)
				op->version = sqlite3_column_int64(stmt, 2);
			rc = SQLITE_DONE;
		} else {
			rc = SQLITE_CORRUPT;
		}
	}
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int apply_save_key(struct sqlite_conn *conn, const struct cart_op *op)
{
	sqlite3_stmt *stmt = conn->stmts[STMT_KEY_SAVE];

	if (op->key == NULL || op->type == CART_OP_DELETE)
		return SQLITE_OK;
	apply_bind_key(stmt, op);
	sqlite3_bind_blob(stmt, 3, op->fingerprint, CART_FINGERPRINT_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, op->now_ms);
	sqlite3_bind_int64(stmt, 5, op->version);
	apply_bind_id(stmt, 6, &op->id);
	return sqlite_conn_run(conn, STMT_KEY_SAVE);
}

/* Moves the cart into the answer if the answer has one, else frees it. */
static void apply_give_cart(struct cart_op *op, struct cart *cart)
{
	if (cart_op_gives_cart(op)) {
		op->cart = *cart;
		*cart = (struct cart){0};
	} else {
		cart_clear(cart);
	}
}

/* SQLITE_OK with op->result CART_NOT_FOUND or CART_DAMAGED, or with a cart that is alive. */
static int apply_load(struct sqlite_conn *conn, struct cart_op *op, const struct cart_id *id,
		      struct cart *cart, struct sqlite_places *places)
{
	int rc = sqlite_cart_load(conn, id, op->owner, cart, places);

	op->result = CART_OK;
	if (rc == SQLITE_NOTFOUND) {
		op->result = CART_NOT_FOUND;
		return SQLITE_OK;
	}
	if (rc == SQLITE_DAMAGED_ROW) {
		cart_op_set_reason(op, SQLITE_DAMAGED);
		op->result = CART_DAMAGED;
		return SQLITE_OK;
	}
	if (rc == SQLITE_OK && cart_is_expired(cart, op->now_ms)) {
		cart_clear(cart);
		op->result = CART_NOT_FOUND;
	}
	return rc;
}

static int apply_create(struct sqlite_conn *conn, const struct cart_rules *rules,
			struct cart_op *op)
{
	struct cart cart = {0};
	enum cart_replay replay;
	struct cart_id made;
	int rc = apply_find_key(conn, rules, op, &replay, &made);

	if (rc != SQLITE_OK)
		return rc;
	if (replay == CART_REPLAY_OTHER) {
		op->result = CART_KEY_REUSED;
		return SQLITE_OK;
	}
	if (replay == CART_REPLAY_SAME) {
		op->replayed = true;
		rc = apply_load(conn, op, &made, &cart, NULL);
		if (rc == SQLITE_OK && op->result == CART_OK)
			apply_give_cart(op, &cart);
		return rc;
	}
	op->result = cart_create(&cart, op, rules);
	if (op->result != CART_OK)
		return SQLITE_OK;
	op->version = cart.version;
	rc = apply_insert(conn, rules, &cart, STMT_CART_INSERT);
	if (rc == SQLITE_OK)
		rc = apply_save_key(conn, op);
	if (rc == SQLITE_OK && rules->feed)
		rc = sqlite_feed_add(conn, NULL, &cart, NULL, op->now_ms);
	if (rc == SQLITE_OK)
		apply_give_cart(op, &cart);
	cart_clear(&cart);
	if (rc != SQLITE_CONSTRAINT_UNIQUE)
		return rc;
	op->result = CART_FAILED;
	cart_op_set_reason(op, "an id was made twice");
	return SQLITE_OK;
}

static int apply_import(struct sqlite_conn *conn, const struct cart_rules *rules,
			struct cart_op *op)
{
	int rc = apply_insert(conn, rules, op->whole, STMT_CART_IMPORT);

	op->version = op->whole->version;
	op->result = rc == SQLITE_OK ? CART_OK : CART_MISMATCH;
	if (rc == SQLITE_OK && rules->feed)
		rc = sqlite_feed_add(conn, NULL, op->whole, NULL, op->now_ms);
	return rc == SQLITE_CONSTRAINT_UNIQUE ? SQLITE_OK : rc;
}

/* Decides by the rules and writes. *cart is alive; on return it is the cart after the op. */
static int apply_decide(struct sqlite_conn *conn, const struct cart_rules *rules,
			struct cart_op *op, struct cart *cart, const struct sqlite_places *places)
{
	enum cart_state state = cart->state;
	int64_t version = cart->version;
	int rc = SQLITE_OK;

	op->result = cart_apply(cart, op, rules);
	if (op->result != CART_OK)
		return SQLITE_OK;
	op->version = cart->version;
	if (op->type == CART_OP_DELETE)
		return sqlite_cart_delete(conn, &op->id, NULL);
	if (cart->version != version)
		rc = apply_save_cart(conn, rules, cart, state, places);
	if (rc == SQLITE_OK && cart->version != version && op->customer_id.size > 0)
		rc = apply_save_customer(conn, cart);
	return rc == SQLITE_OK ? apply_save_key(conn, op) : rc;
}

/* Events are written of what changed a version, or removed a cart. */
static int apply_tell(struct sqlite_conn *conn, const struct cart *before, const struct cart *after,
		      const struct cart_op *op)
{
	if (op->result != CART_OK || (after != NULL && after->version == before->version))
		return SQLITE_OK;
	return sqlite_feed_add(conn, before, after, op->type == CART_OP_MERGE ? &op->from : NULL,
			       op->now_ms);
}

typedef int apply_fn(struct sqlite_conn *conn, const struct cart_rules *rules, struct cart_op *op,
		     struct cart *cart, const struct sqlite_places *places);

/* The same, with the event of the cart where the feed is on. */
static int apply_with_event(apply_fn *apply, struct sqlite_conn *conn,
			    const struct cart_rules *rules, struct cart_op *op, struct cart *cart,
			    const struct sqlite_places *places)
{
	struct cart before;
	int rc;

	if (!rules->feed)
		return apply(conn, rules, op, cart, places);
	if (!cart_copy(&before, cart))
		return SQLITE_NOMEM;
	rc = apply(conn, rules, op, cart, places);
	if (rc == SQLITE_OK)
		rc = apply_tell(conn, &before, op->type == CART_OP_DELETE ? NULL : cart, op);
	cart_clear(&before);
	return rc;
}

/* For a MERGE, whose other cart is looked up here. The event of that one is written too. */
static int apply_merge(struct sqlite_conn *conn, const struct cart_rules *rules, struct cart_op *op,
		       struct cart *cart, const struct sqlite_places *places)
{
	struct cart from = {0}, was;
	int64_t version = cart->version;
	int rc = apply_load(conn, op, &op->from, &from, NULL);

	op->of_from = op->result != CART_OK;
	if (rc != SQLITE_OK || op->result != CART_OK)
		return rc;
	was = from; /* its lines stay as they are */
	op->result = cart_merge(cart, &from, op, rules);
	if (op->result == CART_OK) {
		op->version = cart->version;
		if (cart->version != version)
			rc = apply_save_cart(conn, rules, cart, cart->state, places);
		if (rc == SQLITE_OK && was.state == CART_OPEN)
			rc = apply_save_merged(conn, rules, &from);
		if (rc == SQLITE_OK && was.version != from.version && rules->feed)
			rc = sqlite_feed_add(conn, &was, &from, NULL, op->now_ms);
		if (rc == SQLITE_OK)
			rc = apply_save_key(conn, op);
	}
	cart_clear(&from);
	return rc;
}

static int apply_change(struct sqlite_conn *conn, const struct cart_rules *rules,
			struct cart_op *op)
{
	struct cart cart = {0};
	enum cart_replay replay;
	struct sqlite_places places;
	struct cart_id made;
	int rc = apply_load(conn, op, &op->id, &cart, &places);

	if (rc == SQLITE_OK && op->result == CART_DAMAGED && op->type == CART_OP_DELETE &&
	    op->if_version == 0 && op->owner == NULL) {
		op->result = CART_OK;
		if (rules->feed)
			rc = sqlite_feed_add_removal(conn, CART_EVENT_DELETED, &op->id, op->now_ms);
		return rc == SQLITE_OK ? sqlite_cart_delete(conn, &op->id, NULL) : rc;
	}
	if (rc != SQLITE_OK || op->result != CART_OK)
		return rc;
	rc = apply_find_key(conn, rules, op, &replay, &made);
	if (rc == SQLITE_OK && replay == CART_REPLAY_OTHER)
		op->result = CART_KEY_REUSED;
	else if (rc == SQLITE_OK && replay == CART_REPLAY_SAME)
		op->replayed = true;
	else if (rc == SQLITE_OK)
		rc = apply_with_event(op->type == CART_OP_MERGE ? apply_merge : apply_decide, conn,
				      rules, op, &cart, &places);
	if (rc == SQLITE_OK && op->result == CART_OK)
		apply_give_cart(op, &cart);
	else
		cart_clear(&cart);
	return rc;
}

int sqlite_apply(struct sqlite_conn *conn, const struct cart_rules *rules, struct cart_op *op)
{
	if (op->type == CART_OP_IMPORT)
		return apply_import(conn, rules, op);
	return op->type == CART_OP_CREATE ? apply_create(conn, rules, op)
					  : apply_change(conn, rules, op);
}

int sqlite_cart_delete(struct sqlite_conn *conn, const struct cart_id *id, size_t *rows)
{
	int rc = apply_delete_by_id(conn, STMT_KEYS_DELETE, id, rows);

	if (rc == SQLITE_OK)
		rc = apply_delete_by_id(conn, STMT_CART_DELETE, id, rows);
	return rc;
}
