/*
 * Mutants: stores that are wrong on purpose, each in one way in which a real store may be wrong.
 * They prove that tests of stores notice. fault_plan spoils answers; a mutant gives plausible
 * answers about carts that are wrong.
 *
 * A mutant sees the copy of an op before the inner store gets it, and may turn it into another
 * request. It sees each answer of the inner store, and may then submit one more request.
 */
#ifndef BACKENDS_FAULT_MUTANT_H
#define BACKENDS_FAULT_MUTANT_H

#include "backends/fault/copies.h"
#include "core/cart_op.h"
#include "core/cart_rules.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/settings/settings.h"

#include <pthread.h>

struct fault_mutant;
struct fault_mutation;

struct fault_mutant_type {
	const char *name; /* fault.mutant */
	/* The inner store is about to get copy, a request like op. May change it. May be NULL. */
	void (*in)(struct fault_mutant *mutant, const struct cart_op *op, struct cart_op *copy);
	/*
	 * The inner store has answered. May change the answer, or return the next request to
	 * submit; NULL: the answer is what the caller gets. May be NULL.
	 */
	struct cart_op *(*out)(struct fault_mutant *mutant, struct fault_mutation *mutation,
			       const struct cart_op *op, struct cart_op *answer);
};

/* The mutant of a db. */
struct fault_mutant {
	const struct fault_mutant_type *type; /* NULL: none */
	const struct cart_rules *rules;
	int64_t share;	    /* how many of 1,000 ops it spoils */
	bool only_eventual; /* strong reads are not spoilt */
	pthread_mutex_t lock;
	struct random random;
	struct fault_copies *copies; /* for mutants that show old carts */
};

/* The state of one op. Begins zeroed. */
struct fault_mutation {
	int answers;	      /* of the inner store so far */
	struct cart_op *kept; /* the answer if the next request fails; or NULL */
};

/* For the settings' table. */
extern const char *const fault_mutant_names[];
extern const char *const fault_mutant_reads[];

/* rules outlive it. -1: error says why; nothing is left behind. */
CART_MUST_CHECK int fault_mutant_init(struct fault_mutant *mutant, const struct settings *settings,
				      const struct cart_rules *rules,
				      const struct cart_clock *clock, struct cart_error *error);
void fault_mutant_destroy(struct fault_mutant *mutant);

void fault_mutant_in(struct fault_mutant *mutant, const struct cart_op *op, struct cart_op *copy);
struct cart_op *fault_mutant_out(struct fault_mutant *mutant, struct fault_mutation *mutation,
				 const struct cart_op *op, struct cart_op *answer);
/* Frees what it holds; it can be used again. */
void fault_mutation_clear(struct fault_mutation *mutation);

#endif
