/* Every error of the API, and every kind of bad input that it names. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One open cart with product 1, and one that is checked out. */
static char open_id[API_ID_TEXT + 1], closed_id[API_ID_TEXT + 1];

#define NOBODY	 "00000000-0000-4000-8000-000000000001"
#define ONE_ITEM "{\"product_id\":1,\"quantity\":1}"

static int call(const char *method, const char *path, const char *headers, const char *body)
{
	return api_call(&client, method, path, headers, body);
}

static int call_cart(const char *method, const char *id, const char *after, const char *headers,
		     const char *body)
{
	return api_call_cart(&client, method, id, after, headers, body);
}

static void expect(int status, const char *error, const char *says)
{
	api_expect(&client, status, error, says);
}

/* Every change of a cart, as it would be accepted. */
static const struct {
	const char *method, *after, *body;
} changes[] = {
	{"POST", "/items", ONE_ITEM}, {"PUT", "/items/1", "{\"quantity\":2}"},
	{"DELETE", "/items/1", NULL}, {"DELETE", "/items", NULL},
	{"POST", "/checkout", NULL},  {"DELETE", "", NULL},
};
#define CHANGES (sizeof(changes) / sizeof(changes[0]))

static void change(size_t i, const char *id, const char *headers)
{
	call_cart(changes[i].method, id, changes[i].after, headers, changes[i].body);
}

static void bodies_that_are_not_one_json_object_are_invalid_json(void **state)
{
	static const char *const bodies[] = {
		"{",
		"[]",
		"5",
		"null",
		"{}{}",
		"{\"a\":1,\"a\":2}",
		"\xef\xbb\xbf{}",
		"{\"customer_id\":1} x",
		"{\"\xff\":1}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\u0000\"}",
		"   ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		call("POST", "/shopping-carts", NULL, bodies[i]);
		expect(400, "INVALID_JSON", NULL);
		call_cart("POST", open_id, "/items", NULL, bodies[i]);
		expect(400, "INVALID_JSON", NULL);
		call_cart("PUT", open_id, "/items/1", NULL, bodies[i]);
		expect(400, "INVALID_JSON", NULL);
		call("POST", "/shopping-carts/batch-get", NULL, bodies[i]);
		expect(400, "INVALID_JSON", NULL);
	}
	call("POST", "/shopping-carts", NULL, NULL);
	expect(400, "INVALID_JSON", "empty");
}

static void numbers_that_are_no_integers_in_range_are_invalid_input(void **state)
{
	static const char *const values[] = {
		"1e3",	 "1.0", "2147483648",		"-0",  "-1", "\"2\"", "true", "null",
		"10001", "0",	"99999999999999999999", "[1]", "{}", "1e999"};
	char body[128];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(body, sizeof(body), "{\"product_id\":1,\"quantity\":%s}", values[i]);
		call_cart("POST", open_id, "/items", NULL, body);
		expect(400, "INVALID_INPUT", NULL);
		snprintf(body, sizeof(body),
			 "{\"items\":[" ONE_ITEM ",{\"product_id\":1,"
			 "\"quantity\":%s}]}",
			 values[i]);
		call_cart("POST", open_id, "/items", NULL, body);
		expect(400, "INVALID_INPUT", NULL);
	}
	call("POST", "/shopping-carts", NULL, "{\"customer_id\":9007199254740992}");
	expect(400, "INVALID_INPUT", "customer_id");
	call("POST", "/shopping-carts", NULL, "{\"customer_id\":0}");
	expect(400, "INVALID_INPUT", "customer_id");
	call_cart("PUT", open_id, "/items/1", NULL, "{\"quantity\":1000001}");
	expect(400, "INVALID_INPUT", "quantity");
	call_cart("PUT", open_id, "/items/1", NULL, "{\"quantity\":-1}");
	expect(400, "INVALID_INPUT", "quantity");
}

