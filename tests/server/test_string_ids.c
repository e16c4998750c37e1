/* cart.id_type=string over HTTP: any visible ASCII in bodies, paths, queries and answers. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <stdio.h>
#include <string.h>

#define CHARS ('~' - '!' + 1)

static int call(const char *method, const char *path, const char *body)
{
	return api_call(&client, method, path, NULL, body);
}

static int call_cart(const char *method, const char *id, const char *after, const char *body)
{
	return api_call_cart(&client, method, id, after, NULL, body);
}

/* Every byte of it as %XX. */
static const char *encoded(const char *text)
{
	static char out[3 * 80 + 1];
	char *to = out;

	for (; *text != '\0'; text++)
		to += sprintf(to, "%%%02X", (unsigned char)*text);
	return out;
}

static void make_cart(const char *customer, char id[API_ID_TEXT + 1])
{
	json_t *body = json_pack("{s:s}", "customer_id", customer);
	char *text = json_dumps(body, 0);

	assert_int_equal(call("POST", "/shopping-carts", text), 201);
	assert_string_equal(api_string(&client, "customer_id"), customer);
	snprintf(id, API_ID_TEXT + 1, "%s", api_string(&client, "shopping_cart_id"));
	free(text);
	json_decref(body);
}

static const char *product_at(size_t index)
{
	const json_t *items = json_object_get(client.json, "items");

	return json_string_value(json_object_get(json_array_get(items, index), "product_id"));
}

static size_t lines(void)
{
	return json_array_size(json_object_get(client.json, "items"));
}

/* One product for each character, added in one batch, the last character first. */
static void every_visible_character_may_be_in_an_id(void **state)
{
	json_t *items = json_array(), *body = json_pack("{s:o}", "items", items);
	char id[API_ID_TEXT + 1], path[512], product[3] = "?x";
	char *text;

	(void)state;
	for (char c = '~'; c >= '!'; c--) {
		product[0] = c;
		json_array_append_new(items,
				      json_pack("{s:s,s:i}", "product_id", product, "quantity", 1));
	}
	text = json_dumps(body, 0);
	make_cart("!\"#$%&'()*+,-./0123456789:;<=>?@[\\]^_`{|}~", id);
	assert_int_equal(call_cart("POST", id, "/items", text), 204);
	free(text);
	json_decref(body);
	assert_int_equal(call_cart("GET", id, "", NULL), 200);
	assert_int_equal(lines(), CHARS);
	for (size_t i = 0; i < CHARS; i++) {
		product[0] = (char)('!' + i);
		assert_string_equal(product_at(i), product);
	}
	for (char c = '!'; c <= '~'; c++) {
		product[0] = c;
		snprintf(path, sizeof(path), "/items/%s", encoded(product));
		assert_int_equal(call_cart("DELETE", id, path, NULL), 204);
		if (c % 16 == 0) {
			call_cart("DELETE", id, path, NULL);
			api_expect(&client, 404, "ITEM_NOT_FOUND", "no product ");
		}
	}
	assert_int_equal(call_cart("GET", id, "", NULL), 200);
	assert_int_equal(lines(), 0);
}

