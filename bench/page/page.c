#include "bench/page/page.h"
#include "bench/result/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* bench/report/style.css: the Makefile makes its definition. */
extern const char embed_report_style_css[];

#define PAGE_WIDE   900.0 /* units of a picture over the whole page */
#define PAGE_NARROW 360.0 /* of one that a phone shows, and of one of several beside each other */

char *page_format(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		abort();
	return text;
}

/* A line of Markdown after what says how it is set. */
static void page_markdown(struct report *report, const char *prefix, const char *text)
{
	buf_add_string(&report->markdown, prefix);
	html_add_markdown(&report->markdown, text);
	buf_add_string(&report->markdown, *prefix == '-' ? "\n" : "\n\n");
}

void page_begin(struct report *report, const char *title)
{
	/* The policy forbids the page to load or run anything, whatever a results file contains. */
	html_add(&report->html,
		 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		 "style-src 'unsafe-inline'\">\n"
		 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		 "<meta name=\"color-scheme\" content=\"light dark\">\n"
		 "<title>$</title>\n<style>\n",
		 title, NULL);
	buf_add_string(&report->html, embed_report_style_css);
	html_add(&report->html,
		 "</style>\n</head>\n<body>\n<main>\n<section id=\"answer\">\n<h1>$</h1>\n", title,
		 NULL);
	report->section_open = true;
	page_markdown(report, "## ", title);
}

static void page_section_end(struct report *report)
{
	if (report->section_open)
		buf_add_string(&report->html, "</section>\n");
	report->section_open = false;
}

/* The table of contents is known only at the end, and stands before the first section. */
void page_end(struct report *report)
{
	struct buf page = {0};

	page_section_end(report);
	buf_add_string(&report->html, "</main>\n</body>\n</html>\n");
	buf_add(&page, report->html.data, report->contents_at);
	buf_add_string(&page, "<nav aria-label=\"Contents\"><ul>\n");
	buf_add(&page, report->contents.data, report->contents.len);
	buf_add_string(&page, "</ul></nav>\n");
	buf_add(&page, report->html.data + report->contents_at,
		report->html.len - report->contents_at);
	page.failed = page.failed || report->html.failed || report->contents.failed;
	buf_free(&report->html);
	report->html = page;
}

void page_heading(struct report *report, enum page_where where, const char *id, const char *text)
{
	page_section_end(report);
	if (report->contents.len == 0)
		report->contents_at = report->html.len;
	html_add(&report->contents, "<li><a href=\"#$\">$</a></li>\n", id, text, NULL);
	html_add(&report->html, "<section id=\"$\">\n<h2>$</h2>\n", id, text, NULL);
	report->section_open = true;
	if ((where & PAGE_MARKDOWN) != 0)
		page_markdown(report, "### ", text);
}

void page_text(struct report *report, enum page_where where, enum page_style style,
	       const char *format, ...)
{
	static const char *const templates[] = {[PAGE_SENTENCE] = "<p>$</p>\n",
						[PAGE_SMALL] = "<p class=\"note\">$</p>\n",
						[PAGE_ITEM] = "<li>$</li>\n"};
	va_list args;
	char *text;

	va_start(args, format);
	text = page_format(format, args);
	va_end(args);
	if ((where & PAGE_HTML) != 0)
		html_add(&report->html, templates[style], text, NULL);
	if ((where & PAGE_MARKDOWN) != 0)
		page_markdown(report, style == PAGE_ITEM ? "- " : "", text);
	free(text);
}

void page_warn(struct report *report, const char *classes, const char *word, const char *format,
	       ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = page_format(format, args);
	va_end(args);
	html_add(&report->html, "<p class=\"warn $\" role=\"note\"><strong>$</strong> $</p>\n",
		 classes, word, text, NULL);
	buf_add_string(&report->markdown, "> **");
	html_add_markdown(&report->markdown, word);
	page_markdown(report, "** ", text);
	free(text);
}

void page_list_begin(struct report *report)
{
	buf_add_string(&report->html, "<ul>\n");
}

void page_list_end(struct report *report, enum page_where where)
{
	buf_add_string(&report->html, "</ul>\n");
	if ((where & PAGE_MARKDOWN) != 0)
		buf_add_char(&report->markdown, '\n');
}

void page_command(struct report *report, const char *text, const char *command)
{
	html_add(&report->html, "<li>$", text, NULL);
	page_markdown(report, "- ", text);
	if (command != NULL) {
		html_add(&report->html, "<pre><code>$</code></pre>", command, NULL);
		buf_printf(&report->markdown, "\n      %s\n\n", command);
	}
	buf_add_string(&report->html, "</li>\n");
}

void page_parts_begin(struct report *report)
{
	buf_add_string(&report->html, "<div class=\"parts\">\n");
}

void page_part_begin(struct report *report, const char *id, const char *title)
{
	html_add(&report->html, "<div id=\"$\"><h2>$</h2>\n", id, title, NULL);
	page_markdown(report, "### ", title);
}

void page_part_end(struct report *report)
{
	buf_add_string(&report->html, "</div>\n");
}

void page_parts_end(struct report *report)
{
	buf_add_string(&report->html, "</div>\n");
}

const char *page_title(struct buf *title, const char *format, ...)
{
	va_list args;
	size_t len;
	char *text;

	va_start(args, format);
	text = page_format(format, args);
	va_end(args);
	len = strlen(text);
	if (len > 2 && strcmp(text + len - 2, ": ") == 0) /* nothing follows */
		len -= 2;
	buf_add(title, text, len);
	free(text);
	return buf_string(title);
}

void page_panels_begin(struct report *report)
{
	buf_add_string(&report->html, "<div class=\"panels\">\n");
}

void page_panels_end(struct report *report)
{
	buf_add_string(&report->html, "</div>\n");
}

static void page_draw_once(struct report *report, const struct page_figure *figure, double width)
{
	char id[32];

	snprintf(id, sizeof(id), "fig%zu", ++report->next_id);
	figure->draw(&report->html, width, id, figure);
}

static void page_draw(struct report *report, const struct page_figure *figure)
{
	html_add(&report->html, "<figure><figcaption>$</figcaption>\n", figure->title, NULL);
	if (figure->wide) {
		buf_add_string(&report->html, "<div class=\"on-wide\">");
		page_draw_once(report, figure, PAGE_WIDE);
		buf_add_string(&report->html, "</div><div class=\"on-narrow\">");
		page_draw_once(report, figure, PAGE_NARROW);
		buf_add_string(&report->html, "</div>");
	} else {
		page_draw_once(report, figure, PAGE_NARROW);
	}
	buf_add_string(&report->html, "</figure>\n");
}

void page_figure(struct report *report, struct page_figure *figure, const char *title, ...)
{
	struct buf titled = {0};
	va_list args;
	char *text;

	va_start(args, title);
	text = page_format(title, args);
	va_end(args);
	if (figure->text.len > 0) {
		figure->title = page_title(&titled, "%s", text);
		figure->desc = buf_string(&figure->text);
		page_draw(report, figure);
	}
	free(text);
	buf_free(&titled);
	buf_free(&figure->text);
}
