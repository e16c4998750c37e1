/* `cartbench h2h`: options, the two sides, and what is made of the pairs. */
#include "bench/cli/common.h"
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

#define H2H_PROGRESS_MAX 256
#define H2H_SUCCESS_MIN	 0.5 /* below it nothing of the times is to be believed */

struct h2h_options {
	struct h2h_config config;
	struct h2h_question question;
	struct bench_texts quantiles;
	bool cold;
	bool no_calls;
};

#define H2H_AT(member_) .at = offsetof(struct h2h_options, member_)

static const struct bench_option h2h_table[] = {
	{.name = "for",
	 .type = OPTION_DURATION,
	 H2H_AT(config.most_ms),
	 .value = "DURATION",
	 .fallback = "0s",
	 .max = 86400000,
	 .help = "begins no further block after so long; 0s: all blocks"},
	{.name = "margin",
	 .type = OPTION_SHARE,
	 H2H_AT(question.margin),
	 .value = "SHARE",
	 .fallback = "5%",
	 .min = 0.001,
	 .max = 0.99,
	 .help = "differences below it do not matter: what EQUIVALENT means"},
	{.name = "confidence",
	 .type = OPTION_SHARE,
	 H2H_AT(question.confidence),
	 .value = "SHARE",
	 .fallback = "95%",
	 .min = 0.5,
	 .max = 0.9999,
	 .help = "of the intervals, and of all verdicts of the table together"},
	{.name = "quantile",
	 .type = OPTION_LIST,
	 H2H_AT(quantiles),
	 .value = "SHARE",
	 .help = "compares this quantile; may be given up to four times (default: 50% and 95%)"},
	{.name = "slow-b",
	 .type = OPTION_SHARE,
	 H2H_AT(config.slow_b),
	 .value = "SHARE",
	 .fallback = "0%",
	 .max = 10,
	 .help = "waits this share longer for each operation of B: to see that it is found"},
	{.name = "cold",
	 .type = OPTION_FLAG,
	 H2H_AT(cold),
	 .help = "a new TCP connection for every operation"},
	{.name = "no-calls",
	 .type = OPTION_FLAG,
	 H2H_AT(no_calls),
	 .help = "does not count database calls afterwards (20 of each operation)"},
	{0},
};

static const char h2h_about[] =
	"Compares two targets: every operation (create, add, get) goes to both, in random order\n"
	"within the pair, on warm connections, so that what disturbs the machine disturbs both.\n"
	"A ratio of B to A a block, its interval over the blocks, and a verdict a line that holds\n"
	"for the table as a whole. A target is http://HOST:PORT or store:BACKEND?setting=value.\n"
	"The carts stay in the targets.\n";

static const char h2h_more[] =
	"Exit status: 0 measured, whatever the verdicts; 2 nothing to measure, or not to be "
	"believed:\n"
	"a side went away, or failed half of its operations. Ctrl-C keeps the blocks that were "
	"done.\n";

/* A run, from its options to its result. */
struct h2h_mode {
	struct h2h_options options;
	struct bench_common common;
	struct bench_drive *drives[H2H_SIDES];
	struct h2h h2h;
	struct h2h_judgement judgement;
	struct bench_calls calls[H2H_OPERATIONS][H2H_SIDES];
	bool has_calls;
	json_t *result;
	struct bench_progress progress;
};

static struct bench_options h2h_options_of(struct h2h_mode *mode)
{
	return (struct bench_options){
		.mode = "h2h",
		.arguments = "A=TARGET B=TARGET",
		.arguments_min = 2,
		.arguments_max = 2,
		.about = h2h_about,
		.more = h2h_more,
		.example = "cartbench h2h A=http://127.0.0.1:8081 B=http://127.0.0.1:8082 --out "
			   "h2h.json",
		.tables = {{h2h_pair_options, &mode->options.config},
			   {h2h_table, &mode->options},
			   {bench_common_options, &mode->common}},
	};
}

static bool h2h_parse_quantiles(struct h2h_mode *mode, const struct bench_options *options,
				enum bench_exit *status)
{
	struct h2h_question *question = &mode->options.question;
	const struct bench_texts *texts = &mode->options.quantiles;

