/*
 * The generator beside its published output, and what is drawn from it beside its distribution.
 * Seeds are fixed, so a test passes always or never; limits are those that one seed in a thousand
 * would break: R's qchisq(0.999, df), and for Kolmogorov's D sqrt(n) 1.95.
 */
#include "bench/stats/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DRAWS 100000

/* The quantile by Wilson and Hilferty (1931); 0.1 % beside qchisq(0.999, 99) = 148.23036. */
static double chi_square_limit(size_t df)
{
	double a = 2 / (9 * (double)df);

	return (double)df * pow(1 - a + 3.090232 * sqrt(a), 3);
}

static void check_cells(const double *seen, const double *expected, size_t cells)
{
	double chi_square = 0;
	size_t i;

	for (i = 0; i < cells; i++) {
		assert_true(expected[i] >= 5);
		chi_square += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
	}
	if (chi_square > chi_square_limit(cells - 1))
		fail_msg("chi-square %g with %zu cells", chi_square, cells);
}

static void the_sequence_is_that_of_the_publication(void **state)
{
	/* https://prng.di.unimi.it/xoshiro256starstar.c from this state; the same numbers are in
	 * the tests of the Rust crate rand_xoshiro. */
	static const uint64_t published[] = {
		11520,
		0,
		1509978240,
		1215971899390074240,
		1216172134540287360,
		607988272756665600,
		UINT64_C(16172922978634559625),
		8476171486693032832,
		UINT64_C(10595114339597558777),
		2904607092377533576,
	};
	struct bench_rng rng = {{1, 2, 3, 4}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		assert_true(bench_rng_next(&rng) == published[i]);
}

static void a_seed_repeats_and_streams_differ(void **state)
{
	struct bench_rng a, b;
	uint64_t first[64];
	size_t i, j;

	(void)state;
	bench_rng_init(&a, 42, 7);
	bench_rng_init(&b, 42, 7);
	for (i = 0; i < 1000; i++)
		assert_true(bench_rng_next(&a) == bench_rng_next(&b));
	/* Seeds also at the distance at which streams lie within a seed. */
	for (i = 0; i < 64; i++) {
		bench_rng_init(&a, i / 16 + (i / 8 % 2) * UINT64_C(0x9e3779b97f4a7c15), i % 8);
		first[i] = bench_rng_next(&a);
		for (j = 0; j < i; j++)
			assert_true(first[i] != first[j]);
	}
}

static void below_is_even_over_its_range(void **state)
{
	static const uint64_t ranges[] = {1, 2, 3, 7, 100};
	struct bench_rng rng;
	size_t r, i;

	(void)state;
	bench_rng_init(&rng, 1, 0);
	for (r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
		double seen[100] = {0}, expected[100];

		for (i = 0; i < DRAWS; i++) {
			uint64_t x = bench_rng_below(&rng, ranges[r]);

			assert_true(x < ranges[r]);
			seen[x]++;
		}
		for (i = 0; i < ranges[r]; i++)
			expected[i] = (double)DRAWS / (double)ranges[r];
		if (ranges[r] > 1)
			check_cells(seen, expected, ranges[r]);
	}
}

/* Of 3/4 of 2^64, a remainder would give the first third twice as often, and a product without
 * rejection each third number. */
static void below_has_no_bias_over_a_great_range(void **state)
{
	const uint64_t range = UINT64_C(3) << 62;
	double thirds[3] = {0}, each[3] = {0},
	       expected[3] = {DRAWS / 3.0, DRAWS / 3.0, DRAWS / 3.0};
	struct bench_rng rng;
	uint64_t x;
	size_t i;

	(void)state;
	bench_rng_init(&rng, 2, 0);
	for (i = 0; i < DRAWS; i++) {
		x = bench_rng_below(&rng, range);
		thirds[x >> 62]++;
		each[x % 3]++;
	}
	check_cells(thirds, expected, 3);
	check_cells(each, expected, 3);
}

static void between_takes_both_ends(void **state)
{
	struct bench_rng rng;
	int low = 0, high = 0, i;
	int64_t x;

	(void)state;
	bench_rng_init(&rng, 3, 0);
	for (i = 0; i < 1000; i++) {
		x = bench_rng_between(&rng, -2, 2);
		assert_in_range(x + 2, 0, 4);
		low += x == -2;
		high += x == 2;
	}
	assert_true(low > 100 && high > 100);
	assert_int_equal(bench_rng_between(&rng, 5, 5), 5);
	for (i = 0, low = 0; i < 100; i++)
		low += bench_rng_between(&rng, INT64_MIN, INT64_MAX) < 0;
	assert_in_range(low, 30, 70);
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Sorts; each value holds what its distribution function gives, so it should be uniform. */
static void check_uniform(double *p, size_t count)
{
	double d = 0;
	size_t i;

	qsort(p, count, sizeof(*p), by_size);
	for (i = 0; i < count; i++) {
		d = fmax(d, fabs(p[i] - (double)i / (double)count));
		d = fmax(d, fabs(p[i] - (double)(i + 1) / (double)count));
	}
	if (d * sqrt((double)count) > 1.95)
		fail_msg("D sqrt(n) is %g", d * sqrt((double)count));
}

static void unit_and_exponential_follow_their_distribution(void **state)
{
	double *p = calloc(DRAWS, sizeof(*p));
	struct bench_rng rng;
	size_t i;

	(void)state;
	assert_non_null(p);
	bench_rng_init(&rng, 4, 0);
	for (i = 0; i < DRAWS; i++) {
		p[i] = bench_rng_unit(&rng);
		assert_true(p[i] >= 0 && p[i] < 1);
	}
	check_uniform(p, DRAWS);
	for (i = 0; i < DRAWS; i++)
		p[i] = 1 - exp(-bench_rng_exponential(&rng, 250) / 250);
	check_uniform(p, DRAWS);
	free(p);
}

/* Poisson: in a window of 5 mean gaps the number of arrivals has mean and variance 5. */
static void exponential_gaps_make_poisson_arrivals(void **state)
{
	double seen[12] = {0}, expected[12], p = exp(-5), rest = 1;
	struct bench_rng rng;
	size_t i, k;

	(void)state;
	bench_rng_init(&rng, 5, 0);
	for (i = 0; i < 20000; i++) {
		double at = bench_rng_exponential(&rng, 1);

		for (k = 0; at < 5; k++)
			at += bench_rng_exponential(&rng, 1);
		seen[k < 11 ? k : 11]++;
	}
	for (k = 0; k < 11; k++) {
		expected[k] = 20000 * p;
		rest -= p;
		p *= 5 / (double)(k + 1);
	}
	expected[11] = 20000 * rest;
	check_cells(seen, expected, 12);
}

static void every_order_is_as_likely(void **state)
{
	double seen[24] = {0}, expected[24];
	struct bench_rng rng;
	size_t i, j, k;

	(void)state;
	bench_rng_init(&rng, 6, 0);
	for (i = 0; i < DRAWS; i++) {
		/* Odd in size, so that a swap by words would be found out. */
		unsigned char cards[4][3] = {{0, 9, 9}, {1, 9, 9}, {2, 9, 9}, {3, 9, 9}};
		size_t order = 0, smaller;

		bench_rng_shuffle(&rng, cards, 4, 3);
		for (j = 0; j < 4; j++) {
			assert_int_equal(cards[j][2], 9);
			for (smaller = 0, k = j + 1; k < 4; k++)
				smaller += cards[k][0] < cards[j][0];
			order = order * (4 - j) + smaller;
		}
		seen[order]++;
	}
	for (i = 0; i < 24; i++)
		expected[i] = DRAWS / 24.0;
	check_cells(seen, expected, 24);
	bench_rng_shuffle(&rng, NULL, 0, 8);
}

/* Keys join until a cell is large enough for the test. */
static void check_zipf(uint64_t keys, double exponent)
{
	double seen[DRAWS / 50 + 1] = {0}, expected[DRAWS / 50 + 1] = {0}, *count, sum = 0,
				 left = DRAWS, cell_expected;
	struct bench_zipf zipf;
	struct bench_rng rng;
	size_t i, cells = 0;

	count = calloc(keys + 1, sizeof(*count));
	assert_non_null(count);
	bench_zipf_init(&zipf, keys, exponent);
	bench_rng_init(&rng, 7, keys);
	for (i = 0; i < DRAWS; i++) {
		uint64_t key = bench_zipf_draw(&zipf, &rng);

		assert_true(key >= 1 && key <= keys);
		count[key]++;
	}
	for (i = 1; i <= keys; i++)
		sum += pow((double)i, -exponent);
	for (i = 1; i <= keys; i++) {
		cell_expected = DRAWS * pow((double)i, -exponent) / sum;
		seen[cells] += count[i];
		expected[cells] += cell_expected;
		left -= cell_expected;
		if (expected[cells] >= 50 && left >= 50)
			cells++;
	}
	free(count);
	if (cells > 0)
		check_cells(seen, expected, cells + 1);
}

static void zipfian_keys_come_as_often_as_the_law_says(void **state)
{
	static const double exponents[] = {0, 0.5, 0.99, 1, 1.01, 2, 5};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
		check_zipf(1, exponents[i]);
		check_zipf(2, exponents[i]);
		check_zipf(1000, exponents[i]);
	}
	check_zipf(100000, 0.99);
}

/* 1 + 1/2 + ... + 1/n: Euler's. */
static double harmonic(double n)
{
	return log(n) + 0.57721566490153286 + 1 / (2 * n) - 1 / (12 * n * n);
}

static void ten_million_keys_need_no_table(void **state)
{
	/* The first ten, and each power of ten after it. */
	double seen[16] = {0}, expected[16], all = harmonic(1e7);
	struct bench_zipf zipf;
	struct bench_rng rng;
	size_t i;

	(void)state;
	bench_zipf_init(&zipf, 10000000, 1);
	bench_rng_init(&rng, 8, 0);
	for (i = 0; i < DRAWS; i++) {
		double key = (double)bench_zipf_draw(&zipf, &rng);

		seen[key <= 10 ? (size_t)key - 1 : 9 + (size_t)ceil(log10(key) - 1e-12) - 1]++;
	}
	for (i = 0; i < 16; i++)
		expected[i] = i < 10 ? DRAWS / (double)(i + 1) / all
				     : DRAWS *
					       (harmonic(pow(10, (double)i - 8)) -
						harmonic(pow(10, (double)i - 9))) /
					       all;
	check_cells(seen, expected, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sequence_is_that_of_the_publication),
		cmocka_unit_test(a_seed_repeats_and_streams_differ),
		cmocka_unit_test(below_is_even_over_its_range),
		cmocka_unit_test(below_has_no_bias_over_a_great_range),
		cmocka_unit_test(between_takes_both_ends),
		cmocka_unit_test(unit_and_exponential_follow_their_distribution),
		cmocka_unit_test(exponential_gaps_make_poisson_arrivals),
		cmocka_unit_test(every_order_is_as_likely),
		cmocka_unit_test(zipfian_keys_come_as_often_as_the_law_says),
		cmocka_unit_test(ten_million_keys_need_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
