/* seed150: what it sends, what counts as success, its table and its files. */
#include "bench/result/session.h"
#include "bench/seed150/seed150.h"
#include "bench/seed150/reference.h"
#include "tests/lib/cartd.h"
#include "tests/lib/fake_server.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMEOUT_MS 5000
#define ID_START   "550e8400-e29b-41d4-a716-4466554400"
#define A_TIME	   "\"2025-11-01T23:30:00.000Z\""
#define HEALTHY	   "{\"status\": \"ok\", \"database\": \"fake\"}"

/* A cartd of fifty carts, good enough for the protocol, that can misbehave. */
struct fake_cartd {
	const char *health;
	int health_status;
	int served;	   /* operations, without what is asked before them */
	bool fail_creates; /* all answer 503 */
	int fail_create;   /* this create answers 500; -1: none */
	int fail_add;	   /* this add answers 503 */
	bool forgets;	   /* adds are answered and dropped */
	int silent_after;  /* so many operations, then no answer any more; -1: never */
	int created, added;
	int64_t customers[SEED150_EACH], products[SEED150_EACH], quantities[SEED150_EACH];
};

static const struct fake_cartd fake_well = {
	.health = HEALTHY,
	.health_status = 200,
	.fail_create = -1,
	.fail_add = -1,
	.silent_after = -1,
};

/* Location is where a created cart is, and nothing else looks at it. */
static char *reply(int status, int cart, const char *body)
{
	char *bytes;

	assert_true(asprintf(&bytes,
			     "HTTP/1.1 %d X\r\nLocation: /shopping-carts/" ID_START
			     "%02d\r\nContent-Length: %zu\r\n\r\n%s",
			     status, cart, strlen(body), body) > 0);
	return bytes;
}

static char *reply_cart(const struct fake_cartd *fake, int status, int i)
{
	char body[512], items[200] = "";

	if (i < fake->added && !fake->forgets && fake->quantities[i] > 0)
		snprintf(items, sizeof(items),
			 "{\"product_id\": %" PRId64 ", \"quantity\": %" PRId64
			 ", \"added_at\": " A_TIME ", \"updated_at\": " A_TIME "}",
			 fake->products[i], fake->quantities[i]);
	snprintf(body, sizeof(body),
		 "{\"shopping_cart_id\": \"" ID_START "%02d\", \"customer_id\": 1000, "
		 "\"status\": \"open\", \"version\": 1, \"created_at\": " A_TIME ", "
		 "\"updated_at\": " A_TIME ", \"expires_at\": null, \"order_id\": null, "
		 "\"items\": [%s]}",
		 i, items);
	return reply(status, i, body);
}

static char *fake_create(struct fake_cartd *fake, const char *request)
{
	int i = fake->created++;

	assert_int_equal(sscanf(strstr(request, "\r\n\r\n"), " {\"customer_id\": %" SCNd64 "}",
				&fake->customers[i]),
			 1);
	if (fake->fail_creates)
		return reply(503, i, "{}");
	return i == fake->fail_create ? reply(500, i, "{}") : reply_cart(fake, 201, i);
}

static char *fake_add(struct fake_cartd *fake, const char *request, int cart)
{
	assert_int_equal(sscanf(strstr(request, "\r\n\r\n"),
				" {\"product_id\": %" SCNd64 ", \"quantity\": %" SCNd64 "}",
				&fake->products[cart], &fake->quantities[cart]),
			 2);
	fake->added = cart + 1;
	if (cart != fake->fail_add)
		return reply(204, cart, "");
	fake->quantities[cart] = 0;
	return reply(503, cart, "{}");
}

static char *fake_answer(const char *request, void *user)
{
	struct fake_cartd *fake = user;
	int cart;

	if (strncmp(request, "GET /health ", 12) == 0)
		return reply(fake->health_status, 0, fake->health);
	if (strncmp(request, "GET /openapi.yaml ", 18) == 0 ||
	    strncmp(request, "GET /metrics ", 13) == 0 ||
	    strstr(request, "/00000000-0000-4000-8000-000000000000 ") != NULL)
		return reply(404, 0, "{}");
	if (fake->silent_after >= 0 && fake->served >= fake->silent_after)
		return NULL;
	fake->served++;
	if (strncmp(request, "POST /shopping-carts HTTP", 25) == 0)
		return fake_create(fake, request);
	if (sscanf(request, "POST /shopping-carts/" ID_START "%2d/items HTTP", &cart) == 1)
		return fake_add(fake, request, cart);
	if (sscanf(request, "GET /shopping-carts/" ID_START "%2d HTTP", &cart) == 1)
		return reply_cart(fake, 200, cart);
	return reply(404, 0, "{}");
}

