/* Endpoints that are taken, and what is said of others. */
#include "backends/dynamodb/aws/endpoint.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static void a_scheme_a_host_and_maybe_a_port_are_taken(void **state)
{
	static const char *const good[] = {"http://127.0.0.1:8000", "http://localhost",
					   "https://dynamodb.eu-west-1.amazonaws.com",
					   "https://vpce-1.example:443", "http://[::1]:8000"};
	struct cart_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (ddb_endpoint_check(good[i], &error) != 0)
			fail_msg("%s", error.text);
}

static void others_are_refused_with_what_to_write(void **state)
{
	static const char *const bad[] = {"",
					  "127.0.0.1:8000",
					  "http:/127.0.0.1:8000",
					  "http:///127.0.0.1",
					  "HTTPS://h.example",
					  "http:127.0.0.1",
					  "ftp://h.example",
					  "http://h:99999",
					  "http://",
					  "http://a b"};
	struct cart_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error.text[0] = '\0';
		if (ddb_endpoint_check(bad[i], &error) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(strstr(error.text, "write http://HOST[:PORT]"));
	}
}

static void more_than_a_host_and_a_port_is_refused(void **state)
{
	static const char *const bad[] = {"http://h/path", "http://h?a", "http://h#a",
					  "http://u:p@h"};
	struct cart_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ddb_endpoint_check(bad[i], &error), -1);
		assert_non_null(strstr(error.text, "more than a host and a port"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scheme_a_host_and_maybe_a_port_are_taken),
		cmocka_unit_test(others_are_refused_with_what_to_write),
		cmocka_unit_test(more_than_a_host_and_a_port_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
