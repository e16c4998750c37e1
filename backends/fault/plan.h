/*
 * Which ops the fault backend spoils, and how. It counts the ops of all loops whose type fault.ops
 * names, in the order in which they are submitted.
 */
#ifndef BACKENDS_FAULT_PLAN_H
#define BACKENDS_FAULT_PLAN_H

#include "core/cart_op.h"
#include "core/base/error.h"
#include "core/settings/settings.h"

#include <pthread.h>

/* What can go wrong with an op. Another type needs a line here and one in plan.c. */
enum fault_type {
	FAULT_NONE,
	FAULT_REFUSE,	 /* refused at submit */
	FAULT_BUSY,	 /* not applied; completes with CART_BUSY */
	FAULT_FAIL,	 /* not applied; CART_FAILED */
	FAULT_TIMEOUT,	 /* not applied; CART_TIMEOUT, before the deadline */
	FAULT_UNCERTAIN, /* not applied; CART_UNCERTAIN */
	FAULT_DROP,	 /* applied; CART_UNCERTAIN */
	FAULT_HANG,	 /* not applied, never answered: the deadline has to */
	FAULT_TYPES
};

struct fault_behaviour {
	const char *name;	 /* fault.NAME_nth, fault.NAME_every */
	bool applies;		 /* the inner store gets the op */
	bool answers;		 /* with result; else with the answer of the inner store */
	enum cart_result result; /* a read cannot be uncertain: it gets CART_TIMEOUT instead */
};

const struct fault_behaviour *fault_behaviour_of(enum fault_type type);

/* When a type of fault strikes, in ops since it was armed; 0: never. */
struct fault_trigger {
	uint64_t nth;	/* this op; the first is 1 */
	uint64_t every; /* each multiple of this */
	uint64_t seen;
};

struct fault_plan {
	pthread_mutex_t lock;
	struct fault_trigger triggers[FAULT_TYPES];
	bool ops[CART_OP_TYPES];
	uint64_t hits;
};

extern const struct setting fault_settings[];

/* -1: a setting makes no sense; nothing is left behind. */
CART_MUST_CHECK int fault_plan_init(struct fault_plan *plan, const struct settings *settings,
				    struct cart_error *error);
void fault_plan_destroy(struct fault_plan *plan);
/* Any thread: from the next op on. */
void fault_plan_arm(struct fault_plan *plan, enum fault_type type, uint64_t nth, uint64_t every);
/* Counts an op and says what happens to it. If several faults strike, the first of the enum. */
enum fault_type fault_plan_next(struct fault_plan *plan, enum cart_op_type op);
/* Ops spoilt so far. */
uint64_t fault_plan_hits(struct fault_plan *plan);

#endif
