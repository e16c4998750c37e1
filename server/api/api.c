/* What is done for every call before its handler runs: find the route, read the ids in the path,
 * check the names in the query, and whether a body may be there and of what type. */
#include "server/api/api.h"

#include "core/settings/settings.h"
#include "server/access/permit.h"
#include "server/api/call.h"
#include "server/api/cors.h"
#include "server/api/feed.h"
#include "server/api/rate.h"
#include "server/api/slices.h"
#include "server/api/conditions.h"
#include "server/http/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static enum api_log api_log_from(const struct settings *settings)
{
	const char *text = settings_string(settings, "log.requests");

	if (strcmp(text, "all") == 0)
		return API_LOG_ALL;
	return strcmp(text, "off") == 0 ? API_LOG_OFF : API_LOG_ERRORS;
}

struct api *api_new(const struct api_shared *shared, struct cart_store *store,
		    struct access *access, struct event_base *base, struct metrics_shard *shard)
{
	struct api *api = calloc(1, sizeof(*api));

	if (api == NULL || !slices_open(api, base))
		abort();
	api->shared = shared;
	api->store = store;
	api->access = access;
	api->shard = shard;
	api->log = api_log_from(shared->env->settings);
	random_seed(&api->ids);
	feed_open(api, base);
	return api;
}

void api_drain(struct api *api)
{
	feed_end_all(api);
}

void api_free(struct api **api)
{
	if (*api == NULL)
		return;
	slices_close(*api);
	feed_seat_close(&(*api)->feed.seat);
	call_free_spares(*api);
	access_close(&(*api)->access);
	buf_free(&(*api)->out);
	free(*api);
	*api = NULL;
}

/* NULL: no memory, and the request has been answered. */
static struct call *api_begin(struct api *api, struct http_request *request)
{
	struct call *call = call_new(api, request);
	size_t count;
	const char *id;

	if (call == NULL) {
		http_reply_header(request, "Retry-After", "1");
		http_reply(request, 503, NULL, 0);
		return NULL;
	}
	buf_reset(&api->out);
	id = http_request_header(request, "X-Request-Id", &count);
	if (id == NULL || count != 1 || !request_id_take(id, call->request_id))
		request_id_make(&api->ids, call->request_id);
	if (!request_trace_id(http_request_header(request, "traceparent", NULL), call->trace_id))
		call->trace_id[0] = '\0';
	return call;
}

/* False: the path matches no route, and the call has been answered. */
static bool api_match(struct call *call)
{
	const struct api_shared *shared = call->api->shared;
	const char *path = http_request_path(call->request);

	switch (router_find(shared->routes, shared->route_count, path, &call->match)) {
	case ROUTER_FOUND:
		call->route = call->match.route;
		return true;
	case ROUTER_BAD_ESCAPE:
		call_invalid(call, "the path is badly percent-encoded");
		return false;
	case ROUTER_NOT_FOUND:
		break;
	}
	call_problem(call, (struct problem){404, "NOT_FOUND"}, "no such path%s",
		     path[0] != '\0' && path[1] != '\0' && path[strlen(path) - 1] == '/'
			     ? "; a path here has no trailing slash"
			     : "");
	return false;
}

/* False: the route has no such method, or the client asked with OPTIONS which methods it has. The
 * call has been answered. */
static bool api_match_method(struct call *call)
{
	enum http_method method = http_request_method(call->request);
	char allow[ROUTE_ALLOW_MAX];

	call->how = route_call_find(call->route, method);
	if (call->how != NULL)
		return true;
	route_allow(call->route, allow);
	call_header(call, "Allow", allow);
	if (method == HTTP_OPTIONS) {
		if (call->api->shared->cors != NULL)
			cors_preflight(call->api->shared->cors, call->request, allow);
		call->cache = NULL;
		call_reply_empty(call, 204);
	} else {
		call_problem(call, (struct problem){405, "METHOD_NOT_ALLOWED"},
			     "this path allows %s", allow);
	}
	return false;
}

/* 401 or 403, with the challenge of RFC 6750, section 3. error: "" without credentials. */
static void api_challenge(struct call *call, struct problem problem, const char *error,
			  const char *why)
{
	char text[160] = "Bearer realm=\"cart\"";

	/* Who is known was counted already. */
	if (call->caller == NULL && !rate_admits(call))
		return;
	if (error[0] != '\0')
		snprintf(text, sizeof(text), "Bearer realm=\"cart\", error=\"%s\", %s=\"%s\"",
			 error, problem.status == 403 ? "scope" : "error_description", why);
	call_header(call, "WWW-Authenticate", text);
	snprintf(call->reason, sizeof(call->reason), "%s", why);
	if (problem.status == 403)
		call_problem(call, problem, "this call needs the scope %s", why);
	else
		call_problem(call, problem, "%s", why);
}

