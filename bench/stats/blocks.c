#include "bench/stats/blocks.h"

#include "bench/stats/alloc.h"
#include "bench/stats/describe.h"
#include "bench/stats/student.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define BLOCKS_BATCHES	     10 /* at least, where there are as many blocks */
#define BLOCKS_PHI_MAX	     0.9
#define BLOCKS_PHI_DOUBT     20.0 /* blocks.h */
#define BLOCKS_DF_MIN	     0.4  /* of those of independent blocks; by the same simulation */
#define BLOCKS_EFFECTIVE_MAX 10	  /* times count */

static size_t blocks_batch_length(size_t count)
{
	return count < 2 * BLOCKS_BATCHES ? 1 : count / BLOCKS_BATCHES;
}

double stats_blocks_df(size_t count)
{
	return (double)(count / blocks_batch_length(count)) - 1;
}

/* What does not fill a batch is left out at the front, where the warm-up is nearest. */
static size_t blocks_means(double means[STATS_BATCHES_MAX], const double *values, size_t count)
{
	size_t length = blocks_batch_length(count), batches = count / length;

	for (size_t i = 0; i < batches; i++)
		means[i] = stats_mean(values + count - (batches - i) * length, length);
	return batches;
}

size_t stats_batches(double means[STATS_BATCHES_MAX], const double *values, size_t count)
{
	return blocks_batch_length(count) > 1 ? blocks_means(means, values, count) : 0;
}

/* The coefficient of a first-order autoregression with this lag-1 autocorrelation about a mean (1
 * regressor) or a curve (3). In a short row that is too small by (1 + 3 phi) / count about a mean,
 * with 1 + phi more for each further regressor (Marriott and Pope), and by phi / count, because
 * there is one product less than there are squares. */
static double blocks_phi(double lag1, size_t count, int regressors)
{
	double n = (double)count, phi;

	if (count < BLOCKS_BATCHES)
		return 0;
	phi = (n * lag1 + regressors) / (n - 3 - regressors);
	phi += BLOCKS_PHI_DOUBT / n * sqrt(fmax(1 - phi * phi, 0) / n);
	return fmin(fmax(phi, 0), BLOCKS_PHI_MAX);
}

/* The variance of a mean of length values of that autoregression, times length, relative to that
 * of one value: 1 + 2 sum of (1 - j / length) phi^j. */
static double blocks_inflation(double phi, size_t length)
{
	double sum = 1, power = phi;

	for (size_t j = 1; j < length && power > 1e-17; j++) {
		sum += 2 * (1 - (double)j / (double)length) * power;
		power *= phi;
	}
	return sum;
}

