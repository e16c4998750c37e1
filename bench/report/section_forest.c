/* The verdicts as a chart: each ratio with its interval, and the margin. */
#include "bench/result/number.h"
#include "bench/h2h/show.h"
#include "bench/page/page.h"
#include "bench/page/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FOREST_ROW  24.0
#define FOREST_MAX  40	 /* rows */
#define FOREST_LINE 1.06 /* how far the axis goes beyond the outermost interval */

enum forest_mark { FOREST_A, FOREST_B, FOREST_SAME, FOREST_OPEN, FOREST_MARKS };

static const size_t forest_styles[FOREST_MARKS] = {0, 1, 2, 0};
static const char *const forest_classes[FOREST_MARKS] = {"", "", "n", "n hollow"};

struct forest {
	const struct report_doc *doc;
	double margin;
	size_t count;
	struct forest_row {
		char name[64];
		double effect;
		double low;
		double high;
		enum forest_mark mark;
		bool first; /* of an operation */
	} rows[FOREST_MAX];
};

static enum forest_mark forest_mark_of(const char *verdict)
{
	if (strcmp(verdict, "A WINS") == 0)
		return FOREST_A;
	if (strcmp(verdict, "B WINS") == 0)
		return FOREST_B;
	return strcmp(verdict, "EQUIVALENT") == 0 || strcmp(verdict, "DIFFERENT BUT TRIVIAL") == 0
		       ? FOREST_SAME
		       : FOREST_OPEN;
}

static void forest_collect(struct forest *forest)
{
	struct table_row row = {.document = forest->doc->json};
	char percentile[NUMBER_TEXT];

	member_each(i, row.of, json_object_get(forest->doc->results, "operations")) {
		json_array_foreach(json_object_get(row.of, "quantiles"), row.at, row.in)
		{
			struct forest_row *drawn = &forest->rows[forest->count];

			if (forest->count == FOREST_MAX || !h2h_quantile_holds(&row))
				continue;
			drawn->effect = member_number(row.in, "effect");
			drawn->low = member_number(row.in, "low");
			drawn->high = member_number(row.in, "high");
			if (!(drawn->effect > -1) || !isfinite(drawn->effect) ||
			    !(drawn->low > -1) || !isfinite(drawn->high))
				continue;
			drawn->mark = *member_text(row.document, "invalid") != '\0'
					      ? FOREST_OPEN
					      : forest_mark_of(member_text(row.in, "verdict"));
			drawn->first = row.at == 0 && i > 0;
			snprintf(drawn->name, sizeof(drawn->name), "%.40s %s",
				 member_text(row.of, "operation"),
				 number_percentile(member_number(row.in, "q"), percentile));
			forest->count++;
		}
	}
}

/* The axis is one of ratios, so that twice and half are equally far from none. */
static const char *forest_label(double ratio, char *text)
{
	char digits[NUMBER_TEXT];

	if (fabs(ratio - 1) < 1e-9)
		return strcpy(text, "0\xc2\xa0%");
	if (ratio < 10 && ratio > 0.1)
		return number_effect(ratio - 1, text);
	snprintf(text, NUMBER_TEXT, "\xc3\x97%.40s", number_plain(ratio, digits));
	return text;
}

/* Chooses ticks outward from "no difference": equal steps would not be round numbers. */
static void forest_ticks(const struct svg_chart *chart, struct svg_ticks *ticks)
{
	static const double ratios[] = {0.001, 0.01, 0.02, 0.05, 0.1, 0.2,  0.4, 0.6,  0.8,
					0.9,   0.95, 1,	   1.05, 1.1, 1.25, 1.5, 2,    3,
					5,     10,   20,   50,	 100, 200,  500, 1000, 10000};
	int count = sizeof(ratios) / sizeof(*ratios), zero = 11;
	double room = svg_text_width("+1,900 %"), last, x;
	bool taken[sizeof(ratios) / sizeof(*ratios)] = {[11] = true};

	for (int step = -1; step <= 1; step += 2) {
		last = svg_scale_at(&chart->x, 1);
		for (int i = zero + step; i >= 0 && i < count; i += step) {
			x = svg_scale_at(&chart->x, ratios[i]);
			if (x >= chart->left && x <= chart->right && fabs(x - last) >= room) {
				taken[i] = true;
				last = x;
			}
		}
	}
	ticks->count = 0;
	for (int i = 0; i < count; i++)
		if (taken[i])
			ticks->values[ticks->count++] = ratios[i];
}

static void forest_scale(const struct forest *forest, struct svg_scale *scale)
{
	scale->type = SVG_LOG;
	scale->low = 1 - forest->margin;
	scale->high = 1 + forest->margin;
	for (size_t i = 0; i < forest->count; i++) {
		scale->low = fmin(scale->low, 1 + forest->rows[i].low);
		scale->high = fmax(scale->high, 1 + forest->rows[i].high);
	}
	scale->low = fmax(scale->low / FOREST_LINE, 1e-4);
	scale->high *= FOREST_LINE;
}

