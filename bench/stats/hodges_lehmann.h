/*
 * By how much b is shifted against a: the median of all differences between a value of b and one of
 * a (Hodges and Lehmann 1963), with the interval that belongs to Mann and Whitney's test
 * (Hollander, Wolfe and Chicken 2014, 4.2 and 4.3). For a ratio give logarithms.
 *
 * The a * b differences are never written down: the k-th smallest is found by bisection over the
 * numbers there are, 64 steps of one pass over both sorted samples.
 */
#ifndef BENCH_STATS_HODGES_LEHMANN_H
#define BENCH_STATS_HODGES_LEHMANN_H

#include "core/base/attr.h"

#include <stddef.h>

struct stats_hodges_lehmann {
	double shift;
	double low;
	double high;
};

/* The ends are differences that occur, chosen so that the interval is rather too wide. -1: no
 * values on a side, or one that is not finite. Aborts without memory. */
CART_MUST_CHECK int stats_hodges_lehmann(struct stats_hodges_lehmann *shift, const double *a,
					 size_t a_count, const double *b, size_t b_count,
					 double confidence);

#endif
