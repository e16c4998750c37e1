/* Merging two carts over HTTP, on the backend that CART_BACKEND names. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NOBODY "0b8f3c9e-54c1-4f0e-9d57-6c1f7f0e2a11"

static int call(const char *method, const char *path, const char *headers, const char *body)
{
	return api_call(&client, method, path, headers, body);
}

static int merge(const char *id, const char *from, const char *strategy, const char *headers)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"from\":\"%s\",\"strategy\":\"%s\"}", from, strategy);
	return api_call_cart(&client, "POST", id, "/merge", headers, body);
}

/* A cart of that customer, 0: a guest's, with two lines. */
static void make_cart(int64_t customer, int64_t quantity, char id[API_ID_TEXT + 1])
{
	char body[192], whose[32] = "null";

	if (customer > 0)
		snprintf(whose, sizeof(whose), "%" PRId64, customer);
	snprintf(body, sizeof(body),
		 "{\"customer_id\":%s,\"items\":[{\"product_id\":7,\"quantity\":%" PRId64
		 "},{\"product_id\":8,\"quantity\":1}]}",
		 whose, quantity);
	assert_int_equal(call("POST", "/shopping-carts", NULL, body), 201);
	strcpy(id, api_string(&client, "shopping_cart_id"));
}

static void a_guests_cart_goes_into_the_customers(void **state)
{
	static const struct {
		const char *strategy;
		int64_t quantity;
		int64_t version;
	} cases[] = {{"add", 5, 2}, {"max", 3, 2}, {"keep", 2, 1}};
	char to[API_ID_TEXT + 1], from[API_ID_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_cart(41, 2, to);
		make_cart(0, 3, from);
		assert_int_equal(merge(to, from, cases[i].strategy, NULL), 200);
		assert_string_equal(api_string(&client, "shopping_cart_id"), to);
		assert_int_equal(api_version(&client), cases[i].version);
		assert_null(api_header(&client, "Idempotency-Replayed"));
		assert_null(json_object_get(client.json, "merged_into"));
		assert_int_equal(api_quantity(&client, to, 7), cases[i].quantity);
		assert_int_equal(api_call_cart(&client, "GET", from, "", NULL, NULL), 200);
		assert_string_equal(api_string(&client, "status"), "merged");
		assert_string_equal(api_string(&client, "merged_into"), to);
		assert_int_equal(api_version(&client), 2);
		assert_true(json_is_null(json_object_get(client.json, "order_id")));
		assert_non_null(strstr(client.response.body, "\"expires_at\":\""));
		assert_int_equal(api_quantity(&client, from, 7), 3);
	}
}

static void a_merge_again_is_answered_by_the_cart_as_it_is(void **state)
{
	char to[API_ID_TEXT + 1], from[API_ID_TEXT + 1];

	(void)state;
	make_cart(41, 2, to);
	make_cart(0, 3, from);
	assert_int_equal(merge(to, from, "add", "Idempotency-Key: m\r\nIf-Match: \"1\"\r\n"), 200);
	assert_int_equal(api_add(&client, to, 9, 1), 3);
	assert_int_equal(merge(to, from, "add", "If-Match: \"1\"\r\n"), 200);
	assert_int_equal(api_version(&client), 3);
	assert_null(api_header(&client, "Idempotency-Replayed"));
	assert_int_equal(merge(to, from, "add", "Idempotency-Key: m\r\nIf-Match: \"1\"\r\n"), 200);
	assert_int_equal(api_version(&client), 3);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	merge(to, from, "max", "Idempotency-Key: m\r\n");
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
	assert_int_equal(merge(to, from, "add", "Prefer: return=representation\r\n"), 200);
	assert_string_equal(api_header(&client, "Preference-Applied"), "return=representation");
	assert_int_equal(api_quantity(&client, to, 7), 5);
}

static void a_bad_merge_is_400_and_says_why(void **state)
{
	static const struct {
		const char *body, *error, *says;
	} cases[] = {
		{"", "INVALID_JSON", NULL},
		{"[]", "INVALID_JSON", NULL},
		{"{}", "INVALID_INPUT", "from is missing"},
		{"{\"from\":\"" NOBODY "\"}", "INVALID_INPUT", "strategy is missing"},
		{"{\"strategy\":\"add\"}", "INVALID_INPUT", "from is missing"},
		{"{\"from\":\"x\",\"strategy\":\"add\"}", "INVALID_INPUT", "from is not a UUID"},
		{"{\"from\":1,\"strategy\":\"add\"}", "INVALID_INPUT", "from is not a UUID"},
		{"{\"from\":null,\"strategy\":\"add\"}", "INVALID_INPUT", "from is not a UUID"},
		{"{\"from\":\"" NOBODY "\",\"strategy\":\"Add\"}", "INVALID_INPUT", "strategy"},
		{"{\"from\":\"" NOBODY "\",\"strategy\":\"add\\u0000\"}", NULL, NULL},
		{"{\"from\":\"" NOBODY "\",\"strategy\":0}", "INVALID_INPUT", "strategy"},
		{"{\"from\":\"" NOBODY "\",\"strategy\":null}", "INVALID_INPUT", "strategy"},
		{"{\"from\":\"" NOBODY "\",\"strategy\":\"add\",\"to\":1}", "INVALID_INPUT", "to"},
		{"{\"from\":\"" NOBODY "\",\"from\":\"" NOBODY "\",\"strategy\":\"add\"}",
		 "INVALID_JSON", NULL},
	};
	char to[API_ID_TEXT + 1], upper[API_ID_TEXT + 1] = "";

	(void)state;
	make_cart(41, 2, to);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = api_call_cart(&client, "POST", to, "/merge", NULL, cases[i].body);

		if (cases[i].error == NULL)
			assert_int_equal(status, 400);
		else
			api_expect(&client, 400, cases[i].error, cases[i].says);
	}
	merge(to, to, "add", NULL);
	api_expect(&client, 400, "INVALID_INPUT", "the cart itself");
	for (size_t i = 0; to[i] != '\0'; i++)
		upper[i] = (char)(to[i] >= 'a' ? to[i] - 'a' + 'A' : to[i]);
	merge(to, upper, "add", NULL);
	api_expect(&client, 400, "INVALID_INPUT", "the cart itself");
	merge(to, NOBODY, "add", "If-None-Match: *\r\n");
	api_expect(&client, 400, "INVALID_INPUT", "If-None-Match");
	assert_int_equal(api_call_cart(&client, "POST", to, "/merge?x=1", NULL, "{}"), 400);
	assert_int_equal(api_call_cart(&client, "GET", to, "/merge", NULL, NULL), 405);
}

