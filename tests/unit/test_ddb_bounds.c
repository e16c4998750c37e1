/* What goes round more than once goes round a few times: a server that fails for ever gets few
 * calls of one op, and no op waits for its deadline in a tight loop. */
#include "backends/dynamodb/item/attribute.h"
#include "core/cart_backend.h"
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

static struct cart_id create(struct cart_op *op, enum cart_result result)
{
	struct cart_id id;

	op->id = rig_id(r.rig);
	assert_int_equal(run(op), result);
	id = op->cart.id;
	cart_op_clear(op);
	return id;
}

/* The first request stores the key and not the cart. Whoever makes the cart shortly before the key
 * is too old is not followed by a second cart shortly after that. */
static void a_create_that_takes_over_begins_a_window(void **state)
{
	int64_t window_ms = r.rig->rules.idempotency_window_ms;
	struct cart_op op = {.type = CART_OP_CREATE, .customer_id = id_of(7), .key = "k"};
	struct cart_id id, again;

	(void)state;
	RULE(.operation = "PutItem", .holds = "created_key", .error = "AccessDeniedException");
	(void)create(&op, CART_BUSY);
	ddb_stub_clear(&r.stub);
	clock_fake_advance(&r.rig->clock, window_ms - 1000);
	id = create(&op, CART_OK);
	clock_fake_advance(&r.rig->clock, 2000);
	again = create(&op, CART_OK);
	assert_int_equal(cart_id_compare(&id, &again), 0);
	/* And that window has an end. */
	clock_fake_advance(&r.rig->clock, window_ms);
	again = create(&op, CART_OK);
	assert_int_not_equal(cart_id_compare(&id, &again), 0);
}

/* The maps of the keys in a cart's item; under the shelf's lock. */
static json_t *keys_of(const struct cart_id *id, const char *map)
{
	char text[CART_ID_TEXT + 1];

	cart_id_format(id, text);
	return json_object_get(json_object_get(json_object_get(r.stub.shelf.items, text), map),
			       "M");
}

/* Fills the cart's item with keys of that time, but for the first one. */
static void fill_with_keys(const struct cart_id *id, int64_t first_ms, int64_t ms)
{
	char name[32], record[DDB_RECORD_ROOM];
	const uint8_t fingerprint[CART_FINGERPRINT_BYTES] = {0};
	json_t *versions, *records;

	pthread_mutex_lock(&r.stub.shelf.lock);
	versions = keys_of(id, "op_v");
	records = keys_of(id, "op_f");
	assert_non_null(records);
	for (int i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "AAAAAAAAAAAAAAAAAA%04d", i);
		ddb_record_write(i == 0 ? first_ms : ms, fingerprint, record);
		json_object_set_new(versions, name, json_pack("{s:s}", "N", "1"));
		json_object_set_new(records, name, json_pack("{s:s}", "S", record));
	}
	pthread_mutex_unlock(&r.stub.shelf.lock);
}

static size_t count_keys(const struct cart_id *id)
{
	size_t count;

	pthread_mutex_lock(&r.stub.shelf.lock);
	count = json_object_size(keys_of(id, "op_f"));
	assert_int_equal(json_object_size(keys_of(id, "op_v")), count);
	pthread_mutex_unlock(&r.stub.shelf.lock);
	return count;
}

/* Keys that are within the window, and older than what they protect. */
static void of_a_cart_full_of_keys_the_oldest_go_when_they_protect_nobody(void **state)
{
	struct cart_id id = rig_cart(r.rig);
	int64_t now_ms = clock_fake_now(&r.rig->clock);

	(void)state;
	r.rig->db->env.rules.key_least_ms = 20000;
	fill_with_keys(&id, now_ms - 30000, now_ms - 20000);
	ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)), .key = "k");
	assert_true(count_keys(&id) < KEYS);
	assert_true(count_keys(&id) > KEYS / 2);
	/* The oldest was among them. */
	assert_true(ddb_shelf_number(&r.stub.shelf, &id, "op_v/AAAAAAAAAAAAAAAAAA0000") == -1);
	ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)), .key = "k");
	assert_int_equal(rig_quantity(r.rig, &id, 1), 1);
}

static void a_cart_full_of_keys_in_use_says_when_there_is_room(void **state)
{
	struct cart_id id = rig_cart(r.rig);
	int64_t now_ms = clock_fake_now(&r.rig->clock);
	struct cart_op op;

	(void)state;
	r.rig->db->env.rules.key_least_ms = 20000;
	fill_with_keys(&id, now_ms - 13000, now_ms - 2000);
	op = ask_for(r.rig, CART_BUSY, CHANGE, .id = id, CHANGES(ADD(1, 1)), .key = "k");
	assert_int_equal(op.retry_ms, 7000);
	cart_op_clear(&op);
	assert_int_equal(count_keys(&id), KEYS);
	/* Without a key there is room. */
	ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	clock_fake_advance(&r.rig->clock, 7000);
	ask(r.rig, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)), .key = "k");
	assert_int_equal(count_keys(&id), KEYS);
	assert_int_equal(rig_quantity(r.rig, &id, 1), 2);
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
	fill_with_keys(&id, 1, 1);
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
		cmocka_unit_test_setup_teardown(a_create_that_takes_over_begins_a_window, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_create_that_takes_over_is_not_tried_for_ever,
						setup, teardown),
		cmocka_unit_test_setup_teardown(old_keys_that_cannot_be_removed_end_the_change,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			of_a_cart_full_of_keys_the_oldest_go_when_they_protect_nobody, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_cart_full_of_keys_in_use_says_when_there_is_room,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
