/*
 * Result rows, in one of three shapes: a cart's state alone, a cart, or a cart with one of its
 * lines.
 */
#ifndef BACKENDS_MYSQL_ROWS_H
#define BACKENDS_MYSQL_ROWS_H

#include "core/cart.h"

#include <mysql.h>

#define SQL_STATE_COLUMNS "c.id, c.state, c.version, c.expires_ms, c.op"
#define SQL_CART_COLUMNS_WITH(last_)                                                               \
	"c.id, c.customer_id, c.state, c.version, c.created_ms, c.updated_ms, c.expires_ms, "      \
	"c.order_id, c.merged_into, " last_
#define SQL_CART_COLUMNS SQL_CART_COLUMNS_WITH("c.op")
#define SQL_LINE_COLUMNS ", i.product_id, i.quantity, i.added_ms, i.updated_ms, i.attributes"
/* The lines of a cart, always by the index. Where the table is small, MySQL 9 would rather scan it
 * and join by a hash: a SELECT ... FOR UPDATE would then read the lines before it has locked the
 * cart, and miss what a change committed in between. */
#define SQL_LINES      " cart_items i FORCE INDEX (PRIMARY)"
#define SQL_JOIN_LINES " LEFT JOIN" SQL_LINES " ON i.cart_id = c.id"

struct sql_row {
	struct cart cart; /* without lines; of a state what it names */
	int64_t op;	  /* in a list: the time that it is in order of */
	bool has_line;
	struct cart_line line; /* its attributes are the row's, until the next one is read */
};

enum sql_rows {
	SQL_ROWS_END,
	SQL_ROWS_ONE,
	SQL_ROWS_DAMAGED, /* its cart's id and op are set; somebody has changed the rest by hand */
	SQL_ROWS_BAD	  /* its shape is not what the schema says */
};
#define SQL_DAMAGED "a value of its rows is not one of a cart's"

/* The next row. */
enum sql_rows sql_rows_next(MYSQL_RES *rows, struct sql_row *row);

/* Adds the row's line, if it has one; lines may come in any order, each once. False: no memory. */
CART_MUST_CHECK bool sql_rows_add_line(struct cart *cart, const struct sql_row *row);

/* The lines of cart_events.carts or .items one after another. They begin with the bytes of an id,
 * of which any can be that of a new line. */
struct sql_lines {
	char *text; /* the line */
	size_t len;
	char *end; /* of all */
};
struct sql_lines sql_rows_lines(char *text, size_t len);
/* False: there is none left. */
bool sql_rows_next_line(struct sql_lines *lines);

/* A line of cart_events.carts or .items (outbox.h): the 16 bytes of the cart's id, and
 *	customer state version created updated expires order-or-merged	ids as hex
 *	product quantity added updated attributes
 * The text is changed, and the row's attributes are in it. It needs room for a NUL at its end. */
enum sql_rows sql_rows_read_cart(char *text, size_t len, struct sql_row *row);
enum sql_rows sql_rows_read_item(char *text, size_t len, struct sql_row *row);

/* Cells, for rows of other columns. False: not of that shape. */
CART_MUST_CHECK bool sql_cell_integer(const char *cell, unsigned long len, int64_t *value);
CART_MUST_CHECK bool sql_cell_binary(const char *cell, unsigned long len, uint8_t bytes[16]);

#endif
