/*
 * Pictures as SVG text, to stand inside an HTML page whose style sheet has their colours: scales,
 * ticks, axes, lines, markers. Coordinates are the picture's own units, about a pixel each; text is
 * SVG_FONT of them high. Each picture has a title and a description for those who do not see it.
 *
 * Series are told apart by a style, 0 ... SVG_STYLES - 1: a colour, and beside it a dash pattern
 * and the marker's shape, so that a picture can be read without colours. Every text is escaped.
 */
#ifndef BENCH_PAGE_SVG_H
#define BENCH_PAGE_SVG_H

#include "bench/page/svg_scale.h"
#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define SVG_STYLES 6
#define SVG_FONT   12.5

/* Where the plot lies within the picture: what is outside is for axes and legend. */
struct svg_chart {
	struct buf *out;
	double width;
	double height;
	double left;
	double right;
	double top;
	double bottom;
	struct svg_scale x;
	struct svg_scale y;
};

/* Begins the picture. id: unique on the page. Nothing is drawn at a place not finite. */
void svg_open(const struct svg_chart *chart, const char *id, const char *title, const char *desc);
void svg_close(const struct svg_chart *chart);
/* Sets the pixels of both scales from the plot's edges. */
void svg_chart_fit(struct svg_chart *chart);

typedef const char *(*svg_label_fn)(double value, char *text /* NUMBER_TEXT */);
/* Grid lines with their labels; svg_left_of says how wide the labels of the y axis will be. */
void svg_grid_x(const struct svg_chart *chart, size_t most, svg_label_fn label);
void svg_grid_y(const struct svg_chart *chart, size_t most, svg_label_fn label);
/* The same of ticks that the caller has chosen, ascending. */
void svg_grid_x_at(const struct svg_chart *chart, const struct svg_ticks *ticks,
		   svg_label_fn label);
double svg_left_of(const struct svg_scale *y, size_t most, svg_label_fn label);
/* What the axes are: the x axis' under its labels, the y axis' above the plot, lying. */
void svg_axis_titles(const struct svg_chart *chart, const char *x, const char *y);

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
/* classes: of the page's style sheet, or "". Cut with an ellipsis to `room` units, 0: as it is. */
void svg_text(const struct svg_chart *chart, double x, double y, enum svg_anchor anchor,
	      const char *classes, double room, const char *text);
/* How wide a text is at most, by what common fonts need. */
double svg_text_width(const char *text);

void svg_line(const struct svg_chart *chart, const char *classes, double x1, double y1, double x2,
	      double y2);
/* Defines two patterns, hatched and dotted, for svg_cover(); id: the picture's. */
void svg_patterns(const struct svg_chart *chart, const char *id);
enum svg_pattern { SVG_HATCHED, SVG_DOTTED };
/* Lays a pattern over a rectangle. */
void svg_cover(const struct svg_chart *chart, const char *id, enum svg_pattern pattern, double x,
	       double y, double width, double height);
/* title: shown where the pointer rests, NULL: none. */
void svg_rect(const struct svg_chart *chart, const char *classes, double x, double y, double width,
	      double height, const char *title);

/* A line through points in values of the scales. Points that are not on them part it. */
struct svg_path {
	const struct svg_chart *chart;
	size_t points;
	bool down;
	double x; /* the last point drawn */
	double y;
};
void svg_path_begin(struct svg_path *path, const struct svg_chart *chart, size_t style,
		    const char *classes);
/* Points that lie within a unit of the last one are left out. */
void svg_path_to(struct svg_path *path, double x, double y);
void svg_path_end(struct svg_path *path);

/* The style's shape around a point of the picture (not of the scales). */
void svg_marker(const struct svg_chart *chart, size_t style, const char *classes, double x,
		double y, const char *title);

struct svg_legend_entry {
	const char *label;
	size_t style;
	const char *mark;  /* more classes of line and marker, or NULL */
	const char *box;   /* classes of a box in place of them, or NULL */
	const char *cover; /* id of a pattern over the box, or NULL */
};
/* The legend at the picture's top, as many entries a row as fit. Returns the height it takes, also
 * with out = false, when nothing is drawn. */
double svg_legend(const struct svg_chart *chart, const struct svg_legend_entry *entries,
		  size_t count, bool out);

#endif
