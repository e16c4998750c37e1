/* The SQLite backend of the process: its file and its one writer. */
#ifndef BACKENDS_SQLITE_DB_H
#define BACKENDS_SQLITE_DB_H

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

/* The slot of the same name, see core/cart_backend.h. */
enum cart_provisioned sqlite_db_provision(struct cart_db *base,
					  const struct cart_provision_try *attempt,
					  struct cart_error *error);

/* The process's writer, started if it is not. NULL: error says why. */
struct sqlite_writer *sqlite_db_writer(struct sqlite_db *db, struct cart_error *error);

#endif
