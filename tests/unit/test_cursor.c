#include "server/api/cursor.h"

#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static const struct cart_list customer = {
	.kind = CART_LIST_CUSTOMER,
	.customer_id = {.size = 3, .text = "123"},
	.state = CART_LIST_OPEN,
	.limit = 20,
	.after_ms = INT64_C(1762039800123),
	.after_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}},
};

static bool parse(struct cart_list list, const char *text)
{
	list.has_after = false;
	return cursor_parse(&list, text, strlen(text));
}

static void a_cursor_comes_back_as_it_was(void **state)
{
	char text[CURSOR_TEXT + 1];
	struct cart_list list = {
		.kind = CART_LIST_CUSTOMER, .customer_id = id_of(123), .state = CART_LIST_OPEN};

	(void)state;
	assert_true(cursor_format(&customer, text));
	assert_int_equal(strlen(text), CURSOR_TEXT);
	assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-_"),
			 CURSOR_TEXT);
	assert_true(cursor_parse(&list, text, CURSOR_TEXT));
	assert_true(list.has_after);
	assert_int_equal(list.after_ms, customer.after_ms);
	assert_memory_equal(&list.after_id, &customer.after_id, sizeof(list.after_id));
}

static void the_page_size_may_change_between_pages(void **state)
{
	char text[CURSOR_TEXT + 1];
	struct cart_list list = customer;

	(void)state;
	assert_true(cursor_format(&customer, text));
	list.limit = 100;
	assert_true(parse(list, text));
}

static void a_cursor_of_another_query_is_refused(void **state)
{
	char text[CURSOR_TEXT + 1];
	struct cart_list list = customer;

	(void)state;
	assert_true(cursor_format(&customer, text));
	assert_true(parse(list, text));
	list.customer_id = id_of(124);
	assert_false(parse(list, text));
	list = customer;
	list.state = CART_LIST_ANY;
	assert_false(parse(list, text));
	list = (struct cart_list){.kind = CART_LIST_IDLE, .idle_before_ms = 123};
	assert_false(parse(list, text));
	assert_true(cursor_format(&list, text));
	assert_true(parse(list, text));
	list.idle_before_ms = 124;
	assert_false(parse(list, text));
}

static void an_altered_cursor_is_refused_wherever_it_was_altered(void **state)
{
	char text[CURSOR_TEXT + 1];

	(void)state;
	assert_true(cursor_format(&customer, text));
	for (size_t i = 0; i < CURSOR_TEXT; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		assert_false(parse(customer, text));
		text[i] = '=';
		assert_false(parse(customer, text));
		text[i] = was;
	}
	assert_true(parse(customer, text));
}

static void a_cursor_of_another_length_is_refused(void **state)
{
	char text[CURSOR_TEXT + 2];
	struct cart_list list = customer;

	(void)state;
	assert_true(cursor_format(&customer, text));
	assert_false(cursor_parse(&list, text, CURSOR_TEXT - 1));
	text[CURSOR_TEXT] = 'A';
	assert_false(cursor_parse(&list, text, CURSOR_TEXT + 1));
	assert_false(cursor_parse(&list, "", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_comes_back_as_it_was),
		cmocka_unit_test(the_page_size_may_change_between_pages),
		cmocka_unit_test(a_cursor_of_another_query_is_refused),
		cmocka_unit_test(an_altered_cursor_is_refused_wherever_it_was_altered),
		cmocka_unit_test(a_cursor_of_another_length_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
