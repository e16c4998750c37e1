/*
 * A connection on a loop: one text at a time, of one statement or several, without blocking.
 *
 * The happy path: sql_conn_query() sends the text; as answers arrive the client library continues
 * until the answer of the last statement is complete; done() gets all of them. Failures: a
 * statement fails, and the server ignores those after it: done() gets its error, and the connection
 * may have a transaction open. The connection breaks: done() gets that error, and the caller must
 * close the connection. It breaks while it is idle: gone() is called. No answer comes: there is no
 * timer here; the caller closes the connection when it has waited long enough.
 */
#ifndef BACKENDS_MYSQL_CONN_H
#define BACKENDS_MYSQL_CONN_H

#include "backends/mysql/fault.h"
#include "backends/mysql/text.h"

#include <mysql.h>

struct event;
struct event_base;

#define SQL_REPLY_ROWS	   3
#define SQL_REPLY_AFFECTED 4

struct sql_reply {
	enum sql_fault fault;
	unsigned error;			 /* mysql_errno(), 0: all statements succeeded */
	const char *text;		 /* mysql_error() */
	size_t statements;		 /* that succeeded */
	MYSQL_RES *rows[SQL_REPLY_ROWS]; /* of the statements that return rows, in order */
	size_t rows_count;
	/* Of each of the first statements: rows matched, and LAST_INSERT_ID(). */
	uint64_t affected[SQL_REPLY_AFFECTED];
	uint64_t insert_id[SQL_REPLY_AFFECTED];
};

typedef void sql_conn_done_fn(void *user, struct sql_reply *reply);
typedef void sql_conn_gone_fn(void *user);

enum sql_conn_step { SQL_CONN_IDLE, SQL_CONN_QUERY, SQL_CONN_STORE, SQL_CONN_NEXT, SQL_CONN_PING };

struct sql_conn {
	MYSQL *mysql; /* NULL: none */
	struct event *read;
	struct event *write;
	enum sql_conn_step step;
	int waits; /* MYSQL_WAIT_*; 0: the step has ended, its result is in rc and rows */
	int rc;
	MYSQL_RES *stored;
	struct sql_reply reply;
	sql_conn_done_fn *done;
	sql_conn_gone_fn *gone;
	void *user;
};

/* Takes over a connection, which must be idle. -1: no memory for events; it is not taken over. */
CART_MUST_CHECK int sql_conn_open(struct sql_conn *conn, struct event_base *base, MYSQL *mysql,
				  sql_conn_done_fn *done, sql_conn_gone_fn *gone, void *user);

/* Of an idle connection: whether its end is noticed. While it is not, no event waits for it. */
void sql_conn_watch(struct sql_conn *conn, bool watch);

/* Gives the connection back. If a query is under way its done() is not called, and the connection
 * can only be closed. NULL: there is none. */
MYSQL *sql_conn_release(struct sql_conn *conn);

/*
 * Sends a text, which must stay until done(). done() is called once, never inside this call; the
 * rows of the reply are freed after it. It may send again, or release the connection.
 */
void sql_conn_query(struct sql_conn *conn, const struct sql_text *text);
void sql_conn_ping(struct sql_conn *conn);

#endif
