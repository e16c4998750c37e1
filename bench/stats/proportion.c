#include "bench/stats/proportion.h"
#include "bench/stats/student.h"

#include <assert.h>
#include <math.h>

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
