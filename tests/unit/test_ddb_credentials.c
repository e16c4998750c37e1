/* The chain of sources, and the thread that keeps what it gives fresh. */
#include "backends/dynamodb/cred.h"
#include "core/log.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/cred_fixture.h"

#include <fcntl.h>
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
#define WAIT_MS 8000

#define SLOW_NAME    "slow.test"
#define SLOW_NAME_MS 1500

static struct cred_fixture f;
static struct ddb_credentials_source *source;
static struct ddb_credentials got;
static struct cart_error error;
static int log_fd = -1;
static char *same; /* an answer; freed when the server is gone */

/* The log is read from a file that stands in for standard error. */
static int setup(void **state)
{
	char path[128];

	(void)state;
	cred_fixture_start(&f);
	snprintf(path, sizeof(path), "%s/log", f.folder);
	fflush(stderr);
	log_fd = dup(STDERR_FILENO);
	assert_true(log_fd >= 0);
	assert_true(dup2(open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600),
			 STDERR_FILENO) >= 0);
	return 0;
}

static const char *logged(void)
{
	static char text[16384];
	ssize_t len = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

static int lines_with(const char *words)
{
	int count = 0;

	for (const char *at = logged(); (at = strstr(at, words)) != NULL; at += strlen(words))
		count++;
	return count;
}

static int teardown(void **state)
{
	int secrets;

	(void)state;
	ddb_credentials_free(&source);
	secrets = lines_with("HUSH");
	close(STDERR_FILENO);
	assert_int_equal(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
	close(log_fd);
	cred_fixture_stop(&f);
	free(same);
	same = NULL;
	return secrets == 0 ? 0 : -1;
}

static _Atomic int slow_name; /* 1: it is being resolved, 2: that is over */

/* The C library's, as libcurl calls it: nothing but the loopback is asked, and one name is a
 * resolver that does not answer. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	(void)service;
	(void)hints;
	*found = NULL;
	if (strcmp(name, SLOW_NAME) == 0) {
		atomic_store(&slow_name, 1);
		poll(NULL, 0, SLOW_NAME_MS);
		atomic_store(&slow_name, 2);
	}
	return EAI_NONAME;
}

static void await_slow_name(int state)
{
	for (int i = 0; i < 1000 && atomic_load(&slow_name) < state; i++)
		poll(NULL, 0, 5);
	assert_int_equal(atomic_load(&slow_name), state);
}

static int64_t now_ms(void)
{
	return clock_monotonic_ns(&cart_clock_system) / CLOCK_NS_PER_MS;
}

static void start(void)
{
	if (ddb_credentials_new(&source, &f.config, &error) != 0)
		fail_msg("%s", error.text);
}

static void await_first(void)
{
	start();
	if (ddb_credentials_wait(source, WAIT_MS, &error) != 0)
		fail_msg("%s", error.text);
}

static void await_generation(uint64_t generation)
{
	int64_t until_ms = now_ms() + WAIT_MS;

	while (ddb_credentials_generation(source) < generation) {
		if (now_ms() > until_ms)
			fail_msg("no generation %d: %s", (int)generation, logged());
		poll(NULL, 0, 5);
	}
}

static void await_failures(int64_t failures)
{
	int64_t until_ms = now_ms() + WAIT_MS;

	while (ddb_credentials_counts(source).failures < failures) {
		if (now_ms() > until_ms)
			fail_msg("not %d failures: %s", (int)failures, logged());
		poll(NULL, 0, 5);
	}
}

static void assert_id(const char *id)
{
	assert_int_equal(ddb_credentials_copy(source, &got), ddb_credentials_generation(source));
	assert_string_equal(got.access_key_id, id);
}

static void assert_origin(const char *origin)
{
	char text[CRED_ORIGIN_ROOM];

	ddb_credentials_origin(source, text, sizeof(text));
	assert_string_equal(text, origin);
}

static void assert_none(int64_t timeout_ms, const char *said)
{
	start();
	assert_int_equal(ddb_credentials_wait(source, timeout_ms, &error), -1);
	cred_fixture_check_line(error.text);
	if (strstr(error.text, said) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, said);
	assert_int_equal(ddb_credentials_generation(source), 0);
	assert_int_equal(ddb_credentials_copy(source, &got), 0);
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
	return cred_fixture_json(id, "Token", i->extra != NULL ? i->extra : "", i->life_ms);
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
	ddb_credentials_free(&source);
	agent(&of_agent);
	await_first();
	assert_origin("container");
	ddb_credentials_free(&source);
	cred_fixture_set_file(&f, "AWS_SHARED_CREDENTIALS_FILE", KEYS("SHARED"));
	await_first();
	assert_origin("profile default");
	assert_id("SHARED");
	ddb_credentials_free(&source);
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
	ddb_credentials_free(&source);
	cred_fixture_set(&f, "AWS_ACCESS_KEY_ID", "ENV");
	cred_fixture_set(&f, "AWS_SECRET_ACCESS_KEY", CRED_FIXTURE_SECRET);
	await_first();
	assert_origin("environment");
	assert_id("ENV");
	assert_int_equal(ddb_credentials_generation(source), 1);
	assert_int_equal(ddb_credentials_counts(source).refreshes, 1);
	assert_int_equal(ddb_credentials_counts(source).failures, 0);
	ddb_credentials_free(&source);
	/* Who chooses a profile does not mean the environment. */
	f.config.profile = "default";
	await_first();
	assert_origin("profile default");
	ddb_credentials_free(&source);
	assert_int_equal(lines_with("credentials found"), 6);
}

static void a_source_that_fails_is_not_passed_over(void **state)
{
	static struct issue of_metadata = {.life_ms = 3600000}, none;

	(void)state;
	metadata(&of_metadata);
	agent(&none);
	agent_says(500, "HUSH");
	assert_none(300, "container: the agent answers HTTP 500");
	ddb_credentials_free(&source);
	/* A mistake that only somebody can mend is told at once. */
	cred_fixture_set(&f, "AWS_PROFILE", "nobody");
	assert_none(60000, "profile: nobody is neither in ");
	assert_int_equal(http_stub_count(&f.stub, PUT), 0);
}

static void without_any_source_each_says_what_it_lacks(void **state)
{
	(void)state;
	/* At once: there is nobody who might answer later. */
	assert_none(600000,
		    "environment: AWS_ACCESS_KEY_ID is not set; web identity: "
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
	assert_none(300, "container: the credentials have expired at 20");
}

static void metadatas_are_used_past_their_time(void **state)
{
	static struct issue expired = {.life_ms = -1000};

	(void)state;
	metadata(&expired);
	await_first();
	await_failures(1);
	assert_id("ID1");
	assert_int_equal(lines_with("IMDS: the credentials have expired at"), 1);
}

/* Two seconds stand for an hour: the source is up, so there is no moment without. */
static void there_is_no_moment_without_valid_ones(void **state)
{
	static struct issue short_lived = {.life_ms = 2000};
	int64_t until_ms;
	int samples = 0;

	(void)state;
	agent(&short_lived);
	await_first();
	until_ms = now_ms() + 5000;
	for (; now_ms() < until_ms; samples++) {
		ddb_credentials_copy(source, &got);
		if (got.expires_ms <= clock_wall_ms(&cart_clock_system))
			fail_msg("expired in sample %d", samples);
		poll(NULL, 0, 2);
	}
	assert_in_range(ddb_credentials_generation(source), 4, 8);
	assert_int_equal(ddb_credentials_counts(source).failures, 0);
	assert_int_equal(lines_with("\n"), 1);
}

static void old_ones_stay_while_the_source_fails(void **state)
{
	static struct issue short_lived = {.life_ms = 1000};

	(void)state;
	agent(&short_lived);
	await_first();
	agent_says(500, "HUSH");
	await_failures(2);
	assert_id("ID1");
	assert_true(got.expires_ms <= clock_wall_ms(&cart_clock_system));
	assert_int_equal(lines_with("WARN"), 1);
	assert_int_equal(lines_with("cannot get credentials error=\"container: the agent answers "
				    "HTTP 500\""),
			 1);
	agent_issues(&short_lived);
	await_generation(2);
	assert_id("ID2");
	assert_int_equal(lines_with("credentials can be had again"), 1);
}

struct refuser {
	pthread_t thread;
	uint64_t generation;
};

static void *refuse(void *user)
{
	const struct refuser *refuser = user;

	for (int i = 0; i < 100; i++)
		ddb_credentials_refused(source, refuser->generation);
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
	assert_int_equal(ddb_credentials_generation(source), 2);
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
	ddb_credentials_refused(source, 1);
	await_generation(2);
	assert_id("NEW");
	/* Away altogether: what is there stays. */
	cred_fixture_file(&f, "AWS_SHARED_CREDENTIALS_FILE", "");
	ddb_credentials_refused(source, 2);
	await_failures(1);
	assert_id("NEW");
}

/* The source has no others: it is not asked at the rate of the requests. */
static void what_stays_refused_is_not_fetched_in_a_loop(void **state)
{
	static struct issue always = {.life_ms = 3600000};
	int64_t until_ms = now_ms() + 3500;

	(void)state;
	agent(&always);
	same = cred_fixture_json("SAME", "Token", "", 3600000);
	agent_says(200, same);
	await_first();
	while (now_ms() < until_ms) {
		ddb_credentials_refused(source, 1);
		poll(NULL, 0, 5);
	}
	assert_int_equal(ddb_credentials_generation(source), 1);
	assert_in_range(http_stub_count(&f.stub, AGENT), 2, 4);
	assert_int_equal(lines_with("the service refuses the credentials"), 1);
}

static void a_clock_that_is_set_forward_is_noticed(void **state)
{
	static struct issue long_lived = {.life_ms = 7200000};
	struct clock_fake clock;

	(void)state;
	clock_fake_init(&clock, clock_wall_ms(&cart_clock_system));
	f.config.clock = &clock.clock;
	agent(&long_lived);
	await_first();
	/* By now the next fetch is planned. */
	for (int i = 0; i < 1000 && lines_with("credentials found") == 0; i++)
		poll(NULL, 0, 5);
	clock_fake_advance(&clock, 7000000);
	await_generation(2);
	ddb_credentials_free(&source);
}

static int64_t free_ms(void)
{
	int64_t began_ms = now_ms();

	ddb_credentials_free(&source);
	assert_null(source);
	return now_ms() - began_ms;
}

static void the_thread_ends_at_once_whatever_it_is_at(void **state)
{
	static struct issue unused;
	char command[128];

	(void)state;
	agent(&unused);
	http_stub_set(&f.stub,
		      (struct http_stub_route){.start = AGENT, .manner = HTTP_STUB_SILENT});
	start();
	assert_true(http_stub_await(&f.stub, AGENT, 1));
	assert_in_range(free_ms(), 0, 900);
	/* Between two tries. */
	agent_says(500, "");
	start();
	await_failures(1);
	assert_in_range(free_ms(), 0, 900);
	cred_fixture_set(&f, "AWS_ROLE_ARN", "arn");
	cred_fixture_set_file(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "HUSHjwt");
	/* Where names are resolved nothing can be cut. */
	cred_fixture_set(&f, "AWS_ENDPOINT_URL_STS", "http://" SLOW_NAME "/");
	start();
	await_slow_name(1);
	assert_in_range(free_ms(), 0, 900);
	await_slow_name(2);
	cred_fixture_set_url(&f, "AWS_ENDPOINT_URL_STS", "/sts");
	http_stub_set(&f.stub,
		      (struct http_stub_route){.start = "POST /sts", .manner = HTTP_STUB_SILENT});
	start();
	assert_true(http_stub_await(&f.stub, "POST /sts", 1));
	assert_in_range(free_ms(), 0, 900);
	/* A process. */
	snprintf(command, sizeof(command),
		 "[default]\ncredential_process = touch %s/runs; sleep 60\n", f.folder);
	cred_fixture_set(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", "");
	cred_fixture_set_file(&f, "AWS_CONFIG_FILE", command);
	start();
	snprintf(command, sizeof(command), "%s/runs", f.folder);
	for (int i = 0; i < 500 && access(command, F_OK) != 0; i++)
		poll(NULL, 0, 10);
	assert_int_equal(access(command, F_OK), 0);
	assert_in_range(free_ms(), 0, 900);
	assert_in_range(free_ms(), 0, 900);
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
