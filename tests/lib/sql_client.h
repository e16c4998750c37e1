/* Connections of a test's own to a MariaDB fixture, over its socket. */
#ifndef TESTS_LIB_SQL_CLIENT_H
#define TESTS_LIB_SQL_CLIENT_H

#include "tests/lib/mariadb_fixture.h"

/* Set up as the backend's are. As root if user is NULL, else as one without a password; database
 * may be NULL. Fails the test if it cannot. */
MYSQL *sql_client(const struct mariadb_fixture *server, const char *user, const char *database);
/* Runs one statement or several, which must succeed. */
void sql_exec(MYSQL *mysql, const char *statements);
/* The first value of the first row; INT64_MIN: NULL, or no row. */
int64_t sql_number(MYSQL *mysql, const char *query);
/* Asks until the answer is not 0; fails the test after ten seconds. */
void sql_await(MYSQL *mysql, const char *query);

#endif
