/* What must hold when requests meet: retries, concurrent changes, answers side by side. */
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct api_server server;
static struct api_client client;

#define ONE_ITEM "{\"product_id\":1,\"quantity\":1}"

static int call_cart(const char *method, const char *id, const char *after, const char *headers,
		     const char *body)
{
	return api_call_cart(&client, method, id, after, headers, body);
}

static void a_replay_answers_as_the_first_and_changes_nothing(void **state)
{
	static const struct {
		const char *method, *after, *body;
		int status;
	} changes[] = {
		{"POST", "/items", "{\"product_id\":1,\"quantity\":2}", 204},
		{"PUT", "/items/2", "{\"quantity\":7}", 204},
		{"DELETE", "/items/2", NULL, 204},
		{"POST", "/checkout", NULL, 200},
	};
	char id[API_ID_TEXT + 1], headers[64], body[512];

	(void)state;
	api_make_cart(&client, 1, id);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		snprintf(headers, sizeof(headers), "Idempotency-Key: key-%zu\r\n", i);
		for (int time = 0; time < 3; time++) {
			assert_int_equal(call_cart(changes[i].method, id, changes[i].after, headers,
						   changes[i].body),
					 changes[i].status);
			assert_int_equal(api_version(&client), (int64_t)i + 2);
			if (time == 0) {
				assert_null(api_header(&client, "Idempotency-Replayed"));
				snprintf(body, sizeof(body), "%s", client.response.body);
			} else {
				assert_string_equal(api_header(&client, "Idempotency-Replayed"),
						    "true");
				assert_string_equal(client.response.body, body);
			}
		}
	}
}

/* Keys of the longest kind, which differ in the last character alone. */
static void a_key_has_up_to_255_characters_and_all_of_them_count(void **state)
{
	char id[API_ID_TEXT + 1], headers[300];

	(void)state;
	api_make_cart(&client, 1, id);
	for (int i = 0; i < 2; i++) {
		snprintf(headers, sizeof(headers), "Idempotency-Key: %0254d%c\r\n", 0, 'a' + i);
		for (int time = 0; time < 2; time++) {
			assert_int_equal(call_cart("POST", id, "/items", headers, ONE_ITEM), 204);
			assert_int_equal(api_version(&client), i + 2);
		}
	}
}

static void a_replay_that_carries_a_cart_carries_it_as_it_is_now(void **state)
{
	const char *headers = "Idempotency-Key: now\r\n";
	const char *with_cart = "Idempotency-Key: now\r\nPrefer: return=representation\r\n";
	char id[API_ID_TEXT + 1];

	(void)state;
	api_make_cart(&client, 1, id);
	assert_int_equal(call_cart("POST", id, "/items", headers, ONE_ITEM), 204);
	assert_int_equal(api_add(&client, id, 1, 5), 3);
	assert_int_equal(call_cart("POST", id, "/items", headers, ONE_ITEM), 204);
	assert_int_equal(api_version(&client), 2);
	/* Prefer is no part of what the key names. */
	assert_int_equal(call_cart("POST", id, "/items", with_cart, ONE_ITEM), 200);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_int_equal(api_version(&client), 3);
	assert_int_equal(api_integer(&client, "version"), 3);
}

static void a_replayed_create_answers_with_the_same_cart(void **state)
{
	const char *path = "/shopping-carts", *key = "Idempotency-Key: create\r\n";
	char id[API_ID_TEXT + 1];

	(void)state;
	assert_int_equal(api_call(&client, "POST", path, key, "{\"customer_id\":800001}"), 201);
	strcpy(id, api_string(&client, "shopping_cart_id"));
	api_add(&client, id, 1, 1);
	assert_int_equal(api_call(&client, "POST", path, key, "{\"customer_id\":800001}"), 201);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
	assert_string_equal(api_string(&client, "shopping_cart_id"), id);
	assert_int_equal(api_version(&client), 2);
	assert_non_null(strstr(api_header(&client, "Location"), id));
	/* The key is the customer's. */
	assert_int_equal(api_call(&client, "POST", path, key, "{\"customer_id\":800002}"), 201);
	assert_null(api_header(&client, "Idempotency-Replayed"));
	assert_int_equal(call_cart("DELETE", id, "", NULL, NULL), 204);
	api_call(&client, "POST", path, key, "{\"customer_id\":800001}");
	api_expect(&client, 404, "CART_NOT_FOUND", "gone");
}

