/* How far two clocks are apart, and what is proven of it. */
#include "core/base/clock_skew.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/cmocka.h"

#define WALL_MS	 INT64_C(1800000000000)
#define LIMIT_MS 10000
#define S_NS	 CLOCK_NS_PER_S

static struct clock_fake clock;
static struct clock_skew skew;

static int setup(void **state)
{
	(void)state;
	clock_fake_init(&clock, WALL_MS);
	clock_fake_hold_monotonic(&clock, 1000 * S_NS);
	clock_skew_init(&skew, &clock.clock, LIMIT_MS);
	return 0;
}

/* The database's clock showed a time between those, within so many seconds before now. */
static void read_clock(int64_t from_ms, int64_t to_ms, int64_t took_s)
{
	int64_t now_ns = clock_steady_ns(&clock.clock);

	clock_skew_read(&skew, &(struct clock_reading){.begin_ns = now_ns - took_s * S_NS,
						       .end_ns = now_ns,
						       .from_ms = from_ms,
						       .to_ms = to_ms});
}

/* Both clocks run. */
static void pass(int64_t s)
{
	clock_fake_hold_monotonic(&clock, clock_steady_ns(&clock.clock) + s * S_NS);
	clock_fake_advance(&clock, s * 1000);
}

static void without_a_reading_a_jump_of_our_clock_is_the_skew(void **state)
{
	(void)state;
	pass(100000);
	assert_int_equal(clock_skew_ms(&skew), 0);
	assert_false(clock_skew_is_beyond(&skew));
	clock_fake_advance(&clock, -40 * INT64_C(86400000));
	assert_int_equal(clock_skew_ms(&skew), -40 * INT64_C(86400000));
	assert_true(clock_skew_is_beyond(&skew));
	clock_fake_advance(&clock, 40 * INT64_C(86400000) + LIMIT_MS);
	assert_false(clock_skew_is_beyond(&skew));
	clock_fake_advance(&clock, 1);
	assert_true(clock_skew_is_beyond(&skew));
}

static void a_reading_says_what_the_skew_is_until_the_next(void **state)
{
	(void)state;
	read_clock(WALL_MS - 660000, WALL_MS - 660000, 0);
	assert_int_equal(clock_skew_ms(&skew), 660000);
	pass(3600);
	assert_int_equal(clock_skew_ms(&skew), 660000);
	read_clock(WALL_MS + 3600000, WALL_MS + 3600000, 0);
	assert_int_equal(clock_skew_ms(&skew), 0);
}

static void a_reading_moves_the_skew_no_further_than_it_proves(void **state)
{
	(void)state;
	/* In whole seconds, and the answer took 3 s: it may have been now. */
	read_clock(WALL_MS - 3000, WALL_MS - 2001, 3);
	assert_int_equal(clock_skew_ms(&skew), 0);
	read_clock(WALL_MS - 500, WALL_MS + 499, 0);
	assert_int_equal(clock_skew_ms(&skew), 0);
	/* The database's clock is at least 2 s ahead, or at least 2 s behind. */
	read_clock(WALL_MS + 2000, WALL_MS + 2999, 1);
	assert_int_equal(clock_skew_ms(&skew), -2000);
	read_clock(WALL_MS - 5999, WALL_MS - 5000, 3);
	assert_int_equal(clock_skew_ms(&skew), 2000);
}

static bool ntp_keeps_clock;
static int64_t ntp_ms;

static bool fake_ntp(struct clock_reading *reading)
{
	*reading = (struct clock_reading){clock_steady_ns(&clock.clock),
					  clock_steady_ns(&clock.clock), ntp_ms - 20, ntp_ms + 20};
	return ntp_keeps_clock;
}

