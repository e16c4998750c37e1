/* The writer held up on purpose: by another connection's lock, or in the sync of a commit. */
#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/shim_vfs.h"
#include "tests/lib/sqlite_fixture.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPS 50

static struct fixture f;
static struct cart_op ops[OPS];
static struct cart_change changes[OPS];
static int done;

static void start(void)
{
	struct cart_error error;

	if (fixture_start(&f, CART_PROVISION_AUTO, &error) != 0)
		fail_msg("%s", error.text);
}

static int setup(void **state)
{
	(void)state;
	shim_install();
	fixture_init(&f);
	fixture_set(&f, "sqlite.busy_timeout", "5s");
	memset(ops, 0, sizeof(ops));
	done = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	shim_release();
	shim_arm(0, SHIM_ONCE);
	for (int i = 0; i < OPS; i++)
		cart_op_clear(&ops[i]);
	fixture_free(&f);
	shim_remove();
	return 0;
}

static enum cart_result submit_add(int i, uint8_t cart, int64_t product, int64_t deadline_ms)
{
	changes[i] = (struct cart_change){CART_CHANGE_ADD, id_of(product), 1, NULL};
	ops[i] = (struct cart_op){.type = CART_OP_CHANGE,
				  .id = fixture_id(cart),
				  .changes = &changes[i],
				  .change_count = 1};
	return fixture_submit(&f, &ops[i], &done, deadline_ms);
}

