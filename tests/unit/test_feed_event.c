/* Events of the feed: what two states of a cart make, their JSON, their stored form and cursors. */
#include "core/feed/event.h"

#include "core/base/hex.h"
#include "core/cart_attributes.h"
#include "core/feed/event_json.h"
#include "core/feed/event_pack.h"
#include "core/feed/position.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ids.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1762040100000)

static char red[] = "{\"color\":\"red\"}", blue[] = "{\"color\":\"blue\"}";

static struct cart cart_of(struct cart_line *lines, size_t count, int64_t version)
{
	struct cart cart = {
		.customer_id = id_of(123),
		.version = version,
		.created_ms = INT64_C(1762039800000),
		.updated_ms = NOW_MS,
		.expires_ms = INT64_C(1764632100000),
		.lines = lines,
		.line_count = count,
	};

	assert_true(cart_id_parse(&cart.id, "550e8400-e29b-41d4-a716-446655440000", CART_ID_TEXT));
	return cart;
}

static void expect_change(const struct cart_event_change *change, int64_t product, int64_t quantity,
			  int64_t was, const char *attributes)
{
	struct shop_id id = id_of(product);

	assert_int_equal(shop_id_compare(&change->product_id, &id), 0);
	assert_int_equal(change->quantity, quantity);
	assert_int_equal(change->was, was);
	assert_true(cart_attributes_equal(change->attributes, attributes));
}

static void changes_tell_quantity_and_attributes(void **state)
{
	struct cart_line was[] = {{id_of(1), 1, 1, 1, NULL},
				  {id_of(2), 2, 1, 1, red},
				  {id_of(3), 3, 1, 1, red},
				  {id_of(5), 5, 1, 1, NULL}};
	struct cart_line is[] = {{id_of(1), 4, 1, 2, NULL},
				 {id_of(2), 2, 1, 2, blue},
				 {id_of(4), 1, 2, 2, red},
				 {id_of(5), 5, 1, 9, NULL}};
	struct cart before = cart_of(was, 4, 6), after = cart_of(is, 4, 7);
	struct cart_event event;

	(void)state;
	assert_true(cart_event_make(&event, &before, &after, 0));
	assert_int_equal(event.type, CART_EVENT_CHANGED);
	assert_int_equal(event.version, 7);
	assert_int_equal(event.at_ms, NOW_MS);
	assert_int_equal(event.change_count, 4);
	expect_change(&event.changes[0], 1, 4, 1, NULL);
	expect_change(&event.changes[1], 2, 2, 2, blue);
	expect_change(&event.changes[2], 3, 0, 3, NULL);
	expect_change(&event.changes[3], 4, 1, 0, red);
	cart_event_clear(&event);
}

static enum cart_event_type type_of(enum cart_state from, enum cart_state to)
{
	struct cart before = cart_of(NULL, 0, 1), after = cart_of(NULL, 0, 2);
	struct cart_event event;
	enum cart_event_type type;

	before.state = from;
	after.state = to;
	assert_true(cart_event_make(&event, &before, &after, 0));
	type = event.type;
	cart_event_clear(&event);
	return type;
}

static void states_make_the_type(void **state)
{
	(void)state;
	assert_int_equal(type_of(CART_OPEN, CART_OPEN), CART_EVENT_CHANGED);
	assert_int_equal(type_of(CART_OPEN, CART_CHECKED_OUT), CART_EVENT_CHECKED_OUT);
	assert_int_equal(type_of(CART_CHECKED_OUT, CART_OPEN), CART_EVENT_REOPENED);
	assert_int_equal(type_of(CART_OPEN, CART_MERGED), CART_EVENT_MERGED);
}

static void a_removal_is_a_version_more_without_lines(void **state)
{
	struct cart_line line = {id_of(1), 1, 1, 1, red};
	struct cart before = cart_of(&line, 1, 6);
	struct cart_event event;

	(void)state;
	assert_true(cart_event_make(&event, &before, NULL, NOW_MS + 5));
	assert_int_equal(event.type, CART_EVENT_DELETED);
	assert_int_equal(event.version, 7);
	assert_int_equal(event.cart.version, 6);
	assert_int_equal(event.at_ms, NOW_MS + 5);
	assert_int_equal(event.cart.line_count, 0);
	assert_int_equal(event.change_count, 0);
	cart_event_clear(&event);
	assert_true(cart_event_make(&event, &before, NULL, NOW_MS - 5));
	assert_int_equal(event.at_ms, NOW_MS);
	cart_event_clear(&event);
}

