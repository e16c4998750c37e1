/* Each mutant of the fault backend does its wrong, over the memory backend, and no other. */
#include "tests/lib/cmocka.h"
#include "tests/lib/probe.h"
#include "tests/lib/rig.h"

#include <event2/event.h>

static struct rig *rig_of(const char *mutant, const char *key, const char *value)
{
	const char *settings[] = {"fault.mutant", mutant, key, value, NULL};

	return rig_start(&(struct rig_config){.backend = "memory", .fault = true, .set = settings});
}

/* What a get says of a cart's version. */
static int64_t version_of(struct rig *f, const struct cart_id *id, unsigned flags)
{
	struct cart_op op = ask_for(f, CART_OK, GET, .id = *id, .flags = flags);
	int64_t version = op.cart.version;

	cart_op_clear(&op);
	return version;
}

/* Lines of a new cart after two adds at once. */
static size_t lines_of_two_adds(struct rig *f)
{
	const struct cart_change adds[2] = {ADD(7, 1), ADD(8, 1)};
	struct cart_op add = {.type = CART_OP_CHANGE, .id = rig_cart(f), .change_count = 1};
	struct probe probes[2];
	struct cart cart;
	size_t lines;

	for (int i = 0; i < 2; i++) {
		add.changes = &adds[i];
		probe_init(&probes[i], f, 0, &add, 0);
	}
	probe_submit_all(probes, 2);
	for (int i = 0; i < 2; i++) {
		probe_await(&probes[i]);
		assert_int_equal(probes[i].result, CART_OK);
		probe_check(&probes[i]);
	}
	cart = rig_get(f, &add.id);
	lines = cart.line_count;
	cart_clear(&cart);
	return lines;
}

static void read_modify_write_loses_one_of_two_at_once(void **state)
{
	struct rig *f = rig_of("read-modify-write", NULL, NULL);
	int tries = 0;

	(void)state;
	/* The second may come when the first is done already. */
	while (lines_of_two_adds(f) == 2)
		assert_true(++tries < 10000);
	rig_stop(&f);
}

static void read_modify_write_alone_is_right(void **state)
{
	struct rig *f = rig_of("read-modify-write", NULL, NULL);
	struct cart_id id = rig_cart(f);
	struct cart_op op;

	(void)state;
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2))), 2);
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 3), ADD(2, 1))), 3);
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(REMOVE(9)));
	ask(f, CART_MISMATCH, CHANGE, .id = id, .if_version = 2, CHANGES(ADD(1, 1)));
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(SET(1, 5))), 3);
	op = ask_for(f, CART_OK, CHANGE, .id = id, .flags = CART_WANT_CART, CHANGES(REMOVE(2)));
	assert_int_equal(op.cart.line_count, 1);
	cart_op_clear(&op);
	assert_int_equal(rig_quantity(f, &id, 1), 5);
	rig_stop(&f);
}

static void a_dropped_write_is_acknowledged_and_not_there(void **state)
{
	struct rig *f = rig_of("dropped-write", NULL, NULL);
	struct cart_id id = rig_cart(f);

	(void)state;
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2))), 2);
	assert_int_equal(version_of(f, &id, 0), 1);
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(REMOVE(1)));
	rig_stop(&f);
}

static void a_doubled_write_counts_twice_and_a_replay_not_at_all(void **state)
{
	struct rig *f = rig_of("doubled-write", NULL, NULL);
	struct cart_id id = rig_cart(f);

	(void)state;
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 2))), 3);
	ask(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 2)));
	assert_int_equal(rig_quantity(f, &id, 1), 4);
	/* The second half of it fails: the first has been done all the same. */
	assert_int_equal(ask(f, CART_OK, CHANGE, .id = id, CHANGES(REMOVE(1))), 4);
	rig_stop(&f);
}

static void without_idempotency_a_replay_is_applied(void **state)
{
	struct rig *f = rig_of("no-idempotency", NULL, NULL);
	struct cart_id id = rig_cart(f);

	(void)state;
	for (int i = 0; i < 2; i++)
		ask(f, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 2)));
	assert_int_equal(rig_quantity(f, &id, 1), 4);
	rig_stop(&f);
}

