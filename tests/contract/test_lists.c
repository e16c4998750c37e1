/*
 * The rules of lists, on the backend that CART_BACKEND names. Where its lists are only eventually
 * what they should be (no CART_CAP_STRONG_LISTS), they are asked for until they are, for a while.
 */
#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"

#include <stdlib.h>
#include <string.h>

#define TTL_MS	  60000
#define STEP_MS	  20 /* cart.idle_step */
#define CARTS_MAX 128

static int start(void **state)
{
	static const char *const settings[] = {"cart.ttl", "60s", "cart.idle_step", "20ms", NULL};

	*state = rig_start(&(struct rig_config){.loops = 2, .set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

/* Carts and the order in which a list should have them. */
struct wanted {
	struct cart carts[CARTS_MAX];
	size_t count;
};

static void wanted_add(struct rig *f, struct wanted *wanted, const struct cart_id *id)
{
	wanted->carts[wanted->count++] = rig_get(f, id);
}

static void wanted_clear(struct wanted *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		cart_clear(&wanted->carts[i]);
	wanted->count = 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct cart *x = a, *y = b;

	if (x->created_ms != y->created_ms)
		return x->created_ms < y->created_ms ? 1 : -1;
	return -cart_id_compare(&x->id, &y->id);
}

static int idle_first(const void *a, const void *b)
{
	const struct cart *x = a, *y = b;

	if (x->updated_ms / STEP_MS != y->updated_ms / STEP_MS)
		return x->updated_ms < y->updated_ms ? -1 : 1;
	return cart_id_compare(&x->id, &y->id);
}

static void wanted_sort(struct wanted *wanted, int (*order)(const void *, const void *))
{
	qsort(wanted->carts, wanted->count, sizeof(wanted->carts[0]), order);
}

static bool is_wanted(const struct cart_op *op, const struct wanted *wanted, size_t from,
		      size_t count)
{
	if (op->cart_count != count || op->more != (from + count < wanted->count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!rig_same_cart(&op->carts[i], &wanted->carts[from + i], false))
			return false;
	return true;
}

static void print_list(const struct cart_op *op, const struct wanted *wanted, size_t from,
		       size_t count)
{
	print_error("got %zu%s:\n", op->cart_count, op->more ? " and more" : "");
	for (size_t i = 0; i < op->cart_count; i++)
		print_error("  %s\n", rig_describe(&op->carts[i]));
	print_error("wanted %zu%s:\n", count, from + count < wanted->count ? " and more" : "");
	for (size_t i = 0; i < count; i++)
		print_error("  %s\n", rig_describe(&wanted->carts[from + i]));
}

/* The page holds wanted[from ...], as many as its limit and there are, and says if there are more,
 * behind which the list is then moved. */
static void expect_page(struct rig *f, struct cart_list *list, const struct wanted *wanted,
			size_t from)
{
	size_t left = wanted->count - from;
	size_t count = left < (size_t)list->limit ? left : (size_t)list->limit;
	int64_t until = clock_monotonic_ns(&cart_clock_system);
	struct cart_op op;

	if ((f->caps & CART_CAP_STRONG_LISTS) == 0)
		until += RIG_EVENTUAL_S * CLOCK_NS_PER_S;
	for (;;) {
		op = ask_for(f, CART_OK, LIST, .list = *list);
		if (is_wanted(&op, wanted, from, count))
			break;
		if (clock_monotonic_ns(&cart_clock_system) > until) {
			print_list(&op, wanted, from, count);
			cart_op_clear(&op);
			fail();
		}
		cart_op_clear(&op);
	}
	if (op.more)
		cart_list_go_on(list, &op.carts[op.cart_count - 1]);
	cart_op_clear(&op);
}

/* Every page of the list, for a few sizes of a page. */
static void expect_list(struct rig *f, const struct cart_list *list, const struct wanted *wanted)
{
	static const int limits[] = {CART_LIST_MAX, 1, 2, 3};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct cart_list page = *list;
		size_t from = 0;

		page.limit = limits[i];
		do {
			expect_page(f, &page, wanted, from);
			from += (size_t)page.limit;
		} while (from < wanted->count);
	}
}

static struct cart_id make_cart(struct rig *f, struct shop_id customer)
{
	struct cart_id id = rig_id(f);

	ask(f, CART_OK, CREATE, .id = id, .customer_id = customer);
	return id;
}

/* Idle carts of this test alone, from the step of start_ms on: a shared database may hold those of
 * others. */
static struct cart_list idle_list(struct rig *f, int64_t start_ms)
{
	struct cart_list list = {
		.kind = CART_LIST_IDLE,
		.idle_before_ms = clock_fake_now(&f->clock) + 1,
		.limit = CART_LIST_MAX,
		.has_after = true,
		.after_ms = start_ms - start_ms % STEP_MS - 1,
	};

	memset(list.after_id.bytes, 0xff, sizeof(list.after_id.bytes));
	return list;
}

static void a_list_of_nobodys_is_empty(void **state)
{
	struct rig *f = *state;
	struct wanted wanted = {.count = 0};

	expect_list(f, &(struct cart_list){.customer_id = rig_customer(f)}, &wanted);
}

static void a_customers_carts_are_listed_whole_and_newest_first(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct wanted wanted = {.count = 0};

	for (int64_t i = 0; i < 9; i++) {
		struct cart_id id = make_cart(f, customer);

		make_cart(f, rig_customer(f));
		for (int64_t product = 1; product <= i % 4; product++)
			ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(product * 3, i + 1)));
		if (i == 7)
			ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
		wanted_add(f, &wanted, &id);
		/* Some are of the same instant, and then their ids say. */
		if (i % 3 != 0)
			clock_fake_advance(&f->clock, 1 + i);
	}
	wanted_sort(&wanted, newest_first);
	expect_list(f, &(struct cart_list){.customer_id = customer}, &wanted);
	wanted_clear(&wanted);
}

static void the_order_is_not_changed_by_changes(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct cart_id ids[4];
	struct wanted wanted = {.count = 0};

	for (size_t i = 0; i < 4; i++) {
		ids[i] = make_cart(f, customer);
		clock_fake_advance(&f->clock, 10);
	}
	for (size_t i = 4; i-- > 0;) {
		ask(f, CART_OK, CHANGE, .id = ids[i], CHANGES(ADD(1, 1)));
		clock_fake_advance(&f->clock, 10);
		wanted_add(f, &wanted, &ids[i]);
	}
	expect_list(f, &(struct cart_list){.customer_id = customer}, &wanted);
	wanted_clear(&wanted);
}

static void a_list_can_be_narrowed_to_a_state(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct wanted all = {.count = 0}, open = {.count = 0}, closed = {.count = 0};

	for (int i = 0; i < 8; i++) {
		struct cart_id id = make_cart(f, customer);

		ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
		if (i % 3 == 1)
			ask(f, CART_OK, CHECKOUT, .id = id, .order_id = rig_id(f));
		wanted_add(f, &all, &id);
		wanted_add(f, i % 3 == 1 ? &closed : &open, &id);
		clock_fake_advance(&f->clock, 10);
	}
	wanted_sort(&all, newest_first);
	wanted_sort(&open, newest_first);
	wanted_sort(&closed, newest_first);
	expect_list(f, &(struct cart_list){.customer_id = customer}, &all);
	expect_list(f, &(struct cart_list){.customer_id = customer, .state = CART_LIST_OPEN},
		    &open);
	expect_list(f, &(struct cart_list){.customer_id = customer, .state = CART_LIST_CHECKED_OUT},
		    &closed);
	wanted_clear(&all);
	wanted_clear(&open);
	wanted_clear(&closed);
}

static void pages_neither_skip_nor_repeat_while_carts_come_and_go(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct cart_list page = {.customer_id = customer, .limit = 2};
	struct wanted wanted = {.count = 0};
	struct wanted left = {.count = 0};

	for (int i = 0; i < 6; i++) {
		struct cart_id id = make_cart(f, customer);

		clock_fake_advance(&f->clock, 10);
		wanted_add(f, &wanted, &id);
	}
	wanted_sort(&wanted, newest_first);
	expect_page(f, &page, &wanted, 0);
	/* A new one comes in front, the last one seen goes. */
	make_cart(f, customer);
	ask(f, CART_OK, DELETE, .id = wanted.carts[1].id);
	expect_page(f, &page, &wanted, 2);
	make_cart(f, customer);
	expect_page(f, &page, &wanted, 4);
	/* One that has not been seen goes too. */
	ask(f, CART_OK, DELETE, .id = wanted.carts[4].id);
	wanted_add(f, &left, &wanted.carts[5].id);
	expect_page(f, &page, &left, 0);
	wanted_clear(&wanted);
	wanted_clear(&left);
}

static void a_hundred_carts_are_a_page_and_the_next_one_is_another(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct cart_list page = {.customer_id = customer, .limit = CART_LIST_MAX};
	struct wanted *wanted = calloc(1, sizeof(*wanted));

	for (int i = 0; i <= CART_LIST_MAX; i++) {
		struct cart_id id = make_cart(f, customer);

		ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1 + i), ADD(2, 1)));
		wanted_add(f, wanted, &id);
	}
	wanted_sort(wanted, newest_first);
	expect_page(f, &page, wanted, 0);
	expect_page(f, &page, wanted, CART_LIST_MAX);
	wanted_clear(wanted);
	free(wanted);
}

