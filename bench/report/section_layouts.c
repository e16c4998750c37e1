/*
 * Layouts of DynamoDB, MySQL and SQLite side by side: what an operation takes in each on carts of
 * several sizes, and where one begins to cost less than another (bench/report/layouts.h).
 */
#include "bench/page/page.h"
#include "bench/page/plot.h"
#include "bench/report/layouts.h"
#include "bench/report/money.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYOUTS_CELL 128
#define LAYOUTS_NEAR 16 /* of the lines, a part that is not seen on a logarithmic axis */

/* A picture has "MySQL"; a table "USD a million, MySQL". */
static const char *const layouts_names[LAYOUTS_STORES] = {"map", "list", "rows", "MySQL", "SQLite"};

/* ---- sentences ---- */

static const char *layouts_usd(double money, char text[NUMBER_TEXT])
{
	return number_plain(money >= 100 ? round(money) : round(money * 1e4) / 1e4, text);
}

/* Of rows to map. */
static const char *layouts_ratio(struct layouts *layouts, size_t operation, size_t lines,
				 char text[NUMBER_TEXT])
{
	return number_digits(
		layouts_cost_of(layouts, operation, LAYOUTS_ROWS, lines).million /
			layouts_cost_of(layouts, operation, LAYOUTS_MAP, lines).million,
		2, text);
}

/* "From 97 lines on an add costs less in rows than in map." */
static void layouts_say_crossing(struct report *report, struct layouts *layouts, size_t operation,
				 const char *what)
{
	size_t from = layouts_crossing(layouts, operation, false);
	size_t with = layouts_crossing(layouts, operation, true);
	char attributes[120] = "", a[NUMBER_TEXT], b[NUMBER_TEXT], ratio[NUMBER_TEXT];
	struct layouts_cost map, rows;

	if (with > 0)
		snprintf(attributes, sizeof(attributes),
			 " With %d bytes of attributes on each line rows costs less from %zu "
			 "line%s on.",
			 LAYOUTS_ATTRIBUTES, with, with > 1 ? "s" : "");
	if (from == 0) {
		page_list_item(
			report, PAGE_BOTH,
			"Up to %d lines %s never costs less in rows than in map, and with %d "
			"it costs %s times as much.%s",
			LAYOUTS_LINES_MAX, what, LAYOUTS_LINES_MAX,
			layouts_ratio(layouts, operation, LAYOUTS_LINES_MAX, ratio), attributes);
		return;
	}
	map = layouts_cost_of(layouts, operation, LAYOUTS_MAP, from);
	rows = layouts_cost_of(layouts, operation, LAYOUTS_ROWS, from);
	page_list_item(report, PAGE_BOTH,
		       "From %zu line%s on %s costs less in rows than in map: there %s in place of "
		       "%s %s a million. With one line it costs %s times as much.%s",
		       from, from > 1 ? "s" : "", what, layouts_usd(rows.million, a),
		       layouts_usd(map.million, b), report->prices.currency,
		       layouts_ratio(layouts, operation, 1, ratio), attributes);
}

/* The size at which rows first pays, with reads. */
static void layouts_say_mix(struct report *report, struct layouts *layouts)
{
	char text[NUMBER_TEXT];

	for (size_t i = 0; i < LAYOUTS_SIZES; i++) {
		double gets = layouts_gets(layouts, layouts_sizes[i]);

		if (isfinite(gets))
			page_list_item(report, PAGE_BOTH,
				       "With %zu lines rows costs less than map as long as a cart "
				       "is read less than %s times for each add.",
				       layouts_sizes[i], number_digits(gets, 2, text));
	}
}

static bool layouts_list_never_pays(struct layouts *layouts)
{
	for (size_t i = 0; i < LAYOUTS_OPERATIONS * LAYOUTS_SIZES; i++) {
		size_t operation = i / LAYOUTS_SIZES, lines = layouts_sizes[i % LAYOUTS_SIZES];

		if (layouts_cost_of(layouts, operation, LAYOUTS_LIST, lines).million <
		    layouts_cost_of(layouts, operation, LAYOUTS_MAP, lines).million)
			return false;
	}
	return true;
}

