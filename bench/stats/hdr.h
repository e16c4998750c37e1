/*
 * A histogram of times from 1 ns to an hour that is right to three significant digits, with
 * HdrHistogram's layout (Gil Tene, hdrhistogram.org).
 *
 * Values below 2,048 ns have a bucket each; above, each power of two has 1,024 buckets of equal
 * width. So a reported value is above the true one by less than 0.1 %. The table's size depends on
 * the highest value alone (261 KiB for an hour): recording never allocates.
 *
 * A value above the highest counts as the highest, one below 0 as 0; both are counted apart, so
 * that a reader sees that the tail was cut. Not for several threads at once: one a thread, merged.
 */
#ifndef BENCH_STATS_HDR_H
#define BENCH_STATS_HDR_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define BENCH_HDR_HOUR_NS     INT64_C(3600000000000) /* the greatest highest that can be asked for */
#define BENCH_HDR_HIGHEST_MIN 2048
/* How many samples must lie beyond a percentile for it to be shown. */
#define BENCH_HDR_BEYOND_MIN 10

struct bench_hdr {
	int64_t highest;
	size_t buckets;
	uint64_t count; /* all that was recorded; the caller keeps it below 2^63 */
	uint64_t below; /* of these, were negative: recorded as 0 */
	uint64_t above; /* of these, were over highest: recorded as it */
	int64_t min;	/* exact, 0 when empty */
	int64_t max;	/* exact, 0 when empty */
	uint64_t counts[];
};

/* highest: BENCH_HDR_HIGHEST_MIN ... BENCH_HDR_HOUR_NS. Aborts without memory. */
struct bench_hdr *bench_hdr_new(int64_t highest);
void bench_hdr_free(struct bench_hdr **hdr);
/* Empties. */
void bench_hdr_reset(struct bench_hdr *hdr);

void bench_hdr_record(struct bench_hdr *hdr, int64_t value);
/* Adds the values of another one. -1, nothing is changed: they differ in highest. */
CART_MUST_CHECK int bench_hdr_merge(struct bench_hdr *hdr, const struct bench_hdr *from);

/* By the middles of the buckets, so right to 0.05 %. 0 when empty. stddev divides by count. */
double bench_hdr_mean(const struct bench_hdr *hdr);
double bench_hdr_stddev(const struct bench_hdr *hdr);
/*
 * The smallest value v such that at least quantile * count of the values are <= v, reported as the
 * highest value of v's bucket, though never above max. quantile: 0 ... 1; 0 gives min. 0 when
 * empty.
 */
int64_t bench_hdr_quantile(const struct bench_hdr *hdr, double quantile);
/* Whether at least BENCH_HDR_BEYOND_MIN samples are expected beyond the quantile. A tail that
 * fewer support is no measurement and is not to be printed. */
bool bench_hdr_quantile_holds(const struct bench_hdr *hdr, double quantile);

/* A bucket that is not empty. */
struct bench_hdr_bucket {
	size_t next;  /* for bench_hdr_next; 0 starts over */
	int64_t low;  /* the lowest value that belongs here */
	int64_t high; /* and the highest */
	uint64_t count;
	uint64_t to; /* count of this bucket and all before */
};

/* Goes on to the next bucket that is not empty, from a zeroed struct to the first. False: none. */
bool bench_hdr_next(const struct bench_hdr *hdr, struct bench_hdr_bucket *bucket);

/*
 * One line of text, to be a string in JSON:
 *
 *     hdr1 HIGHEST MIN MAX BELOW ABOVE STEP[:COUNT] ...
 *
 * All are decimal. A STEP a bucket that is not empty: how many buckets it lies after the one named
 * before it, the first after bucket -1. Without COUNT it is 1. (Bucket i < 2,048 holds the value i.
 * Above it, with k = i / 1,024 - 1, the values from (1,024 + i % 1,024) << k, 1 << k of them.)
 */
void bench_hdr_encode(const struct bench_hdr *hdr, struct buf *out);
/* Reads it; the caller frees the result. NULL: error says what is wrong. Takes exactly what
 * bench_hdr_encode writes, so that a text that was taken encodes to itself. */
CART_MUST_CHECK struct bench_hdr *bench_hdr_parse(const char *text, struct cart_error *error);

#endif
