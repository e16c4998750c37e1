/* The name of a request in answers and logs, and the trace it belongs to. */
#ifndef SERVER_HTTP_REQUEST_ID_H
#define SERVER_HTTP_REQUEST_ID_H

#include "core/base/attr.h"
#include "core/base/random.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_ID_MAX 64 /* characters of [A-Za-z0-9._-] */
#define TRACE_ID_TEXT  32 /* lower-case hex digits */

/* 16 hex digits; different for each call, as ids, one a loop, does not repeat itself; and from
 * other loops and processes by chance. */
void request_id_make(struct random *ids, char text[REQUEST_ID_MAX + 1]);
/* Takes a client's X-Request-Id (NULL: none) when it is valid. */
CART_MUST_CHECK bool request_id_take(const char *header, char text[REQUEST_ID_MAX + 1]);

/* The trace id of a valid traceparent header (W3C Trace Context, level 1; NULL: none). */
CART_MUST_CHECK bool request_trace_id(const char *traceparent, char text[TRACE_ID_TEXT + 1]);

#endif
