#include "backends/dynamodb/item/rows.h"

#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/body_lines.h"
#include "backends/dynamodb/item/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_END   ",\"ReturnConsumedCapacity\":\"TOTAL\"}"
#define ROWS_KEYED "{\"cart_id\":"
#define ROWS_ROOM  (DDB_TRANSACTION_MAX - 1)

/* A row's expires_at as a write of this cart sets it; 0: none. */
static int64_t rows_expires_s(const struct ddb_rows_plan *plan)
{
	const struct cart_rules *rules = plan->table->rules;

	return plan->after->expires_ms == 0
		       ? 0
		       : ddb_removable_s(rules, plan->after->updated_ms + rules->ttl_ms);
}

/* The row does not go before the cart does, nor stay for ever when it has gone. */
static bool rows_keeps(const struct ddb_rows_plan *plan, const struct ddb_row *row)
{
	if (plan->after->expires_ms == 0 || row->expires_s == 0)
		return plan->after->expires_ms == 0 && row->expires_s == 0;
	return row->expires_s >= ddb_removable_s(plan->table->rules, plan->after->updated_ms);
}

static int rows_compare(const void *a, const void *b)
{
	const struct shop_id *product = a;
	const struct ddb_row *row = b;

	return shop_id_compare(product, &row->product_id);
}

static const struct ddb_row *rows_find(const struct ddb_item *item, const struct shop_id *product)
{
	return item->row_count == 0 ? NULL
				    : bsearch(product, item->rows, item->row_count,
					      sizeof(*item->rows), rows_compare);
}

static bool rows_same_line(const struct cart_line *a, const struct cart_line *b)
{
	return a->quantity == b->quantity && a->added_ms == b->added_ms &&
	       a->updated_ms == b->updated_ms &&
	       (a->attributes == NULL || b->attributes == NULL
			? a->attributes == b->attributes
			: strcmp(a->attributes, b->attributes) == 0);
}

static bool rows_puts(const struct ddb_rows_plan *plan, const struct cart_line *line)
{
	const struct cart_line *old;
	const struct ddb_row *row;

	if (plan->packed || plan->anew)
		return !plan->packed;
	row = rows_find(plan->before, &line->product_id);
	old = cart_find_line(&plan->before->cart, &line->product_id);
	return row == NULL || !row->current || old == NULL || !rows_same_line(old, line) ||
	       !rows_keeps(plan, row);
}

/* A line of the cart that is none any more; or any row of a cart that is removed. */
static bool rows_deletes(const struct ddb_rows_plan *plan, const struct ddb_row *row)
{
	if (plan->after == NULL)
		return true;
	return !plan->packed && !plan->anew && row->current &&
	       cart_find_line(plan->after, &row->product_id) == NULL;
}

/* It counts for nothing, and does not expire. */
static bool rows_is_left_over(const struct ddb_rows_plan *plan, const struct ddb_row *row)
{
	return row->expires_s == 0 && !rows_deletes(plan, row) &&
	       (plan->packed || cart_find_line(plan->after, &row->product_id) == NULL);
}

/* How many of them there is room for. */
static size_t rows_left_over(const struct ddb_rows_plan *plan)
{
	size_t count = 0, room = ROWS_ROOM - plan->puts - plan->deletes;

	for (size_t i = 0; plan->before != NULL && i < plan->before->row_count; i++)
		count += rows_is_left_over(plan, &plan->before->rows[i]);
	return count < room ? count : room;
}

static void rows_count(struct ddb_rows_plan *plan)
{
	plan->puts = plan->deletes = 0;
	for (size_t i = 0; plan->after != NULL && i < plan->after->line_count; i++)
		plan->puts += rows_puts(plan, &plan->after->lines[i]);
	for (size_t i = 0; plan->before != NULL && i < plan->before->row_count; i++)
		plan->deletes += rows_deletes(plan, &plan->before->rows[i]);
}

struct ddb_rows_plan ddb_rows_plan(const struct ddb_table *table, const struct ddb_item *before,
				   const struct cart *after)
{
	struct ddb_rows_plan plan = {.table = table, .before = before, .after = after};

	if (table->layout != DDB_LAYOUT_ROWS)
		return plan;
	plan.gen = before != NULL ? before->gen : 0;
	plan.anew = before == NULL || before->layout != DDB_LAYOUT_ROWS;
	rows_count(&plan);
	if (after == NULL)
		return plan;
	if (!plan.anew && after->line_count < plan.puts + plan.deletes) {
		plan.anew = true;
		rows_count(&plan);
	}
	/* What was bought must not expire, and is read by who asks for no rows. */
	if (plan.puts + plan.deletes > ROWS_ROOM || after->state != CART_OPEN) {
		plan.packed = true;
		rows_count(&plan);
	}
	plan.gen += plan.anew || plan.packed;
	if (plan.puts + plan.deletes > 0 || after->state != CART_OPEN)
		plan.sweeps = rows_left_over(&plan);
	return plan;
}

