/*
 * The poller runs on the loop that has opened its seat first. Others reach it by that seat's wake;
 * it reaches them by theirs. The lock is held to look at the state and to copy what was read, never
 * while the store works.
 */
#include "server/feed/hub.h"

#include "core/base/clock.h"
#include "core/base/wake.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HUB_SEATS_MAX	256
#define HUB_POLL_NS	(20 * CLOCK_NS_PER_MS)
#define HUB_POLL_MIN_NS (3 * CLOCK_NS_PER_MS) /* between two, however many changes there are */
#define HUB_PAGE	256
#define HUB_DEADLINE_NS (5 * CLOCK_NS_PER_S)

struct feed_seat {
	struct feed_hub *hub;
	struct cart_store *store;
	struct metrics_shard *shard;
	struct wake *wake;
	struct event *timer; /* the poller's */
	struct cart_op op;   /* the poller's; op.held.store: it is under way */
	char *after;	     /* what it goes on from */
	int64_t polled_ns;
	size_t waiting; /* under the hub's lock */
	uint64_t seen;	/* generation that those who wait here were woken for */
	void (*woken)(void *user);
	void *user;
};

struct feed_hub {
	const struct cart_clock *clock;
	size_t waiting_max;
	metric_t polls, events, waiting_series, delay;
	_Atomic uint64_t generation; /* counts pages that had events, and ends of what is known */
	_Atomic size_t waiting;

	pthread_mutex_t lock; /* what follows */
	struct feed_seat *seats[HUB_SEATS_MAX];
	size_t seat_count;
	struct feed_seat *poller;
	char *head; /* the poller goes on from here; NULL: it does not run */
	bool blind; /* the poller's last read has failed */
	char *page_after;
	struct cart_feed_page *page;
};

struct feed_hub *feed_hub_new(struct metrics *metrics, const struct cart_clock *clock,
			      size_t waiting_max)
{
	struct feed_hub *hub = calloc(1, sizeof(*hub));

	if (hub == NULL)
		return NULL;
	hub->clock = clock;
	hub->waiting_max = waiting_max;
	pthread_mutex_init(&hub->lock, NULL);
	hub->polls = metrics_counter(metrics, "cart_feed_polls_total",
				     "Reads of the feed on behalf of those who wait", NULL);
	hub->events =
		metrics_counter(metrics, "cart_feed_events_total", "Events given to readers", NULL);
	hub->waiting_series = metrics_gauge(metrics, "cart_feed_waiting",
					    "Requests that wait for the next event", NULL);
	hub->delay = metrics_histogram(metrics, "cart_feed_delay_seconds",
				       "Age of events when the poller reads them", NULL);
	return hub;
}

void feed_hub_free(struct feed_hub **hub)
{
	if (*hub == NULL)
		return;
	pthread_mutex_destroy(&(*hub)->lock);
	cart_feed_page_free((*hub)->page);
	free((*hub)->page_after);
	free((*hub)->head);
	free(*hub);
	*hub = NULL;
}

/* Under the lock. */
static void hub_wake_waiting(struct feed_hub *hub)
{
	atomic_fetch_add(&hub->generation, 1);
	for (size_t i = 0; i < hub->seat_count; i++)
		if (hub->seats[i]->waiting > 0)
			wake_send(hub->seats[i]->wake);
}

static void seat_observe(struct feed_seat *seat, const struct cart_feed_page *page)
{
	int64_t now_ms = clock_wall_ms(seat->hub->clock);

	for (size_t i = 0; i < page->count; i++) {
		int64_t age_ms = now_ms - page->events[i].at_ms;

		metrics_observe(seat->shard, seat->hub->delay,
				(age_ms > 0 ? age_ms : 0) * CLOCK_NS_PER_MS);
	}
}

static void seat_poll_after(struct feed_seat *seat, int64_t ns)
{
	struct timeval tv = {.tv_sec = 0, .tv_usec = (suseconds_t)(ns / 1000)};

	event_add(seat->timer, &tv);
}

static void hub_keep_page(struct feed_hub *hub, struct cart_op *op)
{
	cart_feed_page_free(hub->page);
	free(hub->page_after);
	hub->page = op->page;
	op->page = NULL;
	hub->page_after = hub->head;
	hub->head = strdup(hub->page->next);
}

