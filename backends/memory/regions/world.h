/*
 * Two regions, each with a copy of all carts, as DynamoDB's global tables with asynchronous
 * replication (MREC) keep them: a write is decided by the copy of its region and acknowledged; the
 * whole item arrives at the other copy after a lag, unless a later write has been there: the last
 * writer wins. Source: "How DynamoDB global tables work",
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
 *
 * An item is a cart with the keys of its changes, or the key of a create. Differences to AWS: there
 * is one exact clock for all writes, the lag is always the same, and a merge of two carts arrives
 * whole.
 *
 * One world for a process, as all dbs of the regions backend are parts of it. Any thread.
 */
#ifndef BACKENDS_MEMORY_REGIONS_WORLD_H
#define BACKENDS_MEMORY_REGIONS_WORLD_H

#include "core/base/clock.h"
#include "core/cart_op.h"
#include "core/cart_rules.h"

#define REGIONS 2

struct regions_world;

/* Of the db that asks. */
struct regions_rules {
	int64_t lag_ns;
	/* Ops go to the home of their cart: a bit of its id, which a create sets from its customer,
	 * or from its key if it has no customer. */
	bool home;
};

/* The first one makes the world, with its clock and rules; the last to leave frees it. NULL: no
 * memory. */
struct regions_world *regions_world_join(const struct cart_clock *clock,
					 const struct cart_rules *rules);
void regions_world_leave(struct regions_world **world);

/* Runs an op that came to a region, 0 or 1, and fills its result. Returns the region that has
 * decided it. */
size_t regions_world_run(struct regions_world *world, const struct regions_rules *rules,
			 size_t region, struct cart_op *op);

#endif
