#include "core/base/clock_skew.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

int64_t clock_steady_ns(const struct cart_clock *clock)
{
	struct timespec t;

	if (clock != &cart_clock_system || clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		return clock_monotonic_ns(clock);
	return (int64_t)t.tv_sec * CLOCK_NS_PER_S + t.tv_nsec;
}

static int64_t skew_steady_ms(const struct clock_skew *skew)
{
	return clock_steady_ns(skew->clock) / CLOCK_NS_PER_MS;
}

/* The system call and not adjtimex(3), which makes another one that containers may not. */
static bool skew_read_ntp(struct clock_reading *reading)
{
	struct timex t = {0};
	int64_t now_ms, error_ms;
	long state;

	reading->begin_ns = clock_steady_ns(&cart_clock_system);
	state = syscall(SYS_adjtimex, &t);
	reading->end_ns = clock_steady_ns(&cart_clock_system);
	if (state < 0 || state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		return false;
	now_ms = (int64_t)t.time.tv_sec * 1000 +
		 t.time.tv_usec / ((t.status & STA_NANO) != 0 ? CLOCK_NS_PER_MS : 1000);
	error_ms = t.maxerror / 1000 + 1;
	reading->from_ms = now_ms - error_ms;
	reading->to_ms = now_ms + error_ms;
	return true;
}

void clock_skew_init(struct clock_skew *skew, const struct cart_clock *clock, int64_t limit_ms)
{
	skew->clock = clock;
	skew->limit_ms = limit_ms;
	atomic_init(&skew->base_ms, clock_wall_ms(clock) - skew_steady_ms(skew));
	atomic_init(&skew->beyond, false);
	skew->ntp = clock == &cart_clock_system ? skew_read_ntp : NULL;
	skew->local = false;
}

void clock_skew_set_local(struct clock_skew *skew)
{
	if (skew != NULL)
		skew->local = true;
}

/* The distance from the steady clock is between the two that the reading allows: what is known
 * moves no further than it must. */
static void skew_take(struct clock_skew *skew, const struct clock_reading *reading)
{
	int64_t least_ms, most_ms, base_ms;

	least_ms = reading->from_ms - reading->end_ns / CLOCK_NS_PER_MS;
	most_ms = reading->to_ms - reading->begin_ns / CLOCK_NS_PER_MS;
	base_ms = atomic_load_explicit(&skew->base_ms, memory_order_relaxed);
	if (base_ms < least_ms)
		base_ms = least_ms;
	if (base_ms > most_ms)
		base_ms = most_ms;
	atomic_store_explicit(&skew->base_ms, base_ms, memory_order_relaxed);
}

void clock_skew_read(struct clock_skew *skew, const struct clock_reading *reading)
{
	if (skew == NULL)
		return;
	skew_take(skew, reading);
	clock_skew_is_beyond(skew);
}

static int64_t skew_database_ms(const struct clock_skew *skew)
{
	return skew_steady_ms(skew) + atomic_load_explicit(&skew->base_ms, memory_order_relaxed);
}

int64_t clock_skew_ms(const struct clock_skew *skew)
{
	return clock_wall_ms(skew->clock) - skew_database_ms(skew);
}

static void skew_log(const struct clock_skew *skew, bool beyond, int64_t ms)
{
	char seconds[32];

	snprintf(seconds, sizeof(seconds), "%.3f", (double)ms / 1000);
	if (beyond)
		log_event(
			LOG_ERROR,
			"the clock differs from the database's by more than clock.skew: not ready, "
			"and changes are refused; set this machine's clock, or the database's",
			LOG_STR("ahead_s", seconds), LOG_INT("limit_ms", skew->limit_ms));
	else
		log_event(LOG_INFO, "the clock agrees with the database's again",
			  LOG_STR("ahead_s", seconds));
}

static bool skew_is_beyond(struct clock_skew *skew, int64_t ms)
{
	bool beyond = skew->limit_ms > 0 && llabs(ms) > skew->limit_ms;
	struct clock_reading reading;

	if (beyond && skew->local && skew->ntp != NULL && skew->ntp(&reading)) {
		skew_take(skew, &reading);
		ms = clock_skew_ms(skew);
		beyond = llabs(ms) > skew->limit_ms;
	}
	if (beyond != atomic_load_explicit(&skew->beyond, memory_order_relaxed) &&
	    beyond != atomic_exchange(&skew->beyond, beyond))
		skew_log(skew, beyond, ms);
	return beyond;
}

bool clock_skew_is_beyond(struct clock_skew *skew)
{
	return skew != NULL && skew_is_beyond(skew, clock_skew_ms(skew));
}

int64_t clock_skew_now_ms(struct clock_skew *skew, const struct cart_clock *clock, bool *beyond)
{
	int64_t now_ms = clock_wall_ms(clock);

	*beyond = false;
	if (skew == NULL)
		return now_ms;
	*beyond = skew_is_beyond(skew, now_ms - skew_database_ms(skew));
	return *beyond ? skew_database_ms(skew) : now_ms;
}
