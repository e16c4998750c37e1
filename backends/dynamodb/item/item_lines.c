#include "backends/dynamodb/item/item_lines.h"

#include "backends/dynamodb/item/row.h"
#include "core/cart_attributes.h"

#include <stdlib.h>
#include <string.h>

static bool item_line_is_good(const struct cart_line *line)
{
	return cart_line_is_sound(line) && line->added_ms > 0 && line->updated_ms > 0;
}

static int item_compare_lines(const void *a, const void *b)
{
	const struct cart_line *left = a, *right = b;

	return shop_id_compare(&left->product_id, &right->product_id);
}

static bool item_reserve(struct item_reader *reader, struct cart *cart, size_t count)
{
	if (cart_reserve_lines(cart, count))
		return true;
	reader->no_memory = true;
	return false;
}

/* value NULL: the line has none. */
static void item_read_attributes(struct item_reader *reader, struct cart_line *line,
				 const json_t *value, const char *name)
{
	const char *text = json_string_value(item_typed(value, "S"));

	if (value == NULL)
		return;
	if (text == NULL || !cart_attributes_are_sound(text, strlen(text))) {
		item_is_wrong(reader, name);
		return;
	}
	line->attributes = strdup(text);
	reader->no_memory |= line->attributes == NULL;
}

/* The map "added" holds so many attributes besides the times, each of a line. */
static void item_read_map_attributes(struct item_reader *reader, struct cart *cart,
				     const json_t *added, size_t count)
{
	char name[DDB_ATTRIBUTES_NAME_ROOM];

	for (size_t i = 0; i < cart->line_count && count > 0; i++) {
		const json_t *value;

		ddb_attributes_name(&cart->lines[i].product_id, name);
		value = json_object_get(added, name);
		item_read_attributes(reader, &cart->lines[i], value, "added");
		count -= value != NULL;
	}
	if (count > 0)
		item_is_wrong(reader, "added");
}

/* Layout map: three maps of the same products. */
static void item_read_maps(struct item_reader *reader, struct cart *cart)
{
	const json_t *qty = item_typed(json_object_get(reader->attributes, "qty"), "M");
	const json_t *added = item_typed(json_object_get(reader->attributes, "added"), "M");
	const json_t *updated = item_typed(json_object_get(reader->attributes, "updated"), "M");
	size_t count = json_object_size(qty);
	const char *product;
	json_t *value;

	if (!json_is_object(qty) || json_object_size(added) < count ||
	    json_object_size(updated) != count) {
		item_is_wrong(reader, "qty");
		return;
	}
	if (!item_reserve(reader, cart, count))
		return;
	json_object_foreach((json_t *)qty, product, value)
	{
		struct cart_line *line = &cart->lines[cart->line_count++];

		*line = (struct cart_line){0};
		if (!item_shop_id(product, &line->product_id) ||
		    !item_number(value, &line->quantity) ||
		    !item_number(json_object_get(added, product), &line->added_ms) ||
		    !item_number(json_object_get(updated, product), &line->updated_ms) ||
		    !item_line_is_good(line))
			item_is_wrong(reader, "qty");
	}
	if (json_object_size(added) > count && reader->wrong == NULL)
		item_read_map_attributes(reader, cart, added, json_object_size(added) - count);
}

/* Layout list: a document. */
static void item_read_list(struct item_reader *reader, struct cart *cart)
{
	const json_t *items = item_typed(json_object_get(reader->attributes, "items"), "L"), *value;
	size_t i;

	if (!json_is_array(items)) {
		item_is_wrong(reader, "items");
		return;
	}
	if (!item_reserve(reader, cart, json_array_size(items)))
		return;
	json_array_foreach(items, i, value)
	{
		const json_t *map = item_typed(value, "M");
		const json_t *product = item_typed(json_object_get(map, "product_id"), "S");
		struct cart_line *line = &cart->lines[cart->line_count++];

		*line = (struct cart_line){0};
		if (!item_shop_id(json_string_value(product), &line->product_id) ||
		    !item_number(json_object_get(map, "quantity"), &line->quantity) ||
		    !item_number(json_object_get(map, "added_at"), &line->added_ms) ||
		    !item_number(json_object_get(map, "updated_at"), &line->updated_ms) ||
		    !item_line_is_good(line))
			item_is_wrong(reader, "items");
		item_read_attributes(reader, line, json_object_get(map, "attributes"), "items");
	}
}

