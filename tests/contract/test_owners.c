/*
 * Ops with an owner, on the backend that CART_BACKEND names: a cart of another customer is not
 * there, for every type of op, and nothing about it can be learned or changed.
 */
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/rig.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static int start(void **state)
{
	*state = rig_start(&(struct rig_config){.loops = 2});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

/* A cart with one line, of a customer; another customer is *other. */
static struct cart_id cart_of(struct rig *f, struct shop_id *mine, struct shop_id *other)
{
	struct cart_id id = rig_id(f);

	*mine = rig_customer(f);
	*other = rig_customer(f);
	ask(f, CART_OK, CREATE, .id = id, .customer_id = *mine, .owner = mine);
	ask(f, CART_OK, CHANGE, .id = id, .owner = mine, CHANGES(ADD(7, 2)));
	return id;
}

static void expect_unchanged(struct rig *f, const struct cart *before)
{
	struct cart after = rig_get(f, &before->id);

	assert_true(rig_same_cart(before, &after, false));
	cart_clear(&after);
}

static void the_owner_does_everything(void **state)
{
	struct rig *f = *state;
	struct shop_id mine, other;
	struct cart_id id = cart_of(f, &mine, &other), order = rig_id(f);

	ask(f, CART_OK, GET, .id = id, .owner = &mine, .flags = CART_READ_STRONG);
	ask(f, CART_OK, CHANGE, .id = id, .owner = &mine, CHANGES(SET(7, 5)));
	ask(f, CART_OK, CHANGE, .id = id, .owner = &mine, CHANGES(ADD(8, 1)),
	    .flags = CART_WANT_CART);
	ask(f, CART_OK, CHANGE, .id = id, .owner = &mine, CHANGES(REMOVE(8)), .if_version = 4);
	ask(f, CART_OK, CHECKOUT, .id = id, .owner = &mine, .order_id = order);
	ask(f, CART_OK, CHECKOUT, .id = id, .owner = &mine, .order_id = order);
	ask(f, CART_CLOSED, DELETE, .id = id, .owner = &mine);
	id = cart_of(f, &mine, &other);
	ask(f, CART_OK, DELETE, .id = id, .owner = &mine);
	ask(f, CART_NOT_FOUND, DELETE, .id = id, .owner = &mine);
}

/* Each of these would be refused, or done, if the cart were looked at. */
static void the_cart_of_another_is_not_there(void **state)
{
	struct rig *f = *state;
	struct shop_id mine, other;
	struct cart_id id = cart_of(f, &mine, &other), order = rig_id(f);
	struct cart before = rig_get(f, &id);

	ask(f, CART_NOT_FOUND, GET, .id = id, .owner = &other, .flags = CART_READ_STRONG);
	ask(f, CART_NOT_FOUND, GET, .id = id, .owner = &other, .flags = CART_READ_EVENTUAL);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(ADD(7, 1)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(ADD(7, 1)),
	    .flags = CART_WANT_CART);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(SET(7, 1)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(SET(7, 2)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(REMOVE(7)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(REMOVE(9)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(CLEAR));
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(ADD(7, 1)),
	    .if_version = 99);
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = id, .owner = &other, .order_id = order);
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = id, .owner = &other, .order_id = order,
	    .if_version = 99);
	ask(f, CART_NOT_FOUND, DELETE, .id = id, .owner = &other);
	ask(f, CART_NOT_FOUND, DELETE, .id = id, .owner = &other, .if_version = 99);
	expect_unchanged(f, &before);
	cart_clear(&before);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = order);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(ADD(7, 1)));
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = id, .owner = &other, .order_id = rig_id(f));
	ask(f, CART_NOT_FOUND, DELETE, .id = id, .owner = &other);
}

static void an_owner_without_an_id_reaches_no_carts_of_customers(void **state)
{
	struct rig *f = *state;
	/* The second is text that a query must not be made of. */
	struct shop_id mine, other, nobody = {0}, strange = {5, "\"'\\}:"};
	struct cart_id id = cart_of(f, &mine, &other);

	ask(f, CART_NOT_FOUND, GET, .id = id, .owner = &nobody, .flags = CART_READ_STRONG);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &nobody, CHANGES(ADD(7, 1)));
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = id, .owner = &nobody, .order_id = rig_id(f));
	ask(f, CART_NOT_FOUND, DELETE, .id = id, .owner = &nobody);
	ask(f, CART_NOT_FOUND, GET, .id = id, .owner = &strange, .flags = CART_READ_STRONG);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &strange, CHANGES(ADD(7, 1)));
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = id, .owner = &strange, .order_id = rig_id(f));
}

