/*
 * `cartbench gate`: whether a new build is slower, or takes more, than an old one.
 *
 * The happy path: the three targets are opened, HEAD gets as many carts as BASE will have had, the
 * runs that bench/gate/gate.h wants are made one after another, and the outcome is the exit status.
 *
 * The ways in which it fails. A target that cannot be opened, or goes away, or a control that does
 * not come out as it must: INVALID, with what was measured kept. Ctrl-C likewise.
 */
#include "bench/cli/common.h"
#include "bench/gate/gate.h"
#include "bench/gate/exact.h"
#include "bench/gate/print.h"
#include "bench/h2h/json.h"
#include "bench/h2h/options.h"
#include "bench/h2h/print.h"
#include "bench/cli/interrupt.h"
#include "bench/cli/mode.h"
#include "bench/cli/options.h"
#include "bench/cli/progress.h"
#include "bench/result/result.h"
#include "core/base/buf.h"
#include "core/base/clock.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define GATE_PROGRESS_MAX  256
#define GATE_LEVEL_CLIENTS 16

struct gate_options {
	bool exact;
	struct h2h_config config;
	struct gate_rule rule;
};

#define GATE_AT(member_) .at = offsetof(struct gate_options, member_)

static const struct bench_option gate_table[] = {
	{.name = "exact",
	 .type = OPTION_FLAG,
	 GATE_AT(exact),
	 .help = "compares two files of exact counts, and measures nothing; takes no other option"},
	{.name = "limit",
	 .type = OPTION_SHARE,
	 GATE_AT(rule.limit),
	 .value = "SHARE",
	 .fallback = "5%",
	 .min = 0.001,
	 .max = 0.99,
	 .help = "HEAD may be slower by so much at p50"},
	{.name = "control",
	 .type = OPTION_SHARE,
	 GATE_AT(rule.slow),
	 .value = "SHARE",
	 .max = 10,
	 .help = "what the control that must be found adds (default: twice the limit)"},
	{.name = "confidence",
	 .type = OPTION_SHARE,
	 GATE_AT(rule.confidence),
	 .value = "SHARE",
	 .fallback = "95%",
	 .min = 0.5,
	 .max = 0.9999,
	 .help = "of the intervals"},
	{0},
};

static const char gate_about[] =
	"Compares a new build (HEAD) with an old one, of which two processes run (BASE, SAME), in\n"
	"pairs of operations. It is a regression when an operation's interval lies above the "
	"limit\n"
	"at p50, and in a second run too; so is one that fails more often. Two controls show\n"
	"first that this can be seen here: SAME must come out like BASE, and made slower it must "
	"be\n"
	"found by the same rule.\n"
	"With --exact: compares the counts of `bench/perf/run-exact` with a baseline. Any that "
	"grew is "
	"a\n"
	"regression; instructions may grow by 2 %.\n";

static const char gate_more[] = "Exit status: 0 no regression; 1 regression; 2 nothing may be "
				"concluded: a control did not\n"
				"come out as it must, a target is gone, a file is not whole.\n";

struct gate_mode {
	struct gate_options options;
	struct bench_common common;
	struct bench_drive *drives[GATE_TARGETS];
	struct gate gate;
	json_t *runs[GATE_STEPS];
	json_t *result;
	struct bench_progress progress;
	const char *doing;
};

static struct bench_options gate_options_of(struct gate_mode *mode)
{
	return (struct bench_options){
		.mode = "gate",
		.arguments = "BASE=TARGET SAME=TARGET HEAD=TARGET, or --exact BASELINE.json "
			     "MEASURED.json",
		.arguments_min = 2,
		.arguments_max = 3,
		.about = gate_about,
		.more = gate_more,
		.example = "cartbench gate --pin 1 BASE=http://127.0.0.1:8081 "
			   "SAME=http://127.0.0.1:8082 HEAD=http://127.0.0.1:8083",
		.tables = {{gate_table, &mode->options},
			   {h2h_pair_options, &mode->options.config},
			   {bench_common_options, &mode->common}},
	};
}

