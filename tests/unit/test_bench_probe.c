/* What the probes of consistency say of histories that are written down here. */
#include "bench/probe/judge.h"
#include "tests/lib/cmocka.h"

#include <math.h>
#include <string.h>

#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

#define LOOK(delay_, read_, written_, seen_)                                                       \
	{                                                                                          \
		.delay = delay_, .read = PROBE_##read_, .written = written_, .seen = seen_         \
	}
#define WROTE(version_, value_)                                                                    \
	{                                                                                          \
		true, version_, value_                                                             \
	}
#define READ(version_)                                                                             \
	{                                                                                          \
		false, version_, -1                                                                \
	}
#define FOUND(version_, value_)                                                                    \
	{                                                                                          \
		false, version_, value_                                                            \
	}

static void expect(const struct probe_finding *finding, size_t trials, size_t violations,
		   size_t unknown)
{
	assert_int_equal(finding->count.trials, trials);
	assert_int_equal(finding->count.violations, violations);
	assert_int_equal(finding->count.unknown, unknown);
	assert_int_equal(finding->example[0] != '\0', violations > 0);
}

static void a_read_is_stale_when_it_is_older_than_what_was_acknowledged(void **state)
{
	static const struct probe_look looks[] = {
		LOOK(0, STRONG, 5, 5), LOOK(0, STRONG, 5, 4), LOOK(0, STRONG, 5, 6),
		LOOK(1, STRONG, 9, 6), LOOK(1, STRONG, 9, 9), LOOK(1, STRONG, 3, 0),
		LOOK(0, INDEX, 5, 1), /* of another kind of read */
	};
	struct probe_finding finding = {.read = PROBE_STRONG,
					.delays = {{.delay_ms = 0}, {.delay_ms = 2}},
					.delay_count = 2};

	(void)state;
	probe_judge_staleness(&finding, looks, COUNT(looks));
	expect(&finding, 6, 3, 0);
	assert_int_equal(finding.delays[0].count.trials, 3);
	assert_int_equal(finding.delays[0].count.violations, 1);
	assert_int_equal(finding.delays[0].most_behind, 1);
	assert_int_equal(finding.delays[1].count.violations, 2);
	assert_int_equal(finding.delays[1].most_behind, 3);
	assert_string_equal(finding.example,
			    "version 4 read 0 ms after version 5 was acknowledged");
}

static void old_lines_under_a_new_version_are_old(void **state)
{
	static const struct probe_look looks[] = {{0, PROBE_STRONG, 5, 5, 4, 4},
						  {0, PROBE_STRONG, 5, 5, 4, 2},
						  {0, PROBE_STRONG, 5, 9, 4, 3},
						  {0, PROBE_STRONG, 5, 6, 4, 5}};
	static const struct probe_step good[] = {WROTE(2, 1), FOUND(2, 1), WROTE(3, 2),
						 FOUND(3, 2)};
	static const struct probe_step bad[] = {WROTE(2, 1), FOUND(2, 1), WROTE(3, 2), FOUND(3, 1)};
	static const struct probe_step back[] = {FOUND(2, 1), FOUND(3, 2), FOUND(3, 1)};
	struct probe_finding finding = {.read = PROBE_STRONG, .delay_count = 1};

	(void)state;
	probe_judge_staleness(&finding, looks, COUNT(looks));
	expect(&finding, 4, 2, 0);
	assert_int_equal(finding.delays[0].most_behind, 2);
	assert_string_equal(finding.example,
			    "2 of 4 adds read 0 ms after the last was acknowledged, as version 5");
	finding = (struct probe_finding){0};
	probe_judge_read_your_writes(&finding, good, COUNT(good));
	expect(&finding, 2, 0, 0);
	probe_judge_read_your_writes(&finding, bad, COUNT(bad));
	expect(&finding, 4, 1, 0);
	finding = (struct probe_finding){0};
	probe_judge_monotonic_reads(&finding, good, COUNT(good));
	expect(&finding, 1, 0, 0);
	probe_judge_monotonic_reads(&finding, back, COUNT(back));
	expect(&finding, 3, 1, 0);
}