static void a_key_with_another_request_is_422(void **state)
{
	const char *key = "Idempotency-Key: reused\r\n";
	char id[API_ID_TEXT + 1];

	(void)state;
	api_make_cart(&client, 1, id);
	assert_int_equal(call_cart("POST", id, "/items", key, ONE_ITEM), 204);
	call_cart("POST", id, "/items", key, "{\"product_id\":1,\"quantity\":2}");
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
	call_cart("PUT", id, "/items/1", key, "{\"quantity\":1}");
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
	call_cart("POST", id, "/items", "Idempotency-Key: reused\r\nIf-Match: \"2\"\r\n", ONE_ITEM);
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
	call_cart("POST", id, "/checkout", key, NULL);
	api_expect(&client, 422, "IDEMPOTENCY_KEY_REUSED", NULL);
	assert_int_equal(api_quantity(&client, id, 1), 1);
}

static void a_replay_does_not_look_at_the_version_again(void **state)
{
	const char *headers = "Idempotency-Key: once\r\nIf-Match: \"1\"\r\n";
	char id[API_ID_TEXT + 1];

	(void)state;
	api_make_cart(&client, 1, id);
	assert_int_equal(call_cart("POST", id, "/items", headers, ONE_ITEM), 204);
	assert_int_equal(call_cart("POST", id, "/items", headers, ONE_ITEM), 204);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
}

static void an_attempt_that_failed_is_not_kept(void **state)
{
	const char *key = "Idempotency-Key: failed\r\n";
	char id[API_ID_TEXT + 1];

	(void)state;
	api_make_cart(&client, 1, id);
	call_cart("DELETE", id, "/items/1", key, NULL);
	api_expect(&client, 404, "ITEM_NOT_FOUND", NULL);
	api_add(&client, id, 1, 1);
	assert_int_equal(call_cart("DELETE", id, "/items/1", key, NULL), 204);
	assert_null(api_header(&client, "Idempotency-Replayed"));
}

/* Threads that each send the same request so many times over a connection of their own. */
struct crowd {
	const char *method;
	char path[128];
	const char *headers, *body;
	int times;
	pthread_barrier_t *start;
	int by_status[600];
	int replayed;
};

static void *crowd_run(void *user)
{
	struct crowd *crowd = user;
	struct http_response response = {0};
	struct http_client http;

	http_client_open(&http, server.cartd.port);
	pthread_barrier_wait(crowd->start);
	for (int i = 0; i < crowd->times; i++) {
		http_response_clear(&response);
		http_client_call(&http, &response, crowd->method, crowd->path, crowd->headers,
				 crowd->body);
		crowd->by_status[response.status]++;
		crowd->replayed += strstr(response.head, "Idempotency-Replayed: true") != NULL;
	}
	http_response_clear(&response);
	http_client_close(&http);
	return NULL;
}

#define CROWD_MAX 8

static void crowd_meet(struct crowd *crowds, unsigned count)
{
	pthread_t threads[CROWD_MAX];
	pthread_barrier_t start;

	assert_true(count <= CROWD_MAX);
	pthread_barrier_init(&start, NULL, count);
	for (unsigned i = 0; i < count; i++) {
		crowds[i].start = &start;
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, &crowds[i]), 0);
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
}

/* The same request by all of them. */
static void crowd_of(struct crowd crowds[CROWD_MAX], const char *method, const char *id,
		     const char *after, const char *headers, const char *body, int times)
{
	for (int i = 0; i < CROWD_MAX; i++) {
		crowds[i] = (struct crowd){
			.method = method, .headers = headers, .body = body, .times = times};
		snprintf(crowds[i].path, sizeof(crowds[i].path), "/shopping-carts/%s%s", id, after);
	}
}

static int crowd_count(const struct crowd *crowds, int status)
{
	int count = 0;

	for (int i = 0; i < CROWD_MAX; i++)
		count += crowds[i].by_status[status];
	return count;
}

