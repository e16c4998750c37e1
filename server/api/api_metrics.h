/*
 * Requests by route, method and status, and their latency by route and method. The series are the
 * product of the route table and a fixed list of statuses, whatever clients send: what matches no
 * call counts under route="none".
 */
#ifndef SERVER_API_API_METRICS_H
#define SERVER_API_API_METRICS_H

#include "server/api/router.h"

struct api_metrics;

/* Once a process, before the first shard is made. Aborts without memory. */
const struct api_metrics *api_metrics_register(struct metrics *metrics, const struct route *routes,
					       size_t count);
void api_metrics_free(const struct api_metrics **series);

/* how: the call, NULL when no call matched. */
void api_metrics_count(const struct api_metrics *series, struct metrics_shard *shard,
		       const struct route *route, const struct route_call *how, int status,
		       int64_t total_ns);

#endif
