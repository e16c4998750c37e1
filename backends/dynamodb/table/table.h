/*
 * Creates or checks the table as schemas/dynamodb (compiled in) defines it; never drops it.
 *
 * If the table exists: another partition key is refused; missing indexes are added, one at a time
 * as DynamoDB requires; TTL, point-in-time recovery and deletion protection are switched on where
 * the settings ask for it, never off. If a server lacks one of these calls, as some compatible
 * servers do, that is logged once and skipped.
 */
#ifndef BACKENDS_DYNAMODB_TABLE_TABLE_H
#define BACKENDS_DYNAMODB_TABLE_TABLE_H

#include "backends/dynamodb/wire/call.h"
#include "core/cart_store.h"

#include <stdatomic.h>

struct ddb_table_config {
	const char *name;
	bool project_all; /* dynamodb.projection; for indexes that are created */
	bool point_in_time_recovery;
	bool deletion_protection;
};

enum ddb_table_state {
	DDB_TABLE_READY,
	DDB_TABLE_UNREACHED, /* no answer, or too busy: a later attempt may succeed */
	DDB_TABLE_REFUSED    /* error says what is wrong; a person has to act */
};

/*
 * Creates the table with its indexes, or checks that they exist (CART_PROVISION_CHECK), and waits
 * until all are ACTIVE, until deadline_ns or *stop. Blocks: runs a loop of its own. Several
 * processes may do this at once: each waits for what another one creates.
 */
CART_MUST_CHECK enum ddb_table_state ddb_table_provision(const struct ddb_table_config *table,
							 const struct ddb_client_config *client,
							 enum cart_provision how,
							 int64_t deadline_ns,
							 const atomic_bool *stop,
							 struct cart_error *error);

#endif
