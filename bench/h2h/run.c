/*
 * The pairs, on one event loop.
 *
 * Before each block: a client that would begin it waits until all others are there. They rest, the
 * first client asks one side alone, they rest, it asks the other; then all go on.
 *
 * The happy path: each client takes the next cycle, submits the pair's first operation, in its
 * done() the second, and in that one's done() records both and goes on to the next pair.
 *
 * When something fails: an operation without success is counted, and its pair's times are not. A
 * cart that was not made on both sides is not used. When a side has not succeeded for a while the
 * run ends with what there is. An operation under way is waited for, whatever ends the run: its
 * timeout bounds that.
 */
#include "bench/h2h/h2h.h"
#include "bench/h2h/history.h"
#include "bench/h2h/show.h"
#include "bench/cli/interrupt.h"
#include "bench/stats/alloc.h"
#include "bench/target/base.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define H2H_PRODUCTS 20 /* a cart's lines stay few, however often it is chosen */
#define H2H_TICK_NS  (100 * CLOCK_NS_PER_MS)
/* At most so many carts of the warm-up are kept for adds and gets, however long it is. */
#define H2H_WARM_CARTS 10000

struct h2h_client;

/* The state of a run, shared by all clients. */
struct h2h_runner {
	struct h2h *h2h;
	struct event_base *base;
	struct bench_timer tick;
	struct bench_drive_loop *loops[H2H_SIDES];
	struct h2h_client *clients;
	size_t running;
	size_t resting;	    /* of these, in front of a block */
	int64_t rested;	    /* the cycle before which they have rested; -1: none */
	int alone;	    /* the side that is asked alone, or will be after this rest */
	int64_t alone_left; /* operations */
	struct bench_timer rest;
	struct busy_clock rest_began, began;
	int64_t warm_until_ns; /* 0: no cycle has begun */
	int64_t next;	       /* cycle of a block */
	struct ledger *ledgers[H2H_SIDES];
	struct history *histories[H2H_SIDES];
	struct cart_id *carts[H2H_SIDES]; /* those that both sides have, in the same order */
	size_t cart_count;
	struct {
		int pairs; /* in a row without a success */
		int64_t since_ns;
	} failing[H2H_SIDES];
	bool over; /* no further cycle begins */
	struct bench_progress *progress;
	const char *doing;
};

struct h2h_client {
	struct h2h_runner *runner;
	struct bench_link *links[H2H_SIDES];
	struct bench_op ops[H2H_SIDES];
	struct bench_rng rng;
	int64_t cycle; /* -1: of the warm-up */
	enum h2h_operation operation;
	size_t cart;		   /* of this pair, if it is no create */
	int64_t before[H2H_SIDES]; /* the newest version of it when the side was asked */
	int first;		   /* the side that goes first in this pair */
	int waiting_for;
	int64_t customer; /* of its next cart */
	bool rests;
};

static void h2h_next_cycle(struct h2h_client *client);

static void h2h_note_second(struct h2h *h2h, int side, const struct bench_op *op)
{
	int64_t at = (op->done_ns - h2h->began_ns) / CLOCK_NS_PER_S;
	struct bench_hdr **service;

	if (at < 0 || at >= H2H_SECONDS_MAX)
		return;
	service = &h2h->seconds[at].service[side];
	if (*service == NULL)
		*service = bench_hdr_new(BENCH_HDR_HOUR_NS);
	bench_hdr_record(*service, op->done_ns - op->sent_ns);
}

/* Records a pair after both sides have answered. */
static void h2h_note_pair(struct h2h_client *client)
{
	struct h2h *h2h = client->runner->h2h;
	struct h2h_cell *cell = &h2h->cells[client->operation];
	bool counts = client->ops[0].outcome == BENCH_OK && client->ops[1].outcome == BENCH_OK;

	if (client->cycle < 0)
		return;
	for (int side = 0; side < H2H_SIDES; side++) {
		const struct bench_op *op = &client->ops[side];

		tally_record(&cell->arms[side], op, 0);
		if (!counts)
			continue;
		cell->first[client->cycle] = (unsigned char)client->first;
		/* At least 1, so that 0 can mean that there is none. */
		cell->ns[side][client->cycle] =
			op->done_ns > op->sent_ns ? op->done_ns - op->sent_ns : 1;
		h2h_note_second(h2h, side, op);
	}
}

