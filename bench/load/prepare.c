/*
 * Prepares carts before a load: several clients each create a cart and then add its lines one by
 * one. A failed operation is repeated, so that a target with occasional failures can be measured.
 * The preparation ends with an error when far more operations fail than succeed.
 */
#include "bench/cli/interrupt.h"
#include "bench/load/load.h"
#include "bench/target/base.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

#define PREPARE_CLIENTS	 32
#define PREPARE_LINES	 3
#define PREPARE_FAILURES 100 /* before the share of failures is checked */
#define PREPARE_SHARE	 3   /* failures a success */
#define PREPARE_SHOW_NS	 (200 * CLOCK_NS_PER_MS)

struct prepare_client {
	struct prepare *prepare;
	struct bench_link *link;
	struct bench_op op;
	size_t cart;
	int64_t lines; /* in it; -1: not made yet */
};

struct prepare {
	struct workload *workload;
	struct prepare_client clients[PREPARE_CLIENTS];
	size_t next, made, busy;
	uint64_t succeeded, failed;
	bool stopped;
	struct cart_error *error;
	struct bench_progress *progress;
	int64_t shown_ns;
};

static void prepare_done(struct bench_op *op, void *user);

static void prepare_submit(struct prepare_client *client)
{
	struct bench_op *op = &client->op;

	op->type = client->lines < 0 ? BENCH_CREATE : BENCH_ADD;
	op->customer_id = (int64_t)client->cart + 1;
	op->product_id = client->lines + 1;
	op->quantity = 1;
	op->done = prepare_done;
	op->user = client;
	client->prepare->busy++;
	bench_link_submit(client->link, op);
}

/* The next cart, if there is one. */
static void prepare_begin(struct prepare_client *client)
{
	struct prepare *prepare = client->prepare;

	if (prepare->stopped || prepare->next == prepare->workload->config.carts)
		return;
	client->cart = prepare->next++;
	client->lines = -1;
	prepare_submit(client);
}

static int64_t prepare_lines(const struct prepare *prepare)
{
	int64_t products = prepare->workload->config.products;

	return products < PREPARE_LINES ? products : PREPARE_LINES;
}

/* Records a failure. False: too many operations have failed. */
static bool prepare_may_go_on(struct prepare *prepare, const struct bench_op *op)
{
	prepare->failed++;
	if (prepare->failed < PREPARE_FAILURES ||
	    prepare->failed < PREPARE_SHARE * prepare->succeeded || prepare->stopped)
		return true;
	prepare->stopped = true;
	cart_error_set(prepare->error,
		       "no carts could be prepared: %" PRIu64 " of %" PRIu64
		       " operations failed, the last, %s, with %s%s",
		       prepare->failed, prepare->failed + prepare->succeeded,
		       bench_op_type_name(op->type), op->error,
		       op->status == 0 ? " (no answer)" : "");
	return false;
}

static void prepare_watch(struct prepare *prepare, int64_t now_ns)
{
	if (bench_interrupted() && !prepare->stopped) {
		prepare->stopped = true;
		cart_error_set(prepare->error, "interrupted before anything was measured");
	}
	if (prepare->progress == NULL || now_ns - prepare->shown_ns < PREPARE_SHOW_NS)
		return;
	prepare->shown_ns = now_ns;
	bench_progress_show(prepare->progress, "preparing: %zu of %zu carts", prepare->made,
			    prepare->workload->config.carts);
}

static void prepare_done(struct bench_op *op, void *user)
{
	struct prepare_client *client = user;
	struct prepare *prepare = client->prepare;

	prepare->busy--;
	ledger_note(prepare->workload->ledger, op);
	prepare_watch(prepare, op->done_ns);
	if (op->outcome == BENCH_OK) {
		prepare->succeeded++;
		if (op->type == BENCH_CREATE)
			prepare->workload->carts[client->cart] = op->id;
		client->lines++;
	} else if (!prepare_may_go_on(prepare, op)) {
		return;
	}
	if (prepare->stopped)
		return;
	if (client->lines < prepare_lines(prepare)) {
		prepare_submit(client);
		return;
	}
	prepare->made++;
	prepare_begin(client);
}

int load_prepare(struct workload *workload, struct bench_drive *drive,
		 struct bench_progress *progress, struct cart_error *error)
{
	struct prepare prepare = {.workload = workload, .error = error, .progress = progress};
	struct event_base *base = bench_base_new();
	struct bench_drive_loop *loop;
	int failed = bench_drive_loop_open(&loop, drive, base, error);

	if (failed == 0) {
		for (int i = 0; i < PREPARE_CLIENTS; i++) {
			prepare.clients[i].prepare = &prepare;
			prepare.clients[i].link = bench_link_open(loop);
			prepare_begin(&prepare.clients[i]);
		}
		while (prepare.busy > 0 && event_base_loop(base, EVLOOP_ONCE) == 0)
			;
		failed = prepare.stopped ? -1 : 0;
		for (int i = 0; i < PREPARE_CLIENTS; i++) {
			bench_link_close(&prepare.clients[i].link);
			bench_op_clear(&prepare.clients[i].op);
		}
	}
	bench_drive_loop_close(&loop);
	event_base_free(base);
	return failed;
}
