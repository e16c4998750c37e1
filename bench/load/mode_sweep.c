/* `cartbench sweep`: ever more clients, or an ever higher rate, up to the knee. */
#include "bench/cli/interrupt.h"
#include "bench/load/setup.h"
#include "bench/load/sweep.h"
#include "bench/result/result.h"

#include <inttypes.h>

struct sweep {
	struct bench_session *session;
	struct workload workload;
	struct sweep_point points[SWEEP_POINTS_MAX];
	size_t count;
	uint64_t tried, failed;
	struct {
		uint64_t count; /* in one point */
		enum bench_op_type type;
		char text[TALLY_ERROR_TEXT];
	} most; /* the error that came most often */
	struct busy busy;
	bool open;
	const char *axis; /* "rate" or "clients" */
};

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

static void sweep_take_errors(struct sweep *sweep, const struct load_result *measured)
{
	sweep->tried += measured->tried;
	sweep->failed += measured->tried - measured->ok;
	for (int type = 0; type < BENCH_OP_TYPES; type++) {
		const struct tally *tally = &measured->operations[type];

		for (size_t i = 0; i < tally->error_count; i++) {
			if (tally->errors[i].count <= sweep->most.count)
				continue;
			sweep->most.count = tally->errors[i].count;
			sweep->most.type = (enum bench_op_type)type;
			snprintf(sweep->most.text, sizeof(sweep->most.text), "%s",
				 tally->errors[i].text);
		}
	}
}

static void sweep_print_point(const struct sweep *sweep, const struct sweep_point *point)
{
	json_t *json = sweep_point_json(point, sweep->axis);
	const struct table_row row = {.of = json};

	if (!sweep->session->values.json)
		table_print_row(stdout, sweep_columns(sweep->axis), &row);
	fflush(stdout);
	json_decref(json);
}

/* Measures a point and adds it. -1: error says why it could not be measured. */
static int sweep_measure(struct sweep *sweep, double at, struct cart_error *error)
{
	size_t clients = sweep->open ? LOAD_CLIENTS_OPEN : (size_t)at;
	char doing[32];
	const struct load_config config = {
		.drive = sweep->session->drives[0],
		.workload = &sweep->workload,
		.threads = load_threads(&sweep->session->values, clients),
		.clients = clients,
		.rate = sweep->open ? at : 0,
		.duration_ms = sweep->session->values.duration_ms,
		.warmup_ms = sweep->session->values.warmup_ms,
		.progress = &sweep->session->progress,
		.doing = doing,
	};
	struct sweep_point *point = &sweep->points[sweep->count];
	struct load_result measured;
	struct busy_clock began;
	int failed;

	snprintf(doing, sizeof(doing), "point %zu: ", sweep->count + 1);
	busy_begin(&sweep->busy, &began);
	failed = load_run(&measured, &config, error);
	busy_end(&sweep->busy, &began);
	busy_add_load(&sweep->busy, &measured.busy);
	bench_progress_end(&sweep->session->progress);
	if (failed == 0 && !measured.interrupted) {
		*point = (struct sweep_point){.at = at};
		sweep_take(point, &measured, &config);
		sweep_take_errors(sweep, &measured);
		sweep->count++;
		sweep_print_point(sweep, point);
	}
	load_result_free(&measured);
	return failed;
}

