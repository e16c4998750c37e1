/* A service whose database cannot be reached at its start: when it is provisioned, and who waits.
 */
#include "core/cart_backend.h"
#include "core/provisioner.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>

/* What provision() answers, one after the other; the last one again and again. */
static enum cart_provisioned answers[4];
static atomic_int asked;
static atomic_bool waits; /* for the stop */

static int start_nothing(struct cart_db **db, const struct cart_env *env, struct cart_error *error)
{
	(void)env;
	(void)error;
	*db = calloc(1, sizeof(**db));
	assert_non_null(*db);
	return 0;
}

static enum cart_provisioned provision(struct cart_db *db, const struct cart_provision_try *attempt,
				       struct cart_error *error)
{
	int turn = atomic_fetch_add(&asked, 1);

	(void)db;
	while (waits && turn > 0 && !atomic_load(attempt->stop))
		continue;
	cart_error_set(error, "answer %d", turn);
	return answers[turn < 4 ? turn : 3];
}

static void stop_nothing(struct cart_db *db)
{
	free(db);
}

static const struct cart_backend backend = {
	.name = "shy", .start = start_nothing, .provision = provision, .stop = stop_nothing};

static struct metrics *metrics;
static struct settings *settings;

static struct cart_db *start(bool later, const enum cart_provisioned *script)
{
	const struct cart_env env = {.clock = &cart_clock_system,
				     .settings = settings,
				     .metrics = metrics,
				     .provision_later = later};
	struct cart_error error;
	struct cart_db *db;

	for (int i = 0; i < 4; i++)
		answers[i] = script[i];
	atomic_store(&asked, 0);
	if (cart_db_start(&db, &backend, &env, CART_PROVISION_AUTO, &error) == 0)
		return db;
	assert_string_equal(error.text, "answer 0");
	return NULL;
}

static int setup(void **state)
{
	(void)state;
	metrics = metrics_new();
	settings = settings_new();
	assert_non_null(settings);
	settings_add(settings, "Carts", cart_settings);
	captured_log_start();
	waits = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	captured_log_stop();
	metrics_free(&metrics);
	settings_free(&settings);
	return 0;
}

#define UNREACHED   CART_PROVISION_UNREACHED
#define REFUSED	    CART_PROVISION_REFUSED
#define PROVISIONED CART_PROVISIONED

static void a_service_tries_until_its_database_is_provisioned(void **state)
{
	struct cart_db *db = start(
		true, (enum cart_provisioned[4]){UNREACHED, UNREACHED, UNREACHED, PROVISIONED});

	(void)state;
	assert_non_null(db);
	assert_false(cart_db_is_provisioned(db));
	captured_log_await("WARN  cannot provision the database; not ready until that succeeds "
			   "backend=shy reason=\"answer 0\"",
			   1);
	captured_log_await("INFO  the database is provisioned backend=shy", 1);
	while (!cart_db_is_provisioned(db))
		continue;
	cart_db_stop(&db);
	assert_int_equal(atomic_load(&asked), 4);
	assert_int_equal(captured_log_count("cannot provision"), 1);
}

static void what_a_person_must_correct_is_said_once(void **state)
{
	struct cart_db *db =
		start(true, (enum cart_provisioned[4]){UNREACHED, REFUSED, REFUSED, REFUSED});

	(void)state;
	assert_non_null(db);
	captured_log_await(
		"ERROR the database cannot be used; not ready until it is corrected backend=shy "
		"reason=\"answer 1\"",
		1);
	assert_false(cart_db_is_provisioned(db));
	cart_db_stop(&db);
	assert_int_equal(captured_log_count("cannot be used"), 1);
}

static void a_refusal_at_the_start_ends_it(void **state)
{
	(void)state;
	assert_null(start(true, (enum cart_provisioned[4]){REFUSED, PROVISIONED}));
	assert_int_equal(atomic_load(&asked), 1);
}

static void a_tool_does_not_wait(void **state)
{
	(void)state;
	assert_null(start(false, (enum cart_provisioned[4]){UNREACHED, PROVISIONED}));
	assert_int_equal(atomic_load(&asked), 1);
}

static void a_try_is_stopped(void **state)
{
	struct cart_db *db =
		start(true, (enum cart_provisioned[4]){UNREACHED, UNREACHED, UNREACHED, UNREACHED});

	(void)state;
	waits = true;
	while (atomic_load(&asked) < 2)
		continue;
	cart_db_stop(&db);
	assert_null(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_service_tries_until_its_database_is_provisioned),
		TEST(what_a_person_must_correct_is_said_once),
		TEST(a_refusal_at_the_start_ends_it),
		TEST(a_tool_does_not_wait),
		TEST(a_try_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
