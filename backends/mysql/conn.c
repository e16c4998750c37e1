#include "backends/mysql/conn.h"

#include <assert.h>
#include <errmsg.h>
#include <event2/event.h>
#include <string.h>

static void conn_run(struct sql_conn *conn);

static void conn_reply_clear(struct sql_reply *reply)
{
	for (size_t i = 0; i < reply->rows_count; i++)
		mysql_free_result(reply->rows[i]);
	memset(reply, 0, sizeof(*reply));
}

static void conn_finish(struct sql_conn *conn)
{
	struct sql_reply reply = conn->reply;

	memset(&conn->reply, 0, sizeof(conn->reply));
	conn->step = SQL_CONN_IDLE;
	conn->done(conn->user, &reply);
	conn_reply_clear(&reply);
}

static void conn_fail(struct sql_conn *conn)
{
	conn->reply.error = mysql_errno(conn->mysql);
	if (conn->reply.error == 0)
		conn->reply.error = CR_UNKNOWN_ERROR;
	conn->reply.text = mysql_error(conn->mysql);
	conn->reply.fault = sql_fault_of(conn->reply.error, mysql_sqlstate(conn->mysql));
	conn_finish(conn);
}

static void conn_begin_store(struct sql_conn *conn)
{
	conn->step = SQL_CONN_STORE;
	conn->waits = mysql_store_result_start(&conn->stored, conn->mysql);
}

static void conn_begin_next(struct sql_conn *conn)
{
	conn->step = SQL_CONN_NEXT;
	conn->waits = mysql_next_result_start(&conn->rc, conn->mysql);
}

/* A statement's answer is whole. True: there is another step. */
static bool conn_statement_done(struct sql_conn *conn)
{
	conn->reply.statements++;
	if (!mysql_more_results(conn->mysql)) {
		conn_finish(conn);
		return false;
	}
	conn_begin_next(conn);
	return true;
}

/* The head of a statement's answer is there. */
static bool conn_statement_answered(struct sql_conn *conn)
{
	if (conn->rc != 0) {
		conn_fail(conn);
		return false;
	}
	if (mysql_field_count(conn->mysql) == 0) {
		if (conn->reply.statements < SQL_REPLY_AFFECTED) {
			conn->reply.affected[conn->reply.statements] =
				mysql_affected_rows(conn->mysql);
			conn->reply.insert_id[conn->reply.statements] =
				mysql_insert_id(conn->mysql);
		}
		return conn_statement_done(conn);
	}
	conn_begin_store(conn);
	return true;
}

static bool conn_stored(struct sql_conn *conn)
{
	if (conn->stored == NULL) {
		conn_fail(conn);
		return false;
	}
	assert(conn->reply.rows_count < SQL_REPLY_ROWS);
	conn->reply.rows[conn->reply.rows_count++] = conn->stored;
	return conn_statement_done(conn);
}

/* The step has ended. True: another has begun. */
static bool conn_step(struct sql_conn *conn)
{
	switch (conn->step) {
	case SQL_CONN_QUERY:
	case SQL_CONN_NEXT:
		return conn_statement_answered(conn);
	case SQL_CONN_STORE:
		return conn_stored(conn);
	case SQL_CONN_PING:
		if (conn->rc != 0)
			conn_fail(conn);
		else
			conn_finish(conn);
		return false;
	case SQL_CONN_IDLE:
		break;
	}
	return false;
}

/* Reading is always waited for, except while a text is sent and unread data is there. */
static void conn_wait(struct sql_conn *conn)
{
	if ((conn->waits & MYSQL_WAIT_WRITE) != 0)
		event_add(conn->write, NULL);
	if ((conn->waits & MYSQL_WAIT_READ) == 0)
		event_del(conn->read);
	else if (!event_pending(conn->read, EV_READ, NULL))
		event_add(conn->read, NULL);
}

static void conn_run(struct sql_conn *conn)
{
	while (conn->waits == 0)
		if (!conn_step(conn))
			return;
	conn_wait(conn);
}

