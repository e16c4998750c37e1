/*
 * The lines of a cart as the text in its row: [[product_id,quantity,added_ms,updated_ms],...].
 * Written and read by us alone, so the reader takes that and no other spelling of JSON; anything
 * else is a damaged file.
 */
#include "backends/sqlite/conn.h"

#define ITEMS_NUMBERS 4

struct items_reader {
	const char *at;
	const char *end;
};

static bool items_take(struct items_reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* A number of at most 18 digits, so that it fits. */
static bool items_take_number(struct items_reader *r, int64_t *number)
{
	const char *start = r->at;

	*number = 0;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < 18)
		*number = *number * 10 + (*r->at++ - '0');
	return r->at > start;
}

static bool items_take_line(struct items_reader *r, struct cart_line *line)
{
	int64_t *const numbers[ITEMS_NUMBERS] = {&line->product_id, &line->quantity,
						 &line->added_ms, &line->updated_ms};

	for (int i = 0; i < ITEMS_NUMBERS; i++)
		if (!items_take(r, i == 0 ? '[' : ',') || !items_take_number(r, numbers[i]))
			return false;
	return items_take(r, ']');
}

static bool items_take_all(struct items_reader *r, struct cart *cart)
{
	if (!items_take(r, '['))
		return false;
	while (r->at < r->end && *r->at != ']') {
		struct cart_line *line = &cart->lines[cart->line_count];

		if (cart->line_count > 0 && !items_take(r, ','))
			return false;
		/* The room, from the commas, is enough for what is well-formed. */
		if (cart->line_count == cart->line_room || !items_take_line(r, line))
			return false;
		if (cart->line_count > 0 && line[-1].product_id >= line->product_id)
			return false;
		cart->line_count++;
	}
	return items_take(r, ']') && r->at == r->end;
}

int sqlite_items_read(struct cart *cart, const char *text, size_t len)
{
	struct items_reader reader = {.at = text, .end = text + len};
	size_t commas = 0;

	if (len == 2 && text[0] == '[' && text[1] == ']')
		return SQLITE_OK;
	/* Three commas in a line, and one before all but the first. */
	for (size_t i = 0; i < len; i++)
		commas += text[i] == ',';
	if (!cart_reserve_lines(cart, (commas + 1) / ITEMS_NUMBERS + 1))
		return SQLITE_NOMEM;
	if (items_take_all(&reader, cart))
		return SQLITE_OK;
	cart->line_count = 0;
	return SQLITE_CORRUPT;
}

void sqlite_items_write(struct buf *out, const struct cart *cart)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < cart->line_count; i++) {
		const struct cart_line *line = &cart->lines[i];

		buf_add(out, i == 0 ? "[" : ",[", i == 0 ? 1 : 2);
		buf_add_integer(out, line->product_id);
		buf_add_char(out, ',');
		buf_add_integer(out, line->quantity);
		buf_add_char(out, ',');
		buf_add_integer(out, line->added_ms);
		buf_add_char(out, ',');
		buf_add_integer(out, line->updated_ms);
		buf_add_char(out, ']');
	}
	buf_add_char(out, ']');
}
