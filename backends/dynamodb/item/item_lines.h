/* The lines of an item, in each layout, read. */
#ifndef BACKENDS_DYNAMODB_ITEM_ITEM_LINES_H
#define BACKENDS_DYNAMODB_ITEM_ITEM_LINES_H

#include "backends/dynamodb/item/item_reader.h"
#include "backends/dynamodb/item/types.h"

/* Those of item->cart; item->gen was read. */
void item_read_lines(struct item_reader *reader, struct ddb_item *item);

#endif
