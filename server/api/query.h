/* The part of a target after the '?': name=value pairs, each name known and given once. */
#ifndef SERVER_API_QUERY_H
#define SERVER_API_QUERY_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#define QUERY_PARAMS_MAX 5
#define QUERY_TEXT_MAX	 4608 /* bytes of all values once decoded, with a NUL each */
#define QUERY_DETAIL_MAX 128

/* Values in the order of the names known; NULL: not given. They point into text. */
struct query {
	const char *values[QUERY_PARAMS_MAX];
	size_t lens[QUERY_PARAMS_MAX]; /* a value may hold NULs */
	char text[QUERY_TEXT_MAX];
};

/*
 * Reads a query (NULL: none) against the names known (NULL-terminated; NULL: none). Names are taken
 * as sent, values percent-decoded; '+' stands for itself (RFC 3986), so that a time's offset needs
 * no encoding. False: detail says in one line what is wrong and names the parameter.
 */
CART_MUST_CHECK bool query_parse(struct query *query, const char *text, const char *const *known,
				 char detail[QUERY_DETAIL_MAX]);

/* True when the parameter at that place is given and says just that. */
bool query_is(const struct query *query, size_t index, const char *text);

#endif
