/* What the parts of the SQLite backend share: the process, and the loop. */
#ifndef BACKENDS_SQLITE_SQLITE_H
#define BACKENDS_SQLITE_SQLITE_H

#include "backends/sqlite/writer.h"
#include "core/cart_backend.h"

#include <pthread.h>

struct sqlite_db {
	struct cart_db db; /* first */
	char *path;	   /* absolute: SQLite takes "file:x" and ":memory:" for something else */
	struct sqlite_writer_config config;
	int64_t read_busy_ms;
	int64_t read_mmap_bytes;
	bool provisioned;
	pthread_mutex_t lock;	      /* of the next one, while loops open at once */
	struct sqlite_writer *writer; /* made by the first open, when there is a schema */
};

/* The slots of a loop; see core/cart_backend.h. */
int sqlite_store_open(struct cart_store **store, struct cart_db *db, struct event_base *base,
		      struct metrics_shard *shard, struct cart_error *error);
void sqlite_store_close(struct cart_store *store);
enum cart_result sqlite_store_submit(struct cart_store *store, struct cart_op *op);
void sqlite_store_expire(struct cart_store *store, struct cart_op *op, enum cart_result why);

/* The process's writer, started if it is not. NULL: error says why. */
struct sqlite_writer *sqlite_db_writer(struct sqlite_db *db, struct cart_error *error);

#endif