static void concurrent_adds_to_one_line_all_count(void **state)
{
	struct crowd crowds[CROWD_MAX];
	char id[API_ID_TEXT + 1];

	(void)state;
	api_make_cart(&client, 1, id);
	crowd_of(crowds, "POST", id, "/items", NULL, ONE_ITEM, 100);
	crowd_meet(crowds, CROWD_MAX);
	assert_int_equal(crowd_count(crowds, 204), CROWD_MAX * 100);
	assert_int_equal(api_quantity(&client, id, 1), CROWD_MAX * 100);
	assert_int_equal(api_integer(&client, "version"), CROWD_MAX * 100 + 1);
}

static void first_adds_at_once_make_one_line(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct crowd crowds[CROWD_MAX];
		char id[API_ID_TEXT + 1];

		api_make_cart(&client, 1, id);
		crowd_of(crowds, "POST", id, "/items", NULL, ONE_ITEM, 1);
		crowd_meet(crowds, CROWD_MAX);
		assert_int_equal(crowd_count(crowds, 204), CROWD_MAX);
		assert_int_equal(api_quantity(&client, id, 1), CROWD_MAX);
		assert_int_equal(json_array_size(json_object_get(client.json, "items")), 1);
	}
}

static void of_changes_at_one_version_one_wins(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct crowd crowds[CROWD_MAX];
		char id[API_ID_TEXT + 1];

		api_make_cart(&client, 1, id);
		crowd_of(crowds, "POST", id, "/items", "If-Match: \"1\"\r\n", ONE_ITEM, 1);
		crowd_meet(crowds, CROWD_MAX);
		assert_int_equal(crowd_count(crowds, 204), 1);
		assert_int_equal(crowd_count(crowds, 412), CROWD_MAX - 1);
		assert_int_equal(api_quantity(&client, id, 1), 1);
	}
}

static void a_key_sent_by_many_at_once_is_applied_once(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct crowd crowds[CROWD_MAX];
		char id[API_ID_TEXT + 1];
		int replayed = 0;

		api_make_cart(&client, 1, id);
		crowd_of(crowds, "POST", id, "/items", "Idempotency-Key: same\r\n", ONE_ITEM, 2);
		crowd_meet(crowds, CROWD_MAX);
		assert_int_equal(crowd_count(crowds, 204), 2 * CROWD_MAX);
		for (int i = 0; i < CROWD_MAX; i++)
			replayed += crowds[i].replayed;
		assert_int_equal(replayed, 2 * CROWD_MAX - 1);
		assert_int_equal(api_quantity(&client, id, 1), 1);
		assert_int_equal(api_integer(&client, "version"), 2);
	}
}

static void a_create_sent_by_many_at_once_makes_one_cart(void **state)
{
	struct crowd crowds[CROWD_MAX];

	(void)state;
	crowd_of(crowds, "POST", "", "", "Idempotency-Key: same\r\n", "{\"customer_id\":800003}",
		 1);
	for (int i = 0; i < CROWD_MAX; i++)
		strcpy(crowds[i].path, "/shopping-carts");
	crowd_meet(crowds, CROWD_MAX);
	assert_int_equal(crowd_count(crowds, 201), CROWD_MAX);
	assert_int_equal(api_call(&client, "GET", "/shopping-carts?customer_id=800003", NULL, NULL),
			 200);
	assert_int_equal(json_array_size(json_object_get(client.json, "carts")), 1);
}

static void checkout_racing_adds_loses_none_and_takes_none_later(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct crowd crowds[CROWD_MAX];
		char id[API_ID_TEXT + 1];
		int added;

		api_make_cart(&client, 1, id);
		api_add(&client, id, 1, 1);
		crowd_of(crowds, "POST", id, "/items", NULL, ONE_ITEM, 10);
		for (int i = 0; i < 2; i++) {
			crowds[i].body = NULL;
			crowds[i].times = 1;
			snprintf(crowds[i].path, sizeof(crowds[i].path),
				 "/shopping-carts/%s/checkout", id);
		}
		crowd_meet(crowds, CROWD_MAX);
		added = crowd_count(crowds, 204);
		assert_int_equal(crowd_count(crowds, 200), 2);
		assert_int_equal(added + crowd_count(crowds, 409), (CROWD_MAX - 2) * 10);
		assert_int_equal(api_quantity(&client, id, 1), 1 + added);
		assert_string_equal(api_string(&client, "status"), "checked_out");
		assert_int_equal(api_integer(&client, "version"), 3 + added);
	}
}

