/* What clients get when the database fails in each of its ways, by the fault backend. */
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE_ITEM "{\"product_id\":1,\"quantity\":1}"

static struct api_server server;
static struct api_client client;
static char id[API_ID_TEXT + 1];

/* A cartd whose ops of some types go wrong in a way; a cart in it, made before. */
static void start(const char *ops, const char *fault, const char *more)
{
	char fault_ops[64], fault_how[64];
	const char *settings[] = {"backend=fault",    "fault.over=memory", fault_ops, fault_how,
				  "log.requests=off", "drain.deadline=1m", more,      NULL};

	snprintf(fault_ops, sizeof(fault_ops), "fault.ops=%s", ops);
	snprintf(fault_how, sizeof(fault_how), "fault.%s", fault);
	server = (struct api_server){0};
	cartd_start(&server.cartd, settings);
	api_open(&client, &server);
	api_make_cart(&client, 1, id);
}

static void stop(void)
{
	api_close(&client);
	api_server_stop(&server);
}

static int stop_after(void **state)
{
	(void)state;
	stop();
	return 0;
}

static int add(const char *headers)
{
	return api_call_cart(&client, "POST", id, "/items", headers, ONE_ITEM);
}

static void a_store_without_room_is_503(void **state)
{
	static const char *const faults[] = {"refuse_every=1", "busy_every=1"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		if (i > 0)
			stop();
		start("change", faults[i], NULL);
		add(NULL);
		api_expect(&client, 503, "UNAVAILABLE", "nothing was changed");
		assert_string_equal(api_header(&client, "Retry-After"), "1");
		assert_int_equal(api_quantity(&client, id, 1), 0);
	}
}

static void a_deadline_that_passed_unapplied_is_timeout(void **state)
{
	(void)state;
	start("change", "timeout_every=1", NULL);
	add(NULL);
	api_expect(&client, 504, "TIMEOUT", "nothing was changed");
	assert_int_equal(api_quantity(&client, id, 1), 0);
}

static void an_outcome_that_is_not_known_says_how_to_find_out(void **state)
{
	(void)state;
	start("change", "uncertain_every=1", NULL);
	add(NULL);
	api_expect(&client, 504, "OUTCOME_UNKNOWN", "read the cart");
	add("Idempotency-Key: k\r\n");
	api_expect(&client, 504, "OUTCOME_UNKNOWN", "same Idempotency-Key");
}

static void a_retry_by_key_after_a_lost_answer_applies_once(void **state)
{
	(void)state;
	start("change", "drop_nth=1", NULL);
	add("Idempotency-Key: k\r\n");
	api_expect(&client, 504, "OUTCOME_UNKNOWN", NULL);
	assert_int_equal(add("Idempotency-Key: k\r\n"), 204);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(api_quantity(&client, id, 1), 1);
}

static void a_defect_is_500_and_logged_whatever_the_setting(void **state)
{
	(void)state;
	start("change", "fail_every=1", NULL);
	add("X-Request-Id: defect.1\r\n");
	api_expect(&client, 500, "INTERNAL", "defect.1");
	cartd_await_output(&server.cartd, "request_id=defect.1", 5000);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)) != NULL; text += strlen(word))
		n++;
	return n;
}

static void a_client_cannot_fill_the_log(void **state)
{
	static const char *const settings[] = {"backend=fault", "fault.over=memory",
					       "fault.ops=change", "fault.refuse_every=1", NULL};
	static const char *const bad[] = {"GET / HTTP/2.0\r\n\r\n", "A / HTTP/1.1\r\n\r\n",
					  "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"};
	char *output;

	(void)state;
	server = (struct api_server){0};
	cartd_start(&server.cartd, settings);
	api_open(&client, &server);
	api_make_cart(&client, 1, id);
	for (int i = 0; i < 300; i++) {
		struct http_client raw;

		assert_int_equal(add("X-Request-Id: refused\r\n"), 503);
		http_client_open(&raw, server.cartd.port);
		http_client_send_text(&raw, bad[i % 3]);
		assert_true(http_client_await_close(&raw, 10000));
		http_client_close(&raw);
	}
	output = cartd_output(&server.cartd);
	assert_int_equal(count(output, " status=505"), 0);
	assert_int_equal(count(output, " status=501"), 0);
	assert_in_range(count(output, " status=503"), 10, 150);
	free(output);
}

static void a_database_that_hangs_is_504_by_the_deadline(void **state)
{
	int64_t sent;

	(void)state;
	start("change,get", "hang_every=1", "request.deadline=1s");
	sent = cartd_now_ms();
	api_call_cart(&client, "GET", id, "", NULL, NULL);
	api_expect(&client, 504, "TIMEOUT", NULL);
	assert_in_range(cartd_now_ms() - sent, 990, patience_at_once_ms());
	assert_int_equal(add(NULL), 504);
}

