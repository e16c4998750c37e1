/* cartbench h2h and compare, as a user runs them. */
#include "bench/h2h/h2h.h"
#include "bench/target/drive.h"
#include "core/base/buf.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"

#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS	 60000
#define ARGS_MAX 32
/* Little, and sure where it is said that something differs. */
#define SHORT                                                                                      \
	"--blocks", "24", "--pairs", "20", "--quantile", "50%", "--warmup", "20ms", "--no-calls",  \
		"--no-open", "--busy"

static char folder[256], file[300], other[300];

static char *bench(int want, const char *const *arguments)
{
	const char *argv[ARGS_MAX] = {"cartbench"};
	char *output;
	int status;

	for (size_t i = 0; arguments[i] != NULL; i++) {
		assert_true(i + 2 < ARGS_MAX);
		argv[i + 1] = arguments[i];
	}
	status = cartd_run_program(argv, &output, RUN_MS);
	if (status != want)
		fail_msg("exit status %d, not %d: %s", status, want, output);
	return output;
}

#define BENCH(want_, ...) bench(want_, (const char *const[]){__VA_ARGS__, NULL})

/* Exit status 2, with these words. */
static void refused(const char *words, const char *const *arguments)
{
	char *output = bench(2, arguments);

	if (strstr(output, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, output);
	free(output);
}

#define REFUSED(words_, ...) refused(words_, (const char *const[]){__VA_ARGS__, NULL})

static json_t *load(const char *path)
{
	json_error_t why;
	json_t *result = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (result == NULL)
		fail_msg("%s: %s", path, why.text);
	return result;
}

static void save(const json_t *result, const char *path)
{
	assert_int_equal(json_dump_file(result, path, JSON_INDENT(1)), 0);
}

static int setup(void **state)
{
	(void)state;
	cartd_make_directory(folder);
	snprintf(file, sizeof(file), "%s/h2h.json", folder);
	snprintf(other, sizeof(other), "%s/other.json", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cartd_remove_directory(folder);
	return 0;
}

static json_t *operation(const json_t *result, size_t at)
{
	return json_array_get(json_object_get(json_object_get(result, "results"), "operations"),
			      at);
}

/* The first quantile of an operation's rows. */
static json_t *row(const json_t *result, size_t at)
{
	return json_array_get(json_object_get(operation(result, at), "quantiles"), 0);
}

/* False: a line is not decided, which a busy machine may do. */
static bool a_wins_every_line(const json_t *result)
{
	for (size_t i = 0; i < 3; i++) {
		const char *verdict = json_string_value(json_object_get(row(result, i), "verdict"));

		if (strcmp(verdict, "NOT COMPARABLE") == 0 || strcmp(verdict, "INCONCLUSIVE") == 0)
			return false;
		assert_string_equal(verdict, "A WINS");
		assert_true(json_number_value(json_object_get(row(result, i), "effect")) > 2);
	}
	return true;
}

static void two_cartds_are_compared_and_a_slower_one_loses(void **state)
{
	char a[60], b[60], *output;
	struct cartd cartds[2];
	bool decided = false;
	json_t *result;

	(void)state;
	for (int i = 0; i < 2; i++)
		cartd_start(&cartds[i], NULL);
	snprintf(a, sizeof(a), "A=http://127.0.0.1:%d", cartds[0].port);
	snprintf(b, sizeof(b), "B=http://127.0.0.1:%d", cartds[1].port);
	/* Six times as long: no machine is so busy for one side alone. */
	for (int tries = 0; tries < 10 && !decided; tries++) {
		output = BENCH(0, "h2h", SHORT, "--seed", "3", "--slow-b", "500%", "--out", file,
			       "--label", "B=the slow one", a, b);
		assert_non_null(strstr(output, "the slow one"));
		free(output);
		result = load(file);
		assert_string_equal(json_string_value(json_object_get(result, "kind")), "h2h");
		assert_true(json_is_null(json_object_get(result, "invalid")));
		assert_int_equal(json_array_size(json_object_get(result, "sides")), 2);
		decided = a_wins_every_line(result);
		json_decref(result);
	}
	assert_true(decided);
	for (int i = 0; i < 2; i++)
		cartd_stop(&cartds[i]);
}

static void calls_of_the_database_are_counted_where_it_counts_them(void **state)
{
	char *output = BENCH(0, "h2h", "--blocks", "12", "--pairs", "20", "--quantile", "50%",
			     "--no-open", "--busy", "A=store:memory", "B=store:memory");

	(void)state;
	assert_null(strstr(output, "calls to the database"));
	free(output);
}

/* Only the read cache tells them apart on this backend. */
static void gets_ask_for_the_consistency_that_is_wanted(void **state)
{
	static const char *const settings[] = {"cache.carts=1000", NULL};
	static const char *const ways[] = {"default", "strong", "eventual"};
	double hits, all;
	struct cartd cartd;
	char url[60], *output;
	json_t *result;

	(void)state;
	cartd_start(&cartd, settings);
	snprintf(url, sizeof(url), "A=http://127.0.0.1:%d", cartd.port);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		output = BENCH(0, "h2h", "--blocks", "12", "--pairs", "20", "--quantile", "50%",
			       "--warmup", "0", "--busy", "--no-calls", "--rate", "200",
			       "--duration", "300ms", "--consistency", ways[i], "--out", file, url,
			       "B=store:memory");
		assert_int_equal(strstr(output, "gets with consistency=") != NULL, i > 0);
		result = load(file);
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(result, "results"), "consistency")),
				    ways[i]);
		hits = cartd_metric(&cartd, "cart_cache_reads_total{result=\"hit\"}");
		assert_int_equal(hits > 0, i == 2);
		json_decref(result);
		free(output);
	}
	/* Those of the pairs, of a side alone, and of the open loop. */
	all = hits + cartd_metric(&cartd, "cart_cache_reads_total{result=\"miss\"}");
	assert_true(all > 12 * (20 + H2H_ALONE));
	cartd_stop(&cartd);
}

