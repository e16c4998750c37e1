/*
 * How the lines of a cart differ before and after an op: what a backend that reads, decides with
 * cart_apply() and writes has to write.
 *
 *	struct cart_diff diff;
 *
 *	cart_diff_begin(&diff, &before, &after);
 *	while (cart_diff_next(&diff))
 *		... diff.change, diff.before, diff.after
 */
#ifndef CORE_CART_DIFF_H
#define CORE_CART_DIFF_H

#include "core/cart.h"

enum cart_diff_change {
	CART_DIFF_ADDED,   /* before is NULL */
	CART_DIFF_CHANGED, /* quantity, times or attributes */
	CART_DIFF_REMOVED  /* after is NULL */
};

struct cart_diff {
	enum cart_diff_change change;
	const struct cart_line *before; /* in the carts given to cart_diff_begin() */
	const struct cart_line *after;
	struct {
		const struct cart *before, *after;
		size_t before_at, after_at;
	} held; /* cart_diff.c's own */
};

/* Both carts must stay as they are until the last cart_diff_next(). */
void cart_diff_begin(struct cart_diff *diff, const struct cart *before, const struct cart *after);
/* The next line that differs, in the order of the lines. False: there is none. */
CART_MUST_CHECK bool cart_diff_next(struct cart_diff *diff);

#endif
