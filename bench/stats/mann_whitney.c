#include "bench/stats/mann_whitney.h"
#include "bench/stats/normal.h"
#include "bench/stats/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
	values = calloc(count, sizeof(*values));
	ranks = calloc(count, sizeof(*ranks));
	if (values == NULL || ranks == NULL)
		abort();
	memcpy(values, a, a_count * sizeof(*values));
	memcpy(values + a_count, b, b_count * sizeof(*values));
	for (i = 0; i < count; i++)
		if (!isfinite(values[i]))
			goto end;
	ties = stats_ranks(ranks, values, count);
	*test = (struct stats_mann_whitney){.u = -m * (m + 1) / 2};
	for (i = a_count; i < count; i++)
		test->u += ranks[i];
	test->superiority = test->u / (n * m);
	test->p = mann_whitney_p(test->u, n, m, ties);
	result = 0;
end:
	free(ranks);
	free(values);
	return result;
}
