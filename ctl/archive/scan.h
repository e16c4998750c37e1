/*
 * Lines of the archive as archive_line_write() writes them, read without a tree of JSON, which
 * takes most of the time of a check. Whoever changes one of the two changes the other.
 */
#ifndef CTL_ARCHIVE_SCAN_H
#define CTL_ARCHIVE_SCAN_H

#include "core/base/attr.h"
#include "core/cart.h"

/* A line without its newline, to a cart that holds nothing, whose values are not checked together.
 * False: the cart holds nothing, and the line may still be one, written otherwise. */
CART_MUST_CHECK bool archive_line_scan(struct cart *cart, const char *line, size_t len);

#endif
