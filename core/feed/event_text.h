/*
 * The stored form of an event, for backends that keep them in an outbox table: the column data. The
 * columns beside it hold cart_id, version, type and at_ms.
 *
 *	[1]
 *	[1,customer,state,created_ms,updated_ms,expires_ms,order,merged_into,from,lines,changes]
 *
 * 1 is the version of this form. customer is a string, order, merged_into and from are ids of 36
 * characters in quotes; any of the four may be null. lines are as core/cart_lines.h has them, []
 * for a removed cart. changes is [["product_id",was],...] by product: those that are no longer
 * among the lines have been removed, and quantity and attributes of the others are the line's. Of
 * CREATED, changes is [], and every line was 0. [1] alone: nothing is known of the cart.
 *
 * There are no spaces, and a database can build the text itself.
 */
#ifndef CORE_FEED_EVENT_TEXT_H
#define CORE_FEED_EVENT_TEXT_H

#include "core/base/buf.h"
#include "core/feed/event.h"

#define CART_EVENT_FORM	  "1"
#define CART_EVENT_REASON 160

void cart_event_text_write(struct buf *out, const struct cart_event *event);

/*
 * Reads data into an event whose type, id, version and at_ms the caller has set from the columns;
 * everything else must be empty. CART_OK; CART_BUSY: no memory; CART_FAILED: a newer program has
 * written it; CART_DAMAGED: it is nothing that a program has written. reason then says why; the
 * event keeps the members that the caller has set.
 */
CART_MUST_CHECK enum cart_result cart_event_text_read(struct cart_event *event, const char *text,
						      size_t len, char reason[CART_EVENT_REASON]);

#endif
