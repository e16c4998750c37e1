/* cartctl as a program: what it prints, and how it ends. */
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ids.h"
#include "tests/lib/sqlite_fixture.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define MANY 130 /* carts: more than a page */

static struct fixture fixture;

/* Runs cartctl with up to eight arguments on the fixture's file. Its output lives until the next
 * call. */
#define CTL(...) run_ctl((const char *const[]){__VA_ARGS__, NULL})

static char *output;

static int run_ctl(const char *const *arguments)
{
	const char *argv[16] = {"cartctl", "--backend", "sqlite", "--sqlite.path", fixture.path};
	size_t n = 5;

	while (*arguments != NULL)
		argv[n++] = *arguments++;
	free(output);
	output = NULL;
	return cartd_run_program(argv, &output, 20000);
}

static void assert_output_holds(const char *text)
{
	if (strstr(output, text) == NULL)
		fail_msg("\"%s\" is not in: %s", text, output);
}

/* One line, which says this. */
static void assert_says(const char *line)
{
	assert_int_equal(strcspn(output, "\n"), strlen(output) - 1);
	output[strlen(output) - 1] = '\0';
	assert_string_equal(output, line);
}

static const char *id_text(uint8_t n)
{
	static char text[CART_ID_TEXT + 1];
	struct cart_id id = fixture_id(n);

	cart_id_format(&id, text);
	return text;
}

static size_t lines(void)
{
	size_t count = 0;

	for (const char *p = output; (p = strchr(p, '\n')) != NULL; p++)
		count++;
	return count;
}

/* The output as JSON lines, as one array. */
static json_t *carts_of_output(void)
{
	json_t *carts = json_array();

	for (char *line = output, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		json_error_t error;
		json_t *cart =
			json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, &error);

		if (cart == NULL)
			fail_msg("%s: %.*s", error.text, (int)(end - line), line);
		json_array_append_new(carts, cart);
	}
	return carts;
}

/* Cart 4 has attributes and the line of cart 5, a guest's, which is merged into it. */
static void fill_merged(void)
{
	struct cart_change change = {CART_CHANGE_ADD, id_of(1), 1,
				     "{\"colour\":\"blue\",\"gift\":true}"};
	struct cart_op add = {.type = CART_OP_CHANGE, .changes = &change, .change_count = 1};
	struct cart_op guest = {.type = CART_OP_CREATE}, merge = {.type = CART_OP_MERGE};

	assert_int_equal(fixture_create(&fixture, 4, 6), CART_OK);
	guest.id = merge.from = fixture_id(5);
	add.id = merge.id = fixture_id(4);
	assert_int_equal(fixture_run(&fixture, &guest), CART_OK);
	assert_int_equal(fixture_run(&fixture, &add), CART_OK);
	assert_int_equal(fixture_add(&fixture, 5, 2, 3), CART_OK);
	assert_int_equal(fixture_run(&fixture, &merge), CART_OK);
	cart_op_clear(&guest);
	cart_op_clear(&add);
	cart_op_clear(&merge);
}

/* Cart 1 of customer 7 has a line, cart 2 none; 3 is checked out; 4 of customer 6 has taken the
 * line of a guest's, 5; MANY carts of customer 8. */
static int fill(void **state)
{
	struct cart_error error;
	struct cart_op op;

	(void)state;
	fixture_init(&fixture);
	fixture_set(&fixture, "feed", "on");
	/* The fixture's clock stands in the past: carts would have expired by now. */
	fixture_set(&fixture, "cart.ttl", "0");
	assert_int_equal(fixture_start(&fixture, CART_PROVISION_AUTO, &error), 0);
	for (uint8_t n = 1; n <= 3; n++) {
		assert_int_equal(fixture_create(&fixture, n, 7), CART_OK);
		fixture.clock.wall_ms += 1000;
	}
	assert_int_equal(fixture_add(&fixture, 1, 456, 2), CART_OK);
	assert_int_equal(fixture_add(&fixture, 3, 457, 1), CART_OK);
	cart_op_init(&op, CART_OP_CHECKOUT);
	op.id = fixture_id(3);
	op.order_id = fixture_id(200);
	assert_int_equal(fixture_run(&fixture, &op), CART_OK);
	cart_op_clear(&op);
	fill_merged();
	for (uint8_t n = 0; n < MANY; n++)
		assert_int_equal(fixture_create(&fixture, (uint8_t)(n + 10), 8), CART_OK);
	fixture_stop(&fixture);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	fixture_free(&fixture);
	free(output);
	return 0;
}

