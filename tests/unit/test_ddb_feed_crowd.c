/* Many consumers who begin with after=now at once, over a stream that counts the calls; and how
 * often it is read while it throttles. */
#include "backends/dynamodb/feed/stream.h"
#include "core/feed/event.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_rig.h"
#include "tests/lib/stream_model.h"

#include <stdlib.h>
#include <string.h>

#define CROWD  50
#define SHARDS 3

static struct ddb_rig r;
static struct stream_model stream;
static struct cart_id cart;
static struct cart_op ops[CROWD];
static char *cursors[CROWD];
static _Atomic int answered;

static int setup(void **state)
{
	static const char *const set[] = {"feed", "on", NULL};

	(void)state;
	ddb_rig_start_stub(&r);
	stream_model_init(&stream, rng_seed(), 1, SHARDS);
	r.stub.shelf.stream = &stream;
	ddb_rig_start(&r, 1, set);
	stream_model_free(&stream);
	stream_model_init(&stream, rng_seed(), clock_fake_now(&r.rig->clock), SHARDS);
	cart = rig_id(r.rig);
	assert_int_equal(ask(r.rig, CART_OK, CREATE, .id = cart), 1);
	ddb_stub_forget(&r.stub);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < CROWD; i++) {
		free(cursors[i]);
		cursors[i] = NULL;
	}
	ddb_stub_clear(&r.stub);
	ddb_rig_stop(&r);
	stream_model_free(&stream);
	return 0;
}

static int64_t add(void)
{
	return ask(r.rig, CART_OK, CHANGE, .id = cart, CHANGES(ADD(7, 1)));
}

static void advance(int64_t ms)
{
	clock_fake_advance(&r.rig->clock, ms);
	pthread_mutex_lock(&r.stub.shelf.lock);
	stream_model_advance(&stream, ms);
	pthread_mutex_unlock(&r.stub.shelf.lock);
}

static void op_done(struct cart_op *op, void *user)
{
	(void)op;
	(void)user;
	answered++;
}

struct some {
	int first;
	int count;
};

static void submit_some(void *user)
{
	const struct some *some = user;
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system);

	for (int i = some->first; i < some->first + some->count; i++) {
		ops[i] = (struct cart_op){
			.type = CART_OP_FEED,
			.feed = {.after = cursors[i] != NULL ? cursors[i] : CART_FEED_NOW,
				 .limit = 10},
			.deadline_ns = now_ns + RIG_DEADLINE_NS,
			.done = op_done,
		};
		if (cart_store_submit(r.rig->loops[0].store, &ops[i]) != CART_OK)
			abort();
	}
}

/* Each asks for "now", or reads on. */
static void submit(int first, int count)
{
	answered = 0;
	rig_call(r.rig, 0, submit_some, &(struct some){first, count});
}

static void take(int i, int64_t version)
{
	if (ops[i].result != CART_OK)
		fail_msg("%s: %s", cart_result_name(ops[i].result), ops[i].reason);
	assert_int_equal(ops[i].page->count, version != 0);
	if (version != 0)
		assert_int_equal(ops[i].page->events[0].version, version);
	free(cursors[i]);
	cursors[i] = strdup(ops[i].page->next);
	cart_op_clear(&ops[i]);
}

/* All at once. Each gets the event of that version of the cart; 0: none. */
static void read_all(int64_t version)
{
	submit(0, CROWD);
	rig_await(&answered, CROWD, "answers");
	for (int i = 0; i < CROWD; i++)
		take(i, version);
}

static int count_different(void)
{
	int count = 0;

	for (int i = 0; i < CROWD; i++) {
		int j = 0;

		while (j < i && strcmp(cursors[i], cursors[j]) != 0)
			j++;
		count += j == i;
	}
	return count;
}

