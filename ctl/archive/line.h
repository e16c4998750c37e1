/*
 * A cart as a line of the archive: one JSON object with everything that a store keeps of it, so
 * that it can be put back as it was. schemas/athena/carts.sql describes the columns; ids are
 * strings whatever cart.id_type is, and times milliseconds since 1970, so that each column has one
 * type for ever.
 */
#ifndef CTL_ARCHIVE_LINE_H
#define CTL_ARCHIVE_LINE_H

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/cart.h"

/* With the newline at its end. */
void archive_line_write(struct buf *out, const struct cart *cart);
/* A line without its newline, to a cart that holds nothing. -1: error says what is wrong with it.
 * Members that are not known are passed over. */
CART_MUST_CHECK int archive_line_read(struct cart *cart, const char *line, size_t len,
				      struct cart_error *error);

#define ARCHIVE_DATE_TEXT 10
/* "2026-08-29": the day, in UTC, on which the cart was checked out. */
void archive_line_date(const struct cart *cart, char text[ARCHIVE_DATE_TEXT + 1]);

#endif
