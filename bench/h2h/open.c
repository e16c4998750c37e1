#include "bench/h2h/open.h"

#include "bench/cli/interrupt.h"
#include "bench/load/load.h"
#include "bench/load/sweep.h"
#include "bench/result/number.h"
#include "bench/stats/alloc.h"
#include "core/base/clock.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_CARTS	  100
#define OPEN_PRODUCTS	  10
#define OPEN_CLIENTS	  1000 /* that may wait for answers */
#define OPEN_WARMUP_MS	  200
#define OPEN_POINT_MS	  300 /* of the way to the knee */
#define OPEN_KNEE_CLIENTS 64

/* A load on each side, at the same time. */
struct open_load {
	struct load_config config;
	struct load_result result;
	struct workload workload;
	struct cart_error error;
	int failed;
};

static void *open_load_run(void *user)
{
	struct open_load *load = user;

	load->failed = load_run(&load->result, &load->config, &load->error);
	return NULL;
}

/* The results are the caller's to free, also when it fails. */
static int open_run_both(struct open_load loads[H2H_SIDES], struct cart_error *error)
{
	pthread_t other;

	if (pthread_create(&other, NULL, open_load_run, &loads[1]) != 0)
		return cart_error_set(error, "cannot make a thread");
	open_load_run(&loads[0]);
	pthread_join(other, NULL);
	for (int side = 0; side < H2H_SIDES; side++) {
		if (loads[side].failed == 0)
			continue;
		*error = loads[side].error;
		return -1;
	}
	return 0;
}

static void open_free_results(struct open_load loads[H2H_SIDES])
{
	for (int side = 0; side < H2H_SIDES; side++)
		load_result_free(&loads[side].result);
}

static int open_prepare(struct open_load *load, struct bench_drive *drive,
			const struct h2h_open_config *config, struct bench_progress *progress,
			struct cart_error *error)
{
	const struct workload_config asked = {
		.seed = config->seed,
		.read = config->read,
		.weights = {[BENCH_CREATE] = 1, [BENCH_ADD] = 1, [BENCH_GET] = 1},
		.carts = OPEN_CARTS,
		.products = OPEN_PRODUCTS};

	workload_init(&load->workload, &asked);
	load->config = (struct load_config){.drive = drive,
					    .workload = &load->workload,
					    .threads = 1,
					    .clients = OPEN_CLIENTS,
					    .poisson = true,
					    .warmup_ms = OPEN_WARMUP_MS,
					    .doing = "open loop: "};
	return load_prepare(&load->workload, drive, progress, error);
}

/* Of the slower side, with as many clients on both. */
static void open_take_point(struct sweep_point *point, size_t clients,
			    const struct open_load loads[H2H_SIDES])
{
	*point = (struct sweep_point){.at = (double)clients, .throughput = INFINITY, .valid = true};
	for (int side = 0; side < H2H_SIDES; side++) {
		struct bench_hdr *times = load_result_times(&loads[side].result);

		point->throughput = fmin(point->throughput, loads[side].result.throughput);
		point->p50_ms = fmax(point->p50_ms, (double)bench_hdr_quantile(times, 0.5) / 1e6);
		bench_hdr_free(&times);
	}
}

/* Finds half of the slower side's knee; without a knee, of the most that was seen. */
static int open_find_rate(struct h2h_open *open, struct open_load loads[H2H_SIDES],
			  struct ledger *const ledgers[H2H_SIDES], struct cart_error *error)
{
	struct sweep_point points[SWEEP_POINTS_MAX];
	size_t count = 0;
	double most = 0;
	int knee;

	for (size_t clients = 1;
	     clients <= OPEN_KNEE_CLIENTS && !bench_interrupted() && !sweep_is_over(points, count);
	     clients *= 2) {
		int failed;

		for (int side = 0; side < H2H_SIDES; side++) {
			loads[side].config.clients = clients;
			loads[side].config.duration_ms = OPEN_POINT_MS;
		}
		failed = open_run_both(loads, error);
		if (failed == 0)
			open_take_point(&points[count++], clients, loads);
		for (int side = 0; side < H2H_SIDES && failed == 0; side++)
			ledger_merge(ledgers[side], loads[side].result.ledger);
		open_free_results(loads);
		if (failed != 0)
			return -1;
		most = fmax(most, points[count - 1].throughput);
	}
	knee = sweep_knee(points, count);
	open->rate = fmin((knee >= 0 ? points[knee].throughput : most) / 2, H2H_OPEN_RATE_MAX);
	return 0;
}

static void open_note(void *user, int64_t intended_ns, const struct bench_op *op)
{
	struct h2h_open_side *side = user;

	if (side->first_ns == 0 || intended_ns < side->first_ns)
		side->first_ns = intended_ns;
	if (op->outcome != BENCH_OK)
		return;
	side->answers = bench_grow(side->answers, side->count, sizeof(*side->answers));
	side->answers[side->count++] = (struct h2h_open_answer){
		intended_ns, op->done_ns - intended_ns, op->sent_ns - intended_ns};
}

static void open_take(struct h2h_open *open, int side, const struct load_result *result)
{
	open->sides[side].gap_ns = result->gap_ns;
	tally_init(&open->sides[side].tally, true);
	for (int type = 0; type < BENCH_OP_TYPES; type++)
		if (result->operations[type].service != NULL)
			tally_merge(&open->sides[side].tally, &result->operations[type]);
}