static void expired_carts_are_not_listed_from_the_instant(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	int64_t start_ms = clock_fake_now(&f->clock);
	struct cart_list list = {.customer_id = customer};
	struct wanted wanted = {.count = 0};
	struct cart_id ids[6];

	for (size_t i = 0; i < 6; i++) {
		ids[i] = make_cart(f, customer);
		ask(f, CART_OK, CHANGE, .id = ids[i], CHANGES(ADD(1, 1)));
		clock_fake_advance(&f->clock, 1);
	}
	/* Two stay because they are changed, one because it is checked out. */
	clock_fake_set(&f->clock, start_ms + TTL_MS - 1);
	ask(f, CART_OK, CHANGE, .id = ids[1], CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHANGE, .id = ids[4], CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHECKOUT, .id = ids[3], .order_id = rig_id(f));
	for (size_t i = 0; i < 6; i++)
		wanted_add(f, &wanted, &ids[i]);
	wanted_sort(&wanted, newest_first);
	expect_list(f, &list, &wanted);
	wanted_clear(&wanted);
	/* The first goes, and only that one. */
	clock_fake_set(&f->clock, start_ms + TTL_MS);
	for (size_t i = 1; i < 6; i++)
		wanted_add(f, &wanted, &ids[i]);
	wanted_sort(&wanted, newest_first);
	expect_list(f, &list, &wanted);
	wanted_clear(&wanted);
	/* What is left has gaps. */
	clock_fake_set(&f->clock, start_ms + TTL_MS + 10);
	wanted_add(f, &wanted, &ids[4]);
	wanted_add(f, &wanted, &ids[3]);
	wanted_add(f, &wanted, &ids[1]);
	expect_list(f, &list, &wanted);
	wanted_clear(&wanted);
	clock_fake_advance(&f->clock, TTL_MS);
	wanted_add(f, &wanted, &ids[3]);
	expect_list(f, &list, &wanted);
	wanted_clear(&wanted);
}

