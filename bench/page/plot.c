#include "bench/page/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PLOT_BELOW 42.0 /* labels and title of the x axis */
#define PLOT_ABOVE 30.0 /* title of the y axis */
#define PLOT_LEFT  8	/* ticks for whose labels there is room */
#define PLOT_RING  9.0
#define PLOT_APART 18.0 /* at most, between points of one slot */
#define PLOT_SLACK 1e-9 /* a point on the end of the scale is within it */

struct plot_line *plot_add_line(struct plot *plot, size_t style, const char *label)
{
	struct plot_line *line = &plot->lines[plot->count];
	bool taken = true;

	if (plot->count == SVG_STYLES)
		return NULL;
	for (; taken; style += taken) {
		taken = false;
		for (size_t i = 0; i < plot->count; i++)
			taken = taken || plot->lines[i].style == style % SVG_STYLES;
	}
	*line = (struct plot_line){.style = style % SVG_STYLES};
	snprintf(line->label, sizeof(line->label), "%s", label);
	plot->count++;
	return line;
}

struct plot_point *plot_add_point(struct plot_line *line, double x, double y)
{
	/* The room doubles whenever it is used up. */
	if ((line->count & (line->count - 1)) == 0) {
		size_t room = line->count > 0 ? 2 * line->count : 1;

		line->points = reallocarray(line->points, room, sizeof(*line->points));
		if (line->points == NULL)
			abort();
	}
	line->points[line->count] = (struct plot_point){.x = x, .y = y};
	return &line->points[line->count++];
}

char *plot_text(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = page_format(format, args);
	va_end(args);
	return text;
}

void plot_widen(struct svg_scale *scale, double value)
{
	if (!isfinite(value))
		return;
	scale->low = fmin(scale->low, value);
	scale->high = fmax(scale->high, value);
}

static bool plot_is_within(const struct svg_scale *scale, double value)
{
	return !(value < scale->low - PLOT_SLACK * fabs(scale->low)) &&
	       !(value > scale->high + PLOT_SLACK * fabs(scale->high));
}

static void plot_draw_line(const struct svg_chart *chart, const struct plot_line *line)
{
	struct svg_path path;

	svg_path_begin(&path, chart, line->style, "");
	for (size_t i = 0; i < line->count; i++)
		if (!line->points[i].aside && plot_is_within(&chart->x, line->points[i].x))
			svg_path_to(&path, line->points[i].x, line->points[i].y);
	svg_path_end(&path);
}

static void plot_draw_ring(const struct svg_chart *chart, size_t style, double x, double y,
			   const char *label)
{
	bool right = x + 14 + svg_text_width(label) < chart->right;

	buf_printf(chart->out,
		   "<circle class=\"l s%zu whole\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.0f\"/>\n", style,
		   x, y, PLOT_RING);
	svg_text(chart, right ? x + 13 : x - 13, y + (right ? 14 : -8), right ? SVG_START : SVG_END,
		 "halo", 0, label);
}

/* The markers of a line; beside: how far from their place. */
static void plot_draw_points(const struct svg_chart *chart, const struct plot_line *line,
			     bool intervals, double beside)
{
	for (size_t i = 0; i < line->count; i++) {
		const struct plot_point *point = &line->points[i];
		double x = svg_scale_at(&chart->x, point->x) + beside;
		double y = svg_scale_at(&chart->y, point->y);

		if (point->title == NULL || !isfinite(x) || !isfinite(y))
			continue;
		if (intervals)
			buf_printf(chart->out,
				   "<path class=\"l s%zu whole\" d=\"M%.1f %.1fh6m-3 0V%.1fm-3 "
				   "0h6\"/>\n",
				   line->style, x - 3, svg_scale_at(&chart->y, point->high),
				   svg_scale_at(&chart->y, point->low));
		svg_marker(chart, line->style, point->classes != NULL ? point->classes : "", x, y,
			   point->title);
		if (point->ring != NULL)
			plot_draw_ring(chart, line->style, x, y, point->ring);
	}
}

