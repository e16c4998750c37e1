/* The end of a checkout: a cart is open again. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>

#define NOBODY	    "00000000-0000-4000-8000-000000000001"
#define FIRST_KEY   "Idempotency-Key: first\r\n"
#define SECOND_KEY  "Idempotency-Key: second\r\n"
#define REPRESENTED "Prefer: return=representation\r\n"

static int call_cart(const char *method, const char *id, const char *after, const char *headers)
{
	return api_call_cart(&client, method, id, after, headers, NULL);
}

/* A cart with one line, checked out under a key; at version 3. */
static void make_order(char id[API_ID_TEXT + 1], char order[API_ID_TEXT + 1])
{
	static int64_t customer = 710000;

	api_make_cart(&client, customer++, id);
	api_add(&client, id, 5, 2);
	assert_int_equal(call_cart("POST", id, "/checkout", FIRST_KEY), 200);
	snprintf(order, API_ID_TEXT + 1, "%s", api_string(&client, "order_id"));
}

static void a_cart_whose_payment_failed_is_opened_again(void **state)
{
	char id[API_ID_TEXT + 1], first[API_ID_TEXT + 1];

	(void)state;
	make_order(id, first);
	assert_int_equal(call_cart("DELETE", id, "/checkout", NULL), 204);
	assert_int_equal(api_version(&client), 4);
	assert_int_equal(api_quantity(&client, id, 5), 2);
	assert_string_equal(api_string(&client, "status"), "open");
	assert_true(json_is_null(json_object_get(client.json, "order_id")));
	assert_non_null(api_string(&client, "expires_at"));
	assert_int_equal(api_add(&client, id, 5, 1), 5);
	assert_int_equal(call_cart("POST", id, "/checkout", NULL), 200);
	assert_string_not_equal(api_string(&client, "order_id"), first);
	assert_int_equal(call_cart("DELETE", id, "/checkout", REPRESENTED), 200);
	assert_int_equal(api_integer(&client, "version"), 7);
	assert_string_equal(api_string(&client, "status"), "open");
}

static void an_open_cart_is_409(void **state)
{
	char id[API_ID_TEXT + 1], order[API_ID_TEXT + 1];

	(void)state;
	make_order(id, order);
	call_cart("DELETE", id, "/checkout", "If-Match: \"2\"\r\n");
	api_expect(&client, 412, "VERSION_MISMATCH", NULL);
	assert_int_equal(call_cart("DELETE", id, "/checkout", "If-Match: \"3\"\r\n"), 204);
	call_cart("DELETE", id, "/checkout", NULL);
	api_expect(&client, 409, "CART_OPEN", "is not checked out");
	call_cart("DELETE", id, "/checkout", "If-Match: \"3\"\r\n");
	api_expect(&client, 409, "CART_OPEN", NULL);
	call_cart("DELETE", NOBODY, "/checkout", NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", NULL);
}

static void a_repeat_under_its_key_does_not_open_it_again(void **state)
{
	char id[API_ID_TEXT + 1], order[API_ID_TEXT + 1];

	(void)state;
	make_order(id, order);
	assert_int_equal(call_cart("DELETE", id, "/checkout", SECOND_KEY), 204);
	assert_int_equal(call_cart("POST", id, "/checkout", NULL), 200);
	snprintf(order, sizeof(order), "%s", api_string(&client, "order_id"));
	assert_int_equal(call_cart("DELETE", id, "/checkout", SECOND_KEY), 204);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_int_equal(api_version(&client), 4);
	assert_int_equal(call_cart("GET", id, "", NULL), 200);
	assert_string_equal(api_string(&client, "order_id"), order);
	call_cart("DELETE", id, "/checkout", FIRST_KEY);
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
}

/* The repeat of a checkout was on its way while the payment failed. */
static void a_checkout_that_was_undone_is_not_made_again_by_its_repeat(void **state)
{
	char id[API_ID_TEXT + 1], first[API_ID_TEXT + 1], second[API_ID_TEXT + 1];

	(void)state;
	make_order(id, first);
	assert_int_equal(call_cart("DELETE", id, "/checkout", NULL), 204);
	call_cart("POST", id, "/checkout", FIRST_KEY);
	api_expect(&client, 409, "CART_OPEN", "opened again after this checkout");
	call_cart("POST", id, "/checkout", FIRST_KEY REPRESENTED);
	api_expect(&client, 409, "CART_OPEN", NULL);
	assert_int_equal(call_cart("GET", id, "", NULL), 200);
	assert_string_equal(api_string(&client, "status"), "open");
	assert_int_equal(api_integer(&client, "version"), 4);
	assert_int_equal(call_cart("POST", id, "/checkout", SECOND_KEY), 200);
	snprintf(second, sizeof(second), "%s", api_string(&client, "order_id"));
	assert_string_not_equal(first, second);
	assert_int_equal(call_cart("POST", id, "/checkout", FIRST_KEY), 200);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_string_equal(api_string(&client, "order_id"), second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cart_whose_payment_failed_is_opened_again),
		cmocka_unit_test(an_open_cart_is_409),
		cmocka_unit_test(a_repeat_under_its_key_does_not_open_it_again),
		cmocka_unit_test(a_checkout_that_was_undone_is_not_made_again_by_its_repeat),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