	if (texts->count == 0) {
		question->quantiles[0] = 0.5;
		question->quantiles[1] = 0.95;
		question->quantile_count = 2;
		return true;
	}
	for (size_t i = 0; i < texts->count; i++) {
		double *quantile = &question->quantiles[question->quantile_count++];

		if (question->quantile_count <= H2H_QUANTILES_MAX &&
		    bench_parse_share(texts->items[i], quantile) && *quantile > 0 && *quantile < 1)
			continue;
		*status = bench_options_refuse(options,
					       "--quantile takes up to %d shares between "
					       "0 and 1, as 95%% or 0.95, not \"%s\"",
					       H2H_QUANTILES_MAX, texts->items[i]);
		return false;
	}
	return true;
}

static bool h2h_parse_sides(const struct bench_texts *arguments,
			    const struct bench_options *options, const char *targets[H2H_SIDES],
			    enum bench_exit *status)
{
	targets[0] = bench_common_of(arguments, "A");
	targets[1] = bench_common_of(arguments, "B");
	if (targets[0] != NULL && targets[1] != NULL)
		return true;
	*status = bench_options_refuse(options, "the two targets are given as A=%s and B=...",
				       "http://127.0.0.1:8081");
	return false;
}

static bool h2h_open_sides(struct h2h_mode *mode, const char *const targets[H2H_SIDES])
{
	static const char *const names[H2H_SIDES] = {"A", "B"};
	const struct bench_drive_config config = {.timeout_ms = mode->common.timeout_ms,
						  .cold = mode->options.cold};
	struct cart_error error;

	for (int side = 0; side < H2H_SIDES; side++) {
		if (bench_drive_open(&mode->drives[side], targets[side], &config, &error) == 0 &&
		    bench_result_add_side(mode->result, names[side], mode->drives[side],
					  &mode->common, &error) == 0)
			continue;
		fprintf(stderr, "cartbench: %s=%s: %s\n", names[side], targets[side], error.text);
		return false;
	}
	return true;
}

static void h2h_show(const struct h2h *h2h, void *user)
{
	struct h2h_mode *mode = user;
	char line[H2H_PROGRESS_MAX];

	h2h_print_progress(line, sizeof(line), h2h);
	bench_progress_show(&mode->progress, "%s", line);
}

/* After the pairs, while nobody else asks. What cannot be counted is left out. */
static void h2h_count_calls(struct h2h_mode *mode)
{
	struct cart_error error;

	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			if (bench_calls_measure(&mode->calls[i][side], mode->drives[side],
						h2h_op_type((enum h2h_operation)i), &error) == 0)
				continue;
			bench_result_warn(mode->result, "%s", error.text);
			mode->calls[i][side] = (struct bench_calls){0};
		}
	}
	mode->has_calls = true;
}

/* Why the figures are not to be believed, if they are not. */
static void h2h_validate(struct h2h_mode *mode)
{
	static const char *const names[H2H_SIDES] = {"A", "B"};
	const struct h2h *h2h = &mode->h2h;

	if (h2h->gone >= 0)
		bench_result_invalidate(
			mode->result, "%s answered nothing any more after %lld blocks but %s",
			names[h2h->gone], (long long)h2h->blocks_done, h2h->gone_error);
	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			const struct tally *arm = &h2h->cells[i].arms[side];

			if (arm->tried > 0 &&
			    (double)arm->ok < H2H_SUCCESS_MIN * (double)arm->tried)
				bench_result_invalidate(
					mode->result, "%s failed %llu of %llu operations (%s)",
					names[side], (unsigned long long)(arm->tried - arm->ok),
					(unsigned long long)arm->tried,
					h2h_operation_name((enum h2h_operation)i));
		}
	}
	if (h2h->blocks_done < H2H_BLOCKS_MIN)
		bench_result_invalidate(mode->result, "only %lld blocks were finished",
					(long long)h2h->blocks_done);
	if (h2h->interrupted)
		bench_result_interrupt(mode->result);
}

