#include "backends/mysql/outbox.h"

#include "backends/mysql/rows.h"
#include "core/base/hex.h"
#include "core/cart_attributes.h"
#include "core/cart_diff.h"

#include <stdio.h>

#define OUTBOX_CART                                                                                \
	"', COALESCE((SELECT GROUP_CONCAT(CONCAT_WS(' ', HEX(c.id), COALESCE(c.customer_id, ''),"  \
	" c.state, c.version, c.created_ms, c.updated_ms, c.expires_ms,"                           \
	" COALESCE(HEX(c.order_id), ''), COALESCE(HEX(c.merged_into), '')"
#define OUTBOX_FROM ") SEPARATOR '\n') FROM carts c FORCE INDEX (PRIMARY)"

/* Bytes within x'...'. */
static void outbox_add(struct sql_text *text, const void *bytes, size_t size)
{
	struct buf *buf = &text->buf;

	if (buf_reserve(buf, 2 * size))
		buf->len = (size_t)(hex_write(buf->data + buf->len, bytes, size) - buf->data);
}

static void outbox_add_id(struct sql_text *text, const struct cart_id *id)
{
	char digits[2 * sizeof(id->bytes)];

	hex_write(digits, id->bytes, sizeof(id->bytes));
	outbox_add(text, digits, sizeof(digits));
}

void sql_outbox_begin(struct sql_text *text, int64_t at_ms)
{
	sql_statement(text, SQL_EVENTS, "INSERT INTO cart_events (at_ms, events, carts) VALUES (");
	sql_add_integer(text, at_ms);
	sql_add(text, ", x'");
}

void sql_outbox_event(struct sql_text *text, enum cart_event_type type, const struct cart_id *id)
{
	const char head[] = {(char)('0' + type), ' '};

	outbox_add(text, head, sizeof(head));
	outbox_add_id(text, id);
}

/* Of MERGED: the cart whose lines came; nil for the cart that was closed. */
static void outbox_from(struct sql_text *text, const struct cart_id *from)
{
	outbox_add(text, " ", 1);
	outbox_add_id(text, from);
}

void sql_outbox_change(struct sql_text *text, const struct shop_id *product_id, int64_t difference)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), " %lld", (long long)difference);

	outbox_add(text, " ", 1);
	outbox_add(text, product_id->text, product_id->size);
	outbox_add(text, digits, (size_t)len);
}

void sql_outbox_event_end(struct sql_text *text)
{
	outbox_add(text, "\n", 1);
}

void sql_outbox_carts(struct sql_text *text)
{
	sql_add(text, OUTBOX_CART SQL_LINE_COLUMNS OUTBOX_FROM SQL_JOIN_LINES " WHERE c.id IN (");
}

void sql_outbox_removed_carts(struct sql_text *text)
{
	sql_add(text, OUTBOX_CART OUTBOX_FROM " WHERE c.id IN (");
}

void sql_outbox_end(struct sql_text *text)
{
	sql_add(text, ")), " SQL_FAIL "))");
}

void sql_outbox_end_marked(struct sql_text *text, int64_t token)
{
	sql_add(text, ") AND c.op = ");
	sql_add_integer(text, token);
	sql_add(text, "), " SQL_FAIL "))");
}

/* A line whose times alone differ has not changed. */
static void outbox_diff(struct sql_text *text, const struct cart *before, const struct cart *after)
{
	struct cart_diff diff;

	cart_diff_begin(&diff, before, after);
	while (cart_diff_next(&diff)) {
		const struct cart_line *was = diff.before, *is = diff.after;

		if (was != NULL && is != NULL && was->quantity == is->quantity &&
		    cart_attributes_equal(was->attributes, is->attributes))
			continue;
		sql_outbox_change(text, was != NULL ? &was->product_id : &is->product_id,
				  (is != NULL ? is->quantity : 0) -
					  (was != NULL ? was->quantity : 0));
	}
}

static enum cart_event_type outbox_type(const struct cart *before, const struct cart *after)
{
	if (before == NULL)
		return CART_EVENT_CREATED;
	if (before->state == after->state)
		return CART_EVENT_CHANGED;
	return after->state == CART_OPEN ? CART_EVENT_REOPENED : CART_EVENT_CHECKED_OUT;
}

void sql_outbox_tell(struct sql_text *text, const struct cart *before, const struct cart *after,
		     int64_t now_ms, int64_t token)
{
	sql_outbox_begin(text, now_ms);
	sql_outbox_event(text, outbox_type(before, after), &after->id);
	if (before != NULL)
		outbox_diff(text, before, after);
	sql_outbox_event_end(text);
	sql_outbox_carts(text);
	sql_add_id(text, &after->id);
	sql_outbox_end_marked(text, token);
}

void sql_outbox_tell_merge(struct sql_text *text, const struct cart *before,
			   const struct cart *after, const struct cart_id *from, int64_t now_ms,
			   int64_t token)
{
	static const struct cart_id none;

	sql_outbox_begin(text, now_ms);
	sql_outbox_event(text, CART_EVENT_MERGED, from);
	outbox_from(text, &none);
	sql_outbox_event_end(text);
	if (after->version != before->version) {
		sql_outbox_event(text, CART_EVENT_MERGED, &after->id);
		outbox_from(text, from);
		outbox_diff(text, before, after);
		sql_outbox_event_end(text);
	}
	sql_outbox_carts(text);
	sql_add_id(text, from);
	sql_add(text, ",");
	sql_add_id(text, &after->id);
	sql_outbox_end_marked(text, token);
}
