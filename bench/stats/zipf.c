#include "bench/stats/zipf.h"
#include "bench/stats/rng.h"

#include <assert.h>
#include <math.h>

/* (e^x - 1) / x, also where x is almost 0. */
static double zipf_expm1_over(double x)
{
	return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

/* ln(1 + x) / x, likewise. */
static double zipf_log1p_over(double x)
{
	return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

/* The hat's height at x, x^-exponent. */
static double zipf_height(const struct bench_zipf *zipf, double x)
{
	return exp(-zipf->exponent * log(x));
}

/* Its area from 1 to x, (x^(1 - exponent) - 1) / (1 - exponent): ln x in the limit. */
static double zipf_area(const struct bench_zipf *zipf, double x)
{
	double log_x = log(x);

	return zipf_expm1_over((1 - zipf->exponent) * log_x) * log_x;
}

/* The x of an area. */
static double zipf_inverse(const struct bench_zipf *zipf, double area)
{
	double t = area * (1 - zipf->exponent);

	/* Rounding alone can take it below the least that has a logarithm. */
	return exp(zipf_log1p_over(t < -1 ? -1 : t) * area);
}

void bench_zipf_init(struct bench_zipf *zipf, uint64_t keys, double exponent)
{
	assert(keys >= 1 && keys <= BENCH_ZIPF_KEYS_MAX);
	assert(exponent >= 0 && exponent <= BENCH_ZIPF_EXPONENT_MAX);
	*zipf = (struct bench_zipf){.keys = keys, .exponent = exponent};
	/* Key 1's bar is moved into what lies left of 1.5, so that it is never rejected. */
	zipf->area_first = zipf_area(zipf, 1.5) - 1;
	zipf->area_last = zipf_area(zipf, (double)keys + 0.5);
	zipf->sure = 2 - zipf_inverse(zipf, zipf_area(zipf, 2.5) - zipf_height(zipf, 2));
}

uint64_t bench_zipf_draw(const struct bench_zipf *zipf, struct bench_rng *rng)
{
	double area, x, key;

	for (;;) {
		area = zipf->area_last + bench_rng_unit(rng) * (zipf->area_first - zipf->area_last);
		x = zipf_inverse(zipf, area);
		key = floor(x + 0.5);
		if (key < 1)
			key = 1;
		else if (key > (double)zipf->keys)
			key = (double)zipf->keys;
		if (key - x <= zipf->sure ||
		    area >= zipf_area(zipf, key + 0.5) - zipf_height(zipf, key))
			return (uint64_t)key;
	}
}
