/* When a call is tried again: pauses, what errors mean, and what a retry costs. */
#include "backends/dynamodb/wire/retry.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rng.h"

#include <string.h>

#define DRAWS	     20000
#define MS	     1000 /* us */
#define EVERY(list_) sizeof(list_) / sizeof(list_[0])

#define NO_HURRY (INT64_C(3600) * 1000 * MS)

/* The least and the most of many pauses with so much time left. */
static void draw_within(enum ddb_retry why, int tries, int64_t asked_ms, int64_t left_us,
			int64_t *least, int64_t *most)
{
	struct rng rng = {.state = 7};

	*least = INT64_MAX;
	*most = INT64_MIN;
	for (int i = 0; i < DRAWS; i++) {
		int64_t us = ddb_retry_pause_us(why, tries, asked_ms, left_us, rng_next(&rng));

		*least = us < *least ? us : *least;
		*most = us > *most ? us : *most;
	}
}

static void draw(enum ddb_retry why, int tries, int64_t asked_ms, int64_t *least, int64_t *most)
{
	draw_within(why, tries, asked_ms, NO_HURRY, least, most);
}

/* Full jitter: anything from nothing to the limit, all of it. */
static void assert_spread(enum ddb_retry why, int tries, int64_t limit_ms)
{
	int64_t least, most;

	draw(why, tries, -1, &least, &most);
	if (least < 0 || least > limit_ms * MS / 100 || most >= limit_ms * MS ||
	    most < limit_ms * MS / 100 * 99)
		fail_msg("cause %d, try %d: %d to %d us, of %d ms", (int)why, tries, (int)least,
			 (int)most, (int)limit_ms);
}

static void pauses_are_random_up_to_a_limit_that_doubles(void **state)
{
	static const enum ddb_retry causes[] = {DDB_RETRY_SERVER, DDB_RETRY_CONNECTION,
						DDB_RETRY_TIMEOUT, DDB_RETRY_ANSWER,
						DDB_RETRY_CONFLICT};

	(void)state;
	for (size_t i = 0; i < EVERY(causes); i++) {
		assert_spread(causes[i], 1, 25);
		assert_spread(causes[i], 2, 50);
		assert_spread(causes[i], 3, 100);
	}
}

static void throttled_calls_pause_longer(void **state)
{
	(void)state;
	assert_spread(DDB_RETRY_THROTTLED, 1, 50);
	assert_spread(DDB_RETRY_THROTTLED, 2, 100);
	assert_spread(DDB_RETRY_THROTTLED, 3, 200);
}

static void pauses_have_an_end(void **state)
{
	(void)state;
	assert_spread(DDB_RETRY_SERVER, 30, 1000);
	assert_spread(DDB_RETRY_THROTTLED, 1000000, 1000);
}

static void a_corrected_clock_needs_no_pause(void **state)
{
	(void)state;
	assert_true(ddb_retry_pause_us(DDB_RETRY_SKEW, 1, -1, NO_HURRY, 123456789) == 0);
}

static void what_the_service_asks_for_is_the_least_up_to_a_bound(void **state)
{
	int64_t least, most;

	(void)state;
	draw(DDB_RETRY_SERVER, 1, 300, &least, &most);
	assert_true(least == 300 * MS && most == 300 * MS);
	draw(DDB_RETRY_THROTTLED, 6, 300, &least, &most);
	assert_true(least == 300 * MS && most > 990 * MS && most < 1000 * MS);
	draw(DDB_RETRY_SERVER, 1, 3600 * INT64_C(1000), &least, &most);
	assert_true(least == 5000 * MS && most == 5000 * MS);
	draw(DDB_RETRY_SERVER, 1, 0, &least, &most);
	assert_true(least < MS && most > 24 * MS);
}

static void a_pause_leaves_half_of_the_time_for_the_try_behind_it(void **state)
{
	int64_t least, most;

	(void)state;
	draw_within(DDB_RETRY_THROTTLED, 5, -1, 600 * MS, &least, &most);
	assert_true(most == 300 * MS && least < 300 * MS);
	/* What the service asks for is kept, or there is no other try. */
	draw_within(DDB_RETRY_THROTTLED, 1, 500, 600 * MS, &least, &most);
	assert_true(least == 500 * MS && most == 500 * MS);
	draw_within(DDB_RETRY_THROTTLED, 1, 600, 600 * MS, &least, &most);
	assert_true(least == -1 && most == -1);
	draw_within(DDB_RETRY_SERVER, 1, -1, 20 * MS, &least, &most);
	assert_true(least == -1 && most == -1);
	draw_within(DDB_RETRY_SKEW, 1, -1, 0, &least, &most);
	assert_true(least == -1 && most == -1);
}