static void layouts_say(struct report *report, struct layouts *layouts)
{
	const struct report_prices *prices = &report->prices;
	char few[NUMBER_TEXT], many[NUMBER_TEXT], month[NUMBER_TEXT];
	double sum = prices->instance_hour * MONEY_HOURS_MONTH +
		     prices->instance_gb * prices->instance_gb_month;

	page_list_begin(report);
	layouts_say_crossing(report, layouts, LAYOUTS_ADD, "an add");
	layouts_say_crossing(report, layouts, LAYOUTS_GET, "a get");
	layouts_say_mix(report, layouts);
	if (layouts_list_never_pays(layouts))
		page_list_item(report, PAGE_BOTH,
			       "No operation costs less in list than in map: it reads a cart "
			       "before each change, and its items are larger.");
	page_list_item(
		report, PAGE_BOTH,
		"The instance for MySQL costs %s %s a month whatever it does, which is as much as "
		"adds in map cost at %s a second with 5 lines and at %s a second with 200, day and "
		"night. SQLite takes a part of the machine that cartd runs on, and has no price of "
		"its own.",
		layouts_usd(sum, month), prices->currency,
		number_digits(layouts_even_per_s(layouts, LAYOUTS_ADD, 5), 2, few),
		number_digits(layouts_even_per_s(layouts, LAYOUTS_ADD, 200), 2, many));
	page_list_end(report, PAGE_BOTH);
}

/* ---- pictures ---- */

static void layouts_add_marker(struct plot_line *line, double x, double y, const char *unit)
{
	struct plot_point *point = plot_add_point(line, x, y);
	char lines[NUMBER_TEXT], value[NUMBER_TEXT];

	point->title = plot_text("%s, %s line%s: %s %s", line->label, number_count(x, lines),
				 x > 1 ? "s" : "", number_plain(round(y * 1e4) / 1e4, value), unit);
}

static struct plot layouts_plot(const char *y_title)
{
	return (struct plot){.x = {.type = SVG_LOG, .low = 1, .high = LAYOUTS_LINES_MAX},
			     .x_title = "lines of the cart (logarithmic)",
			     .y_title = y_title,
			     .x_label = number_plain,
			     .y_label = number_plain,
			     .x_ticks = 8,
			     .y_ticks = 6,
			     .height = 240};
}

struct layouts_drawing {
	struct layouts *layouts;
	size_t operation;
	size_t crossing; /* 0: there is none */
	unsigned store;
	struct plot *plot;
	struct plot_line *line;
	char unit[40];
};

static double layouts_drawn_price(const struct layouts_drawing *drawing, size_t lines)
{
	return layouts_cost_of(drawing->layouts, drawing->operation, drawing->store, lines).million;
}

/* Units are whole, so that prices go up in steps: the points on both sides of each between two
 * sizes, as near as can be seen. */
static void layouts_draw_steps(struct layouts_drawing *drawing, size_t first, size_t last)
{
	size_t half = (first + last) / 2;

	if (last - first <= 1 + first / LAYOUTS_NEAR ||
	    !(layouts_drawn_price(drawing, first) < layouts_drawn_price(drawing, last)))
		return;
	layouts_draw_steps(drawing, first, half);
	plot_add_point(drawing->line, (double)half, layouts_drawn_price(drawing, half));
	layouts_draw_steps(drawing, half, last);
}

static void layouts_draw_marked(struct layouts_drawing *drawing, size_t lines)
{
	double money = layouts_drawn_price(drawing, lines);

	layouts_add_marker(drawing->line, (double)lines, money, drawing->unit);
	if (drawing->store == LAYOUTS_ROWS && lines == drawing->crossing)
		drawing->line->points[drawing->line->count - 1].ring =
			plot_text("%zu lines", lines);
	plot_widen(&drawing->plot->y, money);
}

