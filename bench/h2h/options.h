/* The options of modes that measure in pairs: how many, and how many at once. */
#ifndef BENCH_H2H_OPTIONS_H
#define BENCH_H2H_OPTIONS_H

#include "bench/cli/options.h"

/* For struct h2h_config. */
extern const struct bench_option h2h_pair_options[];

#endif
