#include "backends/mysql/read.h"

#include "backends/mysql/rows.h"

#include <stdlib.h>
#include <string.h>

bool sql_gets_text(struct sql_text *text, struct cart_op *const *ops, size_t count)
{
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT,
		      "SELECT " SQL_CART_COLUMNS SQL_LINE_COLUMNS
		      " FROM carts c FORCE INDEX (PRIMARY)"
		      " LEFT JOIN cart_items i ON i.cart_id = c.id WHERE c.id IN (");
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && cart_id_compare(&ops[i]->id, &ops[i - 1]->id) == 0)
			continue;
		if (i > 0)
			sql_add(text, ",");
		sql_add_id(text, &ops[i]->id);
	}
	sql_add(text, ")");
	return !text->buf.failed;
}

static void gets_take(struct cart_op *op, const struct sql_row *row)
{
	if (op->result == CART_NOT_FOUND && !cart_is_expired(&row->cart, op->now_ms)) {
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

		bad = next != SQL_ROWS_ONE ||
		      !cart_id_find(ids, sizeof(*ids), count, &row.cart.id, &at);
		for (; at < count && cart_id_compare(&ids[at], &row.cart.id) == 0; at++)
			if (ops[at] != NULL)
				gets_take(ops[at], &row);
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
}

static void list_customer(struct sql_text *text, const struct cart_op *op)
{
	const struct cart_list *list = &op->list;

	sql_add(text, " FROM carts c FORCE INDEX (carts_customer) WHERE customer_id = ");
	sql_add_shop_id(text, &list->customer_id);
	if (list->state != CART_LIST_ANY) {
		sql_add(text, " AND state = ");
		sql_add_integer(text, list->state == CART_LIST_OPEN ? CART_OPEN : CART_CHECKED_OUT);
	}
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
}

static void list_idle(struct sql_text *text, const struct cart_op *op)
{
	const struct cart_list *list = &op->list;

	sql_add(text, " FROM carts c FORCE INDEX (carts_idle) WHERE state = 0 AND updated_ms < ");
	sql_add_integer(text, list->idle_before_ms);
	list_alive(text, op);
	if (list->has_after) {
		sql_add(text, " AND updated_ms >= ");
		sql_add_integer(text, list->after_ms);
		sql_add(text, " AND (updated_ms > ");
		sql_add_integer(text, list->after_ms);
		sql_add(text, " OR id > ");
		sql_add_id(text, &list->after_id);
		sql_add(text, ")");
	}
	sql_add(text, " ORDER BY updated_ms, id");
}

bool sql_list_text(struct sql_text *text, const struct cart_op *op)
{
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT,
		      "SELECT " SQL_CART_COLUMNS SQL_LINE_COLUMNS
		      " FROM (SELECT " SQL_CART_COLUMNS);
	if (op->list.kind == CART_LIST_CUSTOMER)
		list_customer(text, op);
	else
		list_idle(text, op);
	sql_add(text, " LIMIT ");
	sql_add_integer(text, op->list.limit + 1);
	sql_add(text, ") c LEFT JOIN cart_items i ON i.cart_id = c.id");
	return !text->buf.failed;
}

static int list_compare_newest(const void *a, const void *b)
{
	const struct cart *first = a, *second = b;

	if (first->created_ms != second->created_ms)
		return first->created_ms > second->created_ms ? -1 : 1;
	return -cart_id_compare(&first->id, &second->id);
}

static int list_compare_idle(const void *a, const void *b)
{
	const struct cart *first = a, *second = b;

	if (first->updated_ms != second->updated_ms)
		return first->updated_ms < second->updated_ms ? -1 : 1;
	return cart_id_compare(&first->id, &second->id);
}

/* The cart of the row, which is most often the last one. */
static struct cart *list_cart(struct cart_op *op, const struct sql_row *row)
{
	for (size_t i = op->cart_count; i > 0; i--)
		if (cart_id_compare(&op->carts[i - 1].id, &row->cart.id) == 0)
			return &op->carts[i - 1];
	if (op->cart_count == (size_t)op->list.limit + 1)
		return NULL;
	op->carts[op->cart_count] = row->cart;
	return &op->carts[op->cart_count++];
}

static enum cart_result list_read_rows(struct cart_op *op, MYSQL_RES *rows)
{
	struct sql_row row;
	enum sql_rows next;

	op->carts = calloc((size_t)op->list.limit + 1, sizeof(struct cart));
	if (op->carts == NULL)
		return CART_BUSY;
	while ((next = sql_rows_next(rows, &row)) != SQL_ROWS_END) {
		struct cart *cart = next == SQL_ROWS_ONE ? list_cart(op, &row) : NULL;

		if (cart == NULL) {
			cart_op_set_reason(op, "rows are not what the schema says");
			return CART_FAILED;
		}
		if (!sql_rows_add_line(cart, &row))
			return CART_BUSY;
	}
	return CART_OK;
}

void sql_list_read(struct cart_op *op, MYSQL_RES *rows)
{
	op->result = list_read_rows(op, rows);
	if (op->result != CART_OK)
		return;
	/* They come in this order; nothing promises it. */
	qsort(op->carts, op->cart_count, sizeof(struct cart),
	      op->list.kind == CART_LIST_CUSTOMER ? list_compare_newest : list_compare_idle);
	op->more = op->cart_count > (size_t)op->list.limit;
	if (op->more)
		cart_clear(&op->carts[--op->cart_count]);
	if (op->cart_count == 0) {
		free(op->carts);
		op->carts = NULL;
	}
}
