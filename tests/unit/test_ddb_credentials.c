/* The chain of sources, and the thread that keeps what it gives fresh. */
#include "aws/cred.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/cred_fixture.h"
#include "tests/lib/patience.h"

#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AGENT "GET /agent"
#define PUT   "PUT /latest/api/token"
#define ROLES "GET /latest/meta-data/iam/security-credentials/ "
#define ROLE  "GET /latest/meta-data/iam/security-credentials/r "
#define KEYS(id)                                                                                   \
	"[default]\naws_access_key_id = " id "\naws_secret_access_key = " CRED_FIXTURE_SECRET "\n"
#define WAIT_MS 20000
#define LOOK_MS 10 /* where the wall clock is a fake */

#define SLOW_NAME "slow.test"

static struct cred_fixture f;
static struct aws_credentials_source *source;
static struct aws_credentials got;
static struct cart_error error;
static struct clock_fake held; /* outlives the source */
static char *same;	       /* an answer; freed when the server is gone */

static int setup(void **state)
{
	(void)state;
	cred_fixture_start(&f);
	captured_log_start();
	return 0;
}

static int teardown(void **state)
{
	int secrets;

	(void)state;
	aws_credentials_free(&source);
	secrets = captured_log_count("HUSH");
	captured_log_stop();
	cred_fixture_stop(&f);
	free(same);
	same = NULL;
	return secrets == 0 ? 0 : -1;
}

/* A resolver that does not answer for one name until it is told to. */
static _Atomic int slow_name; /* 1: it is being resolved, 2: it may go on, 3: that is over */

/* The C library's, as libcurl calls it: nothing but the loopback is asked. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	(void)service;
	(void)hints;
	*found = NULL;
	if (strcmp(name, SLOW_NAME) == 0) {
		atomic_store(&slow_name, 1);
		while (atomic_load(&slow_name) == 1)
			poll(NULL, 0, 5);
		atomic_store(&slow_name, 3);
	}
	return EAI_NONAME;
}

static void await_slow_name(int state)
{
	for (int i = 0; i < 4000 && atomic_load(&slow_name) != state; i++)
		poll(NULL, 0, 5);
	assert_int_equal(atomic_load(&slow_name), state);
}

static int64_t now_ms(void)
{
	return clock_monotonic_ns(&cart_clock_system) / CLOCK_NS_PER_MS;
}

static void start(void)
{
	if (aws_credentials_new(&source, &f.config, &error) != 0)
		fail_msg("%s", error.text);
}

static void await_first(void)
{
	start();
	if (aws_credentials_wait(source, WAIT_MS, &error) != 0)
		fail_msg("%s", error.text);
}

static void await_generation(uint64_t generation)
{
	int64_t until_ms = patience_ms() + WAIT_MS;

	while (aws_credentials_generation(source) < generation) {
		if (patience_ms() > until_ms)
			fail_msg("no generation %d: %s", (int)generation, captured_log());
		poll(NULL, 0, 5);
	}
}

static void await_failures(int64_t failures)
{
	int64_t until_ms = patience_ms() + WAIT_MS;

	while (atomic_load(&source->failures) < failures) {
		if (patience_ms() > until_ms)
			fail_msg("not %d failures: %s", (int)failures, captured_log());
		poll(NULL, 0, 5);
	}
}

static void assert_id(const char *id)
{
	assert_int_equal(aws_credentials_copy(source, &got), aws_credentials_generation(source));
	assert_string_equal(got.access_key_id, id);
}

static void assert_origin(const char *origin)
{
	char line[CRED_ORIGIN_ROOM + 64];
	bool quoted = strchr(origin, ' ') != NULL;

	snprintf(line, sizeof(line), "credentials found source=%s%s%s", quoted ? "\"" : "", origin,
		 quoted ? "\"" : "");
	captured_log_await(line, 1);
}

/* One round of the sources brings none, and this is why. */
static void assert_none(const char *said)
{
	start();
	await_failures(1);
	assert_int_equal(aws_credentials_wait(source, 1, &error), -1);
	cred_fixture_check_line(error.text);
	if (strstr(error.text, said) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, said);
	assert_int_equal(aws_credentials_generation(source), 0);
	assert_int_equal(aws_credentials_copy(source, &got), 0);
}