static bool h2h_is_gone(struct h2h_runner *runner, int side, const struct bench_op *op)
{
	if (op->outcome == BENCH_OK) {
		runner->failing[side].pairs = 0;
		return false;
	}
	if (runner->failing[side].pairs++ == 0)
		runner->failing[side].since_ns = op->sent_ns;
	return runner->failing[side].pairs >= H2H_GONE_PAIRS ||
	       op->done_ns - runner->failing[side].since_ns >= H2H_GONE_S * CLOCK_NS_PER_S;
}

/* Ends the run when a side is gone, so that the user need not wait for every remaining timeout. */
static void h2h_watch_failing(struct h2h_client *client)
{
	struct h2h_runner *runner = client->runner;
	struct h2h *h2h = runner->h2h;

	for (int side = 0; side < H2H_SIDES; side++) {
		const struct bench_op *op = &client->ops[side];

		if (!h2h_is_gone(runner, side, op) || h2h->gone >= 0)
			continue;
		h2h->gone = side;
		snprintf(h2h->gone_error, sizeof(h2h->gone_error), "%s", op->error);
		runner->over = true;
	}
}

static void h2h_keep_cart(struct h2h_client *client)
{
	struct h2h_runner *runner = client->runner;

	if (client->ops[0].outcome != BENCH_OK || client->ops[1].outcome != BENCH_OK ||
	    (client->cycle < 0 && runner->cart_count >= H2H_WARM_CARTS))
		return;
	for (int side = 0; side < H2H_SIDES; side++)
		runner->carts[side][runner->cart_count] = client->ops[side].id;
	runner->cart_count++;
}

static void h2h_submit(struct h2h_client *client, int side)
{
	client->waiting_for = side;
	if (client->operation != H2H_CREATE)
		client->before[side] =
			history_version(client->runner->histories[side], client->cart);
	bench_link_submit(client->links[side], &client->ops[side]);
}

/* Prepares the same request for both sides. False: there is no cart for it yet. */
static bool h2h_prepare(struct h2h_client *client)
{
	struct h2h_runner *runner = client->runner;
	struct bench_op op = {.type = h2h_op_type(client->operation),
			      .read = runner->h2h->config.read,
			      .want_cart = client->operation == H2H_GET};

	if (client->operation == H2H_CREATE) {
		op.customer_id = client->customer++;
	} else if (runner->cart_count == 0) {
		return false;
	} else {
		client->cart = (size_t)bench_rng_below(&client->rng, runner->cart_count);
	}
	if (client->operation == H2H_ADD) {
		op.product_id = bench_rng_between(&client->rng, 1, H2H_PRODUCTS);
		op.quantity = bench_rng_between(&client->rng, 1, 5);
	}
	for (int side = 0; side < H2H_SIDES; side++) {
		op.done = client->ops[side].done;
		op.user = client;
		if (client->operation != H2H_CREATE)
			op.id = runner->carts[side][client->cart];
		client->ops[side] = op;
	}
	client->first = (int)bench_rng_below(&client->rng, H2H_SIDES);
	return true;
}

static void h2h_end_cycle(struct h2h_client *client)
{
	struct h2h *h2h = client->runner->h2h;

	if (client->cycle >= 0)
		h2h->block_cycles[client->cycle / h2h->config.pairs]++;
	h2h_next_cycle(client);
}

static void h2h_next_pair(struct h2h_client *client)
{
	while (++client->operation < H2H_OPERATIONS) {
		if (h2h_prepare(client)) {
			h2h_submit(client, client->first);
			return;
		}
	}
	h2h_end_cycle(client);
}

/* Waits in a busy loop: a timer would be late by more than the time that is to be added. */
static void h2h_slow(struct bench_op *op, double share)
{
	int64_t until_ns = op->done_ns + (int64_t)((double)(op->done_ns - op->sent_ns) * share);

	while ((op->done_ns = clock_monotonic_ns(&cart_clock_system)) < until_ns)
		;
}

static void h2h_rest(struct h2h_runner *runner)
{
	runner->rest_began = busy_now();
	bench_timer_arm(&runner->rest, H2H_REST_MS * CLOCK_NS_PER_MS);
}

static void h2h_resume(struct h2h_runner *runner)
{
	runner->resting = 0;
	for (int64_t i = 0; i < runner->h2h->config.clients; i++) {
		struct h2h_client *client = &runner->clients[i];

		if (client->rests) {
			client->rests = false;
			h2h_next_cycle(client);
		}
	}
}

static void h2h_ask_alone(struct h2h_client *client)
{
	struct h2h_runner *runner = client->runner;

	client->operation = H2H_GET;
	if (runner->over || !h2h_prepare(client)) {
		runner->alone_left = 0;
		h2h_resume(runner);
		return;
	}
	h2h_submit(client, runner->alone);
}

