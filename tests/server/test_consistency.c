/* cartbench consistency against a real cartd, right and wrong ones, as a user runs it. */
#include "tests/lib/cartd.h"
#include "tests/lib/patience.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN_MS	 120000
#define ARGS_MAX 24

struct scene {
	char dir[256];
	char out[300];
	struct cartd cartd[2];
	char urls[2][40];
	char *output; /* of the run */
	json_t *result;
};

static void scene_begin(struct scene *s)
{
	*s = (struct scene){0};
	cartd_make_directory(s->dir);
	snprintf(s->out, sizeof(s->out), "%s/result.json", s->dir);
}

static void scene_serve(struct scene *s, int at, const char *const *settings)
{
	cartd_start(&s->cartd[at], settings);
	snprintf(s->urls[at], sizeof(s->urls[at]), "http://127.0.0.1:%d", s->cartd[at].port);
}

/* Few trials of everything, with further options of the test's, NULL-terminated. */
static void scene_run(struct scene *s, int want, const char *const *options)
{
	const char *argv[ARGS_MAX] = {"cartbench", "consistency", "--quiet", "--trials",
				      "60",	   "--adds",	  "96",	     "--repeats",
				      "60",	   "--carts",	  "6",	     "--delays",
				      "0,2",	   "--out",	  s->out};
	size_t count = 0;
	int status;

	while (argv[count] != NULL)
		count++;
	while (options != NULL && *options != NULL)
		argv[count++] = *options++;
	for (int at = 0; at < 2; at++)
		if (s->urls[at][0] != '\0')
			argv[count++] = s->urls[at];
	free(s->output);
	json_decref(s->result);
	status = cartd_run_program(argv, &s->output, RUN_MS);
	if (status != want)
		fail_msg("exit status %d, not %d: %s", status, want, s->output);
	s->result = json_load_file(s->out, JSON_REJECT_DUPLICATES, NULL);
}

static void scene_end(struct scene *s)
{
	free(s->output);
	json_decref(s->result);
	for (int at = 0; at < 2; at++)
		cartd_stop(&s->cartd[at]);
	cartd_remove_directory(s->dir);
}

static const json_t *results(const struct scene *s, const char *name)
{
	return json_object_get(json_object_get(s->result, "results"), name);
}

static const char *text_of(const json_t *json, const char *member)
{
	const char *text = json_string_value(json_object_get(json, member));

	return text != NULL ? text : "";
}

static const json_t *finding(const struct scene *s, const char *probe, const char *read)
{
	const json_t *probes = results(s, "probes");

	for (size_t i = 0; i < json_array_size(probes); i++) {
		const json_t *each = json_array_get(probes, i);

		if (strcmp(text_of(each, "probe"), probe) == 0 &&
		    strcmp(text_of(each, "read"), read) == 0)
			return each;
	}
	fail_msg("no finding of %s, %s", probe, read);
	return NULL;
}

static json_int_t number(const json_t *json, const char *member)
{
	assert_true(json_is_integer(json_object_get(json, member)));
	return json_integer_value(json_object_get(json, member));
}

/* Those violated, as "probe/read probe/read ", in the order of the result. */
static void violated(const struct scene *s, char text[512])
{
	const json_t *probes = results(s, "probes");
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < json_array_size(probes); i++) {
		const json_t *each = json_array_get(probes, i);

		if (strcmp(text_of(each, "verdict"), "violated") == 0 && len < 512)
			len += (size_t)snprintf(text + len, 512 - len, "%s/%s ",
						text_of(each, "probe"), text_of(each, "read"));
	}
}

/* A cartd on the mutant must be found out, by these probes alone. */
static void expect_mutant(const char *mutant, const char *want)
{
	char setting[64], text[512];
	const char *settings[] = {"backend=fault", setting, "fault.mutant_share=500", NULL};
	struct scene s;

	snprintf(setting, sizeof(setting), "fault.mutant=%s", mutant);
	if (strcmp(mutant, "read-modify-write") == 0 || strcmp(mutant, "no-idempotency") == 0)
		settings[2] = "fault.mutant_share=1000";
	scene_begin(&s);
	scene_serve(&s, 0, settings);
	scene_run(&s, 3, NULL);
	violated(&s, text);
	assert_string_equal(text, want);
	assert_non_null(strstr(s.output, "VIOLATED: this was promised"));
	assert_non_null(strstr(s.output, "for example: "));
	scene_end(&s);
}

