#include "backends/mysql/outbox.h"

#include "backends/mysql/rows.h"
#include "core/base/hex.h"
#include "core/cart_attributes.h"
#include "core/cart_diff.h"

#include <stdio.h>
#include <string.h>

/* A subquery's fixed cost is that of the table which the server makes for GROUP_CONCAT. It would be
 * one on the disk if a value could be longer than 512 bytes, hence the two halves of attributes. */
#define OUTBOX_CARTS                                                                               \
	"(SELECT GROUP_CONCAT(c.id, COALESCE(c.customer_id, ''), ' ', c.state, ' ', c.version,"    \
	" ' ', c.created_ms, ' ', c.updated_ms, ' ', c.expires_ms, ' ', COALESCE(HEX(c.order_id)," \
	" HEX(c.merged_into), '') SEPARATOR '\n') FROM carts c FORCE INDEX (PRIMARY) WHERE c.id"   \
	" IN ("
#define OUTBOX_ITEMS                                                                               \
	"COALESCE((SELECT GROUP_CONCAT(i.cart_id, i.product_id, ' ', i.quantity, ' ', i.added_ms," \
	" ' ', i.updated_ms, ' ', COALESCE(SUBSTRING(i.attributes, 1, 512), ''),"                  \
	" COALESCE(SUBSTRING(i.attributes, 513), '') SEPARATOR '\n') FROM" SQL_LINES               \
	" WHERE i.cart_id IN ("

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

/* " " and the number. */
static void outbox_integer(struct sql_text *text, int64_t number)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), " %lld", (long long)number);

	outbox_add(text, digits, (size_t)len);
}

void sql_outbox_begin(struct sql_text *text, int64_t at_ms)
{
	sql_statement(text, SQL_EVENTS,
		      "INSERT INTO cart_events (at_ms, events, carts, items) VALUES (");
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
	outbox_add(text, " ", 1);
	outbox_add(text, product_id->text, product_id->size);
	outbox_integer(text, difference);
}

void sql_outbox_event_end(struct sql_text *text)
{
	outbox_add(text, "\n", 1);
}

void sql_outbox_carts(struct sql_text *text)
{
	sql_add(text, "', " OUTBOX_CARTS);
}

void sql_outbox_lines(struct sql_text *text, int64_t token)
{
	sql_add(text, ") AND c.op = ");
	sql_add_integer(text, token);
	sql_add(text, "), " OUTBOX_ITEMS);
}

void sql_outbox_end(struct sql_text *text)
{
	sql_add(text, ")), ''))");
}

void sql_outbox_end_removed(struct sql_text *text)
{
	sql_add(text, ")), '')");
}

static void outbox_cart(struct sql_text *text, const struct cart *cart)
{
	const struct cart_id *other =
		cart_id_is_nil(&cart->order_id) ? &cart->merged_into : &cart->order_id;

	outbox_add(text, cart->id.bytes, sizeof(cart->id.bytes));
	outbox_add(text, cart->customer_id.text, cart->customer_id.size);
	outbox_integer(text, cart->state);
	outbox_integer(text, cart->version);
	outbox_integer(text, cart->created_ms);
	outbox_integer(text, cart->updated_ms);
	outbox_integer(text, cart->expires_ms);
	outbox_add(text, " ", 1);
	if (!cart_id_is_nil(other))
		outbox_add_id(text, other);
}

static void outbox_items(struct sql_text *text, const struct cart *cart)
{
	for (size_t i = 0; i < cart->line_count; i++) {
		const struct cart_line *line = &cart->lines[i];

		outbox_add(text, cart->id.bytes, sizeof(cart->id.bytes));
		outbox_add(text, line->product_id.text, line->product_id.size);
		outbox_integer(text, line->quantity);
		outbox_integer(text, line->added_ms);
		outbox_integer(text, line->updated_ms);
		outbox_add(text, " ", 1);
		if (line->attributes != NULL)
			outbox_add(text, line->attributes, strlen(line->attributes));
		outbox_add(text, "\n", 1);
	}
}

/* Ends the row: the carts are these. */
static void outbox_known(struct sql_text *text, const struct cart *const *carts, size_t count)
{
	sql_add(text, "', x'");
	for (size_t i = 0; i < count; i++) {
		outbox_cart(text, carts[i]);
		outbox_add(text, "\n", 1);
	}
	sql_add(text, "', x'");
	for (size_t i = 0; i < count; i++)
		outbox_items(text, carts[i]);
	sql_add(text, "')");
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
		     int64_t now_ms)
{
	sql_outbox_begin(text, now_ms);
	sql_outbox_event(text, outbox_type(before, after), &after->id);
	if (before != NULL)
		outbox_diff(text, before, after);
	sql_outbox_event_end(text);
	outbox_known(text, &after, 1);
}

void sql_outbox_tell_merge(struct sql_text *text, const struct cart *before,
			   const struct cart *after, const struct cart *from, int64_t now_ms)
{
	static const struct cart_id none;
	const struct cart *carts[] = {from, after};

	sql_outbox_begin(text, now_ms);
	sql_outbox_event(text, CART_EVENT_MERGED, &from->id);
	outbox_from(text, &none);
	sql_outbox_event_end(text);
	if (after->version != before->version) {
		sql_outbox_event(text, CART_EVENT_MERGED, &after->id);
		outbox_from(text, &from->id);
		outbox_diff(text, before, after);
		sql_outbox_event_end(text);
	}
	outbox_known(text, carts, 2);
}
