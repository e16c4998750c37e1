#include "backends/mysql/write.h"

#include "backends/mysql/outbox.h"
#include "backends/mysql/rows.h"
#include "core/cart_backend.h"

#include <string.h>

/* Adds are merged by product in quadratic time: longer ones are modified. */
#define WRITE_ADDS_MAX 64

/* Nothing to leave as it is, or what is set: no removal, and nothing that may be too long. */
static bool write_is_plain_text(const char *attributes, const struct cart_rules *rules)
{
	size_t len = attributes != NULL ? strlen(attributes) : 0;

	return attributes == NULL || (len > 0 && len <= (size_t)rules->attributes_max);
}

static bool write_is_plain_add(const struct cart_op *op, const struct cart_rules *rules)
{
	int64_t lines, most;

	if (op->change_count > WRITE_ADDS_MAX || op->if_version != 0)
		return false;
	for (size_t i = 0; i < op->change_count; i++)
		if (op->changes[i].type != CART_CHANGE_ADD ||
		    !write_is_plain_text(op->changes[i].attributes, rules))
			return false;
	lines = (int64_t)cart_op_add_lines(op, &most);
	return lines <= rules->lines_max && most <= rules->quantity_max;
}

enum sql_way sql_write_way(const struct cart_op *op, const struct cart_rules *rules)
{
	switch (op->type) {
	case CART_OP_CREATE:
		return write_is_plain_add(op, rules) ? SQL_WAY_CREATE : SQL_WAY_MODIFY;
	case CART_OP_CHECKOUT:
		return SQL_WAY_CHECKOUT;
	case CART_OP_MERGE:
		/* Where the feed is on, what the lines were before has to be read. */
		return rules->feed ? SQL_WAY_MODIFY : SQL_WAY_MERGE;
	case CART_OP_CHANGE:
		return op->change_count > 0 && write_is_plain_add(op, rules) ? SQL_WAY_ADD
									     : SQL_WAY_MODIFY;
	default:
		return SQL_WAY_MODIFY;
	}
}

const uint8_t *sql_key_scope(const struct cart_op *op)
{
	static const uint8_t creates[SQL_BINARY_BYTES]; /* the id of no cart */

	return op->type == CART_OP_CREATE ? creates : op->id.bytes;
}

void sql_add_key(struct sql_text *text, const struct cart_op *op)
{
	sql_add_hex(text, sql_key_scope(op));
	sql_add(text, ",");
	sql_add_hex(text, op->key_hash);
	sql_add(text, ",");
	sql_add_hex(text, op->fingerprint);
	sql_add(text, ",");
	sql_add_integer(text, op->held.nonce);
	sql_add(text, ",");
	sql_add_integer(text, op->now_ms);
	sql_add(text, ",");
}

void sql_insert_lines(struct sql_text *text, bool attributes)
{
	sql_statement(
		text, SQL_ITEMS,
		"INSERT INTO cart_items (cart_id, product_id, quantity, added_ms, updated_ms");
	if (attributes)
		sql_add(text, ", attributes");
	sql_add(text, ") VALUES (");
}

/* A batch has one instant, that of its latest op, and one mark. */
struct write_batch {
	struct sql_write *writes;
	size_t count;
	const struct cart_rules *rules;
	int64_t now_ms;
	int64_t token;
	bool lone; /* one write, whose answer holds no cart */
	size_t of_way[SQL_WAYS];
	bool attributes[SQL_WAYS]; /* a write of that way has some */
	int64_t lines_most;	   /* lines of the longest add */
};

typedef bool write_which_fn(const struct sql_write *write);

static bool write_is_add(const struct sql_write *write)
{
	return write->way == SQL_WAY_ADD;
}

static bool write_is_long_add(const struct sql_write *write)
{
	return write->way == SQL_WAY_ADD && write->op->change_count > 1;
}

static bool write_is_change(const struct sql_write *write)
{
	return write->way != SQL_WAY_CREATE;
}

static bool write_shows_lines(const struct sql_write *write)
{
	return sql_write_wants_lines(write->op);
}

static bool write_shows_version(const struct sql_write *write)
{
	return write->way == SQL_WAY_ADD && !sql_write_wants_lines(write->op);
}

