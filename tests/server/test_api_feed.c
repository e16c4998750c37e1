/* GET /changes: pages, waiting, Server-Sent Events; on backends with a feed. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURSOR_ROOM 4200

static char cursor[CURSOR_ROOM];

static int start_feed(void **state)
{
	static const char *const settings[] = {"feed=on", "threads=2", "feed.waiting=3",
					       "feed.wait=20s", NULL};

	(void)state;
	return start_with(settings);
}

static int changes(const char *query, const char *headers)
{
	char path[CURSOR_ROOM + 100];

	snprintf(path, sizeof(path), "/changes%s", query);
	return api_call(&client, "GET", path, headers, NULL);
}

static void keep_cursor(void)
{
	snprintf(cursor, sizeof(cursor), "%s", api_string(&client, "next_cursor"));
}

static int changes_after(const char *more)
{
	char query[CURSOR_ROOM + 64];

	snprintf(query, sizeof(query), "?after=%s%s", cursor, more);
	return changes(query, NULL);
}

static void begin_now(void)
{
	assert_int_equal(changes("?after=now", NULL), 200);
	keep_cursor();
}

static const json_t *events(void)
{
	return json_object_get(client.json, "events");
}

static const char *event_string(size_t at, const char *member)
{
	return json_string_value(json_object_get(json_array_get(events(), at), member));
}

static void a_change_is_told(void **state)
{
	char id[API_ID_TEXT + 1], wanted[API_ID_TEXT + 8];

	(void)state;
	begin_now();
	api_make_cart(&client, 77, id);
	api_add(&client, id, 3, 2);
	while (changes_after("&wait=5s") == 200 && json_array_size(events()) == 1)
		keep_cursor(); /* the first, from a backend that is late with the second */
	assert_int_equal(client.response.status, 200);
	snprintf(wanted, sizeof(wanted), "%s:2", id);
	assert_string_equal(event_string(json_array_size(events()) - 1, "id"), wanted);
	assert_string_equal(event_string(json_array_size(events()) - 1, "type"), "cart.changed");
	assert_string_equal(event_string(json_array_size(events()) - 1, "subject"), id);
	assert_string_equal(api_header(&client, "Cache-Control"), "no-store");
}

static void a_page_has_as_many_as_were_asked_for(void **state)
{
	char id[API_ID_TEXT + 1];
	size_t got = 0;

	(void)state;
	begin_now();
	for (int i = 0; i < 5; i++)
		api_make_cart(&client, 78, id);
	while (got < 5) {
		assert_int_equal(changes_after("&limit=2&wait=5s"), 200);
		assert_true(json_array_size(events()) <= 2);
		got += json_array_size(events());
		keep_cursor();
	}
	assert_int_equal(got, 5);
	assert_int_equal(changes_after(""), 200);
	assert_int_equal(json_array_size(events()), 0);
}

static void without_events_it_waits_as_long_as_it_was_told(void **state)
{
	int64_t began;

	(void)state;
	begin_now();
	began = cartd_now_ms();
	assert_int_equal(changes_after("&wait=300ms"), 200);
	assert_int_equal(json_array_size(events()), 0);
	assert_true(cartd_now_ms() - began >= 299);
	keep_cursor();
	assert_int_equal(changes_after("&wait=0"), 200);
}

/* Sends a request that waits, over a connection of its own. */
static void send_waiting(struct http_client *waiting, const char *after, const char *headers)
{
	char request[CURSOR_ROOM + 300];

	http_client_open(waiting, server.cartd.port);
	snprintf(request, sizeof(request),
		 "GET /changes?after=%s&wait=20s HTTP/1.1\r\nHost: a\r\n%s\r\n", after, headers);
	assert_true(http_client_send_text(waiting, request));
}

static void await_waiting(int count)
{
	int64_t until = patience_ms() + 10000;

	while ((int)cartd_metric(&server.cartd, "cart_feed_waiting") != count)
		assert_true(patience_ms() < until);
}

