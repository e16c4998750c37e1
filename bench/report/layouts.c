#include "bench/report/layouts.h"
#include "bench/report/money.h"
#include "bench/stats/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYOUTS_SCAN_BYTES 8192.0 /* a page reads a unit for each, eventually */
#define LAYOUTS_STRIDE	   2	  /* without and with attributes */

const size_t layouts_sizes[LAYOUTS_SIZES] = {1, 5, 20, 50, 200};
const char *const layouts_stores[LAYOUTS_STORES] = {"map", "list", "rows", "mysql", "sqlite"};

const struct layouts_operation layouts_operations[LAYOUTS_OPERATIONS] = {
	{"create", "create", CART_BILL_CREATE},
	{"add_line", "add of a new line", CART_BILL_ADD_LINE},
	{"add", "add to a line that is there", CART_BILL_ADD},
	{"set", "set of a line's quantity", CART_BILL_ADD},
	{"remove", "removal of a line", CART_BILL_REMOVE},
	{"get", "get, strong", CART_BILL_GET},
	{"list", "list of a customer with one cart", CART_BILL_LIST},
	{"checkout", "checkout", CART_BILL_CHECKOUT},
	{"merge", "merge into an empty cart", CART_BILL_MERGE},
	{"delete", "delete", CART_BILL_DELETE},
};

/* The Makefile makes its definition of bench/report/work.json. */
extern const char embed_bench_work_json[];
extern const size_t embed_bench_work_json_len;

struct layouts {
	const struct report_prices *prices;
	json_t *work;
	/* Made when they are asked for: 0 bytes are none yet. */
	struct cart_bill bills[LAYOUTS_STRIDE][LAYOUTS_BILLED][LAYOUTS_LINES_MAX];
};

static const char *layouts_setting(const void *user, const char *key)
{
	return strcmp(key, "dynamodb.layout") == 0 ? user : "";
}

/* Without memory the program ends, as everywhere in a report. */
static const struct cart_bill *layouts_bill(struct layouts *layouts, bool attributes,
					    enum layouts_store store, size_t lines)
{
	struct cart_bill *bill = &layouts->bills[attributes][store][lines - 1];
	const struct cart_bill_cart cart = {.lines = lines,
					    .attributes = attributes ? LAYOUTS_ATTRIBUTES : 0,
					    .setting = layouts_setting,
					    .user = layouts_stores[store]};

	if (bill->bytes == 0 && cart_bill(bill, "dynamodb", &cart) != 0)
		abort();
	return bill;
}

struct layouts *layouts_make(const struct report_prices *prices)
{
	struct layouts *layouts = bench_alloc(1, sizeof(*layouts));

	layouts->prices = prices;
	layouts->work = json_loadb(embed_bench_work_json, embed_bench_work_json_len, 0, NULL);
	return layouts;
}

void layouts_free(struct layouts *layouts)
{
	if (layouts == NULL)
		return;
	json_decref(layouts->work);
	free(layouts);
}

/* ---- what was counted ---- */

static const json_t *layouts_store_of(const struct layouts *layouts, enum layouts_store store)
{
	return json_object_get(json_object_get(layouts->work, "stores"), layouts_stores[store]);
}

static const json_t *layouts_part(const struct layouts *layouts, enum layouts_store store,
				  const char *part, size_t lines)
{
	char size[24];

	snprintf(size, sizeof(size), "%zu", lines);
	return json_object_get(json_object_get(layouts_store_of(layouts, store), part), size);
}

double layouts_counted(const struct layouts *layouts, enum layouts_store store, const char *part,
		       size_t lines, const char *member)
{
	return member_number(layouts_part(layouts, store, part, lines), member);
}

const char *layouts_server(const struct layouts *layouts, enum layouts_store store)
{
	return member_text(layouts_store_of(layouts, store), "server");
}

const char *layouts_counted_at(const struct layouts *layouts)
{
	return member_text(json_object_get(layouts->work, "made"), "at");
}

static struct layouts_cost layouts_cost_counted(const struct layouts *layouts,
						enum layouts_store store, const char *operation,
						size_t lines)
{
	const json_t *of =
		json_object_get(layouts_part(layouts, store, "operations", lines), operation);
	bool mysql = store == LAYOUTS_MYSQL;

	return (struct layouts_cost){
		.calls = mysql ? member_number(of, "calls") : 0,
		.statements = mysql ? member_number(of, "statements") : NAN,
		.read_units = NAN,
		.write_units = NAN,
		.bytes = mysql ? member_number(of, "redo_bytes") + member_number(of, "binlog_bytes")
			       : member_number(of, "wal_bytes"),
		.million = NAN,
	};
}

/* ---- what is billed ---- */

