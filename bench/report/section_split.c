/* Where the time goes: client and network, queue, database, service; and the database's share. */
#include "bench/result/number.h"
#include "bench/result/tally.h"
#include "bench/page/page.h"
#include "bench/page/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SPLIT_ROW 30.0
#define SPLIT_MAX 24
#define SPLIT_NS  1e6

static const char *const split_names[BENCH_SPLIT_PARTS] = {"client and network", "queue",
							   "database", "service"};
static const char *const split_boxes[BENCH_SPLIT_PARTS] = {"part p0", "part p1", "part p2",
							   "part p3"};

/* The text colour on each part. */
static const char *const split_inks[BENCH_SPLIT_PARTS] = {"in", "in1", "on", "in3"};

enum split_of { SPLIT_ALL, SPLIT_PAIRS, SPLIT_LOAD };

struct split {
	size_t count;
	struct split_bar {
		char operation[40];
		char side[PLOT_LABEL];
		double parts[BENCH_SPLIT_PARTS]; /* mean, ns */
		double medians[BENCH_SPLIT_PARTS];
		double total;
		bool first; /* of an operation */
	} bars[SPLIT_MAX];
};

static void split_add(struct split *split, const char *operation, const char *side,
		      const json_t *json, bool first)
{
	const json_t *mean = json_object_get(json, "mean"),
		     *median = json_object_get(json, "median");
	struct split_bar *bar = &split->bars[split->count];

	if (split->count == SPLIT_MAX || !json_is_object(mean))
		return;
	*bar = (struct split_bar){.first = first};
	snprintf(bar->operation, sizeof(bar->operation), "%s", operation);
	snprintf(bar->side, sizeof(bar->side), "%s", side);
	for (size_t i = 0; i < BENCH_SPLIT_PARTS; i++) {
		/* The difference of two clocks may be negative. */
		bar->parts[i] = fmax(member_number(mean, bench_split_part_names[i]), 0);
		bar->medians[i] = member_number(median, bench_split_part_names[i]);
		bar->total += isfinite(bar->parts[i]) ? bar->parts[i] : 0;
	}
	if (bar->total > 0)
		split->count++;
}

/* load: of the open loop, which is slower than all pairs, so that it has a scale of its own. */
static void split_collect(struct split *split, const struct report_doc *doc, enum split_of of)
{
	const json_t *operation;
	char title[PLOT_LABEL];

	member_each(i, operation, json_object_get(doc->results, "operations")) {
		const json_t *json = json_object_get(operation, "split");
		const char *name = member_text(operation, "operation");

		if (of != SPLIT_ALL && (of == SPLIT_LOAD) != (strcmp(name, "open loop") == 0))
			continue;
		if (!json_is_array(json))
			split_add(split, name, doc->sides[0].label, json, true);
		for (size_t side = 0; side < json_array_size(json) && side < doc->side_count;
		     side++)
			split_add(split, name, report_side_title(doc, side, title, sizeof(title)),
				  json_array_get(json, side), side == 0);
	}
}

static void split_share(const struct split_bar *bar, char text[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];

	snprintf(text, NUMBER_TEXT, "%.30s %%",
		 number_count(100 * bar->parts[SPLIT_DB] / bar->total, digits));
}

/* Patterns, so that the parts can be told apart without colours: queue hatched, service dotted. */
static void split_cover(const struct svg_chart *chart, const char *id, size_t part, double x,
			double y, double width, double height)
{
	if (part == SPLIT_QUEUE || part == SPLIT_SERVICE)
		svg_cover(chart, id, part == SPLIT_QUEUE ? SVG_HATCHED : SVG_DOTTED, x, y, width,
			  height);
}

static void split_draw_bar(const struct svg_chart *chart, const char *id,
			   const struct split_bar *bar, double y)
{
	char title[128], ms[NUMBER_TEXT], share[NUMBER_TEXT];
	double from = 0, x, width;

	for (size_t i = 0; i < BENCH_SPLIT_PARTS; i++) {
		x = svg_scale_at(&chart->x, from / SPLIT_NS);
		from += bar->parts[i];
		width = svg_scale_at(&chart->x, from / SPLIT_NS) - x;
		number_ms(bar->parts[i], ms);
		snprintf(title, sizeof(title), "%s: %s", split_names[i], ms);
		svg_rect(chart, split_boxes[i], x, y, width, SPLIT_ROW - 10, title);
		split_cover(chart, id, i, x, y, width, SPLIT_ROW - 10);
		if (width > svg_text_width(ms) + 8)
			svg_text(chart, x + width / 2, y + 14, SVG_MIDDLE, split_inks[i], 0, ms);
	}
	split_share(bar, share);
	svg_text(chart, chart->width - 2, y + 14, SVG_END, "", 0, share);
}

