/* Scales put values where they belong, ticks are round and few, and what is drawn can be read. */
#include "bench/result/number.h"
#include "bench/page/svg.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double value, double wanted)
{
	if (fabs(value - wanted) > 1e-6)
		fail_msg("%.9g is not %.9g", value, wanted);
}

static void a_linear_scale_is_linear_and_may_run_down(void **state)
{
	struct svg_scale y = {.type = SVG_LINEAR, .low = 0, .high = 20, .from = 300, .to = 100};

	(void)state;
	assert_near(svg_scale_at(&y, 0), 300);
	assert_near(svg_scale_at(&y, 5), 250);
	assert_near(svg_scale_at(&y, 20), 100);
	assert_near(svg_scale_at(&y, 30), 0);
}

static void a_logarithmic_scale_has_equal_ratios_at_equal_distances(void **state)
{
	struct svg_scale x = {.type = SVG_LOG, .low = 0.1, .high = 1000, .from = 0, .to = 400};

	(void)state;
	assert_near(svg_scale_at(&x, 0.1), 0);
	assert_near(svg_scale_at(&x, 1), 100);
	assert_near(svg_scale_at(&x, 1000), 400);
	assert_true(isnan(svg_scale_at(&x, 0)));
	assert_true(isnan(svg_scale_at(&x, -1)));
}

/* The axis of 1 / (1 - p): from p90 to p99 as far as from p99 to p99.9. */
static void a_tail_scale_gives_each_nine_the_same_room(void **state)
{
	struct svg_scale x = {.type = SVG_TAIL, .low = 0, .high = 0.999, .from = 0, .to = 300};

	(void)state;
	assert_near(svg_scale_at(&x, 0), 0);
	assert_near(svg_scale_at(&x, 0.9), 100);
	assert_near(svg_scale_at(&x, 0.99), 200);
	assert_near(svg_scale_at(&x, 0.5), 100 * log10(2));
	assert_true(isnan(svg_scale_at(&x, 1)));
}

static struct svg_scale scale_of(enum svg_scale_type type, double low, double high)
{
	return (struct svg_scale){.type = type, .low = low, .high = high};
}

static void assert_ticks(const struct svg_scale *scale, size_t most, const double *wanted,
			 size_t count)
{
	struct svg_ticks ticks;
	size_t i;

	svg_ticks_make(&ticks, scale, most);
	assert_int_equal(ticks.count, count);
	for (i = 0; i < count; i++)
		assert_near(ticks.values[i], wanted[i]);
}

#define ASSERT_TICKS(most, scale, ...)                                                             \
	do {                                                                                       \
		const double wanted[] = {__VA_ARGS__};                                             \
		struct svg_scale of = scale;                                                       \
		assert_ticks(&of, most, wanted, sizeof(wanted) / sizeof(*wanted));                 \
	} while (0)

static void ticks_are_round_numbers(void **state)
{
	(void)state;
	ASSERT_TICKS(6, scale_of(SVG_LINEAR, 0, 1), 0, 0.2, 0.4, 0.6, 0.8, 1);
	ASSERT_TICKS(6, scale_of(SVG_LINEAR, 3, 47), 10, 20, 30, 40);
	ASSERT_TICKS(5, scale_of(SVG_LINEAR, -0.3, 0.3), -0.2, 0, 0.2);
	ASSERT_TICKS(8, scale_of(SVG_LOG, 0.2, 20), 0.2, 0.5, 1, 2, 5, 10, 20);
	ASSERT_TICKS(6, scale_of(SVG_LOG, 0.02, 20), 0.03, 0.1, 0.3, 1, 3, 10);
	ASSERT_TICKS(4, scale_of(SVG_LOG, 0.01, 100), 0.01, 1, 100);
	ASSERT_TICKS(6, scale_of(SVG_LOG, 0.9, 1.6), 1, 1.2, 1.4, 1.6);
	ASSERT_TICKS(8, scale_of(SVG_TAIL, 0, 0.9995), 0, 0.5, 0.9, 0.99, 0.999);
}

static void assert_ticks_hold(const struct svg_scale *scale, size_t most)
{
	double slack =
		scale->type == SVG_LOG ? scale->low * 1e-6 : (scale->high - scale->low) * 1e-6;
	struct svg_ticks ticks;
	size_t i;

	svg_ticks_make(&ticks, scale, most);
	assert_true(ticks.count <= most);
	for (i = 0; i < ticks.count; i++) {
		assert_true(ticks.values[i] >= scale->low - slack);
		assert_true(ticks.values[i] <= scale->high * (1 + 1e-6));
		assert_true(i == 0 || ticks.values[i] > ticks.values[i - 1]);
	}
}

