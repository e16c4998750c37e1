/* The comparison of layouts and databases as JSON and as CSV. */
#include "bench/report/layouts.h"
#include "bench/result/table.h"

#include <math.h>

static json_t *layouts_row(struct layouts *layouts, size_t operation, enum layouts_store store,
			   size_t lines)
{
	struct layouts_cost cost = layouts_cost_of(layouts, operation, store, lines);

	return json_pack("{s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "operation",
			 layouts_operations[operation].name, "lines", (json_int_t)lines, "store",
			 layouts_stores[store], "calls", member_real(cost.calls), "statements",
			 member_real(cost.statements), "read_units", member_real(cost.read_units),
			 "write_units", member_real(cost.write_units), "bytes_written",
			 member_real(cost.bytes), "million", member_real(cost.million));
}

static json_t *layouts_rows(struct layouts *layouts)
{
	json_t *rows = json_array();

	for (size_t operation = 0; operation < LAYOUTS_OPERATIONS; operation++)
		for (size_t size = 0; size < LAYOUTS_SIZES; size++)
			for (unsigned store = 0; store < LAYOUTS_STORES; store++)
				json_array_append_new(rows, layouts_row(layouts, operation, store,
									layouts_sizes[size]));
	return rows;
}

static json_t *layouts_crossings(struct layouts *layouts)
{
	json_t *crossings = json_array();

	for (size_t i = 0; i < 2 * LAYOUTS_OPERATIONS; i++) {
		size_t from;

		if (i / 2 == LAYOUTS_MERGE)
			continue;
		from = layouts_crossing(layouts, i / 2, i % 2 == 1);
		json_array_append_new(
			crossings,
			json_pack("{s:s, s:i, s:o}", "operation", layouts_operations[i / 2].name,
				  "attributes_bytes", i % 2 == 1 ? LAYOUTS_ATTRIBUTES : 0,
				  "rows_cost_less_from_lines",
				  from > 0 ? json_integer((json_int_t)from) : json_null()));
	}
	return crossings;
}

/* NULL in JSON: rows costs less however many gets there are, or never. */
static json_t *layouts_size(struct layouts *layouts, size_t lines)
{
	struct layouts_archive archive = layouts_archive_of(layouts, lines);
	json_t *feed = json_object();

	for (unsigned store = LAYOUTS_BILLED; store < LAYOUTS_STORES; store++)
		json_object_set_new(feed, layouts_stores[store],
				    json_pack("{s:o, s:o}", "add_bytes_more",
					      member_real(layouts_counted(layouts, store, "feed",
									  lines, "add_bytes_more")),
					      "event_bytes",
					      member_real(layouts_counted(layouts, store, "feed",
									  lines, "event_bytes"))));
	return json_pack(
		"{s:I, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o, s:o}}", "lines",
		(json_int_t)lines, "rows_cost_less_below_gets_per_add",
		member_real(layouts_gets(layouts, lines)), "instance_costs_less_above_adds_per_s",
		member_real(layouts_even_per_s(layouts, LAYOUTS_ADD, lines)), "feed", feed,
		"archive", "packed_bytes", member_real(archive.packed_bytes), "text_bytes",
		member_real(archive.text_bytes), "million_moved",
		member_real(archive.units_million), "million_table_month",
		member_real(archive.stored_month), "million_files_month",
		member_real(archive.files_month), "months_until_paid", member_real(archive.months));
}

json_t *layouts_json(struct layouts *layouts)
{
	json_t *sizes = json_array();

	for (size_t i = 0; i < LAYOUTS_SIZES; i++)
		json_array_append_new(sizes, layouts_size(layouts, layouts_sizes[i]));
	return json_pack(
		"{s:s, s:s, s:s, s:i, s:o, s:o, s:o}", "counted_at", layouts_counted_at(layouts),
		"mysql", layouts_server(layouts, LAYOUTS_MYSQL), "sqlite",
		layouts_server(layouts, LAYOUTS_SQLITE), "lines_max", LAYOUTS_LINES_MAX, "costs",
		layouts_rows(layouts), "crossings", layouts_crossings(layouts), "sizes", sizes);
}

static const struct table_column layouts_columns[] = {
	COLUMN("operation", NULL, TEXT, IN_CSV),    COLUMN("lines", NULL, COUNT, IN_CSV),
	COLUMN("store", NULL, TEXT, IN_CSV),	    COLUMN("calls", NULL, PLAIN, IN_CSV),
	COLUMN("statements", NULL, PLAIN, IN_CSV),  COLUMN("read_units", NULL, PLAIN, IN_CSV),
	COLUMN("write_units", NULL, PLAIN, IN_CSV), COLUMN("bytes_written", NULL, PLAIN, IN_CSV),
	COLUMN("million", NULL, PLAIN, IN_CSV),	    {.name = NULL},
};

void layouts_csv(struct buf *out, struct layouts *layouts)
{
	json_t *document = json_pack("{s:{s:o}}", "results", "costs", layouts_rows(layouts));

	table_write(NULL, out, layouts_columns, document, "costs", NULL);
	json_decref(document);
}
