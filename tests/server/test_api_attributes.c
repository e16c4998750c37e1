/* Attributes of lines over HTTP, on the backend that CART_BACKEND names. */
#include "core/cart_attributes.h"
#include "core/cart_backend.h"
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 200 /* limits.lines */
#define MOST  256 /* limits.attributes */

static int call_cart(const char *method, const char *id, const char *after, const char *headers,
		     const char *body)
{
	return api_call_cart(&client, method, id, after, headers, body);
}

static void make_cart(char id[API_ID_TEXT + 1])
{
	static int64_t customer = 900000;

	api_make_cart(&client, customer++, id);
}

/* The attributes of the nth line of a cart in compact JSON, as it was sent; "": none. */
static const char *attributes_at(const json_t *cart, size_t n)
{
	static char text[2 * CART_ATTRIBUTES_MAX];
	const json_t *line = json_array_get(json_object_get(cart, "items"), n);
	char *dumped = json_dumps(json_object_get(line, "attributes"), JSON_COMPACT);

	assert_non_null(line);
	snprintf(text, sizeof(text), "%s", dumped != NULL ? dumped : "");
	free(dumped);
	return text;
}

static void assert_attributes(const char *id, size_t n, const char *wanted)
{
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_string_equal(attributes_at(client.json, n), wanted);
}

static void every_way_of_giving_a_line_gives_attributes(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	assert_int_equal(api_call(&client, "POST", "/shopping-carts", NULL,
				  "{\"items\":[{\"product_id\":5,\"quantity\":1,\"attributes\":"
				  "{\"price\":1299,\"name\":\"Mug\",\"new\":true}},"
				  "{\"product_id\":6,\"quantity\":1}]}"),
			 201);
	assert_string_equal(attributes_at(client.json, 0),
			    "{\"name\":\"Mug\",\"new\":true,\"price\":1299}");
	assert_null(json_object_get(json_array_get(json_object_get(client.json, "items"), 1),
				    "attributes"));
	snprintf(id, sizeof(id), "%s", api_string(&client, "shopping_cart_id"));
	assert_int_equal(call_cart("POST", id, "/items", NULL,
				   "{\"product_id\":6,\"quantity\":1, \"attributes\" : { \"b\" : "
				   "\"\\u00e4\" , \"a\" : -1 } }"),
			 204);
	assert_attributes(id, 1, "{\"a\":-1,\"b\":\"\xc3\xa4\"}");
	assert_attributes(id, 0, "{\"name\":\"Mug\",\"new\":true,\"price\":1299}");
	assert_int_equal(call_cart("PUT", id, "/items/6", NULL, "{\"quantity\":9}"), 204);
	assert_attributes(id, 1, "{\"a\":-1,\"b\":\"\xc3\xa4\"}");
	assert_int_equal(call_cart("PUT", id, "/items/6", "Prefer: return=representation\r\n",
				   "{\"attributes\":{\"a\":2},\"quantity\":9}"),
			 200);
	assert_string_equal(attributes_at(client.json, 1), "{\"a\":2}");
	assert_int_equal(call_cart("GET", id, "/items/6", NULL, NULL), 200);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(client.json, "attributes"), "a")),
			 2);
	assert_int_equal(
		call_cart("PUT", id, "/items", NULL,
			  "{\"items\":[{\"product_id\":6,\"quantity\":1},{\"product_id\":7,"
			  "\"quantity\":1,\"attributes\":{\"c\":\"\"}}]}"),
		204);
	assert_attributes(id, 0, "{\"a\":2}");
	assert_attributes(id, 1, "{\"c\":\"\"}");
}

static void null_and_an_empty_object_remove_them(void **state)
{
	char id[API_ID_TEXT + 1];
	int64_t version;

	(void)state;
	make_cart(id);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(call_cart("PUT", id, "/items/5", NULL,
					   "{\"quantity\":1,\"attributes\":{\"a\":1}}"),
				 204);
		assert_attributes(id, 0, "{\"a\":1}");
		assert_int_equal(call_cart("PUT", id, "/items/5", NULL,
					   i == 0 ? "{\"quantity\":1,\"attributes\":null}"
						  : "{\"quantity\":1,\"attributes\":{}}"),
				 204);
		assert_attributes(id, 0, "");
	}
	version = api_version(&client);
	assert_int_equal(
		call_cart("PUT", id, "/items/5", NULL, "{\"quantity\":1,\"attributes\":{}}"), 204);
	assert_int_equal(api_version(&client), version);
}

