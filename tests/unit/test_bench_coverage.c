/*
 * Do 95 % intervals hold the truth 95 times in a hundred, and do tests cry wolf five times? 2,000
 * experiments each, whose truth is known, with fixed seeds; 93 to 97 % are four standard deviations
 * of such a count.
 */
#include "bench/stats/rng.h"
#include "bench/stats/ranks.h"
#include "bench/stats/blocks.h"
#include "tests/lib/welch.h"
#include "tests/lib/draws.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EXPERIMENTS 2000
#define BLOCKS_MAX  200

static void check_share(const char *what, int hits, double low, double high)
{
	double share = (double)hits / EXPERIMENTS;

	print_message("%s: %.1f %%\n", what, 100 * share);
	if (share < low || share > high)
		fail_msg("%s: %.4f is not within %g to %g", what, share, low, high);
}

static const struct {
	const char *name;
	draws_fn *shape;
	double phi;
	size_t blocks;
} noises[] = {
	{"independent, 40 blocks", draws_normal, 0, 40},
	{"independent, 10 blocks", draws_normal, 0, 10},
	{"independent, 5 blocks", draws_normal, 0, 5},
	{"independent, 115 blocks", draws_normal, 0, 115},
	{"autoregression 0.3, 40 blocks", draws_normal, 0.3, 40},
	{"autoregression 0.5, 40 blocks", draws_normal, 0.5, 40},
	{"autoregression 0.7, 200 blocks", draws_normal, 0.7, 200},
	{"neighbours alternate, -0.3, 40 blocks", draws_normal, -0.3, 40},
	{"heavy tails, 40 blocks", draws_student3, 0, 40},
	{"heavy tails, autoregression 0.3, 40 blocks", draws_student3, 0.3, 40},
	{"hiccups, 40 blocks", draws_hiccups, 0, 40},
};

static void intervals_of_paired_blocks_cover_the_true_effect(void **state)
{
	const double truth = 0.03;
	struct stats_paired paired;
	struct bench_rng rng;
	double d[BLOCKS_MAX];
	size_t noise, i;
	int covered, e;

	(void)state;
	for (noise = 0; noise < sizeof(noises) / sizeof(noises[0]); noise++) {
		bench_rng_init(&rng, 1, noise);
		for (e = 0, covered = 0; e < EXPERIMENTS; e++) {
			draws_row(&rng, noises[noise].shape, noises[noise].phi, d,
				  noises[noise].blocks);
			for (i = 0; i < noises[noise].blocks; i++)
				d[i] = log1p(truth) + 0.05 * d[i];
			assert_int_equal(stats_paired(&paired, d, noises[noise].blocks, 0.95), 0);
			covered += paired.low <= truth && truth <= paired.high;
		}
		/* In a short row they are too wide rather than too narrow. */
		check_share(noises[noise].name, covered, 0.93,
			    noises[noise].blocks < 20 ? 0.995 : 0.97);
	}
}

/* What the mean of the estimated variances is of the true variance of the mean. */
static void the_effective_number_of_blocks_is_what_the_waves_leave(void **state)
{
	static const double phis[] = {0, 0.3, 0.5};
	struct stats_blocks blocks;
	struct bench_rng rng;
	double d[100];
	size_t k;
	int e;

	(void)state;
	for (k = 0; k < sizeof(phis) / sizeof(phis[0]); k++) {
		double phi = phis[k], estimated = 0, mean = 0, square = 0, share;

		bench_rng_init(&rng, 2, k);
		for (e = 0; e < EXPERIMENTS; e++) {
			draws_row(&rng, draws_normal, phi, d, 100);
			assert_int_equal(stats_blocks(&blocks, d, 100), 0);
			estimated += blocks.error * blocks.error / EXPERIMENTS;
			mean += blocks.mean / EXPERIMENTS;
			square += blocks.mean * blocks.mean / EXPERIMENTS;
			assert_true(fabs(blocks.error - blocks.stddev / sqrt(blocks.effective)) <=
				    1e-12);
		}
		share = estimated / (square - mean * mean);
		print_message("autoregression %g: variance of the mean estimated as %.2f of what "
			      "it is\n",
			      phi, share);
		assert_true(share > 0.9 && share < 1.2);
	}
}

