/*
 * The verdicts: their parts beside R 4.2.2, and their errors and their power by simulation with
 * fixed seeds, 2,000 experiments each. Nominal is 5 %; 3.5 to 6.5 % are three standard deviations.
 */
#include "bench/stats/rng.h"
#include "bench/stats/verdict.h"
#include "bench/stats/blocks.h"
#include "bench/stats/power.h"
#include "tests/lib/welch.h"
#include "tests/lib/draws.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define EXPERIMENTS 2000
#define ALPHA	    0.05
#define BLOCKS	    40
#define LINES	    6

static void check(double value, double expected, double relative)
{
	if (!(fabs(value - expected) <= relative * fabs(expected)))
		fail_msg("%.17g, not %.17g", value, expected);
}

static double equivalence(const struct stats_blocks *blocks, double margin)
{
	return stats_equivalence(blocks->mean, blocks->error, blocks->df, margin);
}

static double check_share(const char *what, int hits, double low, double high)
{
	double share = (double)hits / EXPERIMENTS;

	print_message("%s: %.2f %%\n", what, 100 * share);
	if (share < low || share > high)
		fail_msg("%s: %.4f is not within %g to %g", what, share, low, high);
	return share;
}

static void holm_is_r_p_adjust(void **state)
{
	double p[] = {0.01, 0.04, 0.03, 0.005, 0.5, 0.03};
	static const double expected[] = {0.05, 0.12, 0.12, 0.03, 0.5, 0.12};
	double large[] = {0.9, 0.8, 0.02, 1};
	size_t i;

	(void)state;
	/* p.adjust(p, "holm") */
	stats_holm(p, p, 6);
	for (i = 0; i < 6; i++)
		check(p[i], expected[i], 1e-14);
	stats_holm(large, large, 4);
	assert_true(large[0] == 1 && large[1] == 1 && large[3] == 1);
	check(large[2], 0.08, 1e-14);
	stats_holm(NULL, NULL, 0);
}

static void equivalence_is_two_one_sided_t_tests(void **state)
{
	static const double d[] = {0.021, -0.013, 0.008, 0.031,	 -0.004,
				   0.017, 0.002,  0.012, -0.009, 0.026};
	double mirrored[10], same[3] = {0.01, 0.01, 0.01};
	struct stats_blocks blocks;
	size_t i;

	(void)state;
	/* t.test(d, mu = log(1.05), alternative = "less")$p.value, the larger of the two */
	assert_int_equal(stats_blocks(&blocks, d, 10), 0);
	check(equivalence(&blocks, 0.05), 7.5937775147093431e-06, 1e-10);
	/* A and B exchanged, nothing changes. */
	for (i = 0; i < 10; i++)
		mirrored[i] = -d[i];
	assert_int_equal(stats_blocks(&blocks, mirrored, 10), 0);
	check(equivalence(&blocks, 0.05), 7.5937775147093431e-06, 1e-10);
	/* A mean outside the margin speaks for the other side. */
	assert_true(equivalence(&blocks, 0.001) > 0.5);
	assert_int_equal(stats_blocks(&blocks, same, 3), 0);
	assert_true(equivalence(&blocks, 0.02) == 0);
	assert_true(equivalence(&blocks, 0.005) == 1);
}

static void equivalence_of_unpaired_samples_is_welchs(void **state)
{
	double a[] = {10.1, 10.3, 9.8, 10.0, 10.4, 9.9}, b[] = {10.2, 10.1, 10.6, 10.3, 10.0};
	struct stats_welch welch;
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		a[i] = log(a[i]);
	for (i = 0; i < 5; i++)
		b[i] = log(b[i]);
	welch_of(&welch, a, 6, b, 5, 0.95);
	/* t.test(b, a, mu = log(1.05), alternative = "less")$p.value */
	check(stats_equivalence(welch.difference, welch.error, welch.df, 0.05),
	      0.019184850732810919, 1e-10);
}

