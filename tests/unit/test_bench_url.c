#include "bench/target/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, const char *host, const char *port, const char *prefix,
		  const char *authority)
{
	struct bench_url url;
	struct cart_error error = {0};

	if (bench_url_parse(&url, text, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	assert_string_equal(url.host, host);
	assert_string_equal(url.port, port);
	assert_string_equal(url.prefix, prefix);
	assert_string_equal(url.authority, authority);
}

static void refuse(const char *text, const char *why)
{
	struct bench_url url;
	struct cart_error error = {0};

	if (bench_url_parse(&url, text, &error) == 0)
		fail_msg("%s was taken", text);
	if (strstr(error.text, why) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, error.text, why);
}

static void urls_are_read_as_people_write_them(void **state)
{
	(void)state;
	check("http://127.0.0.1:8080", "127.0.0.1", "8080", "", "127.0.0.1:8080");
	check("HTTP://Cart.example", "Cart.example", "80", "", "Cart.example");
	check("localhost:9000/", "localhost", "9000", "", "localhost:9000");
	check("http://h:080/api/v1//", "h", "80", "/api/v1", "h");
	check("http://[::1]:8080/x", "::1", "8080", "/x", "[::1]:8080");
	check("https://h", "h", "443", "", "h");
	check("HTTPS://h:80/x", "h", "80", "/x", "h:80");
	check("https://h:443", "h", "443", "", "h");
	check("http://h:443", "h", "443", "", "h:443");
	check("http://[fe80::1]", "fe80::1", "80", "", "[fe80::1]");
}

static void what_is_no_url_is_refused_with_the_reason(void **state)
{
	(void)state;
	refuse("", "no name");
	refuse("http://", "no name");
	refuse("http:///x", "no name");
	refuse("httpss://h", "httpss");
	refuse("ftp://h", "ftp");
	refuse("http://h:0", "\"0\"");
	refuse("http://h:65536", "65536");
	refuse("http://h:", "port");
	refuse("http://h:80x", "80x");
	refuse("http://h:-1", "-1");
	refuse("http://::1:80", "no name");
	refuse("http://[::1", "]");
	refuse("http://[::1]x", "after");
	refuse("http://[]:1", "no name");
	refuse("http://u@h", "@");
	refuse("http://h/?q", "?");
	refuse("http://h/#f", "#");
	refuse("http://h h", "space");
	refuse("http://h\r\nX: y", "control");
	refuse("http://h\"", "no name");
}

static void lengths_are_bounded(void **state)
{
	char text[600];

	(void)state;
	snprintf(text, sizeof(text), "http://%0*d", BENCH_HOST_MAX, 0);
	check(text, text + 7, "80", "", text + 7);
	snprintf(text, sizeof(text), "http://%0*d", BENCH_HOST_MAX + 1, 0);
	refuse(text, "no name");
	snprintf(text, sizeof(text), "http://h/%0*d", BENCH_PATH_MAX - 1, 0);
	check(text, "h", "80", text + 8, "h");
	snprintf(text, sizeof(text), "http://h/%0*d", BENCH_PATH_MAX, 0);
	refuse(text, "path");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_read_as_people_write_them),
		cmocka_unit_test(what_is_no_url_is_refused_with_the_reason),
		cmocka_unit_test(lengths_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
