/*
 * What a database that is paid by the request takes for each operation on a cart, by the rules of
 * its price list. A backend computes it from the items that it writes; no database is asked.
 */
#ifndef CORE_CART_BILL_H
#define CORE_CART_BILL_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#define CART_BILL_LINES_MAX 1000

enum cart_bill_operation {
	CART_BILL_CREATE,
	CART_BILL_ADD_LINE, /* of the cart's last line */
	CART_BILL_ADD,	    /* to a line that is there; a set takes the same */
	CART_BILL_REMOVE,   /* of the cart's last line */
	CART_BILL_MOVE,	    /* what the first change in a step of cart.idle_step takes more */
	CART_BILL_GET,
	CART_BILL_GET_EVENTUAL,
	CART_BILL_LIST, /* of a customer who has this cart alone */
	CART_BILL_CHECKOUT,
	CART_BILL_MERGE, /* of the cart into an empty one of the same customer; it has no key */
	CART_BILL_DELETE,
	CART_BILL_OPERATIONS
};

struct cart_bill_units {
	double read;
	double write;
	double calls; /* to the database */
	double bytes; /* of the items and index entries that the writes leave, whole */
};

struct cart_bill {
	size_t bytes;	     /* of the open cart's item, indexes apart */
	size_t stored_bytes; /* of the checked out cart, as storage is billed, indexes included */
	struct cart_bill_units units[CART_BILL_OPERATIONS];
};

/*
 * The cart: of a customer of 7 digits; so many lines, each a product of 6 digits and a quantity of
 * 2, or both of 16 characters where cart.id_type is string; added one after another; with cart.ttl.
 */
struct cart_bill_cart {
	size_t lines;	   /* 1 ... CART_BILL_LINES_MAX */
	size_t attributes; /* bytes of each line's; 0: they have none */
	/* Every change up to and with the one billed has an idempotency key, and all keys are
	 * within their window. */
	bool keyed;
	/* The text of a setting of the backend's, or of cart.id_type; "" or NULL: its default. */
	const char *(*setting)(const void *user, const char *key);
	const void *user;
};

typedef int cart_backend_bill_fn(struct cart_bill *bill, const struct cart_bill_cart *cart);

/* -1: a backend of that name is not paid by the request, or there is no memory. */
CART_MUST_CHECK int cart_bill(struct cart_bill *bill, const char *backend,
			      const struct cart_bill_cart *cart);

#endif
