/*
 * What the pairs say: for each operation and quantile the ratio of B to A, with its interval and a
 * verdict that holds for the whole table (bench/stats/verdict.h).
 *
 * A side that does not hold what it has acknowledged is WRONG, and one that fails more often, or
 * often, is NOT COMPARABLE: no line has a verdict on speed. Where the ratio changes by more than
 * the margin from the first block to the last, the verdict is on its mean over the run, and says
 * from where to where it went; no number of pairs decides that better. A side that is slower in
 * every block is never INCONCLUSIVE. Where a side is slower right after the other's answer than
 * alone, by more than the margin and more than the other is, and a verdict would not stand without
 * that, it is NOT COMPARABLE. That takes a win away where it is likely, and what was found alike
 * only where it is certain; the first tenth of the blocks, in which a side may still be cold, does
 * not count for it. Of the open loop p99 is judged, in slices of time that have a thousand answers
 * of each side; a side that stood still has lost. Where cartbench was late, a ratio in a slice is
 * the nearest to 1 that this allows, and only a difference beyond the margin is decided.
 */
#ifndef BENCH_H2H_JUDGE_H
#define BENCH_H2H_JUDGE_H

#include "bench/h2h/h2h.h"
#include "bench/stats/verdict.h"

#define H2H_QUANTILES_MAX 4
#define H2H_ROWS_MAX	  (H2H_OPERATIONS * H2H_QUANTILES_MAX + 1)
#define H2H_OPEN_QUANTILE 0.99
#define H2H_BLOCKS_MIN	  12 /* fewer say too little of their spread and of what they share */

struct h2h_question {
	double quantiles[H2H_QUANTILES_MAX];
	size_t quantile_count;
	double margin;		      /* ratio */
	double confidence;	      /* 0.95 */
	const char *names[H2H_SIDES]; /* what verdicts call the sides */
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
	double p_wilcoxon;		    /* of batches of blocks; NAN: too few blocks for that */
	bool trending;			    /* from one end to the other by more than the margin */
	double from, to;		    /* ratio: of a line through the blocks */
	struct stats_comparison comparison; /* p values and the verdict */
	int64_t pairs_needed; /* in all, to decide what is INCONCLUSIVE; 0: not known, or decided */
	char why[TALLY_WHY];  /* what the verdict alone does not say; or "" */
};

struct h2h_judgement {
	struct h2h_row rows[H2H_ROWS_MAX];
	size_t count;
	/* By how much longer each side takes right after the other's answer than alone, and how
	 * much more A than B: ratios, with an interval; carry_shown is carry_of_a with one that
	 * holds for all operations and both sides. false: too few blocks. */
	bool has_carry;
	struct h2h_carry {
		double effect, low, high;
	} carry[H2H_SIDES], carry_of_a, carry_shown;
	bool wrong; /* a side does not hold what it has acknowledged */
};

/* So many pairs must be in a block, so that ten of them lie beyond the quantile. */
int64_t h2h_pairs_for(double quantile);

/*
 * A block is judged where at least ten of its pairs lie beyond the quantile
 * (BENCH_HDR_BEYOND_MIN). Aborts without memory.
 */
void h2h_judge(struct h2h_judgement *judgement, const struct h2h *h2h,
	       const struct h2h_question *question);
/* The verdicts of a table whose rows have their log_ratios. pairs: of a block; 0: how many would
 * decide is not asked. */
void h2h_judge_rows(struct h2h_judgement *judgement, int64_t pairs,
		    const struct h2h_question *question);
void h2h_judgement_free(struct h2h_judgement *judgement);

#endif