static void members_that_are_missing_or_unknown_are_named(void **state)
{
	(void)state;
	call_cart("PUT", open_id, "/customer", NULL, "{}");
	expect(400, "INVALID_INPUT", "customer_id");
	call_cart("PUT", open_id, "/customer", NULL, "{\"customer_id\":null}");
	expect(400, "INVALID_INPUT", "customer_id");
	call("POST", "/shopping-carts", NULL, "{\"items\":[{\"product_id\":1,\"quantity\":0}]}");
	expect(400, "INVALID_INPUT", "items[0].quantity");
	call("POST", "/shopping-carts", NULL, "{\"customer_id\":1,\"custmer\":1}");
	expect(400, "INVALID_INPUT", "custmer");
	call_cart("POST", open_id, "/items", NULL, "{\"items\":[]}");
	expect(400, "INVALID_INPUT", "items");
	call_cart("POST", open_id, "/items", NULL, "{\"items\":[{\"quantity\":1}]}");
	expect(400, "INVALID_INPUT", "items[0].product_id");
	call("POST", "/shopping-carts/batch-get", NULL, "{\"ids\":[\"x\"]}");
	expect(400, "INVALID_INPUT", "ids[0]");
	call("POST", "/shopping-carts/batch-get", NULL, "{\"ids\":[]}");
	expect(400, "INVALID_INPUT", "ids");
}

static void much_space_and_deep_nesting_do_no_harm(void **state)
{
	enum { SIZE = 65536 };
	char *body = malloc(SIZE + 1);
	static const char end[] = "{\"quantity\":1}";

	(void)state;
	assert_non_null(body);
	memset(body, ' ', SIZE);
	memcpy(body + SIZE - strlen(end), end, sizeof(end));
	assert_int_equal(call_cart("PUT", open_id, "/items/1", NULL, body), 204);
	memset(body, '[', SIZE);
	call_cart("PUT", open_id, "/items/1", NULL, body);
	expect(400, "INVALID_JSON", "deeply");
	memset(body, '[', 10000);
	memset(body + 10000, ']', 10000);
	body[20000] = '\0';
	call_cart("PUT", open_id, "/items/1", NULL, body);
	expect(400, "INVALID_JSON", "deeply");
	free(body);
}

static void ids_that_are_no_uuids_are_invalid_input(void **state)
{
	static const char *const ids[] = {
		"x",
		"1",
		"%7B550e8400-e29b-41d4-a716-446655440000%7D",
		"550e8400e29b41d4a716446655440000",
		"550e8400-e29b-41d4-a716-44665544000",
		"550e8400-e29b-41d4-a716-4466554400000",
		"550e8400-e29b-41d4-a716-44665544000g",
		"550e8400-e29b-41d4-a716%2F446655440000",
		"550e8400-e29b-41d4-a716-44665544000%00",
		"urn:uuid:550e8400-e29b-41d4-a716-446655440000",
		"%20550e8400-e29b-41d4-a716-446655440000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		call_cart("GET", ids[i], "", NULL, NULL);
		expect(400, "INVALID_INPUT", "UUID");
		for (size_t j = 0; j < CHANGES; j++) {
			change(j, ids[i], NULL);
			expect(400, "INVALID_INPUT", "UUID");
		}
	}
	call("GET", "/shopping-carts/%zz", NULL, NULL);
	expect(400, "INVALID_INPUT", "percent-encoded");
}

static void uuids_of_any_version_are_ids(void **state)
{
	static const char *const ids[] = {
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"550e8400-e29b-11d4-a716-446655440000", "550E8400-E29B-71D4-0716-446655440000"};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		call_cart("GET", ids[i], "", NULL, NULL);
		expect(404, "CART_NOT_FOUND", "no cart");
	}
}

static void product_ids_in_the_path_are_integers(void **state)
{
	static const char *const products[] = {"0",   "-1", "01", "1.0", "x", "9007199254740992",
					       "1e3", "+1"};
	char after[64];

	(void)state;
	for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++) {
		snprintf(after, sizeof(after), "/items/%s", products[i]);
		call_cart("PUT", open_id, after, NULL, "{\"quantity\":1}");
		expect(400, "INVALID_INPUT", "product_id");
		call_cart("DELETE", open_id, after, NULL, NULL);
		expect(400, "INVALID_INPUT", "product_id");
	}
}

