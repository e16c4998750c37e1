/*
 * Two sides measured in pairs: by how much is B's quantile above A's?
 *
 * The unit is a block, and d = ln(quantile of B / quantile of A) in it. Logarithms, because noise
 * multiplies: a ratio of 2 and one of 1/2 cancel. All on the logarithmic scale unless it says
 * "ratio"; a ratio of 0.03 reads "B is 3 % above A".
 */
#ifndef BENCH_STATS_PAIRED_H
#define BENCH_STATS_PAIRED_H

#include "bench/stats/blocks.h"

struct stats_paired {
	struct stats_blocks blocks; /* of d */
	double half_width;	    /* of the interval about blocks.mean */
	double p;		    /* two-sided: that no difference shows so large a one */
	double effect;		    /* ratio: exp(mean) - 1 */
	double low;		    /* ratio: the interval's ends */
	double high;
};

/* d: one a block in the order of time. confidence: 0.95, say. The interval is Student's on the
 * effective number of blocks and of one comparison: it knows nothing of Holm's correction. Where
 * few blocks are wild (one in twenty ten times as wide) it covers more than it promises: 97 %. -1:
 * as stats_blocks(). When all d are equal the interval is that value and p is 0, or 1 for d = 0. */
CART_MUST_CHECK int stats_paired(struct stats_paired *paired, const double *d, size_t count,
				 double confidence);

#endif
