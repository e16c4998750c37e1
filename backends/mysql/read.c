#include "backends/mysql/read.h"

#include "backends/mysql/rows.h"
#include "core/cart_backend.h"

#include <stdlib.h>
#include <string.h>

bool sql_gets_text(struct sql_text *text, struct cart_op *const *ops, size_t count)
{
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT,
		      "SELECT " SQL_CART_COLUMNS SQL_LINE_COLUMNS
		      " FROM carts c FORCE INDEX (PRIMARY)" SQL_JOIN_LINES " WHERE c.id IN (");
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && cart_id_compare(&ops[i]->id, &ops[i - 1]->id) == 0)
			continue;
		if (i > 0)
			sql_add(text, ",");
		sql_add_id(text, &ops[i]->id);
	}
	sql_add(text, ")");
	sql_add_writer(text);
	return !text->buf.failed;
}

static void gets_take(struct cart_op *op, const struct sql_row *row, bool damaged)
{
	if (damaged) {
		cart_clear(&op->cart);
		cart_op_set_reason(op, SQL_DAMAGED);
		op->result = CART_DAMAGED;
	}
	if (op->result == CART_NOT_FOUND && cart_op_sees(op, &row->cart)) {
		op->cart = row->cart;
		op->result = CART_OK;
	}
	if (op->result == CART_OK && !sql_rows_add_line(&op->cart, row))
		op->result = CART_BUSY;
}

void sql_gets_read(struct cart_op *const *ops, const struct cart_id *ids, size_t count,
		   MYSQL_RES *rows)
{
	struct sql_row row;
	enum sql_rows next;
	bool bad = false;

	for (size_t i = 0; i < count; i++)
		if (ops[i] != NULL)
			ops[i]->result = CART_NOT_FOUND;
	while (!bad && (next = sql_rows_next(rows, &row)) != SQL_ROWS_END) {
		size_t at = count;

		bad = next == SQL_ROWS_BAD ||
		      !cart_id_find(ids, sizeof(*ids), count, &row.cart.id, &at);
		for (; at < count && cart_id_compare(&ids[at], &row.cart.id) == 0; at++)
			if (ops[at] != NULL)
				gets_take(ops[at], &row, next == SQL_ROWS_DAMAGED);
	}
	for (size_t i = 0; bad && i < count; i++) {
		if (ops[i] == NULL)
			continue;
		ops[i]->result = CART_FAILED;
		cart_op_set_reason(ops[i], "rows are not what the schema says");
	}
}

static void list_alive(struct sql_text *text, const struct cart_op *op)
{
	sql_add(text, " AND (expires_ms = 0 OR expires_ms > ");
	sql_add_integer(text, op->now_ms);
	sql_add(text, ")");
	sql_add_writer(text);
}

static void list_limit(struct sql_text *text, const struct cart_op *op)
{
	sql_add(text, " LIMIT ");
	sql_add_integer(text, op->list.limit + 1);
}

/* The first carts of one state, which are next to each other in the index. */
static void list_customer_state(struct sql_text *text, const struct cart_op *op,
				enum cart_state state)
{
	const struct cart_list *list = &op->list;

	sql_add(text, "SELECT " SQL_CART_COLUMNS_WITH("c.created_ms AS list_ms"));
	sql_add(text, " FROM carts c FORCE INDEX (carts_customer) WHERE customer_id = ");
	sql_add_shop_id(text, &list->customer_id);
	sql_add(text, " AND state = ");
	sql_add_integer(text, state);
	list_alive(text, op);
	if (list->has_after) {
		sql_add(text, " AND created_ms <= ");
		sql_add_integer(text, list->after_ms);
		sql_add(text, " AND (created_ms < ");
		sql_add_integer(text, list->after_ms);
		sql_add(text, " OR id < ");
		sql_add_id(text, &list->after_id);
		sql_add(text, ")");
	}
	sql_add(text, " ORDER BY created_ms DESC, id DESC");
	list_limit(text, op);
}

static void list_customer(struct sql_text *text, const struct cart_op *op)
{
	if (op->list.state != CART_LIST_ANY) {
		list_customer_state(text, op, cart_list_only(&op->list));
		return;
	}
	sql_add(text, "(");
	list_customer_state(text, op, CART_OPEN);
	sql_add(text, ") UNION ALL (");
	list_customer_state(text, op, CART_CHECKED_OUT);
	sql_add(text, ") UNION ALL (");
	list_customer_state(text, op, CART_MERGED);
	sql_add(text, ") ORDER BY list_ms DESC, id DESC");
	list_limit(text, op);
}

