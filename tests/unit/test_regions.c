/* Two regions with copies of the same carts: what the last writer wins, and what a home keeps. */
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"

#define LAG_MS 100

struct world {
	struct rig *here, *there;
};

static struct rig *rig_in(const char *region, const char *home)
{
	const char *const set[] = {"regions.region", region, "regions.lag", "100ms",
				   "regions.home",   home,   NULL};

	return rig_start(&(struct rig_config){.backend = "regions", .set = set});
}

/* The clock of the first rig is the world's. It stands still. */
static int start_with(void **state, const char *home)
{
	static struct world world;

	world.here = rig_in("1", home);
	world.there = rig_in("2", home);
	clock_fake_set(&world.there->clock, clock_fake_now(&world.here->clock));
	clock_fake_hold_monotonic(&world.here->clock, CLOCK_NS_PER_S);
	*state = &world;
	return 0;
}

static int start(void **state)
{
	return start_with(state, "false");
}

static int start_with_home(void **state)
{
	return start_with(state, "true");
}

static int stop(void **state)
{
	struct world *world = *state;

	rig_stop(&world->there);
	rig_stop(&world->here);
	return 0;
}

static void pass(struct world *world, int64_t ms)
{
	clock_fake_hold_monotonic(&world->here->clock,
				  world->here->clock.monotonic_ns + ms * CLOCK_NS_PER_MS);
}

static void expect_equal(struct world *world, const struct cart_id *id)
{
	struct cart a = rig_get(world->here, id), b = rig_get(world->there, id);

	assert_true(rig_same_cart(&a, &b, false));
	cart_clear(&a);
	cart_clear(&b);
}

/* A cart that both regions have. */
static struct cart_id cart_in_both(struct world *world)
{
	struct cart_id id = rig_cart(world->here);

	pass(world, LAG_MS);
	expect_equal(world, &id);
	return id;
}

static void a_write_arrives_after_the_lag_and_not_before(void **state)
{
	struct world *world = *state;
	struct cart_id id = cart_in_both(world);

	ask(world->here, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	assert_int_equal(rig_quantity(world->here, &id, 1), 2);
	pass(world, LAG_MS - 1);
	assert_int_equal(rig_quantity(world->there, &id, 1), 0);
	pass(world, 1);
	assert_int_equal(rig_quantity(world->there, &id, 1), 2);
	expect_equal(world, &id);
}

static void of_two_adds_within_the_lag_the_first_is_lost(void **state)
{
	struct world *world = *state;
	struct cart_id id = cart_in_both(world);

	ask(world->here, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	pass(world, LAG_MS / 2);
	ask(world->there, CART_OK, CHANGE, .id = id, CHANGES(ADD(2, 1)));
	pass(world, 2 * LAG_MS);
	expect_equal(world, &id);
	assert_int_equal(rig_quantity(world->here, &id, 1), 0);
	assert_int_equal(rig_quantity(world->here, &id, 2), 1);
}

/* If-Match looks at the region's own copy: both are accepted under one version. */
static void a_condition_sees_its_own_region_alone(void **state)
{
	struct world *world = *state;
	struct cart_id id = cart_in_both(world);

	ask(world->here, CART_OK, CHANGE, .id = id, .if_version = 1, CHANGES(ADD(1, 1)));
	ask(world->there, CART_OK, CHANGE, .id = id, .if_version = 1, CHANGES(ADD(2, 1)));
	pass(world, LAG_MS);
	expect_equal(world, &id);
	assert_int_equal(rig_quantity(world->here, &id, 1), 0);
}

/* Each region applies it and answers as to a first request. Here the second copy replaces the
 * first, and the cart has the product once; an add that one region had alone would have been lost.
 */
static void a_key_within_the_lag_is_applied_twice(void **state)
{
	struct world *world = *state;
	struct cart_id id = cart_in_both(world);
	struct cart_op op;

	ask(world->here, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 1)));
	op = ask_for(world->there, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 1)));
	assert_false(op.replayed);
	cart_op_clear(&op);
}

static void a_key_travels_with_its_cart(void **state)
{
	struct world *world = *state;
	struct cart_id id = cart_in_both(world);
	struct cart_op op;

	ask(world->here, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 1)));
	pass(world, LAG_MS);
	op = ask_for(world->there, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(1, 1)));
	assert_true(op.replayed);
	cart_op_clear(&op);
	assert_int_equal(rig_quantity(world->there, &id, 1), 1);
}

