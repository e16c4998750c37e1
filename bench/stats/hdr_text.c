/*
 * A histogram as one line of text. What is read comes from files that anybody may have edited: each
 * number is bounded before it is used, and everything that recording keeps true (min and max lie in
 * the first and the last bucket, what was cut lies at the ends) must be true of a text too.
 */
#include "bench/stats/hdr.h"
#include "core/base/buf.h"

#include <inttypes.h>
#include <string.h>

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

/* The digits at *at, as they are written without need: no sign, no zero before them, at most max.
 */
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
		return cart_error_set(error, "smallest and largest value are not in the outermost "
					     "buckets");
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
