/* The standard normal distribution. */
#ifndef BENCH_STATS_NORMAL_H
#define BENCH_STATS_NORMAL_H

/* P(Z <= z); relative error below 1e-14 down to the smallest numbers. */
double stats_normal_cdf(double z);
/* The z with P(Z <= z) = p. Infinite at p = 0 and 1. Wichura 1988, algorithm AS 241, Applied
 * Statistics 37(3): relative error about 1e-16. */
double stats_normal_quantile(double p);

#endif