/* "x'...',x'...'": the carts of those writes. Returns how many they are. */
static size_t write_ids(struct sql_text *text, const struct sql_write *writes, size_t count,
			write_which_fn *which)
{
	size_t listed = 0;

	for (size_t i = 0; i < count; i++) {
		if (which != NULL && !which(&writes[i]))
			continue;
		if (listed++ > 0)
			sql_add(text, ",");
		sql_add_id(text, &writes[i].id);
	}
	return listed;
}

static void write_where(struct sql_text *text, const struct write_batch *batch,
			write_which_fn *which)
{
	sql_add(text, " WHERE c.id IN (");
	write_ids(text, batch->writes, batch->count, which);
	sql_add(text, ")");
}

static bool write_any(const struct write_batch *batch, write_which_fn *which)
{
	for (size_t i = 0; i < batch->count; i++)
		if (which(&batch->writes[i]))
			return true;
	return false;
}

void sql_add_cart(struct sql_text *text, const struct cart *cart, int64_t token,
		  const struct cart_rules *rules)
{
	sql_add_id(text, &cart->id);
	sql_add(text, ",");
	if (cart->customer_id.size > 0)
		sql_add_shop_id(text, &cart->customer_id);
	else
		sql_add(text, "NULL");
	sql_add(text, ",0,1,");
	sql_add_integer(text, cart->created_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart->updated_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart_idle_ms(rules, cart->updated_ms));
	sql_add(text, ",");
	sql_add_integer(text, cart->expires_ms);
	sql_add(text, ",");
	sql_add_integer(text, cart_sweep_ms(rules, cart->expires_ms));
	sql_add(text, ",");
	sql_add_integer(text, (int64_t)cart->line_count);
	sql_add(text, ",");
	sql_add_integer(text, token);
}

/* The last column of a line. */
static void write_attributes(struct sql_text *text, const struct cart_op *op, size_t at)
{
	sql_add(text, ",");
	sql_add_attributes(text, cart_op_attributes(op, at));
}

/* The first lines of the carts that are made. */
static void write_create_lines(struct sql_text *text, const struct write_batch *batch)
{
	bool attributes = batch->attributes[SQL_WAY_CREATE];
	size_t rows = 0;

	for (size_t i = 0; i < batch->count; i++) {
		const struct sql_write *write = &batch->writes[i];

		for (size_t at = 0; write->way == SQL_WAY_CREATE && at < write->op->change_count;
		     at++) {
			int64_t quantity = cart_op_adds(write->op, at);

			if (quantity == 0)
				continue;
			if (rows++ > 0)
				sql_add(text, "),(");
			else
				sql_insert_lines(text, attributes);
			sql_add_id(text, &write->id);
			sql_add(text, ",");
			sql_add_shop_id(text, &write->op->changes[at].product_id);
			sql_add(text, ",");
			sql_add_integer(text, quantity);
			sql_add(text, ",");
			sql_add_integer(text, write->op->now_ms);
			sql_add(text, ",");
			sql_add_integer(text, write->op->now_ms);
			if (attributes)
				write_attributes(text, write->op, at);
		}
	}
	if (rows > 0)
		sql_add(text, ")");
}

static void write_creates(struct sql_text *text, const struct write_batch *batch)
{
	size_t listed = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct cart cart;

		if (batch->writes[i].way != SQL_WAY_CREATE)
			continue;
		if (listed++ > 0)
			sql_add(text, "),(");
		else
			sql_statement(text, SQL_CARTS, SQL_INSERT_CARTS);
		/* Within the limits, or its way would be another. */
		if (cart_create(&cart, batch->writes[i].op, batch->rules) != CART_OK)
			text->buf.failed = true;
		sql_add_cart(text, &cart, batch->token, batch->rules);
		cart_clear(&cart);
	}
	if (listed > 0)
		sql_add(text, ")");
	write_create_lines(text, batch);
}

/* Two UPDATEs lock in two orders: then every row is locked first, in the order of the ids. The same
 * where only a SELECT can say that it does not wait. */