static void idle_carts_come_longest_idle_first(void **state)
{
	struct rig *f = *state;
	int64_t start_ms = clock_fake_now(&f->clock);
	struct wanted wanted = {.count = 0};
	struct cart_id ids[7];

	for (size_t i = 0; i < 7; i++) {
		ids[i] = make_cart(f, rig_customer(f));
		if (i % 3 != 0)
			clock_fake_advance(&f->clock, 5);
	}
	/* A change moves a cart to the end, what changes nothing does not. */
	ask(f, CART_OK, CHANGE, .id = ids[0], CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHANGE, .id = ids[1], CHANGES(CLEAR));
	clock_fake_advance(&f->clock, 5);
	ask(f, CART_OK, CHANGE, .id = ids[2], CHANGES(ADD(1, 1)));
	for (size_t i = 0; i < 7; i++)
		wanted_add(f, &wanted, &ids[i]);
	wanted_sort(&wanted, idle_first);
	struct cart_list list = idle_list(f, start_ms);

	expect_list(f, &list, &wanted);
	wanted_clear(&wanted);
}

/* All in one step, and changed in another order than their ids'. */
static void within_a_step_idle_carts_come_by_id(void **state)
{
	struct rig *f = *state;
	struct wanted wanted = {.count = 0};
	struct cart_list list;
	int64_t start_ms;

	clock_fake_advance(&f->clock, STEP_MS - clock_fake_now(&f->clock) % STEP_MS);
	start_ms = clock_fake_now(&f->clock);
	for (size_t i = 0; i < STEP_MS; i++) {
		struct cart_id id = make_cart(f, rig_customer(f));

		wanted_add(f, &wanted, &id);
		clock_fake_advance(&f->clock, 1);
	}
	wanted_sort(&wanted, idle_first);
	list = idle_list(f, start_ms);
	expect_list(f, &list, &wanted);
	/* Of those that are in the step, only the ones before the time. */
	list.idle_before_ms = start_ms + STEP_MS / 2;
	for (size_t i = wanted.count; i-- > 0;)
		if (wanted.carts[i].updated_ms >= list.idle_before_ms) {
			cart_clear(&wanted.carts[i]);
			memmove(&wanted.carts[i], &wanted.carts[i + 1],
				(--wanted.count - i) * sizeof(wanted.carts[0]));
		}
	assert_int_equal(wanted.count, STEP_MS / 2);
	expect_list(f, &list, &wanted);
	wanted_clear(&wanted);
}

