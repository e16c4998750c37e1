/* Ranks of values, for the tests that look at nothing else. */
#ifndef BENCH_STATS_RANKS_H
#define BENCH_STATS_RANKS_H

#include <stddef.h>

/*
 * ranks[i]: 1 for the smallest of values, count for the largest; equal values share their average
 * rank. Returns the sum of t^3 - t over all groups of t equal values: what ties take from the
 * variance of a sum of ranks. No value is NaN. Aborts without memory.
 */
double stats_ranks(double *ranks, const double *values, size_t count);

#endif