static void get_prints_the_cart_as_the_service_shows_it(void **state)
{
	char expected[512];

	(void)state;
	assert_int_equal(CTL("get", id_text(1)), 0);
	snprintf(expected, sizeof(expected),
		 "{\"shopping_cart_id\":\"%s\",\"customer_id\":7,\"status\":\"open\","
		 "\"version\":2,\"created_at\":\"2025-11-01T23:30:00.000Z\","
		 "\"updated_at\":\"2025-11-01T23:30:03.000Z\",\"expires_at\":null,"
		 "\"order_id\":null,\"items\":[{\"product_id\":456,\"quantity\":2,"
		 "\"added_at\":\"2025-11-01T23:30:03.000Z\","
		 "\"updated_at\":\"2025-11-01T23:30:03.000Z\"}]}",
		 id_text(1));
	assert_says(expected);
}

static void attributes_are_printed_with_their_line(void **state)
{
	(void)state;
	assert_int_equal(CTL("get", id_text(4)), 0);
	assert_int_equal(lines(), 1);
	assert_output_holds("\"version\":3,");
	assert_output_holds("\"items\":[{\"product_id\":1,\"quantity\":1,\"added_at\":"
			    "\"2025-11-01T23:30:03.000Z\",\"updated_at\":"
			    "\"2025-11-01T23:30:03.000Z\",\"attributes\":"
			    "{\"colour\":\"blue\",\"gift\":true}},"
			    "{\"product_id\":2,\"quantity\":3,");
}

static void a_merged_cart_says_which_has_its_lines(void **state)
{
	char into[CART_ID_TEXT + 1], says[128];
	json_t *carts, *cart;

	(void)state;
	strcpy(into, id_text(4));
	assert_int_equal(CTL("get", id_text(5)), 0);
	carts = carts_of_output();
	cart = json_array_get(carts, 0);
	assert_string_equal(json_string_value(json_object_get(cart, "status")), "merged");
	assert_string_equal(json_string_value(json_object_get(cart, "merged_into")), into);
	assert_true(json_is_null(json_object_get(cart, "order_id")));
	json_decref(carts);
	snprintf(says, sizeof(says), "\"merged_into\":\"%s\"", into);
	assert_output_holds(says);
	/* The cart that took the lines does not say so. */
	assert_int_equal(CTL("list", "--customer=6"), 0);
	assert_int_equal(lines(), 1);
	assert_null(strstr(output, "merged"));
}

static void get_takes_several_and_fails_if_one_is_missing(void **state)
{
	char first[CART_ID_TEXT + 1], second[CART_ID_TEXT + 1], expected[80];

	(void)state;
	strcpy(first, id_text(1));
	strcpy(second, id_text(2));
	assert_int_equal(CTL("get", first, second), 0);
	assert_int_equal(lines(), 2);
	assert_int_equal(CTL("get", first, id_text(250), second), 1);
	assert_int_equal(lines(), 3);
	snprintf(expected, sizeof(expected), "cartctl: no cart %s\n", id_text(250));
	assert_output_holds(expected);
	assert_output_holds(second);
}

static void list_prints_a_customers_carts_newest_first(void **state)
{
	(void)state;
	assert_int_equal(CTL("list", "--customer", "7"), 0);
	json_t *carts = carts_of_output();

	assert_int_equal(json_array_size(carts), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(carts, i),
								      "shopping_cart_id")),
				    id_text((uint8_t)(3 - i)));
	json_decref(carts);
	assert_int_equal(CTL("list", "--customer=7", "--status=checked_out"), 0);
	assert_int_equal(lines(), 1);
	assert_output_holds("\"status\":\"checked_out\"");
	assert_int_equal(CTL("list", "--customer", "7", "--status", "open"), 0);
	assert_int_equal(lines(), 2);
	assert_int_equal(CTL("list", "--customer", "9"), 0); /* nobody: nothing, and no failure */
	assert_string_equal(output, "");
}

static void list_goes_on_over_pages_and_lists_nothing_twice(void **state)
{
	(void)state;
	assert_int_equal(CTL("list", "--customer", "8"), 0);
	json_t *carts = carts_of_output(), *seen = json_object();

	assert_int_equal(json_array_size(carts), MANY);
	for (size_t i = 0; i < MANY; i++)
		json_object_set(seen,
				json_string_value(json_object_get(json_array_get(carts, i),
								  "shopping_cart_id")),
				json_true());
	assert_int_equal(json_object_size(seen), MANY);
	json_decref(carts);
	json_decref(seen);
}

