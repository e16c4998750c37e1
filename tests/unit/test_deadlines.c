#include "core/deadlines.h"

#include "tests/lib/cmocka.h"

#include <event2/event.h>
#include <string.h>

#define OPS 200

static struct event_base *base;
static struct store_deadlines *deadlines;
static struct cart_op ops[OPS];
static struct cart_op *expired[OPS];
static size_t expired_count;
static int64_t now_ns;

static int64_t fake_monotonic_ns(const struct cart_clock *clock)
{
	(void)clock;
	return now_ns;
}

static const struct cart_clock fake_clock = {.monotonic_ns = fake_monotonic_ns};

static void record_expired(struct cart_op *op)
{
	expired[expired_count++] = op;
}

static int setup(void **state)
{
	(void)state;
	now_ns = 0;
	expired_count = 0;
	memset(ops, 0, sizeof(ops));
	base = event_base_new();
	deadlines = deadlines_new(base, &fake_clock, record_expired);
	return deadlines != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	deadlines_free(&deadlines);
	event_base_free(base);
	return 0;
}

static void add(size_t op, int64_t deadline_ns)
{
	ops[op].deadline_ns = deadline_ns;
	assert_true(deadlines_add(deadlines, &ops[op]));
}

static void ops_expire_in_order_and_not_before_their_time(void **state)
{
	(void)state;
	/* In an order that stirs the heap; all are past once the clock moves, but for the last. */
	for (size_t i = 0; i < OPS; i++)
		add((i * 37) % OPS, i == OPS - 1 ? INT64_MAX : (int64_t)((i * 73) % OPS));
	now_ns = OPS;
	assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
	assert_int_equal(expired_count, OPS - 1);
	for (size_t i = 1; i < expired_count; i++)
		assert_true(expired[i - 1]->deadline_ns <= expired[i]->deadline_ns);
	assert_int_equal(expired[0]->held.why, CART_TIMEOUT);
	deadlines_remove(deadlines, &ops[((OPS - 1) * 37) % OPS]);
}

static void what_is_removed_does_not_expire(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPS; i++)
		add(i, (int64_t)((i * 73) % OPS));
	for (size_t i = 0; i < OPS; i += 3)
		deadlines_remove(deadlines, &ops[i]);
	now_ns = OPS;
	assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
	assert_int_equal(expired_count, OPS - (OPS + 2) / 3);
	for (size_t i = 0; i < expired_count; i++)
		assert_true((expired[i] - ops) % 3 != 0);
}

static void a_hastened_op_expires_at_once_and_says_why(void **state)
{
	(void)state;
	add(0, INT64_MAX - 1);
	add(1, INT64_MAX - 2);
	deadlines_hasten(deadlines, &ops[0], CART_CANCELED);
	assert_int_equal(expired_count, 0);
	assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
	assert_int_equal(expired_count, 1);
	assert_ptr_equal(expired[0], &ops[0]);
	assert_int_equal(ops[0].held.why, CART_CANCELED);
	deadlines_remove(deadlines, &ops[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ops_expire_in_order_and_not_before_their_time,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_removed_does_not_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hastened_op_expires_at_once_and_says_why, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