/* In the order of their bytes, which is neither that of their lengths nor of numbers. */
static void a_segment_of_the_path_is_an_id_whatever_it_looks_like(void **state)
{
	static const char *const segments[][2] = {
		{"%22quoted%22", "\"quoted\""},
		{"%25", "%"},
		{"%2525", "%25"},
		{".", "."},
		{"..", ".."},
		{"%2F..%2f..", "/../.."},
		{"10", "10"},
		{"9", "9"},
		{"9007199254740993", "9007199254740993"},
		{"%3Fa=b%23c", "?a=b#c"},
		{"SKU-1%2F2+3", "SKU-1/2+3"},
		{"%5C%5C", "\\\\"},
		{"a;b=c,d", "a;b=c,d"},
	};
	const size_t count = sizeof(segments) / sizeof(segments[0]);
	char id[API_ID_TEXT + 1], path[512];

	(void)state;
	make_cart("path", id);
	for (size_t i = count; i-- > 0;) {
		snprintf(path, sizeof(path), "/items/%s", segments[i][0]);
		assert_int_equal(call_cart("PUT", id, path, "{\"quantity\":3}"), 204);
	}
	assert_int_equal(call_cart("GET", id, "", NULL), 200);
	assert_int_equal(lines(), count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(product_at(i), segments[i][1]);
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/items/%s", segments[i][0]);
		assert_int_equal(call_cart("GET", id, path, NULL), 200);
		assert_string_equal(api_string(&client, "product_id"), segments[i][1]);
	}
}

static void an_id_has_1_to_64_characters(void **state)
{
	static const char *const wrong[] = {"%20", "a%20", "%00", "%7F", "%C3%A9", "a%0A"};
	char most[66], id[API_ID_TEXT + 1], path[512], body[128];

	(void)state;
	memset(most, '"', 65);
	most[65] = '\0';
	make_cart(most + 1, id);
	snprintf(path, sizeof(path), "/items/%s", encoded(most + 1));
	assert_int_equal(call_cart("PUT", id, path, "{\"quantity\":3}"), 204);
	assert_int_equal(call_cart("GET", id, "", NULL), 200);
	assert_string_equal(product_at(0), most + 1);
	snprintf(path, sizeof(path), "/items/%s", encoded(most));
	call_cart("PUT", id, path, "{\"quantity\":3}");
	api_expect(&client, 400, "INVALID_INPUT",
		   "product_id in the path must be 1 to 64 visible ASCII characters");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(path, sizeof(path), "/items/%s", wrong[i]);
		call_cart("PUT", id, path, "{\"quantity\":3}");
		api_expect(&client, 400, "INVALID_INPUT", "product_id in the path");
		snprintf(path, sizeof(path), "/shopping-carts?customer_id=%s", wrong[i]);
		call("GET", path, NULL);
		api_expect(&client, 400, "INVALID_INPUT", "query parameter customer_id");
	}
	memset(most, 'a', 65);
	snprintf(body, sizeof(body), "{\"product_id\":\"%s\",\"quantity\":1}", most);
	call_cart("POST", id, "/items", body);
	api_expect(&client, 400, "INVALID_INPUT",
		   "product_id must be 1 to 64 visible ASCII characters");
}

static void what_is_no_string_is_refused_by_name(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart("wrong", id);
	call("POST", "/shopping-carts", "{\"customer_id\":5}");
	api_expect(&client, 400, "INVALID_INPUT", "customer_id is not a string");
	call("POST", "/shopping-carts", "{\"customer_id\":\"\"}");
	api_expect(&client, 400, "INVALID_INPUT", "customer_id must be 1 to 64");
	call_cart("POST", id, "/items", "{\"product_id\":5,\"quantity\":1}");
	api_expect(&client, 400, "INVALID_INPUT", "product_id is not a string");
	call_cart("POST", id, "/items",
		  "{\"items\":[{\"product_id\":\"a\",\"quantity\":1},"
		  "{\"product_id\":\"a b\",\"quantity\":1}]}");
	api_expect(&client, 400, "INVALID_INPUT", "items[1].product_id must be 1 to 64");
}

