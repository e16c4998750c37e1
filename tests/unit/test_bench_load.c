/* Load on stores in the test's own process: what is counted, when it is sent, and what is said of
 * it. */
#include "backends/fault/delays.h"
#include "bench/cli/interrupt.h"
#include "bench/load/load.h"
#include "core/base/clock.h"
#include "tests/lib/cmocka.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	struct bench_drive *drive;
	struct workload workload;
	struct load_config config;
	struct load_result result;
};

static void start_with(struct fixture *f, const char *target, const char *mix, int64_t timeout_ms)
{
	const struct bench_drive_config config = {.timeout_ms = timeout_ms};
	struct workload_config workload = {.seed = 1, .products = 3, .carts = 10};
	struct cart_error error;

	*f = (struct fixture){0};
	if (bench_drive_open(&f->drive, target, &config, &error) != 0 ||
	    workload_parse_mix(&workload, mix, &error) != 0)
		fail_msg("%s", error.text);
	workload_init(&f->workload, &workload);
	f->config = (struct load_config){.drive = f->drive,
					 .workload = &f->workload,
					 .threads = 2,
					 .clients = 4,
					 .duration_ms = 300};
}

static void start(struct fixture *f, const char *target, const char *mix)
{
	start_with(f, target, mix, 20000);
}

static void prepare(struct fixture *f)
{
	struct cart_error error;

	if (load_prepare(&f->workload, f->drive, NULL, &error) != 0)
		fail_msg("%s", error.text);
}

static void run(struct fixture *f)
{
	struct cart_error error;

	if (load_run(&f->result, &f->config, &error) != 0)
		fail_msg("%s", error.text);
}

static void stop(struct fixture *f)
{
	load_result_free(&f->result);
	workload_free(&f->workload);
	bench_drive_close(&f->drive);
}

static uint64_t seconds_sum(struct load_result *result, uint64_t *failed)
{
	uint64_t ok = 0;

	*failed = 0;
	for (size_t i = 0; i < result->seconds.count; i++) {
		ok += seconds_look(&result->seconds, i).ok;
		*failed += seconds_look(&result->seconds, i).failed;
	}
	return ok;
}

static void a_closed_loop_counts_all_and_reports_service_alone(void **state)
{
	struct fixture f;
	const struct tally *gets;
	uint64_t failed, ok;

	(void)state;
	start(&f, "store:memory", "get=3,add=1");
	prepare(&f);
	run(&f);
	gets = &f.result.operations[BENCH_GET];
	assert_true(gets->tried > 0 && f.result.operations[BENCH_ADD].tried > 0);
	assert_int_equal(f.result.operations[BENCH_CREATE].tried, 0);
	assert_int_equal(f.result.ok, f.result.tried);
	assert_int_equal(gets->service->count, gets->ok);
	assert_null(gets->response);
	assert_null(gets->lag);
	assert_int_equal(gets->parts[SPLIT_DB]->count, gets->ok);
	ok = seconds_sum(&f.result, &failed);
	assert_int_equal(failed, 0);
	/* The last answers may come after the last second. */
	assert_true(ok <= f.result.ok && ok + f.config.clients >= f.result.ok);
	assert_true(f.result.duration_s > 0.29 && f.result.duration_s < 0.31);
	assert_true(fabs(f.result.throughput * f.result.duration_s - (double)f.result.ok) <=
		    (double)f.config.clients + 0.5);
	assert_int_equal(f.result.clients, 4);
	assert_false(f.result.interrupted);
	stop(&f);
}

static void warming_up_is_not_measured(void **state)
{
	struct fixture f;

	(void)state;
	/* 20 ms an operation: one client does at most 15 in 300 ms, and 15 before. */
	start(&f, "store:fault?over=memory&delay=20ms", "create=1");
	f.config.clients = f.config.threads = 1;
	f.config.warmup_ms = 300;
	run(&f);
	assert_true(f.result.tried >= 1 && f.result.tried <= 16);
	stop(&f);
}

