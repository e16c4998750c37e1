/*
 * Load on a target: threads with a loop each, clients on them, for a time.
 *
 * Closed: each client sends its next operation when it has the answer to the last (and has
 * thought). A slow target is then asked less often just when it is slow (coordinated omission), so
 * only service times can be reported.
 *
 * Open: operation i is intended at an instant that does not depend on the answers, at equal
 * distances or as a Poisson process. response = done - intended is what a user would wait, service
 * = done - sent what the target took, lag = sent - intended how late the generator was. An arrival
 * takes a free client; clients are made as they are needed, up to a limit, which is reported when
 * it is reached.
 *
 * A result is limited when the generator could not keep up: its figures then say more of cartbench
 * than of the target.
 */
#ifndef BENCH_LOAD_LOAD_H
#define BENCH_LOAD_LOAD_H

#include "bench/load/busy.h"
#include "bench/load/config.h"
#include "bench/result/tally.h"

/* The allowed lag at p99: this time, or this share of the median response. */
#define LOAD_LAG_MAX_NS	   INT64_C(1000000)
#define LOAD_LAG_MAX_SHARE 0.1
/* The allowed use of cartbench's cores. */
#define LOAD_CPU_MAX 0.8

struct load_result {
	struct tally operations[BENCH_OP_TYPES]; /* those that were never tried are zeroed */
	struct seconds seconds;
	double duration_s; /* that was measured */
	double throughput; /* operations that succeeded, a second */
	uint64_t tried, ok;
	/* Open: of intended operations, how many had to wait because all clients were busy, and
	 * how many were never sent. */
	uint64_t waited, unsent;
	size_t clients; /* open: that there were in the end */
	int64_t gap_ns; /* the longest time without an answer that succeeded, of all threads */
	double cpu;	/* of the cores that the threads may use, 0 ... 1 */
	int64_t lag_p99_ns, response_p50_ns; /* open */
	struct ledger *ledger; /* of what it asked; what prepared carts began with is in the
		     workload's */
	struct busy busy;      /* during the load */
	bool interrupted;
};

/*
 * Makes the carts that the workload's keys are about, each with some lines, several at once.
 * progress may be NULL. -1: error says why they cannot be had; also when
 * interrupted.
 */
CART_MUST_CHECK int load_prepare(struct workload *workload, struct bench_drive *drive,
				 struct bench_progress *progress, struct cart_error *error);

/* Runs it. bench_interrupted() ends it early. -1: it could not begin; error says why. */
CART_MUST_CHECK int load_run(struct load_result *result, const struct load_config *config,
			     struct cart_error *error);
void load_result_free(struct load_result *result);
/* Of all successful operations: response of an open loop, else service. To be freed. */
struct bench_hdr *load_result_times(const struct load_result *result);
/* Whether cartbench itself was the limit; `why` then gets the reason in one line. */
bool load_result_is_limited(const struct load_result *result, const struct load_config *config,
			    char *why, size_t room);

#endif
