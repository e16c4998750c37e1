#include "core/feed/event_pack.h"

#include "core/cart_attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PACK_STATE = 3,
	PACK_ORDER = 4,
	PACK_INTO = 8,
	PACK_FROM = 16,
	PACK_FLAGS = PACK_STATE | PACK_ORDER | PACK_INTO | PACK_FROM,
};

/* Bytes of the longest number. */
#define PACK_NUMBER 10
/* Of a line or a change in the least: the length of a text, a byte of it, and a number. */
#define PACK_LEAST 3

static char *pack_number(char *to, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*to++ = (char)(number | 0x80);
	*to++ = (char)number;
	return to;
}

/* later - earlier, which mostly is not negative and small. */
static char *pack_difference(char *to, int64_t later, int64_t earlier)
{
	uint64_t difference = (uint64_t)later - (uint64_t)earlier;

	return pack_number(to, (difference << 1) ^ (uint64_t)((int64_t)difference >> 63));
}

static char *pack_bytes(char *to, const void *bytes, size_t size)
{
	memcpy(to, bytes, size);
	return to + size;
}

static char *pack_shop_id(char *to, const struct shop_id *id)
{
	*to++ = (char)id->size;
	return pack_bytes(to, id->text, id->size);
}

static char *pack_head(char *to, const struct cart_event *event)
{
	const struct cart *cart = &event->cart;
	bool order = !cart_id_is_nil(&cart->order_id), into = !cart_id_is_nil(&cart->merged_into),
	     from = !cart_id_is_nil(&event->from);

	*to++ = CART_EVENT_FORM;
	*to++ = (char)((int)cart->state | (order ? PACK_ORDER : 0) | (into ? PACK_INTO : 0) |
		       (from ? PACK_FROM : 0));
	to = pack_shop_id(to, &cart->customer_id);
	to = pack_difference(to, event->at_ms, cart->updated_ms);
	to = pack_difference(to, cart->updated_ms, cart->created_ms);
	*to++ = cart->expires_ms != 0;
	if (cart->expires_ms != 0)
		to = pack_difference(to, cart->expires_ms, cart->updated_ms);
	if (order)
		to = pack_bytes(to, cart->order_id.bytes, sizeof(cart->order_id.bytes));
	if (into)
		to = pack_bytes(to, cart->merged_into.bytes, sizeof(cart->merged_into.bytes));
	return from ? pack_bytes(to, event->from.bytes, sizeof(event->from.bytes)) : to;
}

static void pack_line(struct buf *out, const struct cart *cart, const struct cart_line *line)
{
	size_t attributes = line->attributes != NULL ? strlen(line->attributes) : 0;
	char *to;

	if (!buf_reserve(out, sizeof(struct shop_id) + 4 * PACK_NUMBER + attributes))
		return;
	to = pack_shop_id(out->data + out->len, &line->product_id);
	to = pack_number(to, (uint64_t)line->quantity);
	to = pack_difference(to, cart->updated_ms, line->updated_ms);
	to = pack_difference(to, line->updated_ms, line->added_ms);
	to = pack_number(to, attributes);
	if (attributes > 0)
		to = pack_bytes(to, line->attributes, attributes);
	out->len = (size_t)(to - out->data);
}

static void pack_count(struct buf *out, size_t count)
{
	if (buf_reserve(out, PACK_NUMBER))
		out->len = (size_t)(pack_number(out->data + out->len, count) - out->data);
}

static void pack_change(struct buf *out, const struct cart_event_change *change)
{
	char *to;

	if (!buf_reserve(out, sizeof(struct shop_id) + PACK_NUMBER))
		return;
	to = pack_shop_id(out->data + out->len, &change->product_id);
	to = pack_number(to, (uint64_t)change->was);
	out->len = (size_t)(to - out->data);
}

void cart_event_pack(struct buf *out, const struct cart_event *event)
{
	const struct cart *cart = &event->cart;
	size_t changes = event->type != CART_EVENT_CREATED ? event->change_count : 0;

	if (cart->version == 0) {
		buf_add_char(out, CART_EVENT_FORM);
		return;
	}
	if (buf_reserve(out, 3 + sizeof(struct shop_id) + 3 * PACK_NUMBER + 3 * CART_ID_BYTES))
		out->len = (size_t)(pack_head(out->data + out->len, event) - out->data);
	pack_count(out, cart->line_count);
	for (size_t i = 0; i < cart->line_count; i++)
		pack_line(out, cart, &cart->lines[i]);
	pack_count(out, changes);
	for (size_t i = 0; i < changes; i++)
		pack_change(out, &event->changes[i]);
}

struct unpack {
	const uint8_t *at;
	const uint8_t *end;
};

static size_t unpack_left(const struct unpack *in)
{
	return (size_t)(in->end - in->at);
}