static void what_was_not_answered_is_unknown_and_no_trial(void **state)
{
	static const struct probe_look looks[] = {LOOK(0, STRONG, 0, 4), LOOK(0, STRONG, 5, -1),
						  LOOK(0, STRONG, 0, -1)};
	struct probe_finding finding = {.read = PROBE_STRONG, .delay_count = 1};

	(void)state;
	probe_judge_staleness(&finding, looks, COUNT(looks));
	expect(&finding, 0, 0, 3);
	assert_int_equal(finding.delays[0].count.unknown, 3);
	assert_int_equal(probe_verdict_of(&finding), PROBE_UNMEASURED);
}

static void a_client_must_read_its_writes(void **state)
{
	static const struct probe_step good[] = {READ(1),     WROTE(2, 1), READ(2),
						 WROTE(3, 2), READ(4),	   READ(3)};
	static const struct probe_step bad[] = {WROTE(2, 1), READ(1), READ(2),
						WROTE(3, 2), READ(2), READ(0)};
	struct probe_finding finding = {0};

	(void)state;
	probe_judge_read_your_writes(&finding, good, COUNT(good));
	expect(&finding, 3, 0, 0);
	probe_judge_read_your_writes(&finding, bad, COUNT(bad));
	expect(&finding, 7, 3, 0);
}

static void a_write_left_open_binds_nobody(void **state)
{
	static const struct probe_step steps[] = {WROTE(2, 1), WROTE(-1, 2), READ(2), READ(3),
						  READ(-1)};
	struct probe_finding own = {0}, writes = {0};

	(void)state;
	probe_judge_read_your_writes(&own, steps, COUNT(steps));
	expect(&own, 2, 0, 2);
	probe_judge_monotonic_writes(&writes, steps, COUNT(steps));
	expect(&writes, 0, 0, 1);
}

static void reads_must_not_go_back(void **state)
{
	static const struct probe_step good[] = {READ(0), READ(1), READ(1), WROTE(9, 1), READ(5)};
	static const struct probe_step bad[] = {READ(3), READ(2), READ(-1), READ(2), READ(3)};
	struct probe_finding finding = {0};

	(void)state;
	probe_judge_monotonic_reads(&finding, good, COUNT(good));
	expect(&finding, 3, 0, 0);
	probe_judge_monotonic_reads(&finding, bad, COUNT(bad));
	expect(&finding, 6, 2, 1);
	assert_string_equal(finding.example, "a client read version 2 after version 3");
}

static void writes_must_take_effect_in_their_order(void **state)
{
	static const struct probe_step good[] = {WROTE(2, 1), READ(2), WROTE(3, 2), FOUND(3, 2)};
	static const struct probe_step same_version[] = {WROTE(2, 1), WROTE(2, 2), FOUND(3, 2)};
	static const struct probe_step overtaken[] = {WROTE(2, 1), WROTE(3, 2), FOUND(3, 1)};
	/* The last write was left open, and landed. */
	static const struct probe_step open[] = {WROTE(2, 1), WROTE(-1, 2), FOUND(3, 2)};
	struct probe_finding finding = {0};

	(void)state;
	probe_judge_monotonic_writes(&finding, good, COUNT(good));
	expect(&finding, 2, 0, 0);
	probe_judge_monotonic_writes(&finding, open, COUNT(open));
	expect(&finding, 3, 0, 1);
	probe_judge_monotonic_writes(&finding, same_version, COUNT(same_version));
	expect(&finding, 5, 1, 1);
	finding.example[0] = '\0';
	probe_judge_monotonic_writes(&finding, overtaken, COUNT(overtaken));
	expect(&finding, 7, 2, 1);
	assert_string_equal(finding.example, "the last write acknowledged set 2, the cart holds 1");
}

static const struct cart *cart_of(struct cart_line *lines, size_t count)
{
	static struct cart cart;

	cart = (struct cart){.version = 9, .lines = lines, .line_count = count};
	return &cart;
}

