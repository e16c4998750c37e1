/*
 * The open loop of a head-to-head: both sides at once are asked at the same rate, whatever they
 * answer, and times count from when a question was due. In pairs a side that stands still is not
 * asked meanwhile, and a median does not show it (coordinated omission); here it is.
 *
 * The rate is half of the slower side's knee (bench/load/sweep.h), both being loaded at once.
 */
#ifndef BENCH_H2H_OPEN_H
#define BENCH_H2H_OPEN_H

#include "bench/cli/progress.h"
#include "bench/load/busy.h"
#include "bench/result/tally.h"
#include "bench/target/drive.h"
#include "bench/target/ledger.h"

#define H2H_SIDES	  2
#define H2H_OPEN_RATE_MAX 5000 /* a second; above it one core would be busy with asking */
/* A side that gives no answer for so long, and so many times as long as the other, stood still. So
 * did one of which one request in 100, or in 1,000, waits like that: an answer now and then ends no
 * stall. */
#define H2H_OPEN_GAP_NS	   INT64_C(300000000)
#define H2H_OPEN_GAP_TIMES 5

struct h2h_open_config {
	double rate;	     /* a second and side; 0: half of the knee */
	int64_t duration_ms; /* 0: no open loop */
	uint64_t seed;
	enum bench_read read; /* of gets */
};

struct h2h_open_side {
	struct tally tally; /* of all operations; response times */
	struct h2h_open_answer {
		int64_t due_ns, ns; /* when it was due; from then to the answer */
		int64_t late_ns;    /* how late cartbench asked */
	} * answers;		    /* that succeeded, in the order in which they came */
	size_t count;
	int64_t first_ns; /* due */
	int64_t gap_ns;	  /* the longest time without an answer that succeeded */
};

struct h2h_open {
	bool made;
	double rate;
	int64_t duration_ms;
	struct h2h_open_side sides[H2H_SIDES];
	struct busy busy;
	char why[256]; /* cartbench was late: only what that does not explain is to be believed */
};

/* Measures; notes what was acknowledged in the ledgers. -1: error says what kept it from beginning.
 */
CART_MUST_CHECK int h2h_open_run(struct h2h_open *open, const struct h2h_open_config *config,
				 struct bench_drive *const drives[H2H_SIDES],
				 struct ledger *const ledgers[H2H_SIDES],
				 struct bench_progress *progress, struct cart_error *error);
void h2h_open_free(struct h2h_open *open);
/* The side that stood still; -1: none; H2H_SIDES: both, each seen by another sign (one gap, or many
 * requests that waited). */
int h2h_open_stalled(const struct h2h_open *open);
/* By what that side is seen to have stood still. */
void h2h_open_explain(const struct h2h_open *open, int side, const char *const names[H2H_SIDES],
		      char *why, size_t room);

#endif