static bool unpack_byte(struct unpack *in, unsigned *byte)
{
	if (in->at == in->end)
		return false;
	*byte = *in->at++;
	return true;
}

/* Refuses zeros at its end, which are never written, and what has more than 64 bits. */
static bool unpack_number(struct unpack *in, uint64_t *number)
{
	unsigned byte;

	*number = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!unpack_byte(in, &byte) || (shift == 63 && byte > 1))
			return false;
		*number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return byte > 0 || shift == 0;
	}
	return false;
}

/* Whatever the number is; the caller says whether it is one of its kind. */
static bool unpack_integer(struct unpack *in, int64_t *number)
{
	uint64_t value;

	if (!unpack_number(in, &value))
		return false;
	*number = (int64_t)value;
	return true;
}

static int64_t unpack_signed(uint64_t number)
{
	return (int64_t)((number >> 1) ^ (0 - (number & 1)));
}

static bool unpack_earlier(struct unpack *in, int64_t later, int64_t *earlier)
{
	uint64_t number;

	if (!unpack_number(in, &number))
		return false;
	*earlier = (int64_t)((uint64_t)later - (uint64_t)unpack_signed(number));
	return true;
}

static bool unpack_later(struct unpack *in, int64_t earlier, int64_t *later)
{
	uint64_t number;

	if (!unpack_number(in, &number))
		return false;
	*later = (int64_t)((uint64_t)earlier + (uint64_t)unpack_signed(number));
	return true;
}

static bool unpack_bytes(struct unpack *in, void *bytes, size_t size)
{
	if (unpack_left(in) < size)
		return false;
	memcpy(bytes, in->at, size);
	in->at += size;
	return true;
}

/* Of the type in force, or none. */
static bool unpack_shop_id(struct unpack *in, struct shop_id *id)
{
	unsigned size;

	*id = (struct shop_id){0};
	if (!unpack_byte(in, &size) || unpack_left(in) < size)
		return false;
	in->at += size;
	return size == 0 || shop_id_parse(id, (const char *)in->at - size, size);
}

static bool unpack_id(struct unpack *in, bool there, struct cart_id *id)
{
	return !there || (unpack_bytes(in, id->bytes, sizeof(id->bytes)) && !cart_id_is_nil(id));
}

static bool unpack_expiry(struct unpack *in, struct cart *cart)
{
	unsigned expires;

	if (!unpack_byte(in, &expires) || expires > 1)
		return false;
	return expires == 0 ||
	       (unpack_later(in, cart->updated_ms, &cart->expires_ms) && cart->expires_ms != 0);
}

/* All before the lines. */
static bool unpack_head(struct unpack *in, struct cart_event *event)
{
	bool removal = event->type == CART_EVENT_DELETED || event->type == CART_EVENT_EXPIRED;
	struct cart *cart = &event->cart;
	unsigned flags;

	cart->id = event->id;
	cart->version = event->version - removal;
	if (!unpack_byte(in, &flags) || (flags & ~(unsigned)PACK_FLAGS) != 0 ||
	    !unpack_shop_id(in, &cart->customer_id) ||
	    !unpack_earlier(in, event->at_ms, &cart->updated_ms) ||
	    !unpack_earlier(in, cart->updated_ms, &cart->created_ms) || !unpack_expiry(in, cart) ||
	    !unpack_id(in, flags & PACK_ORDER, &cart->order_id) ||
	    !unpack_id(in, flags & PACK_INTO, &cart->merged_into) ||
	    !unpack_id(in, flags & PACK_FROM, &event->from) ||
	    (flags & PACK_STATE) > (unsigned)CART_MERGED)
		return false;
	cart->state = (enum cart_state)(flags & PACK_STATE);
	return cart_is_sound(cart);
}

static enum cart_result unpack_attributes(struct unpack *in, struct cart_line *line)
{
	uint64_t size;

	line->attributes = NULL;
	if (!unpack_number(in, &size) || size > unpack_left(in))
		return CART_DAMAGED;
	if (size == 0)
		return CART_OK;
	if (!cart_attributes_are_sound((const char *)in->at, (size_t)size))
		return CART_DAMAGED;
	line->attributes = strndup((const char *)in->at, (size_t)size);
	in->at += size;
	return line->attributes != NULL ? CART_OK : CART_BUSY;
}

/* The cart has room for it. */
static enum cart_result unpack_line(struct unpack *in, struct cart *cart)
{
	struct cart_line *line = &cart->lines[cart->line_count];
	enum cart_result result;

