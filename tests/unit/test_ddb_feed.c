/* The feed over a stream that does what a small server never does: shards that split, iterators
 * that expire, records that go, answers that are empty or refused. */
#include "backends/dynamodb/feed/stream.h"
#include "core/feed/event.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_rig.h"
#include "tests/lib/stream_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RULE(...) ddb_stub_add(&r.stub, (struct ddb_stub_rule){__VA_ARGS__})
#define HOUR_MS	  (INT64_C(60) * 60 * 1000)
#define CARTS	  12
#define STEPS	  160
#define READERS	  5
#define POLL_NS	  (200 * CLOCK_NS_PER_MS)
#define THROTTLED "ProvisionedThroughputExceededException"

static struct ddb_rig r;
static struct rig *other; /* another process over the same table */
static struct stream_model *stream;
static struct cart_id ids[CARTS];
static int64_t versions[CARTS]; /* that the store has; 0: not made */
static int64_t seen[CARTS];	/* that the reader had */
static char *cursor;
static size_t events; /* that the reader had */
static struct cart_event last;

static void lock(void)
{
	pthread_mutex_lock(&r.stub.shelf.lock);
}

static void unlock(void)
{
	pthread_mutex_unlock(&r.stub.shelf.lock);
}

static int start(size_t shards)
{
	static const char *const set[] = {"feed", "on", "dynamodb.feed_poll", "200ms", NULL};

	ddb_rig_start_stub(&r);
	stream = calloc(1, sizeof(*stream));
	stream_model_init(stream, rng_seed(), 1, shards);
	r.stub.shelf.stream = stream;
	ddb_rig_start(&r, 1, set);
	other = rig_start(&(struct rig_config){.backend = "dynamodb", .set = set});
	clock_fake_set(&other->clock, clock_fake_now(&r.rig->clock));
	lock();
	stream_model_free(stream);
	stream_model_init(stream, rng_seed(), clock_fake_now(&r.rig->clock), shards);
	unlock();
	for (size_t i = 0; i < CARTS; i++)
		ids[i] = rig_id(r.rig);
	memset(versions, 0, sizeof(versions));
	memset(seen, 0, sizeof(seen));
	events = 0;
	cursor = NULL;
	ddb_stub_forget(&r.stub);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return start(1);
}

static int setup_many(void **state)
{
	(void)state;
	return start(4);
}

static int teardown(void **state)
{
	(void)state;
	free(cursor);
	cart_event_clear(&last);
	ddb_stub_clear(&r.stub);
	rig_stop(&other);
	ddb_rig_stop(&r);
	stream_model_free(stream);
	free(stream);
	return 0;
}

static void advance(int64_t ms)
{
	clock_fake_advance(&r.rig->clock, ms);
	clock_fake_advance(&other->clock, ms);
	lock();
	stream_model_advance(stream, ms);
	unlock();
}

static void turn(size_t children)
{
	lock();
	stream_model_turn(stream, children);
	unlock();
}

static void change(size_t cart)
{
	if (versions[cart] == 0)
		versions[cart] = ask(r.rig, CART_OK, CREATE, .id = ids[cart]);
	else
		versions[cart] = ask(r.rig, CART_OK, CHANGE, .id = ids[cart], CHANGES(ADD(7, 1)));
}

static void take(const struct cart_event *event)
{
	size_t cart = 0;

	while (cart < CARTS && cart_id_compare(&event->id, &ids[cart]) != 0)
		cart++;
	assert_true(cart < CARTS);
	if (event->version != seen[cart] + 1)
		fail_msg("cart %zu: %" PRId64 " after %" PRId64, cart, event->version, seen[cart]);
	seen[cart] = event->version;
	events++;
}

/* A page by a process. */
static enum cart_result page(struct rig *rig, int limit, bool *more)
{
	struct cart_op op = {.type = CART_OP_FEED, .feed = {.after = cursor, .limit = limit}};
	enum cart_result result = rig_run(rig, 0, &op, NULL);