static void the_two_answers_make_the_five_verdicts(void **state)
{
	struct stats_comparison all[] = {
		{.effect = 0.2, .p_difference = 1e-6, .p_equivalence = 0.9},
		{.effect = -0.2, .p_difference = 1e-6, .p_equivalence = 0.9},
		{.effect = 0.01, .p_difference = 0.6, .p_equivalence = 1e-6},
		{.effect = 0.02, .p_difference = 1e-6, .p_equivalence = 1e-6},
		{.effect = 0.04, .p_difference = 0.3, .p_equivalence = 0.3},
		/* Alone it would be a win; after the three above it is the first of three. */
		{.effect = 0.04, .p_difference = 0.02, .p_equivalence = 0.3},
	};
	static const char *const expected[] = {
		"A WINS",	"B WINS",	"EQUIVALENT", "DIFFERENT BUT TRIVIAL",
		"INCONCLUSIVE", "INCONCLUSIVE",
	};
	size_t i;

	(void)state;
	stats_verdicts(all, 6, ALPHA);
	for (i = 0; i < 6; i++)
		assert_string_equal(stats_verdict_names[all[i].verdict], expected[i]);
	check(all[5].holm_difference, 0.06, 1e-12);
	check(all[0].holm_difference, 6e-6, 1e-12);
	check(all[2].holm_equivalence, 6e-6, 1e-12);
	stats_verdicts(&all[5], 1, ALPHA);
	assert_int_equal(all[5].verdict, STATS_A_WINS);
	stats_verdicts(NULL, 0, ALPHA);
}

/* What is true of a simulated table's lines, and how its blocks scatter. */
struct world {
	double truth[LINES]; /* ratios */
	double spread;	     /* of d in a block */
	double margin;
	double phi;
	bool shared; /* half of the noise is the same in all lines, as in one run */
};

struct tally {
	int any_win;			 /* tables with one */
	int any_same;			 /* with an EQUIVALENT or TRIVIAL */
	int wrong_difference;		 /* a difference where none is, or of the wrong sign */
	int wrong_equivalence;		 /* EQUIVALENT or TRIVIAL where the margin is reached */
	int wrong;			 /* either */
	int verdicts[STATS_TRIVIAL + 1]; /* of the first line */
};

static void measure_line(const struct world *world, size_t line, const double *common,
			 struct bench_rng *rng, struct stats_comparison *comparison)
{
	struct stats_paired paired;
	double d[BLOCKS];
	size_t i;

	draws_row(rng, draws_normal, world->phi, d, BLOCKS);
	for (i = 0; i < BLOCKS; i++)
		d[i] = log1p(world->truth[line]) +
		       world->spread * (world->shared ? (d[i] + common[i]) * M_SQRT1_2 : d[i]);
	assert_int_equal(stats_paired(&paired, d, BLOCKS, 1 - ALPHA), 0);
	*comparison = (struct stats_comparison){.effect = paired.effect,
						.p_difference = paired.p,
						.p_equivalence =
							equivalence(&paired.blocks, world->margin)};
}

static void count_table(const struct world *world, const struct stats_comparison *table,
			size_t lines, struct tally *tally)
{
	bool win = false, same = false, wrong_difference = false, wrong_equivalence = false;
	size_t i;

	for (i = 0; i < lines; i++) {
		enum stats_verdict verdict = table[i].verdict;
		bool within = verdict == STATS_EQUIVALENT || verdict == STATS_TRIVIAL;
		bool differs = verdict == STATS_A_WINS || verdict == STATS_B_WINS ||
			       verdict == STATS_TRIVIAL;

		win |= verdict == STATS_A_WINS || verdict == STATS_B_WINS;
		same |= within;
		wrong_difference |= differs && !(table[i].effect * world->truth[i] > 0);
		wrong_equivalence |= within && fabs(log1p(world->truth[i])) >=
						       log1p(world->margin) * (1 - 1e-12);
	}
	tally->any_win += win;
	tally->any_same += same;
	tally->wrong_difference += wrong_difference;
	tally->wrong_equivalence += wrong_equivalence;
	tally->wrong += wrong_difference || wrong_equivalence;
	tally->verdicts[table[0].verdict]++;
}

static struct tally simulate(const struct world *world, size_t lines, uint64_t seed)
{
	struct stats_comparison table[LINES];
	struct tally tally = {0};
	struct bench_rng rng;
	double common[BLOCKS];
	size_t line;
	int e;

