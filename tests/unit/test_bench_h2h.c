/* Head to head: pairs are pairs, a known difference is found, none is made up, and what fails is
 * counted and not timed. */
#include "bench/h2h/compare.h"
#include "bench/h2h/show.h"
#include "bench/h2h/judge.h"
#include "bench/cli/interrupt.h"
#include "core/base/buf.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/draws.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct h2h_question question = {.quantiles = {0.5, 0.95},
					     .quantile_count = 2,
					     .margin = 0.05,
					     .confidence = 0.95,
					     .names = {"A", "B"}};

struct fixture {
	struct bench_drive *drives[H2H_SIDES];
	struct h2h h2h;
	struct h2h_judgement judgement;
};

static void open_sides_with(struct fixture *f, const char *a, const char *b, int64_t timeout_ms)
{
	const struct bench_drive_config config = {.timeout_ms = timeout_ms};
	const char *const targets[H2H_SIDES] = {a, b};
	struct cart_error error;

	*f = (struct fixture){0};
	for (int side = 0; side < H2H_SIDES; side++)
		if (bench_drive_open(&f->drives[side], targets[side], &config, &error) != 0)
			fail_msg("%s: %s", targets[side], error.text);
}

static void open_sides(struct fixture *f, const char *a, const char *b)
{
	open_sides_with(f, a, b, 10000);
}

static void run(struct fixture *f, const struct h2h_config *config)
{
	struct h2h_config filled = *config;
	struct cart_error error;

	if (filled.clients == 0)
		filled.clients = 1;
	h2h_init(&f->h2h, &filled, f->drives);
	assert_int_equal(h2h_run(&f->h2h, NULL, NULL, &error), 0);
	h2h_judge(&f->judgement, &f->h2h, &question);
}

static void close_all(struct fixture *f)
{
	h2h_judgement_free(&f->judgement);
	h2h_free(&f->h2h);
	for (int side = 0; side < H2H_SIDES; side++)
		bench_drive_close(&f->drives[side]);
}

/* Times that were not measured: side B's are scale times as long, with noise of a few percent that
 * both share and a little that they do not. */
static void make_up(struct h2h *h2h, double scale)
{
	struct bench_rng rng;

	bench_rng_init(&rng, 7, 0);
	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int64_t at = 0; at < h2h->config.blocks * h2h->config.pairs; at++) {
			double block = 1 + 0.3 * (double)(at / h2h->config.pairs % 3);

			for (int side = 0; side < H2H_SIDES; side++)
				h2h->cells[i].ns[side][at] =
					(int64_t)(block * (side == 1 ? scale : 1) *
						  (100000 + bench_rng_exponential(&rng, 20000)));
		}
	}
	h2h->blocks_done = h2h->config.blocks;
}

static enum stats_verdict verdict_of(double scale, struct h2h_row *row)
{
	const struct h2h_config config = {.blocks = 30, .pairs = 200};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h_judgement judgement;
	struct h2h h2h;

	h2h_init(&h2h, &config, none);
	make_up(&h2h, scale);
	h2h_judge(&judgement, &h2h, &question);
	assert_int_equal(judgement.count, 6);
	*row = judgement.rows[0];
	h2h_judgement_free(&judgement);
	h2h_free(&h2h);
	return row->comparison.verdict;
}

static void known_ratios_are_found_and_judged(void **state)
{
	struct h2h_row row;

	(void)state;
	assert_int_equal(verdict_of(1.0, &row), STATS_EQUIVALENT);
	assert_true(row.low < 0 && row.high > 0);
	assert_int_equal(verdict_of(1.10, &row), STATS_A_WINS);
	assert_true(fabs(row.effect - 0.10) < 0.02 && row.low > 0.05 && row.high < 0.15);
	assert_int_equal(verdict_of(1 / 1.10, &row), STATS_B_WINS);
	assert_int_equal(verdict_of(1.02, &row), STATS_TRIVIAL);
	/* The medians are those of the samples, whatever the blocks had in common. */
	assert_true(row.ns[0] > 100000 && row.ns[0] < 250000);
}

static void a_quantile_with_few_pairs_beyond_is_not_judged(void **state)
{
	const struct h2h_config config = {.blocks = 14, .pairs = 100};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h_judgement judgement;
	struct h2h h2h;

	(void)state;
	h2h_init(&h2h, &config, none);
	make_up(&h2h, 1);
	/* Five of a hundred pairs are beyond the 95th percentile. */
	assert_int_equal(h2h_pairs_for(0.95), 200);
	assert_int_equal(h2h_pairs_for(0.5), 20);
	h2h_judge(&judgement, &h2h, &question);
	assert_int_equal(judgement.count, 6);
	for (size_t i = 0; i < judgement.count; i++)
		assert_true(judgement.rows[i].judged == (judgement.rows[i].quantile == 0.5));
	h2h_judgement_free(&judgement);
	/* Pairs that do not count leave a block with too few. */
	memset(h2h.cells[0].ns[0], 0, 90 * sizeof(int64_t));
	h2h_judge(&judgement, &h2h, &question);
	assert_int_equal(judgement.rows[0].block_count, 13);
	assert_int_equal(judgement.rows[2].block_count, 14);
	h2h_judgement_free(&judgement);
	h2h_free(&h2h);
}

/* The verdict on a row of blocks that was made up, one of six of its table. */
static struct h2h_row judged(const double *ratios, size_t count)
{
	struct h2h_judgement judgement = {.count = H2H_ROWS_MAX / 2};
	struct h2h_row row;

	for (size_t i = 0; i < judgement.count; i++) {
		judgement.rows[i].log_ratios = malloc(count * sizeof(*ratios));
		memcpy(judgement.rows[i].log_ratios, ratios, count * sizeof(*ratios));
		judgement.rows[i].block_count = count;
	}
	h2h_judge_rows(&judgement, 500, &question);
	row = judgement.rows[0];
	h2h_judgement_free(&judgement);
	return row;
}

