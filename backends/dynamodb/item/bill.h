/* What AWS bills for the items and index entries that this backend writes and reads. */
#ifndef BACKENDS_DYNAMODB_ITEM_BILL_H
#define BACKENDS_DYNAMODB_ITEM_BILL_H

#include "core/cart_bill.h"

/* See core/cart_bill.h. */
cart_backend_bill_fn ddb_bill;

#endif
