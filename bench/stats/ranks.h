/* Ranks of values, for the tests that look at nothing else. */
#ifndef BENCH_STATS_RANKS_H
#define BENCH_STATS_RANKS_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Wilcoxon's signed-rank test, two-sided: are values as far above 0 as below? It assumes little of
 * their distribution, so it is shown beside Student's test; but it takes blocks as independent, and
 * where they are not (stats_blocks.lag1) its p is too small.
 *
 * Zeros are ranked with the others and then left out (Pratt 1959): a block in which both sides fell
 * into one bucket of the histogram is evidence of equality, which Wilcoxon's own way would drop.
 *
 * p is exact (by counting all signs) for up to STATS_WILCOXON_EXACT values without ties and zeros,
 * else by the normal approximation with corrections for ties and continuity (Hollander, Wolfe and
 * Chicken 2014, 3.1; Conover 1973 for zeros).
 */

#define STATS_WILCOXON_EXACT 50

struct stats_wilcoxon {
	double above; /* the sum of ranks of values above 0 (V in R) */
	double below;
	size_t zeros;
	bool exact;
	double p; /* 1 when all are 0 */
};

/* -1: no values, or one that is not finite. Aborts without memory. */
CART_MUST_CHECK int stats_wilcoxon(struct stats_wilcoxon *test, const double *values, size_t count);

/* Mann and Whitney's (Wilcoxon's rank-sum) test, two-sided, of samples that were not measured in
 * pairs: is a value of b as often above one of a as below? By the normal approximation with
 * corrections for ties and continuity (Hollander, Wolfe and Chicken 2014, 4.1): R's wilcox.test(b,
 * a, exact = FALSE). Good from eight values a side. */

struct stats_mann_whitney {
	double u; /* pairs with b above a, ties half (W in R) */
	double p; /* 1 when all values are equal */
};

/* -1: no values on a side, or one that is not finite. Aborts without memory. */
CART_MUST_CHECK int stats_mann_whitney(struct stats_mann_whitney *test, const double *a,
				       size_t a_count, const double *b, size_t b_count);

/*
 * By how much b is shifted against a: the median of all differences between a value of b and one of
 * a (Hodges and Lehmann 1963), with the interval of Mann and Whitney's test (Hollander, Wolfe and
 * Chicken 2014, 4.2 and 4.3). For a ratio give logarithms.
 *
 * The a * b differences are not stored: the k-th smallest is found by bisection over all doubles,
 * in 64 steps of one pass over both sorted samples.
 */

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
