#include "bench/stats/hodges_lehmann.h"
#include "bench/stats/describe.h"
#include "bench/stats/normal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Both samples, sorted. */
struct lehmann {
	const double *a;
	size_t a_count;
	const double *b;
	size_t b_count;
};

/* How many differences are <= limit. They grow with b and shrink with a, so that one pass does. */
static uint64_t lehmann_count(const struct lehmann *samples, double limit)
{
	uint64_t count = 0;
	size_t i, j = 0;

	for (i = 0; i < samples->a_count; i++) {
		while (j < samples->b_count && samples->b[j] - samples->a[i] <= limit)
			j++;
		count += j;
	}
	return count;
}

#define LEHMANN_SIGN (UINT64_C(1) << 63)

/* Doubles as integers that are in the same order, and back. */
static uint64_t lehmann_key(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (bits & LEHMANN_SIGN) != 0 ? ~bits : bits | LEHMANN_SIGN;
}

static double lehmann_value(uint64_t key)
{
	uint64_t bits = (key & LEHMANN_SIGN) != 0 ? key & ~LEHMANN_SIGN : ~key;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The k-th smallest difference, from 1. */
static double lehmann_kth(const struct lehmann *samples, uint64_t k)
{
	uint64_t low = lehmann_key(samples->b[0] - samples->a[samples->a_count - 1]);
	uint64_t high = lehmann_key(samples->b[samples->b_count - 1] - samples->a[0]), middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (lehmann_count(samples, lehmann_value(middle)) >= k)
			high = middle;
		else
			low = middle + 1;
	}
	return lehmann_value(low) + 0.0; /* no -0 */
}

static bool lehmann_takes(const double *values, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return false;
	return count > 0;
}

/* How many differences lie outside each end of the interval, and one. */
static uint64_t lehmann_outside(double n, double m, double confidence)
{
	double z = stats_normal_quantile((1 + confidence) / 2);
	double outside = floor(n * m / 2 - z * sqrt(n * m * (n + m + 1) / 12));

	return outside < 1 ? 1 : (uint64_t)outside;
}

int stats_hodges_lehmann(struct stats_hodges_lehmann *shift, const double *a, size_t a_count,
			 const double *b, size_t b_count, double confidence)
{
	struct lehmann samples;
	double *a_sorted, *b_sorted;
	uint64_t all = (uint64_t)a_count * b_count, end;

	if (!lehmann_takes(a, a_count) || !lehmann_takes(b, b_count))
		return -1;
	a_sorted = stats_sorted(a, a_count);
	b_sorted = stats_sorted(b, b_count);
	samples = (struct lehmann){a_sorted, a_count, b_sorted, b_count};
	end = lehmann_outside((double)a_count, (double)b_count, confidence);
	shift->low = lehmann_kth(&samples, end);
	shift->high = lehmann_kth(&samples, all + 1 - end);
	shift->shift = lehmann_kth(&samples, (all + 1) / 2);
	if (all % 2 == 0)
		shift->shift += (lehmann_kth(&samples, all / 2 + 1) - shift->shift) / 2;
	free(b_sorted);
	free(a_sorted);
	return 0;
}