static enum bench_exit gate_compare_files(const struct bench_texts *files)
{
	enum bench_exit status = BENCH_INVALID;
	json_t *baseline, *measured = NULL;
	struct cart_error error;
	struct gate_exact *exact = calloc(1, sizeof(*exact));

	if (exact == NULL)
		abort(); /* at start */
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

static bool gate_open(struct gate_mode *mode, const char *const targets[GATE_TARGETS])
{
	const struct bench_drive_config config = {.timeout_ms = mode->common.timeout_ms};
	struct cart_error error;

	for (int i = 0; i < GATE_TARGETS; i++) {
		const char *name = gate_target_name((enum gate_target)i);

		if (bench_drive_open(&mode->drives[i], targets[i], &config, &error) == 0 &&
		    bench_result_add_side(mode->result, name, mode->drives[i], &mode->common,
					  &error) == 0)
			continue;
		printf("gate: INVALID: %s=%s: %s\n", name, targets[i], error.text);
		return false;
	}
	return true;
}

static void gate_show(const struct h2h *h2h, void *user)
{
	struct gate_mode *mode = user;
	char line[GATE_PROGRESS_MAX];

	h2h_print_progress(line, sizeof(line), h2h);
	bench_progress_show(&mode->progress, "%s: %s", mode->doing, line);
}

/*
 * BASE has made carts in the controls by the time that HEAD is measured, and what is in a store may
 * tell in its times. So HEAD makes as many first, half on each side of pairs of its own.
 */
static int gate_level(struct gate_mode *mode, struct cart_error *error)
{
	const struct h2h_config *config = &mode->options.config;
	struct bench_drive *const head[H2H_SIDES] = {mode->drives[GATE_IS_HEAD],
						     mode->drives[GATE_IS_HEAD]};
	/* Of the steps before. */
	int64_t cycles = GATE_HEAD * (config->warmup + config->blocks * config->pairs);
	struct h2h_config level = *config;
	struct h2h h2h;
	int result;

	level.blocks = 1;
	level.pairs = (cycles + 1) / H2H_SIDES;
	level.warmup = 0;
	level.clients = GATE_LEVEL_CLIENTS;
	mode->doing = "filling HEAD";
	h2h_init(&h2h, &level, head);
	result = h2h_run(&h2h, gate_show, mode, error);
	if (result == 0 && h2h.gone >= 0)
		result = cart_error_set(error, "HEAD answered nothing any more but %s",
					h2h.gone_error);
	h2h_free(&h2h);
	return result;
}

static int gate_measure_step(struct gate_mode *mode, enum gate_step step, struct cart_error *error)
{
	struct bench_drive *const drives[H2H_SIDES] = {mode->drives[GATE_BASE],
						       mode->drives[gate_step_target(step)]};
	struct h2h_question question = gate_question(&mode->gate.rule);
	struct h2h_config config = mode->options.config;
	struct h2h_judgement judgement;
	struct h2h h2h;
	int result;

	if (step == GATE_HEAD && gate_level(mode, error) != 0)
		return -1;
	config.seed = (uint64_t)mode->common.seed + (uint64_t)step;
	config.slow_b = gate_step_is_slowed(step) ? mode->gate.rule.slow : 0;
	mode->doing = gate_step_name(step);
	h2h_init(&h2h, &config, drives);
	result = h2h_run(&h2h, gate_show, mode, error);
	bench_progress_end(&mode->progress);
	if (result == 0) {
		h2h_judge(&judgement, &h2h, &question);
		gate_note(&mode->gate, step, &h2h, &judgement);
		mode->runs[step] = h2h_json(&h2h, &question, &judgement, NULL, false);
		h2h_judgement_free(&judgement);
		if (h2h.interrupted)
			bench_result_interrupt(mode->result);
		if (!mode->common.json) {
			gate_print_step(stdout, &mode->gate, step);
			fflush(stdout);
		}
	}
	h2h_free(&h2h);
	return result;
}

static int gate_deliver(struct gate_mode *mode, enum bench_exit outcome, const char *why,
			struct cart_error *error)
{
	struct buf rows = {0};
	int result;

