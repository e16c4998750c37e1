/* The setting feed at the start, on the smallest backend, which keeps no events. */
#include "core/cart_store.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static struct cart_env env_of(struct settings **settings, const char *feed)
{
	struct cart_error error;

	*settings = settings_new();
	settings_add(*settings, "Carts", cart_settings);
	cart_backends_add_settings(*settings);
	assert_int_equal(settings_set(*settings, "feed", feed, SETTING_FLAG, &error), 0);
	return (struct cart_env){
		.clock = &cart_clock_system,
		.settings = *settings,
		.metrics = metrics_new(),
		.rules = cart_rules_from(*settings),
	};
}

static int start(const char *feed, struct cart_error *error)
{
	struct settings *settings;
	struct cart_env env = env_of(&settings, feed);
	struct cart_db *db;
	int result =
		cart_db_start(&db, cart_backend_find("memory"), &env, CART_PROVISION_AUTO, error);

	cart_db_stop(&db);
	metrics_free(&env.metrics);
	settings_free(&settings);
	return result;
}

static void a_backend_without_events_refuses_the_feed_by_name(void **state)
{
	struct cart_error error;

	(void)state;
	assert_int_equal(start("off", &error), 0);
	assert_int_equal(start("on", &error), -1);
	assert_non_null(strstr(error.text, "feed=on, but the backend memory keeps no events"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_without_events_refuses_the_feed_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
