/* Reads of the carts that a cartd answers with what measuring needs: id, version, lines. */
#ifndef BENCH_TARGET_CART_READ_H
#define BENCH_TARGET_CART_READ_H

#include "core/base/attr.h"
#include "core/cart.h"

/* False: it is no cart; the cart is zeroed. */
CART_MUST_CHECK bool bench_cart_read(struct cart *cart, const char *json, size_t len);
/* True: it may be that cart, which is not parsed. For gets of a load, whose client must be fast: an
 * error in its place is found. */
CART_MUST_CHECK bool bench_cart_is(const struct cart_id *id, const char *json, size_t len);
/* A page, {"carts": [...]}. *carts is to be freed, each cart cleared, of an empty page too. */
CART_MUST_CHECK bool bench_carts_read(struct cart **carts, size_t *count, const char *json,
				      size_t len);
/* The member "error" of problem+json; false: there is none. */
CART_MUST_CHECK bool bench_problem_read(char *error, size_t room, const char *json, size_t len);

#endif
