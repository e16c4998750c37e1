#include "ctl/archive/line.h"

#include "core/base/units.h"
#include "core/cart_json.h"
#include "ctl/archive/scan.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LINE_ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

static void line_add_item(struct buf *out, const struct cart_line *line)
{
	LINE_ADD(out, "{\"product_id\":");
	cart_json_write_shop_id_text(out, &line->product_id);
	LINE_ADD(out, ",\"quantity\":");
	buf_add_integer(out, line->quantity);
	LINE_ADD(out, ",\"added_ms\":");
	buf_add_integer(out, line->added_ms);
	LINE_ADD(out, ",\"updated_ms\":");
	buf_add_integer(out, line->updated_ms);
	LINE_ADD(out, ",\"attributes\":");
	if (line->attributes != NULL)
		buf_add_json_string(out, line->attributes);
	else
		LINE_ADD(out, "null");
	LINE_ADD(out, "}");
}

void archive_line_write(struct buf *out, const struct cart *cart)
{
	LINE_ADD(out, "{\"id\":");
	cart_json_write_id(out, &cart->id);
	LINE_ADD(out, ",\"customer_id\":");
	if (cart->customer_id.size > 0)
		cart_json_write_shop_id_text(out, &cart->customer_id);
	else
		LINE_ADD(out, "null");
	LINE_ADD(out, ",\"state\":\"");
	buf_add_string(out, cart_state_name(cart->state));
	LINE_ADD(out, "\",\"version\":");
	buf_add_integer(out, cart->version);
	LINE_ADD(out, ",\"created_ms\":");
	buf_add_integer(out, cart->created_ms);
	LINE_ADD(out, ",\"updated_ms\":");
	buf_add_integer(out, cart->updated_ms);
	LINE_ADD(out, ",\"expires_ms\":");
	if (cart->expires_ms != 0)
		buf_add_integer(out, cart->expires_ms);
	else
		LINE_ADD(out, "null");
	LINE_ADD(out, ",\"order_id\":");
	cart_json_write_id_or_null(out, &cart->order_id);
	LINE_ADD(out, ",\"merged_into\":");
	cart_json_write_id_or_null(out, &cart->merged_into);
	LINE_ADD(out, ",\"items\":[");
	for (size_t i = 0; i < cart->line_count; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		line_add_item(out, &cart->lines[i]);
	}
	LINE_ADD(out, "]}\n");
}

/* Reads members; the first that is not what it should be is kept. */
struct line_reader {
	const json_t *object;
	const char *wrong;
};

static const char *line_text(struct line_reader *reader, const char *name, bool optional)
{
	const json_t *value = json_object_get(reader->object, name);
	const char *text = json_string_value(value);

	/* A text with a NUL is none of ours. */
	if (text != NULL && strlen(text) == json_string_length(value))
		return text;
	if (!optional || (value != NULL && !json_is_null(value)))
		reader->wrong = name;
	return NULL;
}

static int64_t line_number(struct line_reader *reader, const char *name, bool optional)
{
	const json_t *value = json_object_get(reader->object, name);

	if (json_is_integer(value))
		return json_integer_value(value);
	if (!optional || (value != NULL && !json_is_null(value)))
		reader->wrong = name;
	return 0;
}

static void line_cart_id(struct line_reader *reader, const char *name, bool optional,
			 struct cart_id *id)
{
	const char *text = line_text(reader, name, optional);

	if (text != NULL && !cart_id_parse(id, text, strlen(text)))
		reader->wrong = name;
}

static void line_shop_id(struct line_reader *reader, const char *name, bool optional,
			 struct shop_id *id)
{
	const char *text = line_text(reader, name, optional);

	if (text != NULL && !shop_id_parse(id, text, strlen(text)))
		reader->wrong = name;
}

static void line_read_state(struct line_reader *reader, enum cart_state *state)
{
	const char *text = line_text(reader, "state", false);
	int at = CART_OPEN;

	while (text != NULL && at <= CART_MERGED &&
	       strcmp(cart_state_name((enum cart_state)at), text) != 0)
		at++;
	if (text == NULL || at > CART_MERGED)
		reader->wrong = "state";
	else
		*state = (enum cart_state)at;
}

static void line_read_item(struct line_reader *reader, const json_t *object, struct cart_line *line)
{
	struct line_reader item = {.object = object};
	const char *attributes = line_text(&item, "attributes", true);

	*line = (struct cart_line){
		.quantity = line_number(&item, "quantity", false),
		.added_ms = line_number(&item, "added_ms", false),
		.updated_ms = line_number(&item, "updated_ms", false),
		.attributes = attributes != NULL ? strdup(attributes) : NULL,
	};
	line_shop_id(&item, "product_id", false, &line->product_id);
	if (item.wrong != NULL || (attributes != NULL && line->attributes == NULL))
		reader->wrong = item.wrong != NULL ? item.wrong : "attributes";
}

static void line_read_items(struct line_reader *reader, struct cart *cart)
{
	const json_t *items = json_object_get(reader->object, "items"), *item;
	size_t i;

	if (!json_is_array(items) || !cart_reserve_lines(cart, json_array_size(items))) {
		reader->wrong = "items";
		return;
	}
	json_array_foreach(items, i, item)
	{
		line_read_item(reader, item, &cart->lines[i]);
		cart->line_count = i + 1;
	}
}

/* NULL: every member is what it should be. */
static const char *line_read_members(struct cart *cart, const json_t *object)
{
	struct line_reader reader = {.object = object};

	line_cart_id(&reader, "id", false, &cart->id);
	line_shop_id(&reader, "customer_id", true, &cart->customer_id);
	line_read_state(&reader, &cart->state);
	cart->version = line_number(&reader, "version", false);
	cart->created_ms = line_number(&reader, "created_ms", false);
	cart->updated_ms = line_number(&reader, "updated_ms", false);
	cart->expires_ms = line_number(&reader, "expires_ms", true);
	line_cart_id(&reader, "order_id", true, &cart->order_id);
	line_cart_id(&reader, "merged_into", true, &cart->merged_into);
	line_read_items(&reader, cart);
	return reader.wrong;
}

/* NULL: it is a cart, whose values are not checked together. */
static const char *line_read_json(struct cart *cart, const char *line, size_t len)
{
	json_error_t why;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	const char *wrong = "JSON";

	if (json_is_object(object))
		wrong = line_read_members(cart, object);
	json_decref(object);
	return wrong;
}

int archive_line_read(struct cart *cart, const char *line, size_t len, struct cart_error *error)
{
	const char *wrong =
		archive_line_scan(cart, line, len) ? NULL : line_read_json(cart, line, len);

	if (wrong == NULL && !cart_is_sound_whole(cart))
		wrong = "content as a whole";
	if (wrong == NULL)
		return 0;
	cart_clear(cart);
	return cart_error_set(error, "its %s is not that of a cart", wrong);
}

void archive_line_date(const struct cart *cart, char text[ARCHIVE_DATE_TEXT + 1])
{
	char time[UNITS_TIME_TEXT + 1];

	units_format_time(cart->updated_ms, time);
	memcpy(text, time, ARCHIVE_DATE_TEXT);
	text[ARCHIVE_DATE_TEXT] = '\0';
}
