#include "bench/stats/describe.h"

#include "bench/stats/student.h"
#include "bench/stats/alloc.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double stats_mean(const double *values, size_t count)
{
	double sum = 0, rest = 0, mean;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	mean = sum / (double)count;
	/* What rounding left out of the sum. */
	for (size_t i = 0; i < count; i++)
		rest += values[i] - mean;
	return mean + rest / (double)count;
}

double stats_variance(const double *values, size_t count)
{
	double mean, sum = 0;

	if (count < 2)
		return 0;
	mean = stats_mean(values, count);
	for (size_t i = 0; i < count; i++)
		sum += (values[i] - mean) * (values[i] - mean);
	return sum / (double)(count - 1);
}

static int describe_order(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

void stats_sort(double *values, size_t count)
{
	if (count > 1)
		qsort(values, count, sizeof(*values), describe_order);
}

double *stats_sorted(const double *values, size_t count)
{
	double *sorted = bench_alloc(count, sizeof(*sorted));

	memcpy(sorted, values, count * sizeof(*sorted));
	stats_sort(sorted, count);
	return sorted;
}

double stats_quantile(const double *sorted, size_t count, double quantile)
{
	double at = quantile * (double)(count - 1);
	size_t below = (size_t)at;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

double stats_median(const double *values, size_t count)
{
	double *sorted = stats_sorted(values, count), median = stats_quantile(sorted, count, 0.5);

	free(sorted);
	return median;
}

double stats_lag1(const double *values, size_t count)
{
	double mean = stats_mean(values, count), square = 0, product = 0;

	for (size_t i = 0; i < count; i++) {
		square += (values[i] - mean) * (values[i] - mean);
		if (i > 0)
			product += (values[i - 1] - mean) * (values[i] - mean);
	}
	return square > 0 ? product / square : 0;
}

struct stats_proportion stats_wilson(uint64_t events, uint64_t trials, double confidence)
{
	double n = (double)trials, p = (double)events / n;
	double z = stats_normal_quantile((1 + confidence) / 2), shrink = 1 + z * z / n;
	double middle = (p + z * z / (2 * n)) / shrink;
	double half = z / shrink * sqrt(p * (1 - p) / n + z * z / (4 * n * n));

	assert(trials > 0 && events <= trials);
	return (struct stats_proportion){
		.seen = p,
		/* Exactly 0 and 1 but for rounding. */
		.low = events == 0 ? 0 : fmax(0, middle - half),
		.high = events == trials ? 1 : fmin(1, middle + half),
	};
}

double stats_zero_events(uint64_t trials, double confidence)
{
	assert(trials > 0);
	return -expm1(log1p(-confidence) / (double)trials);
}

void bench_summary_add(struct bench_summary *summary, double value)
{
	if (summary->count == 0 || value < summary->min)
		summary->min = value;
	if (summary->count == 0 || value > summary->max)
		summary->max = value;
	summary->sum += value;
	summary->count++;
}

double bench_summary_average(const struct bench_summary *summary)
{
	return summary->count == 0 ? 0 : summary->sum / (double)summary->count;
}
