/* Every call of the API with what it answers when all is well: bodies, headers, paging. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NOBODY "00000000-0000-4000-8000-000000000001"

static int call(const char *method, const char *path, const char *headers, const char *body)
{
	return api_call(&client, method, path, headers, body);
}

static int call_cart(const char *method, const char *id, const char *after, const char *headers,
		     const char *body)
{
	return api_call_cart(&client, method, id, after, headers, body);
}

/* Customers that no other test uses. */
static int64_t next_customer(void)
{
	static int64_t customer = 1000;

	return customer++;
}

static void make_cart(char id[API_ID_TEXT + 1])
{
	api_make_cart(&client, next_customer(), id);
}

static bool is_time(const char *text)
{
	int year, month, day, hour, minute, second, ms, end = 0;

	return text != NULL && strlen(text) == 24 &&
	       sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour, &minute,
		      &second, &ms, &end) == 7 &&
	       end == 24;
}

/* The members of an open cart, in the contract's order. */
static void expect_open_cart(const json_t *cart, int64_t customer, int64_t version)
{
	static const char *const members[] = {"shopping_cart_id", "customer_id", "status",
					      "version",	  "created_at",	 "updated_at",
					      "expires_at",	  "order_id",	 "items"};
	const char *name;
	json_t *value;
	size_t i = 0;

	json_object_foreach((json_t *)(uintptr_t)cart, name, value)
	{
		assert_true(i < sizeof(members) / sizeof(members[0]));
		assert_string_equal(name, members[i++]);
	}
	assert_int_equal(i, sizeof(members) / sizeof(members[0]));
	assert_int_equal(json_integer_value(json_object_get(cart, "customer_id")), customer);
	assert_string_equal(json_string_value(json_object_get(cart, "status")), "open");
	assert_int_equal(json_integer_value(json_object_get(cart, "version")), version);
	assert_true(is_time(json_string_value(json_object_get(cart, "created_at"))));
	assert_true(is_time(json_string_value(json_object_get(cart, "updated_at"))));
	assert_true(is_time(json_string_value(json_object_get(cart, "expires_at"))));
	assert_true(json_is_null(json_object_get(cart, "order_id")));
}

static void creating_answers_with_the_cart_and_where_it_is(void **state)
{
	int64_t customer = next_customer();
	char body[64], location[80];

	(void)state;
	snprintf(body, sizeof(body), "{\"customer_id\":%" PRId64 "}", customer);
	assert_int_equal(call("POST", "/shopping-carts", NULL, body), 201);
	assert_string_equal(api_header(&client, "Content-Type"), "application/json");
	assert_int_equal(api_version(&client), 1);
	assert_null(api_header(&client, "Idempotency-Replayed"));
	expect_open_cart(client.json, customer, 1);
	assert_int_equal(json_array_size(json_object_get(client.json, "items")), 0);
	snprintf(location, sizeof(location), "/shopping-carts/%s",
		 api_string(&client, "shopping_cart_id"));
	assert_string_equal(api_header(&client, "Location"), location);
	assert_int_equal(call("GET", location, NULL, NULL), 200);
	expect_open_cart(client.json, customer, 1);
}