static void idle_means_not_changed_since_before_the_time(void **state)
{
	struct rig *f = *state;
	int64_t start_ms = clock_fake_now(&f->clock);
	struct wanted wanted = {.count = 0};
	struct cart_id ids[3];
	struct cart_list list;

	for (size_t i = 0; i < 3; i++) {
		ids[i] = make_cart(f, rig_customer(f));
		clock_fake_advance(&f->clock, 10);
	}
	list = idle_list(f, start_ms);
	for (size_t i = 0; i < 3; i++) {
		list.idle_before_ms = start_ms + (int64_t)i * 10;
		expect_list(f, &list, &wanted);
		list.idle_before_ms++;
		wanted_add(f, &wanted, &ids[i]);
		wanted_sort(&wanted, idle_first);
		expect_list(f, &list, &wanted);
	}
	wanted_clear(&wanted);
}

static void idle_carts_are_open_and_alive(void **state)
{
	struct rig *f = *state;
	int64_t start_ms = clock_fake_now(&f->clock);
	struct cart_id expired = make_cart(f, rig_customer(f)), closed, deleted, alive;
	struct wanted wanted = {.count = 0};
	struct cart_list list;

	clock_fake_advance(&f->clock, 10);
	closed = make_cart(f, rig_customer(f));
	deleted = make_cart(f, rig_customer(f));
	alive = make_cart(f, rig_customer(f));
	ask(f, CART_OK, CHANGE, .id = closed, CHANGES(ADD(1, 1)));
	ask(f, CART_OK, CHECKOUT, .id = closed, .order_id = rig_id(f));
	ask(f, CART_OK, DELETE, .id = deleted);
	wanted_add(f, &wanted, &expired);
	wanted_add(f, &wanted, &alive);
	wanted_sort(&wanted, idle_first);
	list = idle_list(f, start_ms);
	expect_list(f, &list, &wanted);
	wanted_clear(&wanted);
	clock_fake_set(&f->clock, start_ms + TTL_MS);
	wanted_add(f, &wanted, &alive);
	expect_list(f, &list, &wanted);
	wanted_clear(&wanted);
	clock_fake_advance(&f->clock, 10);
	expect_list(f, &list, &wanted);
}

static void a_list_through_another_loops_handle_shows_the_change(void **state)
{
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct wanted wanted = {.count = 0};

	for (int i = 0; i < 10; i++) {
		struct cart_id id = rig_id(f);

		ask_on(f, 1, CART_OK, CREATE, .id = id, .customer_id = customer);
		ask_on(f, 1, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
		clock_fake_advance(&f->clock, 1);
		wanted_add(f, &wanted, &id);
		wanted_sort(&wanted, newest_first);
		expect_page(f, &(struct cart_list){.customer_id = customer, .limit = 20}, &wanted,
			    0);
	}
	wanted_clear(&wanted);
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(a_list_of_nobodys_is_empty),
		ON(a_customers_carts_are_listed_whole_and_newest_first),
		ON(the_order_is_not_changed_by_changes),
		ON(a_list_can_be_narrowed_to_a_state),
		ON(pages_neither_skip_nor_repeat_while_carts_come_and_go),
		ON(a_hundred_carts_are_a_page_and_the_next_one_is_another),
		ON(expired_carts_are_not_listed_from_the_instant),
		ON(idle_carts_come_longest_idle_first),
		ON(within_a_step_idle_carts_come_by_id),
		ON(idle_means_not_changed_since_before_the_time),
		ON(idle_carts_are_open_and_alive),
		ON(a_list_through_another_loops_handle_shows_the_change),
	};

	return cmocka_run_group_tests_name(rig_title("lists"), tests, NULL, NULL);
}
