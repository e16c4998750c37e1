/*
 * A call reads a page of events. If there are none and it may wait, it takes a place at the hub
 * (server/feed/hub.h); when that is woken, the call is answered from the page that the hub's poller
 * has read, if it fits, else it reads again. It keeps its place until it is answered.
 *
 * As Server-Sent Events the answer is the same page in another form: it ends, and the client's
 * EventSource asks for the next one at once, over the same connection, with Last-Event-ID. So a
 * slow reader holds nothing but the page that it is being sent, and nothing has to be kept for it.
 */
#include "server/api/feed.h"

#include "core/base/units.h"
#include "core/feed/event_json.h"
#include "server/api/handlers.h"
#include "server/http/text.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define FEED_LIMIT_DEFAULT 100
#define FEED_STREAM_TYPE   "text/event-stream"
#define FEED_NOTED_NS	   (60 * CLOCK_NS_PER_S)

static void feed_read(struct call *call);

static int64_t feed_now_ns(const struct call *call)
{
	return clock_monotonic_ns(call->api->shared->env->clock);
}

static void feed_add_id(struct buf *out, const char *cursor)
{
	buf_add_string(out, "id: ");
	buf_add_string(out, cursor);
	buf_add_char(out, '\n');
}

static void feed_add_event(struct call *call, struct buf *out, const struct cart_event *event,
			   bool first)
{
	if (!call->feed.as_stream) {
		if (!first)
			buf_add_char(out, ',');
		cart_event_json_write(out, event, false);
		return;
	}
	if (event->cursor != NULL)
		feed_add_id(out, event->cursor);
	buf_add_string(out, "data: ");
	cart_event_json_write(out, event, false);
	buf_add_string(out, "\n\n");
}

/* Writes events into the answer, as many as a page may hold. Returns the cursor after them. */
static const char *feed_add_events(struct call *call, const struct cart_feed_page *page)
{
	struct buf *out = &call->api->out;
	size_t i = 0;

	for (; i < page->count; i++) {
		size_t before = out->len;

		feed_add_event(call, out, &page->events[i], i == 0);
		if (i > 0 && out->len > call->api->shared->page_max &&
		    page->events[i - 1].cursor != NULL) {
			out->len = before;
			break;
		}
	}
	feed_seat_count(call->api->feed.seat, i);
	return i < page->count ? page->events[i - 1].cursor : page->next;
}

/* page: NULL for none, and then next is the cursor. */
static void feed_write(struct call *call, const struct cart_feed_page *page, const char *next)
{
	struct buf *out = &call->api->out;

	buf_reset(out);
	buf_add_string(out, call->feed.as_stream ? "retry: 1\n\n" : "{\"events\":[");
	if (page != NULL)
		next = feed_add_events(call, page);
	if (call->feed.as_stream) {
		if (page == NULL)
			buf_add_string(out, ": no event\n");
		feed_add_id(out, next);
		buf_add_char(out, '\n');
		return;
	}
	buf_add_string(out, "],\"next_cursor\":");
	buf_add_json_string(out, next);
	buf_add_char(out, '}');
}

static void feed_leave(struct call *call)
{
	if (call->feed.has_place)
		feed_seat_leave(call->api->feed.seat);
	call->feed.has_place = false;
}

static void feed_reply(struct call *call)
{
	const struct buf *out = &call->api->out;

	feed_leave(call);
	if (out->failed)
		call_fail(call, CART_BUSY);
	else if (call->feed.as_stream)
		call_reply(call, 200, FEED_STREAM_TYPE, out->data, out->len);
	else
		call_reply_json(call, 200);
}

/* Takes the call out of those that wait. */
static void feed_end_wait(struct call *call)
{
	TAILQ_REMOVE(&call->api->feed.waiting, call, feed.link);
	event_free(call->feed.timer);
	http_request_on_end(call->request, NULL, NULL);
}

static void feed_reply_none(struct call *call)
{
	feed_write(call, NULL, buf_string(&call->page));
	feed_reply(call);
}

/* An empty page would say that there is no event. */
static void feed_reply_blind(struct call *call)
{
	feed_leave(call);
	call_problem(call, (struct problem){503, "UNAVAILABLE"},
		     "the feed cannot be read; ask again from the same cursor");
}

