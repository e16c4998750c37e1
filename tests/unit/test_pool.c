/* A loop's share of the lanes; ops that wait too long for one are refused, and counted. */
#include "core/pool.h"

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "tests/lib/cmocka.h"

#include <event2/event.h>
#include <string.h>

#define OPS	    4
#define WAIT_MAX_NS (50 * CLOCK_NS_PER_MS)

static struct event_base *base;
static struct metrics *metrics;
static struct pool_series series;
static struct pool pool;
static struct cart_op ops[OPS];
static int64_t now_ns;
static int ticks, refused, started;

static int64_t read_now(const struct cart_clock *clock)
{
	(void)clock;
	return now_ns;
}

static const struct cart_clock test_clock = {.monotonic_ns = read_now};

static void record_start(void *user, size_t lane, struct cart_op **taken, size_t count)
{
	(void)user;
	(void)lane;
	(void)taken;
	started += (int)count;
}

static bool waits_on(const struct cart_op *op)
{
	return op == &ops[1];
}

static void record_refused(struct cart_op *op, enum cart_result result)
{
	assert_int_equal(result, CART_BUSY);
	assert_string_equal(op->reason, "no connection came free within shelf.acquire_timeout");
	assert_null(op->held.next);
	refused++;
}

static void count_tick(void *user, int64_t tick_ns)
{
	assert_ptr_equal(user, &pool);
	assert_true(tick_ns == now_ns);
	ticks++;
}

static int setup(void **state)
{
	struct pool_config config = {
		.batch = {.lanes = 1,
			  .ops_max = 1,
			  .queue_max = OPS,
			  .classes = 1,
			  .start = record_start,
			  .user = &pool,
			  .clock = &test_clock},
		.series = &series,
		.wait_max_ns = WAIT_MAX_NS,
		.wait_setting = "shelf.acquire_timeout",
		.waits_on = waits_on,
		.complete = record_refused,
		.look_after = count_tick,
	};

	(void)state;
	now_ns = CLOCK_NS_PER_S;
	ticks = refused = started = 0;
	memset(ops, 0, sizeof(ops));
	base = event_base_new();
	metrics = metrics_new();
	pool_series_register(&series, metrics, "shelf");
	config.shard = metrics_shard_new(metrics);
	return pool_open(&pool, base, &config);
}

static int teardown(void **state)
{
	(void)state;
	pool_close(&pool);
	pool_close(&pool);
	event_base_free(base);
	metrics_free(&metrics);
	return 0;
}

static void push(size_t op)
{
	ops[op].submitted_ns = now_ns;
	assert_int_equal(batch_push(pool.batch, &ops[op], 0), CART_OK);
}

static void await_tick(void)
{
	int before = ticks;

	while (ticks == before)
		event_base_loop(base, EVLOOP_ONCE);
}

static void each_loop_gets_its_share_and_at_least_one(void **state)
{
	struct pool_lanes lanes;

	(void)state;
	pool_lanes_init(&lanes, 7, 3);
	assert_int_equal(pool_lanes_share(&lanes), 3);
	assert_int_equal(pool_lanes_share(&lanes), 2);
	assert_int_equal(pool_lanes_share(&lanes), 2);
	pool_lanes_init(&lanes, 1, 2);
	assert_int_equal(pool_lanes_share(&lanes), 1);
	assert_int_equal(pool_lanes_share(&lanes), 1);
	/* The number of loops is not known. */
	pool_lanes_init(&lanes, 7, 0);
	assert_int_equal(pool_lanes_share(&lanes), 7);
}

static void what_waits_too_long_is_refused_unless_it_is_to_wait_on(void **state)
{
	(void)state;
	push(0);
	push(1);
	now_ns += WAIT_MAX_NS / 2;
	push(2);
	await_tick();
	assert_int_equal(refused, 0);
	assert_int_equal(metrics_value(metrics, series.waiting), 3);
	now_ns += WAIT_MAX_NS / 2;
	await_tick();
	assert_int_equal(refused, 1);
	assert_int_equal(metrics_value(metrics, series.refused), 1);
	assert_int_equal(metrics_value(metrics, series.waiting), 2);
	assert_int_equal(started, 0);
	assert_true(batch_remove(pool.batch, &ops[1]));
	assert_true(batch_remove(pool.batch, &ops[2]));
	pool_close(&pool);
	assert_int_equal(metrics_value(metrics, series.waiting), 0);
}

static void an_op_that_was_tried_waits_anew(void **state)
{
	struct cart_op *again = &ops[0];

	(void)state;
	push(0);
	batch_lane_free(pool.batch, 0);
	while (started == 0)
		event_base_loop(base, EVLOOP_ONCE);
	now_ns += WAIT_MAX_NS;
	ops[0].started_ns = now_ns;
	batch_retry_together(pool.batch, &again, 1, 0);
	await_tick();
	assert_int_equal(refused, 0);
	now_ns += WAIT_MAX_NS;
	await_tick();
	assert_int_equal(refused, 1);
}

static void the_series_carry_the_backends_name(void **state)
{
	struct buf text = {0};

	(void)state;
	metrics_print(metrics, &text);
	assert_non_null(strstr(buf_string(&text), "cart_shelf_waiting 0\n"));
	assert_non_null(strstr(buf_string(&text), "cart_shelf_acquire_timeouts_total 0\n"));
	assert_non_null(strstr(buf_string(&text), "in shelf.acquire_timeout\n"));
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_loop_gets_its_share_and_at_least_one),
		cmocka_unit_test_setup_teardown(
			what_waits_too_long_is_refused_unless_it_is_to_wait_on, setup, teardown),
		cmocka_unit_test_setup_teardown(an_op_that_was_tried_waits_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(the_series_carry_the_backends_name, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
