/*
 * The outbox of the feed (core/feed/event.h): what a transaction that changes carts adds to its
 * text where the feed is on. It is one row of cart_events for all carts of a batch:
 *
 *	seq	the number, AUTO_INCREMENT
 *	at_ms	the instant of the batch
 *	events	a line for each cart: type, id, for MERGED from, and product and difference of each
 *		line that changed; 0 differs where only the attributes do. Empty: a tombstone, see
 *		feed.h
 *	carts	the carts after the change, as the server itself gathers them: the rows of the
 *		join of carts and cart_items, a line each; see sql_rows_read_text()
 *
 * Values are separated by one space and can be empty; none holds a space but attributes, which are
 * the last of their line. What a line was before is what it is now less the difference, so that an
 * add does not have to read it.
 *
 * The number is taken while the transaction has its carts locked, and these stay locked until it
 * ends: the rows of one cart have its changes in order. The rows of different carts become visible
 * in another order than that of their numbers, for which the reader has to look, see feed.h.
 *
 * The row is written by INSERT ... VALUES. By INSERT ... SELECT the server would reserve more
 * numbers than rows, and hold a lock on the table's numbers for the whole statement.
 */
#ifndef BACKENDS_MYSQL_OUTBOX_H
#define BACKENDS_MYSQL_OUTBOX_H

#include "backends/mysql/text.h"
#include "core/feed/event.h"

/*
 * A row's statement is these in this order: begin; for each event event, the changes, event_end;
 * carts or removed_carts; the ids of the carts, as a list of values; end or end_marked.
 */
void sql_outbox_begin(struct sql_text *text, int64_t at_ms);
void sql_outbox_event(struct sql_text *text, enum cart_event_type type, const struct cart_id *id);
void sql_outbox_change(struct sql_text *text, const struct shop_id *product_id, int64_t difference);
void sql_outbox_event_end(struct sql_text *text);
void sql_outbox_carts(struct sql_text *text);
/* Carts that are about to be removed, without their lines. */
void sql_outbox_removed_carts(struct sql_text *text);
/* The statement fails, as SQL_FAULT_REFUSED, if none of the carts is there. */
void sql_outbox_end(struct sql_text *text);
/* The same, of those whose mark is the token. */
void sql_outbox_end_marked(struct sql_text *text, int64_t token);

/* The row of one cart, marked with the token, which was as before; NULL: it was made. */
void sql_outbox_tell(struct sql_text *text, const struct cart *before, const struct cart *after,
		     int64_t now_ms, int64_t token);
/* That of a merge, in which from was closed. */
void sql_outbox_tell_merge(struct sql_text *text, const struct cart *before,
			   const struct cart *after, const struct cart_id *from, int64_t now_ms,
			   int64_t token);

#endif