static void a_correction_by_ntp_is_taken_where_the_database_has_no_clock(void **state)
{
	bool beyond;

	(void)state;
	skew.ntp = fake_ntp;
	ntp_ms = WALL_MS + 86400000;
	clock_fake_set(&clock, ntp_ms);
	/* Somebody has set the clock, nobody knows whether it is right. */
	ntp_keeps_clock = false;
	clock_skew_set_local(&skew);
	assert_true(clock_skew_is_beyond(&skew));
	assert_int_equal(clock_skew_now_ms(&skew, &clock.clock, &beyond), WALL_MS);
	assert_true(beyond);
	/* NTP keeps the kernel's clock, but the one that we see is another. */
	ntp_keeps_clock = true;
	ntp_ms = WALL_MS + 500;
	assert_int_equal(clock_skew_now_ms(&skew, &clock.clock, &beyond), ntp_ms - 20);
	assert_true(beyond);
	/* It is ours, and keeps it. */
	ntp_ms = WALL_MS + 86400000;
	assert_int_equal(clock_skew_now_ms(&skew, &clock.clock, &beyond), ntp_ms);
	assert_false(beyond);
	assert_in_range(clock_skew_ms(&skew), 0, 20);
	/* Later it is set wrong by hand, which ends the kernel's trust in it. */
	ntp_keeps_clock = false;
	clock_fake_advance(&clock, -86400000);
	assert_true(clock_skew_is_beyond(&skew));
}

/* Ours may be right, and the database's wrong: expiry is decided by both. */
static void ntp_proves_nothing_of_a_database_with_a_clock(void **state)
{
	(void)state;
	skew.ntp = fake_ntp;
	ntp_keeps_clock = true;
	ntp_ms = WALL_MS;
	read_clock(WALL_MS - 660000, WALL_MS - 660000, 0);
	assert_true(clock_skew_is_beyond(&skew));
	assert_int_equal(clock_skew_ms(&skew), 660000);
}

/* Whether NTP keeps this machine's clock or not: a clock that agrees with the kernel's stays so. */
static void the_kernel_can_be_asked(void **state)
{
	struct clock_reading reading;
	int64_t now_ms;

	(void)state;
	clock_skew_init(&skew, &cart_clock_system, LIMIT_MS);
	assert_non_null(skew.ntp);
	if (!skew.ntp(&reading))
		return;
	now_ms = clock_wall_ms(&cart_clock_system);
	assert_true(reading.from_ms <= now_ms);
	assert_true(reading.begin_ns <= reading.end_ns);
	assert_true(reading.to_ms - reading.from_ms <= 2 * 16002);
}

static void no_limit_is_never_passed_and_nobody_needs_ask(void **state)
{
	(void)state;
	skew.limit_ms = 0;
	read_clock(1000, 1000, 0);
	assert_int_equal(clock_skew_ms(&skew), WALL_MS - 1000);
	assert_false(clock_skew_is_beyond(&skew));
	assert_false(clock_skew_is_beyond(NULL));
	clock_skew_read(NULL, &(struct clock_reading){0});
}

static void the_log_has_each_change_once_with_the_figure(void **state)
{
	(void)state;
	captured_log_start();
	for (int round = 0; round < 3; round++) {
		clock_fake_advance(&clock, 660204);
		for (int i = 0; i < 5; i++)
			assert_true(clock_skew_is_beyond(&skew));
		clock_fake_advance(&clock, -660204);
		for (int i = 0; i < 5; i++)
			assert_false(clock_skew_is_beyond(&skew));
	}
	assert_int_equal(captured_log_count("not ready, and changes are refused"), 3);
	assert_int_equal(captured_log_count("ahead_s=660.204"), 3);
	assert_int_equal(captured_log_count("agrees with the database's again"), 3);
	captured_log_stop();
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_reading_a_jump_of_our_clock_is_the_skew),
		TEST(a_reading_says_what_the_skew_is_until_the_next),
		TEST(a_reading_moves_the_skew_no_further_than_it_proves),
		TEST(a_correction_by_ntp_is_taken_where_the_database_has_no_clock),
		TEST(ntp_proves_nothing_of_a_database_with_a_clock),
		TEST(the_kernel_can_be_asked),
		TEST(no_limit_is_never_passed_and_nobody_needs_ask),
		TEST(the_log_has_each_change_once_with_the_figure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
