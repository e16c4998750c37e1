/*
 * Wilcoxon's signed-rank test, two-sided: are values as far above 0 as below? It asks little of
 * their distribution, so it stands beside Student's test, but it takes blocks as independent; where
 * they are not (see stats_blocks.lag1) its p is too small.
 *
 * Zeros are Pratt's way (1959): ranked with the others, and only then left out. A block in which
 * both sides fell into one bucket of the histogram is evidence of equality; dropping it before
 * ranking, as Wilcoxon did and R's wilcox.test does, would throw that away. Without zeros both are
 * the same. Tied values share their average rank.
 *
 * p is exact (by counting all signs) for up to STATS_WILCOXON_EXACT values without ties and zeros;
 * otherwise by the normal approximation with corrections for ties and continuity (Hollander, Wolfe
 * and Chicken 2014, 3.1; Conover 1973 for zeros).
 */
#ifndef BENCH_STATS_WILCOXON_H
#define BENCH_STATS_WILCOXON_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>

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

#endif
