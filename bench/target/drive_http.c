/*
 * A cartd over HTTP/1.1, without blocking: one socket and one persistent read event a link, a
 * request in one send(), an answer most often in one recv().
 *
 * The happy path: submit writes on the kept connection; the answer wakes the link, which calls
 * done(), which submits again. The other ways: there is no connection, so one is made first; the
 * kernel has no room for the request, so the rest waits for it; the server closed the connection
 * while it rested, so a new one is made, for nothing was sent on the old; the connection breaks,
 * the answer is no HTTP, or the time is up after a byte was sent: a change is then UNKNOWN, a read
 * has failed; nobody can be connected to: refused. Whatever fails closes the connection.
 *
 * All operations of a loop have the same time, so those under way are a queue by deadline, with one
 * timer for its head. A failure inside submit is told from the loop.
 */
#include "bench/target/cart_read.h"
#include "bench/target/drive_internal.h"
#include "bench/target/http_answer.h"
#include "bench/target/http_request.h"
#include "core/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection that has rested so long is looked at before a request is risked on it. */
#define HTTP_RESTED_NS CLOCK_NS_PER_MS

struct http_drive {
	struct bench_drive drive;
	struct bench_target target; /* blocking: who is it, and its metrics */
	struct http_request_form form;
	struct sockaddr_storage address;
	socklen_t address_len;
};

struct http_link {
	struct bench_link link;
	int fd;		       /* -1: none */
	bool connecting;       /* the connect is not through */
	struct event readable; /* persistent, while there is an fd */
	struct event writable; /* to finish a connect or a send */
	struct bench_op *op;   /* NULL: at rest */
	int64_t deadline_ns;
	int64_t rested_ns;  /* since then */
	const char *failed; /* in submit: on the loop's list of failed */
	TAILQ_ENTRY(http_link) under_way;
	SLIST_ENTRY(http_link) next_failed;
	size_t out_len, out_at;
	char out[HTTP_REQUEST_MAX];
	struct http_answer answer;
};

struct http_loop {
	struct bench_drive_loop loop;
	struct event *timer; /* the first deadline, or an earlier instant */
	struct event *soon;  /* tells of what failed inside submit */
	TAILQ_HEAD(, http_link) under_way;
	SLIST_HEAD(, http_link) failed;
};

static struct http_drive *http_drive_of(const struct http_link *link)
{
	return (struct http_drive *)link->link.loop->drive;
}

static void link_disconnect(struct http_link *link)
{
	if (link->fd < 0)
		return;
	event_del(&link->readable);
	event_del(&link->writable);
	close(link->fd);
	link->fd = -1;
	link->connecting = false;
}

/* The op is not the link's any more; the caller must not touch the link after this. */
static void link_done(struct http_link *link)
{
	struct http_loop *loop = (struct http_loop *)link->link.loop;
	struct bench_op *op = link->op;

	link->op = NULL;
	TAILQ_REMOVE(&loop->under_way, link, under_way);
	if (link->failed != NULL)
		SLIST_REMOVE(&loop->failed, link, http_link, next_failed);
	link->failed = NULL;
	link->rested_ns = op->done_ns;
	op->done(op, op->user);
}

/* No answer, and why. Whether the server may have got the request is known here alone. */
static void link_fail(struct http_link *link, const char *why)
{
	struct bench_op *op = link->op;
	bool sent = link->out_at > 0;

	op->done_ns = clock_monotonic_ns(&cart_clock_system);
	op->outcome = sent && bench_op_type_changes(op->type) ? BENCH_UNKNOWN : BENCH_REFUSED;
	op->status = 0;
	snprintf(op->error, sizeof(op->error), "%s", why);
	link_disconnect(link);
	link_done(link);
}

static void link_fail_soon(struct http_link *link, const char *why)
{
	struct http_loop *loop = (struct http_loop *)link->link.loop;

	link->failed = why;
	SLIST_INSERT_HEAD(&loop->failed, link, next_failed);
	event_active(loop->soon, EV_TIMEOUT, 0);
}

