/* A queue and its database, simulated: time passes only here. */
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/queue_limit.h"

#include "tests/lib/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define MS	 CLOCK_NS_PER_MS
#define DELAY_NS (500 * MS)
#define RATE	 2000 /* ops a second that the database takes */
#define STEP_NS	 (CLOCK_NS_PER_S / RATE)
#define ROOM	 100000
#define DEADLINE (5000 * MS)

struct queue_sim {
	struct queue_limit limit;
	struct cart_op *ops; /* those queued, in a ring */
	size_t first, count;
	int64_t now_ns;
	bool stalled;
	size_t share; /* one op in so many is a read; 0: none */
	/* Since queue_sim_count_anew(). */
	size_t asked, refused[QUEUE_KINDS], done[QUEUE_KINDS];
	int64_t longest_ns;
	size_t highest, lowest; /* of the limit */
};

static struct queue_sim sim;

static void queue_sim_count_anew(void)
{
	sim.asked = 0;
	memset(sim.refused, 0, sizeof(sim.refused));
	memset(sim.done, 0, sizeof(sim.done));
	sim.longest_ns = 0;
	sim.highest = 0;
	sim.lowest = SIZE_MAX;
}

static int queue_sim_make(void **state)
{
	(void)state;
	sim = (struct queue_sim){.now_ns = CLOCK_NS_PER_S};
	sim.ops = calloc(ROOM, sizeof(*sim.ops));
	queue_limit_init(&sim.limit, DELAY_NS);
	queue_sim_count_anew();
	return sim.ops != NULL ? 0 : -1;
}

static int queue_sim_free(void **state)
{
	(void)state;
	free(sim.ops);
	return 0;
}

static bool queue_sim_ask(enum cart_op_type type)
{
	struct cart_op *op = &sim.ops[(sim.first + sim.count) % ROOM];

	*op = (struct cart_op){
		.type = type, .submitted_ns = sim.now_ns, .deadline_ns = sim.now_ns + DEADLINE};
	sim.asked++;
	if (!queue_limit_admits(&sim.limit, op, sim.now_ns)) {
		assert_string_not_equal(op->reason, "");
		sim.refused[type == CART_OP_CHANGE ? QUEUE_ADDS : QUEUE_OTHERS]++;
		return false;
	}
	queue_limit_enter(&sim.limit, op);
	sim.count++;
	assert_true(sim.count < ROOM);
	return true;
}

static void queue_sim_work(void)
{
	struct cart_op *op = &sim.ops[sim.first];

	if (sim.count == 0 || sim.stalled)
		return;
	queue_limit_start(&sim.limit, op, sim.now_ns);
	queue_limit_leave(&sim.limit, op);
	if (sim.now_ns - op->submitted_ns > sim.longest_ns)
		sim.longest_ns = sim.now_ns - op->submitted_ns;
	sim.done[op->type == CART_OP_CHANGE ? QUEUE_ADDS : QUEUE_OTHERS]++;
	sim.first = (sim.first + 1) % ROOM;
	sim.count--;
}

/* eighths: of what the database takes. */
static void queue_sim_run(int64_t ms, size_t eighths)
{
	int64_t until_ns = sim.now_ns + ms * MS;

	for (size_t owed = 0; sim.now_ns < until_ns; sim.now_ns += STEP_NS) {
		for (owed += eighths; owed >= 8; owed -= 8)
			(void)queue_sim_ask(sim.share > 0 && sim.asked % sim.share == 0
						    ? CART_OP_GET
						    : CART_OP_CHANGE);
		queue_sim_work();
		if (sim.limit.limit > sim.highest)
			sim.highest = sim.limit.limit;
		if (sim.limit.limit < sim.lowest)
			sim.lowest = sim.limit.limit;
	}
}

static size_t queue_sim_refused(void)
{
	return sim.refused[QUEUE_ADDS] + sim.refused[QUEUE_OTHERS];
}

static void what_the_database_takes_is_never_refused(void **state)
{
	(void)state;
	queue_sim_run(5000, 8);
	assert_int_equal(queue_sim_refused(), 0);
	assert_int_equal(sim.highest, 0);
}