	bench_rng_init(&rng, seed, 0);
	for (e = 0; e < EXPERIMENTS; e++) {
		draws_row(&rng, draws_normal, world->phi, common, BLOCKS);
		for (line = 0; line < lines; line++)
			measure_line(world, line, common, &rng, &table[line]);
		stats_verdicts(table, lines, ALPHA);
		count_table(world, table, lines, &tally);
	}
	return tally;
}

static void a_against_itself_wins_at_the_nominal_rate_at_most(void **state)
{
	struct world world = {.spread = 0.2, .margin = 0.05};
	struct tally tally;

	(void)state;
	/* One line, so wide that equivalence hides nothing: the rate is the nominal one. */
	tally = simulate(&world, 1, 1);
	check_share("A against A, one line, wins", tally.any_win, 0.035, 0.065);
	tally = simulate(&world, LINES, 2);
	check_share("A against A, six lines, any wins", tally.any_win, 0.03, 0.06);
	world.shared = true;
	tally = simulate(&world, LINES, 3);
	check_share("  with noise in common", tally.any_win, 0, 0.06);
	world.phi = 0.3;
	tally = simulate(&world, LINES, 4);
	check_share("  and autocorrelated", tally.any_win, 0, 0.065);
	/* A narrow one: chance differences are TRIVIAL, not wins. */
	world = (struct world){.spread = 0.02, .margin = 0.05};
	tally = simulate(&world, LINES, 5);
	check_share("A against A, measured well, any wins", tally.any_win, 0, 0.005);
	check_share("  and is EQUIVALENT", tally.verdicts[STATS_EQUIVALENT], 0.95, 1);
	check_share("  or any is wrongly different", tally.wrong_difference, 0.03, 0.065);
}

static void three_percent_are_not_called_within_two(void **state)
{
	struct world world = {.truth = {0.03}, .margin = 0.02};
	static const double spreads[] = {0.005, 0.02, 0.05, 0.1, 0.3};
	struct tally tally;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(spreads) / sizeof(spreads[0]); i++) {
		world.spread = spreads[i];
		tally = simulate(&world, 1, 10 + i);
		check_share("+3 % called within 2 %", tally.wrong_equivalence, 0, 0.05);
	}
	/* At the margin itself, and measured well, the rate is the nominal one. */
	world = (struct world){.truth = {0.02}, .margin = 0.02, .spread = 0.02};
	tally = simulate(&world, 1, 20);
	check_share("+2 % called within 2 %", tally.wrong_equivalence, 0.035, 0.065);
	world.truth[0] = 1 / 1.02 - 1;
	tally = simulate(&world, 1, 21);
	check_share("-1.96 % called within 2 %", tally.wrong_equivalence, 0.035, 0.065);
	world = (struct world){
		.truth = {0.02, 0.02, 0.02, 0.02, 0.02, 0.02}, .margin = 0.02, .spread = 0.02};
	tally = simulate(&world, LINES, 22);
	check_share("six of +2 %, any called within 2 %", tally.wrong_equivalence, 0.03, 0.06);
}

static void a_mixed_table_keeps_each_kind_of_error_to_its_rate(void **state)
{
	struct world world = {.truth = {0, 0.05, 0.2, 0, -0.3, 0.02},
			      .margin = 0.05,
			      .spread = 0.05,
			      .shared = true};
	struct tally tally;

	(void)state;
	tally = simulate(&world, LINES, 30);
	check_share("mixed table, any false difference", tally.wrong_difference, 0, 0.06);
	check_share("mixed table, any false equivalence", tally.wrong_equivalence, 0, 0.06);
	/* Measured well, the sure lines are out of Holm's way, and the others get all of alpha. */
	world = (struct world){
		.truth = {0, 0, 0, 0.05, 0.05, 0.05}, .margin = 0.05, .spread = 0.01};
	tally = simulate(&world, LINES, 32);
	check_share("half and half, any false difference", tally.wrong_difference, 0.035, 0.065);
	check_share("half and half, any false equivalence", tally.wrong_equivalence, 0.035, 0.065);
	/* Twice alpha, as the header says: here nothing is corrected for there being two kinds. */
	check_share("half and half, any of either", tally.wrong, 0.08, 0.12);
	/* Tiny true differences, all seen badly: a win for the wrong side. */
	world = (struct world){
		.truth = {1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6}, .margin = 0.05, .spread = 0.2};
	tally = simulate(&world, LINES, 31);
	check_share("any win of the wrong side", tally.wrong_difference, 0.005, 0.035);
}

