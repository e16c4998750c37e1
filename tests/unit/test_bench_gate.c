/* The gate's rule on blocks that were made up: what passes, what is a regression, and that nothing
 * follows from a machine on which the controls do not come out. */
#include "bench/gate/gate.h"
#include "bench/gate/gate.h"
#include "core/base/buf.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS 30
#define PAIRS  200

/* How a run comes out, by operation: the ratio of B to A, and the share of B's that fail. */
struct made_up {
	double ratio[H2H_OPERATIONS];
	double failing[H2H_OPERATIONS];
	double noise;	/* of a block, either way: 0.1 is up to 10 % */
	int gone;	/* the side + 1 */
	int64_t blocks; /* 0: BLOCKS */
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
	const struct h2h_config config = {.blocks = BLOCKS, .pairs = PAIRS};
	struct bench_drive *const none[H2H_SIDES] = {NULL};
	struct h2h_question question = gate_question(&gate->rule, step);
	int64_t blocks = of->blocks > 0 ? of->blocks : BLOCKS;
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
	assert_int_equal(DECIDE(&gate, &noisy), BENCH_INVALID);
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
	assert_int_equal(DECIDE(&gate, &alike, &lost), BENCH_INVALID);
	assert_says("made 10 % slower was not found");
	/* Found once is not found: the rule wants a second run. */
	assert_int_equal(DECIDE(&gate, &alike, &slow, &alike), BENCH_INVALID);
	assert_says("made 10 % slower was not found");
	/* In one operation is not in all. */
	assert_int_equal(DECIDE(&gate, &alike, &add_slower), BENCH_INVALID);
	assert_says("create ");
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
		cmocka_unit_test(a_target_that_is_gone_is_invalid_whichever_it_is),
		cmocka_unit_test(blocks_too_few_are_invalid),
		cmocka_unit_test(a_build_that_fails_more_is_a_regression),
		cmocka_unit_test(what_was_not_measured_is_not_green),
		cmocka_unit_test(the_document_and_the_rows_hold_every_run_that_was_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
