/* How long operations took: of a comparison, and under load. */
#include "bench/load/run_report.h"
#include "bench/report/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One kind of picture, an operation beside the other. */
static void latency_pictures(struct report *report, const struct report_doc *doc,
			     plot_latency_fn picture)
{
	struct plot_latency plot = {0};
	const json_t *operation;
	char title[PLOT_LABEL];
	size_t i, side;

	page_panels_begin(report);
	json_array_foreach(json_object_get(doc->results, "operations"), i, operation)
	{
		for (side = 0; side < 2; side++)
			plot_latency_add(&plot, report_side_title(doc, side, title, sizeof(title)),
					 doc->sides[side].style,
					 member_item(operation, "service", side));
		picture(report, &plot, doc->stand_in, member_text(operation, "operation"));
		plot_latency_free(&plot);
	}
	page_panels_end(report);
}

/* A row of each clock whose histogram the operation has. */
static void latency_row(struct page_table *table, const json_t *document, const json_t *operation,
			size_t at, const json_t *hist)
{
	const struct table_row row = {.document = document, .of = operation, .in = hist, .at = at};

	if (json_is_object(hist))
		page_row(table, run_latency_columns, &row);
}

static void latency_compared(struct report *report, const struct report_doc *doc)
{
	struct page_table table;
	const json_t *operation;
	size_t i, side;

	latency_pictures(report, doc, plot_latency_percentiles);
	latency_pictures(report, doc, plot_latency_ecdf);
	page_table_begin(&table, report, doc->stand_in, "Latency: %s", report_file_name(doc->path));
	page_columns(&table, run_latency_columns, doc->json);
	json_array_foreach(json_object_get(doc->results, "operations"), i, operation)
	{
		for (side = 0; side < 2; side++)
			latency_row(&table, doc->json, operation, side,
				    member_item(operation, "service", side));
	}
	page_table_end(&table, PAGE_HTML);
}

void report_section_latency(struct report *report)
{
	size_t i;

	if (report_first(report, REPORT_H2H) == NULL)
		return;
	page_heading(report, PAGE_HTML, "latency", "How long calls take");
	page_say(report, PAGE_HTML,
		 "By percentile: how long the fastest half, nine in ten, ninety-nine in a hundred "
		 "of the "
		 "calls took at most. Lines end, and a dash stands in the table, where fewer than "
		 "ten "
		 "samples lie beyond.");
	for (i = 0; i < report->doc_count; i++)
		if (report->docs[i].kind == REPORT_H2H)
			latency_compared(report, &report->docs[i]);
}

/* ---- under load ---- */

/* In an open loop the response time counts from the intended time; a closed loop has only the
 * service time. */
static const json_t *load_hist(const json_t *operation)
{
	const json_t *response = json_object_get(operation, "response");

	return json_is_object(response) ? response : json_object_get(operation, "service");
}

static const json_t *load_operation(const struct report_doc *doc, const char *name)
{
	const json_t *operation;
	size_t i;

	json_array_foreach(json_object_get(doc->results, "operations"), i, operation)
	{
		if (strcmp(member_text(operation, "operation"), name) == 0)
			return operation;
	}
	return NULL;
}

/* All runs beside one another, for one operation. */
static void load_picture(struct report *report, const char *name, plot_latency_fn picture)
{
	struct plot_latency plot = {0};
	bool stand_in = false;
	size_t d;

	for (d = 0; d < report->doc_count; d++) {
		const struct report_doc *doc = &report->docs[d];

		if (doc->kind != REPORT_RUN || load_operation(doc, name) == NULL)
			continue;
		stand_in = stand_in || doc->stand_in;
		plot_latency_add(&plot, doc->sides[0].label, doc->sides[0].style,
				 load_hist(load_operation(doc, name)));
	}
	picture(report, &plot, stand_in, name);
	plot_latency_free(&plot);
}

