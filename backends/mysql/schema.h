/* The schema of a database: how old it is, and how it is brought up to date. */
#ifndef BACKENDS_MYSQL_SCHEMA_H
#define BACKENDS_MYSQL_SCHEMA_H

#include "core/cart_store.h"

#include <mysql.h>

struct embed_file;

/*
 * Makes or checks the schema of the connection's database. migrations is embed_mysql_migrations, or
 * a test's own: named NNN_....sql, sorted, ended by a zeroed one; the last one's number is the
 * version that is wanted. Ten processes may do it at once: a named lock (GET_LOCK) lets one work
 * while the others wait. Statements of a migration can be repeated without harm, since the server
 * commits each by itself and the process may die between two. -1: error says what is wrong.
 */
CART_MUST_CHECK int sql_schema_provision(MYSQL *mysql, enum cart_provision how,
					 const struct embed_file *migrations,
					 struct cart_error *error);

#endif