struct meaning {
	const char *type;
	long status;
	enum ddb_try outcome;
	enum ddb_retry why; /* where it is REFUSED or LOST */
};

static void errors_mean_what_they_say_about_the_change(void **state)
{
	static const struct meaning meanings[] = {
		{"ConditionalCheckFailedException", 400, DDB_TRY_CONDITION, 0},
		{"ProvisionedThroughputExceededException", 400, DDB_TRY_REFUSED,
		 DDB_RETRY_THROTTLED},
		{"ThrottlingException", 400, DDB_TRY_REFUSED, DDB_RETRY_THROTTLED},
		{"RequestLimitExceeded", 400, DDB_TRY_REFUSED, DDB_RETRY_THROTTLED},
		{"SlowDown", 503, DDB_TRY_REFUSED, DDB_RETRY_THROTTLED},
		{"", 429, DDB_TRY_REFUSED, DDB_RETRY_THROTTLED},
		{"TransactionConflictException", 400, DDB_TRY_REFUSED, DDB_RETRY_CONFLICT},
		{"ReplicatedWriteConflictException", 400, DDB_TRY_REFUSED, DDB_RETRY_CONFLICT},
		{"RequestTimeTooSkewed", 403, DDB_TRY_REFUSED, DDB_RETRY_SKEW},
		{"RequestExpired", 400, DDB_TRY_REFUSED, DDB_RETRY_SKEW},
		{"InvalidSignatureException", 400, DDB_TRY_REFUSED, DDB_RETRY_SKEW},
		{"ExpiredTokenException", 400, DDB_TRY_REFUSED, DDB_RETRY_CREDENTIALS},
		{"UnrecognizedClientException", 400, DDB_TRY_REFUSED, DDB_RETRY_CREDENTIALS},
		{"InternalServerError", 500, DDB_TRY_LOST, DDB_RETRY_SERVER},
		{"ServiceUnavailable", 503, DDB_TRY_LOST, DDB_RETRY_SERVER},
		{"", 502, DDB_TRY_LOST, DDB_RETRY_SERVER},
		{"", 504, DDB_TRY_LOST, DDB_RETRY_SERVER},
		{"ValidationException", 400, DDB_TRY_REJECTED, 0},
		{"AccessDeniedException", 400, DDB_TRY_REJECTED, 0},
		{"ResourceNotFoundException", 400, DDB_TRY_REJECTED, 0},
		{"ItemCollectionSizeLimitExceededException", 400, DDB_TRY_REJECTED, 0},
		{"", 400, DDB_TRY_REJECTED, 0},
		{"", 307, DDB_TRY_REJECTED, 0},
	};

	(void)state;
	for (size_t i = 0; i < EVERY(meanings); i++) {
		const struct meaning *m = &meanings[i];
		enum ddb_retry why = DDB_RETRIES;
		enum ddb_try outcome = ddb_classify(m->type, m->status, &why);

		if (outcome != m->outcome ||
		    ((outcome == DDB_TRY_REFUSED || outcome == DDB_TRY_LOST) && why != m->why))
			fail_msg("%s, %d: %d for %d", m->type, (int)m->status, (int)outcome,
				 (int)why);
	}
}

/* Retries that a full budget allows when nothing succeeds. */
static int spend_all(enum ddb_retry why)
{
	struct ddb_shared shared;
	int count = 0;

	ddb_shared_init(&shared);
	while (retry_budget_spend(&shared.budget, ddb_retry_tokens(why)))
		count++;
	return count;
}

static void the_budget_allows_100_retries_and_timeouts_cost_double(void **state)
{
	(void)state;
	assert_int_equal(spend_all(DDB_RETRY_SERVER), 100);
	assert_int_equal(spend_all(DDB_RETRY_TIMEOUT), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_are_random_up_to_a_limit_that_doubles),
		cmocka_unit_test(throttled_calls_pause_longer),
		cmocka_unit_test(pauses_have_an_end),
		cmocka_unit_test(a_corrected_clock_needs_no_pause),
		cmocka_unit_test(what_the_service_asks_for_is_the_least_up_to_a_bound),
		cmocka_unit_test(a_pause_leaves_half_of_the_time_for_the_try_behind_it),
		cmocka_unit_test(errors_mean_what_they_say_about_the_change),
		cmocka_unit_test(the_budget_allows_100_retries_and_timeouts_cost_double),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
