#include "backends/mysql/hosts.h"
#include "core/base/clock.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rng.h"

#include <stdio.h>
#include <string.h>

/* Time is a number here. */
static int64_t now_ns;
static struct sql_hosts hosts;
static struct sql_try attempt;
static int64_t retry_ns;

static void start(size_t count, bool one)
{
	now_ns = 1000 * CLOCK_NS_PER_S;
	sql_hosts_init(&hosts, count, one);
}

static void pass_ms(int64_t ms)
{
	now_ns += ms * CLOCK_NS_PER_MS;
}

static enum sql_turn next(void)
{
	return sql_hosts_next(&hosts, now_ns, &attempt, &retry_ns);
}

/* The next turn is a try at that host. */
static struct sql_try try_at(size_t host)
{
	assert_int_equal(next(), SQL_TURN_TRY);
	assert_int_equal(attempt.host, host);
	return attempt;
}

static bool done(struct sql_try tried, enum sql_outcome outcome)
{
	return sql_hosts_done(&hosts, &tried, outcome, now_ns, 0);
}

/* A whole try at the host whose turn it must be. */
static bool connect_to(size_t host, enum sql_outcome outcome)
{
	return done(try_at(host), outcome);
}

static void the_first_host_that_accepts_writes_is_the_writer(void **state)
{
	(void)state;
	start(3, true);
	assert_int_equal(hosts.epoch, 0);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.chosen, 1);
	assert_int_equal(hosts.epoch, 1);
	assert_int_equal(sql_hosts_open(&hosts), 1);
}

static void the_writer_stays_though_an_earlier_host_could_be_tried_again(void **state)
{
	(void)state;
	start(2, true);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	pass_ms(3600 * 1000);
	for (int i = 0; i < 10; i++)
		assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 1);
}

static void a_failed_connect_moves_the_writer_and_begins_an_epoch(void **state)
{
	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	assert_int_equal(hosts.chosen, SQL_NO_HOST);
	assert_int_equal(hosts.epoch, 1);
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 2);
}

static void the_same_writer_again_is_the_same_epoch(void **state)
{
	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	assert_false(connect_to(1, SQL_OUTCOME_BAD));
	assert_int_equal(next(), SQL_TURN_NONE);
	pass_ms(SQL_BREAKER_MIN_MS);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 1);
}

static void going_back_to_an_earlier_writer_is_an_epoch_of_its_own(void **state)
{
	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_false(connect_to(1, SQL_OUTCOME_BAD));
	pass_ms(SQL_BREAKER_MIN_MS);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 3);
}

static void while_one_elects_the_others_wait(void **state)
{
	struct sql_try elector;

	(void)state;
	start(2, true);
	elector = try_at(0);
	assert_int_equal(next(), SQL_TURN_WAIT);
	assert_false(done(elector, SQL_OUTCOME_BAD));
	elector = try_at(1);
	assert_int_equal(next(), SQL_TURN_WAIT);
	assert_true(done(elector, SQL_OUTCOME_GOOD));
	assert_int_equal(next(), SQL_TURN_TRY);
	assert_int_equal(next(), SQL_TURN_TRY);
	assert_int_equal(attempt.host, 1);
}