static void a_get_answers_in_lower_case_whatever_the_id_was_written_in(void **state)
{
	char id[API_ID_TEXT + 1], upper[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	for (size_t i = 0; i <= API_ID_TEXT; i++)
		upper[i] = id[i] >= 'a' && id[i] <= 'f' ? (char)(id[i] - 'a' + 'A') : id[i];
	assert_int_equal(call_cart("GET", upper, "", NULL, NULL), 200);
	assert_string_equal(api_string(&client, "shopping_cart_id"), id);
	assert_int_equal(call_cart("GET", id, "?consistency=strong", NULL, NULL), 200);
	assert_int_equal(call_cart("GET", id, "?consistency=eventual", NULL, NULL), 200);
}

static void an_id_may_be_percent_encoded(void **state)
{
	char id[API_ID_TEXT + 1], encoded[API_ID_TEXT + 8];

	(void)state;
	make_cart(id);
	snprintf(encoded, sizeof(encoded), "%%%02x%.7s%%2D%s", (unsigned)id[0], id + 1, id + 9);
	assert_int_equal(call_cart("GET", encoded, "", NULL, NULL), 200);
	assert_string_equal(api_string(&client, "shopping_cart_id"), id);
}

static void deleting_a_second_time_is_404(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	assert_int_equal(call_cart("DELETE", id, "", NULL, NULL), 204);
	assert_int_equal(client.response.body_len, 0);
	call_cart("DELETE", id, "", NULL, NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", id);
	call_cart("GET", id, "", NULL, NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", id);
}

static void adding_makes_the_line_and_then_raises_it(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	assert_int_equal(api_add(&client, id, 456, 2), 2);
	assert_int_equal(api_quantity(&client, id, 456), 2);
	assert_int_equal(api_add(&client, id, 456, 3), 3);
	assert_int_equal(api_quantity(&client, id, 456), 5);
	assert_int_equal(api_integer(&client, "version"), 3);
	assert_int_equal(api_version(&client), 3);
}

static void a_batch_raises_the_version_by_one_and_its_duplicates_add_up(void **state)
{
	char id[API_ID_TEXT + 1];
	const json_t *items;

	(void)state;
	make_cart(id);
	assert_int_equal(call_cart("POST", id, "/items", NULL,
				   "{\"items\":[{\"product_id\":9,\"quantity\":1},"
				   "{\"product_id\":3,\"quantity\":2},"
				   "{\"product_id\":9,\"quantity\":4}]}"),
			 204);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(api_quantity(&client, id, 9), 5);
	items = json_object_get(client.json, "items");
	assert_int_equal(json_array_size(items), 2);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(items, 0), "product_id")), 3);
	assert_true(
		is_time(json_string_value(json_object_get(json_array_get(items, 0), "added_at"))));
	assert_true(is_time(
		json_string_value(json_object_get(json_array_get(items, 0), "updated_at"))));
	assert_int_equal(json_object_size(json_array_get(items, 0)), 4);
}

static void setting_a_line_replaces_makes_and_removes_it(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	api_add(&client, id, 456, 2);
	assert_int_equal(call_cart("PUT", id, "/items/456", NULL, "{\"quantity\":7}"), 204);
	assert_int_equal(api_version(&client), 3);
	assert_int_equal(call_cart("PUT", id, "/items/457", NULL, "{\"quantity\":1}"), 204);
	assert_int_equal(api_quantity(&client, id, 456), 7);
	assert_int_equal(api_quantity(&client, id, 457), 1);
	assert_int_equal(call_cart("PUT", id, "/items/456", NULL, "{\"quantity\":0}"), 204);
	assert_int_equal(api_version(&client), 5);
	assert_int_equal(api_quantity(&client, id, 456), 0);
}

static void what_changes_nothing_leaves_version_and_times(void **state)
{
	char id[API_ID_TEXT + 1];
	json_t *before;

	(void)state;
	make_cart(id);
	api_add(&client, id, 456, 2);
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	before = json_incref(client.json);
	assert_int_equal(call_cart("PUT", id, "/items/456", NULL, "{\"quantity\":2}"), 204);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(call_cart("PUT", id, "/items/999", NULL, "{\"quantity\":0}"), 204);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_true(json_equal(before, client.json));
	json_decref(before);
}

static void removing_a_line_needs_the_line(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	api_add(&client, id, 456, 2);
	assert_int_equal(call_cart("DELETE", id, "/items/456", NULL, NULL), 204);
	assert_int_equal(api_version(&client), 3);
	call_cart("DELETE", id, "/items/456", NULL, NULL);
	api_expect(&client, 404, "ITEM_NOT_FOUND", "456");
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_int_equal(api_version(&client), 3);
}

static void clearing_empties_and_then_changes_nothing(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	api_add(&client, id, 1, 1);
	api_add(&client, id, 2, 1);
	assert_int_equal(call_cart("DELETE", id, "/items", NULL, NULL), 204);
	assert_int_equal(api_version(&client), 4);
	assert_int_equal(call_cart("DELETE", id, "/items", NULL, NULL), 204);
	assert_int_equal(api_version(&client), 4);
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(client.json, "items")), 0);
}

