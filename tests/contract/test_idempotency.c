/* The rules of idempotency keys, on the backend that CART_BACKEND names. */
#include "tests/lib/cmocka.h"
#include "tests/lib/probe.h"
#include "tests/lib/rig.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_MS 10000
#define TTL_MS	  60000

static int start(void **state)
{
	static const char *const settings[] = {"cart.ttl", "60s", "idempotency.window", "10s",
					       NULL};

	*state = rig_start(&(struct rig_config){.loops = 4, .set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

static void expect_answer(struct cart_op op, int64_t version, bool replayed)
{
	assert_int_equal(op.version, version);
	assert_int_equal(op.replayed, replayed);
	cart_op_clear(&op);
}

/* An add of one to product 1 under a key. */
static void expect_add(struct rig *f, struct cart_id id, const char *key, int64_t version,
		       bool replayed)
{
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = key, CHANGES(ADD(1, 1))),
		      version, replayed);
}

static void a_repeat_is_applied_once_and_answers_as_the_first_time(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	expect_add(f, id, "k", 2, false);
	expect_add(f, id, "k", 2, true);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(2, 1)));
	expect_add(f, id, "k", 2, true);
	assert_int_equal(rig_quantity(f, &id, 1), 1);
}

/* Two of the longest keys, which differ in the last character alone. */
static void all_characters_of_a_long_key_count(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), made = rig_id(f);
	struct shop_id customer = rig_customer(f);
	char key[CART_KEY_MAX + 1] = "";
	struct cart_op op;

	memset(key, 'k', CART_KEY_MAX);
	expect_add(f, id, key, 2, false);
	ask(f, CART_OK, CREATE, .id = made, .customer_id = customer, .key = key);
	key[CART_KEY_MAX - 1] = 'l';
	expect_add(f, id, key, 3, false);
	expect_add(f, id, key, 3, true);
	op = ask_for(f, CART_OK, CREATE, .id = rig_id(f), .customer_id = customer, .key = key);
	assert_false(op.replayed);
	cart_op_clear(&op);
	key[CART_KEY_MAX - 1] = 'k';
	expect_add(f, id, key, 2, true);
	op = ask_for(f, CART_OK, CREATE, .id = rig_id(f), .customer_id = customer, .key = key);
	assert_true(op.replayed);
	assert_int_equal(cart_id_compare(&op.cart.id, &made), 0);
	cart_op_clear(&op);
}

static void a_repeat_carries_the_cart_as_it_is_now(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart_op op;
	struct cart now;

	expect_add(f, id, "k", 2, false);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(2, 1)));
	now = rig_get(f, &id);
	op = ask_for(f, CART_OK, CHANGE, .id = id, .key = "k", .flags = CART_WANT_CART,
		     CHANGES(ADD(1, 1)));
	assert_true(op.replayed);
	assert_int_equal(op.version, 2);
	assert_true(rig_same_cart(&op.cart, &now, false));
	cart_op_clear(&op);
	cart_clear(&now);
}

static void a_key_with_another_request_is_reused(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	expect_add(f, id, "k", 2, false);
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 2)));
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(ADD(2, 1)));
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(SET(1, 1)));
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 1), ADD(1, 1)));
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", .if_version = 2, CHANGES(ADD(1, 1)));
	ask(f, CART_KEY_REUSED, CHECKOUT, .id = id, .key = "k", .order_id = rig_id(f));
	assert_int_equal(rig_quantity(f, &id, 1), 1);
	/* Keys are told apart by case and to the last character. */
	expect_add(f, id, "K", 3, false);
	expect_add(f, id, "k1", 4, false);
	/* What is wanted in the answer is no part of the request. */
	ask(f, CART_OK, CHANGE, .id = id, .key = "k", .flags = CART_WANT_CART, CHANGES(ADD(1, 1)));
	assert_int_equal(rig_quantity(f, &id, 1), 3);
}

