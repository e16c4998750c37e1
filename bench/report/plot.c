#include "bench/report/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PLOT_HEIGHT 300.0
#define PLOT_BELOW  42.0 /* labels and title of the x axis */
#define PLOT_ABOVE  30.0 /* title of the y axis */
#define PLOT_TICKS  8
#define PLOT_POINTS 120
#define PLOT_NS	    1e6 /* of a millisecond */

const char *plot_label_percent(double value, char *text)
{
	return number_percent(value, text);
}

const char *plot_label_percentile(double value, char *text)
{
	return number_percentile(value, text);
}

void plot_begin(struct svg_chart *chart, struct buf *out, double width, double height,
		const char *id, const struct page_figure *figure,
		const struct svg_legend_entry *legend, size_t count, size_t ticks,
		svg_label_fn y_label)
{
	chart->out = out;
	chart->width = width;
	chart->top = svg_legend(chart, legend, count, false) + PLOT_ABOVE;
	chart->height = height + chart->top - PLOT_ABOVE;
	chart->left = svg_left_of(&chart->y, PLOT_TICKS, y_label);
	chart->right = width - 12;
	chart->bottom = chart->height - PLOT_BELOW;
	svg_chart_fit(chart);
	svg_open(chart, id, figure->title, figure->desc);
	svg_legend(chart, legend, count, true);
	svg_grid_y(chart, ticks, y_label);
}

void plot_latency_add(struct plot_latency *plot, const char *label, size_t style,
		      const json_t *hist)
{
	struct plot_latency_series *series = &plot->series[plot->count];
	bool taken = true;
	size_t i;

	if (plot->count == SVG_STYLES)
		return;
	series->hdr = bench_result_parse_hist(hist);
	if (series->hdr == NULL)
		return;
	if (series->hdr->count < 2 * BENCH_HDR_BEYOND_MIN) {
		bench_hdr_free(&series->hdr);
		return;
	}
	/* The side's own style, or the next that is free in this picture. */
	for (style %= SVG_STYLES; taken; style += taken)
		for (i = 0, taken = false; i < plot->count; i++)
			taken = taken || plot->series[i].style == style % SVG_STYLES;
	series->style = style % SVG_STYLES;
	snprintf(series->label, sizeof(series->label), "%s", label);
	plot->count++;
}

void plot_latency_free(struct plot_latency *plot)
{
	size_t i;

	for (i = 0; i < plot->count; i++)
		bench_hdr_free(&plot->series[i].hdr);
	plot->count = 0;
}

/* The last quantile that ten samples lie beyond. */
static double plot_last(const struct bench_hdr *hdr)
{
	return 1 - (double)BENCH_HDR_BEYOND_MIN / (double)hdr->count;
}

static double plot_value(const struct bench_hdr *hdr, double quantile)
{
	return (double)bench_hdr_quantile(hdr, quantile) / PLOT_NS;
}

static size_t plot_legend(const struct plot_latency *plot,
			  struct svg_legend_entry legend[SVG_STYLES])
{
	size_t i;

	for (i = 0; i < plot->count; i++)
		legend[i] = (struct svg_legend_entry){.label = plot->series[i].label,
						      .style = plot->series[i].style};
	return plot->count;
}

/* Smallest and greatest value that the picture will show. */
static void plot_latency_range(const struct plot_latency *plot, double first,
			       struct svg_scale *scale)
{
	size_t i;

	scale->type = SVG_LOG;
	scale->low = INFINITY;
	scale->high = 0;
	for (i = 0; i < plot->count; i++) {
		const struct bench_hdr *hdr = plot->series[i].hdr;

		scale->low = fmin(scale->low, plot_value(hdr, first));
		scale->high = fmax(scale->high, plot_value(hdr, plot_last(hdr)));
	}
	scale->low = fmax(scale->low, 1e-6);
	scale->high = fmax(scale->high, scale->low);
}

static void plot_percentile_line(const struct svg_chart *chart,
				 const struct plot_latency_series *series)
{
	static const double marked[] = {0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999};
	double last = -log10(1 - plot_last(series->hdr)), quantile;
	char title[PLOT_LABEL + 2 * NUMBER_TEXT + 8], percentile[NUMBER_TEXT], ms[NUMBER_TEXT];
	struct svg_path path;
	size_t i;

	svg_path_begin(&path, chart, series->style, "");
	for (i = 0; i <= PLOT_POINTS; i++) {
		quantile = 1 - pow(10, -last * (double)i / PLOT_POINTS);
		svg_path_to(&path, quantile, plot_value(series->hdr, quantile));
	}
	svg_path_end(&path);
	for (i = 0; i < sizeof(marked) / sizeof(*marked); i++) {
		if (!bench_hdr_quantile_holds(series->hdr, marked[i]))
			break;
		quantile = plot_value(series->hdr, marked[i]);
		snprintf(title, sizeof(title), "%s: %s %s", series->label,
			 number_percentile(marked[i], percentile),
			 number_ms(quantile * PLOT_NS, ms));
		svg_marker(chart, series->style, "", svg_scale_at(&chart->x, marked[i]),
			   svg_scale_at(&chart->y, quantile), title);
	}
}