static void a_right_service_passes_and_the_result_says_all_of_it(void **state)
{
	const char *settings[] = {"backend=sqlite", NULL, NULL};
	char path[300];
	struct scene s;

	(void)state;
	scene_begin(&s);
	snprintf(path, sizeof(path), "sqlite.path=%s/cart.db", s.dir);
	settings[1] = path;
	scene_serve(&s, 0, settings);
	scene_run(&s, 0, NULL);
	assert_string_equal(text_of(s.result, "kind"), "consistency");
	assert_true(json_is_null(json_object_get(s.result, "invalid")));
	assert_int_equal(json_array_size(results(&s, "seed")), 4);
	for (size_t i = 0; i < 4; i++) {
		static const int trials[] = {20, 10, 10, 1};
		const json_t *test = json_array_get(results(&s, "seed"), i);

		assert_int_equal(number(test, "trials"), trials[i]);
		assert_int_equal(number(test, "consistent"), trials[i]);
	}
	assert_int_equal(json_array_size(results(&s, "probes")), 11);
	for (size_t i = 0; i < 11; i++) {
		const json_t *each = json_array_get(results(&s, "probes"), i);

		assert_string_equal(text_of(each, "verdict"), "clean");
		assert_true(number(each, "trials") >= 60);
		assert_int_equal(number(each, "unknown"), 0);
	}
	assert_int_equal(
		json_array_size(json_object_get(finding(&s, "staleness", "strong"), "by_delay")),
		2);
	/* Some requests had landed when their client went away: else nothing was tried. */
	assert_true(number(finding(&s, "exactly_once", "strong"), "replays") > 0);
	/* 60 of each of two delays: 1 - 0.05^(1/120). */
	assert_non_null(strstr(s.output, "<\xc2\xa0"
					 "2.5\xc2\xa0%"));
	scene_end(&s);
}

static void a_lost_update_is_a_violation(void **state)
{
	(void)state;
	expect_mutant("read-modify-write", "lost_updates/strong lost_updates_one_line/strong ");
}

static void a_repeat_applied_twice_is_a_violation(void **state)
{
	(void)state;
	expect_mutant("no-idempotency", "exactly_once/strong ");
}

static void a_stale_strong_read_is_a_violation_and_an_eventual_one_is_not(void **state)
{
	(void)state;
	expect_mutant("stale-cache",
		      "staleness/strong read_your_writes/strong monotonic_reads/strong ");
}

static void what_is_promised_can_be_said(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.mutant=stale-cache",
					       "fault.mutant_reads=eventual", NULL};
	static const char *const promise[] = {"--promise", "eventual", NULL};
	struct scene s;
	char text[512];

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, settings);
	scene_run(&s, 0, NULL);
	assert_string_equal(text_of(finding(&s, "staleness", "eventual"), "verdict"), "allowed");
	assert_string_equal(text_of(finding(&s, "staleness", "strong"), "verdict"), "clean");
	scene_run(&s, 3, promise);
	violated(&s, text);
	assert_non_null(strstr(text, "staleness/eventual "));
	scene_end(&s);
}

/* One service: the read cache keeps for eventual reads what is promised for strong ones. */
static void the_read_cache_breaks_no_promise(void **state)
{
	static const char *const settings[] = {"threads=2", "cache.carts=100", "cache.max_age=1h",
					       NULL};
	static const char *const promise[] = {"--promise", "eventual", NULL};
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, settings);
	scene_run(&s, 0, promise);
	assert_string_equal(text_of(finding(&s, "staleness", "eventual"), "verdict"), "clean");
	assert_true(cartd_metric(&s.cartd[0], "cart_cache_reads_total{result=\"hit\"}") > 100);
	scene_end(&s);
}

/* Every third change is applied, and its answer is that nobody knows. */
static void an_open_outcome_is_unknown_and_never_a_violation(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.drop_every=3",
					       "fault.ops=change", NULL};
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, settings);
	scene_run(&s, 0, NULL);
	assert_true(number(finding(&s, "staleness", "strong"), "unknown") > 0);
	assert_true(number(finding(&s, "lost_updates", "strong"), "unknown") > 0);
	assert_true(number(finding(&s, "lost_updates_one_line", "strong"), "unknown") > 0);
	assert_non_null(strstr(s.output, "The last operation without success: "));
	scene_end(&s);
}

