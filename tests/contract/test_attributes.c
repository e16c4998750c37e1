/* What a shop keeps with a line, on the backend that CART_BACKEND names. */
#include "core/cart_attributes.h"
#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"

#include <stdlib.h>
#include <string.h>

#define RED	 "{\"color\":\"red\",\"price\":1299}"
#define BLUE	 "{\"color\":\"blue\"}"
#define MAX_TEXT 60 /* limits.attributes */

static int start(void **state)
{
	static const char *const settings[] = {"cart.ttl",
					       "60s",
					       "limits.lines",
					       "70",
					       "limits.attributes",
					       "60",
					       "limits.quantity",
					       "1000",
					       NULL};

	*state = rig_start(&(struct rig_config){.loops = 2, .set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

static void assert_attributes(struct rig *f, const struct cart_id *id, int64_t product,
			      const char *wanted)
{
	struct cart cart = rig_get(f, id);

	assert_non_null(find_line(&cart, product));
	assert_string_equal(attributes_of(find_line(&cart, product)), wanted);
	cart_clear(&cart);
}

static void a_line_keeps_what_it_was_given_whole(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 2, RED), ADD(2, 1)));
	assert_attributes(f, &id, 1, RED);
	assert_attributes(f, &id, 2, "");
	assert_int_equal(rig_quantity(f, &id, 1), 2);
	/* Given again, they are replaced; not given, they stay; a line that has none gets some. */
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 1, BLUE), LINE(ADD, 2, 1, RED)));
	assert_attributes(f, &id, 1, BLUE);
	assert_attributes(f, &id, 2, RED);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1), SET(2, 9)));
	assert_attributes(f, &id, 1, BLUE);
	assert_attributes(f, &id, 2, RED);
	assert_int_equal(rig_quantity(f, &id, 1), 4);
	assert_int_equal(rig_quantity(f, &id, 2), 9);
	ask(f, CART_OK, CHANGE, .id = id,
	    CHANGES(LINE(ADD, 1, 1, CART_ATTRIBUTES_REMOVE),
		    LINE(SET, 2, 9, CART_ATTRIBUTES_REMOVE),
		    LINE(ADD, 3, 1, CART_ATTRIBUTES_REMOVE)));
	assert_attributes(f, &id, 1, "");
	assert_attributes(f, &id, 2, "");
	assert_attributes(f, &id, 3, "");
	assert_int_equal(rig_quantity(f, &id, 1), 5);
}

static void a_line_that_was_removed_comes_back_without(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 2, RED), LINE(ADD, 2, 1, BLUE)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REMOVE(1)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	assert_attributes(f, &id, 1, "");
	assert_attributes(f, &id, 2, BLUE);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(2, 0), ADD(2, 1), LINE(SET, 1, 0, RED)));
	assert_attributes(f, &id, 2, "");
	assert_int_equal(rig_quantity(f, &id, 1), 0);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(CLEAR, LINE(ADD, 2, 1, RED)));
	assert_attributes(f, &id, 2, RED);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(CLEAR));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(2, 1)));
	assert_attributes(f, &id, 2, "");
}

static void a_cart_is_made_with_them(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f);
	struct cart_op op = ask_for(f, CART_OK, CREATE, .id = id, .customer_id = rig_customer(f),
				    CHANGES(LINE(ADD, 1, 2, BLUE), ADD(2, 1), LINE(ADD, 1, 1, RED),
					    ADD(1, 1), LINE(ADD, 3, 1, CART_ATTRIBUTES_REMOVE)));

	assert_string_equal(attributes_of(find_line(&op.cart, 1)), RED);
	assert_null(find_line(&op.cart, 2)->attributes);
	assert_null(find_line(&op.cart, 3)->attributes);
	cart_op_clear(&op);
	assert_attributes(f, &id, 1, RED);
	assert_attributes(f, &id, 2, "");
	assert_attributes(f, &id, 3, "");
	assert_int_equal(rig_quantity(f, &id, 1), 4);
}

