/*
 * Throughput against latency, and where to stop: the knee, the valid point with the greatest power,
 * throughput divided by median latency (Giessler, Hänle, König and Pade 1978, "Free buffer
 * allocation", Computer Networks 2(3); Kleinrock 1979, "Power and deterministic rules of thumb for
 * probabilistic problems in computer communications", ICC '79). Up to it throughput rises by a
 * larger factor than latency, beyond it latency does. In a closed loop (Little's law) it is passed
 * where twice the clients give less than 1.41 times the throughput.
 */
#ifndef BENCH_LOAD_SWEEP_H
#define BENCH_LOAD_SWEEP_H

#include "bench/result/table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWEEP_POINTS_MAX 32
/* Points of less power after the greatest: then it was the knee. */
#define SWEEP_BEYOND 2
/* The sweep ends after so many points in a row that bring less than this gain. */
#define SWEEP_IDLE	2
#define SWEEP_IDLE_GAIN 1.1

struct sweep_point {
	double at; /* clients, or operations a second intended */
	double throughput, p50_ms;
	double p99_ms; /* 0: too few samples */
	uint64_t failed;
	bool valid;
	char why[256]; /* not valid, or "" */
};

/* The index of the knee; -1: none, because no point is valid, or because fewer than SWEEP_BEYOND
 * valid points of less power follow it: it may lie further on. */
int sweep_knee(const struct sweep_point *points, size_t count);

/* The knee is known, and so is the most that can be had: where waiting requests share work, a
 * service goes on getting more done long after its knee. */
bool sweep_is_over(const struct sweep_point *points, size_t count);

/* The result's "results". side: "A". axis: "clients" or "rate". */
json_t *sweep_json(const struct sweep_point *points, size_t count, const char *side,
		   const char *axis);
json_t *sweep_point_json(const struct sweep_point *point, const char *axis);
/* Of its "points". */
const struct table_column *sweep_columns(const char *axis);

#endif
