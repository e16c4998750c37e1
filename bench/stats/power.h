/*
 * What a measurement will be able to show, before it is made. Exact for normal noise: for a given
 * estimate of the standard error the chance of a verdict is the normal distribution's; it is
 * integrated numerically over the estimate's distribution (chi with df), to four digits.
 * stats_blocks(), which also allows for autocorrelation that it cannot exclude, shows up to 6 %
 * less.
 *
 * effect and margin are logarithmic here, error is the true standard error of the mean, df what it
 * will be estimated with: stats_blocks_df() of the blocks.
 */
#ifndef BENCH_STATS_POWER_H
#define BENCH_STATS_POWER_H

#include <stddef.h>

/* The chance that at least one of these is shown: a difference, by a two-sided test at alpha (in
 * either direction, R's power.t.test(strict = TRUE)); equivalence within the margin, by two
 * one-sided tests at alpha. shown: one of them or both; margin is only of equivalence. */
enum { STATS_DIFFERENCE = 1, STATS_EQUIVALENCE = 2 };
double stats_power(unsigned shown, double effect, double margin, double error, double df,
		   double alpha);

struct stats_blocks;

#define STATS_POWER	 0.9
#define STATS_POWER_PLAN 0.95 /* without that */
#define STATS_BLOCKS_MAX 1000000000

/*
 * How many blocks (in all) would have decided an INCONCLUSIVE comparison: the fewest that give some
 * verdict with a probability of STATS_POWER whatever the true difference is, at the spread and
 * autocorrelation seen, and at alpha / family, where Holm begins. The observed difference is not
 * used, because chance has made it. margin is a ratio. 0: more than STATS_BLOCKS_MAX. Where it is
 * not above blocks->count, chance was against it, and as many again will most likely decide.
 */
size_t stats_blocks_needed(const struct stats_blocks *blocks, double margin, double alpha,
			   size_t family);

#endif