static void checkout_closes_the_cart_once(void **state)
{
	char id[API_ID_TEXT + 1], order[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	api_add(&client, id, 456, 2);
	assert_int_equal(call_cart("POST", id, "/checkout", NULL, NULL), 200);
	assert_int_equal(json_object_size(client.json), 1);
	assert_int_equal(strlen(api_string(&client, "order_id")), API_ID_TEXT);
	strcpy(order, api_string(&client, "order_id"));
	assert_int_equal(api_version(&client), 3);
	assert_int_equal(call_cart("POST", id, "/checkout", NULL, "{}"), 200);
	assert_string_equal(api_string(&client, "order_id"), order);
	assert_int_equal(api_version(&client), 3);
	assert_int_equal(call_cart("GET", id, "", NULL, NULL), 200);
	assert_string_equal(api_string(&client, "status"), "checked_out");
	assert_string_equal(api_string(&client, "order_id"), order);
	assert_true(json_is_null(json_object_get(client.json, "expires_at")));
	assert_int_equal(api_integer(&client, "version"), 3);
}

static void prefer_answers_every_change_with_the_cart(void **state)
{
	static const struct {
		const char *method, *after, *body;
	} changes[] = {
		{"POST", "/items", "{\"product_id\":456,\"quantity\":2}"},
		{"PUT", "/items/456", "{\"quantity\":9}"},
		{"PUT", "/items/456", "{\"quantity\":9}"},
		{"DELETE", "/items/456", NULL},
		{"DELETE", "/items", NULL},
		{"POST", "/items", "{\"product_id\":457,\"quantity\":2}"},
		{"POST", "/checkout", NULL},
	};
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		assert_int_equal(call_cart(changes[i].method, id, changes[i].after,
					   "Prefer: wait=5, return=representation\r\n",
					   changes[i].body),
				 200);
		assert_string_equal(api_header(&client, "Preference-Applied"),
				    "return=representation");
		assert_string_equal(api_string(&client, "shopping_cart_id"), id);
		assert_int_equal(api_integer(&client, "version"), api_version(&client));
	}
	assert_non_null(api_string(&client, "order_id"));
	make_cart(id);
	assert_int_equal(call_cart("DELETE", id, "/items",
				   "Prefer: wait=5\r\nPrefer: return=representation\r\n", NULL),
			 200);
	assert_int_equal(call_cart("DELETE", id, "/items",
				   "Prefer: return=minimal\r\nPrefer: return=representation\r\n",
				   NULL),
			 204);
	assert_int_equal(call_cart("POST", id, "/items", "Prefer: return=minimal\r\n",
				   "{\"product_id\":1,\"quantity\":1}"),
			 204);
	assert_null(api_header(&client, "Preference-Applied"));
}

static void a_version_that_a_proxy_made_weak_is_taken(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	assert_int_equal(call_cart("POST", id, "/items", "If-Match: W/\"1\"\r\n",
				   "{\"product_id\":1,\"quantity\":1}"),
			 204);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(call_cart("GET", id, "", "If-Match:\tW/\"2\"\r\n", NULL), 200);
	call_cart("DELETE", id, "", "If-Match: W/\"1\"\r\n", NULL);
	api_expect(&client, 412, "VERSION_MISMATCH", NULL);
	assert_int_equal(call_cart("DELETE", id, "", "If-Match: W/\"2\"\r\n", NULL), 204);
}

