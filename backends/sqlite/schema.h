/* The schema of a file: whose it is, how old, and how it is brought up to date. */
#ifndef BACKENDS_SQLITE_SCHEMA_H
#define BACKENDS_SQLITE_SCHEMA_H

#include "core/cart_store.h"

struct embed_file;

/* "CART", in the file's header: PRAGMA application_id. */
#define SQLITE_APPLICATION_ID 0x43415254

/*
 * Makes or checks the schema of the file at path. migrations is embed_sqlite_migrations, or those
 * of a test: named NNNN-..., sorted, ended by a zeroed one. The number of the last one is the
 * version wanted. Several processes may call it at once. -1, or SQLITE_SCHEMA_LOCKED if it may
 * succeed later: error names the file and what is wrong.
 */
#define SQLITE_SCHEMA_LOCKED 1
CART_MUST_CHECK int sqlite_schema_provision(const char *path, enum cart_provision how,
					    const struct embed_file *migrations,
					    struct cart_error *error);

/* The number of the last migration. */
int sqlite_schema_version(const struct embed_file *migrations);

#endif
