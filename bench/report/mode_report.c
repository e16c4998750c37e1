/*
 * `cartbench report`: the files are read and checked before anything is written, and the
 * page replaces an older one whole.
 */
#include "bench/report/layouts.h"
#include "bench/report/money.h"
#include "bench/page/page.h"
#include "bench/result/result.h"
#include "bench/result/session.h"
#include "bench/stats/alloc.h"

#include <stdlib.h>
#include <string.h>

/* A price below 0 was not given. */
static void report_take_price(double *price, double given, struct report_prices *prices)
{
	if (given < 0)
		return;
	*price = given;
	prices->overridden = true;
}

static bool report_take_prices(struct report *report, const struct bench_values *values)
{
	struct report_prices *prices = &report->prices;
	struct cart_error error;

	if (report_prices_read(prices, values->prices, &error) != 0) {
		bench_session_fail("%s: %s",
				   values->prices != NULL ? values->prices : "the list of prices",
				   error.text);
		return false;
	}
	if (values->instance_name != NULL)
		prices->instance = values->instance_name;
	if (values->instance_name != NULL || values->instance_price >= 0)
		prices->instance_source = "given by a flag";
	report_take_price(&prices->write_million, values->write_price, prices);
	report_take_price(&prices->read_million, values->read_price, prices);
	report_take_price(&prices->instance_hour, values->instance_price, prices);
	return true;
}

/* What ./cart compare says of itself in its results.json. */
static bool report_read_comparison(struct report *report, const char *path)
{
	struct cart_error error;
	json_t *bundle;

	if (path == NULL)
		return true;
	bundle = bench_json_read(path, &error);
	report->comparison = json_incref(json_object_get(bundle, "comparison"));
	if (bundle == NULL)
		bench_session_fail("%s: %s", path, error.text);
	else if (report->comparison == NULL)
		bench_session_fail("%s: has no \"comparison\", as ./cart compare writes it", path);
	json_decref(bundle);
	return report->comparison != NULL;
}

/* ./cart compare --delays says so in each side's label. The page says it once. */
static void report_take_delays(struct report *report)
{
	for (size_t i = 0; i < report->side_count; i++) {
		struct report_side *side = report->sides[i];
		const char *delays = strstr(side->label, ", with the delays of ");
		json_t *label;

		if (delays == NULL || json_object_get(report->comparison, "delays") == NULL)
			continue;
		if (report->delays == NULL)
			report->delays = bench_copy(delays);
		label = json_stringn(side->label, (size_t)(delays - side->label));
		json_object_set_new((json_t *)(uintptr_t)side->json, "label", label);
		side->label = member_text(side->json, "label");
	}
}

static bool report_read(struct report *report, const struct bench_texts *files,
			const struct bench_values *values)
{
	struct cart_error error;

	for (size_t i = 0; i < files->count; i++) {
		if (report_doc_read(&report->docs[i], files->items[i], &error) != 0) {
			bench_session_fail("%s: %s", files->items[i], error.text);
			return false;
		}
		report->doc_count++;
	}
	if (values->seed150 != NULL && report_seed_read(report, values->seed150, &error) != 0) {
		bench_session_fail("%s", error.text);
		return false;
	}
	report_docs_settle(report);
	if (report->other_machines)
		fprintf(stderr, "cartbench: warning: the results are not all from one machine: "
				"nothing may be compared across them\n");
	if (values->money != NULL && report_first(report, REPORT_H2H) == NULL) {
		bench_session_fail("--money needs a result of h2h");
		return false;
	}
	if (!report_read_comparison(report, values->comparison))
		return false;
	report_take_delays(report);
	return report_take_prices(report, values);
}

static bool report_shows(const struct page_section *section, const struct report_doc *doc)
{
	return (section->kinds & 1U << doc->kind) != 0 &&
	       (section->has == NULL || section->has(doc));
}

static void report_add_section(struct report *report, const struct page_section *section)
{
	bool any = section->kinds == 0;

	for (size_t i = 0; i < report->doc_count; i++)
		any = any || report_shows(section, &report->docs[i]);
	if (!any)
		return;
	if (section->heading != NULL)
		page_heading(report, section->where, section->id, section->heading);
	if (section->intro != NULL)
		page_say(report, PAGE_HTML, "%s", section->intro);
	if (section->before != NULL)
		section->before(report);
	for (size_t i = 0; i < report->doc_count; i++)
		if (report_shows(section, &report->docs[i]))
			section->doc(report, &report->docs[i]);
	if (section->after != NULL)
		section->after(report);
}

