/* `cartbench sweep`: ever more clients, or an ever higher rate, up to the knee. */
#include "bench/cli/interrupt.h"
#include "bench/load/options.h"
#include "bench/cli/mode.h"
#include "bench/cli/progress.h"
#include "bench/result/result.h"
#include "bench/load/sweep.h"
#include "core/base/buf.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_CLIENTS_OPEN 1000

struct sweep_options {
	int64_t from, to;
	double rate_from, rate_to; /* 0: not said */
	int64_t duration_ms, warmup_ms;
};

#define SWEEP_AT(member_) .at = offsetof(struct sweep_options, member_)

static const struct bench_option sweep_own_options[] = {
	{.name = "from",
	 .type = OPTION_COUNT,
	 SWEEP_AT(from),
	 .value = "N",
	 .fallback = "1",
	 .min = 1,
	 .max = LOAD_CLIENTS_MAX,
	 .help = "clients of the first point; each next has twice as many"},
	{.name = "to",
	 .type = OPTION_COUNT,
	 SWEEP_AT(to),
	 .value = "N",
	 .fallback = "512",
	 .min = 1,
	 .max = LOAD_CLIENTS_MAX,
	 .help = "the most clients"},
	{.name = "rate-from",
	 .type = OPTION_NUMBER,
	 SWEEP_AT(rate_from),
	 .value = "R",
	 .min = 0.01,
	 .max = 1000000,
	 .help = "open loops in place of clients: the first rate, doubled from point to\n"
		 "point"},
	{.name = "rate-to",
	 .type = OPTION_NUMBER,
	 SWEEP_AT(rate_to),
	 .value = "R",
	 .min = 0.01,
	 .max = 1000000,
	 .help = "the highest rate"},
	{.name = "duration",
	 .type = OPTION_DURATION,
	 SWEEP_AT(duration_ms),
	 .value = "DURATION",
	 .fallback = "3s",
	 .min = 100,
	 .max = 3600000,
	 .help = "of a point"},
	{.name = "warmup",
	 .type = OPTION_DURATION,
	 SWEEP_AT(warmup_ms),
	 .value = "DURATION",
	 .fallback = "500ms",
	 .max = 3600000,
	 .help = "before each, not measured"},
	{0},
};

static const char sweep_about[] =
	"Measures throughput against latency on a cartd or a store (see cartbench run), with "
	"twice\n"
	"the clients at each next point, until the knee is passed and two points in a row have\n"
	"brought less than 10 % more.\n"
	"\n"
	"The knee is the point with the greatest power, throughput divided by median latency\n"
	"(Kleinrock 1979): up to it throughput rises by a larger factor than latency, beyond it\n"
	"latency does. Clients wait for their answers (coordinated omission: service times only);\n"
	"--rate-from asks at a rate instead.\n";
static const char sweep_more[] =
	"Points at which cartbench itself was the limit are marked and do not count.\n"
	"\n"
	"Exit status: 0 all succeeded; 1 some operations failed; 2 wrong usage, nothing to "
	"measure,\n"
	"or no valid point.\n";

struct sweep {
	struct sweep_options own;
	struct load_options load;
	struct bench_common common;
	struct workload_config workload;
	struct bench_texts arguments;
	struct bench_progress progress;
	struct load_session session;
	struct sweep_point points[SWEEP_POINTS_MAX];
	size_t count;
	uint64_t failed;
	bool open;
};

