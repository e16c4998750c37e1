/*
 * The outbox of the feed (core/feed/event.h): what a transaction that changes carts adds to its
 * text where the feed is on. It is one row of cart_events for all carts of a batch:
 *
 *	seq	the number, AUTO_INCREMENT
 *	at_ms	the instant of the batch
 *	events	a line for each cart: type, id, for MERGED from, and product and difference of each
 *		line that changed; 0 differs where only the attributes do. Empty: a tombstone, see
 *		feed.h
 *	carts	the carts after the change, without their lines, a line of text for each
 *	items	the lines of these carts, a line of text for each
 *
 * Values are separated by one space and can be empty; none holds a space but attributes, which are
 * the last of their line. carts and items begin with the 16 bytes of the cart's id, which can be
 * any and have no separator behind them. See sql_rows_read_cart() and sql_rows_read_item().
 *
 * What a line was before is what it is now less the difference, so that an add does not have to
 * read it: the server itself gathers carts and items. Where the service has read the cart, it
 * writes them.
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
 * A row that the server gathers is these in this order: begin; for each event event, the changes,
 * event_end; carts; the ids of the carts, as a list of values; lines; the ids once more; end.
 * The statement fails, as SQL_FAULT_REFUSED, if no cart is there whose mark is the token.
 */
void sql_outbox_begin(struct sql_text *text, int64_t at_ms);
void sql_outbox_event(struct sql_text *text, enum cart_event_type type, const struct cart_id *id);
void sql_outbox_change(struct sql_text *text, const struct shop_id *product_id, int64_t difference);
void sql_outbox_event_end(struct sql_text *text);
void sql_outbox_carts(struct sql_text *text);
void sql_outbox_lines(struct sql_text *text, int64_t token);
void sql_outbox_end(struct sql_text *text);
/* In place of lines and end: the carts, of any mark, are about to be removed, and told without
 * their lines. */
void sql_outbox_end_removed(struct sql_text *text);

/* The row of one cart, which is locked and was as before; NULL: it was made. */
void sql_outbox_tell(struct sql_text *text, const struct cart *before, const struct cart *after,
		     int64_t now_ms);
/* That of a merge, in which from was closed. */
void sql_outbox_tell_merge(struct sql_text *text, const struct cart *before,
			   const struct cart *after, const struct cart *from, int64_t now_ms);

#endif
