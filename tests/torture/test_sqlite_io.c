/*
 * A short history of ops, run again and again with the n-th access to the files failing, for every
 * n and in every way of failing. Then, with a disk that works: the file is sound, every change that
 * was acknowledged is there, none that was refused, none twice, and those that were uncertain are
 * there once or not at all. The same of a copy taken before the backend was stopped, which is what
 * a kill -9 would have left.
 */
#include "core/base/buf.h"
#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/shim_vfs.h"
#include "tests/lib/sqlite_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PRODUCTS 12
#define CART	 1

enum known { KNOWN_ABSENT, KNOWN_THERE, KNOWN_EITHER };

struct history {
	enum known cart;
	enum known lines[PRODUCTS + 1]; /* by product; each is added once, quantity 1 */
};

static const char *const how_names[] = {"once", "from then on", "torn", "done", "disk full"};

static enum known history_of(enum cart_result result)
{
	if (result == CART_OK)
		return KNOWN_THERE;
	return result == CART_UNCERTAIN ? KNOWN_EITHER : KNOWN_ABSENT;
}

/* The answer of a sound store to a history whose cart is there. */
static void history_expect(enum cart_result result, enum known cart)
{
	if (result == CART_NOT_FOUND)
		assert_int_not_equal(cart, KNOWN_THERE);
	else
		assert_true(result == CART_OK || result == CART_BUSY || result == CART_FAILED ||
			    result == CART_UNCERTAIN);
}

static void history_create(struct fixture *f, struct history *h)
{
	enum cart_result result = fixture_create(f, CART, 7);

	h->cart = history_of(result);
}

/* Three at once, one transaction. */
static void history_add_three(struct fixture *f, struct history *h, int64_t product)
{
	struct cart_change changes[3];
	struct cart_op ops[3];
	int done = 0, submitted = 0;

	for (int i = 0; i < 3; i++) {
		changes[i] = (struct cart_change){CART_CHANGE_ADD, id_of(product + i), 1, NULL};
		ops[i] = (struct cart_op){.type = CART_OP_CHANGE,
					  .id = fixture_id(CART),
					  .changes = &changes[i],
					  .change_count = 1};
		submitted += fixture_submit(f, &ops[i], &done, 5000) == CART_OK;
	}
	assert_int_equal(submitted, 3);
	fixture_wait(f, &done, 3);
	for (int i = 0; i < 3; i++) {
		h->lines[product + i] = history_of(ops[i].result);
		history_expect(ops[i].result, h->cart);
		cart_op_clear(&ops[i]);
	}
}

/* With a key, and again if it was uncertain: that must never count twice. */
static void history_add_keyed(struct fixture *f, struct history *h, int64_t product)
{
	struct cart_change change = {CART_CHANGE_ADD, id_of(product), 1, NULL};
	char key[16];
	struct cart_op op = {.type = CART_OP_CHANGE,
			     .id = fixture_id(CART),
			     .changes = &change,
			     .change_count = 1,
			     .key = key};

	snprintf(key, sizeof(key), "key-%d", (int)product);
	h->lines[product] = history_of(fixture_run(f, &op));
	history_expect(op.result, h->cart);
	cart_op_clear(&op);
	if (h->lines[product] != KNOWN_EITHER)
		return;
	if (fixture_run(f, &op) == CART_OK)
		h->lines[product] = KNOWN_THERE;
	cart_op_clear(&op);
}

static void history_add(struct fixture *f, struct history *h, int64_t product)
{
	enum cart_result result = fixture_add(f, CART, product, 1);

	h->lines[product] = history_of(result);
	history_expect(result, h->cart);
}

/* A read tells the truth or fails. */
static void history_read(struct fixture *f, const struct history *h)
{
	struct cart_op op = {.type = CART_OP_GET, .id = fixture_id(CART)};
	enum cart_result result = fixture_run(f, &op);

	history_expect(result, h->cart);
	for (int64_t p = 1; p <= PRODUCTS && result == CART_OK; p++) {
		const struct cart_line *line = find_line(&op.cart, p);

		if (h->lines[p] == KNOWN_THERE)
			assert_non_null(line);
		if (h->lines[p] == KNOWN_ABSENT)
			assert_null(line);
	}
	cart_op_clear(&op);
}

static void history_run(struct fixture *f, struct history *h)
{
	history_create(f, h);
	history_add(f, h, 1);
	history_add_keyed(f, h, 2);
	history_read(f, h);
	history_add_three(f, h, 3);
	history_add_keyed(f, h, 6);
	history_add_three(f, h, 7);
	history_read(f, h);
	history_add_keyed(f, h, 10);
	history_add(f, h, 11);
	history_add(f, h, 12);
	history_read(f, h);
}