static void answers_of_one_turn_do_not_run_together(void **state)
{
	enum { CONNECTIONS = 32 };
	struct http_client https[CONNECTIONS];
	struct http_response response = {0};
	char id[API_ID_TEXT + 1], request[160];

	(void)state;
	api_make_cart(&client, 1, id);
	snprintf(request, sizeof(request), "GET /shopping-carts/%s HTTP/1.1\r\nHost: a\r\n\r\n",
		 id);
	for (int i = 0; i < CONNECTIONS; i++)
		http_client_open(&https[i], server.cartd.port);
	for (int i = 0; i < CONNECTIONS; i++)
		assert_true(http_client_send_text(&https[i], request));
	for (int i = 0; i < CONNECTIONS; i++) {
		json_t *json;

		assert_int_equal(http_client_read(&https[i], &response, false, 10000),
				 HTTP_READ_ANSWER);
		json = json_loadb(response.body, response.body_len, 0, NULL);
		assert_non_null(json);
		assert_string_equal(json_string_value(json_object_get(json, "shopping_cart_id")),
				    id);
		json_decref(json);
		http_response_clear(&response);
		http_client_close(&https[i]);
	}
}

static void a_change_goes_on_when_its_client_has_gone(void **state)
{
	struct http_client gone;
	char id[API_ID_TEXT + 1], request[320];
	int64_t deadline = patience_ms() + 10000;

	(void)state;
	api_make_cart(&client, 1, id);
	snprintf(request, sizeof(request),
		 "POST /shopping-carts/%s/items HTTP/1.1\r\nHost: a\r\n"
		 "Idempotency-Key: gone\r\nContent-Length: %zu\r\n\r\n%s",
		 id, strlen(ONE_ITEM), ONE_ITEM);
	http_client_open(&gone, server.cartd.port);
	assert_true(http_client_send_text(&gone, request));
	http_client_half_close(&gone);
	while (api_quantity(&client, id, 1) == 0)
		assert_true(patience_ms() < deadline);
	http_client_close(&gone);
	assert_int_equal(call_cart("POST", id, "/items", "Idempotency-Key: gone\r\n", ONE_ITEM),
			 204);
	assert_string_equal(api_header(&client, "Idempotency-Replayed"), "true");
}

/* An answer before and after the sweep that looks for clients that have gone. */
static void a_client_that_half_closes_gets_its_answer(void **state)
{
	static const char item[] = "{\"items\":[{\"product_id\":1,\"quantity\":1}]}";
	struct http_response response = {0};
	struct http_client half;
	char id[API_ID_TEXT + 1], request[320];

	(void)state;
	api_make_cart(&client, 1, id);
	snprintf(request, sizeof(request),
		 "POST /shopping-carts/%s/items HTTP/1.1\r\nHost: a\r\nContent-Length: "
		 "%zu\r\n\r\n%s",
		 id, strlen(item), item);
	for (int i = 0; i < 50; i++) {
		http_client_open(&half, server.cartd.port);
		assert_true(http_client_send_text(&half, request));
		http_client_half_close(&half);
		assert_int_equal(http_client_read(&half, &response, false, 60000),
				 HTTP_READ_ANSWER);
		assert_int_equal(response.status, 204);
		assert_int_equal(http_client_read(&half, &response, false, 60000),
				 HTTP_READ_CLOSED);
		http_client_close(&half);
	}
	http_response_clear(&response);
	assert_int_equal(api_quantity(&client, id, 1), 50);
}

static void every_change_moves_the_expiry(void **state)
{
	char id[API_ID_TEXT + 1], before[32];

	(void)state;
	api_make_cart(&client, 1, id);
	strcpy(before, api_string(&client, "expires_at"));
	api_wait_past(&client, "updated_at");
	assert_int_equal(
		call_cart("POST", id, "/items", "Prefer: return=representation\r\n", ONE_ITEM),
		200);
	assert_true(strcmp(api_string(&client, "expires_at"), before) > 0);
}

/* With a deadline that is short, because the life of a cart is: a busy machine may not keep it. */
static int call_in_time(struct api_client *asks, const char *method, const char *path,
			const char *headers, const char *body)
{
	int64_t until = patience_ms() + 20000;
	int status = 504;

	while ((status == 503 || status == 504) && patience_ms() < until)
		status = api_call(asks, method, path, headers, body);
	return status;
}

