/* The slots of a loop; see core/cart_backend.h. */
#ifndef BACKENDS_SQLITE_STORE_H
#define BACKENDS_SQLITE_STORE_H

#include "core/cart_backend.h"

int sqlite_store_open(struct cart_store **store, struct cart_db *db, struct event_base *base,
		      struct metrics_shard *shard, struct cart_error *error);
void sqlite_store_close(struct cart_store *store);
enum cart_result sqlite_store_submit(struct cart_store *store, struct cart_op *op);
void sqlite_store_expire(struct cart_store *store, struct cart_op *op, enum cart_result why);

#endif
