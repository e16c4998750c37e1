/* The fault backend does what its settings say, over the memory backend. */
#include "backends/fault/delays.h"
#include "backends/fault/fault.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/probe.h"
#include "tests/lib/rig.h"

#include <string.h>

static struct rig *rig_with(const char *const *settings)
{
	return rig_start(&(struct rig_config){.backend = "memory", .fault = true, .set = settings});
}

static int start(void **state)
{
	*state = rig_with(NULL);
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

static void without_faults_it_is_the_inner_store(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart_op op = ask_for(f, CART_OK, CHANGE, .id = id, .key = "k",
				    .flags = CART_WANT_CART, CHANGES(ADD(1, 2), ADD(3, 4)));

	assert_int_equal(op.version, 2);
	assert_int_equal(op.cart.line_count, 2);
	cart_op_clear(&op);
	ask(f, CART_NO_ITEM, CHANGE, .id = id, CHANGES(REMOVE(9)));
	op = ask_for(f, CART_OK, LIST,
		     .list = {.kind = CART_LIST_IDLE, .limit = 5, .idle_before_ms = INT64_MAX});
	assert_int_equal(op.cart_count, 1);
	assert_int_equal(op.carts[0].line_count, 2);
	cart_op_clear(&op);
	assert_int_equal(fault_hits(f->db), 0);
}

/* The second of three adds meets the fault; what is stored tells whether it was applied. */
static void expect_fault(struct rig *f, enum fault_type type, enum cart_result result, bool applied)
{
	struct cart_id id = rig_cart(f);
	uint64_t hits = fault_hits(f->db);
	bool refused;
	struct cart_change add = ADD(1, 10);
	struct cart_op op = {.type = CART_OP_CHANGE, .id = id, .changes = &add, .change_count = 1};

	fault_arm(f->db, type, 2, 0);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	assert_int_equal(rig_run(f, 0, &op, &refused), result);
	assert_int_equal(refused, type == FAULT_REFUSE);
	if (!refused)
		assert_non_null(strstr(op.reason, fault_behaviour_of(type)->name));
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	assert_int_equal(rig_quantity(f, &id, 1), applied ? 12 : 2);
	assert_int_equal(fault_hits(f->db), hits + 1);
	fault_arm(f->db, type, 0, 0);
}

static void each_fault_answers_and_applies_as_it_says(void **state)
{
	struct rig *f = *state;

	expect_fault(f, FAULT_REFUSE, CART_BUSY, false);
	expect_fault(f, FAULT_BUSY, CART_BUSY, false);
	expect_fault(f, FAULT_FAIL, CART_FAILED, false);
	expect_fault(f, FAULT_TIMEOUT, CART_TIMEOUT, false);
	expect_fault(f, FAULT_UNCERTAIN, CART_UNCERTAIN, false);
	expect_fault(f, FAULT_DROP, CART_UNCERTAIN, true);
}

static void a_read_is_never_uncertain(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	fault_arm(f->db, FAULT_UNCERTAIN, 1, 0);
	ask(f, CART_TIMEOUT, GET, .id = id);
	fault_arm(f->db, FAULT_DROP, 1, 0);
	ask(f, CART_TIMEOUT, GET, .id = id);
	ask(f, CART_OK, GET, .id = id);
}

static void every_counts_from_when_it_was_armed(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	fault_arm(f->db, FAULT_BUSY, 0, 3);
	for (int i = 1; i <= 9; i++)
		ask(f, i % 3 == 0 ? CART_BUSY : CART_OK, GET, .id = id);
	fault_arm(f->db, FAULT_BUSY, 0, 0);
	for (int i = 1; i <= 3; i++)
		ask(f, CART_OK, GET, .id = id);
}

static void settings_arm_it_for_the_types_that_they_name(void **state)
{
	static const char *const settings[] = {
		"fault.fail_every", "2", "fault.busy_nth", "3", "fault.ops", "get", NULL};
	struct rig *f = rig_with(settings);
	struct cart_id id = rig_cart(f);

	(void)state;
	for (int i = 0; i < 4; i++)
		ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 1)));
	ask(f, CART_OK, GET, .id = id);
	ask(f, CART_FAILED, GET, .id = id);
	ask(f, CART_BUSY, GET, .id = id);
	ask(f, CART_FAILED, GET, .id = id);
	rig_stop(&f);
}

static void a_delay_comes_before_every_answer(void **state)
{
	static const char *const settings[] = {"fault.delay", "40ms", NULL};
	struct rig *f = rig_with(settings);
	struct probe probe;
	struct cart_op get = {.type = CART_OP_GET, .id = rig_id(f)};

	(void)state;
	for (int spoilt = 0; spoilt < 2; spoilt++) {
		fault_arm(f->db, FAULT_BUSY, (uint64_t)spoilt, 0);
		probe_init(&probe, f, 0, &get, 0);
		probe_submit(&probe);
		probe_await(&probe);
		assert_int_equal(probe.result, spoilt ? CART_BUSY : CART_NOT_FOUND);
		assert_true(probe.done_ns - probe.op.submitted_ns >= 39 * CLOCK_NS_PER_MS);
		assert_true(probe.op.finished_ns - probe.op.submitted_ns >= 39 * CLOCK_NS_PER_MS);
		probe_check(&probe);
	}
	rig_stop(&f);
}