static const struct cart_bill_units *layouts_units(struct layouts *layouts, size_t operation,
						   enum layouts_store store, size_t lines,
						   bool attributes)
{
	return &layouts_bill(layouts, attributes, store, lines)
			->units[layouts_operations[operation].bill];
}

static double layouts_price(struct layouts *layouts, size_t operation, enum layouts_store store,
			    size_t lines, bool attributes)
{
	return MONEY_MILLION * money_price(layouts->prices, layouts_units(layouts, operation, store,
									  lines, attributes));
}

struct layouts_cost layouts_cost_of(struct layouts *layouts, size_t operation,
				    enum layouts_store store, size_t lines)
{
	const struct cart_bill_units *units;

	if (store >= LAYOUTS_BILLED)
		return layouts_cost_counted(layouts, store, layouts_operations[operation].name,
					    lines);
	units = layouts_units(layouts, operation, store, lines, false);
	return (struct layouts_cost){
		.calls = units->calls,
		.statements = NAN,
		.read_units = units->read,
		.write_units = units->write,
		.bytes = units->bytes,
		.million = layouts_price(layouts, operation, store, lines, false),
	};
}

/*
 * The most lines among first ... last with which rows does not cost less; 0: it does with all. A
 * price never falls as a cart grows: where map with the fewest lines costs more than rows with the
 * most, there is nothing to be found between. Else one half is looked at after the other.
 */
static size_t layouts_last_dear(struct layouts *layouts, size_t operation, bool attributes,
				size_t first, size_t last)
{
	size_t half = (first + last) / 2, found;

	if (layouts_price(layouts, operation, LAYOUTS_MAP, first, attributes) >
	    layouts_price(layouts, operation, LAYOUTS_ROWS, last, attributes))
		return 0;
	if (first == last)
		return first;
	found = layouts_last_dear(layouts, operation, attributes, half + 1, last);
	return found > 0 ? found : layouts_last_dear(layouts, operation, attributes, first, half);
}

size_t layouts_crossing(struct layouts *layouts, size_t operation, bool attributes)
{
	size_t dear = layouts_last_dear(layouts, operation, attributes, 1, LAYOUTS_LINES_MAX);

	return dear < LAYOUTS_LINES_MAX ? dear + 1 : 0;
}

double layouts_gets(struct layouts *layouts, size_t lines)
{
	double saved = layouts_price(layouts, LAYOUTS_ADD, LAYOUTS_MAP, lines, false) -
		       layouts_price(layouts, LAYOUTS_ADD, LAYOUTS_ROWS, lines, false);
	double more = layouts_price(layouts, LAYOUTS_GET, LAYOUTS_ROWS, lines, false) -
		      layouts_price(layouts, LAYOUTS_GET, LAYOUTS_MAP, lines, false);

	if (!(saved > 0))
		return NAN;
	return more > 0 ? saved / more : INFINITY;
}

double layouts_even_per_s(struct layouts *layouts, size_t operation, size_t lines)
{
	const struct report_prices *prices = layouts->prices;
	double month = prices->instance_hour * MONEY_HOURS_MONTH +
		       prices->instance_gb * prices->instance_gb_month;

	return month / layouts_price(layouts, operation, LAYOUTS_MAP, lines, false) *
	       MONEY_MILLION / MONEY_HOURS_MONTH / 3600;
}

/* A removal of a checked out cart takes a write of its item and one of its entry in customer-index;
 * a checkout takes as many, for it removes that of idle-index. */
struct layouts_archive layouts_archive_of(struct layouts *layouts, size_t lines)
{
	const struct report_prices *prices = layouts->prices;
	const struct cart_bill *bill = layouts_bill(layouts, false, LAYOUTS_MAP, lines);
	struct layouts_archive of = {
		.packed_bytes =
			layouts_counted(layouts, LAYOUTS_MYSQL, "archive", lines, "packed_bytes"),
		.text_bytes =
			layouts_counted(layouts, LAYOUTS_MYSQL, "archive", lines, "text_bytes"),
		.units_million = bill->units[CART_BILL_CHECKOUT].write * prices->write_million +
				 (double)bill->bytes / LAYOUTS_SCAN_BYTES * prices->read_million,
		.stored_month = (double)bill->stored_bytes * MONEY_MILLION / MONEY_GB *
				prices->storage_gb_month,
		.months = NAN,
	};

	of.files_month = of.packed_bytes * MONEY_MILLION / MONEY_GB * prices->files_gb_month;
	if (of.stored_month > of.files_month)
		of.months = of.units_million / (of.stored_month - of.files_month);
	return of;
}

bool layouts_concern(const struct report_doc *doc)
{
	for (size_t i = 0; i < doc->side_count; i++)
		if (strcmp(doc->sides[i].database, "dynamodb") == 0 ||
		    strcmp(doc->sides[i].database, "mysql") == 0 ||
		    strcmp(doc->sides[i].database, "sqlite") == 0)
			return true;
	return false;
}