	*more = op.more;
	if (result != CART_OK)
		print_message("%s %s\n", cart_result_name(result), op.reason);
	if (result == CART_OK) {
		assert_true(op.page->count <= (size_t)limit);
		for (size_t i = 0; i < op.page->count; i++)
			take(&op.page->events[i]);
		if (op.page->count > 0) {
			cart_event_clear(&last);
			last = op.page->events[op.page->count - 1];
			op.page->events[op.page->count - 1] = (struct cart_event){0};
		}
		free(cursor);
		cursor = op.page->next;
		op.page->next = NULL;
	}
	cart_op_clear(&op);
	return result;
}

static bool is_even(void)
{
	return memcmp(seen, versions, sizeof(seen)) == 0;
}

/* Until all is read. */
static void read_all(struct rig *rig, int limit)
{
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + RIG_EVENTUAL_S * CLOCK_NS_PER_S;
	bool more;

	while (!is_even()) {
		assert_int_equal(page(rig, limit, &more), CART_OK);
		if (clock_monotonic_ns(&cart_clock_system) > until_ns)
			fail_msg("not all was read");
	}
}

static void begin_now(struct rig *rig)
{
	bool more;

	free(cursor);
	cursor = strdup(CART_FEED_NOW);
	assert_int_equal(page(rig, 10, &more), CART_OK);
	assert_false(more);
	assert_int_equal(events, 0);
}

/* The stream's own protocol. */

static void calls_to_the_stream_are_signed_for_dynamodb(void **state)
{
	const struct ddb_stub_request *request;
	bool more;

	(void)state;
	change(0);
	assert_int_equal(page(r.rig, 10, &more), CART_OK);
	request = ddb_stub_request(&r.stub, "GetRecords", 0);
	assert_string_equal(ddb_stub_header(request, "X-Amz-Target"),
			    "DynamoDBStreams_20120810.GetRecords");
	assert_non_null(strstr(ddb_stub_header(request, "Authorization"),
			       "/eu-central-1/dynamodb/aws4_request"));
	request = ddb_stub_request(&r.stub, "DescribeTable", 0);
	assert_string_equal(ddb_stub_header(request, "X-Amz-Target"),
			    "DynamoDB_20120810.DescribeTable");
}

static const char *streams_variable;

static const char *environment(const char *name, void *user)
{
	(void)user;
	return strcmp(name, "AWS_ENDPOINT_URL_DYNAMODB_STREAMS") == 0 ? streams_variable : NULL;
}

static void expect_url(const char *table_url, const char *setting, const char *url)
{
	const struct aws_credentials_config credentials = {.service = &aws_dynamodb,
							   .clock = &cart_clock_system,
							   .profile = "",
							   .region = "",
							   .environment = environment};
	struct aws_endpoint table = {.region = "eu-west-1"};
	char got[AWS_ENDPOINT_ROOM];
	struct cart_error error;

	strcpy(table.url, table_url);
	if (ddb_stream_locate(got, &table, &credentials, setting, &error) != 0)
		fail_msg("%s", error.text);
	assert_string_equal(got, url);
}

