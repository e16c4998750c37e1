/* The places of those who wait for the feed. The loop does not run, so nothing is polled. */
#include "server/feed/hub.h"
#include "tests/lib/cmocka.h"

#include <event2/event.h>

static struct event_base *base;
static struct metrics *metrics;
static struct feed_hub *hub;
static struct feed_seat *a, *b;

static void woken(void *user)
{
	(void)user;
}

static int open_two(void **state)
{
	struct metrics_shard *shard;

	(void)state;
	base = event_base_new();
	metrics = metrics_new();
	hub = feed_hub_new(metrics, &cart_clock_system, 1);
	shard = metrics_shard_new(metrics);
	a = feed_seat_open(hub, NULL, base, shard, woken, NULL);
	b = feed_seat_open(hub, NULL, base, shard, woken, NULL);
	return a != NULL && b != NULL ? 0 : -1;
}

static int close_two(void **state)
{
	(void)state;
	feed_seat_close(&a);
	feed_seat_close(&b);
	feed_hub_free(&hub);
	metrics_free(&metrics);
	event_base_free(base);
	return 0;
}

static enum feed_wait wait_at(struct feed_seat *seat, bool has_place)
{
	return feed_seat_wait(seat, feed_seat_generation(seat), "1-0", has_place);
}

static void who_is_woken_for_nothing_keeps_its_place(void **state)
{
	(void)state;
	assert_int_equal(wait_at(a, false), FEED_WAITS);
	assert_int_equal(wait_at(b, false), FEED_FULL);
	assert_int_equal(wait_at(a, true), FEED_WAITS);
	assert_int_equal(wait_at(b, false), FEED_FULL);
	/* It has one place, not two. */
	feed_seat_leave(a);
	assert_int_equal(wait_at(b, false), FEED_WAITS);
	feed_seat_leave(b);
}

static void who_has_read_before_an_event_came_reads_again(void **state)
{
	uint64_t generation = feed_seat_generation(a);

	(void)state;
	assert_int_equal(feed_seat_wait(a, generation - 1, "1-0", false), FEED_READ_AGAIN);
	assert_int_equal(wait_at(b, false), FEED_WAITS);
	assert_int_equal(feed_seat_wait(b, generation - 1, "1-0", true), FEED_READ_AGAIN);
	assert_int_equal(wait_at(a, false), FEED_FULL);
	feed_seat_leave(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_woken_for_nothing_keeps_its_place, open_two,
						close_two),
		cmocka_unit_test_setup_teardown(who_has_read_before_an_event_came_reads_again,
						open_two, close_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
