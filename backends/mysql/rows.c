#include "backends/mysql/rows.h"

#include "backends/mysql/text.h"
#include "core/base/hex.h"

#include <string.h>

enum rows_column {
	COLUMN_ID,
	COLUMN_CUSTOMER,
	COLUMN_STATE,
	COLUMN_VERSION,
	COLUMN_CREATED,
	COLUMN_UPDATED,
	COLUMN_EXPIRES,
	COLUMN_ORDER,
	COLUMN_MERGED,
	COLUMN_OP,
	COLUMNS_CART,
	COLUMN_PRODUCT = COLUMNS_CART,
	COLUMN_QUANTITY,
	COLUMN_ADDED,
	COLUMN_LINE_UPDATED,
	COLUMN_ATTRIBUTES,
	COLUMNS_LINE
};

#define COLUMNS_STATE 5

bool sql_cell_integer(const char *cell, unsigned long len, int64_t *value)
{
	bool negative = cell != NULL && len > 0 && cell[0] == '-';
	int64_t sum = 0;

	if (cell == NULL || len == negative || len > 20)
		return false;
	/* Counted downwards, which holds the smallest number too. */
	for (unsigned long i = negative; i < len; i++) {
		if (cell[i] < '0' || cell[i] > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_sub_overflow(sum, cell[i] - '0', &sum))
			return false;
	}
	if (!negative && sum == INT64_MIN)
		return false;
	*value = negative ? sum : -sum;
	return true;
}

bool sql_cell_binary(const char *cell, unsigned long len, uint8_t bytes[16])
{
	if (cell == NULL || len != 16)
		return false;
	memcpy(bytes, cell, 16);
	return true;
}

static bool rows_read_state(char *const *cells, const unsigned long *lens, struct sql_row *row)
{
	struct cart *cart = &row->cart;
	int64_t state;

	*cart = (struct cart){0};
	if (!sql_cell_binary(cells[0], lens[0], cart->id.bytes) ||
	    !sql_cell_integer(cells[1], lens[1], &state) ||
	    !sql_cell_integer(cells[2], lens[2], &cart->version) ||
	    !sql_cell_integer(cells[3], lens[3], &cart->expires_ms) ||
	    !sql_cell_integer(cells[4], lens[4], &row->op))
		return false;
	cart->state = (enum cart_state)state;
	return true;
}

static bool rows_read_id(const char *cell, unsigned long len, struct shop_id *id)
{
	return cell != NULL && shop_id_parse(id, cell, len);
}

/* A guest's cart has none. */
static bool rows_read_customer(const char *cell, unsigned long len, struct shop_id *id)
{
	return cell == NULL || shop_id_parse(id, cell, len);
}

/* One that may be NULL, and is nil then. */
static bool rows_read_cart_id(const char *cell, unsigned long len, struct cart_id *id)
{
	return cell == NULL || sql_cell_binary(cell, len, id->bytes);
}

static bool rows_read_cart(char *const *cells, const unsigned long *lens, struct sql_row *row)
{
	struct cart *cart = &row->cart;
	int64_t state;

	if (!rows_read_customer(cells[COLUMN_CUSTOMER], lens[COLUMN_CUSTOMER],
				&cart->customer_id) ||
	    !sql_cell_integer(cells[COLUMN_STATE], lens[COLUMN_STATE], &state) ||
	    !sql_cell_integer(cells[COLUMN_VERSION], lens[COLUMN_VERSION], &cart->version) ||
	    !sql_cell_integer(cells[COLUMN_CREATED], lens[COLUMN_CREATED], &cart->created_ms) ||
	    !sql_cell_integer(cells[COLUMN_UPDATED], lens[COLUMN_UPDATED], &cart->updated_ms) ||
	    !sql_cell_integer(cells[COLUMN_EXPIRES], lens[COLUMN_EXPIRES], &cart->expires_ms))
		return false;
	cart->state = (enum cart_state)state;
	return rows_read_cart_id(cells[COLUMN_ORDER], lens[COLUMN_ORDER], &cart->order_id) &&
	       rows_read_cart_id(cells[COLUMN_MERGED], lens[COLUMN_MERGED], &cart->merged_into) &&
	       cart_is_sound(cart);
}

static bool rows_read_line(char *const *cells, const unsigned long *lens, struct sql_row *row)
{
	struct cart_line *line = &row->line;

	line->attributes = cells[COLUMN_ATTRIBUTES];
	row->has_line = cells[COLUMN_PRODUCT] != NULL;
	if (!row->has_line)
		return true;
	return rows_read_id(cells[COLUMN_PRODUCT], lens[COLUMN_PRODUCT], &line->product_id) &&
	       sql_cell_integer(cells[COLUMN_QUANTITY], lens[COLUMN_QUANTITY], &line->quantity) &&
	       sql_cell_integer(cells[COLUMN_ADDED], lens[COLUMN_ADDED], &line->added_ms) &&
	       sql_cell_integer(cells[COLUMN_LINE_UPDATED], lens[COLUMN_LINE_UPDATED],
				&line->updated_ms) &&
	       (line->attributes == NULL || strlen(line->attributes) == lens[COLUMN_ATTRIBUTES]) &&
	       cart_line_is_sound(line);
}

enum sql_rows sql_rows_next(MYSQL_RES *rows, struct sql_row *row)
{
	unsigned columns = mysql_num_fields(rows);
	MYSQL_ROW cells;
	const unsigned long *lens;

