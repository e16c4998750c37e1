/* Guests over HTTP: a cart without a customer, with lines at first, and its claim at login. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINES                                                                                      \
	"\"items\":[{\"product_id\":8,\"quantity\":1},{\"product_id\":7,\"quantity\":2},"          \
	"{\"product_id\":8,\"quantity\":3}]"
#define UUID	 "0b8f3c9e-54c1-4f0e-9d57-6c1f7f0e2a1"
#define KEY(key) "Idempotency-Key: " key "\r\n"

static int call(const char *method, const char *path, const char *headers, const char *body)
{
	return api_call(&client, method, path, headers, body);
}

static int claim(const char *id, int64_t customer, const char *headers)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"customer_id\":%" PRId64 "}", customer);
	return api_call_cart(&client, "PUT", id, "/customer", headers, body);
}

static void make_guest(const char *headers, const char *body, char id[API_ID_TEXT + 1])
{
	assert_int_equal(call("POST", "/shopping-carts", headers, body), 201);
	assert_true(json_is_null(json_object_get(client.json, "customer_id")));
	strcpy(id, api_string(&client, "shopping_cart_id"));
}

static bool is_listed(int64_t customer, const char *id)
{
	char path[96];

	snprintf(path, sizeof(path), "/shopping-carts?customer_id=%" PRId64, customer);
	assert_int_equal(call("GET", path, NULL, NULL), 200);
	return strstr(client.response.body, id) != NULL;
}

static void a_cart_without_a_customer_says_null(void **state)
{
	static const char *const bodies[] = {"{}", "{\"customer_id\":null}",
					     "{ \"customer_id\" : null }", "{\"items\":[]}",
					     "{\"customer_id\":null,\"items\":[]}"};
	char id[API_ID_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		make_guest(NULL, bodies[i], id);
		assert_int_equal(api_version(&client), 1);
		assert_non_null(strstr(client.response.body, "\"customer_id\":null,"));
		assert_int_equal(api_add(&client, id, 7, 2), 2);
		assert_int_equal(api_call_cart(&client, "GET", id, "", NULL, NULL), 200);
		assert_non_null(strstr(client.response.body, "\"customer_id\":null,"));
	}
}

static void a_cart_is_made_with_its_lines(void **state)
{
	static const char *const bodies[] = {"{\"customer_id\":41," LINES "}", "{" LINES "}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const json_t *items;
		char id[API_ID_TEXT + 1];

		assert_int_equal(call("POST", "/shopping-carts", NULL, bodies[i]), 201);
		assert_int_equal(api_version(&client), 1);
		assert_int_equal(api_integer(&client, "version"), 1);
		items = json_object_get(client.json, "items");
		assert_int_equal(json_array_size(items), 2);
		strcpy(id, api_string(&client, "shopping_cart_id"));
		assert_int_equal(api_quantity(&client, id, 7), 2);
		assert_int_equal(api_quantity(&client, id, 8), 4);
	}
}

static void too_much_at_first_is_422(void **state)
{
	char body[8192] = "{\"items\":[{\"product_id\":7,\"quantity\":10000}";

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(body, ",{\"product_id\":7,\"quantity\":10000}");
	strcat(body, "]}");
	call("POST", "/shopping-carts", NULL, body);
	api_expect(&client, 422, "LIMIT_EXCEEDED", NULL);
}

/* Two guests who chose the same key would get one cart. */
static void a_guests_key_is_a_uuid(void **state)
{
	static const char *const bad[] = {KEY("1"), KEY("cart"), KEY(UUID),
					  KEY("00000000-0000-0000-0000-000000000000")};
	char first[API_ID_TEXT + 1], id[API_ID_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		call("POST", "/shopping-carts", bad[i], "{" LINES "}");
		api_expect(&client, 400, "INVALID_INPUT", "Idempotency-Key");
		assert_int_equal(call("POST", "/shopping-carts", bad[i], "{\"customer_id\":41}"),
				 201);
	}
	make_guest(KEY(UUID "1"), "{" LINES "}", first);
	assert_null(api_header(&client, "Idempotency-Replayed"));
	make_guest(KEY(UUID "1"), "{" LINES "}", id);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_string_equal(id, first);
	call("POST", "/shopping-carts", KEY(UUID "1"), "{}");
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
	make_guest(KEY(UUID "2"), "{" LINES "}", id);
	assert_string_not_equal(id, first);
}

static void a_guest_logs_in(void **state)
{
	int64_t end_ms = patience_ms() + 10000;
	char id[API_ID_TEXT + 1];

	(void)state;
	make_guest(NULL, "{" LINES "}", id);
	assert_false(is_listed(42, id));
	claim(id, 42, "If-Match: \"2\"\r\n");
	api_expect(&client, 412, "VERSION_MISMATCH", id);
	assert_int_equal(claim(id, 42, "If-Match: \"1\"\r\n" KEY("login")), 204);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(claim(id, 42, "If-Match: \"1\"\r\n" KEY("login")), 204);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_int_equal(claim(id, 42, "Prefer: return=representation\r\n"), 200);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(api_integer(&client, "customer_id"), 42);
	claim(id, 43, NULL);
	api_expect(&client, 409, "CART_OWNED", id);
	while (!is_listed(42, id))
		assert_true(patience_ms() < end_ms);
	assert_int_equal(api_call_cart(&client, "POST", id, "/checkout", NULL, NULL), 200);
	claim(id, 42, NULL);
	api_expect(&client, 409, "CART_CLOSED", id);
	claim("00000000-0000-4000-8000-000000000001", 42, NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cart_without_a_customer_says_null),
		cmocka_unit_test(a_cart_is_made_with_its_lines),
		cmocka_unit_test(too_much_at_first_is_422),
		cmocka_unit_test(a_guests_key_is_a_uuid),
		cmocka_unit_test(a_guest_logs_in),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
