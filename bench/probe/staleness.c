/*
 * Staleness: writes a version, and reads the cart some time after that was acknowledged, on other
 * connections (and, where there are several, through other targets).
 *
 * For each cart: write; wait for the delay; read with each kind of read at once, in random order,
 * so that none always comes after another that may have warmed a cache. The list of delays is
 * shuffled, so that a drift over the run does not look like an effect of the delay. Several carts
 * are worked on at once. If the write is not acknowledged or a read not answered, the outcome is
 * unknown.
 */
#include "bench/probe/judge.h"
#include "bench/probe/run.h"
#include "core/base/clock.h"

#include <stdlib.h>

#define STALENESS_PRODUCT 1

struct staleness_run {
	struct probe_rig *rig;
	uint8_t *order; /* of the trials: each one's delay */
	size_t order_count;
	size_t next;
	struct probe_look *looks; /* PROBE_READS a trial */
	bool reads[PROBE_READS];  /* which are wanted */
};

/* A cart, its writer, and its readers. */
struct staleness_cart {
	struct staleness_run *run;
	struct cart_id id;
	int64_t customer;
	int64_t added; /* acknowledged */
	struct bench_link *writer;
	struct bench_link *readers[PROBE_READS];
	struct bench_op write;
	struct bench_op reads[PROBE_READS];
	struct bench_timer delay;
	struct probe_look *looks; /* of the trial under way */
	size_t waiting;		  /* reads without an answer yet */
};

static void staleness_next(struct staleness_cart *cart)
{
	struct staleness_run *run = cart->run;

	if (run->next == run->order_count || !probe_rig_goes_on(run->rig)) {
		run->rig->running--;
		return;
	}
	cart->looks = &run->looks[run->next * PROBE_READS];
	for (int read = 0; read < PROBE_READS; read++)
		cart->looks[read] = (struct probe_look){
			.delay = run->order[run->next], .read = (enum probe_read)read, .seen = -1};
	run->next++;
	bench_link_submit(cart->writer, &cart->write);
}

/* What a read found; version 0: no such cart. */
static void staleness_take(struct probe_look *look, const struct staleness_cart *cart,
			   const struct bench_op *op)
{
	const struct shop_id product = shop_id_of_number(STALENESS_PRODUCT);
	const struct cart *found =
		op->type == BENCH_GET && op->outcome == BENCH_OK ? &op->cart : NULL;
	const struct cart_line *line;

	for (size_t i = 0; i < op->cart_count && op->outcome == BENCH_OK; i++)
		if (cart_id_compare(&op->carts[i].id, &cart->id) == 0)
			found = &op->carts[i];
	look->seen = op->outcome == BENCH_OK || op->status == 404 ? 0 : -1;
	if (found == NULL)
		return;
	line = cart_find_line(found, &product);
	look->seen = op->type == BENCH_LIST ? found->version : op->version > 0 ? op->version : -1;
	look->held = line != NULL ? line->quantity : 0;
}

static void staleness_read_done(struct bench_op *op, void *user)
{
	struct staleness_cart *cart = user;

	probe_rig_saw(cart->run->rig, op);
	staleness_take(&cart->looks[op - cart->reads], cart, op);
	cart->run->rig->outcomes += op->outcome == BENCH_OK && cart->waiting == 1;
	bench_op_clear(op);
	if (--cart->waiting == 0)
		staleness_next(cart);
}

static void staleness_look(void *user)
{
	struct staleness_cart *cart = user;
	int order[PROBE_READS];

	for (int read = 0; read < PROBE_READS; read++) {
		order[read] = read;
		cart->waiting += cart->run->reads[read];
	}
	bench_rng_shuffle(&cart->run->rig->rng, order, PROBE_READS, sizeof(*order));
	for (int i = 0; i < PROBE_READS; i++)
		if (cart->run->reads[order[i]])
			bench_link_submit(cart->readers[order[i]], &cart->reads[order[i]]);
}

static void staleness_written(struct bench_op *op, void *user)
{
	struct staleness_cart *cart = user;
	const struct probe_plan *plan = cart->run->rig->plan;
	bool acknowledged = op->outcome == BENCH_OK && op->version > 0;
	int64_t due_ns;

	probe_rig_saw(cart->run->rig, op);
	cart->added += acknowledged;
	for (int read = 0; acknowledged && read < PROBE_READS; read++) {
		cart->looks[read].written = op->version;
		cart->looks[read].added = cart->added;
	}
	due_ns = op->done_ns + plan->delays_ms[cart->looks[0].delay] * CLOCK_NS_PER_MS;
	bench_op_clear(op);
	if (acknowledged)
		bench_timer_arm(&cart->delay, due_ns - clock_monotonic_ns(&cart_clock_system));
	else
		staleness_next(cart);
}

