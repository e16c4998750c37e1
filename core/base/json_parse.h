/*
 * json_loadb() that reports that memory ran out. jansson (2.14, src/load.c) ignores it when its
 * buffer for a string cannot grow: a character is then missing, so a member has another name or
 * another value, and the caller does not notice.
 */
#ifndef CORE_BASE_JSON_PARSE_H
#define CORE_BASE_JSON_PARSE_H

#include "core/base/attr.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * As json_loadb(); error may be NULL. *no_memory (may be NULL): NULL was returned because memory
 * ran out. Any thread. All of the program parses with this function, since jansson's allocator is
 * set once for the process.
 */
CART_MUST_CHECK json_t *json_parse(const char *text, size_t len, size_t flags, json_error_t *error,
				   bool *no_memory);

#endif