static void write_lock(struct sql_text *text, const struct write_batch *batch)
{
	size_t changes = batch->of_way[SQL_WAY_ADD] + batch->of_way[SQL_WAY_CHECKOUT];

	if (changes == 0 ||
	    (!text->nowait && (batch->of_way[SQL_WAY_CHECKOUT] == 0 || changes == 1)))
		return;
	/* A column outside the primary key: for the keys alone a server walks a small table and
	 * waits for rows that others have locked. */
	sql_statement(text, SQL_LOCK, "SELECT COUNT(c.op) FROM carts c FORCE INDEX (PRIMARY)");
	write_where(text, batch, write_is_change);
	sql_add_for_update(text);
}

/* The later of the instant and when the cart was last changed. */
static void write_updated(struct sql_text *text, int64_t now_ms)
{
	sql_add(text, "GREATEST(c.updated_ms, ");
	sql_add_integer(text, now_ms);
	sql_add(text, ")");
}

/* The cart's times, which never go back, see cart_apply(). idle_ms and sweep_ms only grow with the
 * times that they are rounded from, so the greater one is that of the later time. */
static void write_times(struct sql_text *text, int64_t now_ms, const struct cart_rules *rules,
			bool expires)
{
	int64_t ttl_ms = rules->ttl_ms;

	write_updated(text, now_ms);
	sql_add(text, ", c.idle_ms = GREATEST(c.idle_ms, ");
	sql_add_integer(text, cart_idle_ms(rules, now_ms));
	if (!expires || ttl_ms == 0) {
		sql_add(text, "), c.expires_ms = 0, c.sweep_ms = 0");
		return;
	}
	sql_add(text, "), c.expires_ms = ");
	write_updated(text, now_ms);
	sql_add(text, " + ");
	sql_add_integer(text, ttl_ms);
	sql_add(text, ", c.sweep_ms = GREATEST(c.sweep_ms, ");
	sql_add_integer(text, cart_sweep_ms(rules, now_ms + ttl_ms));
	sql_add(text, ")");
}

void sql_add_times(struct sql_text *text, int64_t now_ms, const struct cart_rules *rules)
{
	write_times(text, now_ms, rules, true);
}

static void write_mark(struct sql_text *text, const struct write_batch *batch, bool expires)
{
	sql_statement(text, SQL_CARTS, "UPDATE carts c FORCE INDEX (PRIMARY) SET c.op = ");
	sql_add_integer(text, batch->token);
	if (batch->lone)
		sql_add(text, ", c.version = LAST_INSERT_ID(c.version + 1), c.updated_ms = ");
	else
		sql_add(text, ", c.version = c.version + 1, c.updated_ms = ");
	write_times(text, batch->now_ms, batch->rules, expires);
}

static void write_guard_open(struct sql_text *text, const struct write_batch *batch)
{
	sql_add(text, " AND c.state = 0 AND (c.expires_ms = 0 OR c.expires_ms > ");
	sql_add_integer(text, batch->now_ms);
	sql_add(text, ")");
}

/* Lets the carts of other customers than an owner's not pass. Those of guests do. */
static void write_guard_owners(struct sql_text *text, const struct write_batch *batch,
			       enum sql_way way)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct sql_write *write = &batch->writes[i];

		if (write->way != way || write->op->owner == NULL)
			continue;
		sql_add(text, " AND (c.id <> ");
		sql_add_id(text, &write->id);
		sql_add(text, " OR c.customer_id IS NULL OR c.customer_id = ");
		sql_add_shop_id(text, write->op->owner);
		sql_add(text, ")");
	}
}

/* How many lines an add may bring. */
static void write_lines_of(struct sql_text *text, const struct write_batch *batch)
{
	if (!write_any(batch, write_is_long_add)) {
		sql_add(text, "1");
		return;
	}
	sql_add(text, "IF(c.id IN (");
	write_ids(text, batch->writes, batch->count, write_is_long_add);
	sql_add(text, "), ");
	sql_add_integer(text, batch->lines_most);
	sql_add(text, ", 1)");
}

