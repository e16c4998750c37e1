/* The gate's rule on blocks that were made up: what passes, what is a regression, and that nothing
 * follows from a machine on which the controls do not come out. */
#include "bench/gate/gate.h"
#include "core/base/buf.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/draws.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS	   30
#define PAIRS	   200
#define BLOCKS_MAX 160

/* How a run comes out, by operation: the ratio of B to A, and the share of B's that fail. */
struct made_up {
	double ratio[H2H_OPERATIONS];
	double failing[H2H_OPERATIONS];
	double noise;	/* of a block, either way: 0.1 is up to 10 % */
	int gone;	/* the side + 1 */
	int64_t blocks; /* 0: BLOCKS */
	int64_t gap_ns; /* B's longest in the open loop, where A's was 10 ms; 0: there was none */
};

static const struct made_up alike = {.ratio = {1, 1.004, 0.996}};
static const struct made_up slow = {.ratio = {1.10, 1.10, 1.10}};
static const struct made_up noisy = {.ratio = {1, 1, 1}, .noise = 0.5};
static const struct made_up add_slower = {.ratio = {1, 1.08, 1}};
static const struct made_up get_slower = {.ratio = {1, 1, 1.08}};
static const struct made_up a_little_slower = {.ratio = {1.03, 1.03, 1.03}};

static void fill_cell(struct h2h_cell *cell, const struct made_up *of, int operation,
		      int64_t blocks, struct bench_rng *rng)
{
	for (int64_t block = 0; block < blocks; block++) {
		double luck = 1 + of->noise * (2 * bench_rng_unit(rng) - 1);

		for (int64_t at = block * PAIRS; at < (block + 1) * PAIRS; at++) {
			bool fails = bench_rng_unit(rng) < of->failing[operation];

			for (int side = 0; side < H2H_SIDES; side++) {
				double ns = 100000 + (double)bench_rng_exponential(rng, 5000);

				cell->arms[side].tried++;
				cell->arms[side].ok += side == 0 || !fails;
				if (!fails)
					cell->ns[side][at] =
						(int64_t)(ns *
							  (side == 0
								   ? 1
								   : luck * of->ratio[operation]));
			}
		}
	}
}

static void note(struct gate *gate, enum gate_step step, const struct made_up *of)
{
	int64_t blocks = (of->blocks > 0 ? of->blocks : BLOCKS) << gate->doublings;
	const struct h2h_config config = {.blocks = blocks, .pairs = PAIRS};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h_question question = gate_question(&gate->rule, step);
	struct h2h_judgement judgement;
	struct bench_rng rng;
	struct h2h h2h;

	bench_rng_init(&rng, 11, (uint64_t)step);
	h2h_init(&h2h, &config, none);
	for (int i = 0; i < H2H_OPERATIONS; i++)
		fill_cell(&h2h.cells[i], of, i, blocks, &rng);
	h2h.blocks_done = blocks;
	if (of->gone > 0) {
		h2h.gone = of->gone - 1;
		strcpy(h2h.gone_error, "connection");
	}
	if (of->gap_ns > 0) {
		h2h.open = (struct h2h_open){.made = true, .rate = 100, .duration_ms = 1000};
		h2h.open.sides[0].gap_ns = 10000000;
		h2h.open.sides[1].gap_ns = of->gap_ns;
		for (int side = 0; side < H2H_SIDES; side++)
			tally_init(&h2h.open.sides[side].tally, true);
	}
	h2h_judge(&judgement, &h2h, &question);
	gate_note(gate, step, &h2h, &judgement);
	h2h_judgement_free(&judgement);
	h2h_free(&h2h);
}

static char why[GATE_WHY_MAX];

/* Makes the runs that the gate asks for, as far as there are any; they come out as listed. */
static enum bench_exit decide(struct gate *gate, const struct made_up *const *runs)
{
	enum gate_step step;

	*gate = (struct gate){.rule = {.limit = 0.05, .slow = 0.10, .confidence = 0.95}};
	while (*runs != NULL && (step = gate_next(gate)) != GATE_END)
		note(gate, step, *runs++);
	assert_null(*runs); /* all were asked for */
	return gate_decide(gate, why);
}

#define DECIDE(gate_, ...) decide(gate_, (const struct made_up *const[]){__VA_ARGS__, NULL})
#define CONTROLS	   &alike, &slow, &slow

