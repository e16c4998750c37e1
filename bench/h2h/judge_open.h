/* What the open loop of a head-to-head decides: one row of its judgement. */
#ifndef BENCH_H2H_JUDGE_OPEN_H
#define BENCH_H2H_JUDGE_OPEN_H

#include "bench/h2h/judgement.h"

/* Adds the row, if there was an open loop: the ratios of p99 in slices of time. Aborts without
 * memory. */
void h2h_judge_open(struct h2h_judgement *judgement, const struct h2h_open *open);
/* Once its row has a verdict: says what it lacks, and gives a side that stood still its verdict in
 * every row. */
void h2h_judge_explain_open(struct h2h_judgement *judgement, const struct h2h_open *open,
			    const struct h2h_question *question);

#endif
