/*
 * One request to a store.
 *
 * The caller owns the struct, zeroes it (cart_op_init), fills the request, submits it, and gets it
 * back once, with the result in it, by its callback. Between submit and callback the store owns it:
 * the caller neither reads nor writes it. What the request points to (changes, key) must live as
 * long. After the callback the caller calls cart_op_clear(), which frees the result and makes it
 * ready for reuse.
 */
#ifndef CORE_CART_OP_H
#define CORE_CART_OP_H

#include "core/cart.h"

struct cart_feed_page;
struct cart_op;
struct cart_store;

/* Where an op waits in a struct batch. */
enum batch_place {
	BATCH_NOWHERE, /* it does not: it is in a lane, or not the batch's */
	BATCH_QUEUED,  /* for a lane */
	BATCH_CHAINED, /* for other writes of its cart */
	BATCH_PAUSED   /* until held.due_ns */
};

#define CART_KEY_MAX	       255 /* idempotency key: 1 ... 255 visible ASCII characters */
#define CART_FINGERPRINT_BYTES 16
#define CART_KEY_HASH_BYTES    16
#define CART_LIST_MAX	       100  /* carts a page */
#define CART_CLOSED_MAX	       1000 /* the same of CART_LIST_CLOSED */
#define CART_REASON_MAX	       160

enum cart_op_type {
	CART_OP_CREATE,	  /* a new cart: id, customer_id, changes, key */
	CART_OP_GET,	  /* one cart: id, flags */
	CART_OP_CHANGE,	  /* lines of one cart, or its customer: id, changes or customer_id,
			     if_version, key, flags */
	CART_OP_CHECKOUT, /* closes a cart: id, order_id, if_version, key */
	CART_OP_DELETE,	  /* removes an open cart: id, if_version, flags */
	CART_OP_LIST,	  /* a page of carts: list */
	CART_OP_MERGE,	  /* the lines of another cart, which is closed: id, from, strategy,
			     if_version, key */
	CART_OP_IMPORT,	  /* a cart that was elsewhere, as it was there: id, whole */
	CART_OP_FEED,	  /* a page of events: feed. Of backends with CART_CAP_FEED, where the
			     setting feed is on */
	CART_OP_TYPES
};

/* "create", "get", ...: for logs and metrics. */
const char *cart_op_type_name(enum cart_op_type type);

/* True for the types that can change something. */
bool cart_op_is_write(const struct cart_op *op);

enum cart_change_type {
	CART_CHANGE_ADD,    /* quantity 1 ... CART_ADD_MAX on top of what is there */
	CART_CHANGE_SET,    /* quantity 0 ... limit; 0 removes the line, there or not */
	CART_CHANGE_REMOVE, /* the line; not there: CART_NO_ITEM */
	CART_CHANGE_CLEAR,  /* every line; product_id is not used */
	/*
	 * All changes of an op, or none: the cart has the lines that they name and no others, a
	 * product that is named twice with the sum. quantity is 0 ... limit; 0 names no line, and
	 * then the product may be missing too. A line that is there already keeps its added_ms, and
	 * with the same quantity its updated_ms.
	 */
	CART_CHANGE_REPLACE,
	/*
	 * The only change of its op: undoes a checkout. The cart is open again, without its order;
	 * its updated_ms is then greater than it was, so that who knows the time of a checkout can
	 * tell that it was undone. An open cart: CART_NOT_CLOSED. product_id is not used.
	 */
	CART_CHANGE_REOPEN
};

/* What a MERGE makes of a product that is in both carts. A product that is only in from gets a new
 * line with from's quantity. */
enum cart_merge_strategy {
	CART_MERGE_ADD,	 /* the sum */
	CART_MERGE_MAX,	 /* the larger quantity */
	CART_MERGE_KEEP, /* what is there */
	CART_MERGE_STRATEGIES
};

struct cart_change {
	enum cart_change_type type;
	struct shop_id product_id;
	int64_t quantity;
	/*
	 * ADD, SET, REPLACE: the line's attributes from now on, whole, see core/cart_attributes.h.
	 * NULL: what is there stays. CART_ATTRIBUTES_REMOVE: none. Of a product that is named twice
	 * the last change that has some counts.
	 */
	const char *attributes;
};

/* op->flags */
#define CART_WANT_CART	 1u /* CHANGE: the cart after the change is wanted in the result */
#define CART_READ_STRONG 2u /* GET: sees every change acknowledged before it was submitted */
#define CART_READ_EVENTUAL                                                                         \
	4u /* GET: may be stale, may be cheaper. Neither: the backend's default */
#define CART_READ_WRITABLE                                                                         \
	8u /* GET: CART_BUSY if the backend finds that the database accepts no changes now */

#define CART_ERASE 16u /* DELETE: also a cart that is checked out */

