/*
 * A database of a test's own on the server that the environment names, so that tests on a backend
 * with a server begin with nothing stored, as those on one with a file of their own do. On mysql a
 * database on the server of CART_MYSQL_* (tools/with-mariadb sets them), whose user may make
 * databases called cart_*; on dynamodb a table, which the backend makes, on that of CART_DYNAMODB_*
 * and AWS_* (tools/with-dynalite).
 */
#ifndef TESTS_LIB_OWN_DATABASE_H
#define TESTS_LIB_OWN_DATABASE_H

#include <stdbool.h>

#define OWN_DATABASE_MAX 64

struct own_database {
	char name[OWN_DATABASE_MAX]; /* "": none */
	const char *setting;	     /* "mysql.database": where the backend is told; NULL: none */
};

/* Sees to an empty one for that backend; to none where it needs no server. Aborts with a line if it
 * cannot. */
void own_database_make(struct own_database *own, const char *backend);
/* Whether that backend has a feed there: on dynamodb not on every server, and not in every layout.
 */
bool own_database_has_feed(const char *backend);
/* Does nothing where there is none. */
void own_database_drop(const struct own_database *own);

#endif
