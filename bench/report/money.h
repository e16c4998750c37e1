/*
 * What carts cost on each side: DynamoDB by the request, as its backend bills them
 * (core/cart_bill.h), a MySQL instance by the month. All inputs are members, so that the report can
 * show the sum by its parts.
 */
#ifndef BENCH_REPORT_MONEY_H
#define BENCH_REPORT_MONEY_H

#include "bench/page/report.h"
#include "core/cart_bill.h"

#define MONEY_MILLION	  1e6
#define MONEY_HOURS_MONTH 730.0
#define MONEY_GB	  1073741824.0

/* A cart's life: created, so many lines added one by one, read so often, checked out. Some time
 * between, the idle step changes once. No request has an idempotency key. */
#define MONEY_LINES 5
#define MONEY_GETS  5

enum money_basis { MONEY_UNKNOWN, MONEY_BY_REQUEST, MONEY_BY_MONTH };

struct money_side {
	enum money_basis basis;
	const char *why; /* MONEY_UNKNOWN: what is known instead, a clause */
	/* MONEY_BY_REQUEST: units of a life by operation, and how many of the operation it has */
	struct cart_bill_units units[CART_BILL_OPERATIONS];
	int count[CART_BILL_OPERATIONS];
	struct cart_bill_units sum;
	double stored_gb; /* of a million carts, checked out */
	double requests;  /* price of a million lives, without storage */
	double storage;	  /* of a month */
	double million;	  /* both */
	/* MONEY_BY_MONTH: the price list's instance, which is not what the run used */
	double instance;
	double disk;
	double month; /* both, however many carts there are */
};

struct money {
	struct money_side sides[REPORT_SIDES_MAX]; /* as the document's */
	double even;	 /* carts a month above which the instance costs less; NAN: not known */
	const char *why; /* why not, a sentence; NULL */
};

/* Of one side; a million carts. */
void money_of_side(struct money_side *of, const struct report *report,
		   const struct report_side *side);
/* Of a document's sides, with the break-even. */
void money_of(struct money *money, const struct report *report, const struct report_doc *doc);

/* The bill of a cart on a side, in the layout of money_layout(). -1: the side is not paid by the
 * request. */
CART_MUST_CHECK int money_bill(struct cart_bill *bill, const struct report_side *side, size_t lines,
			       bool keyed, size_t layout);
/* 0: the side's layout of items; then the others: "map", "list", "rows". */
#define MONEY_LAYOUTS 3
const char *money_layout(const struct report_side *side, size_t layout);

/* All of it as JSON, with every side's bills, but without "layouts" (layouts.h); the caller's. */
json_t *money_json(const struct report *report, const struct report_doc *doc);

/* The sizes of carts that bills are shown for. */
#define MONEY_SIZES 5
extern const size_t money_sizes[MONEY_SIZES];

/* "5 R + 2 W", of NUMBER_TEXT characters. */
const char *money_units_text(const struct cart_bill_units *units, char *text);
/* Of one operation. */
double money_price(const struct report_prices *prices, const struct cart_bill_units *units);

#endif