/* Over all ranges that a file could bring. */
static void ticks_are_never_more_than_asked_for_nor_outside(void **state)
{
	struct svg_scale scale;
	int from, width;
	size_t most;

	(void)state;
	for (from = -24; from < 24; from++)
		for (width = 1; width < 60; width++)
			for (most = 2; most < 12; most++) {
				scale.low = pow(1.8, from);
				scale.high = scale.low * (1.0001 + pow(1.5, width) - 1.5);
				scale.type = SVG_LINEAR;
				assert_ticks_hold(&scale, most);
				scale.type = SVG_LOG;
				assert_ticks_hold(&scale, most);
			}
}

static void a_scale_without_extent_has_no_ticks(void **state)
{
	struct svg_scale none[] = {scale_of(SVG_LINEAR, 1, 1), scale_of(SVG_LINEAR, 2, 1),
				   scale_of(SVG_LINEAR, NAN, 1), scale_of(SVG_LINEAR, 0, INFINITY)};
	struct svg_ticks ticks;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(none) / sizeof(*none); i++) {
		svg_ticks_make(&ticks, &none[i], 5);
		assert_int_equal(ticks.count, 0);
	}
}

static void rounding_moves_the_ends_outward(void **state)
{
	struct svg_scale scale = scale_of(SVG_LINEAR, 0, 8.3);

	(void)state;
	svg_scale_round(&scale);
	assert_near(scale.low, 0);
	assert_near(scale.high, 10);
	scale = scale_of(SVG_LOG, 0.23, 18.9);
	svg_scale_round(&scale);
	assert_near(scale.low, 0.2);
	assert_near(scale.high, 20);
	scale = scale_of(SVG_LOG, 1, 10);
	svg_scale_round(&scale);
	assert_near(scale.low, 1);
	assert_near(scale.high, 10);
	scale = scale_of(SVG_LOG, 0.7, 0.7);
	svg_scale_round(&scale);
	assert_true(scale.low < 0.7 && scale.high > 0.7);
	scale = scale_of(SVG_LINEAR, 0, 0);
	svg_scale_round(&scale);
	assert_true(scale.high > scale.low);
}

static struct svg_chart chart_of(struct buf *out)
{
	struct svg_chart chart = {.out = out,
				  .width = 120,
				  .height = 120,
				  .left = 10,
				  .right = 110,
				  .top = 10,
				  .bottom = 110,
				  .x = scale_of(SVG_LINEAR, 0, 100),
				  .y = scale_of(SVG_LOG, 1, 100)};

	svg_chart_fit(&chart);
	return chart;
}

static void a_path_goes_through_its_points_and_parts_where_there_is_none(void **state)
{
	struct buf out = {0};
	struct svg_chart chart = chart_of(&out);
	struct svg_path path;

	(void)state;
	svg_path_begin(&path, &chart, 1, "whole");
	svg_path_to(&path, 0, 1);
	svg_path_to(&path, 50, 10);
	svg_path_to(&path, 50.1, 10); /* a tenth of a unit further: left out */
	svg_path_to(&path, 60, NAN);
	svg_path_to(&path, 70, 0); /* not on a logarithmic scale */
	svg_path_to(&path, 80, 100);
	svg_path_to(&path, 100, 100);
	svg_path_end(&path);
	assert_string_equal(buf_string(&out), "<path class=\"l s1 whole\" d=\"M10.0 110.0L60.0 "
					      "60.0M90.0 10.0L110.0 10.0\"/>\n");
	buf_free(&out);
}

static void a_path_without_points_is_still_a_path(void **state)
{
	struct buf out = {0};
	struct svg_chart chart = chart_of(&out);
	struct svg_path path;

	(void)state;
	svg_path_begin(&path, &chart, 0, "");
	svg_path_to(&path, NAN, 1);
	svg_path_end(&path);
	assert_non_null(strstr(buf_string(&out), "d=\"M0 0\""));
	buf_free(&out);
}

