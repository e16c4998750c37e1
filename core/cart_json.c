#include "core/cart_json.h"

#include "core/base/units.h"

void cart_json_write_time(struct buf *out, int64_t ms)
{
	char text[UNITS_TIME_TEXT + 3];

	text[0] = '"';
	units_format_time(ms, text + 1);
	text[UNITS_TIME_TEXT + 1] = '"';
	buf_add(out, text, UNITS_TIME_TEXT + 2);
}

void cart_json_write_id(struct buf *out, const struct cart_id *id)
{
	char text[CART_ID_TEXT + 3];

	text[0] = '"';
	cart_id_format(id, text + 1);
	text[CART_ID_TEXT + 1] = '"';
	buf_add(out, text, CART_ID_TEXT + 2);
}

/* A literal with its length known to the compiler. */
#define CART_JSON_ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

void cart_json_write_id_or_null(struct buf *out, const struct cart_id *id)
{
	if (cart_id_is_nil(id))
		CART_JSON_ADD(out, "null");
	else
		cart_json_write_id(out, id);
}

void cart_json_write_shop_id_text(struct buf *out, const struct shop_id *id)
{
	char *at;

	if (!buf_reserve(out, SHOP_ID_ESCAPED + 2))
		return;
	at = out->data + out->len;
	*at++ = '"';
	at = shop_id_escape(at, id);
	*at++ = '"';
	out->len = (size_t)(at - out->data);
}

void cart_json_write_shop_id(struct buf *out, const struct shop_id *id)
{
	if (shop_id_type() == SHOP_ID_INTEGER)
		buf_add(out, id->text, id->size);
	else
		cart_json_write_shop_id_text(out, id);
}

static void cart_json_line(struct buf *out, const struct cart_line *line)
{
	CART_JSON_ADD(out, "{\"product_id\":");
	cart_json_write_shop_id(out, &line->product_id);
	CART_JSON_ADD(out, ",\"quantity\":");
	buf_add_integer(out, line->quantity);
	CART_JSON_ADD(out, ",\"added_at\":");
	cart_json_write_time(out, line->added_ms);
	CART_JSON_ADD(out, ",\"updated_at\":");
	cart_json_write_time(out, line->updated_ms);
	if (line->attributes != NULL) {
		CART_JSON_ADD(out, ",\"attributes\":");
		buf_add_string(out, line->attributes);
	}
	CART_JSON_ADD(out, "}");
}

/* All before the lines. */
static void cart_json_head(struct buf *out, const struct cart *cart)
{
	CART_JSON_ADD(out, "{\"shopping_cart_id\":");
	cart_json_write_id(out, &cart->id);
	CART_JSON_ADD(out, ",\"customer_id\":");
	if (cart->customer_id.size > 0)
		cart_json_write_shop_id(out, &cart->customer_id);
	else
		CART_JSON_ADD(out, "null");
	CART_JSON_ADD(out, ",\"status\":\"");
	buf_add_string(out, cart_state_name(cart->state));
	CART_JSON_ADD(out, "\",\"version\":");
	buf_add_integer(out, cart->version);
	CART_JSON_ADD(out, ",\"created_at\":");
	cart_json_write_time(out, cart->created_ms);
	CART_JSON_ADD(out, ",\"updated_at\":");
	cart_json_write_time(out, cart->updated_ms);
	CART_JSON_ADD(out, ",\"expires_at\":");
	if (cart->expires_ms == 0)
		CART_JSON_ADD(out, "null");
	else
		cart_json_write_time(out, cart->expires_ms);
	CART_JSON_ADD(out, ",\"order_id\":");
	cart_json_write_id_or_null(out, &cart->order_id);
	if (cart->state == CART_MERGED) {
		CART_JSON_ADD(out, ",\"merged_into\":");
		cart_json_write_id(out, &cart->merged_into);
	}
}

void cart_json_write(struct buf *out, const struct cart *cart)
{
	cart_json_head(out, cart);
	CART_JSON_ADD(out, ",\"items\":[");
	for (size_t i = 0; i < cart->line_count; i++) {
		if (i > 0)
			CART_JSON_ADD(out, ",");
		cart_json_line(out, &cart->lines[i]);
	}
	CART_JSON_ADD(out, "]}");
}

void cart_json_write_head(struct buf *out, const struct cart *cart)
{
	cart_json_head(out, cart);
	CART_JSON_ADD(out, "}");
}

void cart_json_write_line(struct buf *out, const struct cart_line *line)
{
	cart_json_line(out, line);
}
