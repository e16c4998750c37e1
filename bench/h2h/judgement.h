/* What is asked of the times of a head-to-head, and what was found: a row for a quantile of an
 * operation, and one for the open loop. judge.h says how. */
#ifndef BENCH_H2H_JUDGEMENT_H
#define BENCH_H2H_JUDGEMENT_H

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

#endif
