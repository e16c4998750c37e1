#include "tests/lib/clock_fake.h"

static int64_t clock_fake_monotonic(const struct cart_clock *clock)
{
	const struct clock_fake *fake = (const struct clock_fake *)(const void *)clock;
	int64_t held = atomic_load(&fake->monotonic_ns);

	return held != 0 ? held : clock_monotonic_ns(&cart_clock_system);
}

static int64_t clock_fake_wall(const struct cart_clock *clock)
{
	return clock_fake_now((const struct clock_fake *)(const void *)clock);
}

void clock_fake_init(struct clock_fake *fake, int64_t wall_ms)
{
	fake->clock.monotonic_ns = clock_fake_monotonic;
	fake->clock.wall_ms = clock_fake_wall;
	atomic_init(&fake->wall_ms, wall_ms);
	atomic_init(&fake->monotonic_ns, 0);
}

void clock_fake_set(struct clock_fake *fake, int64_t wall_ms)
{
	atomic_store(&fake->wall_ms, wall_ms);
}

void clock_fake_advance(struct clock_fake *fake, int64_t ms)
{
	atomic_fetch_add(&fake->wall_ms, ms);
}

int64_t clock_fake_now(const struct clock_fake *fake)
{
	return atomic_load(&fake->wall_ms);
}

void clock_fake_hold_monotonic(struct clock_fake *fake, int64_t monotonic_ns)
{
	atomic_store(&fake->monotonic_ns, monotonic_ns);
}
