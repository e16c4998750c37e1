/*
 * Whether a new build is slower than an old one. A machine on which this could not be seen never
 * gets the answer "no".
 *
 * Three targets: BASE and SAME are two processes of the old build, HEAD is one of the new. Pairs
 * (bench/h2h/h2h.h) are measured of BASE and SAME, of BASE and SAME made slower, of BASE and HEAD.
 * Of pairs only p50 is judged, which disturbances change least, and in the open loop after those of
 * SAME and HEAD p99 and who stood still. An operation has a regression when
 *
 *     the interval's lower bound is above the limit in a run, and in a second run too
 *     (or B fails more often than A in both, intervals apart, or stands still in both)
 *
 * The controls show in the same process, minutes before, that this rule works here:
 *
 *     SAME must be shown to differ by less than the limit in every operation
 *     (EQUIVALENT or DIFFERENT BUT TRIVIAL: two processes of one binary differ by tenths of a
 * percent); SAME made slower must be found by the rule in every operation, in two runs.
 *
 * Where a run's intervals are too wide to tell, it is measured again with twice as many blocks, and
 * so is every run after it: HEAD is always measured with at least as many blocks as the controls
 * needed. Of a run that is measured again nothing is used, so that looking twice finds nothing
 * that is not there (docs/ci.md has the shares).
 *
 * Each interval is of one operation, at the confidence. A build exactly as slow as the limit is
 * called a regression in at most (half of what the confidence leaves)^2 of all gates an operation,
 * if disturbances of two runs are independent; one that is as fast as the old one, far less often.
 */
#ifndef BENCH_GATE_GATE_H
#define BENCH_GATE_GATE_H

#include "bench/h2h/judge.h"
#include "bench/cli/mode.h"

#include <jansson.h>
#include <stdio.h>

struct buf;

#define GATE_WHY_MAX	   320
#define GATE_DOUBLINGS_MAX 2 /* of the number of blocks, in a gate */

enum gate_target { GATE_BASE, GATE_IS_SAME, GATE_IS_HEAD, GATE_TARGETS };

/* In this order; an AGAIN is made only when the run before it found something. */
enum gate_step {
	GATE_SAME,
	GATE_SLOW,
	GATE_SLOW_AGAIN,
	GATE_HEAD,
	GATE_HEAD_AGAIN,
	GATE_STEPS,
	GATE_END = GATE_STEPS
};

struct gate_rule {
	double limit; /* ratio: 0.05 */
	double slow;  /* what the control adds; above the limit */
	double confidence;
	bool busy; /* a busy machine will do */
};

/* The operations, and the open loop. */
#define GATE_LINES (H2H_OPERATIONS + 1)

/* An operation in a run, at p50; the open loop at p99; A is BASE. */
struct gate_line {
	bool judged;
	double ns[H2H_SIDES];
	double effect, low, high; /* ratio */
	enum stats_verdict verdict;
	char why[TALLY_WHY]; /* what the verdict alone does not say */
	bool stalled;	     /* the open loop: B stood still */
	bool slower;	     /* low is above the limit; or it stood still */
	bool failing;	     /* B fails more than A, intervals apart */
	uint64_t tried[H2H_SIDES], failed[H2H_SIDES];
};

struct gate_run {
	bool made;
	struct gate_line lines[GATE_LINES];
	char invalid[GATE_WHY_MAX]; /* why the run is invalid; "": it is valid */
	bool noisy;		    /* that is because of noise: more blocks may help */
	bool wrong;		    /* a side does not hold what it acknowledged; why: invalid */
};

struct gate {
	struct gate_rule rule;
	struct gate_run runs[GATE_STEPS];
	int doublings; /* of the number of blocks, so far */
};

extern const char *const gate_target_names[GATE_TARGETS + 1]; /* ends with a NULL */

struct gate_measure {
	const char *name;	 /* in results: "same", "slow_again" */
	enum gate_target target; /* measured against BASE */
	bool slowed;
};
extern const struct gate_measure gate_steps[GATE_STEPS];

/* The question for h2h_judge(). */
struct h2h_question gate_question(const struct gate_rule *rule, enum gate_step step);
/* Records the result of a run. False: it did not tell and must be measured again, with twice as
 * many blocks (gate->doublings); gate_next() then says the same step. */
bool gate_note(struct gate *gate, enum gate_step step, const struct h2h *h2h,
	       const struct h2h_judgement *judgement);

/* The next step to measure; GATE_END: the outcome is known. */
enum gate_step gate_next(const struct gate *gate);
/* After gate_next() has said so: BENCH_PASS, BENCH_FAILED, or BENCH_INVALID when a control failed
 * or something could not be measured, BENCH_VIOLATED when a side does not hold what it has
 * acknowledged; and why, in one line. */
enum bench_exit gate_decide(const struct gate *gate, char why[GATE_WHY_MAX]);

/* Plain lines for the log of a CI. */

/* Prints a finished run: its name and one line for each operation. */
void gate_print_step(FILE *out, const struct gate *gate, enum gate_step step);
/* "gate: PASS: ..." */
void gate_print_outcome(FILE *out, enum bench_exit outcome, const char *why);
/* CSV: a row a run and operation, with a header. */
void gate_rows(struct buf *out, const struct gate *gate);
/* The "results" of a gate's document: schemas/bench-result.schema.json. runs: [step], what
 * h2h_json() made of it, or NULL; they are taken. */
json_t *gate_json(const struct gate *gate, json_t *runs[GATE_STEPS], enum bench_exit outcome,
		  const char *why);

#endif
