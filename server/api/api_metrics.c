#include "server/api/api_metrics.h"

#include "server/api/routes.h"

#include <stdio.h>
#include <stdlib.h>

static const int api_metrics_codes[] = {200, 201, 204, 304, 400, 404, 405, 409,
					412, 413, 415, 422, 500, 503, 504, 0 /* any other */};
#define API_METRICS_CODES (sizeof(api_metrics_codes) / sizeof(api_metrics_codes[0]))

struct api_metrics_call {
	metric_t requests[API_METRICS_CODES];
	metric_t seconds;
};

struct api_metrics {
	struct api_metrics_call none;
	struct api_metrics_call calls[][ROUTE_CALLS_MAX]; /* by route */
};

static const char *api_metrics_method(enum http_method method)
{
	switch (method) {
	case HTTP_GET:
		return "GET"; /* and HEAD: the same call */
	case HTTP_POST:
		return "POST";
	case HTTP_PUT:
		return "PUT";
	case HTTP_DELETE:
		return "DELETE";
	default:
		return "other";
	}
}

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

const struct api_metrics *api_metrics_register(struct metrics *metrics)
{
	struct api_metrics *series =
		calloc(1, sizeof(*series) + routes_count * sizeof(series->calls[0]));

	if (series == NULL)
		abort();
	for (size_t i = 0; i < routes_count; i++) {
		const struct route_call *calls = routes[i].calls;

		for (size_t j = 0; j < ROUTE_CALLS_MAX && calls[j].handler != NULL; j++)
			api_metrics_register_call(metrics, &series->calls[i][j], routes[i].pattern,
						  api_metrics_method(calls[j].method));
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
		how != NULL ? &series->calls[route - routes][how - route->calls] : &series->none;
	size_t code = 0;

	while (api_metrics_codes[code] != status && api_metrics_codes[code] != 0)
		code++;
	metrics_add(shard, call->requests[code], 1);
	metrics_observe(shard, call->seconds, total_ns);
}
