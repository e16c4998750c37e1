/* The process's and a loop's part of the backend. */
#ifndef BACKENDS_MYSQL_STORE_H
#define BACKENDS_MYSQL_STORE_H

#include "backends/mysql/work.h"

#include <pthread.h>

struct sql_sweeper;

/* The process. */
struct sql_db {
	struct cart_db db; /* first */
	struct sql_options options;
	struct sql_setup setup;
	atomic_int down[SQL_ROLES]; /* of setup */
	struct pool_lanes lanes;    /* connections to the writer, and as many to readers */
	int64_t sweep_interval_ms;
	pthread_mutex_t lock; /* the next, while loops open at once */
	struct sql_sweeper *sweeper;
};

/* The slots of a loop; see core/cart_backend.h. */
int sql_store_open(struct cart_store **store, struct cart_db *db, struct event_base *base,
		   struct metrics_shard *shard, struct cart_error *error);
void sql_store_close(struct cart_store *store);
enum cart_result sql_store_submit(struct cart_store *store, struct cart_op *op);
void sql_store_expire(struct cart_store *store, struct cart_op *op, enum cart_result why);

#endif
