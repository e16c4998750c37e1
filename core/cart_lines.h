/*
 * The lines of a cart as text in a database: [["product_id",quantity,added_ms,updated_ms],...], a
 * line with attributes as ["product_id",quantity,added_ms,updated_ms,{...}]. The reader accepts
 * exactly what the writer produces; anything else means that the database is damaged.
 */
#ifndef CORE_CART_LINES_H
#define CORE_CART_LINES_H

#include "core/base/buf.h"
#include "core/cart.h"

void cart_lines_write(struct buf *out, const struct cart *cart);

/* Into a cart that has no lines. CART_OK, or CART_DAMAGED or CART_BUSY (no memory), after which it
 * has none. Ids are taken as they are: cart_lines_are_valid() says whether they are of the type in
 * force. */
CART_MUST_CHECK enum cart_result cart_lines_read(struct cart *cart, const char *text, size_t len);
bool cart_lines_are_valid(const struct cart *cart);

#endif
