#include "core/base/retry_budget.h"

void retry_budget_init(struct retry_budget *budget, int room)
{
	atomic_init(&budget->tokens, room);
	atomic_init(&budget->probed_ns, 0);
	budget->room = room;
}

bool retry_budget_spend(struct retry_budget *budget, int tokens)
{
	int have = atomic_load(&budget->tokens);

	while (have >= tokens)
		if (atomic_compare_exchange_weak(&budget->tokens, &have, have - tokens))
			return true;
	return false;
}

bool retry_budget_probe(struct retry_budget *budget, int64_t now_ns, int64_t every_ns)
{
	int64_t probed_ns = atomic_load(&budget->probed_ns);

	return now_ns - probed_ns >= every_ns &&
	       atomic_compare_exchange_strong(&budget->probed_ns, &probed_ns, now_ns);
}

void retry_budget_earn(struct retry_budget *budget, int tokens)
{
	int have = atomic_load_explicit(&budget->tokens, memory_order_relaxed), more;

	/* A full bucket is only read, so its cache line is not passed between the loops' cores. */
	while (have < budget->room) {
		more = have + tokens < budget->room ? have + tokens : budget->room;
		if (atomic_compare_exchange_weak(&budget->tokens, &have, more))
			return;
	}
}

int64_t retry_pause_us(int64_t base_ms, int64_t max_ms, unsigned tries, uint64_t random)
{
	int64_t limit_ms = base_ms;

	for (unsigned i = 1; i < tries && limit_ms < max_ms; i++)
		limit_ms *= 2;
	if (limit_ms > max_ms)
		limit_ms = max_ms;
	return (int64_t)(random % (uint64_t)(limit_ms * 1000));
}