static void an_acknowledged_add_must_be_there_once(void **state)
{
	static const struct probe_add adds[] = {{1, 1, BENCH_OK},
						{2, 1, BENCH_OK},
						{3, 1, BENCH_REFUSED},
						{4, 1, BENCH_UNKNOWN},
						{5, 1, BENCH_UNKNOWN}};
	struct cart_line good[] = {{.product_id = {1, "1"}, .quantity = 1},
				   {.product_id = {1, "2"}, .quantity = 1},
				   {.product_id = {1, "5"}, .quantity = 1}};
	struct cart_line lost[] = {{.product_id = {1, "1"}, .quantity = 1}};
	struct cart_line wrong[] = {{.product_id = {1, "1"}, .quantity = 2},
				    {.product_id = {1, "2"}, .quantity = 1},
				    {.product_id = {1, "3"}, .quantity = 1},
				    {.product_id = {1, "4"}, .quantity = 2},
				    {.product_id = {1, "8"}, .quantity = 1}};
	struct probe_finding finding = {0};

	(void)state;
	probe_judge_lost_updates(&finding, adds, COUNT(adds), cart_of(good, 3));
	expect(&finding, 3, 0, 2);
	probe_judge_lost_updates(&finding, adds, COUNT(adds), cart_of(lost, 1));
	expect(&finding, 6, 1, 4);
	assert_string_equal(finding.example, "an add of 1 was acknowledged, the cart holds 0");
	finding = (struct probe_finding){0};
	/* Twice; refused and there; left open and twice; added by nobody. */
	probe_judge_lost_updates(&finding, adds, COUNT(adds), cart_of(wrong, 5));
	expect(&finding, 5, 4, 1);
	finding = (struct probe_finding){0};
	probe_judge_lost_updates(&finding, adds, COUNT(adds), NULL);
	expect(&finding, 0, 0, 5);
}

/* ok acknowledged, open left open, and one refused; the line holds found. */
static struct probe_finding one_line(size_t ok, size_t open, int64_t found)
{
	struct probe_add adds[8] = {{1, 1, BENCH_REFUSED}};
	struct cart_line line = {.product_id = {1, "1"}, .quantity = found};
	struct probe_finding finding = {0};

	for (size_t i = 0; i < ok + open; i++)
		adds[i + 1] = (struct probe_add){1, 1, i < ok ? BENCH_OK : BENCH_UNKNOWN};
	probe_judge_one_line(&finding, adds, ok + open + 1, cart_of(&line, found > 0));
	return finding;
}

static void one_line_holds_what_was_acknowledged_and_at_most_what_was_left_open(void **state)
{
	struct probe_finding finding;

	(void)state;
	for (int64_t found = 3; found <= 5; found++) {
		finding = one_line(3, 2, found);
		expect(&finding, 4, 0, 2);
	}
	finding = one_line(3, 2, 1);
	expect(&finding, 4, 2, 2);
	finding = one_line(3, 2, 6);
	expect(&finding, 4, 1, 2);
	finding = one_line(2, 0, 0);
	expect(&finding, 3, 2, 0);
	/* More wrong than there were adds is each of them wrong. */
	finding = one_line(0, 3, 100);
	expect(&finding, 4, 4, 0);
	finding = one_line(4, 0, 100);
	expect(&finding, 5, 5, 0);
}

static void a_key_is_applied_once(void **state)
{
	static const struct probe_add adds[] = {{1, 1, BENCH_OK},
						{2, 1, BENCH_OK},
						{3, 1, BENCH_UNKNOWN},
						{4, 1, BENCH_UNKNOWN},
						{5, 1, BENCH_OK}};
	struct cart_line lines[] = {{.product_id = {1, "1"}, .quantity = 1},
				    {.product_id = {1, "2"}, .quantity = 2},
				    {.product_id = {1, "3"}, .quantity = 1}};
	struct probe_finding finding = {0};

	(void)state;
	/* Right; twice; perhaps, and so it is; perhaps, and so it is not; not at all. */
	probe_judge_exactly_once(&finding, adds, COUNT(adds), cart_of(lines, 3));
	expect(&finding, 3, 2, 2);
	assert_string_equal(finding.example,
			    "an add of 1 under one key was acknowledged, the cart holds 2");
}