static void plot_draw_slots(const struct svg_chart *chart, const struct plot *plot)
{
	char text[NUMBER_TEXT];

	for (size_t i = 0; i < plot->slot_count; i++)
		svg_text(chart, svg_scale_at(&chart->x, (double)i), chart->bottom + SVG_FONT + 4,
			 SVG_MIDDLE, "", 0, plot->x_label(plot->slots[i], text));
}

/* Draws legend, grid and axes. */
static void plot_draw_frame(struct svg_chart *chart, const struct plot *plot, const char *id,
			    const struct page_figure *figure)
{
	struct svg_legend_entry legend[SVG_STYLES];

	for (size_t i = 0; i < plot->count; i++)
		legend[i] = (struct svg_legend_entry){
			.label = plot->lines[i].label,
			.style = plot->lines[i].style,
			.mark = plot->slots != NULL ? "whole" : NULL,
		};
	chart->top = svg_legend(chart, legend, plot->count, false) + PLOT_ABOVE;
	chart->height = plot->height + chart->top - PLOT_ABOVE;
	chart->left = svg_left_of(&chart->y, PLOT_LEFT, plot->y_label);
	chart->right = chart->width - 12;
	chart->bottom = chart->height - PLOT_BELOW;
	svg_chart_fit(chart);
	svg_open(chart, id, figure->title, figure->desc);
	svg_legend(chart, legend, plot->count, true);
	svg_grid_y(chart, plot->y_ticks, plot->y_label);
	if (plot->slots != NULL)
		plot_draw_slots(chart, plot);
	else
		svg_grid_x(chart, plot->x_ticks, plot->x_label);
	svg_axis_titles(chart, plot->x_title, plot->y_title);
}

static void plot_draw(struct buf *out, double width, const char *id,
		      const struct page_figure *figure)
{
	const struct plot *plot = figure->data;
	struct svg_chart chart = {.out = out, .width = width, .x = plot->x, .y = plot->y};
	double apart = 0, beside;

	plot_draw_frame(&chart, plot, id, figure);
	if (plot->slots != NULL)
		apart = fmin((chart.right - chart.left) / (double)plot->slot_count /
				     ((double)plot->count + 1),
			     PLOT_APART);
	for (size_t i = 0; i < plot->count; i++) {
		beside = ((double)i - (double)(plot->count - 1) / 2) * apart;
		if (plot->slots == NULL)
			plot_draw_line(&chart, &plot->lines[i]);
		plot_draw_points(&chart, &plot->lines[i], plot->slots != NULL, beside);
	}
	for (size_t i = 0; i < plot->crosses.count; i++)
		svg_text(&chart, svg_scale_at(&chart.x, plot->crosses.points[i].x),
			 chart.bottom - 3, SVG_MIDDLE, "bad", 0, "\xc3\x97");
	svg_close(&chart);
}

static void plot_line_free(struct plot_line *line)
{
	for (size_t i = 0; i < line->count; i++) {
		free(line->points[i].title);
		free(line->points[i].ring);
	}
	free(line->points);
}

void plot_show(struct report *report, struct plot *plot, const char *title, ...)
{
	struct page_figure figure = {.draw = plot_draw, .data = plot, .wide = plot->wide};
	va_list args;
	char *text;

	va_start(args, title);
	text = page_format(title, args);
	va_end(args);
	svg_scale_round(&plot->y);
	figure.text = plot->desc;
	page_figure(report, &figure, "%s", text);
	free(text);
	for (size_t i = 0; i < plot->count; i++)
		plot_line_free(&plot->lines[i]);
	plot_line_free(&plot->crosses);
}

void plot_rows_begin(struct svg_chart *chart, const char *id, const struct page_figure *figure,
		     const struct svg_legend_entry *legend, size_t count, double gap, double rows)
{
	chart->top = svg_legend(chart, legend, count, false) + gap;
	chart->bottom = chart->top + rows;
	chart->height = chart->bottom + PLOT_BELOW;
	svg_chart_fit(chart);
	svg_open(chart, id, figure->title, figure->desc);
	svg_legend(chart, legend, count, true);
}