static void write_line(struct sql_text *text, const struct write_batch *batch,
		       const struct sql_write *write, size_t at, bool first)
{
	int64_t quantity = cart_op_adds(write->op, at);

	sql_add_id(text, &write->id);
	sql_add(text, ",");
	sql_add_shop_id(text, &write->op->changes[at].product_id);
	sql_add(text, ",");
	if (first) {
		/* Should the server not know the number, because the connection broke in between,
		 * the statement fails too: ROW_COUNT() is then -1. */
		sql_add(text, "IF(ROW_COUNT() = ");
		sql_add_integer(text, (int64_t)batch->of_way[SQL_WAY_ADD]);
		sql_add(text, ", ");
		sql_add_integer(text, quantity);
		sql_add(text, ", " SQL_FAIL ")");
	} else {
		sql_add_integer(text, quantity);
	}
	sql_add(text, ",");
	sql_add_integer(text, batch->now_ms);
	sql_add(text, ",");
	sql_add_integer(text, batch->now_ms);
	if (batch->attributes[SQL_WAY_ADD])
		write_attributes(text, write->op, at);
}

static void write_add_lines(struct sql_text *text, const struct write_batch *batch)
{
	size_t rows = 0;

	sql_insert_lines(text, batch->attributes[SQL_WAY_ADD]);
	for (size_t i = 0; i < batch->count; i++) {
		const struct sql_write *write = &batch->writes[i];

		if (write->way != SQL_WAY_ADD)
			continue;
		for (size_t at = 0; at < write->op->change_count; at++) {
			if (cart_op_adds(write->op, at) == 0)
				continue;
			if (rows > 0)
				sql_add(text, "),(");
			write_line(text, batch, write, at, rows++ == 0);
		}
	}
	sql_add(text, ") ON DUPLICATE KEY UPDATE updated_ms ="
		      " GREATEST(updated_ms, VALUES(updated_ms)), quantity = IF(quantity <= ");
	sql_add_integer(text, batch->rules->quantity_max);
	sql_add(text, " - VALUES(quantity), quantity + VALUES(quantity), " SQL_FAIL ")");
	if (batch->attributes[SQL_WAY_ADD])
		sql_add(text, ", attributes = COALESCE(VALUES(attributes), attributes)");
}

static void write_adds(struct sql_text *text, const struct write_batch *batch)
{
	if (batch->of_way[SQL_WAY_ADD] == 0)
		return;
	write_mark(text, batch, true);
	sql_add(text, ", c.lines_bound = c.lines_bound + ");
	write_lines_of(text, batch);
	write_where(text, batch, write_is_add);
	write_guard_open(text, batch);
	write_guard_owners(text, batch, SQL_WAY_ADD);
	sql_add(text, " AND c.lines_bound + ");
	write_lines_of(text, batch);
	sql_add(text, " <= ");
	sql_add_integer(text, batch->rules->lines_max);
	write_add_lines(text, batch);
}

static void write_checkout(struct sql_text *text, const struct write_batch *batch,
			   const struct sql_write *write)
{
	write_mark(text, batch, false);
	sql_add(text, ", c.state = 1, c.order_id = ");
	sql_add_id(text, &write->op->order_id);
	sql_add(text, " WHERE c.id = ");
	sql_add_id(text, &write->id);
	write_guard_open(text, batch);
	write_guard_owners(text, batch, SQL_WAY_CHECKOUT);
	if (write->op->if_version != 0) {
		sql_add(text, " AND c.version = ");
		sql_add_integer(text, write->op->if_version);
	}
	sql_add(text, " AND EXISTS (SELECT 1 FROM" SQL_LINES " WHERE i.cart_id = c.id)");
}

/* Of creates and adds, which passed if this statement is reached. */
static void write_keys(struct sql_text *text, const struct write_batch *batch)
{
	size_t listed = 0;

	for (size_t i = 0; i < batch->count; i++) {
		const struct sql_write *write = &batch->writes[i];

		if (write->op->key == NULL || write->way == SQL_WAY_CHECKOUT)
			continue;
		if (listed++ > 0)
			sql_add(text, "),(");
		else
			sql_statement(text, SQL_KEYS, SQL_INSERT_KEYS "VALUES (");
		sql_add_key(text, write->op);
		if (write->way == SQL_WAY_CREATE) {
			sql_add(text, "1,");
		} else {
			sql_add(text, "(SELECT version FROM carts WHERE id = ");
			sql_add_id(text, &write->id);
			sql_add(text, "),");
		}
		sql_add_id(text, &write->id);
	}
	if (listed > 0)
		sql_add(text, ")");
}

