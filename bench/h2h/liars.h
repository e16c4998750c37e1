/* Sides that are better than they deserve, unless somebody looks: each must be caught by the
 * head-to-head, and an honest one must not be accused. For `cartbench selftest`. */
#ifndef BENCH_H2H_LIARS_H
#define BENCH_H2H_LIARS_H

#include <stdbool.h>
#include <stdint.h>

/* Prints a line each. False: one was not caught, or an honest side was accused. */
bool h2h_catches_liars(uint64_t seed);

#endif
