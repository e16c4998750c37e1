/* `cartbench run`: load on a target, closed or open. */
#include "bench/load/run_report.h"
#include "bench/load/setup.h"
#include "bench/result/member.h"
#include "bench/result/read_back.h"
#include "bench/result/result.h"

#include <string.h>

#define RUN_CLIENTS 8

struct run {
	struct bench_session *session;
	struct workload workload;
	struct load_config config;
	struct load_result measured;
	struct ledger_check read_back;
	struct busy busy;
};

static json_t *run_generator_json(const struct load_result *measured, bool open, bool limited)
{
	return json_pack("{s:f, s:o, s:b}", "cpu", measured->cpu, "lag_p99_ms",
			 open ? json_real((double)measured->lag_p99_ns / 1e6) : json_null(),
			 "limited", limited);
}

static json_t *run_results_json(struct run *run, bool limited)
{
	const struct bench_values *values = &run->session->values;
	struct load_result *measured = &run->measured;
	bool open = run->config.rate > 0;
	json_t *operations = json_array(), *operation;
	struct tally times = {0};
	char why[TALLY_WHY];

	for (int i = 0; i < BENCH_OP_TYPES; i++) {
		if (measured->operations[i].tried == 0)
			continue;
		tally_add_times(&times, &measured->operations[i]);
		json_array_append_new(operations,
				      tally_json(&measured->operations[i], (enum bench_op_type)i));
	}
	if (!tally_times_hold(&times, why)) {
		bench_result_warn(run->session->result, "where the time goes is not shown: %s",
				  why);
		member_each(i, operation, operations)
			json_object_set_new(operation, "split", json_null());
	}
	return json_pack(
		"{s:s, s:I, s:o, s:o, s:b, s:f, s:f, s:I, s:o, s:o, s:f, s:I, s:o, s:o, s:o, "
		"s:[o], s:o}",
		"mode", open ? "open" : "closed", "clients", (json_int_t)run->config.clients,
		"rate", open ? json_real(run->config.rate) : json_null(), "arrivals",
		open ? json_string(values->arrivals) : json_null(), "cold", values->cold,
		"duration_s", measured->duration_s, "warmup_s", (double)values->warmup_ms / 1000,
		"threads", (json_int_t)run->config.threads, "mix",
		workload_mix_json(&run->workload.config), "keys",
		workload_keys_json(&run->workload.config), "throughput_per_s", measured->throughput,
		"gap_ns", (json_int_t)measured->gap_ns, "operations", operations, "seconds",
		seconds_json(&measured->seconds, (size_t)(measured->duration_s + 0.999)),
		"generator", run_generator_json(measured, open, limited), "read_back",
		read_back_json(&run->read_back), "busy", busy_json(&run->busy));
}

/* Operations that were to be asked and were not, because the run was too short for their share. */
static void run_warn_of_untried(struct run *run)
{
	const struct workload_config *asked = &run->workload.config;
	const bool in_sessions[BENCH_OP_TYPES] = {[BENCH_CREATE] = true,
						  [BENCH_ADD] = asked->adds > 0,
						  [BENCH_GET] = asked->gets > 0,
						  [BENCH_CHECKOUT] = asked->checkouts > 0};

	for (int i = 0; i < BENCH_OP_TYPES; i++)
		if ((asked->sessions ? in_sessions[i] : asked->weights[i] > 0) &&
		    run->measured.operations[i].tried == 0) {
			const char *name = bench_op_type_name((enum bench_op_type)i);

			bench_result_warn(run->session->result,
					  "%s was not measured: none was asked in the time", name);
			buf_printf(&run->session->rows, "%s,,,,0,0,none was asked in the time\n",
				   name);
		}
}

/* Makes the document and the tables of what was measured. */
static enum bench_exit run_deliver(struct run *run)
{
	struct bench_session *session = run->session;
	enum bench_exit status;
	char why[256];
	bool limited = load_result_is_limited(&run->measured, &run->config, why, sizeof(why));

