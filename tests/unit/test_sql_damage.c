/* Carts that somebody has changed in the database by hand, so that no answer can show them: they
 * spoil nobody else's, also where a batch or a list has both. */
#include "core/base/log.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"
#include "tests/lib/sql_client.h"

#include <stdio.h>
#include <stdlib.h>

#define CARTS	8
#define DAMAGED 3 /* which one of them */

static struct mariadb_fixture server;
static MYSQL *root;
static struct rig *rig;
static struct shop_id customer;
static struct cart_id ids[CARTS];

static int start_server(void **state)
{
	(void)state;
	mariadb_fixture_start(&server, NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	mariadb_fixture_free(&server);
	return 0;
}

/* One connection, so that what is submitted together is one batch. */
static int setup(void **state)
{
	const char *const settings[] = {"mysql.database",
					MARIADB_FIXTURE_DATABASE,
					"mysql.pool",
					"1",
					"mysql.batch",
					"32",
					NULL};
	const struct rig_config config = {.backend = "mysql", .set = settings};

	(void)state;
	unsetenv("CART_MYSQL_HOST");
	unsetenv("CART_MYSQL_PORT");
	setenv("CART_MYSQL_SOCKET", server.socket, 1);
	setenv("CART_MYSQL_USER", MARIADB_FIXTURE_USER, 1);
	setenv("CART_MYSQL_PASSWORD", MARIADB_FIXTURE_PASSWORD, 1);
	root = sql_client(&server, NULL, "cart");
	rig = rig_start(&config);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_stop(&rig);
	mysql_close(root);
	return 0;
}

/* Changes a value of the one cart. */
static void damage(const char *table, const char *key, const char *set)
{
	char sql[256], hex[2 * CART_ID_BYTES + 1];

	for (size_t i = 0; i < CART_ID_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", ids[DAMAGED].bytes[i]);
	snprintf(sql, sizeof(sql), "UPDATE %s SET %s WHERE %s = x'%s'", table, set, key, hex);
	sql_exec(root, sql);
}

static void make_carts(void)
{
	customer = rig_customer(rig);
	for (size_t i = 0; i < CARTS; i++) {
		ids[i] = rig_id(rig);
		ask(rig, CART_OK, CREATE, .id = ids[i], .customer_id = customer);
		ask(rig, CART_OK, CHANGE, .id = ids[i], CHANGES(ADD(7, 2), ADD(8, 2)));
	}
}

struct together {
	struct cart_op ops[CARTS];
	_Atomic int done;
};

static void together_done(struct cart_op *op, void *user)
{
	struct together *all = user;

	(void)op;
	all->done++;
}

static void together_submit(void *user)
{
	struct together *all = user;

	for (size_t i = 0; i < CARTS; i++)
		assert_int_equal(cart_store_submit(rig->loops[0].store, &all->ops[i]), CART_OK);
}

/* The op on each of the carts, at once. What is to become of the damaged one is told. */
static void run_together(const struct cart_op *like, enum cart_result damaged)
{
	struct together all = {.done = 0};

	for (size_t i = 0; i < CARTS; i++) {
		all.ops[i] = *like;
		all.ops[i].id = ids[i];
		all.ops[i].done = together_done;
		all.ops[i].user = &all;
		all.ops[i].deadline_ns = clock_monotonic_ns(&rig->clock.clock) + RIG_DEADLINE_NS;
	}
	rig_call(rig, 0, together_submit, &all);
	rig_await(&all.done, CARTS, "the ops that were submitted together");
	for (size_t i = 0; i < CARTS; i++) {
		assert_int_equal(all.ops[i].result, i == DAMAGED ? damaged : CART_OK);
		cart_op_clear(&all.ops[i]);
	}
}

/* How many carts the customer's list has, in pages of that size. */
static size_t list_all(int limit)
{
	struct cart_list list = {.kind = CART_LIST_CUSTOMER,
				 .customer_id = customer,
				 .state = CART_LIST_ANY,
				 .limit = limit};
	size_t count = 0;
	bool more = true;

	while (more) {
		struct cart_op op = ask_for(rig, CART_OK, LIST, .list = list);

		more = op.more;
		count += op.cart_count;
		if (more) {
			assert_true(op.cart_count > 0);
			list.has_after = true;
			list.after_ms = op.carts[op.cart_count - 1].listed_ms;
			list.after_id = op.carts[op.cart_count - 1].id;
		}
		cart_op_clear(&op);
	}
	return count;
}

static void check_damaged(void)
{
	const struct cart_op get = {.type = CART_OP_GET};
	const struct cart_op set = {.type = CART_OP_CHANGE, CHANGES(SET(7, 3))};

	run_together(&get, CART_DAMAGED);
	run_together(&set, CART_DAMAGED);
	assert_int_equal(list_all(20), CARTS - 1);
	assert_int_equal(list_all(1), CARTS - 1);
	ask(rig, CART_OK, DELETE, .id = ids[DAMAGED]);
	ask(rig, CART_NOT_FOUND, GET, .id = ids[DAMAGED]);
}

static void a_damaged_line_spoils_no_other_cart(void **state)
{
	/* It is added to, and then cannot be shown. */
	const struct cart_op add = {
		.type = CART_OP_CHANGE, .flags = CART_WANT_CART, CHANGES(ADD(7, 1))};

	char id[CART_ID_TEXT + 1];

	(void)state;
	captured_log_start();
	make_carts();
	damage("cart_items", "cart_id", "quantity = -5");
	run_together(&add, CART_UNCERTAIN);
	check_damaged();
	cart_id_format(&ids[DAMAGED], id);
	assert_true(captured_log_count(id) > 0);
	captured_log_stop();
}

static void a_line_of_no_time_spoils_no_other_cart(void **state)
{
	(void)state;
	make_carts();
	damage("cart_items", "cart_id", "added_ms = 9223372036854775807");
	check_damaged();
}

static void damaged_attributes_spoil_no_other_cart(void **state)
{
	(void)state;
	make_carts();
	damage("cart_items", "cart_id", "attributes = '{\"a\":1}]'");
	check_damaged();
}

static void a_damaged_product_spoils_no_other_cart(void **state)
{
	(void)state;
	make_carts();
	damage("cart_items", "cart_id", "product_id = CONCAT('a b', product_id)");
	check_damaged();
}

static void a_damaged_cart_spoils_no_other_cart(void **state)
{
	(void)state;
	make_carts();
	damage("carts", "id", "created_ms = -1");
	check_damaged();
}

/* One more than it does not fit into its column, and no client reads it as it is. */
static void a_version_that_no_cart_reaches_spoils_no_other_cart(void **state)
{
	(void)state;
	make_carts();
	damage("carts", "id", "version = 9223372036854775807");
	check_damaged();
}

static void an_order_that_is_missing_spoils_no_other_cart(void **state)
{
	(void)state;
	make_carts();
	damage("carts", "id", "state = 1");
	check_damaged();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_damaged_line_spoils_no_other_cart),
		TEST(a_line_of_no_time_spoils_no_other_cart),
		TEST(damaged_attributes_spoil_no_other_cart),
		TEST(a_damaged_product_spoils_no_other_cart),
		TEST(a_damaged_cart_spoils_no_other_cart),
		TEST(a_version_that_no_cart_reaches_spoils_no_other_cart),
		TEST(an_order_that_is_missing_spoils_no_other_cart),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
