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

#include "bench/h2h/judgement.h"

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