static void list_stops_at_its_limit_and_says_that_there_is_more(void **state)
{
	(void)state;
	assert_int_equal(CTL("list", "--customer", "8", "--limit", "104"), 0);
	assert_int_equal(lines(), 105);
	assert_output_holds("\ncartctl: list: there are more carts than --limit\n");
	assert_int_equal(CTL("list", "--customer", "8", "--limit", "130"), 0);
	assert_int_equal(lines(), 130);
}

static void feed_prints_events_with_their_cursors(void **state)
{
	(void)state;
	assert_int_equal(CTL("--feed=on", "feed", "--limit", "2"), 0);
	assert_int_equal(lines(), 3);
	assert_output_holds("\"type\":\"cart.created\"");
	assert_output_holds("\"cursor\":\"1-2\"");
	assert_output_holds("\ncartctl: feed: goes on with --after 1-2\n");
	assert_int_equal(CTL("--feed=on", "feed", "--after", "1-1", "--limit", "1"), 0);
	assert_output_holds("\"cursor\":\"1-2\"");
	assert_int_equal(CTL("--feed=on", "feed", "--after", "now"), 0);
	assert_int_equal(lines(), 1);
	assert_int_equal(CTL("--feed=on", "feed", "--after", "1-99999"), 1);
	assert_says("cartctl: feed: events after 1-99999 are no longer kept: read the carts anew, "
		    "and go on from a new cursor");
	assert_int_equal(CTL("--feed=on", "feed", "--after", "3-7"), 1);
	assert_says("cartctl: feed: 3-7 is a cursor of another backend's feed: read the carts "
		    "anew, and go on from a new cursor");
	assert_int_equal(CTL("--feed=on", "feed", "--after", "x"), 2);
	assert_int_equal(CTL("feed"), 1);
	assert_output_holds("the feed is off: set feed=on");
}

static void list_finds_what_was_left_idle(void **state)
{
	(void)state;
	assert_int_equal(CTL("list", "--idle-since", "2025-11-01T23:30:02Z"), 0);
	assert_int_equal(lines(), 1);
	assert_output_holds(id_text(2));
	assert_int_equal(CTL("list", "--idle-since", "1h", "--limit", "2"), 0);
	assert_int_equal(lines(), 3);
	assert_int_equal(CTL("list", "--idle-since", "2025-11-01T23:30:00Z"), 0);
	assert_string_equal(output, "");
}

static void looking_makes_no_store(void **state)
{
	const char *argv[] = {"cartctl", "--sqlite.path", NULL, "get", id_text(1), NULL};
	char path[192], *text;

	(void)state;
	snprintf(path, sizeof(path), "%s/other.db", fixture.folder);
	argv[2] = path;
	assert_int_equal(cartd_run_program(argv, &text, 20000), 1);
	assert_non_null(strstr(text, "does not exist"));
	assert_int_equal(access(path, F_OK), -1);
	free(text);
}

static void provision_makes_a_store_and_checks_one(void **state)
{
	const char *argv[] = {"cartctl", "--sqlite.path", NULL, "provision", NULL, NULL};
	char path[192], sidecar[200], *text;

	(void)state;
	snprintf(path, sizeof(path), "%s/other.db", fixture.folder);
	argv[2] = path;
	argv[4] = "--check";
	assert_int_equal(cartd_run_program(argv, &text, 20000), 1);
	assert_non_null(strstr(text, "cartctl: provision: sqlite: "));
	free(text);
	argv[4] = NULL;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cartd_run_program(argv, &text, 20000), 0);
		assert_string_equal(text, "sqlite: the schema is there and current\n");
		free(text);
	}
	argv[4] = "--check";
	assert_int_equal(cartd_run_program(argv, &text, 20000), 0);
	free(text);
	unlink(path);
	snprintf(sidecar, sizeof(sidecar), "%s-wal", path);
	unlink(sidecar);
	snprintf(sidecar, sizeof(sidecar), "%s-shm", path);
	unlink(sidecar);
}