static void a_probe_without_a_trial_makes_the_run_invalid(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.busy_every=1",
					       "fault.ops=change", NULL};
	char rows[300], text[4096];
	const char *const csv[] = {"--csv", rows, NULL};
	struct scene s;
	FILE *file;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, settings);
	snprintf(rows, sizeof(rows), "%s/rows.csv", s.dir);
	scene_run(&s, 2, csv);
	assert_true(json_is_string(json_object_get(s.result, "invalid")));
	assert_non_null(strstr(s.output, "INVALID: A: no trial of staleness"));
	/* It stays in the table and in the file, with the reason. */
	assert_int_equal(json_array_size(results(&s, "probes")), 11);
	assert_string_equal(text_of(finding(&s, "staleness", "strong"), "verdict"), "unmeasured");
	assert_non_null(strstr(text_of(finding(&s, "staleness", "strong"), "why"),
			       "no operation had an outcome that counts; the last failure: "));
	assert_non_null(strstr(s.output, "not measured: no operation had an outcome"));
	file = fopen(rows, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_non_null(strstr(text, "no operation had an outcome that counts"));
	scene_end(&s);
}

/* The time of each part is over before its carts are made, one after another. */
static void a_slow_service_has_outcomes_although_its_time_is_over(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.delay=10ms", NULL};
	static const char *const options[] = {
		"--carts",  "24",
		"--for",    "200ms",
		"--probes", "staleness,read_your_writes,monotonic_reads,monotonic_writes",
		NULL};
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, settings);
	scene_run(&s, 0, options);
	assert_true(number(finding(&s, "staleness", "strong"), "trials") > 0);
	assert_true(number(finding(&s, "monotonic_writes", "strong"), "trials") > 0);
	scene_end(&s);
}

/* It would go on for half an hour. */
static void a_service_without_outcomes_is_given_up(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.delay=10ms",
					       "fault.busy_every=1", "fault.ops=change", NULL};
	static const char *const options[] = {"--trials", "500000",    "--for", "100ms",
					      "--probes", "staleness", NULL};
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, settings);
	scene_run(&s, 2, options);
	assert_int_equal(number(finding(&s, "staleness", "strong"), "trials"), 0);
	scene_end(&s);
}

static void a_side_that_could_not_be_probed_is_shown(void **state)
{
	static const char *const across[] = {"--same-database", NULL};
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, NULL);
	scene_serve(&s, 1, NULL);
	scene_run(&s, 2, across);
	assert_int_equal(json_array_size(results(&s, "probes")), 11);
	assert_string_equal(text_of(finding(&s, "staleness", "strong"), "why"),
			    "the targets are not on one database");
	assert_int_equal(json_array_size(results(&s, "seed")), 4);
	assert_non_null(strstr(s.output, "Not measured: the targets are not on one database."));
	scene_end(&s);
}

static void cartds_on_one_database_are_probed_across(void **state)
{
	static const char *const across[] = {"--same-database", NULL};
	const char *settings[] = {"backend=sqlite", NULL, NULL};
	char path[300];
	struct scene s;

	(void)state;
	scene_begin(&s);
	snprintf(path, sizeof(path), "sqlite.path=%s/cart.db", s.dir);
	settings[1] = path;
	scene_serve(&s, 0, settings);
	scene_serve(&s, 1, settings);
	scene_run(&s, 0, across);
	assert_int_equal(json_array_size(json_object_get(s.result, "sides")), 2);
	assert_int_equal(json_array_size(results(&s, "probes")), 11);
	/* Both had work. */
	for (int at = 0; at < 2; at++) {
		const char *adds = "cart_store_ops_total{backend=\"sqlite\",op=\"change\","
				   "result=\"OK\"}";

		assert_true(cartd_metric(&s.cartd[at], adds) > 100);
	}
	scene_end(&s);
}

static void two_databases_are_not_taken_for_one(void **state)
{
	static const char *const across[] = {"--same-database", "--probes", "staleness", NULL};
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, NULL);
	scene_serve(&s, 1, NULL);
	scene_run(&s, 2, across);
	assert_non_null(strstr(s.output, "the targets are not on the same database"));
	scene_end(&s);
}

static void several_targets_are_sides_of_one_result(void **state)
{
	static const char *const probes[] = {"--probes", "lost_updates,seed", NULL};
	struct scene s;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, NULL);
	scene_serve(&s, 1, NULL);
	scene_run(&s, 0, probes);
	assert_int_equal(json_array_size(results(&s, "seed")), 8);
	assert_int_equal(json_array_size(results(&s, "probes")), 2);
	assert_string_equal(text_of(json_array_get(results(&s, "probes"), 1), "side"), "B");
	scene_end(&s);
}

