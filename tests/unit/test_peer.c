/* Whom a connection and a request come from: addresses and networks, the PROXY header, Forwarded
 * and X-Forwarded-For. */
#include "server/http/forwarded.h"
#include "server/http/proxy.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static struct address parse(const char *text)
{
	struct address address;

	if (!address_parse(&address, text, strlen(text)))
		fail_msg("%s is refused", text);
	return address;
}

static const char *format(const struct address *address)
{
	static char text[ADDRESS_TEXT];

	address_format(address, text);
	return text;
}

static void addresses_are_read_strictly(void **state)
{
	static const char *const good[] = {"192.0.2.1", "::1", "2001:db8::1", "0.0.0.0"};
	static const char *const bad[] = {
		"",	    "1",	"1.2.3",     "1.2.3.4.5", "1.2.3.256",
		"01.2.3.4", " 1.2.3.4", "1.2.3.4 ",  "1.2.3.4/8", "::1%lo",
		"[::1]",    ":::",	"localhost",
	};
	struct address address;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		address = parse(good[i]);
		assert_string_equal(format(&address), good[i]);
	}
	/* One address has one form. */
	address = parse("::ffff:192.0.2.1");
	assert_string_equal(format(&address), "192.0.2.1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (address_parse(&address, bad[i], strlen(bad[i])))
			fail_msg("%s is taken", bad[i]);
	assert_false(address_parse(&address, "1.2.3.4\0", 8));
}

static bool holds(const char *network, const char *text)
{
	struct address address = parse(text);
	struct networks networks;
	struct cart_error error;
	bool held;

	if (networks_parse(&networks, &network, 1, &error) != 0)
		fail_msg("%s: %s", network, error.text);
	held = networks_hold(&networks, &address);
	networks_free(&networks);
	return held;
}

