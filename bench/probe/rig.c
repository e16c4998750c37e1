#include "bench/probe/rig.h"

#include "bench/cli/interrupt.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define PROBE_SETTLE_MS 50 /* between two reads, in the end */

void probe_plan_init(struct probe_plan *plan)
{
	*plan = (struct probe_plan){
		.clients = 8, .settle = 80 /* some three seconds */, .seed_tests = true, .seed = 1};
	plan->promised[PROBE_STRONG] = true;
	for (int kind = 0; kind < PROBE_KINDS; kind++)
		plan->kinds[kind] = true;
}

/* Customers and keys do not depend on the seed: an earlier run may have left its own. */
static bool probe_rig_be_unique(struct probe_rig *rig)
{
	struct cart_id id;

	if (!cart_id_make(&id, CART_ID_V4, 0))
		return false;
	for (int i = 0; i < 8; i++)
		snprintf(rig->unique + 2 * i, 3, "%02x", id.bytes[i]);
	for (int i = 0; i < 5; i++)
		rig->customers = rig->customers << 8 | id.bytes[i];
	rig->customers = (rig->customers << 12) + 1;
	return true;
}

int probe_rig_open(struct probe_rig *rig, const struct probe_plan *plan,
		   struct bench_drive *const *drives, size_t count, struct cart_error *error)
{
	*rig = (struct probe_rig){.plan = plan};
	bench_rng_init(&rig->rng, plan->seed, 0);
	if (!probe_rig_be_unique(rig))
		return cart_error_set(error, "the kernel has no random bytes");
	rig->base = bench_base_new();
	for (size_t i = 0; i < count; i++) {
		if (bench_drive_loop_open(&rig->loops[i], drives[i], rig->base, error) != 0) {
			probe_rig_close(rig);
			return -1;
		}
		rig->target_count++;
	}
	return 0;
}

void probe_rig_close(struct probe_rig *rig)
{
	for (size_t i = 0; i < rig->target_count; i++)
		bench_drive_loop_close(&rig->loops[i]);
	if (rig->base != NULL)
		event_base_free(rig->base);
	*rig = (struct probe_rig){0};
}

struct bench_link *probe_rig_link(struct probe_rig *rig, size_t at)
{
	return bench_link_open(rig->loops[at % rig->target_count]);
}

void probe_rig_saw(struct probe_rig *rig, const struct bench_op *op)
{
	rig->unanswered = op->status != 0 ? 0 : rig->unanswered + 1;
	if (op->outcome == BENCH_OK)
		return;
	if (op->status == 0)
		cart_error_set(&rig->trouble, "%s: %s", bench_op_type_name(op->type), op->error);
	else
		cart_error_set(&rig->trouble, "%s: %d %s", bench_op_type_name(op->type), op->status,
			       op->error);
}

bool probe_rig_is_broken(const struct probe_rig *rig)
{
	return rig->unanswered >= PROBE_GIVE_UP;
}

bool probe_rig_is_alive(const struct probe_rig *rig)
{
	return !bench_interrupted() && !probe_rig_is_broken(rig);
}

void probe_rig_begin(struct probe_rig *rig)
{
	int64_t part_ms = rig->plan->part_ms;

	rig->part_ends_ns = 0;
	rig->part_late_ns = (PROBE_TIMES - 1) * part_ms * CLOCK_NS_PER_MS;
	if (rig->part_late_ns > PROBE_LATE_MS * CLOCK_NS_PER_MS)
		rig->part_late_ns = PROBE_LATE_MS * CLOCK_NS_PER_MS;
	rig->outcomes = 0;
	if (part_ms > 0)
		rig->part_ends_ns =
			clock_monotonic_ns(&cart_clock_system) + part_ms * CLOCK_NS_PER_MS;
}

bool probe_rig_goes_on(const struct probe_rig *rig)
{
	int64_t ends_ns = rig->part_ends_ns;

	if (rig->outcomes < PROBE_ENOUGH)
		ends_ns += rig->part_late_ns;
	return probe_rig_is_alive(rig) &&
	       (rig->part_ends_ns == 0 || clock_monotonic_ns(&cart_clock_system) < ends_ns);
}

void probe_rig_run(struct probe_rig *rig)
{
	while (rig->running > 0 && event_base_loop(rig->base, EVLOOP_ONCE) == 0)
		;
}

static void probe_rig_done(struct bench_op *op, void *user)
{
	struct probe_rig *rig = user;

	probe_rig_saw(rig, op);
	rig->running--;
}

bool probe_rig_do(struct probe_rig *rig, struct bench_link *link, struct bench_op *op)
{
	op->done = probe_rig_done;
	op->user = rig;
	rig->running++;
	bench_link_submit(link, op);
	probe_rig_run(rig);
	return op->outcome == BENCH_OK;
}

static void probe_rig_paused(void *user)
{
	((struct probe_rig *)user)->running--;
}

void probe_rig_pause(struct probe_rig *rig, int64_t ms)
{
	struct bench_timer timer;

	bench_timer_init(&timer, rig->base, probe_rig_paused, rig);
	bench_timer_arm(&timer, ms * CLOCK_NS_PER_MS);
	rig->running++;
	probe_rig_run(rig);
}

bool probe_rig_cart(struct probe_rig *rig, struct bench_link *link, struct cart_id *id,
		    int64_t *customer)
{
	struct bench_op op = {.type = BENCH_CREATE, .customer_id = rig->customers++};
	bool done = probe_rig_do(rig, link, &op);

	*id = op.id;
	if (customer != NULL)
		*customer = op.customer_id;
	bench_op_clear(&op);
	return done;
}

bool probe_rig_settled(struct probe_rig *rig, struct bench_link *link, const struct cart_id *id,
		       int64_t version, struct cart *cart)
{
	struct bench_op op = {.type = BENCH_GET, .id = *id, .want_cart = true};

	op.read = BENCH_READ_STRONG;
	*cart = (struct cart){0};
	for (int i = 0; (size_t)i < rig->plan->settle && cart->version < version; i++) {
		if (i > 0)
			probe_rig_pause(rig, i < PROBE_SETTLE_MS ? i : PROBE_SETTLE_MS);
		if (probe_rig_do(rig, link, &op) && op.cart.version > cart->version) {
			cart_clear(cart);
			*cart = op.cart;
			op.cart = (struct cart){0};
		}
		bench_op_clear(&op);
		if (!probe_rig_is_alive(rig))
			break;
	}
	return cart->version > 0;
}
