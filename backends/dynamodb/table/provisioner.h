/*
 * A thread that provisions the table when the service could not be reached at start: it tries again
 * until it succeeds, or until only a person can help.
 */
#ifndef BACKENDS_DYNAMODB_TABLE_PROVISIONER_H
#define BACKENDS_DYNAMODB_TABLE_PROVISIONER_H

#include "backends/dynamodb/table/table.h"

struct ddb_provisioner;

/* What table and client point to outlives it. NULL: no memory or no thread. */
struct ddb_provisioner *ddb_provisioner_new(const struct ddb_table_config *table,
					    const struct ddb_client_config *client,
					    enum cart_provision how);
/* Ends the thread, within the time of a call. Takes NULL; sets it. */
void ddb_provisioner_free(struct ddb_provisioner **provisioner);

#endif
