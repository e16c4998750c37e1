/*
 * A cart store, for those who use one: server, cartctl, cartbench, tests. It says nothing of how a
 * backend works; that is cart_backend.h.
 *
 * Two levels. A struct cart_db is a backend started, once a process: its files, pools, helper
 * threads. A struct cart_store is a handle on it for one event loop; only that loop's thread
 * touches it, and it needs no lock.
 *
 * The rules, asserted by the contract suite on every backend:
 *  1. An accepted op completes exactly once, on the loop that submitted it, never inside submit.
 *  2. A refused submit returns a result other than CART_OK and never completes.
 *  3. Every op has a deadline and completes by it. Cancel is a request; the completion still comes.
 *  4. The op is unlinked before it completes; nothing of it is touched after its callback.
 *  5. Close refuses new ops, lets pending ones finish or expire, and reports when it is drained.
 *  6. The results are those of enum cart_result. CART_UNCERTAIN means that a change may have
 * landed; after any other failure nothing was changed.
 */
#ifndef CORE_CART_STORE_H
#define CORE_CART_STORE_H

#include "core/base/attr.h"
#include "core/cart_op.h"
#include "core/cart_rules.h"
#include "core/base/clock_skew.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/settings/settings.h"

struct cart_backend;
struct cart_db;
struct cart_store;
struct event_base; /* libevent's, made without locks: one thread */

/* What a store is given. All of it outlives the db. */
struct cart_env {
	const struct cart_clock *clock; /* read time through it alone: tests move it */
	const struct settings *settings;
	struct metrics *metrics;
	struct cart_rules rules;
	/* The backend tells it the database's clock, if that is not ours; while it is beyond its
	 * limit, changes are refused and nothing is swept. NULL: nobody asks for it. */
	struct clock_skew *skew;
	size_t loops; /* handles that will be opened, see core/pool.h; 0: not known */
	/* Ops that would wait longer for the database are refused (core/queue_limit.h); 0: none
	 * are. */
	int64_t queue_delay_ns;
	/*
	 * True for a service, false for a tool. True: cart_db_start() succeeds although the
	 * database cannot be reached, a thread goes on trying to provision it, and until that
	 * succeeds ops get CART_BUSY. False: it fails.
	 */
	bool provision_later;
	/* For a tool that has thousands of ops at a time, and no user who waits for one of them:
	 * batches are as large as serves it, whatever the settings say. */
	bool bulk;
	/* For a tool that provisions. True: what the settings ask of a schema beside its tables and
	 * indexes, such as backups, is an error where it cannot be had. False: a warning. */
	bool provision_strict;
};

/* cart.id_type, cart.ttl, limits.*, idempotency.window; and the struct that they make. */
extern const struct setting cart_settings[];
struct cart_rules cart_rules_from(const struct settings *settings);
/* cart.id_type, for who reads ids without a cart_db, or before it is started: shop_id_type_take().
 * cart_db_start() does it too. -1: error says that a cart_db of the other type is there. */
CART_MUST_CHECK int cart_take_id_type(const struct settings *settings, struct cart_error *error);

/* Backends by name, and all of them in order; NULL: none such. */
const struct cart_backend *cart_backend_find(const char *name);
const struct cart_backend *cart_backend_at(size_t index);
const char *cart_backend_name(const struct cart_backend *backend);
const char *cart_backend_summary(const struct cart_backend *backend); /* one line */
/* False: loses everything when the process ends. */
bool cart_backend_is_durable(const struct cart_backend *backend);
/* Adds the settings of every backend there is, so that a file may hold those of several. */
void cart_backends_add_settings(struct settings *settings);
/* How many connections to its database the backend may open. */
size_t cart_backend_connections(const struct cart_backend *backend,
				const struct settings *settings);
/* Whether a GET that asks for neither consistency is a strong one. */
bool cart_backend_reads_strongly(const struct cart_backend *backend,
				 const struct settings *settings);
/* "memory, sqlite": for messages. */
void cart_backend_names(char *text, size_t room);

enum cart_provision {
	CART_PROVISION_AUTO,  /* make what is missing, upgrade what is old */
	CART_PROVISION_CHECK, /* make nothing; fail unless all is there and current */
	CART_PROVISION_OFF    /* trust the operator */
};

/*
 * Starts a backend and provisions its schema. Blocks; a process does it once, before its loops run.
 * On failure returns -1 with one line for the operator, and *db is NULL.
 */
CART_MUST_CHECK int cart_db_start(struct cart_db **db, const struct cart_backend *backend,
				  const struct cart_env *env, enum cart_provision provision,
				  struct cart_error *error);
/* Every store must be closed and drained. Blocks until helper threads have ended. Takes NULL; sets
 * it. */
void cart_db_stop(struct cart_db **db);
/* After settings_reload_secrets(): new connections use the new secrets. Any thread. */
void cart_db_reload(struct cart_db *db);

/*
 * A handle for one loop. shard is the loop's. Call it on the loop's thread or before that runs. -1:
 * error says why.
 */
CART_MUST_CHECK int cart_store_open(struct cart_store **store, struct cart_db *db,
				    struct event_base *base, struct metrics_shard *shard,
				    struct cart_error *error);

/*
 * Hands an op over. CART_OK: accepted, the callback will come. Anything else: refused, the op is
 * still the caller's: CART_BUSY (closing, no memory, queue full), CART_CURSOR_INVALID, CART_FAILED
 * (a request that no caller should make; op->reason says which rule).
 */
CART_MUST_CHECK enum cart_result cart_store_submit(struct cart_store *store, struct cart_op *op);

/*
 * Asks for an early end: the callback comes soon, with CART_CANCELED if the op certainly changed
 * nothing, CART_UNCERTAIN if it may have, or its real result. Never inside this call.
 */
void cart_store_cancel(struct cart_store *store, struct cart_op *op);

/* True: within the last second it has refused ops for want of room, and has made a change. Whether
 * its database answers and accepts changes is known then; a question would only wait. */
bool cart_store_is_overloaded(const struct cart_store *store);

/*
 * Closes and sets *store to NULL. New ops are refused at once; drained (may be NULL) is called on
 * the loop, never inside this call, when the last pending one has completed and the handle is gone.
 * Takes NULL.
 */
void cart_store_close(struct cart_store **store, void (*drained)(void *user), void *user);

#endif
