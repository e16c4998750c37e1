/*
 * Removing what nobody can see any more: expired carts and keys past their window. One thread a
 * process; among processes a named lock lets one sweep at a time.
 */
#ifndef BACKENDS_MYSQL_SWEEP_H
#define BACKENDS_MYSQL_SWEEP_H

#include "backends/mysql/connector.h"
#include "core/cart_store.h"

/* What one step removes at the most: a few milliseconds of the server's time. */
#define SQL_SWEEP_CARTS 100
#define SQL_SWEEP_KEYS	500

struct sql_swept {
	size_t carts;
	size_t keys; /* by age; those of a cart go with it uncounted */
	bool more;   /* a bound was met: there is more to remove */
};

/* One step on a connection for blocking calls. -1: error; what was removed is counted all the same.
 */
CART_MUST_CHECK int sql_sweep_step(MYSQL *mysql, const struct cart_rules *rules, int64_t now_ms,
				   struct sql_swept *swept, struct cart_error *error);

struct sql_sweeper;

/* Starts the thread; it sweeps every interval_ms until all is removed. NULL: error says why. */
struct sql_sweeper *sql_sweeper_new(struct sql_connector *connector, const struct cart_env *env,
				    int64_t interval_ms, struct cart_error *error);
/* Waits for the step under way, not long. Takes NULL; sets it. */
void sql_sweeper_free(struct sql_sweeper **sweeper);
/* Rows removed since the start. */
uint64_t sql_sweeper_carts(const struct sql_sweeper *sweeper);
uint64_t sql_sweeper_keys(const struct sql_sweeper *sweeper);

#endif