static void the_json_is_a_cloudevent(void **state)
{
	struct cart_line was = {id_of(456), 1, NOW_MS, NOW_MS, NULL};
	struct cart_line is = {id_of(456), 2, NOW_MS, NOW_MS, red};
	struct cart before = cart_of(&was, 1, 2), after = cart_of(&is, 1, 3);
	struct cart_event event;
	struct buf out = {0};

	(void)state;
	assert_true(cart_event_make(&event, &before, &after, 0));
	event.cursor = strdup("1-7");
	cart_event_json_write(&out, &event, false);
	assert_string_equal(
		buf_string(&out),
		"{\"specversion\":\"1.0\",\"id\":\"550e8400-e29b-41d4-a716-446655440000:3\","
		"\"source\":\"/shopping-carts\",\"type\":\"cart.changed\","
		"\"subject\":\"550e8400-e29b-41d4-a716-446655440000\","
		"\"time\":\"2025-11-01T23:35:00.000Z\",\"datacontenttype\":\"application/json\","
		"\"data\":{\"version\":3,\"cart\":"
		"{\"shopping_cart_id\":\"550e8400-e29b-41d4-a716-446655440000\","
		"\"customer_id\":123,\"status\":\"open\",\"version\":3,"
		"\"created_at\":\"2025-11-01T23:30:00.000Z\","
		"\"updated_at\":\"2025-11-01T23:35:00.000Z\","
		"\"expires_at\":\"2025-12-01T23:35:00.000Z\",\"order_id\":null,\"items\":["
		"{\"product_id\":456,\"quantity\":2,\"added_at\":\"2025-11-01T23:35:00.000Z\","
		"\"updated_at\":\"2025-11-01T23:35:00.000Z\",\"attributes\":{\"color\":\"red\"}}]},"
		"\"changes\":[{\"product_id\":456,\"quantity\":2,\"was\":1,"
		"\"attributes\":{\"color\":\"red\"}}]}}");
	buf_reset(&out);
	cart_event_json_write(&out, &event, true);
	assert_non_null(strstr(buf_string(&out), "json\",\"cursor\":\"1-7\",\"data\":{"));
	cart_event_clear(&event);

	assert_true(cart_event_make(&event, &after, NULL, NOW_MS));
	event.type = CART_EVENT_EXPIRED;
	buf_reset(&out);
	cart_event_json_write(&out, &event, false);
	assert_non_null(strstr(buf_string(&out), "\"type\":\"cart.expired\""));
	assert_non_null(strstr(buf_string(&out), "\"data\":{\"version\":4,\"cart\":{"));
	assert_non_null(strstr(buf_string(&out), "\"order_id\":null},\"changes\":[]}}"));
	cart_clear(&event.cart);
	buf_reset(&out);
	cart_event_json_write(&out, &event, false);
	assert_non_null(strstr(buf_string(&out), "\"cart\":null,\"changes\":[]}}"));
	cart_event_clear(&event);
	buf_free(&out);
}

static bool same_changes(const struct cart_event *a, const struct cart_event *b)
{
	if (a->change_count != b->change_count)
		return false;
	for (size_t i = 0; i < a->change_count; i++)
		if (shop_id_compare(&a->changes[i].product_id, &b->changes[i].product_id) != 0 ||
		    a->changes[i].quantity != b->changes[i].quantity ||
		    a->changes[i].was != b->changes[i].was ||
		    !cart_attributes_equal(a->changes[i].attributes, b->changes[i].attributes))
			return false;
	return true;
}

/* Hexadecimal digits, with spaces where the reader likes them. Returns how many bytes they are. */
static size_t bytes_of(const char *hex, uint8_t *bytes)
{
	size_t digits = 0;

	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		if (digits % 2 == 0)
			bytes[digits / 2] = 0;
		bytes[digits / 2] = (uint8_t)(bytes[digits / 2] * 16 + hex_digit(*hex));
		digits++;
	}
	return digits / 2;
}