static void clients_think_between_operations(void **state)
{
	const struct bench_drive_config config = {.timeout_ms = 20000};
	struct workload_config workload = {
		.sessions = true, .adds = 2, .products = 3, .think_ms = 30};
	struct cart_error error;
	struct fixture f = {0};

	(void)state;
	assert_int_equal(bench_drive_open(&f.drive, "store:memory", &config, &error), 0);
	workload_init(&f.workload, &workload);
	f.config = (struct load_config){.drive = f.drive,
					.workload = &f.workload,
					.threads = 2,
					.clients = 4,
					.duration_ms = 300};
	run(&f);
	/* About 40, and 100 times as many without. The first of each client does not think. */
	assert_true(f.result.tried >= 4 && f.result.tried < 150);
	assert_int_equal(f.result.ok, f.result.tried);
	stop(&f);
}

static void seconds_become_figures_and_stay(void **state)
{
	struct second_part part = {.times = bench_hdr_new(BENCH_HDR_HOUR_NS)};
	struct seconds seconds;
	struct second look;

	(void)state;
	seconds_init(&seconds, SECONDS_OPEN_MAX * 2);
	for (size_t at = 0; at < SECONDS_OPEN_MAX * 2 + 3; at++) { /* the last three are not kept */
		for (int i = 0; i < 100; i++)
			bench_hdr_record(part.times, (int64_t)(at + 1) * 1000);
		part.ok = 100;
		part.failed = at;
		seconds_add(&seconds, at, &part);
		assert_int_equal(part.ok + part.times->count, 0);
	}
	look = seconds_look(&seconds, 2);
	assert_int_equal(look.ok, 100);
	assert_int_equal(look.failed, 2);
	assert_true(look.p50_ns >= 3000 && look.p50_ns < 3010);
	/* It is closed: a late part is counted, and the figures stay. */
	assert_null(seconds.all[2].open);
	part.ok = 1;
	bench_hdr_record(part.times, 99999);
	seconds_add(&seconds, 2, &part);
	look = seconds_look(&seconds, 2);
	assert_int_equal(look.ok, 101);
	assert_true(look.p99_ns < 3010);
	look = seconds_look(&seconds, SECONDS_OPEN_MAX * 2);
	assert_int_equal(look.ok, 0);
	seconds_free(&seconds);
	bench_hdr_free(&part.times);
}

static void an_open_loop_intends_exactly_its_rate(void **state)
{
	struct fixture f;
	uint64_t intended;

	(void)state;
	start(&f, "store:memory", "get=1");
	prepare(&f);
	f.config.rate = 1000;
	f.config.clients = 100;
	run(&f);
	intended = f.result.tried + f.result.unsent;
	assert_true(intended >= 298 && intended <= 302);
	assert_int_equal(f.result.operations[BENCH_GET].lag->count, f.result.tried);
	assert_int_equal(f.result.operations[BENCH_GET].lag->below, 0); /* never before its time */
	assert_int_equal(f.result.operations[BENCH_GET].response->count, f.result.ok);
	stop(&f);

	start(&f, "store:memory", "get=1");
	prepare(&f);
	f.config.rate = 1000;
	f.config.clients = 100;
	f.config.poisson = true;
	run(&f);
	intended = f.result.tried + f.result.unsent;
	/* Five standard deviations are 87. */
	assert_true(intended >= 213 && intended <= 387 && intended != 300);
	stop(&f);
}

/* A target that takes 100 ms and one client: what waits for it is late by more and more, which
 * only the response shows. */
static void coordinated_omission_shows_in_the_response_and_not_in_the_service(void **state)
{
	const int64_t service_ns = 100 * CLOCK_NS_PER_MS, apart_ns = 20 * CLOCK_NS_PER_MS;
	struct fixture f;
	const struct tally *tally;
	char why[256];

	(void)state;
	start(&f, "store:fault?over=memory&delay=100ms", "create=1");
	f.config.threads = f.config.clients = 1;
	f.config.rate = 50;
	f.config.duration_ms = 1000;
	run(&f);
	tally = &f.result.operations[BENCH_CREATE];
	assert_true(tally->ok >= 2);
	assert_true(tally->service->min >= service_ns);
	/* The n-th is intended at (n - 1) * apart and cannot be done before n * service. */
	assert_true(tally->response->max >=
		    service_ns + (int64_t)(tally->ok - 1) * (service_ns - apart_ns));
	assert_true(tally->lag->max >= (int64_t)(tally->ok - 1) * (service_ns - apart_ns));
	/* Its own time says nothing of that: no service is as long as the longest response less
	 * its lag. */
	assert_true(tally->response->max - tally->lag->max <= tally->service->max);
	assert_true(f.result.unsent > 0);
	assert_int_equal(f.result.tried + f.result.unsent, 50);
	assert_true(load_result_is_limited(&f.result, &f.config, why, sizeof(why)));
	assert_non_null(strstr(why, "were never sent, because all 1 clients were waiting"));
	stop(&f);
}

