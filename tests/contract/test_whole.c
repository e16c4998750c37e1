/*
 * What an archive needs of a store: to go through the carts that are checked out, to remove them as
 * they were read and no other, and to put them back as they were. On the backend that CART_BACKEND
 * names. Where its lists are only eventually what they should be, they are asked for until they
 * are, for a while.
 */
#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/probe.h"
#include "tests/lib/rig.h"

#include <stdlib.h>
#include <string.h>

#define TTL_MS	  60000
#define CARTS_MAX 16

static int start(void **state)
{
	static const char *const settings[] = {
		"cart.ttl", "60s", "cart.idle_step", "20ms", "limits.lines", "4", "limits.quantity",
		"20",	    NULL};

	*state = rig_start(&(struct rig_config){.loops = 2, .set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

/* A cart with two lines, one of them with attributes, that is checked out. */
static struct cart_id closed_cart(struct rig *f)
{
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id,
	    CHANGES(LINE(ADD, 7, 2, "{\"name\":\"a \\\"b\\\"\",\"price\":1999}"), ADD(8, 3)));
	clock_fake_advance(&f->clock, 7);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	return id;
}

static int64_t now(struct rig *f)
{
	return clock_fake_now(&f->clock);
}

/* How often the carts are in the list, page by page; each as a strong read has it. False: one is
 * not, which a list that is eventual may be. */
static bool count_listed(struct rig *f, int64_t before_ms, int limit, const struct cart_id *ids,
			 int *counts, size_t count)
{
	struct cart_list list = {
		.kind = CART_LIST_CLOSED, .idle_before_ms = before_ms, .limit = limit};
	bool same = true, more = true;

	memset(counts, 0, count * sizeof(*counts));
	while (more) {
		struct cart_op op = ask_for(f, CART_OK, LIST, .list = list);

		assert_true(op.cart_count <= (size_t)limit);
		for (size_t i = 0; i < op.cart_count; i++) {
			assert_int_equal(op.carts[i].state, CART_CHECKED_OUT);
			assert_true(op.carts[i].updated_ms < before_ms);
			for (size_t at = 0; at < count; at++) {
				struct cart cart;

				if (cart_id_compare(&ids[at], &op.carts[i].id) != 0)
					continue;
				cart = rig_get(f, &ids[at]);
				same = same && cart_equal(&cart, &op.carts[i]);
				cart_clear(&cart);
				counts[at]++;
			}
		}
		more = op.more;
		if (more)
			cart_list_go_on(&list, &op.cart);
		cart_op_clear(&op);
	}
	return same;
}

static void expect_listed(struct rig *f, int64_t before_ms, int limit, const struct cart_id *ids,
			  const int *wanted, size_t count)
{
	int64_t until = clock_monotonic_ns(&cart_clock_system);
	int counts[CARTS_MAX];

	if ((f->caps & CART_CAP_STRONG_LISTS) == 0)
		until += RIG_EVENTUAL_S * CLOCK_NS_PER_S;
	while (!count_listed(f, before_ms, limit, ids, counts, count) ||
	       memcmp(counts, wanted, count * sizeof(*counts)) != 0) {
		if (clock_monotonic_ns(&cart_clock_system) < until)
			continue;
		for (size_t i = 0; i < count; i++)
			print_error("cart %zu: %d times, wanted %d\n", i, counts[i], wanted[i]);
		fail();
	}
}

static void carts_that_were_checked_out_before_are_listed(void **state)
{
	enum { CLOSED = 9, OTHERS = 4 };
	static const int limits[] = {CART_CLOSED_MAX, 4, 1};
	int wanted[CLOSED + OTHERS] = {0};
	struct cart_id ids[CLOSED + OTHERS], guest;
	struct rig *f = *state;
	int64_t before_ms;

	for (size_t i = 0; i < CLOSED; i++) {
		ids[i] = closed_cart(f);
		wanted[i] = 1;
		clock_fake_advance(&f->clock, i % 3 == 0 ? 25 : 0);
	}
	clock_fake_advance(&f->clock, 1);
	before_ms = now(f);
	ids[CLOSED] = rig_cart(f);
	ids[CLOSED + 1] = closed_cart(f); /* later */
	ids[CLOSED + 2] = closed_cart(f); /* open again */
	ask(f, CART_OK, CHANGE, .id = ids[CLOSED + 2], CHANGES(REOPEN));
	guest = rig_id(f);
	ask(f, CART_OK, CREATE, .id = guest, CHANGES(ADD(7, 1)));
	ids[CLOSED + 3] = guest; /* merged */
	ask(f, CART_OK, MERGE, .id = ids[CLOSED + 2], .from = guest);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		expect_listed(f, before_ms, limits[i], ids, wanted, CLOSED + OTHERS);
	wanted[CLOSED + 1] = 1;
	expect_listed(f, now(f) + 1, CART_CLOSED_MAX, ids, wanted, CLOSED + OTHERS);
}

/* The store behind an owner's back: nobody but a tool asks for it. */
static void what_no_caller_should_ask_for_is_refused(void **state)
{
	struct rig *f = *state;
	struct shop_id owner = rig_customer(f);
	struct cart_id id = closed_cart(f);
	struct cart cart = rig_get(f, &id), other = cart, unsound = cart;

	other.id = rig_id(f);
	unsound.version = 0;
	ask(f, CART_FAILED, LIST, .list = {.kind = CART_LIST_CLOSED, .limit = CART_CLOSED_MAX + 1});
	ask(f, CART_FAILED, LIST, .list = {.kind = CART_LIST_CLOSED, .limit = 1}, .owner = &owner);
	ask(f, CART_FAILED, IMPORT, .id = id);
	ask(f, CART_FAILED, IMPORT, .id = id, .whole = &other);
	ask(f, CART_FAILED, IMPORT, .id = id, .whole = &unsound);
	ask(f, CART_FAILED, IMPORT, .id = id, .whole = &cart, .owner = &owner);
	ask(f, CART_FAILED, IMPORT, .id = id, .whole = &cart, .key = "k");
	cart_clear(&cart);
}

static void a_cart_is_removed_as_it_was_read_and_no_other(void **state)
{
	struct rig *f = *state;
	struct cart_id id = closed_cart(f);
	struct cart cart = rig_get(f, &id);

	ask(f, CART_MISMATCH, DELETE, .id = id, .flags = CART_ERASE,
	    .if_version = cart.version - 1);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REOPEN));
	ask(f, CART_MISMATCH, DELETE, .id = id, .flags = CART_ERASE, .if_version = cart.version);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	ask(f, CART_MISMATCH, DELETE, .id = id, .flags = CART_ERASE, .if_version = cart.version);
	ask(f, CART_OK, DELETE, .id = id, .flags = CART_ERASE, .if_version = cart.version + 2);
	ask(f, CART_NOT_FOUND, DELETE, .id = id, .flags = CART_ERASE, .if_version = cart.version);
	ask(f, CART_NOT_FOUND, GET, .id = id);
	cart_clear(&cart);
}

