#include "bench/stats/rng.h"

#include <assert.h>
#include <math.h>

#define RNG_GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* 2^64 over the golden ratio, odd */

static uint64_t rng_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* FNV-1a; mixed, so that ids in the order of time are spread too. */
uint64_t bench_hash(uint64_t seed, const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;
	uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return rng_mix(hash);
}

void bench_rng_init(struct bench_rng *rng, uint64_t seed, uint64_t stream)
{
	/* Mixed in between, or seeds that lie RNG_GOLDEN apart would share their streams. */
	uint64_t state = rng_mix(seed + RNG_GOLDEN) + stream * RNG_GOLDEN;

	state = rng_mix(state);
	for (int i = 0; i < 4; i++)
		rng->state[i] = rng_mix(state += RNG_GOLDEN);
}

static uint64_t rng_rotate(uint64_t x, int by)
{
	return (x << by) | (x >> (64 - by));
}

uint64_t bench_rng_next(struct bench_rng *rng)
{
	uint64_t *s = rng->state, result = rng_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rng_rotate(s[3], 45);
	return result;
}

uint64_t bench_rng_below(struct bench_rng *rng, uint64_t below)
{
	__extension__ unsigned __int128 product;
	uint64_t least;

	assert(below > 0);
	/* The first 2^64 mod below results of each cell would come once too often. */
	least = (0 - below) % below;
	do {
		product = bench_rng_next(rng);
		product *= below;
	} while ((uint64_t)product < least);
	return (uint64_t)(product >> 64);
}

int64_t bench_rng_between(struct bench_rng *rng, int64_t low, int64_t high)
{
	uint64_t span = (uint64_t)high - (uint64_t)low + 1;
	uint64_t offset = span == 0 ? bench_rng_next(rng) : bench_rng_below(rng, span);

	assert(low <= high);
	return (int64_t)((uint64_t)low + offset);
}

double bench_rng_unit(struct bench_rng *rng)
{
	return (double)(bench_rng_next(rng) >> 11) * 0x1p-53;
}

double bench_rng_exponential(struct bench_rng *rng, double mean)
{
	return -mean * log1p(-bench_rng_unit(rng));
}

static void rng_swap(unsigned char *a, unsigned char *b, size_t size)
{
	unsigned char byte;

	for (; size > 0; size--, a++, b++) {
		byte = *a;
		*a = *b;
		*b = byte;
	}
}

void bench_rng_shuffle(struct bench_rng *rng, void *elements, size_t count, size_t size)
{
	unsigned char *bytes = elements;

	for (size_t i = count; i > 1; i--)
		rng_swap(bytes + (i - 1) * size, bytes + bench_rng_below(rng, i) * size, size);
}

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