/* Of two services, and of a service and a store in cartbench's own process. */
static void sides_on_different_cores_are_refused(void **state)
{
	char a[60], b[60], pin[12], *output;
	struct cartd cartds[2];
	cpu_set_t all, one;
	int core = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2)
		skip();
	while (!CPU_ISSET((size_t)core, &all))
		core++;
	snprintf(pin, sizeof(pin), "%d", core);
	CPU_ZERO(&one);
	CPU_SET((size_t)core, &one);
	cartd_start(&cartds[0], NULL);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	cartd_start(&cartds[1], NULL); /* inherits it */
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	snprintf(a, sizeof(a), "A=http://127.0.0.1:%d", cartds[0].port);
	snprintf(b, sizeof(b), "B=http://127.0.0.1:%d", cartds[1].port);
	REFUSED("pin both alike", "h2h", SHORT, a, b);
	REFUSED("pin both alike", "h2h", SHORT, a, "B=store:memory", "--pin", pin);
	/* One that is pinned as the generator is may be compared. */
	output = BENCH(0, "h2h", SHORT, "--pin", pin, "A=store:memory", b);
	free(output);
	for (int i = 0; i < 2; i++)
		cartd_stop(&cartds[i]);
}

/* They are asked for after the pairs, over the connection that was made before them. */
static void metrics_are_had_although_the_service_has_closed_the_connection(void **state)
{
	static const char *const settings[] = {"http.idle_timeout=1s", "http.header_deadline=1s",
					       NULL};
	const struct bench_drive_config config = {.timeout_ms = 10000};
	const struct timespec nap = {.tv_nsec = 20000000};
	struct bench_drive *drive;
	struct cartd cartd;
	struct cart_error error;
	struct buf metrics = {0};
	char url[60];

	(void)state;
	cartd_start(&cartd, settings);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", cartd.port);
	assert_int_equal(bench_drive_open(&drive, url, &config, &error), 0);
	/* Until it has let go of all but the one that asks. */
	while (cartd_metric(&cartd, "cart_http_connections") > 1)
		nanosleep(&nap, NULL);
	assert_int_equal(bench_drive_metrics(drive, &metrics, &error), 0);
	assert_non_null(strstr(buf_string(&metrics), "cart_info{"));
	buf_free(&metrics);
	bench_drive_close(&drive);
	cartd_stop(&cartd);
}

