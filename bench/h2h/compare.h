/*
 * Two archived results: what changed from the old one (A) to the new one (B). They were not
 * measured in pairs, so what the machine did meanwhile is in the difference; the page on
 * benchmarking says what that is worth.
 *
 * The unit is what a result keeps in the order of time: of `run` its seconds (operations that
 * succeeded, median and 99th percentile), of `h2h` its blocks (the ratio of B to A). Logarithms are
 * compared: Welch's test on errors that allow for neighbours in time resembling each other
 * (bench/stats/blocks.h), with Mann and Whitney's test and the Hodges-Lehmann shift beside it.
 */
#ifndef BENCH_H2H_COMPARE_H
#define BENCH_H2H_COMPARE_H

#include "bench/stats/verdict.h"
#include "core/base/attr.h"
#include "core/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct buf;

#define COMPARE_ROWS_MAX 32
#define COMPARE_NAME_MAX 48
#define COMPARE_MIN	 5 /* seconds or blocks of a side; fewer say nothing of their spread */

enum compare_unit { COMPARE_MS, COMPARE_PER_S, COMPARE_RATIO };

struct compare_row {
	char name[COMPARE_NAME_MAX]; /* "add p50" */
	enum compare_unit unit;
	bool more_is_better;
	double old_value, new_value; /* medians, in the unit; of COMPARE_RATIO B's share above A */
	size_t old_count, new_count;
	size_t idle; /* seconds of either in which nothing succeeded: the row is not judged */
	bool judged;
	double change, low, high;	     /* ratio: 0.03 is 3 % more */
	double shift, shift_low, shift_high; /* Hodges and Lehmann's, likewise */
	double p_mann_whitney;
	/* effect > 0: worse. */
	struct stats_comparison comparison;
};

struct compare {
	struct compare_row rows[COMPARE_ROWS_MAX];
	size_t count;
};

/* -1: error says why these two cannot be compared. */
CART_MUST_CHECK int compare_results(struct compare *compare, const json_t *old_result,
				    const json_t *new_result, double margin, double confidence,
				    struct cart_error *error);

/* What differs in how they were made, a line each: machine, settings, revision, options. Returns
 * false when they are of two machines. */
CART_MUST_CHECK bool compare_print_conditions(FILE *out, const json_t *old_result,
					      const json_t *new_result);
/* The result as JSON. */
json_t *compare_json(const struct compare *compare, double margin, double confidence);
/* Prints it (out may be NULL), and adds its rows as CSV. */
void compare_print(FILE *out, struct buf *csv, const json_t *compared);

#endif
