/*
 * What cartd does when more comes than its database takes. The database is the fault backend with a
 * few lanes, each of which sleeps for every operation: so it takes as many on a busy machine as on
 * an idle one, or nearly.
 */
#include "tests/lib/api_client.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MS 60000
#define CART   "/shopping-carts/00000000-0000-4000-8000-000000000001"

static struct cartd cartd;

/* 100 operations a second. */
static void start(const char *delay)
{
	char setting[40];
	const char *settings[] = {"backend=fault",
				  "fault.over=memory",
				  "fault.lanes=4",
				  "fault.delay=40ms",
				  "log.requests=off",
				  setting,
				  NULL};

	snprintf(setting, sizeof(setting), "overload.delay=%s", delay);
	cartd_start(&cartd, settings);
}

static int stop(void **state)
{
	(void)state;
	cartd_stop(&cartd);
	return 0;
}

/* What cartbench counted of one type of operation, or of all. */
struct counts {
	int64_t tried, ok, refused, unknown;
	double per_s;
};

static int64_t integer_of(const json_t *object, const char *member)
{
	return (int64_t)json_integer_value(json_object_get(object, member));
}

static struct counts read_counts(const json_t *document, const char *type)
{
	const json_t *results = json_object_get(document, "results"), *one;
	struct counts counts = {
		.per_s = json_number_value(json_object_get(results, "throughput_per_s"))};
	size_t i;

	json_array_foreach(json_object_get(results, "operations"), i, one)
	{
		if (type != NULL &&
		    strcmp(json_string_value(json_object_get(one, "operation")), type) != 0)
			continue;
		counts.tried += integer_of(one, "tried");
		counts.ok += integer_of(one, "ok");
		counts.refused += integer_of(one, "refused");
		counts.unknown += integer_of(one, "unknown");
	}
	return counts;
}

/* Starts cartbench, with so many clients of which each asks again when it has its answer
 * ("--clients"), or so many requests a second ("--rate"). */
static void load_start(struct cartd *bench, const char *how, const char *count, const char *mix)
{
	char url[40];
	const char *argv[] = {"cartbench", "run",      "--json", "--quiet",    "--busy",
			      how,	   count,      "--mix",	 mix,	       "--carts",
			      "20",	   "--warmup", "200ms",	 "--duration", "1s",
			      "--threads", "1",	       url,	 NULL};

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", cartd.port);
	cartd_start_program(bench, argv);
}

static json_t *load_end(struct cartd *bench)
{
	char *output;
	json_t *document;

	assert_true(cartd_wait(bench, RUN_MS) >= 0);
	output = cartd_output(bench);
	document = strchr(output, '{') != NULL
			   ? json_loads(strchr(output, '{'), JSON_DISABLE_EOF_CHECK, NULL)
			   : NULL;
	if (document == NULL)
		fail_msg("cartbench: %s", output);
	free(output);
	cartd_kill(bench);
	return document;
}

static json_t *load(const char *how, const char *count, const char *mix)
{
	struct cartd bench = {0};

	load_start(&bench, how, count, mix);
	return load_end(&bench);
}

static double refused(const char *kind)
{
	char series[80];

	snprintf(series, sizeof(series), "cart_queue_refused_total{backend=\"fault\",kind=\"%s\"}",
		 kind);
	return cartd_metric(&cartd, series);
}

static double limit(void)
{
	return cartd_metric(&cartd, "cart_queue_limit{backend=\"fault\"}");
}

static void most_of_what_it_carries_is_done_beyond_it(void **state)
{
	json_t *document;
	struct counts carried, beyond, adds, gets, after;

	(void)state;
	start("1s");
	document = load("--clients", "8", "add=1,get=1");
	carried = read_counts(document, NULL);
	json_decref(document);
	assert_int_equal(carried.refused, 0);
	assert_int_equal(carried.ok, carried.tried);
	document = load("--rate", "400", "add=19,get=1");
	beyond = read_counts(document, NULL);
	adds = read_counts(document, "add");
	gets = read_counts(document, "get");
	json_decref(document);
	assert_true(beyond.refused > 0);
	assert_true(beyond.per_s > carried.per_s / 2);
	/* What was taken was answered in time, and all else was refused at once. */
	assert_int_equal(beyond.tried, beyond.ok + beyond.refused);
	assert_int_equal(beyond.unknown, 0);
	/* Of gets a far greater part is answered. */
	assert_true(gets.ok * adds.tried > 2 * adds.ok * gets.tried);
	document = load("--clients", "8", "add=1,get=1");
	after = read_counts(document, NULL);
	json_decref(document);
	assert_int_equal(after.ok, after.tried);
}

static void probes_are_answered_meanwhile(void **state)
{
	static const char *const paths[] = {"/livez", "/readyz", "/health", "/metrics"};
	struct api_server server = {.cartd = {0}};
	struct api_client client;
	struct cartd bench = {0};
	int64_t until;

	(void)state;
	start("1s");
	load_start(&bench, "--rate", "400", "add=1,get=1");
	until = patience_ms() + RUN_MS;
	while (refused("adds") == 0)
		assert_true(patience_ms() < until);
	server.cartd = cartd;
	api_open(&client, &server);
	for (int i = 0; i < 20; i++)
		assert_int_equal(api_call(&client, "GET", paths[i % 4], NULL, NULL), 200);
	assert_true(limit() > 0);
	json_decref(load_end(&bench));
	/* It ends with the load. */
	until = patience_ms() + RUN_MS;
	while (limit() > 0) {
		(void)api_call(&client, "GET", CART, NULL, NULL);
		assert_true(patience_ms() < until);
	}
	api_close(&client);
}

static void without_a_delay_all_wait(void **state)
{
	(void)state;
	start("0");
	json_decref(load("--rate", "400", "add=1,get=1"));
	assert_true(refused("adds") + refused("others") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(most_of_what_it_carries_is_done_beyond_it, stop),
		cmocka_unit_test_teardown(probes_are_answered_meanwhile, stop),
		cmocka_unit_test_teardown(without_a_delay_all_wait, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
