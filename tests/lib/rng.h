/* Random numbers that a seed repeats (SplitMix64, public domain, S. Vigna). Not for secrets. */
#ifndef TESTS_LIB_RNG_H
#define TESTS_LIB_RNG_H

#include "core/cart_id.h"

#include <stdint.h>

struct rng {
	uint64_t state;
};

/* The seed of this run: CART_SEED, or one from the kernel. Printed by whoever uses it. */
uint64_t rng_seed(void);

uint64_t rng_next(struct rng *rng);
/* 0 ... below - 1; below > 0. The bias is of no matter here. */
uint64_t rng_below(struct rng *rng, uint64_t below);
/* low ... high. */
int64_t rng_between(struct rng *rng, int64_t low, int64_t high);
/* A version 4 UUID. */
struct cart_id rng_id(struct rng *rng);

#endif
