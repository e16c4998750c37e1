/*
 * Counters, gauges and latency histograms, in Prometheus' text format.
 *
 * Every series is registered at start, before the first shard is made, so that their number is
 * fixed and labels come from tables, never from requests. Each thread adds to a shard of its own
 * without locks or atomic read-modify-write; reading merges the shards.
 */
#ifndef CORE_BASE_METRICS_H
#define CORE_BASE_METRICS_H

#include "core/base/attr.h"

#include <stdint.h>
#include <stdio.h>

struct metrics;
struct metrics_shard;
struct buf;

/* A series, as its place in every shard. The caller keeps it. */
typedef uint32_t metric_t;

struct metrics *metrics_new(void); /* aborts without memory: only at start */
void metrics_free(struct metrics **metrics);

/*
 * Registers a series. name is Prometheus' ("cart_http_requests_total"), help one line (the first
 * registration of a name gives it), labels the inside of the braces ("route=\"get\",code=\"200\"")
 * or NULL; all three are copied. The same name and labels again give the same series. A
 * registration after the first shard aborts.
 */
metric_t metrics_counter(struct metrics *metrics, const char *name, const char *help,
			 const char *labels);
/* A gauge is the sum of what the shards hold: add and subtract. */
metric_t metrics_gauge(struct metrics *metrics, const char *name, const char *help,
		       const char *labels);
/* A histogram of durations, exported in seconds; buckets from 50 us to 10 s. */
metric_t metrics_histogram(struct metrics *metrics, const char *name, const char *help,
			   const char *labels);
/* A gauge asked for when the metrics are read, on the reading thread. */
void metrics_callback(struct metrics *metrics, const char *name, const char *help,
		      double (*read)(void *user), void *user);
/* A gauge that is 1 for ever: what it says is in its labels ("version=\"1.0\""). */
void metrics_info(struct metrics *metrics, const char *name, const char *help, const char *labels);

/* One a thread that adds; freed with the metrics. Aborts without memory: only at start. */
struct metrics_shard *metrics_shard_new(struct metrics *metrics);

void metrics_add(struct metrics_shard *shard, metric_t series, int64_t n);
void metrics_observe(struct metrics_shard *shard, metric_t histogram, int64_t ns);

/* Counters of batches by size: 1, 2-3, 4-7, ... and the last for all that are larger. */
#define METRICS_SIZES_MAX 8
struct metrics_sizes {
	metric_t series[METRICS_SIZES_MAX];
	size_t count; /* of series */
};
/* labels: what stands before the label's value, "kind=\"read\",ops". */
void metrics_sizes_register(struct metrics_sizes *sizes, size_t count, struct metrics *metrics,
			    const char *name, const char *help, const char *labels);
/* Counts one batch. size >= 1. */
void metrics_add_size(struct metrics_shard *shard, const struct metrics_sizes *sizes, size_t size);

/* The merged value of a counter or gauge; of a histogram the number of observations. */
int64_t metrics_value(const struct metrics *metrics, metric_t series);

/* Everything, as text/plain; version=0.0.4, families together in order of registration. */
void metrics_print(const struct metrics *metrics, struct buf *out);

#endif
