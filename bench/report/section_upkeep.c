/* What the feed and the archive cost besides the operations (bench/report/layouts.h). */
#include "bench/page/page.h"
#include "bench/report/layouts.h"
#include "bench/report/money.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>

#define UPKEEP_DAYS 7.0 /* the default of feed.retention */
/* Of a table's stream (docs/backends/dynamodb.md). */
#define UPKEEP_READS_S 25.0
#define UPKEEP_SHARDS  4.0

static const char *upkeep_name(enum layouts_store store)
{
	return store == LAYOUTS_MYSQL ? "MySQL" : "SQLite";
}

static void upkeep_feed_rows(struct page_table *table, struct layouts *layouts,
			     enum layouts_store store, const struct report_prices *prices)
{
	char text[NUMBER_TEXT];

	page_cell(table, "bytes that an add writes more, %s", upkeep_name(store));
	for (size_t i = 0; i < LAYOUTS_SIZES; i++)
		page_cell(table, "%s",
			  number_count(layouts_counted(layouts, store, "feed", layouts_sizes[i],
						       "add_bytes_more"),
				       text));
	page_cell(table, "GB kept for 7 days of a million changes each, %s", upkeep_name(store));
	for (size_t i = 0; i < LAYOUTS_SIZES; i++)
		page_cell(table, "%s",
			  number_digits(layouts_counted(layouts, store, "feed", layouts_sizes[i],
							"event_bytes") *
						UPKEEP_DAYS * MONEY_MILLION / MONEY_GB,
					2, text));
	if (store != LAYOUTS_MYSQL)
		return;
	page_cell(table, "%.8s a month for these on its disk, MySQL", prices->currency);
	for (size_t i = 0; i < LAYOUTS_SIZES; i++)
		page_cell(table, "%s",
			  number_digits(layouts_counted(layouts, store, "feed", layouts_sizes[i],
							"event_bytes") *
						UPKEEP_DAYS * MONEY_MILLION / MONEY_GB *
						prices->instance_gb_month,
					2, text));
}

static void upkeep_feed(struct report *report, struct layouts *layouts)
{
	const struct report_prices *prices = &report->prices;
	struct page_table table;
	char price[NUMBER_TEXT], month[NUMBER_TEXT];

	page_table_begin(&table, report, "What the feed costs (feed=on)");
	page_heads(&table, "l of an add, and of a week|" LAYOUTS_HEADS);
	upkeep_feed_rows(&table, layouts, LAYOUTS_MYSQL, prices);
	upkeep_feed_rows(&table, layouts, LAYOUTS_SQLITE, prices);
	page_cell(&table, "write units more, DynamoDB");
	for (size_t i = 0; i < LAYOUTS_SIZES; i++)
		page_cell(&table, "0");
	page_table_end(&table, PAGE_BOTH);
	if (isfinite(prices->stream_read_million))
		page_note(
			report, PAGE_BOTH,
			"An event has the whole cart. DynamoDB Streams writes it without a unit "
			"and "
			"keeps it for a day, in layouts map and list; rows has no feed. Reading is "
			"paid: %s %s for a million calls of GetRecords. While a consumer waits, "
			"each "
			"cartd where one does asks each shard up to %g times a second "
			"(dynamodb.feed_poll), and a new table has %g: %s %s a month, "
			"whether there are changes or not (what AWS gives for nothing is not taken "
			"off).",
			number_plain(prices->stream_read_million, price), prices->currency,
			UPKEEP_READS_S, UPKEEP_SHARDS,
			number_digits(MONEY_HOURS_MONTH * 3600 * UPKEEP_READS_S * UPKEEP_SHARDS *
					      prices->stream_read_million / MONEY_MILLION,
				      3, month),
			prices->currency);
}

static void upkeep_archive_row(struct page_table *table, struct layouts *layouts, const char *title,
			       size_t member, int digits)
{
	char text[NUMBER_TEXT];

	page_cell(table, "%s", title);
	for (size_t i = 0; i < LAYOUTS_SIZES; i++) {
		struct layouts_archive of = layouts_archive_of(layouts, layouts_sizes[i]);
		double value = *(const double *)((const char *)&of + member);

		page_cell(table, "%s",
			  digits > 0 ? number_digits(value, digits, text)
				     : number_count(value, text));
	}
}

static void upkeep_archive(struct report *report, struct layouts *layouts)
{
	const struct report_prices *prices = &report->prices;
	struct page_table table;
	char title[80], price[NUMBER_TEXT], put[NUMBER_TEXT];

	page_table_begin(&table, report, "What the archive costs, and saves in layout map");
	page_heads(&table, "l of checked out carts|" LAYOUTS_HEADS);
	upkeep_archive_row(&table, layouts, "bytes of a cart in a file",
			   offsetof(struct layouts_archive, packed_bytes), 0);
	snprintf(title, sizeof(title), "%.8s to move a million, once", prices->currency);
	upkeep_archive_row(&table, layouts, title, offsetof(struct layouts_archive, units_million),
			   3);
	snprintf(title, sizeof(title), "%.8s a month for a million in the table", prices->currency);
	upkeep_archive_row(&table, layouts, title, offsetof(struct layouts_archive, stored_month),
			   2);
	snprintf(title, sizeof(title), "%.8s a month for a million in files", prices->currency);
	upkeep_archive_row(&table, layouts, title, offsetof(struct layouts_archive, files_month),
			   2);
	upkeep_archive_row(&table, layouts, "months until it has paid",
			   offsetof(struct layouts_archive, months), 2);
	page_table_end(&table, PAGE_BOTH);
	page_note(
		report, PAGE_BOTH,
		"A run reads the table once (half a read unit for each 4 KB, of open carts too, "
		"which is not in here) and removes each cart: as many write units as its checkout. "
		"Files are for %s (%s %s a GB and month, %s for a million requests that write; a "
		"file has up to 20,000 carts). On MySQL and SQLite nothing is billed: a run takes "
		"%s statements a cart there, of MySQL.",
		*prices->files != '\0' ? prices->files
				       : "a store that the price list does not have",
		prices->currency, number_plain(prices->files_gb_month, price),
		number_plain(prices->files_put_million, put),
		number_plain(layouts_counted(layouts, LAYOUTS_MYSQL, "archive", 5, "statements"),
			     title));
}

/* The same of all documents. */
static void upkeep_doc(struct report *report, const struct report_doc *doc)
{
	if (doc != report_first(report, REPORT_H2H))
		return;
	upkeep_feed(report, report->layouts);
	upkeep_archive(report, report->layouts);
}

const struct page_section section_upkeep = {
	.id = "upkeep",
	.heading = "What the feed and the archive cost",
	.where = PAGE_BOTH,
	.kinds = 1U << REPORT_H2H,
	.has = layouts_concern,
	.doc = upkeep_doc,
};
