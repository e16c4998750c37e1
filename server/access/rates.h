/*
 * How often each caller may ask. A caller may ask burst times at once, and then per_s times a
 * second.
 *
 * What is kept of a caller is one time: when all that it has asked would have been due at its rate
 * (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371). A caller for
 * whom that time is past is as one who was never seen, so its place is free. The table has a fixed
 * size. Where a place is wanted and none is free, the caller gives way that is furthest below its
 * rate: with however many addresses somebody comes, none who is over the rate is forgotten, and no
 * memory grows.
 *
 * Any thread, without a lock. Two that touch one place at the same time may count a request too few
 * or, for a caller that has just taken the place, one too many.
 */
#ifndef SERVER_ACCESS_RATES_H
#define SERVER_ACCESS_RATES_H

#include "core/base/attr.h"

#include <stddef.h>
#include <stdint.h>

struct rates;

/* burst: at least 1. Aborts without memory, as the start does. */
struct rates *rates_new(int64_t per_s, int64_t burst);
/* Takes NULL; sets it. */
void rates_free(struct rates **rates);

/* Counts a request of a caller, who is known by some bytes. 0: within its rate. Else it is not
 * counted, and is so many nanoseconds too early. */
CART_MUST_CHECK int64_t rates_take(struct rates *rates, const void *caller, size_t len,
				   int64_t now_ns);

#endif
