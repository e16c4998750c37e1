#include "backends/dynamodb/item/body_lines.h"

#include "backends/dynamodb/item/attribute.h"

static void lines_add_attributes(struct buf *body, const struct cart_line *line)
{
	buf_add_string(body, ",\"");
	ddb_add_attributes_name(body, &line->product_id);
	ddb_add_attributes(body, "\":", line->attributes);
}

void ddb_add_maps(struct buf *body, const struct cart *cart, const char *const names[3])
{
	for (int map = 0; map < 3; map++) {
		buf_add_string(body, names[map]);
		buf_add_string(body, "{\"M\":{");
		for (size_t i = 0; i < cart->line_count; i++) {
			const struct cart_line *line = &cart->lines[i];

			buf_add_string(body, i > 0 ? ",\"" : "\"");
			ddb_add_escaped(body, &line->product_id);
			ddb_add_number(body, "\":",
				       map == 0	  ? line->quantity
				       : map == 1 ? line->added_ms
						  : line->updated_ms);
			if (map == 1 && line->attributes != NULL)
				lines_add_attributes(body, line);
		}
		buf_add_string(body, "}}");
	}
}

void ddb_add_list(struct buf *body, const struct cart *cart)
{
	buf_add_string(body, ",\"items\":{\"L\":[");
	for (size_t i = 0; i < cart->line_count; i++) {
		const struct cart_line *line = &cart->lines[i];

		buf_add_string(body, i > 0 ? ",{\"M\":{" : "{\"M\":{");
		ddb_add_shop_id(body, "\"product_id\":", &line->product_id);
		ddb_add_number(body, ",\"quantity\":", line->quantity);
		ddb_add_number(body, ",\"added_at\":", line->added_ms);
		ddb_add_number(body, ",\"updated_at\":", line->updated_ms);
		if (line->attributes != NULL)
			ddb_add_attributes(body, ",\"attributes\":", line->attributes);
		buf_add_string(body, "}}");
	}
	buf_add_string(body, "]}");
}
