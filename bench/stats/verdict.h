/*
 * The verdict on each comparison of a run (for example an operation's median), so that the whole
 * table holds. Each comparison is asked two questions:
 *
 *     difference    rejects "B = A"                       p of stats_paired
 *     equivalence   rejects "at least the margin apart"   p of stats_equivalence
 *
 *     difference shown, equivalence not    A WINS or B WINS, by the sign: smaller is better
 *     equivalence shown, difference not    EQUIVALENT
 *     both shown                           DIFFERENT BUT TRIVIAL
 *     neither                              INCONCLUSIVE
 *
 * A win says that there is a difference which was not shown to be trivial; the interval says how
 * large it may be. If a win needed an interval wholly beyond the margin, a true difference near the
 * margin would get no verdict however long one measures.
 *
 * The p values of each question are corrected by Holm, as two families at alpha each:
 *
 *  - at most alpha of all tables have a WIN or TRIVIAL where nothing differs;
 *  - at most alpha of all tables have an EQUIVALENT or TRIVIAL where the margin is reached.
 *
 * In one comparison only one of the two errors is possible. In a table of several they may add up
 * to twice alpha, if some lines differ and others do not; use half of alpha to bound both together.
 * One Holm over all p values would cost every table power: half of the p values are always large. A
 * wrong sign counts as a false difference: its chance is at most alpha / 2 in one comparison. That
 * Holm controls signs too is proven for independent comparisons (Shaffer 1980), and simulated for
 * ours.
 *
 * The interval of stats_paired is of one comparison, without Holm. So it may exclude 0 where the
 * verdict is INCONCLUSIVE: the table then has too many lines for what was measured.
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
	/* Never decided by stats_verdicts(): what keeps a side from any verdict on its speed. */
	STATS_NOT_COMPARABLE, /* they did not do the same: one failed, or it changed meanwhile */
	STATS_WRONG,	      /* a side does not hold what it has acknowledged */
};

extern const char *const stats_verdict_names[];

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

/*
 * The p of "B is at least margin above or below A", by two one-sided tests (Schuirmann 1987): the
 * larger of their two p values, which needs no correction (Berger 1982). p < 0.05 is the same as a
 * 90 % interval wholly within the margin. Not finding a difference shows no equivalence.
 *
 * mean: of the logarithms of ratios, or a difference of means of logarithms; error: its standard
 * error, df: of it; from stats_blocks or stats_welch. margin: a ratio, > 0; 0.05 is from 1 / 1.05
 * to 1.05, so that the answer is the same with A and B exchanged.
 */
double stats_equivalence(double mean, double error, double df, double margin);

/* Holm's step-down correction (1979, Scandinavian Journal of Statistics 6(2)): R's p.adjust(p,
 * "holm"). If values below alpha are called significant, the chance of even one false call among
 * all is at most alpha, however the tests depend on each other. adjusted may be p. */
void stats_holm(double *adjusted, const double *p, size_t count);

#endif
