/* Layouts and databases side by side (bench/report/layouts.h): each crossing is where every size
 * from it on costs less, and what was counted is whole. */
#include "bench/report/layouts.h"
#include "bench/report/money.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct report_prices prices = {
	.write_million = 0.625,
	.read_million = 0.125,
	.storage_gb_month = 0.25,
	.instance_hour = 0.168,
	.instance_gb = 100,
	.instance_gb_month = 0.115,
	.files_gb_month = 0.023,
};

static const char *setting(const void *user, const char *key)
{
	return strcmp(key, "dynamodb.layout") == 0 ? user : "";
}

static double price_of(const char *layout, size_t lines, bool attributes,
		       enum cart_bill_operation operation)
{
	struct cart_bill bill;
	const struct cart_bill_cart cart = {.lines = lines,
					    .attributes = attributes ? LAYOUTS_ATTRIBUTES : 0,
					    .setting = setting,
					    .user = layout};

	assert_int_equal(cart_bill(&bill, "dynamodb", &cart), 0);
	return money_price(&prices, &bill.units[operation]) * MONEY_MILLION;
}

/* One size after another, from the largest on. */
static size_t crossing_of(size_t operation, bool attributes)
{
	size_t lines = LAYOUTS_LINES_MAX;
	enum cart_bill_operation bill = layouts_operations[operation].bill;

	while (lines > 0 &&
	       price_of("rows", lines, attributes, bill) < price_of("map", lines, attributes, bill))
		lines--;
	return lines < LAYOUTS_LINES_MAX ? lines + 1 : 0;
}

static void a_crossing_is_where_all_from_it_on_cost_less(void **state)
{
	struct layouts *layouts = layouts_make(&prices);

	(void)state;
	for (size_t i = LAYOUTS_GET; i < LAYOUTS_OPERATIONS; i++)
		if (i != LAYOUTS_MERGE)
			assert_int_equal(layouts_crossing(layouts, i, false),
					 crossing_of(i, false));
	assert_int_equal(layouts_crossing(layouts, LAYOUTS_ADD, false),
			 crossing_of(LAYOUTS_ADD, false));
	assert_int_equal(layouts_crossing(layouts, LAYOUTS_ADD, true),
			 crossing_of(LAYOUTS_ADD, true));
	assert_int_equal(layouts_crossing(layouts, LAYOUTS_ADD, false), 97);
	assert_int_equal(layouts_crossing(layouts, LAYOUTS_GET, false), 0);
	layouts_free(layouts);
}

/* Where a layout's add costs less and its get more, there are so many gets at which both are even.
 */
static void at_so_many_gets_both_cost_the_same(void **state)
{
	struct layouts *layouts = layouts_make(&prices);
	double gets = layouts_gets(layouts, 200);

	(void)state;
	assert_true(isfinite(gets) && gets > 0);
	assert_true(fabs(price_of("map", 200, false, CART_BILL_ADD) +
			 gets * price_of("map", 200, false, CART_BILL_GET) -
			 price_of("rows", 200, false, CART_BILL_ADD) -
			 gets * price_of("rows", 200, false, CART_BILL_GET)) < 1e-9);
	assert_true(isnan(layouts_gets(layouts, 5)));
	layouts_free(layouts);
}

static void a_rate_costs_what_the_instance_does(void **state)
{
	struct layouts *layouts = layouts_make(&prices);
	double month = 730 * 0.168 + 100 * 0.115;

	(void)state;
	assert_true(fabs(layouts_even_per_s(layouts, LAYOUTS_ADD, 5) * 730 * 3600 * 0.625 / 1e6 -
			 month) < 1e-9);
	layouts_free(layouts);
}

static void assert_counted(const struct layouts_cost *cost, bool mysql, bool writes)
{
	assert_true(isfinite(cost->calls) && isfinite(cost->bytes));
	assert_true(isfinite(cost->statements) == mysql);
	assert_true((cost->bytes > 0) == writes);
	assert_true(isnan(cost->million));
}

static void what_was_counted_is_whole(void **state)
{
	struct layouts *layouts = layouts_make(&prices);

	(void)state;
	for (size_t i = 0; i < LAYOUTS_OPERATIONS * LAYOUTS_SIZES; i++) {
		const char *name = layouts_operations[i / LAYOUTS_SIZES].name;
		bool writes = strcmp(name, "get") != 0 && strcmp(name, "list") != 0;

		for (unsigned store = LAYOUTS_BILLED; store < LAYOUTS_STORES; store++) {
			struct layouts_cost cost =
				layouts_cost_of(layouts, i / LAYOUTS_SIZES, store,
						layouts_sizes[i % LAYOUTS_SIZES]);

			assert_counted(&cost, store == LAYOUTS_MYSQL, writes);
		}
	}
	for (size_t i = 0; i < LAYOUTS_SIZES; i++) {
		struct layouts_archive of = layouts_archive_of(layouts, layouts_sizes[i]);

		assert_true(of.packed_bytes > 0 && of.text_bytes > of.packed_bytes);
		assert_true(of.months > 0 && of.stored_month > of.files_month);
		assert_true(layouts_counted(layouts, LAYOUTS_SQLITE, "feed", layouts_sizes[i],
					    "event_bytes") > 0);
	}
	assert_true(strlen(layouts_server(layouts, LAYOUTS_MYSQL)) > 0);
	assert_int_equal(strlen(layouts_counted_at(layouts)), 10);
	layouts_free(layouts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crossing_is_where_all_from_it_on_cost_less),
		cmocka_unit_test(at_so_many_gets_both_cost_the_same),
		cmocka_unit_test(a_rate_costs_what_the_instance_does),
		cmocka_unit_test(what_was_counted_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
