/*
 * Cursors of pages: where a list continues, as opaque text. A cursor is valid only for the query
 * that made it; one of another customer, status or time, or a changed one, is refused. This guards
 * against mistakes, not attacks: a forged cursor gives access to nothing that its user may not list
 * anyway.
 */
#ifndef SERVER_API_CURSOR_H
#define SERVER_API_CURSOR_H

#include "core/cart_op.h"

#define CURSOR_TEXT 44 /* characters, without the NUL */

/* The cursor that goes on after list->after_ms and after_id. False: no digest. */
CART_MUST_CHECK bool cursor_format(const struct cart_list *list, char text[CURSOR_TEXT + 1]);

/* Sets has_after, after_ms and after_id of a list whose other members are the query's. False: not a
 * cursor of this query. */
CART_MUST_CHECK bool cursor_parse(struct cart_list *list, const char *text, size_t len);

#endif
