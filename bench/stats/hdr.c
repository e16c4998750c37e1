#include "bench/stats/hdr.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 2 * 10^3 values must be told apart at their own unit; 2^11 is the first power of two that is
 * not smaller. */
#define HDR_BITS 11
#define HDR_FULL (1 << HDR_BITS)
#define HDR_HALF (HDR_FULL / 2)

/* How far the values of bucket i are shifted: 0 for the first two halves, then 1, 2, ... */
static int hdr_shift(size_t index)
{
	return index < HDR_FULL ? 0 : (int)(index / HDR_HALF) - 1;
}

static size_t hdr_index(int64_t value)
{
	int shift = 63 - __builtin_clzll((uint64_t)value | (HDR_FULL - 1)) - (HDR_BITS - 1);

	return ((size_t)shift * HDR_HALF) + (size_t)(value >> shift);
}

static int64_t hdr_low(size_t index)
{
	int shift = hdr_shift(index);

	return (int64_t)(index - (size_t)shift * HDR_HALF) << shift;
}

static int64_t hdr_high(size_t index)
{
	return hdr_low(index) + (INT64_C(1) << hdr_shift(index)) - 1;
}

static double hdr_middle(size_t index)
{
	return (double)hdr_low(index) + (double)((INT64_C(1) << hdr_shift(index)) - 1) / 2;
}

struct bench_hdr *bench_hdr_new(int64_t highest)
{
	struct bench_hdr *hdr;
	size_t buckets;

	assert(highest >= BENCH_HDR_HIGHEST_MIN && highest <= BENCH_HDR_HOUR_NS);
	buckets = hdr_index(highest) + 1;
	hdr = calloc(1, sizeof(*hdr) + buckets * sizeof(hdr->counts[0]));
	if (hdr == NULL)
		abort();
	hdr->highest = highest;
	hdr->buckets = buckets;
	return hdr;
}

void bench_hdr_free(struct bench_hdr **hdr)
{
	free(*hdr);
	*hdr = NULL;
}

void bench_hdr_reset(struct bench_hdr *hdr)
{
	hdr->count = hdr->below = hdr->above = 0;
	hdr->min = hdr->max = 0;
	memset(hdr->counts, 0, hdr->buckets * sizeof(hdr->counts[0]));
}

void bench_hdr_record_count(struct bench_hdr *hdr, int64_t value, uint64_t count)
{
	if (count == 0)
		return;
	if (value < 0) {
		value = 0;
		hdr->below += count;
	} else if (value > hdr->highest) {
		value = hdr->highest;
		hdr->above += count;
	}
	if (hdr->count == 0 || value < hdr->min)
		hdr->min = value;
	if (value > hdr->max)
		hdr->max = value;
	hdr->count += count;
	hdr->counts[hdr_index(value)] += count;
}

void bench_hdr_record(struct bench_hdr *hdr, int64_t value)
{
	bench_hdr_record_count(hdr, value, 1);
}

int bench_hdr_merge(struct bench_hdr *hdr, const struct bench_hdr *from)
{
	size_t i;

	if (from->highest != hdr->highest)
		return -1;
	if (from->count == 0)
		return 0;
	if (hdr->count == 0 || from->min < hdr->min)
		hdr->min = from->min;
	if (from->max > hdr->max)
		hdr->max = from->max;
	hdr->count += from->count;
	hdr->below += from->below;
	hdr->above += from->above;
	for (i = 0; i < hdr->buckets; i++)
		hdr->counts[i] += from->counts[i];
	return 0;
}

double bench_hdr_mean(const struct bench_hdr *hdr)
{
	double sum = 0;
	size_t i;

	if (hdr->count == 0)
		return 0;
	for (i = 0; i < hdr->buckets; i++)
		if (hdr->counts[i] > 0)
			sum += (double)hdr->counts[i] * hdr_middle(i);
	return sum / (double)hdr->count;
}

double bench_hdr_stddev(const struct bench_hdr *hdr)
{
	double mean = bench_hdr_mean(hdr), sum = 0, off;
	size_t i;

	if (hdr->count == 0)
		return 0;
	for (i = 0; i < hdr->buckets; i++) {
		if (hdr->counts[i] == 0)
			continue;
		off = hdr_middle(i) - mean;
		sum += (double)hdr->counts[i] * off * off;
	}
	return sqrt(sum / (double)hdr->count);
}

/* How many values the quantile has to cover: ceil(quantile * count), but at least one. The
 * quantile is taken as the next smaller number, for 0.07 * 100 is more than 7 in binary. */
static uint64_t hdr_rank(const struct bench_hdr *hdr, double quantile)
{
	double rank = ceil(nextafter(quantile, -1) * (double)hdr->count);

	if (rank <= 1)
		return 1;
	return rank >= (double)hdr->count ? hdr->count : (uint64_t)rank;
}

int64_t bench_hdr_quantile(const struct bench_hdr *hdr, double quantile)
{
	uint64_t rank, seen = 0;
	size_t i;

	assert(quantile >= 0 && quantile <= 1);
	if (hdr->count == 0 || quantile == 0)
		return hdr->min;
	rank = hdr_rank(hdr, quantile);
	for (i = hdr_index(hdr->min); i < hdr->buckets; i++) {
		seen += hdr->counts[i];
		if (seen >= rank)
			break;
	}
	return i < hdr->buckets && hdr_high(i) < hdr->max ? hdr_high(i) : hdr->max;
}

bool bench_hdr_quantile_holds(const struct bench_hdr *hdr, double quantile)
{
	assert(quantile >= 0 && quantile <= 1);
	/* The small part is what 1 - 0.999 loses in binary. */
	return (1 - quantile) * (double)hdr->count >= BENCH_HDR_BEYOND_MIN * (1 - 1e-9);
}

uint64_t bench_hdr_count_to(const struct bench_hdr *hdr, int64_t value)
{
	uint64_t count = 0;
	size_t i, last;

	if (value < 0)
		return 0;
	if (value >= hdr->max)
		return hdr->count;
	last = hdr_index(value);
	for (i = 0; i <= last; i++)
		count += hdr->counts[i];
	return count;
}

bool bench_hdr_next(const struct bench_hdr *hdr, struct bench_hdr_bucket *bucket)
{
	size_t i = bucket->next;

	if (i == 0)
		bucket->to = 0;
	while (i < hdr->buckets && hdr->counts[i] == 0)
		i++;
	if (i >= hdr->buckets)
		return false;
	*bucket = (struct bench_hdr_bucket){.next = i + 1,
					    .low = hdr_low(i),
					    .high = hdr_high(i),
					    .count = hdr->counts[i],
					    .to = bucket->to + hdr->counts[i]};
	return true;
}
