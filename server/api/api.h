/* The HTTP API: makes an op of a request and an answer of the op's result. One for each loop. */
#ifndef SERVER_API_API_H
#define SERVER_API_API_H

#include "server/api/shared.h"

struct access;
struct api;
struct event_base;

/* Aborts without memory: only at start. access becomes the api's; NULL: callers are not checked. */
struct api *api_new(const struct api_shared *shared, struct cart_store *store,
		    struct access *access, struct event_base *base, struct metrics_shard *shard);
/* Answers those who wait for events; the service stops. */
void api_drain(struct api *api);
/* No request may be under way. Takes NULL; sets it. */
void api_free(struct api **api);

/* For struct http_config: user is the struct api. */
http_handler_fn api_handle;
http_handler_fn api_handle_admin; /* at admin.listen */
http_refused_fn api_refuse;

#endif
