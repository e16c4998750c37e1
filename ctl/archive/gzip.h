/* gzip of whole texts. */
#ifndef CTL_ARCHIVE_GZIP_H
#define CTL_ARCHIVE_GZIP_H

#include "core/base/attr.h"
#include "core/base/buf.h"

#include <stdbool.h>

/* Appends the text, compressed; the same text gives the same bytes. False: no memory. */
CART_MUST_CHECK bool archive_gzip(struct buf *out, const struct buf *text);
/* The reverse, of all members, with their checksums. False: it is no gzip, is cut off, or no
 * memory: text->failed says of the last. */
CART_MUST_CHECK bool archive_gunzip(struct buf *text, const struct buf *packed);

#endif