static void who_waits_is_woken_by_a_change(void **state)
{
	struct http_client waiting[3];
	struct http_response response = {0};
	char id[API_ID_TEXT + 1];

	(void)state;
	begin_now();
	for (int i = 0; i < 3; i++)
		send_waiting(&waiting[i], cursor, "");
	await_waiting(3);
	api_make_cart(&client, 79, id);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(http_client_read(&waiting[i], &response, false, 15000),
				 HTTP_READ_ANSWER);
		assert_int_equal(response.status, 200);
		assert_non_null(strstr(response.body, id));
		http_client_close(&waiting[i]);
		http_response_clear(&response);
	}
	await_waiting(0);
}

static void more_than_may_wait_are_refused(void **state)
{
	struct http_client waiting[3];

	(void)state;
	begin_now();
	for (int i = 0; i < 3; i++)
		send_waiting(&waiting[i], cursor, "");
	await_waiting(3);
	changes_after("&wait=1s");
	api_expect(&client, 503, "UNAVAILABLE", "feed.waiting");
	assert_non_null(api_header(&client, "Retry-After"));
	/* Who goes leaves the place to others. */
	for (int i = 0; i < 3; i++)
		http_client_reset(&waiting[i]);
	await_waiting(0);
	assert_int_equal(changes_after("&wait=100ms"), 200);
}

/* Its end of file is all that is seen of a client that has closed. */
static void who_closes_its_side_is_answered_at_once(void **state)
{
	struct http_client waiting;
	struct http_response response = {0};

	(void)state;
	begin_now();
	send_waiting(&waiting, cursor, "");
	await_waiting(1);
	http_client_half_close(&waiting);
	assert_int_equal(http_client_read(&waiting, &response, false, 15000), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 200);
	assert_non_null(strstr(response.body, "{\"events\":[],\"next_cursor\":\""));
	http_client_close(&waiting);
	http_response_clear(&response);
	await_waiting(0);

	/* One that was closed before its wait began, and one after. */
	send_waiting(&waiting, cursor, "");
	http_client_close(&waiting);
	await_waiting(0);
	send_waiting(&waiting, cursor, "");
	await_waiting(1);
	http_client_close(&waiting);
	await_waiting(0);
}