static void report_compose(struct report *report)
{
	static const struct page_section *const sections[] = {
		&section_head,	  &section_answer,	&section_verdicts, &section_forest,
		&section_latency, &section_load,	&section_time,	   &section_sweep,
		&section_split,	  &section_consistency, &section_cost,	   &section_layouts,
		&section_upkeep,  &section_seed,	&section_settings, &section_reading,
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		report_add_section(report, sections[i]);
	page_end(report);
}

static bool report_write(const struct buf *text, const char *path)
{
	struct cart_error error;

	if (path == NULL || bench_result_write_text(path, text->data, text->len, &error) == 0)
		return true;
	bench_session_fail("%s", error.text);
	return false;
}

/* The rows of the comparison of layouts. */
static bool report_write_csv(const struct report *report, const char *path)
{
	struct buf text = {0};
	bool written;

	if (path == NULL)
		return true;
	layouts_csv(&text, report->layouts);
	written = report_write(&text, path);
	buf_free(&text);
	return written;
}

static bool report_write_money(const struct report *report, const char *path)
{
	const struct report_doc *doc = report_first(report, REPORT_H2H);
	struct cart_error error;
	json_t *money;
	int result;

	if (path == NULL)
		return true;
	money = money_json(report, doc);
	json_object_set_new(money, "layouts", layouts_json(report->layouts));
	result = bench_result_write(money, path, &error);
	json_decref(money);
	if (result != 0)
		bench_session_fail("%s", error.text);
	return result == 0;
}

static enum bench_exit report_write_all(struct report *report, const struct bench_values *values)
{
	const char *out = values->out;

	if (report->html.failed || report->markdown.failed || report->brief.failed)
		return bench_session_fail("no memory");
	if (out == NULL && values->markdown == NULL && values->brief == NULL)
		out = "report.html";
	if (!report_write(&report->html, out) ||
	    !report_write(&report->markdown, values->markdown) ||
	    !report_write(&report->brief, values->brief) ||
	    !report_write_money(report, values->money) || !report_write_csv(report, values->csv) ||
	    fflush(stdout) != 0)
		return BENCH_INVALID;
	if (out != NULL && strcmp(out, "-") != 0)
		fprintf(stderr, "cartbench: written: %s\n", out);
	return BENCH_PASS;
}

static enum bench_exit report_run_mode(struct bench_session *session)
{
	const struct bench_texts *files = &session->arguments;
	struct report report = {.docs = bench_alloc(files->count, sizeof(*report.docs))};
	enum bench_exit status = BENCH_INVALID;

	if (report_read(&report, files, &session->values)) {
		report.layouts = layouts_make(&report.prices);
		report_compose(&report);
		status = report_write_all(&report, &session->values);
	}
	for (size_t i = 0; i < report.doc_count; i++)
		report_doc_free(&report.docs[i]);
	for (size_t i = 0; i < report.seed_count; i++)
		free(report.seed[i].name);
	layouts_free(report.layouts);
	report_prices_free(&report.prices);
	free(report.docs);
	free(report.sides);
	buf_free(&report.html);
	buf_free(&report.markdown);
	buf_free(&report.brief);
	json_decref(report.comparison);
	free(report.delays);
	buf_free(&report.contents);
	return status;
}

const struct bench_mode report_mode = {
	.name = "report",
	.arguments = "RESULT.json...",
	.arguments_min = 1,
	.arguments_max = BENCH_TEXTS_MAX,
	.summary = "one HTML file with verdicts and pictures of what the other modes measured",
	.takes = {"out", "markdown", "brief", "money", "csv", "comparison", "seed150", "prices",
		  "write-price", "read-price", "instance-price", "instance-name"},
	.about = "Makes one HTML file, which needs no other, of results that run, h2h, sweep\n"
		 "and consistency have written: verdicts, pictures, tables, settings. Readable\n"
		 "on a phone and in print. The page is report.html unless --out, --markdown or\n"
		 "--brief is given.\n",
	.more = "Exit status: 0 written; 2 wrong usage, a file that is no result, or nothing\n"
		"could be written.\n",
	.example = "cartbench report --out index.html --seed150 results h2h.json sweep-mysql.json",
	.run = report_run_mode,
};