static void copy_file(const struct fixture *from, const struct fixture *to, const char *suffix)
{
	char name[256], line[4096];
	FILE *in, *out;
	size_t got;

	snprintf(name, sizeof(name), "%s%s", from->path, suffix);
	in = fopen(name, "re");
	if (in == NULL)
		return;
	snprintf(name, sizeof(name), "%s%s", to->path, suffix);
	out = fopen(name, "we");
	assert_non_null(out);
	while ((got = fread(line, 1, sizeof(line), in)) > 0)
		assert_int_equal(fwrite(line, 1, got, out), got);
	fclose(in);
	fclose(out);
}

static int64_t quantity_of(sqlite3 *db, int64_t product)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "SELECT coalesce(sum(quantity), 0) FROM cart_items WHERE product_id = '%lld'",
		 (long long)product);
	return fixture_number(db, sql);
}

static void verify(struct fixture *f, const struct history *h)
{
	struct cart_error error;
	sqlite3 *db;

	if (fixture_start(f, CART_PROVISION_AUTO, &error) != 0)
		fail_msg("does not open again: %s", error.text);
	db = fixture_outsider(f);
	assert_int_equal(fixture_number(db, "SELECT count(*) FROM pragma_integrity_check "
					    "WHERE integrity_check <> 'ok'"),
			 0);
	if (h->cart != KNOWN_EITHER)
		assert_int_equal(fixture_number(db, "SELECT count(*) FROM carts"),
				 h->cart == KNOWN_THERE);
	for (int64_t p = 1; p <= PRODUCTS; p++) {
		int64_t quantity = quantity_of(db, p);

		if (h->lines[p] == KNOWN_EITHER)
			assert_in_range(quantity, 0, 1);
		else
			assert_int_equal(quantity, h->lines[p] == KNOWN_THERE);
	}
	/* The version counts the changes, each once. */
	assert_int_equal(fixture_number(db, "SELECT count(*) FROM carts WHERE version <> "
					    "1 + (SELECT count(*) FROM cart_items)"),
			 0);
	sqlite3_close(db);
	fixture_stop(f);
}

static void prepare(struct fixture *f)
{
	fixture_init(f);
	fixture_set(f, "sqlite.checkpoint", "64KiB");
	fixture_set(f, "sqlite.busy_timeout", "20ms");
	fixture_set(f, "sqlite.sweep_interval", "0");
	fixture_set(f, "cart.ttl", "0");
}

/* Returns the number of calls; fails nothing when n is 0. */
static int torture_one(int n, enum shim_how how)
{
	struct fixture f, copy;
	struct history h = {0};
	struct cart_error error;
	int calls;

	prepare(&f);
	prepare(&copy);
	shim_install();
	shim_arm(n, how);
	if (fixture_start(&f, CART_PROVISION_AUTO, &error) == 0) {
		history_run(&f, &h);
		copy_file(&f, &copy, "");
		copy_file(&f, &copy, "-wal");
		fixture_stop(&f);
	}
	calls = shim_calls();
	shim_remove();
	verify(&f, &h);
	verify(&copy, &h);
	fixture_free(&f);
	fixture_free(&copy);
	return calls;
}

static void torture(enum shim_how how)
{
	int calls = torture_one(0, how);

	assert_in_range(calls, 100, 5000);
	print_message("%d accesses, each failing: %s\n", calls, how_names[how]);
	for (int n = 1; n <= calls; n++) {
		(void)alarm(30);
		if (torture_one(n, how) < n)
			break; /* the failure before this one cut the history short */
	}
	(void)alarm(0);
}

static void nothing_is_lost_when_one_access_fails(void **state)
{
	(void)state;
	torture(SHIM_ONCE);
}

static void nothing_is_lost_when_the_disk_dies(void **state)
{
	(void)state;
	torture(SHIM_ON);
}

static void nothing_is_lost_when_a_write_is_torn(void **state)
{
	(void)state;
	torture(SHIM_TORN);
}

static void nothing_is_invented_when_a_failed_write_was_done(void **state)
{
	(void)state;
	torture(SHIM_DONE);
}

static void nothing_is_lost_when_the_disk_fills(void **state)
{
	(void)state;
	torture(SHIM_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_when_one_access_fails),
		cmocka_unit_test(nothing_is_lost_when_the_disk_dies),
		cmocka_unit_test(nothing_is_lost_when_a_write_is_torn),
		cmocka_unit_test(nothing_is_invented_when_a_failed_write_was_done),
		cmocka_unit_test(nothing_is_lost_when_the_disk_fills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
