/* The erasure of a customer: all of its carts, and never 200 while there are any. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <stdio.h>
#include <string.h>

static int64_t next_customer(void)
{
	static int64_t customer = 720000;

	return customer++;
}

static int erase(int64_t customer, const char *headers)
{
	char path[64];

	snprintf(path, sizeof(path), "/shopping-carts?customer_id=%lld", (long long)customer);
	return api_call(&client, "DELETE", path, headers, NULL);
}

/* That many are deleted; in several calls where lists are late. */
static void expect_erased(int64_t customer, int64_t wanted)
{
	int64_t until = patience_ms() + 20000, deleted = 0;

	do {
		assert_int_equal(erase(customer, NULL), 200);
		assert_int_equal(json_object_size(client.json), 1);
		deleted += api_integer(&client, "deleted");
	} while (deleted < wanted && patience_ms() < until);
	assert_int_equal(deleted, wanted);
}

static void make_carts(int64_t customer, int count, char last[API_ID_TEXT + 1])
{
	for (int i = 0; i < count; i++)
		api_make_cart(&client, customer, last);
}

static void expect_gone(const char *id)
{
	assert_int_equal(api_call_cart(&client, "GET", id, "", NULL, NULL), 404);
}

static void all_carts_of_the_customer_are_deleted_and_no_others(void **state)
{
	int64_t customer = next_customer(), neighbour = next_customer();
	char open[API_ID_TEXT + 1], closed[API_ID_TEXT + 1], other[API_ID_TEXT + 1];

	(void)state;
	make_carts(neighbour, 1, other);
	make_carts(customer, 2, open);
	make_carts(customer, 1, closed);
	api_add(&client, closed, 1, 1);
	assert_int_equal(api_call_cart(&client, "POST", closed, "/checkout", NULL, NULL), 200);
	expect_erased(customer, 3);
	expect_gone(open);
	expect_gone(closed);
	expect_erased(customer, 0);
	assert_int_equal(api_call_cart(&client, "GET", other, "", NULL, NULL), 200);
	/* The customer may come again. */
	make_carts(customer, 1, open);
	expect_erased(customer, 1);
}

static void there_may_be_more_than_a_page(void **state)
{
	int64_t customer = next_customer();
	char last[API_ID_TEXT + 1];

	(void)state;
	make_carts(customer, 115, last);
	expect_erased(customer, 115);
	expect_gone(last);
}

static void what_is_not_a_customer_is_refused(void **state)
{
	static const char *const paths[] = {
		"/shopping-carts",
		"/shopping-carts?customer_id=0",
		"/shopping-carts?customer_id=",
		"/shopping-carts?customer_id=1&status=open",
		"/shopping-carts?idle_since=2025-11-01T00:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		api_call(&client, "DELETE", paths[i], NULL, NULL);
		api_expect(&client, 400, "INVALID_INPUT", NULL);
	}
	erase(next_customer(), "If-Match: \"1\"\r\n");
	api_expect(&client, 400, "INVALID_INPUT", "If-Match");
	erase(next_customer(), "If-None-Match: *\r\n");
	api_expect(&client, 400, "INVALID_INPUT", "If-None-Match");
}

/* A cartd whose store fails in that way, until the test's own is back. */
static struct api_server faulty;

static void begin_faulty(const char *ops, const char *fault)
{
	const char *settings[] = {"backend=fault", "fault.over=memory", ops,
				  fault,	   "log.requests=off",	NULL};

	faulty = (struct api_server){0};
	cartd_start(&faulty.cartd, settings);
	api_close(&client);
	api_open(&client, &faulty);
}

static void end_faulty(void)
{
	api_close(&client);
	api_server_stop(&faulty);
	api_open(&client, &server);
}

/* A delete out of five does not succeed; the next call finds the rest. */
static void while_carts_may_be_left_it_is_not_200(void **state)
{
	static const struct {
		const char *fault;
		int deleted; /* by the first call */
	} faults[] = {
		{"fault.busy_nth=3", 4},
		{"fault.timeout_nth=3", 4},
		{"fault.uncertain_nth=1", 4},
		{"fault.refuse_nth=3", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		char last[API_ID_TEXT + 1], says[64];

		begin_faulty("fault.ops=delete", faults[i].fault);
		make_carts(1, 5, last);
		erase(1, NULL);
		snprintf(says, sizeof(says), "%d carts of the customer were deleted",
			 faults[i].deleted);
		api_expect(&client, 504, "OUTCOME_UNKNOWN", says);
		expect_erased(1, 5 - faults[i].deleted);
		end_faulty();
	}
}

/* Nothing was deleted: the answer is that of any other call. */
static void a_list_that_fails_is_answered_as_everywhere(void **state)
{
	(void)state;
	begin_faulty("fault.ops=list", "fault.busy_every=1");
	erase(1, NULL);
	api_expect(&client, 503, "UNAVAILABLE", "nothing was changed");
	end_faulty();
}

static int start_patient(void **state)
{
	/* Machines differ in how many carts they delete in 5 seconds. */
	static const char *const settings[] = {"request.deadline=2m", "drain.deadline=2m", NULL};

	(void)state;
	return start_with(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_carts_of_the_customer_are_deleted_and_no_others),
		cmocka_unit_test(there_may_be_more_than_a_page),
		cmocka_unit_test(what_is_not_a_customer_is_refused),
		cmocka_unit_test(while_carts_may_be_left_it_is_not_200),
		cmocka_unit_test(a_list_that_fails_is_answered_as_everywhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start_patient, stop);
}
