/* Whether the largest cart that the limits allow is an item that DynamoDB takes. */
#ifndef BACKENDS_DYNAMODB_ITEM_LARGEST_H
#define BACKENDS_DYNAMODB_ITEM_LARGEST_H

#include "backends/dynamodb/item/item.h"
#include "core/base/error.h"

/* AWS: "Quotas in Amazon DynamoDB", the maximum item size. */
#define DDB_ITEM_MAX ((int64_t)400 * 1024)

/* The bytes of that cart's item, as AWS counts them: ids are as long as the type in force allows,
 * and it holds as many idempotency keys as one may. */
int64_t ddb_largest_item(enum ddb_layout layout, int64_t lines, int64_t attributes);

/* Refuses limits.lines and limits.attributes that together allow a cart that is no item. */
CART_MUST_CHECK int ddb_check_limits(enum ddb_layout layout, const struct cart_rules *rules,
				     struct cart_error *error);

#endif
