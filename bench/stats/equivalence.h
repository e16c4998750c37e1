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
#ifndef BENCH_STATS_EQUIVALENCE_H
#define BENCH_STATS_EQUIVALENCE_H

/*
 * p of "at least margin apart". mean: of the logarithms of ratios, or a difference of means of
 * logarithms; error: its standard error, df: of it. From stats_blocks or stats_welch. margin: a
 * ratio, > 0; 0.05 is 5 %.
 */
double stats_equivalence(double mean, double error, double df, double margin);

#endif
