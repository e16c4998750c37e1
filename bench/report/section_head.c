/* What was measured, on which machine, and all warnings. */
#include "bench/result/number.h"
#include "bench/page/page.h"

#include <stdio.h>
#include <string.h>

/* Whether a side before this one has the same label. */
static bool head_is_named(const struct report *report, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(report->sides[i]->label, report->sides[at]->label) == 0)
			return true;
	return false;
}

static void head_name(const struct report_side *side, struct buf *text)
{
	buf_add_string(text, side->label);
	if (*side->about != '\0')
		buf_printf(text, " (%s)", side->about);
}

static void head_title(struct report *report)
{
	const struct report_doc *h2h = report_first(report, REPORT_H2H);
	struct buf title = {0};

	if (h2h != NULL && *h2h->sides[0].about != '\0' &&
	    strcmp(h2h->sides[0].about, h2h->sides[1].about) == 0) {
		buf_printf(&title, "%s against %s (both %s)", h2h->sides[0].label,
			   h2h->sides[1].label, h2h->sides[0].about);
	} else if (h2h != NULL) {
		head_name(&h2h->sides[0], &title);
		buf_add_string(&title, " against ");
		head_name(&h2h->sides[1], &title);
	}
	for (size_t i = 0; h2h == NULL && i < report->side_count; i++) {
		if (head_is_named(report, i))
			continue;
		buf_add_string(&title, title.len > 0 ? " and " : "");
		head_name(report->sides[i], &title);
	}
	buf_add_string(&title, report->delays != NULL ? report->delays : "");
	page_begin(report, buf_string(&title));
	buf_free(&title);
}

static void head_where(struct report *report)
{
	const json_t *json = report->docs[0].json, *tool = json_object_get(json, "tool");
	const json_t *machine = json_object_get(json, "machine");
	char cores[NUMBER_TEXT], when[32];

	page_note(report, PAGE_BOTH, "On %s, %s cores, %s; %s; by cartbench %s (%s).",
		  *member_text(machine, "cpu") != '\0' ? member_text(machine, "cpu")
						       : "a machine that the file does not name",
		  number_count(member_number(machine, "cores"), cores),
		  member_text(machine, "kernel"), report_when(json, when),
		  member_text(tool, "version"), member_text(tool, "revision"));
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

static void head_show(struct report *report)
{
	head_title(report);
	head_where(report);
	if (report->other_machines)
		page_warn(report, "bad", "Different machines.",
			  "These files were not all made on one machine: nothing may be compared "
			  "across them.");
	for (size_t i = 0; i < report->doc_count; i++)
		head_doubts(report, &report->docs[i]);
	for (size_t i = 0; i < report->doc_count; i++)
		head_warnings(report, i);
	head_settings(report);
}

const struct page_section section_head = {.before = head_show};
