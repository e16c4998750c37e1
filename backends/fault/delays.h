/*
 * When the fault backend answers: delays that are drawn from a table, and stalls, in which nothing
 * is answered and no delay passes, as if the machine stood still. Both are exact, so that what a
 * client should see can be computed (bench/perf/truth.py).
 */
#ifndef BACKENDS_FAULT_DELAYS_H
#define BACKENDS_FAULT_DELAYS_H

#include "core/base/error.h"
#include "core/settings/settings.h"

#include <stdatomic.h>
#include <stdbool.h>

struct fault_delays {
	int64_t *ns; /* NULL: none */
	size_t count;
	atomic_uint_least64_t drawn;
	atomic_int_least64_t trickled; /* the last time in which an answer comes in a stall */
};

/* Each period is every_ns long, and at its end stall_ns are stood still. */
struct fault_stalls {
	int64_t stall_ns; /* 0: none; below every_ns */
	int64_t every_ns;
	int64_t started_ns; /* monotonic: of the first period */
	int64_t trickle_ns; /* 0: none; in a stall one answer comes in each such time */
	bool newest_first;  /* after a stall */
};

/* The stalls begin to count now. -1: a setting makes no sense; nothing is left behind. */
CART_MUST_CHECK int fault_delays_init(struct fault_delays *delays, struct fault_stalls *stalls,
				      const struct settings *settings, struct cart_error *error);
void fault_delays_destroy(struct fault_delays *delays);
/* The n-th call since init() always returns the same. Any thread. */
int64_t fault_delays_draw(struct fault_delays *delays);
/* When a delay ends that begins at now_ns. */
int64_t fault_stalls_due(const struct fault_stalls *stalls, int64_t now_ns, int64_t delay_ns);
/* Likewise, with what trickles through a stall and in what order the rest comes. Any thread. */
int64_t fault_delays_due(struct fault_delays *delays, const struct fault_stalls *stalls,
			 int64_t now_ns, int64_t delay_ns);

#endif
