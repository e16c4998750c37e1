#include "server/access/rates.h"

#include "core/base/clock.h"
#include "core/base/random.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RATES_SETS 16384
#define RATES_WAYS 4

/* Four fill a cache line. */
struct rates_place {
	_Atomic uint64_t caller; /* 0: nobody's yet */
	_Atomic int64_t due_ns;
};

struct rates {
	int64_t each_ns;    /* between two requests at the rate */
	int64_t ahead_ns;   /* how far due_ns may be ahead of now */
	uint64_t secret[2]; /* so that nobody can choose a caller with another one's hash */
	struct rates_place places[RATES_SETS][RATES_WAYS];
};

struct rates *rates_new(int64_t per_s, int64_t burst)
{
	struct rates *rates = calloc(1, sizeof(*rates));
	struct random random;

	if (rates == NULL)
		abort();
	random_seed(&random);
	rates->each_ns = CLOCK_NS_PER_S / per_s;
	rates->ahead_ns = burst * rates->each_ns;
	for (size_t i = 0; i < 2; i++)
		rates->secret[i] = random_next(&random) | 1;
	return rates;
}

void rates_free(struct rates **rates)
{
	free(*rates);
	*rates = NULL;
}

static uint64_t rates_mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Never 0. */
static uint64_t rates_hash(const struct rates *rates, const unsigned char *bytes, size_t len)
{
	uint64_t hash = rates->secret[0] ^ len;

	while (len > 0) {
		size_t some = len < sizeof(uint64_t) ? len : sizeof(uint64_t);
		uint64_t word = 0;

		memcpy(&word, bytes, some);
		hash = rates_mix(hash ^ word, rates->secret[1]) + rates->secret[0];
		bytes += some;
		len -= some;
	}
	hash = rates_mix(hash, rates->secret[1]);
	return hash != 0 ? hash : 1;
}

/* The caller's place; or that of whoever is furthest below the rate, which it takes. */
static struct rates_place *rates_find(struct rates *rates, uint64_t caller)
{
	struct rates_place *set = rates->places[caller % RATES_SETS], *least = set;

	for (size_t i = 0; i < RATES_WAYS; i++) {
		if (atomic_load_explicit(&set[i].caller, memory_order_relaxed) == caller)
			return &set[i];
		if (atomic_load_explicit(&set[i].due_ns, memory_order_relaxed) <
		    atomic_load_explicit(&least->due_ns, memory_order_relaxed))
			least = &set[i];
	}
	atomic_store_explicit(&least->due_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&least->caller, caller, memory_order_relaxed);
	return least;
}

int64_t rates_take(struct rates *rates, const void *caller, size_t len, int64_t now_ns)
{
	struct rates_place *place = rates_find(rates, rates_hash(rates, caller, len));
	int64_t due_ns = atomic_load_explicit(&place->due_ns, memory_order_relaxed), next_ns;

	do {
		next_ns = (due_ns > now_ns ? due_ns : now_ns) + rates->each_ns;
		if (next_ns - now_ns > rates->ahead_ns)
			return next_ns - now_ns - rates->ahead_ns;
	} while (!atomic_compare_exchange_weak_explicit(
		&place->due_ns, &due_ns, next_ns, memory_order_relaxed, memory_order_relaxed));
	return 0;
}
