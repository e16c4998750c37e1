#include "bench/load/load.h"

#include "bench/cli/interrupt.h"
#include "bench/load/parties.h"
#include "bench/load/thread.h"
#include "bench/stats/alloc.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* The time between starting the threads and their first operation. */
#define LOAD_START_NS (20 * CLOCK_NS_PER_MS)
/* A second is shown this long after its end, so that all threads have reported theirs. */
#define LOAD_SHOW_NS (250 * CLOCK_NS_PER_MS)

struct load {
	const struct load_config *config;
	struct load_thread *threads;
	size_t opened, started;
	atomic_bool stop;
	atomic_int_least64_t answered_ns;
	int64_t measure_ns, end_ns;
};

/* The share of thread `at`; the first threads get one more when it does not divide evenly. */
static size_t load_share(size_t whole, size_t parts, size_t at)
{
	return whole / parts + (at < whole % parts ? 1 : 0);
}

static int load_open(struct load *load, struct seconds *seconds, struct cart_error *error)
{
	const struct load_config *config = load->config;

	load->threads = bench_alloc(config->threads, sizeof(*load->threads));
	for (; load->opened < config->threads; load->opened++) {
		struct load_thread *thread = &load->threads[load->opened];

		thread->config = config;
		thread->index = load->opened;
		thread->clients_max = load_share(config->clients, config->threads, load->opened);
		thread->rate = config->rate / (double)config->threads;
		thread->stop = &load->stop;
		thread->answered_ns = &load->answered_ns;
		thread->seconds = seconds;
		if (load_thread_open(thread) != 0) {
			*error = thread->error;
			load->opened++; /* opened partly */
			return -1;
		}
	}
	return 0;
}

static int load_start(struct load *load, struct cart_error *error)
{
	int64_t start_ns = clock_monotonic_ns(&cart_clock_system) + LOAD_START_NS;

	atomic_store(&load->answered_ns, start_ns);
	load->measure_ns = start_ns + load->config->warmup_ms * CLOCK_NS_PER_MS;
	load->end_ns = load->measure_ns + load->config->duration_ms * CLOCK_NS_PER_MS;
	for (; load->started < load->opened; load->started++) {
		struct load_thread *thread = &load->threads[load->started];

		thread->start_ns = start_ns;
		thread->measure_ns = load->measure_ns;
		thread->end_ns = load->end_ns;
		if (pthread_create(&thread->handle, NULL, load_thread_run, thread) != 0) {
			atomic_store(&load->stop, true);
			return cart_error_set(error, "cannot make a thread");
		}
	}
	return 0;
}

/* Shows the last whole second that was measured. failed: in all of them. */
static void load_show(const struct load *load, struct seconds *seconds, int64_t now_ns,
		      uint64_t *failed)
{
	const struct load_config *config = load->config;
	double left_s = now_ns < load->end_ns ? (double)(load->end_ns - now_ns) / 1e9 : 0;
	struct second last;

	if (now_ns < load->measure_ns + CLOCK_NS_PER_S) {
		bench_progress_show(config->progress, "%swarming up, %.0f s left", config->doing,
				    left_s);
		return;
	}
	last = seconds_look(seconds, (size_t)((now_ns - load->measure_ns) / CLOCK_NS_PER_S) - 1);
	*failed += last.failed;
	bench_progress_show(config->progress,
			    "%s%" PRIu64 "/s, p50 %.3f ms, p99 %.3f ms, %" PRIu64
			    " failed, %.0f s left",
			    config->doing, last.ok, (double)last.p50_ns / 1e6,
			    (double)last.p99_ns / 1e6, *failed, left_s);
}

/* Waits until the end, or until Ctrl-C. Returns false when it was interrupted. */
static bool load_watch(struct load *load, struct seconds *seconds)
{
	int64_t next_ns = load->measure_ns - load->config->warmup_ms / 1000 * CLOCK_NS_PER_S +
			  CLOCK_NS_PER_S + LOAD_SHOW_NS;
	int64_t now_ns;
	uint64_t failed = 0;

	while ((now_ns = clock_monotonic_ns(&cart_clock_system)) < load->end_ns) {
		int64_t until_ns = next_ns < load->end_ns ? next_ns : load->end_ns;

		if (bench_interrupt_wait((until_ns - now_ns) / CLOCK_NS_PER_MS + 1))
			return false;
		if (load->config->progress == NULL || until_ns != next_ns)
			continue;
		now_ns = clock_monotonic_ns(&cart_clock_system);
		load_show(load, seconds, now_ns, &failed);
		while (next_ns <= now_ns)
			next_ns += CLOCK_NS_PER_S;
	}
	return true;
}

static void load_join(struct load *load)
{
	for (size_t i = 0; i < load->started; i++)
		pthread_join(load->threads[i].handle, NULL);
}

/* The share of processor time used, of the cores that the threads may run on. */
static double load_cpu(const struct load *load)
{
	double used = 0, wall = 0;
	size_t cores = load->started;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0 && (size_t)CPU_COUNT(&set) < cores)
		cores = (size_t)CPU_COUNT(&set);
	for (size_t i = 0; i < load->started; i++) {
		const struct load_thread *thread = &load->threads[i];

		if (thread->cpu_began_ns < 0)
			continue;
		used += (double)thread->cpu_ns;
		if ((double)(thread->ended_ns - load->measure_ns) > wall)
			wall = (double)(thread->ended_ns - load->measure_ns);
	}
	return wall > 0 ? used / wall / (double)cores : 0;
}