static void a_stale_cache_shows_the_cart_before_its_last_change(void **state)
{
	struct rig *f = rig_of("stale-cache", NULL, NULL);
	struct cart_id id = rig_cart(f);
	struct cart_op op;

	(void)state;
	assert_int_equal(version_of(f, &id, 0), 1);
	op = ask_for(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	assert_int_equal(op.version, 2);
	assert_int_equal(op.cart.version, 0); /* not asked for, not given */
	cart_op_clear(&op);
	assert_int_equal(version_of(f, &id, CART_READ_STRONG), 1);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	assert_int_equal(rig_quantity(f, &id, 1), 2);
	rig_stop(&f);
}

static void a_share_of_reads_is_stale_if_only_a_share_is_asked_for(void **state)
{
	struct rig *f = rig_of("stale-cache", "fault.mutant_share", "250");
	struct cart_id id = rig_cart(f);
	int stale = 0;

	(void)state;
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	for (int i = 0; i < 1000; i++)
		stale += version_of(f, &id, 0) == 1;
	assert_in_range(stale, 200, 300);
	rig_stop(&f);
}

/* 50 ms: long enough to be met once, whatever else the machine does. */
static void an_old_copy_is_shown_for_its_age(void **state)
{
	struct rig *f = rig_of("stale-cache", "fault.mutant_age", "50ms");
	int64_t end_ns = clock_monotonic_ns(&cart_clock_system) + 20 * CLOCK_NS_PER_S;
	struct cart_id id;
	int64_t at_once = 2;

	(void)state;
	while (at_once != 1 && clock_monotonic_ns(&cart_clock_system) < end_ns) {
		id = rig_cart(f);
		ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
		at_once = version_of(f, &id, 0);
	}
	assert_int_equal(at_once, 1);
	while (version_of(f, &id, 0) == 1)
		assert_true(clock_monotonic_ns(&cart_clock_system) < end_ns);
	assert_int_equal(version_of(f, &id, 0), 2);
	rig_stop(&f);
}

static void only_reads_that_ask_for_no_more_are_stale_if_so_set(void **state)
{
	struct rig *f = rig_of("stale-cache", "fault.mutant_reads", "eventual");
	struct cart_id id = rig_cart(f);

	(void)state;
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	assert_int_equal(version_of(f, &id, CART_READ_EVENTUAL), 1);
	assert_int_equal(version_of(f, &id, CART_READ_STRONG), 2);
	assert_int_equal(version_of(f, &id, 0), 2);
	rig_stop(&f);
}

static void two_replicas_answer_in_turn(void **state)
{
	struct rig *f = rig_of("two-replicas", NULL, NULL);
	struct cart_id id = rig_cart(f);
	int64_t first;

	(void)state;
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	first = version_of(f, &id, 0);
	for (int i = 1; i < 6; i++)
		assert_int_equal(version_of(f, &id, 0), i % 2 == 0 ? first : 3 - first);
	rig_stop(&f);
}

static void a_stale_index_lists_old_carts_and_gets_are_right(void **state)
{
	struct rig *f = rig_of("stale-index", NULL, NULL);
	struct shop_id customer = rig_customer(f);
	struct cart_id id = rig_id(f);
	struct cart_op op;

	(void)state;
	ask(f, CART_OK, CREATE, .id = id, .customer_id = customer);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	op = ask_for(f, CART_OK, LIST,
		     .list = {.kind = CART_LIST_CUSTOMER, .customer_id = customer, .limit = 5});
	assert_int_equal(op.cart_count, 1);
	assert_int_equal(op.carts[0].version, 1);
	cart_op_clear(&op);
	assert_int_equal(version_of(f, &id, 0), 2);
	rig_stop(&f);
}

/* Its second step has the answer of the first to fall back on, when time is up meanwhile. */
static void a_mutant_that_expires_completes_once(void **state)
{
	static const char *const names[] = {"read-modify-write", "dropped-write", "doubled-write"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct rig *f = rig_of(names[i], NULL, NULL);
		struct cart_id id = rig_cart(f);
		struct cart_op add = {.type = CART_OP_CHANGE, .id = id, CHANGES(ADD(7, 1))};
		struct probe probe;

		for (int n = 0; n < 50; n++) {
			probe_init(&probe, f, 0, &add, 0);
			probe_submit(&probe);
			probe_cancel(&probe);
			probe_await(&probe);
			assert_true(probe.result == CART_OK || probe.result == CART_CANCELED ||
				    probe.result == CART_UNCERTAIN);
			probe_check(&probe);
		}
		rig_stop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_modify_write_loses_one_of_two_at_once),
		cmocka_unit_test(read_modify_write_alone_is_right),
		cmocka_unit_test(a_dropped_write_is_acknowledged_and_not_there),
		cmocka_unit_test(a_doubled_write_counts_twice_and_a_replay_not_at_all),
		cmocka_unit_test(without_idempotency_a_replay_is_applied),
		cmocka_unit_test(a_stale_cache_shows_the_cart_before_its_last_change),
		cmocka_unit_test(a_share_of_reads_is_stale_if_only_a_share_is_asked_for),
		cmocka_unit_test(an_old_copy_is_shown_for_its_age),
		cmocka_unit_test(only_reads_that_ask_for_no_more_are_stale_if_so_set),
		cmocka_unit_test(two_replicas_answer_in_turn),
		cmocka_unit_test(a_stale_index_lists_old_carts_and_gets_are_right),
		cmocka_unit_test(a_mutant_that_expires_completes_once),
	};

	return cmocka_run_group_tests_name("fault mutants", tests, NULL, NULL);
}
