/*
 * The type of the ids in a table, cart.id_type, is remembered in an item of its own: no cart has
 * its key, which is no UUID. Whoever provisions first writes it.
 */
#ifndef BACKENDS_DYNAMODB_TABLE_ID_TYPE_H
#define BACKENDS_DYNAMODB_TABLE_ID_TYPE_H

#include "backends/dynamodb/table/work.h"

/* Of a table that can be used. REFUSED: it has ids of the other type, or it does not say of which
 * and nothing may be written. */
CART_MUST_CHECK enum ddb_table_state table_settle_id_type(struct table_work *work);

/* The key of that item. The caller's; NULL: no memory. */
json_t *table_settings_key(const struct table_work *work);

#endif