static void clear_cases_get_their_verdict(void **state)
{
	struct world world = {.truth = {0.2}, .margin = 0.05, .spread = 0.05};
	struct tally tally;

	(void)state;
	tally = simulate(&world, 1, 40);
	check_share("+20 %: A wins", tally.verdicts[STATS_A_WINS], 0.99, 1);
	world.truth[0] = -0.2;
	tally = simulate(&world, 1, 41);
	check_share("-20 %: B wins", tally.verdicts[STATS_B_WINS], 0.99, 1);
	world = (struct world){.truth = {0.02}, .margin = 0.05, .spread = 0.01};
	tally = simulate(&world, 1, 42);
	check_share("+2 %: trivial", tally.verdicts[STATS_TRIVIAL], 0.99, 1);
	world = (struct world){.truth = {0.02}, .margin = 0.05, .spread = 1};
	tally = simulate(&world, 1, 43);
	check_share("+2 % in a storm: inconclusive", tally.verdicts[STATS_INCONCLUSIVE], 0.9, 1);
}

static double power_of_pairs(double effect, double stddev, double alpha, double pairs)
{
	return stats_power(STATS_DIFFERENCE, effect, 0, stddev / sqrt(pairs), pairs - 1, alpha);
}

static void power_is_r_power_t_test(void **state)
{
	/* power.t.test(n, delta, sd, sig.level, type = "paired", strict = TRUE)$power */
	static const double known[][5] = {
		{20, 0.5, 1, 0.05, 0.56450441843908394},
		{40, 0.1, 1, 0.05, 0.094626734378665533},
		{5, 1, 1, 0.01, 0.12838794077974103},
		{2, 1, 1, 0.05, 0.092809155056535086},
	};
	/* power.t.test(delta, sd, sig.level, power, type = "paired", strict = TRUE)$n, rounded up:
	 * 43.995511107007722, 33.367129103906585, 375.30822819866052, 4.9124110597342501 */
	static const double needed[][5] = {
		{0.5, 1, 0.05, 0.9, 44},
		{0.05, 0.1, 0.05, 0.8, 34},
		{-0.02, 0.1, 0.01, 0.9, 376},
		{2, 1, 0.05, 0.9, 5},
	};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		check(power_of_pairs(known[i][1], known[i][2], known[i][3], known[i][0]),
		      known[i][4], 1e-4);
	for (i = 0; i < 4; i++) {
		const double *of = needed[i];

		assert_true(power_of_pairs(of[0], of[1], of[2], of[4]) >= of[3]);
		assert_true(power_of_pairs(of[0], of[1], of[2], of[4] - 1) < of[3]);
	}
	/* No difference: what is shown is alpha. */
	check(stats_power(STATS_DIFFERENCE, 0, 0, 0.01, 9, 0.05), 0.05, 1e-6);
	/* At the margin: alpha too. */
	check(stats_power(STATS_EQUIVALENCE, 0.05, 0.05, 0.002, 9, 0.05), 0.05, 1e-5);
}

static void simulated_power_is_the_predicted(void **state)
{
	static const struct {
		double truth;
		double spread;
	} cases[] = {{0.03, 0.06}, {0.015, 0.06}, {0.01, 0.1}, {0, 0.08}, {0.02, 0.05}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world = {
			.truth = {cases[i].truth}, .margin = 0.05, .spread = cases[i].spread};
		struct tally tally = simulate(&world, 1, 50 + i);
		double error = cases[i].spread / sqrt(BLOCKS), effect = log1p(cases[i].truth);
		double margin = log1p(0.05), df = stats_blocks_df(BLOCKS);
		double difference = stats_power(STATS_DIFFERENCE, effect, margin, error, df, ALPHA);
		double same = stats_power(STATS_EQUIVALENCE, effect, margin, error, df, ALPHA);
		double decided = stats_power(STATS_DIFFERENCE | STATS_EQUIVALENCE, effect, margin,
					     error, df, ALPHA);

		print_message("effect %g, spread %g: predicted %.3f, %.3f, %.3f\n", cases[i].truth,
			      cases[i].spread, difference, same, decided);
		check_share("  difference", tally.any_win + tally.verdicts[STATS_TRIVIAL],
			    difference - 0.06, difference + 0.04);
		check_share("  equivalence", tally.any_same, same - 0.06, same + 0.04);
		check_share("  decided", EXPERIMENTS - tally.verdicts[STATS_INCONCLUSIVE],
			    decided - 0.06, decided + 0.04);
	}
}