static size_t carts_of(struct rig *rig, const struct shop_id *customer)
{
	struct cart_op op = ask_for(
		rig, CART_OK, LIST,
		.list = {.kind = CART_LIST_CUSTOMER, .customer_id = *customer, .limit = 10});
	size_t count = op.cart_count;

	cart_op_clear(&op);
	return count;
}

static size_t create_twice(struct world *world, int64_t apart_ms)
{
	struct shop_id customer = rig_customer(world->here);

	ask(world->here, CART_OK, CREATE, .id = rig_id(world->here), .customer_id = customer,
	    .key = "c");
	pass(world, apart_ms);
	ask(world->there, CART_OK, CREATE, .id = rig_id(world->there), .customer_id = customer,
	    .key = "c");
	pass(world, LAG_MS);
	assert_int_equal(carts_of(world->here, &customer), carts_of(world->there, &customer));
	return carts_of(world->here, &customer);
}

static void a_create_under_one_key_makes_two_carts_within_the_lag(void **state)
{
	assert_int_equal(create_twice(*state, LAG_MS - 1), 2);
	assert_int_equal(create_twice(*state, LAG_MS), 1);
}

static void an_older_write_does_not_bring_a_deleted_cart_back(void **state)
{
	struct world *world = *state;
	struct cart_id id = cart_in_both(world);

	ask(world->here, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(world->there, CART_OK, DELETE, .id = id);
	pass(world, LAG_MS);
	ask(world->here, CART_NOT_FOUND, GET, .id = id);
	ask(world->there, CART_NOT_FOUND, GET, .id = id);
}

/* A create gives the id the bit that says the cart's home. */
static struct cart_id cart_with_home(struct rig *rig)
{
	struct cart_op op =
		ask_for(rig, CART_OK, CREATE, .id = rig_id(rig), .customer_id = rig_customer(rig));
	struct cart_id id = op.cart.id;

	cart_op_clear(&op);
	return id;
}

static void with_a_home_nothing_is_lost_stale_or_doubled(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 20; i++) {
		struct cart_id id = cart_with_home(i % 2 == 0 ? world->here : world->there);
		struct cart_op op;

		ask(world->here, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
		ask(world->there, CART_OK, CHANGE, .id = id, .key = "k", CHANGES(ADD(2, 1)));
		op = ask_for(world->here, CART_OK, CHANGE, .id = id, .key = "k",
			     CHANGES(ADD(2, 1)));
		assert_true(op.replayed);
		cart_op_clear(&op);
		ask(world->here, CART_MISMATCH, CHANGE, .id = id, .if_version = 1,
		    CHANGES(ADD(1, 1)));
		expect_equal(world, &id);
		pass(world, LAG_MS);
		expect_equal(world, &id);
		assert_int_equal(rig_quantity(world->here, &id, 1), 1);
		assert_int_equal(rig_quantity(world->here, &id, 2), 1);
	}
	assert_int_equal(create_twice(world, 0), 1);
}

/* However the requests of several clients alternate: one of two meets both copies. */
static void without_a_region_each_operation_arrives_in_either(void **state)
{
	struct world *world = *state;
	struct cart_id id = cart_in_both(world), other = cart_in_both(world);
	struct rig *either = rig_in("0", "false");
	size_t here, there;

	clock_fake_set(&either->clock, clock_fake_now(&world->here->clock));
	for (int i = 0; i < 64; i++) {
		ask(either, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
		rig_quantity(either, &other, 1);
	}
	here = (size_t)rig_quantity(world->here, &id, 1);
	there = (size_t)rig_quantity(world->there, &id, 1);
	assert_true(here > 0 && there > 0);
	assert_int_equal(here + there, 64);
	rig_stop(&either);
}

int main(void)
{
#define REGIONS_TEST(test_) cmocka_unit_test_setup_teardown(test_, start, stop)
#define HOME_TEST(test_)    cmocka_unit_test_setup_teardown(test_, start_with_home, stop)
	const struct CMUnitTest tests[] = {
		REGIONS_TEST(without_a_region_each_operation_arrives_in_either),
		REGIONS_TEST(a_write_arrives_after_the_lag_and_not_before),
		REGIONS_TEST(of_two_adds_within_the_lag_the_first_is_lost),
		REGIONS_TEST(a_condition_sees_its_own_region_alone),
		REGIONS_TEST(a_key_within_the_lag_is_applied_twice),
		REGIONS_TEST(a_key_travels_with_its_cart),
		REGIONS_TEST(a_create_under_one_key_makes_two_carts_within_the_lag),
		REGIONS_TEST(an_older_write_does_not_bring_a_deleted_cart_back),
		HOME_TEST(with_a_home_nothing_is_lost_stale_or_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
