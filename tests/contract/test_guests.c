/*
 * Carts of guests, which have no customer until they are claimed, and carts that begin with lines;
 * on the backend that CART_BACKEND names.
 */
#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/probe.h"
#include "tests/lib/rig.h"

#include <string.h>

#define TTL_MS 60000

static int start(void **state)
{
	static const char *const settings[] = {"cart.ttl",
					       "60s",
					       "limits.lines",
					       "100",
					       "limits.quantity",
					       "15000",
					       "idempotency.window",
					       "10s",
					       NULL};

	*state = rig_start(&(struct rig_config){.loops = 4, .set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

static void expect_cart(struct rig *f, const struct cart_id *id, const struct shop_id *customer,
			int64_t version, size_t lines)
{
	struct cart cart = rig_get(f, id);

	assert_string_equal(cart.customer_id.text, customer != NULL ? customer->text : "");
	assert_int_equal(cart.version, version);
	assert_int_equal(cart.line_count, lines);
	cart_clear(&cart);
}

/* How many carts of that list there are, all on one page. */
static struct cart_id guest_cart(struct rig *f)
{
	struct cart_id id = rig_id(f);

	ask(f, CART_OK, CREATE, .id = id, CHANGES(ADD(7, 2)));
	return id;
}

/* Made, read, changed, checked out and removed as any other. */
static void a_guest_has_a_whole_life_without_a_customer(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f), order = rig_id(f);
	struct cart_op op = ask_for(f, CART_OK, CREATE, .id = id);

	assert_int_equal(op.version, 1);
	assert_int_equal(op.cart.customer_id.size, 0);
	cart_op_clear(&op);
	expect_cart(f, &id, NULL, 1, 0);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(8, 1), ADD(9, 1)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REMOVE(8)), .key = "k");
	expect_cart(f, &id, NULL, 4, 2);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = order);
	expect_cart(f, &id, NULL, 5, 2);
	id = guest_cart(f);
	ask(f, CART_OK, DELETE, .id = id);
	ask(f, CART_NOT_FOUND, GET, .id = id);
	id = guest_cart(f);
	clock_fake_advance(&f->clock, TTL_MS);
	ask(f, CART_NOT_FOUND, GET, .id = id);
}

static void an_idle_guest_is_listed_with_the_idle(void **state)
{
	struct rig *f = *state;
	struct cart_id id = guest_cart(f);
	int64_t now_ms = clock_fake_now(&f->clock);
	struct cart_list list = {.kind = CART_LIST_IDLE,
				 .idle_before_ms = now_ms + 1,
				 .limit = CART_LIST_MAX,
				 .has_after = true,
				 .after_ms = cart_idle_ms(&f->rules, now_ms) - 1};

	memset(&list.after_id, 0xff, sizeof(list.after_id));
	rig_expect_listed(f, &list, &id, true);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	rig_expect_listed(f, &list, &id, false);
}

static void a_cart_begins_with_lines_and_is_of_version_1(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct cart_id id = rig_id(f);
	int64_t now_ms = clock_fake_now(&f->clock);
	struct cart_op op = ask_for(f, CART_OK, CREATE, .id = id, .customer_id = customer,
				    CHANGES(ADD(8, 1), ADD(7, 2), ADD(8, 3)));
	struct cart cart = rig_get(f, &id);

	assert_int_equal(op.version, 1);
	assert_true(rig_same_cart(&op.cart, &cart, false));
	assert_int_equal(cart.version, 1);
	assert_int_equal(cart.line_count, 2);
	assert_id_equal(cart.lines[0].product_id, 7);
	assert_int_equal(cart.lines[0].quantity, 2);
	assert_id_equal(cart.lines[1].product_id, 8);
	assert_int_equal(cart.lines[1].quantity, 4);
	assert_int_equal(cart.lines[1].added_ms, now_ms);
	assert_int_equal(cart.lines[1].updated_ms, now_ms);
	assert_int_equal(cart.expires_ms, now_ms + TTL_MS);
	cart_op_clear(&op);
	cart_clear(&cart);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 1)));
	expect_cart(f, &id, &customer, 2, 2);
	assert_int_equal(rig_quantity(f, &id, 7), 3);
}

