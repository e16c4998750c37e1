/* Throughput against latency, up to the knee: where more load only makes answers later. */
#include "bench/load/sweep.h"
#include "bench/page/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <string.h>

#define SWEEP_LINE 3 /* points of a line, at least: fewer are in the table alone */

static const char *sweep_axis(const struct report_doc *doc)
{
	return strcmp(member_text(doc->results, "axis"), "rate") == 0 ? "rate" : "clients";
}

static bool sweep_is_knee(const struct report_doc *doc, size_t i)
{
	const json_t *knee = json_object_get(doc->results, "knee");

	return json_is_integer(knee) && json_integer_value(knee) == (json_int_t)i;
}

static void sweep_add_point(struct plot_line *line, const struct report_doc *doc, size_t i,
			    const json_t *json, const char *key)
{
	struct plot_point *point = plot_add_point(line, member_number(json, "throughput_per_s"),
						  member_number(json, key));
	bool valid = !json_is_false(json_object_get(json, "valid"));
	char load[NUMBER_TEXT], got[NUMBER_TEXT], ms[NUMBER_TEXT];
	const char *axis = sweep_axis(doc);

	number_count(member_number(json, axis), load);
	point->title = plot_text("%.80s, %s %s: %s operations/s, %s%s", doc->sides[0].label, load,
				 axis, number_digits(point->x, 3, got),
				 number_ms(point->y * 1e6, ms), valid ? "" : " (not valid)");
	point->classes = valid ? "" : "hollow";
	if (sweep_is_knee(doc, i))
		point->ring = plot_text("knee: %s%s", load,
					strcmp(axis, "rate") == 0 ? "/s"
					: strcmp(load, "1") == 0  ? " client"
								  : " clients");
}

/* How many points have the value: a percentile without samples beyond it has none. */
static size_t sweep_points(const struct report_doc *doc, const char *key)
{
	const json_t *point;
	size_t count = 0;

	member_each(i, point, json_object_get(doc->results, "points"))
		count += member_number(point, key) > 0;
	return count;
}

static void sweep_add(struct plot *plot, const struct report_doc *doc, const char *key)
{
	struct plot_line *line = plot_add_line(plot, doc->sides[0].style, doc->sides[0].label);
	const json_t *point;

	if (line == NULL)
		return;
	member_each(i, point, json_object_get(doc->results, "points")) {
		sweep_add_point(line, doc, i, point, key);
		if (!(member_number(point, key) > 0))
			continue;
		plot_widen(&plot->x, member_number(point, "throughput_per_s"));
		plot_widen(&plot->y, member_number(point, key));
	}
}

static void sweep_picture(struct report *report, const char *key, const char *what)
{
	struct plot plot = {.y = {.type = SVG_LOG, .low = INFINITY},
			    .x_title = "operations done a second",
			    .y_title = "ms (logarithmic)",
			    .x_label = number_plain,
			    .y_label = number_plain,
			    .x_ticks = 6,
			    .y_ticks = 8,
			    .height = 320};
	char most[NUMBER_TEXT];

	for (size_t i = 0; i < report->doc_count; i++) {
		if (report->docs[i].kind != REPORT_SWEEP ||
		    sweep_points(&report->docs[i], key) < SWEEP_LINE)
			continue;
		sweep_add(&plot, &report->docs[i], key);
	}
	if (plot.y.high > 0) {
		buf_printf(&plot.desc,
			   "A line a side, from few clients to many: throughput grows to the "
			   "right, latency upward; the most that was reached is %s operations/s.",
			   number_digits(plot.x.high, 3, most));
		svg_scale_round(&plot.x);
	}
	plot_show(report, &plot, "Throughput against %s latency", what);
}

static void sweep_pictures(struct report *report)
{
	page_panels_begin(report);
	sweep_picture(report, "p50_ms", "median");
	sweep_picture(report, "p99_ms", "p99");
	page_panels_end(report);
}

static void sweep_doc(struct report *report, const struct report_doc *doc)
{
	report_warn_invalid(report, doc);
	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){sweep_columns(sweep_axis(doc)), "points", NULL, NULL, "Sweep",
				      doc->sides[0].label});
	if (!json_is_integer(json_object_get(doc->results, "knee")))
		page_note(report, PAGE_BOTH, "No knee was found: %s was not loaded to its limit.",
			  doc->sides[0].label);
}

const struct page_section section_sweep = {
	.id = "sweep",
	.heading = "How much it can do",
	.where = PAGE_BOTH,
	.kinds = 1 << REPORT_SWEEP,
	.intro = "Each point is a load, from little to much. While a line goes to the right, more "
		 "load is more work done; where it turns up, at the knee, more load only makes "
		 "everybody wait. Hollow points are not valid.",
	.before = sweep_pictures,
	.doc = sweep_doc,
};
