#include "core/batch.h"
#include "core/base/clock.h"

#include "tests/lib/cmocka.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPS 16

/* What start() was called with, as "lane:ids;", an id being its first byte. */
static char started[256];
static struct event_base *base;
static struct batch *batch;
static struct cart_op ops[OPS];
static int64_t now;

static void record_start(void *user, size_t lane, struct cart_op **taken, size_t count)
{
	char *at = started + strlen(started);

	(void)user;
	at += sprintf(at, "%zu:", lane);
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, "%s%u", i > 0 ? "," : "", taken[i]->id.bytes[0]);
	sprintf(at, ";");
}

static int64_t read_now(const struct cart_clock *clock)
{
	(void)clock;
	return now;
}

static const struct cart_clock test_clock = {.monotonic_ns = read_now};

static void make_batch(size_t lanes, size_t ops_max, size_t classes, size_t writes)
{
	const struct batch_config config = {
		.lanes = lanes,
		.ops_max = ops_max,
		.queue_max = OPS - 1,
		.classes = classes,
		.writes_a_cart = writes,
		.start = record_start,
		.clock = &test_clock,
	};

	batch = batch_new(base, &config);
	assert_non_null(batch);
}

static int make_base(void **state)
{
	(void)state;
	base = event_base_new();
	started[0] = '\0';
	now = 0;
	memset(ops, 0, sizeof(ops));
	for (int i = 0; i < OPS; i++)
		ops[i].type = CART_OP_CHANGE;
	return base != NULL ? 0 : -1;
}

static int free_base(void **state)
{
	(void)state;
	batch_free(&batch);
	event_base_free(base);
	return 0;
}

static void push(int op, uint8_t id, size_t class)
{
	ops[op].id.bytes[0] = id;
	ops[op].submitted_ns = ++now;
	assert_int_equal(batch_push(batch, &ops[op], class), CART_OK);
}