static void unknown_paths_are_not_found(void **state)
{
	static const char basket[] = "/shopping-carts/" NOBODY "/basket";
	const char *const paths[] = {"/nowhere", "/shopping-carts/", "/health/",
				     "/a//b",	 "/Health",	     basket};
	char path[8100] = "/";

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		call("GET", paths[i], NULL, NULL);
		expect(404, "NOT_FOUND", "no such path");
	}
	call("GET", "/shopping-carts/", NULL, NULL);
	expect(404, "NOT_FOUND", "trailing slash");
	memset(path + 1, 'a', 8000);
	call("GET", path, NULL, NULL);
	expect(404, "NOT_FOUND", NULL);
}

static void query_parameters_are_checked_on_every_call(void **state)
{
	static const char *const paths[] = {"/?a=1",	   "/health?a=1", "/livez?a=1",
					    "/readyz?a=1", "/metrics?a",  "/openapi.yaml?a=1"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		call("GET", paths[i], NULL, NULL);
		expect(400, "INVALID_INPUT", "'a'");
	}
	call_cart("GET", open_id, "?limit=1", NULL, NULL);
	expect(400, "INVALID_INPUT", "limit");
	call_cart("GET", open_id, "?consistency=maybe", NULL, NULL);
	expect(400, "INVALID_INPUT", "consistency");
	call_cart("GET", open_id, "?consistency=strong&consistency=strong", NULL, NULL);
	expect(400, "INVALID_INPUT", "twice");
	call_cart("POST", open_id, "/items?customer_id=1", NULL, ONE_ITEM);
	expect(400, "INVALID_INPUT", "customer_id");
	assert_int_equal(call_cart("GET", open_id, "?", NULL, NULL), 200);
}

static void bad_lists_are_refused(void **state)
{
	static const struct {
		const char *query, *says;
	} lists[] = {
		{"", "customer_id"},
		{"?customer_id=1&idle_since=2025-11-01T00:00:00Z", "not both"},
		{"?customer_id=", "customer_id"},
		{"?customer_id=0", "customer_id"},
		{"?customer_id=9007199254740992", "customer_id"},
		{"?customer_id=1x", "customer_id"},
		{"?customer_id=1&limit=0", "limit"},
		{"?customer_id=1&limit=101", "limit"},
		{"?customer_id=1&limit=-1", "limit"},
		{"?customer_id=1&limit=ten", "limit"},
		{"?customer_id=1&status=closed", "status"},
		{"?customer_id=1&status=", "status"},
		{"?idle_since=2025-11-01T00:00:00Z&status=open", "status"},
		{"?idle_since=yesterday", "idle_since"},
		{"?idle_since=2025-02-30T00:00:00Z", "idle_since"},
		{"?idle_since=2025-11-01", "idle_since"},
		{"?customer_id=1&cursor=", "cursor"},
		{"?customer_id=1&cursor=x", "cursor"},
		{"?customer_id=1&sort=new", "sort"},
	};
	char path[160];

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		snprintf(path, sizeof(path), "/shopping-carts%s", lists[i].query);
		call("GET", path, NULL, NULL);
		expect(400, "INVALID_INPUT", lists[i].says);
	}
}

