/*
 * What a measurement will be able to show, before it is made. Exact for normal noise: given the
 * standard error that will be estimated, the chance of a verdict is the normal distribution's; that
 * estimate's own distribution (chi with df) is integrated over numerically.
 *
 * effect and margin are logarithmic here (log1p of the ratio), error is the true standard error of
 * the mean, df what it will be estimated with: stats_blocks_df(), or pairs - 1.
 */
#ifndef BENCH_STATS_POWER_H
#define BENCH_STATS_POWER_H

#include <stddef.h>

/* The chance that a two-sided test at alpha shows a difference: in either direction, R's
 * power.t.test(strict = TRUE). */
double stats_power_difference(double effect, double error, double df, double alpha);
/* The chance that two one-sided tests at alpha show equivalence. */
double stats_power_equivalence(double effect, double margin, double error, double df, double alpha);
/* The chance that at least one of the two is shown. */
double stats_power_decided(double effect, double margin, double error, double df, double alpha);

/* How many independent pairs, each with this standard deviation, show the effect with the power.
 * effect != 0, stddev > 0, 0 < alpha < power < 1. 0: more than a billion. */
size_t stats_power_pairs(double effect, double stddev, double alpha, double power);

#endif
