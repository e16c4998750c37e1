/*
 * The table: made or checked from what schemas/dynamodb says (compiled in), never dropped.
 *
 * Of a table that is there: another partition key is refused; an index that is missing is added,
 * one at a time as DynamoDB wants it; TTL, point-in-time recovery and deletion protection are
 * switched on where the settings ask for it, never off. What a server does not know (some
 * compatible ones lack these calls) is warned of once and left.
 */
#ifndef BACKENDS_DYNAMODB_TABLE_TABLE_H
#define BACKENDS_DYNAMODB_TABLE_TABLE_H

#include "backends/dynamodb/wire/call.h"
#include "core/cart_store.h"

#include <stdatomic.h>

struct ddb_table_config {
	const char *name;
	bool project_all; /* dynamodb.projection; of indexes that are made */
	bool point_in_time_recovery;
	bool deletion_protection;
};

enum ddb_table_state {
	DDB_TABLE_READY,
	DDB_TABLE_UNREACHED, /* no answer, or too busy: worth another try */
	DDB_TABLE_REFUSED    /* error says what is wrong; a person has to act */
};

/*
 * Makes the table and what belongs to it, or checks that it is there (CART_PROVISION_CHECK), and
 * waits until it is ACTIVE, its indexes too, until deadline_ns or *stop. Blocks: runs a loop of its
 * own. Several processes may do it at once: what another makes meanwhile is waited for.
 */
CART_MUST_CHECK enum ddb_table_state ddb_table_provision(const struct ddb_table_config *table,
							 const struct ddb_client_config *client,
							 enum cart_provision how,
							 int64_t deadline_ns,
							 const atomic_bool *stop,
							 struct cart_error *error);

#endif
