#include "bench/stats/power.h"
#include "bench/stats/blocks.h"
#include "bench/stats/student.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

/* What the chance is asked for, in units of the true standard error. */
struct power_case {
	double effect;
	double margin;	   /* negative: no equivalence is looked for */
	double difference; /* Student's quantiles; infinite: no difference is looked for */
	double equivalence;
};

/* The chance when the standard error is estimated as u times the true one. */
static double power_given(const struct power_case *of, double u)
{
	double beyond = of->difference * u, within = of->margin - of->equivalence * u;
	double chance = 0;

	if (within >= beyond)
		return 1;
	chance += stats_normal_cdf(of->effect - beyond) + stats_normal_cdf(-of->effect - beyond);
	if (within > 0)
		chance += stats_normal_cdf(within - of->effect) -
			  stats_normal_cdf(-within - of->effect);
	return chance;
}

/* Over all u = sqrt(chi-square / df), by the midpoint rule: the density vanishes at both ends, for
 * which that rule is as good as any. */
static double power_integrate(const struct power_case *of, double df)
{
	const int steps = 1000;
	double spread = 10 / sqrt(2 * df), low = fmax(0, 1 - spread), width, u, front, sum = 0;

	width = (1 + spread - low) / steps;
	front = M_LN2 + df / 2 * log(df / 2) - lgamma(df / 2);
	for (int i = 0; i < steps; i++) {
		u = low + (i + 0.5) * width;
		sum += exp(front + (df - 1) * log(u) - df * u * u / 2) * power_given(of, u);
	}
	return sum * width;
}

double stats_power(unsigned shown, double effect, double margin, double error, double df,
		   double alpha)
{
	struct power_case of = {.effect = effect / error, .margin = -1, .difference = INFINITY};

	if ((shown & STATS_DIFFERENCE) != 0)
		of.difference = stats_student_quantile(1 - alpha / 2, df);
	if ((shown & STATS_EQUIVALENCE) != 0) {
		of.margin = margin / error;
		of.equivalence = stats_student_quantile(1 - alpha, df);
	}
	return power_integrate(&of, df);
}

struct power_blocks {
	double one; /* standard error of the mean of one block */
	double margin;
	double alpha;
};

static bool power_is_enough(const struct power_blocks *of, size_t count)
{
	double error = of->one / sqrt((double)count), df = stats_blocks_df(count), within, beyond;

	if (error == 0)
		return true;
	/* A verdict is least likely midway between surely equal and surely different. */
	within = of->margin - stats_student_quantile(1 - of->alpha, df) * error;
	beyond = stats_student_quantile(1 - of->alpha / 2, df) * error;
	if (within <= 0)
		return false;
	return stats_power(STATS_DIFFERENCE | STATS_EQUIVALENCE, (within + beyond) / 2, of->margin,
			   error, df, of->alpha) >= STATS_POWER_PLAN;
}

/* Finds the smallest count that is enough: any greater one is enough too. */
size_t stats_blocks_needed(const struct stats_blocks *blocks, double margin, double alpha,
			   size_t family)
{
	struct power_blocks of = {
		.one = blocks->error * sqrt((double)blocks->count),
		.margin = log1p(margin),
		.alpha = alpha / (double)(family > 0 ? family : 1),
	};
	size_t low = 1, high = 2, middle;

	assert(margin > 0 && alpha > 0 && alpha < 1);
	while (!power_is_enough(&of, high)) {
		if (high >= STATS_BLOCKS_MAX)
			return 0;
		low = high;
		high = high * 2 < STATS_BLOCKS_MAX ? high * 2 : STATS_BLOCKS_MAX;
	}
	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (power_is_enough(&of, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}