/* Each time others, with the count in the id. */
struct issue {
	_Atomic int count;
	int64_t life_ms;
	const char *extra;
};

static char *issue(void *user)
{
	struct issue *i = user;
	char id[32];

	snprintf(id, sizeof(id), "ID%d", atomic_fetch_add(&i->count, 1) + 1);
	/* The fixture counts from the kernel's time. */
	return cred_fixture_json(id, "Token", i->extra != NULL ? i->extra : "",
				 i->life_ms + clock_wall_ms(f.config.clock) -
					 clock_wall_ms(&cart_clock_system));
}

static void agent_issues(struct issue *i)
{
	http_stub_set(&f.stub, (struct http_stub_route){.start = AGENT, .make = issue, .user = i});
}

/* Before the start. */
static void agent(struct issue *i)
{
	cred_fixture_set_url(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/agent");
	agent_issues(i);
}

static void agent_says(int status, const char *body)
{
	http_stub_set(&f.stub,
		      (struct http_stub_route){.start = AGENT, .status = status, .body = body});
}

static void metadata(struct issue *i)
{
	i->extra = "\"Code\":\"Success\",";
	cred_fixture_set_url(&f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
	cred_fixture_set(&f, "AWS_EC2_METADATA_DISABLED", "");
	http_stub_set(&f.stub, (struct http_stub_route){.start = PUT, .body = "HUSHsession"});
	http_stub_set(&f.stub, (struct http_stub_route){.start = ROLES, .body = "r"});
	http_stub_set(&f.stub, (struct http_stub_route){.start = ROLE, .make = issue, .user = i});
}

static void sources_are_asked_in_their_order(void **state)
{
	static struct issue of_agent = {.life_ms = 3600000}, of_metadata = {.life_ms = 3600000};

	(void)state;
	metadata(&of_metadata);
	await_first();
	assert_origin("IMDS");
	assert_id("ID1");
	aws_credentials_free(&source);
	agent(&of_agent);
	await_first();
	assert_origin("container");
	aws_credentials_free(&source);
	cred_fixture_set_file(&f, "AWS_SHARED_CREDENTIALS_FILE", KEYS("SHARED"));
	await_first();
	assert_origin("profile default");
	assert_id("SHARED");
	aws_credentials_free(&source);
	cred_fixture_set_url(&f, "AWS_ENDPOINT_URL_STS", "/sts");
	cred_fixture_set(&f, "AWS_ROLE_ARN", "arn");
	cred_fixture_set_file(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "HUSHjwt");
	http_stub_set(&f.stub, (struct http_stub_route){
				       .start = "POST /sts",
				       .body = "<r><Credentials><AccessKeyId>STS</AccessKeyId>"
					       "<SecretAccessKey>HUSH</SecretAccessKey>"
					       "<SessionToken>HUSH</SessionToken>"
					       "<Expiration>2100-01-01T00:00:00Z</Expiration>"
					       "</Credentials></r>"});
	await_first();
	assert_origin("web identity");
	assert_id("STS");
	aws_credentials_free(&source);
	cred_fixture_set(&f, "AWS_ACCESS_KEY_ID", "ENV");
	cred_fixture_set(&f, "AWS_SECRET_ACCESS_KEY", CRED_FIXTURE_SECRET);
	await_first();
	assert_origin("environment");
	assert_id("ENV");
	assert_int_equal(aws_credentials_generation(source), 1);
	assert_int_equal(atomic_load(&source->refreshes), 1);
	assert_int_equal(atomic_load(&source->failures), 0);
	aws_credentials_free(&source);
	/* Who chooses a profile does not mean the environment. */
	f.config.profile = "default";
	await_first();
	assert_origin("profile default");
	aws_credentials_free(&source);
	assert_int_equal(captured_log_count("credentials found"), 6);
}

static void a_source_that_fails_is_not_passed_over(void **state)
{
	static struct issue of_metadata = {.life_ms = 3600000}, none;

	(void)state;
	metadata(&of_metadata);
	agent(&none);
	agent_says(500, "HUSH");
	assert_none("container: the agent answers HTTP 500");
	aws_credentials_free(&source);
	/* A mistake that only somebody can mend is told at once. */
	cred_fixture_set(&f, "AWS_PROFILE", "nobody");
	assert_none("profile: AWS_PROFILE: profile nobody is neither in ");
	assert_int_equal(aws_credentials_wait(source, INT64_C(3600000), &error), -1);
	assert_int_equal(http_stub_count(&f.stub, PUT), 0);
}

static void without_any_source_each_says_what_it_lacks(void **state)
{
	(void)state;
	assert_none("environment: AWS_ACCESS_KEY_ID is not set; web identity: "
		    "AWS_WEB_IDENTITY_TOKEN_FILE is not set; profile: default is neither in ");
	assert_non_null(strstr(error.text, "; container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE"
					   "_URI nor _FULL_URI is set; IMDS: "
					   "AWS_EC2_METADATA_DISABLED is true"));
}

static void what_has_expired_is_not_taken(void **state)
{
	static struct issue expired = {.life_ms = -1000};

	(void)state;
	agent(&expired);
	assert_none("container: the credentials have expired at 20");
}

static void metadatas_are_used_past_their_time(void **state)
{
	static struct issue expired = {.life_ms = -1000};

	(void)state;
	metadata(&expired);
	await_first();
	await_failures(1);
	assert_id("ID1");
	assert_int_equal(captured_log_count("IMDS: the credentials have expired at"), 1);
}

/* The wall clock is the test's: it stands still while the source is at work. */
static void hold_clock(void)
{
	clock_fake_init(&held, clock_wall_ms(&cart_clock_system));
	f.config.clock = &held.clock;
	f.config.look_ms = LOOK_MS;
}

/* Credentials of a minute, for eight minutes: others come before the half of it is over, so that
 * there is no moment without. */
static void there_is_no_moment_without_valid_ones(void **state)
{
	static struct issue short_lived = {.life_ms = 60000};

	(void)state;
	hold_clock();
	agent(&short_lived);
	await_first();
	for (uint64_t generation = 1; generation <= 16; generation++) {
		assert_int_equal(aws_credentials_copy(source, &got), generation);
		assert_int_equal(got.expires_ms - clock_fake_now(&held), 60000);
		/* Not before it is time: the source is not asked more than that. */
		clock_fake_advance(&held, 29000);
		poll(NULL, 0, 3 * LOOK_MS);
		assert_int_equal(http_stub_count(&f.stub, AGENT), generation);
		clock_fake_advance(&held, 1000);
		await_generation(generation + 1);
	}
	assert_int_equal(atomic_load(&source->failures), 0);
	assert_int_equal(captured_log_count("\n"), 1);
}

static void old_ones_stay_while_the_source_fails(void **state)
{
	static struct issue short_lived = {.life_ms = 60000};

	(void)state;
	hold_clock();
	agent(&short_lived);
	await_first();
	agent_says(500, "HUSH");
	for (int failures = 1; failures <= 3; failures++) {
		clock_fake_advance(&held, 30000);
		await_failures(failures);
	}
	assert_id("ID1");
	assert_true(got.expires_ms <= clock_fake_now(&held));
	assert_int_equal(captured_log_count("WARN"), 1);
	assert_int_equal(
		captured_log_count("cannot get credentials error=\"container: the agent answers "
				   "HTTP 500\""),
		1);
	agent_issues(&short_lived);
	clock_fake_advance(&held, 60000);
	await_generation(2);
	assert_id("ID2");
	captured_log_await("credentials can be had again", 1);
}

struct refuser {
	pthread_t thread;
	uint64_t generation;
};

static void *refuse(void *user)
{
	const struct refuser *refuser = user;

	for (int i = 0; i < 100; i++)
		aws_credentials_refused(source, refuser->generation);
	return NULL;
}

static void refused_by_all(uint64_t generation)
{
	struct refuser refusers[8];

	for (int i = 0; i < 8; i++) {
		refusers[i].generation = generation;
		assert_int_equal(pthread_create(&refusers[i].thread, NULL, refuse, &refusers[i]),
				 0);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(refusers[i].thread, NULL);
}

static void what_many_refuse_is_fetched_once(void **state)
{
	static struct issue long_lived = {.life_ms = 3600000};

	(void)state;
	agent(&long_lived);
	await_first();
	refused_by_all(1);
	await_generation(2);
	assert_id("ID2");
	/* Those that come late mean the old ones. */
	refused_by_all(1);
	poll(NULL, 0, 1200);
	assert_int_equal(aws_credentials_generation(source), 2);
	assert_int_equal(http_stub_count(&f.stub, AGENT), 2);
}

static void files_are_read_anew_when_their_keys_are_refused(void **state)
{
	(void)state;
	cred_fixture_set_file(&f, "AWS_SHARED_CREDENTIALS_FILE", KEYS("OLD"));
	await_first();
	cred_fixture_file(&f, "AWS_SHARED_CREDENTIALS_FILE", KEYS("NEW"));
	poll(NULL, 0, 100);
	assert_id("OLD");
	aws_credentials_refused(source, 1);
	await_generation(2);
	assert_id("NEW");
	/* Away altogether: what is there stays. */
	cred_fixture_file(&f, "AWS_SHARED_CREDENTIALS_FILE", "");
	aws_credentials_refused(source, 2);
	await_failures(1);
	assert_id("NEW");
}

/* The source has no others: it is not asked at the rate of the requests, but after a second, then
 * after two. */
static void what_stays_refused_is_not_fetched_in_a_loop(void **state)
{
	static struct issue always = {.life_ms = 3600000};
	int64_t began_ms = now_ms(), until_ms = patience_ms() + WAIT_MS;

	(void)state;
	agent(&always);
	same = cred_fixture_json("SAME", "Token", "", 3600000);
	agent_says(200, same);
	await_first();
	while (http_stub_count(&f.stub, AGENT) < 3 && patience_ms() < until_ms) {
		aws_credentials_refused(source, 1);
		poll(NULL, 0, 5);
	}
	assert_int_equal(http_stub_count(&f.stub, AGENT), 3);
	assert_true(now_ms() - began_ms >= 3000);
	assert_int_equal(aws_credentials_generation(source), 1);
	captured_log_await("the service refuses the credentials", 1);
	assert_int_equal(captured_log_count("the service refuses the credentials"), 1);
}

static void a_clock_that_is_set_forward_is_noticed(void **state)
{
	static struct issue long_lived = {.life_ms = 7200000};

	(void)state;
	hold_clock();
	agent(&long_lived);
	await_first();
	clock_fake_advance(&held, 7000000);
	await_generation(2);
}

/* What is waited for lasts for 5 s at least. */
static int64_t at_once_ms(void)
{
	return patience_at_most_ns(4 * CLOCK_NS_PER_S) / CLOCK_NS_PER_MS;
}

static int64_t free_ms(void)
{
	int64_t began_ms = now_ms();

	aws_credentials_free(&source);
	assert_null(source);
	return now_ms() - began_ms;
}

static void the_thread_ends_at_once_whatever_it_is_at(void **state)
{
	static struct issue long_lived = {.life_ms = 3600000};
	char command[256];

	(void)state;
	/* Between two fetches. */
	agent(&long_lived);
	await_first();
	assert_in_range(free_ms(), 0, at_once_ms());
	cred_fixture_set(&f, "AWS_ROLE_ARN", "arn");
	cred_fixture_set_file(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "HUSHjwt");
	/* Where names are resolved nothing can be cut: it is left behind. */
	cred_fixture_set(&f, "AWS_ENDPOINT_URL_STS", "http://" SLOW_NAME "/");
	start();
	await_slow_name(1);
	aws_credentials_free(&source);
	assert_int_equal(atomic_load(&slow_name), 1);
	atomic_store(&slow_name, 2);
	await_slow_name(3);
	/* A service that says nothing has 5 s. */
	cred_fixture_set_url(&f, "AWS_ENDPOINT_URL_STS", "/sts");
	http_stub_set(&f.stub,
		      (struct http_stub_route){.start = "POST /sts", .manner = HTTP_STUB_SILENT});
	start();
	assert_true(http_stub_await(&f.stub, "POST /sts", 1));
	assert_in_range(free_ms(), 0, at_once_ms());
	/* A process. */
	snprintf(command, sizeof(command),
		 "[default]\ncredential_process = touch %s/runs; sleep 60\n", f.folder);
	cred_fixture_set(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "");
	cred_fixture_set_file(&f, "AWS_CONFIG_FILE", command);
	start();
	snprintf(command, sizeof(command), "%s/runs", f.folder);
	for (int i = 0; i < 2000 && access(command, F_OK) != 0; i++)
		poll(NULL, 0, 10);
	assert_int_equal(access(command, F_OK), 0);
	assert_in_range(free_ms(), 0, at_once_ms());
	assert_in_range(free_ms(), 0, at_once_ms());
}

static void refreshes_come_early_and_failures_are_not_hammered(void **state)
{
	(void)state;
	assert_int_equal(cred_refresh_ms(3600000, 0), 3300000);
	assert_int_equal(cred_refresh_ms(3600000, 59999), 3240001);
	assert_int_equal(cred_refresh_ms(600000, 0), 300000);
	assert_int_equal(cred_refresh_ms(600000, 59999), 300000);
	assert_int_equal(cred_refresh_ms(60000, 12345), 30000);
	assert_int_equal(cred_refresh_ms(2000, UINT32_MAX), 1000);
	assert_true(cred_refresh_ms(1, 0) >= 100);
	assert_int_equal(cred_backoff_ms(1, 0), 1000);
	assert_int_equal(cred_backoff_ms(1, 499), 1000);
	assert_int_equal(cred_backoff_ms(3, 0), 4000);
	assert_int_equal(cred_backoff_ms(3, 1999), 2001);
	assert_int_equal(cred_backoff_ms(7, 0), 60000);
	assert_int_equal(cred_backoff_ms(UINT32_MAX, 29999), 30001);
}

static int group_setup(void **state)
{
	(void)state;
	/* A proxy of whoever runs this is not for the loopback. */
	return setenv("no_proxy", "*", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sources_are_asked_in_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_that_fails_is_not_passed_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_any_source_each_says_what_it_lacks, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_has_expired_is_not_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(metadatas_are_used_past_their_time, setup,
						teardown),
		cmocka_unit_test_setup_teardown(there_is_no_moment_without_valid_ones, setup,
						teardown),
		cmocka_unit_test_setup_teardown(old_ones_stay_while_the_source_fails, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_many_refuse_is_fetched_once, setup, teardown),
		cmocka_unit_test_setup_teardown(files_are_read_anew_when_their_keys_are_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_stays_refused_is_not_fetched_in_a_loop, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_clock_that_is_set_forward_is_noticed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_thread_ends_at_once_whatever_it_is_at, setup,
						teardown),
		cmocka_unit_test(refreshes_come_early_and_failures_are_not_hammered),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
