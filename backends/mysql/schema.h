/* The schema of a database: how old it is, and how it is brought up to date. */
#ifndef BACKENDS_MYSQL_SCHEMA_H
#define BACKENDS_MYSQL_SCHEMA_H

#include "core/cart_store.h"

#include <mysql.h>

struct embed_file;

/*
 * Makes or checks the schema of the connection's database; the database itself is never made.
 * migrations is embed_mysql_migrations, or a test's own: named NNN_....sql, sorted, ended by a
 * zeroed one; the last one's number is the version that is wanted. Each file ends with the
 * statement that records it in cart_schema.
 *
 * The connection is one for blocking calls, made with MYSQL_OPT_NONBLOCK: changing a table is not
 * bound by its timeouts. Ten processes may do it at once: a named lock (GET_LOCK) lets one work
 * while the others wait, a minute at the most. Statements of a migration can be repeated without
 * harm (IF NOT EXISTS, or one column or index to a statement, which is recognised when it is
 * there), since the server commits each by itself and the process may die between two. Changes of
 * a table are online: they name ALGORITHM=INSTANT, or INPLACE with LOCK=NONE.
 *
 * When all is current nothing is written, and the rights to read and write rows suffice; their lack
 * is an error. -1: error says what is wrong.
 */
CART_MUST_CHECK int sql_schema_provision(MYSQL *mysql, enum cart_provision how,
					 const struct embed_file *migrations,
					 struct cart_error *error);

#endif