/* The quantities of a product that a batch names twice add up; the last attributes count. */
static void the_last_attributes_of_a_batch_count(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id,
	    CHANGES(LINE(ADD, 1, 1, RED), LINE(ADD, 2, 1, RED), LINE(ADD, 1, 1, BLUE), ADD(1, 1),
		    LINE(ADD, 2, 1, CART_ATTRIBUTES_REMOVE)));
	assert_attributes(f, &id, 1, BLUE);
	assert_attributes(f, &id, 2, "");
	ask(f, CART_OK, CHANGE, .id = id,
	    CHANGES(LINE(REPLACE, 1, 1, RED), LINE(REPLACE, 2, 0, BLUE), REPLACE(2, 3),
		    LINE(REPLACE, 1, 1, BLUE), LINE(REPLACE, 3, 0, RED)));
	assert_attributes(f, &id, 1, BLUE);
	assert_attributes(f, &id, 2, BLUE);
	assert_int_equal(rig_quantity(f, &id, 1), 2);
	assert_int_equal(rig_quantity(f, &id, 3), 0);
}

static void a_replacement_leaves_what_it_does_not_name(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id,
	    CHANGES(LINE(ADD, 1, 1, RED), LINE(ADD, 2, 2, RED), LINE(ADD, 3, 3, RED),
		    LINE(ADD, 4, 4, RED)));
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id,
			     CHANGES(REPLACE(1, 7), LINE(REPLACE, 2, 2, BLUE),
				     LINE(REPLACE, 3, 3, CART_ATTRIBUTES_REMOVE),
				     LINE(REPLACE, 5, 5, BLUE))),
			 3);
	assert_attributes(f, &id, 1, RED);
	assert_attributes(f, &id, 2, BLUE);
	assert_attributes(f, &id, 3, "");
	assert_attributes(f, &id, 5, BLUE);
	assert_int_equal(rig_quantity(f, &id, 4), 0);
}

static void the_same_attributes_change_nothing(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart before, after;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 2, RED), ADD(2, 1)));
	before = rig_get(f, &id);
	clock_fake_advance(&f->clock, 100);
	assert_int_equal(
		ask(f, CART_OK, CHANGE, .id = id,
		    CHANGES(LINE(SET, 1, 2, RED), LINE(SET, 2, 1, CART_ATTRIBUTES_REMOVE))),
		2);
	assert_int_equal(
		ask(f, CART_OK, CHANGE, .id = id,
		    CHANGES(LINE(REPLACE, 1, 2, RED), LINE(REPLACE, 2, 1, CART_ATTRIBUTES_REMOVE))),
		2);
	after = rig_get(f, &id);
	assert_true(rig_same_cart(&before, &after, false));
	cart_clear(&before);
	cart_clear(&after);
}

static void other_attributes_alone_are_a_change_of_the_line(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	int64_t first_ms = clock_fake_now(&f->clock);
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 2, RED), ADD(2, 1), ADD(3, 1)));
	clock_fake_advance(&f->clock, 100);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(SET, 1, 2, BLUE))), 3);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id,
			     CHANGES(REPLACE(1, 2), LINE(REPLACE, 2, 1, RED), REPLACE(3, 1))),
			 4);
	cart = rig_get(f, &id);
	assert_int_equal(cart.updated_ms, first_ms + 100);
	assert_int_equal(cart.lines[0].added_ms, first_ms);
	assert_int_equal(cart.lines[0].updated_ms, first_ms + 100);
	assert_int_equal(cart.lines[1].updated_ms, first_ms + 100);
	assert_int_equal(cart.lines[2].updated_ms, first_ms);
	cart_clear(&cart);
	clock_fake_advance(&f->clock, 100);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(SET, 1, 2, CART_ATTRIBUTES_REMOVE)));
	cart = rig_get(f, &id);
	assert_int_equal(cart.lines[0].updated_ms, first_ms + 200);
	cart_clear(&cart);
}

/* Text of so many bytes. */
static const char *text_of(char *to, size_t bytes)
{
	memset(to, 'x', bytes);
	memcpy(to, "{\"a\":\"", 6);
	strcpy(to + bytes - 2, "\"}");
	return to;
}

