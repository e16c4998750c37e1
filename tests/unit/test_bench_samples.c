/*
 * What samples say of themselves, and of two sides, beside R 4.2.2 (the call stands with each
 * number) and beside the plain way of counting. The data named so are in R's datasets.
 */
#include "bench/stats/rng.h"
#include "bench/stats/blocks.h"
#include "bench/stats/describe.h"
#include "bench/stats/ranks.h"
#include "tests/lib/welch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* sleep: Cushny and Peebles' hours of sleep gained by ten patients, from "Student" 1908. */
static const double sleep_1[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double sleep_2[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
/* ToothGrowth: lengths for supplement OJ and VC, with many ties. */
static const double tooth_vc[] = {4.2,	11.5, 7.3,  5.8,  6.4,	10.0, 11.2, 11.2, 5.2,	7.0,
				  16.5, 16.5, 15.2, 17.3, 22.5, 17.3, 13.6, 14.5, 18.8, 15.5,
				  23.6, 18.5, 33.9, 25.5, 26.4, 32.5, 26.7, 21.5, 23.3, 29.5};
static const double tooth_oj[] = {15.2, 21.5, 17.6, 9.7,  14.5, 10.0, 8.2,  9.4,  16.5, 9.7,
				  19.7, 23.3, 23.6, 26.4, 20.0, 25.2, 25.8, 21.2, 14.5, 27.3,
				  25.5, 26.4, 22.4, 24.5, 24.8, 30.9, 26.4, 27.3, 29.4, 23.0};
/* Two loads' times of answer, made up, without ties. */
static const double load_a[] = {12.1, 14.8, 11.2, 13.3, 15.9, 12.7,
				10.4, 16.2, 13.9, 12.2, 14.1, 11.8};
static const double load_b[] = {13.4, 17.1, 14.9, 15.3, 18.2, 12.9, 13.7, 16.6, 15.5, 14.4, 19.3};

static void check(double value, double expected, double relative)
{
	if (!(fabs(value - expected) <= relative * fabs(expected)))
		fail_msg("%.17g, not %.17g", value, expected);
}

static void moments_and_quantiles_are_r_s(void **state)
{
	double x[] = {7, 1, 9.5, 3, 3, 12, -2};
	/* quantile(x, p) */
	static const double known[][2] = {{0, -2},     {0.1, -0.2},   {0.25, 2}, {0.5, 3},
					  {0.9, 10.5}, {0.99, 11.85}, {1, 12}};
	double one = 5;
	size_t i;

	(void)state;
	check(stats_mean(x, 7), 4.7857142857142856, 1e-15);
	check(stats_variance(x, 7), 24.321428571428573, 1e-15);
	check(stats_median(x, 7), 3, 0);
	assert_true(x[0] == 7);
	/* acf(x)$acf[2] */
	check(stats_lag1(x, 7), -0.63932592126424725, 1e-14);
	stats_sort(x, 7);
	for (i = 0; i < COUNT(known); i++)
		check(stats_quantile(x, 7, known[i][0]), known[i][1], 1e-13);
	check(stats_quantile(&one, 1, 0.3), 5, 0);
	assert_true(stats_variance(&one, 1) == 0 && stats_lag1(&one, 1) == 0);
}

static void a_great_mean_costs_no_digits(void **state)
{
	double x[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};

	(void)state;
	check(stats_variance(x, 4), 30, 1e-12);
	check(stats_mean(x, 4), 1e9 + 10, 0);
}

static void paired_blocks_are_students_test(void **state)
{
	/* Neighbours alternate, so that nothing is added for waves. */
	static const double d[] = {0.021, -0.013, 0.008, 0.031,	 -0.004,
				   0.017, 0.002,  0.012, -0.009, 0.026};
	/* Hollander and Wolfe 1973, table 3.1: nine patients' depression scores; fewer than ten
	 * blocks are taken as independent. Here only for Student's test of it. */
	static const double score[] = {-0.952, 0.147, -1.022, -0.43, -0.62,
				       -0.59,  -0.49, 0.08,   -0.01};
	struct stats_paired paired;

	(void)state;
	assert_int_equal(stats_paired(&paired, d, COUNT(d), 0.95), 0);
	/* t.test(d)$p.value; acf(d)$acf[2] */
	check(paired.p, 0.086736747440581824, 1e-12);
	check(paired.blocks.lag1, -0.53954583767167441, 1e-13);
	check(paired.blocks.effective, 10, 1e-13);
	check(paired.effect, expm1(0.0091), 1e-13);
	check(log1p(paired.high) - paired.blocks.mean, paired.half_width, 1e-12);
	check(paired.blocks.mean - log1p(paired.low), paired.half_width, 1e-12);
	check(paired.half_width, 2.2621571627982049 * sqrt(stats_variance(d, 10) / 10), 1e-12);
	assert_int_equal(stats_paired(&paired, score, COUNT(score), 0.95), 0);
	check(paired.blocks.df, 8, 0);
	check(paired.blocks.error, sqrt(stats_variance(score, 9)) / 3, 1e-13);
}

static void blocks_without_spread_leave_no_doubt(void **state)
{
	double d[40] = {0};
	struct stats_paired paired;
	size_t i;

	(void)state;
	assert_int_equal(stats_paired(&paired, d, 40, 0.95), 0);
	assert_true(paired.p == 1 && paired.low == 0 && paired.high == 0);
	for (i = 0; i < 40; i++)
		d[i] = 0.01;
	assert_int_equal(stats_paired(&paired, d, 40, 0.95), 0);
	assert_true(paired.p == 0 && paired.low == paired.high);
	check(paired.effect, expm1(0.01), 1e-12);
	/* Alternating, all batches of four have the same mean: the blocks do not count for ever. */
	for (i = 0; i < 40; i++)
		d[i] = i % 2 == 0 ? 0.01 : -0.01;
	assert_int_equal(stats_paired(&paired, d, 40, 0.95), 0);
	check(paired.blocks.effective, 400, 1e-9);
}

static void too_few_blocks_or_no_number_are_refused(void **state)
{
	double d[] = {0.1, 0.2, NAN, INFINITY};
	struct stats_paired paired;

	(void)state;
	assert_int_equal(stats_paired(&paired, d, 0, 0.95), -1);
	assert_int_equal(stats_paired(&paired, d, 1, 0.95), -1);
	assert_int_equal(stats_paired(&paired, d, 2, 0.95), 0);
	assert_int_equal(stats_paired(&paired, d, 3, 0.95), -1);
	assert_int_equal(stats_paired(&paired, d + 3, 1, 0.95), -1);
}

static void batches_are_at_least_ten(void **state)
{
	size_t n;

	(void)state;
	for (n = 2; n < 2000; n++) {
		double batches = stats_blocks_df(n) + 1;

		assert_true(batches >= (n < 10 ? (double)n : 10) && batches < 20);
	}
	assert_true(stats_blocks_df(40) == 9);
}

static void signed_ranks_are_r_wilcox_test(void **state)
{
	static const double score[] = {-0.952, 0.147, -1.022, -0.43, -0.62,
				       -0.59,  -0.49, 0.08,   -0.01};
	static const double ties[] = {1, 2, -2, 3, 4, -5, 5, 5, 6, 7, -8, 9};
	double row[60];
	struct stats_wilcoxon test;
	size_t i;

	(void)state;
	/* wilcox.test(score): V = 5, p = 0.0390625; so Hollander and Wolfe's book. */
	assert_int_equal(stats_wilcoxon(&test, score, COUNT(score)), 0);
	assert_true(test.exact && test.above == 5 && test.below == 40);
	check(test.p, 0.0390625, 1e-14);
	/* wilcox.test(1:5) */
	for (i = 0; i < 60; i++)
		row[i] = (double)i + 1;
	assert_int_equal(stats_wilcoxon(&test, row, 5), 0);
	check(test.p, 0.0625, 1e-14);
	/* wilcox.test((1:50) * (-1)^(1:50) * c(1, 1, 1, -1, 1), exact = TRUE) */
	for (i = 0; i < 50; i++)
		row[i] *= (i % 2 == 0 ? -1 : 1) * (i % 5 == 3 ? -1 : 1);
	assert_int_equal(stats_wilcoxon(&test, row, 50), 0);
	assert_true(test.exact && test.above == 675);
	check(test.p, 0.72325867707689173, 1e-12);
	/* wilcox.test(ties) */
	assert_int_equal(stats_wilcoxon(&test, ties, COUNT(ties)), 0);
	assert_true(!test.exact && test.above == 57.5);
	check(test.p, 0.15713902666377172, 1e-12);
	/* wilcox.test((1:60) - 20.5, exact = FALSE) */
	for (i = 0; i < 60; i++)
		row[i] = (double)i + 1 - 20.5;
	assert_int_equal(stats_wilcoxon(&test, row, 60), 0);
	assert_true(test.above == 1420);
	check(test.p, 0.00020386339085503655, 1e-11);
}

static void zeros_are_ranked_as_pratt_does(void **state)
{
	/* scipy.stats.wilcoxon(x, zero_method="pratt", correction=True, mode="approx"), 1.10.1 */
	static const double few[] = {0, 0, 1, 2, -2, 3, 4, -5, 5, 5, 6, 7, -8, 9};
	static const double one[] = {0, 1.5, 2.5, -0.5, 3.5, 4.5, 5.5, -6.5, 7.5, 8.5, 9.5};
	static const double many[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, -1, 2, 3, 4, 5, 6, 7};
	static const double none[5] = {0};
	struct stats_wilcoxon test;

	(void)state;
	assert_int_equal(stats_wilcoxon(&test, few, COUNT(few)), 0);
	assert_true(test.zeros == 2 && test.below == 26.5);
	check(test.p, 0.13047459965338087, 1e-12);
	assert_int_equal(stats_wilcoxon(&test, one, COUNT(one)), 0);
	assert_true(!test.exact && test.below == 10);
	check(test.p, 0.05023302822033748, 1e-12);
	assert_int_equal(stats_wilcoxon(&test, many, COUNT(many)), 0);
	check(test.p, 0.026008131997903805, 1e-12);
	assert_int_equal(stats_wilcoxon(&test, none, COUNT(none)), 0);
	assert_true(test.p == 1 && test.zeros == 5);
	assert_int_equal(stats_wilcoxon(&test, none, 0), -1);
}

/* All 2^10 signs, one after another. */
static void the_exact_p_is_what_counting_all_signs_gives(void **state)
{
	double values[10];
	struct stats_wilcoxon test;
	int signs, other, i, sum, extreme, seen;

	(void)state;
	for (signs = 0; signs < 1024; signs += 37) {
		for (i = 0, seen = 0; i < 10; i++) {
			values[i] = ((signs >> i) & 1) != 0 ? i + 1 : -(i + 1);
			seen += ((signs >> i) & 1) != 0 ? i + 1 : 0;
		}
		for (other = 0, extreme = 0; other < 1024; other++) {
			for (i = 0, sum = 0; i < 10; i++)
				sum += ((other >> i) & 1) != 0 ? i + 1 : 0;
			extreme += abs(2 * sum - 55) >= abs(2 * seen - 55);
		}
		assert_int_equal(stats_wilcoxon(&test, values, 10), 0);
		check(test.p, extreme / 1024.0, 1e-13);
	}
}

static void unpaired_means_are_r_t_test(void **state)
{
	static const double a[] = {1, 2, 4, 8}, b[] = {3, 3.5, 9, 12, 20}, same[] = {2, 2};
	struct stats_welch test;

	(void)state;
	/* t.test(sleep_2, sleep_1, conf.level = 0.9) */
	welch_of(&test, sleep_1, 10, sleep_2, 10, 0.9);
	check(test.difference, 1.58, 1e-13);
	check(test.p, 0.079394140187358173, 1e-12);
	check(test.low, 0.10661850266839384, 1e-11);
	check(test.high, 3.0533814973316065, 1e-12);
	check(test.t, 1.8608134674868531, 1e-13);
	check(test.df, 17.776473516178498, 1e-13);
	check(test.error, 0.84909101723876201, 1e-13);
	/* t.test(a, b), whose difference has the other sign */
	welch_of(&test, a, 4, b, 5, 0.95);
	check(test.t, 1.6498869445128959, 1e-13);
	check(test.df, 5.7448293735527614, 1e-13);
	check(test.p, 0.15225328823793488, 1e-12);
	check(test.low, -2.8703653744622666, 1e-12);
	check(test.high, 14.370365374462267, 1e-12);
	welch_of(&test, same, 2, same, 2, 0.95);
	assert_true(test.p == 1 && test.low == 0 && test.high == 0);
}

static void rank_sums_are_r_wilcox_test(void **state)
{
	/* Hollander and Wolfe 1973, table 4.1: permeability of the chorioamnion. */
	static const double term[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
	static const double early[] = {1.15, 0.88, 0.90, 0.74, 1.21};
	static const double a[] = {1, 2, 2, 3, 3, 3, 4, 5, 5, 6};
	static const double b[] = {3, 3, 4, 5, 6, 6, 7, 8, 8};
	static const double same[] = {1, 1, 1};
	struct stats_mann_whitney test;

	(void)state;
	/* wilcox.test(term, early, exact = FALSE) */
	assert_int_equal(stats_mann_whitney(&test, early, 5, term, 10), 0);
	assert_true(test.u == 35);
	check(test.p, 0.24462360512698336, 1e-12);
	/* wilcox.test(b, a, exact = FALSE) */
	assert_int_equal(stats_mann_whitney(&test, a, 10, b, 9), 0);
	assert_true(test.u == 72.5);
	check(test.p, 0.025408139977948354, 1e-12);
	/* wilcox.test(tooth_vc, tooth_oj, exact = FALSE) */
	assert_int_equal(stats_mann_whitney(&test, tooth_oj, 30, tooth_vc, 30), 0);
	assert_true(test.u == 324.5);
	check(test.p, 0.064490672133835691, 1e-12);
	assert_int_equal(stats_mann_whitney(&test, same, 3, same, 3), 0);
	assert_true(test.p == 1);
	assert_int_equal(stats_mann_whitney(&test, same, 0, same, 3), -1);
}

static void the_shift_is_r_wilcox_test_conf_int(void **state)
{
	double a[COUNT(load_a)], b[COUNT(load_b)];
	struct stats_hodges_lehmann shift;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(a); i++)
		a[i] = log(load_a[i]);
	for (i = 0; i < COUNT(b); i++)
		b[i] = log(load_b[i]);
	/* wilcox.test(log(load_b), log(load_a), conf.int = TRUE), exact as there are no ties */
	assert_int_equal(stats_hodges_lehmann(&shift, a, COUNT(a), b, COUNT(b), 0.95), 0);
	check(shift.shift, 0.16451007641055959, 1e-12);
	check(shift.low, 0.043083586136311691, 1e-11);
	check(shift.high, 0.2854474346503646, 1e-12);
	/* conf.level = 0.9 */
	assert_int_equal(stats_hodges_lehmann(&shift, a, COUNT(a), b, COUNT(b), 0.9), 0);
	check(shift.low, 0.055791359628415638, 1e-11);
	check(shift.high, 0.26547791514077046, 1e-12);
	/* With ties: the 317th and 584th of sort(outer(tooth_vc, tooth_oj, "-")), and its median;
	 * wilcox.test's root search prints -4.0000127, -8.5000259, 0.1000293. */
	assert_int_equal(stats_hodges_lehmann(&shift, tooth_oj, 30, tooth_vc, 30, 0.95), 0);
	check(shift.shift, -4, 1e-12);
	check(shift.low, -8.5, 1e-12);
	check(shift.high, 0.1, 1e-12);
}

static void the_shift_is_the_median_of_all_differences(void **state)
{
	double a[30], b[30], all[900];
	struct stats_hodges_lehmann shift;
	struct bench_rng rng;
	size_t n, m, i, j, round;

	(void)state;
	bench_rng_init(&rng, 1, 0);
	for (round = 0; round < 500; round++) {
		n = 1 + bench_rng_below(&rng, 30);
		m = 1 + bench_rng_below(&rng, 30);
		/* Every other round with ties, and with differences of 0 and of both signs. */
		for (i = 0; i < n; i++)
			a[i] = round % 2 == 0 ? bench_rng_unit(&rng)
					      : (double)bench_rng_below(&rng, 8) - 4;
		for (j = 0; j < m; j++)
			b[j] = round % 2 == 0 ? bench_rng_unit(&rng) - 0.3
					      : (double)bench_rng_below(&rng, 8) - 4;
		for (i = 0; i < n; i++)
			for (j = 0; j < m; j++)
				all[i * m + j] = b[j] - a[i];
		assert_int_equal(stats_hodges_lehmann(&shift, a, n, b, m, 0.95), 0);
		check(shift.shift, stats_median(all, n * m), 1e-13);
		assert_true(shift.low <= shift.shift && shift.shift <= shift.high);
	}
	assert_int_equal(stats_hodges_lehmann(&shift, a, 0, b, 1, 0.95), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_and_quantiles_are_r_s),
		cmocka_unit_test(a_great_mean_costs_no_digits),
		cmocka_unit_test(paired_blocks_are_students_test),
		cmocka_unit_test(blocks_without_spread_leave_no_doubt),
		cmocka_unit_test(too_few_blocks_or_no_number_are_refused),
		cmocka_unit_test(batches_are_at_least_ten),
		cmocka_unit_test(signed_ranks_are_r_wilcox_test),
		cmocka_unit_test(zeros_are_ranked_as_pratt_does),
		cmocka_unit_test(the_exact_p_is_what_counting_all_signs_gives),
		cmocka_unit_test(unpaired_means_are_r_t_test),
		cmocka_unit_test(rank_sums_are_r_wilcox_test),
		cmocka_unit_test(the_shift_is_r_wilcox_test_conf_int),
		cmocka_unit_test(the_shift_is_the_median_of_all_differences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