static void turn(void)
{
	assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void nothing_starts_inside_push(void **state)
{
	(void)state;
	make_batch(1, 4, 1, false);
	batch_lane_free(batch, 0);
	push(0, 1, 0);
	assert_string_equal(started, "");
	turn();
	assert_string_equal(started, "0:1;");
}

static void a_lone_op_waits_for_nothing(void **state)
{
	(void)state;
	make_batch(2, 4, 1, false);
	batch_lane_free(batch, 0);
	batch_lane_free(batch, 1);
	push(0, 1, 0);
	turn();
	push(1, 2, 0);
	turn();
	assert_string_equal(started, "1:1;0:2;");
}

static void what_queues_behind_a_busy_lane_goes_as_one_batch(void **state)
{
	(void)state;
	make_batch(1, 4, 1, false);
	batch_lane_free(batch, 0);
	push(0, 9, 0);
	turn();
	for (int i = 1; i <= 6; i++)
		push(i, (uint8_t)(10 + i), 0);
	turn();
	assert_string_equal(started, "0:9;");
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:9;0:11,12,13,14;");
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:9;0:11,12,13,14;0:15,16;");
}

static void a_batch_is_sorted_by_cart(void **state)
{
	(void)state;
	make_batch(1, 8, 1, true);
	push(0, 5, 0);
	push(1, 3, 0);
	push(2, 9, 0);
	push(3, 1, 0);
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:1,3,5,9;");
}

static void a_second_write_for_a_cart_waits_for_the_next_batch(void **state)
{
	(void)state;
	make_batch(1, 8, 1, true);
	push(0, 5, 0);
	push(1, 5, 0);
	push(2, 4, 0);
	batch_lane_free(batch, 0);
	turn();
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:4,5;0:5;");
}

static void reads_of_one_cart_share_a_batch(void **state)
{
	(void)state;
	make_batch(1, 8, 1, true);
	ops[0].type = ops[1].type = CART_OP_GET;
	push(0, 5, 0);
	push(1, 5, 0);
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:5,5;");
}

static void a_batch_holds_one_class_and_the_oldest_goes_first(void **state)
{
	(void)state;
	make_batch(1, 8, 2, false);
	push(0, 1, 1);
	push(1, 2, 0);
	push(2, 3, 1);
	batch_lane_free(batch, 0);
	turn();
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:1,3;0:2;");
}

static void a_failed_batch_is_tried_again_one_by_one_and_first(void **state)
{
	struct cart_op *failed[] = {&ops[0], &ops[1]};

	(void)state;
	make_batch(1, 8, 1, false);
	push(0, 1, 0);
	push(1, 2, 0);
	batch_lane_free(batch, 0);
	turn();
	push(2, 3, 0);
	batch_retry_alone(batch, failed, 2, 0);
	for (int i = 0; i < 3; i++) {
		batch_lane_free(batch, 0);
		turn();
	}
	assert_string_equal(started, "0:1,2;0:1;0:2;0:3;");
}

static void an_op_is_removed_from_the_queue_but_not_from_a_lane(void **state)
{
	(void)state;
	make_batch(1, 2, 1, false);
	for (int i = 0; i < 4; i++)
		push(i, (uint8_t)(i + 1), 0);
	batch_lane_free(batch, 0);
	turn();
	assert_false(batch_remove(batch, &ops[0]));
	assert_true(batch_remove(batch, &ops[2]));
	assert_false(batch_remove(batch, &ops[2]));
	assert_int_equal(batch_queued(batch), 1);
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:1,2;0:4;");
}

static void a_full_queue_refuses(void **state)
{
	(void)state;
	make_batch(1, 2, 1, false);
	for (int i = 0; i < OPS - 1; i++)
		push(i, (uint8_t)(i + 1), 0);
	assert_int_equal(batch_push(batch, &ops[OPS - 1], 0), CART_BUSY);
	for (int i = 0; i < OPS - 1; i++)
		assert_true(batch_remove(batch, &ops[i]));
}

static void a_lost_lane_gets_nothing_until_it_is_back(void **state)
{
	(void)state;
	make_batch(2, 8, 1, false);
	batch_lane_free(batch, 0);
	batch_lane_free(batch, 1);
	batch_lane_lost(batch, 1);
	batch_lane_lost(batch, 0);
	push(0, 1, 0);
	turn();
	assert_string_equal(started, "");
	batch_lane_free(batch, 1);
	turn();
	assert_string_equal(started, "1:1;");
}

static void a_cart_written_to_in_one_lane_occupies_no_other(void **state)
{
	(void)state;
	make_batch(3, 4, 1, true);
	for (size_t lane = 0; lane < 3; lane++)
		batch_lane_free(batch, lane);
	push(0, 5, 0);
	turn();
	push(1, 5, 0);
	push(2, 6, 0);
	push(3, 5, 0);
	turn();
	assert_string_equal(started, "2:5;1:6;");
	turn();
	assert_string_equal(started, "2:5;1:6;");
	batch_lane_free(batch, 2);
	turn();
	assert_string_equal(started, "2:5;1:6;2:5;");
	assert_int_equal(batch_queued(batch), 1);
	assert_true(batch_remove(batch, &ops[3]));
}

static void a_lane_that_is_over_holds_no_cart_and_takes_none(void **state)
{
	(void)state;
	make_batch(2, 4, 1, true);
	batch_lane_free(batch, 0);
	batch_lane_free(batch, 1);
	push(0, 5, 0);
	turn();
	push(1, 5, 0);
	turn();
	assert_string_equal(started, "1:5;");
	batch_lane_over(batch, 1);
	turn();
	assert_string_equal(started, "1:5;0:5;");
	push(2, 7, 0);
	turn();
	assert_string_equal(started, "1:5;0:5;");
	batch_lane_free(batch, 1);
	turn();
	assert_string_equal(started, "1:5;0:5;1:7;");
}

static void a_class_leaves_the_lanes_beyond_its_limit_to_others(void **state)
{
	(void)state;
	make_batch(2, 1, 2, false);
	batch_free(&batch);
	batch = batch_new(base, &(struct batch_config){.lanes = 2,
						       .ops_max = 1,
						       .queue_max = OPS - 1,
						       .classes = 2,
						       .lanes_of = {1, 0},
						       .start = record_start,
						       .clock = &test_clock});
	batch_lane_free(batch, 0);
	batch_lane_free(batch, 1);
	push(0, 1, 0);
	push(1, 2, 0);
	push(2, 3, 1);
	turn();
	assert_string_equal(started, "1:1;0:3;");
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "1:1;0:3;");
	batch_lane_free(batch, 1);
	turn();
	assert_string_equal(started, "1:1;0:3;1:2;");
}

