/*
 * A picture with two axes: lines of points, with markers, intervals and rings. A section fills in
 * the points and the scales; all such pictures are drawn here.
 */
#ifndef BENCH_PAGE_PLOT_H
#define BENCH_PAGE_PLOT_H

#include "bench/page/page.h"

#define PLOT_LABEL 96

/* A point that is on neither scale parts the line. */
struct plot_point {
	double x, y;
	double low, high;    /* ends of the interval, in a plot with slots */
	bool aside;	     /* the line does not go through it */
	char *title;	     /* of its marker, freed by plot_free(); NULL: it has none */
	const char *classes; /* of its marker, more of them; NULL: none */
	char *ring; /* the label of a ring around it, freed likewise; NULL: there is none */
};

struct plot_line {
	char label[PLOT_LABEL];
	size_t style;
	struct plot_point *points;
	size_t count;
};

struct plot {
	struct svg_scale x, y;
	const char *x_title, *y_title;
	svg_label_fn x_label, y_label;
	size_t x_ticks, y_ticks; /* at most */
	double height;
	bool wide;
	/* Values of x at equal distances, whatever they are; points stand a little beside them, a
	 * line's beside another's, with their intervals in place of a line. NULL: a scale. */
	const double *slots;
	size_t slot_count;
	struct plot_line lines[SVG_STYLES];
	size_t count;
	struct plot_line crosses; /* marks on the x axis */
	struct buf desc;	  /* what is to be seen */
};

/* Adds a line of the style, or of the next that is free. NULL: there are SVG_STYLES already. */
struct plot_line *plot_add_line(struct plot *plot, size_t style, const char *label);
/* Adds a point. It is valid until the next one is added. Aborts without memory. */
struct plot_point *plot_add_point(struct plot_line *line, double x, double y);
/* The text of a marker or a ring. Aborts without memory. */
CART_PRINTF(1, 2) char *plot_text(const char *format, ...);
/* Widens a scale to a value. Ignores one that is not finite. */
void plot_widen(struct svg_scale *scale, double value);
/* Puts a picture of it on the page, if it has a description, and frees it. Rounds the y scale. */
CART_PRINTF(3, 4)
void plot_show(struct report *report, struct plot *plot, const char *title, ...);

/* Begins a picture of rows, so high in all, with a gap between them and the legend. The x scale,
 * left and right are set. */
void plot_rows_begin(struct svg_chart *chart, const char *id, const struct page_figure *figure,
		     const struct svg_legend_entry *legend, size_t count, double gap, double rows);

#endif
