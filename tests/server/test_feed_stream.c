/* GET /changes over a stream that a test holds in its hand: who waits while others are behind. */
#include "tests/lib/api_group.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_rig.h"
#include "tests/lib/patience.h"
#include "tests/lib/stream_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWD 100

static struct ddb_rig r; /* without a rig: cartd is one */
static struct stream_model *stream;

static int start_stream(void **state)
{
	static const char *const settings[] = {"backend=dynamodb", "feed=on", "request.deadline=4s",
					       "dynamodb.timeout=4s", NULL};

	(void)state;
	ddb_rig_start_stub(&r);
	stream = calloc(1, sizeof(*stream));
	stream_model_init(stream, 1, clock_wall_ms(&cart_clock_system), 1);
	r.stub.shelf.stream = stream;
	cartd_start(&server.cartd, settings);
	api_open(&client, &server);
	return 0;
}

static int stop_stream(void **state)
{
	(void)state;
	api_close(&client);
	cartd_stop(&server.cartd);
	ddb_stub_stop(&r.stub);
	stream_model_free(stream);
	free(stream);
	return 0;
}

/* So many of 100 answers say nothing. Returns how many there were so far. */
static int set_empty(unsigned percent)
{
	int reads;

	pthread_mutex_lock(&r.stub.shelf.lock);
	stream->empty = percent;
	reads = stream->reads;
	pthread_mutex_unlock(&r.stub.shelf.lock);
	return reads;
}

static void send_waiting(struct http_client *waiting, const char *query)
{
	char request[4400];

	http_client_open(waiting, server.cartd.port);
	snprintf(request, sizeof(request), "GET /changes?%s&wait=20s HTTP/1.1\r\nHost: a\r\n\r\n",
		 query);
	assert_true(http_client_send_text(waiting, request));
}

static void send_waiting_from_now(struct http_client *waiting)
{
	char query[4200];

	assert_int_equal(api_call(&client, "GET", "/changes?after=now", NULL, NULL), 200);
	snprintf(query, sizeof(query), "after=%s", api_string(&client, "next_cursor"));
	send_waiting(waiting, query);
}

static void await_waiting(int count)
{
	int64_t until = patience_ms() + 10000;

	while ((int)cartd_metric(&server.cartd, "cart_feed_waiting") != count)
		assert_true(patience_ms() < until);
}

/* next: NULL, or gets the query from the answer's cursor on. */
static void expect_event(struct http_client *waiting, const char *id, char next[4200])
{
	struct http_response response = {0};
	const char *at;

	assert_int_equal(http_client_read(waiting, &response, false, 30000), HTTP_READ_ANSWER);
	assert_int_equal(response.status, 200);
	assert_non_null(strstr(response.body, id));
	at = strstr(response.body, "\"next_cursor\":\"");
	assert_non_null(at);
	if (next != NULL)
		snprintf(next, 4200, "after=%.*s", (int)strcspn(at + 15, "\""), at + 15);
	http_client_close(waiting);
	http_response_clear(&response);
}

static void who_is_behind_reads_on_and_does_not_wait(void **state)
{
	struct http_client first, behind;
	char id[API_ID_TEXT + 1];
	int64_t until;
	int reads;

	(void)state;
	api_make_cart(&client, 1, id);
	pthread_mutex_lock(&r.stub.shelf.lock);
	stream_model_turn(stream, 1);
	pthread_mutex_unlock(&r.stub.shelf.lock);
	send_waiting_from_now(&first);
	await_waiting(1);
	/* So that its answers in these seconds are as many as the stub keeps. */
	ddb_stub_add(&r.stub, (struct ddb_stub_rule){
				      .operation = "GetRecords", .apply = true, .delay_ms = 1});
	reads = set_empty(100);
	send_waiting(&behind, "limit=9");
	/* Its first page is over, at the half of the deadline, without an event. */
	until = cartd_now_ms() + 2400;
	while (cartd_now_ms() < until || set_empty(100) - reads < 3)
		;
	set_empty(0);
	expect_event(&behind, id, NULL);
	http_client_reset(&first);
}

static int count_reads(void)
{
	int reads;

	pthread_mutex_lock(&r.stub.shelf.lock);
	reads = stream->reads;
	pthread_mutex_unlock(&r.stub.shelf.lock);
	return reads;
}

static void a_crowd_with_cursors_of_its_own_shares_its_reads(void **state)
{
	static char queries[CROWD][4200];
	struct http_client waiting[CROWD];
	char id[API_ID_TEXT + 1];
	int64_t began_ms;
	int reads;

	(void)state;
	for (int i = 0; i < CROWD; i++)
		send_waiting_from_now(&waiting[i]);
	await_waiting(CROWD);
	api_make_cart(&client, 1, id);
	for (int i = 0; i < CROWD; i++)
		expect_event(&waiting[i], id, queries[i]);
	/* They stand at one place now, but for when each began, in seconds. */
	for (int i = 0; i < CROWD; i++) {
		queries[i][strlen("after=2-") + 8 + 5] = (char)('a' + i % 26);
		send_waiting(&waiting[i], queries[i]);
	}
	await_waiting(CROWD);
	reads = count_reads();
	began_ms = cartd_now_ms();
	api_make_cart(&client, 1, id);
	for (int i = 0; i < CROWD; i++)
		expect_event(&waiting[i], id, NULL);
	/* Some for them all, and those of the poller, in the time that it took. */
	assert_true(count_reads() - reads < CROWD / 4 + (cartd_now_ms() - began_ms) / 20);
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, start_stream, stop_stream)
	const struct CMUnitTest tests[] = {
		TEST(who_is_behind_reads_on_and_does_not_wait),
		TEST(a_crowd_with_cursors_of_its_own_shares_its_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
