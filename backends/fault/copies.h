/*
 * Old copies of carts: the state of each before its last change, as a stale cache or a lagging
 * replica would show it. At most FAULT_COPIES carts: a cart replaces another one in the same slot.
 */
#ifndef BACKENDS_FAULT_COPIES_H
#define BACKENDS_FAULT_COPIES_H

#include "core/cart.h"
#include "core/base/clock.h"

#define FAULT_COPIES 4096

struct fault_copies;

/* A copy is shown for age_ms after the change; 0: until the next change. NULL: no memory. */
struct fault_copies *fault_copies_new(const struct cart_clock *clock, int64_t age_ms);
/* Takes NULL; sets it. */
void fault_copies_free(struct fault_copies **copies);

/* Stores how a cart is now. Any thread, as the next two. */
void fault_copies_learn(struct fault_copies *copies, const struct cart *cart);
/* Replaces *cart by its old copy. False: there is none, or it is too old. */
bool fault_copies_age(struct fault_copies *copies, struct cart *cart);
/* The same, at every second call for this cart. */
bool fault_copies_alternate(struct fault_copies *copies, struct cart *cart);

#endif
