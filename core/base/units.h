/* Durations, sizes and instants as people and RFC 3339 write them. */
#ifndef CORE_BASE_UNITS_H
#define CORE_BASE_UNITS_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "250ms", "30s", "10m", "24h", "30d", "0": whole numbers, no spaces, no sum of units. To
 * milliseconds. */
CART_MUST_CHECK bool units_parse_duration(const char *text, int64_t *ms);
/* "512B", "64KiB", "16MiB", "1GiB", "0". To bytes. */
CART_MUST_CHECK bool units_parse_size(const char *text, int64_t *bytes);

/* The inverse, in the largest unit that divides evenly. The buffer holds any value. */
#define UNITS_TEXT 32
const char *units_format_duration(int64_t ms, char text[UNITS_TEXT]);
const char *units_format_size(int64_t bytes, char text[UNITS_TEXT]);

/* RFC 3339 in UTC with milliseconds, "2025-11-01T23:30:00.123Z": 24 characters and a NUL. Years
 * 1970 ... 9999. */
#define UNITS_TIME_TEXT 24
void units_format_time(int64_t ms, char text[UNITS_TIME_TEXT + 1]);
/* Reads RFC 3339: any offset, any fraction (cut to milliseconds), T or t, Z or z; refuses days that
 * do not exist. */
CART_MUST_CHECK bool units_parse_time(const char *text, size_t len, int64_t *ms);

#endif