static void measure(struct fake_cartd *fake, struct seed150_result *result)
{
	const struct bench_drive_config config = {.timeout_ms = TIMEOUT_MS, .cold = true};
	struct bench_drive *drive;
	struct fake_server server;
	struct cart_error error;
	char url[40];

	*result = (struct seed150_result){.url = "http://fake", .name = "fake"};
	fake_server_start(&server, fake_answer, fake);
	snprintf(url, sizeof(url), "127.0.0.1:%d", server.port);
	if (bench_drive_open(&drive, url, &config, &error) != 0)
		fail_msg("%s", error.text);
	assert_string_equal(drive->database, "fake");
	seed150_measure(result, drive);
	bench_drive_close(&drive);
	fake_server_stop(&server);
}

static size_t good(const struct seed150_result *result, enum seed150_operation operation)
{
	return seed150_row(result, operation).times.count;
}

static void the_protocol_is_the_seeds_to_the_letter(void **state)
{
	struct fake_cartd fake = fake_well;
	struct seed150_result result;
	int i;

	(void)state;
	measure(&fake, &result);
	assert_int_equal(result.sample_count, 150);
	assert_string_equal(result.error.text, "");
	assert_int_equal(good(&result, SEED150_OPERATIONS), 150);
	for (i = 0; i < SEED150_EACH; i++) {
		assert_int_equal(fake.customers[i], 1000 + i);
		assert_int_equal(fake.products[i], 100 + i % 10);
		assert_int_equal(fake.quantities[i], i % 5 + 1);
		assert_int_equal(result.samples[i].operation, SEED150_CREATE);
		assert_int_equal(result.samples[50 + i].operation, SEED150_ADD);
		assert_int_equal(result.samples[100 + i].operation, SEED150_GET);
		assert_string_equal(result.samples[i].cart_id, result.samples[50 + i].cart_id);
		assert_string_equal(result.samples[i].cart_id, result.samples[100 + i].cart_id);
		assert_true(result.samples[i].response_ms > 0);
	}
}

static void a_failed_operation_fails_alone(void **state)
{
	struct fake_cartd fake = fake_well;
	struct seed150_result result;

	(void)state;
	fake.fail_add = 7;
	measure(&fake, &result);
	assert_int_equal(result.sample_count, 150);
	assert_int_equal(good(&result, SEED150_ADD), 49);
	assert_int_equal(good(&result, SEED150_GET), 50);
	assert_false(result.samples[57].success);
	assert_int_equal(result.samples[57].status, 503);
	assert_string_equal(result.error.text, "add_items answered 503, not 204");
}

static void a_cart_that_was_not_created_fails_thrice(void **state)
{
	struct fake_cartd fake = fake_well;
	struct seed150_result result;

	(void)state;
	fake.fail_create = 3;
	measure(&fake, &result);
	assert_int_equal(result.sample_count, 150);
	assert_int_equal(good(&result, SEED150_OPERATIONS), 147);
	assert_string_equal(result.samples[3].cart_id, "");
	assert_int_equal(result.samples[53].status, 0);
	assert_int_equal(result.samples[103].status, 0);
	assert_int_equal(fake.served, 148);
}

static void a_get_without_the_item_added_is_no_success(void **state)
{
	struct fake_cartd fake = fake_well;
	struct seed150_result result;

	(void)state;
	fake.forgets = true;
	measure(&fake, &result);
	assert_int_equal(good(&result, SEED150_ADD), 50);
	assert_int_equal(good(&result, SEED150_GET), 0);
	assert_string_equal(result.error.text,
			    "get_cart answered 200 without the cart it should hold");
}

