/*
 * Clocks that differ, on the backend that CART_BACKEND names. Ours is moved; the database's is the
 * server's, or the one that this process had at its start. Ours stands still while the other goes
 * on, so the limit leaves time for a slow test.
 */
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/rig.h"

#include <string.h>
#include <unistd.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS	  (1440 * MINUTE_MS)

static int start(void **state)
{
	static const char *const settings[] = {"clock.skew", "5m", NULL};

	*state = rig_start(&(struct rig_config){.skew = true, .set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

static void expect_refused(struct rig *f, struct cart_op op)
{
	bool refused = false;

	assert_int_equal(rig_run(f, 0, &op, &refused), CART_BUSY);
	assert_true(refused);
	cart_op_clear(&op);
}

static void expect_every_change_refused(struct rig *f, const struct cart_id *id)
{
	const struct cart_change add = ADD(1, 1);

	expect_refused(f, (struct cart_op){.type = CART_OP_CREATE,
					   .id = rig_id(f),
					   .customer_id = rig_customer(f),
					   .key = "k"});
	expect_refused(
		f, (struct cart_op){
			   .type = CART_OP_CHANGE, .id = *id, .changes = &add, .change_count = 1});
	expect_refused(
		f, (struct cart_op){.type = CART_OP_CHECKOUT, .id = *id, .order_id = rig_id(f)});
	expect_refused(f, (struct cart_op){.type = CART_OP_DELETE, .id = *id});
}

static void with_a_wrong_clock_reads_are_answered_and_changes_are_not(void **state)
{
	/* Forty days are longer than cart.ttl: by the wrong clock the cart has expired. */
	static const int64_t wrong_ms[] = {-40 * DAY_MS, -11 * MINUTE_MS, 11 * MINUTE_MS,
					   40 * DAY_MS};
	struct rig *f = *state;
	int64_t right_ms = clock_fake_now(&f->clock);
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	for (size_t i = 0; i < sizeof(wrong_ms) / sizeof(wrong_ms[0]); i++) {
		clock_fake_set(&f->clock, right_ms + wrong_ms[i]);
		expect_every_change_refused(f, &id);
		assert_int_equal(rig_quantity(f, &id, 1), 2 + (int64_t)i);
		clock_fake_set(&f->clock, right_ms);
		ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	}
}

/* A clock that was ahead for a while, and other carts that were made meanwhile. */
static void what_has_just_expired_is_still_there_by_the_right_clock(void **state)
{
	static const char *const settings[] = {"cart.ttl", "1h", "sweep.grace", "1h", NULL};
	struct rig *f = rig_start(&(struct rig_config){.set = settings});
	int64_t right_ms = clock_fake_now(&f->clock);
	struct cart_id id = rig_cart(f);
	/* Memory removes while it creates, from a few buckets at a time. */
	int others = strcmp(rig_backend_name(), "memory") == 0 ? 2000 : 10;

	*state = f;
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	clock_fake_set(&f->clock, right_ms + 90 * MINUTE_MS);
	ask(f, CART_NOT_FOUND, GET, .id = id);
	for (int i = 0; i < others; i++)
		rig_cart(f);
	clock_fake_set(&f->clock, right_ms + MINUTE_MS);
	assert_int_equal(rig_quantity(f, &id, 1), 2);
}

/* The first attempt goes through an instance that is 11 minutes behind, the repeat through a right
 * one. */
static void a_key_used_by_a_wrong_clock_is_applied_once(void **state)
{
	struct rig *f = *state;
	int64_t right_ms = clock_fake_now(&f->clock);
	struct cart_id id = rig_cart(f);
	const struct cart_change add = ADD(1, 1);

	clock_fake_set(&f->clock, right_ms - 11 * MINUTE_MS);
	expect_refused(f, (struct cart_op){.type = CART_OP_CHANGE,
					   .id = id,
					   .changes = &add,
					   .change_count = 1,
					   .key = "k"});
	clock_fake_set(&f->clock, right_ms);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)), .key = "k");
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)), .key = "k");
	assert_int_equal(rig_quantity(f, &id, 1), 1);
}

static bool has_clock(void)
{
	return strcmp(rig_backend_name(), "mysql") == 0 ||
	       strcmp(rig_backend_name(), "dynamodb") == 0;
}

/* The first answer of a database that has a clock shows it; no op is needed. */
static void a_clock_that_is_wrong_from_the_start_is_noticed(void **state)
{
	static const char *const settings[] = {"clock.skew", "5m", NULL};
	struct rig *f;

	*state = f = rig_start(
		&(struct rig_config){.skew = true, .ahead_ms = 32 * DAY_MS, .set = settings});
	if (has_clock()) {
		expect_refused(f, (struct cart_op){.type = CART_OP_CREATE,
						   .id = rig_id(f),
						   .customer_id = rig_customer(f)});
		clock_fake_advance(&f->clock, -32 * DAY_MS);
	}
	rig_cart(f);
}

/* The database's clock was wrong when it was read last, and nobody reads a cart since. */
static void a_clock_of_the_database_that_was_set_right_is_noticed_without_a_read(void **state)
{
	struct rig *f = *state;
	struct clock_reading wrong = {0};
	struct cart_id id = rig_cart(f);
	const struct cart_change add = ADD(1, 1);
	struct cart_op op = {.type = CART_OP_CHANGE, .id = id, .changes = &add, .change_count = 1};
	int64_t begin_ms = patience_ms();
	enum cart_result result;

	if (!has_clock())
		return;
	wrong.begin_ns = wrong.end_ns = clock_steady_ns(&f->clock.clock);
	wrong.from_ms = wrong.to_ms = clock_fake_now(&f->clock) + DAY_MS;
	clock_skew_read(&f->skew, &wrong);
	assert_true(clock_skew_is_beyond(&f->skew));
	do {
		bool refused = false;

		assert_true(patience_ms() - begin_ms < 5000);
		usleep(1000);
		result = rig_run(f, 0, &op, &refused);
		cart_op_clear(&op);
	} while (result == CART_BUSY);
	assert_int_equal(result, CART_OK);
}

static struct rig *rig_of_ntp;

static bool set_by_ntp(struct clock_reading *reading)
{
	int64_t now_ms = clock_fake_now(&rig_of_ntp->clock);

	reading->begin_ns = reading->end_ns = clock_steady_ns(&rig_of_ntp->clock.clock);
	reading->from_ms = reading->to_ms = now_ms;
	return true;
}

/* Wrong at the start and corrected later: a database that has a clock shows when they agree, and
 * where there is none the kernel knows that NTP has set ours. No restart is needed. */
static void a_clock_that_was_corrected_is_taken(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	if (has_clock())
		return;
	clock_fake_advance(&f->clock, DAY_MS);
	expect_every_change_refused(f, &id);
	rig_of_ntp = f;
	f->skew.ntp = set_by_ntp;
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	assert_int_equal(rig_quantity(f, &id, 1), 1);
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(with_a_wrong_clock_reads_are_answered_and_changes_are_not),
		cmocka_unit_test_teardown(what_has_just_expired_is_still_there_by_the_right_clock,
					  stop),
		ON(a_key_used_by_a_wrong_clock_is_applied_once),
		ON(a_clock_of_the_database_that_was_set_right_is_noticed_without_a_read),
		ON(a_clock_that_was_corrected_is_taken),
		cmocka_unit_test_teardown(a_clock_that_is_wrong_from_the_start_is_noticed, stop),
	};

	return cmocka_run_group_tests_name(rig_title("clocks that differ"), tests, NULL, NULL);
}