static void a_proven_writer_is_connected_to_by_many_at_once(void **state)
{
	struct sql_try many[5];

	(void)state;
	start(1, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	for (int i = 0; i < 5; i++)
		many[i] = try_at(0);
	for (int i = 0; i < 5; i++)
		assert_true(done(many[i], SQL_OUTCOME_GOOD));
}

static void a_breaker_opens_for_twice_as_long_each_time_up_to_a_quarter_second(void **state)
{
	static const int64_t expected_ms[] = {100, 200, 250, 250, 250, 250, 250};

	(void)state;
	start(1, true);
	for (size_t i = 0; i < 7; i++) {
		struct sql_try tried = try_at(0);
		uint64_t most = (uint64_t)(expected_ms[i] * CLOCK_NS_PER_MS / 2);

		assert_false(sql_hosts_done(&hosts, &tried, SQL_OUTCOME_BAD, now_ns, most));
		assert_int_equal(next(), SQL_TURN_NONE);
		assert_int_equal(retry_ns - now_ns, expected_ms[i] * CLOCK_NS_PER_MS);
		pass_ms(expected_ms[i] - 1);
		assert_int_equal(next(), SQL_TURN_NONE);
		pass_ms(1);
	}
	for (int i = 0; i < 100; i++) {
		assert_false(connect_to(0, SQL_OUTCOME_BAD));
		pass_ms(SQL_BREAKER_MAX_MS);
	}
}

static void the_jitter_takes_up_to_half(void **state)
{
	struct rng rng = {1};
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	start(1, true);
	for (int i = 0; i < 1000; i++) {
		struct sql_try tried;

		start(1, true);
		tried = try_at(0);
		assert_false(
			sql_hosts_done(&hosts, &tried, SQL_OUTCOME_BAD, now_ns, rng_next(&rng)));
		assert_int_equal(next(), SQL_TURN_NONE);
		if (retry_ns - now_ns < least)
			least = retry_ns - now_ns;
		if (retry_ns - now_ns > most)
			most = retry_ns - now_ns;
	}
	assert_in_range(least, 50 * CLOCK_NS_PER_MS, 55 * CLOCK_NS_PER_MS);
	assert_in_range(most, 95 * CLOCK_NS_PER_MS, 100 * CLOCK_NS_PER_MS);
}

static void a_success_forgets_earlier_failures(void **state)
{
	(void)state;
	start(1, true);
	for (int i = 0; i < 5; i++) {
		assert_false(connect_to(0, SQL_OUTCOME_BAD));
		pass_ms(SQL_BREAKER_MAX_MS);
	}
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_int_equal(sql_hosts_open(&hosts), 0);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	assert_int_equal(next(), SQL_TURN_NONE);
	assert_true(retry_ns - now_ns <= SQL_BREAKER_MIN_MS * CLOCK_NS_PER_MS);
}

static void after_its_while_a_host_is_tried_by_one_alone(void **state)
{
	struct sql_try tried;

	(void)state;
	start(1, true);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	pass_ms(SQL_BREAKER_MIN_MS);
	tried = try_at(0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(next(), SQL_TURN_WAIT);
	assert_true(done(tried, SQL_OUTCOME_GOOD));
	assert_int_equal(next(), SQL_TURN_TRY);
}

static void connects_that_fail_together_open_the_breaker_once(void **state)
{
	struct sql_try many[5];
	int64_t until;

	(void)state;
	start(1, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	for (int i = 0; i < 5; i++)
		many[i] = try_at(0);
	assert_false(done(many[0], SQL_OUTCOME_BAD));
	assert_int_equal(next(), SQL_TURN_NONE);
	until = retry_ns;
	for (int i = 1; i < 5; i++)
		assert_false(done(many[i], SQL_OUTCOME_BAD));
	assert_int_equal(next(), SQL_TURN_NONE);
	assert_int_equal(retry_ns, until);
}

static void a_suspect_writer_stays_and_one_try_decides(void **state)
{
	struct sql_try tried;

	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	sql_hosts_suspect(&hosts, 0);
	assert_int_equal(hosts.chosen, 0);
	tried = try_at(0);
	sql_hosts_suspect(&hosts, 0);
	assert_int_equal(next(), SQL_TURN_WAIT);
	assert_true(done(tried, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 1);
	sql_hosts_suspect(&hosts, 0);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 2);
}

static void suspicion_does_not_cut_short_the_while_of_a_failed_host(void **state)
{
	(void)state;
	start(1, true);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	sql_hosts_suspect(&hosts, 0);
	assert_int_equal(next(), SQL_TURN_NONE);
}

static void a_writer_that_takes_no_writes_is_left_at_once(void **state)
{
	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_true(sql_hosts_reject(&hosts, 0, 1, now_ns, 0));
	assert_false(sql_hosts_reject(&hosts, 0, 1, now_ns, 0));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 2);
}

static void a_late_word_of_an_older_epoch_changes_nothing(void **state)
{
	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_true(sql_hosts_reject(&hosts, 0, 1, now_ns, 0));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_true(sql_hosts_reject(&hosts, 1, 2, now_ns, 0));
	pass_ms(SQL_BREAKER_MIN_MS);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 3);
	assert_false(sql_hosts_reject(&hosts, 0, 1, now_ns, 0));
	assert_false(sql_hosts_reject(&hosts, 1, 2, now_ns, 0));
	assert_int_equal(hosts.chosen, 0);
}

static void a_full_writer_stays_the_writer(void **state)
{
	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_false(connect_to(0, SQL_OUTCOME_FULL));
	assert_int_equal(hosts.chosen, 0);
	assert_int_equal(next(), SQL_TURN_NONE);
	pass_ms(SQL_BREAKER_MIN_MS);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.epoch, 1);
}

static void no_other_writer_is_looked_for_while_the_first_is_full(void **state)
{
	(void)state;
	start(2, true);
	assert_false(connect_to(0, SQL_OUTCOME_FULL));
	assert_int_equal(next(), SQL_TURN_NONE);
	assert_int_equal(retry_ns, hosts.breakers[0].until_ns);
	pass_ms(SQL_BREAKER_MIN_MS);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
}

