/* What the histogram says beside what the sorted values say. */
#include "bench/stats/hdr.h"
#include "bench/stats/rng.h"
#include "core/base/buf.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUES 50000

static const double quantiles[] = {0, 1e-6, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 1};

typedef int64_t shape_fn(struct bench_rng *rng);

static int64_t uniform_ms(struct bench_rng *rng)
{
	return bench_rng_between(rng, 1, 1000000);
}

static int64_t exponential_ms(struct bench_rng *rng)
{
	return (int64_t)bench_rng_exponential(rng, 1e6);
}

/* Ten orders of magnitude: the logarithm is uniform. */
static int64_t every_order(struct bench_rng *rng)
{
	return (int64_t)exp(bench_rng_unit(rng) * log(3.6e12));
}

/* A cache that hits nine times in ten, and a disk. */
static int64_t two_humps(struct bench_rng *rng)
{
	return bench_rng_below(rng, 10) > 0 ? 80000 + (int64_t)bench_rng_below(rng, 2000)
					    : 9000000 + (int64_t)bench_rng_below(rng, 3000000);
}

static int64_t few_small(struct bench_rng *rng)
{
	return bench_rng_between(rng, 0, 3);
}

static int64_t constant(struct bench_rng *rng)
{
	(void)rng;
	return 123456789;
}