static void a_key_counts_until_its_window_has_passed(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	expect_add(f, id, "k", 2, false);
	clock_fake_advance(&f->clock, WINDOW_MS - 1);
	expect_add(f, id, "k", 2, true);
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 2)));
	/* A replay does not make the window longer. */
	clock_fake_advance(&f->clock, 1);
	ask(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 2)));
	assert_int_equal(rig_quantity(f, &id, 1), 3);
	/* And the new request has a window of its own. */
	clock_fake_advance(&f->clock, WINDOW_MS - 1);
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 2))), 3,
		      true);
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 1)));
}

static void windows_hold_when_the_clock_steps_back(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	int64_t start_ms = clock_fake_now(&f->clock);

	clock_fake_set(&f->clock, start_ms + 5000);
	expect_add(f, id, "later", 2, false);
	clock_fake_set(&f->clock, start_ms);
	expect_add(f, id, "earlier", 3, false);
	expect_add(f, id, "later", 2, true);
	clock_fake_set(&f->clock, start_ms + WINDOW_MS);
	expect_add(f, id, "later", 2, true);
	expect_add(f, id, "earlier", 4, false);
	expect_add(f, id, "earlier", 4, true);
}

static void a_failed_first_attempt_is_not_kept(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_NO_ITEM, CHANGE, .id = id, .key = "k", CHANGES(REMOVE(1)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .key = "k", .if_version = 9, CHANGES(ADD(1, 1)));
	ask(f, CART_EMPTY, CHECKOUT, .id = id, .key = "k", .order_id = rig_id(f));
	expect_add(f, id, "k", 2, false);
	expect_add(f, id, "k", 2, true);
	ask(f, CART_NO_ITEM, CHANGE, .id = id, .key = "l", CHANGES(REMOVE(2)));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(2, 1)));
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "l", CHANGES(REMOVE(2))), 4,
		      false);
}

static void a_success_that_changed_nothing_is_kept(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 5)));
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(SET(1, 5))), 2,
		      false);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(1, 6)));
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(SET(1, 5))), 2,
		      true);
	assert_int_equal(rig_quantity(f, &id, 1), 6);
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "k", CHANGES(SET(1, 7)));
}

static void a_replay_goes_before_version_closing_and_lines(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "k", .if_version = 1,
			      CHANGES(ADD(1, 1))),
		      2, false);
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "k", .if_version = 1,
			      CHANGES(ADD(1, 1))),
		      2, true);
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "r", CHANGES(REMOVE(1))), 3,
		      false);
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "r", CHANGES(REMOVE(1))), 3,
		      true);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = id, .key = "r", CHANGES(REMOVE(1))), 3,
		      true);
	ask(f, CART_KEY_REUSED, CHANGE, .id = id, .key = "r", CHANGES(REMOVE(2)));
	ask(f, CART_CLOSED, CHANGE, .id = id, .key = "new", CHANGES(REMOVE(1)));
}

static void a_checkout_is_replayed_with_its_order(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f), order = rig_id(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	expect_answer(ask_for(f, CART_OK, CHECKOUT, .id = id, .key = "k", .order_id = order), 3,
		      false);
	/* A client that tries again proposes another order id. */
	struct cart_op op =
		ask_for(f, CART_OK, CHECKOUT, .id = id, .key = "k", .order_id = rig_id(f));

	assert_true(op.replayed);
	assert_int_equal(op.version, 3);
	assert_int_equal(cart_id_compare(&op.cart.order_id, &order), 0);
	cart_op_clear(&op);
	/* Under a new key it is a request of its own that finds the work done, and is kept. */
	for (int i = 0; i < 2; i++)
		expect_answer(
			ask_for(f, CART_OK, CHECKOUT, .id = id, .key = "l", .order_id = rig_id(f)),
			3, i == 1);
}