/* Writes it, compares the bytes, reads them back, and writes both as JSON. */
static void expect_packed(const struct cart_event *event, const char *wanted)
{
	struct cart_event back = {.type = event->type,
				  .id = event->id,
				  .version = event->version,
				  .at_ms = event->at_ms};
	struct cart_event cut = back;
	struct buf data = {0}, json = {0}, again = {0};
	uint8_t bytes[256];
	char reason[CART_EVENT_REASON];

	cart_event_pack(&data, event);
	assert_int_equal(data.len, bytes_of(wanted, bytes));
	assert_memory_equal(data.data, bytes, data.len);
	assert_int_equal(cart_event_unpack(&back, data.data, data.len, reason), CART_OK);
	assert_true(same_changes(event, &back));
	cart_event_json_write(&json, event, false);
	cart_event_json_write(&again, &back, false);
	assert_string_equal(buf_string(&json), buf_string(&again));
	cart_event_clear(&back);
	/* Nothing shorter is an event, but for that of which nothing is known. */
	for (size_t len = 2; len < data.len; len++)
		assert_int_equal(cart_event_unpack(&cut, data.data, len, reason), CART_DAMAGED);
	buf_free(&data);
	buf_free(&json);
	buf_free(&again);
}

/* The customer, at_ms - updated_ms, updated_ms - created_ms. */
#define CUSTOMER "03 313233 00 c0cf24"
/* expires_ms - updated_ms. */
#define EXPIRES "01 80a0f6a713"
#define RED	"0f 7b22636f6c6f72223a22726564227d"
#define BLUE	"10 7b22636f6c6f72223a22626c7565227d"

static void what_is_stored_is_read_back(void **state)
{
	struct cart_line was[] = {{id_of(1), 9, NOW_MS - 64, NOW_MS, NULL},
				  {id_of(2), 8, NOW_MS, NOW_MS, red}};
	struct cart_line is[] = {{id_of(2), 1, NOW_MS, NOW_MS + 1, blue},
				 {id_of(7), 500, NOW_MS, NOW_MS, NULL}};
	struct cart before = cart_of(was, 2, 2), after = cart_of(is, 2, 3);
	struct cart_event event;

	(void)state;
	assert_true(cart_event_make(&event, NULL, &before, 0));
	expect_packed(&event, "01 00 " CUSTOMER " " EXPIRES
			      " 02 0131 09 00 8001 00 0132 08 00 00 " RED " 00");
	cart_event_clear(&event);
	assert_true(cart_event_make(&event, &before, &after, 0));
	event.type = CART_EVENT_MERGED;
	event.from = after.id;
	event.from.bytes[0] ^= 0xff;
	expect_packed(&event, "01 10 " CUSTOMER " " EXPIRES
			      " aa0e8400e29b41d4a716446655440000 02 0132 01 01 02 " BLUE
			      " 0137 f403 00 00 00 03 0131 09 0132 08 0137 00");
	cart_event_clear(&event);
	after.state = CART_CHECKED_OUT;
	after.order_id = after.id;
	after.expires_ms = 0;
	after.customer_id = (struct shop_id){0};
	assert_true(cart_event_make(&event, &after, NULL, NOW_MS + 1));
	expect_packed(&event, "01 05 00 02 c0cf24 00 550e8400e29b41d4a716446655440000 00 00");
	cart_clear(&event.cart);
	expect_packed(&event, "01");
	cart_event_clear(&event);
}

/* The farthest times and numbers that a cart can have. */
static void extremes_are_read_back(void **state)
{
	struct cart_line line = {id_of(1), CART_QUANTITY_MAX, 0, CART_TIME_MAX_MS, NULL};
	struct cart cart = cart_of(&line, 1, CART_VERSION_MAX);
	struct cart_event event;
	struct cart_event back = {.type = CART_EVENT_CREATED,
				  .id = cart.id,
				  .version = cart.version,
				  .at_ms = CART_TIME_MAX_MS};
	struct buf data = {0};
	char reason[CART_EVENT_REASON];

	(void)state;
	cart.created_ms = CART_TIME_MAX_MS;
	cart.updated_ms = 0;
	cart.expires_ms = INT64_MAX;
	assert_true(cart_event_make(&event, NULL, &cart, CART_TIME_MAX_MS));
	cart_event_pack(&data, &event);
	assert_int_equal(cart_event_unpack(&back, data.data, data.len, reason), CART_OK);
	assert_true(cart_equal(&back.cart, &cart));
	cart_event_clear(&event);
	cart_event_clear(&back);
	buf_free(&data);
}

static enum cart_result read_hex(const char *hex, enum cart_event_type type, char *reason)
{
	struct cart_event event = {.type = type, .version = 2, .at_ms = NOW_MS};
	uint8_t data[128];
	size_t len = bytes_of(hex, data);
	enum cart_result result;

	reason[0] = '\0';
	result = cart_event_unpack(&event, data, len, reason);
	if (result != CART_OK) {
		assert_null(event.changes);
		assert_null(event.cart.lines);
		assert_int_equal(event.version, 2);
	}
	cart_event_clear(&event);
	return result;
}