/* Of a checkout that passed. */
static void write_checkout_key(struct sql_text *text, const struct sql_write *write)
{
	if (write->op->key == NULL)
		return;
	sql_statement(text, SQL_KEYS, SQL_INSERT_KEYS "SELECT ");
	sql_add_key(text, write->op);
	sql_add(text, "c.version,c.id FROM carts c FORCE INDEX (PRIMARY) WHERE c.id = ");
	sql_add_id(text, &write->id);
	sql_add(text, " AND c.op = ");
	sql_add_integer(text, write->token);
}

static void write_checkouts(struct sql_text *text, const struct write_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->writes[i].way != SQL_WAY_CHECKOUT)
			continue;
		write_checkout(text, batch, &batch->writes[i]);
		write_checkout_key(text, &batch->writes[i]);
	}
}

/* The statement that writes the event also answers which carts it tells of, with their versions.
 * MariaDB alone can do that. */
static bool write_returns(const struct sql_text *text, const struct write_batch *batch)
{
	return batch->rules->feed && !text->nowait;
}

static void write_selects(struct sql_text *text, const struct write_batch *batch)
{
	if (batch->lone)
		return;
	if (write_any(batch, write_shows_version) && !write_returns(text, batch)) {
		sql_statement(text, SQL_SELECT,
			      "SELECT " SQL_STATE_COLUMNS " FROM carts c FORCE INDEX (PRIMARY)");
		write_where(text, batch, write_shows_version);
	}
	if (write_any(batch, write_shows_lines)) {
		sql_statement(text, SQL_SELECT,
			      "SELECT " SQL_CART_COLUMNS SQL_LINE_COLUMNS
			      " FROM carts c FORCE INDEX (PRIMARY)" SQL_JOIN_LINES);
		write_where(text, batch, write_shows_lines);
	}
}

/* After what can fail and what waits for the client to read it: so little can come between the
 * row's number and the end of the transaction. */
static void write_events(struct sql_text *text, const struct write_batch *batch)
{
	static const enum cart_event_type types[SQL_WAYS] = {
		[SQL_WAY_CREATE] = CART_EVENT_CREATED,
		[SQL_WAY_ADD] = CART_EVENT_CHANGED,
		[SQL_WAY_CHECKOUT] = CART_EVENT_CHECKED_OUT,
	};

	if (!batch->rules->feed)
		return;
	sql_outbox_begin(text, batch->now_ms);
	for (size_t i = 0; i < batch->count; i++) {
		const struct sql_write *write = &batch->writes[i];

		sql_outbox_event(text, types[write->way], &write->id);
		for (size_t at = 0; write->way == SQL_WAY_ADD && at < write->op->change_count; at++)
			if (cart_op_adds(write->op, at) > 0)
				sql_outbox_change(text, &write->op->changes[at].product_id,
						  cart_op_adds(write->op, at));
		sql_outbox_event_end(text);
	}
	sql_outbox_carts(text);
	write_ids(text, batch->writes, batch->count, NULL);
	sql_outbox_lines(text, batch->token);
	write_ids(text, batch->writes, batch->count, NULL);
	sql_outbox_end(text);
	if (!batch->lone && write_returns(text, batch) && write_any(batch, write_shows_version))
		sql_add(text, " RETURNING seq, carts");
}

static void write_batch_init(struct write_batch *batch, struct sql_write *writes, size_t count,
			     const struct cart_rules *rules)
{
	*batch = (struct write_batch){
		.writes = writes, .count = count, .rules = rules, .token = writes[0].token};
	for (size_t i = 0; i < count; i++) {
		const struct cart_op *op = writes[i].op;
		int64_t lines = 0, most;

		batch->of_way[writes[i].way]++;
		for (size_t at = 0; at < op->change_count; at++)
			if (op->changes[at].attributes != NULL)
				batch->attributes[writes[i].way] = true;
		if (op->now_ms > batch->now_ms)
			batch->now_ms = op->now_ms;
		/* More changes may be fewer lines. */
		if (writes[i].way == SQL_WAY_ADD && (int64_t)op->change_count > batch->lines_most)
			lines = (int64_t)cart_op_add_lines(op, &most);
		if (lines > batch->lines_most)
			batch->lines_most = lines;
	}
	batch->lone = count == 1 && !sql_write_wants_lines(writes[0].op);
}

