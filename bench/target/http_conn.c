/*
 * The happy path: start writes on the kept connection; the answer wakes it, and ended() starts the
 * next request. The other ways: there is no connection, so one is made first; the kernel has no
 * room for the request, so the rest waits for it; the server closed the connection while it was
 * idle, so a new one is made, since nothing was sent on the old one; the connection breaks, or the
 * answer is not HTTP. Whatever fails closes the connection.
 */
#include "bench/target/http_conn.h"

#include "bench/target/http_tls.h"
#include "core/base/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* A connection that was idle for so long is checked before a request is sent on it. */
#define CONN_IDLE_NS CLOCK_NS_PER_MS

void http_conn_close(struct http_conn *conn)
{
	conn->busy = false;
	if (!conn->open)
		return;
	event_del(&conn->readable);
	event_del(&conn->writable);
	http_tls_close(conn->session);
	conn->session = NULL;
	close(conn->fd);
	conn->open = conn->connecting = false;
}

void http_conn_free(struct http_conn *conn)
{
	http_conn_close(conn);
	http_answer_free(&conn->answer);
}

/* The caller must not touch conn after this. */
static void conn_end(struct http_conn *conn, enum http_conn_end end)
{
	conn->ended_ns = clock_monotonic_ns(&cart_clock_system);
	conn->busy = false;
	if (end != HTTP_CONN_ANSWERED || conn->cold || !conn->answer.keep)
		http_conn_close(conn);
	conn->ended(conn, end);
}

static void conn_fail(struct http_conn *conn, enum http_conn_end end, int failure)
{
	conn->failure = failure;
	conn_end(conn, end);
}

/* 0: all is sent, or the rest waits for the socket; -1: the connection is broken. */
static int conn_send(struct http_conn *conn)
{
	while (conn->sent < conn->out_len) {
		const char *rest = conn->out + conn->sent;
		size_t len = conn->out_len - conn->sent;
		bool wants_room = true;
		ssize_t sent = conn->session != NULL ? http_tls_send(conn->session, rest, len,
								     &wants_room, &conn->why)
						     : send(conn->fd, rest, len, MSG_NOSIGNAL);

		if (sent >= 0)
			conn->sent += (size_t)sent;
		else if (errno == EAGAIN)
			return wants_room ? event_add(&conn->writable, NULL) : 0;
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}

/* Reads once. False: the request has ended, and the caller must not touch conn; or nothing is here.
 */
static bool conn_receive(struct http_conn *conn)
{
	enum http_answer_state state;
	size_t room;
	char *to = http_answer_room(&conn->answer, &room);
	ssize_t got = conn->session != NULL ? http_tls_receive(conn->session, to, room, &conn->why)
					    : recv(conn->fd, to, room, 0);

	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_fail(conn, HTTP_CONN_BROKEN, errno);
		return false;
	}
	state = got > 0 ? http_answer_take(&conn->answer, (size_t)got)
			: http_answer_end(&conn->answer);
	if (state == HTTP_ANSWER_WHOLE)
		conn_end(conn, HTTP_CONN_ANSWERED);
	else if (state == HTTP_ANSWER_BROKEN)
		conn_fail(conn, got > 0 ? HTTP_CONN_NOT_HTTP : HTTP_CONN_BROKEN, 0);
	else
		return true;
	return false;
}

static void conn_read(evutil_socket_t fd, short what, void *user)
{
	struct http_conn *conn = user;

	(void)fd;
	(void)what;
	if (!conn->busy) { /* the server has closed, or sends what no request asked for */
		http_conn_close(conn);
		return;
	}
	if (conn->connecting)
		return; /* conn_write() finds out */
	/* In a handshake sending waits for the server. */
	if (conn->session != NULL && conn_send(conn) != 0) {
		conn_fail(conn, HTTP_CONN_BROKEN, errno);
		return;
	}
	while (conn_receive(conn) && conn->session != NULL && http_tls_has(conn->session))
		continue;
}

static void conn_write(evutil_socket_t fd, short what, void *user)
{
	struct http_conn *conn = user;
	socklen_t len = sizeof(int);
	int failure = 0;

	(void)what;
	if (!conn->busy)
		return;
	if (conn->connecting) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0)
			failure = errno;
		if (failure != 0) {
			conn_fail(conn, HTTP_CONN_NO_CONNECT, failure);
			return;
		}
		conn->connecting = false;
	}
	if (conn_send(conn) != 0)
		conn_fail(conn, HTTP_CONN_BROKEN, errno);
}

/* 0: connected, or soon; -1: failed at once. */
static int conn_connect(struct http_conn *conn)
{
	const struct http_address *to = conn->address;
	int one = 1;

	conn->fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn->fd < 0)
		return -1;
	conn->open = true;
	/* The last piece of a request must not wait for an acknowledgement. */
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	event_assign(&conn->readable, conn->base, conn->fd, EV_READ | EV_PERSIST, conn_read, conn);
	event_assign(&conn->writable, conn->base, conn->fd, EV_WRITE, conn_write, conn);
	conn->session = conn->tls != NULL ? http_tls_open(conn->tls, conn->fd) : NULL;
	if (conn->tls != NULL && conn->session == NULL) {
		errno = ENOMEM;
		return -1;
	}
	conn->connecting = connect(conn->fd, (const struct sockaddr *)&to->storage, to->len) != 0;
	if (conn->connecting && errno != EINPROGRESS)
		return -1;
	if (event_add(&conn->readable, NULL) != 0)
		return -1;
	return conn->connecting ? event_add(&conn->writable, NULL) : 0;
}

/* Checks whether the server has closed a connection since it became idle. */
static bool conn_is_alive(const struct http_conn *conn, int64_t now_ns)
{
	char byte;

	if (!conn->open || now_ns - conn->ended_ns < CONN_IDLE_NS)
		return conn->open;
	return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

int http_conn_start(struct http_conn *conn, const char *out, size_t len, int64_t now_ns)
{
	bool kept = conn_is_alive(conn, now_ns);

	conn->out = out;
	conn->out_len = len;
	conn->sent = 0;
	conn->why = NULL;
	conn->busy = true;
	if (kept && conn_send(conn) == 0)
		return 0;
	if (conn->sent == 0) { /* the server closed the connection that was kept */
		http_conn_close(conn);
		conn->busy = true;
		if (conn_connect(conn) == 0 && (conn->connecting || conn_send(conn) == 0))
			return 0;
	}
	conn->failure = errno;
	http_conn_close(conn);
	return -1;
}