static void the_stream_is_at_a_host_of_its_own(void **state)
{
	static const char *const urls[][2] = {
		{"https://dynamodb.eu-west-1.amazonaws.com",
		 "https://streams.dynamodb.eu-west-1.amazonaws.com"},
		{"https://dynamodb-fips.us-east-1.amazonaws.com",
		 "https://streams.dynamodb-fips.us-east-1.amazonaws.com"},
		{"https://dynamodb.us-east-1.api.aws",
		 "https://streams-dynamodb.us-east-1.api.aws"},
		{"https://dynamodb-fips.us-east-1.api.aws",
		 "https://streams-dynamodb-fips.us-east-1.api.aws"},
		{"https://dynamodb.cn-north-1.amazonaws.com.cn",
		 "https://streams.dynamodb.cn-north-1.amazonaws.com.cn"},
		{"http://127.0.0.1:8000", "http://127.0.0.1:8000"},
		{"https://dynamodb.example.com", "https://dynamodb.example.com"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		expect_url(urls[i][0], "", urls[i][1]);
	/* The setting says where all is. */
	expect_url("http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:1");
	streams_variable = "http://127.0.0.1:2";
	expect_url("https://dynamodb.eu-west-1.amazonaws.com", "", "http://127.0.0.1:2");
	expect_url("http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:1");
	streams_variable = NULL;
}

static void an_iterator_that_has_expired_is_replaced(void **state)
{
	(void)state;
	change(0);
	read_all(r.rig, 10);
	change(0);
	advance(16 * 60 * 1000);
	change(0);
	read_all(r.rig, 1);
	assert_int_equal(events, 3);
}

static void what_is_throttled_is_read_later(void **state)
{
	(void)state;
	RULE(.operation = "GetRecords", .error = THROTTLED, .times = 2);
	RULE(.operation = "GetShardIterator", .error = "ThrottlingException", .times = 1);
	RULE(.operation = "DescribeStream", .error = "LimitExceededException", .times = 1);
	change(0);
	change(0);
	read_all(r.rig, 10);
	assert_int_equal(events, 2);
}

static void what_stays_throttled_is_unavailable_and_loses_nothing(void **state)
{
	bool more;

	(void)state;
	change(0);
	RULE(.operation = "GetRecords", .error = THROTTLED);
	assert_int_equal(page(r.rig, 10, &more), CART_BUSY);
	ddb_stub_clear(&r.stub);
	read_all(r.rig, 10);
	assert_int_equal(events, 1);
}

static void a_place_where_nothing_comes_is_not_read_at_once_again(void **state)
{
	int64_t began_ns;
	bool more;

	(void)state;
	begin_now(r.rig);
	assert_int_equal(page(r.rig, 10, &more), CART_OK);
	ddb_stub_forget(&r.stub);
	began_ns = clock_monotonic_ns(&cart_clock_system);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(page(r.rig, 10, &more), CART_OK);
		assert_false(more);
	}
	/* As many as fit into the time; each would be a call otherwise. */
	assert_true(ddb_stub_count(&r.stub, "GetRecords") <=
		    1 + (clock_monotonic_ns(&cart_clock_system) - began_ns) / POLL_NS);
	change(0);
	read_all(r.rig, 10);
}

static void a_place_where_something_comes_is_read_by_all_who_stand_there(void **state)
{
	char *place;
	bool more;

	(void)state;
	change(0);
	read_all(r.rig, 10);
	place = strdup(cursor);
	while (ddb_stub_count(&r.stub, "GetRecords") < 3)
		assert_int_equal(page(r.rig, 10, &more), CART_OK);
	change(0);
	read_all(r.rig, 10);
	for (int i = 0; i < 20; i++) {
		free(cursor);
		cursor = strdup(place);
		seen[0] = 1;
		assert_int_equal(page(r.rig, 10, &more), CART_OK);
		assert_true(is_even());
	}
	free(place);
}

static void what_one_has_read_others_take(void **state)
{
	char *place;
	int calls;
	bool more;

	(void)state;
	change(0);
	read_all(r.rig, 10);
	place = strdup(cursor);
	for (int i = 0; i < 3; i++)
		change(0);
	read_all(r.rig, 10);
	calls = ddb_stub_count(&r.stub, "GetRecords");
	/* A page that has no room for all of it too. */
	free(cursor);
	cursor = place;
	seen[0] = 1;
	assert_int_equal(page(r.rig, 2, &more), CART_OK);
	assert_int_equal(seen[0], 3);
	assert_true(more);
	assert_int_equal(ddb_stub_count(&r.stub, "GetRecords"), calls);
	read_all(r.rig, 10);
}

static void an_answer_without_records_is_not_the_end(void **state)
{
	(void)state;
	lock();
	stream->empty = 70;
	unlock();
	for (int i = 0; i < 20; i++)
		change((size_t)i % 3);
	read_all(r.rig, 3);
	assert_int_equal(events, 20);
}

/* They have cursors of their own, and none of them has had anything a moment ago. */
static void news_reach_all_who_wait_from_now(void **state)
{
	char *cursors[5];
	bool more;

	(void)state;
	change(0);
	advance(10 * 60 * 1000);
	for (size_t i = 0; i < 5; i++) {
		begin_now(r.rig);
		assert_int_equal(page(r.rig, 10, &more), CART_OK);
		cursors[i] = cursor;
		cursor = NULL;
	}
	change(0);
	seen[0] = 1;
	cursor = cursors[0];
	read_all(r.rig, 10);
	for (size_t i = 1; i < 5; i++) {
		free(cursor);
		cursor = cursors[i];
		seen[0] = 1;
		assert_int_equal(page(r.rig, 10, &more), CART_OK);
		assert_true(is_even());
	}
}

/* As cartctl feed reads. */
static void a_shard_that_is_closed_is_read_to_its_end_at_once(void **state)
{
	bool more;

	(void)state;
	for (int i = 0; i < 20; i++)
		change((size_t)i % 3);
	turn(1);
	lock();
	stream->empty = 90;
	unlock();
	do
		assert_int_equal(page(r.rig, 3, &more), CART_OK);
	while (more);
	assert_true(is_even());
}

/* What is not kept. */

static void records_that_are_gone_are_told_of(void **state)
{
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + RIG_EVENTUAL_S * CLOCK_NS_PER_S;
	enum cart_result result = CART_OK;
	bool more;

	(void)state;
	change(0);
	read_all(r.rig, 10);
	change(0);
	advance(25 * HOUR_MS);
	assert_int_equal(page(other, 10, &more), CART_CURSOR_GONE);
	/* This one may have found nothing a moment ago. */
	while (result == CART_OK && clock_monotonic_ns(&cart_clock_system) < until_ns)
		result = page(r.rig, 10, &more);
	assert_int_equal(result, CART_CURSOR_GONE);
}

static void shards_that_are_gone_are_told_of(void **state)
{
	bool more;

	(void)state;
	change(0);
	read_all(r.rig, 10);
	turn(1);
	change(0);
	advance(25 * HOUR_MS);
	assert_int_equal(page(other, 10, &more), CART_CURSOR_GONE);
}

static void a_cursor_of_a_table_that_was_made_anew_is_gone(void **state)
{
	bool more;

	(void)state;
	change(0);
	read_all(r.rig, 10);
	lock();
	snprintf(stream->arn, sizeof(stream->arn), STREAM_MODEL_ARN "anew");
	unlock();
	assert_int_equal(page(other, 10, &more), CART_CURSOR_GONE);
}

static void a_stream_that_is_switched_off_is_told_of(void **state)
{
	struct cart_op op = {.type = CART_OP_FEED, .feed = {.limit = 10}};

	(void)state;
	lock();
	stream->enabled = false;
	unlock();
	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_BUSY);
	assert_string_equal(op.reason, "the table has no stream: cartctl provision switches it on");
	cart_op_clear(&op);
}

