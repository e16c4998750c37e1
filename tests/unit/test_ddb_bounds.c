/* What goes round more than once goes round a few times: a server that fails for ever gets few
 * calls of one op, and no op waits for its deadline in a tight loop. */
#include "core/cart_id.h"
#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_rig.h"

#include <stdio.h>
#include <string.h>

#define RULE(...)   ddb_stub_add(&r.stub, (struct ddb_stub_rule){__VA_ARGS__})
#define KEYS	    1000 /* DDB_KEYS_MAX */
#define DEADLINE_MS 2000

static struct ddb_rig r;

static int setup(void **state)
{
	(void)state;
	ddb_rig_start_stub(&r);
	ddb_rig_start(&r, 1, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ddb_rig_stop(&r);
	return 0;
}

static enum cart_result run(struct cart_op *op)
{
	op->deadline_ns = clock_monotonic_ns(&cart_clock_system) + DEADLINE_MS * CLOCK_NS_PER_MS;
	return rig_run(r.rig, 0, op, NULL);
}

/* The key is stored, the cart never is: whoever repeats the request takes over, and fails too. */
static void a_create_that_takes_over_is_not_tried_for_ever(void **state)
{
	struct cart_op op = {.type = CART_OP_CREATE, .customer_id = id_of(7), .key = "k"};

	(void)state;
	RULE(.operation = "PutItem", .holds = "created_key", .status = 500,
	     .error = "InternalServerError");
	for (int i = 0; i < 2; i++) {
		op.id = rig_id(r.rig);
		ddb_stub_forget(&r.stub);
		assert_int_equal(run(&op), CART_UNCERTAIN);
		assert_in_range(ddb_stub_count(&r.stub, "PutItem"), 3, 40);
		cart_op_clear(&op);
	}
	ddb_stub_clear(&r.stub);
	op.id = rig_id(r.rig);
	assert_int_equal(run(&op), CART_OK);
	cart_op_clear(&op);
}

/* Fills the cart's item with keys of long ago. */
static void fill_with_old_keys(const struct cart_id *id)
{
	char text[CART_ID_TEXT + 1], name[32];
	json_t *item, *versions, *records;

	cart_id_format(id, text);
	pthread_mutex_lock(&r.stub.shelf.lock);
	item = json_object_get(r.stub.shelf.items, text);
	versions = json_object_get(json_object_get(item, "op_v"), "M");
	records = json_object_get(json_object_get(item, "op_f"), "M");
	assert_non_null(records);
	for (int i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "AAAAAAAAAAAAAAAAAA%04d", i);
		json_object_set_new(versions, name, json_pack("{s:s}", "N", "1"));
		json_object_set_new(
			records, name,
			json_pack("{s:s}", "S", "000000000000001.AAAAAAAAAAAAAAAAAAAAAA"));
	}
	pthread_mutex_unlock(&r.stub.shelf.lock);
}

static void old_keys_that_cannot_be_removed_end_the_change(void **state)
{
	struct cart_id id = rig_cart(r.rig);
	const struct cart_change changes[] = {
		{.type = CART_CHANGE_ADD, .product_id = id_of(1), .quantity = 1},
		{.type = CART_CHANGE_SET, .product_id = id_of(2), .quantity = 1}};
	struct cart_op op = {.type = CART_OP_CHANGE,
			     .id = id,
			     .key = "k",
			     .changes = changes,
			     .change_count = 2};

	(void)state;
	fill_with_old_keys(&id);
	ddb_stub_forget(&r.stub);
	RULE(.operation = "UpdateItem", .holds = "REMOVE op_v", .error = "AccessDeniedException");
	assert_int_equal(run(&op), CART_BUSY);
	assert_int_equal(ddb_stub_count(&r.stub, "UpdateItem"), 1);
	cart_op_clear(&op);
	ddb_stub_clear(&r.stub);
	assert_int_equal(run(&op), CART_OK);
	cart_op_clear(&op);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_create_that_takes_over_is_not_tried_for_ever,
						setup, teardown),
		cmocka_unit_test_setup_teardown(old_keys_that_cannot_be_removed_end_the_change,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