static void too_much_at_first_makes_no_cart(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct cart_id id = rig_id(f), other = rig_id(f);
	struct cart_change many[101];
	struct cart_op op;

	for (size_t i = 0; i < 101; i++)
		many[i] = (struct cart_change)ADD((int64_t)i + 1, 1);
	ask(f, CART_LIMIT, CREATE, .id = id, CHANGES(ADD(7, 10000), ADD(7, 5001)));
	ask(f, CART_LIMIT, CREATE, .id = id, .changes = many, .change_count = 101);
	ask(f, CART_LIMIT, CREATE, .id = id, .customer_id = customer, .changes = many,
	    .change_count = 101, .key = "k");
	ask(f, CART_NOT_FOUND, GET, .id = id);
	/* The key was not kept, and what is within the limits passes. */
	ask(f, CART_OK, CREATE, .id = id, .customer_id = customer, .changes = many,
	    .change_count = 100, .key = "k");
	expect_cart(f, &id, &customer, 1, 100);
	ask(f, CART_LIMIT, CHANGE, .id = id, CHANGES(ADD(101, 1)));
	/* What is under the key counts first. */
	ask(f, CART_KEY_REUSED, CREATE, .id = other, .customer_id = customer, .changes = many,
	    .change_count = 101, .key = "k");
	op = ask_for(f, CART_OK, CREATE, .id = other, .customer_id = customer, .changes = many,
		     .change_count = 100, .key = "k");
	assert_true(op.replayed);
	assert_int_equal(op.cart.line_count, 100);
	cart_op_clear(&op);
	ask(f, CART_OK, CREATE, .id = other, .changes = many, .change_count = 100);
	expect_cart(f, &other, NULL, 1, 100);
}

static void the_first_lines_belong_to_the_request_under_a_key(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f), other = rig_id(f);
	struct cart_op op;

	ask(f, CART_OK, CREATE, .id = id, CHANGES(ADD(7, 2), ADD(8, 1)), .key = "g");
	ask(f, CART_KEY_REUSED, CREATE, .id = other, CHANGES(ADD(7, 2)), .key = "g");
	ask(f, CART_KEY_REUSED, CREATE, .id = other, .key = "g");
	op = ask_for(f, CART_OK, CREATE, .id = other, CHANGES(ADD(7, 2), ADD(8, 1)), .key = "g");
	assert_true(op.replayed);
	assert_int_equal(cart_id_compare(&op.cart.id, &id), 0);
	assert_int_equal(op.cart.line_count, 2);
	cart_op_clear(&op);
	/* A customer's key is another one. */
	op = ask_for(f, CART_OK, CREATE, .id = other, .customer_id = rig_customer(f), .key = "g");
	assert_false(op.replayed);
	cart_op_clear(&op);
	assert_int_equal(rig_quantity(f, &id, 7), 2);
}

static void a_claim_gives_the_cart_its_customer_for_good(void **state)
{
	struct rig *f = *state;
	struct shop_id mine = rig_customer(f), other = rig_customer(f);
	struct cart_list list = {
		.kind = CART_LIST_CUSTOMER, .customer_id = mine, .limit = CART_LIST_MAX};
	struct cart_id id = guest_cart(f);
	struct cart cart;

	rig_expect_listed(f, &list, &id, false);
	clock_fake_advance(&f->clock, 1000);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, .customer_id = mine), 2);
	cart = rig_get(f, &id);
	assert_string_equal(cart.customer_id.text, mine.text);
	assert_int_equal(cart.updated_ms, clock_fake_now(&f->clock));
	assert_int_equal(cart.created_ms, clock_fake_now(&f->clock) - 1000);
	assert_int_equal(cart.expires_ms, clock_fake_now(&f->clock) + TTL_MS);
	assert_int_equal(cart.lines[0].updated_ms, cart.created_ms);
	cart_clear(&cart);
	rig_expect_listed(f, &list, &id, true);
	/* Again nothing changes, and nobody else gets it. */
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, .customer_id = mine), 2);
	ask(f, CART_OWNED, CHANGE, .id = id, .customer_id = other);
	ask(f, CART_OWNED, CHANGE, .id = id, .customer_id = other, .if_version = 2);
	expect_cart(f, &id, &mine, 2, 1);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(8, 1)), .owner = &mine);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	list.state = CART_LIST_CHECKED_OUT;
	rig_expect_listed(f, &list, &id, true);
	ask(f, CART_CLOSED, CHANGE, .id = id, .customer_id = mine);
	ask(f, CART_CLOSED, CHANGE, .id = id, .customer_id = other);
	ask(f, CART_NOT_FOUND, CHANGE, .id = rig_id(f), .customer_id = mine);
}