struct turn {
	struct probe *probes;
	size_t count;
};

static void turn_submit_here(void *user)
{
	struct turn *turn = user;

	for (size_t i = 0; i < turn->count; i++)
		probe_submit_here(&turn->probes[i]);
}

static void carts_that_are_removed_together_are_answered_each(void **state)
{
	enum { CARTS = 40 };
	struct rig *f = *state;
	struct probe probes[CARTS];
	struct turn turn = {.probes = probes, .count = CARTS};
	struct cart_id ids[CARTS], kept = closed_cart(f);

	for (size_t i = 0; i < CARTS; i++) {
		ids[i] = i % 8 == 5 ? rig_id(f) : closed_cart(f);
		probe_init(&probes[i], f, 0,
			   &(const struct cart_op){.type = CART_OP_DELETE,
						   .id = ids[i],
						   .flags = CART_ERASE,
						   .if_version = i % 8 == 3 ? 2 : 3},
			   0);
	}
	rig_call(f, 0, turn_submit_here, &turn);
	for (size_t i = 0; i < CARTS; i++)
		probe_await(&probes[i]);
	for (size_t i = 0; i < CARTS; i++) {
		enum cart_result want = i % 8 == 5   ? CART_NOT_FOUND
					: i % 8 == 3 ? CART_MISMATCH
						     : CART_OK;

		assert_string_equal(cart_result_name(probes[i].result), cart_result_name(want));
		ask(f, want == CART_MISMATCH ? CART_OK : CART_NOT_FOUND, GET, .id = ids[i]);
		probe_check(&probes[i]);
	}
	ask(f, CART_OK, GET, .id = kept);
}

/* Removes the cart and puts it back; it is then what it was. */
static void expect_same_again(struct rig *f, const struct cart_id *id)
{
	struct cart before = rig_get(f, id), after;

	ask(f, CART_OK, DELETE, .id = *id, .flags = CART_ERASE, .if_version = before.version);
	ask(f, CART_NOT_FOUND, GET, .id = *id);
	clock_fake_advance(&f->clock, 1000);
	assert_int_equal(ask(f, CART_OK, IMPORT, .id = *id, .whole = &before), before.version);
	after = rig_get(f, id);
	if (!cart_equal(&before, &after)) {
		print_error("before %s\n", rig_describe(&before));
		fail_msg("after %s", rig_describe(&after));
	}
	cart_clear(&before);
	cart_clear(&after);
}

