/*
 * Creates or checks the table as schemas/dynamodb (compiled in) defines it; never drops it.
 *
 * If the table exists: another partition key, or an index that projects some of a cart, is refused;
 * missing indexes are added, one at a time as DynamoDB requires; features.h does the rest.
 */
#ifndef BACKENDS_DYNAMODB_TABLE_TABLE_H
#define BACKENDS_DYNAMODB_TABLE_TABLE_H

#include "backends/dynamodb/table/types.h"
#include "backends/dynamodb/wire/call.h"
#include "core/cart_store.h"

#include <stdatomic.h>

/*
 * Creates the table with its indexes, or checks that they exist (CART_PROVISION_CHECK), and waits
 * until all can be used, until deadline_ns or *stop. Blocks: runs a loop of its own. Several
 * processes may do this at once: each waits for what another one creates.
 */
CART_MUST_CHECK enum ddb_table_state ddb_table_provision(const struct ddb_table_config *table,
							 const struct ddb_client_config *client,
							 enum cart_provision how,
							 int64_t deadline_ns,
							 const atomic_bool *stop,
							 struct cart_error *error);

#endif
