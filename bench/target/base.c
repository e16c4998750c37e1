#include "bench/target/base.h"

#include <stdlib.h>

/* Callbacks in a row before a loop looks at its timers and sockets again. */
#define BASE_CALLBACKS 64

struct event_base *bench_base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	/* The precise timer is a timerfd: epoll_wait() alone sleeps whole milliseconds. Without a
	 * limit a store that answers at once would keep the loop from its timers and sockets: each
	 * callback makes the next one ready. */
	if (config != NULL &&
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER) ==
		    0 &&
	    event_config_set_max_dispatch_interval(config, NULL, BASE_CALLBACKS, 0) == 0)
		base = event_base_new_with_config(config);
	if (base == NULL)
		abort();
	event_config_free(config);
	return base;
}

static void timer_run(evutil_socket_t fd, short what, void *user)
{
	const struct bench_timer *timer = user;

	(void)fd;
	(void)what;
	timer->run(timer->user);
}

void bench_timer_init(struct bench_timer *timer, struct event_base *base, void (*run)(void *user),
		      void *user)
{
	timer->run = run;
	timer->user = user;
	event_assign(&timer->event, base, -1, 0, timer_run, timer);
}

void bench_timer_arm(struct bench_timer *timer, int64_t in_ns)
{
	int64_t us = in_ns > 0 ? (in_ns + 999) / 1000 : 0;
	struct timeval left = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	/* libevent counts from the time at which it woke; we have gone on since. */
	event_base_update_cache_time(event_get_base(&timer->event));
	if (event_add(&timer->event, &left) != 0)
		abort();
}

void bench_timer_stop(struct bench_timer *timer)
{
	event_del(&timer->event);
}
