/*
 * Most ops complete long before their deadline, so adding and removing must be cheap. The timer is
 * set earlier when an op becomes the heap's top and is due before it; it is set later only when it
 * fires and finds nothing due. With deadlines of one length that is one timer per that length, not
 * one per op.
 */
#include "core/deadlines.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

struct store_deadlines {
	struct event *timer;
	const struct cart_clock *clock;
	void (*expired)(struct cart_op *op);
	struct cart_op **heap; /* earliest first; op->held.heap_at is the index */
	size_t count;
	size_t room;
	int64_t set_for_ns; /* INT64_MAX: the timer is not set */
};

static void deadlines_place(struct store_deadlines *d, struct cart_op *op, size_t at)
{
	d->heap[at] = op;
	op->held.heap_at = at;
}

static void deadlines_up(struct store_deadlines *d, struct cart_op *op, size_t at)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (d->heap[parent]->deadline_ns <= op->deadline_ns)
			break;
		deadlines_place(d, d->heap[parent], at);
		at = parent;
	}
	deadlines_place(d, op, at);
}

static void deadlines_down(struct store_deadlines *d, struct cart_op *op, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= d->count)
			break;
		if (child + 1 < d->count &&
		    d->heap[child + 1]->deadline_ns < d->heap[child]->deadline_ns)
			child++;
		if (d->heap[child]->deadline_ns >= op->deadline_ns)
			break;
		deadlines_place(d, d->heap[child], at);
		at = child;
	}
	deadlines_place(d, op, at);
}

/* A deadline more than a day away: the timer fires after a day and is set again. */
#define DEADLINES_WAIT_MAX_NS (INT64_C(86400) * CLOCK_NS_PER_S)

static void deadlines_set_timer(struct store_deadlines *d)
{
	int64_t now, wait_us = 0;
	struct timeval wait;

	if (d->count == 0 || d->heap[0]->deadline_ns >= d->set_for_ns)
		return;
	now = clock_monotonic_ns(d->clock);
	d->set_for_ns = d->heap[0]->deadline_ns;
	if (d->set_for_ns > now && d->set_for_ns - now > DEADLINES_WAIT_MAX_NS)
		wait_us = DEADLINES_WAIT_MAX_NS / 1000;
	else if (d->set_for_ns > now)
		wait_us = (d->set_for_ns - now + 999) / 1000;
	wait.tv_sec = wait_us / 1000000;
	wait.tv_usec = wait_us % 1000000;
	event_add(d->timer, &wait);
}

static void deadlines_fire(evutil_socket_t fd, short what, void *user)
{
	struct store_deadlines *d = user;
	int64_t now = clock_monotonic_ns(d->clock);

	(void)fd;
	(void)what;
	d->set_for_ns = INT64_MAX;
	/* Callbacks may submit ops that are already due. They wait for the next firing, so this
	 * loop ends: it takes only what was in the heap when it began. */
	for (size_t most = d->count; most > 0 && d->count > 0; most--) {
		struct cart_op *op = d->heap[0];

		if (op->deadline_ns > now)
			break;
		deadlines_remove(d, op);
		d->expired(op);
	}
	deadlines_set_timer(d);
}

struct store_deadlines *deadlines_new(struct event_base *base, const struct cart_clock *clock,
				      void (*expired)(struct cart_op *op))
{
	struct store_deadlines *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->clock = clock;
	d->expired = expired;
	d->set_for_ns = INT64_MAX;
	d->timer = event_new(base, -1, 0, deadlines_fire, d);
	if (d->timer == NULL)
		deadlines_free(&d);
	return d;
}

void deadlines_free(struct store_deadlines **deadlines)
{
	struct store_deadlines *d = *deadlines;

	if (d == NULL)
		return;
	assert(d->count == 0);
	if (d->timer != NULL)
		event_free(d->timer);
	free(d->heap);
	free(d);
	*deadlines = NULL;
}

bool deadlines_add(struct store_deadlines *d, struct cart_op *op)
{
	if (d->count == d->room) {
		size_t room = d->room > 0 ? 2 * d->room : 64;
		struct cart_op **heap = reallocarray(d->heap, room, sizeof(struct cart_op *));

		if (heap == NULL)
			return false;
		d->heap = heap;
		d->room = room;
	}
	op->held.why = CART_TIMEOUT;
	deadlines_up(d, op, d->count++);
	deadlines_set_timer(d);
	return true;
}

void deadlines_remove(struct store_deadlines *d, struct cart_op *op)
{
	size_t at = op->held.heap_at;
	struct cart_op *last = d->heap[--d->count];

	assert(at <= d->count);
	if (last == op)
		return;
	if (at > 0 && d->heap[(at - 1) / 2]->deadline_ns > last->deadline_ns)
		deadlines_up(d, last, at);
	else
		deadlines_down(d, last, at);
}

void deadlines_hasten(struct store_deadlines *d, struct cart_op *op, enum cart_result why)
{
	op->held.why = why;
	op->deadline_ns = 0;
	deadlines_up(d, op, op->held.heap_at);
	deadlines_set_timer(d);
}