static void a_number_that_no_record_has_is_refused(void **state)
{
	char text[CART_FEED_CURSOR_MAX + 1];
	struct ddb_cursor *made = calloc(1, sizeof(*made));
	bool more;

	(void)state;
	made->stream = ddb_shards_tag(stream->arn);
	made->count = 1;
	made->shards[0].tag = ddb_shards_tag(stream->shards[0].id);
	strcpy(made->shards[0].sequence, "12345678901234567890123");
	assert_true(ddb_cursor_write(made, text) > 0);
	cursor = strdup(text);
	assert_int_equal(page(r.rig, 10, &more), CART_CURSOR_INVALID);
	free(made);
}

/* "now" */

static void another_process_goes_on_from_now(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		change(0);
	advance(10 * 60 * 1000);
	seen[0] = versions[0];
	begin_now(r.rig);
	advance(1000);
	change(0);
	change(0);
	/* It has no iterator for it, and reads the shard from its beginning. */
	read_all(other, 1);
	assert_int_equal(events, 2);
	assert_true(ddb_stub_count(&r.stub, "GetRecords") > 2);
}

static void now_of_more_than_a_day_ago_is_gone(void **state)
{
	bool more;

	(void)state;
	begin_now(r.rig);
	change(0);
	advance(25 * HOUR_MS);
	change(0);
	assert_int_equal(page(other, 10, &more), CART_CURSOR_GONE);
}

