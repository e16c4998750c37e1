/*
 * A cart store, for those who write one. docs/adding-a-backend.md leads through it, the memory
 * backend is the smallest example, and the contract suite (CART_BACKEND=name make check-contract)
 * decides whether it is right.
 *
 * A backend is one const struct cart_backend in a folder of its own and a line in core/registry.c.
 * It has two structs of its own: one that starts with struct cart_db (a process) and one that
 * starts with struct cart_store (a loop). The store layer (core/store.c) stands between caller and
 * backend and does what is the same for all: it checks requests, sets now_ms, fingerprint, key_hash
 * and times, counts, keeps deadlines, and refuses ops when it is closing. A backend sees valid ops
 * only.
 *
 * What backends need beside this header, so that each writes its protocol and nothing else:
 * core/cart_rules.h (what an op makes of a cart), core/cart_diff.h (what has to be written after
 * that), core/feed/ (events, their stored form, cursors), core/batch.h and core/pool.h (queues,
 * lanes, batches, refusal of what waits too long), cart_id_find() (whose row is this),
 * core/base/wake.h (answers from another thread), core/base/retry_budget.h, core/base/random.h,
 * core/base/buf.h, core/base/log.h, core/base/metrics.h, core/settings/settings.h.
 */
#ifndef CORE_CART_BACKEND_H
#define CORE_CART_BACKEND_H

#include "core/cart_bill.h"
#include "core/cart_store.h"

#include <stdatomic.h>

/* What a backend can promise. */
#define CART_CAP_DURABLE	1u /* an acknowledged change survives a crash of the process */
#define CART_CAP_EVENTUAL_READS 2u /* CART_READ_EVENTUAL differs from CART_READ_STRONG */
#define CART_CAP_STRONG_LISTS	4u /* LIST shows a change as soon as it is acknowledged */
#define CART_CAP_FEED		8u /* with feed=on it keeps events and takes FEED */

struct cart_provisioner;

/* Head of a backend's process-wide struct, zeroed by the backend. The store layer sets the members
 * after start() and before provision(). */
struct cart_db {
	const struct cart_backend *backend;
	struct cart_env env;
	void *metrics;			      /* the store layer's series */
	struct cart_provisioner *provisioner; /* the store layer's; NULL: nothing is left to do */
};

struct event;
struct store_deadlines;

/*
 * Head of a backend's struct for a loop, zeroed by the backend. The store layer sets the members
 * after open(). A backend whose open() already needs cart_store_now_ns() or cart_store_rules() sets
 * db itself, to the db that it was given.
 */
struct cart_store {
	struct cart_db *db;
	struct event_base *base;
	struct metrics_shard *shard;
	size_t pending; /* accepted and not completed */
	bool closing;
	struct store_deadlines *deadlines;
	struct event *finish; /* ends the closing, outside of every callback */
	struct cart_op look;  /* see store_look_at_clock() */
	int64_t look_due_ns;
	int64_t changed_ns; /* the last change that was acknowledged; 0: none */
	int64_t full_ns;    /* the last op that the backend refused; 0: none */
	void (*drained)(void *user);
	void *drained_user;
};

/*
 * Starts the backend: reads its settings, opens files, registers its metrics in env->metrics,
 * starts helper threads. Blocks. Makes no schema. On success sets *db to a struct of the backend's
 * whose head is zeroed. On failure returns -1, says why in error, and leaves nothing behind.
 */
typedef int cart_backend_start_fn(struct cart_db **db, const struct cart_env *env,
				  struct cart_error *error);

/* How provisioning ended. */
enum cart_provisioned {
	CART_PROVISIONED,
	CART_PROVISION_UNREACHED, /* the database was not reached, or not in time: try again */
	CART_PROVISION_REFUSED	  /* only a person can help: account, schema, certificate */
};

struct cart_provision_try {
	enum cart_provision how; /* AUTO or CHECK */
	int64_t until_ns;	 /* monotonic; a backend that waits for something ends by then */
	const atomic_bool *stop; /* it ends soon after this has become true */
};

/*
 * Makes or checks the schema; may be NULL where there is none. Called after start: once before the
 * first open, and then, if the database was not reached and the program is a service, again and
 * again on a thread of the store layer's while loops run. Not at all with OFF. Blocks. Never drops
 * or rewrites what it did not make; refuses a schema newer than it knows. Several processes may do
 * it at once. Ops that come before it has succeeded are answered CART_BUSY: see
 * cart_db_is_provisioned().
 */
