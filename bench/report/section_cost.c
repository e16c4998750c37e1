/*
 * What carts cost: the database calls that were counted, what AWS bills for each operation, and the
 * sum of a million carts on both sides. Counted figures are the run's; money is by AWS's rules
 * (bench/report/money.h), whatever server the run had.
 */
#include "bench/report/money.h"
#include "bench/page/page.h"
#include "bench/page/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COST_ROW    30.0
#define COST_HOUR_S 3600.0

/* In the order of the tables. */
static const struct {
	enum cart_bill_operation operation;
	const char *name;
	bool on_picture;
} cost_operations[CART_BILL_OPERATIONS] = {
	{CART_BILL_CREATE, "create", true},
	{CART_BILL_ADD_LINE, "add of a new line", true},
	{CART_BILL_ADD, "add to a line that is there", false},
	{CART_BILL_REMOVE, "removal of a line", false},
	{CART_BILL_MOVE, "the first change in an idle step, more", false},
	{CART_BILL_GET, "get, strong", true},
	{CART_BILL_GET_EVENTUAL, "get, eventual", false},
	{CART_BILL_LIST, "list of a customer with one cart", false},
	{CART_BILL_CHECKOUT, "checkout", true},
	{CART_BILL_MERGE, "merge into an empty cart", false},
	{CART_BILL_DELETE, "delete", true},
};

/* To the cent where it is larger than one; all digits of what is not. */
static const char *cost_digits(double money, char text[NUMBER_TEXT])
{
	return number_plain(money >= 100 ? round(money * 100) / 100 : round(money * 1e4) / 1e4,
			    text);
}

static double cost_million(const struct report *report, const struct cart_bill_units *units)
{
	return money_price(&report->prices, units) * MONEY_MILLION;
}

/* ---- what the run counted ---- */

static void cost_call(struct page_table *table, const struct report_doc *doc, const json_t *json)
{
	static const char *const members[] = {"calls_per_op", "statements_per_op", "read_units",
					      "write_units"};
	char text[NUMBER_TEXT], side[PLOT_LABEL];

	page_cell(table, "%s", member_text(json, "operation"));
	page_cell(table, "%s",
		  report_side_title(doc, report_side_of(doc, json), side, sizeof(side)));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		page_cell(table, "%s",
			  number_plain(round(member_number(json, members[i]) * 1000) / 1000, text));
}

static void cost_calls(struct report *report, const struct report_doc *doc)
{
	struct page_table table;
	const json_t *json;

	page_table_begin(&table, report, "Calls of an operation, as they were counted: %s",
			 report_file_of(report, doc));
	page_heads(&table, "l operation|l side|r calls to the database|r SQL statements|"
			   "r read units counted|r write units counted");
	member_each(i, json, json_object_get(doc->results, "calls"))
		cost_call(&table, doc, json);
	page_table_end(&table, PAGE_BOTH);
	if (doc->stand_in)
		page_note(report, PAGE_BOTH,
			  "A local server counts the units of the table alone, and of carts with "
			  "few lines. No money is computed from them.");
}

/* ---- what AWS bills ---- */

static bool cost_is_billed(const struct report_side *side)
{
	struct cart_bill bill;

	return money_bill(&bill, side, 1, false, 0) == 0;
}

struct cost_bills {
	struct report *report;
	const struct report_side *side;
	bool keyed;
	size_t layout; /* of money_layout() */
};

static void cost_bill_rows(struct page_table *table, const struct cost_bills *of,
			   const struct cart_bill bills[MONEY_SIZES])
{
	char text[NUMBER_TEXT], money[NUMBER_TEXT];

	page_cell(table, "the item, bytes");
	for (size_t i = 0; i < MONEY_SIZES; i++)
		page_cell(table, "%s", number_count((double)bills[i].bytes, text));
	for (size_t row = 0; row < CART_BILL_OPERATIONS; row++) {
		page_cell(table, "%s", cost_operations[row].name);
		for (size_t i = 0; i < MONEY_SIZES; i++) {
			const struct cart_bill_units *units =
				&bills[i].units[cost_operations[row].operation];

			page_cell(table, "%s: %s", money_units_text(units, text),
				  cost_digits(cost_million(of->report, units), money));
		}
	}
}