bool sql_write_text(struct sql_text *text, struct sql_write *writes, size_t count,
		    const struct cart_rules *rules)
{
	struct write_batch batch;

	write_batch_init(&batch, writes, count, rules);
	sql_text_reset(text);
	if (batch.lone && writes[0].way == SQL_WAY_CREATE && writes[0].op->key == NULL &&
	    writes[0].op->change_count == 0 && !rules->feed) {
		write_creates(text, &batch);
		return !text->buf.failed;
	}
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	write_lock(text, &batch);
	write_creates(text, &batch);
	write_adds(text, &batch);
	write_checkouts(text, &batch);
	write_keys(text, &batch);
	write_selects(text, &batch);
	write_events(text, &batch);
	sql_statement(text, SQL_COMMIT, "COMMIT");
	return !text->buf.failed;
}

static struct sql_write *write_find(struct sql_write *writes, size_t count,
				    const struct cart_id *id)
{
	size_t at;

	return cart_id_find(&writes->id, sizeof(*writes), count, id, &at) ? &writes[at] : NULL;
}

static void write_unread(struct sql_write *write)
{
	write->done = true;
	if (write->op == NULL)
		return;
	cart_clear(&write->op->cart);
	write->op->result = CART_UNCERTAIN;
	cart_op_set_reason(write->op, "the rows of the answer cannot be read");
}

/* A row of a cart that passed, or of a checkout that did not. False: no memory. */
static bool write_take(struct sql_write *write, const struct sql_row *row, bool damaged)
{
	struct cart_op *op = write->op;

	if (op == NULL || row->op != write->token || (write->done && op->result != CART_OK))
		return true;
	if (damaged) {
		cart_store_damaged(op, &write->id, SQL_DAMAGED);
		write_unread(write);
		return true;
	}
	if (!write->done) {
		write->done = true;
		op->result = CART_OK;
		op->version = row->cart.version;
		if (sql_write_wants_lines(op))
			op->cart = row->cart;
	}
	return sql_rows_add_line(&op->cart, row);
}

/* Of the event's carts, those of which no other rows come. */
static bool write_read_event(struct sql_write *writes, size_t count, MYSQL_RES *rows)
{
	MYSQL_ROW cells = mysql_fetch_row(rows);
	struct sql_lines lines;
	struct sql_row row;

	if (cells == NULL || cells[1] == NULL)
		return false;
	lines = sql_rows_lines(cells[1], mysql_fetch_lengths(rows)[1]);
	while (sql_rows_next_line(&lines)) {
		enum sql_rows read = sql_rows_read_cart(lines.text, lines.len, &row);
		struct sql_write *write = write_find(writes, count, &row.cart.id);

		if (read == SQL_ROWS_BAD || write == NULL)
			return false;
		row.op = write->token;
		if (write_shows_version(write) && !write_take(write, &row, row.cart.version == 0))
			return false;
	}
	return true;
}

static bool write_read_rows(struct sql_write *writes, size_t count, MYSQL_RES *rows)
{
	struct sql_row row;
	enum sql_rows next;

	if (mysql_num_fields(rows) == 2)
		return write_read_event(writes, count, rows);
	while ((next = sql_rows_next(rows, &row)) == SQL_ROWS_ONE || next == SQL_ROWS_DAMAGED) {
		struct sql_write *write = write_find(writes, count, &row.cart.id);

		if (write == NULL || !write_take(write, &row, next == SQL_ROWS_DAMAGED))
			return false;
	}
	return next == SQL_ROWS_END;
}

/* True: the guard has met the cart, or the text would have failed; so its row must have come. */
static bool write_lacks_row(const struct sql_write *write)
{
	return write->way == SQL_WAY_ADD && write->op != NULL && !write->done;
}

/* The answer's first rows are those of write_lock(). */
static bool write_has_lock(const struct sql_reply *reply)
{
	return reply->rows_count > 0 && mysql_num_fields(reply->rows[0]) == 1;
}

/* A create is in no row, and nor is a write whose answer holds no cart when it is alone: the UPDATE
 * after START TRANSACTION, and the lock if there is one, says its version. */
