/* `cartbench run`: load on a target, closed or open. */
#include "bench/load/options.h"
#include "bench/cli/mode.h"
#include "bench/cli/progress.h"
#include "bench/result/result.h"
#include "bench/load/run_report.h"

#include <stdlib.h>
#include <string.h>

#define RUN_CLIENTS	 8
#define RUN_CLIENTS_OPEN 1000

struct run_options {
	int64_t clients; /* 0: not said */
	double rate;	 /* 0: closed */
	const char *arrivals;
	int64_t duration_ms, warmup_ms;
};

static const char *const run_arrivals[] = {"uniform", "poisson", NULL};

#define RUN_AT(member_) .at = offsetof(struct run_options, member_)

static const struct bench_option run_own_options[] = {
	{.name = "clients",
	 .type = OPTION_COUNT,
	 RUN_AT(clients),
	 .value = "N",
	 .min = 1,
	 .max = LOAD_CLIENTS_MAX,
	 .help = "each asks again when it has its answer (default: 8); with --rate the most\n"
		 "that may wait for answers at once (default: 1000)"},
	{.name = "rate",
	 .type = OPTION_NUMBER,
	 RUN_AT(rate),
	 .value = "R",
	 .min = 0.01,
	 .max = 1000000,
	 .help = "open loop: so many operations a second, whatever the target does"},
	{.name = "arrivals",
	 .type = OPTION_CHOICE,
	 RUN_AT(arrivals),
	 .value = "HOW",
	 .fallback = "uniform",
	 .choices = run_arrivals,
	 .help = "open loop: uniform, at equal distances, or poisson, independent"},
	{.name = "duration",
	 .type = OPTION_DURATION,
	 RUN_AT(duration_ms),
	 .value = "DURATION",
	 .fallback = "10s",
	 .min = 100,
	 .max = LOAD_DURATION_MAX_MS,
	 .help = "is measured"},
	{.name = "warmup",
	 .type = OPTION_DURATION,
	 RUN_AT(warmup_ms),
	 .value = "DURATION",
	 .fallback = "2s",
	 .max = 3600000,
	 .help = "before it, not measured"},
	{0},
};

static const char run_about[] =
	"Puts load on a running cartd (http://HOST:PORT) or on a store in cartbench's own process\n"
	"(store:BACKEND?setting=value&...).\n"
	"\n"
	"Closed loop (--clients): each client asks again when it has its answer. A slow target is\n"
	"asked less just when it is slow, so only service times are reported: coordinated "
	"omission.\n"
	"Open loop (--rate): operations have their times whatever the target does. response is\n"
	"from the intended time to the answer, what a user waits; service from the sending; lag\n"
	"is how late cartbench itself was.\n";
static const char run_more[] =
	"A percentile is shown only where ten samples or more lie beyond it. Times are of "
	"operations\n"
	"that succeeded. The carts stay in the target. Ctrl-C ends it with what was measured.\n"
	"\n"
	"Exit status: 0 all succeeded; 1 some operations failed; 2 wrong usage, nothing to "
	"measure,\n"
	"or an invalid measurement: cartbench could not keep up (99th percentile of lag over 1 ms\n"
	"and over 10 % of the median response, or over 80 % of its cores used).\n";

struct run {
	struct run_options own;
	struct load_options load;
	struct bench_common common;
	struct workload_config workload;
	struct bench_texts arguments;
	struct bench_progress progress;
	struct load_session session;
	struct load_config config;
};

/* True: go on. */
static bool run_parse(struct run *run, int argc, char **argv, enum bench_exit *status)
{
	const struct bench_options options = {
		.mode = "run",
		.arguments = "TARGET",
		.arguments_min = 1,
		.arguments_max = 1,
		.about = run_about,
		.more = run_more,
		.example = "cartbench run --rate 2000 --duration 30s http://127.0.0.1:8080",
		.tables = {{run_own_options, &run->own},
			   {load_workload_options, &run->load},
			   {bench_common_options, &run->common}},
	};
	struct cart_error error;
	bool open;

	if (!bench_options_parse(&options, argc, argv, &run->arguments, status))
		return false;
	open = run->own.rate > 0;
	if (open && run->load.think_ms > 0) {
		*status = bench_options_refuse(&options, "--think is of clients that wait for "
							 "answers: not with --rate");
		return false;
	}
	if (run->own.clients == 0)
		run->own.clients = open ? RUN_CLIENTS_OPEN : RUN_CLIENTS;
	if (bench_common_prepare(&run->common, &error) != 0 ||
	    load_options_workload(&run->workload, &run->load, &run->common, &error) != 0 ||
	    load_options_raise_files((size_t)run->own.clients, &error) != 0) {
		*status = bench_options_refuse(&options, "%s", error.text);
		return false;
	}
	return true;
}

static void run_watch(const struct load_glance *glance, void *user)
{
	struct bench_progress *progress = user;

	if (glance->warming_up)
		bench_progress_show(progress, "warming up, %.0f s left", glance->left_s);
	else
		bench_progress_show(
			progress, "%llu/s, p50 %.3f ms, p99 %.3f ms, %llu failed, %.0f s left",
			(unsigned long long)glance->last.ok, (double)glance->last.p50_ns / 1e6,
			(double)glance->last.p99_ns / 1e6, (unsigned long long)glance->failed,
			glance->left_s);
}

