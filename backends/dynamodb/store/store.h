/* The slots of a loop; see core/cart_backend.h. */
#ifndef BACKENDS_DYNAMODB_STORE_STORE_H
#define BACKENDS_DYNAMODB_STORE_STORE_H

#include "backends/dynamodb/store/task.h"

int ddb_store_open(struct cart_store **store, struct cart_db *db, struct event_base *base,
		   struct metrics_shard *shard, struct cart_error *error);
void ddb_store_close(struct cart_store *store);
enum cart_result ddb_store_submit(struct cart_store *store, struct cart_op *op);
void ddb_store_expire(struct cart_store *store, struct cart_op *op, enum cart_result why);

/* What a client of that process is made with; a loop adds its shard. */
struct ddb_client_config ddb_db_client(const struct ddb_db *db);

#endif
