#include "core/base/buf.h"
#include "core/base/metrics.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static double read_seven(void *user)
{
	return *(double *)user;
}

static void shards_are_merged_on_reading(void **state)
{
	struct metrics *metrics = metrics_new();
	metric_t hits = metrics_counter(metrics, "hits_total", "Hits", "route=\"a\"");
	metric_t open = metrics_gauge(metrics, "open", "Open", NULL);
	struct metrics_shard *one = metrics_shard_new(metrics), *two = metrics_shard_new(metrics);

	(void)state;
	metrics_add(one, hits, 2);
	metrics_add(two, hits, 3);
	metrics_add(one, open, 5);
	metrics_add(two, open, -1);
	assert_int_equal(metrics_value(metrics, hits), 5);
	assert_int_equal(metrics_value(metrics, open), 4);
	metrics_free(&metrics);
	assert_null(metrics);
}

static void the_same_series_registered_twice_is_one(void **state)
{
	struct metrics *metrics = metrics_new();
	metric_t a = metrics_counter(metrics, "x_total", "X", "l=\"1\"");

	(void)state;
	assert_int_equal(metrics_counter(metrics, "x_total", "X", "l=\"1\""), a);
	assert_int_not_equal(metrics_counter(metrics, "x_total", "X", "l=\"2\""), a);
	metrics_free(&metrics);
}

static void the_text_is_prometheus_text(void **state)
{
	static double seven = 7.5;
	struct metrics *metrics = metrics_new();
	metric_t a = metrics_counter(metrics, "x_total", "How many.", "l=\"1\"");
	metric_t h = metrics_histogram(metrics, "t_seconds", "Time.", "op=\"get\"");
	struct metrics_shard *shard;
	struct buf out = {0};
	const char *text;

	(void)state;
	metrics_counter(metrics, "x_total", "How many.", "l=\"2\"");
	metrics_callback(metrics, "age", "Age.", read_seven, &seven);
	metrics_info(metrics, "x_info", "Which.", "version=\"1\"");
	shard = metrics_shard_new(metrics);
	metrics_add(shard, a, 3);
	metrics_observe(shard, h, 50000);
	metrics_observe(shard, h, 50001);
	metrics_observe(shard, h, INT64_C(60) * 1000000000);
	assert_int_equal(metrics_value(metrics, h), 3);
	metrics_print(metrics, &out);
	text = buf_string(&out);
	assert_non_null(strstr(text, "# HELP x_total How many.\n# TYPE x_total counter\n"
				     "x_total{l=\"1\"} 3\nx_total{l=\"2\"} 0\n"));
	assert_non_null(strstr(text, "t_seconds_bucket{op=\"get\",le=\"0.00005\"} 1\n"
				     "t_seconds_bucket{op=\"get\",le=\"0.0001\"} 2\n"));
	assert_non_null(strstr(text, "t_seconds_bucket{op=\"get\",le=\"10\"} 2\n"
				     "t_seconds_bucket{op=\"get\",le=\"+Inf\"} 3\n"
				     "t_seconds_sum{op=\"get\"} 60.000100001\n"
				     "t_seconds_count{op=\"get\"} 3\n"));
	assert_non_null(strstr(text, "# TYPE age gauge\nage 7.5\n"));
	assert_non_null(strstr(text, "# TYPE x_info gauge\nx_info{version=\"1\"} 1\n"));
	buf_free(&out);
	metrics_free(&metrics);
}

static void batches_are_counted_by_size(void **state)
{
	struct metrics *metrics = metrics_new();
	struct metrics_sizes sizes;
	struct metrics_shard *shard;
	struct buf out = {0};

	(void)state;
	metrics_sizes_register(&sizes, 4, metrics, "b_total", "Batches", "kind=\"read\",ops");
	shard = metrics_shard_new(metrics);
	for (size_t size = 1; size <= 10; size++)
		metrics_add_size(shard, &sizes, size);
	metrics_print(metrics, &out);
	assert_non_null(strstr(buf_string(&out), "b_total{kind=\"read\",ops=\"1\"} 1\n"
						 "b_total{kind=\"read\",ops=\"2-3\"} 2\n"
						 "b_total{kind=\"read\",ops=\"4-7\"} 4\n"
						 "b_total{kind=\"read\",ops=\"8+\"} 3\n"));
	buf_free(&out);
	metrics_free(&metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shards_are_merged_on_reading),
		cmocka_unit_test(the_same_series_registered_twice_is_one),
		cmocka_unit_test(the_text_is_prometheus_text),
		cmocka_unit_test(batches_are_counted_by_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
