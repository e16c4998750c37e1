#include "server/api/routes.h"

#include "server/api/handlers.h"

static const char *const cart_params[] = {[CART_PARAM_CONSISTENCY] = "consistency", NULL};
static const char *const list_params[] = {
	[LIST_PARAM_CUSTOMER] = "customer_id", [LIST_PARAM_IDLE] = "idle_since",
	[LIST_PARAM_STATUS] = "status",	       [LIST_PARAM_LIMIT] = "limit",
	[LIST_PARAM_CURSOR] = "cursor",	       NULL,
};
static const char *const erase_params[] = {[LIST_PARAM_CUSTOMER] = "customer_id", NULL};
static const char *const feed_params[] = {[FEED_PARAM_AFTER] = "after",
					  [FEED_PARAM_LIMIT] = "limit",
					  [FEED_PARAM_WAIT] = "wait",
					  NULL};

/* In the order of the page at /. batch-get comes before {id}, which would match it too. */
const struct route routes[] = {
	{"/shopping-carts",
	 {{HTTP_POST, ROUTE_WRITE, cart_handle_create, ROUTE_BODY_JSON, NULL, "makes a cart"},
	  {HTTP_GET, ROUTE_READ, list_handle, ROUTE_BODY_NONE, list_params,
	   "a page of a customer's carts, or of idle ones"},
	  {HTTP_DELETE, ROUTE_ADMIN, erase_handle, ROUTE_BODY_NONE, erase_params,
	   "removes all carts of a customer, also those checked out"}}},
	{"/shopping-carts/batch-get",
	 {{HTTP_POST, ROUTE_READ, batch_handle, ROUTE_BODY_JSON, NULL, "several carts at once"}}},
	{"/shopping-carts/{id}",
	 {{HTTP_GET, ROUTE_READ, cart_handle_get, ROUTE_BODY_NONE, cart_params, "a cart"},
	  {HTTP_DELETE, ROUTE_WRITE, cart_handle_delete, ROUTE_BODY_NONE, NULL,
	   "removes an open cart"}}},
	{"/shopping-carts/{id}/items",
	 {{HTTP_POST, ROUTE_WRITE, items_handle_add, ROUTE_BODY_JSON, NULL, "adds to lines"},
	  {HTTP_PUT, ROUTE_WRITE, items_handle_replace, ROUTE_BODY_JSON, NULL,
	   "replaces all lines"},
	  {HTTP_DELETE, ROUTE_WRITE, items_handle_clear, ROUTE_BODY_NONE, NULL, "empties a cart"}}},
	{"/shopping-carts/{id}/items/{product_id}",
	 {{HTTP_GET, ROUTE_READ, cart_handle_get, ROUTE_BODY_NONE, cart_params, "a line"},
	  {HTTP_PUT, ROUTE_WRITE, items_handle_set, ROUTE_BODY_JSON, NULL, "sets a line"},
	  {HTTP_DELETE, ROUTE_WRITE, items_handle_remove, ROUTE_BODY_NONE, NULL,
	   "removes a line"}}},
	{"/shopping-carts/{id}/customer",
	 {{HTTP_PUT, ROUTE_WRITE, items_handle_claim, ROUTE_BODY_JSON, NULL,
	   "gives a guest's cart its customer"}}},
	{"/shopping-carts/{id}/checkout",
	 {{HTTP_POST, ROUTE_WRITE, cart_handle_checkout, ROUTE_BODY_OPTIONAL, NULL,
	   "checks a cart out"},
	  {HTTP_DELETE, ROUTE_WRITE, items_handle_reopen, ROUTE_BODY_NONE, NULL,
	   "opens a cart again"}}},
	{"/shopping-carts/{id}/merge",
	 {{HTTP_POST, ROUTE_WRITE, cart_handle_merge, ROUTE_BODY_JSON, NULL,
	   "takes the lines of another cart, which is closed"}}},
	{"/changes",
	 {{HTTP_GET, ROUTE_ADMIN, feed_handle, ROUTE_BODY_NONE, feed_params,
	   "events of what was changed"}}},
	{"/health",
	 {{HTTP_GET, ROUTE_PUBLIC, health_handle, ROUTE_BODY_NONE, NULL,
	   "whether the database answers"}}},
	{"/livez",
	 {{HTTP_GET, ROUTE_PUBLIC, health_handle_live, ROUTE_BODY_NONE, NULL,
	   "whether the service runs"}}},
	{"/readyz",
	 {{HTTP_GET, ROUTE_PUBLIC, health_handle_ready, ROUTE_BODY_NONE, NULL,
	   "whether it wants to be sent requests"}}},
	{"/metrics",
	 {{HTTP_GET, ROUTE_ADMIN, page_handle_metrics, ROUTE_BODY_NONE, NULL,
	   "figures for Prometheus"}}},
	{"/openapi.yaml",
	 {{HTTP_GET, ROUTE_PUBLIC, page_handle_contract, ROUTE_BODY_NONE, NULL, "the contract"}}},
	{"/", {{HTTP_GET, ROUTE_PUBLIC, page_handle, ROUTE_BODY_NONE, NULL, "this page"}}},
};
const size_t routes_count = sizeof(routes) / sizeof(routes[0]);
