/* The database calls and units of an operation, and their cost. */
#include "bench/result/number.h"
#include "bench/report/page.h"
#include "bench/report/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COST_MAX     16
#define COST_INDEXES 2.0
#define COST_ROW     30.0
#define COST_MILLION 1e6
#define COST_HOUR_S  3600.0

struct cost {
	const struct report *report;
	size_t count;
	struct cost_entry {
		char operation[40];
		char side[PLOT_LABEL];
		double calls;
		double statements; /* of SQL */
		double read;
		double write;
		double million; /* price of a million operations; NAN: no units are known */
	} entries[COST_MAX];
};

/* What AWS takes beyond what a local server counts, which is the table alone: the entries of the
 * two indexes (docs/backends/dynamodb.md, "What it costs"). The step of cart.idle_step in which a
 * cart was changed last is taken for the same. */
static double cost_of_indexes(const struct report_side *side, const char *operation, double write)
{
	const char *projection = member_text(side->settings, "dynamodb.projection");

	if (!side->stand_in || !(write > 0))
		return 0;
	if (strcmp(operation, "create") == 0)
		return COST_INDEXES;
	return strcmp(projection, "all") == 0 ? write : 0;
}

static void cost_collect(struct cost *cost, const struct report_doc *doc)
{
	const struct report_prices *prices = &cost->report->prices;
	const json_t *json;

	member_each(i, json, json_object_get(doc->results, "calls")) {
		struct cost_entry *entry = &cost->entries[cost->count];

		if (cost->count == COST_MAX)
			break;
		*entry = (struct cost_entry){
			.calls = member_number(json, "calls_per_op"),
			.statements = member_number(json, "statements_per_op"),
			.read = member_number(json, "read_units"),
			.write = member_number(json, "write_units"),
		};
		snprintf(entry->operation, sizeof(entry->operation), "%s",
			 member_text(json, "operation"));
		entry->write += cost_of_indexes(&doc->sides[report_side_of(doc, json)],
						entry->operation, entry->write);
		report_side_title(doc, report_side_of(doc, json), entry->side, sizeof(entry->side));
		/* Prices are for a million units, so units an operation are the factor. */
		entry->million =
			entry->read * prices->read_million + entry->write * prices->write_million;
		if (!(entry->read > 0) && !(entry->write > 0))
			entry->million = NAN;
		cost->count++;
	}
}

static const char *cost_money(const struct cost *cost, double money, char text[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];

	if (!isfinite(money))
		return strcpy(text, "\xe2\x80\x93");
	snprintf(text, NUMBER_TEXT, "%.8s\xc2\xa0%.30s", cost->report->prices.currency,
		 number_digits(money, 3, digits));
	return text;
}

/* The rate of operations above which the instance costs less, if it can serve them. */
static double cost_even(const struct cost *cost, double million)
{
	return cost->report->prices.instance_hour / (million / COST_MILLION) / COST_HOUR_S;
}

/* A server that does not count units shows a dash, not 0. */
static const char *cost_units(const struct cost_entry *entry, double units, char text[NUMBER_TEXT])
{
	return number_plain(isfinite(entry->million) ? round(units * 1000) / 1000 : NAN, text);
}

static void cost_row(struct page_table *table, const struct cost *cost,
		     const struct cost_entry *entry)
{
	char text[NUMBER_TEXT];

	page_cell(table, "%s", entry->operation);
	page_cell(table, "%s", entry->side);
	page_cell(table, "%s", number_plain(round(entry->calls * 1000) / 1000, text));
	page_cell(table, "%s", number_plain(round(entry->statements * 1000) / 1000, text));
	page_cell(table, "%s", cost_units(entry, entry->read, text));
	page_cell(table, "%s", cost_units(entry, entry->write, text));
	page_cell(table, "%s", cost_money(cost, entry->million, text));
	if (isfinite(entry->million) && entry->million > 0)
		page_cell(table, "%s/s", number_digits(cost_even(cost, entry->million), 3, text));
	else
		page_cell(table, "\xe2\x80\x93");
}

/* The sum of one operation of each type on a side. */
static void cost_add_sum(struct cost *cost, const char *side)
{
	struct cost_entry sum = {.operation = "one of each", .statements = NAN};
	size_t summed = 0;

	snprintf(sum.side, sizeof(sum.side), "%s", side);
	for (size_t i = 0; i < cost->count; i++) {
		const struct cost_entry *entry = &cost->entries[i];

		if (!isfinite(entry->million) || strcmp(entry->side, sum.side) != 0)
			continue;
		sum.calls += entry->calls;
		sum.read += entry->read;
		sum.write += entry->write;
		sum.million += entry->million;
		summed++;
	}
	if (summed > 1 && cost->count < COST_MAX)
		cost->entries[cost->count++] = sum;
}

static void cost_add_sums(struct cost *cost)
{
	size_t count = cost->count, i, before;

	for (i = 0; i < count; i++) {
		for (before = 0; before < i; before++)
			if (strcmp(cost->entries[before].side, cost->entries[i].side) == 0)
				break;
		if (before == i)
			cost_add_sum(cost, cost->entries[i].side);
	}
}

