/* A cart and its lines, and what may become of an op on it. The rules are in cart_rules.h. */
#ifndef CORE_CART_H
#define CORE_CART_H

#include "core/base/attr.h"
#include "core/cart_id.h"
#include "core/shop_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that one add may add to a line. */
#define CART_ADD_MAX 10000
/* The greatest value that the setting limits.quantity may have. */
#define CART_QUANTITY_MAX INT64_C(1000000000)
/* No cart reaches it by changes: what every client reads from JSON as it is written. */
#define CART_VERSION_MAX ((INT64_C(1) << 53) - 1)
#define CART_TIME_MAX_MS INT64_C(253402300799999) /* the end of the year 9999 */

/* Stored in databases: never renumber. */
enum cart_state {
	CART_OPEN = 0,
	CART_CHECKED_OUT = 1,
	CART_MERGED = 2 /* its lines are in another cart */
};

/* "open", "checked_out", "merged": as callers, archives and DynamoDB's items name it. */
const char *cart_state_name(enum cart_state state);

/* One line of a cart. Times are milliseconds since 1970, UTC. */
struct cart_line {
	struct shop_id product_id;
	int64_t quantity; /* 1 ... rules.quantity_max */
	int64_t added_ms;
	int64_t updated_ms;
	char *attributes; /* see core/cart_attributes.h; malloc'd, the line's; NULL: none */
};

/*
 * A cart. lines is sorted by product_id, allocated with malloc, owned by the cart and freed by
 * cart_clear(). A zeroed struct is an empty cart without lines.
 */
struct cart {
	struct cart_id id;
	struct shop_id customer_id; /* no id: a guest's cart, which has no customer yet */
	enum cart_state state;
	int64_t version;    /* 1 at creation, +1 for each op that changed something */
	int64_t created_ms; /* milliseconds since 1970, UTC, as the next two */
	int64_t updated_ms;
	int64_t expires_ms;	    /* 0: never */
	int64_t listed_ms;	    /* only in the result of a LIST: struct cart_list's after_ms for
				       what comes after this cart */
	struct cart_id order_id;    /* nil until checked out */
	struct cart_id merged_into; /* the cart that took its lines; nil until merged */
	struct cart_line *lines;
	size_t line_count;
	size_t line_room; /* lines allocated */
};

/* The result of an op. Only CART_UNCERTAIN may mean that a change landed without being confirmed;
 * after every other failure nothing was changed. */
enum cart_result {
	CART_OK = 0,
	CART_NOT_FOUND,	 /* no such cart, or it has expired */
	CART_NO_ITEM,	 /* a line to remove is not there */
	CART_MISMATCH,	 /* if_version is not the cart's version; of an IMPORT: the cart is there */
	CART_CLOSED,	 /* the cart is checked out or merged */
	CART_OWNED,	 /* the cart is another customer's already */
	CART_EMPTY,	 /* checkout of a cart without lines */
	CART_NOT_CLOSED, /* a cart to open again is open */
	CART_LIMIT,	 /* it would raise lines, or one line, above what the rules allow */
	CART_KEY_REUSED, /* the idempotency key belongs to another request */
	CART_BUSY,	 /* the store cannot take it now; try again later */
	CART_TIMEOUT,	 /* the deadline passed */
	CART_UNCERTAIN,	 /* the change may or may not have landed */
	CART_CANCELED,	 /* by cart_store_cancel() */
	CART_DAMAGED,	 /* the cart is there and cannot be read; op->reason says why */
	CART_CURSOR_GONE, /* a FEED goes on from where events are no longer kept, or never were */
	CART_CURSOR_FOREIGN, /* a FEED goes on from a cursor of another backend's feed */
	CART_CURSOR_INVALID, /* a FEED goes on from what is no cursor of any backend */
	CART_FAILED, /* a defect, or a database that answers nonsense; op->reason says what */
	CART_RESULTS /* how many there are */
};

/* "OK", "NOT_FOUND", ...: for logs, metrics and tests. */
const char *cart_result_name(enum cart_result result);

/* Frees the lines and zeroes the cart. */
void cart_clear(struct cart *cart);
/* Frees what the lines hold: the cart has none, and room for as many as before. */
void cart_drop_lines(struct cart *cart);

/* Deep copy over a cart that holds nothing. False: no memory; *to is then empty. */
CART_MUST_CHECK bool cart_copy(struct cart *to, const struct cart *from);

/* Makes room for count lines. False: no memory; the cart is as it was. */
CART_MUST_CHECK bool cart_reserve_lines(struct cart *cart, size_t count);

/* Where the line of a product is among the cart's, or where it would be inserted. */
size_t cart_line_at(const struct cart *cart, const struct shop_id *product_id);
/* The line of a product, or NULL. */
struct cart_line *cart_find_line(const struct cart *cart, const struct shop_id *product_id);

/* Whether both hold the same, lines and all; not listed_ms. */
bool cart_equal(const struct cart *a, const struct cart *b);

/* What is true of every cart that was stored, whatever the limits were; otherwise somebody has
 * changed the database by hand. cart_is_sound() does not look at the lines. */
bool cart_is_sound(const struct cart *cart);
bool cart_line_is_sound(const struct cart_line *line);
/* The same with its lines, which are in order, each product once. */
bool cart_is_sound_whole(const struct cart *cart);

/* True once now_ms has reached the cart's expiry: it is then gone, whatever the database still
 * holds. Whether it is there for an op says cart_op_sees(). */
bool cart_is_expired(const struct cart *cart, int64_t now_ms);

#endif