static void a_claim_has_conditions_and_keys_as_any_change(void **state)
{
	struct rig *f = *state;
	struct shop_id mine = rig_customer(f), other = rig_customer(f);
	struct cart_id id = guest_cart(f);
	struct cart_op op;

	ask(f, CART_MISMATCH, CHANGE, .id = id, .customer_id = mine, .if_version = 2);
	expect_cart(f, &id, NULL, 1, 1);
	op = ask_for(f, CART_OK, CHANGE, .id = id, .customer_id = mine, .if_version = 1, .key = "c",
		     .flags = CART_WANT_CART);
	assert_int_equal(op.version, 2);
	assert_string_equal(op.cart.customer_id.text, mine.text);
	assert_int_equal(op.cart.line_count, 1);
	cart_op_clear(&op);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(9, 1)));
	op = ask_for(f, CART_OK, CHANGE, .id = id, .customer_id = mine, .if_version = 1,
		     .key = "c");
	assert_true(op.replayed);
	assert_int_equal(op.version, 2);
	cart_op_clear(&op);
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .customer_id = other, .if_version = 1,
	    .key = "c");
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, CHANGES(ADD(7, 1)), .key = "c");
	expect_cart(f, &id, &mine, 3, 2);
}

/* A fast way that knows customers must know guests too. */
static void a_guests_cart_is_everybodys_who_knows_its_id(void **state)
{
	struct rig *f = *state;
	struct shop_id mine = rig_customer(f), nobody = {0};
	const struct shop_id *const owners[] = {&mine, &nobody};

	for (size_t i = 0; i < 2; i++) {
		const struct shop_id *owner = owners[i];
		struct cart_id id = rig_id(f);

		ask(f, CART_OK, CREATE, .id = id, .owner = owner, CHANGES(ADD(7, 2)));
		ask(f, CART_OK, GET, .id = id, .owner = owner, .flags = CART_READ_STRONG);
		ask(f, CART_OK, CHANGE, .id = id, .owner = owner, CHANGES(ADD(7, 1)));
		ask(f, CART_OK, CHANGE, .id = id, .owner = owner, CHANGES(SET(8, 1)), .key = "k");
		ask(f, CART_OK, CHANGE, .id = id, .owner = owner, CHANGES(REMOVE(8)),
		    .flags = CART_WANT_CART);
		ask(f, CART_OK, CHANGE, .id = id, .owner = owner, CHANGES(CLEAR));
		ask(f, CART_OK, CHANGE, .id = id, .owner = owner, CHANGES(ADD(7, 4)));
		expect_cart(f, &id, NULL, 6, 1);
		ask(f, CART_OK, CHECKOUT, .id = id, .owner = owner, .order_id = rig_id(f));
		id = guest_cart(f);
		ask(f, CART_OK, DELETE, .id = id, .owner = owner);
		ask(f, CART_NOT_FOUND, GET, .id = id);
	}
}

static void who_claims_a_cart_has_it_alone(void **state)
{
	struct rig *f = *state;
	struct shop_id mine = rig_customer(f), other = rig_customer(f), nobody = {0};
	struct cart_id id = rig_id(f);
	struct cart_op op;

	ask(f, CART_OK, CREATE, .id = id, CHANGES(ADD(7, 2)), .key = "own");
	/* The store refuses what the service should never ask for. */
	ask(f, CART_FAILED, CHANGE, .id = id, .owner = &mine, .customer_id = other);
	ask(f, CART_FAILED, CHANGE, .id = id, .owner = &nobody, .customer_id = mine);
	ask(f, CART_OK, CHANGE, .id = id, .owner = &mine, .customer_id = mine);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, .customer_id = other);
	ask(f, CART_NOT_FOUND, CHANGE, .id = id, .owner = &other, CHANGES(ADD(7, 1)));
	ask(f, CART_NOT_FOUND, CHECKOUT, .id = id, .owner = &nobody, .order_id = rig_id(f));
	ask(f, CART_NOT_FOUND, GET, .id = id, .owner = &nobody);
	/* Nor is it shown to others by the key that it was made under. */
	ask(f, CART_NOT_FOUND, CREATE, .id = rig_id(f), .owner = &other, CHANGES(ADD(7, 2)),
	    .key = "own");
	ask(f, CART_NOT_FOUND, CREATE, .id = rig_id(f), .owner = &nobody, CHANGES(ADD(7, 2)),
	    .key = "own");
	op = ask_for(f, CART_OK, CREATE, .id = rig_id(f), .owner = &mine, CHANGES(ADD(7, 2)),
		     .key = "own");
	assert_true(op.replayed);
	assert_string_equal(op.cart.customer_id.text, mine.text);
	cart_op_clear(&op);
	expect_cart(f, &id, &mine, 2, 1);
}

