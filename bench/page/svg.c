#include "bench/page/svg.h"
#include "bench/result/html.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>

#define SVG_LABEL_GAP  6
#define SVG_LEGEND_ROW 20.0
#define SVG_SAMPLE     26.0 /* of a line, in the legend */

void svg_open(const struct svg_chart *chart, const char *id, const char *title, const char *desc)
{
	buf_printf(chart->out, "<svg viewBox=\"0 0 %.0f %.0f\" ", chart->width, chart->height);
	html_add(chart->out,
		 "role=\"img\" aria-labelledby=\"$-t $-d\"><title id=\"$-t\">$</title><desc "
		 "id=\"$-d\">$</desc>\n",
		 id, id, id, title, id, desc, NULL);
}

void svg_close(const struct svg_chart *chart)
{
	buf_add_string(chart->out, "</svg>\n");
}

void svg_chart_fit(struct svg_chart *chart)
{
	chart->x.from = chart->left;
	chart->x.to = chart->right;
	chart->y.from = chart->bottom;
	chart->y.to = chart->top;
}

/* By DejaVu Sans, the widest of the fonts that a browser may take here; a capital or an M is
 * wider, an i narrower, and labels have both. */
double svg_text_width(const char *text)
{
	return (double)html_characters(text) * SVG_FONT * 0.6;
}

void svg_text(const struct svg_chart *chart, double x, double y, enum svg_anchor anchor,
	      const char *classes, double room, const char *text)
{
	static const char *const names[] = {"start", "middle", "end"};
	size_t fits = room > 0 ? (size_t)(room / (SVG_FONT * 0.6)) : SIZE_MAX;
	char cut[512];

	if (!isfinite(x) || !isfinite(y))
		return;
	buf_printf(chart->out, "<text x=\"%.1f\" y=\"%.1f\"", x, y);
	if (anchor != SVG_START)
		html_add(chart->out, " text-anchor=\"$\"", names[anchor], NULL);
	if (*classes != '\0')
		html_add(chart->out, " class=\"$\"", classes, NULL);
	buf_add_char(chart->out, '>');
	if (html_characters(text) <= fits) {
		html_add_text(chart->out, text);
	} else {
		snprintf(cut, sizeof(cut), "%.*s",
			 (int)html_bytes_of(text, fits > 1 ? fits - 1 : 1), text);
		html_add_text(chart->out, cut);
		buf_add_string(chart->out, "\xe2\x80\xa6");
	}
	buf_add_string(chart->out, "</text>\n");
}

void svg_line(const struct svg_chart *chart, const char *classes, double x1, double y1, double x2,
	      double y2)
{
	if (!isfinite(x1) || !isfinite(y1) || !isfinite(x2) || !isfinite(y2))
		return;
	html_add(chart->out, "<path class=\"$\"", classes, NULL);
	buf_printf(chart->out, " d=\"M%.1f %.1fL%.1f %.1f\"/>\n", x1, y1, x2, y2);
}

static void svg_place(const struct svg_chart *chart, double x, double y, double width,
		      double height)
{
	buf_printf(chart->out, " x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"", x, y,
		   fmax(width, 0), fmax(height, 0));
}

void svg_rect(const struct svg_chart *chart, const char *classes, double x, double y, double width,
	      double height, const char *title)
{
	if (!isfinite(x) || !isfinite(y) || !isfinite(width) || !isfinite(height))
		return;
	html_add(chart->out, "<rect class=\"$\"", classes, NULL);
	svg_place(chart, x, y, width, height);
	if (title != NULL)
		html_add(chart->out, "><title>$</title></rect>\n", title, NULL);
	else
		buf_add_string(chart->out, "/>\n");
}

void svg_patterns(const struct svg_chart *chart, const char *id)
{
	html_add(chart->out,
		 "<defs><pattern id=\"$-0\" width=\"6\" height=\"6\" "
		 "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path "
		 "class=\"ink\" d=\"M0 0h1.6v6h-1.6z\"/></pattern><pattern id=\"$-1\" width=\"7\" "
		 "height=\"7\" patternUnits=\"userSpaceOnUse\"><path class=\"ink\" d=\"M2 "
		 "2h2v2h-2z\"/></pattern></defs>\n",
		 id, id, NULL);
}

void svg_cover(const struct svg_chart *chart, const char *id, enum svg_pattern pattern, double x,
	       double y, double width, double height)
{
	html_add(chart->out, "<rect fill=\"url(#$-$)\" pointer-events=\"none\"", id,
		 pattern == SVG_HATCHED ? "0" : "1", NULL);
	svg_place(chart, x, y, width, height);
	buf_add_string(chart->out, "/>\n");
}

double svg_left_of(const struct svg_scale *y, size_t most, svg_label_fn label)
{
	char text[NUMBER_TEXT];
	struct svg_ticks ticks;
	double widest = 0;

	svg_ticks_make(&ticks, y, most);
	for (size_t i = 0; i < ticks.count; i++)
		widest = fmax(widest, svg_text_width(label(ticks.values[i], text)));
	return widest + SVG_LABEL_GAP + 2;
}

/* A label that would touch the one before it is left out with its line; the last one is drawn
 * inward, so that it does not leave the picture. */
void svg_grid_x_at(const struct svg_chart *chart, const struct svg_ticks *ticks, svg_label_fn label)
{
	double free_from = -1, line, x, half;
	char text[NUMBER_TEXT];

	for (size_t i = 0; i < ticks->count; i++) {
		line = svg_scale_at(&chart->x, ticks->values[i]);
		half = svg_text_width(label(ticks->values[i], text)) / 2;
		x = fmin(line, chart->width - half);
		if (x - half < free_from)
			continue;
		svg_line(chart, "g", line, chart->top, line, chart->bottom);
		svg_text(chart, x, chart->bottom + SVG_FONT + 4, SVG_MIDDLE, "", 0, text);
		free_from = x + half + SVG_LABEL_GAP;
	}
}

