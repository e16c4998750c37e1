/* A local server in place of DynamoDB is told as one by cartbench, whichever way it is reached. */
#include "bench/target/drive.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/dynalite_fixture.h"

#include <stdio.h>

static struct dynalite_fixture server;

static void assert_stand_in(const char *target, bool wanted)
{
	const struct bench_drive_config config = {.timeout_ms = 20000};
	struct bench_drive *drive;
	struct cart_error error;

	if (bench_drive_open(&drive, target, &config, &error) != 0)
		fail_msg("%s: %s", target, error.text);
	assert_int_equal(drive->stand_in, wanted);
	bench_drive_close(&drive);
}

static void a_store_on_it_is_told(void **state)
{
	char target[192];

	(void)state;
	dynalite_fixture_need(&server);
	snprintf(target, sizeof(target), "store:dynamodb?endpoint=%s&region=local-1",
		 server.endpoint);
	assert_stand_in(target, true);
}

static void a_cartd_on_it_is_told(void **state)
{
	char endpoint[160], url[40];
	const char *const settings[] = {"backend=dynamodb", endpoint, "dynamodb.region=local-1",
					NULL};
	struct cartd cartd;

	(void)state;
	dynalite_fixture_need(&server);
	snprintf(endpoint, sizeof(endpoint), "dynamodb.endpoint=%s", server.endpoint);
	cartd_start(&cartd, settings);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", cartd.port);
	assert_stand_in(url, true);
	cartd_stop(&cartd);
}

static void a_cartd_on_another_backend_is_not(void **state)
{
	struct cartd cartd;
	char url[40];

	(void)state;
	cartd_start(&cartd, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", cartd.port);
	assert_stand_in(url, false);
	cartd_stop(&cartd);
}

static int start_server(void **state)
{
	(void)state;
	unsetenv("CART_TEST_DYNAMODB_ENDPOINT"); /* what is given may be no stand-in */
	setenv("AWS_ACCESS_KEY_ID", "x", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "y", 1);
	dynalite_fixture_start_if_any(&server, 1);
	return 0;
}

static int end_server(void **state)
{
	(void)state;
	dynalite_fixture_free(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_on_it_is_told),
		cmocka_unit_test(a_cartd_on_it_is_told),
		cmocka_unit_test(a_cartd_on_another_backend_is_not),
	};

	return cmocka_run_group_tests_name("DynamoDB as a target of cartbench", tests, start_server,
					   end_server);
}