static void assert_quantile(const struct bench_hdr *hdr, double quantile, double ms)
{
	assert_true(fabs((double)bench_hdr_quantile(hdr, quantile) / 1e6 / ms - 1) < 0.002);
}

#define STALL_RATE  1000
#define STALL_COUNT 1000

/* What an open loop was told, in the order of the answers. */
struct noted {
	int64_t intended_ns[STALL_COUNT], done_ns[STALL_COUNT];
	size_t count;
};

static void note(void *user, int64_t intended_ns, const struct bench_op *op)
{
	struct noted *noted = user;

	assert_true(noted->count < STALL_COUNT);
	noted->intended_ns[noted->count] = intended_ns;
	noted->done_ns[noted->count++] = op->done_ns;
}

static int compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* What follows from the notes alone: when each was due, how long the user waited, the longest gap.
 */
static void check_noted(struct noted *noted, const struct load_result *result)
{
	const struct bench_hdr *response = result->operations[BENCH_CREATE].response;
	int64_t response_ns[STALL_COUNT], gap_ns = 0, first_ns, before_ns;

	for (size_t i = 0; i < STALL_COUNT; i++)
		response_ns[i] = noted->done_ns[i] - noted->intended_ns[i];
	qsort(noted->intended_ns, STALL_COUNT, sizeof(int64_t), compare_ns);
	before_ns = first_ns = noted->intended_ns[0];
	for (size_t i = 0; i < STALL_COUNT; i++) {
		int64_t due_ns = first_ns + (int64_t)i * CLOCK_NS_PER_S / STALL_RATE;

		assert_in_range(noted->intended_ns[i], due_ns - 1, due_ns + 1);
		if (noted->done_ns[i] - before_ns > gap_ns)
			gap_ns = noted->done_ns[i] - before_ns;
		before_ns = noted->done_ns[i];
	}
	assert_int_equal(result->gap_ns, gap_ns);
	qsort(response_ns, STALL_COUNT, sizeof(int64_t), compare_ns);
	assert_int_equal(response->max, response_ns[STALL_COUNT - 1]);
	for (int percent = 50; percent < 100; percent += 7) {
		double exact = (double)response_ns[STALL_COUNT * percent / 100 - 1];
		double told = (double)bench_hdr_quantile(response, percent / 100.0);

		assert_true(told >= exact && told <= exact * 1.001 + 1);
	}
}

/* It cannot be answered sooner than an ideal client's would be, on whatever machine: in any second
 * two stalls begin, and what is due in the 5 ms after that waits for 195 ms or more. */
static void an_open_loop_shows_a_service_that_stalls_as_it_is(void **state)
{
	struct noted noted = {0};
	struct fixture f;

	(void)state;
	start(&f, "store:fault?over=memory&delay=5ms&stall=200ms&stall_every=500ms", "create=1");
	f.config.threads = 1;
	f.config.clients = STALL_COUNT;
	f.config.rate = STALL_RATE;
	f.config.duration_ms = 1000;
	f.config.note = note;
	f.config.note_user = &noted;
	run(&f);
	assert_int_equal(f.result.tried, STALL_COUNT);
	assert_int_equal(f.result.ok, STALL_COUNT);
	assert_int_equal(f.result.unsent, 0);
	assert_true(bench_hdr_quantile(f.result.operations[BENCH_CREATE].response, 0.99) >=
		    194 * CLOCK_NS_PER_MS);
	check_noted(&noted, &f.result);
	stop(&f);
}

/* It stands still from the start, and then the newest are answered first, in a thousandth of the
 * time: each has waited since it was due, and the gap begins with the load. */