static bool blocks_are_finite(const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

int stats_blocks(struct stats_blocks *blocks, const double *values, size_t count)
{
	double means[STATS_BATCHES_MAX], variance, of_mean, n, shared;

	if (count < 2 || !blocks_are_finite(values, count))
		return -1;
	variance = stats_variance(values, count);
	*blocks = (struct stats_blocks){.count = count,
					.mean = stats_mean(values, count),
					.stddev = sqrt(variance),
					.lag1 = stats_lag1(values, count),
					.df = stats_blocks_df(count),
					.effective = (double)count};
	if (variance == 0)
		return 0;
	blocks->phi = blocks_phi(blocks->lag1, count, 1);
	/* So many batches say as much as an independent one. Their spread about their own mean is
	 * too small by that. */
	shared = blocks_inflation(blocks->phi, count) /
		 blocks_inflation(blocks->phi, blocks_batch_length(count));
	n = blocks->df + 1;
	blocks->df = fmax(n / shared - 1, BLOCKS_DF_MIN * blocks->df);
	of_mean = stats_variance(means, blocks_means(means, values, count));
	of_mean *= (n - 1) / fmax(n - shared, 1) * shared / n;
	/* Rounded values can give batches of the very same mean. */
	of_mean = fmax(of_mean, variance / (BLOCKS_EFFECTIVE_MAX * (double)count));
	blocks->error = sqrt(of_mean);
	blocks->effective = variance / of_mean;
	return 0;
}

/* The same of the slope of a line: x' R x / x' x, x from the middle, R the autoregression's
 * correlations. */
static double blocks_inflation_of_slope(double phi, size_t count)
{
	double middle = (double)(count - 1) / 2, squares = 0, sum = 0, power = 1;

	for (size_t j = 0; j < count && power > 1e-17; j++) {
		double products = 0;

		for (size_t i = 0; i + j < count; i++)
			products += ((double)i - middle) * ((double)(i + j) - middle);
		squares = j == 0 ? products : squares;
		sum += (j == 0 ? 1 : 2) * power * products;
		power *= phi;
	}
	return sum / squares;
}

int stats_trend(struct stats_trend *trend, const double *values, size_t count, double confidence)
{
	double n = (double)count, middle = (n - 1) / 2, squares = n * (n * n - 1) / 12;
	double mean, slope = 0, bend = 0, bends = 0, phi, rest, of_mean, of_slope, half;
	double *rests;

	if (count < BLOCKS_BATCHES || !blocks_are_finite(values, count))
		return -1;
	rests = bench_alloc(count, sizeof(*rests));
	mean = stats_mean(values, count);
	for (size_t i = 0; i < count; i++) {
		double x = (double)i - middle, y = x * x - squares / n;

		slope += x * (values[i] - mean) / squares;
		bend += y * (values[i] - mean);
		bends += y * y;
	}
	bend /= bends;
	for (size_t i = 0; i < count; i++) {
		double x = (double)i - middle;

		rests[i] = values[i] - mean - slope * x - bend * (x * x - squares / n);
	}
	phi = blocks_phi(stats_lag1(rests, count), count, 3);
	of_mean = blocks_inflation(phi, count);
	of_slope = blocks_inflation_of_slope(phi, count);
	rest = stats_variance(rests, count) * (n - 1) / fmax(n - of_mean - 2 * of_slope, 1);
	free(rests);
	trend->df = fmax(n / of_mean - 3, BLOCKS_DF_MIN * (n - 3));
	trend->error = sqrt(rest * of_mean / n);
	half = stats_student_quantile((1 + confidence) / 2, trend->df) *
	       sqrt(rest * of_slope / squares) * (n - 1);
	bend *= middle * middle - squares / n;
	trend->from = mean - slope * middle + bend;
	trend->to = mean + slope * middle + bend;
	trend->low = trend->to - trend->from - half;
	trend->high = trend->to - trend->from + half;
	return 0;
}

void stats_paired_of(struct stats_paired *paired, const struct stats_blocks *blocks,
		     double confidence)
{
	*paired = (struct stats_paired){
		.blocks = *blocks, .effect = expm1(blocks->mean), .p = blocks->mean == 0};
	if (blocks->error > 0) {
		paired->half_width =
			stats_student_quantile((1 + confidence) / 2, blocks->df) * blocks->error;
		paired->p = 2 * stats_student_tail(fabs(blocks->mean) / blocks->error, blocks->df);
	}
	paired->low = expm1(blocks->mean - paired->half_width);
	paired->high = expm1(blocks->mean + paired->half_width);
}

int stats_paired(struct stats_paired *paired, const double *d, size_t count, double confidence)
{
	struct stats_blocks blocks;

	if (stats_blocks(&blocks, d, count) != 0)
		return -1;
	stats_paired_of(paired, &blocks, confidence);
	return 0;
}

void stats_welch(struct stats_welch *test, const struct stats_mean *a, const struct stats_mean *b,
		 double confidence)
{
	double of_a = a->error * a->error, of_b = b->error * b->error, half = 0;

	*test = (struct stats_welch){
		.difference = b->mean - a->mean, .error = sqrt(of_a + of_b), .df = a->df + b->df};
	if (test->error > 0) {
		test->df =
			(of_a + of_b) * (of_a + of_b) / (of_a * of_a / a->df + of_b * of_b / b->df);
		test->t = test->difference / test->error;
		test->p = 2 * stats_student_tail(fabs(test->t), test->df);
		half = stats_student_quantile((1 + confidence) / 2, test->df) * test->error;
	} else {
		test->p = test->difference == 0;
	}
	test->low = test->difference - half;
	test->high = test->difference + half;
}
