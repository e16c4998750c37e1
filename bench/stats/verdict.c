#include "bench/stats/verdict.h"

#include "bench/stats/student.h"
#include "bench/stats/alloc.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

const char *const stats_verdict_names[] = {
	[STATS_INCONCLUSIVE] = "INCONCLUSIVE",
	[STATS_A_WINS] = "A WINS",
	[STATS_B_WINS] = "B WINS",
	[STATS_EQUIVALENT] = "EQUIVALENT",
	[STATS_TRIVIAL] = "DIFFERENT BUT TRIVIAL",
	[STATS_NOT_COMPARABLE] = "NOT COMPARABLE",
	[STATS_WRONG] = "WRONG",
};

static enum stats_verdict verdict_of(const struct stats_comparison *comparison, double alpha)
{
	bool different = comparison->holm_difference < alpha;

	if (comparison->holm_equivalence < alpha)
		return different ? STATS_TRIVIAL : STATS_EQUIVALENT;
	if (!different)
		return STATS_INCONCLUSIVE;
	return comparison->effect > 0 ? STATS_A_WINS : STATS_B_WINS;
}

void stats_verdicts(struct stats_comparison *comparisons, size_t count, double alpha)
{
	double *difference = bench_alloc(count, sizeof(*difference));
	double *equivalence = bench_alloc(count, sizeof(*equivalence));

	for (size_t i = 0; i < count; i++) {
		difference[i] = comparisons[i].p_difference;
		equivalence[i] = comparisons[i].p_equivalence;
	}
	stats_holm(difference, difference, count);
	stats_holm(equivalence, equivalence, count);
	for (size_t i = 0; i < count; i++) {
		comparisons[i].holm_difference = difference[i];
		comparisons[i].holm_equivalence = equivalence[i];
		comparisons[i].verdict = verdict_of(&comparisons[i], alpha);
	}
	free(equivalence);
	free(difference);
}

double stats_equivalence(double mean, double error, double df, double margin)
{
	/* The nearer end of the margin gives the larger p. */
	double room = log1p(margin) - fabs(mean);

	if (error > 0)
		return stats_student_tail(room / error, df);
	return room > 0 ? 0 : 1;
}

void stats_holm(double *adjusted, const double *p, size_t count)
{
	double *largest = bench_alloc(count, sizeof(*largest));

	for (size_t i = 0; i < count; i++) {
		size_t as_large = 0; /* in order, among equals from here on */

		for (size_t k = 0; k < count; k++)
			as_large += p[k] > p[i] || (p[k] == p[i] && k >= i);
		for (size_t k = 0; k < count; k++)
			if (p[k] >= p[i])
				largest[k] = fmax(largest[k], fmin(1, (double)as_large * p[i]));
	}
	for (size_t i = 0; i < count; i++)
		adjusted[i] = largest[i];
	free(largest);
}
