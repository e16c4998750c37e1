/* Calls whose credentials expire, are replaced or refused while they are under way. */
#include "backends/dynamodb/wire/transfer.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/cred_fixture.h"
#include "tests/lib/ddb_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define AGENT	"GET /agent"
#define GET	"{\"TableName\":\"carts\",\"Key\":{\"cart_id\":{\"S\":\"c\"}}}"
#define PUT	"{\"Item\":{\"cart_id\":{\"S\":\"c\"}}}"
#define CALLS	8
#define LIFE_MS 60000
#define WAIT_NS (20 * CLOCK_NS_PER_S)

static struct ddb_fixture f;
static struct cred_fixture agent;
static struct ddb_call calls[CALLS];

/* What the agent and the server know. Ids are "ID" and their number. */
static struct {
	_Atomic int issued;		/* the newest */
	_Atomic int64_t expires_ms[64]; /* by number */
	_Atomic int revoked;		/* up to this one */
	_Atomic int refused;		/* calls */
	_Atomic int slow_ms;		/* that the agent takes */
} known;

static char *issue(void *user)
{
	int number = atomic_fetch_add(&known.issued, 1) + 1;
	int64_t now_ms = clock_fake_now(&f.clock);
	char id[32];

	(void)user;
	poll(NULL, 0, atomic_load(&known.slow_ms));
	snprintf(id, sizeof(id), "ID%d", number);
	atomic_store(&known.expires_ms[number % 64], now_ms + LIFE_MS);
	/* The fixture counts from the kernel's time. */
	return cred_fixture_json(id, "Token", "",
				 LIFE_MS + now_ms - clock_wall_ms(&cart_clock_system));
}

/* As the service does: the id must be one that has not been taken back nor expired. */
static bool is_refused(const struct ddb_stub_request *request, void *user)
{
	const char *id = strstr(request->text, "Credential=ID");
	int number = id != NULL ? atoi(id + strlen("Credential=ID")) : 0;
	bool refused = number <= atomic_load(&known.revoked) ||
		       atomic_load(&known.expires_ms[number % 64]) <= clock_fake_now(&f.clock) ||
		       strstr(request->text, "X-Amz-Security-Token: " CRED_FIXTURE_TOKEN) == NULL;

	(void)user;
	if (refused)
		atomic_fetch_add(&known.refused, 1);
	return refused;
}

static void refuse_by(const char *error)
{
	ddb_stub_add(&f.stub, (struct ddb_stub_rule){.fits = is_refused, .error = error});
}

