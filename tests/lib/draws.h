/* Noise of several shapes for simulated experiments, all of mean 0. */
#ifndef TESTS_LIB_DRAWS_H
#define TESTS_LIB_DRAWS_H

#include <stddef.h>

struct bench_rng;

typedef double draws_fn(struct bench_rng *rng);

/* Standard normal (Marsaglia's polar method: nothing in common with the quantile under test). */
double draws_normal(struct bench_rng *rng);
/* Student's t with three degrees of freedom: heavy tails, variance 3. */
double draws_student3(struct bench_rng *rng);
/* Normal, but one in twenty five times as wide: a machine with hiccups. Variance 2.2. */
double draws_hiccups(struct bench_rng *rng);

/* values[i] = phi * values[i - 1] + shape(): a first-order autoregression in its steady state. The
 * mean's variance is that of shape() / ((1 - phi)^2 count), nearly. */
void draws_row(struct bench_rng *rng, draws_fn *shape, double phi, double *values, size_t count);

#endif