static void h2h_done_alone(struct h2h_client *client, struct bench_op *op)
{
	struct h2h_runner *runner = client->runner;
	int64_t block = runner->next / runner->h2h->config.pairs;
	int64_t at = H2H_ALONE - runner->alone_left--;

	if (op->outcome == BENCH_OK)
		runner->h2h->alone[runner->alone][block * H2H_ALONE + at] =
			op->done_ns - op->sent_ns;
	history_note(runner->histories[runner->alone], client->cart, op,
		     client->before[runner->alone]);
	bench_op_clear(op);
	if (runner->alone_left > 0) {
		h2h_ask_alone(client);
	} else if (runner->alone == 0) {
		runner->alone = 1;
		h2h_rest(runner);
	} else {
		h2h_resume(runner);
	}
}

static void h2h_rested(void *user)
{
	struct h2h_runner *runner = user;
	struct h2h *h2h = runner->h2h;
	struct busy_clock now = busy_now();

	busy_add_rest(&h2h->busy, &runner->rest_began, &now);
	runner->alone_left = H2H_ALONE;
	h2h_ask_alone(&runner->clients[0]);
}

/* True: the client waits for the rest in front of the next block. */
static bool h2h_rests(struct h2h_client *client)
{
	struct h2h_runner *runner = client->runner;

	if (runner->h2h->began_ns == 0 || runner->next % runner->h2h->config.pairs != 0 ||
	    runner->rested == runner->next)
		return false;
	client->rests = true;
	if (++runner->resting == runner->running) {
		runner->rested = runner->next;
		runner->alone = 0;
		h2h_rest(runner);
	}
	return true;
}

/* Gets of the warm-up, which may be long, are not looked at. */
static void h2h_note_history(struct h2h_client *client, int side)
{
	if (client->operation == H2H_ADD || (client->operation == H2H_GET && client->cycle >= 0))
		history_note(client->runner->histories[side], client->cart, &client->ops[side],
			     client->before[side]);
}

static void h2h_done(struct bench_op *op, void *user)
{
	struct h2h_client *client = user;
	double share = client->runner->h2h->config.slow_b;

	if (share > 0 && client->waiting_for == 1 && op->outcome == BENCH_OK)
		h2h_slow(op, share);
	if (client->runner->alone_left > 0) {
		h2h_done_alone(client, op);
		return;
	}
	if (client->waiting_for == client->first) {
		h2h_submit(client, 1 - client->first);
		return;
	}
	h2h_note_pair(client);
	h2h_watch_failing(client);
	if (client->operation == H2H_CREATE)
		h2h_keep_cart(client);
	for (int side = 0; side < H2H_SIDES; side++) {
		h2h_note_history(client, side);
		ledger_note(client->runner->ledgers[side], &client->ops[side]);
		bench_op_clear(&client->ops[side]);
	}
	h2h_next_pair(client);
}

/* Whether another cycle may begin; a block that has begun is finished unless somebody stops it. */
static bool h2h_goes_on(struct h2h_runner *runner)
{
	struct h2h *h2h = runner->h2h;
	const struct h2h_config *config = &h2h->config;
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system);

	if (bench_interrupted()) {
		h2h->interrupted = true;
		runner->over = true;
	}
	if (runner->over || runner->next >= config->blocks * config->pairs)
		return false;
	if (runner->warm_until_ns == 0)
		runner->warm_until_ns = now_ns + config->warmup_ms * CLOCK_NS_PER_MS;
	if (h2h->began_ns == 0 && now_ns >= runner->warm_until_ns)
		h2h->began_ns = now_ns;
	if (config->most_ms > 0 && runner->next > 0 && runner->next % config->pairs == 0 &&
	    now_ns - h2h->began_ns > config->most_ms * CLOCK_NS_PER_MS)
		runner->over = true;
	return !runner->over;
}

static void h2h_next_cycle(struct h2h_client *client)
{
	struct h2h_runner *runner = client->runner;

	if (!h2h_goes_on(runner)) {
		if (--runner->running == 0)
			event_base_loopbreak(runner->base);
		else if (runner->resting == runner->running)
			h2h_resume(runner);
		return;
	}
	if (h2h_rests(client))
		return;
	if (runner->h2h->began_ns != 0) {
		client->cycle = runner->next++;
	} else {
		client->cycle = -1;
		runner->h2h->warmup_cycles++;
	}
	client->operation = H2H_CREATE;
	h2h_prepare(client); /* a create needs no cart */
	h2h_submit(client, client->first);
}