/* Neither that a key was used nor by which request. */
static void the_keys_of_another_say_nothing(void **state)
{
	struct rig *f = *state;
	struct shop_id mine, other;
	struct cart_id id = cart_of(f, &mine, &other), second = rig_id(f);
	struct cart_op op;

	ask(f, CART_OK, CHANGE, .id = id, .owner = &mine, CHANGES(ADD(7, 1)), .key = "k");
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(ADD(7, 1)), .key = "k");
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(ADD(7, 3)), .key = "k");
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(SET(7, 3)), .key = "k");
	/* A key that another tried to use is still free. */
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(ADD(7, 3)), .key = "l");
	op = ask_for(f, CART_OK, CHANGE, .id = id, .owner = &mine, CHANGES(ADD(7, 1)), .key = "l");
	assert_false(op.replayed);
	cart_op_clear(&op);
	op = ask_for(f, CART_OK, CHANGE, .id = id, .owner = &mine, CHANGES(ADD(7, 1)), .key = "k");
	assert_true(op.replayed);
	cart_op_clear(&op);
	ask(f, CART_OK, CREATE, .id = rig_id(f), .customer_id = mine, .owner = &mine, .key = "c");
	op = ask_for(f, CART_OK, CREATE, .id = second, .customer_id = other, .owner = &other,
		     .key = "c");
	assert_false(op.replayed);
	assert_int_equal(cart_id_compare(&op.cart.id, &second), 0);
	cart_op_clear(&op);
	assert_int_equal(rig_quantity(f, &id, 7), 4);
}

/* The store refuses what the service should never ask for. */
static void creates_and_lists_are_about_the_owner(void **state)
{
	struct rig *f = *state;
	struct shop_id mine = rig_customer(f), other = rig_customer(f);

	ask(f, CART_FAILED, CREATE, .id = rig_id(f), .customer_id = other, .owner = &mine);
	ask(f, CART_FAILED, LIST, .owner = &mine,
	    .list = {.kind = CART_LIST_CUSTOMER, .customer_id = other, .limit = 1});
	ask(f, CART_FAILED, LIST, .owner = &mine,
	    .list = {.kind = CART_LIST_IDLE, .idle_before_ms = 1, .limit = 1});
	ask(f, CART_OK, LIST, .owner = &mine,
	    .list = {.kind = CART_LIST_CUSTOMER, .customer_id = mine, .limit = 1});
}

#define CARTS	 8
#define REQUESTS 48

struct crowd {
	struct rig *f;
	struct shop_id mine[CARTS], other[CARTS];
	struct cart_id ids[CARTS];
	struct cart_op ops[REQUESTS];
	struct cart_change add;
	_Atomic int done;
};

static void crowd_done(struct cart_op *op, void *user)
{
	struct crowd *crowd = user;

	(void)op;
	crowd->done++;
}

static void crowd_submit(void *user)
{
	struct crowd *crowd = user;

	for (size_t i = 0; i < REQUESTS; i++) {
		struct cart_op *op = &crowd->ops[i];
		size_t cart = i % CARTS, who = i / CARTS;

		cart_op_init(op, who < 5 ? CART_OP_CHANGE : CART_OP_CHECKOUT);
		op->id = crowd->ids[cart];
		op->order_id = crowd->ids[cart];
		op->changes = &crowd->add;
		op->change_count = op->type == CART_OP_CHANGE ? 1 : 0;
		/* Twice the owner, twice another, once anybody; another checks out. */
		op->owner = who < 2 ? &crowd->mine[cart] : who != 4 ? &crowd->other[cart] : NULL;
		op->deadline_ns = clock_monotonic_ns(&crowd->f->clock.clock) + RIG_DEADLINE_NS;
		op->done = crowd_done;
		op->user = crowd;
		if (cart_store_submit(crowd->f->loops[0].store, op) != CART_OK)
			crowd->done += REQUESTS + 1;
	}
}

/* Those that wait go to the database together: each gets the answer that it would get alone. */
static void in_a_batch_each_owner_gets_its_own_answer(void **state)
{
	struct crowd crowd = {.f = *state, .add = ADD(7, 1)};

	for (size_t i = 0; i < CARTS; i++)
		crowd.ids[i] = cart_of(crowd.f, &crowd.mine[i], &crowd.other[i]);
	rig_call(crowd.f, 0, crowd_submit, &crowd);
	rig_await(&crowd.done, REQUESTS, "answers");
	for (size_t i = 0; i < REQUESTS; i++) {
		assert_int_equal(crowd.ops[i].result, crowd.ops[i].owner == &crowd.other[i % CARTS]
							      ? CART_NOT_FOUND
							      : CART_OK);
		cart_op_clear(&crowd.ops[i]);
	}
	for (size_t i = 0; i < CARTS; i++)
		assert_int_equal(rig_quantity(crowd.f, &crowd.ids[i], 7), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_owner_does_everything, start, stop),
		cmocka_unit_test_setup_teardown(the_cart_of_another_is_not_there, start, stop),
		cmocka_unit_test_setup_teardown(
			an_owner_without_an_id_reaches_no_carts_of_customers, start, stop),
		cmocka_unit_test_setup_teardown(the_keys_of_another_say_nothing, start, stop),
		cmocka_unit_test_setup_teardown(creates_and_lists_are_about_the_owner, start, stop),
		cmocka_unit_test_setup_teardown(in_a_batch_each_owner_gets_its_own_answer, start,
						stop),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(rig_title("owners"), tests, NULL, NULL);
}
