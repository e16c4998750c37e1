/* What was compared, on which machine, and all warnings. */
#include "bench/result/number.h"
#include "bench/report/page.h"

#include <stdio.h>
#include <string.h>

/* Whether a side before this one has the same label. stand_ins: among those alone. */
static bool head_is_named(const struct report *report, size_t at, bool stand_ins)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(report->sides[i]->label, report->sides[at]->label) == 0 &&
		    (report->sides[i]->stand_in || !stand_ins))
			return true;
	return false;
}

/* Labels of all sides, or of the stand-ins alone, each once. */
static void head_labels(const struct report *report, bool stand_ins, struct buf *text)
{
	for (size_t i = 0; i < report->side_count; i++)
		if ((report->sides[i]->stand_in || !stand_ins) &&
		    !head_is_named(report, i, stand_ins))
			buf_printf(text, "%s%s", text->len > 0 ? " and " : "",
				   report->sides[i]->label);
}

static void head_title(struct report *report)
{
	const struct report_doc *h2h = report_first(report, REPORT_H2H);
	struct buf title = {0}, labels = {0};
	bool stand_in = false;

	for (size_t i = 0; i < report->side_count; i++)
		stand_in = stand_in || report->sides[i]->stand_in;
	if (h2h != NULL)
		buf_printf(&labels, "%s (A) against %s (B)", h2h->sides[0].label,
			   h2h->sides[1].label);
	else
		head_labels(report, false, &labels);
	page_begin(report,
		   page_title(&title, stand_in, "%s, measured by cartbench", buf_string(&labels)));
	buf_free(&labels);
	buf_free(&title);
}

static void head_where(struct report *report)
{
	const json_t *json = report->docs[0].json, *tool = json_object_get(json, "tool");
	const json_t *machine = json_object_get(json, "machine");
	char cores[NUMBER_TEXT], when[32];

	page_say(report, PAGE_BOTH, "On %s, %s cores, %s; %s; by cartbench %s (%s).%s",
		 *member_text(machine, "cpu") != '\0' ? member_text(machine, "cpu")
						      : "a machine that the file does not name",
		 number_count(member_number(machine, "cores"), cores),
		 member_text(machine, "kernel"), report_when(json, when),
		 member_text(tool, "version"), member_text(tool, "revision"),
		 report->doc_count > 1 ? " The results come from several files, listed below."
				       : "");
}

/* One warning for all sides that run on a local DynamoDB server. */
static void head_stand_in(struct report *report)
{
	struct buf labels = {0};
	const char *server = "";

	for (size_t i = 0; i < report->side_count && *server == '\0'; i++)
		if (report->sides[i]->stand_in)
			server = report->sides[i]->server;
	head_labels(report, true, &labels);
	if (labels.len > 0)
		page_warn(report, "bad", "Not AWS.",
			  "What is called %s here was made on a local DynamoDB server%s%s%s: it "
			  "says nothing of AWS's times. How many calls an operation needs carries "
			  "over; its units are as that server counts them.",
			  buf_string(&labels), *server != '\0' ? " (" : "", server,
			  *server != '\0' ? ")" : "");
	buf_free(&labels);
}

static bool head_has_warning(const struct report_doc *doc, const char *text)
{
	const json_t *warning;

	member_each(i, warning, json_object_get(doc->json, "warnings"))
		if (json_is_string(warning) && strcmp(json_string_value(warning), text) == 0)
			return true;
	return false;
}

/* A warning that several files share is shown once. */
static void head_warnings(struct report *report, size_t at)
{
	const struct report_doc *doc = &report->docs[at];
	const json_t *warning;
	size_t d;

	member_each(i, warning, json_object_get(doc->json, "warnings")) {
		const char *text = json_string_value(warning);
		struct buf files = {0};

		for (d = 0; text != NULL && d < at; d++)
			if (head_has_warning(&report->docs[d], text))
				break;
		if (text == NULL || d < at)
			continue;
		for (d = at; d < report->doc_count; d++)
			if (head_has_warning(&report->docs[d], text))
				buf_printf(&files, "%s%s", files.len > 0 ? ", " : "",
					   report_file_name(report->docs[d].path));
		page_warn(report, "", "Warning.", "%s: %s", buf_string(&files), text);
		buf_free(&files);
	}
}

