/* What `run` and `sweep` do before they put load on a target. */
#ifndef BENCH_LOAD_SETUP_H
#define BENCH_LOAD_SETUP_H

#include "bench/load/busy.h"
#include "bench/load/load.h"
#include "bench/result/session.h"

/* The options that say what is asked. */
#define LOAD_TAKES                                                                                 \
	"mix", "keys", "carts", "products", "adds=3", "gets", "checkouts", "think", "threads",     \
		"cold", "busy", "consistency"

#define LOAD_CLIENTS_OPEN 1000 /* by default the most that may wait, of an open loop */

/*
 * Takes the workload from the options, opens the target, and makes the carts that the workload is
 * about. False: the reason has been printed. The workload is to be freed in either case.
 */
CART_MUST_CHECK bool load_setup(struct bench_session *session, struct workload *workload,
				size_t clients);
/* A busy machine is no judge: the result is invalid, or with --busy gets a note. */
void load_judge_busy(const struct bench_session *session, const struct busy *busy);
/* As many as --threads says, or as this process may use cores; no more than clients. */
size_t load_threads(const struct bench_values *values, size_t clients);

#endif