static void what_is_wrong_is_said_in_a_line(void **state)
{
	(void)state;
	REFUSED("given as A=TARGET B=TARGET", "h2h", "http://127.0.0.1:1", "B=store:memory");
	REFUSED("B=http://127.0.0.1:1", "h2h", "A=store:memory", "B=http://127.0.0.1:1");
	REFUSED("--quantile takes", "h2h", "--quantile", "1", "A=store:memory", "B=store:memory");
	REFUSED("--quantile 99% needs --pairs 1000", "h2h", "--quantile", "99%", "A=store:memory",
		"B=store:memory");
	REFUSED("--quantile 95% needs --pairs 200", "h2h", "--pairs", "100", "A=store:memory",
		"B=store:memory");
	REFUSED("--blocks", "h2h", "--blocks", "11", "A=store:memory", "B=store:memory");
	REFUSED("nobody", "h2h", "A=store:nobody", "B=store:memory");
	REFUSED("cannot write", "h2h", "--out", "/nowhere/h2h.json", "A=store:memory",
		"B=store:memory");
}

static void a_side_that_fails_is_not_believed_and_what_was_measured_is_kept(void **state)
{
	json_t *result;

	(void)state;
	REFUSED("INVALID: B failed", "h2h", SHORT, "--out", file, "A=store:memory",
		"B=store:fault?fault.over=memory&fault.ops=get&fault.busy_every=1");
	result = load(file);
	assert_non_null(json_object_get(row(result, 1), "verdict"));
	assert_true(json_is_string(json_object_get(result, "invalid")));
	json_decref(result);
}

static void a_side_that_fails_fast_does_not_win(void **state)
{
	char *output = BENCH(0, "h2h", SHORT, "--out", file, "A=store:memory",
			     "B=store:fault?fault.over=memory&fault.ops=change&fault.busy_every=3");
	json_t *result = load(file);
	const char *shares = strstr(output, "succeeded"), *speeds = strstr(output, "B against A");

	(void)state;
	assert_true(shares != NULL && speeds != NULL && shares < speeds);
	assert_non_null(
		strstr(output, "NOT COMPARABLE: B failed 33\xc2\xa0% of add, A 0\xc2\xa0%"));
	assert_null(strstr(output, "WINS\n"));
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(json_string_value(json_object_get(row(result, i), "verdict")),
				    "NOT COMPARABLE");
	json_decref(result);
	free(output);
}

/* Of a gate's first run: both sides. */
static json_t *gate_open_loop(const json_t *gate)
{
	json_t *run = json_array_get(json_object_get(json_object_get(gate, "results"), "runs"), 0);
	json_t *operations = json_object_get(json_object_get(run, "h2h"), "operations");

	return json_object_get(json_array_get(operations, 3), "open");
}

static void a_side_that_does_not_store_is_wrong(void **state)
{
	char *output;
	json_t *result;

	(void)state;
	output = BENCH(3, "h2h", SHORT, "--out", file, "A=store:memory",
		       "B=store:fault?fault.mutant=dropped-write&fault.mutant_share=100");
	assert_non_null(strstr(output, "WRONG: B does not hold "));
	assert_null(strstr(output, "WINS\n"));
	free(output);
	output = BENCH(3, "compare", file, file);
	assert_non_null(strstr(output, "WRONG: B does not hold "));
	free(output);
	output = BENCH(3, "run", "--busy", "--duration", "300ms", "--warmup", "0s",
		       "store:fault?fault.mutant=dropped-write&fault.mutant_share=100");
	assert_non_null(strstr(output, "of a cart is there"));
	free(output);
	/* Asked in the open loop too, as gate does unless it is told not to. */
	output = BENCH(3, "gate", "--busy", "--rate", "300", "--duration", "200ms", "--blocks",
		       "12", "--pairs", "20", "--limit", "90%", "--out", file, "BASE=store:memory",
		       "SAME=store:fault?fault.mutant=dropped-write&fault.mutant_share=100",
		       "HEAD=store:memory");
	assert_non_null(strstr(output, "gate: WRONG: SAME does not hold "));
	free(output);
	result = load(file);
	assert_int_equal(json_array_size(gate_open_loop(result)), 2);
	json_decref(result);
}