static void intervals_of_unpaired_samples_cover_the_true_difference(void **state)
{
	struct stats_welch welch;
	struct stats_hodges_lehmann shift;
	struct bench_rng rng;
	double a[15], b[40];
	int e, means = 0, normal = 0, heavy = 0;
	size_t i;

	(void)state;
	bench_rng_init(&rng, 3, 0);
	for (e = 0; e < EXPERIMENTS; e++) {
		draws_row(&rng, draws_normal, 0, a, 15);
		draws_row(&rng, draws_normal, 0, b, 40);
		assert_int_equal(stats_hodges_lehmann(&shift, a, 15, b, 40, 0.95), 0);
		normal += shift.low <= 0 && 0 <= shift.high;
		/* The small sample has the large variance: what the pooled test fails on. */
		for (i = 0; i < 15; i++)
			a[i] *= 4;
		for (i = 0; i < 40; i++)
			b[i] += 1;
		welch_of(&welch, a, 15, b, 40, 0.95);
		means += welch.low <= 1 && 1 <= welch.high;
		draws_row(&rng, draws_student3, 0, a, 15);
		draws_row(&rng, draws_student3, 0, b, 40);
		assert_int_equal(stats_hodges_lehmann(&shift, a, 15, b, 40, 0.95), 0);
		heavy += shift.low <= 0 && 0 <= shift.high;
	}
	check_share("Welch, unequal variances", means, 0.93, 0.97);
	check_share("Hodges and Lehmann", normal, 0.93, 0.97);
	check_share("Hodges and Lehmann, heavy tails", heavy, 0.93, 0.97);
}

static void tests_without_a_difference_reject_at_their_rate(void **state)
{
	struct stats_welch welch;
	struct stats_mann_whitney sums;
	struct stats_wilcoxon ranks;
	struct bench_rng rng;
	double a[20], b[20];
	int e, by_welch = 0, by_sums = 0, by_ties = 0, by_ranks = 0, by_zeros = 0;
	size_t i;

	(void)state;
	bench_rng_init(&rng, 4, 0);
	for (e = 0; e < EXPERIMENTS; e++) {
		draws_row(&rng, draws_hiccups, 0, a, 20);
		draws_row(&rng, draws_hiccups, 0, b, 20);
		assert_int_equal(stats_mann_whitney(&sums, a, 20, b, 20), 0);
		by_sums += sums.p < 0.05;
		assert_int_equal(stats_wilcoxon(&ranks, a, 20), 0);
		by_ranks += ranks.p < 0.05;
		/* Rounded: many ties, many zeros. */
		for (i = 0; i < 20; i++) {
			a[i] = round(a[i]);
			b[i] = round(b[i]);
		}
		assert_int_equal(stats_mann_whitney(&sums, a, 20, b, 20), 0);
		by_ties += sums.p < 0.05;
		assert_int_equal(stats_wilcoxon(&ranks, a, 20), 0);
		by_zeros += ranks.p < 0.05;
		draws_row(&rng, draws_normal, 0, a, 20);
		draws_row(&rng, draws_normal, 0, b, 20);
		welch_of(&welch, a, 20, b, 20, 0.95);
		by_welch += welch.p < 0.05;
	}
	check_share("Welch rejects", by_welch, 0.03, 0.07);
	check_share("Mann and Whitney rejects", by_sums, 0.03, 0.07);
	check_share("Mann and Whitney rejects, ties", by_ties, 0.03, 0.07);
	check_share("Wilcoxon rejects", by_ranks, 0.03, 0.07);
	check_share("Wilcoxon rejects, ties and zeros", by_zeros, 0.03, 0.07);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_of_paired_blocks_cover_the_true_effect),
		cmocka_unit_test(the_effective_number_of_blocks_is_what_the_waves_leave),
		cmocka_unit_test(intervals_of_unpaired_samples_cover_the_true_difference),
		cmocka_unit_test(tests_without_a_difference_reject_at_their_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
