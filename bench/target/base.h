/* Event loops for one thread, without locks, with timers in microseconds. */
#ifndef BENCH_TARGET_BASE_H
#define BENCH_TARGET_BASE_H

#include <event2/event.h>

/* Both abort where they cannot. */
struct event_base *bench_base_new(void);
/* A timer that is not armed yet. */
struct event *bench_timer_new(struct event_base *base, event_callback_fn run, void *user);

#endif
