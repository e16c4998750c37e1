/* The rules of a cart, each by its name, on the backend that CART_BACKEND names. */
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"

#include <string.h>

#define TTL_MS	     60000
#define LINES_MAX    5
#define QUANTITY_MAX 15000

static int start(void **state)
{
	static const char *const settings[] = {
		"cart.ttl", "60s", "limits.lines", "5", "limits.quantity", "15000", NULL};

	*state = rig_start(&(struct rig_config){.loops = 2, .set = settings});
	return 0;
}

static int start_without_expiry(void **state)
{
	static const char *const settings[] = {"cart.ttl", "0", NULL};

	*state = rig_start(&(struct rig_config){.set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

static void expect_version(struct rig *f, const struct cart_id *id, int64_t version)
{
	struct cart cart = rig_get(f, id);

	assert_int_equal(cart.version, version);
	cart_clear(&cart);
}

/* The cart is still what it was, to the last member. */
static void expect_unchanged(struct rig *f, struct cart *before)
{
	struct cart after = rig_get(f, &before->id);

	if (!rig_same_cart(before, &after, false))
		fail_msg("was %s\nis  %s", rig_describe(before), rig_describe(&after));
	cart_clear(&after);
	cart_clear(before);
}

/* Creating and reading. */

static void a_new_cart_is_open_empty_and_of_version_1(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f);
	struct shop_id customer = rig_customer(f);
	struct cart_op op = ask_for(f, CART_OK, CREATE, .id = id, .customer_id = customer);
	struct cart cart;

	assert_int_equal(op.version, 1);
	assert_false(op.replayed);
	cart = rig_get(f, &id);
	assert_true(rig_same_cart(&op.cart, &cart, false));
	assert_int_equal(cart_id_compare(&cart.id, &id), 0);
	assert_int_equal(shop_id_compare(&cart.customer_id, &customer), 0);
	assert_int_equal(cart.state, CART_OPEN);
	assert_int_equal(cart.version, 1);
	assert_int_equal(cart.created_ms, clock_fake_now(&f->clock));
	assert_int_equal(cart.updated_ms, clock_fake_now(&f->clock));
	assert_int_equal(cart.expires_ms, clock_fake_now(&f->clock) + TTL_MS);
	assert_true(cart_id_is_nil(&cart.order_id));
	assert_int_equal(cart.line_count, 0);
	cart_op_clear(&op);
	cart_clear(&cart);
}

static void a_create_with_an_id_in_use_harms_nothing(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart before;
	struct cart_op op = {.type = CART_OP_CREATE, .id = id, .customer_id = rig_customer(f)};

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	before = rig_get(f, &id);
	assert_int_not_equal(rig_run(f, 0, &op, NULL), CART_OK);
	assert_int_not_equal(op.result, CART_UNCERTAIN);
	cart_op_clear(&op);
	expect_unchanged(f, &before);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f);

	ask(f, CART_NOT_FOUND, GET, .id = id);
	ask(f, CART_NOT_FOUND, GET, .id = id, .flags = CART_READ_EVENTUAL);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .if_version = 1, .key = "k", CHANGES(CLEAR));
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_NOT_FOUND, DELETE, .id = id);
	ask(f, CART_NOT_FOUND, GET, .id = id);
}

/* Its version and the rest are there in any case; of the lines at least that one. */
static void expect_line(struct rig *f, const struct cart_id *id, const struct shop_id *product,
			int64_t quantity, int64_t version)
{
	static const unsigned flags[] = {0, CART_READ_STRONG, CART_READ_EVENTUAL};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct cart_op op =
			ask_for(f, CART_OK, GET, .id = *id, .line = product, .flags = flags[i]);
		const struct cart_line *line = cart_find_line(&op.cart, product);

		assert_int_equal(op.cart.version, version);
		assert_int_equal(line != NULL ? line->quantity : 0, quantity);
		cart_op_clear(&op);
	}
}

static void one_line_can_be_asked_for(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), none = rig_id(f);
	struct shop_id two = id_of(2), three = id_of(3);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(2, 7)));
	expect_line(f, &id, &two, 7, 3);
	expect_line(f, &id, &three, 0, 3);
	ask(f, CART_NOT_FOUND, GET, .id = none, .line = &two);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	expect_line(f, &id, &two, 7, 4);
	expect_line(f, &id, &three, 0, 4);
}

