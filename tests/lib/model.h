/*
 * What a store should answer, written from the rules and not from the code: one array of carts, one
 * of keys, searched from end to end. It shares no rule with core/cart.c, so that a mistake made
 * there shows on every backend that uses it.
 */
#ifndef TESTS_LIB_MODEL_H
#define TESTS_LIB_MODEL_H

#include "core/cart_op.h"
#include "core/cart_rules.h"

#define MODEL_LINES_MAX	  64 /* also on the way through a batch */
#define MODEL_CHANGES_MAX 8

struct model;

/* Carts, when given, point into the model and are right until its next op. */
struct model_answer {
	enum cart_result result;
	bool replayed;
	bool of_from;	 /* of what is not CART_OK */
	bool merged;	 /* of CART_CLOSED */
	int64_t version; /* 0: not said */
	bool has_cart;
	struct cart cart;
	struct cart carts[CART_LIST_MAX];
	size_t cart_count;
	int64_t last_ms; /* of the last cart, in the list's order */
	bool more;
};

struct model *model_new(const struct cart_rules *rules); /* aborts without memory */
void model_free(struct model **model);

/* Does a request at op->now_ms. */
void model_run(struct model *model, const struct cart_op *op, struct model_answer *answer);

/* True: the op has been answered so, to the last member that its type sets. */
bool model_agrees(const struct model_answer *answer, const struct cart_op *op);

/*
 * When the last cart or key of those that have expired by any op's time did so; 0: none has. A
 * store may have removed it by now, or not: what an op of an earlier time gets is not defined.
 */
int64_t model_last_expiry_ms(const struct model *model);

/* The n-th cart ever made, as it is or was last; NULL: no such. */
const struct cart *model_cart_at(const struct model *model, size_t n);

#endif
