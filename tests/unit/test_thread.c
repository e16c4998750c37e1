/* Threads leave signals to the main thread, and waits end by the monotonic clock. */
#include "core/base/thread.h"

#include "core/base/clock.h"
#include "tests/lib/cmocka.h"

#include <signal.h>

struct hand_over {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
	sigset_t mask; /* of the thread */
};

static void *hand(void *user)
{
	struct hand_over *hand_over = user;

	pthread_mutex_lock(&hand_over->lock);
	pthread_sigmask(SIG_SETMASK, NULL, &hand_over->mask);
	hand_over->done = true;
	pthread_cond_signal(&hand_over->changed);
	pthread_mutex_unlock(&hand_over->lock);
	return NULL;
}

static void a_thread_blocks_signals_and_wakes_who_waits(void **state)
{
	struct hand_over hand_over = {.lock = PTHREAD_MUTEX_INITIALIZER};
	sigset_t before, after;
	pthread_t thread;

	(void)state;
	thread_condition_init(&hand_over.changed);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&thread, hand, &hand_over), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	pthread_mutex_lock(&hand_over.lock);
	while (!hand_over.done)
		assert_true(
			thread_condition_wait(&hand_over.changed, &hand_over.lock, THREAD_FOREVER));
	pthread_mutex_unlock(&hand_over.lock);
	pthread_join(thread, NULL);
	assert_true(sigismember(&hand_over.mask, SIGTERM));
	assert_true(sigismember(&hand_over.mask, SIGHUP));
	assert_int_equal(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
	pthread_cond_destroy(&hand_over.changed);
}

static void a_wait_ends_when_its_time_is_over(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + 20 * CLOCK_NS_PER_MS;
	pthread_cond_t never;

	(void)state;
	thread_condition_init(&never);
	pthread_mutex_lock(&lock);
	while (thread_condition_wait(&never, &lock, until_ns))
		continue;
	assert_true(clock_monotonic_ns(&cart_clock_system) >= until_ns);
	/* A time long over does not wait at all, even one before the clock began. */
	assert_false(thread_condition_wait(&never, &lock, -1));
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_blocks_signals_and_wakes_who_waits),
		cmocka_unit_test(a_wait_ends_when_its_time_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
