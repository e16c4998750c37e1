/*
 * Where the time of an operation went, by the client's clock and the service's own (Server-Timing):
 *
 *     client    what the service does not know of: network, kernels, cartbench itself
 *     queue     waiting for a connection to the database
 *     db        in the database
 *     service   the rest of the service: HTTP, JSON
 */
#ifndef BENCH_RESULT_SPLIT_H
#define BENCH_RESULT_SPLIT_H

#include "bench/stats/hdr.h"
#include "bench/target/op.h"

#include <jansson.h>

enum bench_split_part { SPLIT_CLIENT, SPLIT_QUEUE, SPLIT_DB, SPLIT_SERVICE, BENCH_SPLIT_PARTS };

struct bench_split {
	struct bench_hdr *parts[BENCH_SPLIT_PARTS];
};

/* "client", "queue", "db", "service". */
const char *bench_split_part_name(enum bench_split_part part);

/* Aborts without memory: only at start. highest: as of bench_hdr_new(). */
void bench_split_init(struct bench_split *split, int64_t highest);
/* Of a zeroed struct too. */
void bench_split_free(struct bench_split *split);
/* Does nothing with an operation whose answer did not say. */
void bench_split_record(struct bench_split *split, const struct bench_op *op);
/* Both were made with the same highest. */
void bench_split_merge(struct bench_split *split, const struct bench_split *from);
/* {"mean": {"client": ns, ...}, "median": {...}}; null when nothing was recorded. */
json_t *bench_split_json(const struct bench_split *split);

#endif