static void the_memory_backend_has_nothing_to_show(void **state)
{
	(void)state;
	assert_int_equal(CTL("--backend", "memory", "get", id_text(1)), 1);
	assert_says("cartctl: get: the memory backend keeps carts in the memory of cartd, where no "
		    "other process can read them");
	assert_int_equal(CTL("--backend", "memory", "list", "--customer", "7"), 1);
	assert_int_equal(CTL("--backend", "memory", "provision"), 0);
}

static void backends_are_listed_with_the_one_that_is_set(void **state)
{
	(void)state;
	assert_int_equal(CTL("backends"), 0);
	assert_output_holds("* sqlite ");
	assert_output_holds("\n  mysql ");
	assert_output_holds("\n  dynamodb ");
	assert_output_holds("\n  memory ");
	assert_int_equal(CTL("--backend", "memory", "backends"), 0);
	assert_output_holds("* memory ");
	assert_int_equal(CTL("--backend", "mysqk", "backends"), 2);
	assert_says("cartctl: backend: \"mysqk\" is none of sqlite, mysql, dynamodb, memory");
}

static void settings_print_the_effective_ones(void **state)
{
	(void)state;
	assert_int_equal(CTL("settings", "--set", "http.max_body=128KiB"), 0);
	assert_output_holds("\n[http]\n# from the command line\nmax_body = 128KiB\n");
	assert_output_holds("\nidle_timeout = 60s\n");
	assert_int_equal(CTL("settings", "--sample"), 0);
	assert_output_holds("\n#max_body = 64KiB\n");
	assert_int_equal(CTL("settings", "--markdown"), 0);
	assert_output_holds("| `http.max_body` | size, 1KiB ... 16MiB | `64KiB` |");
	assert_int_equal(CTL("settings", "--markdown", "--sample"), 2);
	assert_int_equal(CTL("settings", "--drain.deadline=1s"), 2);
	assert_says("cartctl: drain.deadline is 1s, but must be at least request.deadline, which "
		    "is 5s: requests under way must be answered before their connections are "
		    "closed");
}

static void bad_usage_names_the_argument_and_ends_with_2(void **state)
{
	(void)state;
	assert_int_equal(CTL("gte"), 2);
	assert_says(
		"cartctl: \"gte\" is no command; the commands are backends, provision, get, list, "
		"feed, archive, restore, settings, token");
	assert_int_equal(CTL("get"), 2);
	assert_says("cartctl: get: the ID of a cart is missing");
	assert_int_equal(CTL("get", "abc"), 2);
	assert_says("cartctl: get: \"abc\" is not a UUID");
	assert_int_equal(CTL("get", "--", "--threads"), 2);
	assert_says("cartctl: get: \"--threads\" is not a UUID");
	assert_int_equal(CTL("get", "--thread=1", id_text(1)), 2);
	assert_says("cartctl: get: unknown option \"--thread\" (did you mean \"--threads\"?)");
	assert_int_equal(CTL("list"), 2);
	assert_says("cartctl: list: needs one of --customer and --idle-since");
	assert_int_equal(CTL("list", "--customer", "1", "--idle-since", "1h"), 2);
	assert_says("cartctl: list: needs one of --customer and --idle-since");
	assert_int_equal(CTL("list", "--customer", "0"), 2);
	assert_says("cartctl: list: --customer: \"0\" is not an integer of 1 to "
		    "9007199254740991");
	assert_int_equal(CTL("list", "--customer", "1", "--limit", "1x"), 2);
	assert_says("cartctl: list: --limit: \"1x\" is not an integer from 1 on");
	assert_int_equal(CTL("list", "--customer", "1", "--limit"), 2);
	assert_says("cartctl: list: --limit needs a value");
	assert_int_equal(CTL("list", "--customer", "1", "--customer", "2"), 2);
	assert_says("cartctl: list: --customer is given twice");
	assert_int_equal(CTL("list", "--customer", "1", "--status", "closed"), 2);
	assert_says("cartctl: list: --status: \"closed\" is not open, checked_out or merged");
	assert_int_equal(CTL("list", "--idle-since", "1h", "--status", "open"), 2);
	assert_says("cartctl: list: --status goes with --customer; idle carts are open");
	assert_int_equal(CTL("list", "--idle-since", "yesterday"), 2);
	assert_says("cartctl: list: --idle-since: \"yesterday\" is neither a time such as "
		    "2025-11-01T23:30:00Z nor a duration such as 24h");
	assert_int_equal(CTL("list", "--custmer", "1"), 2);
	assert_says("cartctl: list: unknown option \"--custmer\" (it has --customer, --idle-since, "
		    "--status, --limit)");
	assert_int_equal(CTL("backends", "x"), 2);
	assert_says("cartctl: backends: unexpected argument \"x\"");
	assert_int_equal(CTL("provision", "--check=yes"), 2);
	assert_says("cartctl: provision: --check takes no value");
	assert_int_equal(CTL("--threads", "x", "backends"), 2);
	assert_says("cartctl: --threads: \"x\" is not a whole number");
}