static void a_change_is_seen_at_once_through_another_loops_handle(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	for (int64_t i = 1; i <= 50; i++) {
		int64_t version =
			ask_on(f, (size_t)(i % 2), CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
		struct cart_op op = rig_ask(
			f, (size_t)((i + 1) % 2), CART_OK,
			&(struct cart_op){.type = CART_OP_GET, .id = id, .flags = CART_READ_STRONG},
			__FILE__, __LINE__);

		assert_int_equal(version, i + 1);
		assert_int_equal(op.cart.version, version);
		assert_int_equal(op.cart.lines[0].quantity, i);
		cart_op_clear(&op);
	}
}

/* Lines. */

static void an_add_makes_the_line_and_then_raises_it(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	int64_t first_ms = clock_fake_now(&f->clock);
	struct cart cart;

	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2))), 2);
	clock_fake_advance(&f->clock, 1000);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 3))), 3);
	cart = rig_get(f, &id);
	assert_int_equal(cart.line_count, 1);
	assert_id_equal(cart.lines[0].product_id, 7);
	assert_int_equal(cart.lines[0].quantity, 5);
	assert_int_equal(cart.lines[0].added_ms, first_ms);
	assert_int_equal(cart.lines[0].updated_ms, first_ms + 1000);
	assert_int_equal(cart.created_ms, first_ms);
	assert_int_equal(cart.updated_ms, first_ms + 1000);
	cart_clear(&cart);
}

static void lines_are_ordered_by_product(void **state)
{
	static const int64_t wanted[] = {2, 3, 11, 100, SHOP_ID_NUMBER_MAX};
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id,
	    CHANGES(ADD(100, 1), ADD(SHOP_ID_NUMBER_MAX, 1), ADD(3, 1)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(11, 1)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(2, 1)));
	cart = rig_get(f, &id);
	assert_int_equal(cart.line_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_id_equal(cart.lines[i].product_id, wanted[i]);
	cart_clear(&cart);
}

static void a_set_makes_changes_and_removes_the_line(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(7, 4))), 2);
	assert_int_equal(rig_quantity(f, &id, 7), 4);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(7, 1))), 3);
	assert_int_equal(rig_quantity(f, &id, 7), 1);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(7, 0))), 4);
	assert_int_equal(rig_quantity(f, &id, 7), 0);
}

static void a_line_that_was_removed_and_comes_again_is_new(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 4)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REMOVE(7)));
	clock_fake_advance(&f->clock, 500);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 1)));
	cart = rig_get(f, &id);
	assert_int_equal(cart.lines[0].quantity, 1);
	assert_int_equal(cart.lines[0].added_ms, clock_fake_now(&f->clock));
	cart_clear(&cart);
}

static void a_remove_takes_the_line_and_needs_it(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1), ADD(2, 1)));
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(REMOVE(1))), 3);
	assert_int_equal(rig_quantity(f, &id, 1), 0);
	assert_int_equal(rig_quantity(f, &id, 2), 1);
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(REMOVE(1)));
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(REMOVE(9)));
	expect_version(f, &id, 3);
}

static void a_clear_takes_every_line(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1), ADD(2, 1), ADD(3, 1)));
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(CLEAR)), 3);
	cart = rig_get(f, &id);
	assert_int_equal(cart.line_count, 0);
	assert_int_equal(cart.state, CART_OPEN);
	cart_clear(&cart);
}

static void a_batch_is_one_change_in_order(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1), ADD(2, 2)));
	assert_int_equal(
		ask(f, CART_OK, CHANGE, .id = id,
		    CHANGES(ADD(1, 10), ADD(1, 100), REMOVE(2), ADD(3, 1), SET(3, 7), ADD(3, 1))),
		3);
	cart = rig_get(f, &id);
	assert_int_equal(cart.line_count, 2);
	assert_int_equal(cart.lines[0].quantity, 111);
	assert_id_equal(cart.lines[1].product_id, 3);
	assert_int_equal(cart.lines[1].quantity, 8);
	cart_clear(&cart);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(CLEAR, ADD(4, 1))), 4);
	cart = rig_get(f, &id);
	assert_int_equal(cart.line_count, 1);
	assert_id_equal(cart.lines[0].product_id, 4);
	cart_clear(&cart);
}

