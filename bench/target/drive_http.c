/*
 * A cartd over HTTP/1.1: a link is a connection (http_conn.h), an operation a request on it.
 *
 * What became of an operation that got no answer: a change whose request was sent, if only in part,
 * is UNKNOWN; a read, or what was never sent, is REFUSED. All operations of a loop have the same
 * timeout, so those under way are a queue by deadline, with one timer for its head. What fails
 * inside submit is reported from the loop.
 */
#include "bench/stats/alloc.h"
#include "bench/target/base.h"
#include "bench/target/cart_read.h"
#include "bench/target/cores.h"
#include "bench/target/drive_internal.h"
#include "bench/target/http_conn.h"
#include "bench/target/http_origin.h"
#include "bench/target/http_request.h"
#include "core/base/clock.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct http_drive {
	struct bench_drive drive;
	struct http_origin origin;
	struct http_request_form form;
};

struct http_link {
	struct bench_link link;
	struct http_conn conn;
	struct bench_op *op; /* NULL: idle */
	int64_t deadline_ns;
	const char *failed; /* set: the link is on the loop's list of failed */
	TAILQ_ENTRY(http_link) under_way;
	SLIST_ENTRY(http_link) next_failed;
	char out[HTTP_REQUEST_MAX];
};

struct http_loop {
	struct bench_drive_loop loop;
	struct bench_timer timer; /* the first deadline, or an earlier instant */
	struct bench_timer soon;  /* reports what failed inside submit */
	TAILQ_HEAD(, http_link) under_way;
	SLIST_HEAD(, http_link) failed;
};

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
	op->done(op, op->user);
}

/* There is no answer. Only here is it known whether the server may have got the request. */
static void link_fail(struct http_link *link, const char *why)
{
	struct bench_op *op = link->op;
	bool sent = link->conn.sent > 0;

	op->done_ns = clock_monotonic_ns(&cart_clock_system);
	op->outcome = sent && bench_op_type_changes(op->type) ? BENCH_UNKNOWN : BENCH_REFUSED;
	op->status = 0;
	snprintf(op->error, sizeof(op->error), "%s", why);
	http_conn_close(&link->conn);
	link_done(link);
}

static void link_fail_soon(struct http_link *link, const char *why)
{
	struct http_loop *loop = (struct http_loop *)link->link.loop;

	link->failed = why;
	SLIST_INSERT_HEAD(&loop->failed, link, next_failed);
	bench_timer_arm(&loop->soon, 0);
}

static void loop_report_failed(void *user)
{
	struct http_loop *loop = user;
	struct http_link *link = SLIST_FIRST(&loop->failed);

	if (link == NULL)
		return;
	/* One a turn: done() may submit what fails at once again, and others must get their turn.
	 */
	if (SLIST_NEXT(link, next_failed) != NULL)
		bench_timer_arm(&loop->soon, 0);
	link_fail(link, link->failed);
}

static void loop_expire(void *user)
{
	struct http_loop *loop = user;
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system);
	struct http_link *link;

	while ((link = TAILQ_FIRST(&loop->under_way)) != NULL && link->deadline_ns <= now_ns)
		link_fail(link, "timeout");
	if (link != NULL)
		bench_timer_arm(&loop->timer, link->deadline_ns - now_ns);
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

/* The body, where there must be one. False: it is not what openapi.yaml says, such as an error. */
static bool http_read_body(struct bench_op *op, const struct http_answer *answer)
{
	const char *json = answer->body.data;
	size_t len = answer->body.len;

	if (op->type == BENCH_LIST)
		return bench_carts_read(&op->carts, &op->cart_count, json, len);
	if (op->type == BENCH_GET && !op->want_cart)
		return bench_cart_is(&op->id, json, len);
	if (!op->want_cart || op->type == BENCH_DELETE)
		return true;
	return bench_cart_read(&op->cart, json, len);
}

static bool http_wants_body(const struct bench_op *op)
{
	return op->type == BENCH_LIST || op->type == BENCH_GET ||
	       (op->want_cart && op->type != BENCH_DELETE);
}

static void http_take_result(struct bench_op *op, const struct http_answer *answer)
{
	op->status = answer->status;
	op->version = answer->version;
	op->replayed = answer->replayed;
	op->queue_ns = answer->queue_ns;
	op->db_ns = answer->db_ns;
	op->total_ns = answer->total_ns;
	op->cached = answer->cached;
	if (op->status >= 300 &&
	    !bench_problem_read(op->error, sizeof(op->error), answer->body.data, answer->body.len))
		snprintf(op->error, sizeof(op->error), "HTTP %d", op->status);
	op->outcome = http_outcome(op);
	if (op->outcome != BENCH_OK)
		return;
	if (op->type == BENCH_CREATE)
		op->id = answer->id;
	if (op->status != bench_op_ok_status(op) || (op->type == BENCH_CREATE && !answer->has_id) ||
	    !http_read_body(op, answer)) {
		op->outcome = bench_op_type_changes(op->type) ? BENCH_UNKNOWN : BENCH_REFUSED;
		snprintf(op->error, sizeof(op->error), "not a cartd's answer");
	}
}

static void link_ended(struct http_conn *conn, enum http_conn_end end)
{
	struct http_link *link =
		(struct http_link *)((char *)conn - offsetof(struct http_link, conn));

	if (end != HTTP_CONN_ANSWERED) {
		link_fail(link, end == HTTP_CONN_NOT_HTTP ? "not HTTP" : "connection");
		return;
	}
	link->op->done_ns = conn->ended_ns;
	http_take_result(link->op, &conn->answer);
	link_done(link);
}

