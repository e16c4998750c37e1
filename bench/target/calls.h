/*
 * What an operation asks of the database: round trips, and DynamoDB's capacity units, counted by
 * the service itself (/metrics) while operations of one kind alone run.
 */
#ifndef BENCH_TARGET_CALLS_H
#define BENCH_TARGET_CALLS_H

#include "bench/target/drive.h"

#include <stdbool.h>

#define BENCH_CALLS_EACH 20

/* Of an operation, on average. */
struct bench_calls {
	bool counted; /* false: the backend counts none, or an operation failed; the rest is 0 */
	double calls; /* round trips */
	double statements; /* 0 where there are none */
	bool has_units;
	double read_units;
	double write_units;
};

/*
 * Runs BENCH_CALLS_EACH operations of a type, gets with that consistency, on a cart that it makes,
 * one after another. No other client may use the target meanwhile. -1: error says what failed.
 */
CART_MUST_CHECK int bench_calls_measure(struct bench_calls *calls, struct bench_drive *drive,
					enum bench_op_type type, enum bench_read read,
					struct cart_error *error);

/* The sum of a series over its labels in Prometheus' text; for tests. */
double bench_calls_sum(const char *metrics, const char *series);

#endif