static void a_cursor_serves_only_the_query_that_gave_it(void **state)
{
	char id[API_ID_TEXT + 1], path[200], cursor[64];
	static const char *const others[] = {"customer_id=700002", "customer_id=700001&status=open",
					     "idle_since=2999-01-01T00:00:00Z"};

	(void)state;
	for (int i = 0; i < 2; i++)
		api_make_cart(&client, 700001, id);
	assert_int_equal(call("GET", "/shopping-carts?customer_id=700001&limit=1", NULL, NULL),
			 200);
	strcpy(cursor, api_string(&client, "next_cursor"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(path, sizeof(path), "/shopping-carts?%s&cursor=%s", others[i], cursor);
		call("GET", path, NULL, NULL);
		expect(400, "INVALID_INPUT", "cursor");
	}
	snprintf(path, sizeof(path), "/shopping-carts?customer_id=700001&cursor=%s", cursor);
	assert_int_equal(call("GET", path, NULL, NULL), 200);
	cursor[20] = cursor[20] == 'A' ? 'B' : 'A';
	snprintf(path, sizeof(path), "/shopping-carts?customer_id=700001&cursor=%s", cursor);
	call("GET", path, NULL, NULL);
	expect(400, "INVALID_INPUT", "cursor");
}

static void a_cart_that_is_not_there_is_404_for_every_call(void **state)
{
	(void)state;
	call_cart("GET", NOBODY, "", NULL, NULL);
	expect(404, "CART_NOT_FOUND", NOBODY);
	for (size_t i = 0; i < CHANGES; i++) {
		change(i, NOBODY, NULL);
		expect(404, "CART_NOT_FOUND", NOBODY);
		change(i, NOBODY, "If-Match: *\r\n");
		expect(404, "CART_NOT_FOUND", NOBODY);
		change(i, NOBODY, "If-Match: \"1\"\r\nIdempotency-Key: k\r\n");
		expect(404, "CART_NOT_FOUND", NOBODY);
	}
}

static void a_cart_that_is_checked_out_takes_no_change(void **state)
{
	char why[API_ID_TEXT + 32];

	(void)state;
	snprintf(why, sizeof(why), "cart %s is checked out", closed_id);
	for (size_t i = 0; i < CHANGES; i++) {
		if (strcmp(changes[i].after, "/checkout") == 0)
			continue;
		change(i, closed_id, NULL);
		expect(409, "CART_CLOSED", why);
	}
	assert_int_equal(call_cart("GET", closed_id, "", NULL, NULL), 200);
	assert_int_equal(api_version(&client), 3);
}

static void an_empty_cart_cannot_be_checked_out(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	api_make_cart(&client, 1, id);
	call_cart("POST", id, "/checkout", NULL, NULL);
	expect(409, "CART_EMPTY", id);
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_string_equal(api_string(&client, "status"), "open");
	assert_int_equal(api_version(&client), 1);
}

static void another_version_is_412_for_every_change(void **state)
{
	static const char *const tags[] = {"\"1\"", "W/\"2\"", "\"x\"", "\"\"", "\"03\""};
	char headers[64], id[API_ID_TEXT + 1];

	(void)state;
	api_make_cart(&client, 1, id);
	api_add(&client, id, 1, 1);
	assert_int_equal(api_add(&client, id, 1, 1), 3);
	for (size_t i = 0; i < CHANGES; i++) {
		for (size_t j = 0; j < sizeof(tags) / sizeof(tags[0]); j++) {
			snprintf(headers, sizeof(headers), "If-Match: %s\r\n", tags[j]);
			change(i, id, headers);
			expect(412, "VERSION_MISMATCH", "If-Match");
		}
	}
	call_cart("GET", id, "", "If-Match: \"1\"\r\n", NULL);
	expect(412, "VERSION_MISMATCH", NULL);
	assert_int_equal(call_cart("GET", id, "", "If-Match: \"3\"\r\n", NULL), 200);
	assert_int_equal(api_version(&client), 3);
	assert_int_equal(call_cart("POST", id, "/items", "If-Match: \"3\"\r\n", ONE_ITEM), 204);
	assert_int_equal(api_version(&client), 4);
	assert_int_equal(call_cart("POST", id, "/items", "If-Match: *\r\n", ONE_ITEM), 204);
}

/* A key has 255 characters at most. */
#define C64 "0123456789012345678901234567890123456789012345678901234567890123"

static void bad_headers_are_named(void **state)
{
	static const struct {
		const char *headers, *says;
	} bad[] = {
		{"If-Match: 3\r\n", "If-Match"},
		{"If-Match: \"3\", \"4\"\r\n", "If-Match"},
		{"If-Match: \"3\"\r\nIf-Match: \"3\"\r\n", "If-Match"},
		{"If-None-Match: *\r\n", "If-None-Match"},
		{"Idempotency-Key: a b\r\n", "Idempotency-Key"},
		{"Idempotency-Key: \r\n", "Idempotency-Key"},
		{"Idempotency-Key: \xc3\xa9\r\n", "Idempotency-Key"},
		{"Idempotency-Key: " C64 C64 C64 C64 "\r\n", "Idempotency-Key"},
		{"Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "Idempotency-Key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (size_t j = 0; j + 1 < CHANGES; j++) { /* the last, DELETE, has no key */
			change(j, open_id, bad[i].headers);
			expect(400, "INVALID_INPUT", bad[i].says);
		}
	}
	call("POST", "/shopping-carts", "If-Match: *\r\n", "{\"customer_id\":1}");
	expect(400, "INVALID_INPUT", "If-Match");
	call_cart("GET", open_id, "", "If-None-Match: 3\r\n", NULL);
	expect(400, "INVALID_INPUT", "If-None-Match");
}

static void bodies_of_other_media_types_are_415(void **state)
{
	static const char *const types[] = {
		"Content-Type: text/plain\r\n",
		"Content-Type: application/x-www-form-urlencoded\r\n",
		"Content-Type: application/jsonp\r\n",
		"Content-Type: \r\n",
		"Content-Type: application/json\r\nContent-Type: text/plain\r\n",
		"Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
		"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		call("POST", "/shopping-carts", types[i], "{\"customer_id\":1}");
		expect(415, "UNSUPPORTED_MEDIA_TYPE", NULL);
		call_cart("POST", open_id, "/checkout", types[i], "{}");
		expect(415, "UNSUPPORTED_MEDIA_TYPE", NULL);
	}
	assert_int_equal(call("POST", "/shopping-carts",
			      "Content-Type: Application/JSON; charset=utf-8\r\n",
			      "{\"customer_id\":1}"),
			 201);
}

static void a_body_needs_no_content_type(void **state)
{
	const char *body = "{\"customer_id\":1}";
	char request[200];

	(void)state;
	snprintf(request, sizeof(request),
		 "POST /shopping-carts HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	assert_true(http_client_send_text(&client.http, request));
	http_response_clear(&client.response);
	assert_int_equal(http_client_read(&client.http, &client.response, false, 10000),
			 HTTP_READ_ANSWER);
	assert_int_equal(client.response.status, 201);
}

static void a_body_where_none_is_expected_is_refused(void **state)
{
	(void)state;
	call_cart("GET", open_id, "", NULL, "{}");
	expect(400, "INVALID_INPUT", "body");
	call_cart("DELETE", open_id, "", NULL, "{}");
	expect(400, "INVALID_INPUT", "body");
	call_cart("DELETE", open_id, "/items", NULL, "{}");
	expect(400, "INVALID_INPUT", "body");
	call_cart("POST", open_id, "/checkout", NULL, "{\"a\":1}");
	expect(400, "INVALID_INPUT", "body");
	call_cart("POST", open_id, "/checkout", NULL, "x");
	expect(400, "INVALID_JSON", "body");
	assert_int_equal(call_cart("GET", open_id, "", NULL, NULL), 200);
	assert_string_equal(api_string(&client, "status"), "open");
}

static void a_body_over_the_limit_is_413(void **state)
{
	size_t size = 64 * 1024 + 1;
	char *body = malloc(size + 1);

	(void)state;
	assert_non_null(body);
	memset(body, ' ', size);
	body[size] = '\0';
	call("POST", "/shopping-carts", "X-Request-Id: upload.1\r\n", body);
	expect(413, "TOO_LARGE", NULL);
	assert_string_equal(api_header(&client, "X-Request-Id"), "upload.1");
	call("POST", "/shopping-carts", "X-Request-Id: up load\r\n", body);
	assert_int_equal(strlen(api_header(&client, "X-Request-Id")), 16);
	call("POST", "/shopping-carts", "X-Request-Id: a\r\nX-Request-Id: b\r\n", body);
	assert_int_equal(strlen(api_header(&client, "X-Request-Id")), 16);
	free(body);
}

static void what_is_no_http_is_a_problem_too(void **state)
{
	struct api_client other;

	(void)state;
	api_open(&other, &server);
	assert_int_equal(api_call(&other, "GET", "/livez", "Content-Length : 5\r\n", NULL), 400);
	api_expect(&other, 400, "BAD_REQUEST", NULL);
	api_close(&other);
}

static void more_than_a_cart_holds_is_422_and_changes_nothing(void **state)
{
	char id[API_ID_TEXT + 1], body[16384];
	char *at = body + sprintf(body, "{\"items\":[");

	(void)state;
	api_make_cart(&client, 1, id);
	assert_int_equal(call_cart("PUT", id, "/items/1", NULL, "{\"quantity\":1000000}"), 204);
	call_cart("POST", id, "/items", NULL, ONE_ITEM);
	expect(422, "LIMIT_EXCEEDED", "1000000");
	for (int i = 2; i <= 201; i++)
		at += sprintf(at, "%s{\"product_id\":%d,\"quantity\":1}", i > 2 ? "," : "", i);
	sprintf(at, "]}");
	call_cart("POST", id, "/items", NULL, body);
	expect(422, "LIMIT_EXCEEDED", "200");
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(json_array_size(json_object_get(client.json, "items")), 1);
	/* The last line that fits does. */
	strcpy(strrchr(body, ','), "");
	*strrchr(body, ',') = '\0';
	strcat(body, "]}");
	assert_int_equal(call_cart("POST", id, "/items", NULL, body), 204);
	call_cart("PUT", id, "/items/201", NULL, "{\"quantity\":1}");
	expect(422, "LIMIT_EXCEEDED", "200");
}

static int start_with_carts(void **state)
{
	start(state);
	api_make_cart(&client, 1, open_id);
	api_add(&client, open_id, 1, 1);
	api_make_cart(&client, 1, closed_id);
	api_add(&client, closed_id, 1, 1);
	assert_int_equal(call_cart("POST", closed_id, "/checkout", NULL, NULL), 200);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_that_are_not_one_json_object_are_invalid_json),
		cmocka_unit_test(numbers_that_are_no_integers_in_range_are_invalid_input),
		cmocka_unit_test(members_that_are_missing_or_unknown_are_named),
		cmocka_unit_test(much_space_and_deep_nesting_do_no_harm),
		cmocka_unit_test(ids_that_are_no_uuids_are_invalid_input),
		cmocka_unit_test(uuids_of_any_version_are_ids),
		cmocka_unit_test(product_ids_in_the_path_are_integers),
		cmocka_unit_test(unknown_paths_are_not_found),
		cmocka_unit_test(query_parameters_are_checked_on_every_call),
		cmocka_unit_test(bad_lists_are_refused),
		cmocka_unit_test(a_cursor_serves_only_the_query_that_gave_it),
		cmocka_unit_test(a_cart_that_is_not_there_is_404_for_every_call),
		cmocka_unit_test(a_cart_that_is_checked_out_takes_no_change),
		cmocka_unit_test(an_empty_cart_cannot_be_checked_out),
		cmocka_unit_test(another_version_is_412_for_every_change),
		cmocka_unit_test(bad_headers_are_named),
		cmocka_unit_test(bodies_of_other_media_types_are_415),
		cmocka_unit_test(a_body_needs_no_content_type),
		cmocka_unit_test(a_body_where_none_is_expected_is_refused),
		cmocka_unit_test(a_body_over_the_limit_is_413),
		cmocka_unit_test(what_is_no_http_is_a_problem_too),
		cmocka_unit_test(more_than_a_cart_holds_is_422_and_changes_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start_with_carts, stop);
}
