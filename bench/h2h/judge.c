#include "bench/h2h/judge.h"
#include "bench/h2h/judge_open.h"

#include "bench/result/number.h"
#include "bench/stats/describe.h"
#include "bench/stats/verdict.h"
#include "bench/stats/blocks.h"
#include "bench/stats/power.h"
#include "bench/stats/ranks.h"
#include "bench/stats/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CARRY_COLD 10 /* of so many blocks the first is left out */

/* Times of the pairs that count, of cycles [from, to); returns how many. */
static size_t judge_collect(double *values, const struct h2h_cell *cell, int side, int64_t from,
			    int64_t to)
{
	size_t count = 0;

	for (int64_t i = from; i < to; i++)
		if (cell->ns[side][i] != 0)
			values[count++] = (double)cell->ns[side][i];
	return count;
}

/* False: the block has too few pairs for this quantile. */
static bool judge_block(const struct h2h_cell *cell, int64_t from, int64_t to, double quantile,
			double *scratch, double *log_ratio)
{
	double of[H2H_SIDES];

	for (int side = 0; side < H2H_SIDES; side++) {
		size_t count = judge_collect(scratch, cell, side, from, to);

		if ((int64_t)count < h2h_pairs_for(quantile))
			return false;
		stats_sort(scratch, count);
		of[side] = stats_quantile(scratch, count, quantile);
	}
	*log_ratio = log(of[1] / of[0]);
	return true;
}

static void judge_blocks(struct h2h_row *row, const struct h2h *h2h, double *scratch)
{
	const struct h2h_cell *cell = &h2h->cells[row->operation];
	int64_t pairs = h2h->config.pairs;

	for (int64_t block = 0; block < h2h->blocks_done; block++)
		row->block_count +=
			judge_block(cell, block * pairs, (block + 1) * pairs, row->quantile,
				    scratch, &row->log_ratios[row->block_count]);
}

static void judge_whole(struct h2h_row *row, const struct h2h *h2h, double *scratch)
{
	for (int side = 0; side < H2H_SIDES; side++) {
		size_t count = judge_collect(scratch, &h2h->cells[row->operation], side, 0,
					     h2h->blocks_done * h2h->config.pairs);

		stats_sort(scratch, count);
		row->ns[side] = count > 0 ? stats_quantile(scratch, count, row->quantile) : 0;
	}
}

/* Puts a line in place of a mean where the ratio changes from one end of the run to the other. */
static void judge_trend(struct h2h_row *row, const struct h2h_question *question, double confidence,
			struct stats_paired *paired)
{
	double margin = log1p(question->margin);
	struct stats_trend trend;

	if (stats_trend(&trend, row->log_ratios, row->block_count, confidence) != 0 ||
	    (trend.low <= margin && trend.high >= -margin))
		return;
	row->trending = true;
	row->from = expm1(trend.from);
	row->to = expm1(trend.to);
	paired->blocks.error = trend.error;
	paired->blocks.df = trend.df;
	stats_paired_of(paired, &paired->blocks, question->confidence);
}

static void judge_row(struct h2h_row *row, const struct h2h_question *question, double confidence,
		      struct stats_blocks *blocks)
{
	double batches[STATS_BATCHES_MAX];
	struct stats_paired paired;
	struct stats_wilcoxon wilcoxon;
	double error;

	row->p_wilcoxon = NAN;
	row->comparison = (struct stats_comparison){.p_difference = 1, .p_equivalence = 1};
	row->judged =
		row->block_count >= H2H_BLOCKS_MIN &&
		stats_paired(&paired, row->log_ratios, row->block_count, question->confidence) == 0;
	if (!row->judged)
		return;
	judge_trend(row, question, confidence, &paired);
	if (stats_wilcoxon(&wilcoxon, batches,
			   stats_batches(batches, row->log_ratios, row->block_count)) == 0)
		row->p_wilcoxon = wilcoxon.p;
	*blocks = paired.blocks;
	row->effect = paired.effect;
	row->low = paired.low;
	row->high = paired.high;
	row->effective_blocks = paired.blocks.effective;
	row->comparison.effect = paired.effect;
	row->comparison.p_difference = paired.p;
	/* Blocks that are slower and faster by turns do not show that the sides are alike. */
	error = fmax(paired.blocks.error, paired.blocks.stddev / sqrt((double)row->block_count));
	if (!row->trending)
		row->comparison.p_equivalence = stats_equivalence(
			paired.blocks.mean, error, paired.blocks.df, question->margin);
}

