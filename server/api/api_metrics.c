#include "server/api/api_metrics.h"

#include <stdio.h>
#include <stdlib.h>

static const int api_metrics_codes[] = {200, 201, 204, 304, 400, 401, 403, 404, 405, 409,
					412, 413, 415, 422, 429, 500, 503, 504, 0 /* any other */};
#define API_METRICS_CODES (sizeof(api_metrics_codes) / sizeof(api_metrics_codes[0]))

struct api_metrics_call {
	metric_t requests[API_METRICS_CODES];
	metric_t seconds;
};

struct api_metrics {
	const struct route *routes;
	struct api_metrics_call none;
	struct api_metrics_call calls[][ROUTE_CALLS_MAX]; /* by route */
};

static void api_metrics_register_call(struct metrics *metrics, struct api_metrics_call *call,
				      const char *route, const char *method)
{
	char labels[160];

	for (size_t i = 0; i < API_METRICS_CODES; i++) {
		char code[12] = "other";

		if (api_metrics_codes[i] != 0)
			snprintf(code, sizeof(code), "%d", api_metrics_codes[i]);
		snprintf(labels, sizeof(labels), "route=\"%s\",method=\"%s\",code=\"%s\"", route,
			 method, code);
		call->requests[i] =
			metrics_counter(metrics, "cart_http_requests_total",
					"Requests answered, by route, method and status", labels);
	}
	snprintf(labels, sizeof(labels), "route=\"%s\",method=\"%s\"", route, method);
	call->seconds =
		metrics_histogram(metrics, "cart_http_request_duration_seconds",
				  "Time from the whole request read to the answer given", labels);
}

const struct api_metrics *api_metrics_register(struct metrics *metrics, const struct route *routes,
					       size_t count)
{
	struct api_metrics *series = calloc(1, sizeof(*series) + count * sizeof(series->calls[0]));

	if (series == NULL)
		abort();
	series->routes = routes;
	for (size_t i = 0; i < count; i++) {
		const struct route_call *calls = routes[i].calls;

		for (size_t j = 0; j < ROUTE_CALLS_MAX && calls[j].handler != NULL; j++)
			api_metrics_register_call(metrics, &series->calls[i][j], routes[i].pattern,
						  route_method_name(calls[j].method));
	}
	api_metrics_register_call(metrics, &series->none, "none", "other");
	return series;
}

void api_metrics_free(const struct api_metrics **series)
{
	free((void *)(uintptr_t)*series);
	*series = NULL;
}

void api_metrics_count(const struct api_metrics *series, struct metrics_shard *shard,
		       const struct route *route, const struct route_call *how, int status,
		       int64_t total_ns)
{
	const struct api_metrics_call *call =
		how != NULL ? &series->calls[route - series->routes][how - route->calls]
			    : &series->none;
	size_t code = 0;

	while (api_metrics_codes[code] != status && api_metrics_codes[code] != 0)
		code++;
	metrics_add(shard, call->requests[code], 1);
	metrics_observe(shard, call->seconds, total_ns);
}
