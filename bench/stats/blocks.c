#include "bench/stats/blocks.h"

#include "bench/stats/describe.h"
#include "bench/stats/student.h"

#include <math.h>

#define BLOCKS_BATCHES	     10 /* at least, where there are as many blocks */
#define BLOCKS_PHI_MAX	     0.9
#define BLOCKS_EFFECTIVE_MAX 10 /* times count */

static size_t blocks_batch_length(size_t count)
{
	return count < 2 * BLOCKS_BATCHES ? 1 : count / BLOCKS_BATCHES;
}

double stats_blocks_df(size_t count)
{
	return (double)(count / blocks_batch_length(count)) - 1;
}

/* The variance of the means of batches of that length. What does not fill a batch is left out at
 * the front, where the warm-up is nearest. */
static double blocks_batch_variance(const double *values, size_t count, size_t length)
{
	double means[2 * BLOCKS_BATCHES];
	size_t batches = count / length, first = count - batches * length, i;

	for (i = 0; i < batches; i++)
		means[i] = stats_mean(values + first + i * length, length);
	return stats_variance(means, batches);
}

/* The coefficient of a first-order autoregression with this lag-1 autocorrelation. In a short row
 * that is too small by (1 + 3 phi) / count, because the mean is the row's own (Marriott and Pope),
 * and by phi / count, because there is one product less than there are squares. */
static double blocks_phi(double lag1, size_t count)
{
	double n = (double)count, phi;

	if (count < BLOCKS_BATCHES)
		return 0;
	phi = (n * lag1 + 1) / (n - 4);
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

int stats_blocks(struct stats_blocks *blocks, const double *values, size_t count)
{
	size_t i, length = blocks_batch_length(count);
	double variance, of_mean, phi;

	for (i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return -1;
	if (count < 2)
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
	phi = blocks_phi(blocks->lag1, count);
	of_mean = length == 1 ? variance
			      : blocks_batch_variance(values, count, length) * (double)length;
	of_mean *= blocks_inflation(phi, count) / blocks_inflation(phi, length) / (double)count;
	/* Rounded values can give batches of the very same mean. */
	of_mean = fmax(of_mean, variance / (BLOCKS_EFFECTIVE_MAX * (double)count));
	blocks->error = sqrt(of_mean);
	blocks->effective = variance / of_mean;
	return 0;
}

int stats_paired(struct stats_paired *paired, const double *d, size_t count, double confidence)
{
	struct stats_blocks blocks;

	if (stats_blocks(&blocks, d, count) != 0)
		return -1;
	*paired = (struct stats_paired){.blocks = blocks, .effect = expm1(blocks.mean)};
	if (blocks.error > 0) {
		paired->half_width =
			stats_student_quantile((1 + confidence) / 2, blocks.df) * blocks.error;
		paired->p = 2 * stats_student_tail(fabs(blocks.mean) / blocks.error, blocks.df);
	} else {
		paired->p = blocks.mean == 0;
	}
	paired->low = expm1(blocks.mean - paired->half_width);
	paired->high = expm1(blocks.mean + paired->half_width);
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