void svg_grid_x(const struct svg_chart *chart, size_t most, svg_label_fn label)
{
	struct svg_ticks ticks;

	svg_ticks_make(&ticks, &chart->x, most);
	svg_grid_x_at(chart, &ticks, label);
}

void svg_grid_y(const struct svg_chart *chart, size_t most, svg_label_fn label)
{
	char text[NUMBER_TEXT];
	struct svg_ticks ticks;
	double y;

	svg_ticks_make(&ticks, &chart->y, most);
	for (size_t i = 0; i < ticks.count; i++) {
		y = svg_scale_at(&chart->y, ticks.values[i]);
		svg_line(chart, "g", chart->left, y, chart->right, y);
		svg_text(chart, chart->left - SVG_LABEL_GAP, y + SVG_FONT * 0.35, SVG_END, "", 0,
			 label(ticks.values[i], text));
	}
}

void svg_axis_titles(const struct svg_chart *chart, const char *x, const char *y)
{
	svg_line(chart, "ax", chart->left, chart->bottom, chart->right, chart->bottom);
	svg_text(chart, (chart->left + chart->right) / 2, chart->bottom + 2 * SVG_FONT + 9,
		 SVG_MIDDLE, "at", 0, x);
	svg_text(chart, 2, chart->top - 12, SVG_START, "at", 0, y);
}

void svg_path_begin(struct svg_path *path, const struct svg_chart *chart, size_t style,
		    const char *classes)
{
	*path = (struct svg_path){.chart = chart};
	buf_printf(chart->out, "<path class=\"l s%zu %s\" d=\"", style % SVG_STYLES, classes);
}

void svg_path_to(struct svg_path *path, double x, double y)
{
	double at_x = svg_scale_at(&path->chart->x, x), at_y = svg_scale_at(&path->chart->y, y);

	if (!isfinite(at_x) || !isfinite(at_y)) {
		path->down = false;
		return;
	}
	if (path->down && fabs(at_x - path->x) < 1 && fabs(at_y - path->y) < 1)
		return;
	buf_printf(path->chart->out, "%c%.1f %.1f", path->down ? 'L' : 'M', at_x, at_y);
	path->down = true;
	path->points++;
	path->x = at_x;
	path->y = at_y;
}

void svg_path_end(struct svg_path *path)
{
	if (path->points == 0)
		buf_add_string(path->chart->out, "M0 0"); /* some readers reject an empty d */
	buf_add_string(path->chart->out, "\"/>\n");
}

/* One shape a style, around 0 0, of equal weight to the eye. */
void svg_marker(const struct svg_chart *chart, size_t style, const char *classes, double x,
		double y, const char *title)
{
	static const char *const shapes[SVG_STYLES] = {
		"M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0 -8.4 0z",
		"M0 -5.4L5.4 0L0 5.4L-5.4 0z",
		"M-3.9 -3.9h7.8v7.8h-7.8z",
		"M0 -5L5 4H-5z",
		"M0 5L5 -4H-5z",
		"M-1.6 -5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
	};

	if (!isfinite(x) || !isfinite(y))
		return;
	buf_printf(chart->out,
		   "<path class=\"m s%zu %s\" transform=\"translate(%.1f %.1f)\" d=\"%s\"",
		   style % SVG_STYLES, classes, x, y, shapes[style % SVG_STYLES]);
	if (title != NULL)
		html_add(chart->out, "><title>$</title></path>\n", title, NULL);
	else
		buf_add_string(chart->out, "/>\n");
}

static void legend_entry(const struct svg_chart *chart, const struct svg_legend_entry *entry,
			 double x, double y, double room)
{
	const char *mark = entry->mark != NULL ? entry->mark : "";

	if (entry->box != NULL) {
		svg_rect(chart, entry->box, x, y - 10, 16, 12, NULL);
		if (entry->cover != NULL) {
			html_add(chart->out, "<rect fill=\"url(#$)\"", entry->cover, NULL);
			buf_printf(chart->out,
				   " x=\"%.1f\" y=\"%.1f\" width=\"16\" height=\"12\"/>\n", x,
				   y - 10);
		}
		svg_text(chart, x + 22, y, SVG_START, "", room - 22, entry->label);
		return;
	}
	buf_printf(chart->out, "<path class=\"l s%zu %s\" d=\"M%.1f %.1fh%.1f\"/>\n",
		   entry->style % SVG_STYLES, mark, x, y - 4, SVG_SAMPLE);
	svg_marker(chart, entry->style, mark, x + SVG_SAMPLE / 2, y - 4, NULL);
	svg_text(chart, x + SVG_SAMPLE + 6, y, SVG_START, "", room - SVG_SAMPLE - 6, entry->label);
}

double svg_legend(const struct svg_chart *chart, const struct svg_legend_entry *entries,
		  size_t count, bool out)
{
	double x = 2, y = SVG_FONT + 2, room = chart->width - 4, width;

	for (size_t i = 0; i < count; i++) {
		width = (entries[i].box != NULL ? 22 : SVG_SAMPLE + 6) +
			svg_text_width(entries[i].label) + 1;
		if (x > 2 && x + width > room) {
			x = 2;
			y += SVG_LEGEND_ROW;
		}
		if (out)
			legend_entry(chart, &entries[i], x, y, fmin(width, room));
		x += width + 14;
	}
	return count == 0 ? 0 : y + 6;
}