static void cost_bill_table(const struct cost_bills *of)
{
	const char *projection = member_text(of->side->settings, "dynamodb.projection");
	struct cart_bill bills[MONEY_SIZES];
	struct page_table table;

	for (size_t i = 0; i < MONEY_SIZES; i++)
		if (money_bill(&bills[i], of->side, money_sizes[i], of->keyed, of->layout) != 0)
			return;
	page_table_begin(&table, of->report,
			 "What AWS bills: layout %s, projection %s, %s idempotency keys",
			 money_layout(of->side, of->layout),
			 strcmp(projection, "all") == 0 ? projection : "keys",
			 of->keyed ? "with" : "without");
	page_heads(&table, "l units, and USD for a million|r 1 line|r 5 lines|r 20 lines|"
			   "r 50 lines|r 200 lines");
	cost_bill_rows(&table, of, bills);
	/* The page has the other layouts side by side. */
	page_table_end(&table, of->layout > 0 ? PAGE_MARKDOWN
			       : of->keyed    ? (enum page_where)(PAGE_FOLDED | PAGE_MARKDOWN)
					      : PAGE_BOTH);
}

static void cost_bills(struct report *report, const struct report_side *side)
{
	struct cost_bills of = {.report = report, .side = side};

	for (size_t i = 0; i < 2 * MONEY_LAYOUTS; i++) {
		of.keyed = i % 2 == 1;
		of.layout = i / 2;
		cost_bill_table(&of);
	}
}

static void cost_rules(struct report *report)
{
	page_note(report, PAGE_BOTH,
		  "Computed by AWS's rules from the items that cartd writes, not measured. A write "
		  "unit (W) is 1 KB begun of the item before or after the write, whichever is "
		  "larger; a read unit (R) 4 KB begun, half of it for an eventual read. Each index "
		  "entry that appears, vanishes or changes is a write, and one whose key changes "
		  "is two. A condition that was false costs what the write would have. Products "
		  "have 6 digits, or 16 characters where cart.id_type is string, quantities 2 "
		  "digits, and no attributes. With idempotency keys: every change of the cart "
		  "had one, and all are within idempotency.window.");
}

/* ---- the picture ---- */

struct cost_picture {
	const struct report *report;
	const struct report_doc *doc;
};

/* Calls with each bar of the picture. */
typedef void cost_bar_fn(const char *name, size_t side, double money, void *user);

static void cost_each_bar(const struct cost_picture *picture, cost_bar_fn *bar, void *user)
{
	struct cart_bill bill;

	for (size_t row = 0; row < CART_BILL_OPERATIONS; row++)
		for (size_t side = 0; side < picture->doc->side_count; side++)
			if (cost_operations[row].on_picture &&
			    money_bill(&bill, &picture->doc->sides[side], MONEY_LINES, false, 0) ==
				    0)
				bar(cost_operations[row].name, side,
				    cost_million(picture->report,
						 &bill.units[cost_operations[row].operation]),
				    user);
}

struct cost_drawing {
	const struct cost_picture *picture;
	struct svg_chart chart;
	double rows, y;
};

static void cost_measure_bar(const char *name, size_t side, double money, void *user)
{
	struct cost_drawing *drawing = user;

	(void)name;
	(void)side;
	drawing->chart.x.high = fmax(drawing->chart.x.high, money);
	drawing->rows++;
}

