/*
 * What may be said of each comparison of a run (an operation's quantile, say), so that the whole
 * table holds.
 *
 * Each comparison is asked two questions, which are not each other's negation:
 *
 *     difference    rejects "B = A"                       p of stats_paired
 *     equivalence   rejects "at least the margin apart"   p of stats_equivalence
 *
 *     difference shown, equivalence not    A WINS or B WINS, by the sign: smaller is better
 *     equivalence shown, difference not    EQUIVALENT
 *     both shown                           DIFFERENT BUT TRIVIAL
 *     neither                              INCONCLUSIVE
 *
 * A win does not claim that the difference exceeds the margin, only that there is one which has not
 * been shown to be trivial; the interval says how large it may be. To ask for more (an interval
 * wholly beyond the margin) would leave a true difference near the margin without a verdict however
 * long one measures. A reader who needs "by at least 5 %" looks at the interval's near end.
 *
 * Holm's correction is made over each question's p values apart, two families at alpha each, so:
 *
 *  - in at most alpha of all tables there is any WIN or TRIVIAL where nothing differs;
 *  - in at most alpha of all tables there is any EQUIVALENT or TRIVIAL where the margin is reached.
 *
 * In one comparison the two errors exclude each other (a difference is not 0 and as large as the
 * margin), so there both together keep to alpha. In a table of several they may add up to twice
 * alpha, if some lines are of one kind and some of the other; who wants both together at alpha asks
 * for half of it. One Holm over all p values would charge every table for that: a clear win is
 * never an equivalence, so half of the p values are large and no line would gain from stepping
 * down. A sign that is wrong counts as a false difference: for one comparison its chance is at most
 * alpha / 2; that Holm keeps signs right too is proven for independent comparisons (Shaffer 1980),
 * and simulated for ours.
 *
 * The interval of stats_paired is one comparison's. It may exclude 0 where the verdict, after
 * Holm, is INCONCLUSIVE: then the table has too many lines for what was measured.
 */
#ifndef BENCH_STATS_VERDICT_H
#define BENCH_STATS_VERDICT_H

#include <stddef.h>

enum stats_verdict {
	STATS_INCONCLUSIVE,
	STATS_A_WINS,
	STATS_B_WINS,
	STATS_EQUIVALENT,
	STATS_TRIVIAL,
};

/* "A WINS", "DIFFERENT BUT TRIVIAL", ... */
const char *stats_verdict_name(enum stats_verdict verdict);

struct stats_comparison {
	/* In. From paired blocks or from archived results, whichever test gives them. */
	double effect;	      /* logarithmic or ratio: only its sign counts; > 0: B is above A */
	double p_difference;  /* two-sided */
	double p_equivalence; /* of two one-sided tests; 1 where none was made */
	/* Out. After Holm. */
	double holm_difference;
	double holm_equivalence;
	enum stats_verdict verdict;
};

/* Decides all comparisons of a run together. alpha: 0.05, say. Aborts without memory. */
void stats_verdicts(struct stats_comparison *comparisons, size_t count, double alpha);

#endif