static int open_measure(struct h2h_open *open, struct open_load loads[H2H_SIDES],
			struct ledger *const ledgers[H2H_SIDES], struct cart_error *error)
{
	struct busy_clock began;
	int failed;

	for (int side = 0; side < H2H_SIDES; side++) {
		struct load_config *config = &loads[side].config;

		config->rate = open->rate;
		config->clients = OPEN_CLIENTS;
		config->duration_ms = open->duration_ms;
		config->note = open_note;
		config->note_user = &open->sides[side];
	}
	busy_begin(&open->busy, &began);
	failed = open_run_both(loads, error);
	busy_end(&open->busy, &began);
	busy_add_load(&open->busy, &loads[0].result.busy); /* both at the same time */
	for (int side = 0; side < H2H_SIDES && failed == 0; side++) {
		const struct load_result *result = &loads[side].result;
		char why[200];

		open->made = true;
		open_take(open, side, result);
		ledger_merge(ledgers[side], result->ledger);
		/* Lateness because all wait for the side is the side's. */
		if (result->waited == 0 && result->unsent == 0 && open->why[0] == '\0' &&
		    load_result_is_limited(result, &loads[side].config, why, sizeof(why)))
			snprintf(open->why, sizeof(open->why), "%s", why);
	}
	open_free_results(loads);
	return failed;
}

int h2h_open_run(struct h2h_open *open, const struct h2h_open_config *config,
		 struct bench_drive *const drives[H2H_SIDES],
		 struct ledger *const ledgers[H2H_SIDES], struct bench_progress *progress,
		 struct cart_error *error)
{
	struct open_load loads[H2H_SIDES] = {0};
	int failed = 0;

	open->rate = config->rate;
	open->duration_ms = config->duration_ms;
	for (int side = 0; side < H2H_SIDES && failed == 0; side++) {
		failed = open_prepare(&loads[side], drives[side], config, progress, error);
		ledger_merge(ledgers[side], loads[side].workload.ledger);
	}
	loads[0].config.progress = progress;
	if (failed == 0 && open->rate == 0)
		failed = open_find_rate(open, loads, ledgers, error);
	if (failed == 0 && open->rate > 0 && !bench_interrupted())
		failed = open_measure(open, loads, ledgers, error);
	for (int side = 0; side < H2H_SIDES; side++)
		workload_free(&loads[side].workload);
	return failed;
}

void h2h_open_free(struct h2h_open *open)
{
	for (int side = 0; side < H2H_SIDES; side++) {
		tally_free(&open->sides[side].tally);
		free(open->sides[side].answers);
	}
	*open = (struct h2h_open){0};
}

static bool open_is_still(int64_t ns, int64_t other_ns)
{
	return ns >= H2H_OPEN_GAP_NS && ns >= H2H_OPEN_GAP_TIMES * other_ns;
}

/* Which requests wait, of the whole loop. */
static const struct open_wait {
	double quantile;
	const char *share;
} open_waits[] = {{0.99, "1 in 100"}, {0.999, "1 in 1,000"}};
#define OPEN_WAITS (sizeof(open_waits) / sizeof(*open_waits))

/* NULL: too few answers support one, or the side's requests did not wait like that. How late
 * cartbench was is counted against the other side only. */
static const struct open_wait *open_waited(const struct h2h_open *open, int side, int64_t *ns,
					   int64_t *other_ns)
{
	const struct bench_hdr *of = open->sides[side].tally.service;
	const struct bench_hdr *other = open->sides[1 - side].tally.response;

	for (size_t i = 0; i < OPEN_WAITS; i++) {
		double quantile = open_waits[i].quantile;

		*ns = bench_hdr_quantile(of, quantile);
		*other_ns = bench_hdr_quantile(other, quantile);
		if (bench_hdr_quantile_holds(of, quantile) &&
		    bench_hdr_quantile_holds(other, quantile) && open_is_still(*ns, *other_ns))
			return &open_waits[i];
	}
	return NULL;
}

static bool open_has_gap(const struct h2h_open *open, int side)
{
	return open_is_still(open->sides[side].gap_ns, open->sides[1 - side].gap_ns);
}

int h2h_open_stalled(const struct h2h_open *open)
{
	int64_t ns, other_ns;
	int stalled = -1;

	for (int side = 0; side < H2H_SIDES && open->made; side++)
		if (open_has_gap(open, side) || open_waited(open, side, &ns, &other_ns) != NULL)
			stalled = stalled < 0 ? side : H2H_SIDES;
	return stalled;
}

void h2h_open_explain(const struct h2h_open *open, int side, const char *const names[H2H_SIDES],
		      char *why, size_t room)
{
	int64_t ns, other_ns;
	const struct open_wait *wait;
	char own[NUMBER_TEXT], other[NUMBER_TEXT];

	if (side == H2H_SIDES) {
		snprintf(why, room, "%s and %s both stood still", names[0], names[1]);
		return;
	}
	wait = open_waited(open, side, &ns, &other_ns);
	if (open_has_gap(open, side))
		snprintf(why, room, "%s stood still for %s, %s for %s", names[side],
			 number_ms((double)open->sides[side].gap_ns, own), names[1 - side],
			 number_ms((double)open->sides[1 - side].gap_ns, other));
	else if (wait != NULL)
		snprintf(why, room,
			 "%s stood still: %s requests waited for more than %s, of %s for %s",
			 names[side], wait->share, number_ms((double)ns, own), names[1 - side],
			 number_ms((double)other_ns, other));
}
