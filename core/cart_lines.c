#include "core/cart_lines.h"

#include "core/base/take.h"
#include "core/cart_attributes.h"

#include <string.h>

#define LINES_MEMBERS 4

struct lines_reader {
	struct take take;
	bool no_memory;
};

/* The id of a product: visible ASCII between quotes, so only quote and backslash are escaped. */
static bool lines_take_id(struct take *take, struct shop_id *id)
{
	*id = (struct shop_id){0};
	if (!take_char(take, '"'))
		return false;
	while (take->at < take->end && *take->at != '"') {
		if (*take->at == '\\' && ++take->at == take->end)
			return false;
		if (id->size == SHOP_ID_MAX)
			return false;
		id->text[id->size++] = *take->at++;
	}
	return take_char(take, '"') && id->size > 0;
}

static bool lines_take_attributes(struct lines_reader *r, struct cart_line *line)
{
	size_t len;

	if (!take_char(&r->take, ','))
		return true;
	len = cart_attributes_length(r->take.at, (size_t)(r->take.end - r->take.at));
	if (len == 0)
		return false;
	line->attributes = strndup(r->take.at, len);
	r->no_memory = line->attributes == NULL;
	r->take.at += len;
	return !r->no_memory;
}

static bool lines_take_line(struct lines_reader *r, struct cart_line *line)
{
	int64_t *const numbers[] = {&line->quantity, &line->added_ms, &line->updated_ms};

	if (!take_char(&r->take, '[') || !lines_take_id(&r->take, &line->product_id))
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!take_char(&r->take, ',') || !take_number(&r->take, numbers[i]))
			return false;
	return cart_line_is_sound(line) && lines_take_attributes(r, line) &&
	       take_char(&r->take, ']');
}

static bool lines_take_all(struct lines_reader *r, struct cart *cart)
{
	const struct shop_id *before = NULL;

	if (!take_char(&r->take, '['))
		return false;
	while (r->take.at < r->take.end && *r->take.at != ']') {
		struct cart_line *line = &cart->lines[cart->line_count];

		if (cart->line_count > 0 && !take_char(&r->take, ','))
			return false;
		/* The room was counted from the commas, and is enough for well-formed text. */
		if (cart->line_count == cart->line_room)
			return false;
		/* Whatever it holds in the end is freed with the lines. */
		line->attributes = NULL;
		if (cart->line_count++ > 0)
			before = &line[-1].product_id;
		if (!lines_take_line(r, line) ||
		    (before != NULL && shop_id_compare(before, &line->product_id) >= 0))
			return false;
	}
	return take_char(&r->take, ']');
}

enum cart_result cart_lines_read(struct cart *cart, const char *text, size_t len)
{
	struct lines_reader reader = {.take = {.at = text, .end = text + len}};
	size_t commas = 0;

	if (len == 2 && memcmp(text, "[]", 2) == 0)
		return CART_OK;
	/* Three commas in a line, and one before all but the first. A comma in an id or in
	 * attributes makes the room larger than the lines need. */
	for (const char *at = text; at < reader.take.end; at++)
		commas += *at == ',';
	if (!cart_reserve_lines(cart, (commas + 1) / LINES_MEMBERS + 1))
		return CART_BUSY;
	if (lines_take_all(&reader, cart) && reader.take.at == reader.take.end)
		return CART_OK;
	cart_drop_lines(cart);
	return reader.no_memory ? CART_BUSY : CART_DAMAGED;
}

bool cart_lines_are_valid(const struct cart *cart)
{
	size_t i = 0;

	while (i < cart->line_count && shop_id_is_valid(&cart->lines[i].product_id))
		i++;
	return i == cart->line_count;
}

static void lines_write_id(struct buf *out, const struct shop_id *id)
{
	char text[1 + SHOP_ID_ESCAPED + 1], *end;

	text[0] = '"';
	end = shop_id_escape(text + 1, id);
	*end++ = '"';
	buf_add(out, text, (size_t)(end - text));
}

void cart_lines_write(struct buf *out, const struct cart *cart)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < cart->line_count; i++) {
		const struct cart_line *line = &cart->lines[i];

		buf_add(out, i == 0 ? "[" : ",[", i == 0 ? 1 : 2);
		lines_write_id(out, &line->product_id);
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
