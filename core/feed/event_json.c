#include "core/feed/event_json.h"

#include "core/cart_json.h"

#define EVENT_ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

static void event_json_change(struct buf *out, const struct cart_event_change *change)
{
	EVENT_ADD(out, "{\"product_id\":");
	cart_json_write_shop_id(out, &change->product_id);
	EVENT_ADD(out, ",\"quantity\":");
	buf_add_integer(out, change->quantity);
	EVENT_ADD(out, ",\"was\":");
	buf_add_integer(out, change->was);
	if (change->attributes != NULL) {
		EVENT_ADD(out, ",\"attributes\":");
		buf_add_string(out, change->attributes);
	}
	EVENT_ADD(out, "}");
}

static void event_json_data(struct buf *out, const struct cart_event *event)
{
	EVENT_ADD(out, "{\"version\":");
	buf_add_integer(out, event->version);
	EVENT_ADD(out, ",\"cart\":");
	if (event->cart.version == 0)
		EVENT_ADD(out, "null");
	else if (event->type == CART_EVENT_DELETED || event->type == CART_EVENT_EXPIRED)
		cart_json_write_head(out, &event->cart);
	else
		cart_json_write(out, &event->cart);
	EVENT_ADD(out, ",\"changes\":[");
	for (size_t i = 0; i < event->change_count; i++) {
		if (i > 0)
			EVENT_ADD(out, ",");
		event_json_change(out, &event->changes[i]);
	}
	EVENT_ADD(out, "]");
	if (!cart_id_is_nil(&event->from)) {
		EVENT_ADD(out, ",\"from\":");
		cart_json_write_id(out, &event->from);
	}
	EVENT_ADD(out, "}");
}

void cart_event_json_write(struct buf *out, const struct cart_event *event, bool with_cursor)
{
	char id[CART_ID_TEXT + 1];

	cart_id_format(&event->id, id);
	EVENT_ADD(out, "{\"specversion\":\"1.0\",\"id\":\"");
	buf_add(out, id, CART_ID_TEXT);
	EVENT_ADD(out, ":");
	buf_add_integer(out, event->version);
	EVENT_ADD(out, "\",\"source\":\"/shopping-carts\",\"type\":\"cart.");
	buf_add_string(out, cart_event_type_name(event->type));
	EVENT_ADD(out, "\",\"subject\":\"");
	buf_add(out, id, CART_ID_TEXT);
	EVENT_ADD(out, "\",\"time\":");
	cart_json_write_time(out, event->at_ms);
	EVENT_ADD(out, ",\"datacontenttype\":\"application/json\"");
	if (with_cursor && event->cursor != NULL) {
		EVENT_ADD(out, ",\"cursor\":");
		buf_add_json_string(out, event->cursor);
	}
	EVENT_ADD(out, ",\"data\":");
	event_json_data(out, event);
	EVENT_ADD(out, "}");
}