static void networks_hold_what_starts_as_they_do(void **state)
{
	static const char *const bad[] = {"10.0.0.0/33",  "10.0.0.0/",	"10.0.0.0/x", "10.0.0.0/8x",
					  "10.0.0.0/-1",  "::1/129",	"/8",	      "*",
					  "10.0.0.0/8/8", "::1/0000008"};
	struct networks networks;
	struct cart_error error;

	(void)state;
	assert_true(holds("10.0.0.0/8", "10.255.0.1"));
	assert_false(holds("10.0.0.0/8", "11.0.0.1"));
	assert_true(holds("10.0.0.128/25", "10.0.0.200"));
	assert_false(holds("10.0.0.128/25", "10.0.0.100"));
	assert_true(holds("192.0.2.1", "192.0.2.1"));
	assert_false(holds("192.0.2.1", "192.0.2.0"));
	assert_true(holds("0.0.0.0/0", "203.0.113.7"));
	assert_false(holds("0.0.0.0/0", "2001:db8::1"));
	assert_true(holds("::/0", "203.0.113.7"));
	assert_true(holds("2001:db8::/33", "2001:db8:7fff::"));
	assert_false(holds("2001:db8::/33", "2001:db8:8000::"));
	assert_true(holds("10.0.0.0/8", "::ffff:10.1.1.1"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (networks_parse(&networks, &bad[i], 1, &error) == 0)
			fail_msg("%s is taken", bad[i]);
		assert_non_null(strstr(error.text, bad[i]));
	}
}

/* Feeds what it wants, byte by byte; returns how many bytes it took. */
static size_t feed(struct proxy *proxy, const char *bytes, size_t len)
{
	size_t at = 0;

	*proxy = (struct proxy){0};
	while (at < len && proxy->state == PROXY_READING) {
		assert_true(proxy_wants(proxy) > 0);
		proxy_feed(proxy, (const unsigned char *)bytes + at++, 1);
	}
	return at;
}

#define FEED(proxy, literal) feed(proxy, literal, sizeof(literal) - 1)
#define V4		     "\xcb\x00\x71\x07\x7f\x00\x00\x01\x12\x34\x1f\x90"
#define V6                                                                                         \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"     \
	"\x12\x34\x1f\x90"

static void a_proxy_header_names_the_client(void **state)
{
	struct proxy proxy;

	(void)state;
	assert_int_equal(FEED(&proxy, SIGNATURE "\x21\x11\x00\x0c" V4 "GET"), 28);
	assert_int_equal(proxy.state, PROXY_WHOLE);
	assert_true(proxy.has_client);
	assert_string_equal(format(&proxy.client), "203.0.113.7");

	assert_int_equal(FEED(&proxy, SIGNATURE "\x21\x21\x00\x2a" V6 "\x04\x00\x03xyzGET"), 58);
	assert_int_equal(proxy.state, PROXY_WHOLE);
	assert_string_equal(format(&proxy.client), "2001:db8::1");

	/* For itself, or for somebody without an address. */
	assert_int_equal(FEED(&proxy, SIGNATURE "\x20\x11\x00\x0c" V4), 28);
	assert_int_equal(proxy.state, PROXY_WHOLE);
	assert_false(proxy.has_client);
	assert_int_equal(FEED(&proxy, SIGNATURE "\x21\x00\x00\x00"), 16);
	assert_int_equal(proxy.state, PROXY_WHOLE);
	assert_false(proxy.has_client);
}

static void what_is_no_proxy_header_is_known_early(void **state)
{
	struct proxy proxy;

	(void)state;
	assert_int_equal(FEED(&proxy, "GET / HTTP/1.1\r\n"), 1);
	assert_int_equal(proxy.state, PROXY_BAD);
	assert_int_equal(FEED(&proxy, "\r\n\r\nGET / HTTP/1.1\r\n"), 5);
	assert_int_equal(proxy.state, PROXY_BAD);
	assert_int_equal(FEED(&proxy, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), 1);
	assert_int_equal(proxy.state, PROXY_BAD);
	FEED(&proxy, SIGNATURE "\x11\x11\x00\x0c" V4); /* another version */
	assert_int_equal(proxy.state, PROXY_BAD);
	FEED(&proxy, SIGNATURE "\x22\x11\x00\x0c" V4); /* another command */
	assert_int_equal(proxy.state, PROXY_BAD);
	FEED(&proxy, SIGNATURE "\x21\x12\x00\x0c" V4); /* datagrams */
	assert_int_equal(proxy.state, PROXY_BAD);
	FEED(&proxy, SIGNATURE "\x21\x11\x00\x0b" V4); /* too short for its addresses */
	assert_int_equal(proxy.state, PROXY_BAD);
	FEED(&proxy, SIGNATURE "\x21\x21\x00\x23" V6);
	assert_int_equal(proxy.state, PROXY_BAD);
	FEED(&proxy, SIGNATURE "\x21\x11\x10\x01" V4); /* longer than the limit */
	assert_int_equal(proxy.state, PROXY_BAD);
	FEED(&proxy, SIGNATURE "\x21\x11\xff\xff" V4);
	assert_int_equal(proxy.state, PROXY_BAD);
	FEED(&proxy, SIGNATURE "\x21\x11\x00\x0c\xcb\x00");
	assert_int_equal(proxy.state, PROXY_READING);
}

static void expect_client(enum forwarded_by by, const char *value, const char *expected)
{
	static const char *const inside[] = {"10.0.0.0/8", "fd00::/8"};
	struct address peer = parse("10.0.0.1"), client;
	struct forwarded forwarded = {0};
	struct networks trusted;
	struct cart_error error;

	assert_int_equal(networks_parse(&trusted, inside, 2, &error), 0);
	forwarded_add(&forwarded, by, value, strlen(value));
	client = forwarded_client(&forwarded, &peer, &trusted);
	if (strcmp(format(&client), expected) != 0)
		fail_msg("%s: %s in place of %s", value, format(&client), expected);
	networks_free(&trusted);
}

static void x_forwarded_for_is_read_from_its_end(void **state)
{
	static const char long_chain[] =
		"198.51.100.1, 10.0.0.2, 10.0.0.2, 10.0.0.2, 10.0.0.2, 10.0.0.2, 10.0.0.2, "
		"10.0.0.2, 10.0.0.2, 10.0.0.2, 10.0.0.2, 10.0.0.2, 10.0.0.2, 10.0.0.2, 10.0.0.2, "
		"10.0.0.2, 10.0.0.3";

	(void)state;
	expect_client(FORWARDED_X, "", "10.0.0.1");
	expect_client(FORWARDED_X, "203.0.113.7", "203.0.113.7");
	expect_client(FORWARDED_X, "6.6.6.6, 203.0.113.7", "203.0.113.7");
	expect_client(FORWARDED_X, "6.6.6.6,203.0.113.7 , 10.9.9.9", "203.0.113.7");
	expect_client(FORWARDED_X, "6.6.6.6, nonsense, 10.9.9.9", "10.9.9.9");
	expect_client(FORWARDED_X, "6.6.6.6, unknown", "10.0.0.1");
	expect_client(FORWARDED_X, "10.0.0.5, 10.0.0.6", "10.0.0.5");
	expect_client(FORWARDED_X, "203.0.113.7:4711", "203.0.113.7");
	expect_client(FORWARDED_X, "[2001:db8::7]:4711", "2001:db8::7");
	expect_client(FORWARDED_X, "2001:db8::7", "2001:db8::7");
	expect_client(FORWARDED_X, "\"6.6.6.6, 203.0.113.7", "203.0.113.7");
	expect_client(FORWARDED_X, long_chain, "10.0.0.2");
}

static void forwarded_is_read_from_its_end(void **state)
{
	(void)state;
	expect_client(FORWARDED_STANDARD, "for=203.0.113.7", "203.0.113.7");
	expect_client(FORWARDED_STANDARD, "proto=https;For=203.0.113.7;by=10.0.0.1", "203.0.113.7");
	expect_client(FORWARDED_STANDARD, "for=6.6.6.6, for=\"203.0.113.7:80\" ; proto=http",
		      "203.0.113.7");
	expect_client(FORWARDED_STANDARD, "for=\"[2001:db8::7]:4711\"", "2001:db8::7");
	expect_client(FORWARDED_STANDARD, "for=\"[fd00::1]\", for=10.0.0.3", "fd00::1");
	expect_client(FORWARDED_STANDARD, "for=6.6.6.6, for=unknown", "10.0.0.1");
	expect_client(FORWARDED_STANDARD, "for=6.6.6.6, for=_hidden", "10.0.0.1");
	expect_client(FORWARDED_STANDARD, "for=6.6.6.6, proto=https", "10.0.0.1");
	expect_client(FORWARDED_STANDARD, "for=6.6.6.6;for=7.7.7.7", "10.0.0.1");
	/* A client's open quote must not hide what the proxy has added. */
	expect_client(FORWARDED_STANDARD, "for=\"x, for=\"[2001:db8::7]:1\"", "2001:db8::7");
	expect_client(FORWARDED_STANDARD, "for=[2001:db8::7]x", "10.0.0.1");
	expect_client(FORWARDED_STANDARD, "for=203.0.113.7:", "10.0.0.1");
	expect_client(FORWARDED_STANDARD, "for=203.0.113.7:123456", "10.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_strictly),
		cmocka_unit_test(networks_hold_what_starts_as_they_do),
		cmocka_unit_test(a_proxy_header_names_the_client),
		cmocka_unit_test(what_is_no_proxy_header_is_known_early),
		cmocka_unit_test(x_forwarded_for_is_read_from_its_end),
		cmocka_unit_test(forwarded_is_read_from_its_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
