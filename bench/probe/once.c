/*
 * Exactly once: a client sends an add, or now and then a create, under an idempotency key and
 * closes its connection at a random instant, before or after the answer. Then it repeats the
 * request with its key on another connection (through the next target, where there are several)
 * until it has an answer. In the end each product must be in the cart once, and each new customer
 * have one cart.
 *
 * The instants are drawn evenly from 0 to twice the time that an add takes, which is measured
 * before: so some requests never arrive, some are done and their answers lost, some are under way
 * when their repeat arrives, and some are answered and repeated all the same.
 */
#include "bench/probe/judge.h"
#include "bench/probe/run.h"
#include "bench/stats/describe.h"
#include "core/base/clock.h"
#include "core/cart_op.h"

#include <stdio.h>
#include <stdlib.h>

#define ONCE_TRIES    10 /* of the repeat */
#define ONCE_RETRY_NS (20 * CLOCK_NS_PER_MS)
#define ONCE_MEASURED 15 /* adds, for the time that one takes */
#define ONCE_CREATES  4	 /* one of so many trials is a create */
/* Time for first attempts to finish where the service has not noticed that the client has gone. */
#define ONCE_QUIET_MS 100

struct once_run {
	struct probe_rig *rig;
	int64_t span_us; /* the client goes away before this */
	size_t left;	 /* trials to begin */
	size_t keys;
	size_t replays; /* repeats whose first attempt had been applied */
};

struct once_cart {
	struct once_run *run;
	struct cart_id id;
	bool made;
	struct bench_link *first, *second;
	struct bench_op op;
	char key[CART_KEY_MAX + 1];
	struct bench_timer timer; /* the client goes away, or tries again */
	struct probe_add adds[PROBE_LINES_MAX];
	size_t count;
	struct probe_add creates[PROBE_LINES_MAX]; /* the product is the customer */
	size_t create_count;
	struct probe_add *trial; /* under way: one of these */
	int tries;
	int64_t newest;
};

static void once_first_done(struct bench_op *op, void *user);

static void once_begin_add(struct once_cart *cart)
{
	cart->trial = &cart->adds[cart->count++];
	*cart->trial = (struct probe_add){.product_id = (int64_t)cart->count, .quantity = 1};
	cart->op.type = BENCH_ADD;
	cart->op.id = cart->id;
	cart->op.product_id = cart->trial->product_id;
}

static void once_begin_create(struct once_cart *cart)
{
	cart->trial = &cart->creates[cart->create_count++];
	*cart->trial = (struct probe_add){.product_id = cart->run->rig->customers++, .quantity = 1};
	cart->op.type = BENCH_CREATE;
	cart->op.customer_id = cart->trial->product_id;
}

static void once_next(struct once_cart *cart)
{
	struct once_run *run = cart->run;

	if (run->left == 0 || cart->count == PROBE_LINES_MAX || !probe_rig_goes_on(run->rig)) {
		run->rig->running--;
		return;
	}
	run->left--;
	cart->tries = 0;
	if (cart->create_count < PROBE_LINES_MAX &&
	    bench_rng_below(&run->rig->rng, ONCE_CREATES) == 0)
		once_begin_create(cart);
	else
		once_begin_add(cart);
	snprintf(cart->key, sizeof(cart->key), "%s-%zu", run->rig->unique, run->keys++);
	cart->op.done = once_first_done;
	bench_link_submit(cart->first, &cart->op);
	bench_timer_arm(&cart->timer, 1000 * bench_rng_between(&run->rig->rng, 0, run->span_us));
}

/* Whether the operation may still have been applied, so that it has to be repeated. */
static bool once_is_open(const struct bench_op *op)
{
	return op->outcome == BENCH_UNKNOWN || op->status == 0 || op->status >= 500;
}

static void once_repeat_done(struct bench_op *op, void *user)
{
	struct once_cart *cart = user;

	probe_rig_saw(cart->run->rig, op);
	if (op->outcome == BENCH_OK) {
		cart->run->replays += op->replayed && cart->tries == 1;
		cart->trial->outcome = BENCH_OK;
		cart->run->rig->outcomes++;
		if (op->type == BENCH_ADD && op->version > cart->newest)
			cart->newest = op->version;
	} else if (once_is_open(op) && cart->tries < ONCE_TRIES &&
		   probe_rig_goes_on(cart->run->rig)) {
		bench_op_clear(op);
		bench_timer_arm(&cart->timer, ONCE_RETRY_NS);
		return;
	} else {
		/* A final refusal: no attempt may have been applied, as they are one request. */
		cart->trial->outcome = once_is_open(op) ? BENCH_UNKNOWN : BENCH_REFUSED;
	}
	bench_op_clear(op);
	once_next(cart);
}

