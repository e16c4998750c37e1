/*
 * Distribution functions beside R 4.2.2, which computed every number here by the call named with
 * it; R's own last digits are off by up to 2e-13 where it says 0.49999999999999956 for 1/2.
 */
#include "bench/stats/student.h"
#include "bench/stats/describe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(double value, double expected, double relative)
{
	if (!(fabs(value - expected) <= relative * fabs(expected)))
		fail_msg("%.17g, not %.17g", value, expected);
}

static void normal_cdf_is_r_pnorm(void **state)
{
	static const double known[][2] = {
		{-10, 7.6198530241605269e-24},
		{-5, 2.8665157187919391e-07},
		{-1.959963984540054, 0.025000000000000012},
		{-0.5, 0.30853753872598694},
		{0, 0.5},
		{0.5, 0.69146246127401301},
		{1, 0.84134474606854293},
		{3, 0.9986501019683699},
		{6, 0.9999999990134123},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(known); i++)
		check(stats_normal_cdf(known[i][0]), known[i][1], 1e-14);
	check(stats_normal_cdf(INFINITY), 1, 0);
	check(stats_normal_cdf(-INFINITY), 0, 0);
}

static void normal_quantile_is_r_qnorm(void **state)
{
	static const double known[][2] = {
		{1e-300, -37.047096299361201}, {1e-20, -9.2623400897984052},
		{1e-6, -4.7534243088228987},   {0.001, -3.0902323061678132},
		{0.025, -1.9599639845400538},  {0.07, -1.4757910281791702},
		{0.3, -0.52440051270804067},   {0.5, 0},
		{0.6, 0.25334710313579978},    {0.9, 1.2815515655446008},
		{0.975, 1.9599639845400536},   {0.999999, 4.7534243088170891},
	};
	double p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(known); i++)
		check(stats_normal_quantile(known[i][0]), known[i][1], 1e-14);
	assert_true(stats_normal_quantile(0) == -INFINITY && stats_normal_quantile(1) == INFINITY);
	for (i = 1; i < 1000; i++) {
		p = (double)i / 1000;
		check(stats_normal_cdf(stats_normal_quantile(p)), p, 1e-13);
		p = pow(10, -(double)i / 4);
		check(stats_normal_cdf(stats_normal_quantile(p)), p, 1e-11);
	}
}

/* What is reached; the header promises 1e-8 for all above 1,000. */
static double tolerance(double df)
{
	if (df <= 1000)
		return 1e-11;
	return df < 5e6 ? 1e-10 : 1e-9;
}

static void student_tail_is_r_pt(void **state)
{
	/* t, df, pt(t, df, lower.tail = FALSE) */
	static const double known[][3] = {
		{0.01, 0.5, 0.49730337181805229},
		{0.5, 0.5, 0.37865903646471832},
		{1, 0.5, 0.30112161084132205},
		{5, 0.5, 0.14299570157942942},
		{40, 0.5, 0.05070489996474719},
		{0.01, 1, 0.49681700723509176},
		{1, 1, 0.25},
		{2, 1, 0.14758361765043321},
		{40, 1, 0.007956089912025812},
		{0.01, 2.5, 0.49638199717895415},
		{0.5, 2.5, 0.32884895993485741},
		{1, 2.5, 0.20203051363913677},
		{5, 2.5, 0.011725594985430922},
		{40, 2.5, 7.0978171452466926e-05},
		{0.5, 9, 0.31453564991301319},
		{1, 9, 0.17171819806895677},
		{2, 9, 0.03827641188535047},
		{5, 9, 0.00036948395490162119},
		{40, 9, 9.4914992246699174e-12},
		{1, 30.7, 0.16256388096020991},
		{2, 30.7, 0.027207252973959005},
		{5, 30.7, 1.0999784730555094e-05},
		{40, 30.7, 2.373064443025384e-28},
		{0.01, 1000, 0.49601164096609363},
		{2, 1000, 0.022885173246625829},
		{5, 1000, 3.3836281823243068e-07},
		{40, 1000, 5.2394260775864375e-210},
		{1, 1e7, 0.15865526602999316},
		{2, 1e7, 0.022750145445921473},
		{5, 1e7, 2.8665640375042717e-07},
		{2, 1e6, 0.022750266925659592},
		{1, 1.9e6, 0.15865531760795515},
		{5, 1e5, 2.8713508393208238e-07},
		{3, 3e5, 0.0013500088302594395},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(known); i++) {
		check(stats_student_tail(known[i][0], known[i][1]), known[i][2],
		      tolerance(known[i][1]));
		check(stats_student_tail(known[i][0], known[i][1]), known[i][2],
		      tolerance(known[i][1]));
		check(stats_student_tail(-known[i][0], known[i][1]), 1 - known[i][2], 1e-12);
	}
	check(stats_student_tail(0, 3.3), 0.5, 1e-14);
	check(stats_student_tail(2, INFINITY), stats_normal_cdf(-2), 0);
	check(stats_student_tail(INFINITY, 3), 0, 0);
	/* Where the normal takes over there is no step. */
	check(stats_student_tail(3, 1.9999999e6), stats_student_tail(3, 2.0000001e6), 1e-9);
}

