/*
 * Student's t distribution for any df > 0, fractional or infinite (then it is the normal).
 * By the regularised incomplete beta function (DLMF 8.17, continued fraction 8.17.22). Relative
 * error below 1e-11 up to a df of 1,000, below 1e-8 beyond, for tails down to 1e-20.
 */
#ifndef BENCH_STATS_STUDENT_H
#define BENCH_STATS_STUDENT_H

/* P(T > t), without the loss of digits of 1 - P(T <= t). */
double stats_student_tail(double t, double df);
/* The t with P(T <= t) = p. Infinite at p = 0 and 1. */
double stats_student_quantile(double p, double df);

/* The standard normal distribution. */

/* P(Z <= z); relative error below 1e-14 down to the smallest numbers. */
double stats_normal_cdf(double z);
/* The z with P(Z <= z) = p; relative error below 1e-14. Infinite at p = 0 and 1. */
double stats_normal_quantile(double p);

#endif