enum cart_list_kind {
	CART_LIST_CUSTOMER, /* carts of customer_id, newest first: created_ms, then id, descending
			     */
	CART_LIST_IDLE, /* open carts with updated_ms < idle_before_ms: by the cart_idle_ms() that
			   is stored with each, then id, ascending */
	/*
	 * Carts that are checked out, with updated_ms < idle_before_ms, for a tool that goes
	 * through all of them: in an order of the backend's own, about by updated_ms where an index
	 * has it. A page may have fewer carts than its limit, or none, although more come.
	 */
	CART_LIST_CLOSED
};

enum cart_list_state { CART_LIST_ANY, CART_LIST_OPEN, CART_LIST_CHECKED_OUT, CART_LIST_MERGED };

/* Expired carts are never listed. */
struct cart_list {
	enum cart_list_kind kind;
	struct shop_id customer_id; /* CART_LIST_CUSTOMER */
	enum cart_list_state state; /* CART_LIST_CUSTOMER; idle carts are open by definition */
	int64_t idle_before_ms;	    /* CART_LIST_IDLE, CLOSED: milliseconds since 1970 */
	int limit;		    /* 1 ... CART_LIST_MAX; CLOSED: ... CART_CLOSED_MAX */
	bool has_after;		    /* go on after the cart with this time and id */
	int64_t after_ms;	    /* its created_ms (customer) or stored cart_idle_ms() (idle) */
	struct cart_id after_id;
};

#define CART_FEED_MAX	     1000 /* events a page */
#define CART_FEED_CURSOR_MAX 4096 /* characters of a cursor: letters, digits, "-", "_", "." */
#define CART_FEED_NOW	     "now"

/*
 * Events in an order in which those of each cart have rising versions. An event is there once its
 * change was acknowledged, for feed.retention.
 */
struct cart_feed {
	/* A page's next, or an event's cursor: what follows it, so that nothing is skipped. NULL:
	 * the oldest event that is kept. CART_FEED_NOW: an empty page whose next is followed by
	 * every change acknowledged after the op's own answer. */
	const char *after;
	int limit; /* 1 ... CART_FEED_MAX events; a page may end early */
};

/* Called once an accepted op, on the loop that submitted it, never inside submit. May submit
 * others. */
typedef void cart_op_done_fn(struct cart_op *op, void *user);

struct cart_op {
	/* The request. */
	enum cart_op_type type;
	unsigned flags;
	struct cart_id id;	 /* all but LIST; for CREATE the proposed id, see cart below */
	struct cart_id order_id; /* CHECKOUT: the order's id, if this is the first */
	struct cart_id from;	 /* MERGE: the cart whose lines go into that of id */
	enum cart_merge_strategy strategy; /* MERGE */
	/*
	 * IMPORT: what is stored, with its version and times, whatever the limits are.
	 * CART_MISMATCH: the database has something under the id, also where that is an expired
	 * cart.
	 */
	const struct cart *whole;
	/*
	 * CREATE: whose cart it is; no id: a guest's. CHANGE: the customer that a guest's cart
	 * gets, without any changes; no id: the op is about lines.
	 */
	struct shop_id customer_id;
	/*
	 * On whose behalf; NULL: anybody's. For an op with an owner, carts of other customers are
	 * not there, and it says CART_NOT_FOUND of them in the step that would read or change them.
	 * A cart without a customer is everybody's who knows its id; an owner without an id reaches
	 * no others. LIST must be about the owner's own carts, and CREATE and CHANGE give a cart to
	 * no other customer.
	 */
	const struct shop_id *owner;
	/* GET: the line of this product is wanted alone, with all of the cart that is no line. A
	 * backend may give other lines too. NULL: all lines. */
	const struct shop_id *line;
	int64_t if_version;		   /* 0: any; no cart ever has a negative one */
	const struct cart_change *changes; /* CHANGE: applied in order, all or none. CREATE: the
					      lines to begin with, ADDs alone */
	size_t change_count;
	const char *key; /* CREATE, CHANGE, CHECKOUT, MERGE: idempotency key, NUL-terminated, or
			    NULL */
	union {
		struct cart_list list; /* LIST */
		struct cart_feed feed; /* FEED */
	};
	int64_t deadline_ns; /* on the store's monotonic clock; the callback comes by then */
	cart_op_done_fn *done;
	void *user;

