/* Time, behind one struct so that tests can hold it still or move it. */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_MS INT64_C(1000000)
#define CLOCK_NS_PER_S	INT64_C(1000000000)

struct cart_clock {
	int64_t (*monotonic_ns)(
		const struct cart_clock *clock);	    /* never steps: deadlines, durations */
	int64_t (*wall_ms)(const struct cart_clock *clock); /* since 1970, UTC: what is stored */
};

/* The kernel's clocks. */
extern const struct cart_clock cart_clock_system;

static inline int64_t clock_monotonic_ns(const struct cart_clock *clock)
{
	return clock->monotonic_ns(clock);
}

static inline int64_t clock_wall_ms(const struct cart_clock *clock)
{
	return clock->wall_ms(clock);
}

#endif
