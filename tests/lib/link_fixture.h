/* A connector to a server of the test's, with a loop, and asks that are waited for. */
#ifndef TESTS_LIB_LINK_FIXTURE_H
#define TESTS_LIB_LINK_FIXTURE_H

#include "backends/mysql/connector.h"
#include "tests/lib/mariadb_fixture.h"

struct link_fixture {
	struct settings *settings;
	struct sql_connector *connector;
	struct event_base *base;
	struct sql_mailbox *mailbox;
};

/* The settings alone: for that server, if there is one. What is logged goes to log_path, or
 * nowhere. */
void link_fixture_init(struct link_fixture *f, const struct mariadb_fixture *server,
		       const char *log_path);
CART_PRINTF(3, 4)
void link_fixture_set(struct link_fixture *f, const char *key, const char *format, ...);
/* Reads the options, starts the connector. */
void link_fixture_start(struct link_fixture *f);
/* Ends all; the settings stay. Returns how long freeing the connector took. */
int64_t link_fixture_stop_ms(struct link_fixture *f);
void link_fixture_free(struct link_fixture *f);

/* Asks; *ask->user, an int, counts the answers. */
void link_fixture_ask(struct link_fixture *f, struct sql_ask *ask, enum sql_role role, int *done);
/* Runs the loop until *done is count; fails the test after 10 s. */
void link_fixture_wait(struct link_fixture *f, const int *done, int count);
/* A connection, or a failed test. */
struct sql_link link_fixture_get(struct link_fixture *f, enum sql_role role);
/* No connection, and an error that says this. Returns how long that took. */
int64_t link_fixture_fail_ms(struct link_fixture *f, enum sql_role role, const char *why);
/* Asks again and again, as a loop does, until there is a connection; fails after 10 s. */
struct sql_link link_fixture_get_at_last(struct link_fixture *f, enum sql_role role);
/* Closes it and waits for nothing. */
void link_fixture_close(struct link_fixture *f, struct sql_link *link);

/* Runs a statement on it; the first value of its answer, "" if it has none. */
const char *link_fixture_value(const struct sql_link *link, const char *sql);

#endif