static void layouts_draw_line(struct layouts_drawing *drawing)
{
	size_t before = 0, crossing = drawing->crossing;
	char a[NUMBER_TEXT], b[NUMBER_TEXT];

	drawing->line = plot_add_line(drawing->plot, drawing->store, layouts_names[drawing->store]);
	for (size_t i = 0; i < LAYOUTS_SIZES; i++) {
		size_t size = layouts_sizes[i];

		if (before < crossing && crossing < size) {
			if (before > 0)
				layouts_draw_steps(drawing, before, crossing);
			layouts_draw_marked(drawing, crossing);
			before = crossing;
		}
		if (before > 0)
			layouts_draw_steps(drawing, before, size);
		layouts_draw_marked(drawing, size);
		before = size;
	}
	buf_printf(&drawing->plot->desc, "%s %s: %s with 1 line, %s with 200.",
		   drawing->plot->desc.len > 0 ? "" : "A line a layout.",
		   layouts_names[drawing->store], layouts_usd(layouts_drawn_price(drawing, 1), a),
		   layouts_usd(layouts_drawn_price(drawing, LAYOUTS_LINES_MAX), b));
}

static void layouts_draw_price(struct report *report, struct layouts *layouts, size_t operation,
			       const char *what)
{
	struct plot plot = layouts_plot("");
	struct layouts_drawing drawing = {.layouts = layouts,
					  .operation = operation,
					  .plot = &plot,
					  .crossing = layouts_crossing(layouts, operation, false)};

	snprintf(drawing.unit, sizeof(drawing.unit), "%.8s a million", report->prices.currency);
	plot.y_title = drawing.unit;
	for (drawing.store = 0; drawing.store < LAYOUTS_BILLED; drawing.store++)
		layouts_draw_line(&drawing);
	if (drawing.crossing > 0)
		buf_printf(&plot.desc, " A ring marks where rows begins to cost less than map.");
	plot_show(report, &plot, "Price of a million %s by lines", what);
}

static void layouts_draw_bytes(struct report *report, struct layouts *layouts)
{
	struct plot plot = layouts_plot("bytes (logarithmic)");
	char a[NUMBER_TEXT], b[NUMBER_TEXT];

	plot.y = (struct svg_scale){.type = SVG_LOG, .low = INFINITY};
	for (unsigned store = 0; store < LAYOUTS_STORES; store++) {
		struct plot_line *line = plot_add_line(&plot, store, layouts_names[store]);

		for (size_t i = 0; i < LAYOUTS_SIZES; i++) {
			size_t lines = layouts_sizes[i];
			double bytes = layouts_cost_of(layouts, LAYOUTS_ADD, store, lines).bytes;

			layouts_add_marker(line, (double)lines, bytes, "bytes");
			plot_widen(&plot.y, bytes);
		}
		buf_printf(&plot.desc, "%s %s: %s with 1 line, %s with 200.",
			   plot.desc.len > 0 ? "" : "A line a store.", layouts_names[store],
			   number_count(line->points[0].y, a),
			   number_count(line->points[line->count - 1].y, b));
	}
	plot_show(report, &plot, "Bytes that an add to a line writes, by lines");
}

/* ---- tables ---- */

/* "2 calls, 1 R + 4 W: 2.625", "1 call, 4 statements". */
static const char *layouts_asked(const struct layouts_cost *cost, char text[LAYOUTS_CELL])
{
	char calls[NUMBER_TEXT], units[NUMBER_TEXT], money[NUMBER_TEXT];

	if (!isfinite(cost->calls))
		return "\xe2\x80\x93";
	if (cost->calls <= 0)
		return "no call";
	snprintf(text, LAYOUTS_CELL, "%s call%s", number_plain(cost->calls, calls),
		 cost->calls > 1 ? "s" : "");
	if (isfinite(cost->million))
		snprintf(text + strlen(text), LAYOUTS_CELL - strlen(text), ", %s: %s",
			 money_units_text(&(struct cart_bill_units){.read = cost->read_units,
								    .write = cost->write_units},
					  units),
			 layouts_usd(cost->million, money));
	else if (isfinite(cost->statements))
		snprintf(text + strlen(text), LAYOUTS_CELL - strlen(text), ", %s statement%s",
			 number_plain(cost->statements, units), cost->statements > 1 ? "s" : "");
	return text;
}

static void layouts_row(struct page_table *table, struct layouts *layouts, size_t operation,
			unsigned store, bool bytes)
{
	struct layouts_cost costs[LAYOUTS_SIZES];
	char text[LAYOUTS_CELL];
	bool writes = false;

	for (size_t i = 0; i < LAYOUTS_SIZES; i++) {
		costs[i] = layouts_cost_of(layouts, operation, store, layouts_sizes[i]);
		writes = writes || costs[i].bytes > 0;
	}
	if (bytes && !writes)
		return;
	page_cell(table, "%s%s", bytes ? "bytes written, " : "", layouts_names[store]);
	for (size_t i = 0; i < LAYOUTS_SIZES; i++)
		page_cell(table, "%s",
			  bytes ? number_count(costs[i].bytes, text)
				: layouts_asked(&costs[i], text));
}

