/* One line of a cart, and all of its lines at once. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>

#define NOBODY "00000000-0000-4000-8000-000000000001"

static int call_cart(const char *method, const char *id, const char *after, const char *headers,
		     const char *body)
{
	return api_call_cart(&client, method, id, after, headers, body);
}

static void make_cart(char id[API_ID_TEXT + 1])
{
	static int64_t customer = 700000;

	api_make_cart(&client, customer++, id);
}

/* One line. */

static void a_line_is_read_as_its_cart_has_it(void **state)
{
	char id[API_ID_TEXT + 1];
	json_t *line;

	(void)state;
	make_cart(id);
	api_add(&client, id, 5, 2);
	api_add(&client, id, 7, 3);
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	line = json_deep_copy(json_array_get(json_object_get(client.json, "items"), 1));
	assert_int_equal(call_cart("GET", id, "/items/7", NULL, NULL), 200);
	assert_true(json_equal(client.json, line));
	assert_int_equal(api_version(&client), 3);
	assert_string_equal(api_header(&client, "Cache-Control"), "private, no-cache");
	assert_int_equal(call_cart("GET", id, "/items/7?consistency=strong", NULL, NULL), 200);
	assert_true(json_equal(client.json, line));
	json_decref(line);
	/* As of a cart. */
	assert_int_equal(call_cart("POST", id, "/checkout", NULL, NULL), 200);
	assert_int_equal(call_cart("GET", id, "/items/5", NULL, NULL), 200);
	assert_int_equal(api_integer(&client, "quantity"), 2);
	assert_int_equal(api_version(&client), 4);
}