static void a_cart_past_its_expiry_is_gone_for_every_call(void **state)
{
	static const char *const settings[] = {"cart.ttl=4s",	      "idempotency.window=4s",
					       "request.deadline=2s", "dynamodb.timeout=2s",
					       "clock.skew=0",	      NULL};
	struct api_server other;
	char id[API_ID_TEXT + 1];
	struct api_client short_lived;
	int64_t deadline;
	char path[80];

	(void)state;
	api_server_start(&other, settings);
	api_open(&short_lived, &other);
	assert_int_equal(call_in_time(&short_lived, "POST", "/shopping-carts",
				      "Idempotency-Key: short\r\n", "{\"customer_id\":1}"),
			 201);
	strcpy(id, api_string(&short_lived, "shopping_cart_id"));
	deadline = patience_ms() + 20000;
	snprintf(path, sizeof(path), "/shopping-carts/%s", id);
	while (call_in_time(&short_lived, "GET", path, NULL, NULL) == 200)
		assert_true(patience_ms() < deadline);
	api_expect(&short_lived, 404, "CART_NOT_FOUND", NULL);
	call_in_time(&short_lived, "DELETE", path, NULL, NULL);
	api_expect(&short_lived, 404, "CART_NOT_FOUND", NULL);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/shopping-carts/%s/%s", id,
			 i == 0 ? "items" : "checkout");
		call_in_time(&short_lived, "POST", path, NULL, i == 0 ? ONE_ITEM : NULL);
		api_expect(&short_lived, 404, "CART_NOT_FOUND", NULL);
	}
	assert_int_equal(
		call_in_time(&short_lived, "GET", "/shopping-carts?customer_id=1", NULL, NULL),
		200);
	assert_int_equal(json_array_size(json_object_get(short_lived.json, "carts")), 0);
	api_close(&short_lived);
	api_server_stop(&other);
}

#define PAGED_CARTS 24

/* A cart of one customer with so many lines. */
static void make_lines(struct api_client *to, int count, char id[API_ID_TEXT + 1])
{
	char body[4096], *end = body + sprintf(body, "{\"items\":[");

	api_make_cart(to, 1, id);
	for (int i = 0; i < count; i++)
		end += sprintf(end, "%s{\"product_id\":%d,\"quantity\":1}", i > 0 ? "," : "",
			       i + 1);
	sprintf(end, "]}");
	if (count > 0)
		assert_int_equal(api_call_cart(to, "POST", id, "/items", NULL, body), 204);
}

/* Every page of the list; each cart once, and no page longer than 4 KiB but with one cart. Returns
 * how many carts there are; *pages: on how many pages. */
static size_t read_pages(struct api_client *from, const char *query, size_t *pages)
{
	char seen[PAGED_CARTS][API_ID_TEXT + 1], path[256], cursor[128] = "";
	size_t count = 0;

	*pages = 0;
	do {
		const json_t *cart, *next;
		size_t i;

		snprintf(path, sizeof(path), "/shopping-carts?%s&limit=100%s%s", query,
			 cursor[0] != '\0' ? "&cursor=" : "", cursor);
		assert_int_equal(api_call(from, "GET", path, NULL, NULL), 200);
		json_array_foreach(json_object_get(from->json, "carts"), i, cart)
		{
			const char *id =
				json_string_value(json_object_get(cart, "shopping_cart_id"));

			for (size_t j = 0; j < count; j++)
				assert_string_not_equal(seen[j], id);
			assert_true(count < PAGED_CARTS);
			strcpy(seen[count++], id);
		}
		assert_true(i == 1 || from->response.body_len <= 4096);
		next = json_object_get(from->json, "next_cursor");
		snprintf(cursor, sizeof(cursor), "%s",
			 json_is_null(next) ? "" : json_string_value(next));
		assert_true(i > 0 || cursor[0] == '\0');
		++*pages;
	} while (cursor[0] != '\0');
	return count;
}