static void if_none_match_saves_the_body(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	make_cart(id);
	api_add(&client, id, 456, 2);
	assert_int_equal(call_cart("GET", id, "", "If-None-Match: \"2\"\r\n", NULL), 304);
	assert_int_equal(client.response.body_len, 0);
	assert_int_equal(api_version(&client), 2);
	assert_int_equal(call_cart("GET", id, "", "If-None-Match: \"1\", W/\"2\"\r\n", NULL), 304);
	assert_int_equal(call_cart("GET", id, "",
				   "If-None-Match: \"1\"\r\nIf-None-Match:\tW/\"2\"\r\n", NULL),
			 304);
	assert_int_equal(
		call_cart("GET", id, "", "If-None-Match: \"1\"\r\nIf-None-Match: \"3\"\r\n", NULL),
		200);
	assert_int_equal(
		call_cart("GET", id, "",
			  "If-None-Match:\r\nIf-None-Match: \"2\"\r\nIf-None-Match: \t\r\n", NULL),
		304);
	assert_int_equal(
		call_cart("GET", id, "", "If-None-Match: *\r\nIf-None-Match: \"2\"\r\n", NULL),
		400);
	assert_int_equal(
		call_cart("GET", id, "", "If-None-Match: \"2\"\r\nIf-None-Match: *\r\n", NULL),
		400);
	assert_int_equal(call_cart("GET", id, "", "If-None-Match: *\r\n", NULL), 304);
	assert_int_equal(call_cart("HEAD", id, "", "If-None-Match: \"2\"\r\n", NULL), 304);
	assert_int_equal(call_cart("GET", id, "", "If-None-Match: \"1\"\r\n", NULL), 200);
	assert_int_equal(call_cart("GET", id, "", "If-None-Match: \"x\"\r\n", NULL), 200);
	call_cart("GET", NOBODY, "", "If-None-Match: *\r\n", NULL);
	api_expect(&client, 404, "CART_NOT_FOUND", NULL);
}

/* Asks for the pages of a list one by one; returns the versions seen, joined, "/" between pages. */
static const char *pages(const char *query, int limit)
{
	static char seen[1024];
	char path[256], cursor[128] = "";
	char *at = seen;

	seen[0] = '\0';
	do {
		const json_t *cart;
		size_t i;

		snprintf(path, sizeof(path), "/shopping-carts?%s&limit=%d%s%s", query, limit,
			 cursor[0] != '\0' ? "&cursor=" : "", cursor);
		assert_int_equal(call("GET", path, NULL, NULL), 200);
		assert_int_equal(json_object_size(client.json), 2);
		json_array_foreach(json_object_get(client.json, "carts"), i, cart) at +=
			sprintf(at, "%" PRId64,
				(int64_t)json_integer_value(json_object_get(cart, "version")));
		cursor[0] = '\0';
		if (!json_is_null(json_object_get(client.json, "next_cursor"))) {
			strcpy(cursor, api_string(&client, "next_cursor"));
			at += sprintf(at, "/");
		}
		assert_true(at < seen + 900);
	} while (cursor[0] != '\0');
	return seen;
}

/* count carts of a customer, the n-th at version n, no two made in one millisecond. */
static void make_carts(int64_t customer, int count, char ids[][API_ID_TEXT + 1])
{
	for (int i = 0; i < count; i++) {
		api_make_cart(&client, customer, ids[i]);
		api_wait_past(&client, "created_at");
		for (int j = 0; j < i; j++)
			api_add(&client, ids[i], 1, 1);
	}
}

static void a_customers_carts_are_paged_newest_first(void **state)
{
	int64_t customer = next_customer();
	char ids[5][API_ID_TEXT + 1], query[64];

	(void)state;
	make_carts(customer, 5, ids);
	snprintf(query, sizeof(query), "customer_id=%" PRId64, customer);
	assert_string_equal(pages(query, 100), "54321");
	assert_string_equal(pages(query, 2), "54/32/1");
	assert_string_equal(pages(query, 5), "54321");
	assert_string_equal(pages(query, 1), "5/4/3/2/1");
	assert_int_equal(call_cart("POST", ids[2], "/checkout", NULL, NULL), 200);
	snprintf(query, sizeof(query), "customer_id=%" PRId64 "&status=open", customer);
	assert_string_equal(pages(query, 2), "54/21");
	snprintf(query, sizeof(query), "customer_id=%" PRId64 "&status=checked_out", customer);
	assert_string_equal(pages(query, 2), "4");
	snprintf(query, sizeof(query), "customer_id=%" PRId64, next_customer());
	assert_string_equal(pages(query, 2), "");
}