static void a_replay_on_a_cart_that_is_gone_is_not_found(void **state)
{
	struct rig *f = *state;
	struct cart_id deleted = rig_cart(f), expired;

	expect_add(f, deleted, "k", 2, false);
	ask(f, CART_OK, DELETE, .id = deleted);
	ask(f, CART_NOT_FOUND, CHANGE, .id = deleted, .key = "k", CHANGES(ADD(1, 1)));
	ask(f, CART_NOT_FOUND, CHANGE, .id = deleted, .key = "k", CHANGES(ADD(1, 2)));
	expired = rig_cart(f);
	clock_fake_advance(&f->clock, TTL_MS - 1);
	/* A success that changes nothing leaves the expiry where it is. */
	ask(f, CART_OK, CHANGE, .id = expired, .key = "k", CHANGES(CLEAR));
	clock_fake_advance(&f->clock, 1);
	ask(f, CART_NOT_FOUND, CHANGE, .id = expired, .key = "k", CHANGES(CLEAR));
}

static void carts_have_keys_of_their_own(void **state)
{
	struct rig *f = *state;
	struct cart_id a = rig_cart(f), b = rig_cart(f);

	expect_add(f, a, "k", 2, false);
	expect_answer(ask_for(f, CART_OK, CHANGE, .id = b, .key = "k", CHANGES(ADD(9, 9))), 2,
		      false);
	expect_add(f, a, "k", 2, true);
	assert_int_equal(rig_quantity(f, &b, 9), 9);
}

/* Creating. */

static void a_repeated_create_answers_with_the_cart_that_was_made(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f), other = rig_id(f);
	struct shop_id customer = rig_customer(f);
	struct cart_op op;
	struct cart now;

	expect_answer(ask_for(f, CART_OK, CREATE, .id = id, .customer_id = customer, .key = "k"), 1,
		      false);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	now = rig_get(f, &id);
	op = ask_for(f, CART_OK, CREATE, .id = other, .customer_id = customer, .key = "k");
	assert_true(op.replayed);
	assert_int_equal(op.version, 1);
	assert_true(rig_same_cart(&op.cart, &now, false));
	cart_op_clear(&op);
	cart_clear(&now);
	ask(f, CART_NOT_FOUND, GET, .id = other);
}

static void keys_of_creates_are_the_customers(void **state)
{
	struct rig *f = *state;
	struct cart_id a = rig_id(f), b = rig_id(f);

	expect_answer(
		ask_for(f, CART_OK, CREATE, .id = a, .customer_id = rig_customer(f), .key = "k"), 1,
		false);
	expect_answer(
		ask_for(f, CART_OK, CREATE, .id = b, .customer_id = rig_customer(f), .key = "k"), 1,
		false);
	/* And not the cart's that they made. */
	expect_add(f, a, "k", 2, false);
	ask(f, CART_OK, GET, .id = b);
}

static void a_create_is_made_anew_once_its_window_has_passed(void **state)
{
	struct rig *f = *state;
	struct cart_id a = rig_id(f), b = rig_id(f), c = rig_id(f);
	struct shop_id customer = rig_customer(f);

	ask(f, CART_OK, CREATE, .id = a, .customer_id = customer, .key = "k");
	clock_fake_advance(&f->clock, WINDOW_MS);
	expect_answer(ask_for(f, CART_OK, CREATE, .id = b, .customer_id = customer, .key = "k"), 1,
		      false);
	struct cart_op op =
		ask_for(f, CART_OK, CREATE, .id = c, .customer_id = customer, .key = "k");

	assert_true(op.replayed);
	assert_int_equal(cart_id_compare(&op.cart.id, &b), 0);
	cart_op_clear(&op);
	ask(f, CART_OK, GET, .id = a);
	ask(f, CART_NOT_FOUND, GET, .id = c);
}

static void a_repeated_create_of_a_cart_that_is_gone_is_not_found(void **state)
{
	struct rig *f = *state;
	struct cart_id a = rig_id(f), b = rig_id(f);
	struct shop_id customer = rig_customer(f);

	ask(f, CART_OK, CREATE, .id = a, .customer_id = customer, .key = "k");
	ask(f, CART_OK, DELETE, .id = a);
	ask(f, CART_NOT_FOUND, CREATE, .id = b, .customer_id = customer, .key = "k");
	ask(f, CART_NOT_FOUND, GET, .id = b);
}