static void a_side_that_shows_what_was_not_there_is_wrong(void **state)
{
	static const struct {
		const char *mutant, *words;
	} sides[] = {
		{"stale-cache", " was acknowledged"},
		{"stale-lines", "lines that its cart did not have"},
		{"dropped-write&fault.mutant_share=100", "a get showed"},
	};
	char b[100], *output;
	json_t *result, *gets;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(b, sizeof(b), "B=store:fault?fault.mutant=%s", sides[i].mutant);
		output = BENCH(3, "h2h", SHORT, "--out", file, "A=store:memory", b);
		assert_non_null(strstr(output, "WRONG: B "));
		assert_null(strstr(output, "WINS\n"));
		free(output);
		result = load(file);
		gets = json_object_get(json_object_get(result, "results"), "read_back");
		for (size_t side = 0; side < 2; side++) {
			json_t *of = json_array_get(gets, side);

			/* 24 blocks: 20 pairs, and 20 of each side alone */
			assert_int_equal(json_integer_value(json_object_get(of, "gets")), 960);
			assert_true((json_integer_value(json_object_get(of, "gets_wrong")) > 0) ==
				    (side == 1));
			if (side == 1)
				assert_non_null(strstr(
					json_string_value(json_object_get(of, "gets_example")),
					sides[i].words));
		}
		json_decref(result);
		output = BENCH(3, "compare", file, file);
		assert_non_null(strstr(output, "WRONG: B "));
		free(output);
	}
}

/* Who asks for eventual reads may get an older cart, and no other. */
static void an_older_cart_is_counted_where_it_was_asked_for(void **state)
{
	char *output =
		BENCH(0, "h2h", SHORT, "--consistency", "eventual", "--out", file, "A=store:memory",
		      "B=store:fault?fault.mutant=stale-cache&fault.mutant_reads=eventual");
	json_t *result = load(file),
	       *b = json_array_get(json_object_get(json_object_get(result, "results"), "read_back"),
				   1);

	(void)state;
	assert_null(strstr(output, "WRONG: B "));
	assert_true(json_integer_value(json_object_get(b, "gets_stale")) > 0);
	assert_int_equal(json_integer_value(json_object_get(b, "gets_wrong")), 0);
	json_decref(result);
	free(output);
	output = BENCH(3, "h2h", SHORT, "--consistency", "eventual", "A=store:memory",
		       "B=store:fault?fault.mutant=stale-lines&fault.mutant_reads=eventual");
	assert_non_null(strstr(output, "WRONG: B answered "));
	free(output);
}

/* Most of the pairs do not see it, because nothing is asked meanwhile. */
static double gap_ns(const json_t *open, size_t side)
{
	return json_number_value(json_object_get(json_array_get(open, side), "gap_ns"));
}

static void a_side_that_stands_still_has_lost(void **state)
{
	json_t *result = NULL, *open = NULL;
	char *output = NULL;

	(void)state;
	/* Again if A stood still as well: then it was the machine. */
	for (int i = 0; i == 0 || (i < 4 && gap_ns(open, 0) > 0.5e9); i++) {
		json_decref(result);
		free(output);
		output = BENCH(0, "h2h", "--blocks", "12", "--pairs", "20", "--quantile", "50%",
			       "--no-calls", "--busy", "--rate", "300", "--duration", "4500ms",
			       "--out", file, "A=store:memory",
			       "B=store:fault?fault.stall=3s&fault.stall_every=4s");
		result = load(file);
		open = json_object_get(operation(result, 3), "open");
	}
	assert_non_null(strstr(output, "A WINS: B stood still for "));
	assert_null(strstr(output, "EQUIVALENT\n"));
	assert_true(gap_ns(open, 1) > 2e9);
	/* Too little for a p99 says what would do. */
	assert_string_equal(json_string_value(json_object_get(operation(result, 3), "operation")),
			    "open loop");
	json_decref(result);
	free(output);
}