static void a_batch_is_all_or_nothing(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart before;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1), ADD(2, 10000)));
	before = rig_get(f, &id);
	clock_fake_advance(&f->clock, 10);
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(ADD(1, 5), ADD(8, 1), REMOVE(9)));
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(REMOVE(1), REMOVE(1)));
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(CLEAR, REMOVE(1)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(ADD(1, 5), ADD(2, 6000)));
	ask(f, CART_LIMIT, CHANGE, .id = id,
	    CHANGES(ADD(3, 1), ADD(4, 1), ADD(5, 1), ADD(6, 1), ADD(7, 1)));
	expect_unchanged(f, &before);
}

static void the_cart_after_the_change_comes_when_wanted(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart_op op = ask_for(f, CART_OK, CHANGE, .id = id, .flags = CART_WANT_CART,
				    CHANGES(ADD(3, 1), ADD(1, 2)));
	struct cart cart = rig_get(f, &id);

	assert_true(rig_same_cart(&op.cart, &cart, false));
	assert_int_equal(op.version, cart.version);
	assert_int_equal(cart.line_count, 2);
	cart_clear(&cart);
	cart_op_clear(&op);
}

/* Limits. */

static void a_cart_holds_as_many_lines_as_the_limit(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	for (int64_t i = 1; i <= LINES_MAX; i++)
		ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(i, 1)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(ADD(LINES_MAX + 1, 1)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(SET(LINES_MAX + 1, 1)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	expect_version(f, &id, LINES_MAX + 2);
	/* It is the cart that a request leaves that counts, not the way there. */
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(LINES_MAX + 1, 1), REMOVE(1)));
}

static void a_line_holds_as_much_as_the_limit(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 10000)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, QUANTITY_MAX - 10000)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(ADD(2, 10000), ADD(2, 10000)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(1, QUANTITY_MAX)));
	expect_version(f, &id, 3);
	assert_int_equal(rig_quantity(f, &id, 1), QUANTITY_MAX);
}

/* Versions. */

static void a_request_that_changes_nothing_leaves_version_and_times(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart before;

	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(CLEAR)), 1);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(4, 0))), 1);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 3), ADD(2, 4)));
	before = rig_get(f, &id);
	clock_fake_advance(&f->clock, 1000);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(1, 3))), 2);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(1, 3), SET(2, 4))), 2);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(9, 0))), 2);
	expect_unchanged(f, &before);
}

static void if_version_lets_only_that_version_change(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart before;

	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, .if_version = 1, CHANGES(ADD(1, 1))), 2);
	before = rig_get(f, &id);
	clock_fake_advance(&f->clock, 10);
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 1, CHANGES(ADD(1, 1)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 3, CHANGES(ADD(1, 1)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = -1, CHANGES(ADD(1, 1)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = INT64_MAX, CHANGES(ADD(1, 1)));
	ask(f, CART_MISMATCH, CHECKOUT, .id = id, .if_version = 1, .order_id = rig_id(f));
	ask(f, CART_MISMATCH, DELETE, .id = id, .if_version = 1);
	/* Also where nothing would change, and before the rules of the lines. */
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 1, CHANGES(SET(1, 1)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 1, CHANGES(REMOVE(99)));
	expect_unchanged(f, &before);
	ask(f, CART_OK, CHANGE, .id = id, .if_version = 2, CHANGES(SET(1, 1)));
	assert_int_equal(
		ask(f, CART_OK, CHECKOUT, .id = id, .if_version = 2, .order_id = rig_id(f)), 3);
}

/* Checkout and delete. */

static void a_checkout_closes_the_cart(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), order = rig_id(f);
	struct cart_op op;
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	clock_fake_advance(&f->clock, 5);
	op = ask_for(f, CART_OK, CHECKOUT, .id = id, .order_id = order);
	cart = rig_get(f, &id);
	assert_int_equal(op.version, 3);
	assert_true(rig_same_cart(&op.cart, &cart, false));
	assert_int_equal(cart.state, CART_CHECKED_OUT);
	assert_int_equal(cart_id_compare(&cart.order_id, &order), 0);
	assert_int_equal(cart.updated_ms, clock_fake_now(&f->clock));
	assert_int_equal(cart.expires_ms, 0);
	assert_int_equal(cart.line_count, 1);
	cart_op_clear(&op);
	assert_false(ask_for(f, CART_CLOSED, CHANGE, .id = id, CHANGES(ADD(1, 1))).merged);
	assert_false(ask_for(f, CART_CLOSED, CHANGE, .id = id, CHANGES(SET(1, 1))).merged);
	ask(f, CART_CLOSED, CHANGE, .id = id, CHANGES(CLEAR));
	ask(f, CART_CLOSED, CHANGE, .id = id, CHANGES(REMOVE(9)));
	/* Closed goes before the version. */
	ask(f, CART_CLOSED, CHANGE, .id = id, .if_version = 1, CHANGES(ADD(1, 1)));
	expect_unchanged(f, &cart);
}

