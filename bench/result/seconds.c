#include "bench/result/seconds.h"

#include "bench/stats/alloc.h"

#include <stdlib.h>

void seconds_init(struct seconds *seconds, size_t length)
{
	*seconds = (struct seconds){.count = length < SECONDS_MAX ? length : SECONDS_MAX};
	pthread_mutex_init(&seconds->lock, NULL);
	seconds->all = bench_alloc(seconds->count, sizeof(*seconds->all));
}

void seconds_free(struct seconds *seconds)
{
	for (size_t i = 0; i < seconds->count && seconds->all != NULL; i++)
		bench_hdr_free(&seconds->all[i].open);
	if (seconds->all != NULL)
		pthread_mutex_destroy(&seconds->lock);
	free(seconds->all);
	*seconds = (struct seconds){0};
}

static void seconds_figure(struct second *second)
{
	if (second->open == NULL)
		return;
	second->p50_ns = bench_hdr_quantile(second->open, 0.5);
	if (bench_hdr_quantile_holds(second->open, 0.99))
		second->p99_ns = bench_hdr_quantile(second->open, 0.99);
}

/* A closed second only gets the counts: the thread reports it very late. */
static void seconds_add_times(struct seconds *seconds, size_t at, const struct bench_hdr *times)
{
	struct second *second = &seconds->all[at];

	if (second->open == NULL) {
		if (second->p50_ns != 0 || times->count == 0)
			return;
		second->open = bench_hdr_new(times->highest);
		if (at >= SECONDS_OPEN_MAX) {
			struct second *old = &seconds->all[at - SECONDS_OPEN_MAX];

			seconds_figure(old);
			bench_hdr_free(&old->open);
		}
	}
	if (bench_hdr_merge(second->open, times) != 0)
		abort(); /* a bug: the histograms have different ranges */
}

void seconds_add(struct seconds *seconds, size_t at, struct second_part *part)
{
	if (at < seconds->count && part->ok + part->failed > 0) {
		pthread_mutex_lock(&seconds->lock);
		seconds->all[at].ok += part->ok;
		seconds->all[at].failed += part->failed;
		seconds_add_times(seconds, at, part->times);
		pthread_mutex_unlock(&seconds->lock);
	}
	part->ok = part->failed = 0;
	bench_hdr_reset(part->times);
}

struct second seconds_look(struct seconds *seconds, size_t at)
{
	struct second second = {0};

	if (at >= seconds->count)
		return second;
	pthread_mutex_lock(&seconds->lock);
	seconds_figure(&seconds->all[at]);
	second = seconds->all[at];
	pthread_mutex_unlock(&seconds->lock);
	second.open = NULL;
	return second;
}

/* null: nothing succeeded, or too few for the percentile. */
static json_t *seconds_ms(int64_t ns)
{
	return ns > 0 ? json_real((double)ns / 1e6) : json_null();
}

json_t *seconds_json(struct seconds *seconds, size_t length)
{
	json_t *array = json_array();

	for (size_t i = 0; i < length && i < seconds->count; i++) {
		struct second second = seconds_look(seconds, i);

		json_array_append_new(array, json_pack("{s:I, s:I, s:I, s:o, s:o}", "at_s",
						       (json_int_t)i, "ok", (json_int_t)second.ok,
						       "failed", (json_int_t)second.failed,
						       "p50_ms", seconds_ms(second.p50_ns),
						       "p99_ms", seconds_ms(second.p99_ns)));
	}
	return array;
}
