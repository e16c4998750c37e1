/* A target as a client sends it: path and query through router, ids and parameters. */
#include "core/cart_id.h"
#include "server/api/query.h"
#include "server/api/routes.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void fuzz_captures(const struct router_match *match)
{
	struct cart_id id;

	if (match->capture_count > ROUTER_CAPTURES_MAX)
		abort();
	for (size_t i = 0; i < match->capture_count; i++) {
		const struct router_text *capture = &match->captures[i];
		char text[CART_ID_TEXT + 1];

		if (capture->len == 0)
			abort();
		if (!cart_id_parse(&id, capture->text, capture->len))
			continue;
		cart_id_format(&id, text);
		if (capture->len != CART_ID_TEXT ||
		    strncasecmp(text, capture->text, CART_ID_TEXT) != 0)
			abort();
	}
}

static void fuzz_query(const char *text, const char *const *known)
{
	struct query query;
	char detail[QUERY_DETAIL_MAX] = "";

	if (!query_parse(&query, text, known, detail)) {
		if (detail[0] == '\0')
			abort();
		return;
	}
	for (size_t i = 0; known != NULL && known[i] != NULL; i++)
		if (query.values[i] != NULL && query.values[i][query.lens[i]] != '\0')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct router_match match;
	char *target = malloc(size + 1);
	char *question;

	if (target == NULL)
		return 0;
	memcpy(target, data, size);
	target[size] = '\0';
	question = strchr(target, '?');
	if (question != NULL)
		*question = '\0';
	if (router_find(routes, routes_count, target, &match) == ROUTER_FOUND) {
		const struct route_call *get = route_call_find(match.route, HTTP_GET);
		char allow[ROUTE_ALLOW_MAX];

		fuzz_captures(&match);
		route_allow(match.route, allow);
		fuzz_query(question != NULL ? question + 1 : NULL,
			   get != NULL ? get->params : NULL);
	}
	free(target);
	return 0;
}
