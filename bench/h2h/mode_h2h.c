/* `cartbench h2h`: the two sides, and what is made of the pairs. */
#include "bench/h2h/show.h"
#include "bench/h2h/h2h.h"
#include "bench/result/read_back.h"
#include "bench/result/result.h"
#include "core/base/clock.h"

#define H2H_SUCCESS_MIN 0.5 /* below it the times are invalid */

static const char *const h2h_sides[] = {"A", "B", NULL};

/* One call of the mode, from its options to its result. */
struct h2h_mode {
	struct bench_session *session;
	struct h2h_question question;
	struct h2h h2h;
	struct h2h_judgement judgement;
	struct bench_calls calls[H2H_OPERATIONS][H2H_SIDES];
	bool has_calls;
};

static bool h2h_parse_quantiles(struct h2h_question *question, const struct bench_session *session)
{
	const struct bench_texts *texts = &session->values.quantiles;

	for (size_t i = 0; i < texts->count; i++) {
		double *quantile = &question->quantiles[question->quantile_count++];

		if (question->quantile_count <= H2H_QUANTILES_MAX &&
		    bench_parse_share(texts->items[i], quantile) && *quantile > 0 && *quantile < 1)
			continue;
		bench_options_refuse(session->mode,
				     "--quantile takes up to %d shares between 0 and 1, as 95%% or "
				     "0.95, not \"%s\"",
				     H2H_QUANTILES_MAX, texts->items[i]);
		return false;
	}
	return true;
}

/* False: refused, also where a block has too few pairs for a quantile. */
static bool h2h_take_quantiles(struct h2h_question *question, const struct bench_session *session)
{
	*question = (struct h2h_question){.quantiles = {0.5, 0.95},
					  .quantile_count = 2,
					  .margin = session->values.margin,
					  .confidence = session->values.confidence,
					  .names = {"A", "B"}};
	if (session->values.quantiles.count > 0) {
		question->quantile_count = 0;
		if (!h2h_parse_quantiles(question, session))
			return false;
	}
	for (size_t i = 0; i < question->quantile_count; i++) {
		double quantile = question->quantiles[i];

		if (session->values.pairs >= h2h_pairs_for(quantile))
			continue;
		bench_options_refuse(session->mode,
				     "--quantile %g%% needs --pairs %lld: ten samples beyond it in "
				     "each block",
				     100 * quantile, (long long)h2h_pairs_for(quantile));
		return false;
	}
	return true;
}

/* Counts the database calls after the pairs, when no other client is running. A side whose calls
 * cannot be counted is left out, with a warning. */
static void h2h_count_calls(struct h2h_mode *mode)
{
	struct cart_error error;

	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			if (bench_calls_measure(&mode->calls[i][side], mode->session->drives[side],
						h2h_op_type((enum h2h_operation)i),
						mode->h2h.config.read, &error) == 0)
				continue;
			bench_result_warn(mode->session->result, "%s", error.text);
			mode->calls[i][side] = (struct bench_calls){0};
		}
	}
	mode->has_calls = true;
}

/* Marks the result as invalid where a side failed or too little was measured. */
static void h2h_validate(struct h2h_mode *mode)
{
	const struct h2h *h2h = &mode->h2h;
	char why[200];

	if (h2h_is_disturbed(h2h, why, sizeof(why))) {
		if (mode->session->values.busy)
			bench_result_warn(mode->session->result, "%s", why);
		else
			bench_result_invalidate(mode->session->result, "%s", why);
	}
	if (h2h->gone >= 0)
		bench_result_invalidate(
			mode->session->result,
			"%s stopped answering after %lld blocks; the last error: %s",
			h2h_sides[h2h->gone], (long long)h2h->blocks_done, h2h->gone_error);
	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			const struct tally *arm = &h2h->cells[i].arms[side];

			if (arm->tried > 0 &&
			    (double)arm->ok < H2H_SUCCESS_MIN * (double)arm->tried)
				bench_result_invalidate(mode->session->result,
							"%s failed %llu of %llu operations (%s)",
							h2h_sides[side],
							(unsigned long long)(arm->tried - arm->ok),
							(unsigned long long)arm->tried,
							h2h_operation_name((enum h2h_operation)i));
		}
	}
	if (h2h->blocks_done < H2H_BLOCKS_MIN)
		bench_result_invalidate(mode->session->result,
					"only %lld blocks were finished; %d are needed",
					(long long)h2h->blocks_done, H2H_BLOCKS_MIN);
}