static void an_idle_queue_refuses_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		queue_sim_run(1, 8);
		sim.now_ns += 3000 * MS;
	}
	assert_int_equal(queue_sim_refused(), 0);
}

/* At any load: the database is never idle, and what it is given was asked for a short time ago. */
static void check_overload(size_t eighths)
{
	size_t done;

	queue_sim_run(2000, eighths);
	/* Also of those that came before the limit was there. */
	assert_true(sim.longest_ns < DEADLINE / 2);
	queue_sim_run(2000, eighths);
	queue_sim_count_anew();
	queue_sim_run(5000, eighths);
	done = sim.done[QUEUE_ADDS] + sim.done[QUEUE_OTHERS];
	assert_true(done >= 5 * RATE - 1);
	assert_in_range(queue_sim_refused(), sim.asked - done - RATE / 10,
			sim.asked - done + RATE / 10);
	assert_true(sim.longest_ns < 2 * DELAY_NS);
	/* It does not swing. */
	assert_in_range(sim.lowest, RATE / 3, RATE);
	assert_in_range(sim.highest, RATE / 3, RATE);
}

static void twice_the_load_is_halved(void **state)
{
	(void)state;
	check_overload(16);
}

static void four_times_the_load_is_cut_to_a_quarter(void **state)
{
	(void)state;
	check_overload(32);
}

static void eight_times_the_load_is_cut_to_an_eighth(void **state)
{
	(void)state;
	check_overload(64);
}

static void a_little_too_much_is_cut_too(void **state)
{
	(void)state;
	queue_sim_run(20000, 9);
	assert_true(sim.longest_ns < DEADLINE / 2);
	assert_true(queue_sim_refused() > 0);
	assert_true(sim.done[QUEUE_ADDS] >= 20 * RATE - 1);
}

static void it_ends_with_the_load(void **state)
{
	(void)state;
	queue_sim_run(5000, 32);
	queue_sim_run(1000, 4);
	queue_sim_count_anew();
	queue_sim_run(5000, 7);
	assert_int_equal(queue_sim_refused(), 0);
	assert_int_equal(sim.highest, 0);
}

static void it_ends_when_nobody_asks_any_more(void **state)
{
	(void)state;
	queue_sim_run(5000, 32);
	queue_sim_run(2000, 0);
	queue_sim_count_anew();
	assert_true(queue_sim_ask(CART_OP_CHANGE));
	assert_int_equal(sim.limit.limit, 0);
}

static void a_burst_that_is_over_in_time_is_taken(void **state)
{
	(void)state;
	queue_sim_run(2000, 4);
	for (int i = 0; i < RATE / 2; i++)
		assert_true(queue_sim_ask(CART_OP_CHANGE));
	queue_sim_run(2000, 4);
	assert_int_equal(queue_sim_refused(), 0);
}

static void a_short_pause_of_the_database_refuses_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		queue_sim_run(2000, 6);
		sim.stalled = true;
		queue_sim_run(400, 6);
		sim.stalled = false;
	}
	queue_sim_run(2000, 6);
	assert_int_equal(queue_sim_refused(), 0);
}

static void while_the_database_stands_few_wait(void **state)
{
	(void)state;
	queue_sim_run(2000, 8);
	sim.stalled = true;
	queue_sim_run(1000, 8);
	queue_sim_count_anew();
	queue_sim_run(3000, 8);
	assert_int_equal(queue_sim_refused(), sim.asked);
	sim.stalled = false;
	/* What waited is worked off, and all is as before. */
	queue_sim_run(4000, 4);
	queue_sim_count_anew();
	queue_sim_run(2000, 8);
	assert_int_equal(queue_sim_refused(), 0);
}

