/*
 * An event of the feed: one change of one cart, as it is told to those downstream.
 *
 * Every change that an op acknowledges, and that raised the version of a cart or removed it, is
 * one event with the version that it led to. A removal counts as one version more. So a cart's id
 * and the version name an event, and within a cart the versions are the order.
 */
#ifndef CORE_FEED_EVENT_H
#define CORE_FEED_EVENT_H

#include "core/cart.h"

/* Stored in databases: never renumber. */
enum cart_event_type {
	CART_EVENT_NONE = 0, /* nothing happened: for a backend's own use, never given out */
	CART_EVENT_CREATED = 1,
	CART_EVENT_CHANGED = 2, /* lines, or the customer of a guest's cart */
	CART_EVENT_CHECKED_OUT = 3,
	CART_EVENT_REOPENED = 4,
	CART_EVENT_MERGED = 5,	/* with from: its lines came into this cart. Without: this cart was
				   closed, see cart.merged_into */
	CART_EVENT_DELETED = 6, /* by a request */
	CART_EVENT_EXPIRED = 7, /* by a sweeper, or by the database's own TTL */
	CART_EVENT_TYPES
};

/* "created", "changed", ...; "cart." and this is the type in JSON. */
const char *cart_event_type_name(enum cart_event_type type);

/* A line that differs from what it was. */
struct cart_event_change {
	struct shop_id product_id;
	int64_t quantity;	/* 0: the line is gone */
	int64_t was;		/* 0: it was not there */
	const char *attributes; /* those of the line in the event's cart */
};

/* A zeroed struct is an empty one. */
struct cart_event {
	enum cart_event_type type;
	struct cart_id id;
	int64_t version; /* of DELETED and EXPIRED: one more than the cart had */
	int64_t at_ms;
	/*
	 * The cart as the change left it. Of DELETED and EXPIRED: as it was before, without its
	 * lines, which not every database could give cheaply; the event before this one has them.
	 * Version 0: not known, because what was stored is damaged or was erased.
	 */
	struct cart cart;
	struct cart_id from;		   /* MERGED: whose lines came into this cart; nil: none */
	struct cart_event_change *changes; /* by product; none of DELETED, EXPIRED */
	size_t change_count;
	char *cursor; /* malloc'd: a FEED op goes on after this event; NULL: not from here */
};

/* Frees what it holds and zeroes it. */
void cart_event_clear(struct cart_event *event);

/* It is later than the last change of its cart, which was removed or came out of an archive. */
bool cart_event_is_late(enum cart_event_type type, const struct cart *cart);

/*
 * As cart_event_make(), but the event's cart is the one given and its lines are not copied: free
 * changes alone afterwards.
 */
CART_MUST_CHECK bool cart_event_view(struct cart_event *event, const struct cart *before,
				     const struct cart *after, int64_t now_ms);

/*
 * What the difference of two states of a cart is. NULL: before it was made, and after it was
 * removed. Which of a removal's two types it is, and from of a merge's target, the caller sets
 * afterwards. Copies what it needs. False: no memory; the event is empty.
 */
CART_MUST_CHECK bool cart_event_make(struct cart_event *event, const struct cart *before,
				     const struct cart *after, int64_t now_ms);

/* The result of a FEED op: a malloc'd page of events, in their order. */
struct cart_feed_page {
	struct cart_event *events;
	size_t count;
	char *next; /* malloc'd: the cursor after all of them */
};

/* An empty page with room for so many events. NULL: no memory. */
struct cart_feed_page *cart_feed_page_new(size_t room);
/* Takes NULL. */
void cart_feed_page_free(struct cart_feed_page *page);

#endif