static void what_no_program_has_written_is_refused(void **state)
{
	static const struct {
		const char *what, *hex;
	} damaged[] = {
		{"no form", ""},
		{"form 0", "00"},
		{"state 3", "0103 00 00 00 00 00 00"},
		{"an unknown flag", "0120 00 00 00 00 00 00"},
		{"more behind the end", "0100 00 00 00 00 00 00 00"},
		{"a customer that is none", "0100 0178 00 00 00 00 00"},
		{"a customer beyond the end", "0100 4031"},
		{"checked out without an order", "0101 00 00 00 00 00 00"},
		{"an order that is nil", "0105 00 00 00 00 00000000000000000000000000000000 00 00"},
		{"half an id", "0110 00 00 00 00 550e8400"},
		{"a time before 1970", "0100 00 feffffffffff3f 00 00 00 00"},
		{"a number with zeros at its end", "0100 00 8000 00 00 00 00"},
		{"a number of 70 bits", "0100 00 ffffffffffffffffff7f 00 00 00 00"},
		{"expiry neither there nor not", "0100 00 00 00 02 00 00"},
		{"more lines than bytes", "0100 00 00 00 00 ff0f 0131 01 00"},
		{"a line without product", "0100 00 00 00 00 01 00 01 00 00 00 00"},
		{"a line of nothing", "0100 00 00 00 00 01 0131 00 00 00 00 00"},
		{"a product that is none", "0100 00 00 00 00 01 0178 01 00 00 00 00"},
		{"attributes that are none", "0100 00 00 00 00 01 0131 01 00 00 0178 00"},
		{"attributes beyond the end", "0100 00 00 00 00 01 0131 01 00 00 ff01 00"},
		{"lines out of order", "0100 00 00 00 00 02 0132 01 00 00 00 0131 01 00 00 00 00"},
		{"changes out of order", "0100 00 00 00 00 00 02 0132 00 0131 00"},
		{"a change of too many", "0100 00 00 00 00 00 01 0131 ffffffff7f"},
		{"a change of nothing", "0100 00 00 00 00 00 01 00 0000"},
	};
	char reason[CART_EVENT_REASON];

	(void)state;
	assert_int_equal(read_hex("0100 00 00 00 00 00 00", CART_EVENT_CHANGED, reason), CART_OK);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		if (read_hex(damaged[i].hex, CART_EVENT_CHANGED, reason) != CART_DAMAGED)
			fail_msg("%s is read", damaged[i].what);
		assert_non_null(strstr(reason, "it is no event"));
	}
	assert_int_equal(read_hex("01", CART_EVENT_TYPES, reason), CART_DAMAGED);
	assert_int_equal(read_hex("01", CART_EVENT_NONE, reason), CART_DAMAGED);
	/* What CREATED changed are its lines. */
	assert_int_equal(read_hex("0100 00 00 00 00 00 01 0131 00", CART_EVENT_CREATED, reason),
			 CART_DAMAGED);
	assert_int_equal(read_hex("02feedbeef", CART_EVENT_CHANGED, reason), CART_FAILED);
	assert_non_null(strstr(reason, ":2 cannot be read: a newer version"));
}

static void a_position_is_read_as_it_was_written(void **state)
{
	static const char *const none[] = {"",	   "1",	   "1-",   "4-1",
					   "1--1", "1-01", "1-1 ", "1-1-",
					   "now",  "1-1a", "-1",   "1-9999999999999999999"};
	static const int64_t numbers[] = {0, 1, 10, INT64_C(999999999999999999)};
	const char form = CART_FEED_FORM_SQLITE;
	char text[CART_FEED_POSITION_TEXT];
	int64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		cart_feed_position_write(text, form, numbers[i]);
		assert_int_equal(cart_feed_position_read(text, form, &number), CART_OK);
		assert_int_equal(number, numbers[i]);
		assert_int_equal(cart_feed_position_read(text, CART_FEED_FORM_MYSQL, &number),
				 CART_CURSOR_FOREIGN);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(cart_feed_position_read(none[i], form, &number),
				 CART_CURSOR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_tell_quantity_and_attributes),
		cmocka_unit_test(states_make_the_type),
		cmocka_unit_test(a_removal_is_a_version_more_without_lines),
		cmocka_unit_test(the_json_is_a_cloudevent),
		cmocka_unit_test(what_is_stored_is_read_back),
		cmocka_unit_test(extremes_are_read_back),
		cmocka_unit_test(what_no_program_has_written_is_refused),
		cmocka_unit_test(a_position_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