/* Three lanes, batches of two, the ops' clock in the hands of the test. */
static void make_patient_batch(size_t ops_max)
{
	batch = batch_new(base, &(struct batch_config){.lanes = 3,
						       .ops_max = ops_max,
						       .queue_max = OPS - 1,
						       .classes = 1,
						       .patient = {true},
						       .start = record_start,
						       .clock = &test_clock});
	assert_non_null(batch);
	for (size_t lane = 0; lane < 3; lane++)
		batch_lane_free(batch, lane);
}

static void fewer_than_are_under_way_wait(void **state)
{
	(void)state;
	make_patient_batch(2);
	push(0, 1, 0);
	turn();
	push(1, 2, 0);
	turn();
	assert_string_equal(started, "2:1;1:2;");
	now = CLOCK_NS_PER_S;
	batch_lane_free(batch, 2); /* a batch takes a while, it is learnt */
	batch_lane_free(batch, 1);
	started[0] = '\0';
	push(2, 3, 0);
	push(3, 4, 0);
	turn();
	push(4, 5, 0);
	turn();
	assert_string_equal(started, "1:3,4;");
	batch_lane_free(batch, 1);
	turn();
	assert_string_equal(started, "1:3,4;1:5;");
}

static void patience_ends_when_the_first_op_has_waited_half_as_long_as_a_batch_takes(void **state)
{
	(void)state;
	make_patient_batch(2);
	push(0, 1, 0);
	turn();
	now = 80 * CLOCK_NS_PER_MS;
	batch_lane_free(batch, 2); /* an eighth of it is what a batch is said to take now: 10 ms */
	started[0] = '\0';
	push(1, 2, 0);
	push(2, 3, 0);
	turn();
	push(3, 4, 0);
	turn();
	assert_string_equal(started, "2:2,3;");
	now += 6 * CLOCK_NS_PER_MS;
	/* The timer runs by the real clock. */
	assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_string_equal(started, "2:2,3;1:4;");
}

/* The database has one batch to do while another of the same size gathers. */
static void as_many_as_are_under_way_take_another_lane(void **state)
{
	(void)state;
	make_patient_batch(4);
	push(0, 1, 0);
	turn();
	now = CLOCK_NS_PER_S;
	batch_lane_free(batch, 2); /* a batch takes long */
	started[0] = '\0';
	push(1, 2, 0);
	push(2, 3, 0);
	turn();
	push(3, 4, 0);
	turn();
	assert_string_equal(started, "2:2,3;");
	push(4, 5, 0);
	turn();
	assert_string_equal(started, "2:2,3;1:4,5;");
	/* Four are under way. */
	push(5, 6, 0);
	push(6, 7, 0);
	push(7, 8, 0);
	turn();
	assert_string_equal(started, "2:2,3;1:4,5;");
	batch_lane_free(batch, 2);
	turn();
	assert_string_equal(started, "2:2,3;1:4,5;2:6,7,8;");
}