static void what_has_no_place_is_left_out(void **state)
{
	struct buf out = {0};
	struct svg_chart chart = chart_of(&out);

	(void)state;
	svg_marker(&chart, 0, "", NAN, 5, "x");
	svg_text(&chart, 5, INFINITY, SVG_START, "", 0, "x");
	svg_line(&chart, "g", 0, 0, NAN, 0);
	svg_rect(&chart, "part", 0, 0, NAN, 5, NULL);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void a_picture_names_itself_and_escapes(void **state)
{
	struct buf out = {0};
	struct svg_chart chart = chart_of(&out);
	const char *text;

	(void)state;
	svg_open(&chart, "fig7", "A < B", "\"so\"");
	svg_text(&chart, 1, 2, SVG_END, "at", 0, "<b>");
	svg_marker(&chart, 0, "", 5, 5, "x & y");
	svg_close(&chart);
	text = buf_string(&out);
	assert_non_null(strstr(text, "role=\"img\" aria-labelledby=\"fig7-t fig7-d\""));
	assert_non_null(strstr(text, "<title id=\"fig7-t\">A &lt; B</title>"));
	assert_non_null(strstr(text, "<desc id=\"fig7-d\">&quot;so&quot;</desc>"));
	assert_non_null(strstr(text, ">&lt;b&gt;</text>"));
	assert_non_null(strstr(text, "<title>x &amp; y</title>"));
	buf_free(&out);
}

static void a_text_is_cut_to_its_room_at_a_character(void **state)
{
	struct buf out = {0};
	struct svg_chart chart = chart_of(&out);

	(void)state;
	svg_text(&chart, 0, 0, SVG_START, "", 4.5 * SVG_FONT * 0.6, "K\xc3\xb6ln am Rhein");
	assert_non_null(strstr(buf_string(&out), ">K\xc3\xb6l\xe2\x80\xa6</text>"));
	buf_reset(&out);
	svg_text(&chart, 0, 0, SVG_START, "", 4.5 * SVG_FONT * 0.6, "Ulm");
	assert_non_null(strstr(buf_string(&out), ">Ulm</text>"));
	buf_free(&out);
}

/* Two labels that would touch are one. */
static void labels_of_the_x_axis_do_not_touch(void **state)
{
	static const struct svg_ticks close = {.count = 3, .values = {0, 5, 60}};
	struct buf out = {0};
	struct svg_chart chart = chart_of(&out);
	const char *text;

	(void)state;
	svg_grid_x_at(&chart, &close, number_plain);
	text = buf_string(&out);
	assert_non_null(strstr(text, ">0</text>"));
	assert_null(strstr(text, ">5</text>"));
	assert_non_null(strstr(text, ">60</text>"));
	buf_free(&out);
}

static void a_legend_wraps_and_says_how_high_it_is(void **state)
{
	const struct svg_legend_entry entries[] = {
		{.label = "a label", .style = 0},
		{.label = "another one", .style = 1},
		{.label = "boxed", .box = "part p1"},
	};
	struct buf out = {0};
	struct svg_chart chart = {.out = &out, .width = 1000};
	double one, three;

	(void)state;
	one = svg_legend(&chart, entries, 3, false);
	chart.width = 130;
	three = svg_legend(&chart, entries, 3, false);
	assert_int_equal(out.len, 0);
	assert_true(three > one + 30);
	assert_near(svg_legend(&chart, entries, 3, true), three);
	assert_non_null(strstr(buf_string(&out), "class=\"m s1 \""));
	assert_non_null(strstr(buf_string(&out), "part p1"));
	assert_near(svg_legend(&chart, entries, 0, true), 0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_linear_scale_is_linear_and_may_run_down),
		cmocka_unit_test(a_logarithmic_scale_has_equal_ratios_at_equal_distances),
		cmocka_unit_test(a_tail_scale_gives_each_nine_the_same_room),
		cmocka_unit_test(ticks_are_round_numbers),
		cmocka_unit_test(ticks_are_never_more_than_asked_for_nor_outside),
		cmocka_unit_test(a_scale_without_extent_has_no_ticks),
		cmocka_unit_test(rounding_moves_the_ends_outward),
		cmocka_unit_test(a_path_goes_through_its_points_and_parts_where_there_is_none),
		cmocka_unit_test(a_path_without_points_is_still_a_path),
		cmocka_unit_test(what_has_no_place_is_left_out),
		cmocka_unit_test(a_picture_names_itself_and_escapes),
		cmocka_unit_test(a_text_is_cut_to_its_room_at_a_character),
		cmocka_unit_test(labels_of_the_x_axis_do_not_touch),
		cmocka_unit_test(a_legend_wraps_and_says_how_high_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
