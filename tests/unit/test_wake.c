/* A loop is woken by other threads, never misses a send, and does not run in circles. */
#include "core/base/wake.h"

#include "tests/lib/cmocka.h"

#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define SENDS 20000

static struct event_base *base;
static struct wake *wake;
static atomic_int put; /* what the other thread has put down */
static int calls, seen;

static void count_call(void *user)
{
	(void)user;
	calls++;
	seen = atomic_load(&put);
}

static int setup(void **state)
{
	(void)state;
	calls = seen = 0;
	atomic_store(&put, 0);
	base = event_base_new();
	wake = wake_new(base, count_call, NULL);
	return wake != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	wake_free(&wake);
	event_base_free(base);
	return wake == NULL ? 0 : -1;
}

static void turn(void)
{
	assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void many_sends_are_one_call(void **state)
{
	(void)state;
	turn();
	assert_int_equal(calls, 0);
	for (int i = 0; i < 5; i++)
		wake_send(wake);
	turn();
	assert_int_equal(calls, 1);
	turn();
	assert_int_equal(calls, 1);
}

static void send_once(void *user)
{
	count_call(user);
	if (calls == 1)
		wake_send(wake);
}

static void a_send_during_the_call_is_not_lost(void **state)
{
	(void)state;
	wake_free(&wake);
	wake = wake_new(base, send_once, NULL);
	assert_non_null(wake);
	wake_send(wake);
	turn();
	turn();
	assert_int_equal(calls, 2);
}

static void *send_many(void *user)
{
	(void)user;
	for (int i = 0; i < SENDS; i++) {
		atomic_fetch_add(&put, 1);
		wake_send(wake);
	}
	return NULL;
}

static void everything_that_a_thread_puts_down_is_seen(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, send_many, NULL), 0);
	/* Waits in epoll: a send that were lost would stop the test here. */
	while (seen < SENDS)
		event_base_loop(base, EVLOOP_ONCE);
	pthread_join(thread, NULL);
	assert_int_equal(seen, SENDS);
}

static void free_in_the_call(void *user)
{
	(void)user;
	calls++;
	wake_free(&wake);
}

static void the_call_may_free_it(void **state)
{
	(void)state;
	wake_free(&wake);
	wake = wake_new(base, free_in_the_call, NULL);
	assert_non_null(wake);
	wake_send(wake);
	turn();
	assert_int_equal(calls, 1);
	assert_null(wake);
}

static void a_descriptor_alone_wakes_poll(void **state)
{
	struct pollfd fd = {.fd = wake_fd_open(), .events = POLLIN};
	uint64_t sent;

	(void)state;
	assert_true(fd.fd >= 0);
	assert_int_equal(poll(&fd, 1, 0), 0);
	wake_fd_send(fd.fd);
	wake_fd_send(fd.fd);
	assert_int_equal(poll(&fd, 1, 0), 1);
	assert_int_equal(read(fd.fd, &sent, sizeof(sent)), sizeof(sent));
	assert_int_equal(sent, 2);
	close(fd.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_sends_are_one_call, setup, teardown),
		cmocka_unit_test_setup_teardown(a_send_during_the_call_is_not_lost, setup,
						teardown),
		cmocka_unit_test_setup_teardown(everything_that_a_thread_puts_down_is_seen, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_call_may_free_it, setup, teardown),
		cmocka_unit_test(a_descriptor_alone_wakes_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
