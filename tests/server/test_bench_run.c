/* cartbench run and sweep against a real cartd, as a user runs them. */
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/fake_server.h"
#include "tests/lib/token_file.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_MS	 60000
#define ARGS_MAX 24

static char folder[256], file[300];

/* Runs cartbench with these arguments; what it printed, to be freed. */
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
	if (want >= 0 && status != want)
		fail_msg("exit status %d, not %d: %s", status, want, output);
	return output;
}

#define BENCH(want_, ...) bench(want_, (const char *const[]){__VA_ARGS__, NULL})

static void start(struct cartd *cartd, const char *const *settings, char url[40])
{
	cartd_start(cartd, settings);
	snprintf(url, 40, "http://127.0.0.1:%d", cartd->port);
}

static json_t *load_file(void)
{
	json_error_t why;
	json_t *result = json_load_file(file, JSON_REJECT_DUPLICATES, &why);

	if (result == NULL)
		fail_msg("%s: %s", file, why.text);
	assert_string_equal(json_string_value(json_object_get(result, "format")),
			    "cartbench-result");
	return result;
}

static json_t *in(const json_t *object, const char *member)
{
	json_t *value = json_object_get(object, member);

	if (value == NULL)
		fail_msg("no member %s", member);
	return value;
}

/* The operation of that name in a run's results; NULL: it was not tried. */
static json_t *operation(const json_t *result, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach(in(in(result, "results"), "operations"), i, one)
	{
		if (strcmp(json_string_value(in(one, "operation")), name) == 0)
			return one;
	}
	return NULL;
}

static json_int_t tried(const json_t *result, const char *member)
{
	json_int_t sum = 0;
	json_t *one;
	size_t i;

	json_array_foreach(in(in(result, "results"), "operations"), i, one)
	{
		sum += json_integer_value(in(one, member));
	}
	return sum;
}

/* On a machine that is busy cartbench may find itself the limit: then, and only then, it is 2. */
static json_t *run_and_load(const char *const *arguments, int otherwise)
{
	const char *argv[ARGS_MAX] = {"cartbench"};
	char *output;
	json_t *result;
	int status;

	for (size_t i = 0; arguments[i] != NULL; i++)
		argv[i + 1] = arguments[i];
	unlink(file);
	status = cartd_run_program(argv, &output, RUN_MS);
	result = load_file();
	if (status != (json_is_null(in(result, "invalid")) ? otherwise : 2))
		fail_msg("exit status %d: %s", status, output);
	if (status == 2)
		assert_non_null(strstr(output, "INVALID: "));
	free(output);
	return result;
}

