/*
 * A measurement second by second: what threads did in each is added up under a lock, once a second
 * a thread. A second's histogram is kept while threads may still add to it and then becomes two
 * figures, so that an hour takes no more memory than a minute.
 */
#ifndef BENCH_RESULT_SECONDS_H
#define BENCH_RESULT_SECONDS_H

#include "bench/stats/hdr.h"

#include <jansson.h>
#include <pthread.h>

#define SECONDS_MAX (24 * 3600 + 1)
/* A second stays open until so many later ones have begun. */
#define SECONDS_OPEN_MAX 16

/* What a thread did in the second that it is in. */
struct second_part {
	uint64_t ok, failed;
	struct bench_hdr *times;
};

struct second {
	uint64_t ok, failed;
	int64_t p50_ns, p99_ns; /* 0: nothing succeeded; p99: or too few */
	struct bench_hdr *open; /* NULL: closed, or never begun */
};

struct seconds {
	pthread_mutex_t lock;
	struct second *all;
	size_t count;
};

/* length: 1 ... SECONDS_MAX; later seconds are not kept. Aborts without memory. */
void seconds_init(struct seconds *seconds, size_t length);
void seconds_free(struct seconds *seconds);
/* Adds a part to the second at, and empties it. Any thread. */
void seconds_add(struct seconds *seconds, size_t at, struct second_part *part);
/* The current state of a second. May be called on any thread. */
struct second seconds_look(struct seconds *seconds, size_t at);
/* The result's "seconds": the first length. Threads have ended. */
json_t *seconds_json(struct seconds *seconds, size_t length);

#endif
