/*
 * The lines of a cart as JSON in its row: [["product_id",quantity,added_ms,updated_ms],...], a line
 * with attributes as ["product_id",quantity,added_ms,updated_ms,{...}]. Only this file writes it,
 * so the reader accepts exactly what the writer produces; anything else means that the file is
 * damaged.
 */
#include "backends/sqlite/conn.h"

#include "core/cart_attributes.h"

#include <string.h>

#define ITEMS_MEMBERS 4

struct items_reader {
	const char *at;
	const char *end;
	bool no_memory;
};

static bool items_take(struct items_reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* A number of at most 18 digits, which fits into an int64_t. */
static bool items_take_number(struct items_reader *r, int64_t *number)
{
	const char *start = r->at;

	*number = 0;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < 18)
		*number = *number * 10 + (*r->at++ - '0');
	return r->at > start;
}

/* An id is visible ASCII between quotes, so only quote and backslash are escaped. */
static bool items_take_id(struct items_reader *r, struct shop_id *id)
{
	*id = (struct shop_id){0};
	if (!items_take(r, '"'))
		return false;
	while (r->at < r->end && *r->at != '"') {
		if (*r->at == '\\' && ++r->at == r->end)
			return false;
		if (id->size == SHOP_ID_MAX)
			return false;
		id->text[id->size++] = *r->at++;
	}
	return items_take(r, '"') && id->size > 0;
}

static bool items_take_attributes(struct items_reader *r, struct cart_line *line)
{
	size_t len;

	if (!items_take(r, ','))
		return true;
	len = cart_attributes_length(r->at, (size_t)(r->end - r->at));
	if (len == 0)
		return false;
	line->attributes = strndup(r->at, len);
	r->no_memory = line->attributes == NULL;
	r->at += len;
	return !r->no_memory;
}

static bool items_take_line(struct items_reader *r, struct cart_line *line)
{
	int64_t *const numbers[] = {&line->quantity, &line->added_ms, &line->updated_ms};

	if (!items_take(r, '[') || !items_take_id(r, &line->product_id))
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!items_take(r, ',') || !items_take_number(r, numbers[i]))
			return false;
	return cart_line_is_sound(line) && items_take_attributes(r, line) && items_take(r, ']');
}

static bool items_take_all(struct items_reader *r, struct cart *cart)
{
	const struct shop_id *before = NULL;

	if (!items_take(r, '['))
		return false;
	while (r->at < r->end && *r->at != ']') {
		struct cart_line *line = &cart->lines[cart->line_count];

		if (cart->line_count > 0 && !items_take(r, ','))
			return false;
		/* The room was counted from the commas, and is enough for well-formed text. */
		if (cart->line_count == cart->line_room)
			return false;
		/* Whatever it holds in the end is freed with the lines. */
		line->attributes = NULL;
		if (cart->line_count++ > 0)
			before = &line[-1].product_id;
		if (!items_take_line(r, line) ||
		    (before != NULL && shop_id_compare(before, &line->product_id) >= 0))
			return false;
	}
	return items_take(r, ']') && r->at == r->end;
}

int sqlite_items_read(struct cart *cart, const char *text, size_t len)
{
	struct items_reader reader = {.at = text, .end = text + len};
	size_t commas = 0;

	if (len == 2 && text[0] == '[' && text[1] == ']')
		return SQLITE_OK;
	/* Three commas in a line, and one before all but the first. A comma in an id or in
	 * attributes makes the room larger than the lines need. */
	for (size_t i = 0; i < len; i++)
		commas += text[i] == ',';
	if (!cart_reserve_lines(cart, (commas + 1) / ITEMS_MEMBERS + 1))
		return SQLITE_NOMEM;
	if (items_take_all(&reader, cart))
		return SQLITE_OK;
	cart_drop_lines(cart);
	return reader.no_memory ? SQLITE_NOMEM : SQLITE_DAMAGED_ROW;
}

static void items_write_id(struct buf *out, const struct shop_id *id)
{
	char text[1 + SHOP_ID_ESCAPED + 1], *end;

	text[0] = '"';
	end = shop_id_escape(text + 1, id);
	*end++ = '"';
	buf_add(out, text, (size_t)(end - text));
}

void sqlite_items_write(struct buf *out, const struct cart *cart)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < cart->line_count; i++) {
		const struct cart_line *line = &cart->lines[i];

		buf_add(out, i == 0 ? "[" : ",[", i == 0 ? 1 : 2);
		items_write_id(out, &line->product_id);
		buf_add_char(out, ',');
		buf_add_integer(out, line->quantity);
		buf_add_char(out, ',');
		buf_add_integer(out, line->added_ms);
		buf_add_char(out, ',');
		buf_add_integer(out, line->updated_ms);
		if (line->attributes != NULL) {
			buf_add_char(out, ',');
			buf_add_string(out, line->attributes);
		}
		buf_add_char(out, ']');
	}
	buf_add_char(out, ']');
}
