/* What was acknowledged is read back: a store that holds it is never called wrong, whatever was
 * done by whom, and one that does not always is. */
#include "bench/load/load.h"
#include "bench/target/client.h"
#include "bench/target/ledger.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static struct bench_drive *drive;

static void open_drive(const char *target)
{
	const struct bench_drive_config config = {.timeout_ms = 10000};
	struct cart_error error;

	if (bench_drive_open(&drive, target, &config, &error) != 0)
		fail_msg("%s: %s", target, error.text);
}

static struct ledger_check read_back(const struct ledger *ledger)
{
	struct ledger_check check;
	struct cart_error error;

	assert_int_equal(ledger_read_back(&check, ledger, drive, &error), 0);
	return check;
}

/* Sessions, or a mix, by so many threads for a while. */
static struct ledger_check loaded_for(int64_t duration_ms, const char *target, const char *mix,
				      size_t threads)
{
	struct workload_config asked = {.seed = 3,
					.sessions = mix == NULL,
					.adds = 3,
					.gets = 1,
					.checkouts = 0.3,
					.carts = 50,
					.products = 5};
	struct load_config config = {.threads = threads, .clients = 8, .duration_ms = duration_ms};
	struct load_result result;
	struct ledger_check check;
	struct workload workload;
	struct cart_error error;

	open_drive(target);
	if (mix != NULL) {
		assert_int_equal(workload_parse_mix(&asked, mix, &error), 0);
		assert_int_equal(workload_parse_keys(&asked, "uniform", &error), 0);
	}
	workload_init(&workload, &asked);
	if (mix != NULL)
		assert_int_equal(load_prepare(&workload, drive, NULL, &error), 0);
	config.drive = drive;
	config.workload = &workload;
	assert_int_equal(load_run(&result, &config, &error), 0);
	if (workload.ledger != NULL)
		ledger_merge(result.ledger, workload.ledger);
	check = read_back(result.ledger);
	load_result_free(&result);
	workload_free(&workload);
	bench_drive_close(&drive);
	return check;
}

/* Until there is enough to read, however busy the machine is. */
static struct ledger_check loaded(const char *target, const char *mix, size_t threads)
{
	struct ledger_check check;

	for (int64_t duration_ms = 100;; duration_ms *= 2) {
		check = loaded_for(duration_ms, target, mix, threads);
		if (check.carts >= 50)
			return check;
	}
}

static void a_store_that_holds_everything_is_never_wrong(void **state)
{
	static const char *const mixes[] = {
		NULL, "add=1", "create=1,add=2,get=1",
		"create=1,add=4,set=2,remove=1,checkout=1,delete=1,get=1"};

	(void)state;
	for (size_t i = 0; i < sizeof(mixes) / sizeof(*mixes); i++)
		for (size_t threads = 1; threads <= 3; threads += 2) {
			struct ledger_check check = loaded("store:memory", mixes[i], threads);

			if (check.wrong > 0)
				fail_msg("%s: %s", mixes[i], check.example);
			assert_true(check.made && check.carts >= 50);
			assert_true(check.carts <= LEDGER_ROOM && check.unread == 0);
			assert_true(ledger_check_is_enough(&check));
		}
}

static void one_that_drops_or_doubles_a_tenth_is(void **state)
{
	static const char *const targets[] = {
		"store:fault?fault.mutant=dropped-write&fault.mutant_share=100",
		"store:fault?fault.mutant=doubled-write&fault.mutant_share=100"};
	char why[160];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t mixed = 0; mixed < 2; mixed++) {
			struct ledger_check check =
				loaded(targets[i], mixed ? "create=1,add=4,get=1" : NULL, 2);

			print_message("%zu of %zu: %s\n", check.wrong, check.carts, check.example);
			assert_true(check.wrong > 0);
			assert_true(ledger_check_is_wrong(&check, "B", why, sizeof(why)));
			assert_non_null(strstr(why, "B does not hold "));
			assert_non_null(strstr(why, " as it acknowledged them: "));
		}
}

/* Of so many changes a run that loses one in a thousand keeps all with a chance of 1 in 22,000. */
static void one_that_drops_a_thousandth_is(void **state)
{
	struct ledger_check check = {0};

	(void)state;
	for (int64_t duration_ms = 100; check.changes < 10000; duration_ms *= 2)
		check = loaded_for(duration_ms,
				   "store:fault?fault.mutant=dropped-write&fault.mutant_share=1",
				   NULL, 2);
	assert_true(check.wrong > 0 && check.wrong < check.carts / 50);
}