static void student_quantile_is_r_qt(void **state)
{
	static const double known[][3] = {
		{1e-6, 0.5, -102849115631.63504},  {0.005, 0.5, -4113.9645888042269},
		{0.2, 0.5, -2.512717953665927},	   {0.6, 0.5, 0.39797542678478237},
		{0.975, 0.5, 164.55767348049446},  {0.9995, 0.5, 411396.46252640733},
		{1e-6, 1, -318309.88618274347},	   {0.005, 1, -63.656741162871583},
		{0.6, 1, 0.32491969623290634},	   {0.975, 1, 12.706204736174694},
		{1e-6, 2, -707.10572052593386},	   {0.2, 2, -1.060660171779821},
		{0.975, 2, 4.3026527297494619},	   {1e-6, 3.7, -51.640050274442707},
		{0.2, 3.7, -0.94987782429608447},  {0.6, 3.7, 0.27216446429206936},
		{0.975, 3.7, 2.8675207071911917},  {0.9995, 3.7, 9.4742401371246636},
		{1e-6, 9, -10.7201604099095},	   {0.005, 9, -3.2498355415921263},
		{0.6, 9, 0.26095533647391095},	   {0.975, 9, 2.2621571627982049},
		{0.9995, 9, 4.7809125859312189},   {0.005, 38.2, -2.7108127260645376},
		{0.975, 38.2, 2.0240461570444688}, {0.9995, 38.2, 3.5641325511395054},
		{0.005, 1e6, -2.5758342201053335}, {0.975, 1e6, 1.9599663568141066},
	};
	double p, df;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(known); i++)
		check(stats_student_quantile(known[i][0], known[i][1]), known[i][2], 1e-10);
	assert_true(stats_student_quantile(0.5, 4) == 0);
	assert_true(stats_student_quantile(0, 4) == -INFINITY);
	assert_true(stats_student_quantile(1, 4) == INFINITY);
	for (i = 0; i < 400; i++) {
		df = 0.3 * pow(3.1, (double)(i / 20));
		p = 0.001 + 0.05 * (double)(i % 20);
		check(stats_student_tail(-stats_student_quantile(p, df), df), p, 1e-9);
	}
}

static void student_tail_is_half_of_r_pbeta(void **state)
{
	/* x, a, pbeta(x, a, 0.5): with df = 2 a and x = df / (df + t^2) it is P(|T| > t). */
	static const double known[][3] = {
		{0.01, 0.5, 0.06376856085851984},
		{0.3, 0.5, 0.36901011956554525},
		{0.5, 0.5, 0.5},
		{0.9, 0.5, 0.79516723530086664},
		{0.01, 2, 3.76257078469455e-05},
		{0.9, 2, 0.54146973927558495},
		{0.01, 30, 1.0307815466209284e-61},
		{0.9, 30, 0.012282448499852763},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		double df = 2 * known[i][1], t = sqrt(df * (1 - known[i][0]) / known[i][0]);

		check(2 * stats_student_tail(t, df), known[i][2], 1e-11);
	}
}