static void a_stall_at_the_start_is_a_gap_whoever_is_answered_first(void **state)
{
	struct noted noted = {0};
	int64_t due_ns = INT64_MAX;
	struct fixture f;

	(void)state;
	start(&f, "store:fault?over=memory&stall=600ms&stall_every=601ms&fault.newest_first=true",
	      "create=1");
	f.config.threads = 1;
	f.config.clients = 400;
	f.config.rate = 1000;
	f.config.warmup_ms = 50;
	f.config.note = note;
	f.config.note_user = &noted;
	run(&f);
	for (size_t i = 0; i < noted.count; i++)
		if (noted.intended_ns[i] < due_ns)
			due_ns = noted.intended_ns[i];
	assert_true(noted.count > 100);
	assert_int_equal(f.result.unsent, 0);
	assert_true(f.result.gap_ns >= noted.done_ns[0] - due_ns);
	assert_true(f.result.operations[BENCH_CREATE].response->max >= noted.done_ns[0] - due_ns);
	stop(&f);
}

/* A process that uses the processor for as long as the load lasts, which began after it: nothing is
 * to be seen of it before and after. */
static void what_others_do_during_the_load_is_seen(void **state)
{
	struct fixture f;
	pid_t other;

	(void)state;
	start(&f, "store:memory", "create=1");
	f.config.threads = f.config.clients = 1;
	f.config.rate = 20;
	f.config.duration_ms = 1200;
	other = fork();
	assert_true(other >= 0);
	while (other == 0)
		if (getppid() == 1)
			_exit(0);
	run(&f);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	if (!f.result.busy.untold) {
		assert_true(f.result.busy.loaded_s >= 1.2);
		/* Whatever share of a core it got. */
		assert_true(f.result.busy.beside > 0.1);
	}
	stop(&f);
}

static void a_service_that_answers_no_more_has_a_gap_to_the_end(void **state)
{
	struct fixture f;

	(void)state;
	start_with(&f, "store:fault?over=memory&hang_every=1", "create=1", 100);
	f.config.rate = 100;
	f.config.clients = 100;
	run(&f);
	assert_int_equal(f.result.ok, 0);
	assert_true(f.result.gap_ns >= 300 * CLOCK_NS_PER_MS);
	stop(&f);
}

/* An ideal client in simulated time: one request each 100 us, a delay of 5 ms, and 100 ms of each
 * second in which nothing passes. Of 1,000 ms of arrivals the 5 before the stall wait for 105 ms,
 * the 100 in it for 105 to 5: so the median is 5, p99 is 100, and p99.9 is 105. A generator that
 * is late takes nothing off that. */
static void the_recorder_has_the_exact_quantiles_of_a_stalled_service(void **state)
{
	const struct fault_stalls stalls = {.stall_ns = 100 * CLOCK_NS_PER_MS,
					    .every_ns = CLOCK_NS_PER_S};
	const int64_t delay_ns = 5 * CLOCK_NS_PER_MS;

	(void)state;
	for (int late = 0; late < 2; late++) {
		struct tally tally;

		tally_init(&tally, true);
		for (int64_t i = 0; i < 100000; i++) {
			struct bench_op op = {.type = BENCH_GET, .outcome = BENCH_OK};
			int64_t intended_ns = i * 100000 + 50000;
			int64_t done_ns = fault_stalls_due(&stalls, intended_ns, delay_ns);

			op.sent_ns = late ? done_ns - 1 : intended_ns;
			op.done_ns = done_ns;
			op.total_ns = op.queue_ns = op.db_ns = -1;
			tally_record(&tally, &op, intended_ns);
		}
		assert_int_equal(tally.response->count, 100000);
		assert_quantile(tally.response, 0.5, 5);
		assert_quantile(tally.response, 0.99, 100);
		assert_quantile(tally.response, 0.999, 105);
		if (late)
			assert_int_equal(tally.service->max, 1);
		tally_free(&tally);
	}
}

static void failures_are_counted_by_what_they_say(void **state)
{
	struct fixture f;
	const struct tally *tally;
	uint64_t failed;

	(void)state;
	start(&f, "store:fault?over=memory&busy_every=2&uncertain_every=5", "create=1");
	run(&f);
	tally = &f.result.operations[BENCH_CREATE];
	assert_true(tally->tried >= 10);
	assert_int_equal(tally->ok + tally->refused + tally->unknown, tally->tried);
	assert_int_equal(tally->service->count, tally->ok);
	assert_int_equal(tally->error_count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool busy = strcmp(tally->errors[i].text, "503 UNAVAILABLE") == 0;

		if (!busy)
			assert_string_equal(tally->errors[i].text, "504 OUTCOME_UNKNOWN");
		assert_int_equal(tally->errors[i].count, busy ? tally->refused : tally->unknown);
	}
	/* Of ten, five are busy and one more is uncertain. */
	assert_true(fabs((double)tally->ok / (double)tally->tried - 0.4) < 0.2);
	seconds_sum(&f.result, &failed);
	assert_true(failed > 0);
	stop(&f);
}

