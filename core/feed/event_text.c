#include "core/feed/event_text.h"

#include "core/cart_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool event_is_removal(const struct cart_event *event)
{
	return event->type == CART_EVENT_DELETED || event->type == CART_EVENT_EXPIRED;
}

static void event_write_id(struct buf *out, const struct cart_id *id)
{
	char text[CART_ID_TEXT + 3];

	if (cart_id_is_nil(id)) {
		buf_add(out, "null,", 5);
		return;
	}
	text[0] = '"';
	cart_id_format(id, text + 1);
	text[CART_ID_TEXT + 1] = '"';
	text[CART_ID_TEXT + 2] = ',';
	buf_add(out, text, sizeof(text));
}

static void event_write_number(struct buf *out, int64_t number)
{
	buf_add_integer(out, number);
	buf_add_char(out, ',');
}

static void event_write_changes(struct buf *out, const struct cart_event *event)
{
	buf_add_char(out, '[');
	for (size_t i = 0; event->type != CART_EVENT_CREATED && i < event->change_count; i++) {
		buf_add(out, i == 0 ? "[" : ",[", i == 0 ? 1 : 2);
		cart_lines_write_id(out, &event->changes[i].product_id);
		buf_add_char(out, ',');
		buf_add_integer(out, event->changes[i].was);
		buf_add_char(out, ']');
	}
	buf_add_char(out, ']');
}

void cart_event_text_write(struct buf *out, const struct cart_event *event)
{
	const struct cart *cart = &event->cart;

	if (cart->version == 0) {
		buf_add_string(out, "[" CART_EVENT_FORM "]");
		return;
	}
	buf_add_string(out, "[" CART_EVENT_FORM ",");
	if (cart->customer_id.size > 0)
		cart_lines_write_id(out, &cart->customer_id);
	else
		buf_add(out, "null", 4);
	buf_add_char(out, ',');
	event_write_number(out, cart->state);
	event_write_number(out, cart->created_ms);
	event_write_number(out, cart->updated_ms);
	event_write_number(out, cart->expires_ms);
	event_write_id(out, &cart->order_id);
	event_write_id(out, &cart->merged_into);
	event_write_id(out, &event->from);
	cart_lines_write(out, cart);
	buf_add_char(out, ',');
	event_write_changes(out, event);
	buf_add_char(out, ']');
}

static bool event_take_id(struct take *take, struct cart_id *id)
{
	if (take_text(take, "null,"))
		return true;
	if (take->end - take->at < CART_ID_TEXT + 3 || !take_char(take, '"') ||
	    !cart_id_parse(id, take->at, CART_ID_TEXT) || cart_id_is_nil(id))
		return false;
	take->at += CART_ID_TEXT;
	return take_text(take, "\",");
}

static bool event_take_number(struct take *take, int64_t *number)
{
	return take_number(take, number) && take_char(take, ',');
}

static bool event_take_customer(struct take *take, struct shop_id *id)
{
	if (take_text(take, "null,"))
		return true;
	return cart_lines_take_id(take, id) && shop_id_is_valid(id) && take_char(take, ',');
}

/* All before the lines. */
static bool event_take_head(struct take *take, struct cart_event *event)
{
	struct cart *cart = &event->cart;
	int64_t state;

	if (!event_take_customer(take, &cart->customer_id) || !event_take_number(take, &state) ||
	    !event_take_number(take, &cart->created_ms) ||
	    !event_take_number(take, &cart->updated_ms) ||
	    !event_take_number(take, &cart->expires_ms) || !event_take_id(take, &cart->order_id) ||
	    !event_take_id(take, &cart->merged_into) || !event_take_id(take, &event->from))
		return false;
	cart->id = event->id;
	cart->version = event->version - event_is_removal(event);
	/* Of any number, so that the enum gets none that it does not have. */
	cart->state = state == CART_OPEN	  ? CART_OPEN
		      : state == CART_CHECKED_OUT ? CART_CHECKED_OUT
						  : CART_MERGED;
	return state <= CART_MERGED && cart_is_sound(cart);
}