	if (columns != COLUMNS_STATE && columns != COLUMNS_CART && columns != COLUMNS_LINE)
		return SQL_ROWS_BAD;
	cells = mysql_fetch_row(rows);
	if (cells == NULL)
		return SQL_ROWS_END;
	lens = mysql_fetch_lengths(rows);
	row->has_line = false;
	if (columns == COLUMNS_STATE)
		return rows_read_state(cells, lens, row) ? SQL_ROWS_ONE : SQL_ROWS_BAD;
	row->cart = (struct cart){0};
	if (!sql_cell_binary(cells[COLUMN_ID], lens[COLUMN_ID], row->cart.id.bytes) ||
	    !sql_cell_integer(cells[COLUMN_OP], lens[COLUMN_OP], &row->op))
		return SQL_ROWS_BAD;
	if (!rows_read_cart(cells, lens, row) ||
	    (columns == COLUMNS_LINE && !rows_read_line(cells, lens, row))) {
		row->cart = (struct cart){.id = row->cart.id};
		row->has_line = false;
		return SQL_ROWS_DAMAGED;
	}
	return SQL_ROWS_ONE;
}

struct sql_lines sql_rows_lines(char *text, size_t len)
{
	return (struct sql_lines){.text = text, .end = text + len};
}

bool sql_rows_next_line(struct sql_lines *lines)
{
	char *line = lines->len > 0 ? lines->text + lines->len + 1 : lines->text, *end = NULL;

	if (line >= lines->end)
		return false;
	if (lines->end - line > SQL_BINARY_BYTES)
		end = memchr(line + SQL_BINARY_BYTES, '\n',
			     (size_t)(lines->end - line) - SQL_BINARY_BYTES);
	lines->text = line;
	lines->len = (size_t)((end != NULL ? end : lines->end) - line);
	return true;
}

/* Digits to bytes, in place. */
static bool rows_read_hex(char **cell, unsigned long *len)
{
	char *text = *cell;

	for (unsigned long i = 0; i < *len / 2; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		text[i] = (char)(high * 16 + low);
	}
	*len /= 2;
	return true;
}

/* Finds the cells of a line of text, an id and then the columns from first to last. An empty one is
 * NULL. False: it is too short for an id. */
static bool rows_split(char *text, size_t len, enum rows_column first, enum rows_column last,
		       char *cells[COLUMNS_LINE], unsigned long lens[COLUMNS_LINE])
{
	char *end = text + len;

	if (len < SQL_BINARY_BYTES)
		return false;
	cells[COLUMN_ID] = text;
	lens[COLUMN_ID] = SQL_BINARY_BYTES;
	text += SQL_BINARY_BYTES;
	for (enum rows_column column = first; column <= last && text <= end; column++) {
		char *space = column < last ? memchr(text, ' ', (size_t)(end - text)) : NULL;
		char *until = space != NULL ? space : end;

		lens[column] = (unsigned long)(until - text);
		cells[column] = lens[column] > 0 ? text : NULL;
		*until = '\0';
		text = until + 1;
	}
	return true;
}

/* The last cell is one of two ids: the state says which. */
static bool rows_read_other(char **cells, unsigned long *lens)
{
	if (!rows_read_hex(&cells[COLUMN_ORDER], &lens[COLUMN_ORDER]))
		return false;
	if (lens[COLUMN_STATE] != 1 || *cells[COLUMN_STATE] != '0' + CART_MERGED)
		return true;
	cells[COLUMN_MERGED] = cells[COLUMN_ORDER];
	lens[COLUMN_MERGED] = lens[COLUMN_ORDER];
	cells[COLUMN_ORDER] = NULL;
	return true;
}

enum sql_rows sql_rows_read_cart(char *text, size_t len, struct sql_row *row)
{
	char *cells[COLUMNS_LINE] = {NULL};
	unsigned long lens[COLUMNS_LINE] = {0};

	*row = (struct sql_row){0};
	if (!rows_split(text, len, COLUMN_CUSTOMER, COLUMN_ORDER, cells, lens))
		return SQL_ROWS_BAD;
	memcpy(row->cart.id.bytes, cells[COLUMN_ID], SQL_BINARY_BYTES);
	if (rows_read_other(cells, lens) && rows_read_cart(cells, lens, row))
		return SQL_ROWS_ONE;
	row->cart = (struct cart){.id = row->cart.id, .version = row->cart.version};
	return SQL_ROWS_DAMAGED;
}

enum sql_rows sql_rows_read_item(char *text, size_t len, struct sql_row *row)
{
	char *cells[COLUMNS_LINE] = {NULL};
	unsigned long lens[COLUMNS_LINE] = {0};

	*row = (struct sql_row){0};
	if (!rows_split(text, len, COLUMN_PRODUCT, COLUMN_ATTRIBUTES, cells, lens))
		return SQL_ROWS_BAD;
	memcpy(row->cart.id.bytes, cells[COLUMN_ID], SQL_BINARY_BYTES);
	if (rows_read_line(cells, lens, row) && row->has_line)
		return SQL_ROWS_ONE;
	row->has_line = false;
	return SQL_ROWS_DAMAGED;
}

bool sql_rows_add_line(struct cart *cart, const struct sql_row *row)
{
	size_t at = cart->line_count;
	char *attributes = NULL;

	if (!row->has_line)
		return true;
	if (cart->line_count == cart->line_room &&
	    !cart_reserve_lines(cart, cart->line_room > 0 ? 2 * cart->line_room : 4))
		return false;
	if (row->line.attributes != NULL && (attributes = strdup(row->line.attributes)) == NULL)
		return false;
	/* The server sends them in the order of the ids' bytes; a cart has shorter ids first. */
	while (at > 0 &&
	       shop_id_compare(&cart->lines[at - 1].product_id, &row->line.product_id) > 0) {
		cart->lines[at] = cart->lines[at - 1];
		at--;
	}
	cart->lines[at] = row->line;
	cart->lines[at].attributes = attributes;
	cart->line_count++;
	return true;
}
