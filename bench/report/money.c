#include "bench/report/money.h"
#include "bench/result/number.h"
#include "bench/target/op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const size_t money_sizes[MONEY_SIZES] = {1, 5, 20, 50, 200};

static const char *const money_operations[CART_BILL_OPERATIONS] = {
	[CART_BILL_CREATE] = "create",
	[CART_BILL_ADD_LINE] = "add_line",
	[CART_BILL_ADD] = "add",
	[CART_BILL_REMOVE] = "remove",
	[CART_BILL_MOVE] = "move",
	[CART_BILL_GET] = "get",
	[CART_BILL_GET_EVENTUAL] = "get_eventual",
	[CART_BILL_LIST] = "list",
	[CART_BILL_CHECKOUT] = "checkout",
	[CART_BILL_MERGE] = "merge",
	[CART_BILL_DELETE] = "delete",
};

struct money_setting {
	const struct report_side *side;
	size_t layout;
};

const char *money_layout(const struct report_side *side, size_t layout)
{
	static const char *const layouts[MONEY_LAYOUTS] = {"map", "list", "rows"};
	const char *name = member_text(side->settings, "dynamodb.layout");
	size_t own = 0;

	for (size_t i = 0; i < MONEY_LAYOUTS; i++)
		if (strcmp(name, layouts[i]) == 0)
			own = i;
	if (layout == 0)
		return layouts[own];
	return layouts[layout <= own ? layout - 1 : layout];
}

static const char *money_setting(const void *user, const char *key)
{
	const struct money_setting *of = user;

	return strcmp(key, "dynamodb.layout") == 0 ? money_layout(of->side, of->layout)
						   : member_text(of->side->settings, key);
}

int money_bill(struct cart_bill *bill, const struct report_side *side, size_t lines, bool keyed,
	       size_t layout)
{
	const struct money_setting setting = {side, layout};

	return cart_bill(bill, side->database,
			 &(struct cart_bill_cart){.lines = lines,
						  .keyed = keyed,
						  .setting = money_setting,
						  .user = &setting});
}

const char *money_units_text(const struct cart_bill_units *units, char *text)
{
	char read[NUMBER_TEXT], write[NUMBER_TEXT];

	snprintf(text, NUMBER_TEXT, "%.18s%s%.18s%s",
		 units->read > 0 ? number_plain(units->read, read) : "",
		 units->read <= 0   ? ""
		 : units->write > 0 ? " R + "
				    : " R",
		 units->write > 0 ? number_plain(units->write, write) : "",
		 units->write > 0 ? " W" : "");
	return text;
}

double money_price(const struct report_prices *prices, const struct cart_bill_units *units)
{
	return (units->read * prices->read_million + units->write * prices->write_million) /
	       MONEY_MILLION;
}

static void money_count(struct money_side *of, const struct cart_bill *bill,
			enum cart_bill_operation operation, int count)
{
	of->count[operation] += count;
	of->units[operation].read += count * bill->units[operation].read;
	of->units[operation].write += count * bill->units[operation].write;
	of->sum.read += count * bill->units[operation].read;
	of->sum.write += count * bill->units[operation].write;
}

static bool money_by_request(struct money_side *of, const struct report_prices *prices,
			     const struct report_side *side)
{
	enum bench_read read = bench_read_of(member_text(side->doc->results, "consistency"));
	bool eventual =
		read == BENCH_READ_EVENTUAL ||
		(read == BENCH_READ_DEFAULT &&
		 strcmp(member_text(side->settings, "dynamodb.consistent_read"), "false") == 0);
	struct cart_bill bill;

	for (size_t lines = 1; lines <= MONEY_LINES; lines++) {
		if (money_bill(&bill, side, lines, false, 0) != 0)
			return false;
		money_count(of, &bill, CART_BILL_ADD_LINE, 1);
	}
	money_count(of, &bill, CART_BILL_CREATE, 1);
	money_count(of, &bill, CART_BILL_MOVE, 1);
	money_count(of, &bill, eventual ? CART_BILL_GET_EVENTUAL : CART_BILL_GET, MONEY_GETS);
	money_count(of, &bill, CART_BILL_CHECKOUT, 1);
	of->stored_gb = (double)bill.stored_bytes * MONEY_MILLION / MONEY_GB;
	of->requests = money_price(prices, &of->sum) * MONEY_MILLION;
	of->storage = of->stored_gb * prices->storage_gb_month;
	of->million = of->requests + of->storage;
	of->basis = MONEY_BY_REQUEST;
	return true;
}

