/* base64url without padding (RFC 4648, section 5). */
#ifndef CORE_BASE_BASE64URL_H
#define CORE_BASE_BASE64URL_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters for size bytes, and the most bytes of len characters. */
#define BASE64URL_TEXT(size_) (((size_)*4 + 2) / 3)
#define BASE64URL_BYTES(len_) ((len_)*3 / 4)

/* Writes BASE64URL_TEXT(size) characters and a NUL. Returns where the NUL is. */
char *base64url_encode(char *to, const uint8_t *bytes, size_t size);
/* Writes at most BASE64URL_BYTES(len) bytes. False: a character that is none, a length that cannot
 * be, or bits that are not 0 behind the last byte: one text for the same bytes. */
CART_MUST_CHECK bool base64url_decode(uint8_t *to, size_t *size, const char *text, size_t len);

#endif