static void forest_draw_row(const struct svg_chart *chart, const struct forest_row *row, double y,
			    bool with_interval)
{
	double low = svg_scale_at(&chart->x, 1 + row->low);
	double high = svg_scale_at(&chart->x, 1 + row->high);
	char effect[NUMBER_TEXT], from[NUMBER_TEXT], to[NUMBER_TEXT], text[4 * NUMBER_TEXT];

	if (row->first)
		svg_line(chart, "g", 2, y - FOREST_ROW / 2, chart->width - 2, y - FOREST_ROW / 2);
	svg_text(chart, 2, y + 4, SVG_START, "", chart->left - 8, row->name);
	buf_printf(chart->out,
		   "<path class=\"l s%zu %s whole\" d=\"M%.1f %.1fv8m0 -4H%.1fm0 -4v8\"/>\n",
		   forest_styles[row->mark], forest_classes[row->mark], low, y - 4, high);
	number_effect(row->effect, effect);
	snprintf(text, sizeof(text), "%s (%s to %s)", effect, number_effect(row->low, from),
		 number_effect(row->high, to));
	svg_marker(chart, forest_styles[row->mark], forest_classes[row->mark],
		   svg_scale_at(&chart->x, 1 + row->effect), y, text);
	svg_text(chart, chart->width - 2, y + 4, SVG_END, "", 0, with_interval ? text : effect);
}

static size_t forest_legend(const struct forest *forest, struct svg_legend_entry legend[5],
			    char texts[5][PLOT_LABEL])
{
	static const char *const marks[FOREST_MARKS] = {"whole", "whole", "n whole",
							"n hollow whole"};
	char margin[NUMBER_TEXT];

	for (size_t i = 0; i < 2; i++)
		snprintf(texts[i], PLOT_LABEL, "%c: %.40s is faster", "AB"[i],
			 forest -> doc -> sides[i].label);
	snprintf(texts[FOREST_SAME], PLOT_LABEL, "no difference that matters");
	snprintf(texts[FOREST_OPEN], PLOT_LABEL, "not decided");
	for (size_t i = 0; i < FOREST_MARKS; i++)
		legend[i] = (struct svg_legend_entry){
			.label = texts[i], .style = forest_styles[i], .mark = marks[i]};
	snprintf(texts[4], PLOT_LABEL, "within \xc2\xb1%s", number_percent(forest->margin, margin));
	legend[4] = (struct svg_legend_entry){.label = texts[4], .box = "band"};
	return 5;
}

static void forest_draw(struct buf *out, double width, const char *id,
			const struct page_figure *figure)
{
	const struct forest *forest = figure->data;
	struct svg_legend_entry legend[5];
	char texts[5][PLOT_LABEL];
	size_t count = forest_legend(forest, legend, texts), i;
	bool with_interval = width > 600;
	struct svg_chart chart = {.out = out, .width = width};
	struct svg_ticks ticks;
	double band;

	forest_scale(forest, &chart.x);
	chart.left = 104;
	chart.right = width - (with_interval ? 250 : 68);
	plot_rows_begin(&chart, id, figure, legend, count, 6,
			FOREST_ROW * (double)forest->count + 4);
	band = svg_scale_at(&chart.x, 1 - forest->margin);
	svg_rect(&chart, "band", band, chart.top, svg_scale_at(&chart.x, 1 + forest->margin) - band,
		 chart.bottom - chart.top, NULL);
	forest_ticks(&chart, &ticks);
	svg_grid_x_at(&chart, &ticks, forest_label);
	svg_line(&chart, "zero", svg_scale_at(&chart.x, 1), chart.top, svg_scale_at(&chart.x, 1),
		 chart.bottom);
	for (i = 0; i < forest->count; i++)
		forest_draw_row(&chart, &forest->rows[i],
				chart.top + FOREST_ROW * ((double)i + 0.5) + 2, with_interval);
	svg_line(&chart, "ax", chart.left, chart.bottom, chart.right, chart.bottom);
	svg_text(&chart, width / 2, chart.bottom + 2 * SVG_FONT + 9, SVG_MIDDLE, "at", 0,
		 with_interval ? "\xe2\x86\x90 B is faster \xc2\xb7 time of B against A \xc2\xb7 A "
				 "is faster \xe2\x86\x92"
			       : "\xe2\x86\x90 B is faster \xc2\xb7 A is faster \xe2\x86\x92");
	svg_close(&chart);
}

static void forest_doc(struct report *report, const struct report_doc *doc)
{
	struct forest forest = {.doc = doc, .margin = h2h_margin_of(doc->json)};
	struct page_figure figure = {.draw = forest_draw, .data = &forest, .wide = true};
	char text[NUMBER_TEXT];

	forest_collect(&forest);
	for (size_t i = 0; i < forest.count; i++)
		buf_printf(&figure.text, "%s %s %s",
			   i > 0 ? ";" : "Time of B against A, each with its interval:",
			   forest.rows[i].name, number_effect(forest.rows[i].effect, text));
	buf_add_string(&figure.text, forest.count > 0 ? "." : "");
	page_figure(report, &figure, "Time of B (%s) against A (%s), with intervals",
		    doc->sides[1].label, doc->sides[0].label);
}

const struct page_section section_forest = {
	.id = "forest",
	.heading = "The verdicts as a picture",
	.where = PAGE_HTML,
	.kinds = 1 << REPORT_H2H,
	.intro = "Each line is an interval in which the true ratio is likely to lie. Right of zero "
		 "A is faster, left of it B. The shaded band is what was declared not to matter: a "
		 "line wholly inside shows that nothing that matters differs; one that reaches "
		 "into it leaves open whether it does. Verdicts are corrected for the number of "
		 "lines, the lines are not: one may miss zero and still decide nothing.",
	.doc = forest_doc,
};