static sqlite3 *lock_file(void)
{
	sqlite3 *outsider = fixture_outsider(&f);

	assert_int_equal(sqlite3_exec(outsider, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return outsider;
}

static int64_t transactions(void)
{
	return fixture_metric(&f, "cart_sqlite_transactions_total");
}

/* Submits one op that the writer takes and is held with, so that what follows queues. */
static void hold_with_one(void)
{
	shim_hold_wal_sync();
	assert_int_equal(submit_add(0, 1, 1, 5000), CART_OK);
	fixture_turn(&f);
	shim_await_held();
}

static void what_queues_during_a_commit_shares_the_next(void **state)
{
	int64_t before;

	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	before = transactions();
	hold_with_one();
	for (int i = 1; i < OPS; i++)
		assert_int_equal(submit_add(i, 1, i, 5000), CART_OK);
	fixture_turn(&f);
	assert_int_equal(done, 0);
	shim_release();
	fixture_wait(&f, &done, OPS);
	for (int i = 0; i < OPS; i++) {
		assert_int_equal(ops[i].result, CART_OK);
		assert_int_equal(ops[i].version, i + 2);
	}
	assert_int_equal(transactions() - before, 2);
}

static void a_batch_holds_no_more_than_its_setting(void **state)
{
	int64_t before;

	(void)state;
	fixture_set(&f, "sqlite.batch", "7");
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	before = transactions();
	hold_with_one();
	for (int i = 1; i < 1 + 21; i++)
		assert_int_equal(submit_add(i, 1, i, 5000), CART_OK);
	fixture_turn(&f);
	shim_release();
	fixture_wait(&f, &done, 22);
	assert_int_equal(transactions() - before, 1 + 3);
}

static void harm_one(const char *trigger)
{
	sqlite3 *outsider;

	start();
	outsider = fixture_outsider(&f);
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	assert_int_equal(sqlite3_exec(outsider, trigger, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(outsider);
	hold_with_one();
	for (int i = 1; i < 10; i++)
		assert_int_equal(submit_add(i, 1, i == 4 ? 666 : i, 5000), CART_OK);
	fixture_turn(&f);
	shim_release();
	fixture_wait(&f, &done, 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ops[i].result, i == 4 ? CART_FAILED : CART_OK);
	assert_non_null(strstr(ops[4].reason, "bad luck"));
	assert_int_equal(fixture_quantity(&f, 1, 666), 0);
	assert_int_equal(fixture_quantity(&f, 1, 3), 1);
	assert_int_equal(fixture_quantity(&f, 1, 9), 1);
	assert_int_equal(fixture_metric(&f, "cart_sqlite_batch_retries_total"), 1);
}

static void an_op_whose_statement_fails_harms_no_other(void **state)
{
	(void)state;
	harm_one("CREATE TRIGGER bad BEFORE UPDATE ON carts WHEN new.items LIKE '%[\"666\",%' "
		 "BEGIN SELECT RAISE(ABORT, 'bad luck'); END");
}

static void an_op_whose_statement_ends_the_transaction_harms_no_other(void **state)
{
	(void)state;
	harm_one("CREATE TRIGGER bad AFTER UPDATE ON carts WHEN new.items LIKE '%[\"666\",%' "
		 "BEGIN SELECT RAISE(ROLLBACK, 'bad luck'); END");
}

/* It is an answer like others, not a fault of the file, for which the batch would be tried again.
 */
static void a_cart_id_that_exists_is_refused_and_harms_no_batch(void **state)
{
	struct cart_op op = {.type = CART_OP_CREATE, .id = fixture_id(1), .customer_id = id_of(7)};

	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	assert_int_equal(fixture_run(&f, &op), CART_FAILED);
	assert_string_equal(op.reason, "an id was made twice");
	cart_op_clear(&op);
	assert_int_equal(fixture_metric(&f, "cart_sqlite_batch_retries_total"), 0);
	assert_int_equal(fixture_metric(&f, "cart_sqlite_failures_total"), 0);
}

static void changes_of_a_batch_see_those_before_them(void **state)
{
	static const char *const keys[] = {"k", "k"};

	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	assert_int_equal(fixture_create(&f, 2, 7), CART_OK);
	hold_with_one();
	for (int i = 1; i < 3; i++) {
		changes[i] = (struct cart_change){CART_CHANGE_ADD, id_of(9), 1, NULL};
		ops[i] = (struct cart_op){.type = CART_OP_CHANGE,
					  .id = fixture_id(1),
					  .changes = &changes[i],
					  .change_count = 1,
					  .key = keys[i - 1]};
		assert_int_equal(fixture_submit(&f, &ops[i], &done, 5000), CART_OK);
	}
	ops[3] = (struct cart_op){.type = CART_OP_DELETE, .id = fixture_id(2)};
	assert_int_equal(fixture_submit(&f, &ops[3], &done, 5000), CART_OK);
	assert_int_equal(submit_add(4, 2, 9, 5000), CART_OK);
	fixture_turn(&f);
	shim_release();
	fixture_wait(&f, &done, 5);
	assert_int_equal(ops[1].result, CART_OK);
	assert_false(ops[1].replayed);
	assert_int_equal(ops[2].result, CART_OK);
	assert_true(ops[2].replayed);
	assert_int_equal(ops[2].version, ops[1].version);
	assert_int_equal(ops[3].result, CART_OK);
	assert_int_equal(ops[4].result, CART_NOT_FOUND);
	assert_int_equal(fixture_quantity(&f, 1, 9), 1);
}

static void an_op_that_expires_in_the_queue_has_changed_nothing(void **state)
{
	sqlite3 *outsider;

	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	outsider = lock_file();
	assert_int_equal(submit_add(0, 1, 5, 60), CART_OK);
	assert_int_equal(submit_add(1, 1, 6, 5000), CART_OK);
	fixture_wait(&f, &done, 1);
	assert_int_equal(ops[0].result, CART_TIMEOUT);
	sqlite3_close(outsider);
	fixture_wait(&f, &done, 2);
	assert_int_equal(ops[1].result, CART_OK);
	assert_int_equal(fixture_quantity(&f, 1, 5), 0);
	assert_int_equal(fixture_quantity(&f, 1, 6), 1);
}

static void an_op_canceled_in_the_queue_has_changed_nothing(void **state)
{
	sqlite3 *outsider;

	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	outsider = lock_file();
	assert_int_equal(submit_add(0, 1, 5, 5000), CART_OK);
	fixture_turn(&f);
	cart_store_cancel(f.store, &ops[0]);
	fixture_wait(&f, &done, 1);
	assert_int_equal(ops[0].result, CART_CANCELED);
	sqlite3_close(outsider);
	assert_int_equal(fixture_add(&f, 1, 6, 1), CART_OK);
	assert_int_equal(fixture_quantity(&f, 1, 5), 0);
}

static void an_op_that_expires_in_the_commit_is_uncertain_and_may_land(void **state)
{
	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	shim_hold_wal_sync();
	assert_int_equal(submit_add(0, 1, 5, 100), CART_OK);
	fixture_turn(&f);
	shim_await_held();
	fixture_wait(&f, &done, 1);
	assert_int_equal(ops[0].result, CART_UNCERTAIN);
	shim_release();
	/* Behind it in the one queue. */
	assert_int_equal(fixture_add(&f, 1, 6, 1), CART_OK);
	assert_int_equal(fixture_quantity(&f, 1, 5), 1);
}

static void a_handle_closes_while_the_writer_still_has_its_job(void **state)
{
	int drained = 0;

	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	shim_hold_wal_sync();
	assert_int_equal(submit_add(0, 1, 5, 100), CART_OK);
	fixture_turn(&f);
	shim_await_held();
	cart_store_close(&f.store, fixture_count, &drained);
	fixture_wait(&f, &drained, 1);
	assert_int_equal(done, 1);
	assert_int_equal(ops[0].result, CART_UNCERTAIN);
	shim_release();
	fixture_stop(&f);
	start();
	assert_int_equal(fixture_quantity(&f, 1, 5), 1);
}

static void a_full_queue_refuses_and_takes_again(void **state)
{
	sqlite3 *outsider;

	(void)state;
	fixture_set(&f, "sqlite.queue", "4");
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	outsider = lock_file();
	for (int i = 0; i < 4; i++)
		assert_int_equal(submit_add(i, 1, 5, 5000), CART_OK);
	assert_int_equal(submit_add(4, 1, 5, 5000), CART_BUSY);
	fixture_turn(&f);
	assert_int_equal(submit_add(5, 1, 5, 5000), CART_BUSY);
	/* Reads do not queue there. */
	assert_int_equal(fixture_quantity(&f, 1, 5), 0);
	sqlite3_close(outsider);
	fixture_wait(&f, &done, 4);
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_OK);
	assert_int_equal(fixture_quantity(&f, 1, 5), 5);
}

/* The place of an answer among all answers. */
static int answered_at[OPS];

static void note_place(struct cart_op *op, void *user)
{
	(void)user;
	answered_at[op - ops] = done++;
}

static enum cart_result submit_noted(int i, uint8_t cart)
{
	enum cart_result result;

	changes[i] = (struct cart_change){CART_CHANGE_ADD, id_of(i + 1), 1, NULL};
	ops[i] = (struct cart_op){.type = CART_OP_CHANGE,
				  .id = fixture_id(cart),
				  .changes = &changes[i],
				  .change_count = 1,
				  .deadline_ns = INT64_MAX,
				  .done = note_place};
	result = cart_store_submit(f.store, &ops[i]);
	return result;
}

/* What waited first for the hot cart does not stand in front of what came later for others. */
static void a_cart_with_many_waiting_changes_delays_no_other(void **state)
{
	(void)state;
	fixture_set(&f, "sqlite.batch", "4");
	start();
	for (uint8_t cart = 1; cart <= 3; cart++)
		assert_int_equal(fixture_create(&f, cart, 7), CART_OK);
	hold_with_one();
	for (int i = 1; i <= 40; i++)
		assert_int_equal(submit_noted(i, 1), CART_OK);
	assert_int_equal(submit_noted(41, 2), CART_OK);
	assert_int_equal(submit_noted(42, 3), CART_OK);
	assert_int_equal(submit_noted(43, 2), CART_OK);
	fixture_turn(&f);
	shim_release();
	fixture_wait(&f, &done, 44);
	/* The first batch: one of each cart, and the next of the hot one. */
	assert_in_range(answered_at[41], 1, 4);
	assert_in_range(answered_at[42], 1, 4);
	assert_in_range(answered_at[43], 5, 8);
	for (int i = 1; i <= 43; i++) {
		assert_int_equal(ops[i].result, CART_OK);
		if (i > 1 && i <= 40)
			assert_true(answered_at[i] > answered_at[i - 1]);
	}
}

/* A transaction that others wait for is not filled with the changes of one cart. */
static void a_hot_cart_has_a_part_of_a_transaction_with_others(void **state)
{
	int64_t before;

	(void)state;
	start();
	for (uint8_t cart = 1; cart <= 3; cart++)
		assert_int_equal(fixture_create(&f, cart, 7), CART_OK);
	before = transactions();
	hold_with_one();
	for (int i = 1; i <= 45; i++)
		assert_int_equal(submit_noted(i, 1), CART_OK);
	assert_int_equal(submit_noted(46, 2), CART_OK);
	assert_int_equal(submit_noted(47, 3), CART_OK);
	fixture_turn(&f);
	shim_release();
	fixture_wait(&f, &done, 48);
	/* The one that was held, one of all three carts, and what was left of the hot one. */
	assert_int_equal(transactions() - before, 3);
	assert_int_equal(answered_at[46], 2);
	assert_int_equal(answered_at[47], 3);
}

static void only_the_cart_with_a_full_chain_is_refused(void **state)
{
	(void)state;
	fixture_set(&f, "sqlite.queue", "4");
	start();
	for (uint8_t cart = 1; cart <= 6; cart++)
		assert_int_equal(fixture_create(&f, cart, 7), CART_OK);
	hold_with_one();
	for (int i = 1; i <= 4; i++)
		assert_int_equal(submit_add(i, 1, 5, 5000), CART_OK);
	assert_int_equal(submit_add(5, 1, 5, 5000), CART_BUSY);
	assert_non_null(strstr(ops[5].reason, "4 changes of this cart are waiting already"));
	for (int i = 6; i <= 8; i++)
		assert_int_equal(submit_add(i, (uint8_t)(i - 4), 5, 5000), CART_OK);
	assert_int_equal(submit_add(9, 5, 5, 5000), CART_BUSY);
	assert_non_null(strstr(ops[9].reason, "4 requests are waiting already"));
	/* The hot cart's turn is given up for one that is canceled, and again for the next. */
	cart_store_cancel(f.store, &ops[1]);
	cart_store_cancel(f.store, &ops[3]);
	fixture_wait(&f, &done, 2);
	assert_int_equal(ops[1].result, CART_CANCELED);
	assert_int_equal(submit_add(10, 1, 5, 5000), CART_OK);
	shim_release();
	fixture_wait(&f, &done, 9);
	assert_int_equal(fixture_quantity(&f, 1, 5), 3);
	for (uint8_t cart = 2; cart <= 4; cart++)
		assert_int_equal(fixture_quantity(&f, cart, 5), 1);
}

/* What is written to a file that has no name any more would be gone after a restart. */
static void nothing_is_acknowledged_in_a_file_that_was_removed_or_replaced(void **state)
{
	struct cart_op get = {.type = CART_OP_GET, .id = fixture_id(1)};
	char away[sizeof(f.path) + 8];
	FILE *other;

	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	snprintf(away, sizeof(away), "%s.away", f.path);
	assert_int_equal(rename(f.path, away), 0);
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_BUSY);
	assert_int_equal(fixture_run(&f, &get), CART_BUSY);
	assert_non_null(strstr(get.reason, "removed or replaced"));
	cart_op_clear(&get);
	other = fopen(f.path, "w");
	assert_non_null(other);
	fclose(other);
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_BUSY);
	assert_int_equal(rename(away, f.path), 0);
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_OK);
	assert_int_equal(fixture_quantity(&f, 1, 5), 1);
	fixture_stop(&f);
	start();
	assert_int_equal(fixture_quantity(&f, 1, 5), 1);
}