/* Nothing passes in the last 100 ms of each second. */
static void a_stall_stops_the_clock_of_delays(void **state)
{
	static const struct {
		int64_t now_ms, delay_ms, due_ms;
	} cases[] = {
		{0, 0, 0},	    {899, 0, 899},   {900, 0, 1000},   {999, 0, 1000},
		{1000, 0, 1000},    {100, 700, 800}, {890, 20, 1010},  {890, 10, 1000},
		{950, 20, 1020},    {0, 950, 1050},  {0, 1800, 2000},  {5950, 900, 7000},
		{5950, 1799, 7899}, {880, 5, 885},   {895, 910, 2005},
	};
	const struct fault_stalls stalls = {.stall_ns = 100 * CLOCK_NS_PER_MS,
					    .every_ns = CLOCK_NS_PER_S,
					    .started_ns = 7 * CLOCK_NS_PER_S + 1};
	const struct fault_stalls none = {.every_ns = CLOCK_NS_PER_S};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(
			fault_stalls_due(&stalls,
					 stalls.started_ns + cases[i].now_ms * CLOCK_NS_PER_MS,
					 cases[i].delay_ms * CLOCK_NS_PER_MS),
			stalls.started_ns + cases[i].due_ms * CLOCK_NS_PER_MS);
	assert_int_equal(fault_stalls_due(&none, 950, 20), 970);
}

/* Each value of the table as often as it should be, and the same ones in each process. */
/* Of what comes in a stall one passes in each 250 ms, and the rest after it, the newest first. */
static void a_stall_may_trickle_and_answer_the_newest_first(void **state)
{
	const struct fault_stalls stalls = {.stall_ns = 600 * CLOCK_NS_PER_MS,
					    .every_ns = CLOCK_NS_PER_S,
					    .trickle_ns = 250 * CLOCK_NS_PER_MS,
					    .newest_first = true};
	static const struct {
		int64_t now_ms, due_us;
	} cases[] = {{100, 100000},  {410, 500000},  {420, 1000580}, {499, 1000501}, {500, 750000},
		     {501, 1000499}, {751, 1000249}, {999, 1000001}, {1000, 1000000}};
	struct fault_delays delays = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(
			fault_delays_due(&delays, &stalls, cases[i].now_ms * CLOCK_NS_PER_MS, 0),
			cases[i].due_us * 1000);
}

static void delays_are_drawn_from_the_table(void **state)
{
	struct settings *settings = settings_new();
	struct fault_delays delays, again;
	struct fault_stalls stalls;
	struct cart_error error;
	int seen[4] = {0};

	(void)state;
	settings_add(settings, "Fault", fault_settings);
	assert_int_equal(settings_set(settings, "fault.delays", "0,1,2,3", SETTING_FLAG, &error),
			 0);
	assert_int_equal(fault_delays_init(&delays, &stalls, settings, &error), 0);
	assert_int_equal(fault_delays_init(&again, &stalls, settings, &error), 0);
	for (int i = 0; i < 40000; i++) {
		int64_t ns = fault_delays_draw(&delays);

		assert_int_equal(fault_delays_draw(&again), ns);
		assert_true(ns % 1000 == 0 && ns >= 0 && ns <= 3000);
		seen[ns / 1000]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(seen[i], 9600, 10400);
	fault_delays_destroy(&delays);
	fault_delays_destroy(&again);
	settings_free(&settings);
}

static void expect_no_start(const char *key, const char *value, const char *said)
{
	struct metrics *metrics = metrics_new();
	struct settings *settings = settings_new();
	struct cart_env env = {.clock = &cart_clock_system, .metrics = metrics};
	struct cart_error error;
	struct cart_db *db;

	settings_add(settings, "Carts", cart_settings);
	cart_backends_add_settings(settings);
	assert_int_equal(settings_set(settings, key, value, SETTING_FLAG, &error), 0);
	env.settings = settings;
	env.rules = cart_rules_from(settings);
	assert_int_equal(
		cart_db_start(&db, cart_backend_find("fault"), &env, CART_PROVISION_AUTO, &error),
		-1);
	assert_null(db);
	assert_non_null(strstr(error.text, said));
	settings_free(&settings);
	metrics_free(&metrics);
}

static void a_setting_that_makes_no_sense_stops_the_start(void **state)
{
	(void)state;
	expect_no_start("fault.over", "nothing", "nothing");
	expect_no_start("fault.over", "fault", "fault");
	expect_no_start("fault.ops", "get,gett", "gett");
	expect_no_start("fault.delays", "100,1ms", "1ms is not");
	expect_no_start("fault.delays", "-1", "-1 is not");
	expect_no_start("fault.stall", "5s", "below fault.stall_every");
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(without_faults_it_is_the_inner_store),
		ON(each_fault_answers_and_applies_as_it_says),
		ON(a_read_is_never_uncertain),
		ON(every_counts_from_when_it_was_armed),
		cmocka_unit_test(settings_arm_it_for_the_types_that_they_name),
		cmocka_unit_test(a_delay_comes_before_every_answer),
		cmocka_unit_test(a_stall_stops_the_clock_of_delays),
		cmocka_unit_test(a_stall_may_trickle_and_answer_the_newest_first),
		cmocka_unit_test(delays_are_drawn_from_the_table),
		cmocka_unit_test(a_setting_that_makes_no_sense_stops_the_start),
	};

	return cmocka_run_group_tests_name("the fault backend", tests, NULL, NULL);
}