static void cost_draw_bar(const char *name, size_t side, double money, void *user)
{
	struct cost_drawing *drawing = user;
	struct svg_chart *chart = &drawing->chart;
	double end = svg_scale_at(&chart->x, money);
	char label[40], text[NUMBER_TEXT];

	snprintf(label, sizeof(label), "%.24s, %.1s", name,
		 drawing->picture->doc->sides[side].name);
	svg_text(chart, 2, drawing->y + 15, SVG_START, "", chart->left - 8, label);
	cost_digits(money, text);
	svg_rect(chart, "part p2", chart->left, drawing->y, end - chart->left, COST_ROW - 10, text);
	svg_text(chart, end + 6, drawing->y + 15, SVG_START, "halo", 0, text);
	drawing->y += COST_ROW;
}

static void cost_draw(struct buf *out, double width, const char *id,
		      const struct page_figure *figure)
{
	const struct cost_picture *picture = figure->data;
	struct cost_drawing drawing = {
		.picture = picture,
		.chart = {.out = out, .width = width, .x = {.type = SVG_LINEAR}}};
	struct svg_chart *chart = &drawing.chart;
	char text[NUMBER_TEXT];

	cost_each_bar(picture, cost_measure_bar, &drawing);
	svg_scale_round(&chart->x);
	chart->left = 144;
	chart->right = width - 84;
	plot_rows_begin(chart, id, figure, NULL, 0, 8, drawing.rows * COST_ROW + 4);
	svg_grid_x(chart, 6, number_plain);
	drawing.y = chart->top + 4;
	cost_each_bar(picture, cost_draw_bar, &drawing);
	snprintf(text, sizeof(text), "%.8s for a million", picture->report->prices.currency);
	svg_axis_titles(chart, text, "");
	svg_close(chart);
}

static void cost_describe_bar(const char *name, size_t side, double money, void *user)
{
	struct buf *text = user;
	char digits[NUMBER_TEXT];

	buf_printf(text, "%s %s, side %zu, %s", text->len > 0 ? ";" : "A bar an operation:", name,
		   side + 1, cost_digits(money, digits));
}

static void cost_picture(struct report *report, const struct report_doc *doc)
{
	const struct cost_picture picture = {report, doc};
	struct page_figure figure = {.draw = cost_draw, .data = &picture, .wide = true};

	cost_each_bar(&picture, cost_describe_bar, &figure.text);
	page_figure(report, &figure,
		    "Price of a million operations on carts of %d lines, by AWS's rules",
		    MONEY_LINES);
}

/* ---- a million carts ---- */

struct cost_sum {
	struct page_table table;
	const struct report *report;
	char side[PLOT_LABEL];
};

static void cost_sum_row(struct cost_sum *sum, bool strong, const char *part, const char *amount,
			 const char *price, double money)
{
	char text[NUMBER_TEXT];

	page_cell(&sum->table, "%s", part);
	page_cell(&sum->table, "%s", sum->side);
	page_cell(&sum->table, "%s", amount);
	page_cell(&sum->table, "%s", price);
	page_cell(&sum->table, "%s%s", strong ? PAGE_STRONG : "", cost_digits(money, text));
}

static void cost_sum_units(struct cost_sum *sum, const char *name, int count,
			   const struct cart_bill_units *units)
{
	const struct report_prices *prices = &sum->report->prices;
	char part[64], text[NUMBER_TEXT], read[NUMBER_TEXT], write[NUMBER_TEXT], price[96] = "";

	if (count > 0)
		snprintf(part, sizeof(part), "%d \xc3\x97 %s", count, name);
	else
		snprintf(part, sizeof(part), "%s", name);
	if (units->read > 0)
		snprintf(price, sizeof(price), "%.20s \xc3\x97 %.20s%s",
			 number_plain(units->read, text), number_plain(prices->read_million, read),
			 units->write > 0 ? " + " : "");
	if (units->write > 0)
		snprintf(price + strlen(price), sizeof(price) - strlen(price),
			 "%.20s \xc3\x97 %.20s", number_plain(units->write, text),
			 number_plain(prices->write_million, write));
	cost_sum_row(sum, false, part, money_units_text(units, text), price,
		     cost_million(sum->report, units));
}