static void a_file_locked_for_too_long_is_busy(void **state)
{
	sqlite3 *outsider;

	(void)state;
	fixture_set(&f, "sqlite.busy_timeout", "50ms");
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	outsider = lock_file();
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_BUSY);
	assert_int_equal(fixture_quantity(&f, 1, 5), 0);
	sqlite3_close(outsider);
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_OK);
	assert_int_equal(fixture_quantity(&f, 1, 5), 1);
}

static void a_full_disk_is_busy_and_service_goes_on_once_there_is_room(void **state)
{
	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	shim_arm(1, SHIM_FULL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(fixture_add(&f, 1, 5, 1), CART_BUSY);
	assert_int_equal(fixture_quantity(&f, 1, 5), 0);
	shim_arm(0, SHIM_ONCE);
	assert_int_equal(fixture_add(&f, 1, 5, 1), CART_OK);
	assert_int_equal(fixture_quantity(&f, 1, 5), 1);
}

static int add_many(int count)
{
	for (int i = 0; i < count; i++) {
		enum cart_result result = fixture_add(&f, 1, 5, 1);

		if (result != CART_OK)
			return 10 + (int)result;
	}
	return 0;
}

static void two_processes_share_a_file(void **state)
{
	enum { ADDS = 150 };
	sqlite3 *outsider;
	int status;
	pid_t child;

	(void)state;
	start();
	assert_int_equal(fixture_create(&f, 1, 7), CART_OK);
	fixture_stop(&f);
	child = fork();
	if (child == 0) {
		start();
		status = add_many(ADDS);
		fixture_stop(&f);
		_exit(status);
	}
	start();
	assert_int_equal(add_many(ADDS), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(fixture_quantity(&f, 1, 5), 2 * ADDS);
	outsider = fixture_outsider(&f);
	assert_int_equal(fixture_number(outsider, "SELECT integrity_check = 'ok' "
						  "FROM pragma_integrity_check"),
			 1);
	assert_int_equal(fixture_number(outsider, "SELECT version FROM carts"), 2 * ADDS + 1);
	sqlite3_close(outsider);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_queues_during_a_commit_shares_the_next),
		TEST(a_batch_holds_no_more_than_its_setting),
		TEST(an_op_whose_statement_fails_harms_no_other),
		TEST(an_op_whose_statement_ends_the_transaction_harms_no_other),
		TEST(a_cart_id_that_exists_is_refused_and_harms_no_batch),
		TEST(changes_of_a_batch_see_those_before_them),
		TEST(an_op_that_expires_in_the_queue_has_changed_nothing),
		TEST(an_op_canceled_in_the_queue_has_changed_nothing),
		TEST(an_op_that_expires_in_the_commit_is_uncertain_and_may_land),
		TEST(a_handle_closes_while_the_writer_still_has_its_job),
		TEST(a_full_queue_refuses_and_takes_again),
		TEST(a_cart_with_many_waiting_changes_delays_no_other),
		TEST(a_hot_cart_has_a_part_of_a_transaction_with_others),
		TEST(only_the_cart_with_a_full_chain_is_refused),
		TEST(nothing_is_acknowledged_in_a_file_that_was_removed_or_replaced),
		TEST(a_file_locked_for_too_long_is_busy),
		TEST(a_full_disk_is_busy_and_service_goes_on_once_there_is_room),
		TEST(two_processes_share_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
