#include "server/api/router.h"

#include "server/api/routes.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static struct router_match match;

/* The pattern that a path matches, "" for none, "%" for a bad escape. */
static const char *pattern_of(const char *path)
{
	switch (router_find(routes, routes_count, path, &match)) {
	case ROUTER_FOUND:
		return match.route->pattern;
	case ROUTER_NOT_FOUND:
		return "";
	case ROUTER_BAD_ESCAPE:
		break;
	}
	return "%";
}

static void assert_capture(size_t index, const char *text)
{
	assert_true(index < match.capture_count);
	assert_int_equal(match.captures[index].len, strlen(text));
	assert_memory_equal(match.captures[index].text, text, strlen(text));
}

static void each_pattern_matches_a_path_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_count; i++) {
		assert_string_equal(pattern_of(routes[i].pattern), routes[i].pattern);
		assert_non_null(routes[i].calls[0].handler);
	}
}

/* Without one it would be closed: nobody shall find that out in service. */
static void every_call_says_what_a_caller_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_count; i++)
		for (size_t j = 0; j < ROUTE_CALLS_MAX && routes[i].calls[j].handler != NULL; j++)
			if (routes[i].calls[j].scope == ROUTE_CLOSED)
				fail_msg("%s %s has no scope",
					 route_method_name(routes[i].calls[j].method),
					 routes[i].pattern);
}

static void captures_are_what_stands_between_the_slashes(void **state)
{
	(void)state;
	assert_string_equal(pattern_of("/shopping-carts/a/items/7"),
			    "/shopping-carts/{id}/items/{product_id}");
	assert_int_equal(match.capture_count, 2);
	assert_capture(0, "a");
	assert_capture(1, "7");
	assert_string_equal(pattern_of("/health"), "/health");
	assert_int_equal(match.capture_count, 0);
}

static void a_literal_segment_wins_over_a_capture(void **state)
{
	(void)state;
	assert_string_equal(pattern_of("/shopping-carts/batch-get"), "/shopping-carts/batch-get");
	assert_string_equal(pattern_of("/shopping-carts/batch-gets"), "/shopping-carts/{id}");
}

static void other_paths_match_nothing(void **state)
{
	static const char *const paths[] = {
		"",
		"*",
		"health",
		"//",
		"/shopping-carts/",
		"//shopping-carts",
		"/shopping-carts//items",
		"/shopping-carts/a/",
		"/shopping-carts/a/items/",
		"/shopping-carts/a/items/7/",
		"/shopping-carts/a/items/7/8",
		"/shopping-carts/a/basket",
		"/Shopping-Carts",
		"/health/",
		"/./health",
		"/healt",
		"/healthy",
		"/shopping-carts%2Fa",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_string_equal(pattern_of(paths[i]), "");
}

static void percent_encoding_is_decoded_within_a_segment(void **state)
{
	(void)state;
	assert_string_equal(pattern_of("/shopping%2Dcarts/%61b%2Fc"), "/shopping-carts/{id}");
	assert_capture(0, "ab/c");
	assert_string_equal(pattern_of("/shopping-carts/a%00b"), "/shopping-carts/{id}");
	assert_int_equal(match.captures[0].len, 3);
}

static void a_bad_escape_is_told_from_an_unknown_path(void **state)
{
	(void)state;
	assert_string_equal(pattern_of("/shopping-carts/%"), "%");
	assert_string_equal(pattern_of("/shopping-carts/%4"), "%");
	assert_string_equal(pattern_of("/shopping-carts/%zz"), "%");
	assert_string_equal(pattern_of("/%4g"), "%");
}

static void a_segment_too_long_to_decode_is_captured_as_it_is(void **state)
{
	char path[8200] = "/shopping-carts/%41";

	(void)state;
	memset(path + strlen(path), 'a', sizeof(path) - 1 - strlen(path));
	assert_string_equal(pattern_of(path), "/shopping-carts/{id}");
	assert_int_equal(match.captures[0].len, strlen(path) - strlen("/shopping-carts/"));
}

static void head_is_the_call_for_get(void **state)
{
	(void)state;
	pattern_of("/shopping-carts/a");
	assert_ptr_equal(route_call_find(match.route, HTTP_HEAD),
			 route_call_find(match.route, HTTP_GET));
	assert_non_null(route_call_find(match.route, HTTP_GET));
	pattern_of("/shopping-carts/a/items");
	assert_null(route_call_find(match.route, HTTP_HEAD));
	assert_null(route_call_find(match.route, HTTP_PATCH));
}

static void allow_lists_head_and_options_too(void **state)
{
	char allow[ROUTE_ALLOW_MAX];

	(void)state;
	pattern_of("/shopping-carts");
	route_allow(match.route, allow);
	assert_string_equal(allow, "GET, HEAD, POST, DELETE, OPTIONS");
	pattern_of("/shopping-carts/a/items/7");
	route_allow(match.route, allow);
	assert_string_equal(allow, "GET, HEAD, PUT, DELETE, OPTIONS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pattern_matches_a_path_of_its_own),
		cmocka_unit_test(every_call_says_what_a_caller_needs),
		cmocka_unit_test(captures_are_what_stands_between_the_slashes),
		cmocka_unit_test(a_literal_segment_wins_over_a_capture),
		cmocka_unit_test(other_paths_match_nothing),
		cmocka_unit_test(percent_encoding_is_decoded_within_a_segment),
		cmocka_unit_test(a_bad_escape_is_told_from_an_unknown_path),
		cmocka_unit_test(a_segment_too_long_to_decode_is_captured_as_it_is),
		cmocka_unit_test(head_is_the_call_for_get),
		cmocka_unit_test(allow_lists_head_and_options_too),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