static void loop_tell_failed(evutil_socket_t fd, short what, void *user)
{
	struct http_loop *loop = user;
	struct http_link *link = SLIST_FIRST(&loop->failed);

	(void)fd;
	(void)what;
	if (link == NULL)
		return;
	/* One a turn: done() may submit what fails at once again, and others want their turn. */
	if (SLIST_NEXT(link, next_failed) != NULL)
		event_active(loop->soon, EV_TIMEOUT, 0);
	link_fail(link, link->failed);
}

static void loop_arm(struct http_loop *loop, int64_t deadline_ns, int64_t now_ns)
{
	int64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	struct timeval left = {.tv_sec = left_ns / CLOCK_NS_PER_S,
			       .tv_usec = left_ns % CLOCK_NS_PER_S / 1000 + 1};

	event_add(loop->timer, &left);
}

static void loop_expire(evutil_socket_t fd, short what, void *user)
{
	struct http_loop *loop = user;
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system);
	struct http_link *link;

	(void)fd;
	(void)what;
	while ((link = TAILQ_FIRST(&loop->under_way)) != NULL && link->deadline_ns <= now_ns)
		link_fail(link, "timeout");
	if (link != NULL)
		loop_arm(loop, link->deadline_ns, now_ns);
}

/* The outcome of an answer, from its status and, of 504, its error. */
static enum bench_outcome http_outcome(const struct bench_op *op)
{
	if (op->status < 300)
		return BENCH_OK;
	if (op->status < 500 || op->status == 503 || !bench_op_type_changes(op->type) ||
	    (op->status == 504 && strcmp(op->error, "TIMEOUT") == 0))
		return BENCH_REFUSED;
	return BENCH_UNKNOWN;
}

/* A body that was asked for. False: it is not what API.md says. */
static bool http_read_body(struct bench_op *op, const struct http_answer *answer)
{
	const char *json = answer->body.data;
	size_t len = answer->body.len;

	if (op->type == BENCH_LIST)
		return bench_carts_read(&op->carts, &op->cart_count, json, len);
	if (!op->want_cart || op->type == BENCH_DELETE)
		return true;
	return bench_cart_read(&op->cart, json, len);
}

static bool http_wants_body(const struct bench_op *op)
{
	return op->type == BENCH_LIST || (op->want_cart && op->type != BENCH_DELETE);
}

static void http_take_result(struct bench_op *op, const struct http_answer *answer)
{
	op->status = answer->status;
	op->version = answer->version;
	op->replayed = answer->replayed;
	op->queue_ns = answer->queue_ns;
	op->db_ns = answer->db_ns;
	op->total_ns = answer->total_ns;
	if (op->status >= 300 &&
	    !bench_problem_read(op->error, sizeof(op->error), answer->body.data, answer->body.len))
		snprintf(op->error, sizeof(op->error), "HTTP %d", op->status);
	op->outcome = http_outcome(op);
	if (op->outcome != BENCH_OK)
		return;
	if (op->type == BENCH_CREATE)
		op->id = answer->id;
	if ((op->type == BENCH_CREATE && !answer->has_id) || !http_read_body(op, answer)) {
		op->outcome = bench_op_type_changes(op->type) ? BENCH_UNKNOWN : BENCH_REFUSED;
		snprintf(op->error, sizeof(op->error), "not a cartd's answer");
	}
}

static void link_answered(struct http_link *link)
{
	struct bench_op *op = link->op;

	op->done_ns = clock_monotonic_ns(&cart_clock_system);
	http_take_result(op, &link->answer);
	if (!link->answer.keep || http_drive_of(link)->drive.config.cold)
		link_disconnect(link);
	link_done(link);
}

/* At rest: the server has closed, or says what nobody asked. */
static void link_drop_at_rest(struct http_link *link)
{
	link_disconnect(link);
}

static void link_read(evutil_socket_t fd, short what, void *user)
{
	struct http_link *link = user;
	enum http_answer_state state;
	size_t room;
	char *to;
	ssize_t got;

	(void)fd;
	(void)what;
	if (link->op == NULL || link->failed != NULL) {
		link_drop_at_rest(link);
		return;
	}
	if (link->connecting)
		return; /* link_write() finds out */
	to = http_answer_room(&link->answer, &room);
	got = recv(link->fd, to, room, 0);
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			link_fail(link, "connection");
		return;
	}
	state = got > 0 ? http_answer_take(&link->answer, (size_t)got)
			: http_answer_end(&link->answer);
	if (state == HTTP_ANSWER_WHOLE)
		link_answered(link);
	else if (state == HTTP_ANSWER_BROKEN)
		link_fail(link, got > 0 ? "not HTTP" : "connection");
}

