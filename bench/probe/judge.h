/* Judges the records of operations. The versions are the target's word, so what a cart holds is
 * compared with what the client has written, too: old lines under a new version are old. Pure
 * functions: they use no clock and no target, and may be
 * called in any order. Each adds to a finding whose kind, read and delays the caller has set. */
#ifndef BENCH_PROBE_JUDGE_H
#define BENCH_PROBE_JUDGE_H

#include "bench/target/op.h"
#include "bench/probe/probe.h"

/* A read made delays[delay] after a write was acknowledged. */
struct probe_look {
	uint8_t delay;
	enum probe_read read;
	int64_t written; /* the version acknowledged; 0: the write was not */
	int64_t seen;	 /* the version read; 0: no such cart; -1: no answer */
	int64_t added;	 /* what the writer has added in all, as far as it was acknowledged */
	int64_t held;	 /* of that, by the cart read */
};
/* Takes only the reads of the finding's kind. */
void probe_judge_staleness(struct probe_finding *finding, const struct probe_look *looks,
			   size_t count);

/* One operation of a client on a cart. Clients wait for answers, so steps are in order. */
struct probe_step {
	bool is_write;
	int64_t version; /* acknowledged or read; 0: no such cart; -1: no answer */
	int64_t value; /* of a write: the quantity set, higher each time; of a read: the one found;
			  -1: not looked at, or a write without an answer may change it at any time
			*/
};
void probe_judge_read_your_writes(struct probe_finding *finding, const struct probe_step *steps,
				  size_t count);
void probe_judge_monotonic_reads(struct probe_finding *finding, const struct probe_step *steps,
				 size_t count);
/* By the versions acknowledged, and by the value that a read after all writes found. */
void probe_judge_monotonic_writes(struct probe_finding *finding, const struct probe_step *steps,
				  size_t count);

/* Adds to a cart, by several clients at once or one after another. */
struct probe_add {
	int64_t product_id;
	int64_t quantity;
	enum bench_outcome outcome;
};
/* Each add is of 1 to a product of its own. cart: its final state; NULL: not known. */
void probe_judge_lost_updates(struct probe_finding *finding, const struct probe_add *adds,
			      size_t count, const struct cart *cart);
/* All of one product, a quantity of 1 each. */
void probe_judge_one_line(struct probe_finding *finding, const struct probe_add *adds, size_t count,
			  const struct cart *cart);
/* Each is to a product of its own, with the outcome of the last attempt under its key. */
void probe_judge_exactly_once(struct probe_finding *finding, const struct probe_add *adds,
			      size_t count, const struct cart *cart);
/* The same of creates, each for its own customer; found: the customer's carts, or -1. */
void probe_judge_creates(struct probe_finding *finding, const struct probe_add *creates,
			 size_t count, const int64_t *found);

#endif