/* One warning for all sides whose settings are not known. */
static void head_settings(struct report *report)
{
	struct buf sides = {0};

	for (size_t i = 0; i < report->side_count; i++)
		if (report->sides[i]->settings == NULL)
			buf_printf(&sides, "%s%s of %s", sides.len > 0 ? ", " : "",
				   report->sides[i]->label,
				   report_file_name(report->sides[i]->doc->path));
	if (sides.len > 0)
		page_warn(report, "", "No settings.",
			  "It is not known how these were set up: %s. A result without its "
			  "settings is no result; --describe A=FILE adds them when measuring.",
			  buf_string(&sides));
	buf_free(&sides);
}

bool report_warn_invalid(struct report *report, const struct report_doc *doc)
{
	const char *invalid = member_text(doc->json, "invalid");

	if (*invalid == '\0')
		return false;
	page_warn(report, "bad", "Invalid.",
		  "%s: %s. Its numbers are shown, but they do not count.",
		  report_file_name(doc->path), invalid);
	return true;
}

static void head_doubts(struct report *report, const struct report_doc *doc)
{
	report_warn_invalid(report, doc);
	if (member_true(doc->json, "interrupted"))
		page_warn(report, "bad", "Interrupted.",
			  "%s was ended before its time: it holds what was measured until then.",
			  report_file_name(doc->path));
}

/* When a change that was answered is safe, as far as it is known from here. */
static const char *head_durability(const struct report_side *side)
{
	if (side->stand_in)
		return "the stand-in's own: says nothing of AWS's";
	if (strcmp(side->database, "memory") == 0)
		return "none: in memory";
	if (strcmp(side->database, "sqlite") == 0)
		return "on disk before it is answered";
	if (strcmp(side->database, "mysql") == 0)
		return "as its server is set: innodb_flush_log_at_trx_commit, sync_binlog";
	return strcmp(side->database, "dynamodb") == 0 ? "AWS's" : "not known";
}

static void head_sides(struct report *report, const struct report_doc *doc)
{
	struct page_table table;

	page_table_begin(&table, report, doc->stand_in, "What A and B are");
	page_heads(&table, "l side|l name|l database|l server|l durability|l asked at|l cartd");
	for (size_t i = 0; i < doc->side_count; i++) {
		const struct report_side *side = &doc->sides[i];

		page_cell(&table, "%s", side->name);
		page_cell(&table, "%s", side->label);
		page_cell(&table, "%s%s", side->database,
			  side->stand_in ? " (its protocol, on a local server)" : "");
		page_cell(&table, "%s", *side->server != '\0' ? side->server : "not known");
		page_cell(&table, "%s", head_durability(side));
		page_cell(&table, "%s", side->target);
		page_cell(&table, "%s (%s)", member_text(side->json, "version"),
			  member_text(side->json, "revision"));
	}
	page_table_end(&table, PAGE_BOTH);
}

static void head_show(struct report *report)
{
	const struct report_doc *h2h = report_first(report, REPORT_H2H);

	head_title(report);
	head_where(report);
	head_stand_in(report);
	if (report->other_machines)
		page_warn(report, "bad", "Different machines.",
			  "These files were not all made on one machine: nothing may be compared "
			  "across them.");
	for (size_t i = 0; i < report->doc_count; i++)
		head_doubts(report, &report->docs[i]);
	for (size_t i = 0; i < report->doc_count; i++)
		head_warnings(report, i);
	head_settings(report);
	if (h2h != NULL)
		head_sides(report, h2h);
}

const struct page_section section_head = {.before = head_show};
