/* Calls about a cart as a whole that shops need, on the backend that CART_BACKEND names. */
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"

#include <string.h>

static int start(void **state)
{
	static const char *const settings[] = {
		"cart.ttl", "60s", "limits.lines", "5", "limits.quantity", "15000", NULL};

	*state = rig_start(&(struct rig_config){.loops = 2, .set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

/* Replacing all lines. */

static void a_replacement_leaves_these_lines_and_no_others(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	int64_t first_ms = clock_fake_now(&f->clock);
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5), ADD(2, 5), ADD(3, 5)));
	clock_fake_advance(&f->clock, 100);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id,
			     CHANGES(REPLACE(4, 15000), REPLACE(2, 7), REPLACE(1, 2), REPLACE(9, 0),
				     REPLACE(1, 3))),
			 3);
	cart = rig_get(f, &id);
	assert_int_equal(cart.line_count, 3);
	assert_int_equal(cart.lines[0].quantity, 5);
	assert_int_equal(cart.lines[0].added_ms, first_ms);
	assert_int_equal(cart.lines[0].updated_ms, first_ms);
	assert_int_equal(cart.lines[1].quantity, 7);
	assert_int_equal(cart.lines[1].added_ms, first_ms);
	assert_int_equal(cart.lines[1].updated_ms, first_ms + 100);
	assert_id_equal(cart.lines[2].product_id, 4);
	assert_int_equal(cart.lines[2].quantity, 15000);
	assert_int_equal(cart.lines[2].added_ms, first_ms + 100);
	assert_int_equal(cart.updated_ms, first_ms + 100);
	cart_clear(&cart);
}

static void the_same_lines_again_change_nothing(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart before, after;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REPLACE(1, 5), REPLACE(2, 1)));
	before = rig_get(f, &id);
	clock_fake_advance(&f->clock, 100);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(REPLACE(2, 1), REPLACE(1, 5))),
			 2);
	after = rig_get(f, &id);
	assert_true(rig_same_cart(&before, &after, false));
	cart_clear(&before);
	cart_clear(&after);
}

static void a_replacement_is_all_or_nothing(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart before, after;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	before = rig_get(f, &id);
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(REPLACE(1, 15000), REPLACE(1, 1)));
	ask(f, CART_LIMIT, CHANGE, .id = id,
	    CHANGES(REPLACE(1, 1), REPLACE(2, 1), REPLACE(3, 1), REPLACE(4, 1), REPLACE(5, 1),
		    REPLACE(6, 1)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 1, CHANGES(REPLACE(1, 1)));
	after = rig_get(f, &id);
	assert_true(rig_same_cart(&before, &after, false));
	cart_clear(&before);
	cart_clear(&after);
}

static void a_replacement_may_name_no_line(void **state)
{
	static const struct cart_change none = {.type = CART_CHANGE_REPLACE};
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, .key = "none", .changes = &none,
			     .change_count = 1),
			 3);
	assert_int_equal(rig_quantity(f, &id, 1), 0);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	/* Once, under a key. */
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, .key = "none", .changes = &none,
			     .change_count = 1),
			 3);
	assert_int_equal(rig_quantity(f, &id, 1), 1);
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "none", CHANGES(CLEAR));
}

static void a_replacement_mixed_with_other_changes_is_refused(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart_op op = {.type = CART_OP_CHANGE, .id = id, CHANGES(REPLACE(1, 5), ADD(2, 1))};
	bool refused = false;

	assert_int_equal(rig_run(f, 0, &op, &refused), CART_FAILED);
	assert_true(refused);
	cart_op_clear(&op);
}

static void of_another_customers_cart_no_line_is_replaced(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct shop_id other = rig_customer(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(REPLACE(2, 1)));
	assert_int_equal(rig_quantity(f, &id, 1), 5);
}

/* Opening again. */

static int64_t reopen(struct rig *f, const struct cart_id *id)
{
	return ask(f, CART_OK, CHANGE, .id = *id, CHANGES(REOPEN));
}

static void a_cart_that_is_opened_again_is_as_after_a_change(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), first = rig_id(f), second = rig_id(f);
	struct cart_op op;
	struct cart before, after;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5), ADD(2, 1)));
	before = rig_get(f, &id);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = first);
	clock_fake_advance(&f->clock, 100000);
	op = ask_for(f, CART_OK, CHANGE, .id = id, .flags = CART_WANT_CART, CHANGES(REOPEN));
	after = rig_get(f, &id);
	assert_true(rig_same_cart(&op.cart, &after, false));
	assert_int_equal(op.version, 4);
	assert_int_equal(after.version, 4);
	assert_int_equal(after.state, CART_OPEN);
	assert_true(cart_id_is_nil(&after.order_id));
	assert_int_equal(after.updated_ms, clock_fake_now(&f->clock));
	assert_int_equal(after.expires_ms, clock_fake_now(&f->clock) + 60000);
	assert_true(same_lines(&before, &after));
	cart_op_clear(&op);
	cart_clear(&before);
	cart_clear(&after);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1))), 5);
	op = ask_for(f, CART_OK, CHECKOUT, .id = id, .order_id = second);
	assert_int_equal(cart_id_compare(&op.cart.order_id, &second), 0);
	cart_op_clear(&op);
	reopen(f, &id);
	ask(f, CART_OK, DELETE, .id = id);
}

static void a_cart_that_is_opened_again_expires(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	clock_fake_advance(&f->clock, 100000);
	reopen(f, &id);
	clock_fake_advance(&f->clock, 59999);
	assert_int_equal(rig_quantity(f, &id, 1), 5);
	clock_fake_advance(&f->clock, 1);
	ask(f, CART_NOT_FOUND, GET, .id = id, .flags = CART_READ_STRONG);
}

