#include "backends/mysql/event_row.h"

#include "backends/mysql/rows.h"
#include "core/base/hex.h"
#include "core/cart_backend.h"

#include <stdlib.h>
#include <string.h>

void sql_event_row_free(struct sql_event_row *row)
{
	for (size_t i = 0; i < row->count; i++)
		cart_clear(&row->carts[i]);
	free(row->carts);
	free(row->damaged);
}

static size_t event_count_lines(const char *text, size_t len)
{
	size_t count = len > 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\n';
	return count;
}

/* What cannot be read of a cart is left out. False: no memory. */
static bool event_read_carts(struct sql_event_row *row, char *text, size_t len)
{
	struct sql_lines lines = sql_rows_lines(text, len);
	size_t most = event_count_lines(text, len);
	struct sql_row line;

	row->carts = calloc(most + 1, sizeof(*row->carts));
	row->damaged = calloc(most + 1, sizeof(*row->damaged));
	if (row->carts == NULL || row->damaged == NULL)
		return false;
	while (sql_rows_next_line(&lines)) {
		enum sql_rows read = sql_rows_read_cart(lines.text, lines.len, &line);

		if (read == SQL_ROWS_BAD)
			continue;
		row->carts[row->count] = line.cart;
		row->damaged[row->count++] = read != SQL_ROWS_ONE;
	}
	return true;
}

/* Where the cart is; count: it is not there. The lines of a cart come together, and mostly in the
 * order of the carts. */
static size_t event_find_cart(const struct sql_event_row *row, size_t from,
			      const struct cart_id *id)
{
	for (size_t i = 0; i < row->count; i++) {
		size_t at = (from + i) % row->count;

		if (cart_id_compare(&row->carts[at].id, id) == 0)
			return at;
	}
	return row->count;
}

/* Lines of carts that did not change are there too. False: no memory. */
static bool event_read_items(struct sql_event_row *row, char *text, size_t len)
{
	struct sql_lines lines = sql_rows_lines(text, len);
	struct sql_row line;
	size_t at = 0;

	while (sql_rows_next_line(&lines)) {
		enum sql_rows read = sql_rows_read_item(lines.text, lines.len, &line);
		size_t found = event_find_cart(row, at, &line.cart.id);

		if (read == SQL_ROWS_BAD || found == row->count)
			continue;
		at = found;
		row->damaged[at] = row->damaged[at] || read == SQL_ROWS_DAMAGED;
		if (!sql_rows_add_line(&row->carts[at], &line))
			return false;
	}
	return true;
}

bool sql_event_row_carts(struct sql_event_row *row, char *carts, size_t carts_len, char *items,
			 size_t items_len)
{
	return event_read_carts(row, carts, carts_len) && event_read_items(row, items, items_len);
}

/* The cart, taken out; false: it is not there, so that the change was not made. */
static bool event_take_cart(struct sql_event_row *row, struct cart_event *event)
{
	for (size_t i = 0; i < row->count; i++) {
		struct cart *cart = &row->carts[i];

		if (cart_id_compare(&cart->id, &event->id) != 0)
			continue;
		event->version = cart->version;
		if (row->damaged[i])
			cart_clear(cart);
		event->cart = *cart;
		*cart = (struct cart){0};
		return true;
	}
	return false;
}

/* The words of a line of events: type, id, and what follows. */
struct event_words {
	char *at;
	char *end;
};

/* False: there is none left. */
static bool event_word(struct event_words *words, char **word, size_t *len)
{
	char *space;

	if (words->at >= words->end)
		return false;
	space = memchr(words->at, ' ', (size_t)(words->end - words->at));
	*word = words->at;
	*len = (size_t)((space != NULL ? space : words->end) - words->at);
	words->at += *len + 1;
	return true;
}