static void start_credentials(void)
{
	struct aws_credentials_source *source;
	struct cart_error error;

	cred_fixture_set_url(&agent, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/agent");
	http_stub_set(&agent.stub, (struct http_stub_route){.start = AGENT, .make = issue});
	agent.config.clock = &f.clock.clock;
	agent.config.look_ms = 10;
	if (aws_credentials_new(&source, &agent.config, &error) != 0 ||
	    aws_credentials_wait(source, 20000, &error) != 0)
		fail_msg("%s", error.text);
	ddb_fixture_use(&f, source);
}

static int setup(void **state)
{
	(void)state;
	captured_log_start();
	memset(&known, 0, sizeof(known));
	memset(calls, 0, sizeof(calls));
	ddb_fixture_start(&f);
	cred_fixture_start(&agent);
	start_credentials();
	return 0;
}

static int teardown(void **state)
{
	int secrets;

	(void)state;
	for (int i = 0; i < CALLS; i++) {
		ddb_call_clear(&calls[i]);
		buf_free(&calls[i].body);
	}
	ddb_fixture_stop(&f);
	cred_fixture_stop(&agent);
	secrets = captured_log_count("HUSH");
	captured_log_stop();
	return secrets == 0 ? 0 : -1;
}

/* Calls at once, reads and changes. */
static void make_calls(int64_t deadline_ms)
{
	int done = 0;

	for (int i = 0; i < CALLS; i++)
		ddb_fixture_begin(&f, &calls[i], i % 2 ? DDB_PUT_ITEM : DDB_GET_ITEM,
				  i % 2 ? PUT : GET, deadline_ms, &done);
	ddb_fixture_await(&f, &done, CALLS);
}

static void assert_all(enum ddb_outcome outcome)
{
	for (int i = 0; i < CALLS; i++)
		if (calls[i].outcome != outcome)
			fail_msg("call %d came to %d after %d tries: %s", i, (int)calls[i].outcome,
				 calls[i].tries, calls[i].message);
}

static void await_generation(uint64_t generation)
{
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + WAIT_NS;

	while (aws_credentials_generation(f.credentials) < generation) {
		if (clock_monotonic_ns(&cart_clock_system) > until_ns)
			fail_msg("no generation %d: %s", (int)generation, captured_log());
		poll(NULL, 0, 2);
	}
}

/* Five minutes under load, a second at a time; the source has the second half of a life to find
 * others, of which it is left 20 s. */
static void credentials_of_a_minute_are_renewed_and_no_call_notices(void **state)
{
	int64_t began_ms = clock_fake_now(&f.clock), renewed_ms = began_ms;
	uint64_t generation = 1;

	(void)state;
	refuse_by("ExpiredTokenException");
	while (clock_fake_now(&f.clock) < began_ms + 300000) {
		make_calls(0);
		assert_all(DDB_OK);
		clock_fake_advance(&f.clock, 1000);
		if (clock_fake_now(&f.clock) - renewed_ms == 40000)
			await_generation(generation + 1);
		if (aws_credentials_generation(f.credentials) != generation) {
			generation = aws_credentials_generation(f.credentials);
			renewed_ms = clock_fake_now(&f.clock);
		}
	}
	assert_in_range(generation, 7, 11);
	assert_int_equal(atomic_load(&known.refused), 0);
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(calls[i].tries, 1);
	assert_int_equal(ddb_stub_count(&f.stub, NULL), 300 * CALLS);
}

/* The service refuses what is there, and the agent takes its time to bring others. */
static void take_back(const char *error, int slow_ms)
{
	int issued = atomic_load(&known.issued);

	ddb_stub_clear(&f.stub);
	refuse_by(error);
	atomic_store(&known.slow_ms, slow_ms);
	atomic_store(&known.revoked, issued);
	make_calls(0);
	assert_all(DDB_OK);
	assert_int_equal(atomic_load(&known.issued), issued + 1);
}

static void what_the_service_takes_back_is_fetched_anew_once_and_no_call_fails(void **state)
{
	(void)state;
	take_back("ExpiredTokenException", 0);
	take_back("ExpiredTokenException", 400);
	take_back("UnrecognizedClientException", 400);
	assert_int_equal(ddb_shelf_applied(&f.stub.shelf), 3 * CALLS / 2);
	/* Few tries: they wait for the others, and do not ask again and again meanwhile. */
	assert_in_range(ddb_stub_count(&f.stub, NULL), CALLS + 1, 3 * CALLS);
}

static void what_stays_refused_is_busy_soon_and_nobody_is_hammered(void **state)
{
	int64_t began_ns = clock_monotonic_ns(&cart_clock_system);

	(void)state;
	refuse_by("UnrecognizedClientException");
	atomic_store(&known.revoked, 1000);
	make_calls(0);
	assert_all(DDB_BUSY);
	assert_in_range(ddb_stub_count(&f.stub, NULL), CALLS, DDB_TRIES * CALLS);
	assert_true(clock_monotonic_ns(&cart_clock_system) - began_ns < 20 * CLOCK_NS_PER_S);
	assert_in_range(atomic_load(&known.issued), 1, 6);
	assert_int_equal(ddb_shelf_applied(&f.stub.shelf), 0);
}

static void others_that_did_not_come_are_not_waited_for_again(void **state)
{
	char *same = cred_fixture_json("ID1", "Token", "", LIFE_MS);

	(void)state;
	http_stub_set(&agent.stub, (struct http_stub_route){.start = AGENT, .body = same});
	refuse_by("ExpiredTokenException");
	atomic_store(&known.revoked, 1);
	for (int round = 1; round <= 2; round++) {
		make_calls(0);
		assert_all(DDB_BUSY);
		assert_int_equal(ddb_stub_count(&f.stub, NULL), round * CALLS);
		assert_int_equal(ddb_fixture_client(&f)->refused, 1);
		assert_string_equal(calls[0].error, "ExpiredTokenException");
	}
	/* Until they are there. */
	http_stub_set(&agent.stub, (struct http_stub_route){.start = AGENT, .make = issue});
	aws_credentials_refused(f.credentials, 1);
	await_generation(2);
	make_calls(0);
	assert_all(DDB_OK);
	http_stub_set(&agent.stub, (struct http_stub_route){.start = AGENT});
	free(same);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(credentials_of_a_minute_are_renewed_and_no_call_notices),
		TEST(what_the_service_takes_back_is_fetched_anew_once_and_no_call_fails),
		TEST(others_that_did_not_come_are_not_waited_for_again),
		TEST(what_stays_refused_is_busy_soon_and_nobody_is_hammered),
	};

	setenv("no_proxy", "*", 1); /* of whoever runs this: not for the loopback */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
