/*
 * The rules of a cart: what an op makes of it.
 *
 * Everything here is a pure function over a cart and an op: no clock, no store, no I/O. A backend
 * that reads, changes and writes calls cart_apply(); one that lets its database do the work must
 * give the same answers, which the contract suite proves against the memory backend.
 */
#ifndef CORE_CART_RULES_H
#define CORE_CART_RULES_H

#include "core/cart_op.h"

/* What the operator set. The same on every backend. */
struct cart_rules {
	int64_t ttl_ms;		       /* cart.ttl; 0: carts do not expire */
	int64_t lines_max;	       /* limits.lines */
	int64_t quantity_max;	       /* limits.quantity, of one line */
	int64_t attributes_max;	       /* limits.attributes, bytes of one line's */
	int64_t idempotency_window_ms; /* idempotency.window */
	/* A key that is younger may still protect a request from being applied twice: its first
	 * try, and a repeat, each within request.deadline, by clocks that differ. 0: the window. */
	int64_t key_least_ms;
	int64_t idle_step_ms;	   /* cart.idle_step */
	int64_t sweep_grace_ms;	   /* sweep.grace */
	bool feed;		   /* feed */
	int64_t feed_retention_ms; /* feed.retention */
};

/* When a sweeper may remove a cart with that expiry: rounded up to a thirtieth of cart.ttl, at most
 * a day. The expiry moves with every change; rounded, the index over it seldom does. 0: never. */
int64_t cart_sweep_ms(const struct cart_rules *rules, int64_t expires_ms);

/*
 * Where an open cart stands in the list of idle carts: its updated_ms rounded down to
 * cart.idle_step. A backend stores it with the cart and indexes it in place of updated_ms, so that
 * a change within one step leaves the index alone. It is never later than updated_ms, also where
 * the step was another when it was stored.
 */
int64_t cart_idle_ms(const struct cart_rules *rules, int64_t updated_ms);

/* The cart that a CREATE makes, at op->now_ms. *cart must hold nothing, and does so again on any
 * result but CART_OK: CART_LIMIT, or CART_BUSY (no memory). */
CART_MUST_CHECK enum cart_result cart_create(struct cart *cart, const struct cart_op *op,
					     const struct cart_rules *rules);

/*
 * Applies a CHANGE, CHECKOUT or DELETE to a cart that exists, is not expired and for which the op
 * is not a replay. All or nothing: on any result but CART_OK the cart is as it was. Order of the
 * checks: CLOSED (except for a CHECKOUT that is already done, which is CART_OK and changes
 * nothing) or NOT_CLOSED, MISMATCH, then OWNED or the rules of the lines. CART_OK with an unchanged
 * version means that there was nothing to change. DELETE only checks; removing is the store's.
 * CART_BUSY: no memory. Of the op it sets merged.
 *
 * Times never go back, however late the op comes: updated_ms of the cart, and of a line, becomes
 * the later of op->now_ms and what it was; the cart expires cart.ttl after its updated_ms. A new
 * line has op->now_ms.
 */
enum cart_result cart_apply(struct cart *cart, struct cart_op *op, const struct cart_rules *rules);

/*
 * Applies a MERGE to two carts that exist, are not expired and are seen by the op, which is not a
 * replay: *cart is that of op->id, *from that of op->from. All or nothing, as cart_apply(). Order
 * of the checks: from that is merged into the cart already is CART_OK and changes nothing; CLOSED
 * of the cart, then of from; MISMATCH; OWNED, of from: it is of a customer, and the cart is not
 * his; the limits. op->of_from says of which of the two a result is.
 *
 * from is closed, with its version raised by 1; it keeps its lines, its customer and its expiry.
 * The cart's version, updated_ms and expiry change if a line did. A line that is new there has
 * op->now_ms. A line keeps its attributes; one that has none takes those of from's.
 */
enum cart_result cart_merge(struct cart *cart, struct cart *from, struct cart_op *op,
			    const struct cart_rules *rules);

/* The quantity of a line that has one in both carts. */
int64_t cart_merge_quantity(enum cart_merge_strategy strategy, int64_t there, int64_t from);

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