static void a_target_that_goes_is_given_up_and_what_was_measured_kept(void **state)
{
	struct fake_cartd fake = fake_well;
	struct seed150_result result;

	(void)state;
	fake.silent_after = 70;
	measure(&fake, &result);
	assert_int_equal(result.sample_count, 70 + SEED150_GIVE_UP);
	assert_int_equal(good(&result, SEED150_OPERATIONS), 70);
	assert_int_equal(result.samples[70].status, 0);
	assert_string_equal(result.error.text, "add_items got no answer: connection");
	assert_string_equal(seed150_why(&result, SEED150_ADD), "");
	assert_string_equal(seed150_why(&result, SEED150_GET),
			    "it was not asked, because others before it got no answer");
}

static void where_no_cart_is_created_nothing_is_measured_and_each_says_why(void **state)
{
	struct fake_cartd fake = fake_well;
	struct seed150_result result;

	(void)state;
	fake.fail_creates = true;
	measure(&fake, &result);
	assert_int_equal(result.sample_count, 150);
	for (int i = SEED150_CREATE; i <= SEED150_OPERATIONS; i++)
		assert_string_equal(seed150_why(&result, (enum seed150_operation)i),
				    i == SEED150_ADD || i == SEED150_GET
					    ? "no cart was created for it"
					    : "create_cart answered 503, not 201");
}

