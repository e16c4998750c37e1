/*
 * The cursor of backends whose events have one row of numbers: "1-NUMBER", where 1 is the version
 * of this form. To callers it is opaque.
 */
#ifndef CORE_FEED_POSITION_H
#define CORE_FEED_POSITION_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

#define CART_FEED_POSITION_TEXT 24 /* with its NUL */

/* number is not negative. */
void cart_feed_position_write(char text[CART_FEED_POSITION_TEXT], int64_t number);
/* False: cart_feed_position_write() has not made it. */
CART_MUST_CHECK bool cart_feed_position_read(const char *text, int64_t *number);

#endif