/* "9" and "09" are two customers, and what one has nobody else sees. */
static void pages_and_keys_are_those_of_the_customer(void **state)
{
	static const char *const customers[] = {"a&b=c#d%", "a&b=c#d", "9", "09"};
	char id[API_ID_TEXT + 1], path[512];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (int carts = 0; carts < 2; carts++)
			make_cart(customers[i], id);
	for (size_t i = 0; i < 4; i++) {
		int64_t end = patience_ms() + 20000;

		do {
			snprintf(path, sizeof(path), "/shopping-carts?limit=1&customer_id=%s",
				 encoded(customers[i]));
			assert_int_equal(call("GET", path, NULL), 200);
		} while (!json_is_string(json_object_get(client.json, "next_cursor")) &&
			 patience_ms() < end);
		snprintf(path, sizeof(path), "/shopping-carts?limit=2&customer_id=%s&cursor=%s",
			 encoded(customers[i]), api_string(&client, "next_cursor"));
		assert_int_equal(call("GET", path, NULL), 200);
		assert_int_equal(json_array_size(json_object_get(client.json, "carts")), 1);
		assert_true(json_is_null(json_object_get(client.json, "next_cursor")));
	}
	assert_int_equal(api_call(&client, "POST", "/shopping-carts", "Idempotency-Key: k\r\n",
				  "{\"customer_id\":\"9\"}"),
			 201);
	assert_int_equal(api_call(&client, "POST", "/shopping-carts", "Idempotency-Key: k\r\n",
				  "{\"customer_id\":\"\\u0039\"}"),
			 201);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_int_equal(api_call(&client, "POST", "/shopping-carts", "Idempotency-Key: k\r\n",
				  "{\"customer_id\":\"09\"}"),
			 201);
	assert_null(api_header(&client, "Idempotency-Replayed"));
}

/* The largest cart of the default limits, with the longest ids. */
static void two_hundred_lines_of_the_longest_ids_fit(void **state)
{
	json_t *items = json_array(), *body = json_pack("{s:o}", "items", items);
	char id[API_ID_TEXT + 1], product[80];
	char *text;

	(void)state;
	make_cart("large", id);
	for (int i = 0; i < 200; i++) {
		snprintf(product, sizeof(product), "%03d\\\"%059d", i, i);
		json_array_append_new(
			items, json_pack("{s:s,s:i}", "product_id", product, "quantity", 10000));
	}
	text = json_dumps(body, JSON_COMPACT);
	assert_int_equal(call_cart("POST", id, "/items", text), 204);
	assert_int_equal(call_cart("POST", id, "/items", text), 204);
	free(text);
	json_decref(body);
	call_cart("POST", id, "/items", "{\"product_id\":\"one-more\",\"quantity\":1}");
	api_expect(&client, 422, "LIMIT_EXCEEDED", "200 lines");
	assert_int_equal(call_cart("GET", id, "", NULL), 200);
	assert_int_equal(lines(), 200);
	assert_string_equal(product_at(199), product);
	assert_int_equal(call_cart("POST", id, "/checkout", NULL), 200);
}

static void the_contract_says_that_ids_are_strings(void **state)
{
	(void)state;
	assert_int_equal(call("GET", "/openapi.yaml", NULL), 200);
	assert_non_null(strstr(client.response.body, "\n  x-id-type: string\n"));
	assert_non_null(strstr(client.response.body, "pattern: \"^[!-~]+$\"\n"));
	assert_non_null(strstr(client.response.body, "{product_id: \"456\", quantity: 2}"));
	assert_null(strstr(client.response.body, "maximum: 9007199254740991\n"));
	assert_null(strstr(client.response.body, "integers of 1 to 2^53-1"));
}

static int start_with_strings(void **state)
{
	static const char *const settings[] = {"cart.id_type=string", NULL};

	(void)state;
	return start_with(settings);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_visible_character_may_be_in_an_id),
		cmocka_unit_test(a_segment_of_the_path_is_an_id_whatever_it_looks_like),
		cmocka_unit_test(an_id_has_1_to_64_characters),
		cmocka_unit_test(what_is_no_string_is_refused_by_name),
		cmocka_unit_test(pages_and_keys_are_those_of_the_customer),
		cmocka_unit_test(the_contract_says_that_ids_are_strings),
		cmocka_unit_test(two_hundred_lines_of_the_longest_ids_fit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start_with_strings, stop);
}