static void feed_set_timer(struct call *call)
{
	int64_t left_ns = call->feed.until_ns - feed_now_ns(call);
	int64_t left_us = left_ns > 0 ? left_ns / 1000 + 1 : 0;
	struct timeval left = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};

	if (evtimer_add(call->feed.timer, &left) != 0)
		abort();
}

static void feed_timeout(evutil_socket_t fd, short what, void *user)
{
	struct call *call = user;

	(void)fd;
	/* libevent counts from when the turn of the loop began, so it may be early. */
	if ((what & EV_TIMEOUT) != 0 && feed_now_ns(call) < call->feed.until_ns) {
		feed_set_timer(call);
		return;
	}
	feed_end_wait(call);
	if (feed_seat_is_blind(call->api->feed.seat))
		feed_reply_blind(call);
	else
		feed_reply_none(call);
}

/* The client is gone, or has closed its side: whether it still reads nobody can tell. */
static void feed_gone(void *user)
{
	feed_timeout(-1, 0, user);
}

void feed_end_all(struct api *api)
{
	struct call *call;

	while (api->feed.seat != NULL && (call = TAILQ_FIRST(&api->feed.waiting)) != NULL)
		feed_timeout(-1, 0, call);
}

static void feed_woken(void *user)
{
	struct api *api = user;
	TAILQ_HEAD(, call) woken = TAILQ_HEAD_INITIALIZER(woken);
	struct call *call;

	/* Those that wait again are not woken twice. */
	TAILQ_CONCAT(&woken, &api->feed.waiting, feed.link);
	while ((call = TAILQ_FIRST(&woken)) != NULL) {
		const struct cart_feed_page *page;

		TAILQ_REMOVE(&woken, call, feed.link);
		TAILQ_INSERT_HEAD(&api->feed.waiting, call, feed.link);
		feed_end_wait(call);
		page = feed_seat_lock_page(api->feed.seat, buf_string(&call->page));
		if (page != NULL && page->count <= (size_t)call->feed.limit) {
			feed_write(call, page, NULL);
			feed_seat_unlock_page(api->feed.seat);
			feed_reply(call);
			continue;
		}
		if (page != NULL)
			feed_seat_unlock_page(api->feed.seat);
		feed_read(call);
	}
}

static void feed_wait(struct call *call)
{
	struct api *api = call->api;

	switch (feed_seat_wait(api->feed.seat, call->feed.generation, buf_string(&call->page),
			       call->feed.has_place)) {
	case FEED_WAITS:
		call->feed.has_place = true;
		call->feed.timer = evtimer_new(api->feed.base, feed_timeout, call);
		if (call->feed.timer == NULL)
			abort();
		feed_set_timer(call);
		TAILQ_INSERT_TAIL(&api->feed.waiting, call, feed.link);
		http_request_on_end(call->request, feed_gone, call);
		return;
	case FEED_READ_AGAIN:
		feed_read(call);
		return;
	case FEED_FULL:
		break;
	}
	call_problem(call, (struct problem){503, "UNAVAILABLE"},
		     "as many requests as feed.waiting allows wait for events already");
}

static void feed_answer(struct call *call)
{
	const struct cart_feed_page *page = call->op.page;
	bool draining = atomic_load(call->api->shared->draining);
	bool more = call->op.more;

	if (call->op.result != CART_OK) {
		feed_leave(call);
		call_fail(call, call->op.result);
		return;
	}
	if (page->count > 0) {
		feed_write(call, page, NULL);
		feed_reply(call);
		return;
	}
	buf_reset(&call->page);
	buf_add_string(&call->page, page->next);
	buf_add_char(&call->page, '\0');
	cart_op_clear(&call->op);
	if (call->page.failed)
		call_fail(call, CART_BUSY);
	else if (draining || http_request_is_gone(call->request) ||
		 feed_now_ns(call) >= call->feed.until_ns)
		feed_reply_none(call);
	else if (more)
		feed_read(call); /* the page has ended before the first event that there is */
	else
		feed_wait(call);
}

