/*
 * Old copies of carts: of each its state before the last change, as a cache or a replica that lags
 * behind would still show it. Of at most FAULT_COPIES carts: one that falls on another's place
 * takes it.
 */
#ifndef BACKENDS_FAULT_COPIES_H
#define BACKENDS_FAULT_COPIES_H

#include "core/cart.h"
#include "core/base/clock.h"

#define FAULT_COPIES 4096

struct fault_copies;

/* A copy is shown for age_ms after it was replaced; 0: until it is replaced once more. NULL: no
 * memory. */
struct fault_copies *fault_copies_new(const struct cart_clock *clock, int64_t age_ms);
/* Takes NULL; sets it. */
void fault_copies_free(struct fault_copies **copies);

/* This is how a cart is now. Any thread, as the others. */
void fault_copies_learn(struct fault_copies *copies, const struct cart *cart);
/* True: *cart has become the old copy of itself. False: there is none, or it is too old. */
bool fault_copies_age(struct fault_copies *copies, struct cart *cart);
/* The same at every second call for this cart. */
bool fault_copies_alternate(struct fault_copies *copies, struct cart *cart);

#endif