static int h2h_deliver(struct h2h_mode *mode, struct cart_error *error)
{
	struct buf rows = {0};
	int result;

	json_object_set_new(mode->result, "results",
			    h2h_json(&mode->h2h, &mode->options.question, &mode->judgement,
				     mode->has_calls ? mode->calls : NULL, mode->options.cold));
	h2h_rows(&rows, &mode->judgement);
	buf_add_char(&rows, '\0');
	if (!mode->common.json) {
		struct h2h_names names;

		for (int side = 0; side < H2H_SIDES; side++) {
			names.label[side] = bench_result_label(&mode->common, side == 0 ? "A" : "B",
							       mode->drives[side]);
			names.target[side] = bench_drive_text(mode->drives[side]);
			names.stand_in[side] = bench_drive_is_local_stand_in(mode->drives[side]);
		}
		h2h_print(stdout, &mode->h2h, &names, &mode->options.question, &mode->judgement,
			  mode->has_calls ? mode->calls : NULL);
		fflush(stdout);
	}
	result = bench_result_deliver(mode->result, &mode->common, rows.data, error);
	buf_free(&rows);
	return result;
}

static enum bench_exit h2h_measure(struct h2h_mode *mode)
{
	enum bench_exit status = BENCH_PASS;
	struct cart_error error;
	bool begun;

	bench_interrupt_catch();
	bench_progress_begin(&mode->progress, mode->common.quiet);
	h2h_init(&mode->h2h, &mode->options.config, mode->drives);
	begun = h2h_run(&mode->h2h, h2h_show, mode, &error) == 0;
	bench_progress_end(&mode->progress);
	if (begun && !mode->options.no_calls && mode->h2h.gone < 0 && !mode->h2h.interrupted)
		h2h_count_calls(mode);
	if (begun) {
		h2h_judge(&mode->judgement, &mode->h2h, &mode->options.question);
		h2h_validate(mode);
		begun = h2h_deliver(mode, &error) == 0;
	}
	if (!begun) {
		fprintf(stderr, "cartbench: %s\n", error.text);
		status = BENCH_INVALID;
	}
	if (bench_result_invalid(mode->result) != NULL) {
		fprintf(stderr, "cartbench: not to be believed: %s; what was measured is kept\n",
			bench_result_invalid(mode->result));
		status = BENCH_INVALID;
	}
	h2h_judgement_free(&mode->judgement);
	h2h_free(&mode->h2h);
	return status;
}

static enum bench_exit h2h_run_mode(int argc, char **argv)
{
	struct h2h_mode mode = {.common = BENCH_COMMON_INIT};
	const struct bench_options options = h2h_options_of(&mode);
	const char *targets[H2H_SIDES];
	struct bench_texts arguments;
	struct cart_error error;
	enum bench_exit status;

	if (!bench_options_parse(&options, argc, argv, &arguments, &status) ||
	    !h2h_parse_quantiles(&mode, &options, &status) ||
	    !h2h_parse_sides(&arguments, &options, targets, &status))
		return status;
	if (mode.options.config.slow_b > 0 && mode.options.config.clients > 1)
		return bench_options_refuse(&options,
					    "--slow-b waits busily: with more than one of "
					    "--clients it would slow A too");
	if (bench_common_prepare(&mode.common, &error) != 0) {
		fprintf(stderr, "cartbench: %s\n", error.text);
		return BENCH_INVALID;
	}
	mode.options.config.seed = (uint64_t)mode.common.seed;
	mode.result = bench_result_new("h2h", &mode.common, argc, argv);
	status = h2h_open_sides(&mode, targets) ? h2h_measure(&mode) : BENCH_INVALID;
	for (int side = 0; side < H2H_SIDES; side++)
		bench_drive_close(&mode.drives[side]);
	json_decref(mode.result);
	return status;
}

const struct bench_mode h2h_mode = {
	.name = "h2h",
	.arguments = "[OPTIONS] A=TARGET B=TARGET",
	.summary = "head to head: paired operations, intervals and a verdict for each",
	.run = h2h_run_mode,
};