void ddb_add_packing(struct buf *body, const struct ddb_rows_plan *plan)
{
	static const char *const maps[3] = {",\"qty\":", ",\"added\":", ",\"updated\":"};
	char digest[DDB_DIGEST_ROOM];

	ddb_add_number(body, ",\"gen\":", plan->gen);
	if (plan->packed) {
		ddb_add_maps(body, plan->after, maps);
		return;
	}
	ddb_rows_digest(plan->after, digest);
	ddb_add_text(body, ",\"digest\":", digest);
}

static void rows_add_key(struct buf *body, const struct cart_id *id, const struct shop_id *product)
{
	ddb_add_id(body, ROWS_KEYED, id);
	buf_add_string(body, ",\"" DDB_ROW "\":{\"S\":\"" DDB_ROW_ITEM);
	ddb_add_escaped(body, product);
	buf_add_string(body, "\"}");
}

static void rows_add_put(struct buf *body, const struct ddb_rows_plan *plan,
			 const struct cart_line *line)
{
	int64_t expires_s = rows_expires_s(plan);

	buf_add_string(body, ",{\"Put\":{\"TableName\":\"");
	buf_add_string(body, plan->table->name);
	buf_add_string(body, "\",\"Item\":");
	rows_add_key(body, &plan->after->id, &line->product_id);
	ddb_add_number(body, ",\"quantity\":", line->quantity);
	ddb_add_number(body, ",\"added_at\":", line->added_ms);
	ddb_add_number(body, ",\"updated_at\":", line->updated_ms);
	if (line->attributes != NULL)
		ddb_add_attributes(body, ",\"attributes\":", line->attributes);
	ddb_add_number(body, ",\"gen\":", plan->gen);
	if (expires_s != 0)
		ddb_add_number(body, ",\"expires_at\":", expires_s);
	buf_add_string(body, "}}}");
}

static void rows_add_delete(struct buf *body, const struct ddb_rows_plan *plan,
			    const struct ddb_row *row)
{
	buf_add_string(body, ",{\"Delete\":{\"TableName\":\"");
	buf_add_string(body, plan->table->name);
	buf_add_string(body, "\",\"Key\":");
	rows_add_key(body, &plan->before->cart.id, &row->product_id);
	buf_add_string(body, "}}}");
}

/* The body becomes the first write of a transaction, whose list stays open. */
static void rows_begin(struct buf *body, const char *kind)
{
	char begin[48];
	size_t len = (size_t)snprintf(begin, sizeof(begin), "{\"TransactItems\":[{\"%s\":", kind);

	if (!buf_reserve(body, len))
		return;
	body->len -= strlen(ROWS_END);
	memmove(body->data + len, body->data, body->len);
	memcpy(body->data, begin, len);
	body->len += len;
	buf_add_string(body, "}}");
}

enum ddb_operation ddb_rows_finish(struct buf *body, const struct ddb_rows_plan *plan,
				   const char *kind, enum ddb_operation operation)
{
	size_t sweeps = plan->sweeps, deletes = ROWS_ROOM - plan->puts;

	if (plan->puts + plan->deletes + plan->sweeps == 0)
		return operation;
	rows_begin(body, kind);
	for (size_t i = 0; plan->after != NULL && i < plan->after->line_count; i++)
		if (rows_puts(plan, &plan->after->lines[i]))
			rows_add_put(body, plan, &plan->after->lines[i]);
	for (size_t i = 0; plan->before != NULL && i < plan->before->row_count; i++) {
		const struct ddb_row *row = &plan->before->rows[i];
		bool goes = rows_deletes(plan, row);
		size_t *left = goes ? &deletes : &sweeps;

		if (*left == 0 || (!goes && !rows_is_left_over(plan, row)))
			continue;
		rows_add_delete(body, plan, row);
		--*left;
	}
	buf_add_string(body, "]" ROWS_END);
	return DDB_TRANSACT_WRITE_ITEMS;
}
