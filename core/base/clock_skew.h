/*
 * How far the wall clock of this machine is from the database's.
 *
 * The database's clock is kept as its distance from a clock that never steps, so a jump of our wall
 * clock is seen at the next look, and a jump of the database's at the next reading. Until the first
 * reading the reference is our wall clock as it was at the start. A database that is in this
 * process has no clock of its own: if ours leaves the limit, it may have been wrong at the start
 * and be right now, and the kernel knows whether NTP has set it. Any thread.
 */
#ifndef CORE_BASE_CLOCK_SKEW_H
#define CORE_BASE_CLOCK_SKEW_H

#include "core/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>

/* The database's clock showed a time from from_ms to to_ms at an instant between two of ours, which
 * are of clock_steady_ns(). */
struct clock_reading {
	int64_t begin_ns, end_ns;
	int64_t from_ms, to_ms;
};

/* The time of the kernel's clock with its greatest error. False: no NTP keeps it, or it cannot be
 * asked. */
typedef bool clock_ntp_fn(struct clock_reading *reading);

struct clock_skew {
	const struct cart_clock *clock;
	int64_t limit_ms;	 /* clock.skew; 0: none */
	_Atomic int64_t base_ms; /* the database's time less the steady clock's */
	atomic_bool beyond;	 /* the limit, and the log says so */
	clock_ntp_fn *ntp;	 /* NULL: not the kernel's clock */
	bool local;		 /* ntp is asked before the limit counts as left */
};

/* Like the monotonic clock, but the system's also counts while the machine sleeps. */
int64_t clock_steady_ns(const struct cart_clock *clock);

void clock_skew_init(struct clock_skew *skew, const struct cart_clock *clock, int64_t limit_ms);

/* The database has no clock of its own. Before any other thread looks. NULL: does nothing. */
void clock_skew_set_local(struct clock_skew *skew);

/* Takes as much from a reading as it proves: one that took long, or is in whole seconds, proves
 * little. NULL: does nothing. */
void clock_skew_read(struct clock_skew *skew, const struct clock_reading *reading);

/* Our time less the database's. */
int64_t clock_skew_ms(const struct clock_skew *skew);
/* True: by more than the limit, in either direction. Logs it when that changes. NULL: false. */
bool clock_skew_is_beyond(struct clock_skew *skew);
/* The time by our clock, or by the database's when they are that far apart. NULL: by our clock. */
int64_t clock_skew_now_ms(struct clock_skew *skew, const struct cart_clock *clock, bool *beyond);

#endif