static void a_side_that_drifts_is_said_to(void **state)
{
	struct bench_rng rng;
	struct h2h_row row;
	double d[40];

	(void)state;
	bench_rng_init(&rng, 3, 0);
	for (size_t i = 0; i < 40; i++)
		d[i] = log(1.05) + log(2.6 / 1.05) * (double)i / 39 +
		       0.02 * (bench_rng_unit(&rng) - 0.5);
	row = judged(d, 40);
	assert_int_equal(row.comparison.verdict, STATS_A_WINS);
	assert_non_null(strstr(row.why, "B is slower, from +"));
	assert_non_null(strstr(row.why, " to +160\xc2\xa0%, and growing"));
	assert_int_equal(row.pairs_needed, 0);
	for (size_t i = 0; i < 40; i++)
		d[i] = -d[i];
	row = judged(d, 40);
	assert_int_equal(row.comparison.verdict, STATS_B_WINS);
	assert_non_null(strstr(row.why, "B is faster, from "));
	/* Faster first and slower later: neither, and no number of pairs decides. */
	for (size_t i = 0; i < 40; i++)
		d[i] = 0.5 * ((double)i - 19.5) / 39 + 0.02 * (bench_rng_unit(&rng) - 0.5);
	row = judged(d, 40);
	assert_int_equal(row.comparison.verdict, STATS_NOT_COMPARABLE);
	assert_non_null(strstr(row.why, "B changed from "));
	assert_int_equal(row.pairs_needed, 0);
}

static void a_side_that_is_slower_in_every_block_has_lost(void **state)
{
	struct h2h_row row;
	double d[16];

	(void)state;
	for (size_t i = 0; i < 16; i++)
		d[i] = i == 5 ? 3 : 0.06 + 0.01 * (double)(i % 2);
	row = judged(d, 16);
	assert_int_equal(row.comparison.verdict, STATS_A_WINS);
	assert_string_equal(row.why, "B is slower in each of 16 blocks");
	assert_true(isnan(row.p_wilcoxon));
	/* In all but one it is not decided. */
	d[2] = -0.001;
	row = judged(d, 16);
	assert_int_equal(row.comparison.verdict, STATS_INCONCLUSIVE);
	assert_string_equal(row.why, "");
	assert_true(row.pairs_needed > 0);
	/* Too few are not judged at all. */
	assert_false(judged(d, 11).judged);
}

/* 2,000 runs of two equal sides each, six lines a table. */
static void honest_sides_get_no_false_verdict_however_the_blocks_resemble_each_other(void **state)
{
	static const double phis[] = {0, 0.3, 0.6};
	static const size_t counts[] = {12, 20, 40};
	struct bench_rng rng;
	double d[40];

	(void)state;
	for (size_t at = 0; at < 9; at++) {
		double phi = phis[at % 3];
		size_t count = counts[at / 3];
		int wins = 0, trends = 0, wrong;

		bench_rng_init(&rng, 5, at);
		for (int run = 0; run < 2000; run++) {
			struct h2h_judgement judgement = {.count = 6};

			wrong = 0;
			for (size_t i = 0; i < 6; i++) {
				draws_row(&rng, draws_normal, phi, d, count);
				for (size_t k = 0; k < count; k++)
					d[k] *= 0.03;
				judgement.rows[i].log_ratios = malloc(count * sizeof(*d));
				memcpy(judgement.rows[i].log_ratios, d, count * sizeof(*d));
				judgement.rows[i].block_count = count;
			}
			h2h_judge_rows(&judgement, 0, &question);
			for (size_t i = 0; i < 6; i++) {
				enum stats_verdict verdict = judgement.rows[i].comparison.verdict;

				wrong |= verdict == STATS_A_WINS || verdict == STATS_B_WINS;
				trends += judgement.rows[i].trending;
			}
			wins += wrong;
			h2h_judgement_free(&judgement);
		}
		print_message("%zu blocks, autoregression %g: false wins in %.2f %%, trends in "
			      "%.2f %% of tables\n",
			      count, phi, wins / 20.0, trends / 20.0);
		assert_true(wins <= 100);
		assert_true(trends <= 100);
	}
}

/* Every get of A takes twice as long right after B's answer as alone; B's are as long either way.
 */
static void make_up_carry(struct h2h *h2h)
{
	struct bench_rng rng;

	bench_rng_init(&rng, 13, 0);
	for (int64_t block = 0; block < h2h->config.blocks; block++)
		for (int i = 0; i < H2H_ALONE; i++)
			for (int side = 0; side < H2H_SIDES; side++)
				h2h->alone[side][block * H2H_ALONE + i] =
					100000 + (int64_t)bench_rng_below(&rng, 1000);
	for (int64_t at = 0; at < h2h->config.blocks * h2h->config.pairs; at++) {
		int first = (int)bench_rng_below(&rng, 2);

		h2h->cells[H2H_GET].first[at] = (unsigned char)first;
		h2h->cells[H2H_GET].ns[0][at] = (first == 1 ? 200000 : 100000) + at % 1000;
		h2h->cells[H2H_GET].ns[1][at] = 100000 + at % 1000;
	}
}

static void a_side_that_slows_the_other_down_does_not_win(void **state)
{
	const struct h2h_config config = {.blocks = 30, .pairs = 200};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h_judgement judgement;
	const struct h2h_row *get = &judgement.rows[4];
	struct h2h h2h;

	(void)state;
	h2h_init(&h2h, &config, none);
	make_up(&h2h, 1 / 1.5);
	make_up_carry(&h2h);
	h2h_judge(&judgement, &h2h, &question);
	assert_true(judgement.has_carry);
	assert_true(fabs(judgement.carry[0].effect - 1) < 0.02);
	assert_true(fabs(judgement.carry[1].effect) < 0.02);
	/* Faster by a third, and A would be twice as fast without it. */
	for (size_t i = 0; i < judgement.count; i++)
		assert_int_equal(judgement.rows[i].comparison.verdict, STATS_NOT_COMPARABLE);
	assert_non_null(strstr(get->why, "carry-over: A takes +"));
	assert_non_null(strstr(get->why, " right after B's answer than alone, B "));
	h2h_judgement_free(&judgement);
	/* A win by more than that stands. */
	make_up(&h2h, 0.1);
	make_up_carry(&h2h);
	h2h_judge(&judgement, &h2h, &question);
	assert_int_equal(judgement.rows[0].comparison.verdict, STATS_B_WINS);
	h2h_judgement_free(&judgement);
	h2h_free(&h2h);
}

