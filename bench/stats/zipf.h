/*
 * Keys of which a few are asked for most of the time: key k of 1 ... keys with a probability in
 * proportion to k^-exponent (Zipf's law).
 *
 * Drawn by rejection-inversion (Hörmann and Derflinger 1996, "Rejection-inversion to generate
 * variates from monotone discrete distributions", ACM TOMACS 6(3)): no table, and fewer than two
 * uniform numbers a draw on average whatever the number of keys.
 */
#ifndef BENCH_STATS_ZIPF_H
#define BENCH_STATS_ZIPF_H

#include <stdint.h>

struct bench_rng;

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
