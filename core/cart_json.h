/* The cart as API.md shows it, written straight into a buffer: every request does this. */
#ifndef CORE_CART_JSON_H
#define CORE_CART_JSON_H

#include "core/base/buf.h"
#include "core/cart.h"

/* One JSON object without spaces, members in the contract's order. */
void cart_json_write(struct buf *out, const struct cart *cart);
/* The same without its lines. */
void cart_json_write_head(struct buf *out, const struct cart *cart);
/* One of its lines, as it is in the cart. */
void cart_json_write_line(struct buf *out, const struct cart_line *line);

/* Values with their quotes; the id of a customer or a product is a number where ids are integers.
 */
void cart_json_write_time(struct buf *out, int64_t ms);
void cart_json_write_id(struct buf *out, const struct cart_id *id);
void cart_json_write_shop_id(struct buf *out, const struct shop_id *id);
/* In quotes whatever the type. */
void cart_json_write_shop_id_text(struct buf *out, const struct shop_id *id);
/* null if it is nil. */
void cart_json_write_id_or_null(struct buf *out, const struct cart_id *id);

#endif