/* The library has closed the descriptor, whose number somebody else may get. */
static bool conn_is_broken(const struct sql_conn *conn)
{
	return conn->rc != 0 && sql_fault_is_of_client(mysql_errno(conn->mysql));
}

static int conn_continue(struct sql_conn *conn, int events)
{
	switch (conn->step) {
	case SQL_CONN_QUERY:
		return mysql_real_query_cont(&conn->rc, conn->mysql, events);
	case SQL_CONN_STORE:
		return mysql_store_result_cont(&conn->stored, conn->mysql, events);
	case SQL_CONN_NEXT:
		return mysql_next_result_cont(&conn->rc, conn->mysql, events);
	case SQL_CONN_PING:
		return mysql_ping_cont(&conn->rc, conn->mysql, events);
	case SQL_CONN_IDLE:
		break;
	}
	return 0;
}

static void conn_ready(evutil_socket_t fd, short what, void *user)
{
	struct sql_conn *conn = user;
	int events = ((what & EV_READ) != 0 ? MYSQL_WAIT_READ : 0) |
		     ((what & EV_WRITE) != 0 ? MYSQL_WAIT_WRITE : 0);

	(void)fd;
	if (conn->step == SQL_CONN_IDLE) {
		/* While idle, the server sends nothing but the end of the connection. */
		conn->gone(conn->user);
		return;
	}
	if (conn->waits != 0) {
		events &= conn->waits;
		if (events == 0)
			return;
		conn->waits = conn_continue(conn, events);
	}
	if (!conn_is_broken(conn) && !event_pending(conn->read, EV_READ, NULL))
		event_add(conn->read, NULL);
	conn_run(conn);
}

int sql_conn_open(struct sql_conn *conn, struct event_base *base, MYSQL *mysql,
		  sql_conn_done_fn *done, sql_conn_gone_fn *gone, void *user)
{
	evutil_socket_t fd = (evutil_socket_t)mysql_get_socket(mysql);

	memset(conn, 0, sizeof(*conn));
	conn->read = event_new(base, fd, EV_READ | EV_PERSIST, conn_ready, conn);
	conn->write = event_new(base, fd, EV_WRITE, conn_ready, conn);
	if (conn->read == NULL || conn->write == NULL || event_add(conn->read, NULL) != 0) {
		sql_conn_release(conn);
		return -1;
	}
	conn->mysql = mysql;
	conn->done = done;
	conn->gone = gone;
	conn->user = user;
	return 0;
}

void sql_conn_watch(struct sql_conn *conn, bool watch)
{
	assert(conn->step == SQL_CONN_IDLE);
	if (watch)
		event_add(conn->read, NULL);
	else
		event_del(conn->read);
}

MYSQL *sql_conn_release(struct sql_conn *conn)
{
	MYSQL *mysql = conn->mysql;

	if (conn->read != NULL)
		event_free(conn->read);
	if (conn->write != NULL)
		event_free(conn->write);
	conn_reply_clear(&conn->reply);
	memset(conn, 0, sizeof(*conn));
	return mysql;
}

/* A call that ended without waiting is reported from the loop too, never from inside. */
static void conn_begun(struct sql_conn *conn)
{
	if (conn->waits != 0) {
		conn_wait(conn);
		return;
	}
	/* The loop would take the event for one of whoever gets the number until then, and not
	 * listen for him. */
	if (conn_is_broken(conn))
		event_del(conn->read);
	event_active(conn->read, EV_READ, 0);
}

void sql_conn_query(struct sql_conn *conn, const struct sql_text *text)
{
	assert(conn->step == SQL_CONN_IDLE);
	conn->step = SQL_CONN_QUERY;
	conn->waits = mysql_real_query_start(&conn->rc, conn->mysql, text->buf.data,
					     (unsigned long)text->buf.len);
	conn_begun(conn);
}

void sql_conn_ping(struct sql_conn *conn)
{
	assert(conn->step == SQL_CONN_IDLE);
	conn->step = SQL_CONN_PING;
	conn->waits = mysql_ping_start(&conn->rc, conn->mysql);
	conn_begun(conn);
}
