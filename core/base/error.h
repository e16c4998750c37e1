/* One line of text for a person, written where something failed and printed by the program. */
#ifndef CORE_BASE_ERROR_H
#define CORE_BASE_ERROR_H

#include "core/base/attr.h"

#define CART_ERROR_MAX 512

struct cart_error {
	char text[CART_ERROR_MAX]; /* no newline; does not repeat what the caller knows */
};

/* printf into error->text, cut to its size. error may be NULL. Returns -1, so that callers can
 * return it. */
CART_PRINTF(2, 3) int cart_error_set(struct cart_error *error, const char *format, ...);

#endif