/* From the cursor in call->page; without one from the oldest event. */
static void feed_read(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_FEED);

	call->feed.generation = feed_seat_generation(call->api->feed.seat);
	op->feed = (struct cart_feed){.limit = call->feed.limit};
	if (call->page.len > 0)
		op->feed.after = call->page.data;
	op->owner = NULL;
	call->answers_failure = true;
	op->deadline_ns = feed_now_ns(call) + call->api->shared->deadline_ms * CLOCK_NS_PER_MS;
	call_submit(call, feed_answer);
}

/* False: the call has been answered. */
static bool feed_read_wait(struct call *call)
{
	const char *text = call->query.values[FEED_PARAM_WAIT];
	int64_t wait_ms = call->feed.as_stream ? call->api->shared->feed_wait_ms : 0;

	if (text != NULL && (strlen(text) != call->query.lens[FEED_PARAM_WAIT] ||
			     !units_parse_duration(text, &wait_ms))) {
		call_invalid(call, "query parameter wait must be a duration such as 20s");
		return false;
	}
	if (wait_ms > call->api->shared->feed_wait_ms)
		wait_ms = call->api->shared->feed_wait_ms;
	call->feed.until_ns = feed_now_ns(call) + wait_ms * CLOCK_NS_PER_MS;
	return true;
}

static bool feed_read_limit(struct call *call)
{
	const char *text = call->query.values[FEED_PARAM_LIMIT];
	int64_t limit = FEED_LIMIT_DEFAULT;

	if (text != NULL &&
	    !text_integer(text, call->query.lens[FEED_PARAM_LIMIT], 1, CART_FEED_MAX, &limit)) {
		call_invalid(call, "query parameter limit must be an integer of 1 to %d",
			     CART_FEED_MAX);
		return false;
	}
	call->feed.limit = (int)limit;
	return true;
}

/* EventSource repeats the target as it was, with the header: so the header counts. */
static bool feed_read_after(struct call *call)
{
	const char *after = call->query.values[FEED_PARAM_AFTER];
	size_t len = after != NULL ? call->query.lens[FEED_PARAM_AFTER] : 0;
	const char *last;

	if (!call_read_header(call, "Last-Event-ID", &last))
		return false;
	if (last != NULL && call->feed.as_stream) {
		after = last;
		len = strlen(last);
	}
	if (after == NULL)
		return true;
	if (len == 0 || strlen(after) != len) {
		call_fail(call, CART_CURSOR_INVALID);
		return false;
	}
	buf_add(&call->page, after, len + 1);
	return true;
}

/* Whether this caller is to be noted in the log. Not each of its pages: it may read many a second.
 * Two callers that have one place in the table are noted more often. */
static bool feed_is_noted(struct call *call)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	int64_t now_ns = feed_now_ns(call);
	struct feed_noted *noted;

	for (const char *at = call->caller->name; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	noted = &call->api->feed.noted[hash % FEED_NOTED];
	if (noted->caller == hash && now_ns - noted->at_ns < FEED_NOTED_NS)
		return false;
	*noted = (struct feed_noted){.caller = hash, .at_ns = now_ns};
	return true;
}

void feed_handle(struct call *call)
{
	const char *accept;

	if (call->api->feed.seat == NULL) {
		call_problem(call, (struct problem){404, "NOT_FOUND"},
			     "there is no feed: this service runs with feed=off");
		return;
	}
	if (call->caller != NULL)
		call->as_admin = feed_is_noted(call);
	call->feed.has_place = false;
	accept = http_request_header(call->request, "Accept", NULL);
	call->feed.as_stream = accept != NULL && strcasestr(accept, FEED_STREAM_TYPE) != NULL;
	if (feed_read_limit(call) && feed_read_wait(call) && feed_read_after(call))
		feed_read(call);
}

void feed_open(struct api *api, struct event_base *base)
{
	TAILQ_INIT(&api->feed.waiting);
	api->feed.base = base;
	if (api->shared->feed_hub == NULL)
		return;
	api->feed.seat = feed_seat_open(api->shared->feed_hub, api->store, base, api->shard,
					feed_woken, api);
	if (api->feed.seat == NULL)
		abort();
}