	json_object_set_new(session->result, "results", run_results_json(run, limited));
	if (session->drives[0]->in_process)
		bench_result_warn(session->result, "a store in cartbench's own process: its work "
						   "and the measuring share the cores");
	run_report_csv(&session->rows, session->result);
	if (run->measured.tried > 0)
		run_warn_of_untried(run);
	load_judge_busy(session, &run->busy);
	if (limited)
		bench_result_invalidate(session->result, "%s", why);
	else if (run->measured.tried == 0)
		bench_result_invalidate(session->result, "nothing was measured");
	if (!session->values.json)
		run_report_print(stdout, session->result);
	status = read_back_judge(session->result, session->names[0], &run->read_back);
	if (status == BENCH_PASS && run->measured.ok < run->measured.tried)
		status = BENCH_FAILED;
	return bench_session_end(session, status);
}

static enum bench_exit run_measure(struct run *run)
{
	const struct bench_values *values = &run->session->values;
	struct busy_clock began;
	struct cart_error error;
	enum bench_exit status;
	int failed;

	run->config = (struct load_config){
		.drive = run->session->drives[0],
		.workload = &run->workload,
		.threads = load_threads(values, (size_t)values->clients),
		.clients = (size_t)values->clients,
		.rate = values->rate,
		.poisson = strcmp(values->arrivals, "poisson") == 0,
		.duration_ms = values->duration_ms,
		.warmup_ms = values->warmup_ms,
		.progress = &run->session->progress,
		.doing = "",
	};
	busy_begin(&run->busy, &began);
	failed = load_run(&run->measured, &run->config, &error);
	busy_end(&run->busy, &began);
	busy_add_load(&run->busy, &run->measured.busy);
	bench_progress_end(&run->session->progress);
	if (failed == 0 && run->workload.ledger != NULL)
		ledger_merge(run->measured.ledger, run->workload.ledger);
	if (failed == 0 && !run->measured.interrupted)
		failed = ledger_read_back(&run->read_back, run->measured.ledger, run->config.drive,
					  &error);
	status = failed == 0 ? run_deliver(run) : bench_session_fail("%s", error.text);
	load_result_free(&run->measured);
	return status;
}

static enum bench_exit run_mode_run(struct bench_session *session)
{
	struct run run = {.session = session};
	struct bench_values *values = &session->values;
	enum bench_exit status = BENCH_INVALID;

	if (values->rate > 0 && values->think_ms > 0)
		return bench_options_refuse(
			session->mode,
			"--think is of clients that wait for answers: not with --rate");
	if (values->clients == 0)
		values->clients = values->rate > 0 ? LOAD_CLIENTS_OPEN : RUN_CLIENTS;
	if (load_setup(session, &run.workload, (size_t)values->clients))
		status = run_measure(&run);
	workload_free(&run.workload);
	return status;
}

const struct bench_mode run_mode = {
	.name = "run",
	.arguments = "TARGET",
	.arguments_min = 1,
	.arguments_max = 1,
	.summary = "load on a cartd or a store, closed or open, and how long it takes",
	.takes = {"clients", "rate", "arrivals", "duration=15s", "warmup=2s", LOAD_TAKES,
		  BENCH_TAKES_COMMON},
	.about = "Puts load on a running cartd (http://HOST:PORT) or on a store in cartbench's\n"
		 "own process (store:BACKEND?setting=value&...).\n"
		 "\n"
		 "Closed loop (--clients, 8 by default): each client asks again when it has\n"
		 "its answer. A slow target is asked less just when it is slow, so only\n"
		 "service times are reported: coordinated omission.\n"
		 "Open loop (--rate): operations have their times whatever the target does.\n"
		 "response is from the intended time to the answer, what a user waits; service\n"
		 "is from the sending; lag is how late cartbench itself was. At most --clients,\n"
		 "1000 by default, wait for answers.\n",
	.more = "A percentile is shown only where ten samples or more lie beyond it. Times\n"
		"are of operations that succeeded. The carts stay in the target. Ctrl-C ends\n"
		"it with what was measured.\n"
		"\n"
		"Exit status: 0 all succeeded; 1 some operations failed; 2 wrong usage,\n"
		"nothing to measure, or an invalid measurement: cartbench could not keep up\n"
		"(99th percentile of lag over 1 ms and over 10 % of the median response, or\n"
		"over 80 % of its cores used), or the machine is busy (see --busy); 3 a cart\n"
		"that was read back in the end does not hold what was acknowledged.\n",
	.example = "cartbench run --rate 2000 --duration 30s http://127.0.0.1:8080",
	.run = run_mode_run,
};
