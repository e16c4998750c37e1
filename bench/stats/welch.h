/*
 * Two samples that were not measured in pairs: is the mean of b above that of a, variances
 * differing? Welch's t test with the degrees of freedom of Welch and Satterthwaite (Welch 1947).
 * Values as they are; for a ratio give their logarithms.
 */
#ifndef BENCH_STATS_WELCH_H
#define BENCH_STATS_WELCH_H

#include "core/base/attr.h"

#include <stddef.h>

struct stats_welch {
	double difference; /* mean of b - mean of a */
	double error;	   /* its standard error */
	double df;	   /* fractional */
	double t;
	double p;   /* two-sided */
	double low; /* interval of difference */
	double high;
};

/* -1: fewer than two values on a side, or one that is not finite. When no value of a side differs
 * from another on it p is 0, or 1 for no difference. */
CART_MUST_CHECK int stats_welch(struct stats_welch *test, const double *a, size_t a_count,
				const double *b, size_t b_count, double confidence);

#endif