static void now_is_behind_what_there_is_in_each_shard(void **state)
{
	(void)state;
	for (size_t i = 0; i < CARTS; i++)
		change(i);
	memcpy(seen, versions, sizeof(seen));
	begin_now(r.rig);
	for (size_t i = 0; i < CARTS; i++)
		change(i);
	read_all(r.rig, 5);
	assert_int_equal(events, CARTS);
}

/* Shards. */

static void some_step(struct rng *rng)
{
	struct rig *rig = rng_below(rng, 3) == 0 ? other : r.rig;
	bool more;

	switch (rng_below(rng, 12)) {
	case 0:
		turn(1 + (size_t)rng_below(rng, 2));
		break;
	case 1:
		advance((int64_t)rng_below(rng, 20 * 60 * 1000));
		break;
	case 2:
	case 3:
		assert_int_equal(page(rig, 1 + (int)rng_below(rng, 6), &more), CART_OK);
		break;
	default:
		change((size_t)rng_below(rng, CARTS));
	}
}

static void each_change_is_read_once_while_shards_split(void **state)
{
	struct rng rng = {rng_seed()};

	(void)state;
	print_message("CART_SEED=%" PRIu64 "\n", rng.state);
	lock();
	stream->empty = 30;
	stream->page = 3;
	unlock();
	for (int i = 0; i < STEPS; i++) {
		some_step(&rng);
		ddb_stub_forget(&r.stub);
	}
	ddb_stub_clear(&r.stub);
	read_all(other, 4);
	read_all(r.rig, 4);
}

static struct reader {
	char *cursor;
	int64_t seen[CARTS];
} readers[READERS];

static void begin_as(const struct reader *reader)
{
	cursor = reader->cursor;
	memcpy(seen, reader->seen, sizeof(seen));
}

static void end_as(struct reader *reader)
{
	reader->cursor = cursor;
	cursor = NULL;
	memcpy(reader->seen, seen, sizeof(seen));
}

static void each_of_many_readers_gets_each_change_once(void **state)
{
	struct rng rng = {rng_seed()};

	(void)state;
	print_message("CART_SEED=%" PRIu64 "\n", rng.state);
	memset(readers, 0, sizeof(readers));
	lock();
	stream->empty = 30;
	stream->page = 3;
	unlock();
	for (int i = 0; i < STEPS; i++) {
		struct reader *reader = &readers[rng_below(&rng, READERS)];

		begin_as(reader);
		some_step(&rng);
		end_as(reader);
		ddb_stub_forget(&r.stub);
	}
	ddb_stub_clear(&r.stub);
	for (size_t i = 0; i < READERS; i++) {
		begin_as(&readers[i]);
		read_all(i % 2 == 0 ? r.rig : other, 4);
		free(cursor);
		cursor = NULL;
	}
}

static void children_that_are_listed_late_are_found(void **state)
{
	(void)state;
	change(0);
	read_all(r.rig, 10);
	lock();
	stream->late_ms = 60000;
	unlock();
	turn(2);
	for (size_t i = 0; i < CARTS; i++)
		change(i);
	advance(60000);
	read_all(r.rig, 3);
}

static void a_record_that_is_damaged_does_not_stop_the_feed(void **state)
{
	bool more;
	json_t *item;

	(void)state;
	change(0);
	lock();
	item = json_pack("{s:{s:s},s:{s:s},s:{s:s}}", "cart_id", "S", "no cart", "version", "N",
			 "x", "status", "S", "?");
	stream_model_add(stream, "no cart", 0, NULL, item);
	json_decref(item);
	unlock();
	change(0);
	read_all(r.rig, 10);
	assert_int_equal(page(r.rig, 10, &more), CART_OK);
	assert_int_equal(events, 2);
}