static void refuse_health(int status, const char *health, const char *why)
{
	struct fake_cartd fake = fake_well;
	const struct bench_drive_config config = {.timeout_ms = TIMEOUT_MS, .cold = true};
	struct bench_drive *drive;
	struct fake_server server;
	struct cart_error error;
	char url[40];

	fake.health = health;
	fake.health_status = status;
	fake_server_start(&server, fake_answer, &fake);
	snprintf(url, sizeof(url), "127.0.0.1:%d", server.port);
	assert_int_equal(bench_drive_open(&drive, url, &config, &error), -1);
	if (strstr(error.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, why);
	bench_drive_close(&drive);
	fake_server_stop(&server);
}

static void what_is_no_cartd_is_not_measured(void **state)
{
	(void)state;
	refuse_health(404, "<html>", "not a cartd");
	refuse_health(200, "welcome", "not a cartd");
	refuse_health(200, "[]", "not a cartd");
	refuse_health(200, "{\"status\": \"ok\"}", "names no database");
	refuse_health(503, "{\"status\": \"unavailable\", \"database\": \"mysql\"}", "is down");
	refuse_health(200, "{\"status\": \"ok\", \"database\": \"\"}", "file");
	refuse_health(200, "{\"status\": \"ok\", \"database\": \"../../etc/x\"}", "file");
	refuse_health(200,
		      "{\"status\": \"ok\", \"database\": \"0123456789012345678901234567890123\"}",
		      "file");
}

/* Two creates of 1 and 3 ms, an add that failed, a get of 10. */
static void fill(struct seed150_result *result)
{
	*result = (struct seed150_result){.url = "http://h", .name = "sqlite", .sample_count = 4};
	result->samples[0] = (struct seed150_sample){SEED150_CREATE, 1.0, true, 201, 0, "id-a"};
	result->samples[1] =
		(struct seed150_sample){SEED150_CREATE, 3.00049, true, 201, 1761953400123, "id-b"};
	result->samples[2] = (struct seed150_sample){SEED150_ADD, 500, false, 0, 0, ""};
	result->samples[3] = (struct seed150_sample){SEED150_GET, 10.5, true, 200, 0, "id-a"};
	cart_error_set(&result->why[SEED150_ADD], "add_items got no answer: timeout");
}

static void times_are_of_the_operations_that_succeeded(void **state)
{
	struct seed150_result result;
	struct seed150_row row;

	(void)state;
	fill(&result);
	row = seed150_row(&result, SEED150_CREATE);
	assert_int_equal(row.times.count, 2);
	assert_true(fabs(bench_summary_average(&row.times) - 2.000245) < 1e-9);
	assert_true(row.times.min == 1.0 && row.times.max == 3.00049);
	row = seed150_row(&result, SEED150_ADD);
	assert_int_equal(row.times.count, 0);
	assert_true(bench_summary_average(&row.times) == 0);
	assert_int_equal(row.tried, 1);
	row = seed150_row(&result, SEED150_OPERATIONS);
	assert_int_equal(row.times.count, 3);
	assert_true(row.times.min == 1.0 && row.times.max == 10.5);
}

static void the_table_shows_ours_beside_the_seeds(void **state)
{
	static const char want[] =
		"seed150 of http://h (sqlite), a new TCP connection each operation\n"
		"\n"
		"                  | here                    | the seed, MySQL         | the seed, "
		"DynamoDB\n"
		"operation       n |  avg ms     min     max |  avg ms     min     max |  avg ms   "
		"  "
		"min     max\n"
		"------------------+-------------------------+-------------------------+-----------"
		"--"
		"------------\n"
		"create_cart     2 |    2.00    1.00    3.00 |   61.78       -       - |   64.47   "
		"56.16  105.21\n"
		"add_items       1 |       -       -       - |   65.59       -       - |   69.02   "
		"50.99  135.47\n"
		"get_cart        1 |   10.50   10.50   10.50 |   58.67       -       - |   59.14   "
		"49.66   67.04\n"
		"overall         4 |    4.83    1.00   10.50 |   62.01   52.10   99.98 |   64.21   "
		"49.66  135.47\n"
		"success           |         3 of 150, 2.0 % |              150 of 150 |           "
		"  "
		" 150 of 150\n"
		"add_items was not measured: add_items got no answer: timeout\n";
	struct seed150_result result;
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	fill(&result);
	assert_true(seed150_print_table(out, &result));
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void it_is_said_that_the_seeds_figures_are_no_yardstick(void **state)
{
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	seed150_print_caveat(out);
	fclose(out);
	assert_non_null(strstr(text, "load\nbalancer to another region"));
	assert_non_null(strstr(text, "not comparable"));
	free(text);
}

static json_t *load_and_remove(const char *dir, const char *name)
{
	char path[512];
	json_t *json;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (json == NULL)
		fail_msg("%s is not there or not JSON", path);
	remove(path);
	return json;
}

static void check_sample(const json_t *sample, size_t members, const char *operation, double ms,
			 int success, int status, const char *timestamp, const char *id)
{
	assert_int_equal(json_object_size(sample), members);
	assert_string_equal(json_string_value(json_object_get(sample, "operation")), operation);
	assert_true(fabs(json_real_value(json_object_get(sample, "response_time")) - ms) < 1e-9);
	assert_int_equal(json_is_true(json_object_get(sample, "success")), success);
	assert_int_equal(json_integer_value(json_object_get(sample, "status_code")), status);
	assert_string_equal(json_string_value(json_object_get(sample, "timestamp")), timestamp);
	if (id == NULL)
		assert_true(json_is_null(json_object_get(sample, "cart_id")));
	else
		assert_string_equal(json_string_value(json_object_get(sample, "cart_id")), id);
}

static void the_files_have_the_seeds_shape(void **state)
{
	struct seed150_result results[2];
	struct cart_error error;
	char dir[256];
	json_t *array;

	(void)state;
	cartd_make_directory(dir);
	fill(&results[0]);
	fill(&results[1]);
	strcpy(results[1].name, "sqlite-2");
	assert_int_equal(seed150_write(dir, "sqlite_test", results, 1, &error), 0);
	assert_int_equal(seed150_write(dir, "combined", results, 2, &error), 0);

	array = load_and_remove(dir, "sqlite_test_results.json");
	assert_int_equal(json_array_size(array), 4);
	check_sample(json_array_get(array, 1), 6, "create_cart", 3.0, 1, 201,
		     "2025-10-31T23:30:00.123Z", "id-b");
	check_sample(json_array_get(array, 2), 6, "add_items", 500, 0, 0,
		     "1970-01-01T00:00:00.000Z", NULL);
	json_decref(array);

	array = load_and_remove(dir, "combined_results.json");
	assert_int_equal(json_array_size(array), 8);
	check_sample(json_array_get(array, 7), 7, "get_cart", 10.5, 1, 200,
		     "1970-01-01T00:00:00.000Z", "id-a");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(array, 3), "database")), "sqlite");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(array, 4), "database")),
		"sqlite-2");
	json_decref(array);
	cartd_remove_directory(dir);
}

