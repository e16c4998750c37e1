/*
 * Signals and the command line: what was accepted is answered before the process ends, and every
 * failure to start is one line.
 */
#include "core/base/clock.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/http_client.h"
#include "tests/lib/patience.h"
#include "tests/lib/waiter.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000
#define GET	"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_CART                                                                                   \
	"GET /shopping-carts/550e8400-e29b-41d4-a716-446655440000 HTTP/1.1\r\nHost: a\r\n\r\n"

/* Answers after a while, so that there is something to drain. */
#define SLOW "backend=fault", "fault.over=memory", "fault.delay=500ms"

static int status_of(struct cartd *cartd, const char *path)
{
	struct http_response response = {0};
	struct http_client client;
	int status;

	http_client_open(&client, cartd->port);
	http_client_call(&client, &response, "GET", path, NULL, NULL);
	status = response.status;
	http_response_clear(&response);
	http_client_close(&client);
	return status;
}

static void expect_status(struct http_client *client, int status, bool close)
{
	struct http_response response = {0};
	enum http_read got = http_client_read(client, &response, false, WAIT_MS);

	if (got != HTTP_READ_ANSWER)
		fail_msg("no answer where %d was due (%d)", status, (int)got);
	assert_int_equal(response.status, status);
	assert_int_equal(response.close, close);
	http_response_clear(&response);
}

static void expect_end(struct http_client *client)
{
	struct http_response response = {0};

	assert_int_equal(http_client_read(client, &response, false, WAIT_MS), HTTP_READ_CLOSED);
	http_response_clear(&response);
	http_client_close(client);
}

static void expect_exit(struct cartd *cartd, int status)
{
	int got = cartd_wait(cartd, WAIT_MS);

	if (got != status) {
		char *output = cartd_output(cartd);

		print_error("cartd wrote:\n%s\n", output);
		free(output);
		fail_msg("cartd ended with %d in place of %d", got, status);
	}
	cartd_kill(cartd);
}

static void requests_under_way_are_answered_and_told_to_close(void **state)
{
	static const char *const settings[] = {SLOW, "threads=2", NULL};
	struct http_client clients[40];
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	for (int i = 0; i < 40; i++) {
		http_client_open(&clients[i], cartd.port);
		if (i % 2 == 0) { /* half of them on connections that were used before */
			http_client_send_text(&clients[i], GET);
			expect_status(&clients[i], 200, false);
		}
	}
	for (int i = 0; i < 40; i++)
		http_client_send_text(&clients[i], GET_CART);
	cartd_signal(&cartd, SIGTERM);
	for (int i = 0; i < 40; i++) {
		expect_status(&clients[i], 404, true);
		expect_end(&clients[i]);
	}
	expect_exit(&cartd, 0);
}

static void a_connection_without_its_request_yet_is_served(void **state)
{
	struct http_client early, idle;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, NULL);
	http_client_open(&idle, cartd.port);
	http_client_send_text(&idle, GET);
	expect_status(&idle, 200, false);
	http_client_open(&early, cartd.port);
	cartd_signal(&cartd, SIGINT);
	cartd_await_output(&cartd, "draining", WAIT_MS);
	http_client_send_text(&early, GET);
	expect_status(&early, 200, true);
	expect_end(&early);
	expect_end(&idle);
	expect_exit(&cartd, 0);
}

static void readyz_says_503_while_the_listeners_are_still_open(void **state)
{
	static const char *const settings[] = {"drain.delay=500ms", NULL};
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	assert_int_equal(status_of(&cartd, "/readyz"), 200);
	cartd_signal(&cartd, SIGTERM);
	cartd_await_output(&cartd, "draining", WAIT_MS);
	assert_int_equal(status_of(&cartd, "/readyz"), 503);
	assert_int_equal(status_of(&cartd, "/livez"), 200);
	expect_exit(&cartd, 0);
}

/* Clients that connect, ask once and close, until they are not let in any more. */
struct storm {
	int port;
	atomic_int answered, broken;
};

static void *storm_run(void *user)
{
	struct storm *storm = user;
	struct http_response response = {0};
	struct http_client client;

	while (http_client_try_open(&client, storm->port)) {
		if (!http_client_send_text(&client, GET) ||
		    http_client_read(&client, &response, false, WAIT_MS) != HTTP_READ_ANSWER)
			storm->broken++;
		else
			storm->answered++;
		http_client_close(&client);
	}
	http_response_clear(&response);
	return NULL;
}

