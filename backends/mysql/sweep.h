/*
 * Removes carts that have been expired, and keys that have been past their window, for sweep.grace,
 * and events after feed.retention.
 * No answer depends on it: from the instant of its expiry a cart is invisible and a key is ignored.
 */
#ifndef BACKENDS_MYSQL_SWEEP_H
#define BACKENDS_MYSQL_SWEEP_H

#include "backends/mysql/connector.h"
#include "core/cart_store.h"

/* What one step removes at the most: some milliseconds of the server's time. */
#define SQL_SWEEP_CARTS	 100
#define SQL_SWEEP_LINES	 1000 /* no further cart is begun beyond so many lines */
#define SQL_SWEEP_KEYS	 250
#define SQL_SWEEP_EVENTS 100 /* rows, of a batch each */

struct sql_swept {
	size_t carts;
	size_t keys;
	size_t events; /* rows of cart_events */
	bool more;     /* a bound was met and something removed: there is more to remove */
};

/*
 * One step, on a connection for blocking calls. It removes nothing that is in use, waits for no
 * lock, and several processes may run it at once. -1: error says why, mysql_errno() as well; the
 * connection is to be closed, because it may hold a transaction; what was removed before is
 * counted. now_ms is of the server's clock.
 */
CART_MUST_CHECK int sql_sweep_step(MYSQL *mysql, const struct cart_rules *rules, int64_t now_ms,
				   struct sql_swept *swept, struct cart_error *error);

struct sql_sweeper;

/*
 * Starts the thread, one a process: it sweeps every interval_ms (0: never) until all is removed;
 * among processes a named lock lets one do so at a time. While the server does not answer it tries
 * again, and says so once. NULL: error says why.
 */
struct sql_sweeper *sql_sweeper_new(struct sql_connector *connector, const struct cart_env *env,
				    int64_t interval_ms, struct cart_error *error);
/* Ends the thread, whatever it waits for but a host to be connected to. Takes NULL; sets it. */
void sql_sweeper_free(struct sql_sweeper **sweeper);
/* Rows removed since the start. */
uint64_t sql_sweeper_carts(const struct sql_sweeper *sweeper);
uint64_t sql_sweeper_keys(const struct sql_sweeper *sweeper);
uint64_t sql_sweeper_events(const struct sql_sweeper *sweeper);

#endif