static void assert_says(const char *text)
{
	if (strstr(why, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why, text);
}

static void a_build_that_is_alike_passes_in_one_run(void **state)
{
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, CONTROLS, &alike), BENCH_PASS);
	assert_false(gate.runs[GATE_HEAD_AGAIN].made);
	assert_says("no operation of HEAD was found to be more than 5 % slower");
	/* What was not measured is not said to be right. */
	assert_says("at p50; p99 in the open loop was not judged");
	gate.runs[GATE_HEAD].lines[H2H_OPEN].judged = true;
	assert_int_equal(gate_decide(&gate, why), BENCH_PASS);
	assert_says("at p50, nor at p99 in the open loop");
}

static void what_is_within_the_limit_passes(void **state)
{
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, CONTROLS, &a_little_slower), BENCH_PASS);
}

static void a_regression_is_one_that_a_second_run_agrees_with(void **state)
{
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, CONTROLS, &add_slower, &add_slower), BENCH_FAILED);
	assert_says("HEAD is worse, twice: add +");
}

static void what_comes_once_and_not_again_passes(void **state)
{
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, CONTROLS, &add_slower, &alike), BENCH_PASS);
	assert_says("the second run does not agree");
}

static void another_operation_does_not_agree(void **state)
{
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, CONTROLS, &add_slower, &get_slower), BENCH_PASS);
}

static void the_same_binary_not_shown_to_be_alike_is_invalid(void **state)
{
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, &noisy, &noisy, &noisy), BENCH_INVALID);
	assert_says("one binary against itself was not shown to be within 5 %");
	/* Nor is one that differs for certain. */
	assert_int_equal(DECIDE(&gate, &get_slower), BENCH_INVALID);
	assert_says("get +");
}

static void a_slow_control_that_is_not_found_is_invalid(void **state)
{
	static const struct made_up lost = {.ratio = {1.10, 1.10, 1.10}, .noise = 0.6};
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, &alike, &alike), BENCH_INVALID);
	assert_says("made 10 % slower was not found");
	assert_int_equal(DECIDE(&gate, &alike, &lost, &lost, &lost), BENCH_INVALID);
	assert_says("made 10 % slower was not found");
	/* Found once is not found: the rule wants a second run. */
	assert_int_equal(DECIDE(&gate, &alike, &slow, &alike), BENCH_INVALID);
	assert_says("made 10 % slower was not found");
	/* In one operation is not in all. */
	assert_int_equal(DECIDE(&gate, &alike, &add_slower), BENCH_INVALID);
	assert_says("create ");
}

/* Logarithms of the ratios of 20 blocks of a control that was made 120 % slower, on a machine on
 * which nothing else ran, with a limit of 60 %: every block is above that. Neighbours resemble each
 * other so much that the interval, +34 to +252 %, is not. */
static const double recorded[20] = {0.76, 0.89, 0.90, 0.72, 0.67, 0.58, 0.76, 0.96, 1.12, 1.04,
				    0.92, 0.82, 0.70, 0.79, 0.79, 0.70, 0.74, 0.53, 0.65, 0.50};

/* A run whose lines have these rows of blocks. Returns what gate_note() does. */
static bool note_rows(struct gate *gate, enum gate_step step,
		      double rows[H2H_OPERATIONS][BLOCKS_MAX], size_t count)
{
	static const struct h2h h2h = {.gone = -1};
	struct h2h_question question = gate_question(&gate->rule, step);
	struct h2h_judgement judgement = {.count = H2H_OPERATIONS};
	bool told;

	for (size_t i = 0; i < H2H_OPERATIONS; i++) {
		struct h2h_row *row = &judgement.rows[i];

		row->operation = (enum h2h_operation)i;
		row->log_ratios = malloc(count * sizeof(double));
		memcpy(row->log_ratios, rows[i], count * sizeof(double));
		row->block_count = count;
	}
	h2h_judge_rows(&judgement, 0, &question);
	told = gate_note(gate, step, &h2h, &judgement);
	h2h_judgement_free(&judgement);
	return told;
}

static void a_control_that_chance_has_spread_is_measured_again_with_more_blocks(void **state)
{
	struct gate gate = {.rule = {.limit = 0.60, .slow = 1.20, .confidence = 0.95}};
	double rows[H2H_OPERATIONS][BLOCKS_MAX] = {{0}};

	(void)state;
	for (int i = 0; i < H2H_OPERATIONS; i++)
		for (int at = 0; at < 20; at++)
			rows[i][at] = 0.01 * (at % 3);
	assert_true(note_rows(&gate, GATE_SAME, rows, 20));
	for (int i = 0; i < H2H_OPERATIONS; i++)
		memcpy(rows[i], recorded, sizeof(recorded));
	assert_false(note_rows(&gate, GATE_SLOW, rows, 20));
	assert_int_equal(gate_next(&gate), GATE_SLOW);
	assert_int_equal(gate.doublings, 1);
	/* Twice the same: the waves are as long as they were, the row is longer. */
	for (int i = 0; i < H2H_OPERATIONS; i++)
		memcpy(rows[i] + 20, recorded, sizeof(recorded));
	assert_true(note_rows(&gate, GATE_SLOW, rows, 40));
	assert_int_equal(gate_next(&gate), GATE_SLOW_AGAIN);
}