static void a_file_that_cannot_be_written_is_named(void **state)
{
	struct seed150_result result;
	struct cart_error error;

	(void)state;
	fill(&result);
	assert_int_equal(seed150_write("/nonexistent", "sqlite_test", &result, 1, &error), -1);
	assert_string_equal(error.text, "cannot write /nonexistent/sqlite_test_results.json: "
					"No such file or directory");
}

static void json_holds_ours_and_the_seeds(void **state)
{
	struct seed150_result result;
	double avg = 0, seed = 0;
	const char *database, *why;
	json_t *all;
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	fill(&result);
	assert_true(seed150_print_json(out, &result, 1));
	fclose(out);
	all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_unpack(all, "{s:[{s:s, s:{s:F}}], s:{s:{s:{s:F}}}}", "results",
				     "database", &database, "create_cart", "avg", &avg, "seed",
				     "mysql", "overall", "avg", &seed),
			 0);
	assert_string_equal(database, "sqlite");
	assert_true(fabs(avg - 2.0) < 1e-9 && fabs(seed - 62.01) < 1e-9);
	assert_int_equal(json_unpack(all, "{s:[{s:{s:n}, s:{s:s}}]}", "results", "create_cart",
				     "why", "add_items", "why", &why),
			 0);
	assert_string_equal(why, "add_items got no answer: timeout");
	json_decref(all);
	free(text);
}

static enum bench_exit run_as_a_mode(const char *first, const char *second, const char *third)
{
	char *argv[] = {(char *)(uintptr_t) "seed150", (char *)(uintptr_t)first,
			(char *)(uintptr_t)second, (char *)(uintptr_t)third, NULL};
	int argc = 1;

	while (argv[argc] != NULL)
		argc++;
	return bench_session_run(&seed150_mode, argc, argv);
}

static void wrong_usage_and_nobody_there_end_with_2(void **state)
{
	struct fake_server server;
	char url[40];

	(void)state;
	fake_server_start(&server, fake_answer, NULL);
	fake_server_stop(&server);
	snprintf(url, sizeof(url), "127.0.0.1:%d", server.port);
	assert_int_equal(run_as_a_mode(NULL, NULL, NULL), BENCH_INVALID);
	assert_int_equal(run_as_a_mode("--frobnicate", url, NULL), BENCH_INVALID);
	assert_int_equal(run_as_a_mode(url, "--out", NULL), BENCH_INVALID);
	assert_int_equal(run_as_a_mode("--timeout", "soon", url), BENCH_INVALID);
	assert_int_equal(run_as_a_mode("--out", "/nonexistent/x", url), BENCH_INVALID);
	assert_int_equal(run_as_a_mode("gopher://x", NULL, NULL), BENCH_INVALID);
	assert_int_equal(run_as_a_mode("store:memory", NULL, NULL), BENCH_INVALID);
	assert_int_equal(run_as_a_mode(url, NULL, NULL), BENCH_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_protocol_is_the_seeds_to_the_letter),
		cmocka_unit_test(a_failed_operation_fails_alone),
		cmocka_unit_test(a_cart_that_was_not_created_fails_thrice),
		cmocka_unit_test(a_get_without_the_item_added_is_no_success),
		cmocka_unit_test(where_no_cart_is_created_nothing_is_measured_and_each_says_why),
		cmocka_unit_test(a_target_that_goes_is_given_up_and_what_was_measured_kept),
		cmocka_unit_test(what_is_no_cartd_is_not_measured),
		cmocka_unit_test(times_are_of_the_operations_that_succeeded),
		cmocka_unit_test(the_table_shows_ours_beside_the_seeds),
		cmocka_unit_test(it_is_said_that_the_seeds_figures_are_no_yardstick),
		cmocka_unit_test(the_files_have_the_seeds_shape),
		cmocka_unit_test(a_file_that_cannot_be_written_is_named),
		cmocka_unit_test(json_holds_ours_and_the_seeds),
		cmocka_unit_test(wrong_usage_and_nobody_there_end_with_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
