#include "bench/stats/hdr.h"

#include "core/base/buf.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Three digits need 2 * 10^3 values in the finest unit; 2^11 is the next power of two. */
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

void bench_hdr_record(struct bench_hdr *hdr, int64_t value)
{
	if (value < 0) {
		value = 0;
		hdr->below++;
	} else if (value > hdr->highest) {
		value = hdr->highest;
		hdr->above++;
	}
	if (hdr->count == 0 || value < hdr->min)
		hdr->min = value;
	if (value > hdr->max)
		hdr->max = value;
	hdr->count++;
	hdr->counts[hdr_index(value)]++;
}

int bench_hdr_merge(struct bench_hdr *hdr, const struct bench_hdr *from)
{
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
	for (size_t i = 0; i < hdr->buckets; i++)
		hdr->counts[i] += from->counts[i];
	return 0;
}

double bench_hdr_mean(const struct bench_hdr *hdr)
{
	double sum = 0;

	if (hdr->count == 0)
		return 0;
	for (size_t i = 0; i < hdr->buckets; i++)
		if (hdr->counts[i] > 0)
			sum += (double)hdr->counts[i] * hdr_middle(i);
	return sum / (double)hdr->count;
}

double bench_hdr_stddev(const struct bench_hdr *hdr)
{
	double mean = bench_hdr_mean(hdr), sum = 0, off;

	if (hdr->count == 0)
		return 0;
	for (size_t i = 0; i < hdr->buckets; i++) {
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

/* A histogram as one line of text. Anybody may have edited a file: each number is bounded before it
 * is used, and the text must satisfy what recording guarantees (min and max lie in the first and
 * the last bucket, what was cut lies at the ends). */
#define HDR_MAGIC "hdr1"

void bench_hdr_encode(const struct bench_hdr *hdr, struct buf *out)
{
	size_t i, before = (size_t)-1;

	buf_printf(out, HDR_MAGIC " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64,
		   hdr->highest, hdr->min, hdr->max, hdr->below, hdr->above);
	for (i = 0; i < hdr->buckets; i++) {
		if (hdr->counts[i] == 0)
			continue;
		buf_printf(out, " %zu", i - before);
		if (hdr->counts[i] > 1)
			buf_printf(out, ":%" PRIu64, hdr->counts[i]);
		before = i;
	}
}

/* Reads the digits at *at: no sign, no leading zero, a number of at most max. */
static bool hdr_number(const char **at, int64_t max, int64_t *number)
{
	const char *text = *at;
	int64_t value = 0, digit;

	if (*text == '0' && text[1] >= '0' && text[1] <= '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		digit = *text - '0';
		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (text == *at)
		return false;
	*at = text;
	*number = value;
	return true;
}

static bool hdr_field(const char **at, int64_t max, int64_t *number)
{
	if (**at != ' ')
		return false;
	++*at;
	return hdr_number(at, max, number);
}

/* " STEP" or " STEP:COUNT" into the table. */
static int hdr_parse_bucket(struct bench_hdr *hdr, const char **at, size_t *index,
			    struct cart_error *error)
{
	int64_t step, count = 1;

	if (!hdr_field(at, (int64_t)(hdr->buckets - 1 - *index), &step) || step == 0)
		return cart_error_set(error, "a bucket that is none: \"%.20s\"", *at);
	if (**at == ':') {
		++*at;
		if (!hdr_number(at, INT64_MAX - (int64_t)hdr->count, &count) || count < 2)
			return cart_error_set(error, "a count that is none: \"%.20s\"", *at);
	}
	if (hdr->count > (uint64_t)(INT64_MAX - count))
		return cart_error_set(error, "more counts than can be");
	*index += (size_t)step;
	hdr->counts[*index] = (uint64_t)count;
	hdr->count += (uint64_t)count;
	return 0;
}

/* Whether what stands before the buckets agrees with them. */
static int hdr_check(const struct bench_hdr *hdr, struct cart_error *error)
{
	struct bench_hdr_bucket bucket = {0}, first = {0};

	while (bench_hdr_next(hdr, &bucket))
		if (first.next == 0)
			first = bucket;
	if (hdr->count == 0 && (hdr->min != 0 || hdr->max != 0))
		return cart_error_set(error, "a smallest or a largest value of nothing");
	if (hdr->min < first.low || hdr->min > first.high || hdr->max < bucket.low ||
	    hdr->max > bucket.high || hdr->min > hdr->max)
		return cart_error_set(
			error, "smallest and largest value are not in the outermost buckets");
	if (first.next == bucket.next && first.count == 1 && hdr->min != hdr->max)
		return cart_error_set(error, "one value that is two");
	if (hdr->below > (hdr->min == 0 ? first.count : 0) ||
	    hdr->above > (hdr->max == hdr->highest ? bucket.count : 0))
		return cart_error_set(error, "more values were cut than lie at the end");
	return 0;
}

struct bench_hdr *bench_hdr_parse(const char *text, struct cart_error *error)
{
	struct bench_hdr *hdr = NULL;
	const char *at = text + strlen(HDR_MAGIC);
	int64_t highest, min, max, below, above;
	size_t index = (size_t)-1;

	if (strncmp(text, HDR_MAGIC, strlen(HDR_MAGIC)) != 0) {
		cart_error_set(error, "no histogram: it does not begin with " HDR_MAGIC);
		return NULL;
	}
	if (!hdr_field(&at, BENCH_HDR_HOUR_NS, &highest) || highest < BENCH_HDR_HIGHEST_MIN ||
	    !hdr_field(&at, highest, &min) || !hdr_field(&at, highest, &max) ||
	    !hdr_field(&at, INT64_MAX, &below) || !hdr_field(&at, INT64_MAX, &above)) {
		cart_error_set(error, "not the five numbers of a histogram: \"%.20s\"", at);
		return NULL;
	}
	hdr = bench_hdr_new(highest);
	hdr->min = min;
	hdr->max = max;
	hdr->below = (uint64_t)below;
	hdr->above = (uint64_t)above;
	while (*at != '\0')
		if (hdr_parse_bucket(hdr, &at, &index, error) != 0)
			goto refuse;
	if (hdr_check(hdr, error) != 0)
		goto refuse;
	return hdr;
refuse:
	bench_hdr_free(&hdr);
	return NULL;
}