static void plot_draw_percentiles(struct buf *out, double width, const char *id,
				  const struct page_figure *figure)
{
	const struct plot_latency *plot = figure->data;
	struct svg_legend_entry legend[SVG_STYLES];
	struct svg_chart chart = {.x = {.type = SVG_TAIL}};
	size_t count = plot_legend(plot, legend), i;

	plot_latency_range(plot, 0, &chart.y);
	svg_scale_round(&chart.y);
	for (i = 0; i < count; i++)
		chart.x.high = fmax(chart.x.high, plot_last(plot->series[i].hdr));
	plot_begin(&chart, out, width, PLOT_HEIGHT, id, figure, legend, count, PLOT_TICKS,
		   number_plain);
	svg_grid_x(&chart, PLOT_TICKS, plot_label_percentile);
	svg_axis_titles(&chart, "percentile (each step: ten times as rare)", "ms (logarithmic)");
	for (i = 0; i < count; i++)
		plot_percentile_line(&chart, &plot->series[i]);
	svg_close(&chart);
}

static void plot_ecdf_line(const struct svg_chart *chart, const struct plot_latency_series *series)
{
	struct bench_hdr_bucket bucket = {0};
	char title[PLOT_LABEL + NUMBER_TEXT + 16], ms[NUMBER_TEXT];
	const struct bench_hdr *hdr = series->hdr;
	struct svg_path path;
	double median;

	svg_path_begin(&path, chart, series->style, "");
	while (bench_hdr_next(hdr, &bucket)) {
		double at = (double)bucket.high / PLOT_NS;

		if (at > chart->x.high)
			break;
		if (at >= chart->x.low)
			svg_path_to(&path, at, (double)bucket.to / (double)hdr->count);
	}
	svg_path_end(&path);
	median = plot_value(hdr, 0.5);
	snprintf(title, sizeof(title), "%s: median %s", series->label,
		 number_ms(median * PLOT_NS, ms));
	svg_marker(chart, series->style, "", svg_scale_at(&chart->x, median),
		   svg_scale_at(&chart->y, 0.5), title);
}

static void plot_draw_ecdf(struct buf *out, double width, const char *id,
			   const struct page_figure *figure)
{
	const struct plot_latency *plot = figure->data;
	struct svg_legend_entry legend[SVG_STYLES];
	struct svg_chart chart = {.y = {.type = SVG_LINEAR, .low = 0, .high = 1}};
	size_t count = plot_legend(plot, legend), i;

	plot_latency_range(plot, 0.001, &chart.x);
	svg_scale_round(&chart.x);
	plot_begin(&chart, out, width, PLOT_HEIGHT, id, figure, legend, count, 6,
		   plot_label_percent);
	svg_grid_x(&chart, 10, number_plain);
	svg_axis_titles(&chart, "ms (logarithmic)", "operations that took at most so long");
	for (i = 0; i < count; i++)
		plot_ecdf_line(&chart, &plot->series[i]);
	svg_close(&chart);
}

static const char *plot_latency_desc(struct buf *desc, const struct plot_latency *plot,
				     const char *how)
{
	char text[NUMBER_TEXT];
	size_t i;

	buf_add_string(desc, how);
	for (i = 0; i < plot->count; i++) {
		const struct bench_hdr *hdr = plot->series[i].hdr;

		buf_printf(desc, " %s: median %s", plot->series[i].label,
			   number_ms((double)bench_hdr_quantile(hdr, 0.5), text));
		if (bench_hdr_quantile_holds(hdr, 0.99))
			buf_printf(desc, ", p99 %s",
				   number_ms((double)bench_hdr_quantile(hdr, 0.99), text));
		buf_add_string(desc, i + 1 < plot->count ? ";" : ".");
	}
	return buf_string(desc);
}

static void plot_latency_figure(struct report *report, struct plot_latency *plot, bool stand_in,
				const char *what, const char *of, struct page_figure figure)
{
	struct buf desc = {0};

	if (plot->count > 0) {
		figure.data = plot;
		figure.desc = plot_latency_desc(&desc, plot, figure.desc);
		page_figure(report, &figure, stand_in, "%s: %s", what, of);
	}
	buf_free(&desc);
}

void plot_latency_percentiles(struct report *report, struct plot_latency *plot, bool stand_in,
			      const char *what)
{
	plot_latency_figure(report, plot, stand_in, what, "latency by percentile",
			    (struct page_figure){
				    .draw = plot_draw_percentiles,
				    .desc = "Lines of latency against percentile; lower is "
					    "faster.",
			    });
}

void plot_latency_ecdf(struct report *report, struct plot_latency *plot, bool stand_in,
		       const char *what)
{
	plot_latency_figure(report, plot, stand_in, what, "distribution of latency",
			    (struct page_figure){
				    .draw = plot_draw_ecdf,
				    .desc = "Share of operations that took at most a time; "
					    "further left is faster.",
			    });
}
