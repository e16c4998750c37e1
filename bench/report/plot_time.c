/* Lines over the seconds of a run. The axis of values begins at 0. */
#include "bench/result/number.h"
#include "bench/report/plot.h"

#include <math.h>
#include <stdio.h>

#define TIME_HEIGHT 260.0

/* NAN: there is no such value, or too few samples stand behind it. */
static double time_value(const struct plot_time_line *line, const json_t *second)
{
	double ok;

	if (line->ok != NULL) {
		ok = member_number(second, line->ok);
		if (!(ok * (1 - line->quantile) >= BENCH_HDR_BEYOND_MIN - 1e-6))
			return NAN;
	}
	return member_number(second, line->key);
}

static void time_ranges(const struct plot_time *plot, struct svg_chart *chart, size_t *shown)
{
	const json_t *second;
	double value;
	size_t i, k;

	chart->x.high = chart->y.high = 0;
	*shown = 0;
	json_array_foreach(plot->seconds, i, second)
	{
		chart->x.high = fmax(chart->x.high, member_number(second, "at_s"));
		for (k = 0; k < plot->count; k++) {
			value = time_value(&plot->lines[k], second);
			*shown += isfinite(value) ? 1 : 0;
			chart->y.high = fmax(chart->y.high, value);
		}
	}
	if (chart->x.high <= 0)
		chart->x.high = 1;
	svg_scale_round(&chart->y);
}

/* A value without neighbours makes no line, so it needs a marker. */
static bool time_is_alone(const struct plot_time *plot, const struct plot_time_line *line, size_t i)
{
	return (i == 0 || !isfinite(time_value(line, json_array_get(plot->seconds, i - 1)))) &&
	       !isfinite(time_value(line, json_array_get(plot->seconds, i + 1)));
}

static void time_line(const struct svg_chart *chart, const struct plot_time *plot,
		      const struct plot_time_line *line)
{
	double every = (double)json_array_size(plot->seconds) / 12, due = every / 2, at, value;
	char title[PLOT_LABEL + 2 * NUMBER_TEXT + 16], text[NUMBER_TEXT], when[NUMBER_TEXT];
	const json_t *second;
	struct svg_path path;
	size_t i;

	svg_path_begin(&path, chart, line->style, line->extra);
	json_array_foreach(plot->seconds, i, second)
	{
		svg_path_to(&path, member_number(second, "at_s"), time_value(line, second));
	}
	svg_path_end(&path);
	json_array_foreach(plot->seconds, i, second)
	{
		at = member_number(second, "at_s");
		value = time_value(line, second);
		if (!isfinite(at) || !isfinite(value))
			continue;
		if ((double)i >= due)
			due += every;
		else if (!time_is_alone(plot, line, i))
			continue;
		snprintf(title, sizeof(title), "%s: %s at second %s", line->label,
			 number_digits(value, 3, text), number_plain(at, when));
		svg_marker(chart, line->style, line->extra, svg_scale_at(&chart->x, at),
			   svg_scale_at(&chart->y, value), title);
	}
}

static void time_failures(const struct svg_chart *chart, const struct plot_time *plot)
{
	const json_t *second;
	double at, failed;
	size_t i;

	if (plot->failed == NULL)
		return;
	json_array_foreach(plot->seconds, i, second)
	{
		failed = member_number(second, plot->failed);
		at = member_number(second, "at_s");
		if (failed > 0 && isfinite(at))
			svg_text(chart, svg_scale_at(&chart->x, at), chart->bottom - 3, SVG_MIDDLE,
				 "bad", 0, "\xc3\x97"); /* a cross */
	}
}

static void time_draw(struct buf *out, double width, const char *id,
		      const struct page_figure *figure)
{
	const struct plot_time *plot = figure->data;
	struct svg_legend_entry legend[SVG_STYLES];
	struct svg_chart chart = {0};
	size_t shown, i;

	for (i = 0; i < plot->count; i++)
		legend[i] = (struct svg_legend_entry){.label = plot->lines[i].label,
						      .style = plot->lines[i].style,
						      .mark = plot->lines[i].extra};
	time_ranges(plot, &chart, &shown);
	plot_begin(&chart, out, width, TIME_HEIGHT, id, figure, legend, plot->count, 7,
		   number_plain);
	svg_grid_x(&chart, 10, number_plain);
	svg_axis_titles(&chart, "seconds since the start", plot->y_title);
	for (i = 0; i < plot->count; i++)
		time_line(&chart, plot, &plot->lines[i]);
	time_failures(&chart, plot);
	svg_close(&chart);
}

void plot_time(struct report *report, struct plot_time *plot, bool stand_in, const char *what)
{
	struct svg_chart ranges = {0};
	struct buf desc = {0};
	char high[NUMBER_TEXT], end[NUMBER_TEXT];
	size_t shown;

	time_ranges(plot, &ranges, &shown);
	if (shown > 0) {
		buf_printf(&desc, "%s over %s seconds, on an axis from 0 to %s.", plot->y_title,
			   number_plain(ranges.x.high, end), number_plain(ranges.y.high, high));
		page_figure(report,
			    &(struct page_figure){
				    .desc = buf_string(&desc),
				    .draw = time_draw,
				    .data = plot,
				    .wide = true,
			    },
			    stand_in, "%s", what);
	}
	buf_free(&desc);
}
