/* Finds the route of a path. A route is a pattern with its calls, one entry of one const table
 * (routes.c). The labels of metrics come from that table only, never from a request. */
#ifndef SERVER_API_ROUTER_H
#define SERVER_API_ROUTER_H

#include "core/base/attr.h"
#include "server/http/http.h"

struct call;
struct buf;

#define ROUTER_SEGMENTS_MAX 4  /* of a path */
#define ROUTER_SEGMENT_MAX  64 /* characters of one, once decoded */
#define ROUTER_CAPTURES_MAX 2
#define ROUTE_CALLS_MAX	    3

/* Answers the call, now or later. */
typedef void route_handler_fn(struct call *call);

/* What a call takes as a body. */
enum route_body {
	ROUTE_BODY_NONE,     /* none */
	ROUTE_BODY_OPTIONAL, /* none; {} is as good */
	ROUTE_BODY_JSON	     /* one JSON object */
};

/* What a caller needs to have. A route that says nothing is closed to everybody. */
enum route_scope {
	ROUTE_CLOSED,
	ROUTE_PUBLIC, /* nothing, not even a name */
	ROUTE_READ,
	ROUTE_WRITE,
	ROUTE_ADMIN
};

/* One method of a route. */
struct route_call {
	enum http_method method;
	enum route_scope scope;
	route_handler_fn *handler;
	enum route_body body;
	const char *const *params; /* query parameters, NULL-terminated; NULL: none */
	const char *summary;	   /* for people, on the page at / */
};

/* A pattern: literal segments and {captures}. HEAD is answered by the call for GET. */
struct route {
	const char *pattern;
	struct route_call calls[ROUTE_CALLS_MAX]; /* ends early with a zeroed one */
};

struct router_text {
	const char *text;
	size_t len;
};

/* The captures lie in the path, or here when they had to be decoded. Not to be copied. */
struct router_match {
	const struct route *route;
	struct router_text captures[ROUTER_CAPTURES_MAX];
	size_t capture_count;
	char decoded[ROUTER_SEGMENTS_MAX][ROUTER_SEGMENT_MAX + 1];
};

enum router_result {
	ROUTER_FOUND,
	ROUTER_NOT_FOUND,
	ROUTER_BAD_ESCAPE, /* a '%' that encodes nothing */
};

/* Finds the first route that matches: in the table, those with literal segments come before those
 * with captures. A capture is never empty. match is filled only on ROUTER_FOUND. */
enum router_result router_find(const struct route *routes, size_t count, const char *path,
			       struct router_match *match);

/* The call for a method, for HEAD that for GET; NULL: the route has none. */
const struct route_call *route_call_find(const struct route *route, enum http_method method);

/* "GET" and so on, of a method that a route can have; else "other". */
const char *route_method_name(enum http_method method);

/* "GET, HEAD, POST, OPTIONS": for Allow. */
#define ROUTE_ALLOW_MAX 48
void route_allow(const struct route *route, char text[ROUTE_ALLOW_MAX]);

#endif