/* How many of 2,000 runs of so many blocks find a verdict when the truth is the hardest one. */
static int decided(size_t count, double truth, double spread, double phi)
{
	struct bench_rng rng;
	struct stats_paired paired;
	double d[600];
	int e, found = 0;
	size_t i;

	assert_in_range(count, 2, 600);
	bench_rng_init(&rng, 60, count);
	for (e = 0; e < EXPERIMENTS; e++) {
		draws_row(&rng, draws_normal, phi, d, count);
		for (i = 0; i < count; i++)
			d[i] = truth + spread * d[i];
		assert_int_equal(stats_paired(&paired, d, count, 0.95), 0);
		found += paired.p < ALPHA || equivalence(&paired.blocks, 0.05) < ALPHA;
	}
	return found;
}

/* The true effect for which a verdict within 5 % is least likely. */
static double hardest(double error, double df)
{
	double truth, chance, least = 1, worst = 0;
	int i;

	for (i = 0; i <= 30; i++) {
		truth = 0.002 * i;
		chance = stats_power(STATS_DIFFERENCE | STATS_EQUIVALENCE, truth, log1p(0.05),
				     error, df, ALPHA);
		if (chance < least) {
			least = chance;
			worst = truth;
		}
	}
	return worst;
}

static void the_blocks_needed_decide_whatever_is_true(void **state)
{
	/* As seen in 40 blocks; the second with waves, which leave a third of them. */
	struct stats_blocks seen = {
		.count = 40, .stddev = 0.1, .error = 0.1 / sqrt(40), .df = 9, .effective = 40};
	double spread = 0.1 * sqrt(1 - 0.25);
	size_t needed = stats_blocks_needed(&seen, 0.05, ALPHA, 1), waves;
	double worst = hardest(0.1 / sqrt((double)needed), stats_blocks_df(needed));

	(void)state;
	print_message("needed: %zu blocks; hardest is %g\n", needed, worst);
	check_share("decided", decided(needed, worst, 0.1, 0), STATS_POWER - 0.03, 0.97);
	/* Half of that does not do. */
	check_share("decided by half", decided(needed / 2, worst, 0.1, 0), 0, 0.7);
	seen.error *= sqrt(3);
	seen.effective /= 3;
	waves = stats_blocks_needed(&seen, 0.05, ALPHA, 1);
	assert_in_range(waves, 3 * needed - 30, 3 * needed + 30);
	check_share("decided in waves", decided(waves, worst, spread, 0.5), STATS_POWER - 0.03,
		    0.97);
	/* The longer the table, the more. */
	assert_true(stats_blocks_needed(&seen, 0.05, ALPHA, 12) > waves);
	assert_int_equal(stats_blocks_needed(&seen, 1e-7, ALPHA, 1), 0);
	seen.error = seen.stddev = 0;
	assert_int_equal(stats_blocks_needed(&seen, 0.05, ALPHA, 1), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holm_is_r_p_adjust),
		cmocka_unit_test(equivalence_is_two_one_sided_t_tests),
		cmocka_unit_test(equivalence_of_unpaired_samples_is_welchs),
		cmocka_unit_test(the_two_answers_make_the_five_verdicts),
		cmocka_unit_test(a_against_itself_wins_at_the_nominal_rate_at_most),
		cmocka_unit_test(three_percent_are_not_called_within_two),
		cmocka_unit_test(a_mixed_table_keeps_each_kind_of_error_to_its_rate),
		cmocka_unit_test(clear_cases_get_their_verdict),
		cmocka_unit_test(power_is_r_power_t_test),
		cmocka_unit_test(simulated_power_is_the_predicted),
		cmocka_unit_test(the_blocks_needed_decide_whatever_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