/* Measures all points, or stops when more load brings no more throughput. */
static int sweep_measure_all(struct sweep *sweep, struct cart_error *error)
{
	double at = sweep->open ? sweep->session->values.rate_from
				: (double)sweep->session->values.from;
	double to =
		sweep->open ? sweep->session->values.rate_to : (double)sweep->session->values.to;

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

static void sweep_print_end(const struct sweep *sweep)
{
	int knee = sweep_knee(sweep->points, sweep->count);
	json_t *busy = busy_json(&sweep->busy);
	char text[TABLE_TEXT];

	if (knee >= 0)
		printf("knee: %.6g %s, %.6g operations a second at a median of %.3f ms\n",
		       sweep->points[knee].at, sweep->open ? "a second" : "clients",
		       sweep->points[knee].throughput, sweep->points[knee].p50_ms);
	else
		puts("no knee was seen: it may lie further on");
	puts(busy_describe(busy, text, sizeof(text)));
	json_decref(busy);
	if (!sweep->open)
		puts("coordinated omission: service times only");
}

/* The last line, which ./cart compare repeats: what failed, how often, and what to do. */
static void sweep_explain_failures(const struct sweep *sweep)
{
	if (sweep->failed > 0 && sweep->failed < sweep->tried)
		bench_result_warn(
			sweep->session->result,
			"%s: %" PRIu64 " of %" PRIu64
			" operations failed, most often %s with %s; the times are of the "
			"others. Look into the log of the service, and repeat with fewer "
			"%s if it fails only under load",
			bench_session_label(sweep->session, 0), sweep->failed, sweep->tried,
			bench_op_type_name(sweep->most.type), sweep->most.text,
			sweep->open ? "operations a second (--rate-to)" : "clients (--to)");
}

static enum bench_exit sweep_deliver(struct sweep *sweep)
{
	struct bench_session *session = sweep->session;
	bool valid = false;
	json_t *results;

	for (size_t i = 0; i < sweep->count; i++)
		valid = valid || sweep->points[i].valid;
	load_judge_busy(session, &sweep->busy);
	sweep_explain_failures(sweep);
	if (!valid && sweep->failed > 0 && sweep->failed == sweep->tried)
		bench_result_invalidate(session->result,
					"no point is valid: all %" PRIu64
					" operations failed, most often %s with %s; look into the "
					"log of the service",
					sweep->failed, bench_op_type_name(sweep->most.type),
					sweep->most.text);
	else if (!valid)
		bench_result_invalidate(session->result, "no point is valid: %s",
					sweep->count > 0 ? sweep->points[0].why
							 : "none was measured");
	results = sweep_json(sweep->points, sweep->count, "A", sweep->axis);
	json_object_set_new(results, "busy", busy_json(&sweep->busy));
	json_object_set_new(session->result, "results", results);
	if (!session->values.json)
		sweep_print_end(sweep);
	table_write(NULL, &session->rows, sweep_columns(sweep->axis), session->result, "points",
		    NULL);
	return bench_session_end(session, sweep->failed > 0 ? BENCH_FAILED : BENCH_PASS);
}

static enum bench_exit sweep_run(struct sweep *sweep)
{
	struct bench_session *session = sweep->session;
	struct cart_error error;

	if (!session->values.json) {
		printf("%s at %s, seed %lld\n", bench_session_label(session, 0),
		       session->arguments.items[0], (long long)session->values.seed);
		table_print_head(stdout, sweep_columns(sweep->axis), session->result);
	}
	if (sweep_measure_all(sweep, &error) != 0)
		return bench_session_fail("%s", error.text);
	return sweep_deliver(sweep);
}

static enum bench_exit sweep_mode_run(struct bench_session *session)
{
	const struct bench_values *values = &session->values;
	struct sweep sweep = {.session = session,
			      .open = values->rate_from > 0 || values->rate_to > 0};
	enum bench_exit status = BENCH_INVALID;

	sweep.axis = sweep.open ? "rate" : "clients";
	if (sweep.open && (values->rate_from <= 0 || values->rate_to <= 0))
		return bench_options_refuse(session->mode, "--rate-from and --rate-to go together");
	if (values->from > values->to || values->rate_from > values->rate_to)
		return bench_options_refuse(session->mode, "it would end before it begins");
	if (sweep.open && values->think_ms > 0)
		return bench_options_refuse(session->mode,
					    "--think is of clients that wait for answers");
	if (load_setup(session, &sweep.workload,
		       sweep.open ? LOAD_CLIENTS_OPEN : (size_t)values->to))
		status = sweep_run(&sweep);
	workload_free(&sweep.workload);
	return status;
}

const struct bench_mode sweep_mode = {
	.name = "sweep",
	.arguments = "TARGET",
	.arguments_min = 1,
	.arguments_max = 1,
	.summary = "throughput against latency, with ever more clients, up to the knee",
	.takes = {"from", "to", "rate-from", "rate-to", "duration=3s", "warmup=500ms", LOAD_TAKES,
		  BENCH_TAKES_COMMON},
	.about = "Measures throughput against latency on a cartd or a store (see cartbench\n"
		 "run), with twice the clients at each next point, until the knee is passed\n"
		 "and two points in a row have brought less than 10 % more.\n"
		 "\n"
		 "The knee is the point with the greatest power, throughput divided by median\n"
		 "latency (Kleinrock 1979): up to it throughput rises by a larger factor than\n"
		 "latency, beyond it latency does. Clients wait for their answers (coordinated\n"
		 "omission: service times only); --rate-from asks at a rate instead.\n",
	.more = "Points at which cartbench itself was the limit are marked and do not count.\n"
		"\n"
		"Exit status: 0 all succeeded; 1 some operations failed; 2 wrong usage,\n"
		"nothing to measure, or no valid point.\n",
	.example = "cartbench sweep --mix get=4,add=1 http://127.0.0.1:8080",
	.run = sweep_mode_run,
};
