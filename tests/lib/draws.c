#include "tests/lib/draws.h"
#include "bench/stats/rng.h"

#include <math.h>

/* Steps after which nothing is left of where the row began. */
#define DRAWS_SETTLE 50

double draws_normal(struct bench_rng *rng)
{
	double x, y, square;

	do {
		x = 2 * bench_rng_unit(rng) - 1;
		y = 2 * bench_rng_unit(rng) - 1;
		square = x * x + y * y;
	} while (square >= 1 || square == 0);
	return x * sqrt(-2 * log(square) / square);
}

double draws_student3(struct bench_rng *rng)
{
	double square = 0, x;
	int i;

	for (i = 0; i < 3; i++) {
		x = draws_normal(rng);
		square += x * x;
	}
	return draws_normal(rng) / sqrt(square / 3);
}

double draws_hiccups(struct bench_rng *rng)
{
	return draws_normal(rng) * (bench_rng_below(rng, 20) == 0 ? 5 : 1);
}

void draws_row(struct bench_rng *rng, draws_fn *shape, double phi, double *values, size_t count)
{
	double value = 0;
	size_t i;

	for (i = 0; phi != 0 && i < DRAWS_SETTLE; i++)
		value = phi * value + shape(rng);
	for (i = 0; i < count; i++)
		values[i] = value = phi * value + shape(rng);
}