/* A run that takes its time, in the background. */
static pid_t scene_start(struct scene *s)
{
	char program[PATH_MAX], *slash = program;
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	pid_t pid;

	assert_true(len > 0);
	program[len] = '\0';
	/* build/VARIANT/tests/server/NAME */
	for (int up = 0; up < 3; up++) {
		slash = strrchr(program, '/');
		assert_non_null(slash);
		*slash = '\0';
	}
	snprintf(slash, sizeof(program) - (size_t)(slash - program), "/bin/cartbench");
	pid = fork();
	if (pid == 0) {
		int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
		execl(program, "cartbench", "consistency", "--quiet", "--trials", "100000", "--for",
		      "10m", "--out", s->out, s->urls[0], (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

/* Until the run is at the reads of its carts. */
static void scene_await_reads(const struct scene *s)
{
	const char *gets = "cart_store_ops_total{backend=\"memory\",op=\"get\",result=\"OK\"}";
	int64_t end_ms = patience_ms() + RUN_MS;

	while (cartd_metric(&s->cartd[0], gets) < 500)
		assert_true(patience_ms() < end_ms);
}

static void scene_await_exit(struct scene *s, pid_t pid, int want)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), want);
	s->result = json_load_file(s->out, JSON_REJECT_DUPLICATES, NULL);
	assert_true(number(finding(s, "staleness", "strong"), "trials") > 0);
}

static void an_interrupted_run_writes_what_it_has(void **state)
{
	struct scene s;
	pid_t pid;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, NULL);
	pid = scene_start(&s);
	scene_await_reads(&s);
	assert_int_equal(kill(pid, SIGINT), 0);
	scene_await_exit(&s, pid, 2);
	assert_true(json_is_true(json_object_get(s.result, "interrupted")));
	assert_int_equal(json_array_size(results(&s, "seed")), 4);
	assert_string_equal(text_of(finding(&s, "exactly_once", "strong"), "why"),
			    "the run was interrupted");
	scene_end(&s);
}

static void a_target_that_goes_away_makes_the_run_invalid(void **state)
{
	struct scene s;
	pid_t pid;

	(void)state;
	scene_begin(&s);
	scene_serve(&s, 0, NULL);
	pid = scene_start(&s);
	scene_await_reads(&s);
	cartd_kill(&s.cartd[0]);
	scene_await_exit(&s, pid, 2);
	assert_true(json_is_false(json_object_get(s.result, "interrupted")));
	assert_non_null(strstr(text_of(s.result, "invalid"), "A went away: "));
	/* What was not begun is there, with the reason. */
	assert_int_equal(json_array_size(results(&s, "probes")), 11);
	assert_string_equal(text_of(finding(&s, "exactly_once", "strong"), "verdict"),
			    "unmeasured");
	assert_non_null(strstr(text_of(finding(&s, "exactly_once", "strong"), "why"),
			       "the service went away: "));
	scene_end(&s);
}

static void wrong_usage_is_said_in_a_line(void **state)
{
	static const struct {
		const char *option, *value, *said;
	} wrong[] = {
		{"--delays", "0,x", "--delays takes up to 16 times"},
		{"--delays", "", "--delays takes"},
		{"--probes", "staleness,stale", "--probes does not know all of"},
		{"--promise", "strong", "--promise takes eventual, index"},
		{"--clients", "1", "clients"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *argv[] = {"cartbench",    "consistency",  wrong[i].option,
				      wrong[i].value, "store:memory", NULL};
		char *output;

		assert_int_equal(cartd_run_program(argv, &output, RUN_MS), 2);
		if (strstr(output, wrong[i].said) == NULL)
			fail_msg("%s: %s", wrong[i].said, output);
		assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
		free(output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_service_passes_and_the_result_says_all_of_it),
		cmocka_unit_test(a_lost_update_is_a_violation),
		cmocka_unit_test(a_repeat_applied_twice_is_a_violation),
		cmocka_unit_test(a_stale_strong_read_is_a_violation_and_an_eventual_one_is_not),
		cmocka_unit_test(what_is_promised_can_be_said),
		cmocka_unit_test(the_read_cache_breaks_no_promise),
		cmocka_unit_test(an_open_outcome_is_unknown_and_never_a_violation),
		cmocka_unit_test(a_probe_without_a_trial_makes_the_run_invalid),
		cmocka_unit_test(a_slow_service_has_outcomes_although_its_time_is_over),
		cmocka_unit_test(a_service_without_outcomes_is_given_up),
		cmocka_unit_test(a_side_that_could_not_be_probed_is_shown),
		cmocka_unit_test(cartds_on_one_database_are_probed_across),
		cmocka_unit_test(two_databases_are_not_taken_for_one),
		cmocka_unit_test(several_targets_are_sides_of_one_result),
		cmocka_unit_test(an_interrupted_run_writes_what_it_has),
		cmocka_unit_test(a_target_that_goes_away_makes_the_run_invalid),
		cmocka_unit_test(wrong_usage_is_said_in_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
