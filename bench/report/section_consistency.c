/* The consistency probes: what was tried, and what was violated. */
#include "bench/probe/show.h"
#include "bench/report/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CONSISTENCY_HEIGHT 300.0
#define CONSISTENCY_DELAYS 16

/* ---- P(stale) against delay ---- */

struct stale {
	size_t count;
	double delays[CONSISTENCY_DELAYS]; /* of all series, ascending; equally far from each other
					    */
	size_t delay_count;
	struct stale_series {
		char label[PLOT_LABEL];
		size_t style;
		const json_t *by_delay;
	} series[SVG_STYLES];
};

static void stale_delay(struct stale *stale, double delay)
{
	size_t at = 0, i;

	while (at < stale->delay_count && stale->delays[at] < delay)
		at++;
	if (!isfinite(delay) || stale->delay_count == CONSISTENCY_DELAYS ||
	    (at < stale->delay_count && stale->delays[at] <= delay))
		return;
	for (i = stale->delay_count++; i > at; i--)
		stale->delays[i] = stale->delays[i - 1];
	stale->delays[at] = delay;
}

static double stale_place(const struct stale *stale, double delay)
{
	size_t i;

	for (i = 0; i < stale->delay_count; i++)
		if (stale->delays[i] == delay)
			return (double)i;
	return NAN;
}

static void stale_collect(struct stale *stale, const struct report_doc *doc)
{
	const json_t *probe, *entry;
	size_t i, k;

	json_array_foreach(json_object_get(doc->results, "probes"), i, probe)
	{
		struct stale_series *series = &stale->series[stale->count];
		const json_t *by_delay = json_object_get(probe, "by_delay");

		if (json_array_size(by_delay) == 0 || stale->count == SVG_STYLES)
			continue;
		series->by_delay = by_delay;
		series->style = stale->count++;
		snprintf(series->label, sizeof(series->label), "%.60s, %.20s",
			 doc->sides[report_side_of(doc, probe)].label, member_text(probe, "read"));
		json_array_foreach(by_delay, k, entry)
		{
			stale_delay(stale, member_number(entry, "delay_ms"));
		}
	}
}

/* The rate and its interval as drawn; without a violation 0 with the upper bound. */
static void stale_values(const json_t *entry, double *rate, double *low, double *high)
{
	double trials = member_number(entry, "trials");

	*rate = member_number(entry, "rate");
	*low = member_number(entry, "low");
	*high = member_number(entry, "high");
	if (member_number(entry, "violations") == 0) {
		*rate = *low = 0;
		*high = trials > 0 ? 1 - pow(0.05, 1 / trials) : NAN;
	}
}

static double stale_highest(const struct stale *stale)
{
	double highest = 0, rate, low, high;
	const json_t *entry;
	size_t i, k;

	for (i = 0; i < stale->count; i++)
		json_array_foreach(stale->series[i].by_delay, k, entry)
		{
			stale_values(entry, &rate, &low, &high);
			highest = fmax(highest, high);
		}
	return highest;
}

/* Series stand a little apart, so that intervals do not cover each other. */
static void stale_draw_series(const struct svg_chart *chart, const struct stale *stale, size_t at)
{
	const struct stale_series *series = &stale->series[at];
	double slot = (chart->right - chart->left) / (double)stale->delay_count;
	double apart = ((double)at - (double)(stale->count - 1) / 2) *
		       fmin(slot / ((double)stale->count + 1), 18);
	double x, rate, low, high;
	char title[PLOT_LABEL + TABLE_TEXT + 64], delay[NUMBER_TEXT], text[TABLE_TEXT];
	const json_t *entry;
	size_t k;

	json_array_foreach(series->by_delay, k, entry)
	{
		const struct table_row row = {.of = entry};

		stale_values(entry, &rate, &low, &high);
		x = svg_scale_at(&chart->x, stale_place(stale, member_number(entry, "delay_ms"))) +
		    apart;
		if (!isfinite(x) || !isfinite(rate) || !isfinite(low) || !isfinite(high))
			continue;
		buf_printf(chart->out,
			   "<path class=\"l s%zu whole\" d=\"M%.1f %.1fh6m-3 0V%.1fm-3 0h6\"/>\n",
			   series->style, x - 3, svg_scale_at(&chart->y, high),
			   svg_scale_at(&chart->y, low));
		snprintf(title, sizeof(title), "%s after %s ms: %s", series->label,
			 number_plain(member_number(entry, "delay_ms"), delay),
			 probe_get_rate(&row, text));
		svg_marker(chart, series->style, rate > 0 ? "" : "hollow", x,
			   svg_scale_at(&chart->y, rate), title);
	}
}