/* Layout rows: a line is a row of the cart's generation. */
static void item_read_row(struct item_reader *reader, struct ddb_item *item, const json_t *row)
{
	const char *product = ddb_row_product(row);
	struct cart *cart = &item->cart;
	struct cart_line *line = &cart->lines[cart->line_count];
	int64_t gen;

	if (product == NULL || !item_number(json_object_get(row, "gen"), &gen) || gen != item->gen)
		return;
	*line = (struct cart_line){0};
	cart->line_count++;
	if (!item_shop_id(product, &line->product_id) ||
	    !item_number(json_object_get(row, "quantity"), &line->quantity) ||
	    !item_number(json_object_get(row, "added_at"), &line->added_ms) ||
	    !item_number(json_object_get(row, "updated_at"), &line->updated_ms) ||
	    !item_line_is_good(line))
		item_is_wrong(reader, DDB_ROWS);
	item_read_attributes(reader, line, json_object_get(row, "attributes"), DDB_ROWS);
}

static void item_read_rows(struct item_reader *reader, struct ddb_item *item)
{
	const json_t *rows = json_object_get(reader->attributes, DDB_ROWS), *row;
	size_t i;

	if (!ddb_rows_match(reader->attributes)) {
		item_is_wrong(reader, "digest");
		return;
	}
	if (!item_reserve(reader, &item->cart, json_array_size(rows)))
		return;
	json_array_foreach(rows, i, row)
	{
		item_read_row(reader, item, row);
	}
}

static int item_compare_rows(const void *a, const void *b)
{
	const struct ddb_row *left = a, *right = b;

	return shop_id_compare(&left->product_id, &right->product_id);
}

/* All rows there are, for who writes: those of a former generation too. Rows that are not ours are
 * passed over. */
static void item_note_rows(struct item_reader *reader, struct ddb_item *item)
{
	const json_t *rows = json_object_get(reader->attributes, DDB_ROWS), *row;
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	item->rows = calloc(json_array_size(rows), sizeof(*item->rows));
	reader->no_memory |= item->rows == NULL;
	json_array_foreach(rows, i, row)
	{
		struct ddb_row found = {0};
		int64_t gen = 0;

		if (item->rows == NULL || !item_shop_id(ddb_row_product(row), &found.product_id))
			continue;
		if (!item_number(json_object_get(row, "expires_at"), &found.expires_s))
			found.expires_s = 0;
		found.current = item_number(json_object_get(row, "gen"), &gen) && gen == item->gen;
		item->rows[item->row_count++] = found;
	}
	if (item->row_count > 0)
		qsort(item->rows, item->row_count, sizeof(*item->rows), item_compare_rows);
}

static enum ddb_layout item_layout(const struct item_reader *reader, const struct ddb_item *item)
{
	if (json_object_get(reader->attributes, "qty") != NULL)
		return DDB_LAYOUT_MAP;
	return item->gen > 0 ? DDB_LAYOUT_ROWS : DDB_LAYOUT_LIST;
}

void item_read_lines(struct item_reader *reader, struct ddb_item *item)
{
	struct cart *cart = &item->cart;

	item->layout = item_layout(reader, item);
	if (item->layout == DDB_LAYOUT_MAP)
		item_read_maps(reader, cart);
	else if (item->layout == DDB_LAYOUT_ROWS)
		item_read_rows(reader, item);
	else
		item_read_list(reader, cart);
	if (item->gen > 0 && reader->has_keys)
		item_note_rows(reader, item);
	if (reader->wrong != NULL || reader->no_memory || cart->line_count == 0)
		return;
	qsort(cart->lines, cart->line_count, sizeof(*cart->lines), item_compare_lines);
	for (size_t i = 1; i < cart->line_count; i++)
		if (item_compare_lines(&cart->lines[i], &cart->lines[i - 1]) == 0)
			item_is_wrong(reader, "items");
}