static json_t *run_generator_json(const struct load_result *measured, bool open, bool limited)
{
	return json_pack("{s:f, s:o, s:b}", "cpu", measured->cpu, "lag_p99_ms",
			 open ? json_real((double)measured->lag_p99_ns / 1e6) : json_null(),
			 "limited", limited);
}

static json_t *run_results_json(const struct run *run, struct load_result *measured, bool limited)
{
	bool open = run->config.rate > 0;
	json_t *operations = json_array();

	for (int i = 0; i < BENCH_OP_TYPES; i++)
		if (measured->operations[i].tried > 0)
			json_array_append_new(operations, tally_json(&measured->operations[i],
								     (enum bench_op_type)i));
	return json_pack(
		"{s:s, s:I, s:o, s:o, s:b, s:f, s:f, s:I, s:o, s:o, s:f, s:o, s:o, s:o}", "mode",
		open ? "open" : "closed", "clients", (json_int_t)run->config.clients, "rate",
		open ? json_real(run->config.rate) : json_null(), "arrivals",
		open ? json_string(run->own.arrivals) : json_null(), "cold", run->load.cold,
		"duration_s", measured->duration_s, "warmup_s", (double)run->own.warmup_ms / 1000,
		"threads", (json_int_t)run->config.threads, "mix",
		workload_mix_json(&run->workload), "keys", workload_keys_json(&run->workload),
		"throughput_per_s", measured->throughput, "operations", operations, "seconds",
		seconds_json(&measured->seconds, (size_t)(measured->duration_s + 0.999)),
		"generator", run_generator_json(measured, open, limited));
}

static void run_judge(const struct run *run, json_t *result, struct load_result *measured)
{
	char why[256];
	bool limited = load_result_is_limited(measured, &run->config, why, sizeof(why));

	json_object_set_new(result, "results", run_results_json(run, measured, limited));
	if (measured->interrupted)
		bench_result_interrupt(result);
	if (bench_drive_is_in_process(run->session.drive))
		bench_result_warn(result, "a store in cartbench's own process: its work and the "
					  "measuring share the cores");
	if (limited)
		bench_result_invalidate(result, "%s", why);
	else if (measured->tried == 0)
		bench_result_invalidate(result, "nothing was measured");
}

static enum bench_exit run_deliver(const struct run *run, const json_t *result,
				   const struct load_result *measured)
{
	enum bench_exit status = measured->ok < measured->tried ? BENCH_FAILED : BENCH_PASS;
	struct cart_error error;
	struct buf rows = {0};

	if (!run->common.json)
		run_report_print(stdout, result);
	run_report_csv(&rows, result);
	if (bench_result_invalid(result) != NULL)
		status = BENCH_INVALID;
	if (bench_result_deliver(result, &run->common, buf_string(&rows), &error) != 0) {
		fprintf(stderr, "cartbench: %s\n", error.text);
		status = BENCH_INVALID;
	}
	buf_free(&rows);
	return status;
}

static enum bench_exit run_measure(struct run *run, json_t *result)
{
	struct load_result measured;
	enum bench_exit status = BENCH_INVALID;
	struct cart_error error;
	int failed;

	run->config = (struct load_config){
		.drive = run->session.drive,
		.workload = &run->session.workload,
		.threads = load_options_threads(&run->load, (size_t)run->own.clients),
		.clients = (size_t)run->own.clients,
		.rate = run->own.rate,
		.poisson = strcmp(run->own.arrivals, "poisson") == 0,
		.duration_ms = run->own.duration_ms,
		.warmup_ms = run->own.warmup_ms,
		.watch = run_watch,
		.user = &run->progress,
	};
	failed = load_run(&measured, &run->config, &error);
	bench_progress_end(&run->progress);
	if (failed == 0) {
		run_judge(run, result, &measured);
		status = run_deliver(run, result, &measured);
	} else {
		fprintf(stderr, "cartbench: %s\n", error.text);
	}
	load_result_free(&measured);
	return status;
}

static enum bench_exit run_mode_run(int argc, char **argv)
{
	struct run run = {.common = BENCH_COMMON_INIT};
	enum bench_exit status;
	struct cart_error error;
	const char *target;
	json_t *result;

	if (!run_parse(&run, argc, argv, &status))
		return status;
	target = run.arguments.items[0];
	bench_progress_begin(&run.progress, run.common.quiet);
	run.session.progress = &run.progress;
	result = bench_result_new("run", &run.common, argc, argv);
	status = BENCH_INVALID;
	if (load_session_open(&run.session, target, &run.load, &run.workload, &run.common,
			      &error) != 0 ||
	    bench_result_add_side(result, "A", run.session.drive, &run.common, &error) != 0)
		fprintf(stderr, "cartbench: %s: %s\n", target, error.text);
	else
		status = run_measure(&run, result);
	load_session_close(&run.session);
	json_decref(result);
	return status;
}

const struct bench_mode run_mode = {
	.name = "run",
	.arguments = "[OPTIONS] TARGET",
	.summary = "load on a cartd or a store, closed or open, and how long it takes",
	.run = run_mode_run,
};
