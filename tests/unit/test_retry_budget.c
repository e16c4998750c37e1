/* The budget of retries: what it allows, what fills it, and that threads lose no token. */
#include "core/base/retry_budget.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/rng.h"

#include <pthread.h>

#define DRAWS 20000
#define ROOM  500
#define MS    1000 /* us */

static void a_budget_bounds_retries(void **state)
{
	struct retry_budget budget;
	int count = 0;

	(void)state;
	retry_budget_init(&budget, ROOM);
	while (retry_budget_spend(&budget, 5))
		count++;
	assert_int_equal(count, ROOM / 5);
	assert_int_equal(atomic_load(&budget.tokens), 0);
	/* What is too little is left alone. */
	retry_budget_earn(&budget, 4);
	assert_false(retry_budget_spend(&budget, 5));
	assert_int_equal(atomic_load(&budget.tokens), 4);
}

static void successes_fill_the_budget_and_never_more(void **state)
{
	struct retry_budget budget;

	(void)state;
	retry_budget_init(&budget, ROOM);
	retry_budget_earn(&budget, 1);
	assert_int_equal(atomic_load(&budget.tokens), ROOM);
	assert_true(retry_budget_spend(&budget, 15));
	retry_budget_earn(&budget, 10);
	assert_int_equal(atomic_load(&budget.tokens), ROOM - 5);
	retry_budget_earn(&budget, 10);
	assert_int_equal(atomic_load(&budget.tokens), ROOM);
}

static void *spend_and_earn(void *user)
{
	struct retry_budget *budget = user;

	for (int i = 0; i < DRAWS; i++)
		if (retry_budget_spend(budget, 5))
			retry_budget_earn(budget, 5);
	return NULL;
}

static void no_token_is_lost_between_threads(void **state)
{
	struct retry_budget budget;
	pthread_t threads[4];

	(void)state;
	retry_budget_init(&budget, ROOM);
	assert_true(retry_budget_spend(&budget, ROOM - 10));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, spend_and_earn, &budget), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&budget.tokens), 10);
}

/* Full jitter: anything from nothing to the limit, all of it. */
static void assert_spread(unsigned tries, int64_t limit_ms)
{
	struct rng rng = {.state = 7};
	int64_t least = INT64_MAX, most = 0;

	for (int i = 0; i < DRAWS; i++) {
		int64_t us = retry_pause_us(25, 1000, tries, rng_next(&rng));

		least = us < least ? us : least;
		most = us > most ? us : most;
	}
	assert_true(least >= 0 && least < limit_ms * MS / 100);
	assert_true(most < limit_ms * MS && most > limit_ms * MS * 99 / 100);
}

static void pauses_are_random_up_to_a_limit_that_doubles(void **state)
{
	(void)state;
	assert_spread(1, 25);
	assert_spread(2, 50);
	assert_spread(5, 400);
	assert_spread(7, 1000);
	assert_spread(4000000000, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_budget_bounds_retries),
		cmocka_unit_test(successes_fill_the_budget_and_never_more),
		cmocka_unit_test(no_token_is_lost_between_threads),
		cmocka_unit_test(pauses_are_random_up_to_a_limit_that_doubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