static void carts_made_between_pages_neither_shift_nor_repeat_them(void **state)
{
	int64_t customer = next_customer();
	char ids[3][API_ID_TEXT + 1], more[2][API_ID_TEXT + 1], path[160], cursor[64];

	(void)state;
	make_carts(customer, 3, ids);
	snprintf(path, sizeof(path), "/shopping-carts?customer_id=%" PRId64 "&limit=2", customer);
	assert_int_equal(call("GET", path, NULL, NULL), 200);
	strcpy(cursor, api_string(&client, "next_cursor"));
	make_carts(customer, 2, more);
	snprintf(path, sizeof(path), "/shopping-carts?customer_id=%" PRId64 "&cursor=%s", customer,
		 cursor);
	assert_int_equal(call("GET", path, NULL, NULL), 200);
	assert_int_equal(json_array_size(json_object_get(client.json, "carts")), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(client.json, "carts"), 0),
				    "shopping_cart_id")),
			    ids[0]);
	assert_true(json_is_null(json_object_get(client.json, "next_cursor")));
}

static bool is_listed(const char *path, const char *id)
{
	const json_t *cart;
	size_t i;

	assert_int_equal(call("GET", path, NULL, NULL), 200);
	json_array_foreach(
		json_object_get(client.json, "carts"), i,
		cart) if (strcmp(json_string_value(json_object_get(cart, "shopping_cart_id")),
				 id) == 0) return true;
	return false;
}

static void idle_carts_are_the_open_ones_not_changed_since(void **state)
{
	char old[API_ID_TEXT + 1], closed[API_ID_TEXT + 1], path[128], since[32];

	(void)state;
	/* The only test that lists idle carts, and the first to run: the list is this short. */
	make_cart(old);
	make_cart(closed);
	api_add(&client, closed, 1, 1);
	assert_int_equal(call_cart("POST", closed, "/checkout", NULL, NULL), 200);
	assert_int_equal(call_cart("GET", old, "", NULL, NULL), 200);
	strcpy(since, api_string(&client, "updated_at"));
	api_wait_past(&client, "updated_at");
	snprintf(path, sizeof(path), "/shopping-carts?idle_since=%s&limit=100", since);
	assert_false(is_listed(path, old)); /* at that instant is not before it */
	assert_int_equal(call_cart("PUT", old, "/items/1", NULL, "{\"quantity\":1}"), 204);
	assert_int_equal(call_cart("GET", old, "", NULL, NULL), 200);
	assert_string_not_equal(api_string(&client, "updated_at"), since);
	snprintf(path, sizeof(path),
		 "/shopping-carts?idle_since=2999-01-01T01:00:00+01:00&limit=100");
	assert_true(is_listed(path, old));
	assert_false(is_listed(path, closed));
	assert_false(is_listed("/shopping-carts?idle_since=1999-01-01T00:00:00%2B01:00", old));
}

static void a_batch_get_answers_every_position_in_order(void **state)
{
	char first[API_ID_TEXT + 1], second[API_ID_TEXT + 1], body[512];
	const json_t *carts, *missing;

	(void)state;
	make_cart(first);
	make_cart(second);
	snprintf(body, sizeof(body), "{\"ids\":[\"%s\",\"" NOBODY "\",\"%s\",\"%s\"]}", second,
		 first, second);
	assert_int_equal(call("POST", "/shopping-carts/batch-get", NULL, body), 200);
	assert_int_equal(json_object_size(client.json), 2);
	carts = json_object_get(client.json, "carts");
	missing = json_object_get(client.json, "missing");
	assert_int_equal(json_array_size(carts), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(carts, i),
								      "shopping_cart_id")),
				    i == 1 ? first : second);
	assert_int_equal(json_array_size(missing), 1);
	assert_string_equal(json_string_value(json_array_get(missing, 0)), NOBODY);
}

static void a_batch_get_takes_a_hundred(void **state)
{
	char id[API_ID_TEXT + 1], body[100 * (API_ID_TEXT + 4)];
	char *at = body + sprintf(body, "{\"ids\":[");

	(void)state;
	make_cart(id);
	for (int i = 0; i < 100; i++)
		at += sprintf(at, "%s\"%s\"", i > 0 ? "," : "", i % 2 == 0 ? id : NOBODY);
	sprintf(at, "]}");
	assert_int_equal(call("POST", "/shopping-carts/batch-get", NULL, body), 200);
	assert_int_equal(json_array_size(json_object_get(client.json, "carts")), 50);
	assert_int_equal(json_array_size(json_object_get(client.json, "missing")), 50);
}