static void a_page_ends_before_http_max_page_with_its_cursor(void **state)
{
	static const char *const settings[] = {"http.max_page=4KiB", "cart.idle_step=1ms", NULL};
	struct api_server other;
	struct api_client reader;
	char ids[PAGED_CARTS][API_ID_TEXT + 1], body[PAGED_CARTS * (API_ID_TEXT + 3) + 16];
	char *end = body + sprintf(body, "{\"ids\":[");
	size_t pages;
	const json_t *cart;
	size_t i;

	(void)state;
	api_server_start(&other, settings);
	api_open(&reader, &other);
	for (int n = 0; n < PAGED_CARTS; n++) {
		/* One in eight is longer than a page. */
		make_lines(&reader, n % 8 == 7 ? 50 : n % 8, ids[n]);
		end += sprintf(end, "%s\"%s\"", n > 0 ? "," : "", ids[n]);
	}
	sprintf(end, "]}");
	assert_int_equal(read_pages(&reader, "customer_id=1", &pages), PAGED_CARTS);
	assert_true(pages >= 6 && pages < PAGED_CARTS);
	assert_int_equal(read_pages(&reader, "idle_since=2999-01-01T00:00:00Z", &pages),
			 PAGED_CARTS);
	assert_true(pages >= 6 && pages < PAGED_CARTS);
	/* What is asked for by id comes whole. */
	assert_int_equal(api_call(&reader, "POST", "/shopping-carts/batch-get", NULL, body), 200);
	json_array_foreach(json_object_get(reader.json, "carts"), i, cart) assert_string_equal(
		json_string_value(json_object_get(cart, "shopping_cart_id")), ids[i]);
	assert_int_equal(i, PAGED_CARTS);
	assert_int_equal(json_array_size(json_object_get(reader.json, "missing")), 0);
	api_close(&reader);
	api_server_stop(&other);
}

static void requests_are_logged_as_the_setting_says(void **state)
{
	static const char *const settings[] = {"log.requests=all", "log.format=json", NULL};
	static const char headers[] =
		"X-Request-Id: logged.1\r\n"
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
	struct api_server other;
	struct api_client logged;
	char *output;

	(void)state;
	api_server_start(&other, settings);
	api_open(&logged, &other);
	api_call(&logged, "GET", "/shopping-carts/x", headers, NULL);
	cartd_await_output(&other.cartd, "logged.1", 5000);
	output = cartd_output(&other.cartd);
	assert_non_null(strstr(output, "\"method\":\"GET\""));
	assert_non_null(strstr(output, "\"route\":\"/shopping-carts/{id}\""));
	assert_non_null(strstr(output, "\"path\":\"/shopping-carts/x\""));
	assert_non_null(strstr(output, "\"status\":400"));
	assert_non_null(strstr(output, "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\""));
	free(output);
	api_close(&logged);
	api_server_stop(&other);
}

static int start(void **state)
{
	static const char *const settings[] = {"threads=2", NULL};

	(void)state;
	api_server_start(&server, settings);
	api_open(&client, &server);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	api_close(&client);
	api_server_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replay_answers_as_the_first_and_changes_nothing),
		cmocka_unit_test(a_key_has_up_to_255_characters_and_all_of_them_count),
		cmocka_unit_test(a_replay_that_carries_a_cart_carries_it_as_it_is_now),
		cmocka_unit_test(a_replayed_create_answers_with_the_same_cart),
		cmocka_unit_test(a_key_with_another_request_is_422),
		cmocka_unit_test(a_replay_does_not_look_at_the_version_again),
		cmocka_unit_test(an_attempt_that_failed_is_not_kept),
		cmocka_unit_test(concurrent_adds_to_one_line_all_count),
		cmocka_unit_test(first_adds_at_once_make_one_line),
		cmocka_unit_test(of_changes_at_one_version_one_wins),
		cmocka_unit_test(a_key_sent_by_many_at_once_is_applied_once),
		cmocka_unit_test(a_create_sent_by_many_at_once_makes_one_cart),
		cmocka_unit_test(checkout_racing_adds_loses_none_and_takes_none_later),
		cmocka_unit_test(answers_of_one_turn_do_not_run_together),
		cmocka_unit_test(a_change_goes_on_when_its_client_has_gone),
		cmocka_unit_test(a_client_that_half_closes_gets_its_answer),
		cmocka_unit_test(every_change_moves_the_expiry),
		cmocka_unit_test(a_cart_past_its_expiry_is_gone_for_every_call),
		cmocka_unit_test(a_page_ends_before_http_max_page_with_its_cursor),
		cmocka_unit_test(requests_are_logged_as_the_setting_says),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