static void help_shows_an_example_even_where_settings_are_broken(void **state)
{
	static const char *const commands[] = {"backends", "provision", "get",	   "list",
					       "archive",  "restore",	"settings"};

	(void)state;
	assert_int_equal(CTL("--threads", "x", "--help"), 0);
	for (size_t i = 0; i < 5; i++) {
		char line[32];

		snprintf(line, sizeof(line), "\n  %s ", commands[i]);
		assert_output_holds(line);
	}
	assert_output_holds("\n  --http.max_body size ");
	for (size_t i = 0; i < 5; i++) {
		char usage[64];

		assert_int_equal(CTL(commands[i], "--help"), 0);
		snprintf(usage, sizeof(usage), "Usage: cartctl %s", commands[i]);
		assert_output_holds(usage);
		assert_output_holds("\nExample");
	}
	assert_int_equal(CTL("--version"), 0);
	assert_output_holds("cartctl ");
}

static void ids_are_of_the_type_that_is_set(void **state)
{
	char other[300], line[400];

	(void)state;
	/* Of a setting that is given twice the later one counts. */
	snprintf(other, sizeof(other), "%s-strings", fixture.path);
	assert_int_equal(CTL("--sqlite.path", other, "--cart.id_type", "string", "provision"), 0);
	assert_int_equal(CTL("--sqlite.path", other, "--cart.id_type", "string", "list",
			     "--customer", "a@b/\"c"),
			 0);
	assert_string_equal(output, "");
	assert_int_equal(CTL("--sqlite.path", other, "--cart.id_type", "string", "list",
			     "--customer", "a b"),
			 2);
	assert_says("cartctl: list: --customer: \"a b\" is not 1 to 64 visible ASCII characters");
	assert_int_equal(CTL("list", "--customer", "a@b"), 2);
	assert_int_equal(CTL("--sqlite.path", other, "list", "--customer", "7"), 1);
	snprintf(line, sizeof(line),
		 "%s holds ids of cart.id_type=string, not integer; set cart.id_type=string",
		 other);
	assert_output_holds(line);
}

static void a_setting_that_cannot_work_stops_dynamodb_and_is_named(void **state)
{
	(void)state;
	assert_int_equal(CTL("--backend", "dynamodb", "--dynamodb.region", "eu-central-1",
			     "--dynamodb.tls_ca", "/nonexistent/ca.pem", "provision"),
			 1);
	assert_says("cartctl: provision: dynamodb: dynamodb.tls_ca: /nonexistent/ca.pem: No such "
		    "file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_prints_the_cart_as_the_service_shows_it),
		cmocka_unit_test(attributes_are_printed_with_their_line),
		cmocka_unit_test(a_merged_cart_says_which_has_its_lines),
		cmocka_unit_test(get_takes_several_and_fails_if_one_is_missing),
		cmocka_unit_test(list_prints_a_customers_carts_newest_first),
		cmocka_unit_test(list_goes_on_over_pages_and_lists_nothing_twice),
		cmocka_unit_test(list_stops_at_its_limit_and_says_that_there_is_more),
		cmocka_unit_test(list_finds_what_was_left_idle),
		cmocka_unit_test(feed_prints_events_with_their_cursors),
		cmocka_unit_test(looking_makes_no_store),
		cmocka_unit_test(provision_makes_a_store_and_checks_one),
		cmocka_unit_test(ids_are_of_the_type_that_is_set),
		cmocka_unit_test(a_setting_that_cannot_work_stops_dynamodb_and_is_named),
		cmocka_unit_test(the_memory_backend_has_nothing_to_show),
		cmocka_unit_test(backends_are_listed_with_the_one_that_is_set),
		cmocka_unit_test(settings_print_the_effective_ones),
		cmocka_unit_test(bad_usage_names_the_argument_and_ends_with_2),
		cmocka_unit_test(help_shows_an_example_even_where_settings_are_broken),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