static void they_have_a_limit(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	char most[MAX_TEXT + 1], more[MAX_TEXT + 2];
	struct cart before, after;

	text_of(most, MAX_TEXT);
	text_of(more, MAX_TEXT + 1);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 1, most), ADD(2, 1)));
	before = rig_get(f, &id);
	clock_fake_advance(&f->clock, 100);
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 1, more)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(LINE(ADD, 3, 1, more)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(LINE(SET, 1, 1, more)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(LINE(REPLACE, 3, 1, more)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(ADD(1, 1), LINE(ADD, 2, 1, more)));
	ask(f, CART_LIMIT, CREATE, .id = rig_id(f), CHANGES(LINE(ADD, 1, 1, more)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 1, CHANGES(LINE(ADD, 1, 1, more)));
	after = rig_get(f, &id);
	assert_true(rig_same_cart(&before, &after, false));
	cart_clear(&before);
	cart_clear(&after);
	/* What a later change of the batch replaces is not kept. */
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 1, more), LINE(ADD, 1, 1, RED)));
	assert_attributes(f, &id, 1, RED);
}

static void the_longest_of_many_lines_come_back(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart_change many[70];
	char texts[70][MAX_TEXT + 1];
	struct cart_op op;

	for (size_t i = 0; i < 70; i++) {
		many[i] = (struct cart_change)LINE(ADD, (int64_t)i + 1, 1,
						   text_of(texts[i], MAX_TEXT - i % 50));
		texts[i][6] = (char)('a' + i % 26);
	}
	ask(f, CART_OK, CHANGE, .id = id, .changes = many, .change_count = 70);
	op = ask_for(f, CART_OK, CHANGE, .id = id, .flags = CART_WANT_CART, CHANGES(ADD(7, 1)));
	assert_int_equal(op.cart.line_count, 70);
	for (size_t i = 0; i < 70; i++)
		assert_string_equal(op.cart.lines[i].attributes, texts[i]);
	cart_op_clear(&op);
}

/* Whatever a text of canonical JSON may hold, through the database and back. */
static void any_text_comes_back_byte_for_byte(void **state)
{
	static const char *const texts[] = {
		"{\"\":\"\"}",
		"{\"'\":\"';--\\\\'\\\"\"}",
		"{\"a\":\"\\b\\f\\n\\r\\t\\u0001\\u001F\"}",
		"{\"\xc3\xa4\":\"\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbf\x7f\"}",
		"{\"a\":-9007199254740991,\"b\":9007199254740991}",
		"{\"a\":true,\"b\":false,\"c\":0}",
		"{\"[],:{}\":\"}]},{[\",\"~\":\"%_?:#&$1\"}",
		"{\"NULL\":\"NULL\"}",
	};
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int64_t product = (int64_t)i + 1;

		ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, product, 1, texts[i])));
		ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(SET, 20 + product, 1, texts[i])));
		ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(99, 1)));
		assert_attributes(f, &id, product, texts[i]);
		assert_attributes(f, &id, 20 + product, texts[i]);
	}
}

static void under_a_key_other_attributes_are_another_request(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), made = rig_id(f);
	struct shop_id customer = rig_customer(f);

	ask(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(LINE(ADD, 1, 1, RED)));
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(LINE(ADD, 1, 1, BLUE))), 3);
	assert_int_equal(
		ask(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(LINE(ADD, 1, 1, RED))), 2);
	assert_attributes(f, &id, 1, BLUE);
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(LINE(ADD, 1, 1, BLUE)));
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 1)));
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k",
	    CHANGES(LINE(ADD, 1, 1, CART_ATTRIBUTES_REMOVE)));
	ask(f, CART_OK, CHANGE, .id = id, .key = "none",
	    CHANGES(LINE(ADD, 1, 1, CART_ATTRIBUTES_REMOVE)));
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "none", CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CREATE, .id = made, .customer_id = customer, .key = "c",
	    CHANGES(LINE(ADD, 1, 1, RED)));
	ask(f, CART_KEY_REUSED, CREATE, .id = rig_id(f), .customer_id = customer, .key = "c",
	    CHANGES(LINE(ADD, 1, 1, BLUE)));
}