typedef enum cart_provisioned cart_backend_provision_fn(struct cart_db *db,
							const struct cart_provision_try *attempt,
							struct cart_error *error);

/* Ends helper threads and frees db. Every store is closed. Required. */
typedef void cart_backend_stop_fn(struct cart_db *db);

/* Secrets have changed: new connections use the new ones. May be NULL. Any thread. */
typedef void cart_backend_reload_fn(struct cart_db *db);

/*
 * Makes a handle for a loop. On the loop's thread or before it runs; loops may open at the same
 * time. Must not block for long: connections may come up later, and ops that wait for one too long
 * get CART_BUSY (core/pool.h). shard and base are also in the store's head afterwards. Required.
 */
typedef int cart_backend_open_fn(struct cart_store **store, struct cart_db *db,
				 struct event_base *base, struct metrics_shard *shard,
				 struct cart_error *error);

/*
 * Frees the handle. Called on the loop when no op is pending, so connections are idle; what blocks
 * in closing goes to a helper thread. Required.
 */
typedef void cart_backend_close_fn(struct cart_store *store);

/*
 * Takes an op. Returns CART_OK and later calls cart_store_complete() exactly once, on the loop, not
 * inside this call; or returns CART_BUSY and forgets the op. Until then op->held.next, prev, alone
 * and backend are the backend's. It fills the result members that cart_op.h lists for the type,
 * started_ns when the op leaves the queue for the database and finished_ns when the answer is there
 * (0: the store layer fills them). A result other than CART_OK carries no cart. Required.
 */
typedef enum cart_result cart_backend_submit_fn(struct cart_store *store, struct cart_op *op);

/*
 * The op's deadline has passed, or its caller has canceled it: stop working for it and complete it
 * before returning. With why (CART_TIMEOUT or CART_CANCELED) if it is a read or certainly changed
 * nothing and never will; with CART_UNCERTAIN if the change may have landed or may still land. A
 * statement or call that is still running for it must not touch the op again. Required.
 */
typedef void cart_backend_expire_fn(struct cart_store *store, struct cart_op *op,
				    enum cart_result why);

struct cart_backend {
	const char *name;    /* what the setting "backend" says */
	const char *summary; /* one line for people */
	const char *heading; /* of its settings, in docs and --help */
	unsigned caps;
	const struct setting *settings; /* may be NULL; keys start with the name and a dot */
	const char *connections;	/* the setting of how many it may open; NULL: none */
	const char *strong_reads;	/* the bool that says what a GET is that asks for neither;
					   NULL: strong */
	cart_backend_start_fn *start;
	cart_backend_provision_fn *provision;
	cart_backend_stop_fn *stop;
	cart_backend_reload_fn *reload;
	cart_backend_open_fn *open;
	cart_backend_close_fn *close;
	cart_backend_submit_fn *submit;
	cart_backend_expire_fn *expire;
	cart_backend_bill_fn *bill; /* NULL: its database is not paid by the request */
};

/*
 * Gives an accepted op back: sets its times, counts it and calls its callback, which may submit
 * more ops or close the store. The op must be out of every list of the backend, which must not
 * touch it afterwards. When result is not CART_OK, carts in the op's result are freed here.
 */
void cart_store_complete(struct cart_op *op, enum cart_result result);

/*
 * A LIST leaves out a cart that cannot be read, and says so with this: it is counted and, as often
 * as a client may fill the log, logged. So does a change that did not have to read it. For ops that
 * end as CART_DAMAGED cart_store_complete() does it.
 */
void cart_store_damaged(const struct cart_op *op, const struct cart_id *id, const char *why);

/*
 * For a store over a store: closes an inner handle that has nothing pending at once, from the outer
 * one's close(). Takes NULL; sets it.
 */
void cart_store_close_idle(struct cart_store **store);

/* False: the service has started without its database and has not provisioned it yet. Any thread.
 */
bool cart_db_is_provisioned(const struct cart_db *db);

/* Shorthands for the clock and the rules of the store's environment. */
int64_t cart_store_now_ns(const struct cart_store *store);
const struct cart_rules *cart_store_rules(const struct cart_store *store);

#endif
