/*
 * Holm's step-down correction (Holm 1979, Scandinavian Journal of Statistics 6(2)): with the
 * adjusted p, calling significant what is below alpha makes even one false call in the whole family
 * at most as likely as alpha, however the tests depend on each other.
 */
#ifndef BENCH_STATS_HOLM_H
#define BENCH_STATS_HOLM_H

#include <stddef.h>

/* adjusted[i] = max over all p[j] <= p[i] of min(1, how many are >= p[j] in order * p[j]): R's
 * p.adjust(p, "holm"). adjusted may be p. Aborts without memory. */
void stats_holm(double *adjusted, const double *p, size_t count);

#endif
