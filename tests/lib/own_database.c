#include "tests/lib/own_database.h"

#include <mysql.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Noreturn void own_database_die(MYSQL *mysql)
{
	fprintf(stderr,
		"the tests' server (CART_MYSQL_*; tools/with-mariadb starts one, make "
		"check-contract "
		"CART_BACKEND=mysql both): %s\n",
		mysql_error(mysql));
	abort();
}

static const char *own_database_from(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : otherwise;
}

/* Runs one statement about the database. */
static void own_database_run(const char *what, const char *name)
{
	MYSQL *mysql = mysql_init(NULL);
	unsigned port = (unsigned)strtoul(own_database_from("CART_MYSQL_PORT", "3306"), NULL, 10);
	const char *socket = own_database_from("CART_MYSQL_SOCKET", NULL);
	char statement[OWN_DATABASE_MAX + 64];

	if (mysql == NULL)
		abort();
	snprintf(statement, sizeof(statement), "%s %s", what, name);
	if (mysql_real_connect(
		    mysql,
		    socket != NULL ? NULL : own_database_from("CART_MYSQL_HOST", "127.0.0.1"),
		    own_database_from("CART_MYSQL_USER", "cart"),
		    own_database_from("CART_MYSQL_PASSWORD", ""), NULL, port, socket, 0) == NULL ||
	    mysql_query(mysql, statement) != 0)
		own_database_die(mysql);
	mysql_close(mysql);
}

void own_database_make(char name[OWN_DATABASE_MAX])
{
	static _Atomic unsigned count;

	snprintf(name, OWN_DATABASE_MAX, "cart_test_%ld_%u", (long)getpid(), count++);
	own_database_run("CREATE DATABASE", name);
}

void own_database_drop(const char *name)
{
	if (*name != '\0')
		own_database_run("DROP DATABASE", name);
}
