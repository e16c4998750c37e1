/* The deadlines of a store's pending ops: a binary heap with one libevent timer for its top. Only
 * core/store.c uses it; backends see expire(). */
#ifndef CORE_DEADLINES_H
#define CORE_DEADLINES_H

#include "core/base/attr.h"
#include "core/cart_op.h"
#include "core/base/clock.h"

struct event_base;
struct store_deadlines;

/* expired() is called on the loop with the op taken out, and held.why saying why. NULL: no memory.
 */
struct store_deadlines *deadlines_new(struct event_base *base, const struct cart_clock *clock,
				      void (*expired)(struct cart_op *op));
/* Nothing may be in it. Takes NULL; sets it. */
void deadlines_free(struct store_deadlines **deadlines);

/* False: no memory. */
CART_MUST_CHECK bool deadlines_add(struct store_deadlines *deadlines, struct cart_op *op);
void deadlines_remove(struct store_deadlines *deadlines, struct cart_op *op);
/* The op expires in the next turn of the loop, for this reason. */
void deadlines_hasten(struct store_deadlines *deadlines, struct cart_op *op, enum cart_result why);

#endif
