/*
 * Random numbers that must differ, and need not be secret: marks, jitter, request ids. SplitMix64,
 * a bijection of a counter, so that a generator does not repeat itself in 2^64 draws. Ids of carts
 * are not made with it: see cart_id_make().
 */
#ifndef CORE_BASE_RANDOM_H
#define CORE_BASE_RANDOM_H

#include <stdint.h>

/* One a thread; a struct that two threads share needs their lock. */
struct random {
	uint64_t state;
};

/* Seeds it from the kernel's generator, or from the clock if that fails. */
void random_seed(struct random *random);
uint64_t random_next(struct random *random);

#endif
