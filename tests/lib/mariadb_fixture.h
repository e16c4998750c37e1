/*
 * A MariaDB server of a test's own: in a folder of its own, on a free port of 127.0.0.1, ended with
 * the test whatever becomes of it. CART_TEST_MYSQLD names the program of another server, a mariadbd
 * or a mysqld.
 */
#ifndef TESTS_LIB_MARIADB_FIXTURE_H
#define TESTS_LIB_MARIADB_FIXTURE_H

#include "core/base/attr.h"
#include "tests/lib/scratch.h"

#include <mysql.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mariadb_fixture {
	char folder[SCRATCH_PATH_MAX];
	char socket[SCRATCH_PATH_MAX + 32];
	int port;
	pid_t pid;     /* 0: not running */
	pid_t janitor; /* removes the folder when we are gone, or close lifeline */
	int lifeline;
	MYSQL *control; /* root's, over the socket */
};

#define MARIADB_FIXTURE_USER	 "cart"
#define MARIADB_FIXTURE_PASSWORD "te'st \"p\\wd"
#define MARIADB_FIXTURE_DATABASE "cart"

/* False: no server is installed; says so. */
bool mariadb_fixture_available(void);
/* In place of tests that all need a server, where none is installed: runs one that skips, and says
 * what main() returns. */
int mariadb_fixture_skip_all(void);
/* Makes the folder, the user and the database, and starts the server. options (may be NULL) end
 * with a NULL. Fails the test if it cannot. */
void mariadb_fixture_start(struct mariadb_fixture *fixture, const char *const *options);
/* The same where a server is installed; else says so and leaves the fixture zeroed. */
void mariadb_fixture_start_if_any(struct mariadb_fixture *fixture, const char *const *options);
/* Skips the test if it was not started. */
void mariadb_fixture_need(const struct mariadb_fixture *fixture);
/* The same server again, after mariadb_fixture_kill(). */
void mariadb_fixture_restart(struct mariadb_fixture *fixture, const char *const *options);
/* Kills it as a crash would, and waits for its end. */
void mariadb_fixture_kill(struct mariadb_fixture *fixture);
/* Kills it and removes the folder. Takes one that was never started, zeroed. */
void mariadb_fixture_free(struct mariadb_fixture *fixture);

/* Runs one statement, formatted, as root. Fails the test if the server does. */
CART_PRINTF(2, 3) void mariadb_fixture_exec(struct mariadb_fixture *f, const char *format, ...);
/* The first value of the answer, as a number. */
CART_PRINTF(2, 3)
int64_t mariadb_fixture_number(struct mariadb_fixture *fixture, const char *format, ...);
/* Connections of MARIADB_FIXTURE_USER that the server has. */
int64_t mariadb_fixture_clients(struct mariadb_fixture *fixture);
/* Until it has none; fails the test after ten seconds. */
void mariadb_fixture_await_no_clients(struct mariadb_fixture *fixture);

#endif