/* Applied or not, both are right; and a refusal changes nothing. */
static void what_is_not_known_may_be_there_or_not(void **state)
{
	static const char *const targets[] = {
		"store:fault?fault.ops=change&fault.uncertain_every=3",
		"store:fault?fault.ops=change&fault.drop_every=3",
		"store:fault?fault.ops=change&fault.busy_every=3"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ledger_check check = loaded(targets[i], NULL, 2);

		if (check.wrong > 0)
			fail_msg("%s: %s", targets[i], check.example);
	}
}

static void a_cart_that_is_gone_or_was_never_deleted_is_wrong(void **state)
{
	struct ledger *ledger = ledger_new(1);
	struct ledger_check check;
	struct bench_client client;
	struct cart_error error;
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = 1};

	(void)state;
	open_drive("store:memory");
	assert_int_equal(bench_client_open(&client, drive, &error), 0);
	bench_client_run(&client, &op);
	ledger_note(ledger, &op);
	assert_int_equal(read_back(ledger).wrong, 0);
	op.type = BENCH_DELETE;
	bench_client_run(&client, &op);
	check = read_back(ledger);
	assert_int_equal(check.wrong, 1);
	assert_string_equal(check.example, "a cart that was acknowledged is not there");
	ledger_note(ledger, &op);
	assert_int_equal(read_back(ledger).wrong, 0);
	op.type = BENCH_CREATE;
	bench_client_run(&client, &op);
	ledger_note(ledger, &op);
	op.type = BENCH_DELETE;
	op.outcome = BENCH_OK;
	ledger_note(ledger, &op);
	check = read_back(ledger);
	assert_int_equal(check.wrong, 1);
	assert_string_equal(check.example, "a cart is there whose delete was acknowledged");
	bench_client_close(&client);
	ledger_free(&ledger);
	bench_drive_close(&drive);
}

static void a_target_that_cannot_be_read_is_not_known(void **state)
{
	struct ledger_check check =
		loaded_for(200, "store:fault?fault.ops=get&fault.busy_every=1", NULL, 1);

	(void)state;
	assert_int_equal(check.wrong, 0);
	assert_int_equal(check.unread, check.carts);
	assert_int_equal(check.changes, 0); /* none was seen */
	assert_true(ledger_check_is_enough(&check) == (check.carts == 0));
}

/* An error in place of a 404 would hide what was lost. */
static void reading_that_was_given_up_is_not_enough(void **state)
{
	struct ledger_check check = {.made = true, .carts = 3000, .unread = 3};

	(void)state;
	assert_true(ledger_check_is_enough(&check));
	check.unread = 20;
	assert_false(ledger_check_is_enough(&check));
	/* What it did not ask for is counted. */
	for (int64_t ms = 100; check.left == 0; ms *= 2)
		check = loaded_for(ms, "store:fault?fault.ops=get&fault.busy_every=1", NULL, 1);
}

/* Nor where reads were so slow that there was no time for more. */
static void a_few_of_many_are_not_enough(void **state)
{
	struct ledger_check check = {.made = true, .carts = 99, .left = 1};

	(void)state;
	assert_false(ledger_check_is_enough(&check));
	check.left = 0;
	assert_true(ledger_check_is_enough(&check));
	check = (struct ledger_check){.made = true, .carts = 100, .left = 5000};
	assert_true(ledger_check_is_enough(&check));
	check.unread = 1;
	assert_false(ledger_check_is_enough(&check));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_that_holds_everything_is_never_wrong),
		cmocka_unit_test(one_that_drops_or_doubles_a_tenth_is),
		cmocka_unit_test(one_that_drops_a_thousandth_is),
		cmocka_unit_test(what_is_not_known_may_be_there_or_not),
		cmocka_unit_test(a_cart_that_is_gone_or_was_never_deleted_is_wrong),
		cmocka_unit_test(a_target_that_cannot_be_read_is_not_known),
		cmocka_unit_test(a_few_of_many_are_not_enough),
		cmocka_unit_test(reading_that_was_given_up_is_not_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