static void head_is_answered_wherever_get_is(void **state)
{
	char id[API_ID_TEXT + 1], path[80], length[32];
	const char *paths[] = {path,	  "/shopping-carts?customer_id=1",
			       "/health", "/livez",
			       "/readyz", "/openapi.yaml",
			       "/"};

	(void)state;
	make_cart(id);
	snprintf(path, sizeof(path), "/shopping-carts/%s", id);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(call("GET", paths[i], NULL, NULL), 200);
		strcpy(length, api_header(&client, "Content-Length"));
		assert_int_equal(call("HEAD", paths[i], NULL, NULL), 200);
		assert_int_equal(client.response.body_len, 0);
		assert_string_equal(api_header(&client, "Content-Length"), length);
	}
	assert_int_equal(call("HEAD", "/metrics", NULL, NULL), 200);
	assert_int_equal(call("HEAD", "/shopping-carts/" NOBODY, NULL, NULL), 404);
}

static void options_and_405_say_what_is_allowed(void **state)
{
	static const struct {
		const char *path, *allow, *bad;
	} paths[] = {
		{"/", "GET, HEAD, OPTIONS", "POST"},
		{"/health", "GET, HEAD, OPTIONS", "DELETE"},
		{"/metrics", "GET, HEAD, OPTIONS", "PUT"},
		{"/shopping-carts", "GET, HEAD, POST, DELETE, OPTIONS", "PUT"},
		{"/shopping-carts/batch-get", "POST, OPTIONS", "GET"},
		{"/shopping-carts/" NOBODY, "GET, HEAD, DELETE, OPTIONS", "PATCH"},
		{"/shopping-carts/" NOBODY "/items", "POST, PUT, DELETE, OPTIONS", "GET"},
		{"/shopping-carts/" NOBODY "/items/1", "GET, HEAD, PUT, DELETE, OPTIONS", "POST"},
		{"/shopping-carts/" NOBODY "/checkout", "POST, DELETE, OPTIONS", "BREW"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(call("OPTIONS", paths[i].path, NULL, NULL), 204);
		assert_string_equal(api_header(&client, "Allow"), paths[i].allow);
		call(paths[i].bad, paths[i].path, NULL, NULL);
		api_expect(&client, 405, "METHOD_NOT_ALLOWED", paths[i].allow);
		assert_string_equal(api_header(&client, "Allow"), paths[i].allow);
	}
	assert_int_equal(call("OPTIONS", "*", NULL, NULL), 204);
	assert_non_null(api_header(&client, "Allow"));
	call("OPTIONS", "/nowhere", NULL, NULL);
	api_expect(&client, 404, "NOT_FOUND", NULL);
}

static void request_ids_are_taken_or_made(void **state)
{
	char made[65];

	(void)state;
	call("GET", "/livez", "X-Request-Id: checkout-page.42\r\n", NULL);
	assert_string_equal(api_header(&client, "X-Request-Id"), "checkout-page.42");
	call("GET", "/nowhere", "X-Request-Id: a_b\r\n", NULL);
	assert_string_equal(api_header(&client, "X-Request-Id"), "a_b");
	call("GET", "/livez", "X-Request-Id: not valid\r\n", NULL);
	assert_int_equal(strlen(api_header(&client, "X-Request-Id")), 16);
	call("GET", "/livez", "X-Request-Id: a\r\nX-Request-Id: b\r\n", NULL);
	assert_int_equal(strlen(api_header(&client, "X-Request-Id")), 16);
	strcpy(made, api_header(&client, "X-Request-Id"));
	call("GET", "/livez", NULL, NULL);
	assert_string_not_equal(api_header(&client, "X-Request-Id"), made);
}

static void health_names_the_database(void **state)
{
	const char *backend = getenv("CART_BACKEND");

	(void)state;
	assert_int_equal(call("GET", "/health", NULL, NULL), 200);
	assert_int_equal(json_object_size(client.json), 2);
	assert_string_equal(api_string(&client, "status"), "ok");
	assert_string_equal(api_string(&client, "database"),
			    backend != NULL && *backend != '\0' ? backend : "memory");
	assert_int_equal(call("GET", "/readyz", NULL, NULL), 200);
	assert_string_equal(api_string(&client, "status"), "ok");
	assert_int_equal(call("GET", "/livez", NULL, NULL), 200);
	assert_string_equal(api_string(&client, "status"), "ok");
}

static void the_page_the_contract_and_the_metrics_are_there(void **state)
{
	(void)state;
	assert_int_equal(call("GET", "/", NULL, NULL), 200);
	assert_string_equal(api_header(&client, "Content-Type"), "text/html; charset=utf-8");
	assert_non_null(strstr(client.response.body, "href=\"/openapi.yaml\""));
	assert_non_null(strstr(client.response.body, "href=\"/metrics\""));
	assert_int_equal(call("GET", "/openapi.yaml", NULL, NULL), 200);
	assert_string_equal(api_header(&client, "Content-Type"), "application/yaml");
	assert_int_equal(strncmp(client.response.body, "openapi: 3.1", 12), 0);
	assert_int_equal(call("GET", "/metrics", NULL, NULL), 200);
	assert_string_equal(api_header(&client, "Content-Type"),
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_non_null(strstr(client.response.body, "cart_http_requests_total{route=\"/\","));
	assert_non_null(strstr(client.response.body, "\ncart_info{version=\""));
}

static size_t count_series(void)
{
	size_t lines = 0;

	assert_int_equal(call("GET", "/metrics", NULL, NULL), 200);
	for (const char *c = client.response.body; *c != '\0'; c++)
		lines += *c == '\n';
	return lines;
}

static void ten_thousand_paths_leave_the_number_of_series(void **state)
{
	size_t before = count_series();
	char path[64];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), i % 2 == 0 ? "/nowhere/%d" : "/shopping-carts/%d", i);
		call("GET", path, NULL, NULL);
	}
	assert_int_equal(count_series(), before);
	assert_true(cartd_metric(&server.cartd, "cart_http_requests_total{route=\"none\","
						"method=\"other\",code=\"404\"}") >= 5000);
	assert_true(cartd_metric(&server.cartd,
				 "cart_http_requests_total{route=\"/shopping-carts/{id}\","
				 "method=\"GET\",code=\"400\"}") >= 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_carts_are_the_open_ones_not_changed_since),
		cmocka_unit_test(creating_answers_with_the_cart_and_where_it_is),
		cmocka_unit_test(a_get_answers_in_lower_case_whatever_the_id_was_written_in),
		cmocka_unit_test(an_id_may_be_percent_encoded),
		cmocka_unit_test(deleting_a_second_time_is_404),
		cmocka_unit_test(adding_makes_the_line_and_then_raises_it),
		cmocka_unit_test(a_batch_raises_the_version_by_one_and_its_duplicates_add_up),
		cmocka_unit_test(setting_a_line_replaces_makes_and_removes_it),
		cmocka_unit_test(what_changes_nothing_leaves_version_and_times),
		cmocka_unit_test(removing_a_line_needs_the_line),
		cmocka_unit_test(clearing_empties_and_then_changes_nothing),
		cmocka_unit_test(checkout_closes_the_cart_once),
		cmocka_unit_test(prefer_answers_every_change_with_the_cart),
		cmocka_unit_test(a_version_that_a_proxy_made_weak_is_taken),
		cmocka_unit_test(if_none_match_saves_the_body),
		cmocka_unit_test(a_customers_carts_are_paged_newest_first),
		cmocka_unit_test(carts_made_between_pages_neither_shift_nor_repeat_them),
		cmocka_unit_test(a_batch_get_answers_every_position_in_order),
		cmocka_unit_test(a_batch_get_takes_a_hundred),
		cmocka_unit_test(head_is_answered_wherever_get_is),
		cmocka_unit_test(options_and_405_say_what_is_allowed),
		cmocka_unit_test(request_ids_are_taken_or_made),
		cmocka_unit_test(health_names_the_database),
		cmocka_unit_test(the_page_the_contract_and_the_metrics_are_there),
		cmocka_unit_test(ten_thousand_paths_leave_the_number_of_series),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
