/*
 * What became of the operations of one type: how many, which errors, how long. A thread has its own
 * and they are merged at the end. Times are those of operations that succeeded: one that fails at
 * once, or after its whole timeout, says nothing of how long the work takes. Failures are counted
 * beside.
 */
#ifndef BENCH_RESULT_TALLY_H
#define BENCH_RESULT_TALLY_H

#include "bench/result/table.h"
#include "bench/stats/hdr.h"
#include "bench/target/op.h"

#include <jansson.h>

/*
 * Where the time of an operation went, by the client's clock and the service's own (Server-Timing):
 *
 *     client    what the service does not know of: network, kernels, cartbench itself
 *     queue     waiting for a connection to the database
 *     db        in the database
 *     service   the rest of the service: HTTP, JSON
 *
 * The client's clock is the truth. What the service says of itself cannot be checked but for this:
 * its parts fit into its total, and that into what the client measured. A side that says more in
 * one answer, or nothing in some, is believed in none.
 */

enum bench_split_part { SPLIT_CLIENT, SPLIT_QUEUE, SPLIT_DB, SPLIT_SERVICE, BENCH_SPLIT_PARTS };

extern const char *const bench_split_part_names[BENCH_SPLIT_PARTS];

#define TALLY_WHY	 160
#define TALLY_ERRORS_MAX 16
#define TALLY_ERROR_TEXT (BENCH_OP_ERROR_MAX + 8)

struct tally_error {
	char text[TALLY_ERROR_TEXT]; /* "503 UNAVAILABLE", "timeout" */
	uint64_t count;
};

/* A zeroed one is empty and has room for nothing: tally_init() before the first record. */
struct tally {
	uint64_t tried, ok, refused, unknown;
	struct tally_error errors[TALLY_ERRORS_MAX]; /* the last one collects the rest: "other" */
	size_t error_count;
	struct bench_hdr *service;		    /* done - sent */
	struct bench_hdr *response;		    /* done - intended; open loop, else NULL */
	struct bench_hdr *lag;			    /* sent - intended; likewise */
	struct bench_hdr *parts[BENCH_SPLIT_PARTS]; /* of answers with a Server-Timing */
	uint64_t cached;			    /* of ok: the service's read cache answered */
	uint64_t untimed;			    /* of ok: without a Server-Timing that is one */
	uint64_t mistimed;			    /* of ok: it says more than was measured */
};

/* Aborts without memory: only at start. */
void tally_init(struct tally *tally, bool open);
/* Accepts a zeroed struct. */
void tally_free(struct tally *tally);
/* intended_ns: when it was to be sent; not looked at in a closed loop. */
void tally_record(struct tally *tally, const struct bench_op *op, int64_t intended_ns);
/* Both were made alike. */
void tally_merge(struct tally *tally, const struct tally *from);
/* Adds what a side's Server-Timing of some operations is to be believed by: the sum's ok, untimed,
 * mistimed. */
void tally_add_times(struct tally *sum, const struct tally *tally);
/* False: the service's own times are not to be believed; why says of what: "10 of 20 answers have
 * no Server-Timing". */
CART_MUST_CHECK bool tally_times_hold(const struct tally *sum, char why[TALLY_WHY]);
/* {"mean": {"client": ns, ...}, "median": {...}}; null when no parts were recorded, or the times do
 * not hold. */
json_t *tally_split_json(const struct tally *tally);
/* An element of the result's "operations". */
json_t *tally_json(const struct tally *tally, enum bench_op_type type);

/*
 * Whether the times of two sides may be compared: each succeeded in TALLY_SUCCESS_MIN of what it
 * was asked, and their shares do not differ (Wilson's intervals overlap). One that fails does less
 * work, and may fail just where the work is slow. False: why says what keeps them, "B failed 30 %".
 */
#define TALLY_SUCCESS_MIN 0.999

struct tally_share {
	const char *name;
	uint64_t ok, tried;
};

CART_MUST_CHECK bool tally_is_comparable(const struct tally_share *a, const struct tally_share *b,
					 const char *operation, char why[TALLY_WHY]);

/* The columns of what became of operations: of such an element, or of a "success" with the same
 * members beside its share. */
#define TALLY_COLUMNS                                                                              \
	COLUMN("tried", NULL, COUNT, FOR_PEOPLE),                                                  \
		COLUMN_GET(tally_get_success, "succeeded (95 % interval)", NULL, SHARE,            \
			   FOR_PEOPLE),                                                            \
		COLUMN("refused", NULL, COUNT, FOR_PEOPLE),                                        \
		COLUMN("unknown", NULL, COUNT, FOR_PEOPLE),                                        \
		COLUMN_GET(tally_get_errors, "errors", NULL, TEXT, FOR_PEOPLE)
table_get_fn tally_get_success, tally_get_errors;
/* "99.97 % (99.9 % to 99.99 %)" of a {"share", "low", "high"}. */
const char *tally_format_share(const json_t *of, char text[TABLE_TEXT]);

#endif
