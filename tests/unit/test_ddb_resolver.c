/* A resolver that does not answer holds up neither the loop nor whoever gives up on it. */
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_fixture.h"

#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define NAME	    "stuck.test"
#define GIVE_UP_S   20 /* so that a loop that waits for it fails the test and does not hang it */
#define BODY	    "{\"TableName\":\"carts\"}"
#define CONNECT_MS  100
#define DEADLINE_MS 1000

static struct ddb_fixture f;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool released;
	bool gave_up;
	int waiting;
} stuck = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* The C library's, as libcurl calls it, in a thread of its own. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	struct timespec until;

	(void)service;
	(void)hints;
	*found = NULL;
	assert_string_equal(name, NAME);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GIVE_UP_S;
	pthread_mutex_lock(&stuck.lock);
	stuck.waiting++;
	while (!stuck.released && !stuck.gave_up)
		stuck.gave_up = pthread_cond_timedwait(&stuck.changed, &stuck.lock, &until) != 0;
	stuck.waiting--;
	pthread_cond_broadcast(&stuck.changed);
	pthread_mutex_unlock(&stuck.lock);
	return EAI_AGAIN;
}

static int setup(void **state)
{
	(void)state;
	ddb_fixture_start(&f);
	f.config.endpoint = "http://" NAME;
	f.config.connect_timeout_ms = CONNECT_MS;
	stuck.released = stuck.gave_up = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ddb_fixture_stop(&f);
	pthread_mutex_lock(&stuck.lock);
	stuck.released = true;
	pthread_cond_broadcast(&stuck.changed);
	while (stuck.waiting > 0)
		pthread_cond_wait(&stuck.changed, &stuck.lock);
	pthread_mutex_unlock(&stuck.lock);
	return 0;
}

static bool still_stuck(void)
{
	bool still;

	pthread_mutex_lock(&stuck.lock);
	still = stuck.waiting > 0 && !stuck.gave_up;
	pthread_mutex_unlock(&stuck.lock);
	return still;
}

static void a_call_ends_by_its_time_to_connect(void **state)
{
	struct ddb_call call = {.client = NULL};
	enum ddb_outcome outcome;

	(void)state;
	outcome = ddb_fixture_call(&f, &call, DDB_GET_ITEM, BODY, DEADLINE_MS);
	assert_true(still_stuck());
	assert_true(outcome == DDB_BUSY || outcome == DDB_LATE);
	ddb_call_clear(&call);
	buf_free(&call.body);
	assert_true(still_stuck());
}

static void a_call_is_given_up_at_once(void **state)
{
	static const struct timeval soon = {.tv_usec = 5000};
	struct ddb_call call = {.client = NULL};
	int done = 0;

	(void)state;
	f.config.connect_timeout_ms = 60000;
	ddb_fixture_begin(&f, &call, DDB_PUT_ITEM, BODY, 60000, &done);
	for (int i = 0; i < 2000 && !still_stuck(); i++) {
		evtimer_add(f.tick, &soon);
		event_base_loop(f.base, EVLOOP_ONCE);
	}
	assert_true(still_stuck());
	assert_false(ddb_call_in_doubt(&call));
	ddb_call_abandon(&call);
	assert_true(still_stuck());
	ddb_call_clear(&call);
	buf_free(&call.body);
	assert_true(still_stuck());
	assert_int_equal(done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_call_ends_by_its_time_to_connect, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_call_is_given_up_at_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