static void stale_draw(struct buf *out, double width, const char *id,
		       const struct page_figure *figure)
{
	const struct stale *stale = figure->data;
	struct svg_legend_entry legend[SVG_STYLES];
	struct svg_chart chart = {.y = {.type = SVG_LINEAR, .high = stale_highest(stale)}};
	char text[NUMBER_TEXT];
	size_t i;

	for (i = 0; i < stale->count; i++)
		legend[i] = (struct svg_legend_entry){.label = stale->series[i].label,
						      .style = stale->series[i].style,
						      .mark = "whole"};
	svg_scale_round(&chart.y);
	chart.x = (struct svg_scale){.low = -0.5, .high = (double)stale->delay_count - 0.5};
	plot_begin(&chart, out, width, CONSISTENCY_HEIGHT, id, figure, legend, stale->count, 7,
		   plot_label_percent);
	for (i = 0; i < stale->delay_count; i++)
		svg_text(&chart, svg_scale_at(&chart.x, (double)i), chart.bottom + SVG_FONT + 4,
			 SVG_MIDDLE, "", 0, number_plain(stale->delays[i], text));
	svg_axis_titles(&chart, "ms after the write was acknowledged (not to scale)",
			"share of reads that were stale");
	for (i = 0; i < stale->count; i++)
		stale_draw_series(&chart, stale, i);
	svg_close(&chart);
}

/* Of the probes that violated something, an example. */
static void consistency_examples(struct report *report, const struct report_doc *doc)
{
	const json_t *probe;
	size_t i;

	json_array_foreach(json_object_get(doc->results, "probes"), i, probe)
	{
		if (*member_text(probe, "example") != '\0')
			page_note(report, PAGE_BOTH, "Seen on %s (%s), for example: %s.",
				  doc->sides[report_side_of(doc, probe)].label,
				  member_text(probe, "read"), member_text(probe, "example"));
	}
}

static void consistency_doc(struct report *report, const struct report_doc *doc)
{
	const char *of = report_file_name(doc->path);
	struct stale stale = {0};

	report_warn_invalid(report, doc);
	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){probe_columns, "probes", NULL, NULL, "Consistency", of});
	consistency_examples(report, doc);
	stale_collect(&stale, doc);
	if (stale.count > 0) {
		page_figure(report,
			    &(struct page_figure){
				    .desc = "Share of stale reads, with intervals, by the time "
					    "between the acknowledged write and the read; the "
					    "table below has the numbers.",
				    .draw = stale_draw,
				    .data = &stale,
				    .wide = true,
			    },
			    doc->stand_in, "Stale reads against delay");
		page_list(report, PAGE_FOLDED, doc,
			  &(struct page_list){probe_delay_columns, "probes", "by_delay", NULL,
					      "Stale reads by delay", of});
	}
	page_list(report, PAGE_FOLDED, doc,
		  &(struct page_list){probe_seed_columns, "seed", NULL, NULL,
				      "The seed's four tests", of});
}

void report_section_consistency(struct report *report)
{
	size_t i;

	if (report_first(report, REPORT_CONSISTENCY) == NULL)
		return;
	page_heading(report, PAGE_BOTH, "consistency", "What a read may miss");
	page_say(report, PAGE_HTML,
		 "Not having seen something in n trials is no proof that it cannot happen: "
		 "\xe2\x80\x9c< x %%\xe2\x80\x9d is what the rate can be at most and still, one "
		 "time in "
		 "twenty, not show. An operation without an answer is unknown; it is not counted "
		 "as a "
		 "violation. In the picture a hollow mark is a zero, and its line reaches up to "
		 "what "
		 "the rate can still be.");
	for (i = 0; i < report->doc_count; i++)
		if (report->docs[i].kind == REPORT_CONSISTENCY)
			consistency_doc(report, &report->docs[i]);
}