static void cost_draw(struct buf *out, double width, const char *id,
		      const struct page_figure *figure)
{
	const struct cost *cost = figure->data;
	struct svg_chart chart = {.out = out, .width = width, .x = {.type = SVG_LINEAR}};
	char label[40], text[NUMBER_TEXT];
	double y, rows = 0;
	size_t i;

	for (i = 0; i < cost->count; i++) {
		chart.x.high = fmax(chart.x.high, cost->entries[i].million);
		rows += isfinite(cost->entries[i].million) ? 1 : 0;
	}
	svg_scale_round(&chart.x);
	chart.left = 124;
	chart.right = width - 84;
	plot_rows_begin(&chart, id, figure, NULL, 0, 8, rows * COST_ROW + 4);
	svg_grid_x(&chart, 6, number_plain);
	for (i = 0, y = chart.top + 4; i < cost->count; i++) {
		const struct cost_entry *entry = &cost->entries[i];
		double end = svg_scale_at(&chart.x, entry->million);

		if (!isfinite(entry->million))
			continue;
		snprintf(label, sizeof(label), "%.24s, %.1s", entry->operation, entry->side);
		svg_text(&chart, 2, y + 15, SVG_START, "", chart.left - 8, label);
		cost_money(cost, entry->million, text);
		svg_rect(&chart, "part p2", chart.left, y, end - chart.left, COST_ROW - 10, text);
		svg_text(&chart, end + 6, y + 15, SVG_START, "halo", 0, text);
		y += COST_ROW;
	}
	snprintf(text, sizeof(text), "%.8s for a million operations",
		 cost->report->prices.currency);
	svg_axis_titles(&chart, text, "");
	svg_close(&chart);
}

static void cost_table(struct report *report, const struct report_doc *doc, const struct cost *cost)
{
	struct page_table table;

	page_table_begin(&table, report, doc->stand_in, "Calls, units and cost of an operation: %s",
			 report_file_of(report, doc));
	page_heads(&table,
		   "l operation|l side|r calls to the database|r SQL statements|r read units|r "
		   "write units|r a million operations|r even with the instance at");
	for (size_t i = 0; i < cost->count; i++)
		cost_row(&table, cost, &cost->entries[i]);
	page_table_end(&table, PAGE_BOTH);
}

static void cost_prices(struct report *report)
{
	const struct report_prices *prices = &report->prices;
	char write[NUMBER_TEXT], read[NUMBER_TEXT], hour[NUMBER_TEXT];

	page_note(report, PAGE_BOTH,
		  "Prices as of %s%s: %s %s for a million write units, %s for a million read units "
		  "(%s, %s; %s). The instance: %s, %s %s an hour (%s). \xe2\x80\x9c"
		  "Even\xe2\x80\x9d is the rate, kept up all day, above which the instance costs "
		  "less, if it can do so many; below it, units do. Storage, backups, transfer and "
		  "people's work are in neither.",
		  prices->as_of, prices->overridden ? ", some of them given by flags" : "",
		  prices->currency, number_plain(prices->write_million, write),
		  number_plain(prices->read_million, read), prices->region, prices->capacity,
		  prices->source, prices->instance, prices->currency,
		  number_plain(prices->instance_hour, hour), prices->instance_source);
}

static void cost_doc(struct report *report, const struct report_doc *doc)
{
	struct cost cost = {.report = report};
	struct page_figure figure = {.draw = cost_draw, .data = &cost, .wide = true};
	char money[NUMBER_TEXT];
	bool paid = false;

	cost_collect(&cost, doc);
	cost_add_sums(&cost);
	for (size_t i = 0; i < cost.count; i++) {
		if (!isfinite(cost.entries[i].million))
			continue;
		buf_printf(&figure.text, "%s %s %s",
			   paid ? ";" : "A bar an operation:", cost.entries[i].operation,
			   cost_money(&cost, cost.entries[i].million, money));
		paid = true;
	}
	page_figure(report, &figure, doc->stand_in,
		    "Cost of a million operations in DynamoDB's units");
	cost_table(report, doc, &cost);
	if (paid && doc->stand_in)
		page_note(
			report, PAGE_BOTH,
			"A local server counts the table alone. What AWS takes for the entries of "
			"the indexes is added above: 2 write units to a create. A change that is "
			"the first of its cart in a step of cart.idle_step takes 2 more, which "
			"are not in it (docs/backends/dynamodb.md has the arithmetic).");
	if (paid)
		cost_prices(report);
}

static bool cost_has(const struct report_doc *doc)
{
	return json_array_size(json_object_get(doc->results, "calls")) > 0;
}

const struct page_section section_cost = {
	.id = "cost",
	.heading = "What an operation costs",
	.where = PAGE_BOTH,
	.kinds = REPORT_ALL,
	.has = cost_has,
	.doc = cost_doc,
};