static void a_database_that_becomes_faster_is_given_more(void **state)
{
	size_t before;

	(void)state;
	queue_sim_run(5000, 32);
	before = sim.limit.limit;
	for (int64_t until_ns = sim.now_ns + 2000 * MS; sim.now_ns < until_ns;
	     sim.now_ns += STEP_NS) {
		for (int i = 0; i < 16; i++)
			(void)queue_sim_ask(CART_OP_CHANGE);
		for (int i = 0; i < 4; i++)
			queue_sim_work();
	}
	assert_in_range(sim.limit.limit, 3 * before, 5 * before);
}

/* A commit takes longer than the delay, however many share it. */
static void slow_commits_keep_their_batches(void **state)
{
	const int64_t commit_ns = 700 * MS;
	int64_t next_ns = sim.now_ns + commit_ns, until_ns = sim.now_ns + 30000 * MS;

	(void)state;
	for (; sim.now_ns < until_ns; sim.now_ns += MS) {
		(void)queue_sim_ask(CART_OP_CHANGE);
		if (sim.now_ns < next_ns)
			continue;
		next_ns += commit_ns;
		for (int i = 0; i < 256; i++)
			queue_sim_work();
	}
	assert_true(queue_sim_refused() > 0);
	assert_true(sim.done[QUEUE_ADDS] >= (size_t)256 * 41);
	assert_true(sim.longest_ns < DEADLINE / 2);
}

static void reads_are_refused_after_adds(void **state)
{
	(void)state;
	sim.share = 8; /* half of what the database takes */
	queue_sim_run(2000, 32);
	queue_sim_count_anew();
	queue_sim_run(5000, 32);
	assert_int_equal(sim.refused[QUEUE_OTHERS], 0);
	assert_true(sim.refused[QUEUE_ADDS] > 0);
}

/* While adds take all the room that they may have. */
static bool queue_sim_admits_beside_adds(const struct cart_op *op)
{
	struct cart_op copy = *op;

	copy.submitted_ns = sim.now_ns;
	copy.deadline_ns = sim.now_ns + DEADLINE;
	return queue_limit_admits(&sim.limit, &copy, sim.now_ns);
}

static void a_login_and_a_checkout_are_refused_after_adds(void **state)
{
	static const struct cart_change add = {.type = CART_CHANGE_ADD},
					reopen = {.type = CART_CHANGE_REOPEN};
	static const struct cart_op later[] = {
		{.type = CART_OP_GET},
		{.type = CART_OP_LIST},
		{.type = CART_OP_CHECKOUT},
		{.type = CART_OP_CHANGE, .changes = &reopen, .change_count = 1},
		{.type = CART_OP_MERGE},
		{.type = CART_OP_CHANGE, .customer_id = {.size = 1, .text = "1"}},
	};
	static const struct cart_op first[] = {
		{.type = CART_OP_CHANGE, .changes = &add, .change_count = 1},
		{.type = CART_OP_CREATE, .customer_id = {.size = 1, .text = "1"}},
		{.type = CART_OP_DELETE},
		{.type = CART_OP_IMPORT},
	};

	(void)state;
	queue_sim_run(3000, 32);
	while (queue_sim_ask(CART_OP_CHANGE))
		;
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		assert_true(queue_sim_admits_beside_adds(&later[i]));
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		assert_false(queue_sim_admits_beside_adds(&first[i]));
}

static void reads_do_not_shut_adds_out(void **state)
{
	size_t done;

	(void)state;
	sim.share = 2; /* twice what the database takes */
	queue_sim_run(3000, 32);
	queue_sim_count_anew();
	queue_sim_run(5000, 32);
	done = sim.done[QUEUE_ADDS] + sim.done[QUEUE_OTHERS];
	assert_true(sim.done[QUEUE_ADDS] > done / 16);
	assert_true(sim.done[QUEUE_OTHERS] > done / 2);
}

/* As ops of a cart whose changes wait for each other: they have waited long when their turn comes,
 * but few are in the queue. */
static void a_busy_cart_sets_no_limit(void **state)
{
	(void)state;
	for (int64_t until_ns = sim.now_ns + 5000 * MS; sim.now_ns < until_ns;
	     sim.now_ns += 10 * STEP_NS) {
		assert_true(queue_sim_ask(CART_OP_CHANGE));
		sim.ops[sim.first].submitted_ns -= 3000 * MS;
		queue_sim_work();
	}
	assert_int_equal(sim.limit.limit, 0);
}