static void values_that_do_not_come_back_are_refused_by_name(void **state)
{
	static const struct {
		const char *value, *says;
	} bad[] = {
		{"1.5", "is not a string, an integer, true or false"},
		{"1e3", "is not a string"},
		{"-0.0", "is not a string"},
		{"null", "is not a string"},
		{"[1]", "is not a string"},
		{"{}", "is not a string"},
		{"9007199254740993", "-9007199254740991 to 9007199254740991"},
		{"-9007199254740992", "is out of range"},
	};
	char id[API_ID_TEXT + 1], body[512], says[160];

	(void)state;
	make_cart(id);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(body, sizeof(body),
			 "{\"items\":[{\"product_id\":1,\"quantity\":1},{\"product_id\":2,"
			 "\"quantity\":1,\"attributes\":{\"name\":\"\",\"price\":%s}}]}",
			 bad[i].value);
		snprintf(says, sizeof(says), "items[1].attributes.'price' %s", bad[i].says);
		call_cart("POST", id, "/items", NULL, body);
		api_expect(&client, 400, "INVALID_INPUT",
			   i < 6 ? says : "items[1].attributes.'price' is out of range");
		call_cart("PUT", id, "/items", NULL, body);
		api_expect(&client, 400, "INVALID_INPUT", bad[i].says);
		snprintf(body, sizeof(body),
			 "{\"quantity\":1,\"attributes\":{\"name\":\"\",\"price\":%s}}",
			 bad[i].value);
		call_cart("PUT", id, "/items/1", NULL, body);
		api_expect(&client, 400, "INVALID_INPUT", "attributes.'price' is");
	}
	call_cart("POST", id, "/items", NULL,
		  "{\"items\":[{\"product_id\":1,\"quantity\":1,\"attributes\":\"red\"}]}");
	api_expect(&client, 400, "INVALID_INPUT", "items[0].attributes is not an object or null");
	call_cart("POST", id, "/items", NULL,
		  "{\"product_id\":1,\"quantity\":1,\"attributes\":{\"a\":1,\"a\":2}}");
	api_expect(&client, 400, "INVALID_JSON", "duplicate");
	call_cart("POST", id, "/items", NULL,
		  "{\"product_id\":1,\"quantity\":1,\"attributes\":{\"a\":\"\\ud800\"}}");
	api_expect(&client, 400, "INVALID_JSON", NULL);
	call_cart("POST", id, "/items", NULL,
		  "{\"product_id\":1,\"quantity\":1,\"attributes\":{\"a\":\"\xc3(\"}}");
	api_expect(&client, 400, "INVALID_JSON", "not UTF-8");
	assert_int_equal(call_cart("POST", id, "/items", NULL,
				   "{\"product_id\":1,\"quantity\":1,\"attributes\":{\"a\":-0}}"),
			 204);
	assert_attributes(id, 0, "{\"a\":0}");
}

/* An object of so many bytes: one member with a long name. */
static void object_of(char *to, size_t bytes)
{
	memset(to, 'n', bytes);
	memcpy(to, "{\"", 2);
	strcpy(to + bytes - 4, "\":1}");
}

static void what_is_too_long_is_422(void **state)
{
	char id[API_ID_TEXT + 1], object[MOST + 2], body[MOST + 100];

	(void)state;
	make_cart(id);
	for (size_t bytes = MOST; bytes <= MOST + 1; bytes++) {
		object_of(object, bytes);
		snprintf(body, sizeof(body), "{\"quantity\":1, \"attributes\": %s}", object);
		if (bytes == MOST) {
			assert_int_equal(call_cart("PUT", id, "/items/1", NULL, body), 204);
			assert_attributes(id, 0, object);
			continue;
		}
		call_cart("PUT", id, "/items/1", NULL, body);
		api_expect(&client, 422, "LIMIT_EXCEEDED", "attributes of 256 bytes");
		call_cart("PUT", "00000000-0000-4000-8000-000000000001", "/items/1", NULL, body);
		api_expect(&client, 404, "CART_NOT_FOUND", NULL);
	}
	/* Counted as it is kept, not as it is written. */
	memset(object, ' ', sizeof(object) - 1);
	object[sizeof(object) - 1] = '\0';
	snprintf(body, sizeof(body), "{\"quantity\":1,\"attributes\":{%s\"\\u0061\":1}}", object);
	assert_int_equal(call_cart("PUT", id, "/items/1", NULL, body), 204);
	assert_attributes(id, 0, "{\"a\":1}");
}

