/* Welch's test of two samples of independent values, as textbooks have it. */
#ifndef TESTS_LIB_WELCH_H
#define TESTS_LIB_WELCH_H

#include "bench/stats/blocks.h"
#include "bench/stats/describe.h"

#include <math.h>

static inline struct stats_mean welch_mean(const double *values, size_t count)
{
	return (struct stats_mean){stats_mean(values, count),
				   sqrt(stats_variance(values, count) / (double)count),
				   (double)count - 1};
}

static inline void welch_of(struct stats_welch *test, const double *a, size_t a_count,
			    const double *b, size_t b_count, double confidence)
{
	const struct stats_mean of_a = welch_mean(a, a_count), of_b = welch_mean(b, b_count);

	stats_welch(test, &of_a, &of_b, confidence);
}

#endif
