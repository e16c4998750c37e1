/* Charts that several sections use: latency by percentile, distribution, lines over time. */
#ifndef BENCH_REPORT_PLOT_H
#define BENCH_REPORT_PLOT_H

#include "bench/report/page.h"

#define PLOT_LABEL 96

/* Begins a picture: makes room for legend and axis titles, fits the scales, which are the caller's
 * to set first, into what is left, and draws legend and horizontal grid lines. */
void plot_begin(struct svg_chart *chart, struct buf *out, double width, double height,
		const char *id, const struct page_figure *figure,
		const struct svg_legend_entry *legend, size_t count, size_t ticks,
		svg_label_fn y_label);

/* Series of one latency picture. A zeroed one is empty. */
struct plot_latency {
	size_t count;
	struct plot_latency_series {
		char label[PLOT_LABEL];
		size_t style;
		struct bench_hdr *hdr;
	} series[SVG_STYLES];
};
/* Adds the histogram of a HIST. Skips one that is empty, and series for which no style is left. */
void plot_latency_add(struct plot_latency *plot, const char *label, size_t style,
		      const json_t *hist);
void plot_latency_free(struct plot_latency *plot);
/* The two pictures of it. what: "create". */
typedef void (*plot_latency_fn)(struct report *report, struct plot_latency *plot, bool stand_in,
				const char *what);
void plot_latency_percentiles(struct report *report, struct plot_latency *plot, bool stand_in,
			      const char *what);
void plot_latency_ecdf(struct report *report, struct plot_latency *plot, bool stand_in,
		       const char *what);

/* Lines over seconds: a member of each entry of a list. */
struct plot_time {
	const json_t *seconds;
	size_t count;
	struct plot_time_line {
		char label[PLOT_LABEL];
		size_t style;
		const char *key;   /* of the value */
		const char *ok;	   /* of the number of samples, or NULL: each value counts */
		double quantile;   /* of the value, with ok: shown where ten samples lie beyond */
		const char *extra; /* classes */
	} lines[SVG_STYLES];
	const char *failed; /* key of a number of failures, marked where it is not 0; or NULL */
	const char *y_title;
};
void plot_time(struct report *report, struct plot_time *plot, bool stand_in, const char *what);

/* Labels of ticks. */
const char *plot_label_percent(double value, char *text);
const char *plot_label_percentile(double value, char *text);

#endif
