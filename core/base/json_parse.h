/*
 * json_loadb() that fails where memory runs out. jansson (2.14, src/load.c) ignores that its buffer
 * for a string could not grow: a character is missing then, so that a member has another name or
 * another value, and nobody is told.
 */
#ifndef CORE_BASE_JSON_PARSE_H
#define CORE_BASE_JSON_PARSE_H

#include "core/base/attr.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* As json_loadb(); error may be NULL. *no_memory (may be NULL) says whether that is why it is NULL.
 * Any thread; where several parse, all do it by this. */
CART_MUST_CHECK json_t *json_parse(const char *text, size_t len, size_t flags, json_error_t *error,
				   bool *no_memory);

#endif