/* Each operation's name once, in the order in which runs have them. */
static void load_pictures(struct report *report, plot_latency_fn picture)
{
	const json_t *operation;
	size_t d, e, i;

	page_panels_begin(report);
	for (d = 0; d < report->doc_count; d++) {
		if (report->docs[d].kind != REPORT_RUN)
			continue;
		json_array_foreach(json_object_get(report->docs[d].results, "operations"), i,
				   operation)
		{
			const char *name = member_text(operation, "operation");

			for (e = 0; e < d; e++)
				if (report->docs[e].kind == REPORT_RUN &&
				    load_operation(&report->docs[e], name) != NULL)
					break;
			if (e == d)
				load_picture(report, name, picture);
		}
	}
	page_panels_end(report);
}

static void load_latency(struct report *report, const struct report_doc *doc)
{
	struct page_table table;
	const json_t *operation;
	size_t i;

	page_table_begin(&table, report, doc->stand_in, "Latency under load: %s",
			 doc->sides[0].label);
	page_columns(&table, run_latency_columns, doc->json);
	json_array_foreach(json_object_get(doc->results, "operations"), i, operation)
	{
		latency_row(&table, doc->json, operation, RUN_RESPONSE,
			    json_object_get(operation, "response"));
		latency_row(&table, doc->json, operation, RUN_SERVICE,
			    json_object_get(operation, "service"));
	}
	page_table_end(&table, PAGE_BOTH);
}

/* How busy and how late the generator was, where that was measured. */
static void load_generator(const json_t *results, struct buf *text)
{
	const json_t *generator = json_object_get(results, "generator");
	double used = member_number(generator, "cpu"),
	       late = member_number(generator, "lag_p99_ms");
	char cpu[NUMBER_TEXT], lag[NUMBER_TEXT];

	if (used > 0)
		buf_printf(text, " The generator used %s of its processor.",
			   number_share(fmin(used, 1), cpu));
	if (isfinite(late))
		buf_printf(text, " In 99 of 100 cases it sent at most %s late.",
			   number_ms(late * 1e6, lag));
	if (member_true(generator, "limited"))
		buf_add_string(text, " The generator itself was the limit.");
}

static void load_say(struct report *report, const struct report_doc *doc)
{
	char rate[NUMBER_TEXT], clients[NUMBER_TEXT], seconds[NUMBER_TEXT], got[NUMBER_TEXT];
	bool open = strcmp(member_text(doc->results, "mode"), "open") == 0;
	struct buf generator = {0};

	number_digits(member_number(doc->results, "rate"), 3, rate);
	number_count(member_number(doc->results, "clients"), clients);
	load_generator(doc->results, &generator);
	page_say(report, PAGE_BOTH, "%s: %s%s for %s s; %s operations/s were done.%s",
		 doc->sides[0].label, open ? rate : clients,
		 open ? " operations/s, whether they are answered or not (open loop)"
		      : " clients, each asking when it has its answer (closed loop: what a slow "
			"answer keeps from being asked is not seen)",
		 number_plain(member_number(doc->results, "duration_s"), seconds),
		 number_digits(member_number(doc->results, "throughput_per_s"), 3, got),
		 buf_string(&generator));
	buf_free(&generator);
}

void report_section_load(struct report *report)
{
	size_t i;

	if (report_first(report, REPORT_RUN) == NULL)
		return;
	page_heading(report, PAGE_BOTH, "load", "Under load");
	page_say(
		report, PAGE_HTML,
		"\xe2\x80\x9cResponse\xe2\x80\x9d counts from when an operation was to be sent, "
		"\xe2\x80\x9cservice\xe2\x80\x9d from when it was. Runs after one another drift by "
		"more than most differences of interest: to compare, see the verdicts, not these.");
	for (i = 0; i < report->doc_count; i++) {
		if (report->docs[i].kind != REPORT_RUN)
			continue;
		load_say(report, &report->docs[i]);
		report_warn_invalid(report, &report->docs[i]);
		page_list(report, PAGE_BOTH, &report->docs[i],
			  &(struct page_list){run_outcome_columns, "operations", NULL, NULL,
					      "What became of the operations",
					      report->docs[i].sides[0].label});
		load_latency(report, &report->docs[i]);
	}
	load_pictures(report, plot_latency_percentiles);
	load_pictures(report, plot_latency_ecdf);
}