/* Its answers say that the database took 50 ms more than they took. */
static void a_service_whose_clock_is_fast_is_not_believed(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.clock=50000000", NULL};
	char a[60], b[60], *output;
	struct cartd cartds[2];
	json_t *result, *split;

	(void)state;
	cartd_start(&cartds[0], NULL);
	cartd_start(&cartds[1], settings);
	snprintf(a, sizeof(a), "A=http://127.0.0.1:%d", cartds[0].port);
	snprintf(b, sizeof(b), "B=http://127.0.0.1:%d", cartds[1].port);
	output = BENCH(0, "h2h", SHORT, "--out", file, a, b);
	assert_non_null(strstr(output, "where the time of B goes is not shown: "));
	assert_null(strstr(output, "where the time of A goes"));
	free(output);
	result = load(file);
	for (size_t i = 0; i < 3; i++) {
		split = json_object_get(operation(result, i), "split");
		assert_true(json_is_object(json_array_get(split, 0)));
		assert_true(json_is_null(json_array_get(split, 1)));
	}
	json_decref(result);
	output = BENCH(0, "run", "--busy", "--duration", "100ms", "--warmup", "0", b + 2);
	assert_non_null(strstr(output, "where the time goes is not shown: "));
	assert_null(strstr(output, "client + network"));
	free(output);
	for (int i = 0; i < 2; i++)
		cartd_stop(&cartds[i]);
}

static void sides_of_one_database_have_different_names(void **state)
{
	char *output =
		BENCH(0, "h2h", SHORT, "A=store:memory?cart.ttl=1d", "B=store:memory?cart.ttl=2d");

	(void)state;
	assert_non_null(strstr(output, "A  memory (cart.ttl=1d)  "));
	assert_non_null(strstr(output, "B  memory (cart.ttl=2d)  "));
	free(output);
	output = BENCH(0, "h2h", SHORT, "A=store:memory", "B=store:fault", "--label", "B=memory");
	assert_non_null(strstr(output, "A  memory (store:memory)  "));
	assert_non_null(strstr(output, "B  memory (store:fault)  "));
	free(output);
}

/* Two results that say the same, but for what a test does to the second. */
static json_t *make_pair(void)
{
	free(BENCH(0, "h2h", SHORT, "--seed", "5", "--out", file, "A=store:memory",
		   "B=store:memory"));
	return load(file);
}

/* The same, whatever the machine did meanwhile. */
static json_t *make_valid_pair(void)
{
	json_t *result = make_pair();

	json_object_set_new(result, "invalid", json_null());
	save(result, file);
	return result;
}

