#include "tests/lib/probe.h"

#include "tests/lib/cmocka.h"

static void probe_done(struct cart_op *op, void *user)
{
	struct probe *probe = user;

	probe->result = op->result;
	probe->came_inside = probe->came_inside || probe->inside;
	probe->elsewhere = !pthread_equal(pthread_self(), probe->loop->thread);
	probe->done_ns = clock_monotonic_ns(&cart_clock_system);
	atomic_fetch_add(&probe->count, 1);
}

void probe_init(struct probe *probe, struct rig *rig, size_t loop, const struct cart_op *request,
		int64_t deadline_ms)
{
	*probe = (struct probe){
		.op = *request,
		.rig = rig,
		.loop = &rig->loops[loop],
	};
	probe->op.done = probe_done;
	probe->op.user = probe;
	probe->op.deadline_ns =
		clock_monotonic_ns(&cart_clock_system) +
		(deadline_ms != 0 ? deadline_ms * CLOCK_NS_PER_MS : RIG_DEADLINE_NS);
}

void probe_submit_here(void *user)
{
	struct probe *probe = user;

	probe->inside = true;
	probe->submitted = cart_store_submit(probe->loop->store, &probe->op);
	probe->inside = false;
	atomic_store(&probe->returned, 1);
}

static size_t probe_loop_at(const struct probe *probe)
{
	return (size_t)(probe->loop - probe->rig->loops);
}

void probe_submit(struct probe *probe)
{
	rig_call(probe->rig, probe_loop_at(probe), probe_submit_here, probe);
}

void probe_submit_all(struct probe *probes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		probes[i].task = (struct rig_task){.run = probe_submit_here, .user = &probes[i]};
		rig_post(probes[i].rig, probe_loop_at(&probes[i]), &probes[i].task);
	}
}

void probe_cancel_here(void *user)
{
	struct probe *probe = user;

	if (atomic_load(&probe->count) > 0)
		return;
	probe->inside = true;
	cart_store_cancel(probe->loop->store, &probe->op);
	probe->inside = false;
}

void probe_cancel(struct probe *probe)
{
	rig_call(probe->rig, probe_loop_at(probe), probe_cancel_here, probe);
}

void probe_await(struct probe *probe)
{
	rig_await(&probe->returned, 1, "the return of submit");
	assert_int_equal(probe->submitted, CART_OK);
	rig_await(&probe->count, 1, "the callback of an op");
}

void probe_check(struct probe *probe)
{
	assert_int_equal(atomic_load(&probe->count), 1);
	assert_false(probe->came_inside);
	assert_false(probe->elsewhere);
	cart_op_clear(&probe->op);
}