static void a_batch_tried_again_whole_stays_a_batch(void **state)
{
	struct cart_op *again[] = {&ops[0], &ops[1]};

	(void)state;
	make_batch(1, 4, 1, false);
	push(0, 1, 0);
	push(1, 2, 0);
	batch_lane_free(batch, 0);
	turn();
	push(2, 3, 0);
	batch_retry_together(batch, again, 2, 0);
	assert_ptr_equal(batch_first(batch, 0), &ops[0]);
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:1,2;0:1,2,3;");
}

#define CROWD 3000

/* Thousands of changes of one cart, more than the queue has room for, take one place of a batch. */
static void a_cart_with_thousands_of_waiting_changes_delays_no_other(void **state)
{
	struct cart_op *crowd = calloc(CROWD, sizeof(*crowd));
	int taken = 0;

	(void)state;
	assert_non_null(crowd);
	make_batch(1, 8, 1, true);
	for (int i = 0; i < CROWD; i++) {
		crowd[i].type = CART_OP_CHANGE;
		crowd[i].id.bytes[0] = 9;
		crowd[i].submitted_ns = ++now;
		if (batch_push(batch, &crowd[i], 0) != CART_OK)
			break;
		taken++;
	}
	assert_int_equal(taken, OPS); /* one has its turn, as many wait as a queue holds */
	assert_string_equal(crowd[taken].reason, "15 changes of this cart are waiting already");
	push(0, 5, 0);
	push(1, 6, 0);
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:5,6,9;");
	push(2, 7, 0);
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:5,6,9;0:7,9;");
	for (int i = 2; i < taken; i++)
		assert_true(batch_remove(batch, &crowd[i]));
	batch_lane_free(batch, 0);
	free(crowd);
}

static void a_cart_may_hold_some_lanes_and_no_more(void **state)
{
	size_t lane;

	(void)state;
	make_batch(4, 1, 1, 2);
	for (int i = 0; i < 4; i++) {
		ops[i].type = CART_OP_CHANGE;
		push(i, i < 3 ? 9 : 5, 0);
	}
	for (size_t i = 0; i < 4; i++)
		batch_lane_free(batch, i);
	turn();
	assert_string_equal(started, "3:9;2:5;1:9;");
	/* What has been in a lane before may take the idle one. */
	assert_true(batch_lane_take(batch, 0, &lane));
	assert_int_equal(lane, 0);
	assert_false(batch_lane_take(batch, 0, &lane));
	batch_lane_free(batch, 3);
	turn();
	assert_string_equal(started, "3:9;2:5;1:9;3:9;");
	for (size_t i = 0; i < 4; i++)
		batch_lane_free(batch, i);
	turn();
	assert_int_equal(batch_queued(batch), 0);
}

