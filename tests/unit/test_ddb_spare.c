/* What the store keeps when a burst is over. */
#include "backends/dynamodb/store/task.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_rig.h"
#include "tests/lib/ids.h"

#include <stdio.h>

#define BURST	12
#define LATER_S 11 /* more than a spare task is kept for */

static struct ddb_rig r;
static struct ddb_rig_op ops[BURST];

static int setup(void **state)
{
	static const char *const set[] = {"dynamodb.connections", "16", NULL};

	(void)state;
	ddb_rig_start_stub(&r);
	ddb_rig_start(&r, 1, set);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ddb_rig_stop(&r);
	return 0;
}

static struct ddb_store *store(void)
{
	return (struct ddb_store *)r.rig->loops[0].store;
}

static void count_spare(void *user)
{
	*(size_t *)user = store()->spare_count;
}

/* The tick's work, so many seconds from now. */
static void trim(void *user)
{
	const int *seconds = user;

	ddb_tasks_trim(store(), clock_monotonic_ns(&cart_clock_system) + *seconds * CLOCK_NS_PER_S);
}

static size_t spare_after(int seconds)
{
	size_t spare;

	if (seconds > 0)
		rig_call(r.rig, 0, trim, &seconds);
	rig_call(r.rig, 0, count_spare, &spare);
	return spare;
}

/* So many creates under way at once. */
static void burst(int count)
{
	_Atomic int done = 0;

	ddb_stub_clear(&r.stub);
	/* No answer before all of them are there. */
	for (int i = 0; i < count; i++)
		ddb_stub_add(&r.stub, (struct ddb_stub_rule){.operation = "PutItem",
							     .times = 1,
							     .apply = true,
							     .delay_ms = 300});
	for (int i = 0; i < count; i++) {
		ops[i] = (struct ddb_rig_op){.op = {.type = CART_OP_CREATE,
						    .id = rig_id(r.rig),
						    .customer_id = id_of(7)}};
		ddb_rig_submit(&r, &ops[i], &done);
	}
	rig_await(&done, count, "the creates");
	for (int i = 0; i < count; i++) {
		assert_int_equal(ops[i].op.result, CART_OK);
		cart_op_clear(&ops[i].op);
	}
}

static void tasks_that_only_a_burst_needed_are_freed(void **state)
{
	(void)state;
	burst(BURST);
	assert_int_equal(spare_after(0), BURST);
	/* The burst was in this time: only one has ever been without work. */
	assert_int_equal(spare_after(LATER_S), BURST);
	burst(3);
	assert_int_equal(spare_after(2 * LATER_S), 3);
	/* Nobody has come since. */
	assert_int_equal(spare_after(3 * LATER_S), 1);
	assert_int_equal(spare_after(4 * LATER_S), 1);
	burst(2);
	assert_int_equal(spare_after(0), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tasks_that_only_a_burst_needed_are_freed, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
