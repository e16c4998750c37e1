/*
 * The page as it is written: headings, sentences, tables, pictures. Each goes into the HTML and,
 * where it says so, into the Markdown too, so that both say the same. All texts are escaped here.
 *
 * Titles do not repeat what a side is: its name says so where it is a stand-in, and the first
 * section says in full what that is (answer.h).
 */
#ifndef BENCH_PAGE_PAGE_H
#define BENCH_PAGE_PAGE_H

#include "bench/page/report.h"
#include "bench/page/svg.h"
#include "bench/result/table.h"

#include <stdarg.h>

/* PAGE_FOLDED: of a table, in the HTML, closed until the reader opens it. */
enum page_where { PAGE_HTML = 1, PAGE_MARKDOWN = 2, PAGE_BOTH = 3, PAGE_FOLDED = 5 };

void page_begin(struct report *report, const char *title);
void page_end(struct report *report);

/* Begins a section; the one before ends. id: for links within the page. */
void page_heading(struct report *report, enum page_where where, const char *id, const char *text);
/* A sentence; a small one under a table or a picture; an item of a list. */
enum page_style { PAGE_SENTENCE, PAGE_SMALL, PAGE_ITEM };
CART_PRINTF(4, 5)
void page_text(struct report *report, enum page_where where, enum page_style style,
	       const char *format, ...);
#define page_say(report_, where_, ...)	     page_text(report_, where_, PAGE_SENTENCE, __VA_ARGS__)
#define page_note(report_, where_, ...)	     page_text(report_, where_, PAGE_SMALL, __VA_ARGS__)
#define page_list_item(report_, where_, ...) page_text(report_, where_, PAGE_ITEM, __VA_ARGS__)
/* A sentence that must not be overlooked; word is its first, in bold: "Invalid". */
CART_PRINTF(4, 5)
void page_warn(struct report *report, const char *classes, const char *word, const char *format,
	       ...);
void page_list_begin(struct report *report);
void page_list_end(struct report *report, enum page_where where);
/* An item with a command below it; NULL: none. */
void page_command(struct report *report, const char *text, const char *command);
/* Parts of the first section that stand beside one another where there is room. */
void page_parts_begin(struct report *report);
void page_part_begin(struct report *report, const char *id, const char *title);
void page_part_end(struct report *report);
void page_parts_end(struct report *report);

/* What the format says, to be freed. Aborts without memory. */
CART_PRINTF(1, 0) char *page_format(const char *format, va_list args);

/* The title of a table or a picture. */
CART_PRINTF(2, 3)
const char *page_title(struct buf *title, const char *format, ...);

/* A table is filled cell by cell, row after row, and written at its end. The first column names the
 * row. A cell that begins with PAGE_STRONG is set off. */
struct page_table {
	struct report *report;
	struct buf title;
	struct buf heads; /* NUL after each; its first character is how it is aligned: l or r */
	struct buf cells; /* NUL after each */
	size_t columns;
	size_t count; /* of cells */
};
#define PAGE_STRONG TABLE_STRONG

CART_PRINTF(3, 4)
void page_table_begin(struct page_table *table, struct report *report, const char *title, ...);
/* Columns of fixed titles, each after its alignment: "l operation|r calls". */
void page_heads(struct page_table *table, const char *heads);
CART_PRINTF(3, 4) void page_column(struct page_table *table, char align, const char *format, ...);
CART_PRINTF(2, 3) void page_cell(struct page_table *table, const char *format, ...);
/* Writes nothing when there is no row. */
void page_table_end(struct page_table *table, enum page_where where);

/* A table of a list in the results; inner as table_each() takes it. */
struct page_list {
	const struct table_column *columns;
	const char *list, *inner;
	bool (*keeps)(const struct table_row *row); /* NULL: all */
	const char *title, *of;			    /* "title: of" */
};
/* Returns how many rows were left out. */
size_t page_list(struct report *report, enum page_where where, const struct report_doc *doc,
		 const struct page_list *list);

/* A picture. draw() draws it as wide as it is told. */
struct page_figure {
	void (*draw)(struct buf *out, double width, const char *id,
		     const struct page_figure *figure);
	const void *data;
	bool wide;	 /* over the whole page, and drawn again for narrow screens; else a panel */
	struct buf text; /* what is to be seen, for those who do not see; freed by page_figure() */
	const char *title; /* by page_figure(), for draw() */
	const char *desc;
};
/* Writes nothing when there is no text. */
CART_PRINTF(3, 4)
void page_figure(struct report *report, struct page_figure *figure, const char *title, ...);
/* Around pictures that stand beside one another where there is room. */
void page_panels_begin(struct report *report);
void page_panels_end(struct report *report);

/* A section: its heading, and what it shows of the documents of its kinds. A page has it where one
 * of them has something to show. */
struct page_section {
	const char *id, *heading; /* NULL: the functions write it */
	enum page_where where;	  /* the heading */
	unsigned kinds;		  /* bits 1 << REPORT_H2H ...; 0: it shows no single document */
	const char *intro;	  /* a paragraph of the HTML; NULL: none */
	bool (*has)(const struct report_doc *doc); /* NULL: each has something to show */
	void (*before)(struct report *report);	   /* of all documents together; NULL: nothing */
	void (*doc)(struct report *report, const struct report_doc *doc);
	void (*after)(struct report *report);
};
extern const struct page_section section_head, section_answer, section_verdicts, section_forest,
	section_latency, section_load, section_time, section_sweep, section_split,
	section_consistency, section_cost, section_layouts, section_upkeep, section_seed,
	section_settings, section_reading;

#endif