static void who_could_not_be_answered_in_time_is_refused(void **state)
{
	struct cart_op op = {.type = CART_OP_GET};

	(void)state;
	queue_sim_run(5000, 32);
	op.deadline_ns = sim.now_ns + DELAY_NS / 10;
	assert_false(queue_limit_admits(&sim.limit, &op, sim.now_ns));
	op.deadline_ns = sim.now_ns + 10 * DELAY_NS;
	assert_true(queue_limit_admits(&sim.limit, &op, sim.now_ns));
}

static void readiness_is_always_asked(void **state)
{
	struct cart_op op = {.type = CART_OP_GET, .flags = CART_READ_WRITABLE};

	(void)state;
	queue_sim_run(5000, 32);
	assert_true(queue_limit_admits(&sim.limit, &op, sim.now_ns));
}

static void without_a_delay_there_is_no_limit(void **state)
{
	(void)state;
	queue_limit_init(&sim.limit, 0);
	queue_sim_run(3000, 64);
	assert_int_equal(queue_sim_refused(), 0);
}

static void the_series_follow(void **state)
{
	struct metrics *metrics = metrics_new();
	struct metrics_shard *shard;
	struct queue_limit_shown shown = {0};
	struct queue_limit_series series;
	struct buf text = {0};

	(void)state;
	queue_limit_register(&series, metrics, "x");
	shard = metrics_shard_new(metrics);
	queue_sim_run(3000, 32);
	queue_limit_show(&sim.limit, &series, &shown, shard);
	queue_limit_show(&sim.limit, &series, &shown, shard);
	metrics_print(metrics, &text);
	buf_add_char(&text, '\0');
	assert_int_equal(shown.limit, sim.limit.limit);
	assert_int_equal(shown.refused[QUEUE_ADDS], sim.refused[QUEUE_ADDS]);
	assert_non_null(strstr(text.data, "cart_queue_limit{backend=\"x\"} "));
	assert_null(strstr(text.data, "cart_queue_limit{backend=\"x\"} 0\n"));
	assert_non_null(
		strstr(text.data, "cart_queue_refused_total{backend=\"x\",kind=\"others\"} 0\n"));
	assert_null(strstr(text.data, "cart_queue_refused_total{backend=\"x\",kind=\"adds\"} 0\n"));
	buf_free(&text);
	metrics_free(&metrics);
}

#define SIM_TEST(name) cmocka_unit_test_setup_teardown(name, queue_sim_make, queue_sim_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIM_TEST(what_the_database_takes_is_never_refused),
		SIM_TEST(an_idle_queue_refuses_nothing),
		SIM_TEST(twice_the_load_is_halved),
		SIM_TEST(four_times_the_load_is_cut_to_a_quarter),
		SIM_TEST(eight_times_the_load_is_cut_to_an_eighth),
		SIM_TEST(a_little_too_much_is_cut_too),
		SIM_TEST(it_ends_with_the_load),
		SIM_TEST(it_ends_when_nobody_asks_any_more),
		SIM_TEST(a_burst_that_is_over_in_time_is_taken),
		SIM_TEST(a_short_pause_of_the_database_refuses_nothing),
		SIM_TEST(while_the_database_stands_few_wait),
		SIM_TEST(a_database_that_becomes_faster_is_given_more),
		SIM_TEST(slow_commits_keep_their_batches),
		SIM_TEST(reads_are_refused_after_adds),
		SIM_TEST(a_login_and_a_checkout_are_refused_after_adds),
		SIM_TEST(reads_do_not_shut_adds_out),
		SIM_TEST(a_busy_cart_sets_no_limit),
		SIM_TEST(who_could_not_be_answered_in_time_is_refused),
		SIM_TEST(readiness_is_always_asked),
		SIM_TEST(without_a_delay_there_is_no_limit),
		SIM_TEST(the_series_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