/* The blocks in which B is slower, or faster, if that is all of them; else 0. */
static size_t judge_one_sided(const struct h2h_row *row)
{
	size_t slower = 0, faster = 0;

	for (size_t i = 0; i < row->block_count; i++) {
		slower += row->log_ratios[i] > 0;
		faster += row->log_ratios[i] < 0;
	}
	return slower == row->block_count || faster == row->block_count ? row->block_count : 0;
}

/* The chance of so many blocks of one sign where each resembles the next by phi (an orthant of two
 * normal values), either way. */
static double judge_chance_one_sided(const struct stats_blocks *blocks)
{
	return pow(0.5 + asin(blocks->phi) / M_PI, (double)blocks->count - 1);
}

static void judge_explain_trend(struct h2h_row *row, const char *b)
{
	char from[NUMBER_TEXT], to[NUMBER_TEXT];

	number_effect(row->from, from);
	number_effect(row->to, to);
	if (row->comparison.verdict == STATS_INCONCLUSIVE) {
		row->comparison.verdict = STATS_NOT_COMPARABLE;
		snprintf(row->why, sizeof(row->why), "%s changed from %s to %s", b, from, to);
		return;
	}
	snprintf(row->why, sizeof(row->why), "%s is %s, from %s to %s, and %s", b,
		 row->effect > 0 ? "slower" : "faster", from, to,
		 fabs(log1p(row->to)) > fabs(log1p(row->from)) ? "growing" : "shrinking");
}

/* What no number of pairs would decide is no INCONCLUSIVE. */
static void judge_explain(struct h2h_row *row, const struct stats_blocks *blocks, double alpha,
			  const char *b)
{
	bool open = row->judged && row->comparison.verdict == STATS_INCONCLUSIVE;
	size_t all = open ? judge_one_sided(row) : 0;
	bool shown = all > 0 && judge_chance_one_sided(blocks) < alpha;

	if (all > 0) {
		snprintf(row->why, sizeof(row->why), "%s is %s in each of %zu blocks%s", b,
			 row->effect > 0 ? "slower" : "faster", all,
			 shown ? "" : ", but neighbours resemble each other; more --blocks decide");
		row->comparison.verdict = !shown	    ? STATS_NOT_COMPARABLE
					  : row->effect > 0 ? STATS_A_WINS
							    : STATS_B_WINS;
	}
	if (row->trending)
		judge_explain_trend(row, b);
}

void h2h_judge_rows(struct h2h_judgement *judgement, int64_t pairs,
		    const struct h2h_question *question)
{
	struct stats_blocks blocks[H2H_ROWS_MAX];
	struct stats_comparison all[H2H_ROWS_MAX];
	double alpha = 1 - question->confidence, each = alpha / (double)judgement->count;

	for (size_t i = 0; i < judgement->count; i++) {
		judge_row(&judgement->rows[i], question, 1 - each, &blocks[i]);
		all[i] = judgement->rows[i].comparison;
	}
	stats_verdicts(all, judgement->count, alpha);
	for (size_t i = 0; i < judgement->count; i++) {
		struct h2h_row *row = &judgement->rows[i];

		row->comparison = all[i];
		judge_explain(row, &blocks[i], each, question->names[1]);
		if (row->judged && row->comparison.verdict == STATS_INCONCLUSIVE && pairs > 0)
			row->pairs_needed =
				(int64_t)stats_blocks_needed(&blocks[i], question->margin, alpha,
							     judgement->count) *
				pairs;
	}
}