/* Takes what the poller has read. Returns whether to read on at once. */
static bool hub_take(struct feed_hub *hub, struct cart_op *op)
{
	bool more = op->more;

	pthread_mutex_lock(&hub->lock);
	hub->blind = op->result != CART_OK && op->result != CART_CURSOR_GONE;
	if (hub->head == NULL || strcmp(hub->head, op->feed.after) != 0) {
		more = true; /* it was given another place meanwhile */
	} else if (op->result == CART_OK && op->page->count > 0) {
		hub_keep_page(hub, op);
		hub_wake_waiting(hub);
	} else if (op->result == CART_OK) {
		free(hub->head);
		hub->head = op->page->next;
		op->page->next = NULL;
	} else if (op->result == CART_CURSOR_GONE || op->result == CART_CURSOR_FOREIGN ||
		   op->result == CART_CURSOR_INVALID) {
		/* Who waits finds out by itself. */
		free(hub->head);
		hub->head = NULL;
		hub_wake_waiting(hub);
	}
	pthread_mutex_unlock(&hub->lock);
	return more;
}

static void seat_polled(struct cart_op *op, void *user)
{
	struct feed_seat *seat = user;
	bool more;

	if (op->result == CART_OK)
		seat_observe(seat, op->page);
	more = hub_take(seat->hub, op);
	cart_op_clear(op);
	if (atomic_load(&seat->hub->waiting) > 0)
		seat_poll_after(seat, more ? 0 : HUB_POLL_NS);
}

/* A copy of the head that the op may point to while the hub goes on; NULL: nothing to poll. */
static char *hub_copy_head(struct feed_hub *hub)
{
	char *head = NULL;

	pthread_mutex_lock(&hub->lock);
	if (hub->head != NULL)
		head = strdup(hub->head);
	pthread_mutex_unlock(&hub->lock);
	return head;
}

static void seat_poll(evutil_socket_t fd, short what, void *user)
{
	struct feed_seat *seat = user;
	int64_t now_ns = clock_monotonic_ns(seat->hub->clock);

	(void)fd;
	(void)what;
	if (seat->op.held.store != NULL || atomic_load(&seat->hub->waiting) == 0)
		return;
	free(seat->after);
	seat->after = hub_copy_head(seat->hub);
	if (seat->after == NULL)
		return;
	seat->op = (struct cart_op){
		.type = CART_OP_FEED,
		.feed = {.after = seat->after, .limit = HUB_PAGE},
		.deadline_ns = now_ns + HUB_DEADLINE_NS,
		.done = seat_polled,
		.user = seat,
	};
	seat->polled_ns = now_ns;
	metrics_add(seat->shard, seat->hub->polls, 1);
	seat->op.result = cart_store_submit(seat->store, &seat->op);
	if (seat->op.result != CART_OK)
		seat_polled(&seat->op, seat);
}

/* On the seat's loop: for those who wait there, and if it is the poller's for it. */
static void seat_woken(void *user)
{
	struct feed_seat *seat = user;
	uint64_t generation = atomic_load(&seat->hub->generation);

	/* Of the other reasons to wake it, those who wait know nothing: they would read for
	 * nothing, leave their places meanwhile, and the poller would find that nobody waits. */
	if (seat->seen != generation) {
		seat->seen = generation;
		seat->woken(seat->user);
	}
	if (seat->timer == NULL || atomic_load(&seat->hub->waiting) == 0 ||
	    seat->op.held.store != NULL)
		return;
	seat_poll_after(seat,
			clock_monotonic_ns(seat->hub->clock) - seat->polled_ns < HUB_POLL_MIN_NS
				? HUB_POLL_MIN_NS
				: 0);
}

struct feed_seat *feed_seat_open(struct feed_hub *hub, struct cart_store *store,
				 struct event_base *base, struct metrics_shard *shard,
				 void (*woken)(void *user), void *user)
{
	struct feed_seat *seat = calloc(1, sizeof(*seat));

	if (seat == NULL)
		return NULL;
	*seat = (struct feed_seat){
		.hub = hub, .store = store, .shard = shard, .woken = woken, .user = user};
	cart_op_init(&seat->op, CART_OP_FEED);
	seat->wake = wake_new(base, seat_woken, seat);
	pthread_mutex_lock(&hub->lock);
	if (hub->poller == NULL)
		seat->timer = event_new(base, -1, 0, seat_poll, seat);
	if (seat->wake != NULL && hub->seat_count < HUB_SEATS_MAX &&
	    (hub->poller != NULL || seat->timer != NULL)) {
		hub->seats[hub->seat_count++] = seat;
		if (hub->poller == NULL)
			hub->poller = seat;
		pthread_mutex_unlock(&hub->lock);
		return seat;
	}
	pthread_mutex_unlock(&hub->lock);
	wake_free(&seat->wake);
	if (seat->timer != NULL)
		event_free(seat->timer);
	free(seat);
	return NULL;
}

