/* What the API of every loop shares: filled by service.c, read by whatever answers a call. */
#ifndef SERVER_API_SHARED_H
#define SERVER_API_SHARED_H

#include "core/cart_store.h"
#include "server/api/router.h"

#include <stdatomic.h>

struct api_metrics;
struct cors;
struct feed_hub;
struct rates;
struct read_cache;

/* What every loop's api shares. Outlives them. */
struct api_shared {
	const struct cart_env *env;
	const struct cart_backend *backend;
	struct cart_rules rules;
	enum cart_id_kind id_kind;     /* cart.ids */
	int64_t deadline_ms;	       /* request.deadline */
	size_t page_max;	       /* http.max_page */
	struct read_cache *read_cache; /* NULL: there is none */
	const struct cors *cors;       /* NULL: http.cors_origins is empty */
	struct feed_hub *feed_hub;     /* NULL: the feed is off */
	int64_t feed_wait_ms;	       /* feed.wait */
	struct rates *rates;	       /* NULL: http.rate is 0 */
	const struct route *routes;
	size_t route_count;
	const struct api_metrics *series; /* of those routes, by api_metrics_register() */
	const atomic_bool *draining;	  /* readyz says 503 while true */
	bool admin_apart; /* admin.listen: elsewhere nothing is done that needs the scope admin */
	atomic_uint reloads; /* how many SIGHUPs there were */
};

#endif