#define CLAIMS 8

/* All but one are refused, or find that it is theirs. */
static void of_claims_at_once_one_customer_wins(void **state)
{
	struct rig *f = *state;
	struct cart_id id = guest_cart(f);
	struct shop_id customers[2] = {rig_customer(f), rig_customer(f)}, winner = {0};
	struct probe probes[CLAIMS];

	for (size_t i = 0; i < CLAIMS; i++)
		probe_init(&probes[i], f, i % f->loop_count,
			   &(struct cart_op){.type = CART_OP_CHANGE,
					     .id = id,
					     .customer_id = customers[i % 2]},
			   0);
	probe_submit_all(probes, CLAIMS);
	for (size_t i = 0; i < CLAIMS; i++) {
		probe_await(&probes[i]);
		if (probes[i].result == CART_OK) {
			assert_true(winner.size == 0 ||
				    shop_id_compare(&winner, &customers[i % 2]) == 0);
			winner = customers[i % 2];
		} else {
			assert_int_equal(probes[i].result, CART_OWNED);
		}
		probe_check(&probes[i]);
	}
	expect_cart(f, &id, &winner, 2, 1);
}

/* Creates with lines and without, of guests and of customers, in the same batches. */
static void carts_of_all_kinds_are_made_at_once(void **state)
{
	enum { COUNT = 24 };
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	const struct cart_change lines[] = {ADD(8, 1), ADD(7, 2), ADD(8, 3)};
	struct cart_id ids[COUNT];
	struct probe probes[COUNT];
	char keys[COUNT][8];

	for (size_t i = 0; i < COUNT; i++) {
		struct cart_op op = {.type = CART_OP_CREATE, .id = ids[i] = rig_id(f)};

		keys[i][0] = (char)('a' + i);
		keys[i][1] = '\0';
		if (i % 2 == 0)
			op.customer_id = customer;
		if (i % 3 > 0) {
			op.changes = lines;
			op.change_count = 1 + i % 3;
		}
		if (i % 4 > 1)
			op.key = keys[i];
		probe_init(&probes[i], f, 0, &op, 0);
	}
	probe_submit_all(probes, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		probe_await(&probes[i]);
		assert_int_equal(probes[i].result, CART_OK);
		probe_check(&probes[i]);
		expect_cart(f, &ids[i], i % 2 == 0 ? &customer : NULL, 1, i % 3 > 0 ? 2 : 0);
		assert_int_equal(rig_quantity(f, &ids[i], 8), i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_guest_has_a_whole_life_without_a_customer, start,
						stop),
		cmocka_unit_test_setup_teardown(an_idle_guest_is_listed_with_the_idle, start, stop),
		cmocka_unit_test_setup_teardown(a_cart_begins_with_lines_and_is_of_version_1, start,
						stop),
		cmocka_unit_test_setup_teardown(too_much_at_first_makes_no_cart, start, stop),
		cmocka_unit_test_setup_teardown(the_first_lines_belong_to_the_request_under_a_key,
						start, stop),
		cmocka_unit_test_setup_teardown(a_claim_gives_the_cart_its_customer_for_good, start,
						stop),
		cmocka_unit_test_setup_teardown(a_claim_has_conditions_and_keys_as_any_change,
						start, stop),
		cmocka_unit_test_setup_teardown(a_guests_cart_is_everybodys_who_knows_its_id, start,
						stop),
		cmocka_unit_test_setup_teardown(who_claims_a_cart_has_it_alone, start, stop),
		cmocka_unit_test_setup_teardown(of_claims_at_once_one_customer_wins, start, stop),
		cmocka_unit_test_setup_teardown(carts_of_all_kinds_are_made_at_once, start, stop),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(rig_title("guests"), tests, NULL, NULL);
}
