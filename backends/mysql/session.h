/* One connection: opened, its session set up, its host asked whether it accepts changes; closed. */
#ifndef BACKENDS_MYSQL_SESSION_H
#define BACKENDS_MYSQL_SESSION_H

#include "backends/mysql/hosts.h"
#include "backends/mysql/text.h"
#include "core/base/clock_skew.h"

#include <mysql.h>

/* The server's clock in microseconds since 1970, whatever the time zone. */
#define SQL_CLOCK_US "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3))"

/* What is known of a session whose connection was lost. */
enum sql_leftover_state {
	SQL_LEFTOVER_UNKNOWN, /* its server was not asked, or a statement of it runs */
	SQL_LEFTOVER_GONE,
	SQL_LEFTOVER_ENDED /* by us */
};

/* A session whose connection was lost. Its server may not know that, and then it keeps the session,
 * and the locks of its transaction, for hours. */
struct sql_leftover {
	size_t host;
	int64_t mark; /* of its plan */
	enum sql_leftover_state state;
};

/* What one attempt needs, all of it the caller's. */
struct sql_session_plan {
	const struct sql_options *options; /* its settings are not asked */
	const struct sql_host *host;
	const char *password;
	enum sql_role role;
	bool blocking;			   /* it will be used by blocking calls, not by others */
	bool try_change;		   /* find out whether the host accepts changes */
	int stop_fd;			   /* readable: give up */
	struct clock_reading *clock;	   /* set to what the server's clock showed */
	struct sql_durability *durability; /* set by opening; NULL: not asked for */
	int64_t mark;			   /* a writer's: random, finds the session on the server */
	struct sql_leftover *leftovers;	   /* of the host: ended, if they are idle */
	size_t leftover_count;
};

/*
 * Connects within options->connect_timeout_ms, all steps together. On success *mysql is the
 * caller's. Otherwise it is NULL, and error says why, without the host. Only the resolver may take
 * longer than that, and a server that goes silent within a TLS handshake.
 */
CART_MUST_CHECK enum sql_outcome sql_session_open(MYSQL **mysql,
						  const struct sql_session_plan *plan,
						  struct cart_error *error);

/* Makes an idle session of its host one for blocking calls, or the reverse, and asks for the time.
 * False: it is broken. */
CART_MUST_CHECK bool sql_session_change(MYSQL *mysql, const struct sql_session_plan *plan);

/* A change of no row, which locks nothing: it fails where the host accepts no changes. */
void sql_change_nothing(struct sql_text *text);

/* Closes it, whatever its state: a non-blocking call may be suspended in it. Takes NULL. */
void sql_session_close(MYSQL *mysql);

#endif