static void a_create_under_a_key_makes_one_cart(void **state)
{
	static const struct probe_add creates[] = {{11, 1, BENCH_OK},	   {12, 1, BENCH_OK},
						   {13, 1, BENCH_OK},	   {14, 1, BENCH_UNKNOWN},
						   {15, 1, BENCH_REFUSED}, {16, 1, BENCH_OK}};
	static const int64_t found[] = {1, 2, 0, 1, 1, -1};
	struct probe_finding finding = {0};

	(void)state;
	/* Right; two; none; perhaps, and so it is; refused and there; the list failed. */
	probe_judge_creates(&finding, creates, COUNT(creates), found);
	expect(&finding, 4, 3, 2);
	assert_string_equal(finding.example,
			    "a create under one key was acknowledged, carts of the customer: 2");
}

static void violations_are_defects_only_of_what_is_promised(void **state)
{
	struct probe_finding finding = {.promised = true, .count = {.trials = 10}};

	(void)state;
	assert_int_equal(probe_verdict_of(&finding), PROBE_CLEAN);
	finding.count.violations = 1;
	assert_int_equal(probe_verdict_of(&finding), PROBE_VIOLATED);
	finding.promised = false;
	assert_int_equal(probe_verdict_of(&finding), PROBE_ALLOWED);
}

static void none_of_n_is_below_one_minus_the_nth_root_of_a_twentieth(void **state)
{
	struct probe_rate none = probe_rate_of(&(struct probe_count){.trials = 3000});
	struct probe_rate some =
		probe_rate_of(&(struct probe_count){.trials = 3000, .violations = 15});
	struct probe_rate no_trial = probe_rate_of(&(struct probe_count){.unknown = 4});

	(void)state;
	assert_true(none.rate == 0 && none.low == 0);
	assert_true(fabs(none.high - (1 - pow(0.05, 1 / 3000.0))) < 1e-12);
	assert_true(fabs(some.rate - 0.005) < 1e-12);
	assert_true(some.low > 0.002 && some.low < 0.005);
	assert_true(some.high > 0.005 && some.high < 0.009);
	assert_true(no_trial.low == 0 && no_trial.high == 1);
}

static void kinds_are_found_by_their_names(void **state)
{
	enum probe_kind found;

	(void)state;
	for (int i = 0; i < PROBE_KINDS; i++) {
		const char *name = probe_kind_names[i];

		assert_true(probe_kind_find(name, &found));
		assert_int_equal(found, i);
	}
	assert_false(probe_kind_find("stalenes", &found));
	assert_false(probe_kind_find("", &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_is_stale_when_it_is_older_than_what_was_acknowledged),
		cmocka_unit_test(old_lines_under_a_new_version_are_old),
		cmocka_unit_test(what_was_not_answered_is_unknown_and_no_trial),
		cmocka_unit_test(a_client_must_read_its_writes),
		cmocka_unit_test(a_write_left_open_binds_nobody),
		cmocka_unit_test(reads_must_not_go_back),
		cmocka_unit_test(writes_must_take_effect_in_their_order),
		cmocka_unit_test(an_acknowledged_add_must_be_there_once),
		cmocka_unit_test(
			one_line_holds_what_was_acknowledged_and_at_most_what_was_left_open),
		cmocka_unit_test(a_key_is_applied_once),
		cmocka_unit_test(a_create_under_a_key_makes_one_cart),
		cmocka_unit_test(violations_are_defects_only_of_what_is_promised),
		cmocka_unit_test(none_of_n_is_below_one_minus_the_nth_root_of_a_twentieth),
		cmocka_unit_test(kinds_are_found_by_their_names),
	};

	return cmocka_run_group_tests_name("probes of consistency", tests, NULL, NULL);
}