static void a_crowd_that_begins_now_shares_its_reads(void **state)
{
	(void)state;
	read_all(0);
	/* The first one's, and those of the others, who came when that had begun. */
	assert_true(count_different() <= 2);
	assert_int_equal(ddb_stub_count(&r.stub, "GetShardIterator"), 2 * SHARDS);
	assert_int_equal(ddb_stub_count(&r.stub, "DescribeStream"), 1);
	assert_int_equal(ddb_stub_count(&r.stub, "GetRecords"), 0);
	add();
	read_all(2);
	assert_true(ddb_stub_count(&r.stub, "GetRecords") <= 2 * SHARDS);
}

static void who_asks_later_does_not_get_what_was_before(void **state)
{
	(void)state;
	/* The first one's iterators are made, and it has not got all of them, when a change comes.
	 */
	ddb_stub_add(&r.stub, (struct ddb_stub_rule){.operation = "GetShardIterator",
						     .skip = SHARDS - 1,
						     .times = 1,
						     .apply = true,
						     .delay_ms = 300});
	submit(0, 1);
	ddb_stub_await(&r.stub, "GetShardIterator", SHARDS);
	add();
	rig_call(r.rig, 0, submit_some, &(struct some){1, CROWD - 1});
	rig_await(&answered, CROWD, "answers");
	for (int i = 0; i < CROWD; i++)
		take(i, 0);
	submit(1, CROWD - 1);
	rig_await(&answered, CROWD - 1, "answers");
	for (int i = 1; i < CROWD; i++)
		take(i, 0);
	submit(0, 1);
	rig_await(&answered, 1, "answers");
	take(0, 2);
}

static void a_crowd_is_told_at_once_that_the_stream_is_throttled(void **state)
{
	(void)state;
	ddb_stub_add(&r.stub,
		     (struct ddb_stub_rule){.operation = "GetShardIterator",
					    .error = "ProvisionedThroughputExceededException"});
	submit(0, CROWD);
	rig_await(&answered, CROWD, "answers");
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(ops[i].result, CART_BUSY);
		cart_op_clear(&ops[i]);
	}
	assert_true(ddb_stub_count(&r.stub, "GetShardIterator") < 10);
	ddb_stub_clear(&r.stub);
	read_all(0);
	add();
	read_all(2);
}

/* The iterators do not hold any more: each reads the shards from their
 * beginning, and leaves out what is old. */
static void a_crowd_whose_iterators_are_gone_gets_nothing_old(void **state)
{
	(void)state;
	advance(10 * 60 * 1000);
	read_all(0);
	advance(16 * 60 * 1000);
	add();
	read_all(2);
}

static int64_t pause_after(struct ddb_stream *stream_of, bool throttled, int reads)
{
	for (int i = 0; i < reads; i++)
		ddb_stream_note(stream_of, throttled);
	return stream_of->pause_ns;
}

static void a_stream_that_throttles_is_read_more_rarely(void **state)
{
	const int64_t often_ns = 40 * CLOCK_NS_PER_MS, rarely_ns = 10 * CLOCK_NS_PER_S;
	struct metrics *metrics = metrics_new();
	struct ddb_stream *often = ddb_stream_new(&cart_clock_system, often_ns, metrics);
	struct ddb_stream *rarely = ddb_stream_new(&cart_clock_system, rarely_ns, metrics);

	(void)state;
	assert_int_equal(pause_after(often, true, 1), 2 * often_ns);
	assert_int_equal(pause_after(often, true, 9), 2 * CLOCK_NS_PER_S);
	assert_int_equal(pause_after(often, false, 100), often_ns);
	assert_int_equal(pause_after(rarely, true, 9), rarely_ns);
	assert_int_equal(pause_after(rarely, false, 9), rarely_ns);
	ddb_stream_free(&often);
	ddb_stream_free(&rarely);
	metrics_free(&metrics);
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_crowd_that_begins_now_shares_its_reads),
		TEST(who_asks_later_does_not_get_what_was_before),
		TEST(a_crowd_is_told_at_once_that_the_stream_is_throttled),
		TEST(a_crowd_whose_iterators_are_gone_gets_nothing_old),
		cmocka_unit_test(a_stream_that_throttles_is_read_more_rarely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
