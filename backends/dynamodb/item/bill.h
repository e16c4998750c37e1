/* What AWS bills for the items and index entries that this backend writes and reads. */
#ifndef BACKENDS_DYNAMODB_ITEM_BILL_H
#define BACKENDS_DYNAMODB_ITEM_BILL_H

#include "core/cart_bill.h"

#include <jansson.h>

/* Bytes of an item or entry: names and values, as AWS counts them. */
size_t ddb_item_bytes(const json_t *attributes);

/* See core/cart_bill.h. */
cart_backend_bill_fn ddb_bill;

#endif
