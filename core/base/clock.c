#include "core/base/clock.h"

#include <time.h>

static int64_t clock_system_monotonic_ns(const struct cart_clock *clock)
{
	struct timespec t;

	(void)clock;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * CLOCK_NS_PER_S + t.tv_nsec;
}

static int64_t clock_system_wall_ms(const struct cart_clock *clock)
{
	struct timespec t;

	(void)clock;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / CLOCK_NS_PER_MS;
}

const struct cart_clock cart_clock_system = {
	.monotonic_ns = clock_system_monotonic_ns,
	.wall_ms = clock_system_wall_ms,
};