static void nobody_is_reset_in_a_storm_of_connects(void **state)
{
	static const char *const settings[] = {"threads=2", NULL};
	pthread_t threads[8];
	struct cartd cartd;

	(void)state;
	for (int round = 0; round < 5; round++) {
		struct storm storm = {0};

		cartd_start(&cartd, settings);
		storm.port = cartd.port;
		for (int i = 0; i < 8; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, storm_run, &storm), 0);
		while (storm.answered < 500)
			usleep(1000);
		cartd_signal(&cartd, SIGTERM);
		for (int i = 0; i < 8; i++)
			pthread_join(threads[i], NULL);
		print_message("%d answered, %d broken\n", storm.answered, storm.broken);
		assert_int_equal(storm.broken, 0);
		expect_exit(&cartd, 0);
	}
}

static void those_who_wait_at_the_limit_are_served_before_the_end(void **state)
{
	static const char *const settings[] = {SLOW, "http.max_connections=4", NULL};
	struct http_client clients[4];
	struct waiter waiters[4];
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	for (int i = 0; i < 4; i++) {
		http_client_open(&clients[i], cartd.port);
		http_client_send_text(&clients[i], GET_CART);
	}
	for (int i = 0; i < 4; i++)
		waiter_start(&waiters[i], cartd.port, GET_CART);
	cartd_signal(&cartd, SIGTERM);
	for (int i = 0; i < 4; i++) {
		expect_status(&clients[i], 404, true);
		expect_end(&clients[i]);
	}
	for (int i = 0; i < 4; i++) {
		assert_true(waiter_join(&waiters[i], WAIT_MS));
		expect_status(&waiters[i].client, 404, true);
		expect_end(&waiters[i].client);
	}
	expect_exit(&cartd, 0);
}

static void the_deadline_of_the_drain_cuts_what_is_left(void **state)
{
	static const char *const settings[] = {"backend=fault",	      "fault.over=memory",
					       "fault.delay=1500ms",  "drain.deadline=0",
					       "request.deadline=3s", NULL};
	struct http_client pending, partial;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	http_client_open(&pending, cartd.port);
	http_client_send_text(&pending, GET_CART);
	http_client_open(&partial, cartd.port);
	http_client_send_text(&partial, "GET /");
	assert_int_equal(status_of(&cartd, "/livez"), 200);
	cartd_signal(&cartd, SIGTERM);
	assert_true(http_client_await_close(&pending, WAIT_MS));
	assert_true(http_client_await_close(&partial, WAIT_MS));
	cartd_await_output(&cartd, "drain.deadline has passed", WAIT_MS);
	expect_exit(&cartd, 1);
	http_client_close(&pending);
	http_client_close(&partial);
}

static void a_second_signal_ends_it_at_once(void **state)
{
	static const char *const settings[] = {"drain.delay=1h", NULL};
	int64_t start_ms = patience_ms();
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	cartd_signal(&cartd, SIGTERM);
	cartd_await_output(&cartd, "draining", WAIT_MS);
	cartd_signal(&cartd, SIGINT);
	expect_exit(&cartd, 1);
	assert_in_range(patience_ms() - start_ms, 0, WAIT_MS);
}

static void sighup_opens_the_log_again(void **state)
{
	char directory[256], file[300], moved[300], setting[320];
	const char *settings[] = {setting, NULL};
	struct cartd cartd;

	(void)state;
	cartd_make_directory(directory);
	snprintf(file, sizeof(file), "%s/cartd.log", directory);
	snprintf(moved, sizeof(moved), "%s/cartd.log.1", directory);
	snprintf(setting, sizeof(setting), "log.file=%s", file);
	cartd_start_with(&cartd, settings, &(struct cartd_options){.log_file = file});
	assert_int_equal(rename(file, moved), 0);
	cartd_signal(&cartd, SIGHUP);
	for (int64_t end = patience_ms() + WAIT_MS; access(file, F_OK) != 0;) {
		assert_true(patience_ms() < end);
		usleep(1000);
	}
	assert_int_equal(status_of(&cartd, "/livez"), 200);
	cartd_stop(&cartd);
	cartd_remove_directory(directory);
}

/* As when a terminal closes, which may send it twice. */
static void sighup_stops_it_where_the_settings_say_so(void **state)
{
	static const char *const settings[] = {SLOW, "hangup=stop", NULL};
	struct http_client client;
	struct cartd cartd;

	(void)state;
	cartd_start(&cartd, settings);
	http_client_open(&client, cartd.port);
	http_client_send_text(&client, GET_CART);
	cartd_signal(&cartd, SIGHUP);
	cartd_await_output(&cartd, "draining", WAIT_MS);
	cartd_signal(&cartd, SIGHUP);
	expect_status(&client, 404, true);
	expect_end(&client);
	expect_exit(&cartd, 0);
}