/* Readers go through the other targets, where there are some. */
static void staleness_open(struct staleness_cart *cart, struct staleness_run *run, size_t at)
{
	size_t others = run->rig->target_count > 1 ? run->rig->target_count - 1 : 1;

	cart->run = run;
	cart->writer = probe_rig_link(run->rig, at);
	bench_timer_init(&cart->delay, run->rig->base, staleness_look, cart);
	for (size_t read = 0; read < PROBE_READS; read++)
		cart->readers[read] = probe_rig_link(run->rig, at + 1 + (at + read) % others);
}

static bool staleness_start(struct staleness_cart *cart)
{
	static const enum bench_read reads[PROBE_READS] = {
		[PROBE_STRONG] = BENCH_READ_STRONG, [PROBE_EVENTUAL] = BENCH_READ_EVENTUAL};

	if (!probe_rig_cart(cart->run->rig, cart->writer, &cart->id, &cart->customer))
		return false;
	cart->write = (struct bench_op){.type = BENCH_ADD,
					.id = cart->id,
					.product_id = STALENESS_PRODUCT,
					.quantity = 1,
					.done = staleness_written,
					.user = cart};
	for (int read = 0; read < PROBE_READS; read++)
		cart->reads[read] =
			(struct bench_op){.type = read == PROBE_INDEX ? BENCH_LIST : BENCH_GET,
					  .id = cart->id,
					  .customer_id = cart->customer,
					  .read = reads[read],
					  .want_cart = true,
					  .done = staleness_read_done,
					  .user = cart};
	return true;
}

static void staleness_close(struct staleness_cart *cart)
{
	bench_link_close(&cart->writer);
	for (int read = 0; read < PROBE_READS; read++)
		bench_link_close(&cart->readers[read]);
}

static void staleness_make_order(struct staleness_run *run)
{
	const struct probe_plan *plan = run->rig->plan;

	run->order_count = plan->trials * plan->delay_count;
	run->order = bench_alloc(run->order_count, sizeof(*run->order));
	for (size_t i = 0; i < run->order_count; i++)
		run->order[i] = (uint8_t)(i % plan->delay_count);
	bench_rng_shuffle(&run->rig->rng, run->order, run->order_count, sizeof(*run->order));
	run->looks = bench_alloc(run->order_count * PROBE_READS, sizeof(*run->looks));
}

static void staleness_report(const struct staleness_run *run, struct probe_report *report)
{
	const struct probe_plan *plan = run->rig->plan;

	for (int read = 0; read < PROBE_READS; read++) {
		struct probe_finding *finding;

		if (!run->reads[read])
			continue;
		finding = probe_report_add(
			report, read == PROBE_INDEX ? PROBE_CUSTOMER_INDEX : PROBE_STALENESS,
			(enum probe_read)read, plan->promised[read]);
		finding->delay_count = plan->delay_count;
		for (size_t i = 0; i < plan->delay_count; i++)
			finding->delays[i].delay_ms = plan->delays_ms[i];
		/* Trials that were not reached, on Ctrl-C, are no trials. */
		probe_judge_staleness(finding, run->looks, run->next * PROBE_READS);
	}
}

void probe_staleness_run(struct probe_rig *rig, struct probe_report *report)
{
	const struct probe_plan *plan = rig->plan;
	struct staleness_run run = {.rig = rig};
	struct staleness_cart *carts;

	run.reads[PROBE_STRONG] = run.reads[PROBE_EVENTUAL] = plan->kinds[PROBE_STALENESS];
	run.reads[PROBE_INDEX] = plan->kinds[PROBE_CUSTOMER_INDEX];
	if (!run.reads[PROBE_STRONG] && !run.reads[PROBE_INDEX])
		return;
	staleness_make_order(&run);
	carts = bench_alloc(plan->carts, sizeof(*carts));
	for (size_t i = 0; i < plan->carts; i++)
		staleness_open(&carts[i], &run, i);
	for (size_t i = 0; i < plan->carts && probe_rig_goes_on(rig); i++)
		if (!staleness_start(&carts[i]))
			carts[i].run = NULL;
	for (size_t i = 0; i < plan->carts && probe_rig_goes_on(rig); i++) {
		if (carts[i].run == NULL)
			continue;
		rig->running++;
		staleness_next(&carts[i]);
	}
	probe_rig_run(rig);
	for (size_t i = 0; i < plan->carts; i++)
		staleness_close(&carts[i]);
	staleness_report(&run, report);
	free(carts);
	free(run.order);
	free(run.looks);
}
