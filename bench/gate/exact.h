/*
 * Counts that are exact, against those of a baseline: what an operation asks of its database, the
 * allocations and the instructions of a request. bench/perf/run-exact measures them:
 *
 *     {"format": "cartbench-exact", "format_version": 1,
 *      "made": {"by", "at", "cartd", "requests"},
 *      "environment": {"compiler", "valgrind", "processor", "libc", "libevent", "jansson"},
 *      "operations": {BACKEND: {OPERATION: {MEASURE: number of one}}}}
 *
 * A count may not grow at all; instructions may by GATE_INSTRUCTIONS_LIMIT. Instructions depend on
 * all of the environment and allocations on the libraries: where that differs they are not compared
 * and it reported; the counts of calls always are compared. The two documents must hold the same
 * counts: one that is missing would go unchecked.
 */
#ifndef BENCH_GATE_EXACT_H
#define BENCH_GATE_EXACT_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define GATE_EXACT_FORMAT	"cartbench-exact"
#define GATE_EXACT_VERSION	1
#define GATE_INSTRUCTIONS_LIMIT 0.02
#define GATE_CHANGES_MAX	512
#define GATE_CHANGE_TEXT	96
#define GATE_NOTE_TEXT		256

struct gate_change {
	char what[GATE_CHANGE_TEXT]; /* "mysql add: statements" */
	double from, to;
	bool grew; /* beyond what is allowed; else it shrank */
};

struct gate_exact {
	struct gate_change changes[GATE_CHANGES_MAX];
	size_t count, grown;
	size_t compared, left_out;
	/* Why instructions, and allocations, are not compared, in a line; "": they are. */
	char no_instructions[GATE_NOTE_TEXT], no_allocations[GATE_NOTE_TEXT];
};

/* NULL: error says in one line what is wrong with the file. */
CART_MUST_CHECK json_t *gate_exact_read(const char *path, struct cart_error *error);
/* Both read by gate_exact_read(). -1: error says in one line why they cannot be compared. */
CART_MUST_CHECK int gate_exact_compare(struct gate_exact *exact, const json_t *baseline,
				       const json_t *measured, struct cart_error *error);
/* Lines for a CI's log; the last is the outcome. */
void gate_exact_print(FILE *out, const struct gate_exact *exact, const json_t *baseline);

#endif