/* No line has a verdict on speed. */
static void judge_refuse(struct h2h_judgement *judgement, enum stats_verdict verdict,
			 const char *why)
{
	for (size_t i = 0; i < judgement->count; i++) {
		struct h2h_row *row = &judgement->rows[i];

		row->comparison.verdict = verdict;
		row->pairs_needed = 0;
		snprintf(row->why, sizeof(row->why), "%s", why);
	}
}

/* One side fails: it is not the same work, in any operation. */
static void judge_success(struct h2h_judgement *judgement, const struct h2h *h2h,
			  const struct h2h_question *question)
{
	char why[TALLY_WHY];

	for (int i = 0; i <= H2H_OPEN; i++) {
		const struct tally *of_a = h2h_tally(h2h, (enum h2h_operation)i, 0);
		const struct tally *of_b = h2h_tally(h2h, (enum h2h_operation)i, 1);
		struct tally_share a = {question->names[0], of_a->ok, of_a->tried};
		struct tally_share b = {question->names[1], of_b->ok, of_b->tried};

		if (tally_is_comparable(&a, &b, h2h_operation_name((enum h2h_operation)i), why))
			continue;
		judge_refuse(judgement, STATS_NOT_COMPARABLE, why);
		return;
	}
}

/* What a side's gets take right after the other side's, against those alone, in a block. */
static bool judge_carry_of(const struct h2h *h2h, int side, int64_t block, double *scratch,
			   double *log_ratio)
{
	const struct h2h_cell *cell = &h2h->cells[H2H_GET];
	const int64_t *alone = &h2h->alone[side][block * H2H_ALONE];
	double of[2];
	size_t count = 0;

	for (int64_t i = block * h2h->config.pairs; i < (block + 1) * h2h->config.pairs; i++)
		if (cell->ns[side][i] != 0 && cell->first[i] != side)
			scratch[count++] = (double)cell->ns[side][i];
	of[0] = count > 0 ? stats_median(scratch, count) : 0;
	count = 0;
	for (int i = H2H_ALONE_WARM; i < H2H_ALONE; i++)
		if (alone[i] > 0)
			scratch[count++] = (double)alone[i];
	of[1] = count > 0 ? stats_median(scratch, count) : 0;
	*log_ratio = of[0] > 0 && of[1] > 0 ? log(of[0] / of[1]) : 0;
	return of[0] > 0 && of[1] > 0;
}

static struct h2h_carry judge_carry_between(const double *log_ratios, size_t count, double error)
{
	struct stats_paired paired;

	if (stats_paired(&paired, log_ratios, count, 1 - error) != 0)
		return (struct h2h_carry){0};
	return (struct h2h_carry){paired.effect, paired.low, paired.high};
}

static void judge_carry(struct h2h_judgement *judgement, const struct h2h *h2h,
			const struct h2h_question *question)
{
	size_t room = (size_t)h2h->config.pairs + H2H_ALONE, blocks = (size_t)h2h->blocks_done;
	double *scratch = bench_alloc(room, sizeof(*scratch)), *of[H2H_SIDES + 1];
	double error = 1 - question->confidence;
	size_t count = 0, cold;

	for (int i = 0; i <= H2H_SIDES; i++)
		of[i] = bench_alloc(blocks, sizeof(**of));
	for (size_t block = 0; block < blocks; block++) {
		if (!judge_carry_of(h2h, 0, (int64_t)block, scratch, &of[0][count]) ||
		    !judge_carry_of(h2h, 1, (int64_t)block, scratch, &of[1][count]))
			continue;
		of[2][count] = of[0][count] - of[1][count];
		count++;
	}
	judgement->has_carry = count >= H2H_BLOCKS_MIN;
	if (judgement->has_carry) {
		cold = (count + CARRY_COLD - 1) / CARRY_COLD;
		count -= cold;
		for (int side = 0; side < H2H_SIDES; side++)
			judgement->carry[side] = judge_carry_between(of[side] + cold, count, error);
		judgement->carry_of_a = judge_carry_between(of[2] + cold, count, error);
		judgement->carry_shown = judge_carry_between(of[2] + cold, count,
							     error / (H2H_OPERATIONS * H2H_SIDES));
	}
	for (int i = 0; i <= H2H_SIDES; i++)
		free(of[i]);
	free(scratch);
}