static void a_second_checkout_answers_with_the_same_order(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), order = rig_id(f);
	struct cart_op op;
	struct cart before;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = order);
	before = rig_get(f, &id);
	clock_fake_advance(&f->clock, 5);
	op = ask_for(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	assert_int_equal(op.version, 3);
	assert_int_equal(cart_id_compare(&op.cart.order_id, &order), 0);
	assert_false(op.replayed);
	cart_op_clear(&op);
	expect_unchanged(f, &before);
}

static void an_empty_cart_is_not_checked_out(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_EMPTY, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REMOVE(1)));
	ask(f, CART_EMPTY, CHECKOUT, .id = id, .order_id = rig_id(f));
	/* The version goes before. */
	ask(f, CART_MISMATCH, CHECKOUT, .id = id, .if_version = 1, .order_id = rig_id(f));
	expect_version(f, &id, 3);
}

static void a_deleted_cart_is_gone(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1), ADD(2, 1)));
	ask(f, CART_OK, DELETE, .id = id, .if_version = 2);
	ask(f, CART_NOT_FOUND, DELETE, .id = id);
	ask(f, CART_NOT_FOUND, GET, .id = id);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = id, .order_id = rig_id(f));
}

static void a_checked_out_cart_is_not_deleted(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_CLOSED, DELETE, .id = id);
	ask(f, CART_CLOSED, DELETE, .id = id, .if_version = 1);
	expect_version(f, &id, 3);
}

/* Expiry. */

static void expect_gone(struct rig *f, const struct cart_id *id)
{
	ask(f, CART_NOT_FOUND, GET, .id = *id);
	ask(f, CART_NOT_FOUND, CHANGE, .id = *id, CHANGES(ADD(1, 1)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = *id, .if_version = 9, CHANGES(ADD(1, 1)));
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = *id, .order_id = rig_id(f));
	ask(f, CART_NOT_FOUND, DELETE, .id = *id);
}

static void a_cart_is_gone_from_the_instant_of_its_expiry(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), with_lines = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = with_lines, CHANGES(ADD(1, 1)));
	clock_fake_advance(&f->clock, TTL_MS - 1);
	ask(f, CART_OK, GET, .id = id);
	ask(f, CART_OK, GET, .id = with_lines);
	clock_fake_advance(&f->clock, 1);
	expect_gone(f, &id);
	expect_gone(f, &with_lines);
	clock_fake_advance(&f->clock, 1000);
	expect_gone(f, &with_lines);
}

static void a_change_in_the_last_instant_keeps_the_cart(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart cart;

	for (int i = 0; i < 3; i++) {
		clock_fake_advance(&f->clock, TTL_MS - 1);
		ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
		cart = rig_get(f, &id);
		assert_int_equal(cart.expires_ms, clock_fake_now(&f->clock) + TTL_MS);
		cart_clear(&cart);
	}
	clock_fake_advance(&f->clock, TTL_MS);
	expect_gone(f, &id);
}

