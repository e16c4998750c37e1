/* The size of an item as AWS counts it: "Item sizes and formats" of its Developer Guide. */
#ifndef BACKENDS_DYNAMODB_ITEM_ITEM_BYTES_H
#define BACKENDS_DYNAMODB_ITEM_ITEM_BYTES_H

#include <jansson.h>
#include <stddef.h>

/* Bytes of an item or entry: names and values, as AWS counts them. */
size_t ddb_item_bytes(const json_t *attributes);

#endif