/* Two sides that are alike in pairs, of which A takes exp(carry[block]) times as long after B's
 * answer as alone. Whether a line is refused for that. */
static bool is_accused_of_carry(const double *carry, size_t blocks)
{
	const struct h2h_config config = {.blocks = (int64_t)blocks, .pairs = 20};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h_judgement judgement;
	bool accused = false;
	struct h2h h2h;

	h2h_init(&h2h, &config, none);
	make_up(&h2h, 1);
	for (size_t at = 0; at < blocks * H2H_ALONE; at++) {
		h2h.alone[0][at] = 100000;
		h2h.alone[1][at] = (int64_t)(100000 * exp(carry[at / H2H_ALONE]));
	}
	for (size_t at = 0; at < blocks * 20; at++) {
		h2h.cells[H2H_GET].first[at] = at % 2;
		for (int side = 0; side < H2H_SIDES; side++)
			h2h.cells[H2H_GET].ns[side][at] = (int64_t)(100000 * exp(carry[at / 20]));
	}
	h2h_judge(&judgement, &h2h, &question);
	for (size_t i = 0; i < judgement.count; i++)
		accused = accused || strstr(judgement.rows[i].why, "carry-over") != NULL;
	h2h_judgement_free(&judgement);
	h2h_free(&h2h);
	return accused;
}

/* Of 250 runs; the first ones of the blocks are cold. */
static int count_accused(double carry, double noise, size_t blocks, size_t cold)
{
	struct bench_rng rng;
	double d[40];
	int accused = 0;

	bench_rng_init(&rng, 23, blocks);
	for (int run = 0; run < 250; run++) {
		draws_row(&rng, draws_normal, 0, d, blocks);
		for (size_t i = 0; i < blocks; i++)
			d[i] = carry + noise * d[i] + (i < cold ? 2 : 0);
		accused += is_accused_of_carry(d, blocks);
	}
	return accused;
}

static void an_honest_side_is_not_accused_of_carry_over_and_a_liar_always_is(void **state)
{
	static const size_t counts[] = {12, 20, 40};

	(void)state;
	for (int i = 0; i < 3; i++) {
		int honest = count_accused(0, 0.3, counts[i], 0);
		int cold = count_accused(0, 0.1, counts[i], (counts[i] + 9) / 10);
		int liars = count_accused(log(2), 0.1, counts[i], 0);

		print_message(
			"%zu blocks: accused of carry-over %d of 250 honest sides, %d of "
			"250 that are cold at first, %d of 250 that double the other's time\n",
			counts[i], honest, cold, liars);
		assert_true(honest <= 2);
		assert_true(cold <= 2);
		if (counts[i] >= 20)
			assert_int_equal(liars, 250);
	}
}

static void a_side_gets_no_better_verdict_by_when_it_is_slow(void **state)
{
	struct bench_rng rng;
	struct h2h_row row;
	double d[40];

	(void)state;
	bench_rng_init(&rng, 3, 0);
	/* Slower, and as fast again in the end. */
	for (size_t i = 0; i < 40; i++)
		d[i] = 0.15 * sin(M_PI * (double)i / 39) + 0.02 * (bench_rng_unit(&rng) - 0.5);
	row = judged(d, 40);
	assert_true(row.comparison.verdict != STATS_EQUIVALENT);
	assert_true(row.comparison.verdict != STATS_B_WINS);
	/* Slower, then faster by as much. */
	for (size_t i = 0; i < 40; i++)
		d[i] = 0.3 * sin(2 * M_PI * (double)i / 40) + 0.02 * (bench_rng_unit(&rng) - 0.5);
	row = judged(d, 40);
	assert_true(row.comparison.verdict == STATS_INCONCLUSIVE ||
		    row.comparison.verdict == STATS_NOT_COMPARABLE);
	/* By turns, which cancels in the mean of any two blocks. */
	for (size_t i = 0; i < 40; i++)
		d[i] = (i % 2 == 0 ? 0.3 : -0.3) + 0.02 * (bench_rng_unit(&rng) - 0.5);
	assert_int_equal(judged(d, 40).comparison.verdict, STATS_INCONCLUSIVE);
	/* Twenty times as slow in the last block alone, with and without being faster before. */
	for (size_t i = 0; i < 40; i++)
		d[i] = (i == 39 ? 3 : 0) + 0.02 * (bench_rng_unit(&rng) - 0.5);
	assert_int_equal(judged(d, 40).comparison.verdict, STATS_INCONCLUSIVE);
	for (size_t i = 0; i < 39; i++)
		d[i] -= 0.06;
	assert_int_equal(judged(d, 40).comparison.verdict, STATS_INCONCLUSIVE);
	/* Fast until it has seen enough: a warm-up that is longer than ours. */
	for (size_t i = 0; i < 40; i++)
		d[i] = (i < 20 ? -0.3 : 0) + 0.02 * (bench_rng_unit(&rng) - 0.5);
	row = judged(d, 40);
	assert_true(row.comparison.verdict != STATS_B_WINS);
}