/* Until the timer of a pause, which runs by the real clock, has started another batch. */
static void await_start(void)
{
	size_t len = strlen(started);

	while (strlen(started) == len)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void a_pause_holds_no_lane_but_the_later_changes_of_its_cart(void **state)
{
	(void)state;
	make_batch(1, 8, 1, true);
	push(0, 5, 0);
	push(1, 6, 0);
	batch_lane_free(batch, 0);
	turn();
	push(2, 5, 0);
	batch_retry_later(batch, &ops[0], 0, 5 * CLOCK_NS_PER_MS);
	batch_lane_free(batch, 0);
	turn();
	push(3, 7, 0);
	turn();
	assert_string_equal(started, "0:5,6;0:7;");
	assert_int_equal(batch_queued(batch), 2);
	batch_lane_free(batch, 0);
	now += 5 * CLOCK_NS_PER_MS;
	await_start();
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:5,6;0:7;0:5;0:5;");
}

static void a_pause_that_ends_before_its_lane_is_over_waits_for_it(void **state)
{
	(void)state;
	make_batch(2, 8, 1, true);
	push(0, 5, 0);
	batch_lane_free(batch, 0);
	turn();
	batch_lane_free(batch, 1);
	batch_retry_later(batch, &ops[0], 0, 0);
	push(1, 6, 0);
	now++;
	await_start();
	for (int i = 0; i < 3; i++)
		assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	assert_string_equal(started, "0:5;1:6;");
	batch_lane_free(batch, 0);
	turn();
	for (int i = 0; i < 100 && strlen(started) < strlen("0:5;1:6;0:5;"); i++)
		assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
	assert_string_equal(started, "0:5;1:6;0:5;");
}

static void who_waits_behind_a_pause_has_its_turn_when_that_ends_otherwise(void **state)
{
	(void)state;
	make_batch(1, 8, 1, true);
	push(0, 5, 0);
	batch_lane_free(batch, 0);
	turn();
	push(1, 5, 0);
	batch_retry_later(batch, &ops[0], 0, CLOCK_NS_PER_S);
	batch_lane_free(batch, 0);
	assert_true(batch_remove(batch, &ops[0]));
	turn();
	assert_string_equal(started, "0:5;0:5;");
	assert_int_equal(batch_queued(batch), 0);
}

static void what_waits_too_long_for_its_cart_is_told_apart(void **state)
{
	(void)state;
	make_batch(1, 8, 1, true);
	push(0, 5, 0);
	push(1, 5, 0);
	push(2, 5, 0);
	push(3, 6, 0);
	assert_ptr_equal(batch_take_stale_chained(batch, ops[1].submitted_ns, NULL), &ops[1]);
	assert_null(ops[1].held.next);
	assert_null(batch_take_stale_chained(batch, ops[1].submitted_ns, NULL));
	assert_ptr_equal(batch_take_stale(batch, ops[0].submitted_ns, NULL), &ops[0]);
	batch_lane_free(batch, 0);
	turn();
	assert_string_equal(started, "0:5,6;");
}

static void a_class_with_a_part_of_the_time_rests_while_others_work(void **state)
{
	(void)state;
	batch = batch_new(base, &(struct batch_config){.lanes = 1,
						       .ops_max = 1,
						       .queue_max = OPS - 1,
						       .classes = 2,
						       .time_part = {[1] = 4},
						       .start = record_start,
						       .clock = &test_clock});
	batch_lane_free(batch, 0);
	push(0, 1, 0);
	turn();
	batch_lane_free(batch, 0);
	push(1, 101, 1);
	push(2, 102, 1);
	turn();
	now += 2 * CLOCK_NS_PER_MS;
	batch_lane_free(batch, 0); /* and rests for 6 ms */
	turn();
	assert_string_equal(started, "0:1;0:101;");
	push(3, 2, 0);
	turn();
	assert_string_equal(started, "0:1;0:101;0:2;");
	batch_lane_free(batch, 0);
	now += 6 * CLOCK_NS_PER_MS;
	await_start(); /* by a timer, although nothing else happens */
	assert_string_equal(started, "0:1;0:101;0:2;0:102;");
	batch_lane_free(batch, 0);
	now += CLOCK_NS_PER_S; /* nobody else has used a lane for long */
	for (int i = 4; i < 6; i++) {
		push(i, (uint8_t)(100 + i), 1);
		turn();
		now += 2 * CLOCK_NS_PER_MS;
		batch_lane_free(batch, 0);
	}
	assert_string_equal(started, "0:1;0:101;0:2;0:102;0:104;0:105;");
}

/* Reads of carts of their own come faster than a lane takes them, for a while. */
static void make_overloaded(void)
{
	const struct batch_config config = {
		.lanes = 1,
		.ops_max = 1,
		.queue_max = 100,
		.delay_ns = CLOCK_NS_PER_MS,
		.classes = 1,
		.writes_a_cart = 1,
		.start = record_start,
		.clock = &test_clock,
	};

	batch = batch_new(base, &config);
	assert_non_null(batch);
}

static void what_waits_for_its_cart_is_not_limited(void **state)
{
	static struct cart_op reads[100];
	size_t taken = 0;

	(void)state;
	make_overloaded();
	push(0, 1, 0);
	push(1, 1, 0);
	for (size_t i = 0; i < 100; i++) {
		reads[i] = (struct cart_op){.type = CART_OP_GET, .deadline_ns = INT64_MAX};
		reads[i].id.bytes[0] = (uint8_t)(100 + i);
		reads[i].submitted_ns = now += 10 * CLOCK_NS_PER_MS;
		if (batch_push(batch, &reads[i], 0) != CART_OK)
			break;
		taken++;
	}
	/* The lane does not come up. */
	assert_in_range(taken, 64, 99);
	assert_non_null(strstr(reads[taken].reason, "overloaded"));
	ops[2].deadline_ns = ops[3].deadline_ns = INT64_MAX;
	push(2, 1, 0);
	ops[3].id.bytes[0] = 2;
	ops[3].submitted_ns = now;
	assert_int_equal(batch_push(batch, &ops[3], 0), CART_OK); /* adds have some room left */
	for (size_t i = 0; i < taken; i++)
		assert_true(batch_remove(batch, &reads[i]));
	for (int i = 0; i < 4; i++)
		assert_true(batch_remove(batch, &ops[i]));
	assert_int_equal(batch_limit(batch)->waiting[QUEUE_ADDS], 0);
	assert_int_equal(batch_limit(batch)->waiting[QUEUE_OTHERS], 0);
}

int main(void)
{
#define BATCH_TEST(test) cmocka_unit_test_setup_teardown(test, make_base, free_base)
	const struct CMUnitTest tests[] = {
		BATCH_TEST(nothing_starts_inside_push),
		BATCH_TEST(a_lone_op_waits_for_nothing),
		BATCH_TEST(what_queues_behind_a_busy_lane_goes_as_one_batch),
		BATCH_TEST(a_batch_is_sorted_by_cart),
		BATCH_TEST(a_second_write_for_a_cart_waits_for_the_next_batch),
		BATCH_TEST(reads_of_one_cart_share_a_batch),
		BATCH_TEST(a_batch_holds_one_class_and_the_oldest_goes_first),
		BATCH_TEST(a_failed_batch_is_tried_again_one_by_one_and_first),
		BATCH_TEST(an_op_is_removed_from_the_queue_but_not_from_a_lane),
		BATCH_TEST(a_full_queue_refuses),
		BATCH_TEST(what_waits_for_its_cart_is_not_limited),
		BATCH_TEST(a_cart_written_to_in_one_lane_occupies_no_other),
		BATCH_TEST(a_lane_that_is_over_holds_no_cart_and_takes_none),
		BATCH_TEST(a_class_leaves_the_lanes_beyond_its_limit_to_others),
		BATCH_TEST(fewer_than_are_under_way_wait),
		BATCH_TEST(
			patience_ends_when_the_first_op_has_waited_half_as_long_as_a_batch_takes),
		BATCH_TEST(as_many_as_are_under_way_take_another_lane),
		BATCH_TEST(a_batch_tried_again_whole_stays_a_batch),
		BATCH_TEST(a_lost_lane_gets_nothing_until_it_is_back),
		BATCH_TEST(a_cart_with_thousands_of_waiting_changes_delays_no_other),
		BATCH_TEST(a_cart_may_hold_some_lanes_and_no_more),
		BATCH_TEST(a_pause_holds_no_lane_but_the_later_changes_of_its_cart),
		BATCH_TEST(a_pause_that_ends_before_its_lane_is_over_waits_for_it),
		BATCH_TEST(who_waits_behind_a_pause_has_its_turn_when_that_ends_otherwise),
		BATCH_TEST(what_waits_too_long_for_its_cart_is_told_apart),
		BATCH_TEST(a_class_with_a_part_of_the_time_rests_while_others_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