static void it_is_ready_within_a_tenth_of_a_second(void **state)
{
	struct cartd cartd;
	int64_t best_us = INT64_MAX;

	(void)state;
	for (int i = 0; i < 5; i++) {
		cartd_start(&cartd, NULL);
		best_us = cartd.ready_us < best_us ? cartd.ready_us : best_us;
		cartd_stop(&cartd);
	}
	print_message("ready after %lld us\n", (long long)best_us);
	assert_true(best_us * 1000 < patience_at_most_ns(100 * CLOCK_NS_PER_MS));
}

/* Runs cartd to its end; its output has to be one line that holds text. */
static void expect_failure(int status, const char *text, const char *arg1, const char *arg2,
			   const char *arg3)
{
	const char *argv[] = {"cartd-test", arg1, arg2, arg3, NULL};
	char *output;

	assert_int_equal(cartd_run_program(argv, &output, WAIT_MS), status);
	if (strstr(output, text) == NULL || strchr(output, '\n') != output + strlen(output) - 1)
		fail_msg("not one line with \"%s\": %s", text, output);
	free(output);
}

static void a_start_that_fails_says_why_in_one_line(void **state)
{
	char address[32], directory[256], path[320], holder[80];
	struct cartd cartd;

	(void)state;
	cartd_make_directory(directory);
	snprintf(path, sizeof(path), "--sqlite.path=%s/cart.db", directory);
	expect_failure(2, "http.max_bodi", "--http.max_bodi", "1KiB", NULL);
	expect_failure(2, "http.max_body", "--http.max_body", "many", NULL);
	expect_failure(2, "frobnicate", "--frobnicate", NULL, NULL);
	expect_failure(2, "extra", "extra", NULL, NULL);
	expect_failure(2, "/nowhere/cartd.ini", "--config", "/nowhere/cartd.ini", NULL);
	expect_failure(1, "the backends are ", "--backend=orcale", "--listen=127.0.0.1:0", NULL);
	expect_failure(1, "8080", "--backend=sqlite", path, "--listen=8080");
	expect_failure(1, "brackets", "--backend=sqlite", path, "--listen=::1:8080");
	expect_failure(1, "65535", "--listen=127.0.0.1:65536", NULL, NULL);
	expect_failure(1, "65535", "--listen=127.0.0.1:99999", NULL, NULL);
	/* The first of them alone would do: it must not be said to listen, nor a store be opened.
	 */
	expect_failure(1, "8080x", "--listen=127.0.0.1:0", "--listen=127.0.0.1:8080x",
		       "--sqlite.path=/nowhere/cart.db");
	expect_failure(2, "idempotency.window is 1s, but must be at least 2 x request.deadline",
		       "--idempotency.window=1s", path, NULL);
	expect_failure(2, "frobnicate", "--print-config", "--frobnicate", NULL);
	expect_failure(2, "frobnicate", "--frobnicate", "--print-config", NULL);

	cartd_start(&cartd, NULL);
	snprintf(address, sizeof(address), "--listen=127.0.0.1:%d", cartd.port);
	snprintf(holder, sizeof(holder), "already in use, by cartd-test (process %d)",
		 (int)cartd.pid);
	expect_failure(1, holder, "--backend=sqlite", path, address);
	cartd_stop(&cartd);
	cartd_remove_directory(directory);
}

static void what_it_is_asked_to_print_goes_to_standard_output(void **state)
{
	static const char *const asked[][3] = {
		{"cartd 0.", "--version", NULL},
		{"--print-config", "--help", NULL},
		{"max_connections", "--print-config", NULL},
		/* Who asks for help may have got the settings wrong. */
		{"--print-config", "--threads=many", "--help"},
		{"cartd 0.", "--config=/nowhere/cartd.ini", "--version"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const char *argv[] = {"cartd-test", asked[i][1], asked[i][2], NULL};
		char *output;

		assert_int_equal(cartd_run_program(argv, &output, WAIT_MS), 0);
		assert_non_null(strstr(output, asked[i][0]));
		free(output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_under_way_are_answered_and_told_to_close),
		cmocka_unit_test(a_connection_without_its_request_yet_is_served),
		cmocka_unit_test(readyz_says_503_while_the_listeners_are_still_open),
		cmocka_unit_test(nobody_is_reset_in_a_storm_of_connects),
		cmocka_unit_test(those_who_wait_at_the_limit_are_served_before_the_end),
		cmocka_unit_test(the_deadline_of_the_drain_cuts_what_is_left),
		cmocka_unit_test(a_second_signal_ends_it_at_once),
		cmocka_unit_test(sighup_opens_the_log_again),
		cmocka_unit_test(sighup_stops_it_where_the_settings_say_so),
		cmocka_unit_test(it_is_ready_within_a_tenth_of_a_second),
		cmocka_unit_test(a_start_that_fails_says_why_in_one_line),
		cmocka_unit_test(what_it_is_asked_to_print_goes_to_standard_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