	*line = (struct cart_line){0};
	if (!unpack_shop_id(in, &line->product_id) || line->product_id.size == 0 ||
	    (cart->line_count > 0 &&
	     shop_id_compare(&line[-1].product_id, &line->product_id) >= 0) ||
	    !unpack_integer(in, &line->quantity) ||
	    !unpack_earlier(in, cart->updated_ms, &line->updated_ms) ||
	    !unpack_earlier(in, line->updated_ms, &line->added_ms) || !cart_line_is_sound(line))
		return CART_DAMAGED;
	result = unpack_attributes(in, line);
	if (result == CART_OK)
		cart->line_count++;
	return result;
}

/* A number of lines or changes, for which the bytes that are left can suffice. */
static bool unpack_count(struct unpack *in, size_t *count)
{
	uint64_t number;

	if (!unpack_number(in, &number) || number > unpack_left(in) / PACK_LEAST)
		return false;
	*count = (size_t)number;
	return true;
}

static enum cart_result unpack_lines(struct unpack *in, struct cart *cart)
{
	enum cart_result result = CART_OK;
	size_t count;

	if (!unpack_count(in, &count))
		return CART_DAMAGED;
	if (!cart_reserve_lines(cart, count))
		return CART_BUSY;
	while (result == CART_OK && cart->line_count < count)
		result = unpack_line(in, cart);
	return result;
}

static void unpack_fill(struct cart_event_change *change, const struct cart_line *line)
{
	if (line == NULL)
		return;
	change->quantity = line->quantity;
	change->attributes = line->attributes;
}

static bool unpack_change(struct unpack *in, struct cart_event *event)
{
	struct cart_event_change *change = &event->changes[event->change_count];

	*change = (struct cart_event_change){0};
	if (!unpack_shop_id(in, &change->product_id) || change->product_id.size == 0 ||
	    (event->change_count > 0 &&
	     shop_id_compare(&change[-1].product_id, &change->product_id) >= 0) ||
	    !unpack_integer(in, &change->was) || change->was < 0 || change->was > CART_QUANTITY_MAX)
		return false;
	unpack_fill(change, cart_find_line(&event->cart, &change->product_id));
	event->change_count++;
	return true;
}

/* Of CREATED: all lines. */
static void unpack_created(struct cart_event *event)
{
	for (size_t i = 0; i < event->cart.line_count; i++) {
		struct cart_event_change *change = &event->changes[event->change_count++];

		*change = (struct cart_event_change){.product_id = event->cart.lines[i].product_id};
		unpack_fill(change, &event->cart.lines[i]);
	}
}

static enum cart_result unpack_changes(struct unpack *in, struct cart_event *event)
{
	bool created = event->type == CART_EVENT_CREATED;
	size_t count, room;

	if (!unpack_count(in, &count) || (created && count > 0))
		return CART_DAMAGED;
	room = created ? event->cart.line_count : count;
	if (room > 0 && (event->changes = calloc(room, sizeof(*event->changes))) == NULL)
		return CART_BUSY;
	if (created)
		unpack_created(event);
	while (!created && event->change_count < count)
		if (!unpack_change(in, event))
			return CART_DAMAGED;
	return CART_OK;
}

static enum cart_result unpack_event(struct unpack *in, struct cart_event *event, const char **why)
{
	enum cart_result result;
	unsigned form;

	*why = "it is no event";
	if (!unpack_byte(in, &form) || form < CART_EVENT_FORM)
		return CART_DAMAGED;
	if (form > CART_EVENT_FORM) {
		*why = "a newer version of this program has written it";
		return CART_FAILED;
	}
	if (in->at == in->end)
		return CART_OK;
	if (!unpack_head(in, event))
		return CART_DAMAGED;
	result = unpack_lines(in, &event->cart);
	if (result == CART_OK)
		result = unpack_changes(in, event);
	return result == CART_OK && in->at != in->end ? CART_DAMAGED : result;
}

enum cart_result cart_event_unpack(struct cart_event *event, const void *data, size_t len,
				   char reason[CART_EVENT_REASON])
{
	struct cart_event columns = {.type = event->type,
				     .id = event->id,
				     .version = event->version,
				     .at_ms = event->at_ms};
	struct unpack in = {.at = data, .end = (const uint8_t *)data + len};
	enum cart_result result = CART_DAMAGED;
	const char *why = "its columns are not those of an event";
	char id[CART_ID_TEXT + 1];

	if (event->type > CART_EVENT_NONE && event->type < CART_EVENT_TYPES &&
	    event->version >= 1 && event->version <= CART_VERSION_MAX && event->at_ms >= 0 &&
	    event->at_ms <= CART_TIME_MAX_MS)
		result = unpack_event(&in, event, &why);
	if (result == CART_OK)
		return CART_OK;
	cart_id_format(&event->id, id);
	snprintf(reason, CART_EVENT_REASON, "event %s:%lld cannot be read: %s", id,
		 (long long)event->version, result == CART_BUSY ? "no memory" : why);
	cart_event_clear(event);
	*event = columns;
	return result;
}
