/* cartbench gate against real cartds, as a CI runs it. Its limit is wide here, so that a busy
 * machine does not matter; where it matters nevertheless, the gate says INVALID and so does the
 * test. */
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"

#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MS	200000
#define URL_MAX 64

static struct cartd base, same, head;
static char folder[256], file[300];
static char generator[16]; /* its core */

/* The cartds, which inherit it, on the first core; cartbench on the last. */
static void share_cores(void)
{
	cpu_set_t all, first;
	int at = 0, last = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET((size_t)at, &all))
		at++;
	for (int i = at; i < CPU_SETSIZE; i++)
		if (CPU_ISSET((size_t)i, &all))
			last = i;
	CPU_ZERO(&first);
	CPU_SET((size_t)at, &first);
	assert_int_equal(sched_setaffinity(0, sizeof(first), &first), 0);
	snprintf(generator, sizeof(generator), "%d", last);
}

static int start(void **state)
{
	(void)state;
	cartd_make_directory(folder);
	snprintf(file, sizeof(file), "%s/gate.json", folder);
	share_cores();
	cartd_start(&base, NULL);
	cartd_start(&same, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	cartd_kill(&head);
	cartd_stop(&base);
	cartd_stop(&same);
	cartd_remove_directory(folder);
	return 0;
}

static void name_url(char *text, const char *name, const struct cartd *cartd)
{
	snprintf(text, URL_MAX, "%s=http://127.0.0.1:%d", name, cartd->port);
}

/* Its exit status; *output is to be freed. */
static int run_gate(const char *timeout, char **output)
{
	char base_url[URL_MAX], same_url[URL_MAX], head_url[URL_MAX];
	const char *argv[] = {"cartbench", "gate",   "--limit",	 "60%",	   "--blocks", "14",
			      "--pairs",   "60",     "--warmup", "100ms",  "--quiet",  "--no-open",
			      "--busy",	   "--pin",  generator,	 "--out",  file,       "--timeout",
			      timeout,	   base_url, same_url,	 head_url, NULL};

	name_url(base_url, "BASE", &base);
	name_url(same_url, "SAME", &same);
	name_url(head_url, "HEAD", &head);
	remove(file);
	return cartd_run_program(argv, output, RUN_MS);
}

/* The controls did not come out: nothing can be tested, and that is no fault of the gate. */
static void skip_if_too_noisy(int status, char *output)
{
	if (status != 2 || strstr(output, "the machine is too noisy") == NULL)
		return;
	print_message(
		"not tested: the gate's outcome; the machine is too noisy for its controls: %s\n",
		strstr(output, "gate: INVALID"));
	free(output);
	cartd_kill(&head);
	skip();
}

static void assert_outcome(int status, int want, const char *output, const char *said)
{
	if (status != want || strstr(output, said) == NULL)
		fail_msg("exit status %d instead of %d with \"%s\":\n%s", status, want, said,
			 output);
}

static json_t *document(void)
{
	json_t *json = json_load_file(file, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "kind")), "gate");
	assert_int_equal(json_array_size(json_object_get(json, "sides")), 3);
	return json;
}

static const char *outcome_of(const json_t *json)
{
	return json_string_value(json_object_get(json_object_get(json, "results"), "outcome"));
}

static void the_same_binary_passes(void **state)
{
	json_t *json;
	char *output;
	int status;

	(void)state;
	cartd_start(&head, NULL);
	status = run_gate("10s", &output);
	skip_if_too_noisy(status, output);
	assert_outcome(status, 0, output, "gate: PASS: ");
	json = document();
	assert_string_equal(outcome_of(json), "pass");
	assert_true(json_is_null(json_object_get(json, "invalid")));
	json_decref(json);
	free(output);
	cartd_stop(&head);
}

static void a_slower_one_is_a_regression(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.over=memory",
					       "fault.delay=1ms", NULL};
	json_t *json;
	char *output;
	int status;

	(void)state;
	cartd_start(&head, settings);
	status = run_gate("10s", &output);
	skip_if_too_noisy(status, output);
	assert_outcome(status, 1, output, "gate: REGRESSION: HEAD is worse, twice: create +");
	json = document();
	assert_string_equal(outcome_of(json), "regression");
	assert_int_equal(json_array_size(json_object_get(json_object_get(json, "results"), "runs")),
			 5);
	json_decref(json);
	free(output);
	cartd_stop(&head);
}

static void one_that_fails_is_a_regression(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.over=memory",
					       "fault.ops=change", "fault.fail_every=2", NULL};
	char *output;
	int status;

	(void)state;
	cartd_start(&head, settings);
	status = run_gate("10s", &output);
	skip_if_too_noisy(status, output);
	assert_outcome(status, 1, output, "twice: add failed ");
	free(output);
	cartd_stop(&head);
}

static void a_dead_one_is_invalid(void **state)
{
	char *output;
	int status;

	(void)state;
	cartd_start(&head, NULL);
	cartd_kill(&head);
	status = run_gate("10s", &output);
	assert_outcome(status, 2, output, "cartbench: HEAD=http://127.0.0.1:");
	assert_outcome(status, 2, output,
		       "gate: INVALID: not all targets can be opened and compared");
	free(output);
}

static void one_that_answers_no_more_is_invalid(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.over=memory",
					       "fault.ops=create", "fault.hang_every=1", NULL};
	json_t *json;
	char *output;
	int status;

	(void)state;
	cartd_start(&head, settings);
	status = run_gate("1s", &output);
	skip_if_too_noisy(status, output);
	assert_outcome(status, 2, output,
		       "gate: INVALID: HEAD stopped answering; the last error: timeout");
	json = document();
	assert_string_equal(outcome_of(json), "invalid");
	assert_non_null(json_string_value(json_object_get(json, "invalid")));
	json_decref(json);
	free(output);
	cartd_kill(&head);
}

static void what_cannot_be_asked_is_refused(void **state)
{
	static const struct {
		const char *argv[6];
		const char *said;
	} cases[] = {
		{{"cartbench", "gate", "BASE=x", "SAME=x", NULL}, "given as BASE=TARGET"},
		{{"cartbench", "gate", "--exact", "a", "b", "c"}, "two files and nothing else"},
		{{"cartbench", "gate", "--exact", "a.json", "b.json", NULL},
		 "gate: INVALID: a.json: cannot read it: "},
	};
	const char *slow[] = {"cartbench", "gate",   "--control", "4%",
			      "BASE=x",	   "SAME=x", "HEAD=x",	  NULL};
	char *output;
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *argv[7] = {NULL};

		memcpy(argv, cases[i].argv, sizeof(cases[i].argv));
		status = cartd_run_program(argv, &output, RUN_MS);
		assert_outcome(status, 2, output, cases[i].said);
		free(output);
	}
	status = cartd_run_program(slow, &output, RUN_MS);
	assert_outcome(status, 2, output, "above --limit");
	free(output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_binary_passes),
		cmocka_unit_test(a_slower_one_is_a_regression),
		cmocka_unit_test(one_that_fails_is_a_regression),
		cmocka_unit_test(a_dead_one_is_invalid),
		cmocka_unit_test(one_that_answers_no_more_is_invalid),
		cmocka_unit_test(what_cannot_be_asked_is_refused),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
