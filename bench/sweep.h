/*
 * Throughput against latency, and where to stop: the knee.
 *
 * The knee is the valid point with the greatest power, throughput divided by median latency
 * (Giessler, Hänle, König and Pade 1978, "Free buffer allocation", Computer Networks 2(3);
 * Kleinrock 1979, "Power and deterministic rules of thumb for probabilistic problems in computer
 * communications", ICC '79). Power grows from one point to the next exactly while throughput rises
 * by a larger factor than latency, and falls when latency does: beyond the knee one pays more than
 * one gets. Of a closed loop it follows (Little's law) that the knee is left where twice the
 * clients give less than 1.41 times the throughput.
 */
#ifndef BENCH_SWEEP_H
#define BENCH_SWEEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SWEEP_POINTS_MAX 32
/* Points of less power after the greatest: then it was the knee, and the sweep ends. */
#define SWEEP_BEYOND 2

struct sweep_point {
	double at; /* clients, or operations a second intended */
	double throughput, p50_ms, p99_ms;
	uint64_t failed;
	bool valid;
	char why[256]; /* not valid, or "" */
};

/* Throughput / p50; 0 of a point that is not valid or where nothing succeeded. */
double sweep_power(const struct sweep_point *point);
/* The index of the knee; -1: none, because no point is valid, or because fewer than SWEEP_BEYOND
 * valid points of less power follow it: it may lie further on. */
int sweep_knee(const struct sweep_point *points, size_t count);

/* The result's "results". side: "A". axis: "clients" or "rate". */
json_t *sweep_json(const struct sweep_point *points, size_t count, const char *side,
		   const char *axis);
void sweep_print_head(FILE *out, const char *axis);
void sweep_print_point(FILE *out, const struct sweep_point *point);

#endif