static void once_repeat(struct once_cart *cart)
{
	cart->tries++;
	cart->op.done = once_repeat_done;
	bench_link_submit(cart->second, &cart->op);
}

static void once_first_done(struct bench_op *op, void *user)
{
	struct once_cart *cart = user;

	bench_timer_stop(&cart->timer);
	/* The answer is ignored even if it came in time: the client counts it as lost. */
	bench_op_clear(op);
	once_repeat(cart);
}

static void once_timer(void *user)
{
	struct once_cart *cart = user;

	if (cart->tries == 0)
		bench_link_abandon(cart->first);
	else
		once_repeat(cart);
}

/* Twice the median time of some adds, but at least the resolution of a timer. */
static int64_t once_span_us(struct once_run *run, struct once_cart *cart)
{
	struct bench_op op = {.type = BENCH_ADD, .quantity = 1};
	double times[ONCE_MEASURED];
	size_t count = 0;

	if (!probe_rig_cart(run->rig, cart->first, &op.id, NULL))
		return 0;
	for (size_t i = 0; i < ONCE_MEASURED && probe_rig_goes_on(run->rig); i++) {
		op.product_id = (int64_t)i + 1;
		if (probe_rig_do(run->rig, cart->first, &op))
			times[count++] = (double)(op.done_ns - op.sent_ns);
		bench_op_clear(&op);
	}
	return count == 0 ? 0 : 2 * (int64_t)stats_median(times, count) / 1000 + 50;
}

static void once_open(struct once_cart *cart, struct once_run *run, size_t at)
{
	cart->run = run;
	cart->first = probe_rig_link(run->rig, at);
	cart->second = probe_rig_link(run->rig, at + 1);
	bench_timer_init(&cart->timer, run->rig->base, once_timer, cart);
	cart->made = probe_rig_cart(run->rig, cart->first, &cart->id, NULL);
	cart->op = (struct bench_op){.quantity = 1, .key = cart->key, .user = cart};
}

/* Counts the carts of a create's customer; an index may be late. -1: unknown. */
static int64_t once_carts_of(struct once_cart *cart, const struct probe_add *create)
{
	struct probe_rig *rig = cart->run->rig;
	struct bench_op op = {.type = BENCH_LIST, .customer_id = create->product_id};
	int64_t wanted = create->outcome == BENCH_OK, found = -1;

	for (size_t i = 0; i < rig->plan->settle && found < wanted && probe_rig_is_alive(rig);
	     i++) {
		probe_rig_pause(rig, (int64_t)i);
		if (probe_rig_do(rig, cart->second, &op))
			found = (int64_t)op.cart_count;
		bench_op_clear(&op);
	}
	return found;
}

static void once_judge(struct once_cart *cart, struct probe_finding *finding)
{
	int64_t found[PROBE_LINES_MAX];
	struct cart last;
	bool settled;

	for (size_t i = 0; i < cart->create_count; i++)
		found[i] = once_carts_of(cart, &cart->creates[i]);
	probe_judge_creates(finding, cart->creates, cart->create_count, found);
	if (cart->count == 0)
		return;
	settled = probe_rig_settled(cart->run->rig, cart->second, &cart->id, cart->newest, &last);
	probe_judge_exactly_once(finding, cart->adds, cart->count, settled ? &last : NULL);
	cart_clear(&last);
}

/* Works on plan->carts carts at once, each with at most PROBE_LINES_MAX trials. */
static void once_round(struct once_run *run, struct probe_finding *finding)
{
	size_t count = run->rig->plan->carts;
	struct once_cart *carts = bench_alloc(count, sizeof(*carts));

	for (size_t i = 0; i < count; i++)
		once_open(&carts[i], run, i);
	if (run->span_us == 0)
		run->span_us = once_span_us(run, &carts[0]);
	for (size_t i = 0; i < count; i++) {
		if (!carts[i].made || !probe_rig_goes_on(run->rig))
			continue;
		run->rig->running++;
		once_next(&carts[i]);
	}
	probe_rig_run(run->rig);
	probe_rig_pause(run->rig, ONCE_QUIET_MS);
	for (size_t i = 0; i < count; i++) {
		once_judge(&carts[i], finding);
		bench_link_close(&carts[i].first);
		bench_link_close(&carts[i].second);
	}
	free(carts);
}

void probe_once_run(struct probe_rig *rig, struct probe_report *report)
{
	struct once_run run = {.rig = rig, .left = rig->plan->repeats};
	struct probe_finding *finding;
	size_t before;

	if (!rig->plan->kinds[PROBE_EXACTLY_ONCE])
		return;
	finding = probe_report_add(report, PROBE_EXACTLY_ONCE, PROBE_STRONG, true);
	do {
		before = run.left;
		once_round(&run, finding);
	} while (run.left > 0 && run.left < before && probe_rig_goes_on(rig));
	finding->exercised = run.replays;
}