/* Or closed ones, which are in the same index. */
static void list_idle(struct sql_text *text, const struct cart_op *op)
{
	const struct cart_list *list = &op->list;

	sql_add(text, "SELECT " SQL_CART_COLUMNS_WITH("c.idle_ms AS list_ms"));
	sql_add(text, " FROM carts c FORCE INDEX (carts_idle) WHERE state = ");
	sql_add_integer(text, list->kind == CART_LIST_IDLE ? CART_OPEN : CART_CHECKED_OUT);
	sql_add(text, " AND idle_ms < ");
	sql_add_integer(text, list->idle_before_ms);
	/* The index has idle_ms and sweep_ms, which rule out most carts. */
	sql_add(text, " AND (sweep_ms = 0 OR sweep_ms > ");
	sql_add_integer(text, op->now_ms);
	sql_add(text, ") AND updated_ms < ");
	sql_add_integer(text, list->idle_before_ms);
	list_alive(text, op);
	if (list->has_after) {
		/* As two ranges of the index: a step may hold many pages, and the server must not
		 * pass over those before this one. */
		sql_add(text, " AND (idle_ms > ");
		sql_add_integer(text, list->after_ms);
		sql_add(text, " OR (idle_ms = ");
		sql_add_integer(text, list->after_ms);
		sql_add(text, " AND id > ");
		sql_add_id(text, &list->after_id);
		sql_add(text, "))");
	}
	sql_add(text, " ORDER BY idle_ms, id");
	list_limit(text, op);
}

bool sql_list_text(struct sql_text *text, const struct cart_op *op)
{
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT,
		      "SELECT " SQL_CART_COLUMNS_WITH("c.list_ms") SQL_LINE_COLUMNS " FROM (");
	if (op->list.kind == CART_LIST_CUSTOMER)
		list_customer(text, op);
	else
		list_idle(text, op);
	sql_add(text, ") c" SQL_JOIN_LINES);
	return !text->buf.failed;
}

/* The row's cart comes before that one in the list. */
static bool list_is_before(const struct cart_op *op, const struct sql_row *row,
			   const struct cart *cart)
{
	int order = cart_id_compare(&row->cart.id, &cart->id);

	if (row->op != cart->listed_ms)
		order = row->op < cart->listed_ms ? -1 : 1;
	return op->list.kind == CART_LIST_CUSTOMER ? order > 0 : order < 0;
}

/* The cart of the row. They come in the list's order, each with its lines, but nothing promises
 * it: so the last one is most often it, or the one to go behind. */
static struct cart *list_cart(struct cart_op *op, const struct sql_row *row)
{
	size_t at = op->cart_count;

	for (size_t i = op->cart_count; i > 0; i--)
		if (cart_id_compare(&op->carts[i - 1].id, &row->cart.id) == 0)
			return &op->carts[i - 1];
	if (op->cart_count == (size_t)op->list.limit + 1)
		return NULL;
	for (; at > 0 && list_is_before(op, row, &op->carts[at - 1]); at--)
		op->carts[at] = op->carts[at - 1];
	op->carts[at] = row->cart;
	op->carts[at].listed_ms = row->op;
	op->cart_count++;
	return &op->carts[at];
}

/* Of a damaged cart, which keeps its place until the list is read. */
static bool list_is_damaged(const struct cart *cart)
{
	return cart->version == 0;
}

static void list_damage(struct cart *cart)
{
	const struct cart damaged = {.id = cart->id, .listed_ms = cart->listed_ms};

	cart_clear(cart);
	*cart = damaged;
}

/* Leaves the damaged carts out. */
static void list_leave_out(struct cart_op *op)
{
	size_t kept = 0;

	for (size_t i = 0; i < op->cart_count; i++) {
		if (list_is_damaged(&op->carts[i]))
			cart_store_damaged(op, &op->carts[i].id, SQL_DAMAGED);
		else
			op->carts[kept++] = op->carts[i];
	}
	op->cart_count = kept;
}

static enum cart_result list_read_rows(struct cart_op *op, MYSQL_RES *rows)
{
	struct sql_row row;
	enum sql_rows next;

	op->carts = calloc((size_t)op->list.limit + 1, sizeof(struct cart));
	if (op->carts == NULL)
		return CART_BUSY;
	while ((next = sql_rows_next(rows, &row)) != SQL_ROWS_END) {
		struct cart *cart = next != SQL_ROWS_BAD ? list_cart(op, &row) : NULL;

		if (cart == NULL) {
			cart_op_set_reason(op, "rows are not what the schema says");
			return CART_FAILED;
		}
		if (next == SQL_ROWS_DAMAGED)
			list_damage(cart);
		else if (!list_is_damaged(cart) && !sql_rows_add_line(cart, &row))
			return CART_BUSY;
	}
	return CART_OK;
}

bool sql_list_read(struct cart_op *op, MYSQL_RES *rows)
{
	struct cart last = {0};

	op->result = list_read_rows(op, rows);
	if (op->result != CART_OK)
		return true;
	op->more = op->cart_count > (size_t)op->list.limit;
	if (op->more)
		cart_clear(&op->carts[--op->cart_count]);
	if (op->more)
		last = op->carts[op->cart_count - 1];
	list_leave_out(op);
	if (op->cart_count > 0)
		return true;
	free(op->carts);
	op->carts = NULL;
	if (!op->more)
		return true;
	op->list.has_after = true;
	op->list.after_ms = last.listed_ms;
	op->list.after_id = last.id;
	return false;
}
