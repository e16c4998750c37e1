/*
 * The HTTP API: from a request that the guard let through to an op, and from its result to the
 * answer. One a loop.
 */
#ifndef SERVER_API_API_H
#define SERVER_API_API_H

#include "core/cart_store.h"
#include "server/http/http.h"

#include <stdatomic.h>

struct api;
struct api_metrics;

/* What every loop's api shares. Outlives them. */
struct api_shared {
	const struct cart_env *env;
	const struct cart_backend *backend;
	struct cart_rules rules;
	enum cart_id_kind id_kind;	  /* cart.ids */
	int64_t deadline_ms;		  /* request.deadline */
	const struct api_metrics *series; /* by api_metrics_register() */
	const atomic_bool *draining;	  /* readyz says 503 while true */
};

/* Requests by route, method and status; their latency by route. Registered once a process. */
const struct api_metrics *api_metrics_register(struct metrics *metrics);
void api_metrics_free(const struct api_metrics **series);

/* Aborts without memory: only at start. */
struct api *api_new(const struct api_shared *shared, struct cart_store *store,
		    struct metrics_shard *shard);
/* No request may be under way. Takes NULL; sets it. */
void api_free(struct api **api);

/* For struct http_config: user is the struct api. */
http_handler_fn api_handle;
http_refused_fn api_refuse;

#endif