static void an_op_whose_time_is_up_leaves_nothing(void **state)
{
	struct cart_op op = {.type = CART_OP_FEED, .feed = {.limit = 10}};

	(void)state;
	change(0);
	RULE(.operation = "GetRecords", .manner = DDB_STUB_SILENT);
	op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + 100 * CLOCK_NS_PER_MS;
	assert_int_equal(rig_run(r.rig, 0, &op, NULL), CART_TIMEOUT);
	cart_op_clear(&op);
	ddb_stub_clear(&r.stub);
	read_all(r.rig, 10);
}

static struct late {
	struct cart_op op;
	int64_t time_ms;
	pthread_t thread;
	_Atomic bool done;
} late;

static void *run_late(void *user)
{
	(void)user;
	late.op = (struct cart_op){.type = CART_OP_FEED, .feed = {.limit = 10}};
	late.op.deadline_ns =
		clock_monotonic_ns(&cart_clock_system) + late.time_ms * CLOCK_NS_PER_MS;
	rig_run(r.rig, 0, &late.op, NULL);
	late.done = true;
	return NULL;
}

/* Returns whether it has asked for records before its time was up, and waits for them. */
static bool start_late(int64_t time_ms)
{
	late.time_ms = time_ms;
	late.done = false;
	assert_int_equal(pthread_create(&late.thread, NULL, run_late, NULL), 0);
	while (!late.done && ddb_stub_count(&r.stub, "GetRecords") == 0)
		;
	return ddb_stub_count(&r.stub, "GetRecords") > 0;
}

static void end_late(void)
{
	assert_int_equal(pthread_join(late.thread, NULL), 0);
	assert_int_equal(late.op.result, CART_TIMEOUT);
	cart_op_clear(&late.op);
}

static void who_waits_for_a_read_that_fails_reads_for_itself(void **state)
{
	int64_t time_ms = 300;
	bool more;

	(void)state;
	change(0);
	RULE(.operation = "GetRecords", .manner = DDB_STUB_SILENT, .times = 1);
	for (; !start_late(time_ms); time_ms *= 2)
		end_late();
	assert_int_equal(page(r.rig, 10, &more), CART_OK);
	assert_true(is_even());
	end_late();
}

int main(void)
{
#define TEST(name_)	 cmocka_unit_test_setup_teardown(name_, setup, teardown)
#define TEST_MANY(name_) cmocka_unit_test_setup_teardown(name_, setup_many, teardown)
	const struct CMUnitTest tests[] = {
		TEST(calls_to_the_stream_are_signed_for_dynamodb),
		cmocka_unit_test(the_stream_is_at_a_host_of_its_own),
		TEST(an_iterator_that_has_expired_is_replaced),
		TEST(what_is_throttled_is_read_later),
		TEST(what_stays_throttled_is_unavailable_and_loses_nothing),
		TEST(a_place_where_nothing_comes_is_not_read_at_once_again),
		TEST(a_place_where_something_comes_is_read_by_all_who_stand_there),
		TEST(what_one_has_read_others_take),
		TEST(an_answer_without_records_is_not_the_end),
		TEST(news_reach_all_who_wait_from_now),
		TEST(a_shard_that_is_closed_is_read_to_its_end_at_once),
		TEST(records_that_are_gone_are_told_of),
		TEST(shards_that_are_gone_are_told_of),
		TEST(a_cursor_of_a_table_that_was_made_anew_is_gone),
		TEST(a_stream_that_is_switched_off_is_told_of),
		TEST(a_number_that_no_record_has_is_refused),
		TEST(another_process_goes_on_from_now),
		TEST(now_of_more_than_a_day_ago_is_gone),
		TEST_MANY(now_is_behind_what_there_is_in_each_shard),
		TEST_MANY(each_change_is_read_once_while_shards_split),
		TEST_MANY(each_of_many_readers_gets_each_change_once),
		TEST_MANY(children_that_are_listed_late_are_found),
		TEST(a_record_that_is_damaged_does_not_stop_the_feed),
		TEST(an_op_whose_time_is_up_leaves_nothing),
		TEST(who_waits_for_a_read_that_fails_reads_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
