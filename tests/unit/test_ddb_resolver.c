/* A resolver that does not answer holds up neither the loop nor whoever gives up on it, and a name
 * that leads elsewhere now is noticed. */
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_fixture.h"

#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME	    "stuck.test"
#define MOVED	    "moved.test"
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

/* Where MOVED leads: first to an address at which nobody listens. */
static _Atomic uint32_t moved_to;

/* What freeaddrinfo() of the C library frees: one block. */
static int moved_found(const char *service, struct addrinfo **found)
{
	struct addrinfo *info = calloc(1, sizeof(*info) + sizeof(struct sockaddr_in));
	struct sockaddr_in *address = (struct sockaddr_in *)(void *)(info + 1);

	if (info == NULL)
		return EAI_MEMORY;
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)strtol(service, NULL, 10));
	address->sin_addr.s_addr = htonl(atomic_load(&moved_to));
	*info = (struct addrinfo){.ai_family = AF_INET,
				  .ai_socktype = SOCK_STREAM,
				  .ai_addrlen = sizeof(*address),
				  .ai_addr = (struct sockaddr *)address};
	*found = info;
	return 0;
}

/* The C library's, as libcurl calls it, in a thread of its own. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	struct timespec until;

	(void)hints;
	*found = NULL;
	if (strcmp(name, MOVED) == 0)
		return moved_found(service, found);
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

/* The service fails over to another address: it is found there while the old one refuses. */
static void a_name_that_leads_elsewhere_is_looked_up_again(void **state)
{
	struct ddb_call call = {.client = NULL};
	char endpoint[64];

	(void)state;
	snprintf(endpoint, sizeof(endpoint), "http://" MOVED ":%d", f.stub.port);
	f.config.endpoint = endpoint;
	atomic_store(&moved_to, INADDR_LOOPBACK + 1);
	assert_int_equal(ddb_fixture_call_given_up(&f, &call, DDB_PUT_ITEM, BODY, 200), DDB_BUSY);
	atomic_store(&moved_to, INADDR_LOOPBACK);
	assert_int_equal(ddb_fixture_call(&f, &call, DDB_GET_ITEM, BODY, 20000), DDB_OK);
	ddb_call_clear(&call);
	buf_free(&call.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_call_ends_by_its_time_to_connect, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_call_is_given_up_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_that_leads_elsewhere_is_looked_up_again,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