static void a_cart_is_put_back_as_it_was(void **state)
{
	struct rig *f = *state;
	struct cart_id closed = closed_cart(f), open = rig_cart(f), empty = rig_cart(f);
	struct cart_id guest = rig_id(f), merged = rig_id(f);

	ask(f, CART_OK, CHANGE, .id = open, CHANGES(ADD(7, 1), ADD(9, 1)));
	ask(f, CART_OK, CREATE, .id = guest, CHANGES(LINE(ADD, 5, 1, "{\"gift\":true}")));
	ask(f, CART_OK, CREATE, .id = merged, CHANGES(ADD(7, 1)));
	ask(f, CART_OK, MERGE, .id = open, .from = merged);
	expect_same_again(f, &closed);
	expect_same_again(f, &open);
	expect_same_again(f, &empty);
	expect_same_again(f, &guest);
	expect_same_again(f, &merged);
}

static void a_cart_that_was_put_back_lives_on(void **state)
{
	struct rig *f = *state;
	struct cart_id id = closed_cart(f), open = rig_cart(f);
	struct cart before = rig_get(f, &id);
	struct cart_list list = {.kind = CART_LIST_CUSTOMER, .limit = 5};
	int wanted = 1;

	expect_same_again(f, &id);
	list.customer_id = before.customer_id;
	rig_expect_listed(f, &list, &id, true);
	expect_listed(f, now(f), 3, &id, &wanted, 1);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(REOPEN)), before.version + 1);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)));
	assert_int_equal(rig_quantity(f, &id, 7), 4);
	ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
	expect_same_again(f, &open);
	list = (struct cart_list){
		.kind = CART_LIST_IDLE, .idle_before_ms = now(f), .limit = CART_LIST_MAX};
	rig_expect_listed(f, &list, &open, true);
	clock_fake_advance(&f->clock, TTL_MS);
	ask(f, CART_NOT_FOUND, GET, .id = open);
	cart_clear(&before);
}

static void a_cart_that_is_there_is_not_overwritten(void **state)
{
	struct rig *f = *state;
	struct cart_id id = closed_cart(f);
	struct cart old = rig_get(f, &id), changed;

	ask(f, CART_MISMATCH, IMPORT, .id = id, .whole = &old);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(REOPEN));
	changed = rig_get(f, &id);
	ask(f, CART_MISMATCH, IMPORT, .id = id, .whole = &old);
	rig_forget(ask_for(f, CART_OK, GET, .id = id));
	cart_clear(&old);
	old = rig_get(f, &id);
	assert_true(cart_equal(&old, &changed));
	cart_clear(&old);
	cart_clear(&changed);
}

/* The limits of today are not those of the day when the cart was filled. */
static void a_cart_over_the_limits_is_put_back(void **state)
{
	struct rig *f = *state;
	struct cart_line lines[6];
	struct cart cart = {.id = rig_id(f),
			    .customer_id = rig_customer(f),
			    .state = CART_CHECKED_OUT,
			    .version = 12,
			    .created_ms = 1000,
			    .updated_ms = 5000,
			    .order_id = rig_id(f),
			    .lines = lines,
			    .line_count = 6};
	struct cart there;

	for (size_t i = 0; i < cart.line_count; i++)
		lines[i] = (struct cart_line){.product_id = id_of((int64_t)i + 1),
					      .quantity = 1000,
					      .added_ms = 2000,
					      .updated_ms = 3000 + (int64_t)i};
	ask(f, CART_OK, IMPORT, .id = cart.id, .whole = &cart);
	there = rig_get(f, &cart.id);
	assert_true(cart_equal(&cart, &there));
	cart_clear(&there);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(carts_that_were_checked_out_before_are_listed),
		TEST(what_no_caller_should_ask_for_is_refused),
		TEST(a_cart_is_removed_as_it_was_read_and_no_other),
		TEST(carts_that_are_removed_together_are_answered_each),
		TEST(a_cart_is_put_back_as_it_was),
		TEST(a_cart_that_was_put_back_lives_on),
		TEST(a_cart_that_is_there_is_not_overwritten),
		TEST(a_cart_over_the_limits_is_put_back),
	};

	return cmocka_run_group_tests_name(rig_title("whole carts"), tests, NULL, NULL);
}
