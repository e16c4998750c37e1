/* How often something happens, from how often it did. */
#ifndef BENCH_STATS_PROPORTION_H
#define BENCH_STATS_PROPORTION_H

#include <stdint.h>

struct stats_proportion {
	double seen; /* events / trials */
	double low;
	double high;
};

/* Wilson's interval (1927), without continuity correction: covers as promised also near 0 and 1,
 * where the usual one does not. events <= trials, trials > 0. */
struct stats_proportion stats_wilson(uint64_t events, uint64_t trials, double confidence);

/* Nothing happened in so many trials: with this confidence it is rarer than this. One-sided and
 * exact, 1 - (1 - confidence)^(1 / trials); about 3 / trials at 95 %. trials > 0. */
double stats_zero_events(uint64_t trials, double confidence);

#endif
