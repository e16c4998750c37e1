/*
 * A byte buffer that grows. Running out of memory sets failed and later writes do nothing, so that
 * a writer checks once at the end.
 */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* not NUL-terminated; see buf_string() */
	size_t len;
	size_t room;
	bool failed;
};

/* Ensures room for len more bytes. False: failed. */
bool buf_reserve(struct buf *buf, size_t len);
void buf_add(struct buf *buf, const void *data, size_t len);
void buf_add_string(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_integer(struct buf *buf, int64_t value);
CART_PRINTF(2, 3) void buf_printf(struct buf *buf, const char *format, ...);
/* A JSON string with its quotes; text must be UTF-8. */
void buf_add_json_string(struct buf *buf, const char *text);
/* NUL-terminates and returns the data; "" when failed or empty. */
const char *buf_string(struct buf *buf);
/* Empties, keeps the memory. */
void buf_reset(struct buf *buf);
void buf_free(struct buf *buf);

#endif
