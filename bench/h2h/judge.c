#include "bench/h2h/judge.h"

#include "bench/stats/describe.h"
#include "bench/stats/verdict.h"
#include "bench/stats/blocks.h"
#include "bench/stats/power.h"
#include "bench/stats/ranks.h"
#include "bench/stats/alloc.h"

#include <math.h>
#include <stdlib.h>

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

		if ((double)count * fmin(quantile, 1 - quantile) < BENCH_HDR_BEYOND_MIN)
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

static void judge_row(struct h2h_row *row, const struct h2h_question *question,
		      struct stats_blocks *blocks)
{
	struct stats_paired paired;
	struct stats_wilcoxon wilcoxon;

	row->p_wilcoxon = 1;
	row->comparison = (struct stats_comparison){.p_difference = 1, .p_equivalence = 1};
	row->judged = row->block_count >= H2H_BLOCKS_MIN &&
		      stats_paired(&paired, row->log_ratios, row->block_count,
				   question->confidence) == 0 &&
		      stats_wilcoxon(&wilcoxon, row->log_ratios, row->block_count) == 0;
	if (!row->judged)
		return;
	*blocks = paired.blocks;
	row->effect = paired.effect;
	row->low = paired.low;
	row->high = paired.high;
	row->effective_blocks = paired.blocks.effective;
	row->p_wilcoxon = wilcoxon.p;
	row->comparison.effect = paired.effect;
	row->comparison.p_difference = paired.p;
	row->comparison.p_equivalence = stats_equivalence(paired.blocks.mean, paired.blocks.error,
							  paired.blocks.df, question->margin);
}

static void judge_together(struct h2h_judgement *judgement, const struct h2h *h2h,
			   const struct h2h_question *question, const struct stats_blocks *blocks)
{
	struct stats_comparison all[H2H_ROWS_MAX];
	double alpha = 1 - question->confidence;

	for (size_t i = 0; i < judgement->count; i++)
		all[i] = judgement->rows[i].comparison;
	stats_verdicts(all, judgement->count, alpha);
	for (size_t i = 0; i < judgement->count; i++) {
		struct h2h_row *row = &judgement->rows[i];

		row->comparison = all[i];
		if (row->judged && all[i].verdict == STATS_INCONCLUSIVE)
			row->pairs_needed =
				(int64_t)stats_blocks_needed(&blocks[i], question->margin, alpha,
							     judgement->count) *
				h2h->config.pairs;
	}
}

void h2h_judge(struct h2h_judgement *judgement, const struct h2h *h2h,
	       const struct h2h_question *question)
{
	struct stats_blocks blocks[H2H_ROWS_MAX];
	size_t room = (size_t)(h2h->blocks_done * h2h->config.pairs);
	double *scratch = bench_alloc(room, sizeof(*scratch));

	*judgement = (struct h2h_judgement){0};
	for (int operation = 0; operation < H2H_OPERATIONS; operation++) {
		for (size_t i = 0; i < question->quantile_count; i++) {
			struct h2h_row *row = &judgement->rows[judgement->count];

			*row = (struct h2h_row){.operation = (enum h2h_operation)operation,
						.quantile = question->quantiles[i]};
			row->log_ratios =
				bench_alloc((size_t)h2h->blocks_done, sizeof(*row->log_ratios));
			judge_blocks(row, h2h, scratch);
			if (row->block_count == 0 && row->quantile != question->quantiles[0]) {
				free(row->log_ratios);
				continue;
			}
			judge_whole(row, h2h, scratch);
			judge_row(row, question, &blocks[judgement->count++]);
		}
	}
	free(scratch);
	judge_together(judgement, h2h, question, blocks);
}

void h2h_judgement_free(struct h2h_judgement *judgement)
{
	for (size_t i = 0; i < judgement->count; i++)
		free(judgement->rows[i].log_ratios);
	judgement->count = 0;
}
