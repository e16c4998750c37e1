/*
 * A clock that tests move. The wall clock stands still until it is moved; the monotonic clock stays
 * the kernel's, because timers of the loop run by it, unless a test holds it too.
 */
#ifndef TESTS_LIB_CLOCK_FAKE_H
#define TESTS_LIB_CLOCK_FAKE_H

#include "core/base/clock.h"

#include <stdatomic.h>

struct clock_fake {
	struct cart_clock clock; /* first: this is what a store is given */
	_Atomic int64_t wall_ms;
	_Atomic int64_t monotonic_ns; /* 0: the kernel's */
};

void clock_fake_init(struct clock_fake *fake, int64_t wall_ms);
/* Any thread; a store sees it from its next op on. */
void clock_fake_set(struct clock_fake *fake, int64_t wall_ms);
void clock_fake_advance(struct clock_fake *fake, int64_t ms);
int64_t clock_fake_now(const struct clock_fake *fake);
/* Holds the monotonic clock at a value; 0 lets it run again. */
void clock_fake_hold_monotonic(struct clock_fake *fake, int64_t monotonic_ns);

#endif