	json_object_set_new(mode->result, "results",
			    gate_json(&mode->gate, mode->runs, outcome, why));
	if (outcome == BENCH_INVALID)
		bench_result_invalidate(mode->result, "%s", why);
	gate_rows(&rows, &mode->gate);
	buf_add_char(&rows, '\0');
	result = bench_result_deliver(mode->result, &mode->common, rows.data, error);
	buf_free(&rows);
	return result;
}

static enum bench_exit gate_measure(struct gate_mode *mode)
{
	enum bench_exit outcome;
	char why[GATE_WHY_MAX];
	struct cart_error error;
	enum gate_step step;
	int result = 0;

	bench_interrupt_catch();
	bench_progress_begin(&mode->progress, mode->common.quiet);
	while (result == 0 && (step = gate_next(&mode->gate)) != GATE_END)
		result = gate_measure_step(mode, step, &error);
	bench_progress_end(&mode->progress);
	outcome = gate_decide(&mode->gate, why);
	if (result != 0) {
		outcome = BENCH_INVALID;
		snprintf(why, sizeof(why), "%.*s", GATE_WHY_MAX - 1, error.text);
	}
	if (gate_deliver(mode, outcome, why, &error) != 0) {
		fprintf(stderr, "cartbench gate: %s\n", error.text);
		if (outcome == BENCH_PASS) {
			outcome = BENCH_INVALID;
			snprintf(why, sizeof(why), "%.*s", GATE_WHY_MAX - 1, error.text);
		}
	}
	gate_print_outcome(mode->common.json ? stderr : stdout, outcome, why);
	return outcome;
}

/* False: it has been said what is wrong. */
static bool gate_prepare(struct gate_mode *mode, const struct bench_options *options,
			 const struct bench_texts *arguments, const char **targets)
{
	struct gate_rule *rule = &mode->options.rule;
	struct cart_error error;

	for (int i = 0; i < GATE_TARGETS; i++) {
		targets[i] = bench_common_of(arguments, gate_target_name((enum gate_target)i));
		if (targets[i] != NULL)
			continue;
		bench_options_refuse(options,
				     "the targets are given as BASE=%s, SAME=... and "
				     "HEAD=...",
				     "http://127.0.0.1:8081");
		return false;
	}
	if (rule->slow == 0)
		rule->slow = 2 * rule->limit;
	if (rule->slow <= rule->limit) {
		bench_options_refuse(options, "--control is to be above --limit, or it could never "
					      "be found");
		return false;
	}
	if (bench_common_prepare(&mode->common, &error) == 0)
		return true;
	fprintf(stderr, "cartbench gate: %s\n", error.text);
	return false;
}

static enum bench_exit gate_run_mode(int argc, char **argv)
{
	struct gate_mode mode = {.common = BENCH_COMMON_INIT};
	struct bench_options options = gate_options_of(&mode);
	const char *targets[GATE_TARGETS];
	enum bench_exit status = BENCH_INVALID;
	struct bench_texts arguments;

	if (!bench_options_parse(&options, argc, argv, &arguments, &status))
		return status;
	if (mode.options.exact && (argc != 4 || arguments.count != 2))
		return bench_options_refuse(&options, "--exact takes two files and nothing else");
	if (mode.options.exact)
		return gate_compare_files(&arguments);
	if (!gate_prepare(&mode, &options, &arguments, targets))
		return BENCH_INVALID;
	mode.gate.rule = mode.options.rule;
	mode.result = bench_result_new("gate", &mode.common, argc, argv);
	if (gate_open(&mode, targets))
		status = gate_measure(&mode);
	for (int i = 0; i < GATE_TARGETS; i++)
		bench_drive_close(&mode.drives[i]);
	json_decref(mode.result);
	return status;
}

const struct bench_mode gate_mode = {
	.name = "gate",
	.arguments = "[OPTIONS] BASE=TARGET SAME=TARGET HEAD=TARGET",
	.summary = "for CI: whether a new build is slower than an old one, or takes more",
	.run = gate_run_mode,
};