static void money_by_month(struct money_side *of, const struct report_prices *prices)
{
	of->instance = prices->instance_hour * MONEY_HOURS_MONTH;
	of->disk = prices->instance_gb * prices->instance_gb_month;
	of->month = of->instance + of->disk;
	of->basis = MONEY_BY_MONTH;
}

void money_of_side(struct money_side *of, const struct report *report,
		   const struct report_side *side)
{
	const struct report_prices *prices = &report->prices;

	*of = (struct money_side){.basis = MONEY_UNKNOWN};
	if (money_by_request(of, prices, side))
		return;
	if (strcmp(side->database, "mysql") == 0)
		money_by_month(of, prices);
	else
		of->why = *side->database != '\0'
				  ? "it takes nothing but a part of the machine that cartd runs on"
				  : "the file does not say what database it has";
}

void money_of(struct money *money, const struct report *report, const struct report_doc *doc)
{
	const struct money_side *request = NULL, *month = NULL;

	*money = (struct money){.even = NAN};
	for (size_t i = 0; i < doc->side_count; i++) {
		money_of_side(&money->sides[i], report, &doc->sides[i]);
		if (money->sides[i].basis == MONEY_BY_REQUEST)
			request = &money->sides[i];
		else if (money->sides[i].basis == MONEY_BY_MONTH)
			month = &money->sides[i];
	}
	if (request == NULL || month == NULL)
		money->why = "A break-even needs a side that is paid by the request and one that "
			     "is paid by the month.";
	else if (!(request->million > 0))
		money->why = "By these prices the requests cost nothing.";
	else
		money->even = month->month / (request->million / MONEY_MILLION);
}

static json_t *money_bill_json(const struct report *report, const struct report_side *side,
			       size_t lines, bool keyed, size_t layout)
{
	json_t *operations = json_object();
	struct cart_bill bill;

	if (money_bill(&bill, side, lines, keyed, layout) != 0) {
		json_decref(operations);
		return NULL;
	}
	for (int i = 0; i < CART_BILL_OPERATIONS; i++)
		json_object_set_new(
			operations, money_operations[i],
			json_pack("{s:f, s:f, s:f, s:f, s:f}", "calls", bill.units[i].calls,
				  "read_units", bill.units[i].read, "write_units",
				  bill.units[i].write, "bytes_written", bill.units[i].bytes,
				  "million",
				  money_price(&report->prices, &bill.units[i]) * MONEY_MILLION));
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:o}", "layout", money_layout(side, layout),
			 "keyed", (int)keyed, "lines", (json_int_t)lines, "bytes",
			 (json_int_t)bill.bytes, "stored_bytes", (json_int_t)bill.stored_bytes,
			 "operations", operations);
}

static json_t *money_bills_json(const struct report *report, const struct report_side *side)
{
	json_t *bills = json_array(), *bill;

	for (size_t which = 0; which < 2 * MONEY_LAYOUTS; which++)
		for (size_t i = 0; i < MONEY_SIZES; i++) {
			bill = money_bill_json(report, side, money_sizes[i], which % 2 == 1,
					       which / 2);
			if (bill != NULL)
				json_array_append_new(bills, bill);
		}
	return bills;
}

static json_t *money_known(const struct money_side *of, enum money_basis basis, double value)
{
	return of->basis == basis ? member_real(value) : json_null();
}

static json_t *money_side_json(const struct report *report, const struct report_side *side,
			       const struct money_side *of)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", side->name, "label",
			 side->label, "million_requests",
			 money_known(of, MONEY_BY_REQUEST, of->requests), "million_storage_month",
			 money_known(of, MONEY_BY_REQUEST, of->storage), "million",
			 money_known(of, MONEY_BY_REQUEST, of->million), "month",
			 money_known(of, MONEY_BY_MONTH, of->month), "bills",
			 money_bills_json(report, side));
}

json_t *money_json(const struct report *report, const struct report_doc *doc)
{
	const struct report_prices *prices = &report->prices;
	json_t *sides = json_array();
	struct money money;

	money_of(&money, report, doc);
	for (size_t i = 0; i < doc->side_count; i++)
		json_array_append_new(sides,
				      money_side_json(report, &doc->sides[i], &money.sides[i]));
	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:s?}", "format",
			 "cartbench-money", "format_version", 1, "as_of", prices->as_of, "region",
			 prices->region, "currency", prices->currency, "lines", MONEY_LINES, "gets",
			 MONEY_GETS, "sides", sides, "even_carts_month", member_real(money.even),
			 "not_even", money.why);
}
