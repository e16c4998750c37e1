/*
 * `cartbench gate`: whether a new build is slower, or takes more, than an old one.
 *
 * The happy path: the three targets are opened, HEAD gets as many carts as BASE will have had, the
 * runs that bench/gate/gate.h wants are made one after another, and the outcome is the exit status.
 *
 * The ways in which it fails. A target that cannot be opened, or goes away, or a control that does
 * not come out as it must: INVALID, with what was measured kept. Ctrl-C likewise.
 */
#include "bench/gate/exact.h"
#include "bench/gate/gate.h"
#include "bench/h2h/show.h"
#include "bench/h2h/h2h.h"
#include "bench/result/result.h"
#include "bench/stats/alloc.h"

#include <stdlib.h>

#define GATE_LEVEL_CLIENTS 16

struct gate_mode {
	struct bench_session *session;
	struct h2h_config config;
	struct gate gate;
	int64_t base_carts; /* that the steps so far have made on BASE */
	bool leveled;	    /* HEAD has as many */
	json_t *runs[GATE_STEPS];
};

static enum bench_exit gate_compare_files(const struct bench_texts *files)
{
	enum bench_exit status = BENCH_INVALID;
	json_t *baseline, *measured = NULL;
	struct cart_error error;
	struct gate_exact *exact = bench_alloc(1, sizeof(*exact));

	baseline = gate_exact_read(files->items[0], &error);
	if (baseline != NULL)
		measured = gate_exact_read(files->items[1], &error);
	if (measured != NULL && gate_exact_compare(exact, baseline, measured, &error) == 0) {
		gate_exact_print(stdout, exact, baseline);
		status = exact->grown > 0 ? BENCH_FAILED : BENCH_PASS;
	} else {
		printf("gate: INVALID: %s\n", error.text);
	}
	json_decref(baseline);
	json_decref(measured);
	free(exact);
	return status;
}

/*
 * When HEAD is measured, the controls have already put carts into BASE, and the size of a store can
 * change its times. So the same number of carts is created on HEAD first, as pairs of HEAD with
 * itself.
 */
static int gate_level(struct gate_mode *mode, struct cart_error *error)
{
	struct bench_drive *const head[H2H_SIDES] = {mode->session->drives[GATE_IS_HEAD],
						     mode->session->drives[GATE_IS_HEAD]};
	struct h2h_config level = mode->config;
	struct h2h h2h;
	int result;

	level.blocks = 1;
	level.pairs = (mode->base_carts + 1) / H2H_SIDES;
	level.warmup_ms = 0;
	level.open.duration_ms = 0;
	level.clients = GATE_LEVEL_CLIENTS;
	h2h_init(&h2h, &level, head);
	result = h2h_run(&h2h, &mode->session->progress, "filling HEAD", error);
	if (result == 0 && h2h.gone >= 0)
		result = cart_error_set(error, "HEAD stopped answering; the last error: %s",
					h2h.gone_error);
	h2h_free(&h2h);
	return result;
}

static int gate_measure_step(struct gate_mode *mode, enum gate_step step, struct cart_error *error)
{
	struct bench_drive *const drives[H2H_SIDES] = {
		mode->session->drives[GATE_BASE], mode->session->drives[gate_steps[step].target]};
	struct h2h_question question = gate_question(&mode->gate.rule, step);
	struct h2h_config config = mode->config;
	struct h2h_judgement judgement;
	struct h2h h2h;
	int result;
	bool told;

	if (step == GATE_HEAD && !mode->leveled && gate_level(mode, error) != 0)
		return -1;
	mode->leveled = step >= GATE_HEAD;
	config.blocks <<= mode->gate.doublings;
	config.seed = mode->config.seed + (uint64_t)step;
	config.slow_b = gate_steps[step].slowed ? mode->gate.rule.slow : 0;
	if (gate_steps[step].slowed)
		config.open.duration_ms = 0; /* what slows the pairs does not slow it */
	h2h_init(&h2h, &config, drives);
	result = h2h_run(&h2h, &mode->session->progress, gate_steps[step].name, error);
	bench_progress_end(&mode->session->progress);
	if (result == 0) {
		h2h_judge(&judgement, &h2h, &question);
		told = gate_note(&mode->gate, step, &h2h, &judgement);
		json_decref(mode->runs[step]);
		mode->runs[step] = h2h_json(&h2h, &question, &judgement, NULL, false);
		h2h_judgement_free(&judgement);
		mode->base_carts += h2h.warmup_cycles + config.blocks * config.pairs;
		if (h2h.open.made)
			mode->config.open.rate = h2h.open.rate;
		if (!mode->session->values.json) {
			gate_print_step(stdout, &mode->gate, step);
			if (!told)
				printf("not decided by %lld blocks: measured again, with twice as "
				       "many\n",
				       (long long)config.blocks);
			fflush(stdout);
		}
	}
	h2h_free(&h2h);
	return result;
}

