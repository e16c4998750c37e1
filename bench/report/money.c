#include "bench/report/money.h"

#include <math.h>
#include <string.h>

struct money_setting {
	const struct report_side *side;
	bool other_layout;
};

const char *money_layout(const struct report_side *side, bool other_layout)
{
	bool list = strcmp(member_text(side->settings, "dynamodb.layout"), "list") == 0;

	return list == other_layout ? "map" : "list";
}

static const char *money_setting(const void *user, const char *key)
{
	const struct money_setting *of = user;

	return strcmp(key, "dynamodb.layout") == 0 ? money_layout(of->side, of->other_layout)
						   : member_text(of->side->settings, key);
}

int money_bill(struct cart_bill *bill, const struct report_side *side, size_t lines, bool keyed,
	       bool other_layout)
{
	const struct money_setting setting = {side, other_layout};

	return cart_bill(bill, side->database,
			 &(struct cart_bill_cart){.lines = lines,
						  .keyed = keyed,
						  .setting = money_setting,
						  .user = &setting});
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
	bool eventual =
		strcmp(member_text(side->settings, "dynamodb.consistent_read"), "false") == 0;
	struct cart_bill bill;

	for (size_t lines = 1; lines <= MONEY_LINES; lines++) {
		if (money_bill(&bill, side, lines, false, false) != 0)
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