static void cost_sum_requests(struct cost_sum *sum, const struct money_side *of)
{
	const struct report_prices *prices = &sum->report->prices;
	char amount[NUMBER_TEXT], price[2 * NUMBER_TEXT], text[NUMBER_TEXT], of_gb[NUMBER_TEXT];

	for (size_t row = 0; row < CART_BILL_OPERATIONS; row++) {
		enum cart_bill_operation operation = cost_operations[row].operation;

		if (of->count[operation] > 0)
			cost_sum_units(sum, cost_operations[row].name, of->count[operation],
				       &of->units[operation]);
	}
	snprintf(amount, sizeof(amount), "%.30s GB",
		 number_plain(round(of->stored_gb * 1e4) / 1e4, text));
	snprintf(price, sizeof(price), "%.30s \xc3\x97 %.30s",
		 number_plain(round(of->stored_gb * 1e4) / 1e4, text),
		 number_plain(prices->storage_gb_month, of_gb));
	cost_sum_row(sum, false, "storage for a month", amount, price, of->storage);
	cost_sum_row(sum, true, "a million carts", money_units_text(&of->sum, text), "",
		     of->million);
}

static void cost_sum_month(struct cost_sum *sum, const struct money_side *of)
{
	const struct report_prices *prices = &sum->report->prices;
	char price[2 * NUMBER_TEXT], amount[NUMBER_TEXT], text[NUMBER_TEXT], other[NUMBER_TEXT];

	snprintf(price, sizeof(price), "%.30s \xc3\x97 %.30s",
		 number_plain(MONEY_HOURS_MONTH, text), number_plain(prices->instance_hour, other));
	cost_sum_row(sum, false, "the instance, a month",
		     strcat(strcpy(amount, number_plain(MONEY_HOURS_MONTH, text)), " h"), price,
		     of->instance);
	snprintf(price, sizeof(price), "%.30s \xc3\x97 %.30s",
		 number_plain(prices->instance_gb, text),
		 number_plain(prices->instance_gb_month, other));
	cost_sum_row(sum, false, "its disk, a month",
		     strcat(strcpy(amount, number_plain(prices->instance_gb, text)), " GB"), price,
		     of->disk);
	cost_sum_row(sum, true, "a month, with any number of carts", "", "", of->month);
}

static void cost_even(struct report *report, const struct report_doc *doc,
		      const struct money *money)
{
	const struct report_prices *prices = &report->prices;
	double carts_s = money->even / MONEY_HOURS_MONTH / COST_HOUR_S;
	char month[NUMBER_TEXT], million[NUMBER_TEXT], even[NUMBER_TEXT], carts[NUMBER_TEXT],
		requests[NUMBER_TEXT];
	const char *server = "";

	if (money->why != NULL) {
		page_note(report, PAGE_BOTH, "%s", money->why);
		return;
	}
	for (size_t i = 0; i < doc->side_count; i++) {
		const struct money_side *of = &money->sides[i];

		if (of->basis == MONEY_BY_REQUEST)
			cost_digits(of->million, million);
		if (of->basis == MONEY_BY_MONTH) {
			cost_digits(of->month, month);
			server = *doc->sides[i].server != '\0' ? doc->sides[i].server
							       : "another server";
		}
	}
	page_say(report, PAGE_BOTH,
		 "Both cost the same at %s \xc3\xb7 %s = %s million carts a month: %s carts or %s "
		 "requests a second, day and night. With fewer, DynamoDB costs less; with more, "
		 "the instance does, if it can serve them. This run does not show whether: it was "
		 "made on %s, not on %s.",
		 month, million, number_digits(money->even / MONEY_MILLION, 3, even),
		 number_digits(carts_s, 3, carts),
		 number_digits(carts_s * (2 + MONEY_LINES + MONEY_GETS), 3, requests), server,
		 prices->instance);
}