static void archived_results_are_compared(void **state)
{
	json_t *result = make_valid_pair(), *ratios, *ratio, *succeeded;
	char *output;
	size_t i;

	(void)state;
	output = BENCH(0, "compare", file, file);
	assert_non_null(strstr(output, "add p50, B to A"));
	assert_null(strstr(output, "WINS"));
	free(output);
	/* B took twenty times as long, in every block. */
	ratios = json_object_get(row(result, 1), "log_ratios");
	json_array_foreach(ratios, i, ratio)
	{
		json_real_set(ratio, (i % 2 == 0 ? 0.001 : -0.001) + 3);
	}
	save(result, other);
	output = BENCH(0, "compare", file, other);
	assert_non_null(strstr(output, "A WINS"));
	free(output);
	output = BENCH(0, "compare", "--json", other, file);
	assert_non_null(strstr(output, "\"verdict\": \"B WINS\""));
	free(output);
	/* It failed a tenth of them: no line is about speed. */
	succeeded = json_array_get(json_object_get(operation(result, 1), "success"), 1);
	json_object_set_new(succeeded, "ok", json_integer(432));
	save(result, other);
	output = BENCH(0, "compare", file, other);
	assert_non_null(strstr(output, "NOT COMPARABLE: B failed 10\xc2\xa0% of add, B, A 0"));
	assert_null(strstr(output, "WINS"));
	/* The shares have their intervals. */
	assert_non_null(strstr(output, "90\xc2\xa0% (87\xc2\xa0% to 92.4\xc2\xa0%)"));
	free(output);
	json_object_set_new(result, "invalid", json_string("the machine was busy"));
	save(result, other);
	output = BENCH(0, "compare", file, other);
	assert_non_null(
		strstr(output, "NOT COMPARABLE: the new result is INVALID: the machine was busy"));
	free(output);
	json_decref(result);
}

/* As where an operation has got another name. */
static void an_operation_of_one_file_is_named(void **state)
{
	json_t *result = make_valid_pair();
	const char *const files[][3] = {{file, other, "add is only in the old result"},
					{other, file, "add is only in the new result"}};
	char *output;

	(void)state;
	json_array_remove(json_object_get(json_object_get(result, "results"), "operations"), 1);
	save(result, other);
	for (size_t i = 0; i < 2; i++) {
		output = BENCH(0, "compare", files[i][0], files[i][1]);
		assert_non_null(strstr(output, "NOT COMPARABLE: "));
		assert_non_null(strstr(output, files[i][2]));
		/* Its shares and its line stand there all the same. */
		assert_non_null(strstr(output, "\nadd, A "));
		assert_non_null(strstr(output, "\nadd p50, B to A "));
		assert_null(strstr(output, "EQUIVALENT"));
		free(output);
	}
	json_decref(result);
}

static void results_that_do_not_belong_together_are_refused(void **state)
{
	json_t *result = make_pair();
	FILE *out;

	(void)state;
	json_object_set_new(json_object_get(result, "machine"), "id", json_string("0123456789ab"));
	save(result, other);
	REFUSED("different machines", "compare", file, other);
	free(BENCH(0, "compare", "--other-machine", file, other));
	json_object_set_new(result, "format_version", json_integer(99));
	save(result, other);
	REFUSED(other, "compare", file, other);
	out = fopen(other, "w");
	assert_non_null(out);
	fputs("{\"format\": \"cartbench-res", out);
	fclose(out);
	REFUSED(other, "compare", file, other);
	REFUSED("/nowhere.json", "compare", file, "/nowhere.json");
	json_decref(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_cartds_are_compared_and_a_slower_one_loses),
		cmocka_unit_test(calls_of_the_database_are_counted_where_it_counts_them),
		cmocka_unit_test(metrics_are_had_although_the_service_has_closed_the_connection),
		cmocka_unit_test(gets_ask_for_the_consistency_that_is_wanted),
		cmocka_unit_test(sides_on_different_cores_are_refused),
		cmocka_unit_test(what_is_wrong_is_said_in_a_line),
		cmocka_unit_test(a_side_that_fails_is_not_believed_and_what_was_measured_is_kept),
		cmocka_unit_test(a_side_that_fails_fast_does_not_win),
		cmocka_unit_test(a_side_that_does_not_store_is_wrong),
		cmocka_unit_test(a_side_that_shows_what_was_not_there_is_wrong),
		cmocka_unit_test(an_older_cart_is_counted_where_it_was_asked_for),
		cmocka_unit_test(a_side_that_stands_still_has_lost),
		cmocka_unit_test(a_service_whose_clock_is_fast_is_not_believed),
		cmocka_unit_test(sides_of_one_database_have_different_names),
		cmocka_unit_test(archived_results_are_compared),
		cmocka_unit_test(an_operation_of_one_file_is_named),
		cmocka_unit_test(results_that_do_not_belong_together_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
