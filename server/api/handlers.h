/* The handlers that the table of routes names. */
#ifndef SERVER_API_HANDLERS_H
#define SERVER_API_HANDLERS_H

#include "server/api/router.h"

/* handlers_cart.c */
route_handler_fn cart_handle_create;
route_handler_fn cart_handle_get;
route_handler_fn cart_handle_delete;
route_handler_fn cart_handle_checkout;
route_handler_fn cart_handle_merge;
/* handlers_items.c */
route_handler_fn items_handle_add;
route_handler_fn items_handle_replace;
route_handler_fn items_handle_clear;
route_handler_fn items_handle_set;
route_handler_fn items_handle_claim;
route_handler_fn items_handle_remove;
route_handler_fn items_handle_reopen;
/* handlers_list.c */
route_handler_fn list_handle;
/* feed.c */
route_handler_fn feed_handle;
/* handlers_erase.c */
route_handler_fn erase_handle;
/* handlers_batch.c */
route_handler_fn batch_handle;
/* health.c */
route_handler_fn health_handle;
route_handler_fn health_handle_live;
route_handler_fn health_handle_ready;
/* page.c */
route_handler_fn page_handle;
route_handler_fn page_handle_metrics;
route_handler_fn page_handle_contract;

/* Query parameters by their place in query.values. */
enum { CART_PARAM_CONSISTENCY };
enum {
	LIST_PARAM_CUSTOMER,
	LIST_PARAM_IDLE,
	LIST_PARAM_STATUS,
	LIST_PARAM_LIMIT,
	LIST_PARAM_CURSOR
};
enum { FEED_PARAM_AFTER, FEED_PARAM_LIMIT, FEED_PARAM_WAIT };

#endif
