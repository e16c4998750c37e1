/*
 * The four tests of the seed, with its counts: 20 times write and read, 10 reads in a row, 10 times
 * write, read and write, one update read until it shows. With so few trials they say little (20 of
 * 20 is compatible with 14 % of stale reads); they are here to be compared with the seed's. Reads
 * are the default ones, as the seed's were, on another connection than the writes.
 */
#include "bench/probe/run.h"

#include "core/base/clock.h"

#define SEED_WRITE_THEN_READ 20
#define SEED_READS	     10
#define SEED_WRITE_READ	     10
#define SEED_POLL_MS	     5000 /* for the update to show */

struct seed_run {
	struct probe_rig *rig;
	struct bench_link *writer, *reader;
	struct cart_id id;
	int64_t product; /* of the last write: each has its own quantity of one product a test */
};

const char *const probe_seed_test_names[PROBE_SEED_TESTS] = {"write_then_read", "reads_in_a_row",
							     "write_read_write", "update_polled"};

/* Sets the line. Returns the version acknowledged; -1: it was not. */
static int64_t seed_write(struct seed_run *run, int64_t quantity)
{
	struct bench_op op = {
		.type = BENCH_SET, .id = run->id, .product_id = run->product, .quantity = quantity};
	bool done = probe_rig_do(run->rig, run->writer, &op);
	int64_t version = op.version;

	bench_op_clear(&op);
	return done ? version : -1;
}

/* The line's quantity as it is read; 0: none; -1: no answer. */
static int64_t seed_read(struct seed_run *run)
{
	struct bench_op op = {.type = BENCH_GET, .id = run->id, .want_cart = true};
	const struct shop_id product = shop_id_of_number(run->product);
	const struct cart_line *line;
	int64_t quantity = -1;

	if (probe_rig_do(run->rig, run->reader, &op)) {
		line = cart_find_line(&op.cart, &product);
		quantity = line != NULL ? line->quantity : 0;
	} else if (op.status == 404) {
		quantity = 0;
	}
	bench_op_clear(&op);
	return quantity;
}

/* consistent: of a trial both of whose operations were answered. */
static void seed_count(struct probe_seed_result *result, bool answered, bool consistent)
{
	if (answered) {
		result->trials++;
		result->consistent += consistent;
	} else {
		result->unknown++;
	}
}

static void seed_write_then_read(struct seed_run *run, struct probe_seed_result *result)
{
	for (int64_t i = 1; i <= SEED_WRITE_THEN_READ && probe_rig_goes_on(run->rig); i++) {
		int64_t written = seed_write(run, i), read = seed_read(run);

		seed_count(result, written > 0 && read >= 0, read == i);
	}
}

static void seed_reads_in_a_row(struct seed_run *run, struct probe_seed_result *result)
{
	int64_t written = seed_write(run, 7);

	for (int i = 0; i < SEED_READS && probe_rig_goes_on(run->rig); i++) {
		int64_t read = seed_read(run);

		seed_count(result, written > 0 && read >= 0, read == 7);
	}
}

static void seed_write_read_write(struct seed_run *run, struct probe_seed_result *result)
{
	for (int64_t i = 1; i <= 2 * SEED_WRITE_READ && probe_rig_goes_on(run->rig); i += 2) {
		int64_t first = seed_write(run, i), between = seed_read(run),
			second = seed_write(run, i + 1), last = seed_read(run);

		seed_count(result, first > 0 && between >= 0 && second > 0 && last >= 0,
			   between == i && last == i + 1);
	}
}

static void seed_update_polled(struct seed_run *run, struct probe_seed_result *result)
{
	int64_t begun_ns, now_ns, read;

	result->visible_ms = -1;
	if (seed_write(run, 3) <= 0) {
		result->unknown = 1;
		return;
	}
	begun_ns = clock_monotonic_ns(&cart_clock_system);
	do {
		read = seed_read(run);
		now_ns = clock_monotonic_ns(&cart_clock_system);
	} while (read != 3 && probe_rig_goes_on(run->rig) &&
		 now_ns - begun_ns < SEED_POLL_MS * CLOCK_NS_PER_MS);
	seed_count(result, read >= 0, read == 3);
	if (read == 3)
		result->visible_ms = (double)(now_ns - begun_ns) / (double)CLOCK_NS_PER_MS;
}

void probe_seed_run(struct probe_rig *rig, struct probe_report *report)
{
	static void (*const tests[PROBE_SEED_TESTS])(struct seed_run * run,
						     struct probe_seed_result * result) = {
		seed_write_then_read, seed_reads_in_a_row, seed_write_read_write,
		seed_update_polled};
	struct seed_run run = {.rig = rig};

	if (!rig->plan->seed_tests)
		return;
	run.writer = probe_rig_link(rig, 0);
	run.reader = probe_rig_link(rig, 1);
	if (probe_rig_cart(rig, run.writer, &run.id, NULL))
		for (int test = 0; test < PROBE_SEED_TESTS; test++) {
			run.product = test + 1;
			tests[test](&run, &report->seed[test]);
		}
	bench_link_close(&run.writer);
	bench_link_close(&run.reader);
}
