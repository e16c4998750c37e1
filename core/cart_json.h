/* The cart as API.md shows it, written straight into a buffer: every request does this. */
#ifndef CORE_CART_JSON_H
#define CORE_CART_JSON_H

#include "core/base/buf.h"
#include "core/cart.h"

/* One JSON object without spaces, members in the contract's order. */
void cart_json_write(struct buf *out, const struct cart *cart);
/* One of its lines, as it is in the cart. */
void cart_json_write_line(struct buf *out, const struct cart_line *line);

#endif
