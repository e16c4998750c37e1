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
 * Equivalence is shown, never assumed: two one-sided tests (Schuirmann 1987). "Not significantly
 * different" is what too few blocks always say.
 *
 * The hypothesis to be rejected is that B is at least margin above A or at least margin below. Each
 * half is tested at alpha, and both must fall, so p is the larger of the two and needs no
 * correction for being two (an intersection-union test; Berger 1982). p < 0.05 is the same as a
 * 90 % interval that lies wholly within the margin.
 *
 * On the logarithmic scale, where +-margin means from 1 / (1 + margin) to 1 + margin: so that the
 * answer is the same with A and B exchanged. 5 % is thus from -4.76 % to +5 %.
 */

/*
 * p of "at least margin apart". mean: of the logarithms of ratios, or a difference of means of
 * logarithms; error: its standard error, df: of it. From stats_blocks or stats_welch. margin: a
 * ratio, > 0; 0.05 is 5 %.
 */
double stats_equivalence(double mean, double error, double df, double margin);

/*
 * Holm's step-down correction (Holm 1979, Scandinavian Journal of Statistics 6(2)): with the
 * adjusted p, calling significant what is below alpha makes even one false call in the whole family
 * at most as likely as alpha, however the tests depend on each other.
 */

/* adjusted[i] = max over all p[j] <= p[i] of min(1, how many are >= p[j] in order * p[j]): R's
 * p.adjust(p, "holm"). adjusted may be p. Aborts without memory. */
void stats_holm(double *adjusted, const double *p, size_t count);

#endif