static void cost_sums(struct report *report, const struct report_doc *doc)
{
	struct cost_sum sum = {.report = report};
	struct money money;

	money_of(&money, report, doc);
	page_table_begin(&sum.table, report,
			 "A million carts of %d lines on each side, by AWS's prices of %s",
			 MONEY_LINES, report->prices.as_of);
	page_heads(&sum.table, "l part|l side|r amount|r price|r USD");
	for (size_t i = 0; i < doc->side_count; i++) {
		report_side_title(doc, i, sum.side, sizeof(sum.side));
		if (money.sides[i].basis == MONEY_BY_REQUEST)
			cost_sum_requests(&sum, &money.sides[i]);
		else if (money.sides[i].basis == MONEY_BY_MONTH)
			cost_sum_month(&sum, &money.sides[i]);
	}
	page_table_end(&sum.table, PAGE_BOTH);
	for (size_t i = 0; i < doc->side_count; i++)
		if (money.sides[i].basis == MONEY_UNKNOWN)
			page_note(report, PAGE_BOTH, "%s has no price: %s.",
				  report_side_title(doc, i, sum.side, sizeof(sum.side)),
				  money.sides[i].why);
	page_note(report, PAGE_BOTH,
		  "A cart is created, gets %d lines by as many adds, is read %d times and checked "
		  "out, without idempotency keys; once between, a change is the first in a step of "
		  "cart.idle_step. A month has %g hours, a GB 2^30 bytes.",
		  MONEY_LINES, MONEY_GETS, MONEY_HOURS_MONTH);
	cost_even(report, doc, &money);
}

static void cost_prices(struct report *report)
{
	const struct report_prices *prices = &report->prices;
	char write[NUMBER_TEXT], read[NUMBER_TEXT], storage[NUMBER_TEXT], hour[NUMBER_TEXT],
		gb[NUMBER_TEXT];

	page_note(
		report, PAGE_BOTH,
		"Prices as of %s%s: %s %s for a million write units, %s for a million read units, "
		"%s for a GB stored a month (%s, %s; %s). The instance: %s, %s %s an hour, %s for "
		"a GB of disk a month; %s (%s). Backups, transfer, free allowances, reservations "
		"and people's work are in neither.",
		prices->as_of, prices->overridden ? ", some of them given by flags" : "",
		prices->currency, number_plain(prices->write_million, write),
		number_plain(prices->read_million, read),
		number_plain(prices->storage_gb_month, storage), prices->region, prices->capacity,
		prices->source, prices->instance, prices->currency,
		number_plain(prices->instance_hour, hour),
		number_plain(prices->instance_gb_month, gb), prices->instance_io,
		prices->instance_source);
}

static void cost_doc(struct report *report, const struct report_doc *doc)
{
	bool billed = false;

	for (size_t i = 0; i < doc->side_count; i++)
		billed = billed || cost_is_billed(&doc->sides[i]);
	if (billed) {
		cost_sums(report, doc);
		cost_picture(report, doc);
		for (size_t i = 0; i < doc->side_count; i++)
			if (cost_is_billed(&doc->sides[i]))
				cost_bills(report, &doc->sides[i]);
		cost_rules(report);
		cost_prices(report);
	}
	cost_calls(report, doc);
}

static bool cost_has(const struct report_doc *doc)
{
	if (json_array_size(json_object_get(doc->results, "calls")) > 0)
		return true;
	for (size_t i = 0; i < doc->side_count; i++)
		if (cost_is_billed(&doc->sides[i]))
			return true;
	return false;
}

const struct page_section section_cost = {
	.id = "cost",
	.heading = "What it costs",
	.where = PAGE_BOTH,
	.kinds = 1U << REPORT_H2H,
	.has = cost_has,
	.doc = cost_doc,
};
