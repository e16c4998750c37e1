/* How often a caller may ask, by a clock of the test's own. */
#include "core/base/clock.h"
#include "server/access/rates.h"

#include "tests/lib/cmocka.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define S  CLOCK_NS_PER_S
#define MS CLOCK_NS_PER_MS

static struct rates *rates;
static int64_t now_ns;

static void make(int64_t per_s, int64_t burst)
{
	rates_free(&rates);
	rates = rates_new(per_s, burst);
	now_ns = 1000 * S;
}

static int free_rates(void **state)
{
	(void)state;
	rates_free(&rates);
	return 0;
}

static int64_t take(const char *caller)
{
	return rates_take(rates, caller, strlen(caller), now_ns);
}

/* How many of so many are taken. */
static int take_many(const char *caller, int count)
{
	int taken = 0;

	while (count-- > 0)
		taken += take(caller) == 0;
	return taken;
}

static void a_burst_and_then_the_rate(void **state)
{
	(void)state;
	make(10, 5);
	assert_int_equal(take_many("a", 8), 5);
	assert_int_equal(take("a"), 100 * MS);
	now_ns += 100 * MS - 1;
	assert_int_equal(take("a"), 1);
	now_ns += 1;
	assert_int_equal(take_many("a", 2), 1);
	now_ns += 300 * MS;
	assert_int_equal(take_many("a", 8), 3);
	now_ns += 3600 * S;
	assert_int_equal(take_many("a", 8), 5);
}

static void at_its_rate_a_caller_is_never_refused(void **state)
{
	(void)state;
	make(7, 1);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(take("a"), 0);
		now_ns += S / 7;
	}
}

static void a_refused_request_costs_nothing(void **state)
{
	(void)state;
	make(10, 1);
	assert_int_equal(take_many("a", 1000), 1);
	now_ns += 100 * MS;
	assert_int_equal(take("a"), 0);
}

static void callers_do_not_share(void **state)
{
	(void)state;
	make(10, 2);
	assert_int_equal(take_many("a", 100), 2);
	assert_int_equal(take_many("b", 100), 2);
	assert_int_equal(take_many("aa", 100), 2);
	assert_int_equal(take_many("", 100), 2);
	assert_int_equal(take_many("12345678", 100), 2);
	assert_int_equal(rates_take(rates, "12345678\0", 9, now_ns), 0);
}

static void a_crowd_does_not_free_who_is_over_the_rate(void **state)
{
	char name[20];

	(void)state;
	make(10, 5);
	assert_int_equal(take_many("greedy", 100), 5);
	/* Many times as many as the table holds. */
	for (int i = 0; i < 1000000; i++) {
		snprintf(name, sizeof(name), "address %d", i);
		assert_int_equal(take(name), 0);
	}
	assert_true(take("greedy") > 0);
}

static void rates_of_a_million_a_second_are_kept(void **state)
{
	(void)state;
	make(1000000, 1000000);
	assert_int_equal(take_many("a", 1500000), 1000000);
	now_ns += MS;
	assert_int_equal(take_many("a", 2000), 1000);
}

#define THREADS 4
#define EACH	100000

static atomic_int taken;

static void *take_on_a_thread(void *user)
{
	int count = 0;

	(void)user;
	for (int i = 0; i < EACH; i++)
		count += take("shared") == 0;
	atomic_fetch_add(&taken, count);
	return NULL;
}

static void loops_share_a_callers_rate(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	make(1000, 1000);
	atomic_store(&taken, 0);
	/* Its place is there. */
	assert_int_equal(take("shared"), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_on_a_thread, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&taken), 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_burst_and_then_the_rate, free_rates),
		cmocka_unit_test_teardown(at_its_rate_a_caller_is_never_refused, free_rates),
		cmocka_unit_test_teardown(a_refused_request_costs_nothing, free_rates),
		cmocka_unit_test_teardown(callers_do_not_share, free_rates),
		cmocka_unit_test_teardown(a_crowd_does_not_free_who_is_over_the_rate, free_rates),
		cmocka_unit_test_teardown(rates_of_a_million_a_second_are_kept, free_rates),
		cmocka_unit_test_teardown(loops_share_a_callers_rate, free_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