/* A body of the size that http.max_body allows by default holds them. */
static void two_hundred_lines_of_the_longest_fit_into_one_request(void **state)
{
	char id[API_ID_TEXT + 1], object[MOST + 1], *body = malloc(65536 + 1);
	size_t len = 0;

	(void)state;
	make_cart(id);
	object_of(object, MOST);
	for (int i = 1; i <= LINES; i++)
		len += (size_t)sprintf(body + len,
				       "%s{\"product_id\":%d,\"quantity\":1,\"attributes\":%s}",
				       i == 1 ? "{\"items\":[" : ",", i, object);
	len += (size_t)sprintf(body + len, "]}");
	assert_true(len <= 65536);
	assert_int_equal(call_cart("PUT", id, "/items", NULL, body), 204);
	assert_int_equal(call_cart("POST", id, "/items", NULL,
				   "{\"product_id\":7,\"quantity\":1,\"attributes\":{\"a\":1}}"),
			 204);
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(client.json, "items")), LINES);
	assert_string_equal(attributes_at(client.json, 6), "{\"a\":1}");
	assert_string_equal(attributes_at(client.json, LINES - 1), object);
	free(body);
}

static void a_key_stands_for_the_attributes_too(void **state)
{
	static const char key[] = "Idempotency-Key: one\r\n";
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	assert_int_equal(call_cart("PUT", id, "/items/1", key,
				   "{\"quantity\":1,\"attributes\":{\"a\":1,\"b\":\"x\"}}"),
			 204);
	/* Written in another way it is the same. */
	assert_int_equal(call_cart("PUT", id, "/items/1", key,
				   "{\"attributes\":{ \"b\":\"\\u0078\", \"a\":1},\"quantity\":1}"),
			 204);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	call_cart("PUT", id, "/items/1", key, "{\"quantity\":1,\"attributes\":{\"a\":2}}");
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
	call_cart("PUT", id, "/items/1", key, "{\"quantity\":1}");
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
}

static void lists_batches_and_checkouts_show_them(void **state)
{
	char id[API_ID_TEXT + 1], body[80];

	(void)state;
	make_cart(id);
	assert_int_equal(call_cart("PUT", id, "/items/1", NULL,
				   "{\"quantity\":1,\"attributes\":{\"a\":\"[{\"}}"),
			 204);
	snprintf(body, sizeof(body), "{\"ids\":[\"%s\"]}", id);
	assert_int_equal(api_call(&client, "POST", "/shopping-carts/batch-get", NULL, body), 200);
	assert_string_equal(
		attributes_at(json_array_get(json_object_get(client.json, "carts"), 0), 0),
		"{\"a\":\"[{\"}");
	assert_int_equal(
		call_cart("POST", id, "/checkout", "Prefer: return=representation\r\n", NULL), 200);
	assert_string_equal(attributes_at(client.json, 0), "{\"a\":\"[{\"}");
	call_cart("PUT", id, "/items/1", NULL, "{\"quantity\":1,\"attributes\":{\"a\":2}}");
	api_expect(&client, 409, "CART_CLOSED", NULL);
}

static void where_they_are_switched_off_the_member_is_400(void **state)
{
	static const char *const settings[] = {"limits.attributes=0", NULL};
	char id[API_ID_TEXT + 1];

	(void)state;
	stop(NULL);
	start_with(settings);
	make_cart(id);
	call_cart("PUT", id, "/items/1", NULL, "{\"quantity\":1,\"attributes\":{\"a\":1}}");
	api_expect(&client, 400, "INVALID_INPUT", "attributes must be missing");
	call_cart("POST", id, "/items", NULL,
		  "{\"items\":[{\"product_id\":1,\"quantity\":1,\"attributes\":null}]}");
	api_expect(&client, 400, "INVALID_INPUT", "items[0].attributes must be missing");
	call_cart("PUT", id, "/items/1", NULL, "{\"quantity\":1,\"\":{}}");
	api_expect(&client, 400, "INVALID_INPUT", "unknown member");
	assert_int_equal(call_cart("PUT", id, "/items/1", NULL, "{\"quantity\":1}"), 204);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_of_giving_a_line_gives_attributes),
		cmocka_unit_test(null_and_an_empty_object_remove_them),
		cmocka_unit_test(values_that_do_not_come_back_are_refused_by_name),
		cmocka_unit_test(what_is_too_long_is_422),
		cmocka_unit_test(two_hundred_lines_of_the_longest_fit_into_one_request),
		cmocka_unit_test(a_key_stands_for_the_attributes_too),
		cmocka_unit_test(lists_batches_and_checkouts_show_them),
		cmocka_unit_test(where_they_are_switched_off_the_member_is_400),
	};
	return cmocka_run_group_tests_name("attributes of lines over HTTP", tests, start, stop);
}