static bool event_word_id(struct event_words *words, struct cart_id *id)
{
	char *word;
	size_t len;

	if (!event_word(words, &word, &len) || len != 2 * sizeof(id->bytes))
		return false;
	for (size_t i = 0; i < sizeof(id->bytes); i++) {
		int high = hex_digit(word[2 * i]), low = hex_digit(word[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		id->bytes[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}

static bool event_word_change(struct event_words *words, struct shop_id *product_id,
			      int64_t *difference)
{
	char *word;
	size_t len;

	return event_word(words, &word, &len) && shop_id_parse(product_id, word, len) &&
	       event_word(words, &word, &len) && sql_cell_integer(word, len, difference);
}

/* Keeps them in the order of the products. */
static void event_insert_change(struct cart_event *event, const struct cart_event_change *change)
{
	size_t at = event->change_count++;

	for (;
	     at > 0 && shop_id_compare(&event->changes[at - 1].product_id, &change->product_id) > 0;
	     at--)
		event->changes[at] = event->changes[at - 1];
	event->changes[at] = *change;
}

static bool event_read_changes(struct event_words *words, struct cart_event *event)
{
	while (words->at < words->end) {
		struct cart_event_change change = {0};
		const struct cart_line *line;
		int64_t difference;

		if (!event_word_change(words, &change.product_id, &difference))
			return false;
		line = cart_find_line(&event->cart, &change.product_id);
		if (line != NULL) {
			change.quantity = line->quantity;
			change.attributes = line->attributes;
		}
		change.was = change.quantity - difference;
		if (change.was < 0 || change.was > CART_QUANTITY_MAX)
			return false;
		event_insert_change(event, &change);
	}
	return true;
}

static void event_fill_created(struct cart_event *event)
{
	for (size_t i = 0; i < event->cart.line_count; i++) {
		const struct cart_line *line = &event->cart.lines[i];

		event->changes[event->change_count++] =
			(struct cart_event_change){.product_id = line->product_id,
						   .quantity = line->quantity,
						   .attributes = line->attributes};
	}
}

/* Each word takes two bytes at least. False: no memory. */
static bool event_reserve_changes(struct cart_event *event, size_t line_len)
{
	size_t room = event->type == CART_EVENT_CREATED ? event->cart.line_count : line_len / 4;

	event->changes = calloc(room + 1, sizeof(*event->changes));
	return event->changes != NULL;
}

/* Of an event whose stored form is damaged: its id, its version and nothing else. */
static void event_damage(struct cart_op *op, struct cart_event *event)
{
	const struct cart_event known = {.type = event->type,
					 .id = event->id,
					 .version = event->version,
					 .at_ms = event->at_ms};

	cart_event_clear(event);
	*event = known;
	cart_store_damaged(op, &event->id, "the stored form of an event is damaged");
}

/* What an event says beyond its columns. */
static bool event_read_rest(struct event_words *words, struct cart_event *event)
{
	if (event->type == CART_EVENT_MERGED && !event_word_id(words, &event->from))
		return false;
	if (event->type == CART_EVENT_CREATED)
		event_fill_created(event);
	return event_read_changes(words, event);
}

enum sql_event_read sql_event_row_read(struct sql_event_row *row, struct cart_op *op, char *line,
				       size_t len, struct cart_event *event)
{
	struct event_words words = {.at = line, .end = line + len};
	bool removal;
	char *word;
	size_t size;

	*event = (struct cart_event){0};
	if (!event_word(&words, &word, &size) || size != 1 || !event_word_id(&words, &event->id) ||
	    word[0] <= '0' + CART_EVENT_NONE || word[0] >= '0' + CART_EVENT_TYPES ||
	    !event_take_cart(row, event))
		return SQL_EVENT_NONE;
	event->type = (enum cart_event_type)(word[0] - '0');
	removal = event->type == CART_EVENT_DELETED || event->type == CART_EVENT_EXPIRED;
	event->at_ms = event->cart.updated_ms;
	if (event->cart.version == 0 ||
	    (cart_event_is_late(event->type, &event->cart) && row->at_ms > event->at_ms))
		event->at_ms = row->at_ms;
	if (event->version < 1)
		return SQL_EVENT_NONE;
	event->version += removal;
	if (event->cart.version == 0) {
		event_damage(op, event);
		return SQL_EVENT_ONE;
	}
	if (!event_reserve_changes(event, len))
		return SQL_EVENT_NO_MEMORY;
	if (!event_read_rest(&words, event))
		event_damage(op, event);
	return SQL_EVENT_ONE;
}