void feed_seat_close(struct feed_seat **out)
{
	struct feed_seat *seat = *out;
	struct feed_hub *hub;

	*out = NULL;
	if (seat == NULL)
		return;
	hub = seat->hub;
	pthread_mutex_lock(&hub->lock);
	for (size_t i = 0; i < hub->seat_count; i++)
		if (hub->seats[i] == seat)
			hub->seats[i] = hub->seats[--hub->seat_count];
	if (hub->poller == seat)
		hub->poller = NULL;
	wake_free(&seat->wake);
	pthread_mutex_unlock(&hub->lock);
	if (seat->timer != NULL)
		event_free(seat->timer);
	free(seat->after);
	free(seat);
}

uint64_t feed_seat_generation(const struct feed_seat *seat)
{
	return atomic_load(&seat->hub->generation);
}

/* Under the lock: the poller goes on from there. */
static void hub_set_head(struct feed_hub *hub, const char *cursor)
{
	free(hub->head);
	hub->head = strdup(cursor);
	if (hub->poller != NULL)
		wake_send(hub->poller->wake);
}

/* Under the lock. */
static void seat_take_place(struct feed_seat *seat, const char *cursor)
{
	struct feed_hub *hub = seat->hub;

	seat->waiting++;
	metrics_add(seat->shard, hub->waiting_series, 1);
	if (atomic_fetch_add(&hub->waiting, 1) > 0)
		return;
	/* The first one: the poller begins where it stands. An older head of the poller's would
	 * only find what others have read. What it found long ago says nothing. */
	hub->blind = false;
	hub_set_head(hub, cursor);
}

enum feed_wait feed_seat_wait(struct feed_seat *seat, uint64_t generation, const char *cursor,
			      bool has_place)
{
	struct feed_hub *hub = seat->hub;
	enum feed_wait result = FEED_WAITS;

	pthread_mutex_lock(&hub->lock);
	if (!has_place && atomic_load(&hub->waiting) >= hub->waiting_max) {
		result = FEED_FULL;
	} else if (atomic_load(&hub->generation) != generation) {
		result = FEED_READ_AGAIN;
	} else {
		if (!has_place)
			seat_take_place(seat, cursor);
		if (hub->head == NULL)
			hub_set_head(hub, cursor);
	}
	pthread_mutex_unlock(&hub->lock);
	return result;
}

bool feed_seat_is_blind(struct feed_seat *seat)
{
	bool blind;

	pthread_mutex_lock(&seat->hub->lock);
	blind = seat->hub->blind;
	pthread_mutex_unlock(&seat->hub->lock);
	return blind;
}

void feed_seat_leave(struct feed_seat *seat)
{
	pthread_mutex_lock(&seat->hub->lock);
	seat->waiting--;
	atomic_fetch_sub(&seat->hub->waiting, 1);
	pthread_mutex_unlock(&seat->hub->lock);
	metrics_add(seat->shard, seat->hub->waiting_series, -1);
}

const struct cart_feed_page *feed_seat_lock_page(struct feed_seat *seat, const char *after)
{
	struct feed_hub *hub = seat->hub;

	pthread_mutex_lock(&hub->lock);
	if (hub->page != NULL && hub->page_after != NULL && strcmp(hub->page_after, after) == 0)
		return hub->page;
	pthread_mutex_unlock(&hub->lock);
	return NULL;
}

void feed_seat_unlock_page(struct feed_seat *seat)
{
	pthread_mutex_unlock(&seat->hub->lock);
}

void feed_seat_changed(struct feed_seat *seat)
{
	struct feed_hub *hub = seat->hub;

	if (atomic_load_explicit(&hub->waiting, memory_order_relaxed) == 0)
		return;
	pthread_mutex_lock(&hub->lock);
	if (hub->poller != NULL)
		wake_send(hub->poller->wake);
	pthread_mutex_unlock(&hub->lock);
}

void feed_seat_count(struct feed_seat *seat, size_t events)
{
	metrics_add(seat->shard, seat->hub->events, (int64_t)events);
}
