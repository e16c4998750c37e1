#include "tests/lib/rng.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

uint64_t rng_seed(void)
{
	const char *text = getenv("CART_SEED");
	uint64_t seed;

	if (text != NULL && *text != '\0')
		return strtoull(text, NULL, 0);
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		abort();
	return seed;
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *rng, uint64_t below)
{
	return rng_next(rng) % below;
}

int64_t rng_between(struct rng *rng, int64_t low, int64_t high)
{
	return low + (int64_t)rng_below(rng, (uint64_t)(high - low) + 1);
}

struct cart_id rng_id(struct rng *rng)
{
	struct cart_id id;
	uint64_t half[2] = {rng_next(rng), rng_next(rng)};

	memcpy(id.bytes, half, sizeof(id.bytes));
	id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
	id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
	return id;
}
