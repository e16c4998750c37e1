/*
 * Reading one row of cart_events (outbox.h): its carts first, then event by event.
 */
#ifndef BACKENDS_MYSQL_EVENT_ROW_H
#define BACKENDS_MYSQL_EVENT_ROW_H

#include "core/cart_op.h"
#include "core/feed/event.h"

/* A zeroed one has no carts. */
struct sql_event_row {
	struct cart *carts;
	bool *damaged;
	size_t count;
	int64_t at_ms;
};

enum sql_event_read {
	SQL_EVENT_ONE,
	SQL_EVENT_NONE, /* the change was not made; or the line says nothing */
	SQL_EVENT_NO_MEMORY
};

/* The columns carts and items, which are changed and needed until the row is freed. False: no
 * memory. */
CART_MUST_CHECK bool sql_event_row_carts(struct sql_event_row *row, char *carts, size_t carts_len,
					 char *items, size_t items_len);
void sql_event_row_free(struct sql_event_row *row);

/* Reads an event from its line of the column events. Takes its cart out of the row. What is damaged
 * is told without the cart, and logged with the op. Clear the event, whatever this returns. */
CART_MUST_CHECK enum sql_event_read sql_event_row_read(struct sql_event_row *row,
						       struct cart_op *op, char *line, size_t len,
						       struct cart_event *event);

#endif
