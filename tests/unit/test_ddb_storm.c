/*
 * Many changes at once on a server that fails a third of its calls, at random and in every way.
 * Afterwards the items are looked at: whatever was answered is true of each change, and what was
 * left open is closed by asking again.
 */
#include "backends/dynamodb/item/item.h"
#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_rig.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CARTS 5
#define OPS   200

static struct ddb_rig r;
static struct rng chance;  /* under the stub's lock */
static _Atomic int failed; /* calls */
static struct cart_id carts[CARTS];
static struct ddb_rig_op ops[OPS];
static char keys[OPS][16];

static bool now_and_then(const struct ddb_stub_request *request, void *user)
{
	const uint64_t *percent = user;
	bool fails = rng_below(&chance, 100) < *percent;

	(void)request;
	failed += fails;
	return fails;
}

static void add_ways_to_fail(void)
{
	static uint64_t often = 5, seldom = 1; /* percent; who is throttled pauses for long */
	static const struct ddb_stub_rule ways[] = {
		{.error = "InternalServerError", .status = 500, .apply = true},
		{.error = "InternalServerError", .status = 500},
		{.error = "ThrottlingException",
		 .headers = "x-amz-retry-after: 1\r\n",
		 .user = &seldom},
		{.manner = DDB_STUB_MUTE, .apply = true},
		{.manner = DDB_STUB_RESET},
		{.manner = DDB_STUB_HALF, .apply = true, .pad = 50},
		{.wrong_crc = true, .apply = true},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct ddb_stub_rule rule = ways[i];

		rule.fits = now_and_then;
		if (rule.user == NULL)
			rule.user = &often;
		ddb_stub_add(&r.stub, rule);
	}
}

static int start(const char *layout)
{
	const char *const set[] = {"dynamodb.connections",
				   "8",
				   "dynamodb.acquire_timeout",
				   "60s",
				   "dynamodb.layout",
				   layout,
				   NULL};

	chance.state = rng_seed();
	print_message("CART_SEED=%llu\n", (unsigned long long)chance.state);
	ddb_rig_start_stub(&r);
	ddb_rig_start(&r, 1, set);
	for (int i = 0; i < CARTS; i++)
		carts[i] = rig_cart(r.rig);
	memset(ops, 0, sizeof(ops));
	failed = 0;
	add_ways_to_fail();
	return 0;
}

static int setup_map(void **state)
{
	(void)state;
	return start("map");
}

static int setup_list(void **state)
{
	(void)state;
	return start("list");
}

static int teardown(void **state)
{
	(void)state;
	ddb_rig_stop(&r);
	return 0;
}

/* One of product 7 each, to the carts in turn; every other one with a key where that is wanted. */
static void submit_all(bool all_keyed)
{
	const struct cart_change add_one[] = {ADD(7, 1)};
	_Atomic int done = 0;

	for (int i = 0; i < OPS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "op-%d", i);
		ops[i].op = (struct cart_op){.type = CART_OP_CHANGE,
					     .id = carts[i % CARTS],
					     .changes = add_one,
					     .change_count = 1,
					     .key = all_keyed || i % 2 ? keys[i] : NULL};
		ddb_rig_submit(&r, &ops[i], &done);
	}
	rig_await(&done, OPS, "the end of all changes");
}

static bool is_certainly_not_done(enum cart_result result)
{
	return result == CART_BUSY || result == CART_TIMEOUT;
}

static int64_t quantity(int cart)
{
	struct cart_op op;
	const struct cart_line *line;
	int64_t sum;

	op = ask_for(r.rig, CART_OK, GET, .id = carts[cart]);
	line = find_line(&op.cart, 7);
	sum = line != NULL ? line->quantity : 0;
	cart_op_clear(&op);
	return sum;
}

/* What the item has under the op's key; -1: nothing. */
static int64_t kept_version(int i)
{
	char name[DDB_KEY_NAME_ROOM], path[32];

	ddb_key_name(ops[i].op.key_hash, name);
	snprintf(path, sizeof(path), "op_v/%s", name);
	return ddb_shelf_number(&r.stub.shelf, &carts[i % CARTS], path);
}

/* How the keyed ones ended is told by the items one by one. */
static void check_keys(void)
{
	for (int i = 0; i < OPS; i++) {
		const struct cart_op *op = &ops[i].op;
		int64_t kept = op->key != NULL ? kept_version(i) : 0;

		if (op->key == NULL)
			continue;
		if (op->result == CART_OK && kept != op->version)
			fail_msg("op %d is done at version %d, and the item has %d", i,
				 (int)op->version, (int)kept);
		if (is_certainly_not_done(op->result) && kept != -1)
			fail_msg("op %d is certainly not done (%s), and the item has it", i,
				 op->reason);
	}
}

/* And all of them by the sums. Returns how many were not acknowledged. */
static int check_sums(void)
{
	int64_t least[CARTS] = {0}, most[CARTS] = {0};
	int open = 0;

	for (int i = 0; i < OPS; i++) {
		enum cart_result result = ops[i].op.result;

		if (result != CART_OK && result != CART_UNCERTAIN && !is_certainly_not_done(result))
			fail_msg("op %d: %s, %s", i, cart_result_name(result), ops[i].op.reason);
		least[i % CARTS] += result == CART_OK;
		most[i % CARTS] += result == CART_OK || result == CART_UNCERTAIN;
		open += result != CART_OK;
	}
	for (int cart = 0; cart < CARTS; cart++)
		assert_in_range(quantity(cart), least[cart], most[cart]);
	return open;
}

static void clear_all(void)
{
	for (int i = 0; i < OPS; i++)
		cart_op_clear(&ops[i].op);
}

static void storm(void)
{
	int open;

	submit_all(false);
	ddb_stub_clear(&r.stub);
	check_keys();
	open = check_sums();
	print_message("%d of %d changes were not acknowledged, %d calls failed\n", open, OPS,
		      failed);
	assert_in_range(open, 0, OPS / 2);
	assert_in_range(failed, OPS / 10, 10 * OPS); /* or it was no storm */
	clear_all();
}

static void what_is_answered_in_a_storm_is_true(void **state)
{
	(void)state;
	storm();
}

static void what_is_left_open_is_closed_by_asking_again(void **state)
{
	(void)state;
	submit_all(true);
	ddb_stub_clear(&r.stub);
	check_keys();
	check_sums();
	clear_all();
	submit_all(true);
	for (int i = 0; i < OPS; i++)
		assert_int_equal(ops[i].op.result, CART_OK);
	for (int cart = 0; cart < CARTS; cart++)
		assert_int_equal(quantity(cart), OPS / CARTS);
	clear_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_answered_in_a_storm_is_true, setup_map,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_left_open_is_closed_by_asking_again,
						setup_map, teardown),
		cmocka_unit_test_setup_teardown(what_is_answered_in_a_storm_is_true, setup_list,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_left_open_is_closed_by_asking_again,
						setup_list, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
