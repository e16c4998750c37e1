#include "bench/stats/ranks.h"

#include "bench/stats/describe.h"
#include "bench/stats/student.h"
#include "bench/stats/alloc.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ranks_entry {
	double value;
	size_t at;
};

static int ranks_order(const void *a, const void *b)
{
	double left = ((const struct ranks_entry *)a)->value,
	       right = ((const struct ranks_entry *)b)->value;

	return (left > right) - (left < right);
}

/* ranks[i]: 1 for the smallest of values, count for the largest; equal values share their average
 * rank. Returns the sum of t^3 - t over all groups of t equal values, by which ties reduce the
 * variance of a sum of ranks. No value is NaN. */
static double stats_ranks(double *ranks, const double *values, size_t count)
{
	struct ranks_entry *entries = bench_alloc(count, sizeof(*entries));
	double ties = 0, t;
	size_t end;

	for (size_t i = 0; i < count; i++)
		entries[i] = (struct ranks_entry){.value = values[i], .at = i};
	qsort(entries, count, sizeof(*entries), ranks_order);
	for (size_t i = 0; i < count; i = end) {
		for (end = i + 1; end < count && entries[end].value == entries[i].value; end++)
			;
		for (size_t j = i; j < end; j++)
			ranks[entries[j].at] = (double)(i + 1 + end) / 2;
		t = (double)(end - i);
		ties += t * t * t - t;
	}
	free(entries);
	return ties;
}

#define WILCOXON_SUM_MAX (STATS_WILCOXON_EXACT * (STATS_WILCOXON_EXACT + 1) / 2)

/* P(sum of ranks <= sum) when each of the ranks 1 ... count has either sign alike: ways[s] is the
 * share of all signs that give s, built up rank by rank. */
static double wilcoxon_exact(double sum, size_t count)
{
	double ways[WILCOXON_SUM_MAX + 1] = {1}, p = 0;
	size_t top = 0;

	for (size_t rank = 1; rank <= count; rank++) {
		top += rank;
		for (size_t s = top + 1; s-- > 0;)
			ways[s] = (ways[s] + (s >= rank ? ways[s - rank] : 0)) / 2;
	}
	for (size_t s = 0; (double)s <= sum; s++)
		p += ways[s];
	return p;
}

/* ties: of all ranks, the zeros' among them. */
static double wilcoxon_approximate(const struct stats_wilcoxon *test, size_t count, double ties)
{
	double n = (double)count, z = (double)test->zeros, mean, variance, off;

	mean = (n * (n + 1) - z * (z + 1)) / 4;
	variance = (n * (n + 1) * (2 * n + 1) - z * (z + 1) * (2 * z + 1)) / 24 -
		   (ties - (z * z * z - z)) / 48;
	off = fabs(test->above - mean) - 0.5;
	if (off <= 0 || variance <= 0)
		return 1;
	return 2 * stats_normal_cdf(-off / sqrt(variance));
}

int stats_wilcoxon(struct stats_wilcoxon *test, const double *values, size_t count)
{
	double *sizes = bench_alloc(count, sizeof(*sizes)), *ranks, ties;
	int result = -1;

	ranks = bench_alloc(count, sizeof(*ranks));
	*test = (struct stats_wilcoxon){.p = 1};
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(values[i]))
			goto end;
		sizes[i] = fabs(values[i]);
		test->zeros += values[i] == 0;
	}
	if (count == 0)
		goto end;
	ties = stats_ranks(ranks, sizes, count);
	for (size_t i = 0; i < count; i++) {
		if (values[i] > 0)
			test->above += ranks[i];
		else if (values[i] < 0)
			test->below += ranks[i];
	}
	test->exact = ties == 0 && test->zeros == 0 && count <= STATS_WILCOXON_EXACT;
	if (test->exact)
		test->p = fmin(1, 2 * wilcoxon_exact(fmin(test->above, test->below), count));
	else
		test->p = wilcoxon_approximate(test, count, ties);
	result = 0;
end:
	free(ranks);
	free(sizes);
	return result;
}

static double mann_whitney_p(double u, double n, double m, double ties)
{
	double all = n + m;
	double variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
	double off = fabs(u - n * m / 2) - 0.5;

	if (off <= 0 || variance <= 0)
		return 1;
	return 2 * stats_normal_cdf(-off / sqrt(variance));
}

int stats_mann_whitney(struct stats_mann_whitney *test, const double *a, size_t a_count,
		       const double *b, size_t b_count)
{
	size_t count = a_count + b_count, i;
	double *values, *ranks, ties, n = (double)a_count, m = (double)b_count;
	int result = -1;

	if (a_count == 0 || b_count == 0)
		return -1;
	values = bench_alloc(count, sizeof(*values));
	ranks = bench_alloc(count, sizeof(*ranks));
	memcpy(values, a, a_count * sizeof(*values));
	memcpy(values + a_count, b, b_count * sizeof(*values));
	for (i = 0; i < count; i++)
		if (!isfinite(values[i]))
			goto end;
	ties = stats_ranks(ranks, values, count);
	*test = (struct stats_mann_whitney){.u = -m * (m + 1) / 2};
	for (i = a_count; i < count; i++)
		test->u += ranks[i];
	test->p = mann_whitney_p(test->u, n, m, ties);
	result = 0;
end:
	free(ranks);
	free(values);
	return result;
}

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
	size_t j = 0;

	for (size_t i = 0; i < samples->a_count; i++) {
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
	for (size_t i = 0; i < count; i++)
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