static bool sweep_parse(struct sweep *sweep, int argc, char **argv, enum bench_exit *status)
{
	const struct bench_options options = {
		.mode = "sweep",
		.arguments = "TARGET",
		.arguments_min = 1,
		.arguments_max = 1,
		.about = sweep_about,
		.more = sweep_more,
		.example = "cartbench sweep --mix get=4,add=1 http://127.0.0.1:8080",
		.tables = {{sweep_own_options, &sweep->own},
			   {load_workload_options, &sweep->load},
			   {bench_common_options, &sweep->common}},
	};
	size_t most;
	struct cart_error error;

	if (!bench_options_parse(&options, argc, argv, &sweep->arguments, status))
		return false;
	sweep->open = sweep->own.rate_from > 0 || sweep->own.rate_to > 0;
	most = sweep->open ? SWEEP_CLIENTS_OPEN : (size_t)sweep->own.to;
	*status = BENCH_INVALID;
	if (sweep->open && (sweep->own.rate_from <= 0 || sweep->own.rate_to <= 0))
		bench_options_refuse(&options, "--rate-from and --rate-to go together");
	else if (sweep->own.from > sweep->own.to || sweep->own.rate_from > sweep->own.rate_to)
		bench_options_refuse(&options, "it would end before it begins");
	else if (sweep->open && sweep->load.think_ms > 0)
		bench_options_refuse(&options, "--think is of clients that wait for answers");
	else if (bench_common_prepare(&sweep->common, &error) != 0 ||
		 load_options_workload(&sweep->workload, &sweep->load, &sweep->common, &error) !=
			 0 ||
		 load_options_raise_files(most, &error) != 0)
		bench_options_refuse(&options, "%s", error.text);
	else
		return true;
	return false;
}

static void sweep_watch(const struct load_glance *glance, void *user)
{
	struct sweep *sweep = user;

	bench_progress_show(&sweep->progress, "point %zu: %llu/s, p50 %.3f ms, %.0f s left of it",
			    sweep->count + 1, (unsigned long long)glance->last.ok,
			    (double)glance->last.p50_ns / 1e6, glance->left_s);
}

static void sweep_take(struct sweep_point *point, const struct load_result *measured,
		       const struct load_config *config)
{
	struct bench_hdr *times = load_result_times(measured);

	point->throughput = measured->throughput;
	point->failed = measured->tried - measured->ok;
	point->p50_ms = (double)bench_hdr_quantile(times, 0.5) / 1e6;
	if (bench_hdr_quantile_holds(times, 0.99))
		point->p99_ms = (double)bench_hdr_quantile(times, 0.99) / 1e6;
	point->valid = !load_result_is_limited(measured, config, point->why, sizeof(point->why));
	if (point->valid && measured->ok == 0) {
		point->valid = false;
		snprintf(point->why, sizeof(point->why), "nothing succeeded");
	}
	bench_hdr_free(&times);
}

/* Measures a point and adds it. -1: error says why it could not be. */
static int sweep_measure(struct sweep *sweep, double at, struct cart_error *error)
{
	size_t clients = sweep->open ? SWEEP_CLIENTS_OPEN : (size_t)at;
	const struct load_config config = {
		.drive = sweep->session.drive,
		.workload = &sweep->session.workload,
		.threads = load_options_threads(&sweep->load, clients),
		.clients = clients,
		.rate = sweep->open ? at : 0,
		.duration_ms = sweep->own.duration_ms,
		.warmup_ms = sweep->own.warmup_ms,
		.watch = sweep_watch,
		.user = sweep,
	};
	struct sweep_point *point = &sweep->points[sweep->count];
	struct load_result measured;
	int failed = load_run(&measured, &config, error);

	bench_progress_end(&sweep->progress);
	if (failed == 0 && !measured.interrupted) {
		*point = (struct sweep_point){.at = at};
		sweep_take(point, &measured, &config);
		sweep->failed += point->failed;
		sweep->count++;
		if (!sweep->common.json)
			sweep_print_point(stdout, point);
	}
	load_result_free(&measured);
	return failed;
}

/* All points, or those until nothing more is to be had. */
static int sweep_measure_all(struct sweep *sweep, struct cart_error *error)
{
	double at = sweep->open ? sweep->own.rate_from : (double)sweep->own.from;
	double to = sweep->open ? sweep->own.rate_to : (double)sweep->own.to;

	while (sweep->count < SWEEP_POINTS_MAX && !bench_interrupted() &&
	       !sweep_is_over(sweep->points, sweep->count)) {
		if (sweep_measure(sweep, at, error) != 0)
			return -1;
		if (at >= to)
			break;
		at = at * 2 < to ? at * 2 : to;
	}
	return 0;
}