/* Finds out who calls. False: nobody who is known, and the call has been answered. */
static bool api_identify(struct call *call)
{
	size_t count;
	const char *header = http_request_header(call->request, "Authorization", &count);
	struct problem problem = {401, "UNAUTHORIZED"};
	const char *why;

	if (header != NULL && count != 1) {
		api_challenge(call, problem, "invalid_request",
			      "the header Authorization is given more than once");
		return false;
	}
	switch (access_check(call->api->access, header, &call->caller_room, &why)) {
	case ACCESS_GRANTED:
		call->caller = &call->caller_room;
		call->owner = permit_owner(call->caller);
		return true;
	case ACCESS_ANONYMOUS:
		api_challenge(call, problem, "", "this call needs a bearer token");
		return false;
	case ACCESS_REJECTED:
		break;
	}
	api_challenge(call, problem, "invalid_token", why);
	return false;
}

/* Whether the caller may make the call at all; what it may reach is decided with its op. */
static bool api_permit(struct call *call)
{
	static const unsigned needs[] = {[ROUTE_READ] = ACCESS_READ,
					 [ROUTE_WRITE] = ACCESS_WRITE,
					 [ROUTE_ADMIN] = ACCESS_ADMIN};
	enum route_scope scope = call->how->scope;

	if (scope == ROUTE_CLOSED) {
		call_fail(call, CART_FAILED);
		return false;
	}
	if (scope == ROUTE_ADMIN && call->api->shared->admin_apart && !call->at_admin) {
		call_problem(call, (struct problem){404, "NOT_FOUND"},
			     "this address does not take calls of administrators");
		return false;
	}
	if (call->api->access == NULL || scope == ROUTE_PUBLIC)
		return rate_admits(call);
	call->as_admin = scope == ROUTE_ADMIN;
	if (!api_identify(call) || !rate_admits(call))
		return false;
	if ((call->caller->scopes & needs[scope]) != 0)
		return true;
	api_challenge(call, (struct problem){403, "FORBIDDEN"}, "insufficient_scope",
		      access_scope_name(needs[scope]));
	return false;
}

/* The first capture is always a cart's id, the second a product's. */
static bool api_read_path(struct call *call)
{
	const struct router_match *match = &call->match;

	if (match->capture_count > 0 &&
	    !cart_id_parse(&call->id, match->captures[0].text, match->captures[0].len)) {
		call_invalid(call, "the cart id in the path is not a UUID");
		return false;
	}
	if (match->capture_count > 1 &&
	    !shop_id_parse(&call->product_id, match->captures[1].text, match->captures[1].len)) {
		call_invalid(call, "product_id in the path must be %s", shop_id_rule());
		return false;
	}
	return true;
}

static bool api_read_query(struct call *call)
{
	char detail[QUERY_DETAIL_MAX];

	if (query_parse(&call->query, http_request_query(call->request), call->how->params, detail))
		return true;
	call_invalid(call, "%s", detail);
	return false;
}

static bool api_check_media_type(struct call *call)
{
	size_t count, codings;
	const char *type = http_request_header(call->request, "Content-Type", &count);
	const char *coding = http_request_header(call->request, "Content-Encoding", &codings);
	struct problem problem = {415, "UNSUPPORTED_MEDIA_TYPE"};

	if (type != NULL && (count != 1 || !conditions_is_json(type))) {
		call_header(call, "Accept", "application/json");
		call_problem(call, problem, "the body's Content-Type must be application/json");
		return false;
	}
	if (coding != NULL && (codings != 1 || strcasecmp(coding, "identity") != 0)) {
		call_header(call, "Accept-Encoding", "identity");
		call_problem(call, problem, "the body must have no Content-Encoding");
		return false;
	}
	return true;
}

static bool api_check_body(struct call *call)
{
	size_t len;

	http_request_body(call->request, &len);
	if (len == 0)
		return true;
	if (call->how->body == ROUTE_BODY_NONE) {
		call_invalid(call, "a body, where this call takes none");
		return false;
	}
	/* RFC 7231, 4.3.4: a part would be taken for the whole. */
	if (http_request_method(call->request) == HTTP_PUT &&
	    http_request_header(call->request, "Content-Range", NULL) != NULL) {
		call_invalid(call, "header Content-Range, where the body must be whole");
		return false;
	}
	return api_check_media_type(call);
}

/* OPTIONS * is about the server as a whole (RFC 9110, 9.3.7). */
static bool api_is_for_server(const struct http_request *request)
{
	return http_request_method(request) == HTTP_OPTIONS &&
	       strcmp(http_request_path(request), "*") == 0;
}

static void api_handle_at(struct http_request *request, struct api *api, bool admin)
{
	struct call *call = api_begin(api, request);

	if (call == NULL)
		return;
	call->has_path = true;
	call->at_admin = admin;
	if (api_is_for_server(request)) {
		call->cache = NULL;
		call_header(call, "Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
		call_reply_empty(call, 204);
		return;
	}
	if (api_match(call) && api_match_method(call) && api_permit(call) && api_read_path(call) &&
	    api_read_query(call) && api_check_body(call))
		call->how->handler(call);
}

void api_handle(struct http_request *request, void *user)
{
	api_handle_at(request, user, false);
}

void api_handle_admin(struct http_request *request, void *user)
{
	api_handle_at(request, user, true);
}

void api_refuse(struct http_request *request, int status, const char *detail, void *user)
{
	struct call *call = api_begin(user, request);

	if (call != NULL)
		call_problem(call, problem_of_refusal(status), "%s", detail);
}
