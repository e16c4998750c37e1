/* Events of the feed: what two states of a cart make, their JSON, their stored form and cursors. */
#include "core/feed/event.h"

#include "core/cart_attributes.h"
#include "core/feed/event_json.h"
#include "core/feed/event_text.h"
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

/* Writes it, compares the text, reads it back, and writes both as JSON. */
static void expect_text(const struct cart_event *event, const char *wanted)
{
	struct cart_event back = {.type = event->type,
				  .id = event->id,
				  .version = event->version,
				  .at_ms = event->at_ms};
	struct buf text = {0}, json = {0}, again = {0};
	char reason[CART_EVENT_REASON];

	cart_event_text_write(&text, event);
	assert_string_equal(buf_string(&text), wanted);
	assert_int_equal(cart_event_text_read(&back, text.data, text.len, reason), CART_OK);
	assert_true(same_changes(event, &back));
	cart_event_json_write(&json, event, false);
	cart_event_json_write(&again, &back, false);
	assert_string_equal(buf_string(&json), buf_string(&again));
	cart_event_clear(&back);
	buf_free(&text);
	buf_free(&json);
	buf_free(&again);
}

static void what_is_stored_is_read_back(void **state)
{
	struct cart_line was[] = {{id_of(1), 9, 3, 3, NULL}, {id_of(2), 8, 3, 3, red}};
	struct cart_line is[] = {{id_of(2), 1, 3, 4, blue}, {id_of(7), 5, 4, 4, NULL}};
	struct cart before = cart_of(was, 2, 2), after = cart_of(is, 2, 3);
	struct cart_event event;

	(void)state;
	assert_true(cart_event_make(&event, NULL, &before, 0));
	expect_text(&event, "[1,\"123\",0,1762039800000,1762040100000,1764632100000,null,null,null,"
			    "[[\"1\",9,3,3],[\"2\",8,3,3,{\"color\":\"red\"}]],[]]");
	cart_event_clear(&event);
	assert_true(cart_event_make(&event, &before, &after, 0));
	event.type = CART_EVENT_MERGED;
	event.from = after.id;
	event.from.bytes[0] ^= 0xff;
	expect_text(&event, "[1,\"123\",0,1762039800000,1762040100000,1764632100000,null,null,"
			    "\"aa0e8400-e29b-41d4-a716-446655440000\","
			    "[[\"2\",1,3,4,{\"color\":\"blue\"}],[\"7\",5,4,4]],"
			    "[[\"1\",9],[\"2\",8],[\"7\",0]]]");
	cart_event_clear(&event);
	after.state = CART_CHECKED_OUT;
	after.order_id = after.id;
	after.expires_ms = 0;
	after.customer_id = (struct shop_id){0};
	assert_true(cart_event_make(&event, &after, NULL, 0));
	expect_text(&event, "[1,null,1,1762039800000,1762040100000,0,"
			    "\"550e8400-e29b-41d4-a716-446655440000\",null,null,[],[]]");
	cart_clear(&event.cart);
	expect_text(&event, "[1]");
	cart_event_clear(&event);
}

static enum cart_result read_text(const char *text, enum cart_event_type type, char *reason)
{
	struct cart_event event = {.type = type, .version = 2, .at_ms = NOW_MS};
	enum cart_result result;

	reason[0] = '\0';
	result = cart_event_text_read(&event, text, strlen(text), reason);
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
	static const char *const damaged[] = {
		"",
		"[",
		"[1",
		"[0]",
		"[1] ",
		"[1,]",
		"[1,null,3,1,1,0,null,null,null,[],[]]",
		"[1,null,0,1,1,0,null,null,null,[]]",
		"[1,null,0,1,1,0,null,null,null,[],[]],",
		"[1,null,0,1,1,0,null,null,null,[],[],[]]",
		"[1,\"x\",0,1,1,0,null,null,null,[],[]]",
		"[1,null,1,1,1,0,null,null,null,[],[]]",
		"[1,null,0,1,1,0,null,null,\"550e8400\",[],[]]",
		"[1,null,0,1,1,0,null,null,null,[[\"x\",1,1,1]],[]]",
		"[1,null,0,1,1,0,null,null,null,[[\"2\",1,1,1],[\"1\",1,1,1]],[]]",
		"[1,null,0,1,1,0,null,null,null,[],[[\"2\",0],[\"1\",0]]]",
		"[1,null,0,1,1,0,null,null,null,[],[[\"1\",0][\"2\",0]]]",
	};
	char reason[CART_EVENT_REASON];

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		assert_int_equal(read_text(damaged[i], CART_EVENT_CHANGED, reason), CART_DAMAGED);
		assert_non_null(strstr(reason, "it is no event"));
	}
	assert_int_equal(read_text("[1]", CART_EVENT_TYPES, reason), CART_DAMAGED);
	assert_int_equal(read_text("[1]", CART_EVENT_NONE, reason), CART_DAMAGED);
	assert_int_equal(read_text("[2,{\"anything\":1}]", CART_EVENT_CHANGED, reason),
			 CART_FAILED);
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
		cmocka_unit_test(what_no_program_has_written_is_refused),
		cmocka_unit_test(a_position_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
