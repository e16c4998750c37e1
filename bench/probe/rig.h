/*
 * What probes run on: one event loop, and a database behind one target or several (cartds on the
 * same database). A probe starts its clients, each of which goes on from one callback to the next,
 * and runs the loop until all are done.
 *
 * A failed operation is the probe's to record. When many in a row get no answer the target is gone:
 * probe_rig_goes_on() turns false, as it does on Ctrl-C and when the time of a part is over, and
 * clients end with what they have. A part without enough outcomes by then has more time.
 */
#ifndef BENCH_PROBE_RIG_H
#define BENCH_PROBE_RIG_H

#include "bench/target/base.h"
#include "bench/target/drive.h"
#include "bench/probe/probe.h"
#include "bench/stats/alloc.h"
#include "bench/stats/rng.h"

#define PROBE_TARGETS_MAX 8
#define PROBE_GIVE_UP	  64 /* operations in a row without an answer */
#define PROBE_CLIENTS_MAX 64
#define PROBE_ENOUGH	  20	/* outcomes of a part, before its time ends it */
#define PROBE_TIMES	  10	/* its time at most, where it does not have them */
#define PROBE_LATE_MS	  20000 /* likewise: after its time */
#define PROBE_LINES_MAX	  96	/* products that a probe puts into a cart: within limits.lines */

/* How much is tried. */
struct probe_plan {
	size_t trials;	 /* a delay and kind of read; and of each session guarantee */
	size_t adds;	 /* for each of the two probes of lost updates */
	size_t repeats;	 /* under a key */
	size_t carts;	 /* that are worked on at once */
	size_t clients;	 /* that change one cart at once; 2 ... PROBE_CLIENTS_MAX */
	int64_t part_ms; /* that a part of a probe takes where it has PROBE_ENOUGH; 0: any */
	size_t settle;	 /* reads in the end, for the version that was acknowledged last */
	int64_t delays_ms[PROBE_DELAYS_MAX];
	size_t delay_count;
	bool kinds[PROBE_KINDS]; /* which are wanted */
	bool seed_tests;
	bool promised[PROBE_READS]; /* whether reads of this kind promise to be fresh */
	uint64_t seed;
};

struct probe_rig {
	const struct probe_plan *plan;
	struct event_base *base;
	struct bench_drive_loop *loops[PROBE_TARGETS_MAX];
	size_t target_count;
	struct bench_rng rng;
	size_t running;		   /* clients that are not done */
	size_t unanswered;	   /* operations in a row */
	int64_t part_ends_ns;	   /* monotonic; 0: open */
	int64_t part_late_ns;	   /* what is added to that, without enough outcomes */
	size_t outcomes;	   /* of the part; each probe counts its own */
	char unique[17];	   /* what keys of this run begin with */
	int64_t customers;	   /* the next customer */
	struct cart_error trouble; /* why the last operation that failed did; "" */
};

/* All probes, seed 1; how much of each is the caller's to set. */
void probe_plan_init(struct probe_plan *plan);

/* The drives are all of one database, and outlive the rig. -1: error says why. */
CART_MUST_CHECK int probe_rig_open(struct probe_rig *rig, const struct probe_plan *plan,
				   struct bench_drive *const *drives, size_t count,
				   struct cart_error *error);
/* Every link is closed. */
void probe_rig_close(struct probe_rig *rig);

/* A link to target at % target_count. Aborts without memory. */
struct bench_link *probe_rig_link(struct probe_rig *rig, size_t at);

/* Must be called for every answer. */
void probe_rig_saw(struct probe_rig *rig, const struct bench_op *op);
/* Begins a part of a probe, and its time limit. */
void probe_rig_begin(struct probe_rig *rig);
/* False: clients must end: the time is up, the target is gone, or Ctrl-C was pressed. */
bool probe_rig_goes_on(const struct probe_rig *rig);
/* False: the whole run must end, because the target is gone or somebody pressed Ctrl-C. */
bool probe_rig_is_alive(const struct probe_rig *rig);
/* Whether the target has stopped answering. */
bool probe_rig_is_broken(const struct probe_rig *rig);
/* Runs the loop until no client is running. */
void probe_rig_run(struct probe_rig *rig);

/* Runs one operation to its end. True: it succeeded. */
bool probe_rig_do(struct probe_rig *rig, struct bench_link *link, struct bench_op *op);
/* Waits, while the event loop runs. */
void probe_rig_pause(struct probe_rig *rig, int64_t ms);

/* A new cart of a customer of its own. False: it could not be made. */
bool probe_rig_cart(struct probe_rig *rig, struct bench_link *link, struct cart_id *id,
		    int64_t *customer);
/*
 * The cart as a strong read shows it, read again until it has the version that was acknowledged
 * last: a stale read catches up with time, a lost write does not. False: it cannot be read. The
 * caller must cart_clear() it.
 */
bool probe_rig_settled(struct probe_rig *rig, struct bench_link *link, const struct cart_id *id,
		       int64_t version, struct cart *cart);

#endif