static void http_submit(struct bench_link *head, struct bench_op *op)
{
	struct http_link *link = (struct http_link *)head;
	struct http_loop *loop = (struct http_loop *)head->loop;
	const struct http_drive *drive = (const struct http_drive *)head->loop->drive;
	size_t len = http_request_write(&drive->form, op, link->out);

	assert(link->op == NULL);
	link->op = op;
	http_answer_begin(&link->conn.answer, http_wants_body(op));
	op->sent_ns = clock_monotonic_ns(&cart_clock_system);
	link->deadline_ns = op->sent_ns + drive->drive.config.timeout_ms * CLOCK_NS_PER_MS;
	TAILQ_INSERT_TAIL(&loop->under_way, link, under_way);
	if (!event_pending(&loop->timer.event, EV_TIMEOUT, NULL))
		bench_timer_arm(&loop->timer, link->deadline_ns - op->sent_ns);
	if (http_conn_start(&link->conn, link->out, len, op->sent_ns) != 0)
		link_fail_soon(link, "connection");
}

/* The server sees the end of the connection, whatever it is doing. */
static void http_abandon(struct bench_link *head)
{
	struct http_link *link = (struct http_link *)head;

	if (link->op == NULL || link->failed != NULL)
		return;
	http_conn_close(&link->conn);
	link_fail_soon(link, "abandoned");
}

static struct bench_link *http_link_open(struct bench_drive_loop *loop)
{
	const struct http_drive *drive = (const struct http_drive *)loop->drive;
	struct http_link *link = bench_alloc(1, sizeof(*link));

	link->link.loop = loop;
	link->conn.base = loop->base;
	link->conn.address = &drive->origin.address;
	link->conn.tls = drive->origin.tls;
	link->conn.ended = link_ended;
	link->conn.cold = drive->drive.config.cold;
	return &link->link;
}

static void http_link_close(struct bench_link *head)
{
	struct http_link *link = (struct http_link *)head;

	assert(link->op == NULL);
	http_conn_free(&link->conn);
	free(link);
}

static void http_loop_close(struct bench_drive_loop *head)
{
	struct http_loop *loop = (struct http_loop *)head;

	bench_timer_stop(&loop->timer);
	bench_timer_stop(&loop->soon);
	free(loop);
}

static int http_loop_open(struct bench_drive_loop **out, struct bench_drive *drive,
			  struct event_base *base, struct cart_error *error)
{
	struct http_loop *loop = bench_alloc(1, sizeof(*loop));

	(void)error;
	loop->loop = (struct bench_drive_loop){.drive = drive, .base = base};
	TAILQ_INIT(&loop->under_way);
	SLIST_INIT(&loop->failed);
	bench_timer_init(&loop->timer, base, loop_expire, loop);
	bench_timer_init(&loop->soon, base, loop_report_failed, loop);
	*out = &loop->loop;
	return 0;
}

static int http_metrics(struct bench_drive *head, struct buf *out, struct cart_error *error)
{
	struct http_drive *drive = (struct http_drive *)head;
	struct http_reply reply;
	int failed = http_origin_get(&drive->origin, "/metrics", &reply, error);

	if (failed == 0 && reply.status != 200)
		failed = cart_error_set(error, "GET /metrics answers %d", reply.status);
	if (failed == 0)
		buf_add(out, reply.body.data, reply.body.len);
	if (failed == 0 && out->failed)
		failed = cart_error_set(error, "no memory");
	buf_free(&reply.body);
	return failed;
}

static bool http_cores(const struct bench_drive *drive, cpu_set_t *cores)
{
	return cores_of_listener(cores, &((const struct http_drive *)drive)->origin.address);
}

static void http_close(struct bench_drive *head)
{
	shop_id_type_release();
	http_origin_free(&((struct http_drive *)head)->origin);
	free(head);
}

/* All targets of a process have one type, because one workload is sent to all of them. */
static int http_take_id_type(const struct http_origin *origin, struct cart_error *error)
{
	if (shop_id_type_take(origin->id_type))
		return 0;
	return cart_error_set(error, "its cart.id_type is %s, and that of the other target is %s",
			      shop_id_type_name(origin->id_type),
			      shop_id_type_name(shop_id_type()));
}

static int http_open(struct bench_drive **out, const char *target,
		     const struct bench_drive_config *config, struct cart_error *error)
{
	struct http_drive *drive = bench_alloc(1, sizeof(*drive));

	if (http_origin_find(&drive->origin, target, config, error) != 0) {
		free(drive);
		return -1;
	}
	if (http_take_id_type(&drive->origin, error) != 0) {
		http_origin_free(&drive->origin);
		free(drive);
		return -1;
	}
	http_request_prepare(&drive->form, &drive->origin, config->cold);
	snprintf(drive->drive.database, sizeof(drive->drive.database), "%s",
		 drive->origin.database);
	*out = &drive->drive;
	return 0;
}

const struct bench_drive_kind bench_http_kind = {
	.open = http_open,
	.close = http_close,
	.metrics = http_metrics,
	.cores = http_cores,
	.loop_open = http_loop_open,
	.loop_close = http_loop_close,
	.link_open = http_link_open,
	.link_close = http_link_close,
	.submit = http_submit,
	.abandon = http_abandon,
};
