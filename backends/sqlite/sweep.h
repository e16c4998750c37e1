/* Removes carts that have been expired, and idempotency keys that have been past their window, for
 * sweep.grace; and events that are older than feed.retention. */
#ifndef BACKENDS_SQLITE_SWEEP_H
#define BACKENDS_SQLITE_SWEEP_H

#include "backends/sqlite/conn.h"
#include "core/cart_rules.h"

/* The most that one step removes: a few milliseconds of the writer's time. */
#define SQLITE_SWEEP_CARTS 64
#define SQLITE_SWEEP_ROWS  512 /* after this many rows no further cart is removed */
#define SQLITE_SWEEP_KEYS  256

struct sqlite_swept {
	size_t carts;
	size_t keys; /* past their window; those removed with their cart are not counted */
	size_t events;
	bool more; /* a limit was reached: there is more to remove */
};

/* One step, one transaction: removes what has been expired for sweep.grace, and old events.
 * SQLITE_OK, or an error after which nothing was removed. */
CART_MUST_CHECK int sqlite_sweep(struct sqlite_conn *conn, const struct cart_rules *rules,
				 int64_t now_ms, struct sqlite_swept *swept);

#endif
