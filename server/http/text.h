/* Small pieces of text: reading and writing numbers, percent-decoding, quoting a client's text
 * safely. */
#ifndef SERVER_HTTP_TEXT_H
#define SERVER_HTTP_TEXT_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits and nothing else, no leading zeros, min ... max with 0 <= min. */
CART_MUST_CHECK bool text_integer(const char *text, size_t len, int64_t min, int64_t max,
				  int64_t *value);

/* Writes digits (the number is not negative) and returns where they end; no NUL. */
#define TEXT_INTEGER 20
char *text_put_integer(char *to, int64_t value);
/* Nanoseconds as milliseconds with two decimals, rounded: "0.51". Below 0 counts as 0. */
#define TEXT_MS 24
char *text_put_ms(char *to, int64_t ns);

enum text_decoded {
	TEXT_DECODED,
	TEXT_BAD_ESCAPE, /* a '%' without two hex digits after it */
	TEXT_TOO_LONG	 /* more than room - 1 bytes */
};
/* RFC 3986 percent-decoding, '+' stands for itself; NUL-terminated, but may hold NULs. */
CART_MUST_CHECK enum text_decoded text_percent_decode(char *out, size_t room, size_t *out_len,
						      const char *text, size_t len);

/* Quotes a client's text for a message: at most 48 characters, and '?' for all but visible ASCII
 * and spaces. */
#define TEXT_QUOTED 56
const char *text_quote(char out[TEXT_QUOTED], const char *text, size_t len);

#endif
