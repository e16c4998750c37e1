/*
 * Random numbers that a seed repeats: the same --seed gives the same load on every machine whose
 * libm agrees. xoshiro256** (Blackman and Vigna 2021, "Scrambled linear pseudorandom number
 * generators"), its state filled by SplitMix64. Not for secrets.
 *
 * A struct is one thread's. Each thread or client has a stream of its own, so that what it does
 * does not depend on the others.
 */
#ifndef BENCH_STATS_RNG_H
#define BENCH_STATS_RNG_H

#include <stddef.h>
#include <stdint.h>

struct bench_rng {
	uint64_t state[4];
};

/* stream: 0, 1, ...; two streams of a seed have nothing in common that a test could see. */
void bench_rng_init(struct bench_rng *rng, uint64_t seed, uint64_t stream);

uint64_t bench_rng_next(struct bench_rng *rng);
/* 0 ... below - 1, equally likely (Lemire 2019, ACM TOMACS 29(1)). below > 0. */
uint64_t bench_rng_below(struct bench_rng *rng, uint64_t below);
/* low ... high, both included; low <= high. */
int64_t bench_rng_between(struct bench_rng *rng, int64_t low, int64_t high);
/* 0 <= x < 1, in steps of 2^-53. */
double bench_rng_unit(struct bench_rng *rng);
/* The time to the next of events that come independently of each other, mean apart: with these
 * gaps arrivals are Poisson's. >= 0, at most 37 times the mean. */
double bench_rng_exponential(struct bench_rng *rng, double mean);
/* Puts count elements of size bytes into random order, each order as likely (Fisher and Yates). */
void bench_rng_shuffle(struct bench_rng *rng, void *elements, size_t count, size_t size);

/* A hash of some bytes: the same bytes have another one under another seed. Not for secrets. */
uint64_t bench_hash(uint64_t seed, const void *bytes, size_t size);

/*
 * Keys of which few are used most of the time: key k of 1 ... keys with a probability in proportion
 * to k^-exponent (Zipf's law). By rejection-inversion (Hörmann and Derflinger 1996,
 * "Rejection-inversion to generate variates from monotone discrete distributions", ACM TOMACS
 * 6(3)): no table, and fewer than two uniform numbers a draw on average.
 */

#define BENCH_ZIPF_KEYS_MAX	UINT64_C(1000000000)
#define BENCH_ZIPF_EXPONENT_MAX 10

/* Read-only once made: threads may share it. */
struct bench_zipf {
	uint64_t keys;
	double exponent;
	double area_first; /* the others: of the inversion */
	double area_last;
	double sure;
};

/* keys: 1 ... BENCH_ZIPF_KEYS_MAX. exponent: 0 (every key alike) ... BENCH_ZIPF_EXPONENT_MAX;
 * 0.99 is what YCSB takes, 1 is Zipf's own. */
void bench_zipf_init(struct bench_zipf *zipf, uint64_t keys, double exponent);
/* 1 ... keys, 1 most often. Scatter the keys if neighbours must not both be hot. */
uint64_t bench_zipf_draw(const struct bench_zipf *zipf, struct bench_rng *rng);

#endif