/* Gates that are made up of normal noise, which a limit of 5 % and a control of 10 % are two of its
 * standard deviations apart. blocks: at first. */
struct outcomes {
	int of[4]; /* enum bench_exit */
	int more;  /* that measured a run again */
};

static struct outcomes simulate(double phi, size_t blocks, double head, int gates)
{
	static const struct gate_rule rule = {.limit = 0.05, .slow = 0.10, .confidence = 0.95};
	const double scale = log(1.10 / 1.05) / 2 * sqrt(1 - phi * phi);
	double rows[H2H_OPERATIONS][BLOCKS_MAX];
	struct outcomes outcomes = {.more = 0};
	struct bench_rng rng;

	bench_rng_init(&rng, 17, blocks);
	for (int at = 0; at < gates; at++) {
		struct gate gate = {.rule = rule};
		enum gate_step step;

		while ((step = gate_next(&gate)) != GATE_END) {
			size_t count = blocks << gate.doublings;
			double ratio = gate_steps[step].slowed ? rule.slow
				       : step >= GATE_HEAD     ? head
							       : 0;

			for (int i = 0; i < H2H_OPERATIONS; i++) {
				draws_row(&rng, draws_normal, phi, rows[i], count);
				for (size_t k = 0; k < count; k++)
					rows[i][k] = log1p(ratio) + scale * rows[i][k];
			}
			note_rows(&gate, step, rows, count);
		}
		outcomes.of[gate_decide(&gate, why)]++;
		outcomes.more += gate.doublings > 0;
	}
	return outcomes;
}

static void gates_of_a_quiet_machine_conclude_and_accuse_nobody(void **state)
{
	static const double phis[] = {0, 0.3, 0.6};
	static const size_t counts[] = {12, 20, 40};
	int gates = getenv("TEST_GATES") != NULL ? atoi(getenv("TEST_GATES")) : 200;

	(void)state;
	for (int at = 0; at < 9; at++) {
		double phi = phis[at % 3];
		size_t count = counts[at / 3];
		struct outcomes alike_ones = simulate(phi, count, 0, gates);
		struct outcomes at_limit = simulate(phi, count, 0.05, gates);
		struct outcomes slower = simulate(phi, count, 0.10, gates);

		print_message("%zu blocks, autoregression %g, %d gates: of equals %d regressions, "
			      "%d invalid, %d measured again; at the limit %d regressions; %d of "
			      "those 10 %% slower\n",
			      count, phi, gates, alike_ones.of[BENCH_FAILED],
			      alike_ones.of[BENCH_INVALID], alike_ones.more,
			      at_limit.of[BENCH_FAILED], slower.of[BENCH_FAILED]);
		assert_int_equal(alike_ones.of[BENCH_FAILED], 0);
		assert_true(at_limit.of[BENCH_FAILED] <= gates / 50);
		if (phi < 0.6 && count >= 20)
			assert_true(alike_ones.of[BENCH_INVALID] <= gates / 50);
	}
}

static void a_target_that_is_gone_is_invalid_whichever_it_is(void **state)
{
	static const struct made_up base_gone = {.ratio = {1, 1, 1}, .gone = 1};
	static const struct made_up other_gone = {.ratio = {1, 1, 1}, .gone = 2};
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, &base_gone), BENCH_INVALID);
	assert_says("BASE stopped answering; the last error: connection");
	assert_int_equal(DECIDE(&gate, &other_gone), BENCH_INVALID);
	assert_says("SAME stopped answering");
	assert_int_equal(DECIDE(&gate, CONTROLS, &other_gone), BENCH_INVALID);
	assert_says("HEAD stopped answering");
}

static void blocks_too_few_are_invalid(void **state)
{
	static const struct made_up few = {.ratio = {1, 1, 1}, .blocks = 4};
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, CONTROLS, &few), BENCH_INVALID);
	assert_says("too few blocks with pairs enough of create");
}