static void layouts_table(struct report *report, enum page_where where, struct layouts *layouts,
			  size_t operation)
{
	struct page_table table;

	page_table_begin(&table, report, "Side by side: %s", layouts_operations[operation].title);
	page_column(&table, 'l', "calls, units, and %.8s for a million", report->prices.currency);
	page_heads(&table, LAYOUTS_HEADS);
	for (unsigned row = 0; row < 2 * LAYOUTS_STORES; row++)
		layouts_row(&table, layouts, operation, row % LAYOUTS_STORES,
			    row >= LAYOUTS_STORES);
	page_table_end(&table, where);
}

/* The page has to stay small, so the rest is in the files alone: a create is the same whatever a
 * cart will have, an add of a new line and a set differ little from an add to a line, and a list is
 * of gets. */
static void layouts_tables(struct report *report, struct layouts *layouts)
{
	static const char *const on_page[] = {"remove", "get", "checkout", "delete"};

	layouts_table(report, PAGE_BOTH, layouts, LAYOUTS_ADD);
	for (size_t operation = 0; operation < LAYOUTS_OPERATIONS; operation++) {
		unsigned where = PAGE_MARKDOWN;

		for (size_t i = 0; i < sizeof(on_page) / sizeof(*on_page); i++)
			if (strcmp(layouts_operations[operation].name, on_page[i]) == 0)
				where |= PAGE_FOLDED;
		if (operation != LAYOUTS_ADD)
			layouts_table(report, (enum page_where)where, layouts, operation);
	}
}

static void layouts_notes(struct report *report, struct layouts *layouts)
{
	struct layouts_cost set = layouts_cost_of(layouts, LAYOUTS_SET, LAYOUTS_MYSQL, 5);
	char calls[NUMBER_TEXT], statements[NUMBER_TEXT];

	page_note(
		report, PAGE_BOTH,
		"map, list and rows are layouts of DynamoDB (dynamodb.layout). Their calls, units "
		"and money are computed by AWS's rules, as above; bytes written are those of the "
		"items and index entries that an operation leaves, for what DynamoDB writes on its "
		"disks cannot be seen. Requests "
		"have no idempotency keys, and lines no attributes. A set takes what an add to a "
		"line does, but %s calls and %s statements on MySQL. Creates, adds of new lines, "
		"lists and merges are in summary.md, costs.csv and money.json.",
		number_plain(set.calls, calls), number_plain(set.statements, statements));
	page_note(
		report, PAGE_BOTH,
		"MySQL and SQLite were counted on %s and %s (%s, bench/perf/run-layouts): of MySQL "
		"round trips, statements, and bytes of the redo log and of the binary log by rows; "
		"of SQLite, which is no server and is not called, bytes of the write-ahead log. "
		"Their pages, written later and once for many changes, are in neither.",
		layouts_server(layouts, LAYOUTS_MYSQL), layouts_server(layouts, LAYOUTS_SQLITE),
		layouts_counted_at(layouts));
}

/* ---- the section ---- */

/* The same of all documents. */
static void layouts_doc(struct report *report, const struct report_doc *doc)
{
	struct layouts *layouts = report->layouts;

	if (doc != report_first(report, REPORT_H2H))
		return;
	layouts_say(report, layouts);
	page_panels_begin(report);
	layouts_draw_price(report, layouts, LAYOUTS_ADD, "adds to a line");
	layouts_draw_price(report, layouts, LAYOUTS_GET, "strong gets");
	layouts_draw_bytes(report, layouts);
	page_panels_end(report);
	layouts_tables(report, layouts);
	layouts_notes(report, layouts);
}

const struct page_section section_layouts = {
	.id = "layouts",
	.heading = "Layouts and databases side by side",
	.where = PAGE_BOTH,
	.kinds = 1U << REPORT_H2H,
	.has = layouts_concern,
	.doc = layouts_doc,
};
