/* What gets showed is judged on written histories: of a side that is right none is wrong, whatever
 * the order in which its answers came. */
#include "bench/h2h/history.h"
#include "tests/lib/cmocka.h"

#include <string.h>

#define CARTS 3

static struct history *history;

static int setup(void **state)
{
	(void)state;
	history = history_new(CARTS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	history_free(&history);
	return 0;
}

static void note_add(size_t cart, int64_t version, int64_t product, int64_t quantity,
		     enum bench_outcome outcome)
{
	struct bench_op op = {.type = BENCH_ADD,
			      .product_id = product,
			      .quantity = quantity,
			      .outcome = outcome,
			      .version = version};

	history_note(history, cart, &op, history_version(history, cart));
}

static void add(size_t cart, int64_t version, int64_t product, int64_t quantity)
{
	note_add(cart, version, product, quantity, BENCH_OK);
}

/* The cart with lines of products 1 and 2, without those of quantity 0. */
static void get_tagged(size_t cart, int64_t tag, int64_t version, int64_t first, int64_t second,
		       int64_t before)
{
	struct cart_line lines[2];
	struct bench_op op = {.type = BENCH_GET, .version = tag, .cart = {.lines = lines}};

	if (first > 0)
		lines[op.cart.line_count++] =
			(struct cart_line){.product_id = shop_id_of_number(1), .quantity = first};
	if (second > 0)
		lines[op.cart.line_count++] =
			(struct cart_line){.product_id = shop_id_of_number(2), .quantity = second};
	op.cart.version = version;
	history_note(history, cart, &op, before);
}

static void get(size_t cart, int64_t version, int64_t first, int64_t second)
{
	get_tagged(cart, version, version, first, second, history_version(history, cart));
}

static struct ledger_check judged(bool may_be_old)
{
	struct ledger_check check = {0};

	history_judge(history, may_be_old, &check);
	return check;
}

static void expect(size_t gets, size_t wrong, size_t stale, const char *example)
{
	struct ledger_check check = judged(false);
	char why[200];

	assert_int_equal(check.gets, gets);
	assert_int_equal(check.gets_wrong, wrong);
	assert_int_equal(check.gets_stale, stale);
	assert_true(ledger_check_is_wrong(&check, "B", why, sizeof(why)) == (wrong > 0));
	if (example == NULL)
		assert_string_equal(check.gets_example, "");
	else if (strstr(check.gets_example, example) == NULL)
		fail_msg("\"%s\" is not in: %s", example, check.gets_example);
}

static void what_was_acknowledged_may_be_shown(void **state)
{
	(void)state;
	get(0, 1, 0, 0);
	add(0, 2, 1, 3);
	get(0, 2, 3, 0);
	add(1, 2, 2, 5);
	add(0, 3, 1, 1);
	get(0, 3, 4, 0);
	get(1, 2, 0, 5);
	get(2, 1, 0, 0);
	expect(5, 0, 0, NULL);
}

/* Of several clients: the get was asked before the adds, and its answer came before theirs. */
static void what_was_under_way_may_be_shown_or_not(void **state)
{
	(void)state;
	get_tagged(0, 3, 3, 2, 4, 1);
	get_tagged(0, 2, 2, 0, 4, 1);
	get_tagged(0, 1, 1, 0, 0, 1);
	add(0, 3, 1, 2);
	add(0, 2, 2, 4);
	assert_int_equal(history_version(history, 0), 3);
	expect(3, 0, 0, NULL);
}

static void an_older_cart_is_wrong_unless_it_may_be_old(void **state)
{
	struct ledger_check check;

	(void)state;
	add(0, 2, 1, 3);
	add(0, 3, 2, 3);
	get(0, 2, 3, 0);
	expect(1, 1, 1, "a get showed version 2 of a cart after version 3 was acknowledged");
	check = judged(true);
	assert_int_equal(check.gets_wrong, 0);
	assert_int_equal(check.gets_stale, 1);
}

static void what_never_was_is_wrong_also_where_it_may_be_old(void **state)
{
	(void)state;
	add(0, 2, 1, 3);
	get(0, 2, 0, 0); /* old lines under the new version */
	get(0, 2, 0, 3); /* another product */
	get(0, 2, 6, 0); /* twice */
	get(0, 2, 3, 1); /* one more */
	expect(4, 4, 0, "lines that its cart did not have");
	assert_int_equal(judged(true).gets_wrong, 4);
}

static void a_version_that_nobody_made_is_wrong(void **state)
{
	(void)state;
	add(0, 2, 1, 3);
	get(0, 3, 3, 0);
	expect(1, 1, 0, "that no add had made");
}

static void another_version_than_the_tag_is_wrong(void **state)
{
	(void)state;
	add(0, 2, 1, 3);
	get_tagged(0, 1, 2, 3, 0, 2);
	get_tagged(0, 0, 2, 3, 0, 2);
	expect(2, 2, 0, "another version than its ETag");
}

static void another_cart_is_wrong(void **state)
{
	struct bench_op op = {.type = BENCH_GET, .version = 1, .cart = {.version = 1}};

	(void)state;
	op.cart.id.bytes[3] = 1;
	history_note(history, 0, &op, 1);
	expect(1, 1, 0, "another cart");
}

static void a_write_that_was_dropped_is_seen_after_it(void **state)
{
	(void)state;
	add(0, 2, 1, 3);
	add(0, 2, 2, 1); /* the one before is not there, so its version is given again */
	get(0, 2, 0, 1);
	expect(1, 1, 0, "lines that its cart did not have");
}

/* The contract has an ETag there, and a side without it could show any old cart. */
static void an_add_without_its_version_is_wrong(void **state)
{
	(void)state;
	note_add(1, 0, 1, 3, BENCH_OK);
	get(1, 1, 0, 0);
	expect(1, 1, 0, "without an ETag");
}

/* Failures are counted elsewhere. */
static void what_is_not_known_is_not_judged(void **state)
{
	struct bench_op failed = {.type = BENCH_GET, .outcome = BENCH_REFUSED};

	(void)state;
	note_add(0, 0, 1, 3, BENCH_UNKNOWN);
	get(0, 2, 3, 0);
	note_add(2, 0, 1, 3, BENCH_REFUSED);
	history_note(history, 2, &failed, 1);
	get(2, 1, 0, 0);
	expect(1, 0, 0, NULL);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_acknowledged_may_be_shown),
		TEST(what_was_under_way_may_be_shown_or_not),
		TEST(an_older_cart_is_wrong_unless_it_may_be_old),
		TEST(what_never_was_is_wrong_also_where_it_may_be_old),
		TEST(a_version_that_nobody_made_is_wrong),
		TEST(another_version_than_the_tag_is_wrong),
		TEST(another_cart_is_wrong),
		TEST(a_write_that_was_dropped_is_seen_after_it),
		TEST(an_add_without_its_version_is_wrong),
		TEST(what_is_not_known_is_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
