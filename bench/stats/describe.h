/*
 * What a sample says of itself. Values are of any unit; count is at least 1 unless it says
 * otherwise; no value is NaN.
 */
#ifndef BENCH_STATS_DESCRIBE_H
#define BENCH_STATS_DESCRIBE_H

#include <stddef.h>
#include <stdint.h>

double stats_mean(const double *values, size_t count);
/* Divides by count - 1. 0 when count is 1. In two passes: no digits are lost to a large mean. */
double stats_variance(const double *values, size_t count);

/* Ascending, in place. */
void stats_sort(double *values, size_t count);
/* A sorted copy, which the caller frees. Aborts without memory. */
double *stats_sorted(const double *values, size_t count);
/* The exact quantile of sorted values, 0 <= quantile <= 1, by interpolation between the two
 * nearest: type 7 of Hyndman and Fan 1996, R's and NumPy's default. */
double stats_quantile(const double *sorted, size_t count, double quantile);
/* Of values in any order; sorts a copy. */
double stats_median(const double *values, size_t count);

/* How much each value says of the next, -1 ... 1: the sample's lag-1 autocorrelation, about their
 * common mean. 0 when all are equal or count is 1. Its expectation for unrelated values is
 * -1 / count. */
double stats_lag1(const double *values, size_t count);

/* How often something happens, from how often it did. */

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

/* The same of values that are not kept. */

/* A zeroed struct is empty. */
struct bench_summary {
	size_t count;
	double sum;
	double min; /* this and max are 0 while count is */
	double max;
};

void bench_summary_add(struct bench_summary *summary, double value);
/* 0 when empty. */
double bench_summary_average(const struct bench_summary *summary);

#endif
