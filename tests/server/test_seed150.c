/* cartbench seed150 against a real cartd, as a user runs it. */
#include "tests/lib/cartd.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN_MS	  60000
#define QUESTIONS 4 /* /health, /openapi.yaml, a cart of nobody, /metrics: before measuring */

static json_t *load(const char *dir, const char *name)
{
	char path[512];
	json_t *array;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	array = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(array))
		fail_msg("%s is no array of JSON", path);
	return array;
}

static void check_all_succeeded(const json_t *array, const char *database)
{
	static const char *const operations[] = {"create_cart", "add_items", "get_cart"};
	static const int statuses[] = {201, 204, 200};
	size_t i;

	assert_int_equal(json_array_size(array) % 150, 0);
	for (i = 0; i < 150; i++) {
		const json_t *sample = json_array_get(array, i);
		const char *of = json_string_value(json_object_get(sample, "database"));

		assert_string_equal(json_string_value(json_object_get(sample, "operation")),
				    operations[i / 50]);
		assert_int_equal(json_integer_value(json_object_get(sample, "status_code")),
				 statuses[i / 50]);
		assert_true(json_is_true(json_object_get(sample, "success")));
		assert_true(json_real_value(json_object_get(sample, "response_time")) > 0);
		assert_int_equal(json_string_length(json_object_get(sample, "cart_id")), 36);
		if (database == NULL)
			assert_null(of);
		else
			assert_string_equal(of, database);
	}
}

static char *run(const char *option, const char *value, const char *first, const char *second,
		 int want)
{
	const char *argv[] = {"cartbench", "seed150", option, value, first, second, NULL};
	char *output;
	int status = cartd_run_program(argv, &output, RUN_MS);

	if (status != want)
		fail_msg("exit status %d, not %d: %s", status, want, output);
	return output;
}

static void url_of(const struct cartd *cartd, char url[40])
{
	snprintf(url, 40, "http://127.0.0.1:%d", cartd->port);
}

static void all_150_succeed_on_each_embedded_store(void **state)
{
	char store[256], dir[256], path[300], urls[2][40];
	const char *settings[] = {"backend=sqlite", path, NULL};
	struct cartd memory, sqlite;
	json_t *array;
	char *output;

	(void)state;
	cartd_make_directory(store);
	cartd_make_directory(dir);
	snprintf(path, sizeof(path), "sqlite.path=%s/cart.db", store);
	cartd_start(&memory, NULL);
	cartd_start(&sqlite, settings);
	url_of(&memory, urls[0]);
	url_of(&sqlite, urls[1]);

	output = run("--out", dir, urls[0], urls[1], 0);
	assert_non_null(strstr(output, "150 of 150, 100.0 %"));
	assert_non_null(strstr(output, "(sqlite), a new TCP connection each operation"));
	free(output);
	array = load(dir, "memory_test_results.json");
	check_all_succeeded(array, NULL);
	json_decref(array);
	array = load(dir, "sqlite_test_results.json");
	check_all_succeeded(array, NULL);
	json_decref(array);
	array = load(dir, "combined_results.json");
	assert_int_equal(json_array_size(array), 300);
	check_all_succeeded(array, "memory");
	json_decref(array);

	cartd_stop(&memory);
	cartd_stop(&sqlite);
	cartd_remove_directory(dir);
	cartd_remove_directory(store);
}

static void connections_are_one_an_operation_unless_kept(void **state)
{
	struct cartd cartd;
	char dir[256], url[40];
	const char *const kept[] = {"cartbench", "seed150", "--keep-alive", "--out", dir,
				    url,	 NULL};
	const char *accepted = "cart_http_connections_accepted_total";
	double before, between, after;
	char *output;

	(void)state;
	cartd_make_directory(dir);
	cartd_start(&cartd, NULL);
	url_of(&cartd, url);
	before = cartd_metric(&cartd, accepted);
	free(run("--out", dir, url, NULL, 0));
	between = cartd_metric(&cartd, accepted);
	/* One more for each of the questions before, and one for reading the metric. */
	assert_int_equal((int)(between - before), 150 + QUESTIONS + 1);
	assert_int_equal(cartd_run_program(kept, &output, RUN_MS), 0);
	free(output);
	after = cartd_metric(&cartd, accepted);
	assert_int_equal((int)(after - between), 1 + QUESTIONS + 1);
	cartd_stop(&cartd);
	cartd_remove_directory(dir);
}

static void a_target_that_is_down_ends_with_one_line(void **state)
{
	struct cartd cartd;
	char dir[256], url[40], want[160];
	char *output;

	(void)state;
	cartd_make_directory(dir);
	cartd_start(&cartd, NULL);
	url_of(&cartd, url);
	cartd_stop(&cartd);
	output = run("--out", dir, url, NULL, 2);
	snprintf(want, sizeof(want), "cartbench: %s: cannot connect: Connection refused\n", url);
	assert_string_equal(output, want);
	free(output);
	cartd_remove_directory(dir);
}

static void help_shows_an_example(void **state)
{
	const char *const argv[] = {"cartbench", "seed150", "--help", NULL};
	char *output;

	(void)state;
	assert_int_equal(cartd_run_program(argv, &output, RUN_MS), 0);
	assert_non_null(strstr(output, "Example: cartbench seed150"));
	free(output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_150_succeed_on_each_embedded_store),
		cmocka_unit_test(connections_are_one_an_operation_unless_kept),
		cmocka_unit_test(a_target_that_is_down_ends_with_one_line),
		cmocka_unit_test(help_shows_an_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