static void a_side_that_is_fast_for_the_first_pairs_of_a_block_gains_nothing(void **state)
{
	const struct h2h_config config = {.blocks = 30, .pairs = 200};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h_judgement judgement;
	struct h2h h2h;

	(void)state;
	h2h_init(&h2h, &config, none);
	make_up(&h2h, 1);
	for (int i = 0; i < H2H_OPERATIONS; i++)
		for (int64_t at = 0; at < 30 * 200; at++)
			if (at % 200 < 10)
				h2h.cells[i].ns[1][at] /= 100;
	h2h_judge(&judgement, &h2h, &question);
	for (size_t i = 0; i < judgement.count; i++)
		assert_true(judgement.rows[i].comparison.verdict != STATS_B_WINS);
	h2h_judgement_free(&judgement);
	h2h_free(&h2h);
}

static void a_busy_machine_is_said_to_be(void **state)
{
	const struct busy quiet = {
		.took_s = 10, .rested_s = 2, .others = 0.298, .stolen = 1, .throttled = 1.4};
	const struct busy busy = {.took_s = 10, .rested_s = 2, .others = 0.32};
	const struct busy stolen = {.took_s = 10, .stolen = 3};
	const struct busy throttled = {.took_s = 10, .throttled = 3};
	struct busy beside = {.took_s = 10, .rested_s = 2, .loaded_s = 10, .beside = 1.6};
	/* A tick of the kernel's clock is much of a short rest. */
	const struct busy unknown = {
		.took_s = 0.5, .rested_s = 0.02, .others = 0.01, .stolen = 0.1};
	char why[200];

	(void)state;
	assert_false(busy_is_too_busy(&quiet, why, sizeof(why)));
	assert_false(busy_is_too_busy(&unknown, why, sizeof(why)));
	assert_true(busy_is_too_busy(&busy, why, sizeof(why)));
	assert_string_equal(why, "the machine is busy: 16 % of a core was used by others while "
				 "nothing was asked (at most 15 %)");
	assert_true(busy_is_too_busy(&stolen, why, sizeof(why)));
	assert_non_null(strstr(why, "30 % of the time was stolen"));
	assert_true(busy_is_too_busy(&throttled, why, sizeof(why)));
	/* What they do during a load counts only where it can be told apart. */
	assert_true(busy_is_too_busy(&beside, why, sizeof(why)));
	assert_string_equal(why,
			    "the machine is busy: 16 % of a core was used by others during the "
			    "load (at most 15 %)");
	beside.untold = true;
	assert_false(busy_is_too_busy(&beside, why, sizeof(why)));
	/* Both parts of a head-to-head are looked at. */
	assert_false(h2h_is_disturbed(&(struct h2h){.busy = quiet}, why, sizeof(why)));
	assert_true(h2h_is_disturbed(&(struct h2h){.busy = busy}, why, sizeof(why)));
	assert_true(h2h_is_disturbed(&(struct h2h){.busy = quiet, .open = {.busy = busy}}, why,
				     sizeof(why)));
}

/* An open loop that was made up: 20 s at 1,000 a second, of about a millisecond each; B's are scale
 * times as long, and it stands still for so long once. */
static void make_up_open(struct h2h_open *open, double scale, int64_t stall_ns)
{
	struct bench_rng rng;

	*open = (struct h2h_open){.made = true, .rate = 1000, .duration_ms = 20000};
	bench_rng_init(&rng, 9, 0);
	for (int at = 0; at < H2H_SIDES; at++) {
		struct h2h_open_side *side = &open->sides[at];

		tally_init(&side->tally, true);
		side->answers = malloc(20000 * sizeof(*side->answers));
		side->first_ns = 1;
		side->gap_ns = 10000000 + (at == 1 ? stall_ns : 0);
		for (; side->count < 20000; side->count++) {
			int64_t ns = 500000 + (int64_t)bench_rng_exponential(&rng, 500000);

			ns = at == 1 ? (int64_t)(scale * (double)ns) : ns;
			side->answers[side->count] =
				(struct h2h_open_answer){1 + 1000000 * (int64_t)side->count, ns, 0};
			bench_hdr_record(side->tally.response, ns);
			bench_hdr_record(side->tally.service, ns);
			side->tally.tried++;
			side->tally.ok++;
		}
	}
}

static void judge_open_loop(struct h2h_judgement *judgement, double scale, int64_t stall_ns,
			    uint64_t failed, int64_t count)
{
	const struct h2h_config config = {.blocks = 30, .pairs = 200};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h h2h;

	h2h_init(&h2h, &config, none);
	make_up(&h2h, 1);
	make_up_open(&h2h.open, scale, stall_ns);
	h2h.open.sides[1].tally.ok -= failed;
	h2h.open.sides[0].count = (size_t)count;
	h2h_judge(judgement, &h2h, &question);
	assert_int_equal(judgement->count, 7);
	h2h_free(&h2h);
}

static void the_open_loop_is_judged_at_p99_and_by_who_stands_still(void **state)
{
	struct h2h_judgement judgement;
	const struct h2h_row *row = &judgement.rows[6];

	(void)state;
	judge_open_loop(&judgement, 1, 0, 0, 20000);
	assert_int_equal(row->operation, H2H_OPEN);
	assert_int_equal(row->block_count, 15);
	assert_true(row->comparison.verdict != STATS_A_WINS &&
		    row->comparison.verdict != STATS_B_WINS);
	assert_true(row->low < 0 && row->high > 0);
	h2h_judgement_free(&judgement);
	judge_open_loop(&judgement, 1.5, 0, 0, 20000);
	assert_int_equal(row->comparison.verdict, STATS_A_WINS);
	assert_true(row->low < 0.5 && row->high > 0.5);
	h2h_judgement_free(&judgement);
	/* Alike in every quantile, but for one second: it has lost in every line. */
	judge_open_loop(&judgement, 1, 1000000000, 0, 20000);
	for (size_t i = 0; i < judgement.count; i++) {
		assert_int_equal(judgement.rows[i].comparison.verdict, STATS_A_WINS);
		assert_string_equal(judgement.rows[i].why,
				    "B stood still for 1,010\xc2\xa0ms, A for "
				    "10.0\xc2\xa0ms");
	}
	h2h_judgement_free(&judgement);
	/* It sheds what is slow: one in fifty. */
	judge_open_loop(&judgement, 0.8, 0, 400, 20000);
	for (size_t i = 0; i < judgement.count; i++)
		assert_int_equal(judgement.rows[i].comparison.verdict, STATS_NOT_COMPARABLE);
	assert_string_equal(row->why, "B failed 2.0\xc2\xa0% of open loop, A 0\xc2\xa0%");
	h2h_judgement_free(&judgement);
	judge_open_loop(&judgement, 1, 0, 0, 5000);
	assert_false(row->judged);
	assert_string_equal(row->why, "not measured: at 1000 a second --duration 16s is needed");
	h2h_judgement_free(&judgement);
}