static void load_merge_thread(struct load_result *result, const struct load_thread *thread)
{
	for (int type = 0; type < BENCH_OP_TYPES; type++) {
		const struct tally *from = &thread->operations[type];
		struct tally *tally = &result->operations[type];

		if (from->service == NULL)
			continue;
		if (tally->service == NULL)
			tally_init(tally, from->lag != NULL);
		tally_merge(tally, from);
		result->tried += from->tried;
		result->ok += from->ok;
	}
	result->waited += thread->waited;
	result->unsent += thread->unsent;
	result->clients += thread->client_count;
	ledger_merge(result->ledger, thread->ledger);
}

static void load_merge_times(struct bench_hdr *all, const struct bench_hdr *from)
{
	if (from != NULL && bench_hdr_merge(all, from) != 0)
		abort(); /* a bug: the histograms have different ranges */
}

struct bench_hdr *load_result_times(const struct load_result *result)
{
	struct bench_hdr *times = bench_hdr_new(BENCH_HDR_HOUR_NS);

	for (int type = 0; type < BENCH_OP_TYPES; type++) {
		const struct tally *tally = &result->operations[type];

		load_merge_times(times, tally->response != NULL ? tally->response : tally->service);
	}
	return times;
}

static void load_summarize_open(struct load_result *result)
{
	struct bench_hdr *lag = bench_hdr_new(BENCH_HDR_HOUR_NS);
	struct bench_hdr *response = load_result_times(result);

	for (int type = 0; type < BENCH_OP_TYPES; type++)
		load_merge_times(lag, result->operations[type].lag);
	result->lag_p99_ns = bench_hdr_quantile(lag, 0.99);
	result->response_p50_ns = bench_hdr_quantile(response, 0.5);
	bench_hdr_free(&lag);
	bench_hdr_free(&response);
}

static void load_gather(struct load *load, struct load_result *result)
{
	int64_t end_ns = load->end_ns;
	uint64_t in_time = 0;

	for (size_t i = 0; i < load->started; i++) {
		const struct load_thread *thread = &load->threads[i];

		load_merge_thread(result, thread);
		in_time += thread->in_time_ok;
		if (thread->gap_ns > result->gap_ns)
			result->gap_ns = thread->gap_ns;
		if (thread->end_ns < end_ns)
			end_ns = thread->end_ns;
	}
	if (end_ns > load->measure_ns) {
		result->duration_s = (double)(end_ns - load->measure_ns) / 1e9;
		result->throughput = (double)in_time / result->duration_s;
	}
	result->cpu = load_cpu(load);
	if (load->config->rate > 0)
		load_summarize_open(result);
}

/* While the threads' connections are open. */
static void load_add_busy(struct load_result *result, const struct load_config *config,
			  const struct busy_clock *began, const struct parties *parties)
{
	struct busy_clock ended = busy_now();
	double used_s;

	if (!parties_used(parties, config->drive->in_process, &used_s)) {
		result->busy.untold = true;
		return;
	}
	result->busy.loaded_s = ended.at - began->at;
	result->busy.beside = fmax(0, ended.cores - began->cores - used_s);
}

int load_run(struct load_result *result, const struct load_config *config, struct cart_error *error)
{
	struct load load = {.config = config};
	struct parties *parties = parties_now();
	struct busy_clock began = busy_now();
	int failed;

	*result = (struct load_result){0};
	result->ledger = ledger_new(config->workload->config.seed);
	seconds_init(&result->seconds, (size_t)((config->duration_ms + 999) / 1000));
	failed = load_open(&load, &result->seconds, error);
	if (failed == 0)
		failed = load_start(&load, error);
	if (failed == 0) {
		result->interrupted = !load_watch(&load, &result->seconds);
		if (result->interrupted)
			atomic_store(&load.stop, true);
	}
	load_join(&load);
	if (failed == 0)
		load_add_busy(result, config, &began, parties);
	parties_free(&parties);
	if (failed == 0)
		load_gather(&load, result);
	for (size_t i = 0; i < load.opened; i++)
		load_thread_close(&load.threads[i]);
	free(load.threads);
	return failed;
}

void load_result_free(struct load_result *result)
{
	for (int i = 0; i < BENCH_OP_TYPES; i++)
		tally_free(&result->operations[i]);
	seconds_free(&result->seconds);
	ledger_free(&result->ledger);
}

bool load_result_is_limited(const struct load_result *result, const struct load_config *config,
			    char *why, size_t room)
{
	bool late =
		config->rate > 0 && result->lag_p99_ns > LOAD_LAG_MAX_NS &&
		(double)result->lag_p99_ns > LOAD_LAG_MAX_SHARE * (double)result->response_p50_ns;

	/* For a store in this process, its work counts as processor time of this process. */
	if (result->cpu > LOAD_CPU_MAX && !config->drive->in_process)
		snprintf(why, room,
			 "cartbench itself was busy for %.0f %% of its cores' time: it may be the "
			 "limit, not the target",
			 result->cpu * 100);
	else if (result->unsent > 0)
		snprintf(why, room,
			 "%llu operations were never sent, because all %zu clients were waiting "
			 "for answers: the target does not take this rate",
			 (unsigned long long)result->unsent, config->clients);
	else if (late && result->waited > 0)
		snprintf(why, room,
			 "%llu operations were sent late, because all %zu clients were waiting for "
			 "answers",
			 (unsigned long long)result->waited, config->clients);
	else if (late)
		snprintf(why, room,
			 "cartbench itself was late: 1 in 100 operations was sent more than %.2f "
			 "ms after its time",
			 (double)result->lag_p99_ns / 1e6);
	else
		return false;
	return true;
}
