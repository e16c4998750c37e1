/* Event loops for one thread, without locks, and timers in microseconds. They abort without memory.
 */
#ifndef BENCH_TARGET_BASE_H
#define BENCH_TARGET_BASE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdint.h>

struct event_base *bench_base_new(void);

struct bench_timer {
	struct event event;
	void (*run)(void *user);
	void *user;
};

void bench_timer_init(struct bench_timer *timer, struct event_base *base, void (*run)(void *user),
		      void *user);
/* Runs it once, on the loop, so long from now and never earlier; in place of an earlier order. */
void bench_timer_arm(struct bench_timer *timer, int64_t in_ns);
/* Before its memory goes. */
void bench_timer_stop(struct bench_timer *timer);

#endif
