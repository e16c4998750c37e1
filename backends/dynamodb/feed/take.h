/* Records of the stream become the events of a page. */
#ifndef BACKENDS_DYNAMODB_FEED_TAKE_H
#define BACKENDS_DYNAMODB_FEED_TAKE_H

#include "backends/dynamodb/feed/types.h"

/* Those of an answer; read->left where the page has no room for all. CART_OK, or why they cannot;
 * those before stay. */
CART_MUST_CHECK enum cart_result ddb_read_take(struct ddb_read *read, const json_t *records);

#endif