/* Every 20th question was asked so late; B takes scale times as long. */
static void judge_late_open_loop(struct h2h_judgement *judgement, double scale, int64_t late_ns)
{
	const struct h2h_config config = {.blocks = 30, .pairs = 200};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h h2h;

	h2h_init(&h2h, &config, none);
	make_up(&h2h, 1);
	make_up_open(&h2h.open, scale, 0);
	strcpy(h2h.open.why, "cartbench itself was late");
	for (int side = 0; side < H2H_SIDES; side++)
		for (size_t i = 0; i < h2h.open.sides[side].count; i += 20) {
			h2h.open.sides[side].answers[i].late_ns = late_ns;
			h2h.open.sides[side].answers[i].ns += late_ns;
		}
	h2h_judge(judgement, &h2h, &question);
	h2h_free(&h2h);
}

/* p99 is about 3 ms on A. */
static void what_cartbench_was_late_by_decides_nothing(void **state)
{
	static const struct {
		double scale;
		int64_t late_ns;
		enum stats_verdict verdict;
	} cases[] = {{20, 2000000, STATS_A_WINS},	 {0.02, 100000, STATS_B_WINS},
		     {1.5, 2000000, STATS_INCONCLUSIVE}, {1, 2000000, STATS_INCONCLUSIVE},
		     {1, 0, STATS_INCONCLUSIVE},	 {20, 100000000, STATS_INCONCLUSIVE}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct h2h_judgement judgement;
		const struct h2h_row *row = &judgement.rows[6];

		judge_late_open_loop(&judgement, cases[i].scale, cases[i].late_ns);
		assert_int_equal(row->comparison.verdict, cases[i].verdict);
		assert_int_equal(row->judged, cases[i].verdict != STATS_INCONCLUSIVE);
		if (!row->judged)
			assert_string_equal(row->why, "cartbench itself was late");
		h2h_judgement_free(&judgement);
	}
}

/* Measures an open loop of a side that stands still for half of the time with one that does not.
 * Wherever the loop begins, 500 ms or more of a stall of 1.2 s are in it. */
static void open_against(struct h2h_open *open, const char *b)
{
	const struct h2h_open_config config = {.rate = 800, .duration_ms = 1500, .seed = 1};
	struct ledger *ledgers[H2H_SIDES] = {ledger_new(1), ledger_new(1)};
	struct cart_error error;
	struct fixture f;

	open_sides(&f, "store:memory", b);
	*open = (struct h2h_open){0};
	assert_int_equal(h2h_open_run(open, &config, f.drives, ledgers, NULL, &error), 0);
	for (int side = 0; side < H2H_SIDES; side++) {
		bench_drive_close(&f.drives[side]);
		ledger_free(&ledgers[side]);
	}
}

/* An answer in each 100 ms hides the gap, and the newest first hides what the others waited. */
static void a_side_that_stalls_loses_however_it_hides_the_gap(void **state)
{
	static const char stalls[] = "store:fault?fault.stall=1200ms&fault.stall_every=2400ms&"
				     "fault.trickle=100ms&fault.newest_first=true";
	const char *const names[H2H_SIDES] = {"A", "B"};
	char why[TALLY_WHY];
	struct h2h_open open;

	(void)state;
	open_against(&open, stalls);
	/* If the machine stood still as well, neither has lost. */
	for (int i = 0; i < 3 && h2h_open_stalled(&open) != 1; i++) {
		h2h_open_free(&open);
		open_against(&open, stalls);
	}
	assert_int_equal(h2h_open_stalled(&open), 1);
	h2h_open_explain(&open, 1, names, why, sizeof(why));
	assert_int_equal(strncmp(why, "B stood still", 13), 0);
	h2h_open_free(&open);
}

/* One of 20,000 answers in so many waits for 1 s, and no gap is longer than 250 ms. */
static void expect_waits(size_t each, int64_t late_ns, int stalled, const char *says)
{
	const char *const names[H2H_SIDES] = {"A", "B"};
	char why[TALLY_WHY] = "";
	struct h2h_open open;
	struct bench_hdr *b;

	make_up_open(&open, 1, 240000000);
	b = open.sides[1].tally.service;
	for (size_t i = 0; i < 20000 / each; i++) {
		bench_hdr_record(b, 1000000000 - late_ns);
		bench_hdr_record(open.sides[1].tally.response, 1000000000);
	}
	assert_int_equal(h2h_open_stalled(&open), stalled);
	h2h_open_explain(&open, 1, names, why, sizeof(why));
	assert_int_equal(strncmp(why, says, strlen(says)), 0);
	h2h_open_free(&open);
}

static void who_waits_is_seen_where_no_gap_is(void **state)
{
	(void)state;
	expect_waits(
		50, 0, 1,
		"B stood still: 1 in 100 requests waited for more than 1,000\xc2\xa0ms, of A for ");
	expect_waits(500, 0, 1, "B stood still: 1 in 1,000 requests waited for more than 1,000");
	expect_waits(5000, 0, -1, "");
	/* It was asked late: that is cartbench's. */
	expect_waits(50, 999000000, -1, "");
}