/* The changes come through an instance whose clock is behind, or waited behind a later one. */
static void a_time_of_a_cart_never_goes_back(void **state)
{
	const struct {
		size_t count;
		struct cart_change changes[3];
	} each[] = {
		{1, {ADD(1, 1)}}, /* a line that was changed later */
		{1, {ADD(5, 1)}}, /* a line that was changed earlier */
		{1, {ADD(2, 1)}}, /* a new line */
		{3, {ADD(1, 1), ADD(3, 1), ADD(5, 1)}},
		{1, {SET(1, 9)}},
		{1, {SET(4, 2)}},
		{1, {REMOVE(2)}},
		{2, {REMOVE(3), ADD(1, 1)}},
		{1, {CLEAR}},
		{1, {ADD(1, 1)}},
	};
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	const size_t cleared_at = 8;
	int64_t early_ms = clock_fake_now(&f->clock), late_ms = early_ms + 50000;
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(5, 1)));
	clock_fake_set(&f->clock, late_ms);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		char key[] = {(char)('a' + i), '\0'};

		clock_fake_set(&f->clock, early_ms + 1 + (int64_t)i);
		ask(f, CART_OK, CHANGE, .id = id, .changes = each[i].changes,
		    .change_count = each[i].count, .key = i % 2 == 0 ? key : NULL,
		    .if_version = i % 3 == 0 ? 3 + (int64_t)i : 0);
		cart = rig_get(f, &id);
		assert_int_equal(cart.version, 4 + (int64_t)i);
		assert_int_equal(cart.updated_ms, late_ms);
		assert_int_equal(cart.expires_ms, late_ms + TTL_MS);
		if (i < cleared_at)
			assert_int_equal(find_line(&cart, 1)->updated_ms, late_ms);
		cart_clear(&cart);
	}
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	cart = rig_get(f, &id);
	assert_int_equal(cart.updated_ms, late_ms);
	assert_int_equal(cart.expires_ms, 0);
	cart_clear(&cart);
}

static void what_changes_nothing_does_not_move_the_expiry(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	clock_fake_advance(&f->clock, TTL_MS - 1);
	ask(f, CART_OK, GET, .id = id);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(1, 2)));
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(REMOVE(2)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 9, CHANGES(ADD(1, 1)));
	clock_fake_advance(&f->clock, 1);
	expect_gone(f, &id);
}

static void a_checked_out_cart_does_not_expire(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	clock_fake_advance(&f->clock, INT64_C(1000) * TTL_MS);
	assert_int_equal(rig_quantity(f, &id, 1), 2);
}

static void without_a_ttl_nothing_expires(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart cart;

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	cart = rig_get(f, &id);
	assert_int_equal(cart.expires_ms, 0);
	cart_clear(&cart);
	clock_fake_advance(&f->clock, INT64_C(365) * 24 * 3600 * 1000);
	assert_int_equal(rig_quantity(f, &id, 1), 2);
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(a_new_cart_is_open_empty_and_of_version_1),
		ON(a_create_with_an_id_in_use_harms_nothing),
		ON(what_is_not_there_is_not_found),
		ON(one_line_can_be_asked_for),
		ON(a_change_is_seen_at_once_through_another_loops_handle),
		ON(an_add_makes_the_line_and_then_raises_it),
		ON(lines_are_ordered_by_product),
		ON(a_set_makes_changes_and_removes_the_line),
		ON(a_line_that_was_removed_and_comes_again_is_new),
		ON(a_remove_takes_the_line_and_needs_it),
		ON(a_clear_takes_every_line),
		ON(a_batch_is_one_change_in_order),
		ON(a_batch_is_all_or_nothing),
		ON(the_cart_after_the_change_comes_when_wanted),
		ON(a_cart_holds_as_many_lines_as_the_limit),
		ON(a_line_holds_as_much_as_the_limit),
		ON(a_request_that_changes_nothing_leaves_version_and_times),
		ON(if_version_lets_only_that_version_change),
		ON(a_checkout_closes_the_cart),
		ON(a_second_checkout_answers_with_the_same_order),
		ON(an_empty_cart_is_not_checked_out),
		ON(a_deleted_cart_is_gone),
		ON(a_checked_out_cart_is_not_deleted),
		ON(a_cart_is_gone_from_the_instant_of_its_expiry),
		ON(a_change_in_the_last_instant_keeps_the_cart),
		ON(a_time_of_a_cart_never_goes_back),
		ON(what_changes_nothing_does_not_move_the_expiry),
		ON(a_checked_out_cart_does_not_expire),
		cmocka_unit_test_setup_teardown(without_a_ttl_nothing_expires, start_without_expiry,
						stop),
	};

	return cmocka_run_group_tests_name(rig_title("the rules of a cart"), tests, NULL, NULL);
}
