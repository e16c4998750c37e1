/*
 * A cart and its rules.
 *
 * Everything here is a pure function over a cart and an op: no clock, no store, no I/O. A backend
 * that reads, changes and writes calls cart_apply(); one that lets its database do the work must
 * give the same answers, which the contract suite proves against the memory backend.
 */
#ifndef CORE_CART_H
#define CORE_CART_H

#include "core/base/attr.h"
#include "core/cart_id.h"
#include "core/shop_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cart_op;

/* The most that one add may add to a line. */
#define CART_ADD_MAX 10000

enum cart_state { CART_OPEN = 0, CART_CHECKED_OUT = 1 }; /* stored in databases: never renumber */

/* One line of a cart. Times are milliseconds since 1970, UTC. */
struct cart_line {
	struct shop_id product_id;
	int64_t quantity; /* 1 ... rules.quantity_max */
	int64_t added_ms;
	int64_t updated_ms;
};

/*
 * A cart. lines is sorted by product_id, allocated with malloc, owned by the cart and freed by
 * cart_clear(). A zeroed struct is an empty cart without lines.
 */
struct cart {
	struct cart_id id;
	struct shop_id customer_id;
	enum cart_state state;
	int64_t version;    /* 1 at creation, +1 for each op that changed something */
	int64_t created_ms; /* milliseconds since 1970, UTC, as the next two */
	int64_t updated_ms;
	int64_t expires_ms;	 /* 0: never */
	struct cart_id order_id; /* nil until checked out */
	struct cart_line *lines;
	size_t line_count;
	size_t line_room; /* lines allocated */
};

/* What the operator set. The same on every backend. */
struct cart_rules {
	int64_t ttl_ms;		       /* cart.ttl; 0: carts do not expire */
	int64_t lines_max;	       /* limits.lines */
	int64_t quantity_max;	       /* limits.quantity, of one line */
	int64_t idempotency_window_ms; /* idempotency.window */
};

/*
 * What became of an op. Few, and each means one thing. Only CART_UNCERTAIN may mean that a change
 * landed without being confirmed; after every other failure nothing was changed.
 */
enum cart_result {
	CART_OK = 0,
	CART_NOT_FOUND,	 /* no such cart, or it has expired */
	CART_NO_ITEM,	 /* a line to remove is not there */
	CART_MISMATCH,	 /* if_version is not the cart's version */
	CART_CLOSED,	 /* the cart is checked out */
	CART_EMPTY,	 /* checkout of a cart without lines */
	CART_LIMIT,	 /* it would raise lines, or one line, above what the rules allow */
	CART_KEY_REUSED, /* the idempotency key belongs to another request */
	CART_BUSY,	 /* the store cannot take it now; try again later */
	CART_TIMEOUT,	 /* the deadline passed */
	CART_UNCERTAIN,	 /* the change may or may not have landed */
	CART_CANCELED,	 /* by cart_store_cancel() */
	CART_FAILED,	 /* a defect, or a database that answers nonsense; op->reason says what */
	CART_RESULTS	 /* how many there are */
};

/* "OK", "NOT_FOUND", ...: for logs, metrics and tests. */
const char *cart_result_name(enum cart_result result);

/* Frees the lines and zeroes the cart. */
void cart_clear(struct cart *cart);

/* Deep copy over a cart that holds nothing. False: no memory; *to is then empty. */
CART_MUST_CHECK bool cart_copy(struct cart *to, const struct cart *from);

/* Makes room for count lines. False: no memory; the cart is as it was. */
CART_MUST_CHECK bool cart_reserve_lines(struct cart *cart, size_t count);

/* The line of a product, or NULL. */
struct cart_line *cart_find_line(const struct cart *cart, const struct shop_id *product_id);

/* True once now_ms has reached the cart's expiry: it is then gone, whatever the database still
 * holds. */
bool cart_is_expired(const struct cart *cart, int64_t now_ms);

/*
 * When a sweeper may remove a cart that expires then: rounded up to a thirtieth of cart.ttl, at
 * most a day. Expiry slides with every change; an index over this moves seldom. 0: never.
 */
int64_t cart_sweep_ms(const struct cart_rules *rules, int64_t expires_ms);

/* The cart that a CREATE makes, at op->now_ms. *cart must hold nothing. */
void cart_create(struct cart *cart, const struct cart_op *op, const struct cart_rules *rules);

/*
 * Applies a CHANGE, CHECKOUT or DELETE to a cart that exists, is not expired and for which the op
 * is not a replay. All or nothing: on any result but CART_OK the cart is as it was. Order of the
 * checks: CLOSED (except for a CHECKOUT that is already done, which is CART_OK and changes
 * nothing), MISMATCH, then the rules of the lines. CART_OK with an unchanged version means that
 * there was nothing to change. DELETE only checks; removing is the store's. CART_BUSY: no memory.
 */
enum cart_result cart_apply(struct cart *cart, const struct cart_op *op,
			    const struct cart_rules *rules);

/*
 * The rule of idempotency, given what is stored under the op's key (a fingerprint, see
 * struct cart_op, and when it was stored).
 */
enum cart_replay {
	CART_REPLAY_NEW,   /* too old to count: apply the op, overwrite what is stored */
	CART_REPLAY_SAME,  /* the same request: answer as the first time */
	CART_REPLAY_OTHER, /* another request: CART_KEY_REUSED */
};
enum cart_replay cart_replay_check(const uint8_t *stored_fingerprint, int64_t stored_ms,
				   const struct cart_op *op, const struct cart_rules *rules);

#endif
