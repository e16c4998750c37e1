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

struct event *bench_timer_new(struct event_base *base, event_callback_fn run, void *user)
{
	struct event *timer = event_new(base, -1, 0, run, user);

	if (timer == NULL)
		abort();
	return timer;
}