static void a_build_that_fails_more_is_a_regression(void **state)
{
	static const struct made_up failing = {.ratio = {1, 1, 1}, .failing = {0, 0.02, 0}};
	static const struct made_up broken = {.ratio = {1, 1, 1}, .failing = {0, 1, 0}};
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, CONTROLS, &failing, &failing), BENCH_FAILED);
	assert_says("add failed ");
	assert_int_equal(DECIDE(&gate, CONTROLS, &failing, &alike), BENCH_PASS);
	/* Not one pair can be timed then. */
	assert_int_equal(DECIDE(&gate, CONTROLS, &broken, &broken), BENCH_FAILED);
	assert_says("add failed 6000 of 6000 times");
	/* A control that fails shows nothing. */
	assert_int_equal(DECIDE(&gate, &failing), BENCH_INVALID);
	assert_says("one binary against itself was not shown to be within 5 %: add failed ");
}

/* In no pair it is slower. */
static void a_build_that_stands_still_is_a_regression(void **state)
{
	static const struct made_up still = {.ratio = {1, 1, 1}, .gap_ns = 1000000000};
	static const struct made_up flowing = {.ratio = {1, 1, 1}, .gap_ns = 12000000};
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, &flowing, &slow, &slow, &still, &still), BENCH_FAILED);
	assert_says("HEAD is worse, twice: open loop: HEAD stood still for 1,000\xc2\xa0ms, BASE "
		    "for 10.0\xc2\xa0ms, then ");
	assert_int_equal(DECIDE(&gate, &flowing, &slow, &slow, &flowing), BENCH_PASS);
	assert_int_equal(DECIDE(&gate, &flowing, &slow, &slow, &still, &flowing), BENCH_PASS);
	/* A control that does shows nothing, however often it is measured again. */
	assert_int_equal(DECIDE(&gate, &still, &still, &still), BENCH_INVALID);
	assert_says("open loop: SAME stood still for ");
}

static void what_was_not_measured_is_not_green(void **state)
{
	struct gate gate;

	(void)state;
	assert_int_equal(DECIDE(&gate, &alike), BENCH_INVALID);
	assert_int_equal(DECIDE(&gate, CONTROLS), BENCH_INVALID);
	assert_int_equal(DECIDE(&gate, CONTROLS, &add_slower), BENCH_INVALID);
	assert_says("head_again was not measured");
}

static void the_document_and_the_rows_hold_every_run_that_was_made(void **state)
{
	json_t *runs[GATE_STEPS] = {json_object(), json_object(), json_object(), json_object(),
				    json_object()};
	struct buf rows = {0};
	struct gate gate;
	json_t *json;

	(void)state;
	assert_int_equal(DECIDE(&gate, CONTROLS, &add_slower, &add_slower), BENCH_FAILED);
	json = gate_json(&gate, runs, BENCH_FAILED, why);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "outcome")), "regression");
	assert_int_equal(json_array_size(json_object_get(json, "runs")), GATE_STEPS);
	for (int i = 0; i < GATE_STEPS; i++) {
		const json_t *run = json_array_get(json_object_get(json, "runs"), (size_t)i);
		size_t worse = json_array_size(json_object_get(run, "worse"));

		assert_string_equal(json_string_value(json_object_get(run, "run")),
				    gate_steps[i].name);
		assert_int_equal(worse, i == GATE_SAME ? 0 : i <= GATE_SLOW_AGAIN ? 3 : 1);
	}
	json_decref(json);
	gate_rows(&rows, &gate);
	buf_add_char(&rows, '\0');
	assert_non_null(strstr(rows.data, "\nhead_again,get,"));
	buf_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_build_that_is_alike_passes_in_one_run),
		cmocka_unit_test(what_is_within_the_limit_passes),
		cmocka_unit_test(a_regression_is_one_that_a_second_run_agrees_with),
		cmocka_unit_test(what_comes_once_and_not_again_passes),
		cmocka_unit_test(another_operation_does_not_agree),
		cmocka_unit_test(the_same_binary_not_shown_to_be_alike_is_invalid),
		cmocka_unit_test(a_slow_control_that_is_not_found_is_invalid),
		cmocka_unit_test(
			a_control_that_chance_has_spread_is_measured_again_with_more_blocks),
		cmocka_unit_test(gates_of_a_quiet_machine_conclude_and_accuse_nobody),
		cmocka_unit_test(a_target_that_is_gone_is_invalid_whichever_it_is),
		cmocka_unit_test(blocks_too_few_are_invalid),
		cmocka_unit_test(a_build_that_fails_more_is_a_regression),
		cmocka_unit_test(a_build_that_stands_still_is_a_regression),
		cmocka_unit_test(what_was_not_measured_is_not_green),
		cmocka_unit_test(the_document_and_the_rows_hold_every_run_that_was_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
