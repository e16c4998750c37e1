#include "tests/lib/own_database.h"

#include "core/cart_backend.h"
#include "tests/lib/raw_dynamodb.h"

#include <mysql.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

/* Runs it on one host of CART_MYSQL_HOST, "HOST[:PORT]", whatever the host's global variables are;
 * false: it does not take it. */
static bool own_database_run_on(MYSQL *mysql, char *host, const char *statement)
{
	unsigned port = (unsigned)strtoul(own_database_from("CART_MYSQL_PORT", "3306"), NULL, 10);
	const char *socket = own_database_from("CART_MYSQL_SOCKET", NULL);
	char *colon = strchr(host, ':');

	if (colon != NULL) {
		*colon = '\0';
		port = (unsigned)strtoul(colon + 1, NULL, 10);
	}
	return mysql_real_connect(mysql, socket != NULL ? NULL : host,
				  own_database_from("CART_MYSQL_USER", "cart"),
				  own_database_from("CART_MYSQL_PASSWORD", ""), NULL, port, socket,
				  0) != NULL &&
	       mysql_query(mysql, "SET SESSION TRANSACTION READ WRITE") == 0 &&
	       mysql_query(mysql, "SET SESSION sql_notes = 1 /*M!100100 , max_statement_time = 0, "
				  "max_session_mem_used = 1000000000 */") == 0 &&
	       mysql_query(mysql, statement) == 0;
}

/* Runs one statement about the database, on the first host that takes it: in a cluster it may be
 * that only one takes changes. */
static void own_database_run(const char *what, const char *name)
{
	char *hosts = strdup(own_database_from("CART_MYSQL_HOST", "127.0.0.1")), *rest = hosts;
	char statement[OWN_DATABASE_MAX + 64];
	bool done = false;

	snprintf(statement, sizeof(statement), "%s %s", what, name);
	for (char *host; !done && (host = strsep(&rest, ",")) != NULL;) {
		MYSQL *mysql = mysql_init(NULL);

		if (mysql == NULL)
			abort();
		done = own_database_run_on(mysql, host, statement);
		if (!done && rest == NULL)
			own_database_die(mysql);
		mysql_close(mysql);
	}
	free(hosts);
}

/* Until it is gone: a table that is being made or changed is not let go. One that was never made
 * is gone. */
static void own_database_delete_table(const char *name)
{
	const struct timespec nap = {.tv_nsec = 20000000};
	char body[OWN_DATABASE_MAX + 32];
	const char *error;
	int tries = 0;

	snprintf(body, sizeof(body), "{\"TableName\":\"%s\"}", name);
	for (;; nanosleep(&nap, NULL)) {
		long status;
		json_t *answer = raw_dynamodb_call(NULL, "DeleteTable", body, &status);
		bool gone;

		error = raw_dynamodb_error(answer);
		gone = status == 200 || strcmp(error, "ResourceNotFoundException") == 0;
		if (!gone && (strcmp(error, "ResourceInUseException") != 0 || ++tries == 3000)) {
			fprintf(stderr, "the table %s could not be deleted: %ld %s\n", name, status,
				error);
			abort();
		}
		json_decref(answer);
		if (gone)
			return;
	}
}

void own_database_make(struct own_database *own, const char *backend)
{
	static _Atomic unsigned count;

	*own = (struct own_database){0};
	if (strcmp(backend, "mysql") == 0)
		own->setting = "mysql.database";
	else if (strcmp(backend, "dynamodb") == 0)
		own->setting = "dynamodb.table";
	else
		return;
	snprintf(own->name, OWN_DATABASE_MAX, "cart_test_%ld_%u", (long)getpid(), count++);
	if (strcmp(backend, "mysql") == 0)
		own_database_run("CREATE DATABASE", own->name);
}

void own_database_drop(const struct own_database *own)
{
	if (own->setting == NULL)
		return;
	if (strcmp(own->setting, "mysql.database") == 0)
		own_database_run("DROP DATABASE", own->name);
	else
		own_database_delete_table(own->name);
}

/* Dynalite has none. */
static bool dynamodb_has_streams(void)
{
	const char *layout = getenv("CART_DYNAMODB_LAYOUT");
	long status;

	if (layout != NULL && strcmp(layout, "rows") == 0)
		return false;
	json_decref(raw_dynamodb_call(NULL, "ListStreams", "{}", &status));
	return status == 200;
}

bool own_database_has_feed(const char *name)
{
	const struct cart_backend *backend = cart_backend_find(name);

	return backend != NULL && (backend->caps & CART_CAP_FEED) != 0 &&
	       (strcmp(name, "dynamodb") != 0 || dynamodb_has_streams());
}
