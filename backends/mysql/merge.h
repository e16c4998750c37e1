/*
 * A MERGE as one text, which is one round trip and one transaction:
 *
 *	START TRANSACTION
 *	SELECT both carts FOR UPDATE, in the order of their ids
 *	UPDATE from SET op = mark, state = 2, ... WHERE guard		it passes, or nothing
 *changes INSERT INTO cart_items SELECT the lines of from that change the cart, if it passed UPDATE
 *the cart, if a line was written INSERT INTO idempotency_keys SELECT ..., if it passed SELECT the
 *cart, with the mark of from COMMIT
 *
 * The guard lets it pass when cart_merge() certainly would. What does not pass is modified
 * (modify.h), where cart_merge() decides.
 */
#ifndef BACKENDS_MYSQL_MERGE_H
#define BACKENDS_MYSQL_MERGE_H

#include "backends/mysql/write.h"

/* The text of a merge, which is alone; sql_write_read() reads the answer. False: no memory. */
CART_MUST_CHECK bool sql_merge_text(struct sql_text *text, const struct sql_write *write,
				    const struct cart_rules *rules);

#endif