static bool judge_carry_is_beyond(const struct h2h_carry *carry, double margin)
{
	return carry->low > margin || carry->high < 1 / (1 + margin) - 1;
}

/* Whether a verdict would be another one without carry-over. A win does not stand where carry-over
 * is likely; what was found alike does, unless carry-over is certain. */
static bool judge_carry_overturns(const struct h2h_row *row, const struct h2h_judgement *judgement,
				  double margin)
{
	double without = log1p(row->effect) + log1p(judgement->carry_of_a.effect);
	bool within = fabs(without) <= log1p(margin);

	switch (row->comparison.verdict) {
	case STATS_A_WINS:
		return within || without <= 0;
	case STATS_B_WINS:
		return within || without >= 0;
	case STATS_EQUIVALENT:
	case STATS_TRIVIAL:
		return !within && judge_carry_is_beyond(&judgement->carry_shown, margin);
	default:
		return false;
	}
}

static void judge_explain_carry(struct h2h_judgement *judgement,
				const struct h2h_question *question)
{
	int side = judgement->carry_of_a.effect > 0 ? 0 : 1;
	char effect[NUMBER_TEXT], other[NUMBER_TEXT];

	if (!judge_carry_is_beyond(&judgement->carry_of_a, question->margin))
		return;
	number_effect(judgement->carry[side].effect, effect);
	number_effect(judgement->carry[1 - side].effect, other);
	for (size_t i = 0; i < judgement->count; i++) {
		struct h2h_row *row = &judgement->rows[i];

		if (!judge_carry_overturns(row, judgement, question->margin))
			continue;
		row->comparison.verdict = STATS_NOT_COMPARABLE;
		snprintf(row->why, sizeof(row->why),
			 "carry-over: %s takes %s right after %s's answer than alone, %s %s",
			 question->names[side], effect, question->names[1 - side],
			 question->names[1 - side], other);
	}
}

static void judge_read_back(struct h2h_judgement *judgement, const struct h2h *h2h,
			    const struct h2h_question *question)
{
	char why[TALLY_WHY];

	for (int side = 0; side < H2H_SIDES && !judgement->wrong; side++) {
		if (!ledger_check_is_wrong(&h2h->read_back[side], question->names[side], why,
					   sizeof(why)))
			continue;
		judgement->wrong = true;
		judge_refuse(judgement, STATS_WRONG, why);
	}
}

void h2h_judge(struct h2h_judgement *judgement, const struct h2h *h2h,
	       const struct h2h_question *question)
{
	size_t room = (size_t)(h2h->blocks_done * h2h->config.pairs);
	double *scratch = bench_alloc(room, sizeof(*scratch));

	*judgement = (struct h2h_judgement){0};
	for (int operation = 0; operation < H2H_OPERATIONS; operation++) {
		for (size_t i = 0; i < question->quantile_count; i++) {
			struct h2h_row *row = &judgement->rows[judgement->count++];

			*row = (struct h2h_row){.operation = (enum h2h_operation)operation,
						.quantile = question->quantiles[i]};
			row->log_ratios =
				bench_alloc((size_t)h2h->blocks_done, sizeof(*row->log_ratios));
			judge_blocks(row, h2h, scratch);
			judge_whole(row, h2h, scratch);
		}
	}
	free(scratch);
	h2h_judge_open(judgement, &h2h->open);
	h2h_judge_rows(judgement, h2h->config.pairs, question);
	judge_carry(judgement, h2h, question);
	judge_explain_carry(judgement, question);
	h2h_judge_explain_open(judgement, &h2h->open, question);
	judge_success(judgement, h2h, question);
	judge_read_back(judgement, h2h, question);
}

void h2h_judgement_free(struct h2h_judgement *judgement)
{
	for (size_t i = 0; i < judgement->count; i++)
		free(judgement->rows[i].log_ratios);
	judgement->count = 0;
}
