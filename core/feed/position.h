/*
 * The cursors of the feeds: "FORM-" and what the backend appends. To callers they are opaque.
 *
 * Each backend has a form of its own, so that a cursor which a consumer has kept while the backend
 * was exchanged is recognised: it is refused, and would otherwise skip events.
 */
#ifndef CORE_FEED_POSITION_H
#define CORE_FEED_POSITION_H

#include "core/cart.h"

/* Never renumber; a new form gets the next digit. */
#define CART_FEED_FORM_SQLITE	'1'
#define CART_FEED_FORM_DYNAMODB '2'
#define CART_FEED_FORM_MYSQL	'3'
#define CART_FEED_FORM_LAST	CART_FEED_FORM_MYSQL

#define CART_FEED_POSITION_TEXT 24 /* with its NUL */

/* "FORM-NUMBER", for backends whose events have one row of numbers. number is not negative. */
void cart_feed_position_write(char text[CART_FEED_POSITION_TEXT], char form, int64_t number);
/*
 * CART_OK; CART_CURSOR_FOREIGN: it is of another form; CART_CURSOR_INVALID:
 * cart_feed_position_write() has not made it.
 */
CART_MUST_CHECK enum cart_result cart_feed_position_read(const char *text, char form,
							 int64_t *number);

/* Whether text can be a cursor of another form than this one. */
CART_MUST_CHECK bool cart_feed_is_foreign(const char *text, char form);

#endif