static void h2h_tick(void *user)
{
	struct h2h_runner *runner = user;

	h2h_show_progress(runner->progress, runner->doing, runner->h2h);
	bench_timer_arm(&runner->tick, H2H_TICK_NS);
}

static int h2h_open(struct h2h_runner *runner, struct cart_error *error)
{
	struct h2h *h2h = runner->h2h;

	for (int side = 0; side < H2H_SIDES; side++)
		if (bench_drive_loop_open(&runner->loops[side], h2h->drives[side], runner->base,
					  error) != 0)
			return -1;
	for (int64_t i = 0; i < h2h->config.clients; i++) {
		struct h2h_client *client = &runner->clients[i];

		client->runner = runner;
		client->customer = 1 + i * 1000000;
		bench_rng_init(&client->rng, h2h->config.seed, (uint64_t)i);
		for (int side = 0; side < H2H_SIDES; side++) {
			client->ops[side].done = h2h_done;
			client->links[side] = bench_link_open(runner->loops[side]);
		}
	}
	return 0;
}

static void h2h_close(struct h2h_runner *runner)
{
	for (int64_t i = 0; i < runner->h2h->config.clients; i++)
		for (int side = 0; side < H2H_SIDES; side++)
			bench_link_close(&runner->clients[i].links[side]);
	for (int side = 0; side < H2H_SIDES; side++) {
		bench_drive_loop_close(&runner->loops[side]);
		ledger_free(&runner->ledgers[side]);
		history_free(&runner->histories[side]);
		free(runner->carts[side]);
	}
	free(runner->clients);
	event_base_free(runner->base);
}

static void h2h_measure(struct h2h_runner *runner)
{
	struct h2h *h2h = runner->h2h;
	struct busy_clock now;

	bench_timer_init(&runner->tick, runner->base, h2h_tick, runner);
	bench_timer_init(&runner->rest, runner->base, h2h_rested, runner);
	runner->rested = -1;
	runner->began = busy_now();
	if (runner->progress != NULL)
		bench_timer_arm(&runner->tick, H2H_TICK_NS);
	runner->running = (size_t)h2h->config.clients;
	for (int64_t i = 0; i < h2h->config.clients; i++)
		h2h_next_cycle(&runner->clients[i]);
	if (runner->running > 0)
		event_base_dispatch(runner->base);
	bench_timer_stop(&runner->tick);
	bench_timer_stop(&runner->rest);
	now = busy_now();
	busy_add_time(&h2h->busy, &runner->began, &now);
	if (h2h->began_ns != 0)
		h2h->took_ns = clock_monotonic_ns(&cart_clock_system) - h2h->began_ns;
	while (h2h->blocks_done < h2h->config.blocks &&
	       h2h->block_cycles[h2h->blocks_done] == h2h->config.pairs)
		h2h->blocks_done++;
}

static int h2h_read_back(struct h2h_runner *runner, struct cart_error *error)
{
	struct h2h *h2h = runner->h2h;

	for (int side = 0; side < H2H_SIDES; side++) {
		struct ledger_check *check = &h2h->read_back[side];

		if (h2h->gone < 0 && !h2h->interrupted &&
		    ledger_read_back(check, runner->ledgers[side], h2h->drives[side], error) != 0)
			return -1;
		history_judge(runner->histories[side], h2h->config.read == BENCH_READ_EVENTUAL,
			      check);
	}
	return 0;
}

int h2h_run(struct h2h *h2h, struct bench_progress *progress, const char *doing,
	    struct cart_error *error)
{
	const struct h2h_config *config = &h2h->config;
	size_t carts = (size_t)(config->blocks * config->pairs) + H2H_WARM_CARTS;
	struct h2h_runner runner = {.h2h = h2h, .progress = progress, .doing = doing};
	int result;

	runner.base = bench_base_new();
	runner.clients = bench_alloc((size_t)config->clients, sizeof(*runner.clients));
	for (int side = 0; side < H2H_SIDES; side++) {
		runner.carts[side] = bench_alloc(carts, sizeof(**runner.carts));
		runner.ledgers[side] = ledger_new(config->seed);
		runner.histories[side] = history_new(carts);
	}
	result = h2h_open(&runner, error);
	if (result == 0) {
		h2h_measure(&runner);
		if (config->open.duration_ms > 0 && h2h->gone < 0 && !h2h->interrupted)
			result = h2h_open_run(&h2h->open, &config->open, h2h->drives,
					      runner.ledgers, progress, error);
		h2h->interrupted = h2h->interrupted || bench_interrupted();
	}
	if (result == 0)
		result = h2h_read_back(&runner, error);
	h2h_close(&runner);
	return result;
}