static shape_fn *const shapes[] = {uniform_ms, exponential_ms, every_order,
				   two_humps,  few_small,      constant};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static int by_value(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* count values of the shape, sorted; also recorded. */
static int64_t *draw(struct bench_hdr *hdr, size_t shape, size_t count)
{
	struct bench_rng rng;
	int64_t *values = calloc(count, sizeof(*values));
	size_t i;

	assert_non_null(values);
	bench_rng_init(&rng, 1, shape);
	for (i = 0; i < count; i++) {
		values[i] = shapes[shape](&rng);
		bench_hdr_record(hdr, values[i]);
	}
	qsort(values, count, sizeof(*values), by_value);
	return values;
}

/* reported is exact or above it by less than 0.1 %. */
static void check_close(int64_t reported, int64_t exact)
{
	if (reported < exact || (double)(reported - exact) >= 0.001 * (double)exact + 1e-9)
		fail_msg("%lld is reported for %lld", (long long)reported, (long long)exact);
}

static void quantiles_are_those_of_the_sorted_values_to_a_tenth_of_a_percent(void **state)
{
	struct bench_hdr *hdr = bench_hdr_new(BENCH_HDR_HOUR_NS);
	size_t shape, i, rank;

	(void)state;
	for (shape = 0; shape < SHAPES; shape++) {
		int64_t *values = draw(hdr, shape, VALUES);

		assert_int_equal(hdr->count, VALUES);
		assert_int_equal(hdr->min, values[0]);
		assert_int_equal(hdr->max, values[VALUES - 1]);
		for (i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
			rank = (size_t)ceil(quantiles[i] * VALUES - 1e-6);
			check_close(bench_hdr_quantile(hdr, quantiles[i]),
				    values[rank == 0 ? 0 : rank - 1]);
		}
		assert_int_equal(bench_hdr_quantile(hdr, 1), values[VALUES - 1]);
		free(values);
		bench_hdr_reset(hdr);
	}
	bench_hdr_free(&hdr);
}

static void every_rank_of_a_small_sample_is_met_exactly(void **state)
{
	struct bench_hdr *hdr = bench_hdr_new(BENCH_HDR_HIGHEST_MIN);
	int64_t i;

	(void)state;
	for (i = 1; i <= 1000; i++)
		bench_hdr_record(hdr, i);
	for (i = 1; i <= 1000; i++)
		assert_int_equal(bench_hdr_quantile(hdr, (double)i / 1000), i);
	assert_int_equal(bench_hdr_quantile(hdr, 0.0), 1);
	assert_int_equal(bench_hdr_quantile(hdr, 0.0005), 1);
	assert_int_equal(bench_hdr_quantile(hdr, 0.5004), 501);
	/* 0.07 * 100 and four others come out above themselves as doubles. */
	bench_hdr_reset(hdr);
	for (i = 1; i <= 100; i++)
		bench_hdr_record(hdr, i);
	for (i = 1; i <= 100; i++)
		assert_int_equal(bench_hdr_quantile(hdr, (double)i / 100), i);
	bench_hdr_free(&hdr);
}

static void mean_and_deviation_are_right_to_half_a_tenth_of_a_percent(void **state)
{
	struct bench_hdr *hdr = bench_hdr_new(BENCH_HDR_HOUR_NS);
	size_t shape, i;

	(void)state;
	for (shape = 0; shape < SHAPES; shape++) {
		int64_t *values = draw(hdr, shape, VALUES);
		double mean = 0, square = 0, stddev;

		for (i = 0; i < VALUES; i++)
			mean += (double)values[i] / VALUES;
		for (i = 0; i < VALUES; i++)
			square += pow((double)values[i] - mean, 2) / VALUES;
		stddev = sqrt(square);
		assert_true(fabs(bench_hdr_mean(hdr) - mean) <= 0.0005 * mean);
		assert_true(fabs(bench_hdr_stddev(hdr) - stddev) <= 0.0005 * mean);
		free(values);
		bench_hdr_reset(hdr);
	}
	bench_hdr_free(&hdr);
}

static void check_equal(const struct bench_hdr *a, const struct bench_hdr *b)
{
	assert_int_equal(a->buckets, b->buckets);
	assert_memory_equal(a, b, sizeof(*a) + a->buckets * sizeof(a->counts[0]));
}

static void merged_parts_are_the_whole(void **state)
{
	struct bench_hdr *whole = bench_hdr_new(5000000000);
	struct bench_hdr *parts[3], *sum = bench_hdr_new(5000000000);
	struct bench_rng rng;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		parts[i] = bench_hdr_new(5000000000);
	bench_rng_init(&rng, 2, 0);
	/* The hour's range over a highest of 5 s, and some below 0: what was cut merges too. */
	for (i = 0; i < 10000; i++) {
		int64_t value = every_order(&rng) - 10;

		bench_hdr_record(whole, value);
		bench_hdr_record(parts[bench_rng_below(&rng, 2)], value);
	}
	assert_true(whole->above > 1000 && whole->below > 100);
	for (i = 0; i < 3; i++)
		assert_int_equal(bench_hdr_merge(sum, parts[i]), 0);
	check_equal(sum, whole);
	/* One that is empty brings no smallest value of 0. */
	bench_hdr_reset(sum);
	bench_hdr_record(sum, 7);
	assert_int_equal(bench_hdr_merge(sum, parts[2]), 0);
	assert_int_equal(sum->min, 7);
	for (i = 0; i < 3; i++)
		bench_hdr_free(&parts[i]);
	parts[0] = bench_hdr_new(5000000001);
	bench_hdr_record(parts[0], 1);
	assert_int_equal(bench_hdr_merge(sum, parts[0]), -1);
	assert_int_equal(sum->count, 1);
	bench_hdr_free(&parts[0]);
	bench_hdr_free(&whole);
	bench_hdr_free(&sum);
}

static void what_lies_beyond_the_range_is_kept_at_its_end_and_counted(void **state)
{
	struct bench_hdr *hdr = bench_hdr_new(1000000);

	(void)state;
	assert_int_equal(bench_hdr_quantile(hdr, 0.5), 0);
	assert_true(bench_hdr_mean(hdr) == 0 && bench_hdr_stddev(hdr) == 0);
	bench_hdr_record(hdr, 1000000);
	assert_int_equal(hdr->above, 0);
	bench_hdr_record(hdr, 1000001);
	bench_hdr_record(hdr, INT64_MAX);
	bench_hdr_record(hdr, INT64_MAX);
	bench_hdr_record(hdr, -1);
	bench_hdr_record(hdr, INT64_MIN);
	bench_hdr_record(hdr, 0);
	assert_int_equal(hdr->count, 7);
	assert_int_equal(hdr->above, 3);
	assert_int_equal(hdr->below, 2);
	assert_int_equal(hdr->min, 0);
	assert_int_equal(hdr->max, 1000000);
	assert_int_equal(bench_hdr_quantile(hdr, 1), 1000000);
	assert_int_equal(bench_hdr_quantile(hdr, 3.0 / 7), 0);
	bench_hdr_free(&hdr);
}

/* A bucket's two ends, and that the next one begins where it ends. */
static void buckets_tile_the_range_and_none_is_wider_than_promised(void **state)
{
	struct bench_hdr *hdr = bench_hdr_new(BENCH_HDR_HOUR_NS);
	struct bench_hdr_bucket bucket = {0};
	int64_t expected = 0;
	size_t i;

	(void)state;
	for (i = 0; i < hdr->buckets; i++)
		hdr->counts[i] = 1;
	hdr->count = hdr->buckets;
	for (i = 0; bench_hdr_next(hdr, &bucket); i++) {
		assert_int_equal(bucket.low, expected);
		assert_true(bucket.high - bucket.low <= bucket.low / 1024);
		assert_int_equal(bucket.to, i + 1);
		expected = bucket.high + 1;
	}
	assert_int_equal(i, hdr->buckets);
	assert_true(bucket.low <= BENCH_HDR_HOUR_NS && BENCH_HDR_HOUR_NS <= bucket.high);
	bench_hdr_reset(hdr);
	for (i = 0; i < 42; i++)
		bench_hdr_record(hdr, INT64_C(1) << i);
	bucket.next = 0;
	for (i = 0; bench_hdr_next(hdr, &bucket); i++)
		assert_int_equal(bucket.low, INT64_C(1) << i);
	assert_int_equal(i, 42);
	bench_hdr_free(&hdr);
}

static void a_percentile_needs_ten_samples_beyond_it(void **state)
{
	struct bench_hdr *hdr = bench_hdr_new(BENCH_HDR_HIGHEST_MIN);

	(void)state;
	for (int i = 0; i < 9999; i++)
		bench_hdr_record(hdr, 1);
	assert_true(bench_hdr_quantile_holds(hdr, 0.99));
	assert_false(bench_hdr_quantile_holds(hdr, 0.999));
	bench_hdr_record(hdr, 1);
	assert_true(bench_hdr_quantile_holds(hdr, 0.999));
	assert_false(bench_hdr_quantile_holds(hdr, 0.9999));
	bench_hdr_free(&hdr);
}

static void text_gives_the_same_histogram_back(void **state)
{
	struct bench_hdr *hdr = bench_hdr_new(60000000000), *back;
	struct cart_error error = {0};
	struct buf text = {0};
	size_t shape;

	(void)state;
	for (shape = 0; shape < SHAPES; shape++) {
		free(draw(hdr, shape, 2000));
		if (shape == 0)
			bench_hdr_record(hdr, -5);
		bench_hdr_encode(hdr, &text);
		back = bench_hdr_parse(buf_string(&text), &error);
		if (back == NULL)
			fail_msg("%s", error.text);
		check_equal(back, hdr);
		bench_hdr_free(&back);
		buf_reset(&text);
	}
	bench_hdr_reset(hdr);
	bench_hdr_encode(hdr, &text);
	assert_string_equal(buf_string(&text), "hdr1 60000000000 0 0 0 0");
	buf_reset(&text);
	bench_hdr_record(hdr, 0);
	for (int i = 0; i < 12; i++)
		bench_hdr_record(hdr, 2049);
	bench_hdr_record(hdr, -1);
	bench_hdr_record(hdr, 2050);
	bench_hdr_encode(hdr, &text);
	assert_string_equal(buf_string(&text), "hdr1 60000000000 0 2050 1 0 1:2 2048:12 1");
	back = bench_hdr_parse(buf_string(&text), &error);
	assert_non_null(back);
	check_equal(back, hdr);
	bench_hdr_free(&back);
	bench_hdr_free(&hdr);
	buf_free(&text);
}

static void text_that_no_histogram_wrote_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"hdr",
		"hdr1",
		"hdr2 4096 0 0 0 0",
		"hdr1 2047 0 0 0 0",
		"hdr1 3600000000001 0 0 0 0",
		"hdr1 99999999999999999999 0 0 0 0",
		"hdr1 04096 0 0 0 0",
		"hdr1 +4096 0 0 0 0",
		"hdr1 4096 0 0 0",
		"hdr1  4096 0 0 0 0",
		"hdr1 4096 0 0 0 0 ",
		"hdr1 4096 0 0 0 0\n",
		"hdr1 4096 1 1 0 0",
		"hdr1 4096 0 0 1 0",
		"hdr1 4096 5 5 0 0 0",
		"hdr1 4096 5 5 0 0 6:0",
		"hdr1 4096 5 5 0 0 6:1",
		"hdr1 4096 5 5 0 0 6:02",
		"hdr1 4096 5 5 0 0 6:-2",
		"hdr1 4096 5 5 0 0 6:",
		"hdr1 4096 5 5 0 0 6:2:3",
		"hdr1 4096 5 5 0 0 6;2",
		"hdr1 4096 5 5 0 0 6.5",
		"hdr1 4096 5 5 0 0 x",
		"hdr1 4096 4 5 0 0 6",
		"hdr1 4096 5 6 0 0 6",
		"hdr1 4096 5 4097 0 0 6 3068",
		"hdr1 4096 5 4096 0 0 6 3068",
		"hdr1 4096 5 4096 0 0 6 3067 1",
		"hdr1 4096 5 5 1 0 6",
		"hdr1 4096 5 5 0 1 6",
		"hdr1 4096 0 0 2 0 1",
		"hdr1 4096 2048 2049 0 0 2049",
		"hdr1 4096 2049 2048 0 0 2049:2",
		"hdr1 4096 5 6 0 0 6:9223372036854775807 1",
		"hdr1 4096 5 5 0 0 6:9223372036854775808",
	};
	struct bench_hdr *hdr;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cart_error error = {0};

		if (bench_hdr_parse(bad[i], &error) != NULL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_true(error.text[0] != '\0');
	}
	hdr = bench_hdr_parse("hdr1 4096 5 4096 0 1 6 3067", NULL);
	assert_non_null(hdr);
	bench_hdr_free(&hdr);
	hdr = bench_hdr_parse("hdr1 4096 5 5 0 0 6:9223372036854775807", NULL);
	assert_non_null(hdr);
	bench_hdr_free(&hdr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_those_of_the_sorted_values_to_a_tenth_of_a_percent),
		cmocka_unit_test(every_rank_of_a_small_sample_is_met_exactly),
		cmocka_unit_test(mean_and_deviation_are_right_to_half_a_tenth_of_a_percent),
		cmocka_unit_test(merged_parts_are_the_whole),
		cmocka_unit_test(what_lies_beyond_the_range_is_kept_at_its_end_and_counted),
		cmocka_unit_test(buckets_tile_the_range_and_none_is_wider_than_promised),
		cmocka_unit_test(a_percentile_needs_ten_samples_beyond_it),
		cmocka_unit_test(text_gives_the_same_histogram_back),
		cmocka_unit_test(text_that_no_histogram_wrote_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