static enum bench_exit h2h_deliver(struct h2h_mode *mode)
{
	struct bench_session *session = mode->session;
	enum bench_exit status = BENCH_PASS;
	char why[TALLY_WHY];

	for (int side = 0; side < H2H_SIDES; side++)
		if (!h2h_times_hold(&mode->h2h, side, why))
			bench_result_warn(session->result,
					  "where the time of %s goes is not shown: %s",
					  h2h_sides[side], why);
	json_object_set_new(session->result, "results",
			    h2h_json(&mode->h2h, &mode->question, &mode->judgement,
				     mode->has_calls ? mode->calls : NULL, session->values.cold));
	/* First, as it may find the result INVALID. */
	for (int side = 0; side < H2H_SIDES; side++)
		if (read_back_judge(session->result, h2h_sides[side], &mode->h2h.read_back[side]) !=
		    BENCH_PASS)
			status = BENCH_VIOLATED;
	table_write(NULL, &session->rows, h2h_columns, session->result, "operations", "quantiles");
	if (!session->values.json)
		h2h_print(stdout, session->result);
	return bench_session_end(session, status);
}

static enum bench_exit h2h_measure(struct h2h_mode *mode, const struct h2h_config *config)
{
	struct bench_session *session = mode->session;
	enum bench_exit status = BENCH_INVALID;
	struct cart_error error;
	bool begun;

	h2h_init(&mode->h2h, config, session->drives);
	begun = h2h_run(&mode->h2h, &session->progress, NULL, &error) == 0;
	bench_progress_end(&session->progress);
	if (begun) {
		if (!session->values.no_calls && mode->h2h.gone < 0 && !mode->h2h.interrupted)
			h2h_count_calls(mode);
		h2h_judge(&mode->judgement, &mode->h2h, &mode->question);
		h2h_validate(mode);
		status = h2h_deliver(mode);
	} else {
		bench_session_fail("%s", error.text);
	}
	h2h_judgement_free(&mode->judgement);
	h2h_free(&mode->h2h);
	return status;
}

static enum bench_exit h2h_run_mode(struct bench_session *session)
{
	struct h2h_mode mode = {.session = session};
	struct h2h_config config;

	if (!h2h_take_quantiles(&mode.question, session) || !h2h_setup(&config, session))
		return BENCH_INVALID;
	config.slow_b = session->values.slow_b;
	if (config.slow_b > 0 && config.clients > 1)
		return bench_options_refuse(session->mode, "--slow-b waits busily: with more than "
							   "one of --clients it would slow A too");
	return bench_session_open(session, h2h_sides) ? h2h_measure(&mode, &config) : BENCH_INVALID;
}

const struct bench_mode h2h_mode = {
	.name = "h2h",
	.arguments = "A=TARGET B=TARGET",
	.arguments_min = 2,
	.arguments_max = 2,
	.summary = "head to head: paired operations, intervals and a verdict for each",
	.takes = {H2H_TAKES, "duration=15s", "for", "margin", "confidence", "quantile", "slow-b",
		  "cold", "consistency", "no-calls", BENCH_TAKES_COMMON},
	.about = "Compares two targets: every operation (create, add, get) goes to both, in\n"
		 "random order within the pair, on warm connections, so that what disturbs the\n"
		 "machine disturbs both. A ratio of B to A a block, its interval over the\n"
		 "blocks, and a verdict a line that holds for the table as a whole. Then an open\n"
		 "loop asks both at once at one rate, whatever they answer: its p99 is judged\n"
		 "too, and a side that gave no answer for 300 ms and five times as long as the\n"
		 "other has lost. A target\n"
		 "is http://HOST:PORT or store:BACKEND?setting=value. The carts stay in the\n"
		 "targets. Neither side is faster where one fails more often, or often, or does\n"
		 "not hold what it acknowledged: each get is compared with that, and a sample\n"
		 "of carts is read back in the end.\n",
	.more = "Exit status: 0 measured, whatever the verdicts; 2 nothing to measure, or an\n"
		"invalid measurement: a side went away, or failed half of its operations; 3 a\n"
		"side does not hold what it acknowledged.\n"
		"Ctrl-C keeps the blocks that were done.\n",
	.example = "cartbench h2h A=http://127.0.0.1:8081 B=http://127.0.0.1:8082 --out h2h.json",
	.run = h2h_run_mode,
};
