#include "bench/stats/wilcoxon.h"
#include "bench/stats/normal.h"
#include "bench/stats/ranks.h"

#include <math.h>
#include <stdlib.h>

#define WILCOXON_SUM_MAX (STATS_WILCOXON_EXACT * (STATS_WILCOXON_EXACT + 1) / 2)

/* P(sum of ranks <= sum) when each of the ranks 1 ... count has either sign alike: ways[s] is the
 * share of all signs that give s, built up rank by rank. */
static double wilcoxon_exact(double sum, size_t count)
{
	double ways[WILCOXON_SUM_MAX + 1] = {1}, p = 0;
	size_t rank, s, top = 0;

	for (rank = 1; rank <= count; rank++) {
		top += rank;
		for (s = top + 1; s-- > 0;)
			ways[s] = (ways[s] + (s >= rank ? ways[s - rank] : 0)) / 2;
	}
	for (s = 0; (double)s <= sum; s++)
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
	double *sizes = calloc(count + 1, sizeof(*sizes)), *ranks, ties;
	size_t i;
	int result = -1;

	ranks = calloc(count + 1, sizeof(*ranks));
	if (sizes == NULL || ranks == NULL)
		abort();
	*test = (struct stats_wilcoxon){.p = 1};
	for (i = 0; i < count; i++) {
		if (!isfinite(values[i]))
			goto end;
		sizes[i] = fabs(values[i]);
		test->zeros += values[i] == 0;
	}
	if (count == 0)
		goto end;
	ties = stats_ranks(ranks, sizes, count);
	for (i = 0; i < count; i++) {
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
