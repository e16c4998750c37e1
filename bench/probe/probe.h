/*
 * Probes of consistency: what a target promises, tried until it can be said how often it is broken.
 *
 * Running and judging are apart. A probe runs operations on a target and keeps records of what was
 * asked and answered; pure functions (bench/probe/judge.h) judge the records and make findings.
 * Findings are printed and kept in the result, and decide the exit status.
 */
#ifndef BENCH_PROBE_PROBE_H
#define BENCH_PROBE_PROBE_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum probe_kind {
	PROBE_STALENESS,	     /* reads some time after a write, on other connections */
	PROBE_CUSTOMER_INDEX,	     /* the same through the list of the customer's carts */
	PROBE_READ_YOUR_WRITES,	     /* a client sees what it has written */
	PROBE_MONOTONIC_READS,	     /* and never an older cart than it has seen */
	PROBE_MONOTONIC_WRITES,	     /* its writes take effect in their order */
	PROBE_LOST_UPDATES,	     /* adds of distinct products at once all count, once */
	PROBE_LOST_UPDATES_ONE_LINE, /* so do those to one line */
	PROBE_EXACTLY_ONCE,	     /* a repeat with the same key is not applied again */
	PROBE_KINDS
};

/* How the carts were read. */
enum probe_read { PROBE_STRONG, PROBE_EVENTUAL, PROBE_INDEX, PROBE_READS };

#define PROBE_DELAYS_MAX  16
#define PROBE_EXAMPLE_MAX 160

/* An operation without an answer counts as unknown, and not as a trial. */
struct probe_count {
	size_t trials;
	size_t violations;
	size_t unknown;
};

struct probe_delay {
	int64_t delay_ms;
	struct probe_count count;
	int64_t most_behind; /* versions that the stalest read was behind */
};

struct probe_finding {
	enum probe_kind kind;
	enum probe_read read;
	bool promised; /* by the service: a violation is a defect. Else it may happen */
	struct probe_count count;
	struct probe_delay delays[PROBE_DELAYS_MAX]; /* PROBE_STALENESS, PROBE_CUSTOMER_INDEX */
	size_t delay_count;
	size_t exercised; /* PROBE_EXACTLY_ONCE: repeats whose first attempt had been applied */
	char example[PROBE_EXAMPLE_MAX]; /* the first violation, for a person; "" */
};

enum probe_verdict {
	PROBE_CLEAN,	 /* no violation */
	PROBE_ALLOWED,	 /* violations of what is not promised */
	PROBE_VIOLATED,	 /* violations of what is */
	PROBE_UNMEASURED /* no trial had an outcome */
};

/* As in results files. */
extern const char *const probe_kind_names[PROBE_KINDS], *const probe_read_names[PROBE_READS];
extern const char *const probe_verdict_names[];
CART_MUST_CHECK bool probe_kind_find(const char *name, enum probe_kind *kind);
enum probe_verdict probe_verdict_of(const struct probe_finding *finding);

/* The share of violations, and its interval at 95 %: Wilson's, and for none at all of n trials
 * from 0 to 1 - 0.05^(1/n). 0 ... 1 without trials. */
struct probe_rate {
	double rate, low, high;
};
struct probe_rate probe_rate_of(const struct probe_count *count);

#endif