/* Renames a table of the SQLite database that the server uses. */
static void rename_table(const char *from, const char *to)
{
	char path[300], sql[100];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/cart.db", server.directory);
	snprintf(sql, sizeof(sql), "ALTER TABLE %s RENAME TO %s", from, to);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void an_empty_page_is_no_answer_when_the_store_fails(void **state)
{
	struct http_client waiting;
	struct http_response response = {0};
	char request[CURSOR_ROOM + 100];
	double polls;

	(void)state;
	if (server.directory[0] == '\0') {
		print_message("not tested: only SQLite's tables can be taken away for a moment\n");
		skip();
	}
	begin_now();
	http_client_open(&waiting, server.cartd.port);
	snprintf(request, sizeof(request),
		 "GET /changes?after=%s&wait=5s HTTP/1.1\r\nHost: a\r\n\r\n", cursor);
	assert_true(http_client_send_text(&waiting, request));
	await_waiting(1);
	rename_table("cart_events", "cart_events_away");
	polls = cartd_metric(&server.cartd, "cart_feed_polls_total");
	assert_int_equal(http_client_read(&waiting, &response, false, 15000), HTTP_READ_ANSWER);
	assert_true(cartd_metric(&server.cartd, "cart_feed_polls_total") > polls);
	rename_table("cart_events_away", "cart_events");
	assert_int_equal(response.status, 503);
	assert_non_null(strstr(response.body, "the feed cannot be read"));
	http_response_clear(&response);
	/* It has left its place, and what was is forgotten. */
	await_waiting(0);
	snprintf(request, sizeof(request),
		 "GET /changes?after=%s&wait=500ms HTTP/1.1\r\nHost: a\r\n\r\n", cursor);
	assert_true(http_client_send_text(&waiting, request));
	assert_int_equal(http_client_read(&waiting, &response, false, 15000), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 200);
	http_client_close(&waiting);
	http_response_clear(&response);
}

#define SLOW_PAGES  40
#define SLOW_EVENTS 60

/* Pages that the sockets do not hold: they wait in the service until they are read. */
static void a_slow_reader_gets_its_pages_and_holds_up_nobody(void **state)
{
	struct http_client slow;
	struct http_response response = {0};
	char id[API_ID_TEXT + 1], request[CURSOR_ROOM + 100], body[3000];
	size_t len = 0;

	(void)state;
	begin_now();
	api_make_cart(&client, 81, id);
	len = (size_t)sprintf(body, "{\"items\":[");
	for (int i = 1; i <= 40; i++)
		len += (size_t)sprintf(body + len, "%s{\"product_id\":%d,\"quantity\":1}",
				       i > 1 ? "," : "", i);
	sprintf(body + len, "]}");
	for (int i = 0; i < SLOW_EVENTS; i++)
		assert_int_equal(api_call_cart(&client, "POST", id, "/items", NULL, body), 204);
	snprintf(request, sizeof(request),
		 "GET /changes?after=%s&limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n", cursor);
	http_client_open(&slow, server.cartd.port);
	for (int i = 0; i < SLOW_PAGES; i++)
		assert_true(http_client_send_text(&slow, request));
	for (int i = 0; i < 50; i++) {
		assert_int_equal(changes_after("&limit=10"), 200);
		assert_int_equal(json_array_size(events()), 10);
	}
	for (int i = 0; i < SLOW_PAGES; i++) {
		json_t *page;

		assert_int_equal(http_client_read(&slow, &response, false, 15000),
				 HTTP_READ_ANSWER);
		assert_int_equal(response.status, 200);
		page = json_loads(response.body, 0, NULL);
		assert_true(json_array_size(json_object_get(page, "events")) > 0);
		json_decref(page);
		http_response_clear(&response);
	}
	http_client_close(&slow);
}

static void nobody_waits_and_nothing_is_polled(void **state)
{
	double polls;

	(void)state;
	await_waiting(0);
	begin_now();
	assert_int_equal(changes_after("&wait=100ms"), 200);
	await_waiting(0);
	/* The last one may still be under way. */
	polls = cartd_metric(&server.cartd, "cart_feed_polls_total");
	for (int i = 0; i < 50; i++)
		api_call(&client, "GET", "/livez", NULL, NULL);
	assert_true(cartd_metric(&server.cartd, "cart_feed_polls_total") <= polls + 1);
	assert_true(polls > 0);
}

static void for_one_that_waits_alone_it_is_polled(void **state)
{
	static const char *const settings[] = {"feed=on", "threads=1", NULL};
	struct api_server alone;
	struct api_client asks;

	(void)state;
	api_server_start(&alone, settings);
	api_open(&asks, &alone);
	assert_int_equal(api_call(&asks, "GET", "/changes?after=now&wait=300ms", NULL, NULL), 200);
	assert_true(cartd_metric(&alone.cartd, "cart_feed_polls_total") > 0);
	api_close(&asks);
	api_server_stop(&alone);
}

static void as_server_sent_events_the_cursor_is_the_id(void **state)
{
	static const char accept[] = "Accept: text/event-stream\r\n";
	char id[API_ID_TEXT + 1], headers[CURSOR_ROOM + 100], second[64];
	const char *at;

	(void)state;
	begin_now();
	snprintf(headers, sizeof(headers), "%sLast-Event-ID: %s\r\n", accept, cursor);
	api_make_cart(&client, 80, id);
	assert_int_equal(changes("?after=now&wait=5s", headers), 200);
	assert_string_equal(api_header(&client, "Content-Type"), "text/event-stream");
	at = strstr(client.response.body, "\n\nid: ");
	assert_non_null(at);
	snprintf(second, sizeof(second), "%s:1\"", id);
	assert_non_null(strstr(client.response.body, second));
	assert_non_null(strstr(client.response.body, "\ndata: {\"specversion\":\"1.0\","));
	assert_memory_equal(client.response.body, "retry: ", 7);

	/* Nothing: a comment and the cursor. */
	assert_int_equal(changes("?after=now&wait=1ms", accept), 200);
	assert_non_null(strstr(client.response.body, "\n: no event\nid: "));
}

static void what_is_not_right_is_refused(void **state)
{
	(void)state;
	assert_int_equal(changes("?limit=0", NULL), 400);
	assert_int_equal(changes("?limit=1001", NULL), 400);
	assert_int_equal(changes("?wait=soon", NULL), 400);
	assert_int_equal(changes("?wait=-1s", NULL), 400);
	assert_int_equal(changes("?after=", NULL), 400);
	assert_int_equal(changes("?after=oops", NULL), 400);
	assert_int_equal(changes("?after=1-1%00", NULL), 400);
	assert_int_equal(changes("?cursor=1-1", NULL), 400);
	api_expect(&client, 400, "INVALID_INPUT", "cursor");
	assert_int_equal(api_call(&client, "POST", "/changes", NULL, NULL), 405);
	assert_int_equal(api_call(&client, "HEAD", "/changes?after=now", NULL, NULL), 200);
}

static void a_cursor_that_is_gone_says_why(void **state)
{
	(void)state;
	begin_now();
	changes(cursor[0] == '1' ? "?after=3-7" : "?after=1-7", NULL);
	api_expect(&client, 410, "CURSOR_GONE",
		   "the cursor is of another backend's feed; read the carts anew, and go on from a "
		   "new cursor");
	if (cursor[0] == '2')
		return; /* a number that no record has is no cursor of DynamoDB's */
	cursor[1] = '\0';
	strcat(cursor, "-999999999999");
	changes_after("");
	api_expect(&client, 410, "CURSOR_GONE", "no longer kept");
}

static void a_drain_ends_the_waiting(void **state)
{
	struct http_client waiting;
	struct http_response response = {0};

	(void)state;
	begin_now();
	send_waiting(&waiting, cursor, "");
	await_waiting(1);
	api_close(&client);
	cartd_signal(&server.cartd, SIGTERM);
	assert_int_equal(http_client_read(&waiting, &response, false, 15000), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 200);
	assert_non_null(strstr(response.body, "{\"events\":[],\"next_cursor\":\""));
	http_client_close(&waiting);
	http_response_clear(&response);
	assert_int_equal(cartd_wait(&server.cartd, 15000), 0);
}

static void without_the_feed_there_is_nothing(void **state)
{
	struct api_server off;
	struct api_client asks;

	(void)state;
	api_server_start(&off, NULL);
	api_open(&asks, &off);
	assert_int_equal(api_call(&asks, "GET", "/changes", NULL, NULL), 404);
	api_expect(&asks, 404, "NOT_FOUND", "feed=off");
	api_close(&asks);
	api_server_stop(&off);
}

static void events_of_a_backend_without_a_feed(void **state)
{
	(void)state;
	print_message("not tested: the backend has no feed here\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest without[] = {
		cmocka_unit_test(events_of_a_backend_without_a_feed),
		cmocka_unit_test(without_the_feed_there_is_nothing),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_told),
		cmocka_unit_test(a_page_has_as_many_as_were_asked_for),
		cmocka_unit_test(without_events_it_waits_as_long_as_it_was_told),
		cmocka_unit_test(who_waits_is_woken_by_a_change),
		cmocka_unit_test(more_than_may_wait_are_refused),
		cmocka_unit_test(who_closes_its_side_is_answered_at_once),
		cmocka_unit_test(an_empty_page_is_no_answer_when_the_store_fails),
		cmocka_unit_test(a_slow_reader_gets_its_pages_and_holds_up_nobody),
		cmocka_unit_test(nobody_waits_and_nothing_is_polled),
		cmocka_unit_test(for_one_that_waits_alone_it_is_polled),
		cmocka_unit_test(as_server_sent_events_the_cursor_is_the_id),
		cmocka_unit_test(what_is_not_right_is_refused),
		cmocka_unit_test(a_cursor_that_is_gone_says_why),
		cmocka_unit_test(without_the_feed_there_is_nothing),
		cmocka_unit_test(a_drain_ends_the_waiting),
	};

	if (!api_has_feed())
		return cmocka_run_group_tests(without, NULL, NULL);
	return cmocka_run_group_tests(tests, start_feed, stop);
}