static bool event_take_change(struct take *take, struct cart_event *event)
{
	struct cart_event_change *change = &event->changes[event->change_count];
	const struct cart_line *line;

	*change = (struct cart_event_change){0};
	if (!take_char(take, '[') || !cart_lines_take_id(take, &change->product_id) ||
	    !shop_id_is_valid(&change->product_id) || !take_char(take, ',') ||
	    !take_number(take, &change->was) || change->was > CART_QUANTITY_MAX ||
	    !take_char(take, ']'))
		return false;
	line = cart_find_line(&event->cart, &change->product_id);
	if (line != NULL) {
		change->quantity = line->quantity;
		change->attributes = line->attributes;
	}
	if (event->change_count > 0 &&
	    shop_id_compare(&change[-1].product_id, &change->product_id) >= 0)
		return false;
	event->change_count++;
	return true;
}

/* Of CREATED: all lines. */
static void event_fill_created(struct cart_event *event)
{
	for (size_t i = 0; i < event->cart.line_count; i++) {
		const struct cart_line *line = &event->cart.lines[i];

		event->changes[event->change_count++] = (struct cart_event_change){
			.product_id = line->product_id,
			.quantity = line->quantity,
			.attributes = line->attributes,
		};
	}
}

static enum cart_result event_take_changes(struct take *take, struct cart_event *event)
{
	size_t room = event->type == CART_EVENT_CREATED ? event->cart.line_count : 0;

	for (const char *at = take->at; at < take->end; at++)
		room += *at == '[';
	event->changes = calloc(room > 0 ? room : 1, sizeof(*event->changes));
	if (event->changes == NULL)
		return CART_BUSY;
	if (!take_char(take, '['))
		return CART_DAMAGED;
	while (take->at < take->end && *take->at != ']') {
		if (event->change_count > 0 && !take_char(take, ','))
			return CART_DAMAGED;
		if (!event_take_change(take, event))
			return CART_DAMAGED;
	}
	if (event->type == CART_EVENT_CREATED) {
		if (event->change_count > 0)
			return CART_DAMAGED;
		event_fill_created(event);
	}
	return take_text(take, "]]") && take->at == take->end ? CART_OK : CART_DAMAGED;
}

static enum cart_result event_take(struct take *take, struct cart_event *event, const char **why)
{
	enum cart_result result;
	int64_t form;

	*why = "it is no event";
	if (!take_char(take, '[') || !take_number(take, &form) || form < 1)
		return CART_DAMAGED;
	if (form > atoi(CART_EVENT_FORM)) {
		*why = "a newer version of this program has written it";
		return CART_FAILED;
	}
	if (take_text(take, "]") && take->at == take->end)
		return CART_OK;
	if (!take_char(take, ',') || !event_take_head(take, event))
		return CART_DAMAGED;
	result = cart_lines_take(take, &event->cart);
	if (result != CART_OK)
		return result;
	if (!cart_lines_are_valid(&event->cart) || !take_char(take, ','))
		return CART_DAMAGED;
	return event_take_changes(take, event);
}

enum cart_result cart_event_text_read(struct cart_event *event, const char *text, size_t len,
				      char reason[CART_EVENT_REASON])
{
	struct cart_event columns = {.type = event->type,
				     .id = event->id,
				     .version = event->version,
				     .at_ms = event->at_ms};
	struct take take = {.at = text, .end = text + len};
	enum cart_result result = CART_DAMAGED;
	const char *why = "its columns are not those of an event";
	char id[CART_ID_TEXT + 1];

	if (event->type > CART_EVENT_NONE && event->type < CART_EVENT_TYPES &&
	    event->version >= 1 && event->version <= CART_VERSION_MAX && event->at_ms >= 0 &&
	    event->at_ms <= CART_TIME_MAX_MS)
		result = event_take(&take, event, &why);
	if (result == CART_OK)
		return CART_OK;
	cart_id_format(&event->id, id);
	snprintf(reason, CART_EVENT_REASON, "event %s:%lld cannot be read: %s", id,
		 (long long)event->version, result == CART_BUSY ? "no memory" : why);
	cart_event_clear(event);
	*event = columns;
	return result;
}
