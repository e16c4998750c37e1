/*
 * Cross-Origin Resource Sharing (the Fetch standard, "CORS protocol"): which pages of other origins
 * a browser lets read our answers. It protects the users of browsers; it does not keep anybody out.
 * Credentials are never allowed by it: callers send a bearer token, which needs no such permission.
 */
#ifndef SERVER_API_CORS_H
#define SERVER_API_CORS_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct http_request;
struct settings;

struct cors {
	bool any; /* "*": every origin */
	const char *const *origins;
	size_t count; /* 0: off */
};

/* Reads http.cors_origins; what it holds belongs to the settings. -1: error names the origin that
 * is none, and says why. */
CART_MUST_CHECK int cors_read(struct cors *cors, const struct settings *settings,
			      struct cart_error *error);
/* Adds what a browser needs to show the answer to the page that asked, on every answer. */
void cors_answer(const struct cors *cors, struct http_request *request);
/* Adds what the answer to a preflight needs, if this OPTIONS is one: which methods, headers, and
 * for how long. */
void cors_preflight(const struct cors *cors, struct http_request *request, const char *methods);

#endif
