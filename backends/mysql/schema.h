/* The schema of a database: its version, and its upgrade from files of SQL. */
#ifndef BACKENDS_MYSQL_SCHEMA_H
#define BACKENDS_MYSQL_SCHEMA_H

#include "core/cart_backend.h"

#include <mysql.h>

struct embed_file;

/*
 * Makes or checks the schema of the connection's database; never makes the database itself.
 * migrations is embed_mysql_migrations, or a test's own: files named NNN_....sql, sorted, ended by
 * a zeroed one; the number of the last one is the wanted version. Each file ends with the statement
 * that records it in cart_schema.
 *
 * The connection is for blocking calls and made with MYSQL_OPT_NONBLOCK: the change of a table is
 * not bound by its timeouts. Several processes may provision at once: a named lock (GET_LOCK) lets
 * one work while the others wait, a minute at most. Statements of a migration can be repeated
 * (IF NOT EXISTS, or one column or index to a statement, which is recognised when it exists), since
 * the server commits each by itself and the process may die between two. Changes of a table are
 * online: they name ALGORITHM=INSTANT, or INPLACE with LOCK=NONE.
 *
 * When everything is current nothing is written, and the rights to read and write rows suffice;
 * their lack is an error.
 */
CART_MUST_CHECK enum cart_provisioned sql_schema_provision(MYSQL *mysql, enum cart_provision how,
							   const struct embed_file *migrations,
							   struct cart_error *error);

/*
 * Takes the next statement off *rest, a NUL-terminated text: its start, and its length without the
 * semicolon. False: none is left. It knows strings, quoted names and comments; comments between
 * statements are skipped, and those that servers execute are statements. DELIMITER, which is the
 * command-line client's, is not known.
 */
bool sql_script_next(const char **rest, const char **statement, size_t *len);

#endif