static void a_line_that_is_not_there_is_404(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	api_add(&client, id, 5, 2);
	call_cart("GET", id, "/items/6", NULL, NULL);
	api_expect(&client, 404, "ITEM_NOT_FOUND", "no product 6 in cart");
	/* Nobody has a representation of it. */
	call_cart("GET", id, "/items/6", "If-None-Match: \"2\"\r\n", NULL);
	api_expect(&client, 404, "ITEM_NOT_FOUND", NULL);
	call_cart("GET", NOBODY, "/items/5", NULL, NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", NULL);
	call_cart("GET", id, "/items/0", NULL, NULL);
	api_expect(&client, 400, "INVALID_INPUT", "product_id");
	call_cart("GET", id, "/items/5?fields=quantity", NULL, NULL);
	api_expect(&client, 400, "INVALID_INPUT", "fields");
}

static void a_line_has_the_conditions_of_its_cart(void **state)
{
	char id[API_ID_TEXT + 1], length[32];

	(void)state;
	make_cart(id);
	api_add(&client, id, 5, 2);
	assert_int_equal(call_cart("GET", id, "/items/5", "If-None-Match: \"2\"\r\n", NULL), 304);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(call_cart("GET", id, "/items/5", "If-None-Match: \"1\"\r\n", NULL), 200);
	assert_int_equal(call_cart("GET", id, "/items/5", "If-Match: \"2\"\r\n", NULL), 200);
	call_cart("GET", id, "/items/5", "If-Match: \"1\"\r\n", NULL);
	api_expect(&client, 412, "VERSION_MISMATCH", NULL);
	assert_int_equal(call_cart("GET", id, "/items/5", NULL, NULL), 200);
	snprintf(length, sizeof(length), "%s", api_header(&client, "Content-Length"));
	assert_int_equal(call_cart("HEAD", id, "/items/5", NULL, NULL), 200);
	assert_int_equal(client.response.body_len, 0);
	assert_string_equal(api_header(&client, "Content-Length"), length);
	assert_int_equal(call_cart("HEAD", id, "/items/6", NULL, NULL), 404);
}

/* All lines. */

#define TWO_LINES                                                                                  \
	"{\"items\":[{\"product_id\":7,\"quantity\":20000},{\"product_id\":5,\"quantity\":1}]}"

static int64_t line_at(size_t at, const char *member)
{
	const json_t *line = json_array_get(json_object_get(client.json, "items"), at);

	return json_integer_value(json_object_get(line, member));
}

static size_t lines(void)
{
	return json_array_size(json_object_get(client.json, "items"));
}

static void a_cart_has_the_lines_that_it_is_given_and_no_others(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	api_add(&client, id, 5, 2);
	api_add(&client, id, 6, 2);
	assert_int_equal(call_cart("PUT", id, "/items", NULL, TWO_LINES), 204);
	assert_int_equal(api_version(&client), 4);
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_int_equal(lines(), 2);
	assert_int_equal(line_at(0, "product_id"), 5);
	assert_int_equal(line_at(0, "quantity"), 1);
	assert_int_equal(line_at(1, "product_id"), 7);
	assert_int_equal(line_at(1, "quantity"), 20000);
	/* The same again. */
	assert_int_equal(call_cart("PUT", id, "/items", NULL, TWO_LINES), 204);
	assert_int_equal(api_version(&client), 4);
	assert_int_equal(call_cart("PUT", id, "/items", "Prefer: return=representation\r\n",
				   "{\"items\":[]}"),
			 200);
	assert_int_equal(lines(), 0);
	assert_int_equal(api_integer(&client, "version"), 5);
}

static void a_product_that_is_given_twice_adds_up(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	assert_int_equal(call_cart("PUT", id, "/items", NULL,
				   "{\"items\":[{\"product_id\":7,\"quantity\":2},"
				   "{\"product_id\":5,\"quantity\":0},"
				   "{\"product_id\":7,\"quantity\":3}]}"),
			 204);
	assert_int_equal(api_quantity(&client, id, 7), 5);
	assert_int_equal(lines(), 1);
}

static void a_replacement_has_the_conditions_of_a_change(void **state)
{
	const char *keyed = "Idempotency-Key: all\r\n";
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	call_cart("PUT", id, "/items", "If-Match: \"2\"\r\n", TWO_LINES);
	api_expect(&client, 412, "VERSION_MISMATCH", NULL);
	assert_int_equal(call_cart("PUT", id, "/items", keyed, TWO_LINES), 204);
	api_add(&client, id, 9, 1);
	assert_int_equal(call_cart("PUT", id, "/items", keyed, TWO_LINES), 204);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(api_quantity(&client, id, 9), 1);
	call_cart("PUT", id, "/items", keyed, "{\"items\":[]}");
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
	call_cart("PUT", NOBODY, "/items", NULL, TWO_LINES);
	api_expect(&client, 404, "CART_NOT_FOUND", NULL);
	assert_int_equal(call_cart("POST", id, "/checkout", NULL, NULL), 200);
	call_cart("PUT", id, "/items", NULL, TWO_LINES);
	api_expect(&client, 409, "CART_CLOSED", NULL);
}

static void a_replacement_has_the_limits_of_a_cart(void **state)
{
	char id[API_ID_TEXT + 1], body[16384];
	size_t at = (size_t)sprintf(body, "{\"items\":[");

	(void)state;
	make_cart(id);
	api_add(&client, id, 9, 1);
	for (int product = 1; product <= 201; product++)
		at += (size_t)sprintf(body + at, "%s{\"product_id\":%d,\"quantity\":1}",
				      product > 1 ? "," : "", product);
	strcpy(body + at, "]}");
	call_cart("PUT", id, "/items", NULL, body);
	api_expect(&client, 422, "LIMIT_EXCEEDED", "200 lines");
	call_cart("PUT", id, "/items", NULL,
		  "{\"items\":[{\"product_id\":1,\"quantity\":1000000},"
		  "{\"product_id\":1,\"quantity\":1}]}");
	api_expect(&client, 422, "LIMIT_EXCEEDED", NULL);
	call_cart("PUT", id, "/items", NULL,
		  "{\"items\":[{\"product_id\":1,\"quantity\":1000001}]}");
	api_expect(&client, 400, "INVALID_INPUT", "items[0].quantity");
	call_cart("PUT", id, "/items", NULL, "{\"product_id\":1,\"quantity\":1}");
	api_expect(&client, 400, "INVALID_INPUT", NULL);
	assert_int_equal(api_quantity(&client, id, 9), 1);
	assert_int_equal(api_integer(&client, "version"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_read_as_its_cart_has_it),
		cmocka_unit_test(a_line_that_is_not_there_is_404),
		cmocka_unit_test(a_line_has_the_conditions_of_its_cart),
		cmocka_unit_test(a_cart_has_the_lines_that_it_is_given_and_no_others),
		cmocka_unit_test(a_product_that_is_given_twice_adds_up),
		cmocka_unit_test(a_replacement_has_the_conditions_of_a_change),
		cmocka_unit_test(a_replacement_has_the_limits_of_a_cart),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
