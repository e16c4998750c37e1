/*
 * A database of a test's own on the server that CART_MYSQL_* names (tools/with-mariadb sets them),
 * whose user may make databases called cart_*. So tests on mysql begin with nothing stored, as
 * those on a backend with a file of their own do.
 */
#ifndef TESTS_LIB_OWN_DATABASE_H
#define TESTS_LIB_OWN_DATABASE_H

#define OWN_DATABASE_MAX 64

/* Makes an empty one. Aborts with a line if it cannot. */
void own_database_make(char name[OWN_DATABASE_MAX]);
/* Does nothing for "". */
void own_database_drop(const char *name);

#endif