static void sweep_csv(const struct sweep *sweep, struct buf *out)
{
	buf_printf(out, "%s,throughput_per_s,p50_ms,p99_ms,failed,valid\n",
		   sweep->open ? "rate" : "clients");
	for (size_t i = 0; i < sweep->count; i++) {
		const struct sweep_point *point = &sweep->points[i];

		buf_printf(out, "%.10g,%.3f,%.6f,%.6f,%llu,%d\n", point->at, point->throughput,
			   point->p50_ms, point->p99_ms, (unsigned long long)point->failed,
			   point->valid);
	}
}

static void sweep_print_end(const struct sweep *sweep, const json_t *result)
{
	int knee = sweep_knee(sweep->points, sweep->count);

	if (knee >= 0)
		printf("knee: %.6g %s, %.6g operations a second at a median of %.3f ms\n",
		       sweep->points[knee].at, sweep->open ? "a second" : "clients",
		       sweep->points[knee].throughput, sweep->points[knee].p50_ms);
	else
		puts("no knee was seen: it may lie further on");
	if (!sweep->open)
		puts("coordinated omission: service times only");
	if (json_is_true(json_object_get(result, "interrupted")))
		puts("INTERRUPTED: this is what was measured until then");
	if (bench_result_invalid(result) != NULL)
		printf("INVALID: %s\n", bench_result_invalid(result));
}

static enum bench_exit sweep_deliver(struct sweep *sweep, json_t *result)
{
	enum bench_exit status = sweep->failed > 0 ? BENCH_FAILED : BENCH_PASS;
	struct cart_error error;
	struct buf rows = {0};
	bool valid = false;

	for (size_t i = 0; i < sweep->count; i++)
		valid = valid || sweep->points[i].valid;
	if (bench_interrupted())
		bench_result_interrupt(result);
	if (!valid)
		bench_result_invalidate(result, "no point is valid");
	json_object_set_new(
		result, "results",
		sweep_json(sweep->points, sweep->count, "A", sweep->open ? "rate" : "clients"));
	if (!sweep->common.json)
		sweep_print_end(sweep, result);
	sweep_csv(sweep, &rows);
	if (!valid)
		status = BENCH_INVALID;
	if (bench_result_deliver(result, &sweep->common, buf_string(&rows), &error) != 0) {
		fprintf(stderr, "cartbench: %s\n", error.text);
		status = BENCH_INVALID;
	}
	buf_free(&rows);
	return status;
}

static enum bench_exit sweep_run(struct sweep *sweep, json_t *result)
{
	const char *target = sweep->arguments.items[0];
	struct cart_error error;

	if (load_session_open(&sweep->session, target, &sweep->load, &sweep->workload,
			      &sweep->common, &error) != 0 ||
	    bench_result_add_side(result, "A", sweep->session.drive, &sweep->common, &error) != 0) {
		fprintf(stderr, "cartbench: %s: %s\n", target, error.text);
		return BENCH_INVALID;
	}
	if (!sweep->common.json) {
		printf("%s at %s, seed %lld\n",
		       bench_result_label(&sweep->common, "A", sweep->session.drive), target,
		       (long long)sweep->common.seed);
		sweep_print_head(stdout, sweep->open ? "rate" : "clients");
	}
	if (sweep_measure_all(sweep, &error) != 0) {
		fprintf(stderr, "cartbench: %s\n", error.text);
		return BENCH_INVALID;
	}
	return sweep_deliver(sweep, result);
}

static enum bench_exit sweep_mode_run(int argc, char **argv)
{
	struct sweep sweep = {.common = BENCH_COMMON_INIT};
	enum bench_exit status;
	json_t *result;

	if (!sweep_parse(&sweep, argc, argv, &status))
		return status;
	bench_progress_begin(&sweep.progress, sweep.common.quiet);
	sweep.session.progress = &sweep.progress;
	result = bench_result_new("sweep", &sweep.common, argc, argv);
	status = sweep_run(&sweep, result);
	load_session_close(&sweep.session);
	json_decref(result);
	return status;
}

const struct bench_mode sweep_mode = {
	.name = "sweep",
	.arguments = "[OPTIONS] TARGET",
	.summary = "throughput against latency, with ever more clients, up to the knee",
	.run = sweep_mode_run,
};