static void a_connect_that_comes_back_after_the_writer_moved_is_sent_away(void **state)
{
	struct sql_try slow, quick;

	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	slow = try_at(0);
	quick = try_at(0);
	assert_false(done(quick, SQL_OUTCOME_BAD));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_false(done(slow, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.chosen, 1);
	assert_int_equal(try_at(1).host, 1);
}

static void whoever_succeeds_while_there_is_no_writer_makes_one(void **state)
{
	struct sql_try slow, quick, elector;

	(void)state;
	start(2, true);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	slow = try_at(0);
	quick = try_at(0);
	assert_false(done(quick, SQL_OUTCOME_BAD));
	elector = try_at(1);
	assert_true(done(slow, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.chosen, 0);
	assert_false(done(elector, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.chosen, 0);
	assert_int_equal(hosts.epoch, 1);
	assert_int_equal(try_at(0).host, 0);
}

static void with_all_left_alone_the_next_time_is_the_earliest(void **state)
{
	int64_t first;

	(void)state;
	start(3, true);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	first = hosts.breakers[0].until_ns;
	pass_ms(10);
	assert_false(connect_to(1, SQL_OUTCOME_BAD));
	pass_ms(10);
	assert_false(connect_to(2, SQL_OUTCOME_BAD));
	assert_int_equal(next(), SQL_TURN_NONE);
	assert_int_equal(retry_ns, first);
}

static void readers_take_turns_and_go_round_those_that_failed(void **state)
{
	(void)state;
	start(3, false);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_false(connect_to(1, SQL_OUTCOME_BAD));
	assert_true(connect_to(2, SQL_OUTCOME_GOOD));
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_true(connect_to(2, SQL_OUTCOME_GOOD));
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	pass_ms(SQL_BREAKER_MAX_MS);
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_int_equal(sql_hosts_open(&hosts), 0);
	assert_int_equal(hosts.epoch, 0);
}

static void a_reader_in_a_black_hole_holds_up_one_try(void **state)
{
	struct sql_try slow;

	(void)state;
	start(2, false);
	slow = try_at(0);
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_false(done(slow, SQL_OUTCOME_BAD));
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
}

static void readers_are_not_rejected_for_taking_no_writes(void **state)
{
	(void)state;
	start(1, false);
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
	assert_false(sql_hosts_reject(&hosts, 0, 0, now_ns, 0));
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
}

static void without_hosts_there_is_no_turn_ever(void **state)
{
	(void)state;
	start(0, false);
	assert_int_equal(next(), SQL_TURN_NONE);
	assert_int_equal(retry_ns, INT64_MAX);
	start(0, true);
	assert_int_equal(next(), SQL_TURN_NONE);
	assert_int_equal(retry_ns, INT64_MAX);
}

/* What holds in every history of tries that overlap, succeed, fail, are suspected and rejected:
 * connections that are used are the chosen writer's, and of its epoch; an epoch has one writer; no
 * try hangs for want of a turn. */
static void a_slow_try_keeps_nobody_from_the_other_hosts(void **state)
{
	struct sql_try slow;

	(void)state;
	start(2, true);
	slow = try_at(0);
	assert_int_equal(next(), SQL_TURN_WAIT);
	pass_ms(SQL_TRY_SLOW_MS);
	assert_true(connect_to(1, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.chosen, 1);
	assert_false(done(slow, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.chosen, 1);
}

static void a_slow_try_may_still_succeed_and_is_not_doubled_meanwhile(void **state)
{
	struct sql_try slow;

	(void)state;
	start(1, true);
	slow = try_at(0);
	pass_ms(SQL_TRY_SLOW_MS);
	assert_int_equal(next(), SQL_TURN_NONE);
	pass_ms(10 * SQL_BREAKER_MAX_MS);
	assert_int_equal(next(), SQL_TURN_NONE);
	assert_true(retry_ns > now_ns);
	assert_true(done(slow, SQL_OUTCOME_GOOD));
	assert_int_equal(hosts.chosen, 0);
	assert_int_equal(try_at(0).host, 0);
}

static void a_slow_try_that_fails_leaves_the_host_to_the_next(void **state)
{
	struct sql_try slow;

	(void)state;
	start(1, true);
	slow = try_at(0);
	pass_ms(SQL_TRY_SLOW_MS);
	assert_int_equal(next(), SQL_TURN_NONE);
	pass_ms(SQL_BREAKER_MAX_MS);
	assert_false(done(slow, SQL_OUTCOME_BAD));
	assert_true(connect_to(0, SQL_OUTCOME_GOOD));
}

static void every_host_has_its_turn_however_long_the_first_ones_take(void **state)
{
	(void)state;
	start(3, true);
	assert_false(connect_to(0, SQL_OUTCOME_BAD));
	pass_ms(2 * SQL_BREAKER_MAX_MS);
	assert_false(connect_to(1, SQL_OUTCOME_BAD));
	pass_ms(2 * SQL_BREAKER_MAX_MS);
	assert_true(connect_to(2, SQL_OUTCOME_GOOD));
}

static void in_random_histories_an_epoch_has_one_writer(void **state)
{
	static const enum sql_outcome outcomes[] = {SQL_OUTCOME_GOOD, SQL_OUTCOME_GOOD,
						    SQL_OUTCOME_BAD, SQL_OUTCOME_FULL};
	struct rng rng = {rng_seed()};
	size_t writer_of[20000];
	struct sql_try open[6];
	size_t count = 0;

	(void)state;
	print_message("CART_SEED=%llu\n", (unsigned long long)rng.state);
	memset(writer_of, 0xff, sizeof(writer_of));
	start(3, true);
	for (int step = 0; step < 20000; step++) {
		uint64_t what = rng_below(&rng, 10);

		pass_ms(rng_between(&rng, 0, 80));
		if (what == 0) {
			sql_hosts_suspect(&hosts, rng_below(&rng, 3));
		} else if (what == 1) {
			(void)sql_hosts_reject(&hosts, rng_below(&rng, 3), hosts.epoch, now_ns,
					       rng_next(&rng));
		} else if (what < 6 && count < 6) {
			enum sql_turn turn = next();

			if (turn == SQL_TURN_TRY)
				open[count++] = attempt;
			else if (turn == SQL_TURN_WAIT)
				assert_true(count > 0);
			else
				assert_true(retry_ns > now_ns && retry_ns < INT64_MAX);
		} else if (count > 0) {
			size_t which = rng_below(&rng, count);
			struct sql_try tried = open[which];

			open[which] = open[--count];
			if (sql_hosts_done(&hosts, &tried, outcomes[rng_below(&rng, 4)], now_ns,
					   rng_next(&rng))) {
				assert_int_equal(tried.host, hosts.chosen);
				assert_true(hosts.epoch > 0 && hosts.epoch < 20000);
				if (writer_of[hosts.epoch] == SQL_NO_HOST)
					writer_of[hosts.epoch] = tried.host;
				assert_int_equal(writer_of[hosts.epoch], tried.host);
			}
		}
	}
	assert_true(hosts.epoch > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_host_that_accepts_writes_is_the_writer),
		cmocka_unit_test(the_writer_stays_though_an_earlier_host_could_be_tried_again),
		cmocka_unit_test(a_failed_connect_moves_the_writer_and_begins_an_epoch),
		cmocka_unit_test(the_same_writer_again_is_the_same_epoch),
		cmocka_unit_test(going_back_to_an_earlier_writer_is_an_epoch_of_its_own),
		cmocka_unit_test(while_one_elects_the_others_wait),
		cmocka_unit_test(a_proven_writer_is_connected_to_by_many_at_once),
		cmocka_unit_test(
			a_breaker_opens_for_twice_as_long_each_time_up_to_a_quarter_second),
		cmocka_unit_test(the_jitter_takes_up_to_half),
		cmocka_unit_test(a_success_forgets_earlier_failures),
		cmocka_unit_test(after_its_while_a_host_is_tried_by_one_alone),
		cmocka_unit_test(connects_that_fail_together_open_the_breaker_once),
		cmocka_unit_test(a_suspect_writer_stays_and_one_try_decides),
		cmocka_unit_test(suspicion_does_not_cut_short_the_while_of_a_failed_host),
		cmocka_unit_test(a_writer_that_takes_no_writes_is_left_at_once),
		cmocka_unit_test(a_late_word_of_an_older_epoch_changes_nothing),
		cmocka_unit_test(a_full_writer_stays_the_writer),
		cmocka_unit_test(no_other_writer_is_looked_for_while_the_first_is_full),
		cmocka_unit_test(a_connect_that_comes_back_after_the_writer_moved_is_sent_away),
		cmocka_unit_test(whoever_succeeds_while_there_is_no_writer_makes_one),
		cmocka_unit_test(with_all_left_alone_the_next_time_is_the_earliest),
		cmocka_unit_test(readers_take_turns_and_go_round_those_that_failed),
		cmocka_unit_test(a_reader_in_a_black_hole_holds_up_one_try),
		cmocka_unit_test(readers_are_not_rejected_for_taking_no_writes),
		cmocka_unit_test(without_hosts_there_is_no_turn_ever),
		cmocka_unit_test(a_slow_try_keeps_nobody_from_the_other_hosts),
		cmocka_unit_test(a_slow_try_may_still_succeed_and_is_not_doubled_meanwhile),
		cmocka_unit_test(a_slow_try_that_fails_leaves_the_host_to_the_next),
		cmocka_unit_test(every_host_has_its_turn_however_long_the_first_ones_take),
		cmocka_unit_test(in_random_histories_an_epoch_has_one_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