static void assert_csv_says(const char *path, const char *words)
{
	char text[4096];
	FILE *csv = fopen(path, "r");

	assert_non_null(csv);
	text[fread(text, 1, sizeof(text) - 1, csv)] = '\0';
	fclose(csv);
	if (strstr(text, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, text);
}

static void a_closed_run_keeps_a_whole_result(void **state)
{
	struct cartd cartd;
	char url[40], *output, csv[320];
	json_t *result, *side;

	(void)state;
	start(&cartd, NULL, url);
	result = run_and_load((const char *const[]){"run", "--busy", "--clients", "4", "--duration",
						    "300ms", "--warmup", "50ms", "--seed", "7",
						    "--out", file, "--label", "A=mine", url, NULL},
			      0);
	assert_string_equal(json_string_value(in(result, "kind")), "run");
	assert_int_equal(json_integer_value(in(result, "seed")), 7);
	side = json_array_get(in(result, "sides"), 0);
	assert_string_equal(json_string_value(in(side, "label")), "mine");
	assert_string_equal(json_string_value(in(side, "database")), "memory");
	assert_true(json_string_length(in(side, "version")) > 0);
	assert_true(tried(result, "tried") > 0);
	assert_int_equal(tried(result, "tried"), tried(result, "ok"));
	assert_true(json_is_null(in(operation(result, "create"), "response")));
	assert_int_equal(
		json_integer_value(in(in(operation(result, "create"), "service"), "count")),
		json_integer_value(in(operation(result, "create"), "ok")));
	assert_true(json_number_value(
			    in(in(in(operation(result, "add"), "split"), "mean"), "client")) > 0);
	assert_int_equal(json_array_size(in(in(result, "results"), "seconds")), 1);
	json_decref(result);

	snprintf(csv, sizeof(csv), "%s/x.csv", folder);
	output = BENCH(-1, "run", "--duration", "200ms", "--warmup", "0", "--mix",
		       "get=1,add=1,list=0.000001", "--keys", "zipfian", "--carts", "20", "--csv",
		       csv, url);
	assert_non_null(strstr(output, "coordinated omission: service times only\n"));
	assert_non_null(strstr(output, "memory at http://127.0.0.1:"));
	assert_non_null(strstr(output, "client + network"));
	assert_null(strstr(output, "create "));
	free(output);
	assert_csv_says(csv, "add,service,0.99999,,");
	assert_csv_says(csv, ",fewer than ten samples lie beyond it\n");
	assert_csv_says(csv, "list,,,,0,0,none was asked in the time\n");
	cartd_stop(&cartd);
}

static void an_open_run_reports_response_and_lag(void **state)
{
	struct cartd cartd;
	char url[40];
	json_t *result, *get;

	(void)state;
	start(&cartd, NULL, url);
	result = run_and_load((const char *const[]){"run", "--busy", "--rate", "200", "--arrivals",
						    "poisson", "--duration", "500ms", "--warmup",
						    "0", "--mix", "get=1", "--carts", "5", "--out",
						    file, url, NULL},
			      0);
	get = operation(result, "get");
	assert_int_equal(json_integer_value(in(in(get, "lag"), "count")),
			 json_integer_value(in(get, "tried")));
	assert_int_equal(json_integer_value(in(in(get, "response"), "count")),
			 json_integer_value(in(get, "ok")));
	assert_true(json_number_value(in(in(get, "response"), "mean")) >=
		    0.99 * json_number_value(in(in(get, "service"), "mean")));
	assert_true(json_is_real(in(in(in(result, "results"), "generator"), "lag_p99_ms")));
	json_decref(result);
	cartd_stop(&cartd);
}

static void a_target_that_fails_half_is_measured_and_ends_with_1(void **state)
{
	const char *const settings[] = {"backend=fault", "fault.busy_every=2", NULL};
	struct cartd cartd;
	char url[40];
	json_t *result, *create;

	(void)state;
	start(&cartd, settings, url);
	result = run_and_load((const char *const[]){"run", "--busy", "--duration", "300ms",
						    "--warmup", "0", "--mix", "create=1", "--out",
						    file, url, NULL},
			      1);
	create = operation(result, "create");
	assert_true(json_integer_value(in(create, "ok")) > 0);
	assert_int_equal(json_integer_value(in(in(create, "errors"), "503 UNAVAILABLE")),
			 json_integer_value(in(create, "refused")));
	json_decref(result);
	cartd_stop(&cartd);
}

/* One in a million operations is a checkout, so a short run has none. */
static void an_operation_that_was_never_asked_is_named(void **state)
{
	json_t *result;
	const char *warned;

	(void)state;
	result = run_and_load((const char *const[]){"run", "--busy", "--duration", "100ms",
						    "--warmup", "0", "--clients", "1", "--mix",
						    "get=1000000,checkout=0.0001", "--seed", "1",
						    "--out", file, "store:memory", NULL},
			      0);
	assert_null(operation(result, "checkout"));
	warned = json_string_value(json_array_get(in(result, "warnings"), 1));
	assert_string_equal(warned, "checkout was not measured: none was asked in the time");
	json_decref(result);
}

static void assert_line(char *output, const char *want)
{
	if (strcmp(output, want) != 0)
		fail_msg("\"%s\" is not \"%s\"", output, want);
	free(output);
}

static char *say_nothing(const char *said, void *user)
{
	(void)said;
	(void)user;
	return strdup("");
}

static char *say_hello(const char *said, void *user)
{
	(void)said;
	(void)user;
	return strdup("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static void what_cannot_be_measured_ends_with_one_line(void **state)
{
	struct fake_server server;
	struct cartd cartd;
	char url[40], want[400], *output;

	(void)state;
	start(&cartd, NULL, url);
	assert_line(BENCH(2, "run", "--rate", "0", url),
		    "cartbench run: --rate takes a number of 0.01 to 1000000, not \"0\"; cartbench "
		    "run --help shows how\n");
	assert_line(BENCH(2, "run", "--out", "/nonexistent/x.json", url),
		    "cartbench run: cannot write /nonexistent/x.json: No such file or directory; "
		    "cartbench run --help shows how\n");
	assert_line(BENCH(2, "run", "--mix", "fetch=1", url),
		    "cartbench run: no operation is called \"fetch\"; cartbench run --help shows "
		    "how\n");
	assert_line(BENCH(2, "run", "--keys", "hot", url),
		    "cartbench run: --keys and --carts are about a --mix: sessions make their own "
		    "carts; cartbench run --help shows how\n");
	assert_line(BENCH(2, "sweep", "--from", "8", "--to", "4", url),
		    "cartbench sweep: it would end before it begins; cartbench sweep --help shows "
		    "how\n");
	cartd_stop(&cartd);
	snprintf(want, sizeof(want), "cartbench: %s: cannot connect: Connection refused\n", url);
	assert_line(BENCH(2, "run", url), want);
	assert_line(BENCH(2, "sweep", url), want);

	fake_server_start(&server, say_nothing, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", server.port);
	output = BENCH(2, "run", "--busy", "--timeout", "200ms", url);
	snprintf(want, sizeof(want), "cartbench: %s: ", url);
	assert_int_equal(strncmp(output, want, strlen(want)), 0);
	assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
	free(output);
	fake_server_stop(&server);
	fake_server_start(&server, say_hello, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", server.port);
	output = BENCH(2, "run", url);
	assert_non_null(strstr(output, "not a cartd: GET /health answers 200 without a status\n"));
	free(output);
	fake_server_stop(&server);
}

static void await_requests(const struct cartd *cartd, double wanted)
{
	const int64_t until_ms = patience_ms() + RUN_MS;

	while (cartd_metric(cartd, "cart_store_ops_total{backend=\"memory\",op=\"create\","
				   "result=\"OK\"}") < wanted) {
		assert_true(patience_ms() < until_ms);
		usleep(20000);
	}
}

static void ctrl_c_ends_it_with_what_was_measured(void **state)
{
	struct cartd cartd, run;
	char url[40], *output;
	json_t *result;

	(void)state;
	start(&cartd, NULL, url);
	unlink(file);
	cartd_start_program(&run,
			    (const char *const[]){"cartbench", "run", "--busy", "--warmup", "0",
						  "--duration", "1h", "--out", file, url, NULL});
	await_requests(&cartd, 5);
	cartd_signal(&run, SIGINT);
	assert_int_equal(cartd_wait(&run, RUN_MS) & ~2, 0);
	output = cartd_output(&run);
	cartd_kill(&run);
	assert_non_null(strstr(output, "INTERRUPTED: this is what was measured until then\n"));
	free(output);
	result = load_file();
	assert_true(json_is_true(in(result, "interrupted")));
	assert_true(tried(result, "ok") >= 4);
	assert_true(json_number_value(in(in(result, "results"), "duration_s")) < 600);
	json_decref(result);
	cartd_stop(&cartd);
}

static void find_cartbench(char path[PATH_MAX])
{
	ssize_t got = readlink("/proc/self/exe", path, PATH_MAX - 1);

	assert_true(got > 0);
	path[got] = '\0';
	assert_non_null(strstr(path, "/tests/server/"));
	strcpy(strstr(path, "/tests/server/"), "/bin/cartbench");
}

/* As on a terminal. Returns its exit status. */
static int run_on_terminal(const char *url, char *said, size_t room)
{
	char path[PATH_MAX];
	size_t len = 0;
	ssize_t got;
	int terminal, status;
	pid_t pid;

	find_cartbench(path);
	setenv("TERM", "xterm", 1);
	pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		execl(path, "cartbench", "run", "--busy", "--duration", "1500ms", "--warmup", "0",
		      "--clients", "1", url, NULL);
		_exit(127);
	}
	while (len + 1 < room && (got = read(terminal, said + len, room - len - 1)) > 0)
		len += (size_t)got;
	said[len] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(terminal);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void progress_is_live_on_a_terminal_and_plain_elsewhere(void **state)
{
	struct cartd cartd;
	char url[40], said[16384], *output;

	(void)state;
	start(&cartd, NULL, url);
	assert_int_equal(run_on_terminal(url, said, sizeof(said)) & ~2, 0);
	assert_non_null(strstr(said, "\r\033[K"));
	assert_non_null(strstr(said, "/s, p50 "));
	assert_non_null(strstr(said, " failed, "));
	/* Taken away before the table. */
	assert_non_null(strstr(said, "\r\033[Kmemory at "));

	output = BENCH(-1, "run", "--duration", "1500ms", "--warmup", "0", "--clients", "1", url);
	assert_null(strchr(output, '\033'));
	assert_non_null(strstr(output, " left\n"));
	free(output);
	output = BENCH(-1, "run", "--quiet", "--duration", "1500ms", "--warmup", "0", url);
	assert_null(strstr(output, " left"));
	free(output);
	cartd_stop(&cartd);
}

static void cold_opens_a_connection_an_operation(void **state)
{
	const char *accepted = "cart_http_connections_accepted_total";
	struct cartd cartd;
	double before, after;
	char url[40];
	json_t *result;
	int read;

	(void)state;
	start(&cartd, NULL, url);
	before = cartd_metric(&cartd, accepted);
	result = run_and_load((const char *const[]){"run", "--busy", "--cold", "--clients", "2",
						    "--duration", "200ms", "--warmup", "0", "--out",
						    file, url, NULL},
			      0);
	after = cartd_metric(&cartd, accepted);
	/* One each for health, the contract, a cart of nobody and metrics, one for the metric here;
	 * and what was read back. */
	read = (int)json_number_value(
		in(json_array_get(in(in(result, "results"), "read_back"), 0), "carts"));
	assert_int_equal((int)(after - before), (int)tried(result, "tried") + read + 5);
	assert_true(json_is_true(in(in(result, "results"), "cold")));
	json_decref(result);
	cartd_stop(&cartd);
}

static void gets_ask_for_the_consistency_that_is_wanted(void **state)
{
	static const char *const settings[] = {"cache.carts=100", NULL};
	static const char *const hits = "cart_cache_reads_total{result=\"hit\"}";
	static const char *const ways[] = {"default", "strong", "eventual"};
	struct cartd cartd;
	char url[40];

	(void)state;
	start(&cartd, settings, url);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		json_t *result = run_and_load(
			(const char *const[]){"run", "--mix", "get=1", "--carts", "5",
					      "--consistency", ways[i], "--duration", "200ms",
					      "--warmup", "0", "--out", file, url, NULL},
			0);

		assert_string_equal(
			json_string_value(in(in(in(result, "results"), "mix"), "consistency")),
			ways[i]);
		/* Only the read cache tells them apart on this backend. */
		assert_int_equal(cartd_metric(&cartd, hits) > 0, i == 2);
		assert_int_equal(
			json_integer_value(json_object_get(operation(result, "get"), "cached")),
			(json_int_t)cartd_metric(&cartd, hits));
		json_decref(result);
	}
	cartd_stop(&cartd);
}

static void assert_says(char *output, const char *words)
{
	if (strstr(output, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, output);
	free(output);
}

static void write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

/* The token is in a file, and neither among the arguments nor in the result. */
static void a_cartd_that_knows_its_callers_wants_a_token(void **state)
{
	char url[40], setting[340], token[300], *text;
	const char *settings[] = {"auth=token", setting, NULL};
	struct token_file tokens = {0};
	struct cartd cartd;
	json_t *result;

	(void)state;
	snprintf(tokens.path, sizeof(tokens.path), "%s/tokens", folder);
	snprintf(setting, sizeof(setting), "auth.token_file=%s", tokens.path);
	snprintf(token, sizeof(token), "%s/token", folder);
	token_file_add(&tokens, "bench", "\"read\",\"write\",\"admin\"", "");
	token_file_add(&tokens, "writer", "\"write\"", "");
	token_file_write(&tokens);
	start(&cartd, settings, url);
	assert_says(BENCH(2, "run", url), "--token-file FILE");
	assert_says(BENCH(2, "seed150", url), "--token-file FILE");
	write_text(token, "a b\r\nX: y\n");
	assert_says(BENCH(2, "run", "--token-file", token, url), "holds no bearer token");
	write_text(token, "cart_of_nobody");
	assert_says(BENCH(2, "run", "--token-file", token, url), "does not take the token");
	write_text(token, tokens.entries[1].secret);
	assert_says(BENCH(2, "run", "--token-file", token, url), "lacks the scope read");
	write_text(token, tokens.entries[0].secret);
	result = run_and_load((const char *const[]){"run", "--busy", "--clients", "2", "--duration",
						    "100ms", "--warmup", "0", "--token-file", token,
						    "--out", file, url, NULL},
			      0);
	assert_true(tried(result, "tried") > 0);
	/* Which build it is says /metrics, to an administrator. */
	assert_non_null(json_object_get(json_array_get(in(result, "sides"), 0), "version"));
	text = json_dumps(result, JSON_COMPACT);
	assert_non_null(text);
	assert_null(strstr(text, tokens.entries[0].secret));
	free(text);
	json_decref(result);
	free(BENCH(0, "seed150", "--token-file", token, "--out", folder, url));
	cartd_stop(&cartd);
}

static void a_store_is_measured_without_a_cartd(void **state)
{
	char target[320];
	json_t *result, *side;

	(void)state;
	snprintf(target, sizeof(target), "store:sqlite?path=%s/cart.db", folder);
	result = run_and_load((const char *const[]){"run", "--busy", "--duration", "200ms",
						    "--warmup", "0", "--out", file, target, NULL},
			      0);
	side = json_array_get(in(result, "sides"), 0);
	assert_string_equal(json_string_value(in(side, "database")), "sqlite");
	assert_non_null(json_object_get(in(side, "settings"), "sqlite.path"));
	assert_true(tried(result, "ok") > 0);
	json_decref(result);
}

static void a_sweep_doubles_clients_and_prints_as_it_goes(void **state)
{
	struct cartd cartd;
	char url[40], *output;
	json_t *result, *points;

	(void)state;
	start(&cartd, NULL, url);
	unlink(file);
	output = BENCH(-1, "sweep", "--to", "3", "--duration", "100ms", "--warmup", "0", "--mix",
		       "get=1", "--carts", "4", "--out", file, url);
	assert_non_null(strstr(output, "   clients  done, operations/s"));
	result = load_file();
	points = in(in(result, "results"), "points");
	assert_true(json_array_size(points) == 3);
	assert_int_equal(json_integer_value(in(json_array_get(points, 0), "clients")), 1);
	assert_int_equal(json_integer_value(in(json_array_get(points, 1), "clients")), 2);
	assert_int_equal(json_integer_value(in(json_array_get(points, 2), "clients")), 3);
	free(output);
	json_decref(result);
	cartd_stop(&cartd);
}

/* The last line is what ./cart compare repeats. */
static void a_sweep_says_what_failed_and_what_to_do(void **state)
{
	char *output = BENCH(2, "sweep", "--busy", "--to", "1", "--duration", "100ms", "--warmup",
			     "0", "--mix", "create=1", "store:fault?fault.busy_every=1");
	const char *last = strstr(output, "INVALID: ");

	(void)state;
	assert_non_null(last);
	assert_non_null(strstr(last, "no point is valid: all "));
	assert_non_null(strstr(last,
			       " operations failed, most often create with 503 UNAVAILABLE; look "
			       "into the log of the service\n"));
	free(output);
	output = BENCH(1, "sweep", "--busy", "--quiet", "--to", "1", "--duration", "100ms",
		       "--warmup", "0", "--mix", "create=1", "store:fault?fault.busy_every=3");
	last = strstr(output, "note: fault: ");
	assert_non_null(last);
	assert_non_null(strstr(last,
			       " operations failed, most often create with 503 UNAVAILABLE; the "
			       "times are of the others. "));
	assert_non_null(strstr(last, "with fewer clients (--to) if it fails only under load\n"));
	free(output);
}

/* Two processes that never rest, on any number of processors. */
static void a_busy_machine_is_no_judge(void **state)
{
	static const char *const modes[][16] = {
		{"run", "--duration", "100ms", "--warmup", "0", "store:memory", NULL},
		{"sweep", "--duration", "100ms", "--to", "1", "store:memory", NULL},
		{"h2h", "--blocks", "12", "--pairs", "20", "--quantile", "50%", "--warmup", "0",
		 "--no-open", "--no-calls", "A=store:memory", "B=store:memory", NULL},
		{"gate", "--blocks", "12", "--pairs", "20", "--warmup", "0", "--no-open",
		 "BASE=store:memory", "SAME=store:memory", "HEAD=store:memory", NULL}};
	pid_t loops[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		loops[i] = fork();
		assert_true(loops[i] >= 0);
		if (loops[i] == 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (loops[i] == 0)
			;
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		char *output = bench(2, modes[i]);

		assert_non_null(strstr(output, "INVALID: the machine is busy: "));
		if (strcmp(modes[i][0], "gate") != 0)
			assert_non_null(strstr(output, "While nothing was asked others used "));
		free(output);
	}
	for (int i = 0; i < 2; i++) {
		kill(loops[i], SIGKILL);
		waitpid(loops[i], NULL, 0);
	}
}

static void a_full_disk_under_standard_output_is_noticed(void **state)
{
	struct cartd cartd;
	char url[40], path[PATH_MAX];
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), status;
	pid_t pid;

	(void)state;
	assert_true(full >= 0);
	find_cartbench(path);
	start(&cartd, NULL, url);
	unlink(file);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(full, STDOUT_FILENO);
		dup2(full, STDERR_FILENO);
		execl(path, "cartbench", "run", "--busy", "--quiet", "--duration", "100ms",
		      "--warmup", "0", "--out", file, url, NULL);
		_exit(127);
	}
	close(full);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	json_decref(load_file()); /* kept all the same */
	cartd_stop(&cartd);
}

static void help_shows_examples(void **state)
{
	char *output;

	(void)state;
	output = BENCH(0, "run", "--help");
	assert_non_null(strstr(output, "Example: cartbench run "));
	assert_non_null(strstr(output, "coordinated omission"));
	free(output);
	output = BENCH(0, "sweep", "--help");
	assert_non_null(strstr(output, "Example: cartbench sweep "));
	assert_non_null(strstr(output, "Kleinrock"));
	free(output);
}

static int make_folder(void **state)
{
	(void)state;
	cartd_make_directory(folder);
	snprintf(file, sizeof(file), "%s/result.json", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	cartd_remove_directory(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_run_keeps_a_whole_result),
		cmocka_unit_test(an_open_run_reports_response_and_lag),
		cmocka_unit_test(a_target_that_fails_half_is_measured_and_ends_with_1),
		cmocka_unit_test(an_operation_that_was_never_asked_is_named),
		cmocka_unit_test(what_cannot_be_measured_ends_with_one_line),
		cmocka_unit_test(ctrl_c_ends_it_with_what_was_measured),
		cmocka_unit_test(progress_is_live_on_a_terminal_and_plain_elsewhere),
		cmocka_unit_test(cold_opens_a_connection_an_operation),
		cmocka_unit_test(gets_ask_for_the_consistency_that_is_wanted),
		cmocka_unit_test(a_cartd_that_knows_its_callers_wants_a_token),
		cmocka_unit_test(a_store_is_measured_without_a_cartd),
		cmocka_unit_test(a_sweep_doubles_clients_and_prints_as_it_goes),
		cmocka_unit_test(a_sweep_says_what_failed_and_what_to_do),
		cmocka_unit_test(a_busy_machine_is_no_judge),
		cmocka_unit_test(a_full_disk_under_standard_output_is_noticed),
		cmocka_unit_test(help_shows_examples),
	};

	return cmocka_run_group_tests_name("cartbench run and sweep", tests, make_folder,
					   remove_folder);
}
