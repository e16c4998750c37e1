/* The outbox: events written with their changes, read as a feed, removed after feed.retention. */
#ifndef BACKENDS_SQLITE_FEED_H
#define BACKENDS_SQLITE_FEED_H

#include "backends/sqlite/conn.h"
#include "core/cart_op.h"
#include "core/feed/event.h"

/* The most that one call removes. */
#define SQLITE_FEED_REMOVED 1024

/*
 * Writes the event of a change, inside the writer's transaction. before and after are as
 * cart_event_make() takes them; from is that of a merge's target, else NULL. SQLITE_OK or an error.
 */
CART_MUST_CHECK int sqlite_feed_add(struct sqlite_conn *conn, const struct cart *before,
				    const struct cart *after, const struct cart_id *from,
				    int64_t now_ms);

/* The same of a cart that is about to be removed, as expired. One that cannot be read has an event
 * that says nothing of the cart. */
CART_MUST_CHECK int sqlite_feed_add_removal(struct sqlite_conn *conn, enum cart_event_type type,
					    const struct cart_id *id, int64_t now_ms);

/* Answers a FEED, inside a read transaction. */
CART_MUST_CHECK enum cart_result sqlite_feed_read(struct sqlite_conn *conn, struct cart_op *op);

/* Removes the oldest events up to the first one that is younger, but not the newest. */
CART_MUST_CHECK int sqlite_feed_remove(struct sqlite_conn *conn, int64_t oldest_ms,
				       size_t *removed);

#endif
