/*
 * Two archived results: what changed from the old one (A) to the new one (B). They were not
 * measured in pairs, so what the machine did meanwhile is in the difference; the page on
 * benchmarking says what that is worth.
 *
 * The unit is what a result keeps in the order of time: of `run` its seconds (operations that
 * succeeded, median and 99th percentile), of `h2h` its blocks (the ratio of B to A). Logarithms are
 * compared: Welch's test on errors that allow for neighbours in time resembling each other
 * (bench/stats/blocks.h), with Mann and Whitney's test and the Hodges-Lehmann shift beside it.
 *
 * Shares of success come first: where they differ between the two, or one is low, no line has a
 * verdict on speed (tally_is_comparable()). The same where one of them is of a side that does not
 * hold what it acknowledged. What only one of them measured is named.
 */
#ifndef BENCH_H2H_COMPARE_H
#define BENCH_H2H_COMPARE_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct buf;

/* What changed, as JSON: the margin, the confidence, the shares of success and a row for each
 * comparison. NULL: error says
 * why these two cannot be compared. */
CART_MUST_CHECK json_t *compare_results(const json_t *old_result, const json_t *new_result,
					double margin, double confidence, struct cart_error *error);

/* What differs in how they were made, a line each: machine, settings, revision, options. Returns
 * false when they are of two machines. */
CART_MUST_CHECK bool compare_print_conditions(FILE *out, const json_t *old_result,
					      const json_t *new_result);
/* Prints it (out may be NULL), and adds its rows as CSV. */
void compare_print(FILE *out, struct buf *csv, const json_t *compared);

#endif