static void only_a_cart_that_is_checked_out_is_opened_again(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), nobody = rig_id(f);
	struct shop_id other = rig_customer(f);

	ask(f, CART_NOT_FOUND, CHANGE, .id = nobody, CHANGES(REOPEN));
	ask(f, CART_NOT_CLOSED, CHANGE, .id = id, CHANGES(REOPEN));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	/* Whether it is closed is asked before its version. */
	ask(f, CART_NOT_CLOSED, CHANGE, .id = id, .if_version = 9, CHANGES(REOPEN));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(REOPEN));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 2, CHANGES(REOPEN));
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, .if_version = 3, CHANGES(REOPEN)), 4);
	ask(f, CART_NOT_CLOSED, CHANGE, .id = id, .if_version = 4, CHANGES(REOPEN));
}

static void under_a_key_a_cart_is_opened_again_once(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), order = rig_id(f);
	struct cart_op op;
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_OK, CHANGE, .id = id, .key = "again", CHANGES(REOPEN));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = order);
	op = ask_for(f, CART_OK, CHANGE, .id = id, .key = "again", CHANGES(REOPEN));
	assert_true(op.replayed);
	assert_int_equal(op.version, 4);
	cart_op_clear(&op);
	cart = rig_get(f, &id);
	assert_int_equal(cart.version, 5);
	assert_int_equal(cart_id_compare(&cart.order_id, &order), 0);
	cart_clear(&cart);
}

static void a_checkout_that_is_repeated_after_it_was_undone_is_none(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), second = rig_id(f);
	struct cart_op op;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	ask(f, CART_OK, CHECKOUT, .id = id, .key = "first", .order_id = rig_id(f));
	reopen(f, &id);
	op = ask_for(f, CART_OK, CHECKOUT, .id = id, .key = "first", .order_id = rig_id(f));
	assert_true(op.replayed);
	assert_int_equal(op.version, 3);
	assert_int_equal(op.cart.state, CART_OPEN);
	assert_int_equal(op.cart.version, 4);
	cart_op_clear(&op);
	ask(f, CART_OK, CHECKOUT, .id = id, .key = "second", .order_id = second);
	op = ask_for(f, CART_OK, CHECKOUT, .id = id, .key = "first", .order_id = rig_id(f));
	assert_true(op.replayed);
	assert_int_equal(cart_id_compare(&op.cart.order_id, &second), 0);
	cart_op_clear(&op);
}

static void a_cart_is_not_opened_again_with_other_changes(void **state)
{
	struct rig *f = *state;
	struct cart_op op = {.type = CART_OP_CHANGE, .id = rig_cart(f), CHANGES(REOPEN, ADD(2, 1))};
	bool refused = false;

	assert_int_equal(rig_run(f, 0, &op, &refused), CART_FAILED);
	assert_true(refused);
	cart_op_clear(&op);
}

/* Erasing. */

static void an_erasure_deletes_what_is_checked_out_too(void **state)
{
	struct rig *f = *state;
	struct cart_id closed = rig_cart(f), open = rig_cart(f);
	struct shop_id other = rig_customer(f);

	ask(f, CART_OK, CHANGE, .id = closed, .key = "k", CHANGES(ADD(1, 5)));
	ask(f, CART_OK, CHECKOUT, .id = closed, .order_id = rig_id(f));
	ask(f, CART_CLOSED, DELETE, .id = closed);
	ask(f, CART_MISMATCH, DELETE, .id = closed, .flags = CART_ERASE, .if_version = 2);
	ask(f, CART_NOT_FOUND, DELETE, .id = closed, .flags = CART_ERASE, .owner = &other);
	ask(f, CART_OK, DELETE, .id = closed, .flags = CART_ERASE);
	ask(f, CART_NOT_FOUND, GET, .id = closed, .flags = CART_READ_STRONG);
	ask(f, CART_NOT_FOUND, DELETE, .id = closed, .flags = CART_ERASE);
	ask(f, CART_OK, DELETE, .id = open, .flags = CART_ERASE);
	ask(f, CART_NOT_FOUND, GET, .id = open, .flags = CART_READ_STRONG);
}

static void a_create_is_not_repeated_after_its_cart_was_erased(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f);
	struct shop_id customer = rig_customer(f);

	ask(f, CART_OK, CREATE, .id = id, .customer_id = customer, .key = "create");
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_OK, DELETE, .id = id, .flags = CART_ERASE);
	ask(f, CART_NOT_FOUND, CREATE, .id = rig_id(f), .customer_id = customer, .key = "create");
	ask(f, CART_NOT_FOUND, GET, .id = id, .flags = CART_READ_STRONG);
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(a_replacement_leaves_these_lines_and_no_others),
		ON(the_same_lines_again_change_nothing),
		ON(a_replacement_is_all_or_nothing),
		ON(a_replacement_may_name_no_line),
		ON(a_replacement_mixed_with_other_changes_is_refused),
		ON(of_another_customers_cart_no_line_is_replaced),
		ON(a_cart_that_is_opened_again_is_as_after_a_change),
		ON(a_cart_that_is_opened_again_expires),
		ON(only_a_cart_that_is_checked_out_is_opened_again),
		ON(under_a_key_a_cart_is_opened_again_once),
		ON(a_checkout_that_is_repeated_after_it_was_undone_is_none),
		ON(a_cart_is_not_opened_again_with_other_changes),
		ON(an_erasure_deletes_what_is_checked_out_too),
		ON(a_create_is_not_repeated_after_its_cart_was_erased),
	};

	return cmocka_run_group_tests_name(rig_title("carts of shops"), tests, NULL, NULL);
}