/* A has one gap, and B many requests that wait while others are answered. */
static void where_both_stand_still_neither_wins(void **state)
{
	const char *const names[H2H_SIDES] = {"A", "B"};
	char why[TALLY_WHY] = "";
	struct h2h_open open;

	(void)state;
	make_up_open(&open, 1, 0);
	open.sides[0].gap_ns = 310000000;
	assert_int_equal(h2h_open_stalled(&open), 0);
	for (size_t i = 0; i < 1000; i++)
		bench_hdr_record(open.sides[1].tally.service, 1000000000);
	assert_int_equal(h2h_open_stalled(&open), H2H_SIDES);
	h2h_open_explain(&open, H2H_SIDES, names, why, sizeof(why));
	assert_string_equal(why, "A and B both stood still");
	h2h_open_free(&open);
}

static void every_cycle_makes_a_pair_of_each_operation(void **state)
{
	struct fixture f;

	(void)state;
	open_sides(&f, "store:memory", "store:memory");
	run(&f, &(struct h2h_config){
			.blocks = 5, .pairs = 40, .warmup_ms = 10, .clients = 3, .seed = 1});
	assert_int_equal(f.h2h.blocks_done, 5);
	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			const struct tally *arm = &f.h2h.cells[i].arms[side];

			assert_int_equal(arm->tried, 200);
			assert_int_equal(arm->ok, 200);
			assert_int_equal(arm->service->count, 200);
			for (int64_t at = 0; at < 200; at++)
				assert_true(f.h2h.cells[i].ns[side][at] > 0);
		}
	}
	/* In front of each block all rest, twice, and each side is asked alone. */
	assert_true(f.h2h.busy.rested_s >= 0.001 * 2 * 5 * H2H_REST_MS);
	for (int side = 0; side < H2H_SIDES; side++)
		for (int i = 0; i < 5 * H2H_ALONE; i++)
			assert_true(f.h2h.alone[side][i] > 0);
	/* What was done to warm up counts for nothing. */
	assert_true(f.h2h.warmup_cycles > 0);
	assert_false(f.h2h.interrupted);
	assert_int_equal(f.h2h.gone, -1);
	close_all(&f);
}

/* Far above what a disturbed machine makes of a store in memory. */
static void a_side_that_is_made_slower_loses(void **state)
{
	struct fixture f;

	(void)state;
	open_sides(&f, "store:memory", "store:memory");
	run(&f, &(struct h2h_config){
			.blocks = 20, .pairs = 200, .warmup_ms = 20, .seed = 2, .slow_b = 4});
	for (size_t i = 0; i < f.judgement.count; i++) {
		assert_int_equal(f.judgement.rows[i].comparison.verdict, STATS_A_WINS);
		assert_true(f.judgement.rows[i].effect > 2);
	}
	close_all(&f);
}

static void operations_that_fail_are_counted_and_not_timed(void **state)
{
	struct fixture f;

	(void)state;
	open_sides(&f, "store:memory",
		   "store:fault?fault.over=memory&fault.ops=change&fault.busy_every=4");
	run(&f, &(struct h2h_config){.blocks = 5, .pairs = 40, .seed = 3});
	assert_int_equal(f.h2h.cells[H2H_ADD].arms[0].ok, 200);
	assert_int_equal(f.h2h.cells[H2H_ADD].arms[1].tried, 200);
	assert_int_equal(f.h2h.cells[H2H_ADD].arms[1].ok, 150);
	assert_int_equal(f.h2h.cells[H2H_ADD].arms[1].errors[0].count, 50);
	assert_string_equal(f.h2h.cells[H2H_ADD].arms[1].errors[0].text, "503 UNAVAILABLE");
	/* Neither side's: the pair does not count. */
	for (int side = 0; side < H2H_SIDES; side++) {
		int counted = 0;

		for (int64_t at = 0; at < 200; at++)
			counted += f.h2h.cells[H2H_ADD].ns[side][at] > 0;
		assert_int_equal(counted, 150);
	}
	assert_int_equal(f.h2h.cells[H2H_GET].arms[1].ok, 200);
	/* Nor is a side that fails faster or slower in anything. */
	for (size_t i = 0; i < f.judgement.count; i++) {
		const struct h2h_row *row = &f.judgement.rows[i];

		assert_int_equal(row->comparison.verdict, STATS_NOT_COMPARABLE);
		assert_non_null(strstr(row->why, "B failed 25\xc2\xa0% of "));
		assert_int_equal(row->pairs_needed, 0);
	}
	close_all(&f);
}

/* 200 pairs would take a minute of timeouts. */
static void a_side_that_succeeds_no_more_ends_the_run(void **state)
{
	struct fixture f;

	(void)state;
	open_sides_with(&f, "store:memory", "store:fault?fault.over=memory&fault.hang_every=1", 50);
	run(&f, &(struct h2h_config){.blocks = 5, .pairs = 40, .seed = 4});
	assert_int_equal(f.h2h.gone, 1);
	assert_string_equal(f.h2h.gone_error, "OUTCOME_UNKNOWN");
	assert_int_equal(f.h2h.blocks_done, 0);
	assert_int_equal(f.h2h.cells[H2H_CREATE].arms[1].ok, 0);
	assert_in_range(f.h2h.cells[H2H_CREATE].arms[1].tried, 1, H2H_GONE_PAIRS);
	close_all(&f);
}

static void a_signal_ends_it_and_keeps_the_blocks_that_were_done(void **state)
{
	struct fixture f;

	(void)state;
	open_sides(&f, "store:memory", "store:memory");
	bench_interrupt_catch();
	raise(SIGINT);
	run(&f, &(struct h2h_config){.blocks = 1000, .pairs = 1000, .seed = 5});
	assert_true(f.h2h.interrupted);
	assert_int_equal(f.h2h.blocks_done, 0);
	assert_int_equal(f.judgement.rows[0].block_count, 0);
	assert_int_equal(f.judgement.rows[0].comparison.verdict, STATS_INCONCLUSIVE);
	close_all(&f);
}