static void write_read_plain(struct sql_write *write, const struct sql_reply *reply,
			     const struct cart_rules *rules)
{
	struct cart_op *op = write->op;

	write->done = true;
	if (op == NULL)
		return;
	op->result = CART_OK;
	if (write->way == SQL_WAY_CREATE && cart_create(&op->cart, op, rules) != CART_OK) {
		write_unread(write);
	} else if (write->way == SQL_WAY_CREATE) {
		op->version = 1;
	} else {
		op->version = (int64_t)reply->insert_id[write_has_lock(reply) ? 2 : 1];
	}
}

bool sql_write_read(struct sql_write *writes, size_t count, const struct sql_reply *reply,
		    const struct cart_rules *rules)
{
	size_t first = write_has_lock(reply) ? 1 : 0;
	bool plain = reply->rows_count == first, good = true;

	for (size_t i = first; i < reply->rows_count; i++)
		good = good && write_read_rows(writes, count, reply->rows[i]);
	for (size_t i = 0; i < count && !plain; i++)
		good = good && !write_lacks_row(&writes[i]);
	for (size_t i = 0; i < count; i++) {
		if (!good)
			write_unread(&writes[i]);
		else if (writes[i].way == SQL_WAY_CREATE || plain)
			write_read_plain(&writes[i], reply, rules);
	}
	return good;
}

bool sql_blame_text(struct sql_text *text, const struct sql_write *writes, size_t count)
{
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT,
		      "SELECT " SQL_STATE_COLUMNS
		      " FROM carts c FORCE INDEX (PRIMARY) WHERE c.id IN (");
	write_ids(text, writes, count, NULL);
	sql_add(text, ")");
	sql_statement(text, SQL_ROLLBACK, "ROLLBACK");
	return !text->buf.failed;
}

void sql_blame_read(struct sql_write *writes, size_t count, const struct sql_reply *reply)
{
	struct sql_row row;
	size_t blamed = 0, adds = 0;

	for (size_t i = 0; i < count; i++)
		writes[i].done = writes[i].way == SQL_WAY_ADD;
	while (reply->rows_count > 0 && sql_rows_next(reply->rows[0], &row) == SQL_ROWS_ONE) {
		struct sql_write *write = write_find(writes, count, &row.cart.id);

		if (write != NULL && row.op == write->token)
			write->done = false;
	}
	for (size_t i = 0; i < count; i++) {
		blamed += writes[i].done;
		adds += writes[i].way == SQL_WAY_ADD;
	}
	/* Every cart met the guard, so a line would exceed its limit. */
	for (size_t i = 0; i < count && blamed == 0; i++)
		writes[i].done = adds == 0 || writes[i].way == SQL_WAY_ADD;
}

bool sql_locked_text(struct sql_text *text, const struct sql_write *writes, size_t count)
{
	sql_text_reset(text);
	/* Where the session does not wait for locks at all, MariaDB takes a row to be skipped for
	 * an error: 1180. */
	if (!text->nowait)
		sql_statement(text, SQL_LOCK, "SET STATEMENT innodb_lock_wait_timeout = 1 FOR ");
	else
		sql_statement(text, SQL_LOCK, "");
	sql_add(text,
		"SELECT " SQL_STATE_COLUMNS " FROM carts c FORCE INDEX (PRIMARY) WHERE c.id IN (");
	write_ids(text, writes, count, NULL);
	sql_add(text, ") FOR UPDATE SKIP LOCKED");
	sql_statement(text, SQL_ROLLBACK, "ROLLBACK");
	return !text->buf.failed;
}

bool sql_locked_read(struct sql_write *writes, size_t count, const struct sql_reply *reply)
{
	struct sql_row row;
	bool any = false;

	for (size_t i = 0; i < count; i++)
		writes[i].done = writes[i].op != NULL && writes[i].op->type != CART_OP_CREATE;
	while (reply->rows_count > 0 && sql_rows_next(reply->rows[0], &row) == SQL_ROWS_ONE) {
		struct sql_write *write = write_find(writes, count, &row.cart.id);

		if (write != NULL)
			write->done = false;
	}
	for (size_t i = 0; i < count; i++)
		any = any || writes[i].done;
	return any;
}