static void wilson_is_r_prop_test(void **state)
{
	/* events, trials, prop.test(events, trials, correct = FALSE)$conf.int */
	static const struct {
		uint64_t events;
		uint64_t trials;
		double low;
		double high;
	} known[] = {
		{0, 10, 0, 0.27753279986288915},
		{1, 10, 0.017876213095072892, 0.40415002679523837},
		{5, 10, 0.23659309051256402, 0.76340690948743595},
		{10, 10, 0.72246720013711085, 1},
		/* Newcombe 1998, Statistics in Medicine 17(8), table I, method 3, prints these four
		 * as .2553 .3662, .0624 .1605, .0000 .1611, .0061 .1718. */
		{81, 263, 0.25528851987827428, 0.36620957698280016},
		{15, 148, 0.062386399530736283, 0.160487241723308},
		{0, 20, 0, 0.1611251580528193},
		{1, 29, 0.006113214292762661, 0.17175521879320282},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(known); i++) {
		struct stats_proportion p = stats_wilson(known[i].events, known[i].trials, 0.95);

		check(p.low, known[i].low, 1e-12);
		check(p.high, known[i].high, 1e-12);
		check(p.seen, (double)known[i].events / (double)known[i].trials, 1e-15);
	}
}

/* The exact chance that Wilson's interval holds p, over all outcomes of n trials. */
static double wilson_coverage(uint64_t n, double p)
{
	double sum = 0;
	uint64_t k;

	for (k = 0; k <= n; k++) {
		struct stats_proportion interval = stats_wilson(k, n, 0.95);

		if (interval.low <= p && p <= interval.high)
			sum += exp(lgamma((double)n + 1) - lgamma((double)k + 1) -
				   lgamma((double)(n - k) + 1) + (double)k * log(p) +
				   (double)(n - k) * log1p(-p));
	}
	return sum;
}

static void wilson_covers_as_promised_also_near_the_ends(void **state)
{
	double coverage, sum = 0, least = 1;
	int points;

	(void)state;
	for (points = 0; points < 199; points++) {
		coverage = wilson_coverage(150, (points + 1) / 200.0);
		sum += coverage;
		least = fmin(least, coverage);
	}
	/* It oscillates, as every interval of a count must. */
	assert_true(sum / points > 0.945 && sum / points < 0.96);
	assert_true(least > 0.85);
}

static void nothing_seen_still_bounds_the_rate(void **state)
{
	(void)state;
	/* 1 - 0.05^(1 / n) */
	check(stats_zero_events(1, 0.95), 0.95, 1e-14);
	check(stats_zero_events(20, 0.95), 0.13910834066826516, 1e-14);
	check(stats_zero_events(150, 0.95), 0.019773438164508494, 1e-13);
	check(stats_zero_events(3000, 0.95), 0.00099807901199655547, 1e-12);
	/* At that rate, nothing is seen one time in twenty: pbinom(0, 59, ...) = 0.05. */
	check(pow(1 - stats_zero_events(59, 0.95), 59), 0.05, 1e-13);
	assert_true(stats_zero_events(UINT64_C(1) << 60, 0.95) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_cdf_is_r_pnorm),
		cmocka_unit_test(normal_quantile_is_r_qnorm),
		cmocka_unit_test(student_tail_is_r_pt),
		cmocka_unit_test(student_quantile_is_r_qt),
		cmocka_unit_test(student_tail_is_half_of_r_pbeta),
		cmocka_unit_test(wilson_is_r_prop_test),
		cmocka_unit_test(wilson_covers_as_promised_also_near_the_ends),
		cmocka_unit_test(nothing_seen_still_bounds_the_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