static void time_that_is_over_ends_it_after_the_block(void **state)
{
	struct fixture f;

	(void)state;
	open_sides(&f, "store:memory", "store:memory");
	run(&f, &(struct h2h_config){.blocks = 5000, .pairs = 50, .seed = 6, .most_ms = 30});
	assert_true(f.h2h.blocks_done > 0 && f.h2h.blocks_done < 5000);
	assert_false(f.h2h.interrupted);
	assert_int_equal(f.h2h.cells[H2H_GET].arms[0].tried, 50 * f.h2h.blocks_done);
	close_all(&f);
}

static void the_results_hold_what_was_found(void **state)
{
	const json_t *operation, *row;
	struct fixture f;
	struct buf rows = {0};
	json_t *json, *document;

	(void)state;
	open_sides(&f, "store:memory", "store:memory");
	run(&f, &(struct h2h_config){.blocks = 5, .pairs = 40, .seed = 8});
	json = h2h_json(&f.h2h, &question, &f.judgement, NULL, false);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "blocks")), 5);
	operation = json_array_get(json_object_get(json, "operations"), H2H_ADD);
	assert_string_equal(json_string_value(json_object_get(operation, "operation")), "add");
	row = json_array_get(json_object_get(operation, "quantiles"), 0);
	assert_int_equal(json_array_size(json_object_get(row, "log_ratios")), 5);
	assert_true(json_real_value(json_object_get(row, "a_ns")) > 0);
	document = json_pack("{s:o}", "results", json);
	table_write(NULL, &rows, h2h_columns, document, "operations", "quantiles");
	assert_int_equal(strncmp(buf_string(&rows),
				 "operation,quantile,a_ns,b_ns,effect,low,high,blocks,p_difference,"
				 "p_wilcoxon,p_equivalence,verdict,why,invalid,pairs_needed\n",
				 114),
			 0);
	assert_non_null(strstr(buf_string(&rows), "\nadd,0.5,"));
	json_decref(document);
	buf_free(&rows);
	close_all(&f);
}

static void a_result_of_more_sides_than_its_kind_has_is_refused(void **state)
{
	json_t *heads =
		json_pack("{s:s, s:[{}, {}, {}], s:{s:[{s:s, s:[{}, {}, {}]}]}}", "kind", "h2h",
			  "sides", "results", "operations", "operation", "add", "success");
	struct cart_error error;

	(void)state;
	assert_non_null(heads);
	assert_null(compare_results(heads, heads, 0.05, 0.95, &error));
	assert_non_null(strstr(error.text, "3 and 3 sides"));
	json_decref(heads);
}

static void what_is_too_short_to_compare_decides_nothing(void **state)
{
	json_t *run = json_pack("{s:s, s:{s:s, s:[{s:i, s:f, s:f}, {s:i, s:f, s:f}]}}", "kind",
				"run", "results", "mode", "closed", "seconds", "ok", 100, "p50_ms",
				1.0, "p99_ms", 2.0, "ok", 110, "p50_ms", 1.1, "p99_ms", 2.1);
	struct cart_error error;
	json_t *compared, *row;
	size_t at;

	(void)state;
	assert_non_null(run);
	compared = compare_results(run, run, 0.05, 0.95, &error);
	assert_int_equal(json_array_size(json_object_get(compared, "rows")), 3);
	json_array_foreach(json_object_get(compared, "rows"), at, row)
	{
		assert_string_equal(json_string_value(json_object_get(row, "verdict")),
				    "INCONCLUSIVE");
		assert_string_equal(json_string_value(json_object_get(row, "not_judged")),
				    "too short");
		assert_true(json_number_value(json_object_get(row, "p_difference")) == 1);
		assert_true(json_number_value(json_object_get(row, "p_mann_whitney")) == 1);
	}
	json_decref(compared);
	json_decref(run);
}

/* An archived run of 20 seconds: so many a second succeeded, of 1,000 that were asked. */
static json_t *make_run(int succeeded)
{
	json_t *seconds = json_array();

	for (int i = 0; i < 20; i++)
		json_array_append_new(seconds, json_pack("{s:i, s:f, s:f}", "ok", succeeded + i % 3,
							 "p50_ms", 1.0, "p99_ms", 2.0));
	return json_pack("{s:s, s:[{}], s:{s:s, s:[{s:s, s:i, s:i}], s:o}}", "kind", "run", "sides",
			 "results", "mode", "closed", "operations", "operation", "add", "tried",
			 20000, "ok", 20 * succeeded, "seconds", seconds);
}

/* Three in ten fail at once: more succeed in a second, and that is no win. */
static void archived_runs_are_not_compared_where_one_fails(void **state)
{
	json_t *whole = make_run(1000), *failing = make_run(700), *fast = make_run(1000), *compared;
	json_t *row, *seconds = json_object_get(json_object_get(fast, "results"), "seconds"),
		     *second;
	struct cart_error error;
	size_t at;

	(void)state;
	json_array_foreach(seconds, at, second)
		json_object_set_new(second, "ok", json_integer(5000 + (json_int_t)at % 3));
	compared = compare_results(whole, fast, 0.05, 0.95, &error);
	row = json_array_get(json_object_get(compared, "rows"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "verdict")), "B WINS");
	json_decref(compared);
	json_object_set(json_object_get(failing, "results"), "seconds", seconds);
	for (int turned = 0; turned < 2; turned++) {
		compared = compare_results(turned ? failing : whole, turned ? whole : failing, 0.05,
					   0.95, &error);
		json_array_foreach(json_object_get(compared, "rows"), at, row)
		{
			assert_string_equal(json_string_value(json_object_get(row, "verdict")),
					    "NOT COMPARABLE");
			assert_non_null(
				strstr(json_string_value(json_object_get(row, "not_judged")),
				       " failed 30\xc2\xa0% of add"));
		}
		json_decref(compared);
	}
	json_decref(whole);
	json_decref(failing);
	json_decref(fast);
}

