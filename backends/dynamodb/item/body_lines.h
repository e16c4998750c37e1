/* The lines of a cart inside its item, written. */
#ifndef BACKENDS_DYNAMODB_ITEM_BODY_LINES_H
#define BACKENDS_DYNAMODB_ITEM_BODY_LINES_H

#include "core/base/buf.h"
#include "core/cart.h"

/* Layout map: three maps, each after its name: quantities, added (with attributes), updated. */
void ddb_add_maps(struct buf *body, const struct cart *cart, const char *const names[3]);
/* Layout list: ,"items":{...} */
void ddb_add_list(struct buf *body, const struct cart *cart);

#endif
