/*
 * The stored form of an event, for backends that keep them in an outbox table: the column data. The
 * columns beside it hold cart_id, version, type and at_ms.
 *
 *	form	a byte, 1: the version of this form. Nothing behind it: nothing is known of the cart
 *	flags	a byte: the state, and what of order_id, merged_into and from is there
 *	customer
 *	at_ms - updated_ms, updated_ms - created_ms
 *	0 where the cart never expires, else 1 and expires_ms - updated_ms
 *	order_id, merged_into, from: 16 bytes each
 *	how many lines, and of each, by product:
 *		product, quantity, updated_ms of the cart - its own, its own - added_ms, attributes
 *	how many changes, and of each, by product: product, was
 *
 * Counts and quantities are numbers of seven bits a byte, the lowest first, of which all but the
 * last have the top bit set. A difference is such a number times two; if it is negative, that of
 * the absolute value less one, plus one. Texts are their length and their bytes; of length 0: none.
 *
 * What changed and is not among the lines has been removed; quantity and attributes of the others
 * are the line's. CREATED has no changes here: every line was 0.
 *
 * What is read is what is written: there is one form of an event, byte for byte.
 */
#ifndef CORE_FEED_EVENT_PACK_H
#define CORE_FEED_EVENT_PACK_H

#include "core/base/buf.h"
#include "core/feed/event.h"

#define CART_EVENT_FORM	  1
#define CART_EVENT_REASON 160

void cart_event_pack(struct buf *out, const struct cart_event *event);

/*
 * Reads data into an event whose type, id, version and at_ms the caller has set from the columns;
 * everything else must be empty. CART_OK; CART_BUSY: no memory; CART_FAILED: a newer program has
 * written it; CART_DAMAGED: it is nothing that a program has written. reason then says why; the
 * event keeps the members that the caller has set.
 */
CART_MUST_CHECK enum cart_result cart_event_unpack(struct cart_event *event, const void *data,
						   size_t len, char reason[CART_EVENT_REASON]);

#endif
