/* Medians and throughput over the seconds of a measurement. The axis of values begins at 0. */
#include "bench/page/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>

#define TIME_MARKERS 12 /* of a line */

/* What is shown of each second. */
struct time_value {
	const char *key;
	const char *ok;	 /* of the number of samples, or NULL: each value counts */
	double quantile; /* of the value, with ok: shown where ten samples lie beyond */
};

/* NAN: there is no such value, or too few samples stand behind it. */
static double time_get(const struct time_value *value, const json_t *second)
{
	if (value->ok != NULL && !(member_number(second, value->ok) * (1 - value->quantile) >=
				   BENCH_HDR_BEYOND_MIN - 1e-6))
		return NAN;
	return member_number(second, value->key);
}

/* Some points have a marker, and each that has no neighbours: it makes no line. */
static void time_mark(struct plot_line *line)
{
	double every = (double)line->count / TIME_MARKERS, due = every / 2;
	char text[NUMBER_TEXT], when[NUMBER_TEXT];

	for (size_t i = 0; i < line->count; i++) {
		struct plot_point *point = &line->points[i];

		if (!isfinite(point->x) || !isfinite(point->y))
			continue;
		if ((double)i >= due)
			due += every;
		else if ((i > 0 && isfinite(point[-1].y)) ||
			 (i + 1 < line->count && isfinite(point[1].y)))
			continue;
		point->title =
			plot_text("%s: %s at second %s", line->label,
				  number_digits(point->y, 3, text), number_plain(point->x, when));
	}
}

static void time_add(struct plot *plot, const json_t *seconds, const char *label, size_t style,
		     struct time_value value)
{
	struct plot_line *line = plot_add_line(plot, style, label);
	const json_t *second;

	if (line == NULL)
		return;
	member_each(i, second, seconds) {
		const struct plot_point *point = plot_add_point(line, member_number(second, "at_s"),
								time_get(&value, second));

		plot_widen(&plot->x, point->x);
		plot_widen(&plot->y, point->y);
	}
	time_mark(line);
}

/* Seconds in which something failed. */
static void time_add_failures(struct plot *plot, const json_t *seconds)
{
	const json_t *second;

	member_each(i, second, seconds)
		if (member_number(second, "failed") > 0)
			plot_add_point(&plot->crosses, member_number(second, "at_s"), 0);
}

static void time_begin(struct plot *plot, const char *y_title)
{
	*plot = (struct plot){
		.x_title = "seconds since the start",
		.y_title = y_title,
		.x_label = number_plain,
		.y_label = number_plain,
		.x_ticks = 10,
		.y_ticks = 7,
		.height = 260,
		.wide = true,
	};
}

static bool time_has_value(const struct plot *plot)
{
	for (size_t i = 0; i < plot->count; i++)
		for (size_t k = 0; k < plot->lines[i].count; k++)
			if (isfinite(plot->lines[i].points[k].y))
				return true;
	return false;
}

static void time_end(struct report *report, struct plot *plot, const char *what, const char *of)
{
	char high[NUMBER_TEXT], end[NUMBER_TEXT];

	if (plot->x.high <= 0)
		plot->x.high = 1;
	svg_scale_round(&plot->y);
	if (time_has_value(plot))
		buf_printf(&plot->desc, "%s over %s seconds, on an axis from 0 to %s.",
			   plot->y_title, number_plain(plot->x.high, end),
			   number_plain(plot->y.high, high));
	plot_show(report, plot, "%s: %s", what, of);
}

static void time_compared(struct report *report, const struct report_doc *doc,
			  const json_t *seconds)
{
	static const struct time_value values[] = {{"a_p50_ms", "a_ok", 0.5},
						   {"b_p50_ms", "b_ok", 0.5}};
	char title[PLOT_LABEL];
	struct plot plot;

	time_begin(&plot, "median of the second, ms");
	for (size_t side = 0; side < 2; side++)
		time_add(&plot, seconds, report_side_title(doc, side, title, sizeof(title)),
			 doc->sides[side].style, values[side]);
	time_end(report, &plot, "Median latency over time", report_file_of(report, doc));
}

static void time_of_run(struct report *report, const struct report_doc *doc, const json_t *seconds)
{
	const struct report_side *side = &doc->sides[0];
	char label[81];
	struct plot plot;

	snprintf(label, sizeof(label), "%s", side->label);
	time_begin(&plot, "ms");
	time_add(&plot, seconds, "median", side->style, (struct time_value){"p50_ms", "ok", 0.5});
	time_add(&plot, seconds, "p99", side->style + 2, (struct time_value){"p99_ms", "ok", 0.99});
	time_add_failures(&plot, seconds);
	time_end(report, &plot, "Latency over time under load", label);
	time_begin(&plot, "operations done in the second");
	time_add(&plot, seconds, side->label, side->style, (struct time_value){.key = "ok"});
	time_add_failures(&plot, seconds);
	time_end(report, &plot, "Throughput over time under load", label);
}

static bool time_has(const struct report_doc *doc)
{
	return json_array_size(json_object_get(doc->results, "seconds")) > 0;
}

static void time_doc(struct report *report, const struct report_doc *doc)
{
	const json_t *seconds = json_object_get(doc->results, "seconds");

	if (doc->kind == REPORT_H2H)
		time_compared(report, doc, seconds);
	else
		time_of_run(report, doc, seconds);
}

const struct page_section section_time = {
	.id = "time",
	.heading = "What changed meanwhile",
	.where = PAGE_HTML,
	.kinds = 1 << REPORT_H2H | 1 << REPORT_RUN,
	.intro = "A flat line is what the statistics hope for. Steps, slopes and spikes say that "
		 "the machine, the server or its disk had other things to do. A second with too "
		 "few samples for its percentile is left out; a cross marks one in which "
		 "operations failed.",
	.has = time_has,
	.doc = time_doc,
};