static void split_draw(struct buf *out, double width, const char *id,
		       const struct page_figure *figure)
{
	const struct split *split = figure->data;
	struct svg_legend_entry legend[BENCH_SPLIT_PARTS];
	struct svg_chart chart = {.out = out, .width = width, .x = {.type = SVG_LINEAR}};
	char hatched[48], dotted[48];
	double y, rows = 0;

	for (size_t i = 0; i < BENCH_SPLIT_PARTS; i++)
		legend[i] =
			(struct svg_legend_entry){.label = split_names[i], .box = split_boxes[i]};
	/* The same patterns as over the bars. */
	snprintf(hatched, sizeof(hatched), "%.40s-0", id);
	snprintf(dotted, sizeof(dotted), "%.40s-1", id);
	legend[SPLIT_QUEUE].cover = hatched;
	legend[SPLIT_SERVICE].cover = dotted;
	for (size_t i = 0; i < split->count; i++) {
		chart.x.high = fmax(chart.x.high, split->bars[i].total / SPLIT_NS);
		rows += split->bars[i].first ? SPLIT_ROW + 20 : SPLIT_ROW;
	}
	svg_scale_round(&chart.x);
	chart.left = width > 600 ? 130 : 96;
	chart.right = width - 58;
	plot_rows_begin(&chart, id, figure, legend, BENCH_SPLIT_PARTS, 18, rows);
	svg_patterns(&chart, id);
	svg_text(&chart, width - 2, chart.top - 4, SVG_END, "at", 0, "database's share");
	svg_grid_x(&chart, 7, number_plain);
	y = chart.top;
	for (size_t i = 0; i < split->count; i++) {
		if (split->bars[i].first) {
			svg_text(&chart, 2, y + 16, SVG_START, "b", 0, split->bars[i].operation);
			y += 20;
		}
		svg_text(&chart, 2, y + 14, SVG_START, "", chart.left - 8, split->bars[i].side);
		split_draw_bar(&chart, id, &split->bars[i], y);
		y += SPLIT_ROW;
	}
	svg_axis_titles(&chart, "mean, ms", "");
	svg_close(&chart);
}

/* Server-Timing has no more than microseconds. */
static const char *split_ms(double ns, char text[NUMBER_TEXT])
{
	return ns < 1000 ? "0" : number_digits(ns / SPLIT_NS, 3, text);
}

static void split_table(struct report *report, const struct report_doc *doc,
			const struct split *split)
{
	char text[NUMBER_TEXT], share[NUMBER_TEXT], median[NUMBER_TEXT];
	struct page_table table;

	page_table_begin(&table, report, "Where the time goes, ms, mean (median): %s",
			 report_file_of(report, doc));
	page_column(&table, 'l', "operation");
	page_column(&table, 'l', "side");
	for (size_t k = 0; k < BENCH_SPLIT_PARTS; k++)
		page_column(&table, 'r', "%s", split_names[k]);
	page_column(&table, 'r', "all, mean");
	page_column(&table, 'r', "database's share");
	for (size_t i = 0; i < split->count; i++) {
		const struct split_bar *bar = &split->bars[i];

		split_share(bar, share);
		page_cell(&table, "%s", bar->operation);
		page_cell(&table, "%s", bar->side);
		for (size_t k = 0; k < BENCH_SPLIT_PARTS; k++)
			page_cell(&table, "%s (%s)", split_ms(bar->parts[k], text),
				  split_ms(bar->medians[k], median));
		page_cell(&table, "%s", split_ms(bar->total, text));
		page_cell(&table, PAGE_STRONG "%s", share);
	}
	page_table_end(&table, PAGE_BOTH);
}

static void split_picture(struct report *report, const struct report_doc *doc, enum split_of of)
{
	struct split split = {0};
	struct page_figure figure = {.draw = split_draw, .data = &split, .wide = true};
	char share[NUMBER_TEXT];

	split_collect(&split, doc, of);
	for (size_t i = 0; i < split.count; i++) {
		split_share(&split.bars[i], share);
		buf_printf(&figure.text, "%s %s on %s %s",
			   i > 0 ? ";" : "Bars of mean time in four parts. Share of the database:",
			   split.bars[i].operation, split.bars[i].side, share);
	}
	buf_add_string(&figure.text, split.count > 0 ? "." : "");
	page_figure(report, &figure, "Where the time of an operation goes%s: %s",
		    of == SPLIT_LOAD ? ", under steady load" : "", report_file_of(report, doc));
}

static void split_doc(struct report *report, const struct report_doc *doc)
{
	struct split split = {0};

	split_picture(report, doc, SPLIT_PAIRS);
	split_picture(report, doc, SPLIT_LOAD);
	split_collect(&split, doc, SPLIT_ALL);
	split_table(report, doc, &split);
}

static bool split_has(const struct report_doc *doc)
{
	struct split split = {0};

	split_collect(&split, doc, SPLIT_ALL);
	return split.count > 0;
}

const struct page_section section_split = {
	.id = "split",
	.heading = "Where the time goes",
	.where = PAGE_BOTH,
	.kinds = 1 << REPORT_H2H | 1 << REPORT_RUN,
	.intro = "What the client's clock says, in parts that cartd names in each answer "
		 "(Server-Timing): waiting in cartd's queue, waiting for the database, cartd's own "
		 "work; the rest is client and network. Where the database is a small share, a "
		 "faster database changes little. Means add up, medians (in brackets) do not.",
	.has = split_has,
	.doc = split_doc,
};