static void a_merge_that_is_refused_names_the_cart(void **state)
{
	char to[API_ID_TEXT + 1], from[API_ID_TEXT + 1], other[API_ID_TEXT + 1];
	char merged[API_ID_TEXT + 64], ordered[API_ID_TEXT + 64];

	(void)state;
	make_cart(41, 1, to);
	assert_int_equal(
		api_call_cart(&client, "PUT", to, "/items/7", NULL, "{\"quantity\":999999}"), 204);
	make_cart(0, 2, from);
	make_cart(42, 1, other);
	snprintf(merged, sizeof(merged), "cart %s was merged into another cart", from);
	snprintf(ordered, sizeof(ordered), "cart %s is checked out", other);
	merge(to, NOBODY, "add", NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", NOBODY);
	merge(NOBODY, from, "add", NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", NOBODY);
	merge(to, other, "add", NULL);
	api_expect(&client, 409, "CART_OWNED", other);
	merge(from, other, "add", NULL);
	api_expect(&client, 409, "CART_OWNED", other);
	merge(to, from, "add", "If-Match: \"9\"\r\n");
	api_expect(&client, 412, "VERSION_MISMATCH", to);
	merge(to, from, "add", NULL);
	api_expect(&client, 422, "LIMIT_EXCEEDED", NULL);
	assert_int_equal(merge(to, from, "max", NULL), 200);
	merge(other, from, "add", NULL);
	api_expect(&client, 409, "CART_CLOSED", merged);
	merge(from, other, "add", NULL);
	api_expect(&client, 409, "CART_CLOSED", merged);
	api_call_cart(&client, "POST", from, "/checkout", NULL, NULL);
	api_expect(&client, 409, "CART_CLOSED", merged);
	api_call_cart(&client, "DELETE", from, "/checkout", NULL, NULL);
	api_expect(&client, 409, "CART_CLOSED", merged);
	api_call_cart(&client, "DELETE", from, "", NULL, NULL);
	api_expect(&client, 409, "CART_CLOSED", merged);
	api_call_cart(&client, "POST", from, "/items", NULL, "{\"product_id\":7,\"quantity\":1}");
	api_expect(&client, 409, "CART_CLOSED", merged);
	assert_int_equal(api_quantity(&client, to, 7), 999999);
	assert_int_equal(api_quantity(&client, other, 7), 1);
	assert_int_equal(api_call_cart(&client, "POST", other, "/checkout", NULL, NULL), 200);
	merge(to, other, "add", NULL);
	api_expect(&client, 409, "CART_CLOSED", ordered);
	merge(other, to, "add", NULL);
	api_expect(&client, 409, "CART_CLOSED", ordered);
}

/* Lists, batch-get and erasure. */
static void a_merged_cart_is_seen_and_erased(void **state)
{
	char to[API_ID_TEXT + 1], from[API_ID_TEXT + 1], body[128];
	const json_t *carts;

	(void)state;
	make_cart(77, 2, to);
	make_cart(77, 3, from);
	assert_int_equal(merge(to, from, "add", NULL), 200);
	snprintf(body, sizeof(body), "{\"ids\":[\"%s\",\"%s\"]}", from, to);
	assert_int_equal(call("POST", "/shopping-carts/batch-get", NULL, body), 200);
	carts = json_object_get(client.json, "carts");
	assert_int_equal(json_array_size(carts), 2);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(carts, 0), "merged_into")), to);
	assert_int_equal(call("GET", "/shopping-carts?customer_id=77&status=all", NULL, NULL), 400);
	api_expect(&client, 400, "INVALID_INPUT", "merged");
	do
		assert_int_equal(
			call("GET", "/shopping-carts?customer_id=77&status=merged", NULL, NULL),
			200);
	while (strstr(client.response.body, from) == NULL);
	assert_null(strstr(client.response.body, "\"status\":\"open\""));
	do
		assert_int_equal(call("DELETE", "/shopping-carts?customer_id=77", NULL, NULL), 200);
	while (api_call_cart(&client, "GET", from, "", NULL, NULL) != 404 ||
	       api_call_cart(&client, "GET", to, "", NULL, NULL) != 404);
	merge(to, from, "add", NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guests_cart_goes_into_the_customers),
		cmocka_unit_test(a_merge_again_is_answered_by_the_cart_as_it_is),
		cmocka_unit_test(a_bad_merge_is_400_and_says_why),
		cmocka_unit_test(a_merge_that_is_refused_names_the_cart),
		cmocka_unit_test(a_merged_cart_is_seen_and_erased),
	};

	return cmocka_run_group_tests_name("merge over HTTP", tests, start, stop);
}