static void carts_are_prepared_although_some_operations_fail(void **state)
{
	struct cart_error error;
	struct fixture f;

	(void)state;
	start(&f, "store:fault?over=memory&busy_every=2", "get=1");
	prepare(&f);
	for (size_t i = 0; i < f.workload.config.carts; i++)
		assert_false(cart_id_is_nil(&f.workload.carts[i]));
	stop(&f);

	start(&f, "store:fault?over=memory&busy_every=1", "get=1");
	assert_int_equal(load_prepare(&f.workload, f.drive, NULL, &error), -1);
	assert_string_equal(error.text, "no carts could be prepared: 100 of 100 operations failed, "
					"the last, create, with UNAVAILABLE");
	stop(&f);
}

static void the_generator_knows_when_it_is_the_limit(void **state)
{
	struct load_config config = {.rate = 100, .clients = 7};
	struct load_result result = {0};
	struct fixture f;
	char why[256];

	(void)state;
	start(&f, "store:memory", "create=1");
	config.drive = f.drive;
	assert_false(load_result_is_limited(&result, &config, why, sizeof(why)));
	/* Over a millisecond, but not over a tenth of the response; and the other way round. */
	result.lag_p99_ns = 2000000;
	result.response_p50_ns = 30000000;
	assert_false(load_result_is_limited(&result, &config, why, sizeof(why)));
	result.lag_p99_ns = 900000;
	result.response_p50_ns = 1000000;
	assert_false(load_result_is_limited(&result, &config, why, sizeof(why)));
	result.lag_p99_ns = 1100000;
	assert_true(load_result_is_limited(&result, &config, why, sizeof(why)));
	assert_non_null(strstr(why, "cartbench itself was late"));
	assert_non_null(strstr(why, "more than 1.10 ms after"));
	result.waited = 3;
	assert_true(load_result_is_limited(&result, &config, why, sizeof(why)));
	assert_non_null(strstr(why, "3 operations were sent late, because all 7 clients"));
	/* A store's work is our own. */
	result = (struct load_result){.cpu = 0.95};
	assert_false(load_result_is_limited(&result, &config, why, sizeof(why)));
	stop(&f);
}

static void interrupt(int signal_number)
{
	(void)signal_number;
	raise(SIGINT);
}

/* The last: an interruption stays. */
static void an_interrupted_run_keeps_what_was_measured(void **state)
{
	struct fixture f;

	(void)state;
	bench_interrupt_catch();
	signal(SIGALRM, interrupt);
	start(&f, "store:memory", "create=1");
	f.config.duration_ms = 600000;
	alarm(2);
	run(&f);
	assert_true(f.result.interrupted);
	assert_true(f.result.tried > 0);
	assert_true(f.result.duration_s > 0.9 && f.result.duration_s < 60);
	assert_true(bench_interrupted());
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_loop_counts_all_and_reports_service_alone),
		cmocka_unit_test(warming_up_is_not_measured),
		cmocka_unit_test(clients_think_between_operations),
		cmocka_unit_test(seconds_become_figures_and_stay),
		cmocka_unit_test(an_open_loop_intends_exactly_its_rate),
		cmocka_unit_test(coordinated_omission_shows_in_the_response_and_not_in_the_service),
		cmocka_unit_test(an_open_loop_shows_a_service_that_stalls_as_it_is),
		cmocka_unit_test(what_others_do_during_the_load_is_seen),
		cmocka_unit_test(a_stall_at_the_start_is_a_gap_whoever_is_answered_first),
		cmocka_unit_test(a_service_that_answers_no_more_has_a_gap_to_the_end),
		cmocka_unit_test(the_recorder_has_the_exact_quantiles_of_a_stalled_service),
		cmocka_unit_test(failures_are_counted_by_what_they_say),
		cmocka_unit_test(carts_are_prepared_although_some_operations_fail),
		cmocka_unit_test(the_generator_knows_when_it_is_the_limit),
		cmocka_unit_test(an_interrupted_run_keeps_what_was_measured),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