/* 0: all is sent, or the rest waits for room; -1: the connection is broken. */
static int link_send(struct http_link *link)
{
	while (link->out_at < link->out_len) {
		ssize_t sent = send(link->fd, link->out + link->out_at,
				    link->out_len - link->out_at, MSG_NOSIGNAL);

		if (sent >= 0)
			link->out_at += (size_t)sent;
		else if (errno == EAGAIN)
			return event_add(&link->writable, NULL);
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}

static void link_write(evutil_socket_t fd, short what, void *user)
{
	struct http_link *link = user;
	socklen_t len = sizeof(int);
	int failed = 0;

	(void)fd;
	(void)what;
	if (link->op == NULL || link->failed != NULL)
		return;
	if (link->connecting) {
		if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0 || failed != 0) {
			link_fail(link, "connection");
			return;
		}
		link->connecting = false;
	}
	if (link_send(link) != 0)
		link_fail(link, "connection");
}

/* 0: connected, or soon; -1: at once refused. */
static int link_connect(struct http_link *link)
{
	const struct http_drive *drive = http_drive_of(link);
	struct event_base *base = link->link.loop->base;
	int one = 1;

	link->fd = socket(drive->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return -1;
	setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	event_assign(&link->readable, base, link->fd, EV_READ | EV_PERSIST, link_read, link);
	event_assign(&link->writable, base, link->fd, EV_WRITE, link_write, link);
	link->connecting = connect(link->fd, (const struct sockaddr *)&drive->address,
				   drive->address_len) != 0;
	if ((link->connecting && errno != EINPROGRESS) || event_add(&link->readable, NULL) != 0 ||
	    (link->connecting && event_add(&link->writable, NULL) != 0)) {
		link_disconnect(link);
		return -1;
	}
	return 0;
}

/* Looks whether the server has closed a connection since it rests. */
static bool link_is_alive(const struct http_link *link, int64_t now_ns)
{
	char byte;

	if (link->fd < 0 || now_ns - link->rested_ns < HTTP_RESTED_NS)
		return link->fd >= 0;
	return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static int link_start(struct http_link *link, int64_t now_ns)
{
	bool kept = link_is_alive(link, now_ns);

	if (kept && link_send(link) == 0)
		return 0;
	if (link->out_at > 0)
		return -1;
	/* Nothing of it was sent: what was kept had closed. */
	link_disconnect(link);
	if (link_connect(link) != 0)
		return -1;
	return link->connecting ? 0 : link_send(link);
}

static void http_submit(struct bench_link *head, struct bench_op *op)
{
	struct http_link *link = (struct http_link *)head;
	struct http_loop *loop = (struct http_loop *)head->loop;
	const struct http_drive *drive = http_drive_of(link);

	assert(link->op == NULL);
	link->op = op;
	link->out_len = http_request_write(&drive->form, op, link->out);
	link->out_at = 0;
	http_answer_begin(&link->answer, http_wants_body(op));
	op->sent_ns = clock_monotonic_ns(&cart_clock_system);
	link->deadline_ns = op->sent_ns + drive->drive.config.timeout_ms * CLOCK_NS_PER_MS;
	TAILQ_INSERT_TAIL(&loop->under_way, link, under_way);
	if (!event_pending(loop->timer, EV_TIMEOUT, NULL))
		loop_arm(loop, link->deadline_ns, op->sent_ns);
	if (link_start(link, op->sent_ns) != 0)
		link_fail_soon(link, "connection");
}

/* The server sees the end of the connection, whatever it is at. */
static void http_abandon(struct bench_link *head)
{
	struct http_link *link = (struct http_link *)head;

	if (link->op == NULL || link->failed != NULL)
		return;
	link_disconnect(link);
	link_fail_soon(link, "abandoned");
}

static int http_link_open(struct bench_link **out, struct bench_drive_loop *loop,
			  struct cart_error *error)
{
	struct http_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return cart_error_set(error, "no memory for a connection");
	link->link.loop = loop;
	link->fd = -1;
	*out = &link->link;
	return 0;
}

static void http_link_close(struct bench_link *head)
{
	struct http_link *link = (struct http_link *)head;

	assert(link->op == NULL);
	link_disconnect(link);
	http_answer_free(&link->answer);
	free(link);
}

static void http_loop_close(struct bench_drive_loop *head)
{
	struct http_loop *loop = (struct http_loop *)head;

	if (loop->timer != NULL)
		event_free(loop->timer);
	if (loop->soon != NULL)
		event_free(loop->soon);
	free(loop);
}

static int http_loop_open(struct bench_drive_loop **out, struct bench_drive *drive,
			  struct event_base *base, struct cart_error *error)
{
	struct http_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return cart_error_set(error, "no memory for a loop");
	loop->loop = (struct bench_drive_loop){.drive = drive, .base = base};
	TAILQ_INIT(&loop->under_way);
	SLIST_INIT(&loop->failed);
	loop->timer = event_new(base, -1, 0, loop_expire, loop);
	loop->soon = event_new(base, -1, 0, loop_tell_failed, loop);
	if (loop->timer == NULL || loop->soon == NULL) {
		http_loop_close(&loop->loop);
		return cart_error_set(error, "no memory for a loop");
	}
	*out = &loop->loop;
	return 0;
}

static int http_metrics(struct bench_drive *head, struct buf *out, struct cart_error *error)
{
	struct http_drive *drive = (struct http_drive *)head;
	struct bench_client_answer answer;
	int result = -1;

	/* The kept connection may have been idle for longer than the server keeps one. */
	for (int tries = 0; result != 0 && tries < 2; tries++)
		result = bench_client_request(drive->target.client, "GET", "/metrics", NULL,
					      &answer, error);
	if (result != 0)
		return -1;
	if (answer.status != 200)
		return cart_error_set(error, "GET /metrics answers %d", answer.status);
	buf_add(out, answer.body, answer.body_len);
	return out->failed ? cart_error_set(error, "no memory") : 0;
}

/* The contract's version, where the contract is shown: info.version of /openapi.yaml. */
static int http_check_version(struct http_drive *drive, struct cart_error *error)
{
	static const char named[] = "\n  version: ";
	struct bench_client_answer answer;
	const char *at;
	size_t len;

	if (bench_client_request(drive->target.client, "GET", "/openapi.yaml", NULL, &answer,
				 error) != 0)
		return -1;
	at = answer.status == 200 ? strstr(answer.body, named) : NULL;
	if (at == NULL)
		return 0;
	at += sizeof(named) - 1;
	at += *at == '"' || *at == '\'';
	len = strcspn(at, "\"'\r\n");
	if (*at == '1' && (len == 1 || at[1] == '.'))
		return 0;
	return cart_error_set(error, "speaks version %.*s of the API, and this cartbench version 1",
			      len < 40 ? (int)len : 40, at);
}

static void http_close(struct bench_drive *head)
{
	struct http_drive *drive = (struct http_drive *)head;

	bench_target_close(&drive->target);
	free(drive);
}

static int http_open(struct bench_drive **out, const char *target,
		     const struct bench_drive_config *config, struct cart_error *error)
{
	struct http_drive *drive = calloc(1, sizeof(*drive));
	struct bench_url url;
	int len;

	if (drive == NULL)
		return cart_error_set(error, "no memory");
	if (bench_url_parse(&url, target, error) != 0 ||
	    bench_target_open(&drive->target, target, (int)config->timeout_ms, true, error) != 0 ||
	    http_check_version(drive, error) != 0 ||
	    (len = bench_client_reach(drive->target.client, &drive->address, error)) < 0) {
		http_close(&drive->drive);
		return -1;
	}
	drive->address_len = (socklen_t)len;
	http_request_prepare(&drive->form, &url, config->cold);
	memcpy(drive->drive.database, drive->target.database, sizeof(drive->drive.database));
	*out = &drive->drive;
	return 0;
}

const struct bench_drive_kind bench_http_kind = {
	.open = http_open,
	.close = http_close,
	.metrics = http_metrics,
	.loop_open = http_loop_open,
	.loop_close = http_loop_close,
	.link_open = http_link_open,
	.link_close = http_link_close,
	.submit = http_submit,
	.abandon = http_abandon,
};