static void lists_and_orders_show_them(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct cart_list list = {.kind = CART_LIST_CUSTOMER, .customer_id = customer, .limit = 5};
	struct cart_id id = rig_id(f);
	struct cart_op op;

	ask(f, CART_OK, CREATE, .id = id, .customer_id = customer,
	    CHANGES(LINE(ADD, 1, 1, RED), ADD(2, 1)));
	op = ask_for(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	assert_string_equal(attributes_of(find_line(&op.cart, 1)), RED);
	cart_op_clear(&op);
	rig_expect_listed(f, &list, &id, true);
	op = ask_for(f, CART_OK, LIST, .list = list);
	assert_int_equal(op.cart_count, 1);
	assert_string_equal(attributes_of(find_line(&op.carts[0], 1)), RED);
	assert_null(find_line(&op.carts[0], 2)->attributes);
	cart_op_clear(&op);
	ask(f, CART_CLOSED, CHANGE, .id = id, CHANGES(LINE(SET, 1, 1, BLUE)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REOPEN));
	assert_attributes(f, &id, 1, RED);
	assert_attributes(f, &id, 2, "");
}

/* The cart's line keeps its own; where it has none it takes those of the other cart. */
static void a_merge_takes_them_where_there_are_none(void **state)
{
	static const enum cart_merge_strategy strategies[] = {CART_MERGE_ADD, CART_MERGE_MAX,
							      CART_MERGE_KEEP};
	struct rig *f = *state;

	for (size_t i = 0; i < 3; i++) {
		struct cart_id id = rig_cart(f), from = rig_id(f);
		struct cart_op op;

		ask(f, CART_OK, CREATE, .id = from,
		    CHANGES(LINE(ADD, 1, 1, RED), LINE(ADD, 2, 1, RED), LINE(ADD, 3, 1, RED),
			    ADD(4, 1)));
		ask(f, CART_OK, CHANGE, .id = id,
		    CHANGES(LINE(ADD, 1, 1, BLUE), ADD(2, 1), LINE(ADD, 4, 1, BLUE)));
		op = ask_for(f, CART_OK, MERGE, .id = id, .from = from, .strategy = strategies[i]);
		assert_string_equal(attributes_of(find_line(&op.cart, 1)), BLUE);
		assert_string_equal(attributes_of(find_line(&op.cart, 2)), RED);
		assert_string_equal(attributes_of(find_line(&op.cart, 3)), RED);
		assert_string_equal(attributes_of(find_line(&op.cart, 4)), BLUE);
		assert_int_equal(op.version, 3);
		cart_op_clear(&op);
		assert_attributes(f, &id, 1, BLUE);
		assert_attributes(f, &id, 2, RED);
		assert_attributes(f, &id, 3, RED);
		assert_attributes(f, &id, 4, BLUE);
		assert_attributes(f, &from, 2, RED);
	}
}

static void what_no_line_has_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",	      "{\"a\":1.5}", "{\"a\":null}",
		"{\"a\":[]}", "{\"a\":{}}",  "{\"a\":1",
		"\"a\"",      "{\"a\":1} ",  "{\"a\":\"\xff\"}",
		"{\"a\":-0}", "{a:1}",	     "{\"a\" :1}",
		"{\"a\":1,}", "{\"a\":01}",  "{\"a\":\"\\u0041\"}",
	};
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cart_op op = {
			.type = CART_OP_CHANGE, .id = id, CHANGES(LINE(ADD, 1, 1, bad[i]))};
		bool refused = false;

		assert_int_equal(rig_run(f, 0, &op, &refused), CART_FAILED);
		assert_true(refused);
		cart_op_clear(&op);
	}
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(a_line_keeps_what_it_was_given_whole),
		ON(a_line_that_was_removed_comes_back_without),
		ON(a_cart_is_made_with_them),
		ON(the_last_attributes_of_a_batch_count),
		ON(a_replacement_leaves_what_it_does_not_name),
		ON(the_same_attributes_change_nothing),
		ON(other_attributes_alone_are_a_change_of_the_line),
		ON(they_have_a_limit),
		ON(the_longest_of_many_lines_come_back),
		ON(any_text_comes_back_byte_for_byte),
		ON(under_a_key_other_attributes_are_another_request),
		ON(lists_and_orders_show_them),
		ON(a_merge_takes_them_where_there_are_none),
		ON(what_no_line_has_is_refused),
	};

	return cmocka_run_group_tests_name(rig_title("attributes of lines"), tests, NULL, NULL);
}
