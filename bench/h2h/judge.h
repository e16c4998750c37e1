/*
 * What the pairs say: for each operation and quantile the ratio of B to A, with its interval and a
 * verdict that holds for the whole table (bench/stats/verdict.h).
 */
#ifndef BENCH_H2H_JUDGE_H
#define BENCH_H2H_JUDGE_H

#include "bench/h2h/h2h.h"
#include "bench/stats/verdict.h"

#define H2H_QUANTILES_MAX 4
#define H2H_ROWS_MAX	  (H2H_OPERATIONS * H2H_QUANTILES_MAX)
#define H2H_BLOCKS_MIN	  5 /* fewer say nothing of their spread */

struct h2h_question {
	double quantiles[H2H_QUANTILES_MAX];
	size_t quantile_count;
	double margin;	   /* ratio */
	double confidence; /* 0.95 */
};

/* A quantile of an operation. */
struct h2h_row {
	enum h2h_operation operation;
	double quantile;
	double ns[H2H_SIDES]; /* of all pairs that count, in the blocks that are judged */
	double *log_ratios;   /* one a block that could be judged, in the order of time */
	size_t block_count;
	/* The rest: of H2H_BLOCKS_MIN blocks or more. */
	bool judged;
	double effect, low, high; /* ratio: 0.03 is B 3 % above A */
	double effective_blocks;
	double p_wilcoxon;
	struct stats_comparison comparison; /* p values and the verdict */
	int64_t pairs_needed; /* in all, to decide what is INCONCLUSIVE; 0: not known, or decided */
};

struct h2h_judgement {
	struct h2h_row rows[H2H_ROWS_MAX];
	size_t count;
};

/*
 * A block is judged where at least ten of its pairs lie beyond the quantile
 * (BENCH_HDR_BEYOND_MIN); a quantile for which no block has as many is left out. Aborts without
 * memory.
 */
void h2h_judge(struct h2h_judgement *judgement, const struct h2h *h2h,
	       const struct h2h_question *question);
void h2h_judgement_free(struct h2h_judgement *judgement);

#endif
