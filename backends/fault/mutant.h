/*
 * Mutants: stores that do wrong on purpose, each in one way that a broken store does, so that tests
 * of stores can be shown to notice. Where fault_plan spoils an answer, a mutant gives good answers
 * about carts that are wrong.
 *
 * A mutant sees an op on its way in (its copy, which it may turn into another request) and each
 * answer of the inner store on its way out, upon which it may hand in one more request.
 */
#ifndef BACKENDS_FAULT_MUTANT_H
#define BACKENDS_FAULT_MUTANT_H

#include "backends/fault/copies.h"
#include "core/cart_op.h"
#include "core/cart_rules.h"
#include "core/base/error.h"
#include "core/settings/settings.h"

#include <pthread.h>

struct fault_mutant;
struct fault_mutation;

struct fault_mutant_type {
	const char *name; /* fault.mutant */
	/* The inner store is about to get copy, a request like op. May change it. */
	void (*in)(struct fault_mutant *mutant, struct fault_mutation *mutation,
		   const struct cart_op *op, struct cart_op *copy);
	/*
	 * The inner store has answered. May change the answer, or return a request to hand in next;
	 * NULL: what answer holds is the caller's. May be NULL.
	 */
	struct cart_op *(*out)(struct fault_mutant *mutant, struct fault_mutation *mutation,
			       const struct cart_op *op, struct cart_op *answer);
};

/* A db's. */
struct fault_mutant {
	const struct fault_mutant_type *type; /* NULL: none */
	const struct cart_rules *rules;
	int64_t share;	    /* of 1,000 ops, how many meet it */
	bool only_eventual; /* of reads, those alone that ask for no more */
	pthread_mutex_t lock;
	uint64_t random;
	struct fault_copies *copies; /* of the mutants that show old ones */
};

/* An op's. A zeroed one is at its beginning. */
struct fault_mutation {
	int answers;	      /* of the inner store, seen so far */
	struct cart_op *kept; /* an answer to give unless a better one comes */
};

/* For the settings' table. */
extern const char *const fault_mutant_names[];
extern const char *const fault_mutant_reads[];

/* rules outlive it. -1: error says why; nothing is left behind. */
CART_MUST_CHECK int fault_mutant_init(struct fault_mutant *mutant, const struct settings *settings,
				      const struct cart_rules *rules,
				      const struct cart_clock *clock, struct cart_error *error);
void fault_mutant_destroy(struct fault_mutant *mutant);

void fault_mutant_in(struct fault_mutant *mutant, struct fault_mutation *mutation,
		     const struct cart_op *op, struct cart_op *copy);
struct cart_op *fault_mutant_out(struct fault_mutant *mutant, struct fault_mutation *mutation,
				 const struct cart_op *op, struct cart_op *answer);
/* Frees what the op's mutation holds; it can be used anew. */
void fault_mutation_clear(struct fault_mutation *mutation);

#endif