static enum bench_exit gate_measure(struct gate_mode *mode)
{
	struct bench_session *session = mode->session;
	enum bench_exit outcome, ended;
	char why[GATE_WHY_MAX];
	struct cart_error error;
	enum gate_step step;
	int result = 0;

	while (result == 0 && (step = gate_next(&mode->gate)) != GATE_END)
		result = gate_measure_step(mode, step, &error);
	bench_progress_end(&session->progress);
	outcome = gate_decide(&mode->gate, why);
	if (result != 0) {
		outcome = BENCH_INVALID;
		snprintf(why, sizeof(why), "%.*s", GATE_WHY_MAX - 1, error.text);
	}
	json_object_set_new(session->result, "results",
			    gate_json(&mode->gate, mode->runs, outcome, why));
	if (outcome == BENCH_INVALID)
		bench_result_invalidate(session->result, "%s", why);
	gate_rows(&session->rows, &mode->gate);
	session->says_outcome = true;
	ended = bench_session_end(session, outcome);
	if (ended != outcome && outcome == BENCH_PASS) {
		outcome = ended;
		snprintf(why, sizeof(why), "the result could not be kept");
	}
	gate_print_outcome(session->values.json ? stderr : stdout, outcome, why);
	return outcome;
}

static enum bench_exit gate_run_mode(struct bench_session *session)
{
	struct gate_mode mode = {.session = session};
	const struct bench_values *values = &session->values;
	struct gate_rule *rule = &mode.gate.rule;

	if (values->exact && (session->argc != 4 || session->arguments.count != 2))
		return bench_options_refuse(session->mode,
					    "--exact takes two files and nothing else");
	if (values->exact)
		return gate_compare_files(&session->arguments);
	rule->limit = values->limit;
	rule->confidence = values->confidence;
	rule->busy = values->busy;
	rule->slow = values->control > 0 ? values->control : 2 * values->limit;
	if (rule->slow <= rule->limit)
		return bench_options_refuse(
			session->mode,
			"--control is to be above --limit, or it could never be found");
	if (!h2h_setup(&mode.config, session))
		return BENCH_INVALID;
	if (!bench_session_open(session, gate_target_names)) {
		gate_print_outcome(stdout, BENCH_INVALID,
				   "not all targets can be opened and compared");
		return BENCH_INVALID;
	}
	return gate_measure(&mode);
}

const struct bench_mode gate_mode = {
	.name = "gate",
	.arguments = "BASE=TARGET SAME=TARGET HEAD=TARGET, or --exact BASELINE.json MEASURED.json",
	.arguments_min = 2,
	.arguments_max = 3,
	.summary = "for CI: whether a new build is slower than an old one, or takes more",
	.takes = {"exact", "limit", "control", "confidence", "duration=5s", H2H_TAKES,
		  BENCH_TAKES_COMMON},
	.about = "Compares a new build (HEAD) with an old one, of which two processes run\n"
		 "(BASE, SAME), in pairs of operations. It is a regression when an operation's\n"
		 "interval lies above the limit at p50, and in a second run too; so is one\n"
		 "that fails more often, and p99 and standing still in an open loop. Two controls "
		 "show first that this can be seen here:\n"
		 "SAME must come out like BASE, and made slower it must be found by the same\n"
		 "rule. Where a control does not tell, it and all after it are measured with\n"
		 "twice as many blocks, twice at most.\n"
		 "With --exact: compares the counts of `bench/perf/run-exact` with a baseline.\n"
		 "Any that grew is a regression; instructions may grow by 2 %.\n",
	.more = "Exit status: 0 no regression; 1 regression; 2 nothing may be concluded: a\n"
		"control did not come out as it must, a target is gone, a file is not whole; 3 a\n"
		"target does not hold what it acknowledged.\n",
	.example = "cartbench gate --pin 1 BASE=http://127.0.0.1:8081 SAME=http://127.0.0.1:8082 "
		   "HEAD=http://127.0.0.1:8083",
	.run = gate_run_mode,
};
