#include "server/api/router.h"

#include "server/http/text.h"

#include <stdio.h>
#include <string.h>

/* Splits a path at slashes. Returns the number of segments; 0: too many, or none. */
static size_t router_cut(const char *path, struct router_text segments[ROUTER_SEGMENTS_MAX])
{
	size_t count = 0;

	while (*path == '/') {
		size_t len = strcspn(path + 1, "/");

		if (count == ROUTER_SEGMENTS_MAX)
			return 0;
		segments[count++] = (struct router_text){.text = path + 1, .len = len};
		path += 1 + len;
	}
	return count;
}

/* Percent-decodes a segment if it needs that. One that is too long stays as it is: no literal
 * segment is so long, and it is no valid id. */
static bool router_decode(struct router_text *segment, char out[ROUTER_SEGMENT_MAX + 1])
{
	size_t len;

	if (memchr(segment->text, '%', segment->len) == NULL)
		return true;
	switch (text_percent_decode(out, ROUTER_SEGMENT_MAX + 1, &len, segment->text,
				    segment->len)) {
	case TEXT_DECODED:
		*segment = (struct router_text){.text = out, .len = len};
		return true;
	case TEXT_TOO_LONG:
		return true;
	case TEXT_BAD_ESCAPE:
		break;
	}
	return false;
}

static bool router_matches(const char *pattern, const struct router_text *segments, size_t count,
			   struct router_match *match)
{
	match->capture_count = 0;
	for (size_t i = 0; i < count; i++) {
		size_t len;

		if (*pattern != '/')
			return false;
		len = strcspn(++pattern, "/");
		if (*pattern == '{') {
			if (segments[i].len == 0)
				return false;
			match->captures[match->capture_count++] = segments[i];
		} else if (len != segments[i].len || memcmp(pattern, segments[i].text, len) != 0) {
			return false;
		}
		pattern += len;
	}
	return *pattern == '\0';
}

enum router_result router_find(const struct route *routes, size_t count, const char *path,
			       struct router_match *match)
{
	struct router_text segments[ROUTER_SEGMENTS_MAX];
	size_t segment_count = router_cut(path, segments);

	if (segment_count == 0)
		return ROUTER_NOT_FOUND;
	for (size_t i = 0; i < segment_count; i++)
		if (!router_decode(&segments[i], match->decoded[i]))
			return ROUTER_BAD_ESCAPE;
	for (size_t i = 0; i < count; i++) {
		if (router_matches(routes[i].pattern, segments, segment_count, match)) {
			match->route = &routes[i];
			return ROUTER_FOUND;
		}
	}
	return ROUTER_NOT_FOUND;
}

const struct route_call *route_call_find(const struct route *route, enum http_method method)
{
	if (method == HTTP_HEAD)
		method = HTTP_GET;
	for (size_t i = 0; i < ROUTE_CALLS_MAX && route->calls[i].handler != NULL; i++)
		if (route->calls[i].method == method)
			return &route->calls[i];
	return NULL;
}

static const struct {
	enum http_method method;
	const char *name;
} router_methods[] = {
	{HTTP_GET, "GET"},
	{HTTP_POST, "POST"},
	{HTTP_PUT, "PUT"},
	{HTTP_DELETE, "DELETE"},
};
#define ROUTER_METHODS (sizeof(router_methods) / sizeof(router_methods[0]))

const char *route_method_name(enum http_method method)
{
	for (size_t i = 0; i < ROUTER_METHODS; i++)
		if (router_methods[i].method == method)
			return router_methods[i].name;
	return "other";
}

void route_allow(const struct route *route, char text[ROUTE_ALLOW_MAX])
{
	size_t at = 0;

	for (size_t i = 0; i < ROUTER_METHODS; i++)
		if (route_call_find(route, router_methods[i].method) != NULL)
			at += (size_t)snprintf(
				text + at, ROUTE_ALLOW_MAX - at, "%s, %s", router_methods[i].name,
				router_methods[i].method == HTTP_GET ? "HEAD, " : "");
	snprintf(text + at, ROUTE_ALLOW_MAX - at, "OPTIONS");
}
