/* Throughput against latency, up to the knee: where more load only makes answers later. */
#include "bench/load/sweep.h"
#include "bench/report/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SWEEP_HEIGHT 320.0

struct sweep {
	const struct report *report;
	const char *key; /* "p99_ms" */
	size_t count;
	const struct report_doc *docs[SVG_STYLES];
	size_t styles[SVG_STYLES];
};

static bool sweep_valid(const json_t *point)
{
	return !json_is_false(json_object_get(point, "valid"));
}

static bool sweep_is_knee(const struct report_doc *doc, size_t i)
{
	const json_t *knee = json_object_get(doc->results, "knee");

	return json_is_integer(knee) && json_integer_value(knee) == (json_int_t)i;
}

static void sweep_ranges(const struct sweep *sweep, struct svg_chart *chart)
{
	const json_t *point;
	size_t d, i;

	chart->x = (struct svg_scale){.type = SVG_LINEAR};
	chart->y = (struct svg_scale){.type = SVG_LOG, .low = INFINITY};
	for (d = 0; d < sweep->count; d++) {
		json_array_foreach(json_object_get(sweep->docs[d]->results, "points"), i, point)
		{
			double ms = member_number(point, sweep->key);

			if (!(ms > 0))
				continue;
			chart->x.high =
				fmax(chart->x.high, member_number(point, "throughput_per_s"));
			chart->y.low = fmin(chart->y.low, ms);
			chart->y.high = fmax(chart->y.high, ms);
		}
	}
}

static const char *sweep_axis(const struct report_doc *doc)
{
	return strcmp(member_text(doc->results, "axis"), "rate") == 0 ? "rate" : "clients";
}

static void sweep_point(const struct svg_chart *chart, const struct sweep *sweep, size_t d,
			size_t i, const json_t *point)
{
	const struct report_doc *doc = sweep->docs[d];
	double x = svg_scale_at(&chart->x, member_number(point, "throughput_per_s"));
	double y = svg_scale_at(&chart->y, member_number(point, sweep->key));
	char title[256], load[NUMBER_TEXT], got[NUMBER_TEXT], ms[NUMBER_TEXT], knee[96];
	bool right;

	if (!isfinite(x) || !isfinite(y))
		return;
	number_count(member_number(point, sweep_axis(doc)), load);
	snprintf(title, sizeof(title), "%.80s, %s %s: %s operations/s, %s%s", doc->sides[0].label,
		 load, sweep_axis(doc),
		 number_digits(member_number(point, "throughput_per_s"), 3, got),
		 number_ms(member_number(point, sweep->key) * 1e6, ms),
		 sweep_valid(point) ? "" : " (not valid)");
	svg_marker(chart, sweep->styles[d], sweep_valid(point) ? "" : "hollow", x, y, title);
	if (!sweep_is_knee(doc, i))
		return;
	buf_printf(chart->out, "<circle class=\"l s%zu whole\" cx=\"%.1f\" cy=\"%.1f\" r=\"9\"/>\n",
		   sweep->styles[d], x, y);
	snprintf(knee, sizeof(knee), "knee: %s%s", load,
		 strcmp(sweep_axis(doc), "rate") == 0 ? "/s"
		 : strcmp(load, "1") == 0	      ? " client"
						      : " clients");
	right = x + 14 + svg_text_width(knee) < chart->right;
	svg_text(chart, right ? x + 13 : x - 13, y + (right ? 14 : -8), right ? SVG_START : SVG_END,
		 "halo", 0, knee);
}

static void sweep_draw(struct buf *out, double width, const char *id,
		       const struct page_figure *figure)
{
	const struct sweep *sweep = figure->data;
	struct svg_legend_entry legend[SVG_STYLES];
	struct svg_chart chart = {0};
	struct svg_path path;
	const json_t *point;
	size_t d, i;

	for (d = 0; d < sweep->count; d++)
		legend[d] = (struct svg_legend_entry){.label = sweep->docs[d]->sides[0].label,
						      .style = sweep->styles[d]};
	sweep_ranges(sweep, &chart);
	svg_scale_round(&chart.x);
	svg_scale_round(&chart.y);
	plot_begin(&chart, out, width, SWEEP_HEIGHT, id, figure, legend, sweep->count, 8,
		   number_plain);
	svg_grid_x(&chart, 6, number_plain);
	svg_axis_titles(&chart, "operations done a second", "ms (logarithmic)");
	for (d = 0; d < sweep->count; d++) {
		const json_t *points = json_object_get(sweep->docs[d]->results, "points");

		svg_path_begin(&path, &chart, sweep->styles[d], "");
		json_array_foreach(points, i, point)
		{
			svg_path_to(&path, member_number(point, "throughput_per_s"),
				    member_number(point, sweep->key));
		}
		svg_path_end(&path);
		json_array_foreach(points, i, point)
		{
			sweep_point(&chart, sweep, d, i, point);
		}
	}
	svg_close(&chart);
}

static void sweep_picture(struct report *report, struct sweep *sweep, bool stand_in,
			  const char *key, const char *what)
{
	struct svg_chart ranges;
	struct buf desc = {0};
	char most[NUMBER_TEXT];

	sweep->key = key;
	sweep_ranges(sweep, &ranges);
	if (ranges.y.high > 0) {
		buf_printf(
			&desc,
			"A line a side, from few clients to many: throughput grows to the right, "
			"latency upward; the most that was reached is %s operations/s.",
			number_digits(ranges.x.high, 3, most));
		page_figure(report,
			    &(struct page_figure){
				    .desc = buf_string(&desc),
				    .draw = sweep_draw,
				    .data = sweep,
			    },
			    stand_in, "Throughput against %s latency", what);
	}
	buf_free(&desc);
}

static void sweep_table(struct report *report, const struct report_doc *doc)
{
	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){sweep_columns(sweep_axis(doc)), "points", NULL, NULL, "Sweep",
				      doc->sides[0].label});
	if (!json_is_integer(json_object_get(doc->results, "knee")))
		page_note(report, PAGE_BOTH, "No knee was found: %s was not loaded to its limit.",
			  doc->sides[0].label);
}

void report_section_sweep(struct report *report)
{
	struct sweep sweep = {.report = report};
	bool stand_in = false, used[SVG_STYLES] = {false};
	size_t i, style;

	for (i = 0; i < report->doc_count && sweep.count < SVG_STYLES; i++) {
		if (report->docs[i].kind != REPORT_SWEEP)
			continue;
		for (style = report->docs[i].sides[0].style % SVG_STYLES; used[style];)
			style = (style + 1) % SVG_STYLES;
		used[style] = true;
		sweep.styles[sweep.count] = style;
		sweep.docs[sweep.count++] = &report->docs[i];
		stand_in = stand_in || report->docs[i].stand_in;
	}
	if (sweep.count == 0)
		return;
	page_heading(report, PAGE_BOTH, "sweep", "How much it can do");
	page_say(
		report, PAGE_HTML,
		"Each point is a load, from little to much. While a line goes to the right, more "
		"load "
		"is more work done; where it turns up, at the knee, more load only makes everybody "
		"wait. Hollow points are not valid.");
	page_panels_begin(report);
	sweep_picture(report, &sweep, stand_in, "p50_ms", "median");
	sweep_picture(report, &sweep, stand_in, "p99_ms", "p99");
	page_panels_end(report);
	for (i = 0; i < sweep.count; i++) {
		report_warn_invalid(report, sweep.docs[i]);
		sweep_table(report, sweep.docs[i]);
	}
}