/* Several at once. */

static void expect_once(struct probe *probes, int count)
{
	int first_times = 0;

	probe_submit_all(probes, (size_t)count);
	for (int i = 0; i < count; i++) {
		probe_await(&probes[i]);
		assert_string_equal(cart_result_name(probes[i].result), "OK");
		assert_int_equal(probes[i].op.version, probes[0].op.version);
		first_times += !probes[i].op.replayed;
	}
	assert_int_equal(first_times, 1);
}

static void a_change_that_is_sent_many_times_at_once_is_applied_once(void **state)
{
	enum { ROUNDS = 30, COPIES = 8 };
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart_change add = ADD(1, 1);
	struct probe *probes = calloc(COPIES, sizeof(*probes));

	for (int round = 0; round < ROUNDS; round++) {
		char key[32];
		struct cart_op op = {.type = CART_OP_CHANGE,
				     .id = id,
				     .changes = &add,
				     .change_count = 1,
				     .key = key};

		snprintf(key, sizeof(key), "round-%d", round);
		for (int i = 0; i < COPIES; i++)
			probe_init(&probes[i], f, (size_t)i % f->loop_count, &op, 0);
		expect_once(probes, COPIES);
		for (int i = 0; i < COPIES; i++)
			probe_check(&probes[i]);
		assert_int_equal(rig_quantity(f, &id, 1), round + 1);
	}
	free(probes);
}

static void a_create_that_is_sent_many_times_at_once_makes_one_cart(void **state)
{
	enum { ROUNDS = 30, COPIES = 8 };
	struct rig *f = *state;
	struct probe *probes = calloc(COPIES, sizeof(*probes));

	for (int round = 0; round < ROUNDS; round++) {
		struct shop_id customer = rig_customer(f);

		for (int i = 0; i < COPIES; i++)
			probe_init(&probes[i], f, (size_t)i % f->loop_count,
				   &(struct cart_op){.type = CART_OP_CREATE,
						     .id = rig_id(f),
						     .customer_id = customer,
						     .key = "the-same"},
				   0);
		expect_once(probes, COPIES);
		for (int i = 0; i < COPIES; i++) {
			assert_int_equal(
				cart_id_compare(&probes[i].op.cart.id, &probes[0].op.cart.id), 0);
			if (cart_id_compare(&probes[i].op.id, &probes[0].op.cart.id) != 0)
				ask(f, CART_NOT_FOUND, GET, .id = probes[i].op.id);
		}
		for (int i = 0; i < COPIES; i++)
			probe_check(&probes[i]);
	}
	free(probes);
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(a_repeat_is_applied_once_and_answers_as_the_first_time),
		ON(all_characters_of_a_long_key_count),
		ON(a_repeat_carries_the_cart_as_it_is_now),
		ON(a_key_with_another_request_is_reused),
		ON(a_key_counts_until_its_window_has_passed),
		ON(windows_hold_when_the_clock_steps_back),
		ON(a_failed_first_attempt_is_not_kept),
		ON(a_success_that_changed_nothing_is_kept),
		ON(a_replay_goes_before_version_closing_and_lines),
		ON(a_checkout_is_replayed_with_its_order),
		ON(a_replay_on_a_cart_that_is_gone_is_not_found),
		ON(carts_have_keys_of_their_own),
		ON(a_repeated_create_answers_with_the_cart_that_was_made),
		ON(keys_of_creates_are_the_customers),
		ON(a_create_is_made_anew_once_its_window_has_passed),
		ON(a_repeated_create_of_a_cart_that_is_gone_is_not_found),
		ON(a_change_that_is_sent_many_times_at_once_is_applied_once),
		ON(a_create_that_is_sent_many_times_at_once_makes_one_cart),
	};

	return cmocka_run_group_tests_name(rig_title("idempotency keys"), tests, NULL, NULL);
}