	/*
	 * The result. Lines and carts are the op's until cart_op_clear() or until the caller takes
	 * them by zeroing the members.
	 */
	enum cart_result result;
	bool replayed;	    /* the key was seen before: this is the answer of the first time */
	bool of_from;	    /* MERGE, not OK: the result is about the cart from */
	bool merged;	    /* CLOSED: by a merge, not by a checkout */
	int64_t version;    /* CREATE, CHANGE, CHECKOUT, MERGE, OK: the cart's version after it;
			       when replayed, after the first */
	struct cart cart;   /* GET, CREATE, CHECKOUT, MERGE, and CHANGE with CART_WANT_CART: the
			       cart as it is now. LIST CLOSED with more: id and listed_ms, behind
			       which the next page begins, see cart_list_go_on() */
	struct cart *carts; /* LIST: a malloc'd array, NULL when empty; and the next two */
	size_t cart_count;
	bool more; /* there are carts after the last one; FEED: there may be events */
	struct cart_feed_page *page; /* FEED: core/feed/event.h; freed with the op's result */
	int64_t retry_ms; /* BUSY: it is of no use to try again earlier than after so long; 0: not
			     known */
	char reason[CART_REASON_MAX]; /* BUSY, UNCERTAIN, FAILED: one line for the log; else empty
				       */
	int64_t submitted_ns; /* monotonic: accepted; handed to the database; answered by it */
	int64_t started_ns;
	int64_t finished_ns;

	/*
	 * Set by cart_store_submit() for the backend. now_ms is the instant at which the op takes
	 * effect, by this machine's clock: the database's is never asked. (In a batch it may be
	 * that of a later op, some milliseconds on.) The fingerprint tells two requests under one
	 * key apart: the first 16 bytes of SHA-256 over type, if_version, customer_id, changes,
	 * from and strategy. key_hash is what a backend stores and compares in place of the key,
	 * whatever its length: the first 16 bytes of SHA-256 over the key; for CREATE over the
	 * customer, a NUL and the key, so that the keys of two customers never meet. Those of all
	 * guests are together: who submits them sees to it that two guests never choose the same.
	 * Both are zero without a key.
	 */
	int64_t now_ms;
	uint8_t fingerprint[CART_FINGERPRINT_BYTES];
	uint8_t key_hash[CART_KEY_HASH_BYTES];

	/* The store's and the backend's own, while the op is theirs. */
	struct {
		struct cart_store *store; /* NULL: the op is the caller's */
		struct cart_op *next;	  /* queue of whoever holds it now */
		struct cart_op *prev;
		size_t heap_at; /* place in the store's deadlines */
		enum cart_result
			why;  /* what an expiry of the deadline means: TIMEOUT or CANCELED */
		size_t class; /* batch.c: its queue; where it waits; until when it pauses */
		enum batch_place place;
		int64_t due_ns;
		bool alone;    /* to be tried again in a batch of its own */
		void *backend; /* free for the backend; NULL at submit */
		int64_t nonce; /* the same; 0 at submit, as the next */
		int64_t since_ns;
	} held;
};

/* Whether the answer holds the cart after the op. */
bool cart_op_gives_cart(const struct cart_op *op);

/* Whether it undoes a checkout. */
bool cart_op_reopens(const struct cart_op *op);

/* Zeroes the op and sets its type. */
void cart_op_init(struct cart_op *op, enum cart_op_type type);

/* Whether the cart is the owner's, see struct cart_op. */
bool cart_is_owned(const struct shop_id *customer_id, const struct shop_id *owner);
/* Whether the cart is there for the op: it has not expired, and is the owner's. */
bool cart_op_sees(const struct cart_op *op, const struct cart *cart);

/* Frees the result; the request and callback stay. The op must be the caller's. */
void cart_op_clear(struct cart_op *op);

/*
 * A copy of the request alone, deep (changes, key, owner), for a thread that outlives the op's
 * deadline. One malloc holds all; free() it after cart_op_clear(). NULL: no memory.
 */
struct cart_op *cart_op_copy_request(const struct cart_op *op);

/* Moves the result of one op (result ... finished_ns without submitted_ns) into another that holds
 * none. */
void cart_op_move_result(struct cart_op *to, struct cart_op *from);

/* Whether a customer's list has carts of that state. */
bool cart_list_has(const struct cart_list *list, enum cart_state state);
/* The only state that it has; not for CART_LIST_ANY. */
enum cart_state cart_list_only(const struct cart_list *list);
/* Moves a list to the page that begins after a cart of a LIST's result; of CLOSED, after op->cart.
 */
void cart_list_go_on(struct cart_list *list, const struct cart *after);

/* Fills op->fingerprint and op->key_hash from a request with a key. False: a digest failed. */
CART_MUST_CHECK bool cart_op_digest(struct cart_op *op);

/* Of a CHANGE that only adds: what it adds in all to the product of changes[at]; 0: an earlier
 * change names the product. Quadratic over all of them. */
int64_t cart_op_adds(const struct cart_op *op, size_t at);
/* What it says of the attributes of the product of changes[at], as in struct cart_change. */
const char *cart_op_attributes(const struct cart_op *op, size_t at);
/* Whether a change has attributes, and the bytes of the longest; 0 where it removes them alone. */
bool cart_op_has_attributes(const struct cart_op *op, size_t *longest);
/* How many products it names, and the most that it adds to one of them. */
size_t cart_op_add_lines(const struct cart_op *op, int64_t *most);

/* printf into op->reason, cut to its size. */
CART_PRINTF(2, 3) void cart_op_set_reason(struct cart_op *op, const char *format, ...);

#endif
