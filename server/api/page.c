/* The page at /, the metrics and the contract. */
#include "core/embed.h"
#include "core/version.h"
#include "server/api/call.h"
#include "server/api/handlers.h"

/* These texts change only with the program: a cache must ask each time. */
#define PAGE_CACHE "no-cache"

static const char page_head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<title>cart</title>\n"
	"<style>\n"
	":root { color-scheme: light dark }\n"
	"body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; "
	"padding: 0 1rem }\n"
	"td { padding: .1rem 1rem .1rem 0; vertical-align: top }\n"
	"code { font: 14px ui-monospace, monospace; white-space: nowrap }\n"
	"</style>\n"
	"</head>\n"
	"<body>\n"
	"<h1>cart</h1>\n"
	"<p>A shopping-cart service whose database is chosen at startup.</p>\n";

static void page_write_calls(struct buf *out, const struct api_shared *shared)
{
	buf_add_string(out, "<table>\n");
	for (size_t i = 0; i < shared->route_count; i++) {
		const struct route *route = &shared->routes[i];
		const struct route_call *calls = route->calls;

		for (size_t j = 0; j < ROUTE_CALLS_MAX && calls[j].handler != NULL; j++)
			buf_printf(out, "<tr><td><code>%s</code><td><code>%s</code><td>%s</tr>\n",
				   route_method_name(calls[j].method), route->pattern,
				   calls[j].summary);
	}
	buf_add_string(out, "</table>\n");
}

void page_handle(struct call *call)
{
	const struct cart_backend *backend = call->api->shared->backend;
	struct buf *out = &call->api->out;

	buf_add_string(out, page_head);
	buf_printf(out,
		   "<p>This one, version %s (%s), keeps carts in <strong>%s</strong>: %s.</p>\n",
		   cart_version, cart_revision, cart_backend_name(backend),
		   cart_backend_summary(backend));
	buf_add_string(out,
		       "<p><a href=\"/openapi.yaml\">The contract</a> · "
		       "<a href=\"/health\">health</a> · <a href=\"/metrics\">metrics</a></p>\n"
		       "<h2>Calls</h2>\n");
	page_write_calls(out, call->api->shared);
	buf_add_string(out, "</body>\n</html>\n");
	if (out->failed) {
		call_fail(call, CART_BUSY);
		return;
	}
	call->cache = PAGE_CACHE;
	call_header(call, "Content-Security-Policy",
		    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
	call_reply(call, 200, "text/html; charset=utf-8", out->data, out->len);
}

void page_handle_metrics(struct call *call)
{
	struct buf *out = &call->api->out;

	metrics_print(call->api->shared->env->metrics, out);
	if (out->failed)
		call_fail(call, CART_BUSY);
	else
		call_reply(call, 200, "text/plain; version=0.0.4; charset=utf-8", out->data,
			   out->len);
}

void page_handle_contract(struct call *call)
{
	call->cache = PAGE_CACHE;
	if (shop_id_type() == SHOP_ID_STRING)
		call_reply(call, 200, "application/yaml", embed_openapi_strings_yaml,
			   embed_openapi_strings_yaml_len);
	else
		call_reply(call, 200, "application/yaml", embed_openapi_yaml,
			   embed_openapi_yaml_len);
}