static void health_says_no_while_the_database_does(void **state)
{
	static const char *const paths[] = {"/health", "/readyz"};

	(void)state;
	start("get", "timeout_every=1", NULL);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(api_call(&client, "GET", paths[i], NULL, NULL), 503);
		assert_string_equal(api_header(&client, "Content-Type"), "application/json");
		assert_string_equal(api_string(&client, "status"), "unavailable");
		assert_string_equal(api_string(&client, "database"), "fault");
		assert_int_equal(json_object_size(client.json), 2);
	}
	assert_int_equal(api_call(&client, "GET", "/livez", NULL, NULL), 200);
}

static void health_does_not_wait_for_the_whole_deadline(void **state)
{
	int64_t sent;

	(void)state;
	start("get", "hang_every=1", "request.deadline=30s");
	sent = cartd_now_ms();
	assert_int_equal(api_call(&client, "GET", "/health", NULL, NULL), 503);
	assert_in_range(cartd_now_ms() - sent, 900, patience_at_once_ms());
}

static void a_batch_of_which_one_fails_fails_whole(void **state)
{
	static const struct {
		const char *fault, *error;
		int status;
	} faults[] = {
		{"busy_nth=2", "UNAVAILABLE", 503},   {"refuse_nth=1", "UNAVAILABLE", 503},
		{"refuse_nth=2", "UNAVAILABLE", 503}, {"refuse_nth=3", "UNAVAILABLE", 503},
		{"timeout_nth=3", "TIMEOUT", 504},
	};
	char body[256];

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (i > 0)
			stop();
		start("get", faults[i].fault, NULL);
		snprintf(body, sizeof(body), "{\"ids\":[\"%s\",\"%s\",\"%s\"]}", id, id, id);
		api_call(&client, "POST", "/shopping-carts/batch-get", NULL, body);
		api_expect(&client, faults[i].status, faults[i].error, NULL);
		assert_int_equal(api_call(&client, "POST", "/shopping-carts/batch-get", NULL, body),
				 200);
		assert_int_equal(json_array_size(json_object_get(client.json, "carts")), 3);
	}
}

static void await_metric(const char *series, double value)
{
	int64_t deadline = patience_ms() + 5000;

	while (cartd_metric(&server.cartd, series) < value)
		assert_true(patience_ms() < deadline);
}

static void reads_for_a_client_that_went_are_canceled(void **state)
{
	static const char canceled[] =
		"cart_store_ops_total{backend=\"fault\",op=\"get\",result=\"CANCELED\"}";
	struct http_client gone;
	char request[256], body[128];

	(void)state;
	start("get", "hang_every=1", "request.deadline=60s");
	http_client_open(&gone, server.cartd.port);
	snprintf(request, sizeof(request), "GET /shopping-carts/%s HTTP/1.1\r\nHost: a\r\n\r\n",
		 id);
	assert_true(http_client_send_text(&gone, request));
	await_metric("cart_store_pending{backend=\"fault\"}", 1);
	http_client_reset(&gone);
	await_metric(canceled, 1);
	http_client_open(&gone, server.cartd.port);
	snprintf(body, sizeof(body), "{\"ids\":[\"%s\",\"%s\"]}", id, id);
	snprintf(request, sizeof(request),
		 "POST /shopping-carts/batch-get HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n"
		 "%s",
		 strlen(body), body);
	assert_true(http_client_send_text(&gone, request));
	await_metric("cart_store_pending{backend=\"fault\"}", 2);
	http_client_reset(&gone);
	await_metric(canceled, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_store_without_room_is_503, stop_after),
		cmocka_unit_test_teardown(a_deadline_that_passed_unapplied_is_timeout, stop_after),
		cmocka_unit_test_teardown(an_outcome_that_is_not_known_says_how_to_find_out,
					  stop_after),
		cmocka_unit_test_teardown(a_retry_by_key_after_a_lost_answer_applies_once,
					  stop_after),
		cmocka_unit_test_teardown(a_defect_is_500_and_logged_whatever_the_setting,
					  stop_after),
		cmocka_unit_test_teardown(a_client_cannot_fill_the_log, stop_after),
		cmocka_unit_test_teardown(a_database_that_hangs_is_504_by_the_deadline, stop_after),
		cmocka_unit_test_teardown(health_says_no_while_the_database_does, stop_after),
		cmocka_unit_test_teardown(health_does_not_wait_for_the_whole_deadline, stop_after),
		cmocka_unit_test_teardown(a_batch_of_which_one_fails_fails_whole, stop_after),
		cmocka_unit_test_teardown(reads_for_a_client_that_went_are_canceled, stop_after),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