/* An archived head-to-head of two lines of 20 blocks, all alike, that say why. */
static json_t *make_heads(const char *first, const char *second)
{
	json_t *ratios = json_array(), *result;

	for (int i = 0; i < 20; i++)
		json_array_append_new(ratios, json_real(0.001 * (i % 3)));
	result = json_pack("{s:s, s:[{}, {}], s:{s:[{s:s, s:[{s:f, s:O, s:s}, {s:f, s:O, s:s}]}]}}",
			   "kind", "h2h", "sides", "results", "operations", "operation", "add",
			   "quantiles", "q", 0.5, "log_ratios", ratios, "why", first, "q", 0.95,
			   "log_ratios", ratios, "why", second);
	json_decref(ratios);
	return result;
}

/* The blocks of a side that stood still in the open loop are as before. */
static void archived_heads_are_not_compared_where_one_stood_still(void **state)
{
	json_t *whole = make_heads("", "B is slower, and growing"), *compared;
	json_t *still = make_heads("B stood still", "B stood still");
	struct cart_error error;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const json_t *row;

		compared = compare_results(i == 1 ? still : whole, i == 2 ? still : whole, 0.05,
					   0.95, &error);
		row = json_array_get(json_object_get(compared, "rows"), 0);
		assert_string_equal(json_string_value(json_object_get(row, "verdict")),
				    i == 0 ? "EQUIVALENT" : "NOT COMPARABLE");
		if (i > 0)
			assert_string_equal(json_string_value(json_object_get(row, "not_judged")),
					    i == 1 ? "in the old result B stood still"
						   : "in the new result B stood still");
		json_decref(compared);
	}
	json_decref(whole);
	json_decref(still);
}

static void what_was_invalid_alone_is_not_compared(void **state)
{
	json_t *whole = make_heads("", ""), *compared;
	json_t *invalid = make_heads("", "");
	struct cart_error error;

	(void)state;
	json_object_set_new(invalid, "invalid", json_string("the machine was busy"));
	for (int i = 0; i < 2; i++) {
		const json_t *row;

		compared = compare_results(i == 0 ? invalid : whole, i == 1 ? invalid : whole, 0.05,
					   0.95, &error);
		row = json_array_get(json_object_get(compared, "rows"), 0);
		assert_string_equal(json_string_value(json_object_get(row, "verdict")),
				    "NOT COMPARABLE");
		assert_string_equal(json_string_value(json_object_get(row, "not_judged")),
				    i == 0 ? "the old result is INVALID: the machine was busy"
					   : "the new result is INVALID: the machine was busy");
		json_decref(compared);
	}
	json_decref(whole);
	json_decref(invalid);
}

static void series_are_summed_by_their_whole_name(void **state)
{
	static const char text[] = "# HELP cart_x_total what\n"
				   "cart_x_total{a=\"1\",b=\"}\"} 3\n"
				   "cart_x_total{a=\"2\"} 4\n"
				   "cart_x_total_more{a=\"1\"} 100\n"
				   "cart_y 0.5\n";

	(void)state;
	assert_true(bench_calls_sum(text, "cart_x_total") == 7);
	assert_true(bench_calls_sum(text, "cart_y") == 0.5);
	assert_true(bench_calls_sum(text, "cart_z") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_ratios_are_found_and_judged),
		cmocka_unit_test(a_quantile_with_few_pairs_beyond_is_not_judged),
		cmocka_unit_test(a_side_that_drifts_is_said_to),
		cmocka_unit_test(a_side_that_is_slower_in_every_block_has_lost),
		cmocka_unit_test(
			honest_sides_get_no_false_verdict_however_the_blocks_resemble_each_other),
		cmocka_unit_test(the_open_loop_is_judged_at_p99_and_by_who_stands_still),
		cmocka_unit_test(what_cartbench_was_late_by_decides_nothing),
		cmocka_unit_test(a_side_that_stalls_loses_however_it_hides_the_gap),
		cmocka_unit_test(who_waits_is_seen_where_no_gap_is),
		cmocka_unit_test(where_both_stand_still_neither_wins),
		cmocka_unit_test(a_side_that_slows_the_other_down_does_not_win),
		cmocka_unit_test(an_honest_side_is_not_accused_of_carry_over_and_a_liar_always_is),
		cmocka_unit_test(a_side_gets_no_better_verdict_by_when_it_is_slow),
		cmocka_unit_test(a_side_that_is_fast_for_the_first_pairs_of_a_block_gains_nothing),
		cmocka_unit_test(a_busy_machine_is_said_to_be),
		cmocka_unit_test(every_cycle_makes_a_pair_of_each_operation),
		cmocka_unit_test(a_side_that_is_made_slower_loses),
		cmocka_unit_test(operations_that_fail_are_counted_and_not_timed),
		cmocka_unit_test(a_side_that_succeeds_no_more_ends_the_run),
		cmocka_unit_test(time_that_is_over_ends_it_after_the_block),
		cmocka_unit_test(the_results_hold_what_was_found),
		cmocka_unit_test(a_result_of_more_sides_than_its_kind_has_is_refused),
		cmocka_unit_test(what_is_too_short_to_compare_decides_nothing),
		cmocka_unit_test(archived_runs_are_not_compared_where_one_fails),
		cmocka_unit_test(archived_heads_are_not_compared_where_one_stood_still),
		cmocka_unit_test(what_was_invalid_alone_is_not_compared),
		cmocka_unit_test(series_are_summed_by_their_whole_name),
		/* The last: a signal is remembered. */
		cmocka_unit_test(a_signal_ends_it_and_keeps_the_blocks_that_were_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
