/*
 * Mann and Whitney's (Wilcoxon's rank-sum) test, two-sided, of two samples that were not measured
 * in pairs: is a value of b as often above one of a as below? By the normal approximation with
 * corrections for ties and continuity (Hollander, Wolfe and Chicken 2014, 4.1): R's
 * wilcox.test(b, a, exact = FALSE). Good from eight values a side.
 */
#ifndef BENCH_STATS_MANN_WHITNEY_H
#define BENCH_STATS_MANN_WHITNEY_H

#include "core/base/attr.h"

#include <stddef.h>

struct stats_mann_whitney {
	double u;	    /* pairs with b above a, ties half (W in R) */
	double superiority; /* u / all pairs: the chance that a value of b is above one of a */
	double p;	    /* 1 when all values are equal */
};

/* -1: no values on a side, or one that is not finite. Aborts without memory. */
CART_MUST_CHECK int stats_mann_whitney(struct stats_mann_whitney *test, const double *a,
				       size_t a_count, const double *b, size_t b_count);

#endif
